"""The servers that other tests rely on: what goes in comes out, wrong signatures are refused, and
nothing is left behind."""
import datetime
import http.client
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

from daemon import quiet_port
from servers import Missing, Moto, S3Server
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
    now = datetime.datetime.now(datetime.timezone.utc)
    for minutes, code in ((-20, "AccessDenied"), (20, "RequestTimeTooSkewed")):
        wrong = now + datetime.timedelta(minutes=minutes)
        equal(server.request("GET", "/late?list-type=2", now=wrong).code, code, f"{minutes} minutes")


def others_files(server):
    """What another process puts into the folder, or takes away, counts at once."""
    server.create_bucket("files")
    server.put("files", "a/1", b"by us")
    equal(server.list("files"), ["a/1"], "before")
    path = os.path.join(server.folder, "files", "a", "2")
    with open(path + ".new", "wb") as file:
        file.write(b"by somebody")
    os.rename(path + ".new", path)
    time.sleep(0.01)
    equal(server.list("files"), ["a/1", "a/2"], "keys")
    equal(server.get("files", "a/2"), b"by somebody", "an object")
    os.remove(path)
    time.sleep(0.01)
    equal(server.list("files"), ["a/1"], "keys, without it")


def crashed(_):
    """Killed in the middle of uploads, again and again, it comes back on its port: what it had taken
    is there, and nothing is there in half."""
    server = S3Server()
    server.port = quiet_port()
    with server:
        uploads_and_kills(server)


def uploads_and_kills(server):
    server.create_bucket("crash")
    data, taken, stop, url = os.urandom(300000), [], threading.Event(), server.url

    def upload(number):
        while not stop.is_set():
            key = f"a/{number}/{len(taken)}-{time.monotonic_ns()}"
            try:
                server.put("crash", key, data)
                taken.append(key)
            except (OSError, http.client.HTTPException):
                time.sleep(0.01)
    threads = [threading.Thread(target=upload, args=(i,)) for i in range(3)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(5):
            time.sleep(0.15)
            server.crash()
            server.start()
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    equal(server.url, url, "where it is")
    there = server.list("crash")
    equal(sorted(set(taken) - set(there)), [], "lost")
    for key in there:
        assert server.get("crash", key) == data, "half an object"
    assert len(taken) > 5, taken


def apart(one, two):
    one.create_bucket("mine")
    equal(two.request("GET", "/mine?list-type=2").code, "NoSuchBucket", "the other's bucket")
    assert one.url != two.url, "one port for two"


def gone(server):
    assert server.child.poll() is not None, "the process lives"
    assert not os.path.exists(server.place.name), "its folder is there"
    assert not answers(server.url), "somebody still answers"


def killed(make):
    """The servers of a test that is killed end with it."""
    code = ("import sys, test_servers\n"
            f"with test_servers.KINDS[{make!r}]() as server:\n"
            "    print(server.url, server.place.name, flush=True)\n"
            "    sys.stdin.read()\n")
    with subprocess.Popen([sys.executable, "-c", code], cwd=os.path.dirname(__file__),
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        url, place = child.stdout.readline().split()
        child.kill()
    until = time.monotonic() + 20
    while answers(url):
        assert time.monotonic() < until, "the server outlives its test"
        time.sleep(0.05)
    shutil.rmtree(place)


def answers(url):
    try:
        socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), 5).close()
    except (ConnectionRefusedError, ConnectionResetError):
        return False
    return True


def other_services(server):
    """SQS in JSON, with the same check."""
    body, kind = b'{"QueueName": "q"}', {"x-amz-target": "AmazonSQS.CreateQueue",
                                         "content-type": "application/x-amz-json-1.0"}
    wrong = (server.access_key, "wrong")
    equal(server.request("POST", "/", body, kind, wrong, service="sqs").status, 403, "wrong key")
    equal(server.request("POST", "/", body, kind, service="sqs").status, 200, "right key")


KINDS = {"moto": Moto, "moto with checks": lambda: Moto(check=True),
         "rclone": S3Server}
CHECKS = {"moto": {}, "moto with checks": {"wrong signatures": refused,
                                           "wrong signatures for SQS": other_services},
          "rclone": {"wrong signatures": refused, "a clock that is wrong": late,
                     "files that others put": others_files, "kill -9": crashed}}


def one_kind(tap, name):
    with KINDS[name]() as server, KINDS[name]() as other:
        tap.case(f"{name}: odd keys", odd_keys, server)
        tap.case(f"{name}: pages", pages, server)
        for claim, check in CHECKS[name].items():
            tap.case(f"{name}: {claim}", check, server)
        tap.case(f"{name}: two at once", apart, server, other)
    for ended in (server, other):
        tap.case(f"{name}: nothing is left", gone, ended)
    tap.case(f"{name}: ends with a test that is killed", killed, name)


def main():
    tap = Tap()
    for name in KINDS:
        try:
            one_kind(tap, name)
        except Missing as why:
            tap.skip(name, str(why))
    tap.done()


if __name__ == "__main__":
    main()
