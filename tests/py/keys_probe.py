"""Runs keys_probe (tests/aws) in a home of its own, with files and environment as the test says."""
import hashlib
import json
import os
import subprocess

from keys_server import CANARY
from support import environment, temporary, write

PROBE = os.environ.get("KEYS_PROBE", "build/tests/aws/keys_probe")
# What no output may hold: each secret of the tests has it in itself.
TRACES = (CANARY, CANARY.lower(), CANARY[::-1], CANARY.encode().hex())


class Home:
    """A home directory with AWS files; gone at the end."""

    def __init__(self, config="", credentials="", **files):
        self.place = temporary()
        self.path = self.place.name
        self.write("config", config)
        self.write("credentials", credentials)
        for name, text in files.items():
            self.write(name, text)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.place.cleanup()

    def write(self, name, text):
        """A file below ~/.aws; "{home}" in it is the home."""
        return write(os.path.join(self.path, ".aws", name),
                     text.replace("{home}", self.path).encode())

    def token(self, name, expires="2099-01-01T00:00:00Z", **more):
        """What `aws sso login` leaves of a session (by its name) or a start URL."""
        return self.write(f"sso/cache/{hashlib.sha1(name.encode()).hexdigest()}.json", json.dumps(
            {"accessToken": CANARY + "sso", "expiresAt": expires, **more}))

    def environment(self, **env):
        env = {k: v.replace("{home}", self.path) for k, v in env.items()}
        return environment(HOME=self.path, no_proxy="127.0.0.1", **env)


class Told:
    """What the probe printed: .lines by their first word, .error (status, text) or None."""

    def __init__(self, text):
        self.text = text
        self.lines, self.all = {}, [line.partition(" ") for line in text.splitlines()]
        for word, _, rest in self.all:
            self.lines.setdefault(word, rest)
        said = self.lines.get("error")
        self.error = said and said.partition(" ")[2]
        self.status = said and int(said.partition(" ")[0])

    @property
    def key(self):
        return self.lines.get("key", "").split(" ")[0]

    @property
    def keys(self):
        return [rest.split(" ")[0] for word, _, rest in self.all if word == "key"]


def popen(home, *arguments, before=None, **env):
    return subprocess.Popen([PROBE, *map(str, arguments)], env=home.environment(**env),
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, preexec_fn=before)


def finish(child, timeout=100, codes=(0, 1), quiet=True):
    out, said = child.communicate(timeout=timeout)
    text = out.decode("utf-8", "backslashreplace")
    said = said.decode("utf-8", "backslashreplace")
    assert child.returncode in codes and not (quiet and said), f"{child.returncode}: {said}\n{text}"
    for trace in TRACES:
        assert trace not in text + said, f"a secret is shown: {text}{said}"
    return Told(text)


def probe(home, *arguments, **env):
    return finish(popen(home, *arguments, **env))
