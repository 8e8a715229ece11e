"""Many threads at once, of which ThreadSanitizer watches each step: reading bodies, gathering
sessions, writing a store while others ask it. What comes out does not depend on their number."""
import os
import subprocess
import threading

from support import (ASSAY, DONE, NAMED, Tap, assay, environment, equal, sanitized, simulate,
                     temporary)

INSIDE = ("sessions", "tools", "mcp", "context", "savings")
WHOLE = ("--limit", 0, "--format", "json", "--quiet")


def stored(name, store):
    return assay("report", name, "--store", store, *WHOLE, code=DONE).out


def answer(name, tree, *more):
    return assay("report", name, tree, *more, *WHOLE, "--repository-names", code=DONE).out


def same_for(names, tree, *more):
    for name in names:
        one = answer(name, tree, "--threads", 1)
        for threads in (2, 4):
            equal(answer(name, tree, "--threads", threads, *more), one, f"{name}, {threads}")


def told(text):
    """The lines of an answer in any order, without those that depend on it."""
    moving = (b'"thread"', b'"gap', b'"parent"')
    return sorted(row.strip(b" ,") for row in text.splitlines()
                  if not row.strip().startswith(moving))


def same_session(tree):
    rows = assay("report", "sessions", tree, "--limit", 1, "--format", "csv", code=DONE).out
    session = rows.decode().splitlines()[1].split(",")[0]
    one, two = (assay("session", session, tree, "--repository-names", "--threads", n, "--format",
                      "json", code=DONE).out for n in (1, 4))
    # Calls of one second have no order of their own: the key that decides is another in each run.
    equal(told(two), told(one), session)


def ingest(tree, store, threads):
    return [ASSAY, "ingest", tree, "--store", store, "--threads", str(threads), "--quiet",
            "--repository-names"]


def asked_meanwhile(tree, store):
    """One writes with four threads, two ask all the time; in the end it is what the files tell."""
    first = os.path.join(tree, sorted(os.listdir(tree))[0])
    subprocess.run(ingest(first, store, 2), check=True, env=environment(), capture_output=True)
    stop, troubles = threading.Event(), []

    def ask(name):
        while not stop.is_set():
            try:
                stored(name, store)
            except AssertionError as error:
                troubles.append(str(error))
                return

    asking = [threading.Thread(target=ask, args=(name,)) for name in ("mcp", "sessions")]
    for thread in asking:
        thread.start()
    try:
        done = subprocess.run(ingest(tree, store, 4), env=environment(), capture_output=True,
                              check=False)
    finally:
        stop.set()
        for thread in asking:
            thread.join()
    equal((done.returncode, done.stderr), (DONE, b""), "ingest")
    equal(troubles, [], "answers meanwhile")


def same_in_store(tree, store, names):
    def without_files(text):
        return [row for row in text.splitlines() if b'"files"' not in row]

    for name in names:
        equal(without_files(stored(name, store)), without_files(answer(name, tree)),
              name)


def main():
    tap = Tap()
    slow = sanitized()
    with temporary() as tmp:
        base, store = os.path.join(tmp, "base"), os.path.join(tmp, "store")
        simulate(base, "--users", 4, "--days", 1, "--seed", 5, "--body-scale", 1, "--bodies", "s3",
                 "--records", 500 if slow else 3000)
        tree = os.path.join(base, "AWSLogs")
        named = NAMED[:2] if slow else NAMED
        tap.case("plain questions", same_for, named, tree)
        tap.case("questions about what is inside requests", same_for, INSIDE, tree)
        tap.case("with little memory", same_for, ("people", "sessions"), tree, "--dedupe-memory",
                 "1k")
        tap.case("one session", same_session, tree)
        tap.case("a store is asked while four threads write it", asked_meanwhile, tree, store)
        tap.case("it tells what the files tell", same_in_store, tree, store,
                 ("people", "sessions", "tools", "savings"))
    tap.done()


if __name__ == "__main__":
    main()
