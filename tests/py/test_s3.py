"""Reading from S3: what a bucket gives is what the same files give, whatever goes wrong on the way.

Real servers (servers.py), with a proxy that fails on demand before them. What no real
server does is in test_s3_lies.py, what goes on without an end in test_s3_follow.py."""
import datetime
import gzip
import json
import os
import random
import re
import subprocess
import tempfile
import time
import urllib.parse

import fault_proxy as fp
from fault_proxy import FaultProxy
from servers import Missing, Moto, S3Server
from support import (ASSAY, BAD_USAGE, DONE, INCOMPLETE, Tap, assay, environment, equal, line, offload,
                     report, simulate, temporary)

INGEST = ("ingest", "--no-resolve-profiles")

BUCKET = "example-bedrock-logs"  # the one that simulated records name
QUESTIONS = ("overview", "people", "models", "regions", "errors", "unpriced", "tools", "context")
HOUR = "AWSLogs/012345678901/BedrockModelInvocationLogs/us-east-1/2026/10/05/12/"


def answers(store):
    """What a store says, in all its forms; files and places are not in it."""
    return {name: assay("report", name, "--store", store, "--format", "json", code=DONE).out
            for name in QUESTIONS}


def same(store, wanted, what=""):
    for name, found in answers(store).items():
        equal(found.decode(), wanted[name].decode(), f"{name} {what}")


class Logs:
    """One simulated month in small, on disk and in a bucket."""

    def __init__(self, tmp, server, bucket=BUCKET, prefix="", name="logs", tree=None):
        self.server, self.tmp, self.url = server, tmp, f"s3://{bucket}" + ("/" + prefix if prefix else "")
        self.tree = tree
        if not tree:
            folder = os.path.join(tmp, name)
            simulate(folder, "--users", 2, "--days", 1, "--seed", 3, "--bodies", "s3", "--body-scale", 5)
            self.tree = os.path.join(folder, "AWSLogs")
        server.create_bucket(bucket)
        self.files = server.upload(bucket, self.tree, prefix + ("/" if prefix else "") + "AWSLogs/")
        store = self.store()
        assay("ingest", self.tree, "--store", store, code=DONE)
        self.wanted = answers(store)

    def store(self):
        return os.path.join(tempfile.mkdtemp(dir=self.tmp), "store")

    def env(self, **more):
        return environment(**{**self.server.env, **more})


def through(logs, proxy, **more):
    return logs.env(AWS_ENDPOINT_URL=proxy.url, **more)


def proxied(server):
    """A proxy before a server; also of test_s3_follow.py."""
    host, port = server.host.split(":")
    return FaultProxy((host, int(port)))


# A bucket is as good as its files

def same_store(logs):
    store = logs.store()
    first = assay(*INGEST, logs.url, "--store", store, env=logs.env(), code=DONE)
    same(store, logs.wanted)
    read = int(re.search(rb"read (\d+) files?", first.out)[1])
    again = assay(*INGEST, logs.url, "--store", store, env=logs.env(), code=DONE)
    assert f"read 0 files ({read} known already), 0 records".encode() in again.out, again.out
    same(store, logs.wanted, "read twice")


def nothing_is_fetched_again(logs):
    store = logs.store()
    with proxied(logs.server) as proxy:
        assay(*INGEST, logs.url, "--store", store, env=through(logs, proxy), code=DONE)
        before = len(proxy.requests)
        assay(*INGEST, logs.url, "--store", store, env=through(logs, proxy), code=DONE)
        new = proxy.requests[before:]
    equal([target for _, target, _ in new if "list-type=2" not in target], [], "objects fetched again")
    # Bodies are never listed through: a folder or two per account and Region, and one page.
    assert len(new) < 60, len(new)


def same_report(logs):
    for question in QUESTIONS:
        for form in ("table", "json"):
            here = assay("report", question, logs.tree, "--format", form, code=DONE)
            there = assay("report", question, logs.url, "--format", form, env=logs.env(), code=DONE)
            equal(there.out.decode(), here.out.decode(), f"{question} as {form}")


