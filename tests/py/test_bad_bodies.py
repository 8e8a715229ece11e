"""Bodies are written by whoever calls the model: of any shape and size they are survived, cost no
more time than their length, and none of their text is shown. Names that are none are counted."""
import base64
import gzip
import json
import os
import sys

from support import (ASSAY, DONE, Tap, assay, environment, equal, line, report, temporary, write)

WORD = "CANARYq7zXwV2"
MIB = 1 << 20
QUESTIONS = ("overview", "models", "tools", "mcp", "skills", "agents", "sessions", "context",
             "harnesses", "runaway", "savings")
LAYOUT = "AWSLogs/012345678901/BedrockModelInvocationLogs/us-east-1/2026/10/05/12/"


def nested(depth, around):
    value = WORD
    for _ in range(depth):
        value = around(value)
    return value


def text(words):
    return {"type": "text", "text": words}


def use(name, given=None, ident="t"):
    return {"type": "tool_use", "id": ident, "name": name, "input": given or {}}


def started(index, block):
    return {"type": "content_block_start", "index": index, "content_block": block}


def piece(index, part):
    return {"type": "content_block_delta", "index": index,
            "delta": {"type": "input_json_delta", "partial_json": part}}


SHAPES = (
    None, True, 5, -1.5, "", "[DONE]", WORD, base64.b64encode(WORD.encode() * 99).decode(), [], {},
    [WORD] * 50, ["[DONE]", None, 7, [WORD]], [[[[WORD]]]], {WORD: WORD},
    nested(400, lambda v: [v]), nested(400, lambda v: {"messages": v}),
    {"messages": None}, {"messages": WORD}, {"messages": {"0": {"role": "user"}}},
    {"messages": [None, 5, WORD, [], {}, {"role": 7, "content": {"text": WORD}}]},
    {"messages": [{"role": "user", "content": [WORD, 5, None, [text(WORD)], {"type": 5}]}]},
    {"messages": [], "system": 5, "tools": WORD, "metadata": [WORD], "max_tokens": WORD},
    {"messages": [], "system": [5, WORD, {"text": 7}], "tools": [5, WORD, {"name": [WORD]}],
     "metadata": {"user_id": {WORD: 1}}, "toolConfig": [WORD]},
    {"content": WORD, "usage": WORD, "model": [WORD], "stop_reason": {}, "metrics": []},
    {"content": [use([WORD]), {"toolUse": WORD}, use(WORD + " x", WORD), use("Skill", [WORD])]},
    {"output": {"message": [WORD]}}, {"output": {"message": {"content": {"text": WORD}}}},
    [{"type": "message_start", "message": WORD}, {"type": "message_delta", "usage": [WORD]}],
    [started("0", use("Bash")), piece(0, WORD), piece(-1, "{"), {"type": "content_block_stop"}],
    [started(i, use("Skill")) for i in range(40)] + [piece(i, '{"skill":') for i in range(40)],
)


def check(result, what):
    """Nothing of a body is shown, nor anything that would move a terminal's cursor."""
    for said in (result.out, result.err.encode()):
        assert WORD.encode() not in said, (what, said[:2000])
        assert b"\x1b" not in said and b"\x07" not in said, (what, said[:2000])


def ask_all(logs, *more):
    for name in QUESTIONS:
        for form in ("table", "json"):
            result = assay("report", name, logs, *more, "--format", form, code=DONE)
            check(result, (name, form))
            assert len(result.out) < 100000, (name, form, len(result.out))


def any_shape(tmp):
    logs, store = os.path.join(tmp, "shapes"), os.path.join(tmp, "store")
    records = b"".join(
        line(f"r{i}-{k}", input={"inputTokenCount": 3, "inputBodyJson": request},
             output={"outputTokenCount": 4, "outputBodyJson": answer})
        for i, request in enumerate(SHAPES) for k, answer in enumerate(SHAPES))
    write(os.path.join(logs, "log"), records)
    total = report(logs, "--by", "", "--metrics", "invocations,input,output")["total"]
    n = len(SHAPES) ** 2
    equal((total["invocations"], total["input"], total["output"]), (n, 3 * n, 4 * n), "all count")
    ask_all(logs)
    assay("ingest", logs, "--store", store, code=DONE)
    with open(store, "rb") as file:
        assert WORD.encode() not in file.read(), "the store holds text"
    for name in QUESTIONS:
        check(assay("report", name, "--store", store, code=DONE), name)


def any_offloaded_shape(tmp):
    logs, n = os.path.join(tmp, "offloaded"), 0
    raw = [json.dumps(shape).encode() for shape in SHAPES]
    raw += [b"", b"\0" * 100, WORD.encode(), b"\xff\xfe", b"[" * 1000, raw[-1][:-9], raw[8] * 2,
            gzip.compress(raw[-1])[:-9], gzip.compress(gzip.compress(raw[-1]))]
    records = b""
    for i, body in enumerate(raw):
        for packed in (body, gzip.compress(body)):
            for side, prefix in (("input", "input"), ("output", "output")):
                name = f"o{n}_{side}.json"
                write(os.path.join(logs, LAYOUT, "data", name), packed)
                records += line(f"o{n}", **{side: {
                    f"{prefix}TokenCount": 3,
                    f"{prefix}BodyS3Path": f"s3://b/{LAYOUT}data/{name}"}})
                n += 1
    write(os.path.join(logs, LAYOUT, "log"), records)
    total = report(logs, "--by", "", "--metrics", "invocations")["total"]
    equal(total["invocations"], n, "all count")
    ask_all(logs)


