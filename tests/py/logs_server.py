"""A server of CloudWatch Logs for what moto does not do: pages of 1 MB, empty pages with tokens,
errors, tokens that repeat, events that come late. It answers FilterLogEvents, DescribeLogGroups,
GetCallerIdentity, GetObject, and what a test wants of Bedrock; it checks signatures (not those of
S3), and what happens to single requests a test decides.

    with LogsServer() as aws:
        aws.put("group", records)                  # texts, or objects of record()
        aws.faults = [throttled(), None, denied()] # for the next pages; None: as usual
        assay(..., env=environment(**aws.env))
        aws.queries                                # what was asked: the bodies of FilterLogEvents
"""
import bisect
import datetime
import hashlib
import hmac
import http.server
import json
import threading
import time
import urllib.parse
import uuid

REGION, ACCOUNT, SECRET = "eu-west-1", "123456789012", "only-a-test"
STREAM = "aws/bedrock/modelinvocations"
MB = 1 << 20


def error(status, code, text, **headers):
    return status, {"__type": code, "message": text}, headers


def throttled():
    return error(400, "ThrottlingException", "Rate exceeded")


def denied():
    """As all errors of AWS it bears the number of the request, another one each time."""
    return error(400, "AccessDeniedException",
                 "User: arn:aws:iam::123456789012:user/ada is not authorized to perform: "
                 "logs:FilterLogEvents", **{"x-amzn-RequestId": str(uuid.uuid4())})


def unavailable():
    return error(503, "ServiceUnavailableException", "The service cannot complete the request.")


def expired():
    return error(400, "InvalidParameterException", "The specified nextToken is invalid.")


def time_of(text):
    """Milliseconds of a record's timestamp."""
    made = datetime.datetime.fromisoformat(json.loads(text)["timestamp"].replace("Z", "+00:00"))
    return int(made.timestamp() * 1000)


def signed(handler, body, service):
    """Whether the request bears the right signature (Signature Version 4) of this service."""
    given = handler.headers.get("Authorization", "")
    stamp, day = handler.headers["X-Amz-Date"], handler.headers["X-Amz-Date"][:8]
    region = given.partition(day + "/")[2].partition("/")[0]
    handler.outer.regions.append(region)
    names = given.partition("SignedHeaders=")[2].partition(",")[0]
    path, _, query = handler.path.partition("?")
    lines = "".join(f"{name}:{handler.headers[name].strip()}\n" for name in names.split(";"))
    canonical = "\n".join((handler.command, urllib.parse.quote(path, safe="/-_.~"), query, lines,
                           names, hashlib.sha256(body).hexdigest()))
    scope = f"{day}/{region}/{service}/aws4_request"
    text = "\n".join(("AWS4-HMAC-SHA256", stamp, scope,
                      hashlib.sha256(canonical.encode()).hexdigest()))
    key = ("AWS4" + SECRET).encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return given.endswith("Signature=" + hmac.new(key, text.encode(), hashlib.sha256).hexdigest())


