"""The push source (source/push.h) as Firehose and others use it, over real sockets: push_probe
(tests/net) reads what is sent into a store. What was answered with 200 is in the store, once,
whatever was sent twice, refused or killed in between.
"""
import base64
import concurrent.futures
import contextlib
import gzip
import http.client
import json
import os
import random
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import uuid
import warnings

from support import Tap, environment, equal, line, record, temporary, total_of, write

PROBE = os.environ.get("PUSH_PROBE", "build/tests/net/push_probe")
KEY = "an-access-key+/=4711"
HOST = "127.0.0.1"
MIB = 1 << 20
PATIENCE = 60


class Probe:
    def __init__(self, store, *options, key=KEY, tls=None):
        where = os.path.dirname(store)
        if key is not None:
            options += ("--access-key", write(where + "/access.key", f" {key}\n".encode()))
        self.process = subprocess.Popen(
            [PROBE, *map(str, options), store], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env=environment(), text=True)
        self.tls = tls
        first = self.process.stdout.readline()
        self.port = int(first.split()[1]) if first.startswith("port") else None
        self.failed = None if self.port else first
        self.troubles, self.answers, self.last = [], [], None
        self.reading = threading.Thread(target=self._read)
        self.reading.start()

    def _read(self):
        for text in self.process.stdout:
            if text.startswith("trouble"):
                self.troubles.append(text)
            else:
                self.answers.append(text)

    def ask(self, word):
        known = len(self.answers)
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()
        until = time.time() + PATIENCE
        while len(self.answers) == known and time.time() < until:
            time.sleep(0.01)
        return self.answers[known]

    def state(self):
        words = self.ask("state").split()[2:]
        return {k: int(v) for k, v in zip(words[::2], words[1::2])}

    def stop(self, code=0):
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        equal(self.process.wait(PATIENCE), code, "exit code of the probe")
        self.reading.join()

    def connect(self, timeout=PATIENCE):
        if self.tls:
            return http.client.HTTPSConnection("localhost", self.port, timeout=timeout,
                                               context=self.tls)
        return http.client.HTTPConnection(HOST, self.port, timeout=timeout)

    def post(self, body, headers=None, method="POST", path="/any/path?x=1"):
        connection = self.connect()
        try:
            connection.request(method, path, body,
                               {"X-Amz-Firehose-Access-Key": KEY, **(headers or {})})
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def firehose(self, datas, request_id=None, compress=True, headers=None, body=None):
        """One delivery as Firehose makes it; the answer is checked as it checks it."""
        request_id = request_id or str(uuid.uuid4())
        if body is None:
            body = batch(request_id, datas)
        sent = {"Content-Type": "application/json", "X-Amz-Firehose-Protocol-Version": "1.0",
                "X-Amz-Firehose-Request-Id": request_id,
                "X-Amz-Firehose-Source-Arn":
                    "arn:aws:firehose:us-east-1:012345678901:deliverystream/logs",
                "X-Amz-Firehose-Common-Attributes": '{"commonAttributes":{"a":"b"}}'}
        if compress:
            body = gzip.compress(body, 1)
            sent["Content-Encoding"] = "gzip"
        sent.update(headers or {})
        answer = self.post(body, sent)
        said = json.loads(answer.body)
        equal(answer.headers["Content-Type"], "application/json", "type of the answer")
        equal(int(answer.headers["Content-Length"]), len(answer.body), "length of the answer")
        equal(said["requestId"], request_id, "request id")
        assert abs(said["timestamp"] - time.time() * 1000) < 60000, said
        equal("errorMessage" in said, answer.status != 200, "error message")
        return answer


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def message(self):
        return json.loads(self.body)["errorMessage"]


def batch(request_id, datas):
    return json.dumps({"requestId": request_id, "timestamp": int(time.time() * 1000), "records": [
        {"data": base64.b64encode(d).decode()} for d in datas]}).encode()


def message(*records, kind="DATA_MESSAGE"):
    """A CloudWatch Logs subscription message (bedrock-logs facts, 4.2)."""
    return json.dumps({"messageType": kind, "owner": "012345678901", "logGroup": "bedrock",
                       "logStream": "aws/bedrock/modelinvocations", "subscriptionFilters": ["all"],
                       "logEvents": [{"id": str(i), "timestamp": 1790000000000 + i,
                                      "message": json.dumps(r)} for i, r in enumerate(records)]
                       }).encode()


