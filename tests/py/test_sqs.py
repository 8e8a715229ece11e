"""Objects that S3 announces in a queue: each call counts once, whatever is delivered twice, fails or
is killed, and a message goes only when what it named is safe.

The queue and the bucket are moto's, with a proxy that fails on demand before them; sqs_drain
(tests/source) follows the queue until it is empty."""
import collections
import datetime
import itertools
import json
import os
import random
import signal
import subprocess
import time
import urllib.parse

import fault_proxy as fp
from daemon import Daemon
from fault_proxy import Action, FaultProxy
from servers import Missing, Moto
from support import DONE, Tap, assay, environment, equal, line, report, simulate, temporary
from test_s3 import BUCKET, HOUR, answers, same

DRAIN = os.environ.get("SQS_DRAIN", "build/tests/source/sqs_drain")
KILLS = int(os.environ.get("ASSAY_KILLS", "8"))
CANARY = "zebra-crossing-at-noon"


def now():
    return datetime.datetime.now(datetime.timezone.utc)


class Queue:
    made = 0

    def __init__(self, server, **attributes):
        Queue.made += 1
        self.server, self.name, self.quiet_at = server, f"q{Queue.made}", 0
        self.url = self.call("CreateQueue", QueueName=self.name, Attributes=attributes)["QueueUrl"]
        self.url = f"{server.url}/{self.url.split('/', 3)[3]}"
        self.arn = self.attributes()["QueueArn"]

    def call(self, action, **body):
        kind = {"x-amz-target": "AmazonSQS." + action, "content-type": "application/x-amz-json-1.0"}
        return json.loads(self.server.must("POST", "/", json.dumps(body).encode(), kind,
                                           service="sqs").body or b"{}")

    def on(self, action, **body):
        return self.call(action, QueueUrl=self.url, **body)

    def attributes(self):
        return self.on("GetQueueAttributes", AttributeNames=["All"])["Attributes"]

    def settle(self):
        """Moto goes on with a poll whose client is gone, and takes messages that nobody gets."""
        time.sleep(max(0, self.quiet_at - time.monotonic()))

    def send(self, *bodies):
        self.settle()
        for i in range(0, len(bodies), 10):
            self.on("SendMessageBatch", Entries=[
                {"Id": str(n), "MessageBody": body if isinstance(body, str) else json.dumps(body)}
                for n, body in enumerate(bodies[i:i + 10])])

    def receive(self, hide=0, most=10):
        self.settle()
        got = self.on("ReceiveMessage", MaxNumberOfMessages=most, VisibilityTimeout=hide,
                      AttributeNames=["All"])
        return got.get("Messages", [])

    def length(self):
        found = self.attributes()
        return sum(int(found["ApproximateNumberOfMessages" + more]) for more in ("", "NotVisible"))


# What S3, SNS and EventBridge write

def record(key, size=100, bucket=BUCKET, name="ObjectCreated:Put", when=None):
    return {"eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": "us-east-1",
            "eventTime": f"{when or now():%Y-%m-%dT%H:%M:%S.123Z}", "eventName": name,
            "userIdentity": {"principalId": "AWS:AROAEXAMPLE"},
            "s3": {"s3SchemaVersion": "1.0", "configurationId": "logs",
                   "bucket": {"name": bucket, "arn": "arn:aws:s3:::" + bucket},
                   "object": {"key": urllib.parse.quote_plus(key, safe="/"), "size": size,
                              "eTag": "0123456789abcdef", "sequencer": "0055AED6DCD90281E5"}}}


def event(*records):
    return {"Records": list(records)}


def sns(body):
    return {"Type": "Notification", "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
            "TopicArn": "arn:aws:sns:us-east-1:012345678901:logs",
            "Subject": "Amazon S3 Notification", "Message": json.dumps(body),
            "Timestamp": "2026-11-01T00:00:00.000Z", "SignatureVersion": "1", "Signature": "x",
            "UnsubscribeURL": "https://sns.us-east-1.amazonaws.com/"}


def bridge(key, size=100, bucket=BUCKET, kind="Object Created"):
    return {"version": "0", "id": "17793124-05d4-b198-2fde-7ededc63b103", "detail-type": kind,
            "source": "aws.s3", "account": "012345678901", "time": f"{now():%Y-%m-%dT%H:%M:%SZ}",
            "region": "us-east-1", "resources": ["arn:aws:s3:::" + bucket],
            "detail": {"version": "0", "bucket": {"name": bucket},
                       "object": {"key": key, "size": size, "etag": "0123", "version-id": "v1"},
                       "request-id": "N4N7GDK58NMKJ12R", "reason": "PutObject"}}


TEST = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Time": "2026-11-01T00:00:00.000Z",
        "Bucket": BUCKET, "RequestId": "5582815E1AEA5ADF", "HostId": "8cLeGAmw098X5cv4Zkwcmo8vvZa3eH3e"}


