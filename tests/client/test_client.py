"""Claude Code itself, run against a Bedrock of ours on loopback: what assay says about the logs of
that is what happened.

The client comes from npm, in the version that this test was written for; CLIENT_VERSION=latest
takes another. Nothing that it says is kept or printed: the logs lie in a temporary folder, and
failures are names and numbers.
"""
import collections
import json
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "py")]
from bedrock import FAIL_THROTTLED  # noqa: E402
from claude import AGENT, CLIENT, MCP_SERVER, SERVER, SKILL, Client, Missing  # noqa: E402
from support import DONE, NAMED, ROOT, Tap, assay, equal, report, temporary  # noqa: E402
from work import MCP_TOOL, work_of  # noqa: E402

VERSIONS = {CLIENT: os.environ.get("CLIENT_VERSION", "2.1.330"), MCP_SERVER: "2026.8.31"}
INSIDE = ("tools", "mcp", "skills", "agents", "sessions", "context", "harnesses", "savings")


class Truth:
    """What the test server saw, and what this test typed."""

    def __init__(self, bedrock, version):
        self.calls, self.version = bedrock.calls, version
        self.entry = {"print": "sdk-cli", "hour": "sdk-cli", "terminal": "cli"}
        self.prompts = {"print": 4, "hour": 1, "terminal": 3}
        self.retries = {"print": 1, "hour": 0, "terminal": 0}  # of what failed in the stream
        self.ids = {}
        for call in self.calls:
            if call.kind == "main":
                self.ids.setdefault(call.run, set()).add(call.session)

    def of(self, run, *kinds):
        """Calls of a session whose bodies were logged."""
        return [c for c in self.calls if c.run == run and c.error != FAIL_THROTTLED
                and (c.kind in kinds if kinds else c.kind != "probe")]

    def labels(self):
        found = collections.Counter()
        for call in self.calls:
            bare = not call.body.get("system")
            label = ("", "", "") if bare else ("claude code", self.version, self.entry[call.run])
            kind = call.kind
            if call.error == FAIL_THROTTLED:
                label, kind = ("", "", ""), ""
            found[(*label, kind)] += 1
        return found

    def uses(self, run=None):
        return [use for call in self.calls if run in (None, call.run) for use in call.uses()]

    def tokens(self, name):
        return sum(call.usage[name] for call in self.calls if call.error != FAIL_THROTTLED)


def tokens_are_counted(truth, logs):
    total = report(logs, "--by", "", "--metrics", "invocations,errors,input,output,cache_read,"
                   "cache_write_5m,cache_write_1h,cache_write_unknown")["total"]
    equal(total["invocations"], len(truth.calls), "calls")
    equal(total["errors"], sum(c.error == FAIL_THROTTLED for c in truth.calls), "errors")
    for metric, name in (("input", "input"), ("output", "output"), ("cache_read", "read"),
                         ("cache_write_5m", "5m"), ("cache_write_1h", "1h")):
        equal(total[metric], truth.tokens(name), metric)
    equal(total["cache_write_unknown"], 0, "cache writes of unknown length")
    assert total["cache_write_1h"] > 0, "the second session writes for an hour"


def bodies_are_found(truth, logs):
    about = report(logs)["about"]
    have = len(truth.calls) - sum(c.error == FAIL_THROTTLED for c in truth.calls)
    equal(about["coverage"]["input_bodies"], have, "requests")
    equal(about["coverage"]["output_bodies"], have, "answers")
    equal(about["quarantined"], 0, "broken records")
    equal(about["coverage"]["odd"], 0, "odd records")


def calls_are_named(truth, logs):
    names = ("harness", "version", "entrypoint", "call_kind")
    rows = report(logs, "--by", ",".join(names), "--metrics", "invocations", "--limit", "0")["rows"]
    found = collections.Counter()
    for row in rows:
        harness = row["harness"].lower().replace("-", " ")
        found[(harness, *(row[name] for name in names[1:]))] += row["invocations"]
    equal(sorted(found.items()), sorted(truth.labels().items()), "calls by what made them")


def by(logs, dimension, metrics, *more):
    """{value of the dimension: row}"""
    rows = report(*more, logs, "--by", dimension, "--metrics", metrics, "--limit", "0")["rows"]
    return {row[dimension]: row for row in rows}