def operands_of_all_kinds(logs):
    """Files and buckets together; the same call twice counts once."""
    store = logs.store()
    assay(*INGEST, logs.tree, logs.url, logs.url + "/AWSLogs/", "--store", store, env=logs.env(), code=DONE)
    found = report("overview", "--store", store)["total"]
    equal(found, json.loads(logs.wanted["overview"])["total"], "total")


def one_object(logs):
    """The key of an object is an operand, too; and a folder deep in the layout."""
    path = next(p for p, _, names in sorted(os.walk(logs.tree)) if names and not p.endswith("data"))
    name = sorted(os.listdir(path))[0]
    inside = os.path.relpath(path, os.path.dirname(logs.tree))
    for here, there in ((os.path.join(path, name), f"{inside}/{name}"), (path, inside),
                        (path, inside + "/"), (os.path.dirname(path), os.path.dirname(inside))):
        a = report("people", here)
        b = report("people", f"{logs.url}/{there}", env=logs.env())
        equal(b["rows"], a["rows"], there)


def odd_prefix(tmp, server, prefix):
    """bedrock-logs 36: any prefix, and bodies that lie below it."""
    folder = tempfile.mkdtemp(dir=tmp)
    simulate(folder, "--users", 2, "--days", 1, "--seed", 4, "--body-scale", 5)
    tree = os.path.join(folder, "AWSLogs")
    offload(tree, random.Random(1), prefix=f"s3://odd/{prefix}")
    logs = Logs(tmp, server, "odd", prefix, tree=tree)
    same_store(logs)


