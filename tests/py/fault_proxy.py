"""An HTTP proxy on loopback that stands before one server and fails on demand.

    with FaultProxy(("127.0.0.1", port_of_the_server)) as proxy:
        proxy.rule(slow_down(retry_after=1), method="GET", path="/logs/", nth=2)
        proxy.rule(no_such_key(), path="late.json.gz", times=3)     # three times, then it heals
        proxy.rule(truncated(keep=100), path="big", nth=(1, 3))
        assay(..., env=environment(AWS_ENDPOINT_URL=proxy.url))
        assert proxy.kinds["slow_down"] == 1 and proxy.kinds["no_such_key"] == 3
        assert proxy.most_requests_at_once <= 4

The client speaks to proxy.url as if it were the server. What it sends goes on byte for byte, the
request line and Host with it, so that signatures hold which the server checks. (A server that
compares Host with its own address would see the proxy's.) Connections are kept on both sides.

A rule is an action and what it applies to; all given conditions must hold:

    method   "GET" …
    path     a part of the request target (path and query, still encoded)
    when     a function of the request (.method, .target, .headers, .body) that says True
    nth      which of the requests that meet the three above: a number from 1, or several
    times    at most so many of them; then the rule is used up, and the server heals

The first rule in the order of proxy.rule() that holds acts, and only that; without one the request
is forwarded. Rules may be added while requests run; proxy.clear() removes them all.

Actions that answer without asking the server:

    answer(status, body, headers, name)      whatever you like
    internal_error()                         500, XML of S3
    slow_down(retry_after=None)              503 SlowDown, XML; Retry-After in seconds
    throttle(code, status=429, retry_after)  JSON as of CloudWatch Logs, SQS, Bedrock
    expired_token(form="xml")                400 ExpiredToken; "json": ExpiredTokenException
    time_skewed(minutes)                     403 RequestTimeTooSkewed, its Date so far from now
    wrong_region(region, status=301)         PermanentRedirect with x-amz-bucket-region
    no_such_key()                            404, XML
    reset_before()                           connection reset, no byte
    hang(seconds)                            no byte for so long, then closed

libcurl, and so assay, sends a request again by itself when a connection that it had kept is reset
before a byte of the answer came: a reset_before() is seen there only from its second time on.

Actions on the server's answer (one without a body passes unharmed, and counts as forwarded):

    reset_during(after)                      so many bytes of the body, then a reset
    truncated(keep)                          full Content-Length, so many bytes, then closed
    corrupted(at, count=1)                   bits of those bytes are turned over
    slow(piece, pause_s)                     the body in pieces, with pauses between
    delayed(seconds)                         unharmed, but late

What was seen, at any time: proxy.requests (a list of (method, target, kind)), proxy.kinds (how
many of each kind: the name of an action, or "forwarded", or "unreachable" for a server that did not
answer, which the client sees as 502), proxy.connections (opened by clients), and
proxy.most_connections_at_once, proxy.most_requests_at_once.

Bodies are held in memory as a whole. Listener, the part that accepts connections, and the functions
that read messages serve other tests, too.
"""
import collections
import email.utils
import json
import socket
import struct
import threading
import time

LIMIT = 1 << 30


class Request:
    def __init__(self, head, body):
        self.head, self.body = head, body
        self.method, self.target, self.version = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ", 2)
        self.headers = fields(head)

    def wants_close(self):
        return self.headers.get("connection", "").lower() == "close" or self.version == "HTTP/1.0"


class Response:
    """A whole answer; the body without chunks."""

    def __init__(self, status, reason, lines, body, close=False):
        self.status, self.reason, self.lines, self.body, self.close = status, reason, lines, body, close

    def head(self, length):
        """With the length of the body, whatever it was before."""
        lines = [line for line in self.lines
                 if line.split(":")[0].lower() not in ("content-length", "transfer-encoding")]
        if self.status >= 200 and self.status != 204:
            lines.append(f"Content-Length: {length}")
        text = f"HTTP/1.1 {self.status} {self.reason}\r\n" + "".join(f"{s}\r\n" for s in lines) + "\r\n"
        return text.encode("latin-1")


