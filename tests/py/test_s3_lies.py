"""Listings that no real server gives: some lie, some are only large or odd. Each ends with a clear
error or with all that is there, in bounded memory."""
import os
import random
import subprocess
import time
import urllib.parse

from fault_proxy import Listener, Response, read_request, send
from support import ASSAY, DONE, INCOMPLETE, Tap, assay, environment, equal, line, report, sanitized, temporary

INGEST = ("ingest", "--no-resolve-profiles")

HOUR = "AWSLogs/012345678901/BedrockModelInvocationLogs/us-east-1/2026/10/05/12/"


class Lying(Listener):
    """Answers listings by list(query) -> (status, body), objects by object(key) -> bytes or None."""

    def __init__(self, list_, object_=None):
        super().__init__()
        self.list, self.object, self.targets = list_, object_ or (lambda key: None), []

    def serve(self, connection):
        with connection.makefile("rb") as file:
            while (request := read_request(file, connection)) is not None:
                path, _, query = request.target.partition("?")
                self.targets.append(request.target)
                if "list-type=2" in query:
                    status, body = self.list(dict(urllib.parse.parse_qsl(query)))
                else:
                    body = self.object(urllib.parse.unquote(path).split("/", 2)[2])
                    status = 404 if body is None else 200
                send(connection, request, Response(status, "x", [], body or b""))

    @property
    def env(self):
        return environment(AWS_ENDPOINT_URL=self.url, AWS_ACCESS_KEY_ID="x", AWS_SECRET_ACCESS_KEY="y",
                           AWS_EC2_METADATA_DISABLED="true", HOME="/nonexistent")


def listing(keys=(), token=None, folders=(), size=10, head=""):
    items = "".join(f"<Contents><Key>{k}</Key><LastModified>2026-10-05T12:00:00.000Z</LastModified>"
                    f"<Size>{size(k) if callable(size) else size}</Size></Contents>" for k in keys)
    items += "".join(f"<CommonPrefixes><Prefix>{f}</Prefix></CommonPrefixes>" for f in folders)
    more = f"<IsTruncated>{'true' if token else 'false'}</IsTruncated>"
    more += f"<NextContinuationToken>{token}</NextContinuationToken>" if token else ""
    return 200, (f'<?xml version="1.0"?>{head}<ListBucketResult><EncodingType>url</EncodingType>{items}{more}'
                 "</ListBucketResult>").encode()


BOMB = "<!DOCTYPE x [" + "".join(f'<!ENTITY e{i + 1} "{f"&e{i};" * 10}">' for i in range(9)) + "]>"
LIES = {
    "a token that repeats": (lambda q: listing([f"k{len(q.get('continuation-token', ''))}"], "same"),
                             "continuation token"),
    "tokens in a circle": (lambda q: listing(["k1"], "b" if q.get("continuation-token") == "a" else "a"),
                           "repeats a page"),
    "a page that ends before the one before": (
        lambda q: listing(["a"] if q.get("continuation-token") else ["b"],
                          None if q.get("continuation-token") else "t"), "repeats a page"),
    "empty pages without an end": (lambda q: listing([], "t" + q.get("continuation-token", "")[-200:] +
                                                     str(random.random())), "empty pages"),
    "no token": (lambda q: (200, listing(["a"], "t")[1].replace(b"NextContinuationToken", b"Other")),
                 "not where"),
    "an entity bomb": (lambda q: listing(["&e9;"], head=BOMB), "XML"),
    "an entity of a file": (lambda q: listing(
        ["&f;"], head='<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>'), "XML"),
    "XML of something else": (lambda q: (200, b"<html><body/></html>"), "no listing"),
    "no XML": (lambda q: (200, b"\x00\x01nonsense"), "XML"),
    "XML without an end": (lambda q: (200, listing(["a"])[1][:-30]), "XML"),
    "nesting": (lambda q: (200, b"<a>" * 100000), "XML"),
    "a broken %": (lambda q: listing(["%zz"]), "encoded"),
    "a page of 9 MB": (lambda q: (200, b" " * (9 << 20)), "limit"),
}


def lie(tmp, name):
    answer, said = LIES[name]
    with Lying(answer) as server:
        got = assay(*INGEST, "s3://bucket/x", "--store", os.path.join(tmp, "lies"), env=server.env,
                    code=INCOMPLETE)
        assert len(server.targets) < 1500, len(server.targets)
    assert "s3://bucket/x" in got.err and (said in got.err or said == "XML" or said == "limit"), got.err
    assert "root:" not in got.err and len(got.err.splitlines()) <= 2, got.err


HOSTILE = ("line\nbreak", "tab\tand\rreturn", "..", "../../etc/passwd", "a/../b", "./x", "a//b", "<&>\"'",
           "%41%2F%", "a b+c=d", "ü/日本", "back\\slash", "n" * 1018, "\x01\x1b[31m", "~", "|", "?x=1#y",
           "data/1_input_x")


def bucket_of(objects):
    """A server's two functions for these objects, as S3 does it."""
    def list_(query):
        prefix, after = query.get("prefix", ""), query.get("continuation-token", query.get("start-after", ""))
        keys, folders = [], []
        for key in sorted(objects, key=str.encode):
            rest = key[len(prefix):]
            if not key.startswith(prefix) or key.encode() <= after.encode():
                continue
            if query.get("delimiter") and "/" in rest:
                folder = prefix + rest.split("/")[0] + "/"
                folders += [folder] if folder not in folders and folder.encode() > after.encode() else []
            else:
                keys.append(key)
        return listing(map(urllib.parse.quote_plus, keys), folders=map(urllib.parse.quote_plus, folders),
                       size=lambda key: len(objects[urllib.parse.unquote_plus(key)]))
    return list_, objects.get


