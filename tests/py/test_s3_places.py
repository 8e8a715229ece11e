"""Buckets with many accounts and Regions, several buckets, and what becomes of them when S3 refuses:
what is new is found soon however much there is to list, and nothing is left out without a word."""
import datetime
import gzip
import os
import re
import subprocess
import threading
import time
import urllib.parse

from support import ASSAY, DONE, INCOMPLETE, Tap, assay, environment, equal, line, report, sanitized, temporary
from test_s3_follow import Following
from test_s3_lies import INGEST, Lying, listing

ROOT = "AWSLogs/"
DENIED = 403, b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
BROKEN = 400, b"<Error><Code>InvalidRequest</Code><Message>not now</Message></Error>"
EXPIRED = 400, b"<Error><Code>ExpiredToken</Code><Message>The provided token has expired.</Message></Error>"
SLOW = 4 if sanitized() else 1  # sanitizers take longer for all


def place(account):
    return f"{ROOT}{account:012}/BedrockModelInvocationLogs/us-east-1/"


def key(account, ago_h, name, now=datetime.datetime.now(datetime.timezone.utc)):
    return f"{place(account)}{now - datetime.timedelta(hours=ago_h):%Y/%m/%d/%H}/{name}.json.gz"


class Bucket(Lying):
    """objects by place: {account: {key: bytes}}, listed as S3 does it, each listing `delay` late."""

    def __init__(self, accounts, delay=0.0):
        super().__init__(self.answer, self.get)
        self.places = {account: {} for account in range(accounts)}
        self.delay, self.refuse, self.queries, self.gone, self.archived = delay, lambda query: None, [], set(), {}
        self.others = set()  # accounts where only other services have logs

    def put(self, account, name, request):
        self.places[account][name] = gzip.compress(line(request))

    def account(self, name):
        return int(name[len(ROOT):len(ROOT) + 12])

    def get(self, name):
        objects = self.places.get(self.account(name), {})
        return None if name in self.gone else objects.get(name)

    def answer(self, query):
        self.queries.append(query)
        if self.delay:
            time.sleep(self.delay)
        prefix, token = query.get("prefix", ""), query.get("continuation-token", "")
        no = self.refuse(query)
        if no:
            return no
        if len(prefix) < len(ROOT) + 12:
            if len(prefix) < len(ROOT):
                return listing(folders=[ROOT])
            names = [f"{ROOT}{n:012}/" for n in sorted(self.places)]
            rest = [n for n in names if n > token][:1001]
            return listing(folders=rest[:1000], token=rest[999] if len(rest) > 1000 else None)
        account = self.account(prefix)
        if query.get("delimiter"):
            return listing(folders=self.folders(account, prefix))
        after, most = max(token, query.get("start-after", "")), int(query.get("max-keys", 1000))
        keys = sorted(k for k in self.places[account] if k.startswith(prefix) and k > after)
        status, body = listing(map(urllib.parse.quote_plus, keys[:most]), keys[most - 1] if len(keys) > most else None)
        for name, storage in self.archived.items():
            quoted = f"<Key>{urllib.parse.quote_plus(name)}</Key>".encode()
            body = body.replace(quoted, quoted + f"<StorageClass>{storage[0]}</StorageClass>{storage[1]}".encode())
        return status, body

    def folders(self, account, prefix):
        if account in self.others:
            return []
        below = {k[len(prefix):].split("/")[0] for k in [place(account) + "/", *self.places[account]]
                 if k.startswith(prefix)}
        return [f"{prefix}{name}/" for name in sorted(below) if name]

    def fetched(self):
        return [urllib.parse.unquote(t).split("/", 2)[2] for t in self.targets if "list-type" not in t]

    def wait_for(self, wanted, seconds):
        """Until those keys were fetched; how long that took."""
        began = time.monotonic()
        while not set(wanted) <= set(self.fetched()):
            took = time.monotonic() - began
            assert took < seconds * SLOW, f"not fetched after {took:.0f} s: {sorted(set(wanted) - set(self.fetched()))[:3]}"
            time.sleep(0.02)
        return time.monotonic() - began


def most_at_once(bucket):
    """Listings in flight, at most."""
    now, most, count = [], 0, bucket.answer

    def counted(query):
        nonlocal most
        now.append(1)
        most = max(most, len(now))
        try:
            return count(query)
        finally:
            now.pop()
    bucket.list = counted
    return lambda: most