def sessions_are_told_apart(truth, logs):
    rows = by(logs, "session", "invocations", "sessions")
    equal(sorted(rows.keys() - {""}), sorted(one(truth.ids[run]) for run in truth.ids), "sessions")


def one(values):
    equal(len(values), 1, "how many where one belongs")
    return next(iter(values))


def sessions_add_up(truth, logs, run):
    metrics = ("invocations,prompts,turns,retries,tool_calls,tool_errors,agents,fan_out,depth,"
               "compactions,cold_restarts,first_context_max")
    rows = by(logs, "session", metrics, "sessions")
    row = rows[one(truth.ids[run])]
    main = truth.of(run, "main")
    agents = {call.agent for call in truth.of(run, "sub-agent")}
    wanted = {
        "invocations": len(truth.of(run)), "prompts": truth.prompts[run],
        "turns": len(main) - truth.retries[run], "retries": truth.retries[run],
        "tool_calls": len(truth.uses(run)), "tool_errors": int(run == "print"),
        "agents": len(agents), "fan_out": len(agents), "depth": int(bool(agents)),
        "compactions": len(truth.of(run, "compaction")), "cold_restarts": int(run == "print"),
        "first_context_max": main[0].context(),
    }
    equal({name: row[name] for name in wanted}, wanted, f"session of {run}")


def first_messages_are_taken_apart(truth, logs):
    """Each part that the project brings is found, and the parts add up to the whole context."""
    parts = ["first_" + name for name in ("system", "tools", "mcp", "skills", "agents",
                                          "environment", "memory", "reminders", "user")]
    rows = by(logs, "session", ",".join([*parts, "first_context_max"]), "context")
    most = collections.Counter()
    for run in truth.ids:
        row = rows[one(truth.ids[run])]
        equal(sum(row[part] for part in parts), row["first_context_max"], f"parts of {run}")
        for part in parts:
            most[part] = max(most[part], row[part])
    # What are reminders without a place of their own differs by version.
    equal([part for part in parts if not most[part] and part != "first_reminders"], [],
          "parts that were not found")
    assert most["first_user"] * 100 < most["first_system"] * 5, "the user says little"


def tools_are_counted(truth, logs):
    rows = report("tools", logs, "--by", "tool_kind,server,tool", "--metrics",
                  "tool_calls,tool_errors", "--limit", "0")["rows"]
    found = {(row["tool_kind"], row["server"], row["tool"].removeprefix(f"mcp__{SERVER}__")):
             row["tool_calls"] for row in rows if row["tool_kind"] in ("builtin", "mcp")
             and row["tool_calls"]}
    wanted = collections.Counter()
    for _, name, _ in truth.uses():
        if name == MCP_TOOL:
            wanted["mcp", SERVER, "echo"] += 1
        elif name not in ("Skill", "Agent"):
            wanted["builtin", "", name] += 1
    equal(sorted(found.items()), sorted(wanted.items()), "tool calls")
    errors = {row["tool"]: row["tool_errors"] for row in rows if row["tool_errors"]}
    equal(errors, {"Bash": 1}, "tools that failed")


def servers_are_counted(truth, logs):
    rows = by(logs, "server", "offered,used,tool_calls", "mcp")
    row = rows[SERVER]
    equal((row["offered"], row["used"]), (len(truth.ids), 1), "sessions that have and use it")
    equal(row["tool_calls"], sum(u[1] == MCP_TOOL for u in truth.uses()), "its calls")
    equal(sorted(rows.keys() - {""}), [SERVER], "servers")


def skills_are_counted(truth, logs):
    rows = by(logs, "skill", "offered,used", "skills")
    row = rows[SKILL]
    equal((row["offered"], row["used"]), (len(truth.ids), 1), "sessions that have and use it")
    equal(sorted(name for name in rows if name and rows[name]["used"]), [SKILL], "skills used")


def agents_are_counted(truth, logs):
    rows = by(logs, "agent", "offered,used,tool_calls", "agents")
    used = {name: rows[name]["tool_calls"] for name in rows if name and rows[name]["used"]}
    equal(used, {AGENT: 1, "Explore": 1}, "sub-agents by type")
    equal(rows[AGENT]["offered"], len(truth.ids), "sessions that have the project's own")


def shown_session(truth, logs):
    return assay("session", one(truth.ids["print"]), logs, "--format", "json", "--limit", "0",
                 "--quiet", code=DONE).out


