"""net/http.h against servers on loopback that do what servers do, and what they should not.

http_probe (tests/net) sends the requests; each answer it tells of is an Answer here. Whatever goes
wrong, no message may hold a part of the query or of the headers: every request has a SECRET in both.
"""
import concurrent.futures
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import time
import warnings

import fault_proxy as fp
from fault_proxy import FaultProxy, Listener, read_request, reset
from support import Tap, environment, equal, limit_file_size, memory_disk, temporary

PROBE = os.environ.get("HTTP_PROBE", "build/tests/net/http_probe")
PRELOAD = os.environ.get("FAULTS_PRELOAD", "")
HOST = "127.0.0.1"
QUERY = "?X-Amz-Signature=SECRET"
HEADER = ("--header", "Authorization: SECRET")
LINE = re.compile(r"answer (\w+) (\d+) (\d+) (\d+) (\d+) in-(memory|file) (\d+)( open)?\n(?:because (.*)\n)?")
# CURLcodes
NO_NAME, NO_CONNECTION, TIMEOUT, NOTHING_CAME, LOST = 6, 7, 28, 52, 56


class Answer:
    def __init__(self, match):
        self.status, self.native, self.http, self.bytes, self.connections = (
            match[1], int(match[2]), int(match[3]), int(match[4]), int(match[5]))
        self.in_file, self.ms, self.why = match[6] == "file", int(match[7]), match[9] or ""
        self.open = bool(match[8])
        self.head = self.body = None


def probe(port, *targets, options=(), method="GET", scheme="http", host=HOST, keep=False, env=(),
          before=None):
    """The answers to the targets, sent one after another by one client."""
    with temporary(memory_disk()) as out:
        command = [PROBE, *HEADER, *map(str, options), *(("--out", out) if keep else ()), method,
                   scheme, host, str(port), *targets]
        done = subprocess.run(command, capture_output=True, env=environment(**dict(env)), timeout=120,
                              check=False, preexec_fn=before)
        text, said = done.stdout.decode(), done.stderr.decode("utf-8", "backslashreplace")
        assert done.returncode == 0 and not said, f"{done.returncode}: {said}\n{text}"
        assert "SECRET" not in text, text
        answers = [Answer(m) for m in LINE.finditer(text)]
        for i, answer in enumerate(answers if keep else ()):
            with open(f"{out}/{i}.headers", "rb") as file:
                answer.head = file.read()
            with open(f"{out}/{i}.body", "rb") as file:
                answer.body = file.read()
        return answers


def one(port, target="/" + QUERY, **more):
    answers = probe(port, target, keep=True, **more)
    assert len(answers) == 1, answers
    return answers[0]


class Server(Listener):
    """Answers each request by a function of (server, connection, request) that is false when the
    connection is to be closed."""

    def __init__(self, act, wrap=None):
        super().__init__(wrap)
        self.act, self.seen = act, []

    def serve(self, connection):
        with connection.makefile("rb") as file:
            while True:
                request = read_request(file, connection)
                if request is None:
                    return
                with self.lock:
                    self.seen.append(request)
                if not self.act(self, connection, request):
                    return


def reply(connection, body=b"", head=b"HTTP/1.1 200 OK\r\n", length=None):
    length = len(body) if length is None else length
    connection.sendall(head + b"Content-Length: %d\r\n\r\n" % length + body)
    return True


def echo(_server, connection, request):
    """What was sent comes back as the body."""
    return reply(connection, b"" if request.method == "HEAD" else request.head + request.body,
                 length=len(request.head))


def raw(data, then=None):
    """A server that sends these bytes and closes the connection (or does something else)."""
    def act(_server, connection, _request):
        connection.sendall(data)
        if then:
            then(connection)
        return False
    return act


def hangs(server, _connection, _request):
    server.pause(60)
    return False


# ---- what is sent

TARGETS = ("/", "/a/../b//c/./d", "/..", "/../..", "//double//", "/%2F/%2f/%2e%2E/", "/a%20b+c",
           "/key=1/x", "/?a=+&b==&c=%2B&d", "/a?", "/a?b?c=/../", "/;:@&=+$,!*'()~-._[]|{}^`\"<>\\",
           "/%00%ff%", "/" + "k" * 1024, "/a?list-type=2&prefix=a%2Fb%3D1&continuation-token=1%2B/==")


def targets_are_sent_byte_for_byte():
    with Server(echo) as server:
        answers = probe(server.port, *TARGETS)
        equal([a.status for a in answers], ["OK"] * len(TARGETS))
        equal([r.head.split(b"\r\n")[0].decode() for r in server.seen],
              [f"GET {t} HTTP/1.1" for t in TARGETS])


