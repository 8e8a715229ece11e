"""Reports about sessions say what assay simulate wrote, figure by figure; what the bodies alone tell
(tokens of parts, the tax of MCP servers, dollars of cold restarts) is worked out here from the logs.
And the same comes of one thread or two, little memory, any order of files, and a store."""
import gzip
import json
import os
import random
import re
from collections import Counter, defaultdict
from decimal import ROUND_HALF_UP, Decimal

import bodies
import savings
from oracle import Book, calls_of, read_profiles
from support import (DONE, ROOT, Tap, assay, equal, lines_of, log_files, report, simulate,
                     temporary, write)

SAME = ("prompts", "turns", "requests", "retries", "tool_calls", "tool_errors", "agents", "fan_out",
        "depth", "compactions", "interrupts", "peak_context", "cold_restarts",
        "requests_per_minute", "loop", "inferred")
SUMS = ("prompts", "turns", "retries", "tool_calls", "tool_errors", "agents", "compactions",
        "interrupts", "cold_restarts")
MOST = ("fan_out", "depth", "peak_context", "requests_per_minute", "loop")
KINDS = {"cost_main": "main", "cost_subagent": "sub-agent", "cost_compaction": "compaction",
         "cost_background": "background"}
PARTS = ("system", "tools", "mcp", "skills", "agents", "environment", "memory", "reminders", "user")
LISTED = "harness!="  # the sessions that truth.json lists are those of known programs
NAMED = ("harnesses", "tools", "mcp", "skills", "agents", "sessions", "runaway", "context",
         "savings")


def half_up(number):
    return int(Decimal(number).quantize(Decimal(1), ROUND_HALF_UP))


def nano(pico):
    return half_up(Decimal(pico) / 1000)


class Corpus:
    """Simulated logs, what they should say, and a store of them."""

    def __init__(self, base, seed, where, scale=2):
        self.base, self.tree = base, os.path.join(base, "AWSLogs")
        self.truth = simulate(base, "--users", 6, "--days", 3, "--seed", seed, "--bodies", where,
                              "--body-scale", scale)
        self.profiles = os.path.join(base, "profiles.yaml")
        self.store = os.path.join(base, "usage.db")
        self.options = ("--profiles", self.profiles, "--repository-names")
        assay("ingest", self.tree, "--store", self.store, *self.options, "--quiet", code=DONE)
        self.rows = {(s["user"], s["id"] or s["first"]): s for s in self.truth["sessions"]}

    def ask(self, *arguments):
        return report(*arguments, self.tree, *self.options, "--limit", 0)

    def by(self, dimensions, metrics, *options):
        """Rows by the values of the dimensions."""
        rows = self.ask("--by", dimensions, "--metrics", metrics, *options)["rows"]
        names = dimensions.split(",")
        found = {tuple(row[n] for n in names): row for row in rows}
        equal(len(found), len(rows), "each row once")
        return {key[0] if len(names) == 1 else key: row for key, row in found.items()}

    def session(self, name):
        return assay("session", name, "--store", self.store, "--limit", 0, "--format", "json",
                     "--quiet", code=DONE).json()

    def sessions(self):
        """Pairs of what `assay session` says and what is true, once each."""
        if not hasattr(self, "pairs"):
            self.pairs = []
            for principal, name in self.by("principal,session", "sessions", "--where", LISTED):
                found = self.session(name)
                key = principal, name if name[0] != "~" else found["session"]["first"]
                assert key in self.rows, f"{key} is no session"
                self.pairs.append((found, self.rows[key], (principal, name)))
            equal(len(self.pairs), len(self.rows), "every session is there once")
        return self.pairs

    def read(self):
        """Each call of each session with its price, as read from the logs by other means."""
        book = Book(os.path.join(ROOT, "data", "prices.csv"))
        priced = {c.key: c for c in calls_of(lines_of(self.tree), self.base, True, book,
                                             read_profiles(self.profiles))}
        records = bodies.records_of(self.tree)
        for session in bodies.sessions(records).values():
            for call in session:
                r = call.record
                yield call, priced[r["accountId"], r["region"], r["requestId"]]


