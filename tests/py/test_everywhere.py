"""Whatever call fails, at whatever point: no crash, no hang, one clear line, and nothing wrong is
left behind.

The n-th call of malloc (read, write, open …) of the whole process fails, in every library (see
tests/faults/preload.c). Quick, it tries the first calls of each kind and then fewer and fewer;
ASSAY_FAULTS=all (./dev soak) tries every single one; ASSAY_JOURNEYS=simulate,show only these."""
import concurrent.futures
import contextlib
import gzip
import os
import shutil
import sqlite3
import subprocess

from support import (ASSAY, CANNOT, DONE, INCOMPLETE, ROOT, Tap, assay, environment, line, lines_of, memory_disk,
                     simulate, temporary, write)

PRELOAD = os.environ.get("FAULTS_PRELOAD", "")
CHECK_STORE = os.environ.get("CHECK_STORE", "")
EVERY = os.environ.get("ASSAY_FAULTS") == "all"
# The names of journeys, with commas between: only these.
ONLY = os.environ.get("ASSAY_JOURNEYS", "").replace(",", " ").split()
SIDES = ("", "-wal", "-shm", "-lock", "-journal")
# Of each kind and journey, how many calls fail when it must be quick: the first, then strided.
FIRST, THEN = 12, 30
HANG = 20  # seconds

PROFILES = b"""\
- arn: arn:aws:bedrock:us-east-1:012345678901:application-inference-profile/x
  model: anthropic.claude-opus-5
  scope: geo
  name: search
"""
PRICES = (b"model_id_pattern,provider,display_name,region_scope,input_per_mtok,output_per_mtok\n"
          b"acme.model-1*,acme,Model 1,*,1,2.5\n")
DIRECTORY = (b"match,person,team,cost_centre\n*@example.com,,search,4100\n"
             b"arn:aws:iam::012345678901:user/ada,Ada,build,4200\n")
PEOPLE = b"- match: '*@example.com'\n  team: search\n- match: '*ada'\n  person: Ada\n"
QUESTION = ("--by", "time,user,team,model,outcome", "--metrics",
            "invocations,errors,input,output,cache_read,cost,users", "--bucket", "day", "--tz", "Europe/Berlin",
            "--format", "json")
MANY = ("--limit", 0, "--format", "json")


class Journey:
    """One command; what it must leave behind when it came through, and when it did not."""

    def __init__(self, name, *arguments, store=None, out=None, copy=None, quick=THEN):
        self.name, self.arguments = name, [str(a) for a in arguments]
        self.store, self.out, self.copy, self.quick = store, out, copy, quick
        self.wanted = None

    def command(self, place):
        return [ASSAY] + [a.replace("PLACE", place) for a in self.arguments]

    def prepare(self, place):
        """An empty place, with a copy of the store that the journey begins with."""
        shutil.rmtree(place, ignore_errors=True)
        os.mkdir(place)
        if self.store:
            shutil.copy(self.store, os.path.join(place, "store"))


