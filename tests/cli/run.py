"""Golden tests of the command line.

A test is a file NAME.t in a folder beside this script. Lines that begin with two blanks are the
session, everything else is text for people:

    A directory of logs becomes one line per person.

      $ assay report --by person logs
      ...what stdout says...
      2> ...what stderr says...
      [2]

A command runs in /bin/sh, in a directory of its own that is empty at first and kept for the length
of the file. "  > " continues the command line above. Lines of stderr follow those of stdout and
begin with "2> "; "[2]" is an exit code other than 0; " (no newline)" ends output that does not end
with one. What looks like one of these marks in real output is written with a backslash in front.

`$DATA` is tests/cli/data, `$SHARED` the sample data beside the tree; a file with the line
"Needs: shared" is skipped where that is absent. The temporary directory is printed as $TMP, the
tree as $ROOT, the sample data as $SHARED. A regular expression in a line "Mask: REGEX" replaces
what it matches by "~" in all output (for sizes, times and versions that may differ).

With --rewrite (or REWRITE=1) the files are written anew with what the commands print; read the
difference before you keep it.
"""
import argparse
import concurrent.futures
import difflib
import os
import re
import shlex
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.dirname(HERE))
from tap import Tap  # noqa: E402

MARK = re.compile(r"^(\$ |> |2> |\[-?\d+\]$|\\)")


def command_lines(lines, i):
    """The command that begins at line i, and the index behind it."""
    command = lines[i][4:]
    i += 1
    while i < len(lines) and lines[i].startswith("  > "):
        command += "\n" + lines[i][4:]
        i += 1
    return command, i


def shown(stream, prefix, clean):
    """Output as the lines of a test file."""
    if not stream:
        return []
    text = clean(stream.decode("utf-8", "backslashreplace"))
    complete = text.endswith("\n")
    lines = text.split("\n")
    if complete:
        lines.pop()
    out = []
    for line in lines:
        if not prefix and MARK.match(line):
            line = "\\" + line
        out.append("  " + prefix + line)
    if not complete:
        out[-1] += " (no newline)"
    return out


def environment(home):
    keep = {k: v for k, v in os.environ.items()
            if k in ("PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "TMPDIR")}
    root = os.environ["ROOT"]
    program = os.path.dirname(os.environ["ASSAY"])
    return {
        **keep, "PATH": program + os.pathsep + keep.get("PATH", "/usr/bin:/bin"), "HOME": home,
        "TZ": "UTC", "LC_ALL": "C.UTF-8", "NO_COLOR": "1", "COLUMNS": "120",
        "ROOT": root, "DATA": os.path.join(HERE, "data"),
        "SHARED": os.path.realpath(os.environ.get("SHARED", os.path.join(root, "no-shared-data"))),
    }


def run_file(path):
    """The file as it would read with what the commands print now."""
    with open(path, encoding="utf-8") as file:
        lines = file.read().split("\n")
    masks = [re.compile(line[len("Mask: "):]) for line in lines if line.startswith("Mask: ")]
    out = []
    with tempfile.TemporaryDirectory(prefix="assay-cli-") as tmp:
        env = environment(tmp)
        real = os.path.realpath(tmp)

        def clean(text):
            for place, name in ((real, "$TMP"), (tmp, "$TMP"), (env["SHARED"], "$SHARED"),
                                (env["ROOT"], "$ROOT")):
                text = text.replace(place, name)
            for mask in masks:
                text = mask.sub("~", text)
            return text

        i = 0
        while i < len(lines):
            if not lines[i].startswith("  $ "):
                if not lines[i].startswith("  "):
                    out.append(lines[i])
                i += 1
                continue
            command, behind = command_lines(lines, i)
            out += lines[i:behind]
            i = behind
            done = subprocess.run(["/bin/sh", "-c", command], cwd=tmp, env=env, timeout=240,
                                  stdin=subprocess.DEVNULL, capture_output=True, check=False)
            out += shown(done.stdout, "", clean)
            out += shown(done.stderr, "2> ", clean)
            if done.returncode != 0:
                out.append(f"  [{done.returncode}]")
    return "\n".join(lines), "\n".join(out)


def tests_below(skip, only):
    for folder, folders, files in os.walk(HERE):
        folders[:] = sorted(f for f in folders if f != "data")
        for name in sorted(files):
            test = os.path.relpath(os.path.join(folder, name), HERE)
            top = test.split(os.sep)[0]
            if name.endswith(".t") and top not in skip and (not only or top in only):
                yield test


def main():
    parser = argparse.ArgumentParser(description="golden tests of the command line")
    parser.add_argument("--rewrite", action="store_true", default=bool(os.environ.get("REWRITE")))
    parser.add_argument("--skip", action="append", default=[], metavar="FOLDER")
    parser.add_argument("--only", action="append", default=[], metavar="FOLDER")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("names", nargs="*", default=shlex.split(os.environ.get("TEST_NAMES", "")))
    options = parser.parse_args()
    os.environ.setdefault("ROOT", os.path.dirname(os.path.dirname(HERE)))
    os.environ.setdefault("ASSAY", os.path.join(os.environ["ROOT"], "build/src/cli/assay"))
    os.environ["ASSAY"] = os.path.abspath(os.environ["ASSAY"])
    shared = os.path.isdir(os.environ.get("SHARED", ""))

    tap = Tap()
    if not os.access(os.environ["ASSAY"], os.X_OK):
        tap.fail("the program is built", os.environ["ASSAY"] + " is no program")
        tap.done()
    tests = [t for t in tests_below(options.skip, options.only)
             if not options.names or any(n in t for n in options.names)]
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        jobs = []
        for test in tests:
            path = os.path.join(HERE, test)
            with open(path, encoding="utf-8") as file:
                needs_shared = "\nNeeds: shared\n" in "\n" + file.read()
            jobs.append(None if needs_shared and not shared else pool.submit(run_file, path))
        for test, job in zip(tests, jobs):
            if job is None:
                tap.skip(test, "the shared sample data are not here")
            else:
                judge(tap, test, job, options.rewrite)
    if not tests:
        print("1..0 # SKIP no such command-line test")
        return
    tap.done()


def judge(tap, test, job, rewrite):
    try:
        expected, found = job.result()
    except (subprocess.TimeoutExpired, UnicodeDecodeError, OSError) as error:
        tap.fail(test, str(error))
        return
    if expected == found:
        tap.ok(test)
    elif rewrite:
        with open(os.path.join(HERE, test), "w", encoding="utf-8") as file:
            file.write(found)
        tap.ok(test + " (rewritten)")
    else:
        tap.fail(test, "\n".join(difflib.unified_diff(
            expected.split("\n"), found.split("\n"), "expected", "found", lineterm="", n=2)))


if __name__ == "__main__":
    main()
