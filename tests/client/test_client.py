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
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "py")]
from bedrock import ACCOUNT, FAIL_IN_STREAM, FAIL_THROTTLED, REGION, Bedrock  # noqa: E402
from claude import (AGENT, CLIENT, MCP_SERVER, SERVER, SKILL, Client, Missing,  # noqa: E402
                    Project)
from support import BAD_USAGE, DONE, ROOT, Tap, assay, equal, report, temporary  # noqa: E402
from terminal import Terminal  # noqa: E402

VERSIONS = {CLIENT: os.environ.get("CLIENT_VERSION", "2.1.330"), MCP_SERVER: "2026.8.31"}
PROFILE = f"arn:aws:bedrock:{REGION}:{ACCOUNT}:application-inference-profile/abcd1234efgh"
MODEL = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
MCP_TOOL = f"mcp__{SERVER}__echo"
ALLOWED = ("--allowedTools", f"Agent,Bash,Read,Skill,Task,ToolSearch,{MCP_TOOL}")
WORK, ASIDE, LATER, AGAIN = "count-lines", "add-words", "say-more", "once-more"
PAUSE = 15 * 60  # longer than any cache of five minutes


def use(tool, **arguments):
    return ("use", tool, arguments)


def bash(command):
    return use("Bash", command=command, description="Do a step")


def work(bedrock):
    """The steps of the first session: each way in which a tool, a server, a skill and sub-agents
    are called, and both ways in which a call fails."""
    def when_agents_are_done(_):
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            calls = [c for c in bedrock.calls if c.kind == "sub-agent"]
            if len({c.agent for c in calls}) == 2 and len(calls) == 4 and calls[-1].answered:
                break
            time.sleep(0.05)
        return [("text", "All is counted.")]

    return {
        "main": {
            WORK: [
                [("text", "I look."), bash("echo one; sleep 1")],
                FAIL_THROTTLED,
                [bash("exit 3")],
                [use("Skill", skill=SKILL, args="short")],
                FAIL_IN_STREAM,
                [use("ToolSearch", query="select:" + MCP_TOOL)],
                [use(MCP_TOOL, message="hello")],
                [use("Agent", description="Count", prompt="Count them in CLAUDE.md",
                     subagent_type=AGENT),
                 use("Agent", description="Find", prompt="Find the notes",
                     subagent_type="Explore")],
                when_agents_are_done,
            ],
            f"<command-name>/{SKILL}": [[("text", "Notes are written.")]],
            LATER: [[bash("echo two")], [("text", "More is said.")]],
            AGAIN: [[("text", "Again.")]],
        },
        "sub-agent": [[bash("wc -l CLAUDE.md")], [("text", "There are three.")]],
        "compaction": [[("text", "<summary>Lines were counted.</summary>")]],
    }


def first_session(bedrock, project):
    bedrock.follow("print", work(bedrock))
    said = project.talk([f"Please {WORK}.", f"/{SKILL} short", "/compact", f"And {LATER}."],
                        bedrock.url, *ALLOWED, ANTHROPIC_MODEL=PROFILE)
    bedrock.follow("print", work(bedrock), pause=PAUSE)
    said += project.talk([f"Please {AGAIN}."], bedrock.url, "--continue", *ALLOWED,
                         ANTHROPIC_MODEL=PROFILE)
    equal(said, ["success"] * 5, "results of the first session")


def second_session(bedrock, project):
    """The same words in the same folder, with caches that last an hour."""
    bedrock.follow("hour", {"main": [[bash("echo one; sleep 1")], [("text", "Counted.")]]})
    said = project.talk([f"Please {WORK}."], bedrock.url, *ALLOWED, ANTHROPIC_MODEL=PROFILE,
                        ENABLE_PROMPT_CACHING_1H="1")
    equal(said, ["success"], "results of the second session")


def third_session(bedrock, project):
    """In a terminal: a prompt, one typed while the model works, and a line for the shell. False
    when the terminal is too slow to be typed in."""
    # The client asks the model whether a loop is safe to run.
    bedrock.follow("terminal", {"background": [[("text", "<block>no</block>")]], "main": {WORK: [
        [bash("for i in $(seq 150); do [ -e go ] && break; sleep 0.1; done; echo one")]]}})
    project.know()
    command = [project.client.program, *ALLOWED]
    environment = project.environment(bedrock.url, ANTHROPIC_MODEL=PROFILE, TERM="xterm-256color")

    def calls(n):
        def seen():
            mine = [c for c in bedrock.calls if c.run == "terminal" and c.kind == "main"]
            return len(mine) >= n and mine[n - 1].answered
        return seen

    with Terminal(command, project.folder, environment) as terminal:
        if not (terminal.wait(lambda: terminal.shown and terminal.quiet(1.5)(), 15) and
                terminal.type(f"Please {WORK}") and terminal.wait(calls(1), 10)):
            return False
        terminal.wait(terminal.quiet(0.3), 1)
        if not terminal.type(f"Also {ASIDE}"):
            return False
        terminal.wait(lambda: False, 1)
        project.write("go", "")
        if not (terminal.wait(calls(2), 20) and terminal.wait(terminal.quiet(1), 5)
                and terminal.type("! echo three") and terminal.wait(calls(3), 10)):
            return False
        terminal.wait(terminal.quiet(0.5), 3)
    return True


