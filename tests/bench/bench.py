"""./dev bench: how fast, how much memory, and against whom.

Two corpora are made with `assay simulate` (bodies inline; no bodies) and stay in BUILD/bench. All
contestants then run in turn, round after round (A B C A B C ...), so that a busy machine is unfair
to all alike; the table shows medians and ratios to the limit, which is inflating alone. Contestants
on one thread are held on one processor. Our times are those of the whole process; those of DuckDB
and ClickHouse are of the query alone, without the start of node and of the library.

Processor seconds tell more than the clock where the machine has other work too; those of DuckDB and
ClickHouse hold their start. The table is printed and, with --write, kept in docs/BENCHMARKS.md with the machine.
"""
import argparse
import datetime
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
PACKAGES = os.path.join(ROOT, ".cache", "npm")
# At least 150 MB of JSON with bodies of realistic size, and at least 500,000 records without.
CORPORA = {
    "inline": ["--users", "20", "--days", "30", "--records", "3000", "--bodies", "inline"],
    "none": ["--users", "200", "--days", "30", "--records", "600000", "--bodies", "none"],
}
TOOLS = {}  # where our programs are
TITLES = {"inline": "Bodies inline", "none": "Records without bodies"}


class Run:
    """One finished process."""

    def __init__(self, measured, text):
        seconds, processor, peak_kb = measured.split()
        self.seconds = float(seconds)
        self.processor = float(processor)
        self.peak_mb = int(peak_kb) / 1024
        self.text = text


def run(command, stdin=None, cpus=None, env=None):
    if cpus and shutil.which("taskset"):
        command = ["taskset", "-c", cpus] + command
    with open(stdin or os.devnull, "rb") as source:
        done = subprocess.run([TOOLS["measure"]] + command, stdin=source, check=False,
                              capture_output=True, env={**os.environ, **(env or {})})
    errors, _, measured = done.stderr.decode(errors="replace").rpartition("\nmeasured ")
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)[:300]}: exit code {done.returncode}\n"
                           + errors[-2000:])
    return Run(measured, done.stdout.decode(errors="replace"))


def in_node(script):
    """A contestant that measures itself."""
    def contestant(corpus):
        done = run(["node", os.path.join(HERE, script), corpus.logs], cpus=corpus.cpu,
                   env={"PACKAGES": PACKAGES})
        found = json.loads(done.text.strip().split("\n")[-1])
        done.seconds = found["seconds"]
        done.records = found["records"]
        return done
    return contestant


class Corpus:
    def __init__(self, name, directory, tools):
        self.name = name
        self.directory = directory
        self.cpu = str(max(os.sched_getaffinity(0)))
        self.list = os.path.join(tools["bench"], name + ".txt")
        files = []
        for folder, _, names in os.walk(directory):
            files += [os.path.join(folder, n) for n in names if n.endswith(".json.gz")]
        # The logs alone: beside them lie the truth, a directory file and a profile map.
        self.logs = os.path.join(directory, "AWSLogs")
        files.sort()
        with open(self.list, "w", encoding="utf-8") as out:
            out.write("".join(f + "\n" for f in files))
        self.files = len(files)
        self.deflated = sum(os.path.getsize(f) for f in files)
        self.inflated = int(run([tools["inflate"]], stdin=self.list).text)
        self.records = 0


def prepare(tools, options):
    corpora = []
    for name, arguments in CORPORA.items():
        directory = getattr(options, name)
        if not directory:
            directory = os.path.join(tools["bench"], name)
            made = os.path.join(tools["bench"], name + ".made")
            wanted = " ".join(arguments)
            old = open(made, encoding="utf-8").read() if os.path.exists(made) else ""
            if old != wanted:
                shutil.rmtree(directory, ignore_errors=True)
                say(f"writing {directory}: assay simulate {wanted}")
                run([tools["assay"], "simulate", "--seed", "1", "--out", directory] + arguments)
                with open(made, "w", encoding="utf-8") as out:
                    out.write(wanted)
        corpora.append(Corpus(name, directory, tools))
    return corpora


def install_packages():
    """Whether DuckDB and ClickHouse are there; installs them the first time."""
    if not shutil.which("node") or not shutil.which("npm"):
        say("node or npm is missing: DuckDB and ClickHouse are left out")
        return False
    if not os.path.isdir(os.path.join(PACKAGES, "node_modules", "chdb")):
        os.makedirs(PACKAGES, exist_ok=True)
        say("installing @duckdb/node-api and chdb from npm into .cache/npm")
        done = subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix",
                               PACKAGES, "@duckdb/node-api", "chdb"], check=False)
        if done.returncode != 0:
            say("npm could not install them: DuckDB and ClickHouse are left out")
            return False
    return True


