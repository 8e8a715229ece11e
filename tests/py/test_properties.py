"""What must not depend on how logs are packed, split, ordered, repeated, or asked."""
import gzip
import os
import random
import shutil

import forms
from support import (DONE, FORMATS, NAMED, TOKENS, Tap, assay, equal, lines_of, log_files, offload,
                     report, sanitized, simulate, temporary, write)

METRICS = ",".join(("invocations", "errors", *TOKENS, "cost", "cost_high", "unpriced", "bounded"))
BY = "principal,model_id,region,error,outcome"

PERIODS = (
    (),
    ("--since", "2026-10-02"),
    ("--until", "2026-10-01"),
    ("--since", "2026-10-01T13:20:11", "--until", "2026-10-02T07:30:15Z"),
    ("--since", "2026-10", "--until", "2026-10"),
    ("--since", "2030-01-01"),
)
ZONES = ("UTC", "America/Los_Angeles", "Asia/Kolkata", "Australia/Lord_Howe")


def told(answer):
    """What an answer says, without the number of files it came from."""
    about = {k: v for k, v in answer["about"].items() if k != "files"}
    return {"rows": answer["rows"], "total": answer["total"], "about": about}


def without_copies(answer):
    about = {k: v for k, v in answer["about"].items()
             if k not in ("files", "records", "duplicates")}
    return {"rows": answer["rows"], "total": answer["total"], "about": about}


def ask(*arguments):
    return report(*arguments, "--by", BY, "--metrics", METRICS, "--order", "principal")


def text(*arguments):
    return assay("report", *arguments, "--quiet", code=DONE).out


def store_equals_files(name, tree, store, more, formats):
    for form in formats:
        options = (name, *more, "--format", form)
        from_files, from_store = text(*options, tree), text(*options, "--store", store)
        equal(from_store.decode(), from_files.decode(), " ".join(map(str, options)))


def same_for_threads(name, tree):
    one = text(name, tree, "--threads", 1)
    for threads in (2, 4):
        equal(text(name, tree, "--threads", threads), one, f"{threads} threads")


def split_into_files(records, folder, rng):
    """Writes records, in any order, into any number of files in any form."""
    records = list(records)
    rng.shuffle(records)
    at = number = 0
    while at < len(records):
        size = rng.choice((1, 2, 5, 40, 200))
        form = rng.choice(forms.ALL)
        path = os.path.join(folder, rng.choice("abc"), f"{number}.log")
        write(path, form(records[at:at + size]))
        at += size
        number += 1


def same_for_any_split(records, wanted, folder, seed):
    split_into_files(records, folder, random.Random(seed))
    equal(told(ask(folder)), wanted, f"seed {seed}")


def same_for_form(records, wanted, path, form):
    write(path, form(records))
    equal(told(ask(path)), wanted, form.__name__)


def twice_is_once(tree, copy):
    wanted = without_copies(ask(tree))
    doubled = ask(tree, copy)
    equal(without_copies(doubled), wanted, "a tree and its copy")
    equal(doubled["about"]["duplicates"],
          doubled["about"]["records"] - doubled["about"]["invocations"], "duplicates")
    equal(without_copies(ask(tree, tree)), wanted, "a tree twice")


def ingest(store, *arguments):
    return assay("ingest", *arguments, "--store", store, "--quiet", code=DONE)


def ingest_twice_is_once(tree, store):
    ingest(store, tree)
    before = told(ask("--store", store))
    ingest(store, tree)
    equal(told(ask("--store", store)), before, "again")
    ingest(store, os.path.join(tree, "..", os.path.basename(tree)), tree)
    equal(told(ask("--store", store)), before, "by another spelling")
    equal(before, told(ask(tree)), "the files")


def overlapping_trees(tree, copy, store):
    """Parts of the tree, parts of its copy, then all of it."""
    accounts = sorted(os.listdir(tree))
    files = sorted(log_files(copy))
    ingest(store, os.path.join(tree, accounts[0]))
    ingest(store, *files[::3])
    ingest(store, *files[::2], tree)
    equal(without_copies(ask("--store", store)), without_copies(ask(tree)), "overlap")