def fields(head):
    """Headers by their names in small letters."""
    pairs = (line.split(":", 1) for line in head.decode("latin-1").split("\r\n")[1:] if ":" in line)
    return {name.strip().lower(): value.strip() for name, value in pairs}


def read_head(file):
    """Up to and with the empty line; b"" when the connection ended before."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        line = file.readline(1 << 20)
        if not line:
            return b""
        head += line
        if head == b"\r\n":
            head = b""
    return head


def read_exactly(file, n):
    data = file.read(n)
    if len(data) != n:
        raise ConnectionError(f"{len(data)} of {n} bytes came")
    return data


def read_chunks(file):
    body = b""
    while True:
        size = int(file.readline(1024).split(b";")[0], 16)
        body += read_exactly(file, size)
        if size == 0:
            while file.readline(1 << 16) not in (b"\r\n", b""):
                pass
            return body
        read_exactly(file, 2)


def read_request(file, connection):
    """The next request, or None when the client is done."""
    head = read_head(file)
    if not head:
        return None
    headers, body = fields(head), b""
    if headers.get("expect", "").lower() == "100-continue":
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    if "chunked" in headers.get("transfer-encoding", "").lower():
        raw = read_chunks(file)
        body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(raw), raw) if raw else b"0\r\n\r\n"
    elif "content-length" in headers:
        body = read_exactly(file, int(headers["content-length"]))
    return Request(head, body)


def read_response(file, method):
    while True:
        head = read_head(file)
        if not head:
            raise ConnectionError("no answer")
        first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
        version, status, *reason = first.split(" ", 2)
        if not 100 <= int(status) < 200:
            break
    headers = fields(head)
    close = headers.get("connection", "").lower() == "close" or version == "HTTP/1.0"
    if method == "HEAD" or int(status) in (204, 304):
        body = b""
    elif "chunked" in headers.get("transfer-encoding", "").lower():
        body = read_chunks(file)
    elif "content-length" in headers:
        body = read_exactly(file, int(headers["content-length"]))
    else:
        body, close = file.read(LIMIT), True
    return Response(int(status), reason[0] if reason else "", lines, body, close)


def reset(connection):
    """Ends a connection with RST instead of FIN, also when a reader of makefile() holds it."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    socket.close(connection.detach())


class Listener:
    """Accepts connections on a free (or this) port of 127.0.0.1; serve(connection) runs in a thread
    of its own for each. Leaving the `with` closes all of them and waits for the threads."""

    def __init__(self, wrap=None, port=0):
        self.lock = threading.Lock()
        self.connections = self.most_connections_at_once = 0
        self._wrap = wrap  # makes a TLS connection of a plain one
        self._open, self._threads, self.stopping = set(), [], threading.Event()
        self._socket = socket.create_server(("127.0.0.1", port), backlog=128)
        self.port = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self):
        self._start(self._accept)
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self._socket.shutdown(socket.SHUT_RDWR)
        with self.lock:
            still = list(self._open)
        for connection in still:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        while self._threads:
            self._threads.pop().join(30)
        self._socket.close()

    def _start(self, function, *arguments):
        thread = threading.Thread(target=function, args=arguments, daemon=True)
        thread.start()
        self._threads.append(thread)

    def _accept(self):
        while not self.stopping.is_set():
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self._start(self._one, connection)

    def _one(self, plain):
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self.lock:
            self._open.add(plain)
            self.connections += 1
            self.most_connections_at_once = max(self.most_connections_at_once, len(self._open))
        connection = plain
        try:
            if self._wrap:
                connection = self._wrap(plain)
            self.serve(connection)
        except (OSError, ValueError):
            pass
        finally:
            with self.lock:
                self._open.discard(plain)
            # makefile() holds the socket; shutdown ends the connection now.
            for each in (connection, plain):
                try:
                    each.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
                each.close()

    def pause(self, seconds):
        """Sleeps, but not beyond the end of the test."""
        self.stopping.wait(seconds)

    def serve(self, connection):
        raise NotImplementedError