@contextlib.contextmanager
def probing(*options, expect=None, **more):
    """A probe over a new store; in the end the store must hold `expect` invocations."""
    with temporary() as place:
        store = os.path.join(place, "s.db")
        probe = Probe(store, *options, **more)
        try:
            assert not probe.failed, probe.failed
            yield probe
            probe.stop()
            if expect is not None:
                equal(held(store), expect, "invocations in the store")
        finally:
            probe.process.kill()
            probe.process.wait()


def held(store):
    return int(total_of("--store", store)["invocations"])


# ---- what is taken

def each_call_counts_once():
    """Deliveries beside one another, each sent up to three times under its id (Firehose repeats
    what it got no answer for)."""
    rng = random.Random(4)
    batches = [(str(uuid.uuid4()), [gzip.compress(message(*(record(f"b{b}-d{d}-r{r}")
                for r in range(3)))) for d in range(4)]) for b in range(30)]
    sendings = [b for b in batches for _ in range(rng.randint(1, 3))]
    rng.shuffle(sendings)
    with probing(expect=30 * 4 * 3) as probe:
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            for answer in pool.map(lambda b: probe.firehose(b[1], b[0], rng.random() < 0.5),
                                   sendings):
                equal(answer.status, 200)
        state = probe.state()
        equal((state["named"], state["kept"], state["waiting"]),
              (len(sendings), len(sendings), 0), "state")


def every_shape_of_data():
    """bedrock-logs 42: subscription messages and records, whatever wraps them, give what the
    records alone give."""
    g = gzip.compress
    datas = [g(message(record("1"), record("2"))), message(record("3")), line("4") + line("5"),
             g(line("6")), g(message(record("7"))) + g(message(record("8"))),
             json.dumps(record("9")).encode() + json.dumps(record("10")).encode(),
             message(record("11")) + message(record("12")),
             g(message(kind="CONTROL_MESSAGE")), b"", g(b"")]
    with probing(expect=12) as probe:
        equal(probe.firehose(datas).status, 200)
        probe.stop()
        assert probe.answers[-1].startswith("records 12 quarantined 0"), probe.answers


def plain_bodies():
    g = gzip.compress
    lambda_event = json.dumps({"awslogs": {"data": base64.b64encode(
        g(message(record("1"), record("2")))).decode()}}).encode()
    with probing(expect=9) as probe:
        for body, headers in ((lambda_event, {}), (message(record("3")), {}),
                              (g(message(record("4"))), {}),
                              (g(line("5")), {"Content-Encoding": "gzip"}),
                              (line("6") + line("7"), {"Content-Encoding": "identity"}),
                              (iter([line("8"), line("9")]), {}),
                              (b"", {})):
            answer = probe.post(body, headers)
            equal((answer.status, list(json.loads(answer.body))), (200, ["timestamp"]))
        bearer = {"X-Amz-Firehose-Access-Key": KEY, "Authorization": "Bearer x"}
        equal(probe.post(line("9"), bearer).status, 200)
        connection = probe.connect()
        connection.request("POST", "/", line("9"), {"Authorization": f"bearer {KEY}"})
        equal(connection.getresponse().status, 200)
        connection.close()


def the_answer_waits_for_the_commit():
    with temporary() as place:
        store = os.path.join(place, "s.db")
        probe = Probe(store)
        try:
            for i in range(5):
                equal(probe.firehose([line(f"r{i}")]).status, 200)
                equal(held(store), i + 1, "in the store when the answer is there")
        finally:
            probe.process.kill()
            probe.process.wait()


def common_attributes_as_large_as_they_may_be():
    """50 attributes of 256 + 1024 characters."""
    text = json.dumps({"commonAttributes": {f"{i:0256}": "v" * 1024 for i in range(50)}})
    with probing(expect=1) as probe:
        equal(probe.firehose([line("1")], headers={"X-Amz-Firehose-Common-Attributes": text,
                                                   "X-Filler": "x" * 4096}).status, 200)


def large_batches_of_small_records_pass_the_limit_of_a_line():
    with probing("--max-line", 65536, expect=2000) as probe:
        equal(probe.firehose([line(f"r{i}") for i in range(2000)]).status, 200)
        equal(probe.troubles, [], "troubles")


# ---- what is refused

