"""A directory of files for one case of bad input, what is said about them, and running cases."""
import os
import shutil
import stat
import sys

from support import DONE, INCOMPLETE, Tap, assay, equal, report, temporary, write


class Box:
    """A directory of files for one case, and what is said about them."""

    def __init__(self, tmp, name):
        self.path = os.path.join(tmp, name)
        os.makedirs(self.path)

    def file(self, name, data):
        return write(os.path.join(self.path, name), data)

    def ask(self, *arguments, code=DONE):
        """The answer's total and about, and the quarantine as (file, offset, reason)."""
        list_file = self.path + ".quarantine"
        answer = report(self.path, "--by", "", "--metrics",
                        "invocations,input,output,cost,unpriced,odd,time_guessed", "--quarantine",
                        list_file, *arguments, code=code)
        troubles = []
        with open(list_file, encoding="utf-8") as file:
            for text in file:
                path, rest = text.rstrip("\n").split(self.path + "/", 1)[1].split(":", 1)
                offset, colon, reason = rest.partition(": ")
                troubles.append((path, int(offset), reason) if colon
                                else (path, None, rest.strip()))
        return answer["total"], answer["about"], troubles

    def store(self, *arguments, code=DONE):
        """The same by way of a store."""
        store = self.path + ".store"
        assay("ingest", self.path, "--store", store, "--quiet", *arguments, code=code)
        answer = report("--store", store, "--by", "", "--metrics", "invocations,input,output",
                        code=(DONE, INCOMPLETE))
        return answer["total"], answer["about"]


def one_line(result, code, *words):
    equal(result.code, code, f"exit code ({result.err})")
    equal(result.out, b"", "standard output")
    lines = result.err.splitlines()
    equal(len(lines), 1, f"lines on standard error: {result.err}")
    assert lines[0].startswith("assay: "), lines[0]
    for word in words:
        assert word in lines[0], f"'{word}' is missing in: {lines[0]}"


def as_nobody(*command):
    """The command as a user who may read nothing that root alone may; () when that cannot be."""
    if os.getuid() != 0:
        return command
    program = shutil.which("setpriv")
    if not program:
        return ()
    return (program, "--reuid=65534", "--regid=65534", "--clear-groups", *command)


def run(cases, as_other=()):
    """Each case in a box of its own; `as_other` need another user than root."""
    tap = Tap()
    with temporary() as tmp:
        os.chmod(tmp, stat.S_IRWXU | stat.S_IXGRP | stat.S_IXOTH | stat.S_IRGRP | stat.S_IROTH)
        names = sys.argv[1:]
        for number, (claim, case) in enumerate(cases + as_other):
            if names and not any(n in case.__name__ for n in names):
                continue
            box = Box(tmp, f"{number:02}-{case.__name__}")
            if (claim, case) in as_other and os.getuid() == 0 and not as_nobody("x"):
                tap.skip(claim, "root without setpriv")
                continue
            tap.case(claim, case, box)
    tap.done()