class World:
    """A simulated day in a bucket, and what a store says that read it from disk."""

    def __init__(self, server, tmp):
        self.server, self.tmp, self.stores = server, tmp, 0
        folder = os.path.join(tmp, "logs")
        self.truth = simulate(folder, "--users", 2, "--days", 1, "--seed", 3, "--bodies", "s3",
                              "--body-scale", 2)
        self.tree = os.path.join(folder, "AWSLogs")
        server.create_bucket(BUCKET)
        self.server.upload(BUCKET, self.tree, "AWSLogs/")
        self.keys = [key for key in server.list(BUCKET) if "/data/" not in key and
                     not key.endswith("permission-check") and self.size(key) > 0]
        self.wanted = self.of(self.tree)

    def of(self, tree):
        store = self.store()
        assay("ingest", tree, "--store", store, code=DONE)
        return answers(store)

    def store(self):
        self.stores += 1
        return os.path.join(self.tmp, f"store{self.stores}")

    def file(self, key):
        return os.path.join(os.path.dirname(self.tree), key)

    def size(self, key):
        return os.path.getsize(self.file(key))

    def events(self, keys=None):
        return [event(record(key, self.size(key))) for key in keys or self.keys]

    def whole(self, store, what=""):
        """All that the simulator wrote is there, once."""
        same(store, self.wanted, what)
        total = report("overview", "--store", store)["total"]
        equal(total["invocations"], self.truth["total"]["invocations"], "invocations " + what)


