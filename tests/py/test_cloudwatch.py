"""CloudWatch Logs as a source: every record of a log group once, whatever the service does, and
nothing again without need (bedrock-logs facts, sections 4 and 5).

What moto can do is tested with moto; for all else there is a server of our own (logs_server.py)."""
import gzip
import json
import os
import random
import re
import signal
import subprocess
import sys
import time

import logs_server
from daemon import Background, Daemon
from logs_server import LogsServer
from servers import Missing, Moto
from support import (ASSAY, DONE, INCOMPLETE, NAMED, ROOT, Tap, assay, environment, equal, line,
                     lines_of, record, report, sanitized, simulate, temporary, total_of, write)

PROBE = os.environ.get("AWS_PROBE", os.path.join(ROOT, "build/tests/net/aws_probe"))
FAST = ("--max-requests", "10000", "--repository-names")
MINUTE = 60 * 1000
PERMISSION = "Permissions are correctly set for Amazon Bedrock logs."
CONTROL = json.dumps({"messageType": "CONTROL_MESSAGE", "owner": "CloudwatchLogs", "logGroup": "",
                      "logStream": "", "subscriptionFilters": [], "logEvents": [
                          {"id": "", "timestamp": 1, "message": "CWL CONTROL MESSAGE"}]})


def ingest(server, store, *operands, code=DONE, options=FAST):
    return assay("ingest", *operands, "--store", store, "--no-resolve-profiles", *options, code=code,
                 env=environment(**server.env))


def answers(store):
    """What a store says, without what counts files and what came twice."""
    made = {}
    for name in (*NAMED, "tools", "sessions"):
        made[name] = report(name, "--store", store)
        made[name].pop("about")
    return made


def records_read(result):
    return int(re.search(rb"(\d+) records?", result.out)[1])


class Logs:
    """Simulated logs, as files and as texts."""

    def __init__(self, tmp, *options):
        base = os.path.join(tmp, "base" + str(len(os.listdir(tmp))))
        simulate(base, *options)
        self.tree = os.path.join(base, "AWSLogs")
        self.texts = [text.decode() for text in lines_of(self.tree)]
        self.store = os.path.join(base, "store")
        assay("ingest", self.tree, "--store", self.store, "--repository-names", code=DONE)
        self.answers, self.total = answers(self.store), total_of("--store", self.store)


def same(logs, store, what=""):
    equal(total_of("--store", store), logs.total, f"totals {what}")
    found = answers(store)
    for name, answer in logs.answers.items():
        equal(found[name], answer, f"{name} {what}")


def pages_of_all_kinds(logs, tmp):
    """bedrock-logs 41: the permission text is skipped, and so is CONTROL_MESSAGE."""
    rng = random.Random(3)
    for number, options in enumerate(({"page_events": 100}, {"page_events": 100, "empty_every": 3},
                                      {"page_bytes": 200000}, {})):
        with LogsServer(**options) as aws:
            texts = list(logs.texts)
            rng.shuffle(texts)  # many have one time
            aws.put("bedrock", texts)
            aws.put("bedrock", [PERMISSION, CONTROL], at=logs_server.time_of(texts[0]))
            aws.put("bedrock", ["not of Bedrock"], stream="other", at=1)
            aws.put("others", [line("alien").decode()])
            store = os.path.join(tmp, f"kinds{number}")
            done = ingest(aws, store, "cloudwatch:bedrock")
            equal(records_read(done), len(texts), options)
            assert b"quarantined" not in done.out and not done.err, (done.out, done.err)
            same(logs, store, options)
            one_shot = total_of("cloudwatch:bedrock", *FAST, env=environment(**aws.env))
            equal(one_shot, logs.total, "without a store")
            assert all(q["logGroupName"] == "bedrock" for q in aws.queries), aws.queries[0]


def megabyte_pages(tmp):
    with LogsServer() as aws:
        logs = Logs(tmp, "--users", 2, "--days", 1, "--seed", 4)
        aws.put("g", logs.texts)
        store = os.path.join(tmp, "mb")
        ingest(aws, store, "cloudwatch:g")
        same(logs, store)
        size = sum(map(len, logs.texts))
        assert size / logs_server.MB <= len(aws.queries) <= 2 * size / logs_server.MB + 2, (
            size, len(aws.queries))