def nothing_is_sent_that_was_not_given():
    given = ("--header", "X-Amz-Date: 2026", "--header", "x-empty:", "--header", "x-dots:  a:b ")
    wanted = {"authorization": "SECRET", "x-amz-date": "2026", "x-empty": "", "x-dots": "a:b"}
    with Server(echo) as server:
        host = {"host": f"{HOST}:{server.port}"}
        for method, body, more in (("GET", 0, {}), ("HEAD", 0, {}), ("DELETE", 0, {}),
                                   ("POST", 3, {}), ("PUT", 0, {}), ("POST", 3 << 20, {}),
                                   ("PUT", 3 << 20, {})):
            options = [*given, *(("--body-size", body) if body else ())]
            answer = one(server.port, options=options, method=method)
            equal((answer.status, answer.http), ("OK", 200), method)
            if body or method in ("POST", "PUT"):
                more = {"content-length": str(body)}
            request = server.seen[-1]
            equal((request.method, fp.fields(request.head)), (method, {**host, **wanted, **more}))
            equal(request.body, b"x" * body, "body")
        one(server.port, options=["--agent", "assay/1", "--header", "Accept: a/b", "--header",
                                  "Content-Type: c/d", "--header", "Host: other.test"])
        equal(fp.fields(server.seen[-1].head),
              {"host": "other.test", "authorization": "SECRET", "user-agent": "assay/1",
               "accept": "a/b", "content-type": "c/d"})


def requests_that_could_mean_something_else_are_refused():
    with Server(echo) as server:
        for target in ("", "a", "/a b", "/a#b", "/a\nb", "/\x7f", "/ä", "*"):
            equal(probe(server.port, target)[0].status, "ERR_USAGE", repr(target))
        for host in ("", "a@b", "a/b", "a b", "a:1", "[::1", "[::1]x", "a#", "a?b", "a%41", "ä"):
            equal(one(server.port, host=host).status, "ERR_USAGE", repr(host))
        for scheme in ("ftp", "file", "", "HTTP"):
            equal(one(server.port, scheme=scheme).status, "ERR_USAGE", repr(scheme))
        for header in ("no colon", ": no name", "a: b\rc: d"):
            equal(one(server.port, options=("--header", header)).status, "ERR_USAGE", repr(header))
        equal(one(70000).status, "ERR_USAGE")
        equal(server.seen, [])


# ---- connections

def calls_share_a_connection():
    with Server(echo) as server:
        equal([a.connections for a in probe(server.port, "/1", "/2", "/3")], [1, 1, 1])
        equal(server.connections, 1)


def a_closed_connection_is_opened_again():
    def announced(_server, connection, _request):
        return not reply(connection, b"x", b"HTTP/1.1 200 OK\r\nConnection: close\r\n")

    def silently(_server, connection, _request):
        return not reply(connection, b"x")
    for act in (announced, silently):
        with Server(act) as server:
            answers = probe(server.port, "/1", "/2", "/3", options=("--pause", 100))
            equal([(a.status, a.connections) for a in answers], [("OK", 1), ("OK", 2), ("OK", 3)])


def a_failure_does_not_spoil_the_next_call():
    def second_fails(server, connection, _request):
        if len(server.seen) != 2:
            return reply(connection, b"good")
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nbad")
        return False
    with Server(second_fails) as server:
        answers = probe(server.port, "/1", "/2", "/3", keep=True)
        equal([(a.status, a.http, a.body) for a in answers],
              [("OK", 200, b"good"), ("ERR_TRUNCATED", 0, b""), ("OK", 200, b"good")])


def threads_have_clients_of_their_own():
    with Server(echo) as server:
        answers = probe(server.port, *["/x"] * 20, options=("--threads", 8))
        equal([a.status for a in answers], ["OK"] * 160)
        equal(server.connections, 8)


# ---- what comes