def wrong_keys():
    with probing(expect=1) as probe:
        for key in ("", "x", KEY[:-1], KEY + "x", KEY.upper(), "x" * 4096):
            answer = probe.firehose([line("0")], headers={"X-Amz-Firehose-Access-Key": key})
            equal((answer.status, answer.message()), (401, "access key missing or wrong"))
            assert KEY not in str(answer.headers)
        connection = probe.connect()
        connection.request("POST", "/", line("0"))
        equal(connection.getresponse().status, 401)
        connection.close()
        # Told once a minute, by number.
        equal(probe.firehose([line("1")]).status, 200)
        time.sleep(0.5)
        equal(len(probe.troubles), 1, "troubles")
        assert re.search(r"push:probe -1 \d requests? without the right access key",
                         probe.troubles[0]), probe.troubles
        equal(probe.state()["failing"], 0)


def a_wrong_key_is_told_before_the_body_is_sent():
    with probing(expect=0) as probe, socket.create_connection((HOST, probe.port)) as s:
        s.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 20000000\r\n"
                  b"Expect: 100-continue\r\n\r\n")
        assert s.recv(4096).startswith(b"HTTP/1.1 401 ")


def without_a_key_only_this_machine():
    with temporary() as place:
        probe = Probe(place + "/s.db", "--listen", "0.0.0.0:0", key=None)
        assert "needs an access key" in probe.failed, probe.failed
        probe.stop(3)
        for text, wanted in ((b" \n", "wanted is an access key"), (b"x" * 5000, "wanted is")):
            probe = Probe(place + "/s.db", "--access-key", write(place + "/k", text), key=None)
            assert wanted in probe.failed and "xxx" not in probe.failed, probe.failed
            probe.stop(3)
        probe = Probe(place + "/s.db", "--listen", "nowhere", key=None)
        assert "wanted is host:port" in probe.failed, probe.failed
        probe.stop(3)
    with probing(key=None, expect=1) as probe:
        equal(probe.firehose([line("1")], headers={"X-Amz-Firehose-Access-Key": ""}).status, 200)


def malformed_requests():
    good = batch("id", [line("0")])
    bodies = (b"", b"{", b"[]", good[:-1], good + b"}", good.replace(b'"id"', b'"other"'),
              b'{"requestId":"id"}', b'{"requestId":"id","records":{}}', b"\xff" + good,
              b'{"requestId":"id","records":[1]}', b'{"requestId":"id","records":[{}]}',
              b'{"requestId":"id","records":[{"data":7}]}', b'{"records":[]}',
              b"[" * 100000, b'{"requestId":"id","records":[' + b"[" * 1000)
    with probing(expect=0) as probe:
        for body in bodies:
            answer = probe.firehose(None, "id", random.random() < 0.5, body=body)
            equal(answer.status, 400, str(body[:60]))
            assert "malformed" in answer.message(), answer.message()
        for headers in ({"X-Amz-Firehose-Protocol-Version": "2.0"},
                        {"X-Amz-Firehose-Request-Id": "x" * 1000},
                        {"X-Amz-Firehose-Request-Id": "a\tb"}):
            equal(probe.post(good, {"X-Amz-Firehose-Request-Id": "id", **headers}).status, 400)
        equal(probe.post(b"", method="GET").status, 405)
        equal(probe.post(b"", method="PUT").headers["Allow"], "POST")
        equal(probe.post(line("0"), {"Content-Encoding": "br"}).status, 415)
        equal(probe.state()["named"], 0)


def broken_gzip():
    whole = gzip.compress(b"".join(line(f"r{i}") for i in range(1000)))
    bad = (whole[:-9], whole[:100], b"\x1f\x8b\x08" + b"x" * 100, b"no gzip", whole + b"behind",
           whole[:500] + b"\0" + whole[501:])
    with probing(expect=0) as probe:
        for body in bad:
            answer = probe.post(body, {"Content-Encoding": "gzip"})
            equal(answer.status, 400)
            answer = probe.firehose(None, "id", False, {"Content-Encoding": "gzip"}, body)
            equal(answer.status, 400)
        equal(probe.state()["named"], 0)