class LogsServer:
    def __init__(self, page_events=10000, page_bytes=MB, empty_every=0, accounts=(ACCOUNT,)):
        self.page_events, self.page_bytes, self.empty_every = page_events, page_bytes, empty_every
        self.accounts = accounts
        self.groups, self.objects, self.bedrock = {}, {}, {}
        self.faults, self.queries, self.operations, self.gets = [], [], [], []
        self.bodies, self.regions = [], []
        self.on_page = None  # called with the number of each page before it is answered
        self.answered, self.next_id, self.tokens = 0, 0, {}
        self.lock = threading.Lock()

    # What there is

    def group(self, name, account=None):
        return self.groups.setdefault((account or self.accounts[0], name), {})

    def put(self, name, texts, stream=STREAM, account=None, at=None):
        """Adds events; their times are those of the records unless `at` (ms) is given."""
        with self.lock:
            events = self.group(name, account).setdefault(stream, [])
            for text in texts:
                text = text if isinstance(text, str) else json.dumps(text)
                self.next_id += 1
                events.append({"logStreamName": stream, "timestamp": at or time_of(text),
                               "message": text, "ingestionTime": int(time.time() * 1000),
                               "eventId": f"{self.next_id:056d}"})
            events.sort(key=lambda event: event["timestamp"])

    # What is asked

    def find(self, asked):
        name = asked.get("logGroupName") or asked["logGroupIdentifier"]
        account = self.accounts[0]
        if name.startswith("arn:"):
            account, name = name.split(":")[4], name.split(":", 6)[6]
        return self.groups.get((account, name))

    def filter(self, asked):
        with self.lock:
            number, self.answered = self.answered, self.answered + 1
            self.queries.append(asked)
        if self.on_page:
            self.on_page(number)
        fault = self.faults.pop(0) if self.faults else None
        if fault:
            return fault(asked) if callable(fault) else fault
        group = self.find(asked)
        names = asked.get("logStreamNames")
        if group is None or (names and not any(name in group for name in names)):
            return error(400, "ResourceNotFoundException",
                         f"The specified log {'group' if group is None else 'stream'} does not exist.")
        with self.lock:
            events = sorted((e for name, stream in group.items() if not names or name in names
                             for e in stream
                             if asked.get("startTime", 0) <= e["timestamp"]
                             <= asked.get("endTime", 1 << 60)), key=lambda e: e["timestamp"])
        return 200, self.page(asked, events, number), {}

    def page(self, asked, events, number):
        at = self.tokens[asked["nextToken"]] if "nextToken" in asked else 0
        made = {"events": [], "searchedLogStreams": []}
        end, size = at, 0
        while end < len(events) and not (self.empty_every and number % self.empty_every == 0):
            size += len(events[end]["message"]) + 26
            if end > at and (size > self.page_bytes or end - at == self.page_events
                             or end - at == asked["limit"]):
                break
            end += 1
        made["events"] = events[at:end]
        if end < len(events):
            made["nextToken"] = f'page "{end}" of {number} é/+='  # tokens are opaque
            self.tokens[made["nextToken"]] = end
        return made

    def describe(self, asked):
        names = sorted(name for account, name in self.groups if account == self.accounts[0]
                       and name.startswith(asked.get("logGroupNamePrefix", "")))
        at = bisect.bisect_left(names, asked.get("nextToken", ""))
        made = {"logGroups": [
            {"logGroupName": name, "creationTime": 1,
             "arn": f"arn:aws:logs:{REGION}:{self.accounts[0]}:log-group:{name}:*"}
            for name in names[at:at + 2]]}
        if at + 2 < len(names):
            made["nextToken"] = names[at + 2]
        return 200, made, {}

    def answer(self, handler, body):
        target = handler.headers.get("X-Amz-Target", "")
        if target.startswith("Logs_20140328."):
            operation = target.partition(".")[2]
            self.operations.append(operation)
            call = {"FilterLogEvents": self.filter, "DescribeLogGroups": self.describe}[operation]
            return call(json.loads(body))
        if handler.path in self.bedrock:
            self.operations.append(handler.path)
            return self.bedrock[handler.path]
        self.operations.append("GetCallerIdentity")
        return 200, (f"<r><Account>{self.accounts[0]}</Account><UserId>u</UserId>"
                     f"<Arn>arn:aws:iam::{self.accounts[0]}:user/ada</Arn></r>").encode(), {}

    # Serving

    def __enter__(self):
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            outer = None

            def send(self, status, made, headers):
                text = made if isinstance(made, bytes) else json.dumps(made).encode()
                self.send_response(status)
                for name, value in {"Content-Length": len(text), **headers}.items():
                    self.send_header(name, str(value))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(text)

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                service = ("logs" if "X-Amz-Target" in self.headers else
                           "bedrock" if self.path in outer.bedrock else "sts")
                if not signed(self, body, service):
                    self.send(*error(403, "SignatureDoesNotMatch", "wrong"))
                    return
                outer.bodies.append(body)
                self.send(*outer.answer(self, body))

            def do_GET(self):
                outer.gets.append(self.path)
                if self.path in outer.bedrock:
                    right = signed(self, b"", "bedrock")
                    self.send(*(outer.bedrock[self.path] if right else
                                error(403, "SignatureDoesNotMatch", "wrong")))
                    return
                data = outer.objects.get(self.path)
                missing = b"<Error><Code>NoSuchKey</Code><Message>none</Message></Error>"
                self.send(404 if data is None else 200, missing if data is None else data, {})

            do_HEAD = do_GET

            def log_message(self, *_):
                pass

        Handler.outer = self
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # clients that were killed
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    @property
    def env(self):
        return {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.server.server_port}",
                "AWS_ACCESS_KEY_ID": "AKIATEST", "AWS_SECRET_ACCESS_KEY": SECRET,
                "AWS_REGION": REGION, "AWS_EC2_METADATA_DISABLED": "true", "HOME": "/nonexistent",
                "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