def request(messages, **more):
    user = {"user_id": "user_x_account__session_" + more.pop("session", "s")}
    return dict({"metadata": user, "messages": messages}, **more)


def call(name, body, answer=None, second=0):
    return line(name, timestamp=f"2026-10-05T12:{second // 60:02}:{second % 60:02}Z",
                input={"inputTokenCount": 3, "inputBodyJson": body},
                output={"outputTokenCount": 4, "outputBodyJson": answer})


def ask(words):
    return [{"role": "user", "content": [text(words)]}]


def many_and_long_names(tmp):
    logs = os.path.join(tmp, "names")
    tools = [{"name": f"mcp__server__tool{i}", "input_schema": {}} for i in range(10000)]
    long = [{"name": (word * MIB)[:MIB]} for word in ("x", "mcp__", WORD, "\x1b[31m", "é")]
    wished = [use(tool["name"], ident=tool["name"][:9]) for tool in long]
    write(os.path.join(logs, "log"),
          call("many", request(ask("a"), tools=tools)) +
          call("long", request(ask("b"), tools=long), {"content": wished}))
    ask_all(logs)
    answer = report("tools", logs, code=DONE)
    equal([(r["tool"], r["tool_calls"]) for r in answer["rows"]],
          [("(not a name)", len(long))], "names that are none")
    equal(answer["about"]["sessions"]["names_cut"], 10000 - 4096 + 2 * len(long), "all counted")
    row, = report("mcp", logs)["rows"]
    equal((row["server"], row["offered"]), ("server", 1), "what fits is offered")


def circles(tmp):
    """Sub-agents that start one another and themselves, results before uses, few ids for all."""
    logs = os.path.join(tmp, "circles")
    records = b""
    for i in range(60):
        words, other = f"do {i % 3}", f"do {(i + 1) % 3}"
        started_by = [use("Agent", {"prompt": p}, ident=f"i{i % 2}") for p in (other, words)]
        body = request(
            [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "i1",
                                           "content": [{"type": "tool_result", "tool_use_id": "i1",
                                                        "content": WORD}]}]}] * (i % 2) +
            ask(words) + [{"role": "assistant", "content": started_by}] * (i % 4) + ask(words),
            system="You are an agent for Claude Code" if i % 5 else "x")
        records += call(f"c{i}", body, {"content": started_by}, second=i)
    write(os.path.join(logs, "log"), records)
    ask_all(logs)
    for form in ("table", "json", "csv"):
        check(assay("session", "s", logs, "--format", form, code=DONE), form)
    shown = json.loads(assay("session", "s", logs, "--format", "json", code=DONE).out)
    equal(shown["session"]["requests"], 60, "all calls are there")
    threads = shown["threads"]
    for thread in threads:
        seen = set()
        while thread["parent"] is not None:
            assert thread["thread"] not in seen, threads
            seen.add(thread["thread"])
            thread = threads[thread["parent"]]


def seconds(*arguments):
    """Processor time of the program, the least of two runs."""
    least = float("inf")
    for _ in range(2):
        pid = os.posix_spawn(ASSAY, [ASSAY, *arguments], environment(),
                             file_actions=[(os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0)])
        _, status, used = os.wait4(pid, 0)
        equal(os.waitstatus_to_exitcode(status), DONE, arguments)
        least = min(least, used.ru_utime + used.ru_stime)
    return least


def names_in_calls(n):
    return b"".join(call(f"n{i}", request(ask("a"), tools=[{"name": f"mcp__s{i}__t"}]),
                         {"content": [use(f"tool{i}", ident=f"i{i}")]}) for i in range(n))


def one_session(n):
    return b"".join(call(f"o{i}", request(ask(f"do {i % 7}")),
                         {"content": [use("Agent", {"prompt": f"do {i % 5}"}, "same")]},
                         second=i % 3600) for i in range(n))


def one_request(n):
    return call("big", request(
        ask("a") + [{"role": "assistant", "content": [use("n", {"a": i}) for i in range(n)]}] +
        [{"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "t", "content": "x"}] * n}],
        tools=[{"name": f"mcp__s{i}__t"} for i in range(n)]))


def one_stream(n):
    return call("stream", request(ask("a")),
                [started(i, use("Skill")) for i in range(n)] + [piece(0, '{"a":')] * n)


def linear(tmp):
    """Four times as much may take eight times as long; something quadratic takes sixteen."""
    for make, n in ((names_in_calls, 4000), (one_session, 4000), (one_request, 20000),
                    (one_stream, 30000)):
        took = []
        for times in (1, 4):
            path = write(os.path.join(tmp, f"{make.__name__}{times}"), make(n * times))
            took.append(max(seconds("report", question, path, "--threads", "1")
                            for question in ("tools", "mcp", "runaway")))
        print(f"# {make.__name__}: {took[0]:.3f} s, four times as much {took[1]:.3f} s")
        assert took[1] < 8 * max(took[0], 0.05), (make.__name__, took)


CASES = (
    ("bodies of any shape are counted, in every pair of request and answer", any_shape),
    ("bodies of any shape that lie beside the log are read or passed over", any_offloaded_shape),
    ("10,000 tools and names of 1 MB are bounded and counted", many_and_long_names),
    ("ids and prompts that lead in circles end", circles),
    ("no body takes more than linear time", linear),
)


def main():
    tap = Tap()
    with temporary() as tmp:
        for claim, case in CASES:
            if not sys.argv[1:] or case.__name__ in sys.argv[1:]:
                tap.case(claim, case, tmp)
    tap.done()


if __name__ == "__main__":
    main()
