"""Reports about sessions say what the simulator did in them, and a store answers as its logs do."""
import os

from support import assay, equal, report, simulate, temporary, Tap

FIGURES = {"prompts": "prompts", "turns": "turns", "invocations": "requests", "retries": "retries",
           "tool_calls": "tool_calls", "tool_errors": "tool_errors", "agents": "agents",
           "fan_out": "fan_out", "depth": "depth", "compactions": "compactions",
           "interrupts": "interrupts", "peak_context": "peak_context",
           "cold_restarts": "cold_restarts", "requests_per_minute": "requests_per_minute",
           "loop": "loop"}


def rows(answer, dimensions, metrics):
    return {tuple(row[d] for d in dimensions): tuple(row[m] for m in metrics)
            for row in answer["rows"]}


def same_tools(tree, truth):
    metrics = ("tool_calls", "tool_errors", "sessions")
    got = rows(report("tools", tree, "--metrics", ",".join(metrics)),
               ("tool_kind", "server", "tool"), metrics)
    equal(got, {(t["kind"], t["server"], t["name"]): (t["calls"], t["errors"], t["sessions"])
                for t in truth["tools"]})


def same_servers(tree, truth):
    got = rows(report("mcp", tree), ("server",), ("offered", "used", "tool_calls", "tool_errors"))
    equal(got, {(s["server"],): (s["offered_sessions"], s["used_sessions"], s["calls"],
                                 s["errors"]) for s in truth["mcp"]})


def same_skills(tree, truth):
    got = rows(report("skills", tree), ("skill",), ("offered", "used", "tool_calls"))
    equal(got, {(s["skill"],): (s["installed_sessions"], s["used_sessions"],
                                s["by_tool"] + s["by_command"]) for s in truth["skills"]})


def same_agents(tree, truth):
    got = rows(report("agents", tree), ("agent",), ("offered", "used", "tool_calls"))
    equal(got, {(a["agent"],): (a["installed_sessions"], a["used_sessions"], a["started"])
                for a in truth["agents"]})


def same_harnesses(tree, truth):
    got = rows(report("harnesses", tree, "--by", "harness"), ("harness",), ("invocations",))
    equal(got, {(h["harness"],): (h["calls"],) for h in truth["harnesses"]})


def same_sessions(tree, truth):
    answer = report("sessions", tree, "--by", "session", "--limit", "0", "--metrics",
                    ",".join((*FIGURES, "first_context_p50", "active")))
    got = {row["session"]: row for row in answer["rows"]}
    known = [s for s in truth["sessions"] if not s["inferred"]]
    assert known, "the sample has no sessions with an id"
    for session in known:
        row = got[session["id"]]
        for name, key in FIGURES.items():
            equal(row[name], session[key], f"{name} of {session['id']}")
        equal(row["first_context_p50"] or 0, session["first_context"], "first context")
        equal(row["active_ms"], session["active_us"] // 1000, "active")


def one_session(tree, truth):
    session = max((s for s in truth["sessions"] if not s["inferred"]),
                  key=lambda s: s["requests"])
    shown = assay("session", session["id"], tree, "--format", "json", "--limit", "0", "--quiet",
                  code=0).json()
    equal(len(shown["calls"]), session["requests"], "calls")
    for name in ("prompts", "turns", "tool_calls", "fan_out", "peak_context"):
        equal(shown["session"][name], session[key_of(name)], name)
    equal(sum(t["calls"] for c in shown["calls"] for t in c["tools"]), session["tool_calls"],
          "uses of its calls")


def key_of(name):
    return FIGURES.get(name, name)


def same_from_store(tree, store):
    for words in (("tools",), ("mcp",), ("skills",), ("agents",), ("context",), ("savings",),
                  ("harnesses", "--bucket", "day"), ("runaway", "--runaway-limits", "cost=1"),
                  ("sessions", "--by", "session,user,thread", "--limit", "7"),
                  ("--by", "user", "--metrics", "sessions,prompts,cost,users",
                   "--where", "server!=tickets")):
        logs = assay("report", *words, tree, "--format", "json", "--quiet", code=0)
        stored = assay("report", *words, "--store", store, "--format", "json", code=0)
        equal(stored.json(), logs.json(), " ".join(words))


def main():
    tap = Tap()
    with temporary() as tmp:
        truth = simulate(tmp, "--users", 6, "--days", 4, "--seed", 9, "--body-scale", 2)
        tree, store = os.path.join(tmp, "AWSLogs"), os.path.join(tmp, "usage.db")
        assay("ingest", tree, "--store", store, "--quiet", code=0)
        for name, check in (("tool", same_tools), ("server", same_servers),
                            ("skill", same_skills), ("sub-agent", same_agents),
                            ("harness", same_harnesses), ("session", same_sessions)):
            tap.case(f"each {name} is the truth", check, tree, truth)
        tap.case("one session is the truth, call by call", one_session, tree, truth)
        tap.case("a store answers as its logs do", same_from_store, tree, store)
    tap.done()


if __name__ == "__main__":
    main()