def only_bodies_differ(tree):
    envelope = ("--where", "operation!=InvokeModel,Embed*,Apply*")

    def rows(level):
        answer = report(tree, "--by", "principal,model_id,region,error,operation,account",
                        "--metrics", METRICS, "--level", level, *envelope)
        found = {}
        for row in answer["rows"]:
            key = tuple(row[k] for k in ("principal", "model_id", "region", "error", "operation",
                                         "account"))
            writes = sum(row[c] for c in TOKENS if c.startswith("cache_write"))
            found[key] = (row["invocations"], row["errors"], row["input"], row["output"],
                          row["cache_read"], writes)
        return found, answer

    counts, content = rows("counts"), rows("content")
    equal(counts[0], content[0], "counts of the envelope")
    low, high = counts[1]["total"]["cost_nusd"], counts[1]["total"]["cost_high_nusd"]
    exact = content[1]["total"]["cost_nusd"]
    assert low <= exact <= high, f"{low} <= {exact} <= {high}"


def counts_needs_no_bodies(tree, bare):
    for folder, folders, _ in os.walk(bare):
        if "data" in folders:
            folders.remove("data")
            shutil.rmtree(os.path.join(folder, "data"))
    equal(told(report(bare, "--by", BY, "--metrics", METRICS, "--level", "counts")),
          told(report(tree, "--by", BY, "--metrics", METRICS, "--level", "counts")), "counts")


def small_memory_is_enough(tree, copy):
    options = (tree, copy, "--by", BY, "--metrics", METRICS)
    wanted = text(*options, "--format", "json")
    for memory in ("64k", "1k", "200k"):
        for threads in (1, 4):
            equal(text(*options, "--format", "json", "--dedupe-memory", memory, "--threads",
                       threads), wanted, f"--dedupe-memory {memory}, {threads} threads")


def offloaded_tells_the_same(tree, copy):
    """Where a body lies changes nothing but the count of bodies."""
    wanted = ask(tree)
    equal(offload(copy, random.Random(1)), 0, "all are there")
    found = ask(copy)
    assert found["total"]["cache_write_5m"] > 0
    equal((found["rows"], found["total"]), (wanted["rows"], wanted["total"]), "offloaded")
    for threads in (2, 4):
        equal(told(report(copy, "--by", BY, "--metrics", METRICS, "--order", "principal",
                          "--threads", threads)), told(found), f"{threads} threads")


def input_again_adds_up(paths, store):
    """Each standard input is a file of its own in a store."""
    for path in paths:
        with open(path, "rb") as file:
            assay("ingest", "-", "--store", store, "--quiet", stdin=file.read(), code=DONE)
    equal(told(ask("--store", store)), told(ask(*paths)), "four inputs")


def standard_input(path):
    with gzip.open(path) as file:
        plain = file.read()
    wanted = told(ask(path))
    with open(path, "rb") as file:
        packed = file.read()
    for data in (plain, packed):
        answer = report("-", "--by", BY, "--metrics", METRICS, "--order", "principal", stdin=data)
        equal(told(answer), wanted, "standard input")


def filters_part_the_total(tree):
    """What passes a filter and what passes its opposite add up to everything."""
    whole = report(tree, "--by", "", "--metrics", METRICS)["total"]
    for dimension, glob in (("principal", "*ada*"), ("model", "anthropic.*"), ("region", "us-*"),
                            ("error", ""), ("status", "ok"), ("scope", "global"),
                            ("account", "1*,2*"), ("operation", "Converse*")):
        parts = [report(tree, "--by", "", "--metrics", METRICS, "--where", dimension + op + glob)
                 for op in ("=", "!=")]
        for name, value in whole.items():
            # An amount is null where nothing at all could be priced, which adds nothing.
            if isinstance(value, int):
                found = sum(part["total"][name] or 0 for part in parts)
                equal(found, value, f"{dimension}={glob}: {name}")


def periods_part_the_total(tree):
    whole = report(tree, "--by", "", "--metrics", METRICS)["total"]
    for moment in ("2026-10-01T11:59:59.999999Z", "2026-10-02T00:00:00Z", "2026-10-02T07:30:15Z"):
        parts = [report(tree, "--by", "", "--metrics", METRICS, option, moment)
                 for option in ("--since", "--until")]
        for name, value in whole.items():
            if isinstance(value, int):
                equal(sum(part["total"][name] or 0 for part in parts), value, (moment, name))