def work_of(client, place):
    with Bedrock({PROFILE: MODEL}) as bedrock:
        project = Project(client, place)
        first_session(bedrock, project)
        second_session(bedrock, project)
        typed = third_session(bedrock, project)
    if not typed:
        bedrock.calls = [call for call in bedrock.calls if call.run != "terminal"]
    return bedrock


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
    rows = by(logs, "session", "invocations", *named("sessions"))
    equal(sorted(rows.keys() - {""}), sorted(one(truth.ids[run]) for run in truth.ids), "sessions")


def one(values):
    equal(len(values), 1, "sessions of one run")
    return next(iter(values))


def sessions_add_up(truth, logs, run):
    metrics = ("invocations,prompts,turns,retries,tool_calls,tool_errors,agents,fan_out,depth,"
               "compactions,cold_restarts,first_context_max")
    rows = by(logs, "session", metrics, *named("sessions"))
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
    rows = by(logs, "session", ",".join([*parts, "first_context_max"]), *named("context"))
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
    rows = report(*named("tools"), logs, "--by", "tool_kind,server,tool", "--metrics",
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
    rows = by(logs, "server", "offered,used,tool_calls", *named("mcp"))
    row = rows[SERVER]
    equal((row["offered"], row["used"]), (len(truth.ids), 1), "sessions that have and use it")
    equal(row["tool_calls"], sum(u[1] == MCP_TOOL for u in truth.uses()), "its calls")
    equal(sorted(rows.keys() - {""}), [SERVER], "servers")


def skills_are_counted(truth, logs):
    rows = by(logs, "skill", "offered,used", *named("skills"))
    row = rows[SKILL]
    equal((row["offered"], row["used"]), (len(truth.ids), 1), "sessions that have and use it")
    equal(sorted(name for name in rows if name and rows[name]["used"]), [SKILL], "skills used")


def agents_are_counted(truth, logs):
    rows = by(logs, "agent", "offered,used,tool_calls", *named("agents"))
    used = {name: rows[name]["tool_calls"] for name in rows if name and rows[name]["used"]}
    equal(used, {AGENT: 1, "Explore": 1}, "sub-agents by type")
    equal(rows[AGENT]["offered"], len(truth.ids), "sessions that have the project's own")


def shown_session(truth, logs):
    if not knows_session():
        return b""
    return assay("session", one(truth.ids["print"]), logs, "--format", "json", "--quiet",
                 code=DONE).out


def knows_session():
    return re.search(r"^  session\b", assay("help", code=DONE).out.decode(), re.MULTILINE)


def a_session_is_shown(truth, logs):
    name = one(truth.ids["print"])
    shown = json.loads(shown_session(truth, logs))
    sizes = []

    def walk(value):
        if isinstance(value, list):
            sizes.append(len(value))
        for part in value.values() if isinstance(value, dict) else \
                value if isinstance(value, list) else ():
            walk(part)

    walk(shown)
    assert name in json.dumps(shown), "the session's name is shown"
    assert len(truth.of("print")) in sizes, f"no list of its {len(truth.of('print'))} calls"


def no_text_stays(truth, logs, scratch):
    """Whatever the client says in lines of more than a few words is in no report and no store."""
    store = os.path.join(scratch, "store")
    assay("ingest", logs, "--store", store, "--quiet", code=DONE)
    data = b""
    for folder, _, names in os.walk(scratch):
        for name in names:
            with open(os.path.join(folder, name), "rb") as file:
                data += file.read()
    for name in re.findall(r"[\w-]+", re.search(r"NAME is ([^.]*)\.", HELP)[1]):
        for source in ((logs,), ("--store", store)) if name != "or" else ():
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


def named(name):
    """A stored question where this build has it: its name, to be changed by options."""
    return (name,) if re.search(rf"\b{name}\b", HELP) else ()


def check(tap, truth, logs, scratch):
    tap.case("every call and token of the client is counted", tokens_are_counted, truth, logs)
    tap.case("no line of the client's text stays", no_text_stays, truth, logs, scratch)
    # Each `needs` names what a build must know for the case.
    cases = [
        ("all bodies are found, inline or as objects of their own", bodies_are_found, "harness"),
        ("program, version, entry point and kind of each call", calls_are_named, "harness"),
        ("sessions have the client's own ids", sessions_are_told_apart, "session"),
        ("what first messages are made of", first_messages_are_taken_apart, "session"),
        ("tools by kind and name", tools_are_counted, "tool"),
        ("the MCP server, installed and used", servers_are_counted, "server"),
        ("the skill, called and typed", skills_are_counted, "skill"),
        ("sub-agents by type", agents_are_counted, "agent"),
    ]
    for name, function, needs in cases:
        if lacks(logs, needs):
            tap.skip(name, f"skipped: this build has no dimension {needs}")
        else:
            tap.case(name, function, truth, logs)
    for run in truth.ids:
        name = f"prompts, turns, threads and failures of the session: {run}"
        if lacks(logs, "session"):
            tap.skip(name, "skipped: this build has no dimension session")
        else:
            tap.case(name, sessions_add_up, truth, logs, run)
    name = "one session, call by call"
    if not knows_session():
        tap.skip(name, "skipped: this build has no command session")
    else:
        tap.case(name, a_session_is_shown, truth, logs)


def lacks(logs, dimension):
    done = assay("report", logs, "--by", dimension, "--format", "json", "--quiet")
    return done.code == BAD_USAGE or not any(row[dimension] for row in done.json()["rows"])


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


HELP = assay("report", "--help", code=DONE).out.decode()

if __name__ == "__main__":
    main()
