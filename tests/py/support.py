"""What the test scripts have in common: running the program, writing logs, finding records."""
import gzip
import json
import os
import resource
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.dirname(HERE))
from tap import Tap  # noqa: E402,F401

ROOT = os.environ.get("ROOT", os.path.dirname(os.path.dirname(HERE)))
ASSAY = os.path.abspath(os.environ.get("ASSAY", os.path.join(ROOT, "build/src/cli/assay")))

NAMED = ("overview", "people", "teams", "models", "regions", "profiles", "errors", "unpriced")
FORMATS = ("table", "json", "csv", "md")
TOKENS = ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h",
          "cache_write_unknown")

# Exit codes of assay(1).
DONE, INCOMPLETE, BAD_USAGE, CANNOT = 0, 1, 2, 3


class Result:
    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    def json(self):
        return json.loads(self.out)


def environment(**more):
    env = {k: v for k, v in os.environ.items()
           if k in ("PATH", "TMPDIR", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS")}
    env.update(TZ="UTC", LC_ALL="C.UTF-8", NO_COLOR="1", COLUMNS="120")
    env.update(more)
    return env


def assay(*arguments, code=None, stdin=None, before=(), env=None, cwd=None):
    """Runs the program; `code` is the exit code it must end with, or several of them."""
    command = [*before, ASSAY, *map(str, arguments)]
    done = subprocess.run(command, input=stdin if stdin is not None else b"", cwd=cwd,
                          env=env or environment(), capture_output=True, timeout=300, check=False)
    result = Result(done.returncode, done.stdout, done.stderr.decode("utf-8", "backslashreplace"))
    wanted = (code,) if isinstance(code, int) else code
    if wanted is not None and result.code not in wanted:
        raise AssertionError(f"exit code {result.code}, wanted {wanted}\n$ {' '.join(command)}\n"
                             f"{result.err}")
    return result


def report(*arguments, code=DONE, **more):
    """The answer of `assay report … --format json`."""
    return assay("report", *arguments, "--format", "json", "--quiet", code=code, **more).json()


def total_of(*arguments, **more):
    """All that can be added up, over everything."""
    answer = report(*arguments, "--by", "", "--metrics",
                    "invocations,errors," + ",".join(TOKENS) + ",cost,cost_high", **more)
    return answer["total"]


def temporary(where=None):
    return tempfile.TemporaryDirectory(prefix="assay-py-", dir=where)


def memory_disk():
    """A folder in memory, where there is one: waiting for a disk thousands of times takes long."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def simulate(directory, *arguments):
    """Writes simulated logs and returns their truth."""
    assay("simulate", "--out", directory, *arguments, code=DONE)
    with open(os.path.join(directory, "truth.json"), encoding="utf-8") as file:
        return json.load(file)


def log_files(tree):
    """The files that hold records, in no useful order."""
    for folder, folders, names in os.walk(tree):
        if "data" in folders:
            folders.remove("data")
        for name in names:
            if name.endswith(".json.gz"):
                yield os.path.join(folder, name)


def lines_of(tree):
    """Every record of a simulated tree as its bytes, without the end of the line."""
    for path in sorted(log_files(tree)):
        with gzip.open(path) as file:
            for line in file:
                if line.strip():
                    yield line.rstrip(b"\r\n")


def offload(tree, rng, missing=0, prefix="s3://logs/some/prefix"):
    """Moves the output body of two records in three below data/, as Bedrock does with large ones;
    `missing` of a hundred of those are left out. Returns how many."""
    lost = 0
    for path in sorted(log_files(tree)):
        with gzip.open(path) as file:
            records = [json.loads(text) for text in file if text.strip()]
        folder = os.path.join(os.path.dirname(path), "data")
        for entry in records:
            body = (entry.get("output") or {}).get("outputBodyJson")
            if body is None or rng.random() < 1 / 3:
                continue
            del entry["output"]["outputBodyJson"]
            name = entry["requestId"] + "_output.json" + rng.choice(("", ".gz"))
            key = os.path.relpath(os.path.join(folder, name), os.path.dirname(tree))
            entry["output"]["outputBodyS3Path"] = prefix + "/" + key
            if rng.randrange(100) < missing:
                lost += 1
                continue
            text = json.dumps(body).encode()
            write(os.path.join(folder, name), gzip.compress(text) if name[-1] == "z" else text)
        with gzip.open(path, "wb") as file:
            file.write(b"".join(json.dumps(r).encode() + b"\n" for r in records))
    return lost


def record(request_id, **changes):
    """A small record; a change to None leaves a key out."""
    made = {
        "schemaType": "ModelInvocationLog", "schemaVersion": "1.0",
        "timestamp": "2026-10-05T12:00:00Z", "accountId": "012345678901", "region": "us-east-1",
        "requestId": request_id, "operation": "InvokeModel",
        "modelId": "global.anthropic.claude-sonnet-5-5",
        "input": {"inputTokenCount": 10}, "output": {"outputTokenCount": 2},
        "identity": {"arn": "arn:aws:iam::012345678901:user/ada"},
    }
    made.update(changes)
    return {k: v for k, v in made.items() if v is not None}


def line(request_id, **changes):
    return json.dumps(record(request_id, **changes)).encode() + b"\n"


def write(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(data)
    return path


def equal(found, wanted, what=""):
    if found != wanted:
        raise AssertionError(f"{what}: found {found!r}, wanted {wanted!r}"[:2000])


def peak_of(*arguments):
    """Runs the program alone below a fresh process: (result, its peak memory in MiB)."""
    code = ("import resource, subprocess, sys\n"
            "done = subprocess.run(sys.argv[1:], stdin=subprocess.DEVNULL)\n"
            "peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss\n"
            "print(f'peak {peak}', file=sys.stderr)\n"
            "sys.exit(done.returncode)\n")
    done = subprocess.run([sys.executable, "-c", code, ASSAY, *map(str, arguments)],
                          env=environment(), capture_output=True, timeout=300, check=False)
    said, _, peak = done.stderr.decode("utf-8", "backslashreplace").rpartition("peak ")
    return Result(done.returncode, done.stdout, said), int(peak) / 1024


def sanitized():
    """True when the program was built with a sanitizer, which makes it larger and slower."""
    with open(ASSAY, "rb") as file:
        program = file.read()
    return b"__asan_init" in program or b"__tsan_init" in program


def limit_file_size(size):
    """For preexec_fn: writes beyond fail like on a full disk (EFBIG, the signal ignored)."""
    def apply():
        import signal
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    return apply