def main():
    tap = Tap()
    with temporary() as tmp:
        base, copy = os.path.join(tmp, "base"), os.path.join(tmp, "copy")
        simulate(base, "--users", 5, "--days", 2, "--seed", 7, "--bodies", "s3", "--body-scale", 1)
        tree, store = os.path.join(base, "AWSLogs"), os.path.join(tmp, "store")
        lost = offload(tree, random.Random(7), missing=20)
        assert lost > 0
        shutil.copytree(base, copy)
        ingest(store, tree)
        slow = sanitized()
        for name in NAMED[:2] if slow else NAMED:
            tap.case(f"store and files give the same bytes: {name}, every format",
                     store_equals_files, name, tree, store, ("--since", "2026-10-01"), FORMATS)
            for i, period in enumerate(PERIODS):
                zone = ZONES[i % len(ZONES)]
                tap.case(f"store and files give the same bytes: {name} {' '.join(period)} {zone}",
                         store_equals_files, name, tree, store, (*period, "--tz", zone), ("json",))
            tap.case(f"any number of threads gives the same bytes: {name}", same_for_threads, name,
                     tree)
        for bucket in ("hour", "week") if slow else ("hour", "day", "week", "month", "year"):
            for zone in ZONES:
                tap.case(f"store and files give the same bytes: by {bucket} in {zone}",
                         store_equals_files, "--by", tree, store,
                         ("time,user", "--bucket", bucket, "--metrics", METRICS, "--tz", zone),
                         ("json",))
        tap.case("a tree twice, or with its copy, is counted once", twice_is_once, tree,
                 os.path.join(copy, "AWSLogs"))
        tap.case("a tree ingested twice is counted once", ingest_twice_is_once, tree,
                 os.path.join(tmp, "twice"))
        tap.case("overlapping trees ingested in parts are counted once", overlapping_trees, tree,
                 os.path.join(copy, "AWSLogs"), os.path.join(tmp, "overlap"))
        tap.case("the level of counts differs only in what bodies tell", only_bodies_differ, tree)
        tap.case("the level of counts needs no bodies", counts_needs_no_bodies, tree,
                 os.path.join(copy, "AWSLogs"))
        tap.case("a filter and its opposite part the total", filters_part_the_total, tree)
        tap.case("two periods that meet part the total", periods_part_the_total, tree)

        inline = os.path.join(tmp, "inline")
        simulate(inline, "--users", 4, "--days", 1, "--seed", 8, "--body-scale", 1)
        records = list(lines_of(os.path.join(inline, "AWSLogs")))
        wanted = told(ask(os.path.join(inline, "AWSLogs")))
        for form in forms.PLAIN:
            tap.case(f"the form of a file changes nothing: {form.__name__.replace('_', ' ')}",
                     same_for_form, records, wanted, os.path.join(tmp, "form", form.__name__), form)
        for seed in range(2 if slow else 6):
            tap.case(f"any split into files, order and packing gives the same rows (seed {seed})",
                     same_for_any_split, records, wanted, os.path.join(tmp, f"split{seed}"), seed)

        shutil.copytree(inline, inline + "-offloaded")
        tap.case("a body below data/ tells what it told inside the record",
                 offloaded_tells_the_same, os.path.join(inline, "AWSLogs"),
                 os.path.join(inline + "-offloaded", "AWSLogs"))

        files = sorted(log_files(os.path.join(inline, "AWSLogs")), key=os.path.getsize)
        tap.case("standard input is read like a file, packed or not", standard_input, files[-1])
        tap.case("what came by standard input adds up in a store", input_again_adds_up, files[-4:],
                 os.path.join(tmp, "inputs"))

        many = os.path.join(tmp, "many")
        simulate(many, "--users", 20 if slow else 60, "--days", 4, "--seed", 9, "--bodies", "none")
        shutil.copytree(many, many + "2")
        tap.case("duplicates are recognised with little memory too", small_memory_is_enough,
                 os.path.join(many, "AWSLogs"), os.path.join(many + "2", "AWSLogs"))
    tap.done()


if __name__ == "__main__":
    main()
