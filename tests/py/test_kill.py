"""kill -9 of an ingest at any moment loses nothing and counts nothing twice.

ASSAY_KILLS says how many kills (12); ./dev soak asks for 200."""
import contextlib
import datetime
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import threading
import time

from support import (ASSAY, BAD_USAGE, CANNOT, DONE, NAMED, ROOT, Tap, assay, environment, equal, line,
                     lines_of, simulate, temporary)


def answers(store):
    return {name: assay("report", name, "--store", store, "--format", "json", code=DONE).out
            for name in NAMED}


def ingest(tree, store, *options):
    return assay("ingest", tree, "--store", store, *options, code=DONE)


def start(tree, store, *options):
    return subprocess.Popen([ASSAY, "ingest", tree, "--store", store, *options],
                            env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def killed(tree, store, after, *options):
    """Kills an ingest `after` seconds; True when it was still running."""
    child = start(tree, store, *options)
    time.sleep(after)
    running = child.poll() is None
    child.kill()
    child.communicate()
    return running and child.returncode == -signal.SIGKILL


def survives(tree, whole, wanted, tmp, kills, number):
    """Some kills on one store, then a run to its end."""
    rng = random.Random(number)
    store = os.path.join(tmp, f"store{number}")
    hits = 0
    for _ in range(kills):
        # Often early, while the store is made, and up to the end of a run.
        after = rng.choice((rng.uniform(0, 0.02), rng.uniform(0, whole), rng.uniform(0, whole)))
        hits += killed(tree, store, after, "--threads", str(rng.choice((1, 2, 4))))
    ingest(tree, store)
    equal([n for n in os.listdir(tmp) if n.startswith(os.path.basename(store) + "-")], [],
          "files left beside the store")
    found = answers(store)
    for name in NAMED:
        equal(found[name].decode(), wanted[name].decode(), f"{name} after {hits} kills")
    os.remove(store)


def sums_of(store):
    """Rows and totals of questions that sums answer, without what is said about them."""
    return {name: [answer[key] for key in ("rows", "total")] for name in ("overview", "people")
            for answer in (assay("report", name, "--bucket", "day", "--by", "time,user", "--store",
                                 store, "--format", "json", code=DONE).json(),)}


def killed_at(after, *command):
    child = subprocess.Popen([ASSAY, *command], env=environment(), stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE)
    time.sleep(after)
    running = child.poll() is None
    child.kill()
    child.communicate()
    return running and child.returncode == -signal.SIGKILL


def let_go(tree, clean, tmp, kills):
    """Old calls go, and the program is killed while they do: sums stay, nothing counts twice."""
    rng = random.Random(7)
    store, copy = os.path.join(tmp, "retained"), os.path.join(tmp, "copied")
    shutil.copy(clean, store)
    wanted, hits = sums_of(store), 0
    first = assay("report", "--store", store, "--format", "json", code=DONE).json()["about"]["since"]
    first = datetime.datetime.fromisoformat(first.replace("Z", "+00:00"))
    hours = 25
    for n in range(kills):
        hours += rng.choice((1, 3, 7))
        limit = (first + datetime.timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")
        retain = ("store", "retain", "--store", store, "--keep-facts", limit)
        hits += killed_at(rng.choice((0.002, 0.02)) * rng.random(), *retain)
        if n % 4 == 0:
            hits += killed_at(rng.uniform(0, 0.03), "store", "backup", copy, "--store", store,
                              "--force")
            if os.path.exists(copy):
                assay("store", "check", "--store", copy, code=DONE)
        if n % 3 == 0:
            hits += killed(tree, store, rng.uniform(0, 0.1))
        assay("store", "check", "--store", store, code=DONE)
        equal(sums_of(store), wanted, f"sums after {hits} kills")
    assay(*retain, code=DONE)
    said = assay("ingest", "-", "--store", store, stdin=b"".join(text + b"\n" for text in
                                                               lines_of(tree)), code=DONE)
    assert b"older than the calls it keeps" in said.out, said.out
    assay("store", "check", "--store", store, code=DONE)
    equal(sums_of(store), wanted, "sums in the end")
    assay("store", "backup", copy, "--store", store, "--force", code=DONE)
    equal(sums_of(copy), wanted, "sums of the copy")
    equal(sorted(n for n in os.listdir(tmp) if n.startswith(("retained", "copied"))),
          ["copied", "retained"], "files left")
    assert hits > 0, "nothing was ever killed"


def migrated(tmp, kills):
    """A store of version 3 is that, or one of this version, whenever the step is killed."""
    old, store = os.path.join(tmp, "old"), os.path.join(tmp, "migrated")
    with open(os.path.join(ROOT, "tests/cli/data/store-v3.sql"), encoding="ascii") as file:
        with contextlib.closing(sqlite3.connect(old)) as made:
            made.executescript(file.read())
    rng = random.Random(8)
    for _ in range(kills):
        shutil.copy(old, store)
        killed_at(rng.uniform(0, 0.02), "store", "migrate", "--store", store)
        assay("store", "migrate", "--store", store, code=DONE)
        said = assay("store", "check", "--store", store, code=DONE)
        assert b"12 invocations" in said.out, said.out


def copied_meanwhile(tree, tmp, wanted):
    """Copies that are made while somebody writes are each whole, and one of the end is all."""
    store, copy = os.path.join(tmp, "written"), os.path.join(tmp, "copy")
    child = start(tree, store)
    try:
        while child.poll() is None:
            done = assay("store", "backup", copy, "--store", store, "--force",
                         code=(DONE, BAD_USAGE, CANNOT))
            if done.code == DONE:
                assay("store", "check", "--store", copy, code=DONE)
            else:  # not made yet, not even its tables
                assert "not a store" in done.err or "No such file" in done.err, done.err
    finally:
        child.communicate()
    assay("store", "backup", copy, "--store", store, "--force", code=DONE)
    equal(answers(copy)["people"], wanted["people"], "in the end")


def two_at_once(tmp):
    """A second writer is told so, the first one is not disturbed."""
    pipe, store = os.path.join(tmp, "pipe"), os.path.join(tmp, "both")
    os.mkfifo(pipe)
    first = start(pipe, store)
    with open(pipe, "wb") as feed:
        # The pipe is opened for reading only after the store was opened.
        feed.write(line("a"))
        feed.flush()
        second = assay("ingest", pipe, "--store", store, code=CANNOT)
        said = second.err.splitlines()
        assert len(said) == 1 and store in said[0] and "another process" in said[0], said
        feed.write(line("b"))
    out, err = first.communicate()
    equal((first.returncode, err), (DONE, b""), "the first")
    assert b"2 invocations" in out, out


def asked_meanwhile(tree, tmp, wanted):
    """A store can be asked while it is written: each answer is whole."""
    store = os.path.join(tmp, "asked")
    ingest(os.path.join(tree, sorted(os.listdir(tree))[0]), store)
    stop, troubles = threading.Event(), []

    def ask():
        while not stop.is_set():
            try:
                answer = assay("report", "people", "--store", store, "--format", "json",
                               code=DONE).json()
                rows = sum(row["invocations"] for row in answer["rows"])
                equal(rows, answer["total"]["invocations"], "rows add up")
                equal(answer["about"]["invocations"], rows, "about")
            except AssertionError as error:
                troubles.append(str(error))

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        for _ in range(3):
            killed(tree, store, 0.05)
        ingest(tree, store)
    finally:
        stop.set()
        thread.join()
    equal(troubles, [], "answers meanwhile")
    equal(answers(store)["people"], wanted["people"], "in the end")


def main():
    tap = Tap()
    total = int(os.environ.get("ASSAY_KILLS", 12))
    with temporary() as tmp:
        base = os.path.join(tmp, "base")
        big = total > 50
        simulate(base, "--users", 60 if big else 20, "--days", 8 if big else 4, "--seed", 5,
                 "--bodies", "none")
        tree = os.path.join(base, "AWSLogs")
        clean = os.path.join(tmp, "clean")
        begin = time.monotonic()
        ingest(tree, clean)
        whole = time.monotonic() - begin
        wanted = answers(clean)
        stores = os.path.join(tmp, "stores")
        os.mkdir(stores)
        number, left = 0, total
        while left > 0:
            kills = min(left, 1 + number % 5)
            tap.case(f"totals are those of a clean run after kill -9, {kills} times on one store "
                     f"({number})", survives, tree, whole, wanted, stores, kills, number)
            left -= kills
            number += 1
        tap.case("of two writers the second is told, the first goes on", two_at_once, tmp)
        tap.case("a store can be asked while it is written and while its writer is killed",
                 asked_meanwhile, tree, tmp, wanted)
        tap.case("old calls go, killed at any moment: sums stay and nothing counts twice", let_go,
                 tree, clean, tmp, total)
        tap.case("a store of version 3 is migrated, killed at any moment", migrated, tmp, total)
        tap.case("a store is copied while it is written", copied_meanwhile, tree, tmp, wanted)
    tap.done()


if __name__ == "__main__":
    main()