def hostile_keys(tmp):
    """bedrock-logs 37, and keys that could be taken for something else: each is asked for as it is."""
    objects = {key + ".json": line(f"r{i}") for i, key in enumerate(HOSTILE)}
    others = {"folder/": b"", "empty.json.gz": b"", HOUR + "data/r9_input.json.gz": b"{}", HOUR + "data/r9/x": b"{",
              "x-amazon-bedrock-logs-permission-check": b"1",
              # Other services deliver there, too.
              "AWSLogs/012345678901/CloudTrail/us-east-1/x.json.gz": b"{}"}
    store = os.path.join(tmp, "hostile")
    with Lying(*bucket_of({**objects, **others})) as server:
        first = assay(*INGEST, "s3://hostile", "--store", store, env=server.env, code=DONE)
        asked = {urllib.parse.unquote(t)[len("/hostile/"):] for t in server.targets if "list-type" not in t}
        again = assay(*INGEST, "s3://hostile", "--store", store, env=server.env, code=DONE)
    equal(asked ^ set(objects), set(), "keys that were asked for, or not")
    equal(report("overview", "--store", store)["total"]["invocations"], len(HOSTILE), "records")
    assert f"read {len(HOSTILE)} files".encode() in first.out, first.out
    assert f"({len(HOSTILE)} known already)".encode() in again.out, again.out
    with Lying(bucket_of(objects)[0]) as server:
        said = assay("report", "s3://hostile", env=server.env, code=INCOMPLETE).err
    assert all(c == "\n" or c >= " " for c in said), repr(said)


def connections_are_kept(tmp):
    with Lying(*much(3000, 10)) as server:
        assay(*INGEST, "s3://bucket", "--store", os.path.join(tmp, "kept"), "--threads", 6, env=server.env,
              code=DONE)
        assert len(server.targets) > 300 and server.connections <= 7, (server.connections, len(server.targets))


def zero_in_a_key(tmp):
    """Nobody can ask for such a key in a path that is a C string; the others are read."""
    with Lying(lambda q: listing(["a%00b.json", "c.json"]), lambda key: line("r")) as server:
        got = assay(*INGEST, "s3://bucket", "--store", os.path.join(tmp, "zero"), env=server.env, code=DONE)
    assert b"read 1 file " in got.out, got.out


def much(n, every):
    """n keys in pages of 1,000, of which one in `every` is an object, the others are empty. A page is one text in
    which only day and number are set: there may be ten thousand of them."""
    base = "AWSLogs/012345678901/BedrockModelInvocationLogs/us-east-1/"
    name = f"{base}2026/10/@@/12/20261001T######{{:03}}Z_{'0' * 40}.json.gz"

    def size(number):
        return 90 if number % every == 0 else 0
    templates = {first: listing(map(name.format, range(1000)), "t######",
                                size=lambda k, first=first: size(first + int(k.split("######")[1][:3])))[1]
                 for first in range(0, max(every, 1000), 1000)}

    def list_(query):
        prefix = query.get("prefix", "")
        if query.get("delimiter"):
            rest = base[len(prefix):] if base.startswith(prefix) else ""
            return listing(folders=[prefix + rest.split("/")[0] + "/"] if rest else [])
        page = int(query.get("continuation-token", "t0")[1:])
        body = templates[page * 1000 % max(every, 1000)]
        body = body.replace(b"@@", b"%02d" % (1 + page * 28000 // n)).replace(b"T######", b"T%06d" % page)
        if (page + 1) * 1000 >= n:
            return 200, body.replace(b"true</IsTruncated>", b"false</IsTruncated>").replace(b"t######", b"")
        return 200, body.replace(b"t######", b"t%06d" % (page + 1))
    return list_, lambda key: line(key.split("T")[-1][:9])


def peak(tmp, n, every):
    """(MiB, seconds) of a run over so many keys."""
    code = ("import resource, subprocess, sys\n"
            "done = subprocess.run(sys.argv[1:], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)\n"
            "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, done.returncode, done.stdout)\n")
    began = time.monotonic()
    with Lying(*much(n, every)) as server:
        done = subprocess.run(["python3", "-c", code, ASSAY, *INGEST, "s3://bucket", "--store",
                               os.path.join(tmp, f"much{n}")], env=server.env, capture_output=True, text=True,
                              timeout=280 + n // 5000, check=True)
        listed = sum("continuation-token" in t for t in server.targets)
    assert f" {-(-n // every)} records" in done.stdout, done.stdout
    assert listed >= n // 1000 - 1, (listed, n)
    return int(done.stdout.split()[0]) / 1024, time.monotonic() - began


KEYS = int(os.environ.get("ASSAY_KEYS", "200000"))  # whole pages


def bounded_memory(tmp):
    every = max(20, KEYS // 10000 // 1000 * 1000)  # a listing's length is meant, not that of the reading
    few, many = peak(tmp, 4000, 20)[0], peak(tmp, KEYS, every)
    print(f"# {few:.0f} MiB for 4,000 keys; {many[0]:.0f} MiB and {many[1]:.0f} s for {KEYS:,}")
    assert many[0] < few + 24, (few, many)


def main():
    tap = Tap()
    with temporary() as tmp:
        for name in LIES:
            tap.case(f"a server that lies: {name}", lie, tmp, name)
        tap.case("a key with a zero byte", zero_in_a_key, tmp)
        tap.case("bedrock-logs 37: hostile keys", hostile_keys, tmp)
        tap.case("connections are kept", connections_are_kept, tmp)
        if sanitized():
            tap.skip("memory", "a sanitizer needs more")
        else:
            tap.case("memory does not grow with the keys that are listed", bounded_memory, tmp)
    tap.done()


if __name__ == "__main__":
    main()