def share(total, parts):
    """Tokens by part in proportion to bytes: largest remainder."""
    whole = sum(parts)
    tokens = [total * p // whole for p in parts]
    order = sorted(range(len(parts)), key=lambda i: (-(total * parts[i] % whole), i))
    for i in order[:total - sum(tokens)]:
        tokens[i] += 1
    return tokens


def one_by_one(corpus):
    for answer, wanted, key in corpus.sessions():
        found = answer["session"]
        equal({n: found[n] for n in SAME}, {n: wanted[n] for n in SAME}, key)
        equal((found["duration_ms"], found["active_ms"]),
              ((wanted["last_us"] - wanted["first_us"]) // 1000, wanted["active_us"] // 1000), key)
        equal(found["first"], wanted["first"], key)
        equal(found["first_context"], wanted["first_context"] if wanted["seen_whole"] else None,
              key)
        main = [t for t in answer["threads"] if t["kind"] == "main"]
        equal([t["generations"] for t in main] or [0], [wanted["generations"]], key)
        equal(sum(c["cold_tokens"] for c in answer["calls"]), wanted["cold_tokens"], key)
        equal(len(answer["calls"]), wanted["requests"], key)
        equal(sum(t["calls"] for c in answer["calls"] for t in c["tools"]), wanted["tool_calls"],
              (key, "uses of its calls"))
        equal(found["cost_nusd"], nano(wanted["cost_pico"]), key)
        equal(found["retry_cost_nusd"], nano(wanted["retry_cost_pico"]), (key, "retries"))
        for name, kind in KINDS.items():
            equal(found[name + "_nusd"], nano(wanted["cost_by_kind_pico"][kind]), (key, kind))


def in_one_table(corpus):
    names = SUMS + MOST + ("active", "duration", "first_context_max", "cost", "retry_cost",
                           "invocations", *KINDS)
    answer = corpus.ask("--by", "principal,session", "--metrics", ",".join(names), "--where", LISTED)
    rows = {(r["principal"], r["session"]): r for r in answer["rows"]}
    equal(len(rows), len(corpus.rows), "sessions")
    for _, wanted, key in corpus.sessions():
        row = rows[key]
        equal({n: row[n] for n in SUMS + MOST}, {n: wanted[n] for n in SUMS + MOST}, key)
        equal((row["invocations"], row["active_ms"], row["duration_ms"]),
              (wanted["requests"], wanted["active_us"] // 1000,
               (wanted["last_us"] - wanted["first_us"]) // 1000), key)
        equal(row["first_context_max"], wanted["first_context"] or None, key)
        equal((row["cost_nusd"], row["retry_cost_nusd"]),
              (nano(wanted["cost_pico"]), nano(wanted["retry_cost_pico"])), key)
        for name, kind in KINDS.items():
            equal(row[name + "_nusd"], nano(wanted["cost_by_kind_pico"][kind]), (key, kind))
    true = corpus.truth["sessions"]
    equal({n: answer["total"][n] for n in SUMS}, {n: sum(s[n] for s in true) for n in SUMS}, "total")
    equal({n: answer["total"][n] for n in MOST}, {n: max(s[n] for s in true) for n in MOST}, "most")


def first_messages(corpus):
    names = ["first_" + p for p in PARTS]
    rows = corpus.by("principal,session", "first_context_max," + ",".join(names), "--where", LISTED)
    seen = 0
    for _, wanted, key in corpus.sessions():
        if not wanted["seen_whole"]:
            continue
        seen += 1
        tokens = share(wanted["first_context"], [wanted["first_bytes"][p] for p in PARTS])
        for part, true in zip(names, tokens):
            off = abs(rows[key][part] - true)
            assert off <= 1, f"{key} {part}: found {rows[key][part]}, wanted {true}"
    assert seen, "no session was seen whole"
    total = corpus.ask("context", "--where", LISTED)["total"]
    first = sorted(s["first_context"] for s in corpus.truth["sessions"] if s["seen_whole"])
    for metric, percent in (("p50", 50), ("p90", 90), ("p99", 99), ("max", 100)):
        equal(total["first_context_" + metric], first[-(-len(first) * percent // 100) - 1], metric)


def tools(corpus):
    names = "tool_kind,server,tool"
    people = corpus.by("principal,user", "invocations")
    rows, users = corpus.by(names, "tool_calls,tool_errors,sessions,users"), defaultdict(list)
    for *tool, who in corpus.by(names + ",principal", "tool_calls"):
        users[tuple(tool)].append(who)
    true = {(t["kind"], t["server"], t["name"]): t for t in corpus.truth["tools"]}
    equal({k: (r["tool_calls"], r["tool_errors"], r["sessions"]) for k, r in rows.items()},
          {k: (t["calls"], t["errors"], t["sessions"]) for k, t in true.items()}, "tools")
    equal({k: len(v) for k, v in users.items()}, {k: t["users"] for k, t in true.items()}, "users")
    person = {principal: user for principal, user in people}
    equal({k: r["users"] for k, r in rows.items()},
          {k: len({person[w] for w in v}) for k, v in users.items()}, "users as people")
    named = {(r["tool_kind"], r["server"], r["tool"]): r for r in corpus.ask("tools")["rows"]}
    equal({k: r["tool_calls"] for k, r in named.items()},
          {k: r["tool_calls"] for k, r in rows.items()}, "report tools")


def servers(corpus):
    """Also the tax: context and cost of each request by the bytes that are a server's."""
    true = {s["server"]: s for s in corpus.truth["mcp"]}
    rows = {r["server"]: r for r in corpus.ask("mcp")["rows"]}
    equal({n: (r["offered"], r["used"], r["tool_calls"], r["tool_errors"])
           for n, r in rows.items()},
          {n: (t["offered_sessions"], t["used_sessions"], t["calls"], t["errors"])
           for n, t in true.items()}, "servers")
    if not any(t["schema_bytes"] for t in true.values()):
        return
    tax, taken = defaultdict(lambda: [0, Decimal(0)]), Counter()
    for call, price in corpus.read():
        whole = None
        for name, sizes in bodies.sizes_of(call, list(true))[1].items():
            whole = whole or bodies.request_bytes(call)
            mine = sum(sizes.values())
            paid = sum((v for c, v in price.cost.items() if c != "output"), Decimal(0))
            tax[name][0] += half_up(Decimal(call.context * mine) / whole)
            tax[name][1] += half_up(paid * 10 ** 12 * mine / whole)
            taken[name] += mine
    equal(taken, {n: t["schema_bytes"] + t["name_bytes"] + t["note_bytes"]
                  for n, t in true.items()}, "bytes")
    equal({n: (r["tax_tokens"], r["tax_cost_nusd"]) for n, r in rows.items()},
          {n: (t[0], nano(t[1])) for n, t in tax.items()}, "tax")


def skills(corpus):
    true = {s["skill"]: s for s in corpus.truth["skills"]}
    rows = {r["skill"]: r for r in corpus.ask("skills")["rows"]}
    equal({n: (r["offered"], r["used"], r["tool_calls"]) for n, r in rows.items()},
          {n: (t["installed_sessions"], t["used_sessions"], t["by_tool"] + t["by_command"])
           for n, t in true.items()}, "skills")
    kinds = corpus.by("skill,tool_kind", "tool_calls")
    for kind, key in (("skill", "by_tool"), ("command", "by_command")):
        equal({n: r["tool_calls"] for (n, k), r in kinds.items() if k == kind and r["tool_calls"]},
              {n: t[key] for n, t in true.items() if t[key]}, key)


def agents(corpus):
    true = {a["agent"]: a for a in corpus.truth["agents"]}
    rows = {r["agent"]: r for r in corpus.ask("agents")["rows"]}
    equal({n: (r["offered"], r["used"], r["tool_calls"]) for n, r in rows.items()},
          {n: (t["installed_sessions"], t["used_sessions"], t["started"])
           for n, t in true.items()}, "agents")
    threads = Counter(t["name"] for answer, _, _ in corpus.sessions()
                      for t in answer["threads"] if t["kind"] == "sub-agent")
    equal(threads, {n: t["threads"] for n, t in true.items() if t["threads"]}, "threads")


def programs(corpus):
    for dimensions, group, names in (("harness", "harnesses", ("harness",)),
                                     ("harness,version", "versions", ("harness", "version")),
                                     ("call_kind", "call_kinds", ("kind",))):
        rows = corpus.by(dimensions, "invocations,cost")
        true = {tuple(t[n] for n in names): t for t in corpus.truth[group]}
        true = {k if len(k) > 1 else k[0]: t for k, t in true.items()}
        equal({k: (r["invocations"], r["cost_nusd"] or 0) for k, r in rows.items()},
              {k: (t["calls"], nano(t["cost_pico"])) for k, t in true.items()}, group)


def coverage(corpus):
    answer, true = corpus.ask("harnesses")["about"], corpus.truth["coverage"]
    about = answer["sessions"]
    equal((about["calls"], about["requests_seen"], about["recognised"], about["sessions"],
           about["inferred"]),
          (true["invocations"], true["with_request"], true["recognised"], true["sessions"],
           true["sessions_inferred"]), "coverage")
    equal(about["left_out"], 0, "labels leave nothing out")
    about = corpus.ask("sessions")["about"]["sessions"]
    kinds = {k["kind"]: k["calls"] for k in corpus.truth["call_kinds"]}
    in_sessions = sum(s["requests"] for s in corpus.truth["sessions"])
    equal(about["left_out"],
          true["invocations"] - in_sessions, "left out")
    assert about["left_out"] >= kinds.get("probe", 0), about


def cold_dollars(corpus):
    """What writing again cost, and how much more than reading."""
    paid = {}
    for call, price in corpus.read():
        t = price.tokens
        written = sum(n for c, n in t.items() if c.startswith("cache_write"))
        paid[call.record["timestamp"], price.arn, t["input"], t["cache_read"], written,
             t["output"]] = price
    seen = 0
    for answer, wanted, key in corpus.sessions():
        cost = excess = 0
        calls = [(c, paid[c["time"], key[0], c["input"], c["cache_read"], c["cache_write"],
                          c["output"]]) for c in answer["calls"] if c["context"]]
        for c, price in calls:
            if "cold" not in c["marks"]:
                continue
            seen += 1
            writes = sum(v for k, v in price.cost.items() if k.startswith("cache_write"))
            mine = half_up(writes * 10 ** 12 * c["cold_tokens"] / c["cache_write"])
            reads = [p for _, p in calls if p.model == price.model and p.tokens["cache_read"] and
                     p.cost.get("cache_read")]
            if reads:
                rate = reads[0].cost["cache_read"] * 10 ** 12 / reads[0].tokens["cache_read"]
                read = half_up(rate * c["cold_tokens"])
            else:
                read = half_up(Decimal(mine * (5 if price.tokens["cache_write_1h"] else 8)) / 100)
            cost += mine
            excess += mine - read
        found = answer["session"]
        equal((found["cold_cost_nusd"], found["cold_excess_nusd"]), (nano(cost), nano(excess)), key)
    assert seen, "no cold restart"


def same_everywhere(corpus):
    """Byte by byte: threads, memory, order of files, a store."""
    files = sorted(log_files(corpus.tree))
    random.Random(7).shuffle(files)
    free = ("--by", "session,tool_kind,server,tool,version", "--metrics",
            "sessions,tool_calls,tool_errors,cost,tax_tokens,offered,used,score")
    questions = [(name, "--format", form) for name in NAMED for form in ("json", "md")]
    questions += [(*free, "--format", "csv"), ("--by", "thread,call_kind,time", "--metrics",
                                               "turns,retries,cold_excess", "--format", "json"),
                  ("harnesses", "--bucket", "day", "--format", "json"),
                  ("runaway", "--runaway-limits", "cost=1", "--format", "json"),
                  ("--by", "user", "--metrics", "sessions,prompts,cost,users", "--where",
                   "server!=tickets", "--format", "json")]
    name = max((s for s, _, _ in corpus.sessions()), key=lambda s: s["session"]["requests"])
    for question in questions:
        same_answer(corpus, files, ("report", *question, "--limit", 0, "--quiet"))
    for session in (name, min((s for s, _, _ in corpus.sessions()),
                              key=lambda s: s["session"]["id"][0] != "~")):
        same_answer(corpus, files, ("session", session["session"]["id"], "--limit", 0, "--quiet",
                                    "--format", "json"))


def same_answer(corpus, files, question):
    one = assay(*question, corpus.tree, *corpus.options, "--threads", 1, code=DONE).out
    ways = {
        "two threads": (corpus.tree, *corpus.options, "--threads", 2),
        "little memory": (corpus.tree, *corpus.options, "--dedupe-memory", "64k",
                          "--session-memory", "64k"),
        "another order": (*files, *corpus.options, "--threads", 2),
        "a store": ("--store", corpus.store),
    }
    for way, arguments in ways.items():
        equal(assay(*question, *arguments, code=DONE).out, one, (way, question))


CASES = (("each session is the truth", one_by_one), ("sessions in a table are the truth", in_one_table),
         ("the first message is made of what the truth says", first_messages),
         ("tools are the truth", tools), ("MCP servers and their tax are the truth", servers),
         ("skills are the truth", skills), ("agents are the truth", agents),
         ("programs and kinds of calls are the truth", programs),
         ("coverage is the truth", coverage), ("cold restarts cost what the logs say", cold_dollars),
         ("any way of reading gives the same bytes", same_everywhere))


def body_file(base, record, side):
    """Where a body lies that is no part of its record; None: it is, or there is none."""
    path = (record.get(side) or {}).get(side + "BodyS3Path")
    return path and base + "/" + path.split("/", 3)[3]


def lost_bodies(base, side):
    return [r for r in bodies.records_of(base + "/AWSLogs")
            if body_file(base, r, side) and not os.path.exists(body_file(base, r, side))]


def some_lost(corpus, whole):
    """Sessions all of whose requests are there are the truth; the others say less, never more."""
    home = {}
    for (user, *_), calls in bodies.sessions(bodies.records_of(whole.tree)).items():
        key = user, bodies.session_of(calls[0].record) or calls[0].record["timestamp"]
        home.update((call.record["requestId"], key) for call in calls)
    lost = Counter(home[r["requestId"]] for r in lost_bodies(corpus.base, "input")
                   if r["requestId"] in home)
    # An answer that is lost is told of by the next request, unless there is none.
    silent = {home[r["requestId"]] for r in lost_bodies(corpus.base, "output")
              if r["requestId"] in home}
    assert lost, "no body is missing"
    exact = 0
    for principal, name in corpus.by("principal,session", "sessions", "--where", LISTED):
        found = corpus.session(name)["session"]
        key = principal, name if name[0] != "~" else found["first"]
        wanted = corpus.rows.get(key)
        if wanted and not lost[key]:
            figures = [n for n in SAME if key not in silent or not n.startswith("tool")]
            equal({n: found[n] for n in figures}, {n: wanted[n] for n in figures}, key)
            equal(found["cost_nusd"], nano(wanted["cost_pico"]), key)
            exact += 1
        elif wanted:
            hidden = 0 if name in principal else lost[key]  # AgentCore's id is the caller's
            equal(found["requests"], wanted["requests"] - hidden, key)
            for figure in ("prompts", "turns", "tool_calls", "tool_errors", "agents"):
                assert (found[figure] or 0) <= wanted[figure], (key, figure)
        else:
            assert any(user == principal for user, _ in lost), f"{key} is no session"
    assert exact >= len(corpus.rows) - len(lost), f"only {exact} of {len(corpus.rows)}"


def all_found(corpus, whole):
    """With every object in its place the reports are those of bodies in the records."""
    ids = {r["requestId"]: r for r in bodies.records_of(whole.tree)}
    for side in ("input", "output"):
        for record in lost_bodies(corpus.base, side):
            body = ids[record["requestId"]][side][side + "BodyJson"]
            text = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
            write(body_file(corpus.base, record, side), gzip.compress(text))
    for name in NAMED:
        texts = []
        for logs in (corpus, whole):
            text = assay("report", name, logs.tree, *logs.options, "--format", "csv", "--limit", 0,
                         "--quiet", code=DONE).out
            # Ids of ours are made of all that a record says, also of where its bodies are.
            texts.append(sorted(re.sub(rb"~[0-9a-f]{16}", b"~", text).split(b"\n")))
        differ = [pair for pair in zip(*texts) if pair[0] != pair[1]]
        equal((differ[:2], len(texts[0])), ([], len(texts[1])), name)


def share_not_seen(corpus):
    """The lines below a table tell how much is not known."""
    true = corpus.truth["coverage"]
    percent = Decimal(100 * (true["invocations"] - true["with_request"])) / true["invocations"]
    said = f"needs content logging: {percent.quantize(Decimal('0.1'), ROUND_HALF_UP)}% of calls"
    for name in NAMED:
        text = assay("report", name, corpus.tree, *corpus.options, "--format", "md", "--quiet",
                     code=DONE).out.decode()
        assert said in " ".join(text.split()), f"report {name} does not say: {said}\n{text}"


# What nothing but a body tells, and what records tell of a session that the caller's ARN names.
BODIES_TELL = ("prompts", "turns", "retries", "tool_calls", "tool_errors", "agents", "fan_out",
               "depth", "compactions", "interrupts", "loop", "first_context")
RECORDS_TELL = ("requests", "peak_context", "cold_restarts", "requests_per_minute")
HIDDEN = tuple(n for n in BODIES_TELL if n != "first_context") + ("first_context_max", "offered")


def metadata_only(corpus):
    about = corpus.ask("harnesses")["about"]["sessions"]
    equal((about["requests_seen"], about["inferred"]), (0, 0), "nothing was seen")
    named = {key: s for key, s in corpus.rows.items() if "/BedrockAgentCore-" in key[0]}
    rows = corpus.by("principal,session", ",".join(HIDDEN) + ",sessions,active,peak_context,"
                     "requests_per_minute,cost,cost_main,retry_cost,score")
    equal(set(rows), set(named), "sessions that the ARN names")
    for key, wanted in named.items():
        found, row = corpus.session(key[1])["session"], rows[key]
        equal({n: found[n] for n in RECORDS_TELL}, {n: wanted[n] for n in RECORDS_TELL}, key)
        equal([found[n] for n in BODIES_TELL], [None] * len(BODIES_TELL), key)
        equal([row[n] for n in HIDDEN], [None] * len(HIDDEN), key)
        equal((row["peak_context"], row["active_ms"], row["cost_nusd"], row["score"]),
              (wanted["peak_context"], wanted["active_us"] // 1000, nano(wanted["cost_pico"]), 0),
              key)
        equal((row["cost_main_nusd"], row["retry_cost_nusd"], found["cost_main_nusd"]),
              (None, None, None), key)
    for name in ("tools", "mcp", "skills", "agents"):
        equal(corpus.ask(name)["rows"], [], name)
    total = corpus.ask("harnesses")["total"]
    equal(total["invocations"], corpus.truth["coverage"]["invocations"], "all calls")
    equal(total["cost_nusd"], nano(sum(h["cost_pico"] for h in corpus.truth["harnesses"])), "cost")


def metadata_savings(corpus):
    """Findings that need no body are those of all calls; the others are not told, and named."""
    answer = corpus.ask("savings")
    found = {}
    for row in answer["savings"]:
        calls, tokens, other = re.match(
            r"([\d,]+) calls? (?:\([\d,]+ of no session\) )?with ([\d,]+) tokens"
            r"(?:; (\S+) would have done)?", row["evidence"]).groups()
        key = row["finding"], row["subject"], other or ""
        assert key not in found, f"{key} is there twice"
        found[key] = (int(calls.replace(",", "")), int(tokens.replace(",", "")), row["cost_nusd"],
                      row["saving_nusd"])
    wanted = savings.expected(corpus.truth, Book(os.path.join(ROOT, "data", "prices.csv")))
    equal(found, {key: (calls, tokens, nano(cost * 10 ** 12), nano(saved * 10 ** 12))
                  for key, (calls, tokens, cost, saved) in wanted.items()}, "findings")
    equal({key[0] for key in found}, {"regional-profile", "superseded-model", "failed"}, "kinds")
    needs = answer["needs_content"]
    equal((needs["calls"], needs["seen"]), (corpus.truth["coverage"]["invocations"], 0), "seen")
    equal(set(needs["findings"]) & {key[0] for key in found}, set(), "needs content")
    text = assay("report", "savings", corpus.tree, *corpus.options, "--format", "md", "--quiet",
                 code=DONE).out
    assert b"needs content logging (0.0% of calls looked into): unused MCP server, " in text, text


def metadata_everywhere(corpus):
    files = sorted(log_files(corpus.tree))
    random.Random(7).shuffle(files)
    for form in ("json", "csv", "md", "table"):
        same_answer(corpus, files, ("report", "savings", "--limit", 0, "--quiet", "--format", form))


def nothing_seen(corpus):
    for name in NAMED:
        text = assay("report", name, corpus.tree, *corpus.options, "--quiet", code=DONE).out
        assert b"eeds content logging: " in text, f"{name}: {text}"


def main():
    tap = Tap()
    with temporary() as base, temporary() as other:
        corpus = Corpus(base, 2, "inline")
        for name, case in (*CASES, ("what was not seen is told", share_not_seen)):
            tap.case(f"{name} (seed 2, inline)", case, corpus)
        objects = Corpus(other, 2, "s3", 10)
        whole = Corpus(os.path.join(base, "whole"), 2, "inline", 10)
        tap.case("sessions are the truth but for lost bodies (s3)", some_lost, objects, whole)
        tap.case("bodies elsewhere tell the same (s3)", all_found, objects, whole)
    with temporary() as base:
        corpus = Corpus(base, 9, "inline")
        for name, case in CASES[:-1]:
            tap.case(f"{name} (seed 9, inline)", case, corpus)
    with temporary() as base:
        corpus = Corpus(base, 2, "none")
        for name, case in (("records alone tell what they can", metadata_only),
                           ("records alone tell what could be saved", metadata_savings),
                           ("and the same in any way of reading", metadata_everywhere),
                           ("what needs bodies says so", nothing_seen)):
            tap.case(f"{name} (none)", case, corpus)
    tap.done()


if __name__ == "__main__":
    main()
