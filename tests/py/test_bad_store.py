"""Stores that are none, are damaged, too new, or cannot be read or written: one clear line, no harm."""
import os
import sqlite3
import subprocess

from box import as_nobody, one_line, run
from support import (ASSAY, BAD_USAGE, CANNOT, DONE, INCOMPLETE, assay, environment, equal,
                     limit_file_size, line, report, total_of, write)


def full_disk(box):
    records = b"".join(line(f"r{i}", identity={"arn": f"arn:aws:iam::1:user/u{i}"})
                       for i in range(3000))
    box.file("many", records)
    with open("/dev/full", "wb") as full:
        for form in ("table", "json", "csv", "md"):
            done = subprocess.run([ASSAY, "report", "people", box.path, "--format", form],
                                  stdout=full, stderr=subprocess.PIPE, env=environment(),
                                  check=False)
            equal(done.returncode, CANNOT, form)
            said = done.stderr.decode().splitlines()
            assert len(said) == 1 and "No space left" in said[0], said
    # A store that cannot grow: a clear line, and the store is whole after it.
    for limit in (0, 4096, 40 << 10, 120 << 10, 400 << 10):
        store = f"{box.path}.{limit}"
        done = subprocess.run([ASSAY, "ingest", box.path, "--store", store], env=environment(),
                              capture_output=True, preexec_fn=limit_file_size(limit), check=False)
        said = done.stderr.decode().splitlines()
        if done.returncode == DONE:
            continue
        equal(done.returncode, CANNOT, f"limit {limit}: {said}")
        assert len(said) == 1 and store in said[0], said
        assay("ingest", box.path, "--store", store, code=DONE)
        equal(total_of("--store", store), total_of(box.path), f"after a limit of {limit}")
    # Space for duplicates that do not fit in memory.
    result = assay("report", box.path, box.path, "--dedupe-memory", "1k",
                   env=environment(TMPDIR="/nonexistent"))
    if result.code != DONE:
        one_line(result, CANNOT, "/nonexistent")


def readable_again(box):
    """A file that could not be opened is read by the next ingest although it did not change."""
    box.file("good", line("a"))
    secret = box.file("secret", line("b"))
    os.chmod(secret, 0)
    os.chmod(box.path, 0o777)
    store = os.path.join(box.path, ".store")
    ingest = ("ingest", box.path, "--store", store)
    result = assay(*ingest, before=as_nobody(), code=INCOMPLETE)
    assert "secret" in result.err, result.err
    os.chmod(secret, 0o644)
    assay(*ingest, before=as_nobody(), code=DONE)
    answer = report("--store", store, before=as_nobody())
    equal(answer["about"]["invocations"], 2, "both files are counted")
    equal(answer["about"]["files_failed"], 0, "no file is told to have failed any more")


def make_store(box):
    store = box.path + ".store"
    box.file("good", line("a") + line("b"))
    assay("ingest", box.path, "--store", store, code=DONE)
    return store


def read_only_store(box):
    os.chmod(box.path, 0o755)
    folder = box.path + ".folder"
    os.makedirs(folder)
    store = os.path.join(folder, "store")
    box.file("good", line("a"))
    assay("ingest", box.path, "--store", store, code=DONE)
    os.chmod(store, 0o444)
    os.chmod(folder, 0o555)
    before = as_nobody()
    answer = report("--store", store, before=before)
    equal(answer["about"]["invocations"], 1, "it can be read")
    one_line(assay("ingest", box.path, "--store", store, before=before), CANNOT, store)
    os.chmod(folder, 0o755)


def newer_store(box):
    store = make_store(box)
    with sqlite3.connect(store) as db:
        version = db.execute("PRAGMA user_version").fetchone()[0]
        db.execute(f"PRAGMA user_version={version + 1}")
    db.close()
    for command in (("report", "--store", store), ("ingest", box.path, "--store", store)):
        one_line(assay(*command), CANNOT, store, "version")


def no_store(box):
    text = box.file("notes.txt", b"This is no database.\n" * 200)
    empty = box.file("empty", b"")
    other = os.path.join(box.path, "other.db")
    with sqlite3.connect(other) as db:
        db.execute("CREATE TABLE t(x)")
    db.close()
    os.mkfifo(box.path + ".pipe")
    log = write(box.path + ".log/a", line("a"))
    for path in (text, other, box.path, box.path + ".pipe"):
        before = os.stat(path).st_size
        one_line(assay("report", "--store", path), BAD_USAGE, path, "not a store")
        one_line(assay("ingest", log, "--store", path), BAD_USAGE, path, "not a store")
        equal(os.stat(path).st_size, before, "it is left alone")
    result = assay("report", "--store", empty)
    assert result.code in (BAD_USAGE, CANNOT), result.err
    for path in (box.path + "/none", box.path + "/no/none"):
        result = assay("report", "--store", path)
        one_line(result, result.code, path)
        assert result.code in (BAD_USAGE, CANNOT), result.code
        assert not os.path.exists(path), "asking makes no store"
    one_line(assay("ingest", log, "--store", box.path + "/no/none"), CANNOT, "/no/none")


def damaged_store(box):
    store = make_store(box)
    size = os.stat(store).st_size
    with open(store, "r+b") as file:
        file.seek(size // 2)
        file.write(b"\xAA" * (size - size // 2))
    result = assay("report", "--store", store, "--by", "user")
    assert result.code in (BAD_USAGE, CANNOT, DONE), result.code
    if result.code != DONE:
        one_line(result, result.code, store)
    with open(store, "r+b") as file:
        file.truncate(4096)
    result = assay("report", "--store", store)
    assert result.code in (BAD_USAGE, CANNOT), result.code
    one_line(result, result.code, store)


CASES = (
    ("a full disk is one clear line and harms no store", full_disk),
    ("a store from a newer version is refused", newer_store),
    ("what is no store is refused and left alone", no_store),
    ("a damaged store is told in one line", damaged_store),
)

AS_OTHER = (
    ("a file that became readable is read by the next ingest", readable_again),
    ("a read-only store can be asked but not written", read_only_store),
)

if __name__ == "__main__":
    run(CASES, AS_OTHER)
