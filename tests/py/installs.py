"""Installing, once and below .cache, what tests run and what is no part of the tree: moto, boto3
and rclone (servers.txt), and the peers of ./dev bench (tests/bench/peers.txt). Where a thing cannot
be had, Missing says why.
"""
import fcntl
import glob
import os
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
CACHE = os.path.join(ROOT, ".cache")
PEERS = os.path.join(ROOT, "tests", "bench", "peers.txt")
NOT_AGAIN = 900  # seconds in which a failed installation is not tried again


class Missing(Exception):
    """Why something cannot be had here."""


def install(name, mark, make):
    """The folder .cache/NAME, made by make(folder) unless it was for the same `mark`. Whoever comes
    while another installs waits for it; a failure is remembered for a while, for all."""
    folder = os.path.join(CACHE, name)
    made, failed = folder + ".made", folder + ".failed"
    os.makedirs(os.path.dirname(folder), exist_ok=True)
    with open(folder + ".lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if read(made) == mark and os.path.isdir(folder):
            return folder
        if os.path.exists(failed) and time.time() - os.path.getmtime(failed) < NOT_AGAIN:
            raise Missing(read(failed))
        for path in (made, failed):
            if os.path.exists(path):
                os.remove(path)
        shutil.rmtree(folder, ignore_errors=True)
        try:
            make(folder)
        except Missing as why:
            write(failed, str(why))
            raise
        write(made, mark)
    return folder


def read(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def command(words, why, timeout, **more):
    """Runs a step of an installation; raises Missing(why)."""
    try:
        subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, timeout=timeout, check=True, **more)
    except (OSError, subprocess.SubprocessError):
        raise Missing(why) from None


def venv(name, list_of_packages, what):
    """The folder of programs of a virtual environment with the packages of a list."""
    python = getattr(sys, "_base_executable", sys.executable)

    def make(folder):
        command([python, "-m", "venv", folder], f"{what} cannot be installed: no module venv", 120)
        # No byte code beforehand: it takes longer than what the tests use of it.
        command([os.path.join(folder, "bin", "pip"), "install", "--quiet", "--no-compile",
                 "--no-input", "--disable-pip-version-check", "--retries", "1", "--timeout", "15",
                 "--only-binary", ":all:", "--no-deps", "-r", list_of_packages],
                f"{what} cannot be installed: the package registry does not give it", 300)
    return os.path.join(install(name, read(list_of_packages) + sys.version, make), "bin")


def servers():
    """The folder of the programs that servers.txt brings."""
    return venv("py", os.path.join(HERE, "servers.txt"), "moto and rclone")


def python_of_venv():
    """The Python that has moto and boto3."""
    return os.path.join(servers(), "python")


def rclone():
    """The program that serves a folder as S3."""
    return os.path.join(servers(), "rclone")


def in_venv():
    """Goes on with this script in the Python that has boto3. Where that cannot be had, the script
    ends, as skipped."""
    try:
        python = python_of_venv()
    except Missing as why:
        print(f"1..0 # SKIP {why}", flush=True)
        sys.exit(0)
    if os.path.realpath(sys.prefix) != os.path.realpath(os.path.dirname(os.path.dirname(python))):
        sys.stdout.flush()
        os.execv(python, [python, *sys.argv])


def s5cmd():
    """([command], None), or (None, why not). The same for aws_cli: peers for ./dev bench."""
    # The program itself: the script in bin/ would start Python first.
    return peer("s5cmd", "../lib/python*/site-packages/s5cmd/bin/s5cmd")


def aws_cli():
    return peer("aws", "aws")


def peer(name, path):
    try:
        found = glob.glob(os.path.join(venv("peers", PEERS, name), path))
    except Missing as why:
        return None, str(why)
    if not found:
        return None, f"{name} is not in its package"
    return [os.path.realpath(found[0])], None
