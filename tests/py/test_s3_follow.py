"""A bucket that is followed without an end: what comes is found, trouble passes, stopping is quick."""
import datetime
import gzip
import os
import subprocess
import time

import fault_proxy as fp
from servers import Missing, Moto
from support import DONE, Tap, assay, environment, equal, line, report, temporary
from test_s3 import proxied

PROBE = os.environ.get("FOLLOW_PROBE", "build/tests/source/follow_probe")


class Following:
    """follow_probe on a bucket; leaving the `with` ends it in order, and it must have ended well."""

    def __init__(self, env, bucket, store, poll=200, window=600000, sweep=86400000):
        self.env, self.store, self.log = env, store, store + ".log"
        self.words = [PROBE, bucket, "", store, str(poll), str(window), str(sweep)]

    def __enter__(self):
        with open(self.log, "wb") as log:
            self.child = subprocess.Popen(self.words, env=self.env, stdin=subprocess.PIPE, stdout=log,
                                          stderr=subprocess.STDOUT)
        return self

    def __exit__(self, *_):
        began = time.monotonic()
        self.child.stdin.close()
        self.child.wait(30)
        self.took = time.monotonic() - began
        self.said = open(self.log, encoding="utf-8", errors="replace").read()
        equal(self.child.returncode, 0, self.said)

    def until(self, n, seconds=30):
        """Waits for so many invocations."""
        end, found = time.monotonic() + seconds, None
        while time.monotonic() < end:
            if os.path.exists(self.store):
                answer = assay("report", "overview", "--store", self.store, "--format", "json")
                found = answer.json()["total"]["invocations"] if answer.code == DONE else found
                if found == n:
                    return
            time.sleep(0.1)
        raise AssertionError(f"{found} invocations, wanted {n}\n{open(self.log).read()}")


def hour_key(ago_h, name, account="012345678901"):
    hour = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=ago_h)
    return f"AWSLogs/{account}/BedrockModelInvocationLogs/us-east-1/{hour:%Y/%m/%d/%H}/{name}.json.gz"


def put_line(server, bucket, key, request):
    server.put(bucket, key, gzip.compress(line(request)))


def followed(tmp, server):
    """bedrock-logs 43: what arrives in an hour that was listed is found, however late."""
    server.create_bucket("follow")
    put_line(server, "follow", hour_key(1, "a"), "r1")
    put_line(server, "follow", hour_key(100, "a"), "r2")
    with proxied(server) as proxy:
        env = environment(**{**server.env, "AWS_ENDPOINT_URL": proxy.url})
        with Following(env, "follow", os.path.join(tmp, "follow"), window=1500, sweep=5000) as f:
            f.until(2)
            put_line(server, "follow", hour_key(0, "b"), "r3")
            f.until(3)
            put_line(server, "follow", hour_key(1, "0"), "r4")  # in front of what was there
            put_line(server, "follow", hour_key(30, "c"), "r5")
            f.until(5)
            put_line(server, "follow", hour_key(0, "d", "999999999999"), "r6")  # a new account
            put_line(server, "follow", hour_key(200, "e"), "r7")  # beyond the window
            f.until(7)
            objects = [t for _, t, _ in proxy.requests if "list-type" not in t]
        equal(len(objects), 7, "objects fetched")
        assert "kept 7 again 0 failed 0 failing 0" in f.said and "problem" not in f.said, f.said
        assert f.took < 3, f.took


def trouble_while_following(tmp, server):
    """Told once, tried again for ever, and all is found in the end."""
    server.create_bucket("trouble")
    put_line(server, "trouble", hour_key(0, "a"), "r1")
    with proxied(server) as proxy:
        env = environment(**{**server.env, "AWS_ENDPOINT_URL": proxy.url})
        denied = b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
        proxy.rule(fp.answer(403, denied), path="list-type")
        with Following(env, "trouble", os.path.join(tmp, "trouble")) as f:
            time.sleep(7)
            proxy.clear()
            proxy.rule(fp.answer(403, denied), path="json.gz", times=2)
            f.until(1, 60)
        listing_problems = [s for s in f.said.splitlines() if s.startswith("problem") and "ListBucket" in s]
        equal(len(listing_problems), 1, f.said)
        assert "state s3://trouble/ named 3 kept 1 again 0 failed 2 failing 0 error s3:" in f.said, f.said