def report(tools, threads, *arguments):
    def contestant(corpus):
        command = [tools["assay"], "report", "--quiet", "--format", "json", "--threads",
                   str(threads), *arguments, corpus.logs]
        for option, name in (("--directory", "directory.csv"), ("--profiles", "profiles.yaml")):
            path = os.path.join(corpus.directory, name)
            if os.path.exists(path):
                command += [option, path]
        done = run(command, cpus=corpus.cpu if threads == 1 else None)
        about = json.loads(done.text)["about"]
        done.records = about["records"]
        corpus.records = done.records
        return done
    return contestant


def ingest(tools):
    def contestant(corpus):
        store = os.path.join(tools["bench"], corpus.name + ".db")
        for end in ("", "-wal", "-shm"):
            if os.path.exists(store + end):
                os.remove(store + end)
        return run([tools["assay"], "ingest", "--quiet", "--store", store, corpus.logs])
    return contestant


def jq(corpus):
    query = ('reduce inputs as $r ({}; .[$r.identity.arn + " " + $r.modelId] |= '
             '[.[0] + $r.input.inputTokenCount, .[1] + $r.output.outputTokenCount])')
    return run(["sh", "-c", f"xargs gzip -dc <'{corpus.list}' | jq -nc '{query}'"],
               cpus=corpus.cpu)


def contestants(tools):
    listed = [("inflate alone (the limit)", lambda c: run([tools["inflate"]], stdin=c.list,
                                                         cpus=c.cpu), True)]
    if os.access(tools["assay"], os.X_OK):
        listed += [
            ("assay report, 1 thread", report(tools, 1, "people"), True),
            ("assay report, 2 threads", report(tools, 2, "people"), True),
            ("assay report, tokens per user and model, 1 thread",
             report(tools, 1, "--by", "user,model", "--metrics",
                    "invocations,input,output,cache_read,cache_write"), True),
            ("assay report --level counts, 1 thread",
             report(tools, 1, "people", "--level", "counts"), True),
            ("assay report sessions (all that bodies tell), 1 thread",
             report(tools, 1, "sessions"), True),
            ("assay report sessions, 2 threads", report(tools, 2, "sessions"), True),
            ("assay ingest, all threads", ingest(tools), True),
        ]
    if install_packages():
        listed += [("DuckDB, 1 thread, tokens per user and model", in_node("duckdb.mjs"), True),
                   ("ClickHouse, 1 thread, tokens per user and model", in_node("clickhouse.mjs"),
                    True)]
    if shutil.which("jq"):
        listed.append(("gzip -dc \\| jq, tokens per user and model", jq, False))
    return listed


def measure(corpus, listed, rounds):
    """{title: [Run, ...]}: in turn, so that drift of the machine touches all alike."""
    results = {title: [] for title, _, _ in listed}
    broken = set()
    for number in range(rounds):
        for title, contestant, often in listed:
            if title in broken or (number > 0 and not often):
                continue
            try:
                results[title].append(contestant(corpus))
            except (RuntimeError, KeyError, ValueError) as error:
                say(f"{title}: {error}")
                broken.add(title)
        say(f"{corpus.name}: round {number + 1} of {rounds}")
    return {title: runs for title, runs in results.items() if runs and title not in broken}


