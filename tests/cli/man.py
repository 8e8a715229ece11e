"""Runs the examples of the manual pages: every command must end with exit code 0. Options that --help
names must be explained, and configurations that a page or README.md shows must be right.

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


def options_are_explained(tap, pages, env):
    """Each option of a command on its own page, or where that refers to assay-report(1)."""
    def read(page):
        with open(os.path.join(pages, page), encoding="utf-8") as file:
            return file.read()
    for page in sorted(p for p in os.listdir(pages) if re.fullmatch(r"assay-\w+\.1", p)):
        command = page[len("assay-"):-len(".1")]
        told = sh(f"assay {command} --help", pages, env)
        text = read(page)
        if re.search(r"options\n?.*(are those|are as|as for) ?of?\n\.Xr assay-report 1", text):
            text += read("assay-report.1")
        explained = set(re.findall(r"^\.It Fl.*", text, re.MULTILINE))
        words = set(re.findall(r"Fl (-?[\w-]+)", "\n".join(explained)))
        options = set(re.findall(r"^  (--?[a-z][\w-]*)", told.stdout, re.MULTILINE))
        missing = sorted(o for o in options if o[1:] not in words)
        if told.returncode == 0 and options and not missing:
            tap.ok(f"{page}: explains all {len(options)} options of --help")
        else:
            tap.fail(f"{page}: explains all options of --help", " ".join(missing) or told.stdout)


def configurations(path):
    """What stands in a block of its own and is an assay.yaml."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    blocks = (re.findall(r"((?:^    .*\n|^\n)+)", text, re.MULTILINE) if path.endswith(".md") else
              re.findall(r"^\.Bd -literal.*\n((?:.*\n)*?)\.Ed$", text, re.MULTILINE))
    for block in blocks:
        block = re.sub(r"^    ", "", block, flags=re.MULTILINE) if path.endswith(".md") else block
        if re.search(r"^sources:$", block, re.MULTILINE):
            yield block


def configurations_are_right(tap, root, sample_of, env):
    """The files that they name are those of whoever follows the page, so they are made first."""
    pages = [os.path.join(root, "man", p) for p in sorted(os.listdir(os.path.join(root, "man")))]
    for path in [os.path.join(root, "README.md"), *pages]:
        for number, block in enumerate(configurations(path), 1):
            name = f"{os.path.basename(path)}: its configuration {number} is right"
            with tempfile.TemporaryDirectory(prefix="assay-man-") as tmp:
                for key, value in re.findall(r"(\w+): (\S+)$", block, re.MULTILINE):
                    # Of the first configuration ever nothing has to be there.
                    if not path.endswith(".md") and key in ("profiles", "certificate", "key",
                                                            "access_key_file"):
                        made = os.path.join(tmp, os.path.basename(value))
                        shutil.copy(os.path.join(sample_of, "profiles.yaml"), made)
                        os.chmod(made, 0o600)
                        block = block.replace(value, os.path.basename(value))
                block = block.replace("/srv/assay/", tmp + "/srv/")
                with open(os.path.join(tmp, "assay.yaml"), "w", encoding="utf-8") as file:
                    file.write(block)
                done = sh("assay config check -c assay.yaml", tmp, {**env, "HOME": tmp})
                if done.returncode == 0 and "warning" not in done.stdout:
                    tap.ok(name)
                else:
                    tap.fail(name, f"exit code {done.returncode}\n{done.stdout}")


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
        env = environment(template)
        options_are_explained(tap, pages, env)
        configurations_are_right(tap, os.environ["ROOT"], template, env)
        for page in sorted(p for p in os.listdir(pages) if p.endswith(".1")):
            run_page(tap, page, os.path.join(pages, page), template)
    tap.done()


if __name__ == "__main__":
    main()