def unreadable_records_are_kept_apart():
    """Sent again and again they would hold up all that is behind them."""
    body = json.dumps({"requestId": "id", "records": [
        {"data": "!!!not base64"}, {"data": base64.b64encode(line("1")).decode()},
        {"data": base64.b64encode(gzip.compress(line("x"))[:-9]).decode()},
        {"data": base64.b64encode(b'{"requestId": SECRET').decode()},
        {"data": base64.b64encode(line("2")).decode()}]}).encode()
    with probing(expect=3) as probe:  # of the cut gzip the whole text can be saved
        equal(probe.firehose(None, "id", body=body).status, 200)
        probe.stop()
        equal(len(probe.troubles), 3, str(probe.troubles))
        offsets = [int(t.split()[2]) for t in probe.troubles]
        assert len(set(offsets)) == 3, offsets
        assert "SECRET" not in str(probe.troubles)


# ---- sizes and times

def big_lines(size):
    """About `size` bytes of records with a large body each, which do not shrink."""
    rng = random.Random(size)
    pad = base64.b64encode(rng.randbytes(200000)).decode()
    n = size // len(line("r", pad=pad))
    return [line(f"r{i}", pad=pad[i:]) for i in range(n)]


def twenty_megabytes():
    records = big_lines(15 * MIB)  # 20 MiB as base64
    with probing(expect=len(records)) as probe:
        for compress in (False, True):
            body = batch("id", records)
            assert len(body) > 20_000_000, len(body)
            equal(probe.firehose(None, "id", compress, body=body).status, 200)
        equal(probe.post(b"".join(records)).status, 200)
        equal(probe.state()["waiting"], 0)


def many_large_bodies_in_bounded_memory():
    """At most the bytes that may wait, one body, and what reading takes."""
    records = big_lines(9 * MIB)
    body = gzip.compress(batch("id", records), 1)
    with probing("--body-max", 16 * MIB, "--queue-max", 32 * MIB, expect=len(records)) as probe:
        def send(_):
            while True:
                answer = probe.firehose(None, "id", False, {"Content-Encoding": "gzip"}, body)
                if answer.status != 503:
                    return answer.status
                equal(answer.headers["Retry-After"], "5")
                time.sleep(0.05)
        with concurrent.futures.ThreadPoolExecutor(12) as pool:
            equal(set(pool.map(send, range(24))), {200})
        peak = int(probe.ask("memory").split()[1]) / 1024
        if "asan" not in PROBE and "tsan" not in PROBE:
            assert peak < 32 + 16 + 120, f"{peak} MiB"


def send_raw(port, head, chunks, wait=PATIENCE):
    """(what was answered, how many bytes were sent until then)"""
    sent = 0
    with socket.create_connection((HOST, port), timeout=wait) as s:
        s.sendall(head)
        try:
            for chunk in chunks:
                s.sendall(chunk)
                sent += len(chunk)
        except OSError:
            pass
        found = b""
        with contextlib.suppress(OSError):
            while b"\r\n\r\n" not in found:
                part = s.recv(65536)
                if not part:
                    break
                found += part
        return found, sent


