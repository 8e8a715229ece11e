"""What assay simulate says it wrote is what lies in its files, read here with the standard library:
totals, and what happened in the sessions."""
import gzip
import json
import os
import re
from collections import Counter, defaultdict

import bodies
from support import TOKENS, Tap, equal, lines_of, sanitized, simulate, temporary

COUNTS = ("invocations", "errors", *TOKENS)
ABOVE = (0, 100000, 200000, 272000)  # ranges of request size, as in truth.json
GROUPS = {"by_user": lambda r: r["identity"]["arn"], "by_model": lambda r: r["modelId"],
          "by_account": lambda r: r["accountId"], "by_region": lambda r: r["region"],
          "by_day": lambda r: r["timestamp"][:10], "by_operation": lambda r: r["operation"]}
# 24 people are enough for every kind of caller, model id and service; prices change on the 7th.
MANY = "--users 24 --days 3 --start 2026-10-06 --seed 5 --body-scale 2".split()
FEW = "--users 6 --days 3 --seed 2 --body-scale 3".split()
FIGURES = ("prompts", "turns", "requests", "retries", "tool_calls", "tool_errors", "agents",
           "fan_out", "compactions", "generations", "interrupts", "peak_context", "first_context")


def answer_of(base, record):
    side = record.get("output") or {}
    path = side.get("outputBodyS3Path")
    if not path:
        return side.get("outputBodyJson")
    local = base + re.sub(r"^s3://[^/]+", "", path)
    if not os.path.exists(local):
        return None
    with gzip.open(local) as file:
        return json.load(file)


def split_of(answer):
    """5-minute and 1-hour cache writes and the model's name, as an answer tells them."""
    if isinstance(answer, list):
        answer = next(e for e in answer if e["type"] == "message_start")["message"]
    if not isinstance(answer, dict):
        return 0, 0, ""
    usage = answer.get("usage", {})
    created = usage.get("cache_creation", {})
    ttl = Counter()
    for detail in usage.get("cacheDetails", []):
        ttl[detail["ttl"]] += detail["inputTokens"]
    return (created.get("ephemeral_5m_input_tokens", 0) + ttl["5m"],
            created.get("ephemeral_1h_input_tokens", 0) + ttl["1h"], answer.get("model", ""))


def counts_of(base, record):
    i, o = record.get("input") or {}, record.get("output") or {}
    written = i.get("cacheWriteInputTokenCount", 0)
    w5, w1, model = split_of(answer_of(base, record))
    assert w5 + w1 in (0, written), f"{record['requestId']}: {w5} + {w1} of {written}"
    return Counter({
        "invocations": 1, "errors": int(bool(record.get("errorCode"))),
        "input": i.get("inputTokenCount", 0), "output": o.get("outputTokenCount", 0),
        "cache_read": i.get("cacheReadInputTokenCount", 0), "cache_write_5m": w5,
        "cache_write_1h": w1, "cache_write_unknown": written - w5 - w1}), model


def same(what, found, wanted):
    equal({k: found[k] for k in COUNTS}, {k: wanted[k] for k in COUNTS}, what)


def totals(base, truth):
    resolved = {c["model_id"]: c["resolved_by"] for c in truth["cells"]}
    invocations = bodies.records_of(base + "/AWSLogs")
    records = sum(1 for _ in lines_of(base + "/AWSLogs"))
    equal(records, truth["total"]["records"], "records")
    equal(records - len(invocations), truth["total"]["duplicates"], "duplicates")
    sums = {group: defaultdict(Counter) for group in (*GROUPS, "cells")}
    errors = Counter()
    for record in invocations:
        counts, model = counts_of(base, record)
        for group, name in GROUPS.items():
            sums[group][name(record)].update(counts)
        context = sum(counts[k] for k in TOKENS) - counts["output"]
        seen = ((model, record.get("inferenceRegion", ""))
                if resolved[record["modelId"]] == "unresolved" else ("", ""))
        sums["cells"][(record["accountId"], record["region"], record["timestamp"][:10],
                       record["modelId"], max(a for a in ABOVE if a == 0 or context > a),
                       any(counts[k] for k in TOKENS if k.startswith("cache_")),
                       record.get("errorCode") or "", *seen)].update(counts)
        if record.get("errorCode"):
            errors[record["errorCode"]] += 1
    equal(errors, truth["by_error"], "by_error")
    for group in GROUPS:
        equal(set(sums[group]), set(truth[group]), group)
        for name, counts in truth[group].items():
            same(f"{group} {name}", sums[group][name], counts)
    equal(len(sums["cells"]), len(truth["cells"]), "cells")
    for c in truth["cells"]:
        same(str(c), sums["cells"][(c["account"], c["region"], c["day"], c["model_id"],
                                    c["context_above"], c["cached"], c["error"], c.get("body_model", ""),
                                    c.get("inference_region", ""))], c)


