"""kill -9 of an ingest at any moment loses nothing and counts nothing twice.

ASSAY_KILLS says how many kills (12); ./dev soak asks for 200."""
import os
import random
import signal
import subprocess
import threading
import time

from support import (ASSAY, CANNOT, DONE, NAMED, Tap, assay, environment, equal, line, simulate,
                     temporary)


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
    tap.done()


if __name__ == "__main__":
    main()
