"""A store of version 4 becomes one of version 5, also where kill -9 comes in between: row for row
what a new store of the same logs has.

There is no writer of version 4 any more. Its form differs in two tables alone, so it is made from a
store of version 5: one row of each bucket in place of one for each 4,096 series, and no places of
names. What comes out is, byte for byte, what the writer of version 4 wrote; it was compared once."""
import itertools
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import time

from support import ASSAY, DONE, Tap, assay, environment, equal, line, sanitized, temporary

SESSIONS = 5000 if sanitized() else 12000
SHARD_BITS, LEVEL_BITS, RUN, GAP = 20, 40, 120, 2


def number(blob, at):
    """A varint and the place behind it."""
    value = shift = 0
    while True:
        value |= (blob[at] & 0x7f) << shift
        shift += 7
        at += 1
        if not blob[at - 1] & 0x80:
            return value, at


def numbers(blob, at):
    while at < len(blob):
        value, at = number(blob, at)
        yield value


def packed(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7f | 0x80)
        value >>= 7
    return bytes(out) + bytes((value,))


def cells_of(blob):
    """Series and sums of a rollup."""
    at = series = 0
    while at < len(blob):
        step, at = number(blob, at)
        n, at = number(blob, at)
        series += step
        yield series, blob[at:at + n]
        series += 1
        at += n


def one_rollup(blobs):
    out, after = bytearray(), 0
    for series, sums in itertools.chain.from_iterable(map(cells_of, blobs)):
        out += packed(series - after) + packed(len(sums)) + sums
        after = series + 1
    return bytes(out)


def sums_of(blob):
    """Numbers by field; those that are not there are zero."""
    fields, at = number(blob, 0)
    return {field: value >> 1 ^ -(value & 1) for field, value in
            zip((bit for bit in range(64) if fields >> bit & 1), numbers(blob, at), strict=True)}


def one_total(blobs):
    sums = {}
    for blob in blobs:
        for field, value in sums_of(blob).items():
            sums[field] = sums.get(field, 0) + value
    there = sorted(field for field, value in sums.items() if value)
    return packed(sum(1 << field for field in there)) + b"".join(
        packed(sums[field] << 1 if sums[field] >= 0 else (-sums[field] << 1) - 1) for field in there)


def series_of(blob):
    """The bytes of a bitmap by their place."""
    at = place = 0
    while at < len(blob):
        skip, at = number(blob, at)
        n, at = number(blob, at)
        place += skip
        yield from ((place + i, blob[at + i]) for i in range(n) if blob[at + i])
        place += n
        at += n


def one_series(blobs):
    out, end, run = bytearray(), 0, []

    def close():
        nonlocal end
        first, last = run[0][0], run[-1][0]
        bits = dict(run)
        out.extend(packed(first - end) + packed(last + 1 - first))
        out.extend(bits.get(i, 0) for i in range(first, last + 1))
        end = last + 1
        run.clear()
    for place, bits in itertools.chain.from_iterable(map(series_of, blobs)):
        if run and (place > run[-1][0] + 1 + GAP or place >= run[0][0] + RUN):
            close()
        run.append((place, bits))
    if run:
        close()
    return bytes(out)


def by_bucket(rows):
    for bucket, parts in itertools.groupby(rows, lambda row: row[0] >> SHARD_BITS):
        yield bucket, list(zip(*parts))


def to_version_4(path):
    db = sqlite3.connect(path)
    rollups = [(bucket, one_rollup(blobs)) for bucket, (_, blobs) in
               by_bucket(db.execute("SELECT id, cells FROM rollup ORDER BY id"))]
    totals = [(bucket, one_total(sums), one_series(series),
               b"".join(counts) if bucket >> LEVEL_BITS == 0 else None)
              for bucket, (_, sums, series, counts) in
              by_bucket(db.execute("SELECT id, sums, series, counts FROM total ORDER BY id"))]
    with db:
        for table in ("rollup", "total"):
            db.execute(f"DELETE FROM {table}")
        db.executemany("INSERT INTO rollup VALUES (?, ?)", rollups)
        db.executemany("INSERT INTO total VALUES (?, ?, ?, ?)", totals)
        for table in ("symbol_at", "series_at"):
            db.execute(f"DROP TABLE {table}")
        db.execute("PRAGMA user_version = 4")
    db.close()