def by_key(truth):
    """The sessions of the truth as bodies.sessions names them."""
    return {(s["user"], s["id"] or s["first"]): s for s in truth["sessions"]}


def told(found, wanted):
    """Pairs of calls and truth; the sessions of one call that are not listed are counted."""
    pairs, alone = [], 0
    for key, calls in found.items():
        if key[:2] in wanted:
            pairs.append((calls, wanted[key[:2]]))
        else:
            equal((len(calls), len(key)), (1, 3), f"{key} is a session of one call")
            alone += 1
    return pairs, alone


def session_figures(found, truth):
    pairs, alone = told(found, by_key(truth))
    equal(len(pairs), len(truth["sessions"]), "every session of the truth is there")
    equal(alone, truth["coverage"]["sessions_of_one_call"], "sessions of one call")
    for calls, wanted in pairs:
        figures, first, _, _ = bodies.summary(calls)
        # Two requests of identical sub-agents look like one that was made again.
        names = [n for n in FIGURES if n != "retries" or not wanted["identical_agents"]]
        equal({n: figures[n] for n in names}, {n: wanted[n] for n in names},
              f"session {wanted['id'] or wanted['first']}")
        equal(bool(first), wanted["seen_whole"], "seen_whole")


def tool_figures(found, truth):
    calls_n, errors_n = Counter(), Counter()
    for calls, _ in told(found, by_key(truth))[0]:
        _, _, uses, errors = bodies.summary(calls)
        for use, name in uses.items():
            calls_n[name] += 1
            errors_n[name] += use in errors
    builtin = [t for t in truth["tools"] if t["kind"] == "builtin"]
    equal({t["name"]: (calls_n[t["name"]], errors_n[t["name"]]) for t in builtin},
          {t["name"]: (t["calls"], t["errors"]) for t in builtin}, "built-in tools")
    for name, kind in (("Skill", "skill"), ("Agent", "agent")):
        equal(calls_n[name], sum(t["calls"] for t in truth["tools"] if t["kind"] == kind), kind)
    mcp = {t["server"]: 0 for t in truth["tools"] if t["kind"] == "mcp"}
    for name, n in calls_n.items():
        match = bodies.is_mcp(name)
        if match:
            mcp[next(g for g in match.groups() if g)] += n
    equal(mcp, {s["server"]: s["calls"] for s in truth["mcp"] if s["calls"]}, "calls by server")


def size_figures(found, truth):
    known = [s["server"] for s in truth["mcp"]]
    servers = defaultdict(Counter)
    for calls, wanted in told(found, by_key(truth))[0]:
        first = bodies.summary(calls)[1]
        for call in calls:
            parts, here = bodies.sizes_of(call, known)
            for name, sizes in here.items():
                servers[name].update(sizes)
            if call is first:
                equal({p: parts[p] for p in wanted["first_bytes"]}, wanted["first_bytes"],
                      f"first request of {wanted['id']}")
    for row in truth["mcp"]:
        sizes = servers[row["server"]]
        equal((sizes["schema"], sizes["name"], sizes["note"]),
              (row["schema_bytes"], row["name_bytes"], row["note_bytes"]), row["server"])


def callers(truth):
    """A small organization has one of each kind."""
    users = " ".join(truth["by_user"])
    for part in ("arn:aws-us-gov:", "/BedrockAgentCore-", ":assumed-role/llm-gateway/",
                 "AWSReservedSSO_", "bedrock-oidc"):
        assert part in users, f"no {part} in {users}"
    assert "us-gov-west-1" in truth["by_region"], truth["by_region"].keys()
    coverage = truth["coverage"]
    assert coverage["with_request"] < coverage["invocations"], coverage


def main():
    tap = Tap()
    for where in ("inline", "s3", "none"):
        with temporary() as base:
            truth = simulate(base, *MANY, "--bodies", where)
            tap.case(f"the files hold what the truth says ({where})", totals, base, truth)
    if sanitized():  # the program is looked at, not what it wrote
        tap.done()
        return
    with temporary() as base:
        truth = simulate(base, *FEW)
        found = bodies.sessions(bodies.records_of(base + "/AWSLogs"))
        tap.case("every kind of caller is there", callers, truth)
        tap.case("sessions are as the truth says", session_figures, found, truth)
        tap.case("tools are called as the truth says", tool_figures, found, truth)
        tap.case("requests are made of what the truth says", size_figures, found, truth)
    tap.done()


if __name__ == "__main__":
    main()