def too_large():
    head = (f"POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Firehose-Access-Key: {KEY}\r\n").encode()
    size = 25 * MIB
    with probing("--body-max", MIB, expect=1) as probe:
        found, sent = send_raw(probe.port, head + b"Content-Length: %d\r\n\r\n" % size,
                               (bytes(65536) for _ in range(size // 65536)))
        assert found.startswith(b"HTTP/1.1 413 "), found
        assert sent < size, "it was read to its end"
        chunk = b"10000\r\n" + bytes(65536) + b"\r\n"
        found, sent = send_raw(probe.port, head + b"Transfer-Encoding: chunked\r\n\r\n",
                               (chunk for _ in range(size // 65536)))
        assert sent < size, "a body without length was read to its end"
        # One that is only a little too long is told so.
        found, _ = send_raw(probe.port, head + b"Transfer-Encoding: chunked\r\n\r\n",
                            [chunk] * 20 + [b"0\r\n\r\n"])
        assert found.startswith(b"HTTP/1.1 413 "), found
        # Firehose drops for good what is answered with 413.
        found, _ = send_raw(probe.port, head + b"X-Amz-Firehose-Request-Id: i-1\r\n"
                            b"Content-Length: %d\r\n\r\n" % size, [])
        assert found.startswith(b"HTTP/1.1 400 ") and b'"requestId":"i-1"' in found, found
        bomb = gzip.compress(batch("id", [bytes(2 * MIB)]))
        answer = probe.firehose(None, "id", False, {"Content-Encoding": "gzip"}, bomb)
        equal((answer.status, answer.message()),
              (400, "the body inflates to more than the limit"))
        equal(probe.post(line("1")).status, 200)


def oversized_headers():
    with probing(expect=1) as probe:
        for head in (b"X: " + b"x" * 300000 + b"\r\n",
                     b"".join(b"X-%d: y\r\n" % i for i in range(50000))):
            found, _ = send_raw(probe.port, b"POST / HTTP/1.1\r\nHost: x\r\n", [head, b"\r\n"])
            assert found.startswith(b"HTTP/1.1 431 ") or found == b"", found[:60]
        found, _ = send_raw(probe.port, b"POST /" + b"y" * 300000, [b" HTTP/1.1\r\n\r\n"])
        assert found.startswith(b"HTTP/1.1 414 ") or found == b"", found[:60]
        found, _ = send_raw(probe.port, b"POST / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 160000, [])
        assert found.startswith(b"HTTP/1.1 431 "), found[:60]
        equal(probe.post(line("1")).status, 200)


def ambiguous_lengths():
    head = (f"POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Firehose-Access-Key: {KEY}\r\n").encode()
    with probing(expect=0) as probe:
        for more in (b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
                     b"Content-Length: 3\r\nContent-Length: 30\r\n", b"Content-Length: -1\r\n",
                     b"Content-Length: 3x\r\n", b"Content-Length: 99999999999999999999999\r\n",
                     b"Transfer-Encoding: gzip, chunked\r\n"):
            found, _ = send_raw(probe.port, head + more + b"\r\n", [b"0\r\n\r\n"])
            assert re.match(rb"HTTP/1.1 (400|413|501) ", found), (more, found[:80])


def slow_senders():
    """Who sends a byte now and then is cut off in time, in the headers as in the body, and keeps
    nobody from being served."""
    begun = (b"POST / HTTP/1.1\r\nHost: x\r\n",
             f"POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Firehose-Access-Key: {KEY}\r\n"
             "Content-Length: 1000000\r\n\r\n".encode(), b"")

    def drip(head):
        start = time.time()
        with socket.create_connection((HOST, probe.port), timeout=PATIENCE) as s:
            try:
                s.sendall(head)
                while time.time() - start < PATIENCE:
                    s.sendall(b"x")
                    time.sleep(0.05)
            except OSError:
                pass
        return time.time() - start

    with probing("--request-ms", 1500, "--connections", 40, expect=5) as probe:
        with concurrent.futures.ThreadPoolExecutor(30) as pool:
            dripping = pool.map(drip, begun * 10)
            for i in range(5):
                equal(probe.post(line(f"r{i}")).status, 200)
            times = list(dripping)
        assert max(times) < 20, times
        equal(probe.state()["waiting"], 0)


def silent_sockets():
    """More sockets that say nothing, or not all, than there may be connections, from somebody without
    a key: whoever has something to deliver is served nevertheless, and who is in the middle of it is
    not disturbed."""
    head = f"POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Firehose-Access-Key: {KEY}\r\n".encode()
    body = line("slow")
    with probing("--connections", 40, expect=11) as probe, contextlib.ExitStack() as open_ones:
        slow = open_ones.enter_context(socket.create_connection((HOST, probe.port)))
        slow.sendall(head + b"Content-Length: %d\r\n\r\n" % len(body) + body[:10])
        kept = probe.connect()
        kept.request("POST", "/", line("r0"), {"X-Amz-Firehose-Access-Key": KEY})
        equal(kept.getresponse().read()[:1], b"{", "answer")
        for i in range(150):
            s = open_ones.enter_context(socket.create_connection((HOST, probe.port)))
            s.sendall((b"", b"POST / HTTP/1.1\r\n", b"\x16\x03\x01")[i % 3])
        start = time.time()
        for i in range(1, 9):
            equal(probe.post(line(f"r{i}")).status, 200)
        took = time.time() - start
        assert took < (40 if "san" in PROBE else 8), f"{took} s"
        # Who was served before stays longer than who was not.
        kept.request("POST", "/", line("r9"), {"X-Amz-Firehose-Access-Key": KEY})
        equal(kept.getresponse().status, 200, "on the connection from before")
        slow.sendall(body[10:])
        assert slow.recv(4096).startswith(b"HTTP/1.1 200 ")


def silence_ends_soon():
    """Ten seconds by default for who has not shown the key; who has may be silent for longer."""
    with probing("--first-ms", 700, expect=2) as probe:
        kept = probe.connect()
        kept.request("POST", "/", line("1"), {"X-Amz-Firehose-Access-Key": KEY})
        equal(kept.getresponse().read()[:1], b"{", "answer")
        for said in (b"", b"POST / HTTP/1.1\r\nHost: x\r\n", b"POST / HTTP/1.1\r\nHost: x\r\n"
                     b"Content-Length: 1000\r\n\r\n"):
            start = time.time()
            with socket.create_connection((HOST, probe.port), timeout=PATIENCE) as s:
                s.sendall(said)
                with contextlib.suppress(OSError):
                    while s.recv(4096):
                        pass
            assert 0.5 < time.time() - start < 10, (said, time.time() - start)
        kept.request("POST", "/", line("2"), {"X-Amz-Firehose-Access-Key": KEY})
        equal(kept.getresponse().status, 200, "after two seconds and more")


def refused_deliveries_are_told():
    """Each reason once, with their number counted; the source is failing, also when others pass."""
    with probing("--body-max", MIB, expect=1) as probe:
        for _ in range(3):
            equal(probe.firehose(None, "id", body=b"{}").status, 400)
            equal(probe.firehose([bytes(2 * MIB)]).status, 400)
            equal(probe.post(b"", method="GET").status, 405)
            equal(probe.post(b"x", {"Content-Encoding": "br"}).status, 415)
        equal(probe.firehose([line("1")]).status, 200)
        until = time.time() + PATIENCE
        while len(probe.troubles) < 4 and time.time() < until:
            time.sleep(0.05)
        time.sleep(0.5)
        equal(len(probe.troubles), 4, str(probe.troubles))
        for text in ("refused: the request is malformed: ", "refused: the body inflates to more than",
                     "refused: only POST is taken here (answered 405)",
                     "refused: of content encodings only gzip is understood (answered 415)"):
            equal(sum(text in told for told in probe.troubles), 1, str(probe.troubles))
        state = probe.state()
        equal((state["refused"], state["failing"], state["kept"]), (12, 1, 1), "state")


def bodies_without_length():
    """They take room as they grow, and Firehose's get an answer that it understands."""
    head = (f"POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Firehose-Access-Key: {KEY}\r\n"
            "Transfer-Encoding: chunked\r\n").encode()
    chunk = b"10000\r\n" + bytes(65536) + b"\r\n"
    with probing("--body-max", 4 * MIB, "--queue-max", 10 * MIB, expect=3) as probe:
        found, _ = send_raw(probe.port, head + b"X-Amz-Firehose-Request-Id: i-1\r\n\r\n",
                            [chunk] * 70 + [b"0\r\n\r\n"])
        assert found.startswith(b"HTTP/1.1 400 ") and b"application/json" in found, found
        # Four that have just begun keep nobody out; four that have grown do.
        with contextlib.ExitStack() as open_ones:
            begun = [open_ones.enter_context(socket.create_connection((HOST, probe.port)))
                     for _ in range(4)]
            for s in begun:
                s.sendall(head + b"\r\n1\r\n{\r\n")
            time.sleep(0.3)
            for i in range(2):
                equal(probe.post(line(f"r{i}")).status, 200)
            for s in begun[:2]:
                s.sendall(chunk * 60)
            time.sleep(10 if "san" in PROBE else 2)  # until they are read; what asks would be in the way
            equal(probe.post(b"{}\n").status, 503)
        until = time.time() + PATIENCE
        while (status := probe.post(line("r2", pad="x" * 2 * MIB)).status) == 503 and \
                time.time() < until:
            time.sleep(0.05)
        equal(status, 200, "there is room again")


def many_small_records_in_bounded_memory():
    """The index of such a body would take more than the body, and so would its lines."""
    def body(n):
        return b'{"requestId":"id","records":[' + b",".join([b'{"data":"e30="}'] * n) + b"]}"
    with probing("--body-max", 24 * MIB, "--queue-max", 48 * MIB, expect=0) as probe:
        equal(probe.firehose(None, "id", body=body(100_000)).status, 200)
        before = int(probe.ask("memory").split()[1]) / 1024
        answer = probe.firehose(None, "id", False, body=body(1_500_000))
        equal((answer.status, answer.message()),
              (400, "the request is malformed: there are too many records"))
        peak = int(probe.ask("memory").split()[1]) / 1024
        print(f"# memory {before:.0f} MiB, with a body of 23 MiB {peak:.0f} MiB")
        if "san" not in PROBE:
            assert peak < before + 40, f"{before} MiB, then {peak} MiB"
        answer = probe.firehose([bytes(5 * MIB)])
        assert "a record is longer than" in answer.message(), answer.message()


def many_connections():
    """More than are let in at once: the others wait."""
    with probing("--connections", 20, expect=200) as probe:
        with concurrent.futures.ThreadPoolExecutor(100) as pool:
            answers = list(pool.map(lambda i: probe.post(line(f"r{i}")).status, range(200)))
        equal(set(answers), {200})


def kept_connections():
    with probing(expect=20) as probe:
        connection = probe.connect()
        for i in range(20):
            connection.request("POST", "/", line(f"r{i}"), {"X-Amz-Firehose-Access-Key": KEY})
            answer = connection.getresponse()
            equal((answer.status, answer.will_close), (200, False))
            answer.read()
        connection.close()


def noise():
    rng = random.Random(7)
    with probing(expect=1) as probe:
        for _ in range(200):
            with socket.create_connection((HOST, probe.port)) as s, contextlib.suppress(OSError):
                head = rng.choice((b"", b"POST / HTTP/1.1\r\n", b"\x16\x03\x01", b"GET http://"))
                s.sendall(head + rng.randbytes(rng.randrange(300)))
                if rng.random() < 0.5:
                    s.sendall(b"\r\n\r\n")
        equal(probe.post(line("1")).status, 200)


# ---- when the program fails, stops or dies

def too_much_waits():
    """Nothing is read: what does not fit is refused at once, and all else at the end."""
    body = line("x", pad="x" * (MIB - 400))
    with probing("--deaf", 1, "--body-max", MIB, "--queue-max", 4 * MIB, expect=0) as probe:
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            waiting = [pool.submit(probe.post, body) for _ in range(4)]
            until = time.time() + PATIENCE
            while probe.state()["waiting"] < 4 and time.time() < until:
                time.sleep(0.02)
            answer = probe.post(body)
            equal((answer.status, answer.headers["Retry-After"]), (503, "5"))
            probe.stop()
            equal([w.result().status for w in waiting], [503] * 4)


def stopping_answers_everybody():
    """What is committed gets 200, what is not gets 503 or no answer; nothing gets 200 without being
    in the store."""
    with temporary() as place:
        store = place + "/s.db"
        probe = Probe(store, "--slow", 20)
        kept = []

        def send(i):
            with contextlib.suppress(OSError, http.client.HTTPException):
                status = probe.post(line(f"r{i}")).status
                assert status in (200, 503), status
                kept.append(status == 200)
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            jobs = [pool.submit(send, i) for i in range(200)]
            time.sleep(0.5)
            probe.stop()
            for job in jobs:
                job.result()
        assert 0 < sum(kept) <= held(store), (sum(kept), held(store))


def killed_between_commit_and_answer():
    with temporary() as place:
        store = place + "/s.db"
        deliveries = [(str(uuid.uuid4()), [line(f"b{b}-{r}") for r in range(10)])
                      for b in range(6)]
        answered, killed = set(), 0
        for die in (1, 2, 3, 0):
            probe = Probe(store, *(("--die", die) if die else ()))
            for request_id, datas in deliveries:
                if request_id in answered:
                    continue
                try:
                    equal(probe.firehose(datas, request_id).status, 200)
                    answered.add(request_id)
                except (OSError, http.client.HTTPException):
                    killed += 1
                    break
            probe.stop(-signal.SIGKILL if die else 0)
        equal((len(answered), killed, held(store)), (6, 3, 60), "answered, killed, in the store")


def what_could_not_be_read_is_sent_again():
    with probing("--fail", 1, expect=1) as probe:
        answer = probe.firehose([line("1")], "id")
        equal(answer.status, 500)
        equal(probe.state()["failing"], 1)
        equal(probe.firehose([line("1")], "id").status, 200)
        state = probe.state()
        equal((state["failed"], state["kept"], state["failing"]), (1, 1, 0))


# ---- TLS

def openssl(place, *arguments):
    done = subprocess.run(["openssl", *arguments], cwd=place, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def authority(place, name):
    """name.ca, and name.pem with name.key for localhost signed by it."""
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    openssl(place, "req", "-x509", *curve, "-keyout", "ca.key", "-out", name + ".ca", "-days", "2",
            "-subj", f"/CN={name} authority")
    openssl(place, "req", *curve, "-keyout", name + ".key", "-out", name + ".csr", "-subj",
            "/CN=localhost")
    write(place + "/ext", b"subjectAltName=DNS:localhost\n")
    openssl(place, "x509", "-req", "-in", name + ".csr", "-CA", name + ".ca", "-CAkey", "ca.key",
            "-CAcreateserial", "-days", "2", "-extfile", "ext", "-out", name + ".pem")


def tls():
    with temporary() as place:
        authority(place, "first")
        authority(place, "second")
        for end in ("pem", "key"):
            os.link(f"{place}/first.{end}", f"{place}/now.{end}")
        trust = ssl.create_default_context(cafile=place + "/first.ca")
        pair = ("--certificate", place + "/now.pem", "--key", place + "/now.key")
        with probing(*pair, tls=trust, expect=2) as probe:
            equal(probe.firehose([line("1")]).status, 200)
            kept = probe.connect()
            kept.connect()
            equal(kept.sock.version(), "TLSv1.3")
            old = ssl.create_default_context(cafile=place + "/first.ca")
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                old.minimum_version = ssl.TLSVersion.TLSv1
                old.maximum_version = ssl.TLSVersion.TLSv1_1
            refused(lambda: socket.create_connection((HOST, probe.port)), old)
            # Files that do not belong together change nothing.
            os.replace(place + "/second.pem", place + "/now.pem")
            assert "reload done" not in probe.ask("reload")
            equal(probe.firehose([line("1")]).status, 200)
            os.replace(place + "/second.key", place + "/now.key")
            equal(probe.ask("reload"), "reload done\n")
            refused(lambda: socket.create_connection((HOST, probe.port)), trust)
            probe.tls = ssl.create_default_context(cafile=place + "/second.ca")
            equal(probe.firehose([line("2")]).status, 200)
            kept.request("POST", "/", line("2"), {"X-Amz-Firehose-Access-Key": KEY})
            equal(kept.getresponse().status, 200, "on the connection from before")
            kept.close()
            with socket.create_connection((HOST, probe.port)) as s, \
                    contextlib.suppress(OSError):
                s.sendall(b"POST / HTTP/1.1\r\nHost: x\r\n\r\n")
                assert b"HTTP" not in s.recv(4096)
        probe = Probe(place + "/s.db", "--certificate", place + "/now.pem")
        assert "a certificate needs its key" in probe.failed, probe.failed
        probe.stop(3)


def refused(connect, context):
    try:
        with connect() as s, context.wrap_socket(s, server_hostname="localhost"):
            pass
    except (ssl.SSLError, OSError):
        return
    raise AssertionError("the handshake worked")


def keys_change_while_it_runs():
    with probing(expect=1) as probe:
        with open(f"/proc/{probe.process.pid}/cmdline", encoding="utf-8") as file:
            path = file.read().split("\0--access-key\0")[1].split("\0")[0]
        write(path, b"another key")
        equal(probe.ask("reload"), "reload done\n")
        equal(probe.post(line("0")).status, 401)
        equal(probe.post(line("1"), {"X-Amz-Firehose-Access-Key": "another key"}).status, 200)
        write(path, b"\n")
        assert "reload done" not in probe.ask("reload")
        equal(probe.post(line("1"), {"X-Amz-Firehose-Access-Key": "another key"}).status, 200)


CASES = (
    each_call_counts_once, every_shape_of_data, plain_bodies, the_answer_waits_for_the_commit,
    common_attributes_as_large_as_they_may_be,
    large_batches_of_small_records_pass_the_limit_of_a_line, wrong_keys,
    a_wrong_key_is_told_before_the_body_is_sent, without_a_key_only_this_machine,
    malformed_requests, broken_gzip, unreadable_records_are_kept_apart, twenty_megabytes,
    many_large_bodies_in_bounded_memory, too_large, oversized_headers, ambiguous_lengths,
    slow_senders, silent_sockets, silence_ends_soon, refused_deliveries_are_told,
    bodies_without_length, many_small_records_in_bounded_memory, many_connections, kept_connections, noise, too_much_waits,
    stopping_answers_everybody, killed_between_commit_and_answer,
    what_could_not_be_read_is_sent_again, tls, keys_change_while_it_runs,
)


def main():
    tap = Tap()
    for case in CASES:
        if len(sys.argv) > 1 and case.__name__ not in sys.argv:
            continue
        tap.case(case.__name__.replace("_", " "), case)
    tap.done()


if __name__ == "__main__":
    main()
