"""./dev bench serve: how soon a record is in the store and how much a daemon can follow.

`assay serve` runs on one processor against servers on loopback. Latency: one record at a time is
put where the source finds it (pushed, announced in a queue, put into a listed bucket); measured is
until a question to the store counts it, the start of that program included. Throughput: records with bodies inline, as
Bedrock writes them, are pushed as fast as they are taken; what the senders need is on the other
processor. Peak memory is the daemon's.
"""
import argparse
import base64
import concurrent.futures
import gzip
import http.client
import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.append(os.path.join(ROOT, "tests", "py"))
from installs import Missing, in_venv  # noqa: E402
from servers import Moto  # noqa: E402

KEY = "012345678901/BedrockModelInvocationLogs/us-east-1/"


def record(n):
    return json.dumps({
        "schemaType": "ModelInvocationLog", "schemaVersion": "1.0", "accountId": "012345678901",
        "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "region": "us-east-1",
        "requestId": f"{n:032x}", "operation": "InvokeModel", "modelId": "amazon.nova-lite-v1:0",
        "input": {"inputTokenCount": 10}, "output": {"outputTokenCount": 1},
        "identity": {"arn": "arn:aws:iam::012345678901:user/ada"}}).encode()


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Daemon:
    def __init__(self, assay, place, sources, env):
        self.assay, self.store = assay, os.path.join(place, "store.db")
        path = os.path.join(place, "assay.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"store: {self.store}\nstatus_listen: \"off\"\nlog_level: warning\nsources:\n{sources}")
        command = [assay, "serve", "-c", path]
        if shutil.which("taskset"):
            command = ["taskset", "-c", "0", *command]
        self.process = subprocess.Popen(command, env=env)

    def count(self):
        done = subprocess.run([self.assay, "report", "--store", self.store, "--by", "model", "--metrics",
                               "invocations", "--format", "json", "--quiet"], capture_output=True, check=False)
        return json.loads(done.stdout)["total"]["invocations"] if done.returncode == 0 else 0

    def until(self, n, patience=60):
        end = time.time() + patience
        while self.count() < n:
            if time.time() > end:
                raise RuntimeError(f"{self.count()} of {n} records came")
            time.sleep(0.02)

    def processor(self):
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def peak(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            return int(re.search(r"VmHWM:\s+(\d+)", file.read())[1]) / 1024

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)


def push(port, data, request):
    """As Firehose does."""
    body = json.dumps({"requestId": request, "timestamp": 1, "records": [
        {"data": base64.b64encode(one).decode()} for one in data]}).encode()
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    link.request("POST", "/", gzip.compress(body, 1), {
        "Content-Encoding": "gzip", "Content-Type": "application/json",
        "X-Amz-Firehose-Protocol-Version": "1.0", "X-Amz-Firehose-Request-Id": request})
    answer = link.getresponse()
    answer.read()
    link.close()
    if answer.status != 200:
        raise RuntimeError(f"push: {answer.status}")


def latencies(daemon, put, rounds):
    """Seconds from the putting to the counting, of each."""
    found, known = [], daemon.count()
    for n in range(rounds):
        begun = time.time()
        put(known + n)
        daemon.until(known + n + 1)
        found.append(time.time() - begun)
    return sorted(found)


def by_push(assay, place, rounds):
    port = free_port()
    daemon = Daemon(assay, place, f"  - listen: 127.0.0.1:{port}\n    name: push\n", dict(os.environ))
    try:
        time.sleep(1)
        return latencies(daemon, lambda n: push(port, [record(n)], f"r{n}"), rounds)
    finally:
        daemon.stop()


def by_aws(assay, place, rounds, queue):
    with Moto() as aws:
        aws.create_bucket("logs")
        source = "  - url: s3://logs\n    name: bucket\n    poll: 5s\n"
        if queue:
            sqs = aws.boto("sqs")
            url = sqs.create_queue(QueueName="news")["QueueUrl"]
            arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
            aws.boto("s3").put_bucket_notification_configuration(
                Bucket="logs", NotificationConfiguration={"QueueConfigurations": [
                    {"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]})
            source = f"  - url: {url}\n    name: queue\n"
        daemon = Daemon(assay, place, source, {**os.environ, **aws.env})
        try:
            time.sleep(1)
            return latencies(daemon, lambda n: aws.put("logs", time.strftime(f"AWSLogs/{KEY}%Y/%m/%d/%H/{n:09}.json.gz", time.gmtime()),
                                                       gzip.compress(record(n))), rounds)
        finally:
            daemon.stop()


def corpus(assay, place):
    """Lines of records with bodies of a usual size, some 120 KB each."""
    folder = os.path.join(place, "logs")
    subprocess.run([assay, "simulate", "--users", "10", "--days", "10", "--records", "2000", "--seed", "1",
                    "--bodies", "inline", "--out", folder], check=True, capture_output=True)
    lines = []
    for directory, _, files in os.walk(os.path.join(folder, "AWSLogs")):
        for name in files:
            with gzip.open(os.path.join(directory, name)) as file:
                lines += [line for line in file.read().split(b"\n") if line.startswith(b"{")]
    shutil.rmtree(folder)
    return lines


def throughput(assay, place):
    """Records and bytes, seconds, the daemon's processor seconds and peak."""
    lines = corpus(assay, place)
    size = sum(map(len, lines))
    batches = [gzip.compress(b"\n".join(lines[i:i + 20]), 6) for i in range(0, len(lines), 20)]
    port = free_port()
    daemon = Daemon(assay, place, f"  - listen: 127.0.0.1:{port}\n    name: push\n", dict(os.environ))

    def send(body):
        link = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        while True:
            link.request("POST", "/", body, {})
            answer = link.getresponse()
            answer.read()
            if answer.status == 200:
                return link.close()
            time.sleep(0.05)
    try:
        time.sleep(1)
        begun, worked = time.time(), daemon.processor()
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            list(pool.map(send, batches))
        return len(lines), size, time.time() - begun, daemon.processor() - worked, daemon.peak()
    finally:
        daemon.stop()


def show(name, found, limit):
    p95 = found[max(0, -(-95 * len(found) // 100) - 1)]
    print(f"{name:28}{statistics.median(found):>9.2f} s{p95:>9.2f} s{limit:>14}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--build", default=os.path.join(ROOT, "build"))
    parser.add_argument("--rounds", type=int, default=40)
    options = parser.parse_args()
    in_venv()
    assay = os.path.join(options.build, "src", "cli", "assay")
    print(f"{'put until counted':28}{'median':>11}{'p95':>11}{'at most':>14}")
    for name, run, limit in (
            ("pushed", lambda place: by_push(assay, place, options.rounds), "2 s"),
            ("announced in a queue", lambda place: by_aws(assay, place, options.rounds, True), "2 s"),
            ("in a bucket, every 5 s", lambda place: by_aws(assay, place, options.rounds // 4, False), "5 + 2 s")):
        with tempfile.TemporaryDirectory(prefix="assay-bench-") as place:
            show(name, run(place), limit)
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as place:
        records, size, seconds, processor, peak = throughput(assay, place)
    print(f"\n{records:,} records with bodies, {size / 1e6:.0f} MB, pushed: {records / seconds:,.0f} a second; "
          f"{records / processor:,.0f} a processor second of the daemon; peak {peak:.0f} MiB")


if __name__ == "__main__":
    try:
        main()
    except Missing as missing:
        sys.exit(f"bench_serve: {missing}")
