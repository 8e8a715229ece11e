"""./dev bench s3: how many objects a second come out of S3, beside programs that only copy them.

A local rclone serves small objects as Bedrock writes them: records of 3 KB and bodies of 60 KB,
gzip both. Contestants run in turn, round after round; the table shows medians of the clock and of
processor seconds (the contestant's own, not the server's), and the ratio to s5cmd. assay reads,
counts and stores; the others write files. On loopback nobody waits for the network, so this
measures what each does per object; over a real one they differ less.
"""
import argparse
import gzip
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.append(os.path.join(ROOT, "tests", "py"))
from installs import Missing, aws_cli, s5cmd  # noqa: E402
from servers import S3Server  # noqa: E402

LAYOUT = "AWSLogs/012345678901/BedrockModelInvocationLogs/us-east-1/2026/10"


def text(rng, size):
    """Words that compress about as prompts do."""
    words = [f"{rng.getrandbits(24):x}" for _ in range(400)]
    return " ".join(rng.choice(words) for _ in range(size // 6))


def write(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(gzip.compress(data, 6))


def make(folder, records, bodies):
    """Objects of one record each; every so many with a body of its own. Says how many objects."""
    rng = random.Random(1)
    prompt = [text(rng, 3000) for _ in range(16)]
    large = [json.dumps({"content": text(rng, 120000), "usage": {"input_tokens": 5}}).encode() for _ in range(8)]
    for i in range(records):
        hour = f"{LAYOUT}/{1 + i * 28 // records:02}/{i % 24:02}"
        request = f"{i:08x}-0000-4000-8000-000000000000"
        entry = {"schemaType": "ModelInvocationLog", "schemaVersion": "1.0", "accountId": "012345678901",
                 "timestamp": f"2026-10-{1 + i * 28 // records:02}T{i % 24:02}:00:00Z", "region": "us-east-1",
                 "requestId": request, "operation": "InvokeModel",
                 "modelId": "global.anthropic.claude-sonnet-5-5",
                 "input": {"inputTokenCount": 900, "inputBodyJson": {"messages": [
                     {"role": "user", "content": rng.choice(prompt)}]}},
                 "output": {"outputTokenCount": 20},
                 "identity": {"arn": "arn:aws:iam::012345678901:user/ada"}}
        if i < bodies:
            name = f"{hour}/data/{request}_output.json.gz"
            entry["output"]["outputBodyS3Path"] = f"s3://bench/{name}"
            write(os.path.join(folder, "bench", name), rng.choice(large))
        write(os.path.join(folder, "bench", f"{hour}/20261001T{i:09}Z_{request[:8]}.json.gz"),
              json.dumps(entry).encode())
    return records + bodies


def run(measure, command, env):
    done = subprocess.run([measure, *command], env=env, capture_output=True, check=False)
    said, _, measured = done.stderr.decode(errors="replace").rpartition("\nmeasured ")
    if done.returncode != 0:
        raise RuntimeError(f"{command[:4]}: exit code {done.returncode}\n{said[-2000:]}")
    seconds, processor, peak_kb = measured.split()
    return float(seconds), float(processor), int(peak_kb) / 1024


def contestants(assay, place):
    found = {"assay ingest": [assay, "ingest", "s3://bench", "--store", os.path.join(place, "store"), "--quiet"]}
    for name, peer, words in (("s5cmd cp", s5cmd, ["cp", "s3://bench/*", place + "/s5cmd/"]),
                              ("aws s3 cp --recursive", aws_cli,
                               ["s3", "cp", "--recursive", "--only-show-errors", "s3://bench", place + "/aws"])):
        command, why = peer()
        if command:
            found[name] = command + words
        else:
            print(f"without {name}: {why}")
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--build", default=os.path.join(ROOT, "build"))
    parser.add_argument("--records", type=int, default=4000)
    parser.add_argument("--bodies", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    measure = os.path.join(options.build, "tests", "bench", "measure")
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="assay-bench-", dir=memory) as place:
        buckets = os.path.join(place, "buckets")
        objects = make(buckets, options.records, options.bodies)
        with S3Server(buckets, still=True) as server:
            env = {**os.environ, **server.env}
            all_ = contestants(os.path.join(options.build, "src", "cli", "assay"), place)
            results = {name: [] for name in all_}
            for _ in range(options.rounds):
                for name, command in all_.items():
                    for left in ("store", "s5cmd", "aws"):
                        path = os.path.join(place, left)
                        shutil.rmtree(path, ignore_errors=True)
                        if os.path.isfile(path):
                            os.remove(path)
                    os.makedirs(os.path.join(place, "s5cmd"))
                    results[name].append(run(measure, command, env))
    print_table(objects, options, results)


def print_table(objects, options, results):
    print(f"{objects:,} objects ({options.bodies:,} bodies), {options.rounds} rounds, medians\n")
    print(f"{'':24}{'objects/s':>12}{'processor s':>14}{'MiB':>8}{'clock to s5cmd':>17}")
    base = statistics.median(r[0] for r in results.get("s5cmd cp", next(iter(results.values()))))
    for name, rounds in results.items():
        seconds, processor, peak = (statistics.median(r[k] for r in rounds) for k in range(3))
        print(f"{name:24}{objects / seconds:>12,.0f}{processor:>14.2f}{peak:>8.0f}{seconds / base:>17.2f}")


if __name__ == "__main__":
    try:
        main()
    except Missing as missing:
        sys.exit(f"bench_s3: {missing}")
