"""assay serve as a child of a test, and a bucket that fills while it runs.

    with Moto() as aws, temporary() as place:
        aws.create_bucket("logs")
        with Daemon(place, aws.env, [source("logs/p")]) as daemon:
            Feed(tree).put_all(aws, "logs", "p/")
            daemon.wait_for(lambda: daemon.total()["invocations"] == 2000)
            assert daemon.stop() == DONE
"""
import datetime
import json
import os
import random
import signal
import socket
import subprocess
import threading
import time

from support import ASSAY, assay, environment, log_files, sanitized, total_of

SLOW = 5 if sanitized() else 1
PATIENCE = 60 * SLOW


def source(place, name="prod", poll="1s", **keys):
    return {"url": "s3://" + place, "name": name, "poll": poll, **keys}


def quiet_port():
    """A free port for a server that will be away for a while: below those that the system gives to
    clients, or one that tries to connect could be given this very port, and speak to itself."""
    while True:
        port = random.randrange(20000, 32000)
        try:
            socket.create_server(("127.0.0.1", port)).close()
            return port
        except OSError:
            pass


class Daemon:
    """One store and its configuration; start() may be called again after an end."""

    def __init__(self, place, env, sources, preexec=None, program=ASSAY, **top):
        self.place, self.preexec, self.program = place, preexec, program
        self.store = os.path.join(place, "a.db")
        self.config = os.path.join(place, "assay.yaml")
        self.journal = os.path.join(place, "journal")
        self.env = environment(**env)
        self.child = None
        self.top = {"log": "json", **top}
        self.configure(sources)

    def configure(self, sources, text=""):
        """JSON is YAML, too."""
        made = {"store": self.store, "status_listen": False, **self.top, "sources": sources}
        with open(self.config, "w", encoding="utf-8") as file:
            file.write("".join(f"{key}: {'off' if value is False else json.dumps(value)}\n"
                               for key, value in made.items()) + text)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        if self.running():
            self.kill()

    def start(self, ready=True):
        before = len(self.lines())
        with open(self.journal, "ab") as journal:
            self.child = subprocess.Popen([self.program, "serve", "-c", self.config], env=self.env,
                                          stdin=subprocess.DEVNULL, stdout=journal, stderr=journal,
                                          preexec_fn=self.preexec)
        if ready:
            self.wait_for(lambda: any("following" in line for line in self.lines()[before:]),
                          "it begins")

    def running(self):
        return self.child is not None and self.child.poll() is None

    def kill(self):
        self.child.kill()
        self.child.wait()

    def stop(self, number=signal.SIGTERM, within=5 * SLOW):
        """The exit code."""
        self.child.send_signal(number)
        try:
            return self.child.wait(within)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"no end within {within} s:\n" + self.said()) from None

    def reload(self):
        """Until it lives with what it read, or with what it had."""
        before = len(self.lines())
        self.child.send_signal(signal.SIGHUP)
        self.wait_for(lambda: any("following" in line or "going on with" in line
                                  for line in self.lines()[before:]), "reload")

    def lines(self):
        """What it has said, each line whole."""
        try:
            with open(self.journal, encoding="utf-8", errors="backslashreplace") as file:
                return file.read().split("\n")[:-1]
        except FileNotFoundError:
            return []

    def said(self):
        return "\n".join(self.lines()[-20:])

    def heard(self, text, after=0):
        return any(text in line for line in self.lines()[after:])

    def state(self):
        with open(self.store + "-status.json", encoding="utf-8") as file:
            return json.load(file)

    def status(self, code=None):
        return assay("status", "-c", self.config, "--format", "json", code=code,
                     env=self.env).json()

    def total(self):
        return total_of("--store", self.store)

    def count(self):
        return self.total()["invocations"] if os.path.exists(self.store) else 0

    def wait_for(self, true, what="", seconds=PATIENCE, alive=True):
        until = time.monotonic() + seconds
        while not true():
            if alive and not self.running():
                raise AssertionError(f"{what}: it has ended with {self.child.returncode}:\n"
                                     + self.said())
            if time.monotonic() > until:
                raise AssertionError(f"{what}: not within {seconds} s:\n" + self.said())
            time.sleep(0.1)


class Feed:
    """The files of a simulated tree under keys of the present hour, where a follower looks."""

    def __init__(self, tree):
        self.root = os.path.dirname(tree)
        self.files = sorted(log_files(tree), key=os.path.basename)

    def key(self, path):
        """AWSLogs/ACCOUNT/BedrockModelInvocationLogs/REGION/YYYY/MM/DD/HH/STAMP_HASH.json.gz"""
        parts = os.path.relpath(path, self.root).split("/")
        now = datetime.datetime.now(datetime.timezone.utc)
        hash_of = parts[-1].split("_")[1]
        return "/".join([*parts[:4], now.strftime("%Y/%m/%d/%H/%Y%m%dT%H%M%S000Z_") + hash_of])

    def places_first(self):
        """One file of each account and Region, then the others: new ones of these are only looked
        for every ten minutes."""
        first = {os.path.relpath(path, self.root).split("/")[1:4:2].__str__(): path
                 for path in reversed(self.files)}
        chosen = list(first.values())
        return chosen, [path for path in self.files if path not in set(chosen)]

    def put(self, server, bucket, prefix, paths, stop=None, pause=0.0):
        """Tries again while the server is away. Gives the last key."""
        key = None
        for path in paths:
            with open(path, "rb") as file:
                data = file.read()
            key = prefix + self.key(path)
            while not (stop and stop.is_set()):
                try:
                    server.put(bucket, key, data)
                    break
                except (OSError, AssertionError, ValueError):
                    time.sleep(0.1)
                except Exception as error:  # http.client's own
                    if type(error).__module__ != "http.client":
                        raise
                    time.sleep(0.1)
            if pause:
                time.sleep(pause)
        return key


class Background(threading.Thread):
    """Runs a function; join() raises what it raised."""

    def __init__(self, function, *arguments, **keys):
        super().__init__(daemon=True)
        self.work, self.error = (function, arguments, keys), None
        self.start()

    def run(self):
        function, arguments, keys = self.work
        try:
            function(*arguments, **keys)
        except Exception as error:
            self.error = error

    def join(self, timeout=None):
        super().join(timeout)
        if self.error:
            raise self.error


class Notified:
    """The socket on which systemd would listen."""

    def __init__(self, place):
        self.path = os.path.join(place, "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self.socket.bind(self.path)
        self.messages = []

    def until(self, wanted, seconds=PATIENCE):
        """The first message from now on that has such a line."""
        end = time.monotonic() + seconds
        while True:
            self.socket.settimeout(max(0.01, end - time.monotonic()))
            try:
                text = self.socket.recv(4096).decode()
            except TimeoutError:
                raise AssertionError(f"no {wanted} in {self.messages[-10:]}") from None
            self.messages.append(text)
            if any(line.startswith(wanted) for line in text.split("\n")):
                return text

    def close(self):
        self.socket.close()
