"""The servers that other tests rely on: what goes in comes out, wrong signatures are refused, and
nothing is left behind."""
import datetime
import os
import socket
import tempfile

from servers import Missing, Moto, Versitygw
from support import Tap, equal

KEYS = ("a=b", "a+b", "a:b", "a b", "50%", "%41%2F", "ü/é/日本", "e\u0301", "q?x=1&y", "#",
        "it's (a) *!~", "..x/y", "back\\slash", '"<&>', "a/b/c/d")


def odd_keys(server):
    server.create_bucket("odd")
    for key in KEYS:
        server.put("odd", key, b"\0" + key.encode())
    for key in KEYS:
        equal(server.get("odd", key), b"\0" + key.encode(), key)
    equal(sorted(server.list("odd")), sorted(KEYS), "keys")


def pages(server):
    server.create_bucket("pages")
    names = [f"n/{i:03}" for i in range(25)]
    with tempfile.TemporaryDirectory(prefix="assay-py-") as folder:
        for name in names:
            path = os.path.join(folder, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as file:
                file.write(name.encode())
        equal(server.upload("pages", folder, "p/"), 25, "files")
    names = ["p/" + name for name in names]
    equal(server.get("pages", names[7]), b"n/007", "an uploaded file")
    equal(server.list("pages", prefix="p/", max_keys=10), names, "all pages")
    found, token = server.page("pages", start_after=names[3], max_keys=5)
    equal(found, names[4:9], "one page behind a key")
    assert token, "there is more"


def refused(server):
    server.create_bucket("closed")
    server.put("closed", "a=b", b"1")
    for keys in ((server.access_key, "wrong"), ("AKIAUNKNOWN", "wrong")):
        for target in ("/closed/a%3Db", "/closed?list-type=2"):
            equal(server.request("GET", target, keys=keys).status, 403, target)
    wrong = server.request("GET", "/closed/a%3Db", keys=(server.access_key, "wrong"))
    equal(wrong.code, "SignatureDoesNotMatch", "code")
    equal(server.request("GET", "/closed/none").code, "NoSuchKey", "code")


def late(server):
    server.create_bucket("late")
    now = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(minutes=20)
    equal(server.request("GET", "/late?list-type=2", now=now).code, "RequestTimeTooSkewed", "code")


def apart(one, two):
    one.create_bucket("mine")
    equal(two.request("GET", "/mine?list-type=2").code, "NoSuchBucket", "the other's bucket")
    assert one.url != two.url, "one port for two"


def gone(server):
    assert server.child.poll() is not None, "the process lives"
    assert not os.path.exists(server.place.name), "its folder is there"
    port = int(server.url.rpartition(":")[2])
    try:
        socket.create_connection(("127.0.0.1", port), 5).close()
    except ConnectionRefusedError:
        return
    raise AssertionError("somebody still answers")


def one_kind(tap, name, make, more):
    with make() as server, make() as other:
        tap.case(f"{name}: odd keys", odd_keys, server)
        tap.case(f"{name}: pages", pages, server)
        for claim, check in more.items():
            tap.case(f"{name}: {claim}", check, server)
        tap.case(f"{name}: two at once", apart, server, other)
    for ended in (server, other):
        tap.case(f"{name}: nothing is left", gone, ended)


def main():
    tap = Tap()
    kinds = (("moto", Moto, {}),
             ("moto with checks", lambda: Moto(check=True), {"wrong signatures": refused}),
             ("versitygw", lambda: Versitygw(build="ASSAY_BUILD_VERSITYGW" in os.environ),
              {"wrong signatures": refused, "a clock that is late": late}))
    for name, make, more in kinds:
        try:
            one_kind(tap, name, make, more)
        except Missing as why:
            tap.skip(name, str(why))
    tap.done()


if __name__ == "__main__":
    main()