class Rule:
    def __init__(self, action, method, path, when, nth, times):
        self.action, self.method, self.path, self.when = action, method, path, when
        self.nth = (nth,) if isinstance(nth, int) else nth
        self.times, self.met, self.done = times, 0, 0

    def holds(self, request):
        if self.method not in (None, request.method) or self.path not in request.target:
            return False
        if self.when and not self.when(request):
            return False
        self.met += 1
        if self.nth is not None and self.met not in self.nth:
            return False
        if self.times is not None and self.done >= self.times:
            return False
        self.done += 1
        return True


class FaultProxy(Listener):
    def __init__(self, upstream, port=0):
        super().__init__(port=port)
        self.upstream = upstream
        self.requests, self.kinds = [], collections.Counter()
        self.most_requests_at_once = self._running = 0
        self._rules = []

    def rule(self, action, method=None, path="", when=None, nth=None, times=None):
        with self.lock:
            self._rules.append(Rule(action, method, path, when, nth, times))

    def clear(self):
        with self.lock:
            self._rules.clear()

    def _action(self, request):
        with self.lock:
            self._running += 1
            self.most_requests_at_once = max(self.most_requests_at_once, self._running)
            return next((r.action for r in self._rules if r.holds(request)), None)

    def _note(self, request, kind):
        """Before the client sees the answer, so that who got one also finds it counted."""
        with self.lock:
            self.requests.append((request.method, request.target, kind))
            self.kinds[kind] += 1

    def serve(self, connection):
        with Upstream(self.upstream) as upstream, connection.makefile("rb") as file:
            while True:
                request = read_request(file, connection)
                if request is None:
                    return
                action = self._action(request)
                try:
                    if not self._exchange(connection, upstream, request, action):
                        return
                finally:
                    with self.lock:
                        self._running -= 1

    def _exchange(self, connection, upstream, request, action):
        """True when the connection stays open."""
        if action and action.alone:
            self._note(request, action.name)
            return action.act(self, connection, request, None) and not request.wants_close()
        try:
            response = upstream.ask(request)
        except (OSError, ValueError):
            self._note(request, "unreachable")
            response, action = Response(502, "Bad Gateway", [], b""), None
        else:
            if action and not response.body:
                action = None
            self._note(request, action.name if action else "forwarded")
        if action:
            open_still = action.act(self, connection, request, response)
        else:
            open_still = send(connection, request, response)
        return open_still and not response.close and not request.wants_close()


class Upstream:
    """One connection to the server, opened again when the server has closed it."""

    def __init__(self, address):
        self.address, self.socket, self.file = address, None, None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.socket:
            self.file.close()
            self.socket.close()
        self.socket = None

    def ask(self, request):
        used = self.socket is not None
        try:
            return self._once(request)
        except (OSError, ValueError):
            self.__exit__()
            if not used:
                raise
            return self._once(request)

    def _once(self, request):
        if not self.socket:
            self.socket = socket.create_connection(self.address, timeout=60)
            self.file = self.socket.makefile("rb")
        # Who asks for 100-continue has got it already.
        head = b"\r\n".join(line for line in request.head.split(b"\r\n")
                            if not line.lower().startswith(b"expect:"))
        self.socket.sendall(head + request.body)
        response = read_response(self.file, request.method)
        if response.close:
            self.__exit__()
        return response


def send(connection, request, response):
    if request.method == "HEAD" and not response.body:
        # The length of what GET would bring, as the server said it.
        lines = "".join(f"{s}\r\n" for s in response.lines)
        text = f"HTTP/1.1 {response.status} {response.reason}\r\n{lines}\r\n"
        connection.sendall(text.encode("latin-1"))
    elif request.method == "HEAD":
        connection.sendall(response.head(len(response.body)))
    elif response.status == 304:
        connection.sendall(response.head(0))
    else:
        connection.sendall(response.head(len(response.body)) + response.body)
    return True