def history_and_now(tmp):
    """What is new is found within the poll interval although thousands of old objects are to be read, and
    these are read although a quick pass over all places takes longer than the interval."""
    with Bucket(60, delay=0.05) as bucket:
        for i in range(3000):
            bucket.put(0, key(0, 1000 - i // 4, f"{i:05}"), f"old{i}")
        for account in range(1, 60):
            bucket.put(account, key(account, 30, "a"), f"a{account}")
        at_once = most_at_once(bucket)
        with Following(bucket.env, "bucket", os.path.join(tmp, "history"), poll=100) as f:
            bucket.wait_for([key(0, 1000, "00000")], 20)
            took = []
            for account in (0, 1, 59):
                fresh = key(account, 0, f"fresh{account}")
                bucket.put(account, fresh, f"fresh{account}")
                took.append(bucket.wait_for([fresh], 4))
            bucket.put(60 - 1, key(59, 0, "z"), "z")
            bucket.places[77] = {}
            bucket.put(77, key(77, 0, "b"), "new account")
            took.append(bucket.wait_for([key(77, 0, "b")], 4))
            f.until(3000 + 59 + 5, 60 * SLOW)
        print(f"# {', '.join(f'{s:.1f}' for s in took)} s after it was put; {at_once()} listings at once")
        assert 4 <= at_once() <= 8, at_once()
        equal(len(bucket.fetched()), len(set(bucket.fetched())), "objects fetched once")


def expired_in_the_middle(tmp):
    """Keys that expire in mid-sweep: nothing is left out, all waits, and it is told."""
    with Bucket(40) as bucket:
        for account in range(40):
            for i in range(30):
                bucket.put(account, key(account, 500 - i, f"{i:02}"), f"{account}-{i}")
        until, seen = None, []

        def refuse(query):
            nonlocal until
            if query.get("delimiter"):
                return None
            seen.append(query)
            if len(seen) == 60:
                until = time.monotonic() + 3
            return EXPIRED if until and time.monotonic() < until else None
        bucket.refuse = refuse
        with Following(bucket.env, "bucket", os.path.join(tmp, "expired")) as f:
            f.until(40 * 30, 60 * SLOW)
        told = [s for s in f.said.splitlines() if s.startswith("problem")]
        assert len(told) == 1 and "ExpiredToken" in told[0], f.said
        assert "failing 0 error s3:" in f.said, f.said
        bucket.refuse = lambda query: None if query.get("delimiter") else EXPIRED
        said = assay(*INGEST, "s3://bucket", "--store", os.path.join(tmp, "once"), env=bucket.env, code=INCOMPLETE).err
        equal(len(said.splitlines()), 1, said)
        assert "ExpiredToken" in said, said


def one_that_is_refused(tmp):
    """A real AccessDenied leaves out that place alone, is told once, keeps the source from being called well,
    and is made up for when it is allowed."""
    with Bucket(40) as bucket:
        for account in range(40):
            bucket.put(account, key(account, 300, "a"), f"a{account}")
        bucket.refuse = lambda query: DENIED if place(7) == query.get("prefix") else None
        store = os.path.join(tmp, "refused")
        with Following(bucket.env, "bucket", store) as f:
            bucket.wait_for([key(n, 300, "a") for n in range(40) if n != 7], 20)
            time.sleep(1.5)
        told = [s for s in f.said.splitlines() if s.startswith("problem")]
        assert len(told) == 1 and place(7) in told[0] and "allow s3:ListBucket" in told[0], f.said
        assert "failing 1" in f.said, f.said
        got = assay(*INGEST, "s3://bucket", "--store", store, env=bucket.env, code=INCOMPLETE)
        assert place(7) in got.err, got.err
        bucket.refuse = lambda query: None
        # The next way through all would be a day later; what was missed is looked for after a minute, or here
        # in the next window.
        bucket.put(7, key(7, 1, "b"), "b7")
        with Following(bucket.env, "bucket", store) as f:
            f.until(41)
        assert "failing 0" in f.said and "problem" not in f.said, f.said


def refused_for_a_while(tmp):
    """What a sweep had to leave out is swept a minute later, not a day."""
    with Bucket(40) as bucket:
        for account in range(40):
            bucket.put(account, key(account, 300, "a"), f"a{account}")
        bucket.refuse = lambda query: DENIED if place(7) == query.get("prefix") else None
        with Following(bucket.env, "bucket", os.path.join(tmp, "while")) as f:
            f.until(39)
            bucket.refuse = lambda query: None
            before = len(bucket.queries)
            f.until(40, 90)
            sweep = [q for q in bucket.queries[before:] if "start-after" not in q and "delimiter" not in q]
        equal([q["prefix"] for q in sweep], [place(7)], "what was listed from its beginning")
        assert "failing 0" in f.said, f.said


def folder_that_is_refused(tmp):
    """Where S3 does not say which Regions an account has, that is told once, and what was known there stays."""
    with Bucket(5) as bucket:
        for account in range(5):
            bucket.put(account, key(account, 1, "a"), f"a{account}")
        store = os.path.join(tmp, "folder")
        with Following(bucket.env, "bucket", store) as f:
            f.until(5)
            folder = place(2)[:-len("us-east-1/")]
            bucket.refuse = lambda query: DENIED if query.get("prefix") == folder else None
            time.sleep(1)
            bucket.put(2, key(2, 0, "b"), "b2")
            bucket.put(3, key(3, 0, "b"), "b3")
            f.until(7)
            time.sleep(1)
        told = [s for s in f.said.splitlines() if s.startswith("problem")]
        assert len(told) == 1 and folder in told[0], f.said
        assert "failing 1" in f.said, f.said


def folder_that_fails(tmp):
    """Where S3 gives no answer for one account, all others are read nevertheless, and its own once it does."""
    with Bucket(5) as bucket:
        for account in range(5):
            bucket.put(account, key(account, 1, "a"), f"a{account}")
        folder = place(2)[:-len("us-east-1/")]
        bucket.refuse = lambda query: BROKEN if query.get("prefix") == folder else None
        with Following(bucket.env, "bucket", os.path.join(tmp, "fails")) as f:
            f.until(4, 90)
            bucket.refuse = lambda query: None
            f.until(5, 90)
        told = [s for s in f.said.splitlines() if s.startswith("problem")]
        assert told and all(folder in s for s in told), f.said


def refused_and_gone(tmp):
    """A place that may not be listed and then is gone is no trouble any more."""
    with Bucket(5) as bucket:
        for account in range(5):
            bucket.put(account, key(account, 1, "a"), f"a{account}")
        bucket.refuse = lambda query: DENIED if place(2) == query.get("prefix") else None
        with Following(bucket.env, "bucket", os.path.join(tmp, "left")) as f:
            f.until(4)
            del bucket.places[2]
            bucket.put(3, key(3, 0, "b"), "b3")
            f.until(5)
            time.sleep(2)
        assert "failing 0" in f.said, f.said


def others_beside_us(tmp):
    """Accounts where only other services have logs are not looked into at each poll; new ones are found."""
    with Bucket(105) as bucket:
        bucket.others = set(range(5, 105))
        for account in range(5):
            bucket.put(account, key(account, 1, "a"), f"a{account}")
        with Following(bucket.env, "bucket", os.path.join(tmp, "others")) as f:
            f.until(5)
            bucket.places[200] = {}
            bucket.put(200, key(200, 0, "b"), "new account")
            f.until(6)
            time.sleep(2)
        asked = [q["prefix"] for q in bucket.queries if q.get("prefix") == place(50)[:-len("us-east-1/")]]
        equal(len(asked), 1, "requests for an account that has none of our logs")


def several_buckets(tmp):
    """Sources beside each other, each with its places; one is refused, the others go on."""
    with Bucket(40, delay=0.02) as bucket:
        for account in range(40):
            bucket.put(account, key(account, 300 - account, "a"), f"a{account}")
        operands = [f"s3://bucket/{place(n)}" for n in range(10)] + ["s3://bucket"]
        bucket.refuse = lambda query: DENIED if place(3) == query.get("prefix") else None
        store = os.path.join(tmp, "several")
        got = assay(*INGEST, *operands, "--store", store, env=bucket.env, code=INCOMPLETE)
        assert place(3) in got.err, got.err
        equal(report("overview", "--store", store)["total"]["invocations"], 39, "invocations")
        bucket.refuse = lambda query: None
        assay(*INGEST, *operands, "--store", store, env=bucket.env, code=DONE)
        equal(report("overview", "--store", store)["total"]["invocations"], 40, "invocations")


def in_order(tmp):
    """Hour by hour over all places, however many are asked at once and however small pages are."""
    with Bucket(120, delay=0.01) as bucket:
        for account in range(120):
            for i in range(12):
                bucket.put(account, key(account, 400 - 7 * i - account % 3, f"{i:02}"), f"{account}-{i}")
        assay(*INGEST, "--threads", 1, "s3://bucket", "--store", os.path.join(tmp, "order"), env=bucket.env, code=DONE)
        hours = [re.search(r"us-east-1/(.*)/", name)[1] for name in bucket.fetched()]
        equal((len(hours), hours), (120 * 12, sorted(hours)), "hours")


def gone_and_archived(tmp):
    """An object that is gone is asked for once more; what is archived is passed over, told and counted, unless it
    was restored."""
    with Bucket(2) as bucket:
        names = [key(0, 5, f"{i:02}") for i in range(6)]
        for i, name in enumerate(names):
            bucket.put(0, name, f"r{i}")
        bucket.gone = {names[0]}
        restored = "<RestoreStatus><IsRestoreInProgress>false</IsRestoreInProgress></RestoreStatus>"
        on_its_way = restored.replace("false", "true")
        bucket.archived = {names[1]: ("GLACIER", ""), names[2]: ("DEEP_ARCHIVE", on_its_way),
                           names[3]: ("GLACIER", restored), names[4]: ("GLACIER_IR", "")}
        store = os.path.join(tmp, "archived")
        with Following(bucket.env, "bucket", store) as f:
            f.until(3)
            time.sleep(13)
            asked = bucket.fetched()
        equal(asked.count(names[0]), 2, "requests for what is gone")
        equal(set(asked), {names[0], *names[3:]}, "fetched")
        equal(f.said.count("2 objects left out: archived"), 1, f.said)
        got = assay(*INGEST, "s3://bucket", "--store", store, env=bucket.env, code=INCOMPLETE)
        assert "2 objects left out: archived (Glacier)" in got.err, got.err


def hostile_year(tmp):
    """A key of the year 9999 takes nobody's progress away: position and estimate end at now."""
    with Bucket(1) as bucket:
        for i in range(200):
            bucket.put(0, key(0, 300 - i, f"{i:03}"), f"r{i}")
        bucket.put(0, f"{place(0)}9999/12/31/00/x", "hostile")
        assay(*INGEST, "s3://bucket", "--store", os.path.join(tmp, "year"), env=bucket.env, code=DONE)
        asked = [q.get("prefix", "") for q in bucket.queries if q.get("delimiter")]
        assert place(0) in asked and not any("9999" in prefix for prefix in asked), asked


def held(tmp, places):
    """MiB of a run that has listed so many places and reads its first objects."""
    with Bucket(places) as bucket:
        for account in bucket.places:
            bucket.places[account] = {key(account, 400 - i, f"20261001T{i:09}Z_{account:016x}"): b"" for i in range(60)}
        reading, go_on = threading.Event(), threading.Event()

        def hang(name):
            reading.set()
            go_on.wait(120)
        bucket.object = hang
        with subprocess.Popen([ASSAY, *INGEST, "s3://bucket", "--store", os.path.join(tmp, f"held{places}")],
                              env=bucket.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as child:
            assert reading.wait(120), "nothing was read"
            time.sleep(0.5)
            status = open(f"/proc/{child.pid}/status", encoding="utf-8").read()
            child.kill()
        go_on.set()
    return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024


def few_bytes_for_each(tmp):
    """A bucket of 8,000 places fits into a fraction of what a daemon may take."""
    few, many = held(tmp, 100), held(tmp, 8000)
    print(f"# {few:.0f} MiB with 100 places, {many:.0f} MiB with 8,000")
    assert many < 64, (few, many)


def main():
    tap = Tap()
    with temporary() as tmp:
        tap.case("60 places: history and now, beside each other", history_and_now, tmp)
        tap.case("keys that expire in the middle of a sweep", expired_in_the_middle, tmp)
        tap.case("a place that may not be listed", one_that_is_refused, tmp)
        tap.case("a place that may not be listed for a while", refused_for_a_while, tmp)
        tap.case("a folder that may not be looked into", folder_that_is_refused, tmp)
        tap.case("a folder that S3 does not answer for", folder_that_fails, tmp)
        tap.case("a place that may not be listed, and is gone", refused_and_gone, tmp)
        tap.case("accounts of other services", others_beside_us, tmp)
        tap.case("several sources", several_buckets, tmp)
        tap.case("the order of time over 120 places", in_order, tmp)
        tap.case("objects that are gone, or archived", gone_and_archived, tmp)
        tap.case("a year that has not come", hostile_year, tmp)
        if sanitized():
            tap.skip("memory", "a sanitizer needs more")
        else:
            tap.case("8,000 places take little memory", few_bytes_for_each, tmp)
    tap.done()


if __name__ == "__main__":
    main()
