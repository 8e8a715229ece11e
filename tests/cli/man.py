"""Runs the examples of the manual pages: every command must end with exit code 0.

The convention in the mdoc source: in the section EXAMPLES each line ".Dl $ COMMAND" is a command.
They run in order, each page in a directory of its own that holds what `assay simulate --out logs`
writes, with directory.csv and profiles.yaml beside it, and a store usage.db where the page is not
the one that makes it.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.dirname(HERE))
from tap import Tap  # noqa: E402
from run import environment  # noqa: E402


def examples(path):
    """The commands of a page, with mdoc's escapes undone."""
    section = ""
    with open(path, encoding="utf-8") as file:
        for line in file:
            line = line.rstrip("\n")
            if line.startswith(".Sh "):
                section = line[4:]
            elif section == "EXAMPLES" and line.startswith(".Dl $ "):
                command = line[len(".Dl $ "):]
                command = command.replace("\\(aq", "'").replace("\\(dq", '"')
                yield re.sub(r"\\e", r"\\", command.replace("\\&", "").replace("\\-", "-"))


def sh(command, directory, env):
    return subprocess.run(["/bin/sh", "-c", command], cwd=directory, env=env, timeout=240,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="backslashreplace",
                          check=False)


def sample(directory, env):
    made = sh("assay simulate --users 4 --days 3 --seed 7 --out logs", directory, env)
    assert made.returncode == 0, "assay simulate failed:\n" + made.stdout
    for name in ("directory.csv", "profiles.yaml"):
        if os.path.exists(os.path.join(directory, "logs", name)):
            shutil.copy(os.path.join(directory, "logs", name), directory)


def run_page(tap, page, path, template):
    with tempfile.TemporaryDirectory(prefix="assay-man-") as tmp:
        env = environment(tmp)
        shutil.copytree(template, tmp, dirs_exist_ok=True)
        if page != "assay-ingest.1":
            sh("assay ingest logs --store usage.db", tmp, env)
        for command in examples(path):
            done = sh(command, tmp, env)
            if done.returncode == 0:
                tap.ok(f"{page}: {command}")
            else:
                tap.fail(f"{page}: {command}", f"exit code {done.returncode}\n{done.stdout}")


def main():
    os.environ["ASSAY"] = os.path.abspath(os.environ["ASSAY"])
    pages = os.path.join(os.environ["ROOT"], "man")
    tap = Tap()
    with tempfile.TemporaryDirectory(prefix="assay-man-") as template:
        try:
            sample(template, environment(template))
        except AssertionError as error:
            tap.fail("a sample can be made for the examples", str(error))
            tap.done()
        for page in sorted(p for p in os.listdir(pages) if p.endswith(".1")):
            run_page(tap, page, os.path.join(pages, page), template)
    tap.done()


if __name__ == "__main__":
    main()