class Action:
    """act(proxy, connection, request, response) sends what the client shall see and says whether
    the connection stays open. alone: without asking the server."""

    def __init__(self, name, alone, act):
        self.name, self.alone, self.act = name, alone, act


def answer(status, body=b"", headers=(), name="answer", reason=""):
    def act(_proxy, connection, request, _response):
        lines = ["x-amz-request-id: FAULT0000000000", *headers]
        if not any(line.lower().startswith("date:") for line in lines):
            lines.append("Date: " + email.utils.formatdate(usegmt=True))
        return send(connection, request, Response(status, reason or name, lines, body))
    return Action(name, True, act)


def xml(status, code, message, name, headers=(), more=""):
    body = (f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{message}'
            f"</Message>{more}<RequestId>FAULT0000000000</RequestId></Error>")
    return answer(status, body.encode(), ["Content-Type: application/xml", *headers], name)


def internal_error():
    return xml(500, "InternalError", "We encountered an internal error.", "internal_error")


def retry_after_line(seconds):
    return [] if seconds is None else [f"Retry-After: {seconds}"]


def slow_down(retry_after=None):
    return xml(503, "SlowDown", "Please reduce your request rate.", "slow_down",
               retry_after_line(retry_after))


def throttle(code="ThrottlingException", status=429, retry_after=None):
    body = json.dumps({"__type": code, "message": "Rate exceeded"}).encode()
    return answer(status, body, ["Content-Type: application/x-amz-json-1.1",
                                 *retry_after_line(retry_after)], "throttle")


def expired_token(form="xml"):
    text = "The provided token has expired."
    if form == "xml":
        return xml(400, "ExpiredToken", text, "expired_token")
    body = json.dumps({"__type": "ExpiredTokenException", "message": text}).encode()
    return answer(400, body, ["Content-Type: application/x-amz-json-1.1"], "expired_token")


def time_skewed(minutes):
    def act(proxy, connection, request, response):
        date = email.utils.formatdate(time.time() + minutes * 60, usegmt=True)
        made = xml(403, "RequestTimeTooSkewed",
                   "The difference between the request time and the current time is too large.",
                   "time_skewed", [f"Date: {date}"])
        return made.act(proxy, connection, request, response)
    return Action("time_skewed", True, act)


def wrong_region(region, status=301):
    return xml(status, "PermanentRedirect",
               "The bucket you are attempting to access must be addressed using the specified "
               "endpoint.", "wrong_region", [f"x-amz-bucket-region: {region}"])


def no_such_key():
    return xml(404, "NoSuchKey", "The specified key does not exist.", "no_such_key")


def reset_before():
    def act(_proxy, connection, _request, _response):
        reset(connection)
        return False
    return Action("reset_before", True, act)


def hang(seconds=60):
    def act(proxy, _connection, _request, _response):
        proxy.pause(seconds)
        return False
    return Action("hang", True, act)


def reset_during(after=1):
    def act(_proxy, connection, _request, response):
        connection.sendall(response.head(len(response.body)) + response.body[:after])
        reset(connection)
        return False
    return Action("reset_during", False, act)


def truncated(keep=0):
    def act(_proxy, connection, _request, response):
        connection.sendall(response.head(len(response.body)) + response.body[:keep])
        return False
    return Action("truncated", False, act)


def corrupted(at=0, count=1):
    def act(_proxy, connection, request, response):
        body = bytearray(response.body)
        for i in range(at, min(at + count, len(body))):
            body[i] ^= 0x55
        response.body = bytes(body)
        return send(connection, request, response)
    return Action("corrupted", False, act)


def slow(piece=1, pause_s=0.05):
    def act(proxy, connection, _request, response):
        connection.sendall(response.head(len(response.body)))
        for i in range(0, len(response.body), piece):
            connection.sendall(response.body[i:i + piece])
            proxy.pause(pause_s)
        return True
    return Action("slow", False, act)


def delayed(seconds):
    def act(proxy, connection, request, response):
        proxy.pause(seconds)
        return send(connection, request, response)
    return Action("delayed", False, act)
