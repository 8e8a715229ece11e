"""Runs the tests of one or more build directories and counts test cases, not programs.

Every test is a program that prints TAP, declared in a meson.build below tests/. A program that
crashes, ends with an error or prints fewer cases than it planned counts as failed even when all its
cases were fine. The last line reads "N passed, N failed" (and ", N skipped" when there are some).
"""
import argparse
import concurrent.futures
import json
import os
import re
import shutil
import subprocess
import sys
import time

CASE = re.compile(r"^(not )?ok\b\s*(\d+)?\s*(.*)$")
PLAN = re.compile(r"^1\.\.(\d+)\s*(#\s*skip\b.*)?$", re.IGNORECASE)
SKIP = re.compile(r"#\s*skip\b\s*(.*)$", re.IGNORECASE)


class Outcome:
    """What one program said."""

    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.reasons = []  # of skipped cases
        self.trouble = []  # lines that explain a failure
        self.seconds = 0.0


def read_tap(text, outcome):
    planned = None
    for line in text.splitlines():
        plan = PLAN.match(line)
        if plan:
            planned = int(plan.group(1))
            if planned == 0 and plan.group(2):
                outcome.skipped += 1
                outcome.reasons.append(SKIP.search(plan.group(2)).group(1) or "no reason given")
            continue
        if line.startswith("Bail out!"):
            outcome.failed += 1
            continue
        case = CASE.match(line)
        if not case:
            continue
        skip = SKIP.search(case.group(3))
        if skip:
            outcome.skipped += 1
            outcome.reasons.append(skip.group(1) or "no reason given")
        elif case.group(1):
            outcome.failed += 1
        else:
            outcome.passed += 1
    return planned


def environment(test):
    env = {k: v for k, v in os.environ.items() if not k.startswith("LC_") and k != "LANG"}
    env.update(LC_ALL="C.UTF-8", NO_COLOR="1", TZ="UTC", COLUMNS="120", PYTHONDONTWRITEBYTECODE="1")
    env.setdefault("ASAN_OPTIONS", "detect_leaks=1:abort_on_error=0:allocator_may_return_null=1")
    env.setdefault("UBSAN_OPTIONS", "print_stacktrace=1:halt_on_error=1")
    env.setdefault("TSAN_OPTIONS", "halt_on_error=1:second_deadlock_stack=1")
    env.update(test["env"])
    return env