def table(corpus, results):
    limit = statistics.median(r.seconds for r in results["inflate alone (the limit)"])
    least = statistics.median(r.processor for r in results["inflate alone (the limit)"])
    lines = [
        f"### {TITLES[corpus.name]}", "",
        f"{corpus.inflated / 1e6:,.0f} MB of JSON in {corpus.files:,} files of "
        f"{corpus.deflated / 1e6:,.0f} MB" + (f", {corpus.records:,} records." if corpus.records
                                              else "."), "",
        "| | seconds | × inflate | processor seconds | × inflate | MB/s | records/s | peak MB |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for title, runs in results.items():
        seconds = statistics.median(r.seconds for r in runs)
        processor = statistics.median(r.processor for r in runs)
        peak = max(r.peak_mb for r in runs)
        rate = f"{corpus.records / seconds:,.0f}" if corpus.records else ""
        lines.append(f"| {title} | {seconds:.3f} | {seconds / limit:.2f} | "
                     f"{processor:.3f} | {processor / least:.2f} | "
                     f"{corpus.inflated / 1e6 / seconds:,.0f} | {rate} | {peak:,.0f} |")
    return "\n".join(lines) + "\n"


def store_questions(tools, store, rounds):
    """Milliseconds of every stored question over three periods."""
    periods = {"all": [], "last 7 days": None, "odd hours": None}
    answer = json.loads(run([tools["assay"], "report", "overview", "--store", store, "--format",
                             "json"]).text)
    newest = answer["about"].get("up_to")
    if newest:
        day = datetime.datetime.fromisoformat(newest.replace("Z", "+00:00"))
        week = (day - datetime.timedelta(days=7)).strftime("%Y-%m-%d")
        periods["last 7 days"] = ["--since", week]
        # Begins and ends inside an hour, where rollups do not help.
        periods["odd hours"] = ["--since", week + "T03:17:23Z", "--until",
                                day.strftime("%Y-%m-%dT%H:13:37Z")]
    lines = ["| question | " + " | ".join(k + ", ms" for k in periods) + " |",
             "|---|" + "--:|" * len(periods)]
    for name in ("overview", "people", "teams", "models", "regions", "profiles", "errors",
                 "unpriced"):
        cells = []
        for arguments in periods.values():
            if arguments is None:
                cells.append("")
                continue
            runs = [run([tools["assay"], "report", name, "--store", store, *arguments]).seconds
                    for _ in range(rounds)]
            cells.append(f"{statistics.median(runs) * 1000:.1f}")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return (f"### Questions to a store\n\n{answer['about']['invocations']:,} invocations, "
            f"{os.path.getsize(store) / 1e6:,.0f} MB; whole process, median of {rounds}.\n\n"
            + "\n".join(lines) + "\n")


def profile(tools, corpus):
    """Where the processor's time goes in a report on one thread, by perf, if it is there."""
    data = os.path.join(tools["bench"], corpus.name + ".perf")
    command = [tools["assay"], "report", "people", "--quiet", "--threads", "1", corpus.logs]
    def shares(keys):
        return run(["perf", "report", "-i", data, "--stdio", "-q", "--percent-limit", "1",
                    "--sort", keys, "--no-children"]).text.split("\n")

    try:
        run(["perf", "record", "-q", "-F", "2000", "-o", data] + command, cpus=corpus.cpu)
        by_file, by_function = shares("dso"), shares("dso,symbol")
    except (OSError, RuntimeError) as error:
        say(f"no profile: {error}")
        return ""
    lines = ["| share | where | function |", "|--:|---|---|"]
    for line in by_file:
        words = line.split()
        if len(words) == 2 and words[0].endswith("%"):
            lines.append(f"| {words[0]} | {words[1]} | all |")
    for line in by_function:
        words = line.split(None, 3)
        # Libraries without symbols give bare addresses.
        if len(words) == 4 and words[0].endswith("%") and not words[3].startswith("0x"):
            lines.append(f"| {words[0]} | {words[1]} | `{re.sub(r'[ -]+$', '', words[3])}` |")
    return "\n".join([f"Where the time goes ({TITLES[corpus.name].lower()}, one thread):", "",
                      *lines]) + "\n"


def machine():
    model = ""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    with open("/proc/meminfo", encoding="utf-8") as file:
        memory = int(file.readline().split()[1]) / 1024 / 1024
    compiler = run(["cc", "--version"]).text.split("\n")[0]
    return (f"{model or platform.machine()}, {len(os.sched_getaffinity(0))} processors, "
            f"{memory:.0f} GB, Linux {platform.release().split('-')[0]}, {compiler}. "
            f"{datetime.date.today().isoformat()}.")


def say(text):
    print("bench: " + text, file=sys.stderr, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=list(CORPORA), help="one corpus")
    parser.add_argument("--inline", help="another directory of logs with bodies")
    parser.add_argument("--none", help="another directory of logs without bodies")
    parser.add_argument("--store", help="a store for the questions, instead of a new one")
    parser.add_argument("--write", action="store_true", help="keep the table in docs/BENCHMARKS.md")
    options = parser.parse_args()
    build = os.path.abspath(options.build)
    tools = TOOLS
    tools.update({"bench": os.path.join(build, "bench"),
                  "assay": os.path.join(build, "src", "cli", "assay"),
                  "inflate": os.path.join(build, "tests", "bench", "inflate"),
                  "measure": os.path.join(build, "tests", "bench", "measure")})
    os.makedirs(tools["bench"], exist_ok=True)

    listed = contestants(tools)
    parts = []
    for corpus in prepare(tools, options):
        if options.only and corpus.name != options.only:
            continue
        parts.append(table(corpus, measure(corpus, listed, options.rounds)))
        if os.access(tools["assay"], os.X_OK):
            parts.append(profile(tools, corpus))
    store = options.store or os.path.join(tools["bench"], "none.db")
    if os.path.exists(store):
        parts.append(store_questions(tools, store, options.rounds))
    text = machine() + "\n\n" + "\n".join(parts)
    print(text)
    if options.write:
        keep(text)


def keep(text):
    """Replaces what stands between the marks in docs/BENCHMARKS.md; the rest is written by hand."""
    path = os.path.join(ROOT, "docs", "BENCHMARKS.md")
    begin, end = "<!-- begin of the table -->", "<!-- end of the table -->"
    with open(path, encoding="utf-8") as file:
        before, _, rest = file.read().partition(begin)
    after = rest.partition(end)[2]
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"{before}{begin}\n\n{text}\n{end}{after}")


if __name__ == "__main__":
    main()