DENIED = fp.answer(403, b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>")
# What S3 says of a body's key of KMS that is disabled: no 403.
KMS = fp.answer(400, b"<Error><Code>KMS.DisabledException</Code><Message>no</Message></Error>")


def refused_bodies(tmp, server, name, refusal, told):
    """bedrock-logs 44: what AWS does not let be read just now is no body for ever. It may be a key
    that is not there yet, where s3:ListBucket is missing."""
    server.create_bucket(name)
    key = hour_key(0, "a")
    body = os.path.dirname(key) + "/data/r1_output.json.gz"
    server.put(name, body, gzip.compress(b'{"usage": {"input_tokens": 1, "cache_creation": '
                                         b'{"ephemeral_1h_input_tokens": 7}}}'))
    record = line("r1", input={"inputTokenCount": 1, "cacheWriteInputTokenCount": 7},
                  output={"outputTokenCount": 2, "outputBodyS3Path": f"s3://{name}/{body}"})
    store = os.path.join(tmp, name)
    with proxied(server) as proxy:
        env = environment(**{**server.env, "AWS_ENDPOINT_URL": proxy.url})
        proxy.rule(refusal, path="/data/")
        server.put(name, key, gzip.compress(record))
        with Following(env, name, store) as f:
            f.until(1)
            time.sleep(7)  # tried again meanwhile, 5 s after it was written at the latest
            proxy.clear()
            end, found = time.monotonic() + 40, None
            while time.monotonic() < end and found != 7:
                time.sleep(0.2)
                found = report("--store", store, "--by", "", "--metrics", "cache_write_1h")["total"]["cache_write_1h"]
        tries = sum("/data/" in target for _, target, _ in proxy.requests)
    equal(found, 7, f"read in the end\n{f.said}")
    assert tries >= 3, tries
    problems = [s for s in f.said.splitlines() if s.startswith("problem")]
    equal(len(problems), 1, f.said)
    for word in told:
        assert word in problems[0], problems


def stopped_in_the_middle(tmp, server):
    """Stopping waits for nobody: what hangs is left, and read by the next run."""
    server.create_bucket("stop")
    for i in range(20):
        put_line(server, "stop", hour_key(0, f"{i:02}"), f"r{i}")
    store = os.path.join(tmp, "stop")
    with proxied(server) as proxy:
        proxy.rule(fp.hang(25), path="json.gz", when=lambda r: int(r.target[-10:-8]) >= 10)
        env = environment(**{**server.env, "AWS_ENDPOINT_URL": proxy.url})
        with Following(env, "stop", store) as f:
            end = time.monotonic() + 20
            while proxy.kinds["hang"] < 4 and time.monotonic() < end:
                time.sleep(0.05)
        assert f.took < 3, f.took
    with Following(environment(**server.env), "stop", store) as f:
        f.until(20)


def main():
    tap = Tap()
    with temporary() as tmp:
        try:
            with Moto() as server:
                tap.case("bedrock-logs 43: late batches, new accounts", followed, tmp, server)
                tap.case("trouble while following", trouble_while_following, tmp, server)
                needed = ("s3:GetObject", "s3:ListBucket", "kms:Decrypt")
                tap.case("a body that is denied, then not", refused_bodies, tmp, server, "denied", DENIED, needed)
                tap.case("a body whose key is disabled", refused_bodies, tmp, server, "disabled", KMS, needed)
                tap.case("a body while keys are expired", refused_bodies, tmp, server, "expired",
                         fp.expired_token(), ("ExpiredToken",))
                tap.case("stopped in the middle", stopped_in_the_middle, tmp, server)
        except Missing as why:
            tap.skip("real servers", str(why))
    tap.done()


if __name__ == "__main__":
    main()