def run(test, extra_env, slow):
    outcome = Outcome()
    start = time.monotonic()
    command = test["cmd"]
    if slow == "thread" and shutil.which("setarch"):
        # ThreadSanitizer of gcc 12 needs the memory layout of older kernels.
        command = ["setarch", "-R"] + command
    timeout = test["timeout"] * (5 if slow else 1)
    try:
        done = subprocess.run(
            command, env={**environment(test), **extra_env}, cwd=test["workdir"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            timeout=timeout, check=False,
        )
        text, code = done.stdout.decode("utf-8", "backslashreplace"), done.returncode
    except subprocess.TimeoutExpired as error:
        text = (error.stdout or b"").decode("utf-8", "backslashreplace")
        text += f"\nno end after {timeout} s\n"
        code = -1
    planned = read_tap(text, outcome)
    counted = outcome.passed + outcome.failed + outcome.skipped
    if planned is not None and 0 < counted < planned:
        outcome.failed += planned - counted
        outcome.trouble.append(f"{planned} cases planned, {counted} came")
    if code != 0 and outcome.failed == 0:
        outcome.failed = 1
        outcome.trouble.append(f"ended with {'signal' if code < 0 else 'exit code'} {abs(code)}")
    if counted == 0 and outcome.failed == 0 and planned != 0:
        outcome.failed = 1
        outcome.trouble.append("printed no test case")
    if outcome.failed:
        outcome.trouble.extend(line for line in text.splitlines() if not line.startswith("ok "))
    outcome.seconds = time.monotonic() - start
    return outcome


def tests_of(directory):
    listed = subprocess.run(["meson", "introspect", "--tests", directory], check=True,
                            stdout=subprocess.PIPE).stdout
    tests = json.loads(listed)
    for test in tests:
        test["suites"] = {suite.split(":")[-1] for suite in test["suite"]}
        test["cmd"] = [os.path.abspath(test["cmd"][0])] + test["cmd"][1:]
        test["workdir"] = test["workdir"] or directory
    return tests


def chosen(directory, wanted_suite, names):
    """The tests to run, and the names that only a command-line test can mean."""
    tests = tests_of(directory)
    if wanted_suite:
        tests = [t for t in tests if wanted_suite in t["suites"]]
    else:
        tests = [t for t in tests if "soak" not in t["suites"]]
    if not names:
        return tests, []
    hits = [n for n in names if any(n in t["suites"] or n in t["name"] for t in tests)]
    rest = [n for n in names if n not in hits]
    picked = [t for t in tests if any(n in t["suites"] or n in t["name"] for n in hits)]
    if rest:
        picked += [t for t in tests if t["name"].startswith("cli") and t not in picked]
    return picked, rest


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--rewrite", action="store_true")
    parser.add_argument("--build", nargs="+", required=True, metavar="DIR[:SUITE]")
    parser.add_argument("--names", nargs="*", default=[])
    options = parser.parse_args()

    total = Outcome()
    for build in options.build:
        directory, _, suite = build.partition(":")
        variant = next((v for v in ("asan", "tsan") if directory.endswith("-" + v)), "plain")
        tests, rest = chosen(directory, suite, options.names)
        if not tests:
            continue
        extra = {"TEST_NAMES": " ".join(rest)} if rest else {}
        if options.rewrite:
            extra["REWRITE"] = "1"
        print(f"== {variant}", flush=True)
        slow = {"asan": "address", "tsan": "thread"}.get(variant, "")
        # What looks at the sources only need not be run again in another build.
        if slow:
            tests = [t for t in tests if "house" not in t["suites"]]
        # Servers and what speaks to them take long: each such test has one sanitizer, unless asked
        # for (./dev soak asks for both).
        if slow == "address" and not suite and not options.names:
            tests = [t for t in tests if not {"net", "threads"} <= t["suites"]]
        tests.sort(key=lambda t: -t["timeout"])
        # Tests that talk to servers mostly wait: they run beside those that compute.
        waiting = [t for t in tests if "net" in t["suites"]]
        with concurrent.futures.ThreadPoolExecutor(options.jobs) as first, \
                concurrent.futures.ThreadPoolExecutor(options.jobs) as second:
            jobs = {(second if t in waiting else first).submit(run, t, extra, slow): t
                    for t in tests}
            for job in concurrent.futures.as_completed(jobs):
                report(jobs[job], job.result(), total)
    for reason in sorted(set(total.reasons)):
        print(f"skipped {total.reasons.count(reason)}: {reason}")
    line = f"{total.passed} passed, {total.failed} failed"
    print(line + (f", {total.skipped} skipped" if total.skipped else ""), flush=True)
    sys.exit(1 if total.failed or total.passed == 0 else 0)


def report(test, outcome, total):
    mark = "FAIL" if outcome.failed else "ok  "
    cases = f"{outcome.passed} passed"
    if outcome.failed:
        cases += f", {outcome.failed} failed"
    if outcome.skipped:
        cases += f", {outcome.skipped} skipped"
    print(f"{mark} {test['name']:<20} {cases}  ({outcome.seconds:.1f} s)")
    for line in outcome.trouble[:200]:
        print(f"     {line}")
    sys.stdout.flush()
    total.passed += outcome.passed
    total.failed += outcome.failed
    total.skipped += outcome.skipped
    total.reasons += outcome.reasons


if __name__ == "__main__":
    main()