def a_session_is_shown(truth, logs):
    """Each call with its thread, and the threads: main, before and after its compaction, and two
    sub-agents that it started."""
    shown = json.loads(shown_session(truth, logs))
    equal(shown["session"]["id"], one(truth.ids["print"]), "session")
    calls = truth.of("print")
    equal([(c["kind"], c["context"], sum(u["calls"] for u in c["tools"])) for c in shown["calls"]],
          [(c.kind, c.context(), len(c.uses())) for c in calls], "calls")
    threads = shown["threads"]
    for agent in {call.agent for call in calls}:
        mine = {row["thread"] for row, call in zip(shown["calls"], calls) if call.agent == agent}
        row = threads[one(mine)]
        equal(row["calls"], sum(call.agent == agent for call in calls), "calls of a thread")
        equal((row["depth"], row["parent"]), (1, 0) if agent else (0, None), "place of a thread")
    equal([(row["kind"], row["generations"]) for row in threads[:1]], [("main", 2)], "main thread")
    equal(sorted(row["name"] for row in threads[1:]), sorted((AGENT, "Explore")), "sub-agents")


def no_text_stays(truth, logs, scratch):
    """Whatever the client says in lines of more than a few words is in no report and no store."""
    store = os.path.join(scratch, "store")
    assay("ingest", logs, "--store", store, "--quiet", code=DONE)
    data = b""
    for folder, _, names in os.walk(scratch):
        for name in names:
            with open(os.path.join(folder, name), "rb") as file:
                data += file.read()
    for name in (*NAMED, *INSIDE):
        for source in ((logs,), ("--store", store)):
            data += assay("report", name, *source, "--format", "json", code=DONE).out
    data += shown_session(truth, logs)
    lines = set()
    for call in truth.calls:
        collect(call.body, lines)
    assert len(lines) > 200, "the client says much"
    kept = sum(line.encode() in data for line in lines)
    equal(kept, 0, f"lines of {len(lines)} that are kept")


def collect(value, lines):
    if isinstance(value, str):
        lines.update(line for line in re.split(r"\r?\n", value)
                     if len(line) > 40 and line.count(" ") > 3)
    elif isinstance(value, (dict, list)):
        for part in value.values() if isinstance(value, dict) else value:
            collect(part, lines)


def check(tap, truth, logs, scratch):
    cases = [
        ("every call and token of the client is counted", tokens_are_counted),
        ("all bodies are found, inline or as objects of their own", bodies_are_found),
        ("program, version, entry point and kind of each call", calls_are_named),
        ("sessions have the client's own ids", sessions_are_told_apart),
        ("what first messages are made of", first_messages_are_taken_apart),
        ("tools by kind and name", tools_are_counted),
        ("the MCP server, installed and used", servers_are_counted),
        ("the skill, called and typed", skills_are_counted),
        ("sub-agents by type", agents_are_counted),
        ("one session, call by call", a_session_is_shown),
    ]
    for name, function in cases:
        tap.case(name, function, truth, logs)
    for run in truth.ids:
        tap.case(f"prompts, turns, threads and failures of the session: {run}", sessions_add_up,
                 truth, logs, run)
    tap.case("no line of the client's text stays", no_text_stays, truth, logs, scratch)


def main():
    tap = Tap()
    try:
        client = Client(os.path.join(ROOT, ".cache", "client-" + "-".join(VERSIONS.values())),
                        VERSIONS)
    except Missing as why:
        tap.skip("the real client", f"skipped: {why}")
        tap.done()
    with temporary() as tmp:
        logs, scratch = os.path.join(tmp, "logs"), os.path.join(tmp, "scratch")
        os.makedirs(scratch)
        try:
            bedrock = work_of(client, os.path.join(tmp, "client"))
        except Missing as why:
            tap.skip("the real client", f"skipped: {why}")
            tap.done()
        except AssertionError as why:
            tap.fail("the client ends what it is told to do", str(why))
            tap.done()
        if not any(call.run == "terminal" for call in bedrock.calls):
            tap.skip("a session in a terminal", "skipped: the terminal is too slow to be typed in")
        bedrock.write_logs(logs)
        tap.case("the test server understood all that it got", equal, bedrock.faults, [])
        check(tap, Truth(bedrock, client.version), logs, scratch)
    tap.done()


if __name__ == "__main__":
    main()