def since_and_until(logs):
    """bedrock-logs 43: hours are chosen by the names of keys, with one more at both ends, and what is
    before is not even listed: a record of the last minute may lie in the next hour's folder."""
    hours = {}
    for path, _, names in os.walk(logs.tree):
        if names and not path.endswith("data"):
            hours.setdefault(path[-13:], []).extend(os.path.join(path, n) for n in names)
    ordered = sorted(hours)
    first, last = ordered[len(ordered) // 3], ordered[2 * len(ordered) // 3]
    def moved(hour, by):
        return (datetime.datetime.strptime(hour, "%Y/%m/%d/%H") + datetime.timedelta(hours=by)).strftime("%Y/%m/%d/%H")
    chosen = [f for h in ordered if moved(first, -1) <= h < moved(last, 1) for f in hours[h]]
    store = logs.store()
    when = [h.replace("/", "-", 2).replace("/", "T") + ":00Z" for h in (first, last)]
    with proxied(logs.server) as proxy:
        out = assay(*INGEST, logs.url, "--store", store, "--since", when[0], "--until", when[1],
                    env=through(logs, proxy), code=DONE).out
        listed = [t for _, t, _ in proxy.requests if "start-after=" in t]
    assert f"read {len(chosen)} files".encode() in out, (out, len(chosen))
    assert listed and all(urllib.parse.quote(moved(first, -1), safe="") in t for t in listed), listed
    late = assay(*INGEST, logs.url, "--store", store, "--since", "2026-11", "--until", "2026-10",
                 env=logs.env(), code=BAD_USAGE)
    assert "--until" in late.err, late.err


def no_faster_than_told(logs):
    with proxied(logs.server) as proxy:
        began = time.monotonic()
        assay(*INGEST, logs.url, "--store", logs.store(), "--level", "counts", "--max-requests", 100,
              env=through(logs, proxy), code=DONE)
        took = time.monotonic() - began
        assert took >= (len(proxy.requests) - 2) / 100, (took, len(proxy.requests))


def who_pays(logs):
    seen = []
    with proxied(logs.server) as proxy:
        proxy.rule(fp.internal_error(), when=lambda r: seen.append(r.headers.get("x-amz-request-payer")))
        assay("report", logs.url, "--requester-pays", env=through(logs, proxy), code=DONE)
        asked = set(seen)
        seen.clear()
        assay("report", logs.url, env=through(logs, proxy), code=DONE)
    equal((asked, set(seen)), ({"requester"}, {None}), "x-amz-request-payer")


def bodies_only_when_wanted(logs):
    with proxied(logs.server) as proxy:
        assay(*INGEST, logs.url, "--store", logs.store(), "--level", "counts", env=through(logs, proxy),
              code=DONE)
        equal([t for _, t, _ in proxy.requests if "/data/" in t.partition("?")[0]], [], "bodies fetched")


# Interruptions

def killed_and_resumed(logs):
    """bedrock-logs 48: kill -9 in the middle, several times, then to the end."""
    store, kills = logs.store(), 0
    with proxied(logs.server) as proxy:
        proxy.rule(fp.delayed(0.02), method="GET", path="json.gz")
        for number in range(6):
            child = subprocess.Popen([ASSAY, *INGEST, logs.url, "--store", store, "--threads", "2"],
                                     env=through(logs, proxy), stdout=subprocess.DEVNULL,
                                     stderr=subprocess.DEVNULL)
            time.sleep(0.15 + 0.15 * number)
            kills += child.poll() is None
            child.kill()
            child.wait()
    assert kills > 0, "it was never in the middle"
    assay(*INGEST, logs.url, "--store", store, env=logs.env(), code=DONE)
    same(store, logs.wanted, f"after {kills} kills")


def slow_and_killed(tmp, server):
    """bedrock-logs 48: what a polite backfill has read is not asked for again, however little it is.
    All objects are named at once, so that no reader ever waits for one."""
    server.create_bucket("polite")
    store = os.path.join(tmp, "polite")
    for i in range(200):
        server.put("polite", f"{HOUR}{i:03}.json.gz", gzip.compress(line(f"r{i}")))
    env = environment(**server.env)

    def objects(proxy):
        return sum("json.gz" in target for _, target, _ in proxy.requests)

    with proxied(server) as proxy:
        child = subprocess.Popen([ASSAY, *INGEST, "s3://polite", "--store", store, "--max-requests", "4"],
                                 env={**env, "AWS_ENDPOINT_URL": proxy.url}, stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL)
        end = time.monotonic() + 60
        while objects(proxy) < 40 and time.monotonic() < end:
            time.sleep(0.1)
        child.kill()
        child.wait()
        read = objects(proxy)
    assert read >= 40, read
    again = assay(*INGEST, "s3://polite", "--store", store, env=env, code=DONE)
    known = int(re.search(rb"\((\d+) known already\)", again.out)[1])
    assert known >= read / 2, f"{known} known of {read} that were read"


# Faults on the way

FAULTS = {
    "500": (fp.internal_error(), {"nth": (2, 3, 9)}),
    "503 SlowDown with Retry-After": (fp.slow_down(retry_after=1), {"nth": (1, 4)}),
    "503 SlowDown for a listing": (fp.slow_down(), {"path": "list-type", "nth": (1, 2, 5)}),
    "a reset before the answer": (fp.reset_before(), {"nth": (3, 4, 5)}),
    "a reset in an object": (fp.reset_during(50), {"path": "Z_", "nth": (1, 5)}),
    "a reset in a listing": (fp.reset_during(200), {"path": "list-type", "nth": 3}),
    "a slow body": (fp.slow(200, 0.01), {"path": "/data/", "nth": (1, 2)}),
    "a truncated object": (fp.truncated(100), {"path": "Z_", "nth": (1, 2, 7)}),
    "a truncated body": (fp.truncated(10), {"path": "/data/", "nth": (1, 2, 7)}),
    "an expired token": (fp.expired_token(), {"nth": 6}),
    "a clock that is wrong": (fp.time_skewed(30), {"nth": 1}),
    "another Region": (fp.wrong_region("eu-west-1"), {"when": lambda r: "/us-east-1/s3/" in r.headers["authorization"]}),
}


def fault(logs, name):
    action, where = FAULTS[name]
    store = logs.store()
    with proxied(logs.server) as proxy:
        proxy.rule(action, **where)
        assay(*INGEST, logs.url, "--store", store, env=through(logs, proxy), code=DONE)
        assert proxy.kinds[action.name] > 0, proxy.kinds
        if action.name == "wrong_region":
            # Remembered: each thread that set out meanwhile learns it once at most.
            assert proxy.kinds[action.name] <= 17, proxy.kinds
    same(store, logs.wanted, name)


def gone_for_good(logs):
    """What cannot be had in this run is told, and had in the next."""
    store = logs.store()
    with proxied(logs.server) as proxy:
        proxy.rule(fp.answer(403, b"<Error><Code>AccessDenied</Code><Message>no</Message></Error>"),
                   path="Z_", nth=3)
        first = assay(*INGEST, logs.url, "--store", store, env=through(logs, proxy), code=INCOMPLETE)
    assert "s3:GetObject" in first.err and "1 input not or not wholly readable" in first.out.decode(), first.err
    assay(*INGEST, logs.url, "--store", store, env=logs.env(), code=DONE)
    same(store, logs.wanted, "after a refused object")


def cut_gzip(tmp, server):
    """bedrock-logs 40: an object that ends too early gives its whole records; mended, the rest."""
    server.create_bucket("cut")
    random.seed(5)
    whole = b"".join(line(f"r{i}", requestMetadata={"a": f"{random.random()}"}) for i in range(200))
    packed = gzip.compress(whole)
    server.put("cut", HOUR + "1.json.gz", packed[:len(packed) // 2])
    env, store = environment(**server.env), os.path.join(tmp, "cut")
    assay(*INGEST, "s3://cut", "--store", store, env=env, code=INCOMPLETE)
    some = report("overview", "--store", store, code=(DONE, INCOMPLETE))["total"]["invocations"]
    assert 0 < some < 200, some
    server.put("cut", HOUR + "1.json.gz", packed)
    assay(*INGEST, "s3://cut", "--store", store, env=env, code=DONE)
    equal(report("overview", "--store", store)["total"]["invocations"], 200, "after it was mended")


def late_bodies(tmp, server):
    """bedrock-logs 44: a record counts at once; its body, when it comes; one run waits for it."""
    logs = Logs(tmp, server, name="late")
    store = logs.store()
    with proxied(server) as proxy:
        proxy.rule(fp.no_such_key(), path="/data/")
        with subprocess.Popen([ASSAY, *INGEST, logs.url, "--store", store], env=through(logs, proxy),
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
            wanted = json.loads(logs.wanted["overview"])["total"]["invocations"]
            until = time.monotonic() + 30
            found = 0
            while found != wanted and time.monotonic() < until:
                time.sleep(0.1)
                if os.path.exists(store):
                    answer = assay("report", "overview", "--store", store, "--format", "json")
                    found = answer.json()["total"]["invocations"] if answer.code == DONE else 0
            equal(found, wanted, "counted before the bodies came")
            assert child.poll() is None, "it did not wait for the bodies"
            proxy.clear()
            out, err = child.communicate(timeout=90)
        equal((child.returncode, err), (DONE, b""), out)
    same(store, logs.wanted, "with late bodies")
    counters = rb"read \d+ files.*, \d+ records"
    plain = assay(*INGEST, logs.url, "--store", logs.store(), env=logs.env(), code=DONE)
    equal(re.search(counters, out)[0], re.search(counters, plain.out)[0], "what is read again counts once")


def late_and_refused(tmp, server):
    """bedrock-logs 44: a body that is not there, then refused, then there: the record counts once."""
    server.create_bucket("again")
    now = time.strftime("%Y/%m/%d/%H/", time.gmtime())
    place = HOUR[:-len("2026/10/05/12/")] + now
    body = place + "data/r1_output.json.gz"
    server.put("again", body, gzip.compress(b'{"usage": {"input_tokens": 1}}'))
    server.put("again", place + "a.json.gz", gzip.compress(b"".join(
        [line("r1", output={"outputTokenCount": 2, "outputBodyS3Path": f"s3://again/{body}"}),
         *(line(f"o{i}") for i in range(9))])))
    with proxied(server) as proxy:
        proxy.rule(fp.no_such_key(), path="/data/", times=1)
        proxy.rule(fp.answer(400, b"<Error><Code>ExpiredToken</Code></Error>"), path="/data/", times=2)
        got = assay(*INGEST, "s3://again", "--store", os.path.join(tmp, "again"),
                    env=environment(**{**server.env, "AWS_ENDPOINT_URL": proxy.url}))
        equal(sum("/data/" in target for _, target, _ in proxy.requests), 4, "requests for the body")
    assert re.search(rb"read 1 file .*, 10 records", got.out), got.out


# What may be asked for

def foreign(tmp, server):
    """bedrock-logs 51: a body elsewhere is not asked for, unless the configuration names the bucket."""
    for bucket in ("own", "large", "secret"):
        server.create_bucket(bucket)
    body = gzip.compress(b'{"usage": {"input_tokens": 1, "cache_creation": '
                         b'{"ephemeral_1h_input_tokens": 7}}}')
    data = HOUR + "data/"
    records = []
    paths = {"r1": f"s3://own/logs/{data}r1_output.json.gz", "r2": f"s3://secret/logs/{data}r2_output.json.gz",
             "r3": f"s3://own/other/{data}r3_output.json.gz", "r4": f"s3://large/logs/{data}r4_output.json.gz",
             "r5": f"s3://own/logs/../{data}r5_output.json.gz", "r6": f"s3://own.evil/logs/{data}r6_output.json.gz",
             "r7": f"s3://own/logs/{data}somebody_output.json.gz"}
    for request, path in paths.items():
        records.append(line(request, input={"inputTokenCount": 1, "cacheWriteInputTokenCount": 7},
                            output={"outputTokenCount": 2, "outputBodyS3Path": path}))
        bucket, _, key = path[5:].partition("/")
        if bucket != "own.evil" and ".." not in key:
            server.put(bucket, key, body)
    server.put("own", "logs/" + HOUR + "1.json.gz", gzip.compress(b"".join(records)))
    host, port = server.host.split(":")
    for options, allowed in (((), {"r1"}), (("--body-bucket", "large"), {"r1", "r4"}),
                             (("--body-bucket", "large/x"), {"r1"}),
                             (("--body-bucket", "own/other"), {"r1", "r3"})):
        with FaultProxy((host, int(port))) as proxy:
            found = report("s3://own/logs", *options, "--by", "", "--metrics", "cache_write_1h,invocations",
                           env=environment(**{**server.env, "AWS_ENDPOINT_URL": proxy.url}))["total"]
            asked = {t.rpartition("/")[2][:2] for _, t, _ in proxy.requests if "/data/" in t.partition("?")[0]}
            assert not any("secret" in t or "evil" in t for _, t, _ in proxy.requests), proxy.requests
        equal(asked, allowed, f"asked for with {options}")
        equal((found["cache_write_1h"], found["invocations"]), (7 * len(allowed), 7), f"found with {options}")


# What people are told

def refusals(logs):
    def told(code, *arguments, **env):
        return assay(*INGEST, *arguments, "--store", logs.store(), env=environment(**env), code=code).err
    env = logs.server.env
    assert "NoSuchBucket" in told(INCOMPLETE, "s3://no-such-bucket", **env)
    assert "no objects" in told(INCOMPLETE, logs.url + "/nothing/here", **env)
    said = told(INCOMPLETE, logs.url, AWS_EC2_METADATA_DISABLED="true", HOME="/nonexistent")
    assert "no AWS credentials" in said and "environment" in said and "profile" in said, said
    for name in ("s3://", "s3://a", "s3://UP/x y", "s3://a..b/../c" * 30, "s3://arn:aws:s3:us-east-1:1:accesspoint/x"):
        assert "s3://" in told(BAD_USAGE, name, **env), name
    assert "profile" in told(BAD_USAGE, logs.url, "--profile", "none", **{**env, "HOME": "/nonexistent"})
    with proxied(logs.server) as proxy:
        denied = b"<Error><Code>AccessDenied</Code><Message>%s</Message></Error>"
        proxy.rule(fp.answer(403, denied % b"Access Denied"), path="list-type")
        said = told(INCOMPLETE, logs.url, **{**env, "AWS_ENDPOINT_URL": proxy.url})
        assert "allow s3:ListBucket" in said and BUCKET in said, said
        proxy.clear()
        proxy.rule(fp.answer(403, denied % b"User: x is not authorized to perform: kms:Decrypt on it"), path="Z_")
        said = told(INCOMPLETE, logs.url, **{**env, "AWS_ENDPOINT_URL": proxy.url})
        assert "allow s3:GetObject" not in said and "allow kms:Decrypt" in said, said
        proxy.clear()
        proxy.rule(fp.answer(403, denied % b"Access Denied"), path="/data/")
        said = told(INCOMPLETE, logs.url, **{**env, "AWS_ENDPOINT_URL": proxy.url})
        equal(len(re.findall(r"s3:GetObject on", said)), 1, "bodies that may not be read, told once")
    secret = logs.server.secret_key
    assert secret not in said


def checked(tap, tmp, name, server):
    """Servers that check signatures: keys with all kinds of characters."""
    tap.case(f"signatures: {name}, an odd prefix", odd_prefix, tmp, server, "a=b/c d+e/ü~(1)*!'")
    tap.case(f"signatures: {name}", lambda: same_store(Logs(tmp, server, name="checked-" + name)))


def main():
    tap = Tap()
    with temporary() as tmp:
        try:
            with Moto() as server:
                real(tap, tmp, server)
            with_checks(tap, tmp)
        except Missing as why:
            tap.skip("real servers", str(why))
    tap.done()


def real(tap, tmp, server):
    logs = Logs(tmp, server)
    tap.case("a store from S3 is the store from files; nothing is read again", same_store, logs)
    tap.case("nothing is fetched again", nothing_is_fetched_again, logs)
    tap.case("a report from S3 is the report from files", same_report, logs)
    tap.case("files and buckets together", operands_of_all_kinds, logs)
    tap.case("one object, one hour", one_object, logs)
    for prefix in ("plain", "a=b/c d+e", "ü/日本/x", "data/AWSLogs/data", "50%/%2F"):
        tap.case(f"bedrock-logs 36: prefix {prefix}", odd_prefix, tmp, server, prefix)
    tap.case("since and until", since_and_until, logs)
    tap.case("no faster than told", no_faster_than_told, logs)
    tap.case("requester pays", who_pays, logs)
    tap.case("no bodies at level counts", bodies_only_when_wanted, logs)
    tap.case("bedrock-logs 48: killed and resumed", killed_and_resumed, logs)
    tap.case("bedrock-logs 48: a slow run, killed and resumed", slow_and_killed, tmp, server)
    for name in FAULTS:
        tap.case(f"fault: {name}", fault, logs, name)
    tap.case("an object that is refused, then not", gone_for_good, logs)
    tap.case("bedrock-logs 40: truncated gzip", cut_gzip, tmp, server)
    tap.case("bedrock-logs 44: bodies that come late", late_bodies, tmp, server)
    tap.case("bedrock-logs 44: a body that comes late and is refused", late_and_refused, tmp, server)
    tap.case("bedrock-logs 51: bodies elsewhere", foreign, tmp, server)
    tap.case("what people are told", refusals, logs)


def with_checks(tap, tmp):
    for name, kind in (("moto", lambda: Moto(check=True)), ("rclone", S3Server)):
        try:
            with kind() as server:
                checked(tap, tmp, name, server)
        except Missing as why:
            tap.skip(f"signatures: {name}", str(why))


if __name__ == "__main__":
    main()
