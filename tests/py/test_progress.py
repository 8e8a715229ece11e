"""What is told of a long reading: a bar on a terminal, nothing anywhere else."""
import os
import pty
import re
import select
import subprocess
import time

from support import ASSAY, DONE, Tap, environment, equal, line, sanitized, temporary, write

PATIENCE = 20  # seconds
HOUR = "AWSLogs/012345678901/BedrockModelInvocationLogs/us-east-1/2026/10/05/12/"


class Run:
    """A report on a terminal, which waits for its last operand, a pipe."""

    def __init__(self, tmp, *arguments, on_terminal=True):
        self.fifo = os.path.join(tmp, "fifo")
        if not os.path.exists(self.fifo):
            os.mkfifo(self.fifo)
        self.master, slave = pty.openpty()
        command = [ASSAY, "report", *arguments, "--format", "csv"]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=slave if on_terminal else subprocess.PIPE, env=environment())
        os.close(slave)
        self.said = ""

    def hear(self, seconds, wanted=None):
        """Reads the terminal for so long, or until it has said this."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and not (wanted and re.search(wanted, self.said)):
            if not select.select([self.master], [], [], 0.1)[0]:
                continue
            try:
                data = os.read(self.master, 65536)
            except OSError:  # the other end is closed
                break
            self.said += data.decode("utf-8", "backslashreplace")
        assert not wanted or re.search(wanted, self.said), f"no {wanted} in {self.said[-400:]!r}"

    def end(self, through_stdin=False):
        """Lets it come to its end: what it printed."""
        if not through_stdin:
            with open(self.fifo, "wb") as pipe:
                pipe.write(line("last"))
        out, err = self.process.communicate(line("last") if through_stdin else b"", PATIENCE)
        self.hear(0.3)
        os.close(self.master)
        equal(self.process.returncode, DONE, "exit code")
        return out, err


def bar_and_nothing_left(tmp, logs):
    run = Run(tmp, logs, f"{tmp}/fifo", logs, "--threads", "1")
    run.hear(PATIENCE, r"~66%.* 1 files, 0 MB, 2 records")
    out, _ = run.end()
    assert "[##########......] ~66%" in run.said, run.said
    assert all(len(shown) < 80 for shown in re.split(r"\r\x1b\[K", run.said)), run.said
    assert run.said.endswith("\r\x1b[K"), f"the line stays: {run.said!r}"
    return out


def counts_where_nothing_tells_the_end(tmp):
    run = Run(tmp, "-")
    run.hear(PATIENCE, r"[|/\\-] reading: 0 files")
    run.end(through_stdin=True)
    assert "%" not in run.said, run.said


def silent(tmp, logs, wanted, *arguments, on_terminal):
    run = Run(tmp, logs, f"{tmp}/fifo", logs, *arguments, on_terminal=on_terminal)
    run.hear(1.2)
    out, err = run.end()
    equal((run.said, err or b""), ("", b""), "stderr")
    equal(out, wanted, "the answer")


def bytes_of_files(tmp):
    """Files that were named: their sizes are known, so the percentage is exact."""
    path = os.path.join(tmp, "large.jsonl")
    some = b"".join(line(f"r{i}") for i in range(2000))
    size = 0
    with open(path, "wb") as file:
        while size < (20 if sanitized() else 200) << 20:
            size += file.write(some)
    run = Run(tmp, path, "--threads", "1")
    run.hear(PATIENCE)
    run.process.communicate(timeout=PATIENCE)
    shown = [int(n) for n in re.findall(r"\] (\d+)%", run.said)]
    os.close(run.master)
    os.remove(path)
    assert "~" not in "".join(re.findall(r"\] (.)", run.said)), run.said
    equal(shown, sorted(shown), "percentages")
    assert all(n <= 100 for n in shown), shown


def main():
    tap = Tap()
    with temporary() as tmp:
        logs = os.path.join(tmp, "logs")
        write(os.path.join(logs, HOUR, "a.json"), line("a") + line("b"))
        answers = []
        tap.case("a terminal shows a bar, which goes away",
                 lambda: answers.append(bar_and_nothing_left(tmp, logs)))
        tap.case("where nothing tells the end, it counts", counts_where_nothing_tells_the_end, tmp)
        tap.case("--quiet shows nothing",
                 lambda: silent(tmp, logs, answers[0], "--quiet", on_terminal=True))
        tap.case("a pipe shows nothing",
                 lambda: silent(tmp, logs, answers[0], on_terminal=False))
        tap.case("of files the bytes count", bytes_of_files, tmp)
    tap.done()


if __name__ == "__main__":
    main()