OK_HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK_HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
TEN = b"0123456789"
# name: (what the server does, status, CURLcode or None: any, HTTP status, body)
ANSWERS = {
    "a length": (raw(OK_HEAD + b"Content-Length: 10\r\n\r\n" + TEN), "OK", 0, 200, TEN),
    "no length, HTTP/1.0": (raw(b"HTTP/1.0 200 OK\r\n\r\n" + TEN), "OK", 0, 200, TEN),
    "no length, HTTP/1.1": (raw(OK_HEAD + b"\r\n" + TEN), "OK", 0, 200, TEN),
    "chunks": (raw(CHUNKED + b"4\r\n0123\r\n6;x=y\r\n456789\r\n0\r\n\r\n"), "OK", 0, 200, TEN),
    "a trailer": (raw(CHUNKED + b"a\r\n" + TEN + b"\r\n0\r\nx-late: 1\r\n\r\n"), "OK", 0, 200, TEN),
    "100 before": (raw(b"HTTP/1.1 100 Continue\r\nx-a: 1\r\n\r\n" * 3 + OK_HEAD
                       + b"Content-Length: 10\r\n\r\n" + TEN), "OK", 0, 200, TEN),
    "gzip": (raw(OK_HEAD + b"Content-Encoding: gzip\r\nContent-Length: 10\r\n\r\n" + TEN),
             "OK", 0, 200, TEN),
    "204": (raw(b"HTTP/1.1 204 No Content\r\n\r\n"), "OK", 0, 204, b""),
    "304 with a length": (raw(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\n"),
                          "OK", 0, 304, b""),
    "301": (raw(b"HTTP/1.1 301 Moved\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 1\r\n\r\nx"),
            "OK", 0, 301, b"x"),
    "401": (raw(b"HTTP/1.1 401 No\r\nWWW-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n"),
            "OK", 0, 401, b""),
    "503": (raw(b"HTTP/1.1 503 Slow Down\r\nContent-Length: 10\r\n\r\n" + TEN), "OK", 0, 503, TEN),
    "a line of 64 KB": (raw(OK_HEAD + b"x-long: " + b"a" * 65536 + b"\r\nContent-Length: 0\r\n\r\n"),
                        "OK", 0, 200, b""),
    "a line of 120 KB": (raw(OK_HEAD + b"x-long: " + b"a" * 120000
                             + b"\r\nContent-Length: 0\r\n\r\n"), "ERR_NOMEM", None, 0, b""),
    "300 KB of headers": (raw(OK_HEAD + b"x-many: aaaaaaaaaaaaa\r\n" * 14000 + b"\r\n"),
                          "ERR_LIMIT", None, 0, b""),
    "100 for ever": (raw(b"HTTP/1.1 100 Continue\r\n\r\n" * 20000), "ERR_LIMIT", None, 0, b""),
    "a body too short": (raw(OK_HEAD + b"Content-Length: 11\r\n\r\n" + TEN),
                         "ERR_TRUNCATED", 18, 0, b""),
    "no body at all": (raw(OK_HEAD + b"Content-Length: 11\r\n\r\n"), "ERR_TRUNCATED", 18, 0, b""),
    "no last chunk": (raw(CHUNKED + b"a\r\n" + TEN + b"\r\n"), "ERR_TRUNCATED", 18, 0, b""),
    "half a chunk": (raw(CHUNKED + b"b\r\n" + TEN), "ERR_TRUNCATED", 18, 0, b""),
    "a malformed chunk": (raw(CHUNKED + b"zz\r\n" + TEN), "ERR_TRUNCATED", None, 0, b""),
    "a reset in the body": (raw(OK_HEAD + b"Content-Length: 11\r\n\r\n" + TEN, reset),
                            "ERR_TRUNCATED", LOST, 0, b""),
    "a reset in the headers": (raw(OK_HEAD + b"x-a: 1\r\n", reset), "ERR_IO", LOST, 0, b""),
    "a reset before": (raw(b"", reset), "ERR_IO", LOST, 0, b""),
    "closed at once": (raw(b""), "ERR_IO", NOTHING_CAME, 0, b""),
    "closed in the headers": (raw(OK_HEAD + b"x-a: 1\r\n"), "ERR_TRUNCATED", 0, 0, b""),
    "closed after 100": (raw(b"HTTP/1.1 100 Continue\r\n\r\n"), "ERR_IO", None, 0, b""),
    "no HTTP": (raw(b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n"), "ERR_IO", None, 0, b""),
    "HTTP/0.9": (raw(b"<html>SECRET</html>\n"), "ERR_IO", None, 0, b""),
    "a length that is none": (raw(OK_HEAD + b"Content-Length: SECRET\r\n\r\n" + TEN),
                              "ERR_IO", None, 0, b""),
    "a length beyond all": (raw(OK_HEAD + b"Content-Length: 99999999999999999999\r\n\r\n" + TEN),
                            "ERR_IO", 0, 0, b""),
    "two lengths": (raw(OK_HEAD + b"Content-Length: 10, 10\r\n\r\n" + TEN), "ERR_IO", 0, 0, b""),
}


def answer_is(name, act, status, native, http, body):
    with Server(act) as server:
        answer = one(server.port)
        equal((answer.status, answer.http, answer.body), (status, http, body), answer.why)
        equal(answer.open, name.startswith("no length"), "an open end")
        assert native in (None, answer.native), f"CURLcode {answer.native}: {answer.why}"
        assert (status == "OK") == (answer.why == ""), answer.why
        assert status == "OK" or answer.why.startswith(HOST + ": "), answer.why


def only_the_headers_of_the_final_answer_are_kept():
    for name in ("100 before", "a trailer"):
        with Server(ANSWERS[name][0]) as server:
            head = one(server.port).head
            assert head.startswith(OK_HEAD) and head.endswith(b"\r\n\r\n"), head
            assert b"x-a" not in head and b"x-late" not in head, head


def head_has_a_length_and_no_body():
    with Server(echo) as server:
        answers = probe(server.port, "/1", "/2", method="HEAD", keep=True,
                        options=("--memory", 1, "--file", 1))
        for answer in answers:
            equal((answer.status, answer.http, answer.body), ("OK", 200, b""))
            assert b"Content-Length: " in answer.head, answer.head
        equal(server.connections, 1)


# ---- limits

def bodies(n, form):
    body = bytes(i * 7 % 251 for i in range(n))
    if form == "length":
        return body, raw(OK_HEAD + b"Content-Length: %d\r\n\r\n" % n + body)
    if form == "chunks":
        chunks = b"".join(b"%x\r\n%s\r\n" % (len(c), c)
                          for c in (body[i:i + 999] for i in range(0, n, 999)))
        return body, raw(CHUNKED + chunks + b"0\r\n\r\n")
    return body, raw(OK_HEAD + b"\r\n" + body)


def a_large_body_goes_to_a_file_and_one_too_large_is_refused():
    cases = ((9999, "OK", False), (10000, "OK", False), (10001, "OK", True), (50000, "OK", True),
             (50001, "ERR_LIMIT", False), (900000, "ERR_LIMIT", False))
    for form in ("length", "chunks", "close"):
        for secret in (0, 1):
            for n, status, in_file in cases:
                body, act = bodies(n, form)
                with Server(act) as server, temporary() as place:
                    answer = one(server.port, options=("--memory", 10000, "--file", 50000,
                                                       "--secret", secret), env={"TMPDIR": place})
                    equal((answer.status, answer.in_file), (status, in_file), f"{form} {n}")
                    equal(answer.body, body if status == "OK" else b"", f"{form} {n}")
                    equal(os.listdir(place), [], "left behind")


def without_a_file_memory_is_the_limit():
    for n, status in ((100, "OK"), (101, "ERR_LIMIT")):
        with Server(bodies(n, "chunks")[1]) as server:
            answer = one(server.port, options=("--memory", 100, "--file", 0))
            equal((answer.status, answer.in_file), (status, False))


def no_place_for_the_file_is_told():
    with Server(bodies(2000, "length")[1]) as server:
        answer = one(server.port, options=("--memory", 100), env={"TMPDIR": "/nowhere/at/all"})
        equal(answer.status, "ERR_NOT_FOUND")
        assert "temporary file" in answer.why, answer.why


def a_full_disk_is_told():
    with Server(bodies(100000, "chunks")[1]) as server:
        answer = probe(server.port, "/", options=("--memory", 100), before=limit_file_size(5000))[0]
        equal((answer.status, answer.http), ("ERR_FULL", 0), answer.why)
        assert "temporary file" in answer.why, answer.why


# ---- time

def a_server_that_says_nothing_is_given_up():
    def half(server, connection, _request):
        connection.sendall(OK_HEAD + b"Content-Length: 11\r\n\r\n" + TEN)
        server.pause(60)
    for act in (hangs, half):
        with Server(act) as server:
            answer = one(server.port, options=("--stall", 300))
            equal((answer.status, answer.native), ("ERR_IO", TIMEOUT), answer.why)
            assert "nothing moved for 300 ms" in answer.why and answer.ms >= 300, vars(answer)


def a_slow_server_is_not_given_up_unless_it_takes_too_long_in_all():
    def drip(server, connection, _request):
        connection.sendall(OK_HEAD + b"Content-Length: 10\r\n\r\n")
        for i in range(10):
            server.pause(0.1)
            connection.sendall(TEN[i:i + 1])
        return True
    with Server(drip) as server:
        equal(one(server.port, options=("--stall", 900)).body, TEN)
        answer = one(server.port, options=("--total", 400))
        equal((answer.status, answer.native), ("ERR_IO", TIMEOUT))
        assert "not done within 400 ms" in answer.why, answer.why


class FullServer:
    """Its queue is full: the next connection is never answered."""

    def __enter__(self):
        self.socket = socket.socket()
        self.socket.bind((HOST, 0))
        self.socket.listen(0)
        self.port = self.socket.getsockname()[1]
        self.waiting = []
        for _ in range(4):
            client = socket.socket()
            client.setblocking(False)
            client.connect_ex((HOST, self.port))
            self.waiting.append(client)
        time.sleep(0.1)
        return self

    def __exit__(self, *_):
        for each in (*self.waiting, self.socket):
            each.close()


def no_connection_is_given_up_in_time():
    with FullServer() as server:
        answer = one(server.port, options=("--connect", 300))
        equal((answer.status, answer.native), ("ERR_IO", TIMEOUT), answer.why)
        assert "no connection within 300 ms" in answer.why, answer.why
    equal((lambda a: (a.status, a.native))(one(server.port)), ("ERR_IO", NO_CONNECTION))
    answer = one(1, host="no-such-host.invalid")
    equal((answer.status, answer.native), ("ERR_IO", NO_NAME), answer.why)
    assert "no-such-host.invalid" in answer.why, answer.why


def cancelling_ends_a_call_within_200_ms():
    def tells_all(server, connection, _request):
        connection.sendall(CHUNKED)
        while not server.stopping.is_set():
            connection.sendall(b"1\r\nx\r\n")
    for server in (Server(hangs), Server(tells_all), FullServer()):
        with server:
            # On a busy machine a single try says little.
            late = []
            for _ in range(8):
                answer = one(server.port, options=("--cancel-after", 300))
                equal((answer.status, answer.http), ("ERR_INTERRUPTED", 0), answer.why)
                late.append(answer.ms - 300)
                if late[-1] <= 200:
                    break
            assert late[-1] <= 200, f"late by {late} ms"


# ---- TLS

def openssl(place, *arguments):
    done = subprocess.run(["openssl", *arguments], cwd=place, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()


def make_certificates(place):
    """Two authorities, and what the first has signed: good, other (another name), old."""
    for ca in ("ca", "stranger"):
        openssl(place, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                "-nodes", "-keyout", f"{ca}.key", "-out", f"{ca}.pem", "-days", "2", "-subj",
                f"/CN=test {ca}", "-addext", "basicConstraints=critical,CA:TRUE")
    for name, alt in (("good", "IP:127.0.0.1,DNS:localhost"), ("other", "DNS:other.test"),
                      ("old", "IP:127.0.0.1")):
        with open(f"{place}/{name}.ext", "w", encoding="ascii") as file:
            file.write(f"subjectAltName={alt}\n")
        openssl(place, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        # A term of less than no days has ended already.
        openssl(place, "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
                "-CAcreateserial", "-extfile", f"{name}.ext", "-out", f"{name}.pem", "-days",
                "-1" if name == "old" else "2")


def tls_server(place, name, act=echo, highest=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{place}/{name}.pem", f"{place}/{name}.key")
    if highest:
        warnings.simplefilter("ignore", DeprecationWarning)
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = highest
    return Server(act, lambda plain: context.wrap_socket(plain, server_side=True))


def tls_is_verified(place):
    trust = ("--ca", f"{place}/ca.pem")
    for name, options, status, said in (
            ("good", trust, "OK", ""),
            ("good", (), "ERR_ACCESS", "certificate"),
            ("good", ("--ca", f"{place}/stranger.pem"), "ERR_ACCESS", "certificate"),
            ("good", ("--ca", f"{place}/missing.pem"), "ERR_ACCESS", "cannot be read"),
            ("other", trust, "ERR_ACCESS", "name"),
            ("old", trust, "ERR_ACCESS", "expired")):
        with tls_server(place, name) as server:
            answer = one(server.port, scheme="https", options=options)
            equal(answer.status, status, f"{name} {options}: {answer.why}")
            assert said in answer.why, answer.why
            equal(len(server.seen), int(status == "OK"), "requests that reached the server")


def tls_connections_are_kept_and_old_versions_refused(place):
    trust = ("--ca", f"{place}/ca.pem")
    with tls_server(place, "good") as server:
        answers = probe(server.port, *TARGETS, scheme="https", options=trust, host="localhost")
        equal([(a.status, a.connections) for a in answers], [("OK", 1)] * len(TARGETS))
        equal([r.target for r in server.seen], list(TARGETS))
        equal(fp.fields(server.seen[0].head)["host"], f"localhost:{server.port}")
    with tls_server(place, "good", highest=ssl.TLSVersion.TLSv1_1) as server:
        answer = one(server.port, scheme="https", options=trust)
        equal(answer.status, "ERR_IO", answer.why)
    with Server(echo) as server:
        equal(one(server.port, scheme="https", options=trust).status, "ERR_IO")


def tls_that_breaks_off_is_an_open_end(place):
    """Without a length only the proper end of TLS would say that a body is whole, and libcurl does
    not insist on it; with a length it is noticed."""
    for length, status in ((b"", "OK"), (b"Content-Length: 11\r\n", "ERR_TRUNCATED")):
        with tls_server(place, "good", raw(OK_HEAD + length + b"\r\n" + TEN)) as server:
            answer = one(server.port, scheme="https", options=("--ca", f"{place}/ca.pem"))
            equal((answer.status, answer.open), (status, status == "OK"), answer.why)


# ---- proxies

def proxies_are_used_as_the_environment_says():
    with Server(echo) as proxy:
        env = {"http_proxy": proxy.url, "https_proxy": proxy.url}
        answer = one(0, "/a/../b//c?d=%2F", host="bucket.test", env=env)
        equal((answer.status, answer.http), ("OK", 200), answer.why)
        equal(proxy.seen[-1].target, "http://bucket.test/a/../b//c?d=%2F")
        equal(fp.fields(proxy.seen[-1].head)["host"], "bucket.test")
        one(0, scheme="https", host="bucket.test", env=env)
        equal((proxy.seen[-1].method, proxy.seen[-1].target), ("CONNECT", "bucket.test:443"))
        assert b"SECRET" not in proxy.seen[-1].head, proxy.seen[-1].head
        seen = len(proxy.seen)
        env["no_proxy"] = ".test"
        equal(one(0, host="bucket.test", env=env).native, NO_NAME)
        equal(len(proxy.seen), seen)


def metadata_and_loopback_never_go_by_a_proxy():
    hosts = ("127.0.0.1", "127.9.9.9", "localhost", "LOCALHOST", "[::1]", "169.254.169.254",
             "169.254.170.2", "[fd00:ec2::254]", "[fd00:ec2::23]", "[FD00:0EC2:0:0::254]")
    with Server(echo) as proxy:
        env = {name: proxy.url for name in ("http_proxy", "https_proxy", "all_proxy", "ALL_PROXY")}
        for host in hosts:
            for scheme in ("http", "https"):
                one(1, scheme=scheme, host=host, env=env, options=("--connect", 100))
        equal([r.target for r in proxy.seen], [])
        for host in ("169.253.0.1", "[fd00:ec3::254]", "127.0.0.1.test"):
            one(1, host=host, env=env)
        equal(len(proxy.seen), 3)


def an_answer_of_the_proxy_is_none_of_the_server():
    def refuse(_server, connection, _request):
        return reply(connection, b"SECRET", b"HTTP/1.1 407 SECRET\r\nx-a: SECRET\r\n")
    with Server(refuse) as proxy:
        answer = one(0, scheme="https", host="bucket.test",
                     env={"https_proxy": f"http://me:SECRET@127.0.0.1:{proxy.port}"})
        equal((answer.status, answer.head, answer.body), ("ERR_IO", b"", b""))
        assert "407" in answer.why, answer.why


# ---- memory

def points(first, calls):
    """Which calls fail: 150 in a row, then strided."""
    return sorted({*range(first, min(calls, first + 150)), *range(first, calls, max(1, calls // 150))})


def failing_memory_is_told(place, tls):
    """Whichever allocation fails, of ours, of libcurl or of OpenSSL: no crash, no hang. Only not
    while OpenSSL 3.0 sets itself up: libcurl 7.88 does not look whether that came off."""
    act = bodies(3000, "chunks")[1]
    with (tls_server(place, "good", act) if tls else Server(act)) as server:
        count = os.path.join(place, "count")
        command = [PROBE, *HEADER, "--memory", "1000", "--ca", f"{place}/ca.pem", "GET",
                   "https" if tls else "http", HOST]

        def run(port=server.port, **env):
            done = subprocess.run([*command, str(port), "/1", "/2"], capture_output=True, timeout=60, check=False,
                                  env=environment(LD_PRELOAD=PRELOAD, FAULT_KIND="alloc", **env))
            return done.returncode, [Answer(m) for m in LINE.finditer(done.stdout.decode())]

        def calls_of(port, *wanted):
            code, answers = run(port, FAULT_COUNT=count)
            equal((code, [a.status for a in answers]), (0, list(wanted)))
            with open(count, encoding="ascii") as file:
                return int(file.read())
        first = calls_of(1, "ERR_IO", "ERR_IO") if tls else 0
        calls = calls_of(server.port, "OK", "OK")
        wrong, seen = [], {}

        def check(at, all_after):
            code, answers = run(FAULT_AT=str(at), **({"FAULT_ALL": "1"} if all_after else {}))
            statuses = [a.status for a in answers]
            seen[at, all_after] = statuses
            # OpenSSL tells some of its own failures as failures of the handshake.
            allowed = {"OK", "ERR_NOMEM"} | ({"ERR_IO", "ERR_ACCESS", "ERR_TRUNCATED"} if tls else set())
            answers = [a for a in answers if "thread failed to start" not in a.why]
            if code not in (0, 2) or not {a.status for a in answers} <= allowed:
                wrong.append(f"{at} of {calls}{'…' if all_after else ''}: {code} {statuses} "
                             f"{[a.why for a in answers]}")
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(lambda job: check(*job),
                          [(at, rest) for at in points(first, calls) for rest in (False, True)]))
        failed = sum("ERR_NOMEM" in statuses for statuses in seen.values())
        print(f"# {len(seen)} of {2 * (calls - first)} points, {failed} told as out of memory")
        assert failed > 20 and not wrong, "\n".join(wrong[:20])


# ---- the fault proxy itself

OBJECT = bytes(range(256)) * 40


def storage(server, connection, request):
    """A little server of one object; it tells the request as it came in a header."""
    del server
    head = OK_HEAD + b"x-line: " + request.head.split(b"\r\n")[0] + b"\r\n"
    head += b"x-host: " + request.headers["host"].encode() + b"\r\n"
    if request.target.startswith("/chunks"):
        connection.sendall(head + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % len(OBJECT) + OBJECT
                           + b"\r\n0\r\n\r\n")
        return True
    return reply(connection, request.body or (b"" if request.method == "HEAD" else OBJECT), head,
                 len(OBJECT) if request.method == "HEAD" else None)


def the_fault_proxy_forwards_byte_for_byte():
    with Server(storage) as server, FaultProxy((HOST, server.port)) as proxy:
        answers = probe(proxy.port, *TARGETS, "/chunks", keep=True)
        equal([a.status for a in answers], ["OK"] * (len(TARGETS) + 1))
        equal([r.target for r in server.seen], [*TARGETS, "/chunks"])
        equal([a.body for a in answers], [OBJECT] * len(answers))
        equal({r.headers["host"] for r in server.seen}, {f"{HOST}:{proxy.port}"})
        equal((server.connections, proxy.connections), (1, 1))
        answer = one(proxy.port, method="PUT", options=("--body-size", 70000))
        equal(answer.body, b"x" * 70000)
        answer = one(proxy.port, method="HEAD")
        assert b"Content-Length: %d\r\n" % len(OBJECT) in answer.head, answer.head
        equal(proxy.kinds, {"forwarded": len(TARGETS) + 3})
        equal(proxy.most_requests_at_once, 1)


# action: (status of the call, HTTP status, what the head or body holds)
MADE = (
    (fp.internal_error(), "OK", 500, b"<Code>InternalError</Code>"),
    (fp.slow_down(7), "OK", 503, b"Retry-After: 7\r\n"),
    (fp.throttle(), "OK", 429, b'"__type": "ThrottlingException"'),
    (fp.expired_token(), "OK", 400, b"<Code>ExpiredToken</Code>"),
    (fp.expired_token("json"), "OK", 400, b"ExpiredTokenException"),
    (fp.time_skewed(20), "OK", 403, b"<Code>RequestTimeTooSkewed</Code>"),
    (fp.wrong_region("eu-west-1"), "OK", 301, b"x-amz-bucket-region: eu-west-1\r\n"),
    (fp.no_such_key(), "OK", 404, b"<Code>NoSuchKey</Code>"),
    (fp.answer(418, b"tea", ["x-pot: 1"], "teapot"), "OK", 418, b"x-pot: 1\r\n"),
    (fp.reset_before(), "ERR_IO", 0, b""),
    (fp.hang(30), "ERR_IO", 0, b""),
    (fp.reset_during(100), "ERR_TRUNCATED", 0, b""),
    (fp.truncated(100), "ERR_TRUNCATED", 0, b""),
    (fp.corrupted(3, 2), "OK", 200, OBJECT[:3] + bytes((3 ^ 0x55, 4 ^ 0x55)) + OBJECT[5:]),
    (fp.slow(2000, 0.01), "OK", 200, OBJECT),
    (fp.delayed(0.05), "OK", 200, OBJECT),
)


def the_fault_proxy_does(action, status, http, holds):
    with Server(storage) as server, FaultProxy((HOST, server.port)) as proxy:
        # libcurl repeats by itself what a kept connection did not answer.
        times = 2 if action.name == "reset_before" else 1
        proxy.rule(action, method="GET", path="/hit", nth=(2, 3), times=times)
        answers = probe(proxy.port, "/hit", "/miss", "/hit", "/hit", keep=True, options=("--stall", 500))
        equal([(a.status, a.http) for a in answers], [("OK", 200)] * 2 + [(status, http)] + [("OK", 200)])
        assert holds in answers[2].head + answers[2].body, answers[2].head
        equal(proxy.kinds, {"forwarded": 3, action.name: times})
        equal(proxy.requests[2], ("GET", "/hit", action.name))
        equal(len(server.seen), 3 if action.alone else 4)


def the_fault_proxy_heals_and_counts():
    with Server(storage) as server, FaultProxy((HOST, server.port)) as proxy:
        proxy.rule(fp.no_such_key(), path="late", times=3)
        proxy.rule(fp.internal_error(), when=lambda r: r.headers.get("x-a") == "1")
        answers = probe(proxy.port, *["/late"] * 5)
        equal([a.http for a in answers], [404, 404, 404, 200, 200])
        equal(one(proxy.port, options=("--header", "x-a: 1")).http, 500)
        proxy.clear()
        equal(one(proxy.port, options=("--header", "x-a: 1")).http, 200)
        proxy.rule(fp.delayed(1))
        probe(proxy.port, "/", options=("--threads", 4))
        equal((proxy.most_connections_at_once, proxy.most_requests_at_once), (4, 4))
    with FaultProxy((HOST, 1)) as proxy:
        equal(one(proxy.port).http, 502)
        equal(proxy.kinds, {"unreachable": 1})


def main():
    tap = Tap()
    for check in (targets_are_sent_byte_for_byte, nothing_is_sent_that_was_not_given,
                  requests_that_could_mean_something_else_are_refused, calls_share_a_connection,
                  a_closed_connection_is_opened_again, a_failure_does_not_spoil_the_next_call,
                  threads_have_clients_of_their_own):
        tap.case(check.__name__.replace("_", " "), check)
    for name, (act, *wanted) in ANSWERS.items():
        tap.case(f"answered with {name}", answer_is, name, act,
                 *wanted)
    for check in (only_the_headers_of_the_final_answer_are_kept, head_has_a_length_and_no_body,
                  a_large_body_goes_to_a_file_and_one_too_large_is_refused,
                  without_a_file_memory_is_the_limit, no_place_for_the_file_is_told,
                  a_full_disk_is_told,
                  a_server_that_says_nothing_is_given_up,
                  a_slow_server_is_not_given_up_unless_it_takes_too_long_in_all,
                  no_connection_is_given_up_in_time, cancelling_ends_a_call_within_200_ms,
                  proxies_are_used_as_the_environment_says,
                  metadata_and_loopback_never_go_by_a_proxy,
                  an_answer_of_the_proxy_is_none_of_the_server):
        tap.case(check.__name__.replace("_", " "), check)
    with temporary() as place:
        checks = (tls_is_verified, tls_connections_are_kept_and_old_versions_refused,
                  tls_that_breaks_off_is_an_open_end)
        if shutil.which("openssl"):
            make_certificates(place)
            for check in checks:
                tap.case(check.__name__.replace("_", " "), check, place)
            for tls in (False, True) if PRELOAD else ():
                tap.case(f"failing memory is told {'with TLS' if tls else 'without TLS'}",
                         failing_memory_is_told, place, tls)
        else:
            tap.skip("TLS", "no openssl command")
    for check in (the_fault_proxy_forwards_byte_for_byte, the_fault_proxy_heals_and_counts):
        tap.case(check.__name__.replace("_", " "), check)
    for action, *wanted in MADE:
        tap.case(f"the fault proxy does {action.name} ({wanted[1]})", the_fault_proxy_does, action,
                 *wanted)
    tap.done()


if __name__ == "__main__":
    sys.exit(main())