def start(world, queue, store, *options, **env):
    return subprocess.Popen([DRAIN, "--wait", "1", *map(str, options), queue.url, store],
                            env=environment(**{**world.server.env, **env}),
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def finish(child, code=0):
    try:
        out, said = child.communicate(timeout=40)
    except subprocess.TimeoutExpired:
        child.terminate()
        out, said = child.communicate()
        raise AssertionError(f"it never ends: {out} {said}") from None
    said = said.decode("utf-8", "backslashreplace")
    equal(child.returncode, code, said)
    return collections.namedtuple("Drained", "state said")(json.loads(out), said)


def drain_to(world, queue, store, left, *options, **env):
    """Until so many messages are left, which will not go."""
    child = start(world, queue, store, *options, **env)
    until = time.monotonic() + 35
    while queue.length() > left and time.monotonic() < until and child.poll() is None:
        time.sleep(0.1)
    child.terminate()
    try:
        return finish(child)
    finally:
        queue.quiet_at = time.monotonic() + 1.3


def drain(world, queue, store, *options, **env):
    try:
        return finish(start(world, queue, store, *options, **env))
    finally:
        queue.quiet_at = time.monotonic() + 1.3


def proxied(server):
    host, port = server.host.split(":")
    return FaultProxy((host, int(port)))


def action(name):
    return lambda request: request.headers.get("x-amz-target", "") == "AmazonSQS." + name


def objects(request):
    return request.method == "GET" and "x-amz-target" not in request.headers


def bodies(request):
    return "/data/" in request.target and "x-amz-target" not in request.headers


def calls(proxy):
    return collections.Counter(kind for _, _, kind in proxy.requests)


# ---- what is right

def announced(world):
    """The bucket itself writes to the queue."""
    queue, bucket, store = Queue(world.server), "announcing", world.store()
    world.server.create_bucket(bucket)
    config = (f"<NotificationConfiguration><QueueConfiguration><Id>a</Id><Queue>{queue.arn}</Queue>"
              "<Event>s3:ObjectCreated:*</Event></QueueConfiguration></NotificationConfiguration>")
    world.server.must("PUT", f"/{bucket}?notification", config.encode())
    files = world.server.upload(bucket, world.tree, "AWSLogs/")
    assert queue.length() >= files, (queue.length(), files)
    done = drain(world, queue, store, "--body-bucket", BUCKET)
    world.whole(store)
    equal((queue.length(), done.state["kept"], done.state["failed"], done.said),
          (0, len(world.keys), 0, ""))
    assert done.state["skipped"] >= files - len(world.keys), done.state


def all_forms(world):
    queue, store = Queue(world.server), world.store()
    forms = (lambda key, n: event(record(key, n)), lambda key, n: sns(event(record(key, n))),
             bridge, lambda key, n: sns(bridge(key, n)),
             lambda key, n: event(record(key, n, name="ObjectCreated:CompleteMultipartUpload")))
    bodies = [forms[i % len(forms)](key, world.size(key)) for i, key in enumerate(world.keys[10:])]
    # Several objects in a message; one whose size nobody tells.
    first = [record(key, world.size(key)) for key in world.keys[:10]]
    del first[3]["s3"]["object"]["size"]
    queue.send(TEST, sns(TEST), event(*first), *bodies)
    done = drain(world, queue, store)
    world.whole(store)
    equal((queue.length(), done.state["skipped"], done.state["refused"]), (0, 2, 0))
    equal(done.state["named"], len(world.keys))


def nothing_to_be_read(world):
    """Bodies, empty objects, folders, the check of permissions, other events: not even asked for."""
    queue, store = Queue(world.server), world.store()
    queue.send(event(record(HOUR + "data/x_input.json.gz")), event(record(HOUR + "a.json.gz", 0)),
               event(record("folder/")), event(record("AWSLogs/012345678901/"
                     "BedrockModelInvocationLogs/amazon-bedrock-logs-permission-check")),
               event(record("gone.gz", name="ObjectRemoved:Delete")),
               event(record("tagged.gz", name="ObjectTagging:Put")), event(),
               bridge("gone.gz", kind="Object Deleted"), TEST)
    with proxied(world.server) as proxy:
        done = drain(world, queue, store, AWS_ENDPOINT_URL=proxy.url)
        equal([r for r in proxy.requests if r[0] != "POST"], [], "requests to S3")
    equal((queue.length(), done.state["named"], done.state["skipped"], done.said), (0, 0, 8, ""))


def odd_keys(world):
    """Keys as S3 encodes them in Records, and as EventBridge does not."""
    queue, store, bucket = Queue(world.server), world.store(), "oddly"
    world.server.create_bucket(bucket)
    names = ["a b+c", "50%25", "ü/日本", "q?x=1&y", "it's (a) *!~", '"<&>', "back\\slash", "=%2B"]
    for i, key in enumerate(names):
        for form, body in (("r", lambda k, n: event(record(k, n, bucket))), ("e", lambda k, n: bridge(k, n, bucket))):
            data = line(f"{i}{form}")
            world.server.put(bucket, form + key, data)
            queue.send(body(form + key, len(data)))
    done = drain(world, queue, store)
    equal((queue.length(), done.said), (0, ""))
    equal(report("overview", "--store", store)["total"]["invocations"], 2 * len(names))


# ---- once

def delivered_twice(world):
    queue, store = Queue(world.server), world.store()
    bodies = world.events() * 3
    random.Random(1).shuffle(bodies)
    queue.send(*bodies)
    done = drain(world, queue, store)
    world.whole(store)
    equal((queue.length(), done.state["named"]), (0, len(bodies)))
    # And once more, by another run: all of it is known.
    queue.send(*world.events())
    with proxied(world.server) as proxy:
        done = drain(world, queue, store, AWS_ENDPOINT_URL=proxy.url)
    world.whole(store, "again")
    equal(queue.length(), 0)


def listed_too(world):
    """The bucket is listed while its queue is read: each call once."""
    queue, store = Queue(world.server), world.store()
    queue.send(*world.events())
    drain(world, queue, store, "--also", BUCKET)
    world.whole(store)
    equal(queue.length(), 0)


def known_by_its_time(world):
    """What was announced is not fetched again when the bucket is listed: sizes and times agree."""
    queue, store, bucket, key = Queue(world.server), world.store(), "agreeing", HOUR + "a.json"
    world.server.create_bucket(bucket)
    world.server.put(bucket, key, line("a"))
    head = world.server.must("HEAD", f"/{bucket}/{key}")
    when = datetime.datetime.strptime(head.headers["Last-Modified"], "%a, %d %b %Y %H:%M:%S GMT")
    queue.send(event(record(key, len(line("a")), bucket, when=when)))
    drain(world, queue, store)
    queue.send(TEST)
    with proxied(world.server) as proxy:
        drain(world, queue, store, "--also", bucket, AWS_ENDPOINT_URL=proxy.url)
        gets = [target for method, target, _ in proxy.requests if method == "GET" and "list-type" not in target]
    equal(gets, [], "fetched again")


def killed(world):
    """kill -9 at any moment: totals as ever, and an empty queue."""
    rng = random.Random(5)
    queue, store = Queue(world.server), world.store()
    queue.send(*world.events())
    hits = 0
    for _ in range(KILLS):
        child = start(world, queue, store, "--hide", 2, "--threads", rng.choice((1, 4)))
        time.sleep(rng.uniform(0.02, 0.7))
        hits += child.poll() is None
        child.send_signal(signal.SIGKILL)
        child.communicate()
    assert hits > 0, "nothing was killed"
    drain(world, queue, store, "--hide", 2)
    world.whole(store, f"after {hits} kills")
    equal(queue.length(), 0)


# ---- what is wrong with messages

POISON = ["", " ", "hello " + CANARY, "{", "[]", "null", '"' + CANARY + '"', "{}", '{"Records": {}}',
          '{"Records": [1]}', '{"Records": [{}]}', '{"Records": "' + CANARY + '"}',
          "[" * 5000, '{"a":' * 400 + "1" + "}" * 400, '{"Message": "' + "x" * 200000 + '"}',
          {"Type": "SubscriptionConfirmation", "Message": CANARY, "Token": CANARY},
          {"Type": "Notification", "Message": "no JSON " + CANARY}, sns(sns(TEST)),
          event(record("k", -1)), event(record("k", "100")), event(record("k", 1.5)), event(record("")),
          event(record("x" * 1025)), event(record("zero\0")), event(record("k", bucket="")),
          event(record("k", bucket=CANARY + "/../x")), event({**record("k"), "s3": CANARY}),
          event({**record("k"), "eventSource": "aws:sqs"}), event(record("good"), 7),
          {"source": "aws.ec2", "detail-type": CANARY, "detail": {}},
          {"source": "aws.s3", "detail-type": "Object Created", "detail": {"bucket": CANARY}},
          {"Records": [{**record("k"), "eventTime": CANARY}]}]


def quarantined(store):
    return report("overview", "--store", store)["about"]["quarantined"]


def poison(world):
    """Messages that are no events of S3 are counted with their reason, deleted, and quoted nowhere."""
    queue, store = Queue(world.server), world.store()
    bad = [body for body in POISON if body not in ("",)]
    queue.send(*bad[:5], *world.events(), *bad[5:])
    done = drain(world, queue, store)
    world_total = report("overview", "--store", store)["total"]["invocations"]
    equal(world_total, world.truth["total"]["invocations"])
    equal((queue.length(), done.state["refused"], quarantined(store)), (0, len(bad), len(bad)))
    equal(done.said.count("message "), len(bad), done.said)
    assert CANARY not in done.said, done.said
    for name in os.listdir(world.tmp):
        if name.startswith(os.path.basename(store)):
            with open(os.path.join(world.tmp, name), "rb") as file:
                assert CANARY.encode() not in file.read(), "the store holds a part of a message"


def dead_letters(world, most):
    """A queue, and the one that it moves messages to after so many receives."""
    dead = Queue(world.server)
    return Queue(world.server, RedrivePolicy=json.dumps({"deadLetterTargetArn": dead.arn,
                                                         "maxReceiveCount": most})), dead


def poison_with_a_redrive_policy(world):
    """Then the queue's own policy takes them away; each is in the quarantine once."""
    store = world.store()
    queue, dead = dead_letters(world, 2)
    queue.send("hello", *world.events(world.keys[:3]))
    done = drain(world, queue, store, "--hide", 4)
    equal((queue.length(), dead.length(), quarantined(store), done.state["refused"]), (0, 1, 1, 1))


def poison_given_back(world):
    """The first receive came to nothing: the second puts it into the quarantine."""
    store = world.store()
    queue, dead = dead_letters(world, 3)
    queue.send("hello")
    equal(len(queue.receive()), 1)
    drain(world, queue, store, "--hide", 4)
    equal((queue.length(), dead.length(), quarantined(store)), (0, 1, 1))


def many_buckets(world):
    """An account may have a bucket each: none is too many, and no message goes unread."""
    queue, store, n = Queue(world.server), world.store(), 300
    for i in range(n):
        world.server.create_bucket(f"account-{i}")
        world.server.put(f"account-{i}", HOUR + "a.json", line(f"many{i}"))
        queue.send(event(record(HOUR + "a.json", len(line(f"many{i}")), f"account-{i}")))
    done = drain(world, queue, store)
    equal((queue.length(), done.state["refused"], done.said), (0, 0, ""))
    equal(report("overview", "--store", store)["total"]["invocations"], n)


def other_buckets(world):
    """What is in a bucket that is not allowed is not read, and its message not deleted: perhaps the
    list is wrong. Told once for each bucket."""
    queue, store = Queue(world.server), world.store()
    queue.send(*[event(record(f"k{i}", bucket="stranger")) for i in range(3)], *world.events())
    with proxied(world.server) as proxy:
        done = drain_to(world, queue, store, 3, "--bucket", BUCKET, AWS_ENDPOINT_URL=proxy.url)
        assert not [t for _, t, _ in proxy.requests if "stranger" in t], "the stranger was asked"
    world.whole(store, "besides a stranger's")
    equal((queue.length(), done.state["refused"], quarantined(store)), (3, 0, 0))
    equal(done.said.count("stranger"), 1, done.said)
    assert "not one of those allowed" in done.said and not done.state["failing"], done


def other_and_impossible(world):
    """A message that names a bucket that is not allowed and one that cannot be: S3 did not write it, so it is
    quarantined, once, and deleted."""
    queue, store = Queue(world.server), world.store()
    queue.send(event(record("k", bucket="stranger"), record("k", bucket="no!")))
    done = drain(world, queue, store, "--bucket", BUCKET, "--most-ms", 5000)
    equal((queue.length(), done.state["refused"], quarantined(store)), (0, 1, 1))


def only_other_buckets(world):
    """When nothing else comes, the list is wrong: the source is failing."""
    queue = Queue(world.server)
    queue.send(*world.events(world.keys[:2]))
    done = drain(world, queue, world.store(), "--bucket", "mistyped", "--most-ms", 1500)
    equal((queue.length(), done.state["failing"]), (2, True))


def other_logs(world):
    """Logs of other services in the same bucket: not even asked for."""
    queue, store = Queue(world.server), world.store()
    names = ("AWSLogs/012345678901/CloudTrail/us-east-1/2026/11/01/x.json.gz",
             "p/AWSLogs/o-abc123/012345678901/CloudTrail/us-east-1/2026/11/01/x.json.gz",
             "AWSLogs/012345678901/Config/us-east-1/2026/11/1/ConfigSnapshot/x.json.gz",
             "AWSLogs/012345678901/vpcflowlogs/us-east-1/2026/11/01/x.log.gz")
    queue.send(*[event(record(name)) for name in names])
    with proxied(world.server) as proxy:
        done = drain(world, queue, store, AWS_ENDPOINT_URL=proxy.url)
        equal([r for r in proxy.requests if r[0] != "POST"], [], "requests to S3")
    equal((queue.length(), done.state["skipped"], done.said), (0, len(names), ""))


def gone(world):
    """An object that is not there comes again: not often enough, or not long enough, is no reason."""
    queue, store = Queue(world.server), world.store()
    queue.send(event(record(HOUR + "gone.json.gz")))
    done = drain(world, queue, store, "--most-ms", 1500, "--give-up-ms", 1)
    equal((queue.length(), done.state["refused"]), (1, 0), "after one receive")
    for _ in range(4):
        while not queue.receive():
            time.sleep(0.2)
    done = drain(world, queue, store, "--most-ms", 1500)
    equal((queue.length(), done.state["refused"]), (1, 0), "within an hour of the first receive")
    # It is hidden for minutes now; a message that came as often takes its place.
    queue.on("PurgeQueue")
    queue.send(event(record(HOUR + "gone.json.gz")))
    for _ in range(5):
        queue.receive()
    time.sleep(0.01)
    done = drain(world, queue, store, "--give-up-ms", 1)
    equal((queue.length(), done.state["refused"], quarantined(store)), (0, 1, 1))
    assert "gone.json.gz could not be read" in done.said and "not found" in done.said, done.said


def no_bucket(world):
    """A bucket that is not there is not an object that is gone: perhaps the endpoint is wrong."""
    queue = Queue(world.server)
    queue.send(event(record(HOUR + "a.json.gz", bucket="nobody-has-it")))
    for _ in range(5):
        queue.receive()
    done = drain(world, queue, world.store(), "--most-ms", 2000, "--give-up-ms", 1)
    equal((queue.length(), done.state["refused"], done.state["failing"]), (1, 0, True))


REFUSED = (fp.xml(403, "AccessDenied", "Access Denied", "denied"),
           fp.xml(400, "KMS.DisabledException", "the key is disabled", "kms"),
           fp.xml(403, "InvalidAccessKeyId", "no such key", "unknown"))


def forbidden(world):
    """A refusal is no reason to give a message up, however old it is and however often it came; and
    while nothing can be read, little is received."""
    queue, n = Queue(world.server), 3 * len(world.keys)
    queue.send(*world.events() * 3)
    for _ in range(6 * n // 10):
        queue.receive()
    with proxied(world.server) as proxy:
        for kind in REFUSED:
            proxy.rule(kind, when=objects, times=8)
        proxy.rule(REFUSED[0], when=objects)
        done = drain(world, queue, world.store(), "--most-ms", 5000, "--give-up-ms", 1, "--threads", 1,
                     AWS_ENDPOINT_URL=proxy.url)
    equal((queue.length(), done.state["refused"], done.state["failing"]), (n, 0, True))
    assert "s3:GetObject" in done.said, done.said
    assert 0 < done.state["named"] < n // 2, done.state


def healed(world):
    """What could not be read is there when it can be."""
    queue, store = Queue(world.server), world.store()
    queue.send(*world.events())
    until = time.monotonic() + 3
    with proxied(world.server) as proxy:
        proxy.rule(REFUSED[0], when=lambda r: objects(r) and time.monotonic() < until)
        done = drain(world, queue, store, AWS_ENDPOINT_URL=proxy.url)
        assert calls(proxy)["denied"] > 0, calls(proxy)
    world.whole(store, "after it healed")
    equal((queue.length(), done.state["refused"]), (0, 0))


def forbidden_with_a_redrive_policy(world):
    """Nobody can read, and the policy counts: it is told, once, and receives are not used up."""
    store = world.store()
    queue, dead = dead_letters(world, 3)
    queue.send(*world.events(world.keys[:10]))
    with proxied(world.server) as proxy:
        proxy.rule(REFUSED[0], when=objects)
        done = drain(world, queue, store, "--most-ms", 9000, AWS_ENDPOINT_URL=proxy.url)
    equal((queue.length(), dead.length(), done.state["refused"]), (10, 0, 0))
    equal(done.said.count("(maxReceiveCount 3)"), 1, done.said)
    equal(done.state["named"], 10, "each was received once")


def refused_bodies(world):
    """A body that may not be read is asked for again: the message stays meanwhile."""
    queue, store = Queue(world.server), world.store()
    queue.send(*world.events())
    until = time.monotonic() + 4
    with proxied(world.server) as proxy:
        proxy.rule(REFUSED[0], when=lambda r: bodies(r) and time.monotonic() < until)
        done = drain(world, queue, store, AWS_ENDPOINT_URL=proxy.url)
        assert calls(proxy)["denied"] > 0, calls(proxy)
    world.whole(store, "with bodies that were refused")
    equal((queue.length(), done.state["refused"]), (0, 0))
    assert "s3:GetObject" in done.said, done.said


def bodies_refused_for_ever(world):
    """In the end the calls stay without them."""
    queue, store = Queue(world.server), world.store()
    queue.send(*world.events())
    queue.receive()
    time.sleep(0.2)
    with proxied(world.server) as proxy:
        proxy.rule(REFUSED[0], when=bodies)
        drain(world, queue, store, "--give-up-ms", 1, AWS_ENDPOINT_URL=proxy.url)
    equal(queue.length(), 0)
    equal(report("overview", "--store", store)["total"]["invocations"], world.truth["total"]["invocations"])


def bytes_that_were_read(world):
    """Not those that a message claims."""
    queue, store = Queue(world.server), world.store()
    queue.send(*[event(record(key, 1)) for key in world.keys])
    done = drain(world, queue, store)
    equal(done.state["bytes"], sum(map(world.size, world.keys)))


# ---- while it works

def slow_objects(world):
    """A message whose object takes longer than it is hidden stays hidden: nobody else gets it."""
    queue, store = Queue(world.server), world.store()
    queue.send(*world.events(world.keys[:4]))
    with proxied(world.server) as proxy:
        proxy.rule(fp.delayed(5), when=objects)
        done = drain(world, queue, store, "--hide", 2, AWS_ENDPOINT_URL=proxy.url)
    equal((queue.length(), done.state["named"], done.state["kept"]), (0, 4, 4))


def given_back(world):
    """At the end of a run, what is not committed is visible at once."""
    queue, store = Queue(world.server), world.store()
    queue.send(*world.events(world.keys[:4]))
    with proxied(world.server) as proxy:
        proxy.rule(fp.delayed(20), when=objects)
        polls = itertools.count()
        proxy.rule(fp.hang(), when=lambda r: action("ReceiveMessage")(r) and next(polls) > 0)
        child = start(world, queue, store, "--hide", 600, AWS_ENDPOINT_URL=proxy.url)
        until = time.monotonic() + 20
        while int(queue.attributes()["ApproximateNumberOfMessagesNotVisible"]) < 4:
            assert time.monotonic() < until
            time.sleep(0.05)
        began = time.monotonic()
        child.terminate()
        finish(child)
        took = time.monotonic() - began
    assert took < 5, took
    equal(len(queue.receive()), 4, "visible again")


def late_bodies(world):
    """Bodies come after their record: the object is named again, and its message stays until then."""
    queue, store = Queue(world.server), world.store()
    key = next(key for key in world.keys if os.path.isdir(os.path.join(os.path.dirname(world.file(key)), "data")))
    folder = os.path.dirname(key)
    tree = os.path.join(world.tmp, "late", "AWSLogs")
    source = os.path.dirname(world.file(key))
    inside = os.path.join(os.path.dirname(tree), folder)
    os.makedirs(os.path.dirname(inside))
    subprocess.run(["cp", "-r", source, inside], check=True)
    wanted = world.of(tree)
    keys = [f"{folder}/{name}" for name in os.listdir(inside) if name.endswith(".gz")]
    names = [f"{folder}/data/{name}" for name in os.listdir(inside + "/data")]
    for name in names:
        world.server.delete(BUCKET, name)
    for name in keys:
        with open(world.file(name), "rb") as file:
            world.server.put(BUCKET, name, file.read())
    queue.send(*world.events(keys))
    child = start(world, queue, store)
    time.sleep(2.5)
    assert queue.length() >= 1, "the message is gone before the bodies came"
    for name in names:
        with open(world.file(name), "rb") as file:
            world.server.put(BUCKET, name, file.read())
    done = finish(child)
    same(store, wanted, "with bodies that came late")
    assert done.state["again"] >= 1, done.state
    equal(queue.length(), 0)


def with_bodies(world):
    return next(key for key in world.keys if os.path.isdir(os.path.join(os.path.dirname(world.file(key)), "data")))


MISSING = fp.xml(404, "NoSuchKey", "The specified key does not exist.", "missing")


def stopped_before_bodies(world):
    """What still waits for its bodies when the run ends is given back, not deleted."""
    queue = Queue(world.server)
    queue.send(*world.events([with_bodies(world)]))
    with proxied(world.server) as proxy:
        proxy.rule(MISSING, when=bodies)
        done = drain(world, queue, world.store(), "--most-ms", 6000, AWS_ENDPOINT_URL=proxy.url)
    assert done.state["again"] >= 1, done.state
    equal(len(queue.receive()), 1, "visible again")


def due_while_polling(world):
    """A long poll does not hold up a body that is due."""
    queue, when, key = Queue(world.server), [], with_bodies(world)

    def seen(request):
        if objects(request) and not bodies(request):
            when.append(time.monotonic())
        return False
    queue.send(*world.events([key]))
    with proxied(world.server) as proxy:
        proxy.rule(REFUSED[0], when=seen)
        proxy.rule(MISSING, when=bodies)
        drain(world, queue, world.store(), "--wait", 20, "--most-ms", 10000, AWS_ENDPOINT_URL=proxy.url)
    assert len(when) >= 2 and when[1] - when[0] < 8, when


def slow_attributes(world):
    """A queue that does not say how long it is: what is being read stays hidden all the same."""
    queue, store = Queue(world.server), world.store()
    queue.send(*world.events(world.keys[:4]))
    looks = itertools.count()
    with proxied(world.server) as proxy:
        proxy.rule(fp.delayed(5), when=objects)
        proxy.rule(fp.hang(), when=lambda r: action("GetQueueAttributes")(r) and next(looks) > 0)
        done = drain_to(world, queue, store, 0, "--hide", 2, AWS_ENDPOINT_URL=proxy.url)
    equal((done.state["named"], done.state["kept"]), (4, 4))


# ---- what is wrong on the way

def faults(world):
    """Every second request or so fails; all arrives nevertheless."""
    rng = random.Random(7)
    queue, store = Queue(world.server), world.store()
    queue.send(*world.events())
    kinds = (fp.slow_down(0), fp.internal_error(), fp.throttle("ThrottlingException", 400), fp.reset_before(),
             fp.truncated(1))
    with proxied(world.server) as proxy:
        for kind in kinds:
            proxy.rule(kind, when=lambda request: rng.random() < 0.06)
        # Of the queue only: twice in a row is a refusal.
        proxy.rule(fp.expired_token("json"), method="POST", when=lambda request: rng.random() < 0.06)
        done = drain(world, queue, store, "--hide", 3, AWS_ENDPOINT_URL=proxy.url)
        assert sum(calls(proxy)[kind.name] for kind in kinds) > 10, calls(proxy)
    world.whole(store, "through faults")
    equal((queue.length(), done.state["refused"]), (0, 0))


def partial_batches(world):
    """Of each batch to delete, the queue does a part and fails with the rest, twice as long."""
    queue, store = Queue(world.server), world.store()
    queue.send(*world.events())
    rounds = []

    def act(proxy, connection, request, _response):
        asked = json.loads(request.body)["Entries"]
        good, bad = asked[::2], asked[1::2]
        rounds.append(len(bad))
        if good:
            queue.on("DeleteMessageBatch", Entries=good)
        answer = {"Successful": [{"Id": e["Id"]} for e in good],
                  "Failed": [{"Id": e["Id"], "Code": "InternalError", "Message": "later",
                              "SenderFault": False} for e in bad]}
        return fp.send(connection, request, fp.Response(200, "OK", ["Content-Type: application/x-amz-json-1.0"],
                                                        json.dumps(answer).encode()))
    with proxied(world.server) as proxy:
        proxy.rule(Action("partial", True, act), when=action("DeleteMessageBatch"), times=8)
        done = drain(world, queue, store, AWS_ENDPOINT_URL=proxy.url)
    world.whole(store)
    equal(queue.length(), 0)
    assert sum(rounds) > 0 and "sqs:DeleteMessage" in done.said, done.said


def refusal(code):
    """Each with a number of its own, as AWS does it."""
    numbers, body = itertools.count(), {"__type": "com.amazonaws.sqs#" + code, "message": "not authorized"}

    def act(_proxy, connection, request, _response):
        lines = ["Content-Type: application/x-amz-json-1.0", f"x-amzn-RequestId: R{next(numbers)}"]
        return fp.send(connection, request, fp.Response(400, "Bad Request", lines, json.dumps(body).encode()))
    return Action("refusal", True, act)


def refusals(world):
    """What is not allowed is named once, with the permission that is missing."""
    for name, code, wanted in (("ReceiveMessage", "AccessDenied", "allow sqs:ReceiveMessage"),
                               ("DeleteMessageBatch", "AccessDenied", "allow sqs:DeleteMessage"),
                               ("GetQueueAttributes", "AccessDenied", "allow sqs:GetQueueAttributes"),
                               ("ReceiveMessage", "KMS.AccessDeniedException", "allow kms:Decrypt")):
        queue = Queue(world.server)
        queue.send(*world.events(world.keys[:1]))
        with proxied(world.server) as proxy:
            proxy.rule(refusal(code), when=action(name))
            done = drain(world, queue, world.store(), "--most-ms", 1500, AWS_ENDPOINT_URL=proxy.url)
        assert wanted in done.said and queue.name in done.said, (name, done.said)
        equal(len(done.said.splitlines()), 1, "told once: " + done.said)


def no_queue(world):
    """Every action fails, again and again: it is told once."""
    queue = Queue(world.server)
    queue.on("DeleteQueue")
    done = drain(world, queue, world.store(), "--most-ms", 7000)
    assert "NonExistentQueue" in done.said or "QueueDoesNotExist" in done.said, done.said
    equal((len(done.said.splitlines()), done.state["failing"]), (1, True), done.said)


def two_refusals(world):
    """Reading and deleting may be refused at the same time: each is told once."""
    queue = Queue(world.server)
    queue.send(*world.events(world.keys[:3]))
    with proxied(world.server) as proxy:
        proxy.rule(refusal("AccessDenied"), when=action("GetQueueAttributes"))
        proxy.rule(refusal("AccessDenied"), when=action("DeleteMessageBatch"))
        done = drain(world, queue, world.store(), "--most-ms", 6000, AWS_ENDPOINT_URL=proxy.url)
    told = done.said.splitlines()
    equal((len(told), done.state["failing"]), (2, True), done.said)
    assert "sqs:DeleteMessage" in done.said and "sqs:GetQueueAttributes" in done.said, done.said


# ---- in a daemon

def serving(world, queue):
    place = world.store()
    os.makedirs(place)
    return Daemon(place, world.server.env, [{"url": queue.url, "name": "news"}], resolve_profiles=False)


def poison_is_counted(world):
    """A message that is none counts as quarantined, not as a problem; and the log says at once that
    a queue alone heeds any bucket."""
    queue = Queue(world.server)
    queue.send("hello", *world.events(world.keys[:1]))
    with serving(world, queue) as daemon:
        daemon.wait_for(lambda: queue.length() == 0, "the messages are deleted")
        daemon.wait_for(lambda: daemon.state()["quarantined"] == 1, "one is counted")
        equal(daemon.state()["problems"], 0)
        daemon.stop()
    assert daemon.heard("objects of any bucket counted"), daemon.said()
    assert daemon.heard("no event of S3"), daemon.said()


def told_once(world):
    """Several actions fail again and again, with another number of the request each time."""
    queue = Queue(world.server)
    queue.on("DeleteQueue")
    with serving(world, queue) as daemon:
        daemon.wait_for(lambda: daemon.heard("failing"), "it is told")
        time.sleep(8)
        told = [text for text in daemon.lines() if "NonExistentQueue" in text or "QueueDoesNotExist" in text]
        equal(len(told), 1, daemon.said())
        daemon.stop()


CASES = {
    "a bucket that announces its objects": announced,
    "events in all their forms": all_forms,
    "events that name nothing to be read": nothing_to_be_read,
    "keys of all kinds": odd_keys,
    "messages that come twice": delivered_twice,
    "a bucket that is listed and announced": listed_too,
    "what was announced is known when it is listed": known_by_its_time,
    "killed at any moment": killed,
    "messages that are no S3 events": poison,
    "messages that are no S3 events, and a redrive policy": poison_with_a_redrive_policy,
    "messages that are no S3 events, given back and received again": poison_given_back,
    "more buckets than anybody counts": many_buckets,
    "buckets that are not allowed": other_buckets,
    "a bucket that is not allowed, and one that cannot be": other_and_impossible,
    "only buckets that are not allowed": only_other_buckets,
    "logs of other services": other_logs,
    "objects that are gone": gone,
    "a bucket that is not there": no_bucket,
    "objects that may not be read": forbidden,
    "objects that could not be read for a while": healed,
    "objects that may not be read, and a redrive policy": forbidden_with_a_redrive_policy,
    "bodies that may not be read": refused_bodies,
    "bodies that may never be read": bodies_refused_for_ever,
    "bytes are those that were read": bytes_that_were_read,
    "objects that take longer than a message is hidden": slow_objects,
    "what is not committed is given back": given_back,
    "bodies that come after their record": late_bodies,
    "a stop before bodies came": stopped_before_bodies,
    "a body that is due while a poll waits": due_while_polling,
    "a queue that does not say how long it is": slow_attributes,
    "faults on the way": faults,
    "batches that are done in part": partial_batches,
    "permissions that are missing": refusals,
    "two permissions that are missing": two_refusals,
    "a queue that does not exist": no_queue,
    "a daemon counts what is no S3 event": poison_is_counted,
    "a daemon tells once of a queue that does not exist": told_once,
}


def main():
    tap = Tap()
    try:
        with Moto() as server, temporary() as tmp:
            world = World(server, tmp)
            only = os.environ.get("ASSAY_CASE", "")
            for claim, check in CASES.items():
                if only in claim:
                    tap.case(claim, check, world)
    except Missing as why:
        tap.skip("sqs", str(why))
    tap.done()


if __name__ == "__main__":
    main()