def content(path):
    """All rows of all tables, and the version."""
    db = sqlite3.connect(path)
    tables = [name for name, in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
    made = {name: db.execute(f"SELECT * FROM {name} ORDER BY 1").fetchall() for name in tables}
    made["version"] = db.execute("PRAGMA user_version").fetchall()
    db.close()
    return made


def same(found, wanted):
    equal(sorted(found), sorted(wanted), "tables")
    for name, rows in wanted.items():
        assert found[name] == rows, f"{name} is not as in a new store"


def sessions(first, end):
    rng = random.Random(5)
    for i in range(first, end):
        yield line(f"r-{i}", timestamp=f"2026-10-{i % 3 + 1:02}T0{i % 7}:{rng.randrange(60):02}:00Z",
                   identity={"arn": f"arn:aws:sts::111122223333:assumed-role/ci/run-{i}"})


def make_stores(tmp):
    logs, new, old = (os.path.join(tmp, name) for name in ("logs.jsonl", "new.db", "old.db"))
    with open(logs, "wb") as file:
        file.writelines(sessions(0, SESSIONS))
    assay("ingest", logs, "--store", new, "--quiet", code=DONE)
    shutil.copy(new, old)
    to_version_4(old)
    return logs, new, old


def becomes_as_new(logs, new, old, tmp):
    store = os.path.join(tmp, "whole.db")
    shutil.copy(old, store)
    rows = content(new)["rollup"]
    assert any(row[0] & ((1 << SHARD_BITS) - 1) for row in rows), "no bucket has several rows"
    assay("store", "migrate", "--store", store, code=DONE)
    same(content(store), content(new))
    assay("store", "check", "--store", store, code=DONE)
    # What it has it knows, and what is new finds its place.
    more = os.path.join(tmp, "more.jsonl")
    with open(more, "wb") as file:
        file.writelines(sessions(SESSIONS - 100, SESSIONS + 100))
    os.utime(logs)
    assay("ingest", logs, more, "--store", store, "--quiet", code=DONE)
    said = assay("store", "check", "--store", store, code=DONE).out.decode()
    assert f"{SESSIONS + 100:,} invocations" in said, said


def killed(store, after):
    child = subprocess.Popen([ASSAY, "store", "migrate", "--store", store], env=environment(),
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    time.sleep(after)
    child.kill()
    said = child.communicate()[1]
    equal(said, b"", "what a killed one says")
    return child.returncode == -signal.SIGKILL


def survives_kills(new, old, tmp, kills):
    wanted, rng = content(new), random.Random(3)
    store = os.path.join(tmp, "killed.db")
    shutil.copy(old, store)
    began = time.monotonic()
    assay("store", "migrate", "--store", store, code=DONE)
    whole = time.monotonic() - began
    for _ in range(kills):
        after = rng.uniform(0, whole)
        shutil.copy(old, store)
        while not killed(store, after):
            after /= 2
            shutil.copy(old, store)
        killed(store, rng.uniform(0, whole))
        assay("store", "migrate", "--store", store, code=DONE)
        same(content(store), wanted)


def main():
    tap = Tap()
    kills = 3 if sanitized() else 6
    with temporary() as tmp:
        logs, new, old = make_stores(tmp)
        tap.case("thousands of series become what a new store has", becomes_as_new, logs, new, old,
                 tmp)
        tap.case("kill -9 in between changes nothing", survives_kills, new, old, tmp, kills)
    tap.done()


if __name__ == "__main__":
    main()