def other_forms(_logs, tmp):
    """bedrock-logs 42: an event with escapes gives the invocation that the file gives."""
    odd = record("é-\u2028-\"quoted\"", identity={"arn": "arn:aws:iam::012345678901:user/zoë\t\\"})
    path = write(os.path.join(tmp, "odd.json"), json.dumps(odd).encode())
    with LogsServer() as aws:
        aws.put("g", [json.dumps(odd), json.dumps(odd, ensure_ascii=False, indent=2)])
        found = report("people", "cloudwatch:g", env=environment(**aws.env))
        equal(found["rows"], report("people", path)["rows"], "rows")


def throttling(logs, tmp):
    with LogsServer(page_events=200) as aws:
        aws.put("g", logs.texts)
        aws.faults = [logs_server.throttled(), logs_server.throttled(), None,
                      logs_server.unavailable(), None, logs_server.throttled()]
        store = os.path.join(tmp, "throttled")
        done = ingest(aws, store, "cloudwatch:g")
        equal((records_read(done), done.err), (len(logs.texts), ""), "read")
        same(logs, store)


def politeness(logs, tmp):
    """Without being told otherwise, five requests a second over all groups."""
    with LogsServer(page_events=max(1, len(logs.texts) // 6)) as aws:
        for name in ("a", "b"):
            aws.put(name, logs.texts)
        times = []
        aws.on_page = lambda _: times.append(time.monotonic())
        ingest(aws, os.path.join(tmp, "polite"), "cloudwatch:a", "cloudwatch:b", options=())
        assert len(times) >= 12 and times[-1] - times[0] >= 0.19 * (len(times) - 1), times


def circles(logs, tmp):
    for length in (1, 2, 5):
        with LogsServer(page_events=10) as aws:
            aws.put("g", logs.texts[:10])
            aws.faults = [(lambda n: lambda _: (200, {"events": [], "nextToken": f"t{n % length}"},
                                                {}))(n) for n in range(500)]
            done = ingest(aws, os.path.join(tmp, f"circle{length}"), "cloudwatch:g",
                          code=INCOMPLETE)
            assert "token again" in done.err and len(aws.queries) < 4 * length + 4, (
                done.err, len(aws.queries))


def expired_token(logs, tmp):
    """A token holds for a day; when it does not, the rest is asked for by time, and nothing counts
    twice."""
    with LogsServer(page_events=len(logs.texts) // 5) as aws:
        aws.put("g", logs.texts)
        aws.faults = [None, None, logs_server.expired()]
        store = os.path.join(tmp, "expired")
        done = ingest(aws, store, "cloudwatch:g")
        equal((records_read(done), done.err), (len(logs.texts), ""), "read")
        assert "nextToken" not in aws.queries[3] and aws.queries[3]["startTime"] > 0, aws.queries[3]
        same(logs, store)


def refusals(logs, tmp):
    """What cannot be read is told, and what can be is read."""
    with LogsServer() as aws:
        aws.put("good", logs.texts)
        aws.group("empty")
        store = os.path.join(tmp, "refused")
        aws.faults = [logs_server.denied()]
        done = ingest(aws, store, "cloudwatch:good", code=INCOMPLETE)
        assert "logs:FilterLogEvents on good" in done.err and "not authorized" in done.err, done.err
        done = ingest(aws, store, "cloudwatch:none", "cloudwatch:good", "cloudwatch:empty",
                      code=INCOMPLETE)
        said = sorted(done.err.splitlines())
        equal(len(said), 2, said)
        assert "on empty" in said[0] and "log stream does not exist" in said[0], said
        assert "on none" in said[1] and "log group does not exist" in said[1], said
        same(logs, store)
        for operand in ("cloudwatch:", "cloudwatch:a b", "cloudwatch:eu-west-1:12:g",
                        "cloudwatch:arn:aws:s3:::x", "cloudwatch:!:g"):
            done = ingest(aws, store, operand, code=2)
            assert "names no log group" in done.err, done.err


def denied_midway(logs, tmp):
    """What came before a failure is kept, and the next run goes on there."""
    with LogsServer(page_events=len(logs.texts) // 8) as aws:
        aws.put("g", logs.texts)
        aws.faults = [None] * 4 + [logs_server.denied()]
        store = os.path.join(tmp, "midway")
        ingest(aws, store, "cloudwatch:g", code=INCOMPLETE)
        asked = len(aws.queries)
        ingest(aws, store, "cloudwatch:g")
        assert aws.queries[asked]["startTime"] > logs_server.time_of(logs.texts[0]), "from anew"
        same(logs, store)


def many_groups(logs, tmp):
    with LogsServer(page_events=150) as aws:
        names = [f"/bedrock/team-{n}" for n in range(5)]
        for i, text in enumerate(logs.texts):
            aws.put(names[i % 5], [text])
        aws.put("/bedrock/team-x", ["another stream"], stream="app", at=5)
        aws.put("/lambda/team-1", [line("alien").decode()])
        store = os.path.join(tmp, "many")
        done = ingest(aws, store, "cloudwatch:/bedrock/*")
        equal((records_read(done), done.err), (len(logs.texts), ""), "read")
        same(logs, store)
        assert {q["logGroupName"] for q in aws.queries} == {*names, "/bedrock/team-x"}
        assert aws.operations.count("DescribeLogGroups") == 3, aws.operations
        done = ingest(aws, store, "cloudwatch:none-*", code=INCOMPLETE)
        assert "no log group has such a name" in done.err, done.err


def other_accounts(logs, tmp):
    """A group of another account goes by its ARN, and has a position of its own."""
    with LogsServer(accounts=(logs_server.ACCOUNT, "210987654321")) as aws:
        half = len(logs.texts) // 2
        aws.put("g", logs.texts[half:])
        aws.put("g", logs.texts[:half], account="210987654321")
        store = os.path.join(tmp, "accounts")
        arn = "arn:aws:logs:eu-west-1:210987654321:log-group:g"
        ingest(aws, store, "cloudwatch:g")
        ingest(aws, store, f"cloudwatch:{arn}:*")
        equal(aws.queries[-1].get("logGroupIdentifier"), arn, "asked")
        same(logs, store)
        asked = len(aws.queries)
        ingest(aws, store, f"cloudwatch:eu-west-1:{logs_server.ACCOUNT}:g",
               "cloudwatch:eu-west-1:210987654321:g")
        assert all(q["startTime"] > 0 for q in aws.queries[asked:]), aws.queries[asked:]
        equal({q.get("logGroupName", arn) for q in aws.queries[asked:]}, {"g", arn}, "names")


def position(logs, tmp):
    """Run again, little is read: what lies in the overlap."""
    with LogsServer(page_events=100) as aws:
        aws.put("g", logs.texts)
        newest = max(map(logs_server.time_of, logs.texts))
        store = os.path.join(tmp, "position")
        ingest(aws, store, "cloudwatch:g")
        for _ in range(2):
            asked = len(aws.queries)
            done = ingest(aws, store, "cloudwatch:g")
            late = sum(logs_server.time_of(text) >= newest - 5 * MINUTE for text in logs.texts)
            equal(records_read(done), late, "records")
            equal(aws.queries[asked]["startTime"], newest - 5 * MINUTE, "start")
        same(logs, store)
        # --since before what is known reads that again; after it, there is no gap.
        asked = len(aws.queries)
        equal(records_read(ingest(aws, store, "cloudwatch:g", options=(
            *FAST, "--since", "2020-01-01"))), len(logs.texts), "since early")
        ingest(aws, store, "cloudwatch:g", options=(*FAST, "--since", "2030-01-01"))
        equal(aws.queries[-1]["startTime"], newest - 5 * MINUTE, "no gap")
        same(logs, store)


def period(logs, tmp):
    times = sorted(map(logs_server.time_of, logs.texts))
    middle = time.strftime("%Y-%m-%dT%H:00", time.gmtime(times[len(times) // 2] / 1000))
    with LogsServer(page_events=100) as aws:
        aws.put("g", logs.texts)
        store = os.path.join(tmp, "period")
        ingest(aws, store, "cloudwatch:g", options=(*FAST, "--since", middle))
        first = aws.queries[0]["startTime"]
        equal(time.strftime("%Y-%m-%dT%H:%M", time.gmtime(first / 1000)), middle, "since")
        ingest(aws, os.path.join(tmp, "until"), "cloudwatch:g", options=(*FAST, "--until", middle))
        assert abs(aws.queries[-1]["endTime"] - first) <= 1, aws.queries[-1]


def late_and_out_of_order(logs, tmp):
    """Events that come late, within the overlap, are found by the next run (bedrock-logs 5)."""
    newest = max(map(logs_server.time_of, logs.texts))
    late = [t for t in logs.texts if logs_server.time_of(t) > newest - 5 * MINUTE][:-1]
    extra = [line(f"late-{n}", timestamp=time.strftime(
        "%Y-%m-%dT%H:%M:%SZ", time.gmtime(newest / 1000 - 30 * n))).decode() for n in range(9)]
    with LogsServer(page_events=50) as aws:
        store = os.path.join(tmp, "late")
        aws.put("g", [t for t in logs.texts if t not in late])
        ingest(aws, store, "cloudwatch:g")
        aws.put("g", late + extra)
        ingest(aws, store, "cloudwatch:g")
        total = total_of("--store", store)
        equal(total["invocations"], logs.total["invocations"] + len(extra), "invocations")
    # A service that does not sort: no position before the end is believed.
    with LogsServer(page_events=50) as aws:
        store = os.path.join(tmp, "unsorted")
        aws.put("g", logs.texts)
        events = aws.group("g")[logs_server.STREAM]
        events.reverse()
        pages = [events[i:i + 50] for i in range(0, len(events), 50)]
        aws.faults = [(lambda n, page: lambda _: (200, {"events": page, **(
            {"nextToken": f"t{n}"} if n + 1 < len(pages) else {})}, {}))(n, page)
            for n, page in enumerate(pages[:-1])] + [logs_server.denied()]
        ingest(aws, store, "cloudwatch:g", code=INCOMPLETE)
        events.sort(key=lambda event: event["timestamp"])
        ingest(aws, store, "cloudwatch:g")
        same(logs, store, "unsorted")


def two_copies(tmp):
    """bedrock-logs 47: the S3 copy and the CloudWatch copy of a call are one, and the one with the
    body wins, in whatever order they come."""
    logs = Logs(tmp, "--users", 2, "--days", 1, "--seed", 6)
    bare = os.path.join(tmp, "bare")
    for number, text in enumerate(logs.texts):
        entry = json.loads(text)
        for side in ("input", "output"):
            (entry.get(side) or {}).pop(side + "BodyJson", None)
        write(os.path.join(bare, f"{number % 20}.json.gz"), b"")
        with gzip.open(os.path.join(bare, f"{number % 20}.json.gz"), "ab") as file:
            file.write(json.dumps(entry).encode() + b"\n")
    with LogsServer() as aws:
        aws.put("g", logs.texts)
        for number, order in enumerate((("cloudwatch:g", bare), (bare, "cloudwatch:g"))):
            store = os.path.join(tmp, f"copies{number}")
            for operand in order:
                ingest(aws, store, operand)
            same(logs, store, order)
        both = os.path.join(tmp, "copies2")
        ingest(aws, both, bare, "cloudwatch:g")
        same(logs, both, "at once")
        equal(total_of(bare, "cloudwatch:g", *FAST, env=environment(**aws.env)), logs.total,
              "at once, without a store")


def killed(logs, tmp):
    """bedrock-logs 48: kill -9 between pages, then again: the totals of a clean run."""
    for number in range(2 if sanitized() else 4):
        with LogsServer(page_events=len(logs.texts) // 12) as aws:
            aws.put("g", logs.texts)
            store = os.path.join(tmp, f"killed{number}")
            for page in (1 + number, 6, 3 + number):
                child = []

                def kill(n, at=aws.answered + page, child=child):
                    if n == at:
                        time.sleep(0.02 * number)
                        os.kill(child[0].pid, signal.SIGKILL)
                aws.on_page = kill
                child.append(subprocess.Popen(
                    [ASSAY, "ingest", "cloudwatch:g", "--store", store, "--no-resolve-profiles",
                     "--max-requests", "6"],
                    env=environment(**aws.env), stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL))
                child[0].wait(60)
                equal(child[0].returncode, -signal.SIGKILL, "killed")
            aws.on_page = None
            asked = len(aws.queries)
            ingest(aws, store, "cloudwatch:g")
            same(logs, store, f"{number}")
            assert "startTime" in aws.queries[asked], "what was kept before is not known"


def bodies(tmp):
    """Large bodies lie in S3. They are fetched from buckets that were named (bedrock-logs 44, 51)."""
    key = ("AWSLogs/012345678901/BedrockModelInvocationLogs/us-east-1/2026/10/05/12/data/"
           "abc_input.json.gz")
    body = {"messages": [{"role": "user", "content": "hello there"}], "max_tokens": 77}
    entry = record("abc", input={"inputTokenCount": 10, "inputContentType": "application/json",
                                 "inputBodyS3Path": "s3://large/some/" + key})
    with LogsServer() as aws:
        aws.objects["/large/some/" + key] = gzip.compress(json.dumps(body).encode())
        aws.put("g", [entry])

        def read(*options):
            store = os.path.join(tmp, f"bodies{len(os.listdir(tmp))}")
            ingest(aws, store, "cloudwatch:g", options=(*FAST, *options))
            gets, aws.gets = aws.gets, []
            return report("overview", "--store", store)["about"], gets
        equal(read()[1], [], "no bucket was named: no request")
        equal(read("--body-bucket", "larg", "--body-bucket", "large/other")[1], [], "others")
        equal(read("--body-bucket", "large/some")[1], ["/large/some/" + key], "fetched")
        equal(read("--body-bucket", "large")[1], ["/large/some/" + key], "fetched")
        aws.objects.clear()
        equal(read("--body-bucket", "large")[1], ["/large/some/" + key], "asked for")


def body_comes_later(tmp):
    """A record whose body is missing is counted at once, and read again by the next run."""
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 20 * 60))
    key = ("AWSLogs/012345678901/BedrockModelInvocationLogs/us-east-1/2026/10/05/12/data/"
           "abc_output.json")
    entry = record("abc", timestamp=now, output={
        "outputTokenCount": 2, "outputContentType": "application/json",
        "outputBodyS3Path": "s3://large/" + key})
    later = record("def", timestamp=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))
    with LogsServer(page_events=1) as aws:
        aws.put("g", [entry, later])
        store, options = os.path.join(tmp, "later"), (*FAST, "--body-bucket", "large")
        for wanted in (2, 2):
            equal(records_read(ingest(aws, store, "cloudwatch:g", options=options)), wanted, "read")
        aws.objects["/large/" + key] = json.dumps({"stopReason": "end_turn"}).encode()
        equal(records_read(ingest(aws, store, "cloudwatch:g", options=options)), 2, "with body")
        equal(records_read(ingest(aws, store, "cloudwatch:g", options=options)), 1, "known")
        equal(total_of("--store", store)["invocations"], 2, "invocations")


def read_again(tmp):
    """bedrock-logs 44: a page that is read again for its bodies does not count what it holds again."""
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    key = "AWSLogs/012345678901/BedrockModelInvocationLogs/us-east-1/2026/10/05/12/data/abc_output.json"
    entries = [record("abc", timestamp=now, output={"outputTokenCount": 2, "outputBodyS3Path": "s3://large/" + key})]
    entries += [record(f"r{i}", timestamp=now) for i in range(10)]
    with LogsServer() as aws:
        aws.put("g", entries)
        aws.put("g", ['{"modelId": 1, broken'], at=int(time.time() * 1000))
        place = os.path.join(tmp, "again")
        os.makedirs(place)
        follows = [{"url": "cloudwatch:g", "name": "cw", "poll": "1s", "body_buckets": ["large"]}]
        with Daemon(place, aws.env, follows, resolve_profiles=False) as daemon:
            daemon.wait_for(lambda: daemon.count() == 11, "all is there")
            daemon.wait_for(lambda: daemon.state()["sources"][0]["again"] >= 2, "it was read again")
            aws.objects["/large/" + key] = json.dumps({"stopReason": "end_turn"}).encode()
            daemon.wait_for(lambda: report("overview", "--store", daemon.store)["about"]["coverage"]["bodies_missing"] == 0,
                            "the body")
            about = report("overview", "--store", daemon.store)["about"]
            equal(daemon.stop(), DONE, "exit code")
    equal([about[name] for name in ("records", "invocations", "duplicates", "quarantined")], [11, 11, 0, 1],
          "counters")


def moto(logs, tmp):
    try:
        server = Moto()
        server.__enter__()
    except Missing as why:
        print("# moto:", why)
        return
    try:
        def call(operation, **asked):
            server.must("POST", "/", json.dumps(asked).encode(),
                        {"content-type": "application/x-amz-json-1.1",
                         "x-amz-target": "Logs_20140328." + operation}, service="logs")
        # moto refuses what is older than two weeks.
        now = int(time.time() * 1000)
        names = {"logGroupName": "bedrock", "logStreamName": logs_server.STREAM}
        call("CreateLogGroup", logGroupName="bedrock")
        call("CreateLogStream", **names)
        texts = sorted(logs.texts, key=logs_server.time_of)
        for at in range(0, len(texts), 500):
            call("PutLogEvents", **names, logEvents=[
                {"timestamp": now - len(texts) + at + i, "message": text}
                for i, text in enumerate(texts[at:at + 500])])
        store = os.path.join(tmp, "moto")
        for operand in ("cloudwatch:bedrock", "cloudwatch:bed*"):
            done = ingest(server, store, operand)
            equal((records_read(done), done.err), (len(texts), ""), operand)
            same(logs, store, operand)
        done = ingest(server, store, "cloudwatch:none", code=INCOMPLETE)
        assert "logs:FilterLogEvents on none" in done.err, done.err
    finally:
        server.__exit__()


class Follower:
    """aws_probe follow: what a run without an end gets to see."""

    def __init__(self, server, operand, poll_ms=100, overlap_ms=5 * MINUTE, position_ms=0,
                 outcomes=""):
        self.child = subprocess.Popen(
            [PROBE, "follow", operand, *map(str, (poll_ms, overlap_ms, position_ms, outcomes))],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment(**server.env))
        os.set_blocking(self.child.stdout.fileno(), False)
        self.text = b""

    def until(self, enough, seconds=30):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.text += self.child.stdout.read() or b""
            if enough(self.lines()):
                return self.lines()
            time.sleep(0.02)
        raise AssertionError(f"not within {seconds} s: {self.text.decode()}")

    def lines(self):
        return self.text.decode().splitlines()

    def end(self):
        self.child.stdin.close()
        os.set_blocking(self.child.stdout.fileno(), True)
        self.text += self.child.stdout.read()
        equal(self.child.wait(30), 0, self.text)
        stopped = int(self.lines()[-1].split()[1])
        assert stopped < (3000 if sanitized() else 600), f"stopping took {stopped} ms"
        return dict(part.split("=", 1) for part in self.lines()[-2].split()[1:])


def pages(lines):
    return [one for one in lines if one.startswith("item ") and not one.endswith(" bytes=0")]


def now_line(name, ago_s=0, pad=""):
    return line(name, pad=pad, timestamp=time.strftime("%Y-%m-%dT%H:%M:%SZ",
                                              time.gmtime(time.time() - ago_s))).decode()


def following(_logs, _tmp):
    """Each event is handed on once, late ones too; nothing new, nothing named."""
    with LogsServer() as aws:
        aws.put("g", [now_line("a", 100), now_line("b", 50)])
        f = Follower(aws, "cloudwatch:g", overlap_ms=2 * MINUTE)
        try:
            f.until(lambda lines: len(pages(lines)) == 1)
            asked = len(aws.queries)
            f.until(lambda _: len(aws.queries) > asked + 5)
            equal(len(pages(f.lines())), 1, f.lines())
            aws.put("g", [now_line("late", 80), now_line("new")])
            lines = f.until(lambda lines: len(pages(lines)) == 2)
            at = int(re.search(r"position=(\d+)", pages(lines)[1])[1])
            assert 40000 < time.time() * 1000 - at < 90000, "the position is that of b"
            name = f"cloudwatch:{logs_server.REGION}:{logs_server.ACCOUNT}:g"
            assert all(f"item {name} " in one for one in pages(lines)), lines
        finally:
            state = f.end()
        equal((state["named"], state["kept"], state["failed"], state["failing"]),
              ("2", "2", "0", "0"), "state")
        assert time.time() * 1000 - int(state["up_to"]) < 60000, "the newest event, for the lag"


class Thorough:
    """A group that goes on, with an overlap (14 s) that is longer than what all polls look back (10 s
    with so short a poll), so that only a thorough pass finds what is late. `fault` decides about
    queries; what it gets is how many seconds before the newest event they begin."""
    OVERLAP_S = 14

    def __init__(self, fault=lambda back_s: None):
        self.fault, self.start, self.newest = fault, time.monotonic(), 0
        self.asked = []  # (when, how far back): seconds
        self.server = LogsServer()
        filtered = self.server.filter

        def watched(asked):
            back_s = (self.newest - asked.get("startTime", 0)) / 1000
            self.asked.append((self.now(), back_s))
            return self.fault(back_s) or filtered(asked)
        self.server.filter = watched

    def now(self):
        return time.monotonic() - self.start

    def put(self, name, ago_s=0.0):
        at = int((time.time() - ago_s) * 1000)
        self.newest = max(self.newest, at)
        # The late one is known by the size of its page.
        self.server.put("g", [now_line(name, ago_s, "x" * 20000 if name == "late" else "")], at=at)

    def run(self, script, position_ms=0, seconds=60):
        """Puts an event a second beside those of the script, {second: function}, until "late" was
        handed on once; gives the lines."""
        with self.server as aws:
            self.put("first")
            f = Follower(aws, "cloudwatch:g", overlap_ms=self.OVERLAP_S * 1000,
                         position_ms=position_ms)
            try:
                for second in range(seconds):
                    self.put(f"n{second}")
                    script.get(second, lambda: None)()
                    f.until(lambda _, s=second: self.now() > s + 1)
                    if script and second > max(script) and self.found(f):
                        break
                return f.lines()
            finally:
                f.end()
                self.found_late = self.found(f)

    @staticmethod
    def found(follower):
        large = [one for one in pages(follower.lines()) if int(one.partition(" bytes=")[2]) > 20000]
        assert len(large) < 2, large
        return len(large) == 1


def late_while_following(_logs, _tmp):
    """An event that is late by no more than the overlap is found by the thorough passes: also when one
    of them fails, when the service is away for longer than the overlap, and after a restart."""
    def once():
        failed = []

        def fault(back_s):
            if not failed and 12 < back_s < 1e6:
                failed.append(back_s)
                return logs_server.denied()
            return None
        return fault

    def away(back_s, clock=None):
        return logs_server.denied() if 4 < clock[0].now() < 20 else None
    clock = []
    worlds = {"no fault": Thorough(), "one thorough pass fails": Thorough(once()),
              "an outage": Thorough(lambda back_s: away(back_s, clock))}
    clock.append(worlds["an outage"])
    jobs = {name: Background(world.run, {3: lambda w=world: w.put("late", 13)})
            for name, world in worlds.items()}
    for name, job in jobs.items():
        job.join(120)
        assert worlds[name].found_late, (name, worlds[name].asked)
        assert any(12 < back < 1e6 for _, back in worlds[name].asked), "no thorough pass was made"
        near = [back for when, back in worlds[name].asked if 2 < when < 4]
        assert near and max(near) < 12, near


def position_of_a_follower(_logs, _tmp):
    """What is promised lets a restart find late events, too: it does not pass the last thorough
    pass, since what is late by the overlap may come until the next one."""
    world, begun = Thorough(), time.time() * 1000
    lines = world.run({}, seconds=6)
    at = [int(re.search(r"position=(\d+)", one)[1]) for one in pages(lines)]
    assert len(at) >= 4 and max(at) < begun + 2500, (begun, at)
    again = Thorough()
    again.put("late", 13)  # it came while nothing ran
    again.run({0: lambda: None}, position_ms=max(at), seconds=5)
    assert again.found_late, again.asked


def named_again(_logs, _tmp):
    """A page whose bodies are missing is named again, and holds the position back until then."""
    with LogsServer() as aws:
        aws.put("g", [now_line("a", 60)])
        f = Follower(aws, "cloudwatch:g", outcomes="afk", position_ms=1000)
        try:
            f.until(lambda lines: len(pages(lines)) == 1)
            aws.put("g", [now_line("b", 30)])
            f.until(lambda lines: len(pages(lines)) == 2)
            aws.put("g", [now_line("c")])
            lines = f.until(lambda lines: len(pages(lines)) == 3)
            assert all(" position=1000 " in one for one in pages(lines)), lines
            # a and b once more, after five seconds.
            lines = f.until(lambda lines: len(pages(lines)) == 5)
            aws.put("g", [now_line("d")])
            last = f.until(lambda lines: len(pages(lines)) == 6)[-1]
            at = int(re.search(r"position=(\d+)", last)[1])
            assert time.time() * 1000 - at < 40000, "everything up to c is kept"
        finally:
            state = f.end()
        equal((state["named"], state["again"], state["failed"]), ("6", "1", "1"), state)


def bodies_that_never_come(_logs, _tmp):
    """Pages that wait for their bodies do not hold up those behind them."""
    with LogsServer(page_events=1) as aws:
        aws.put("g", [now_line(f"r{i}", 60) for i in range(400)])
        f = Follower(aws, "cloudwatch:g", outcomes="a" * 5000)
        try:
            f.until(lambda _: len(aws.queries) >= 400, 90)
        finally:
            f.end()


def trouble_while_following(_logs, _tmp):
    """A failure is told once, tried again with growing pauses, and shown."""
    with LogsServer() as aws:
        f = Follower(aws, "cloudwatch:g")
        try:
            f.until(lambda lines: lines and "does not exist" in lines[0])
            f.until(lambda _: len(aws.queries) >= 4)
            equal(f.lines()[1:], ["failing 1"], f.lines())
            aws.put("g", [now_line("a")])
            f.until(lambda lines: len(pages(lines)) == 1)
            aws.faults = [logs_server.denied() for _ in range(3)]
            f.until(lambda lines: any("not authorized" in one for one in lines))
            f.until(lambda _: not aws.faults)
        finally:
            state = f.end()
        equal(len([one for one in f.lines() if one.startswith("problem")]), 2, f.lines())
        equal(state["kept"], "1", state)


def one_group_of_many(_logs, _tmp):
    """A group that may not be read stays shown while others are read, and is told of once, though
    each answer has a number of its own."""
    with LogsServer() as aws:
        aws.put("g-bad", [now_line("hidden")])
        aws.put("g-good", [now_line("seen")])
        closed = [True]
        filtered = aws.filter
        aws.filter = lambda asked: (logs_server.denied() if closed[0] and
                                    asked["logGroupName"] == "g-bad" else filtered(asked))
        f = Follower(aws, "cloudwatch:g-*")
        try:
            f.until(lambda _: len(aws.queries) >= 20)
            closed[0] = False
            f.until(lambda lines: len(pages(lines)) == 2 and "failing 0" in lines)
        finally:
            f.end()
        shown = [one for one in f.lines() if one.startswith(("problem", "failing"))]
        equal((len(shown), shown[1:]), (3, ["failing 1", "failing 0"]), shown)


def stopping(_logs, _tmp):
    """It stops soon, also while the service does not answer."""
    with LogsServer() as aws:
        aws.put("g", [now_line("a")])
        aws.on_page = lambda n: time.sleep(5) if n == 2 else None
        f = Follower(aws, "cloudwatch:g")
        f.until(lambda _: len(aws.queries) >= 3)
        f.end()


def main():
    tap = Tap()
    with temporary() as tmp:
        logs = Logs(tmp, "--users", 4, "--days", 2, "--seed", 3, "--bodies", "none")
        for what, test in (
                ("totals are those of the same records in files, whatever the pages look like",
                 pages_of_all_kinds),
                ("events with escapes are read as files with them are", other_forms),
                ("throttling and outages cost time only", throttling),
                ("five requests a second, not more", politeness),
                ("pages that go round in a circle end with an error", circles),
                ("a token that has expired", expired_token),
                ("what cannot be read is told with what to check", refusals),
                ("a run that was cut short is continued", denied_midway),
                ("many groups by a pattern", many_groups),
                ("groups of other accounts", other_accounts),
                ("the position survives: a second run reads little", position),
                ("--since and --until", period),
                ("late events and events out of order", late_and_out_of_order),
                ("kill -9 between pages", killed),
                ("the same from moto", moto),
                ("a follower hands each event on once", following),
                ("a follower finds late events", late_while_following),
                ("a follower promises what a restart can keep", position_of_a_follower),
                ("a follower names again what missed bodies", named_again),
                ("a follower goes on when bodies never come", bodies_that_never_come),
                ("a follower lives with failures", trouble_while_following),
                ("one group of many that fails stays shown", one_group_of_many),
                ("a follower stops at once", stopping)):
            tap.case(what, test, logs, tmp)
        for what, test in (("pages of a megabyte", megabyte_pages),
                           ("an S3 copy and a CloudWatch copy are one call", two_copies),
                           ("bodies in S3", bodies),
                           ("a body that comes later", body_comes_later),
                           ("a page that is read again", read_again)):
            tap.case(what, test, tmp)
    tap.done()


if __name__ == "__main__":
    sys.exit(main())
