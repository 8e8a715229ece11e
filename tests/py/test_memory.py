"""Memory is bounded whatever clients send: sessions of any length, any number of names. 64 MiB are
enough with what --session-memory allows: as much for calls, for names and for lists of offers. What
does not fit is said."""
import datetime
import gzip
import json
import os

from support import DONE, Tap, assay, equal, peak_of, report, sanitized, temporary

BASE, SESSIONS = 64, 8  # MiB
START = datetime.datetime(2026, 10, 1)
ID = "0198aaaa-1111-4222-8333-444455556666"
CALLS = 3000 if sanitized() else 60000


def use(call, name):
    return {"type": "tool_use", "id": call, "name": name, "input": {"path": "x"}}


def record(number, second, messages, uses=(), session=None, tools=None):
    body = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 900, "messages": messages}
    if session:
        body["metadata"] = {"user_id": json.dumps({"device_id": "d", "session_id": session})}
    if tools:
        body["tools"] = tools
    answer = {"type": "message", "role": "assistant",
              "content": list(uses) or [{"type": "text", "text": "yes"}],
              "usage": {"input_tokens": 100, "output_tokens": 20}}
    return {
        "schemaType": "ModelInvocationLog", "schemaVersion": "1.0",
        "timestamp": (START + datetime.timedelta(seconds=second)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "accountId": "111122223333", "region": "us-east-1", "requestId": f"{number:032x}",
        "identity": {"arn": "arn:aws:sts::111122223333:assumed-role/dev/service"},
        "operation": "InvokeModel", "modelId": "anthropic.claude-sonnet-4-20250514-v1:0",
        "input": {"inputContentType": "application/json", "inputTokenCount": 100,
                  "inputBodyJson": body},
        "output": {"outputContentType": "application/json", "outputTokenCount": 20,
                   "outputBodyJson": answer}}


def write(folder, name, records):
    path = os.path.join(folder, name + ".jsonl.gz")
    with gzip.open(path, "wt", compresslevel=1) as file:
        for one in records:
            file.write(json.dumps(one, separators=(",", ":")) + "\n")
    return path


def bounded(path, *arguments):
    """The answer, given in the memory that there is."""
    result, peak = peak_of("report", *arguments, "--session-memory", f"{SESSIONS}M", "--format",
                           "json", "--quiet", path)
    equal(result.code, DONE, result.err)
    assert peak < BASE + 3 * SESSIONS or sanitized(), f"peak memory {peak} MiB"
    return result.json()


SAME = [{"role": "user", "content": "classify this"}]


def constant_prompt(folder):
    """A service without a session id, which pauses now and then: exact, nothing is cut."""
    path = write(folder, "constant", (record(i, i // 1000 * 8000 + i % 1000, SAME)
                                      for i in range(CALLS)))
    answer = bounded(path, "sessions", "--limit", "3")
    equal(answer["about"]["sessions"]["sessions"], CALLS // 1000, "sessions")
    equal("cut" in answer["about"]["sessions"], False, "cut")


def endless_service(folder):
    """The same without any pause: cut into pieces, which is said."""
    path = write(folder, "endless", (record(i, i * 60, SAME) for i in range(CALLS)))
    answer = bounded(path, "--by", "user", "--metrics", "invocations,sessions,cost")
    equal(answer["total"]["invocations"], CALLS, "invocations")
    if not sanitized():
        equal(answer["about"]["sessions"]["cut"], 1, "cut")
        equal(answer["about"]["sessions"]["pieces"], answer["total"]["sessions"], "pieces")
        text = assay("report", "sessions", "--session-memory", f"{SESSIONS}M", "--quiet", path,
                     code=DONE).out.decode()
        assert "1 session too long for --session-memory" in text, text
    whole = report(path, "--by", "user", "--metrics", "invocations,sessions,cost",
                   "--session-memory", "256M")
    equal(whole["total"]["sessions"], 1, "with more memory it is whole")
    equal(whole["total"]["cost_nusd"], answer["total"]["cost_nusd"], "cost")


def giant(number):
    before = [{"role": "assistant", "content": [use(f"t{number - 1}", "Bash")]},
              {"role": "user", "content": [{"type": "tool_result", "tool_use_id": f"t{number - 1}",
                                            "content": "r"}]}]
    messages = [{"role": "user", "content": "go"}, *(before if number else [])]
    return record(number, number * 10, messages, [use(f"t{number}", "Bash")], ID)


def giant_session(folder):
    """One session id for everything is one session still, in whatever pieces it comes."""
    path = write(folder, "giant", map(giant, range(CALLS)))
    metrics = ("--by", "session", "--metrics",
               "invocations,sessions,prompts,tool_calls,duration,cost")
    answer, whole = bounded(path, *metrics), report(path, *metrics, "--session-memory", "256M")
    equal(len(answer["rows"]), 1, "rows")
    equal(answer["rows"], whole["rows"], "rows")
    equal(answer["about"]["sessions"]["sessions"], 1, "sessions")
    if not sanitized():
        assert answer["about"]["sessions"]["pieces"] > 2, answer["about"]["sessions"]
    for threads in ("1", "3"):
        again = report(path, *metrics, "--session-memory", f"{SESSIONS}M", "--threads", threads)
        equal(again, answer, f"{threads} threads")
    text = assay("session", ID, path, "--session-memory", f"{SESSIONS}M", "--quiet",
                 code=DONE).out.decode()
    assert sanitized() or "later calls not shown" in text, text


def many_tools(folder):
    """Any number of tools, with a limit: shares of the rows, one after the other."""
    path = write(folder, "tools", (
        record(i, i, SAME, [use(f"t{i}_{k}", f"tool_{i}_{k}") for k in range(20)], ID)
        for i in range(CALLS // 20)))
    answer = bounded(path, "tools", "--limit", "7")
    equal(answer["total"]["tool_calls"], CALLS, "uses")
    equal(len(answer["rows"]), 7, "rows")
    equal(answer["about"]["rows_cut"], CALLS - 7, "rows left out")
    answer = bounded(path, "tools")
    shown = min(CALLS, 10000)
    equal((len(answer["rows"]), answer["about"]["rows_cut"]), (shown, CALLS - shown), "no limit")
    said = assay("report", "tools", "--format", "csv", "--quiet", path, code=DONE).err
    assert CALLS <= 10000 or f"only the first 10000 of {CALLS} rows" in said, said
    every = report("tools", path, "--limit", "0")["rows"]
    equal(answer["rows"], every[:shown], "the first rows")
    equal(len(every), CALLS, "all rows")


def many_names(folder):
    """As much memory for names as for calls; what is beyond is left out and counted."""
    if sanitized():
        return
    calls, each = 3200, 100
    path = write(folder, "names", (
        record(i, i, SAME, [use(f"t{i}_{k}", f"n{i}_{k}_".ljust(120, "x")) for k in range(each)],
               ID) for i in range(calls)))
    answer = bounded(path, "--by", "user", "--metrics", "tool_calls")
    known = (SESSIONS << 20) // (120 + 64)
    equal(answer["total"]["tool_calls"], calls * each, "uses")
    left = answer["about"]["sessions"]["names_cut"]
    assert abs(calls * each - known - left) < 100, left


def many_servers(folder):
    """Thousands of tools in each request, of other servers each time."""
    count = 4 if sanitized() else 60
    path = write(folder, "servers", (
        record(i, i, SAME, session=f"{i:08x}{ID[8:]}",
               tools=[{"name": f"mcp__s{i}_{k}__{'y' * 60}", "input_schema": {}}
                      for k in range(10000)]) for i in range(count)))
    answer = bounded(path, "mcp", "--limit", "5")
    equal(answer["about"]["sessions"]["sessions"], count, "sessions")
    assert answer["about"]["sessions"]["names_cut"] > 0, answer["about"]["sessions"]


def many_principals(folder):
    """Each session of a role is a principal: a file that has more of them than any other is read
    and stored in the memory that there is."""
    count = 3000 if sanitized() else 500000
    path, store = (os.path.join(folder, name) for name in ("roles.jsonl", "roles.db"))
    one = json.dumps({**record(0, 0, SAME), "requestId": "@id", "input": {"inputTokenCount": 10},
                      "output": {"outputTokenCount": 2}, "identity": {
                          "arn": "arn:aws:sts::111122223333:assumed-role/ci/run-@id"}})
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(one.replace("@id", str(i)) + "\n" for i in range(count))
    result, peak = peak_of("ingest", path, "--store", store, "--quiet")
    equal(result.code, DONE, result.err)
    print(f"# {count} principals: {peak:.0f} MiB")
    assert peak < 150 or sanitized(), f"peak memory {peak} MiB"
    equal(report("--by", "user", "--metrics", "invocations", "--limit", "1", "--store",
                 store)["about"]["rows_cut"], count - 1, "principals")
    said = assay("store", "check", "--store", store, code=DONE).out.decode()
    assert f"{count:,} invocations" in said, said


def main():
    tap = Tap()
    with temporary() as folder:
        for name, case in (("a constant prompt with pauses is exact", constant_prompt),
                           ("a service that never pauses is cut, and that is said",
                            endless_service),
                           ("one session id for everything is one session", giant_session),
                           ("tools without number", many_tools),
                           ("names without number", many_names),
                           ("ten thousand tools in each request", many_servers),
                           ("principals without number", many_principals)):
            tap.case(name, case, folder)
    tap.done()


if __name__ == "__main__":
    main()
