"""./dev lint: everything about the form of the tree. Needs a directory configured with clang, for
its compile_commands.json. Prints one line per step, and what is wrong below it."""
import argparse
import concurrent.futures
import json
import os
import py_compile
import re
import shutil
import subprocess
import sys
import tempfile
import time

import house

# Reported above the aim, refused above the limit.
FILE_AIM, FILE_LIMIT = 400, 800
FUNCTION_AIM, FUNCTION_LIMIT = 60, 120


def run(command):
    done = subprocess.run(command, cwd=house.ROOT, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
    return done.returncode, done.stdout


def functions(text):
    """(first line, length, name) of each function: its braces stand in the first column."""
    start = None
    lines = house.code_only(text).split("\n")
    for number, line in enumerate(lines, 1):
        if line == "{":
            start = number
        elif line == "}" and start:
            head = next((i for i in range(start - 2, -1, -1) if re.match(r"\w.*\(", lines[i])), 0)
            name = re.search(r"(\w+)\s*\(", lines[head])
            yield start, number - start + 1, name.group(1) if name else "?"
            start = None


def lengths(_):
    wrong = []
    for path in house.files(".c", ".h", ".cpp", below="src") + house.files(".c", below="tests"):
        text = house.read(path)
        n = text.count("\n")
        if n > FILE_AIM:
            print(f"     {path}: {n} lines (aim {FILE_AIM})")
        if n > FILE_LIMIT:
            wrong.append(f"{path}: {n} lines, more than {FILE_LIMIT}: split it")
        for line, length, name in functions(text):
            if length > FUNCTION_AIM:
                print(f"     {path}:{line}: {name} has {length} lines (aim {FUNCTION_AIM})")
            if length > FUNCTION_LIMIT and path.startswith("src/"):
                wrong.append(f"{path}:{line}: {name} has {length} lines, more than "
                             f"{FUNCTION_LIMIT}: split it")
    return wrong


def laws(_):
    return [complaint for check in house.CHECKS for complaint in check()]


def headers_stand_alone(options):
    def compile_one(path):
        return run(["cc", "-std=c17", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Isrc",
                    "-fsyntax-only", "-x", "c", path])
    return in_parallel(options, compile_one, house.files(".h", below="src"))


def layout(_):
    _, text = run(["clang-format", "--dry-run", "-Werror"]
                  + house.files(".c", ".h", ".cpp", below="src")
                  + house.files(".c", ".h", below="tests"))
    places = [line.split(":")[0] for line in text.splitlines() if "error:" in line]
    return [f"{path}: {places.count(path)} places; clang-format -i {path} mends them"
            for path in sorted(set(places))]


def clang_builds_it(options):
    """Warnings are errors, and clang knows others than gcc. -k 0: all of them at once."""
    code, text = run(["ninja", "-k", "0", "-C", options.build])
    return [line for line in text.splitlines() if re.search(r"(error|warning): |^FAILED", line)
            ] or ["see ninja -C " + options.build] if code else []


def analysis(options):
    with open(os.path.join(options.build, "compile_commands.json"), encoding="utf-8") as file:
        commands = json.load(file)
    paths = sorted({os.path.relpath(os.path.join(c["directory"], c["file"]), house.ROOT)
                    for c in commands})
    paths = [p for p in paths if p.startswith("src/") and not p.endswith(".cpp")]
    paths.sort(key=lambda p: -os.path.getsize(os.path.join(house.ROOT, p)))

    def tidy(path):
        command = ["clang-tidy", "--quiet", "-p", options.build]
        if path != "src/base/err.c":
            command += ["--extra-arg=-I" + os.path.join(house.ROOT, "src"), "--extra-arg=-include",
                        "--extra-arg=" + os.path.join(house.ROOT, "tests/house/analyzer.h")]
        code, text = run(command + [path])
        found = [re.sub(r"^\S*?(src/\S+:\d+:)", r"\1", line) for line in text.splitlines()
                 if re.search(r"(warning|error): ", line)]
        return int(bool(code or found)), "\n".join(found) or text
    return in_parallel(options, tidy, paths)


def manual(_):
    wrong = []
    for path in house.files(".1", ".5", below="man"):
        code, text = run(["mandoc", "-Tlint", "-Wwarning", path])
        # The page's date and the sections' references are ours, not of an operating system.
        text = [line for line in text.splitlines() if "referenced manual not found" not in line]
        wrong += text if code and text else []
    return wrong


def scripts(_):
    wrong = []
    code, text = run(["shellcheck", "dev", ".ci/run"] + house.files(".sh"))
    wrong += text.splitlines() if code else []
    with tempfile.TemporaryDirectory() as tmp:
        for path in house.files(".py"):
            try:
                py_compile.compile(os.path.join(house.ROOT, path), doraise=True,
                                   cfile=os.path.join(tmp, "out.pyc"))
            except py_compile.PyCompileError as error:
                wrong.append(str(error))
    return wrong


def in_parallel(options, function, paths):
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        results = list(pool.map(function, paths))
    return [line for code, text in results if code for line in text.splitlines()]


STEPS = [
    ("laws", laws), ("lengths", lengths), ("headers stand alone", headers_stand_alone),
    ("clang-format", layout), ("mandoc", manual), ("shellcheck, python", scripts),
    ("clang builds it", clang_builds_it), ("clang-tidy", analysis),
]
TOOLS = ("clang-format", "clang-tidy", "mandoc", "shellcheck")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    if missing:
        sys.exit("lint: not installed: " + " ".join(missing))
    failed = 0
    for name, step in STEPS:
        start = time.monotonic()
        wrong = list(dict.fromkeys(step(options)))
        failed += bool(wrong)
        print(f"{'FAIL' if wrong else 'ok  '} {name} ({time.monotonic() - start:.1f} s)")
        for line in wrong:
            print(f"     {line}")
        sys.stdout.flush()
    print(f"lint: {len(STEPS) - failed} steps passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