def launch(command, place, **env):
    """Exit code, stdout (without the place's name), stderr; a hang is an error."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=HANG,
                          env=environment(TMPDIR=place, **env), check=False)
    return (done.returncode, done.stdout.replace(place.encode(), b"PLACE"),
            done.stderr.decode("utf-8", "backslashreplace"))


def faulty(journey, place, kind, at=None, all_after=False):
    """Runs the journey: (exit code, stdout, stderr, calls of this kind)."""
    count = os.path.join(place, "count")
    env = {"LD_PRELOAD": PRELOAD, "FAULT_KIND": kind, "FAULT_COUNT": count}
    if at is not None:
        env["FAULT_AT"] = str(at)
    if all_after:
        env["FAULT_ALL"] = "1"
    result = launch(journey.command(place), place, **env)
    with open(count, encoding="ascii") as file:
        calls = int(file.read() or -1)
    os.remove(count)
    return (*result, calls)


def tree_of(directory):
    """The bytes of all files below."""
    found = {}
    for folder, _, names in os.walk(directory):
        for name in names:
            with open(os.path.join(folder, name), "rb") as file:
                found[os.path.relpath(os.path.join(folder, name), directory)] = file.read()
    return found


def stored(journey, place):
    """What is in the store, as a report."""
    code, out, err = launch([ASSAY, "report", *QUESTION, "--store", f"{place}/store"], place)
    assert code == DONE, f"report --store ends with {code}: {err}"
    return out


def checked(place, when, name="store"):
    """The store agrees with itself, when there is one already."""
    store = os.path.join(place, name)
    if not os.path.exists(store) or os.path.getsize(store) == 0:
        return
    done = subprocess.run([CHECK_STORE, store], capture_output=True, check=False, timeout=HANG)
    # One that was stopped while it was made is not yet anything.
    text = done.stderr.decode()
    assert (done.returncode == 0 or "is not a store" in text
            or "has the older version" in text), f"{when}: {text}"


def told(kind, code, err):
    """The exit code is a documented one, and stderr says in a line why."""
    said = err.splitlines()
    if code == DONE:
        return
    allowed = (CANNOT,) if kind in ("alloc", "thread") else (INCOMPLETE, CANNOT)
    assert code in allowed, f"exit code {code}: {err}"
    assert said and all(s.startswith("assay: ") for s in said), f"exit code {code}: {err!r}"
    # Lines before the last are notes about single files and records.
    notes = said if code == INCOMPLETE else said[:-1]
    assert all(n.startswith(("assay: /", "assay: …", "assay: no session")) for n in notes), err
    if kind == "alloc":
        assert "memory" in said[-1] or "cannot start a thread" in said[-1], err


def one_fault(journey, place, kind, at, all_after):
    journey.prepare(place)
    code, out, err, _ = faulty(journey, place, kind, at, all_after)
    told(kind, code, err)
    if code == DONE and kind not in ("read", "open"):
        assert out == journey.wanted["out"], f"another answer: {out!r} {err}"
    if "store" in journey.wanted:
        checked(place, "after the fault")
        if journey.copy: # there whole or not at all
            checked(place, "the copy after the fault", journey.copy)
        code_again, _, err_again = launch(journey.command(place), place)
        assert code_again == DONE, f"the run after it: {code_again} {err_again}"
        checked(place, "after the run after it")
        again = stored(journey, place)
        assert again == journey.wanted["store"], "the run after it gives other totals"
    if journey.copy:
        checked(place, "the copy", journey.copy)
        os.remove(os.path.join(place, journey.copy))
    if journey.out:
        whole = tree_of(os.path.join(place, journey.out))
        if code == DONE:
            assert whole == journey.wanted["tree"], "other files"
        shutil.rmtree(os.path.join(place, journey.out), ignore_errors=True)
    left = [n for n in os.listdir(place) if n != "store"]
    assert not left, f"left behind: {left}"


def points(calls, quick):
    """Which of so many calls fail."""
    if EVERY:
        return list(range(calls))
    few = list(range(min(calls, FIRST)))
    return few + list(range(FIRST, calls, max(1, -(-(calls - FIRST) // quick))))


def everywhere(journey, tmp, kind, all_after, pool):
    place = os.path.join(tmp, f"{journey.name}-{kind}-{all_after}")
    journey.prepare(place)
    calls = faulty(journey, place, kind)[3]
    shutil.rmtree(place)
    at = points(calls, journey.quick)

    def some(worker, workers):
        mine, wrong = f"{place}-{worker}", []
        for n in at[worker::workers]:
            try:
                one_fault(journey, mine, kind, n, all_after)
            except (AssertionError, subprocess.TimeoutExpired, OSError) as error:
                wrong.append(f"{kind} {n} of {calls}: {str(error)[:600]}")
        shutil.rmtree(mine, ignore_errors=True)
        return wrong

    workers = os.cpu_count() or 1
    jobs = [pool.submit(some, i, workers) for i in range(workers)]
    wrong = [text for job in jobs for text in job.result()]
    print(f"# {journey.name}: {kind}{' and all after' if all_after else ''}: {len(at)} of {calls}",
          flush=True)
    assert not wrong, f"{len(wrong)} points are wrong\n" + "\n".join(wrong[:20])


def learn(journey, tmp):
    """What the journey says and leaves when nothing fails."""
    place = os.path.join(tmp, "clean")
    journey.prepare(place)
    code, out, err = launch(journey.command(place), place)
    assert code == DONE, f"{journey.name}: {code} {err}"
    journey.wanted = {"out": out}
    if os.path.exists(os.path.join(place, "store")):
        journey.wanted["store"] = stored(journey, place)
    if journey.out:
        journey.wanted["tree"] = tree_of(os.path.join(place, journey.out))


def make_logs(tmp):
    """A small tree with offloaded bodies, and beside it the other forms of logs."""
    simulate(os.path.join(tmp, "sim"), "--users", 2, "--days", 1, "--seed", 2, "--records", 40,
             "--body-scale", 5, "--bodies", "s3")
    logs = os.path.join(tmp, "sim", "AWSLogs")
    quoted = line("c1").decode().strip().replace('"', '\\"')
    event = (f'{{"messageType":"DATA_MESSAGE","owner":"012345678901","logEvents":[{{"id":"1",'
             f'"timestamp":1792497600000,"message":"{quoted}"}}]}}')
    write(os.path.join(tmp, "sim", "AWSLogs", "message.gz"), gzip.compress(event.encode()))
    write(os.path.join(logs, "lines"), line("a") + b'{"broken":[}\n' + line("b") + line("a"))
    doubled = line("t").decode().strip().replace('"', '""')
    write(os.path.join(logs, "table.csv"),
          f'timestamp,message\n1792497600000,"{doubled}"\n'.encode())
    return logs


def make_sessions(tmp):
    """Some records with whole requests and tools in them, as a file, and the id of a session."""
    place = os.path.join(tmp, "sessions")
    truth = simulate(place, "--users", 2, "--days", 1, "--seed", 2, "--records", 600,
                     "--body-scale", 1)
    some = [s["id"] for s in truth["sessions"] if s["agents"] and s["requests"] < 40]
    assert some, "no small session with sub-agents"
    lines = [text for text in lines_of(place) if any(i.encode() in text for i in some)]
    path = write(os.path.join(tmp, "sessions.gz"), gzip.compress(b"\n".join(lines) + b"\n"))
    return path, some[0]


def journeys(tmp):
    logs = make_logs(tmp)
    requests, session = make_sessions(tmp)
    for name, data in (("profiles.yaml", PROFILES), ("prices.csv", PRICES),
                       ("directory.csv", DIRECTORY), ("people.yaml", PEOPLE)):
        write(os.path.join(tmp, name), data)
    reading = ("--threads", 1, "--profiles", f"{tmp}/profiles.yaml", "--prices",
               f"{tmp}/prices.csv", "--discount", "provider:amazon=10")
    # A store that holds a part of the logs already.
    some = os.path.join(tmp, "some")
    assay("ingest", f"{logs}/lines", "--store", some, *reading, code=DONE)
    full = os.path.join(tmp, "full")
    assay("ingest", logs, "--store", full, *reading, code=DONE)
    # The hash of a directory's name is another one in each run.
    reading_all = (*reading, "--repository-names")
    inside = os.path.join(tmp, "inside")
    assay("ingest", requests, "--store", inside, *reading_all, code=DONE)
    old = os.path.join(tmp, "old")
    with open(os.path.join(ROOT, "tests/cli/data/store-v3.sql"), encoding="ascii") as file:
        with contextlib.closing(sqlite3.connect(old)) as made:
            made.executescript(file.read())
    return [
        Journey("retain", "store", "retain", "--store", "PLACE/store", "--keep-facts",
                "2026-10-03T12:00:00Z", "--keep-rollups", "2026-10-01T10:00:00Z", store=inside),
        Journey("backup", "store", "backup", "PLACE/copy", "--force", "--store", "PLACE/store",
                store=full, copy="copy"),
        Journey("migrate", "store", "migrate", "--store", "PLACE/store", store=old),
        Journey("stats", "store", "stats", "--store", "PLACE/store", store=full, quick=12),
        Journey("report", "report", logs, *QUESTION, *reading, "--directory",
                f"{tmp}/directory.csv"),
        Journey("ingest", "ingest", logs, "--store", "PLACE/store", *reading),
        Journey("ingest-more", "ingest", logs, "--store", "PLACE/store", *reading, store=some),
        Journey("ask", "report", *QUESTION, "--store", "PLACE/store", "--directory",
                f"{tmp}/people.yaml", store=full),
        Journey("sessions", "report", "sessions", requests, *reading_all, *MANY, quick=12),
        Journey("savings", "report", "savings", requests, *reading_all, *MANY, quick=12),
        Journey("session", "session", session, requests, *reading_all, *MANY, quick=12),
        Journey("ingest-inside", "ingest", requests, "--store", "PLACE/store", *reading_all,
                quick=12),
        Journey("ask-inside", "report", "mcp", "--store", "PLACE/store", *MANY, store=inside,
                quick=12),
        Journey("list", "price", "list", "--prices", f"{tmp}/prices.csv", "--format", "csv"),
        Journey("check", "price", "check", f"{tmp}/prices.csv"),
        Journey("show", "price", "show", "global.anthropic.claude-sonnet-5-5", "--profiles",
                f"{tmp}/profiles.yaml", "--at", "2026-10-20", "--tokens", "1,2,3,4,5"),
        Journey("simulate", "simulate", "--out", "PLACE/sim", "--users", 1, "--days", 1,
                "--records", 60, "--body-scale", 1, out="sim"),
    ]


def main():
    tap = Tap()
    if not PRELOAD:
        print("1..0 # SKIP faults in libraries need glibc and a build without sanitizers")
        return
    with temporary(memory_disk()) as tmp, concurrent.futures.ThreadPoolExecutor() as pool:
        for journey in journeys(tmp):
            if ONLY and journey.name not in ONLY:
                continue
            learn(journey, tmp)
            for kind, all_after in (("alloc", False), ("alloc", True), ("read", False),
                                    ("read", True), ("write", False), ("write", True),
                                    ("open", False), ("open", True), ("sync", False),
                                    ("map", False), ("thread", False)):
                tap.case(f"{journey.name} survives the failure of any {kind}"
                         + (" and all after it" if all_after else ""),
                         everywhere, journey, tmp, kind, all_after, pool)
    tap.done()


if __name__ == "__main__":
    main()
