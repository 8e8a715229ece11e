"""A unique word, put wherever text of people can stand in logs and in every encoding, and what finds
it again: for the tests that no text of a body is ever kept or shown."""
import base64
import gzip
import json
import os
import zlib

import forms
from support import line, record, write

WORD = "CANARYq7zXwV2"
# As it stands, as UTF-16, reversed, as base64 at each of the three offsets, as hex, escaped.
TRACES = [WORD.encode(), WORD.lower().encode(), WORD.encode("utf-16-le"), WORD[::-1].encode(),
          WORD.encode().hex().encode(), b"".join(b"\\u%04x" % ord(c) for c in WORD)]
TRACES += [base64.b64encode(b"\0" * pad + WORD.encode())[4 if pad else 0:-4] for pad in range(3)]
ESCAPED = "".join(f"\\u{ord(c):04x}" for c in WORD)


def body(word=WORD):
    """A request with the word in every place where people's text can stand."""
    return {
        "anthropic_version": "bedrock-2023-05-31", "system": [{"type": "text", "text": word}],
        word: word, "metadata": {"user_id": word, word: {word: [word]}},
        "stop_sequences": [word], "inputText": word, "prompt": word,
        "messages": [
            {"role": "user", "content": word},
            {"role": word, "content": [
                {"type": "text", "text": f"say {word}", "cache_control": {"type": word}},
                {"type": "tool_use", "id": word, "name": "Read", "input": {word: word}},
                {"type": "tool_result", "tool_use_id": word, "content": [{"text": word}]},
                {"type": "image", "source": {"type": "base64", "s3Uri": "s3://" + word,
                                             "data": base64.b64encode(word.encode()).decode()}},
                {"toolUse": {"input": {"command": word}}}, {"text": "\u202e" + word}]}],
        "toolConfig": {"tools": [{"toolSpec": {"description": word, "inputSchema": {word: 1}}}]},
    }


def answer(word=WORD):
    return {
        "id": word, "type": "message", "role": word,
        "content": [{"type": "text", "text": word}, {"type": "tool_use", "input": {word: word}}],
        "stop_sequence": word, "output": {"message": {"content": [{"text": word}]}},
        "results": [{"outputText": word}], "completion": word, word: {word: word},
        "usage": {"input_tokens": 3, "output_tokens": 4, word: 5},
        "metrics": {"latencyMs": 5, word: word}, "trace": {"guardrail": {"match": word}},
    }


def stream(word=WORD):
    return [
        {"type": "message_start", "message": {"id": word, "content": [word],
                                              "usage": {"input_tokens": 3, "output_tokens": 1}}},
        {"type": "content_block_delta", "delta": {"type": "text_delta", "text": word}},
        {"type": "content_block_delta", "delta": {"type": "input_json_delta",
                                                  "partial_json": json.dumps({word: word})}},
        word, [word], {"type": word, "delta": {"text": word}},
        {"chunk": {"bytes": base64.b64encode(word.encode()).decode()}},
        {"type": "message_delta", "usage": {"output_tokens": 4, word: word}},
    ]


SAID = f"please tell me {WORD}, all of it"
TAGGED = (f"<command-name>/{SAID}</command-name>", f"<command-message>a</command-message>\n"
          f"<command-name>{SAID}</command-name>", f"<command-name>x</command-name>\n"
          f"<command-args>{SAID}</command-args>")
LISTED = (f"The following deferred tools are now available:\n{SAID}\nmcp__{SAID}__x\n\n"
          f"The following MCP servers are still connecting:\n{SAID}\nmail",
          f"# MCP Server Instructions\n\n## {SAID}\n{SAID}\n## mail\n{SAID}",
          f"Available agent types for the Agent tool:\n- {SAID}: x\n- Explore: {SAID}",
          f"The following skills are available for use\n\n- {SAID}: x\n- notes: {SAID}\n{SAID}",
          f"As you answer the user's questions, x\n# claudeMd\nContents of /{SAID}/CLAUDE.md\n"
          f" - Primary working directory: /home/{SAID}/{SAID}")
BILLING = f"x-anthropic-billing-header: cc_version={SAID}; cc_entrypoint={SAID}; {SAID}={SAID};"
PLACE = f"# Environment\n - Primary working directory: /home/ann/{SAID}\n{SAID}"
# Tools with the inputs that name something; MCP tools; what is no tool at all.
USED = (("Skill", {"skill": SAID, "args": SAID}), ("Skill", {"command": SAID}),
        ("Agent", {"subagent_type": SAID, "prompt": SAID, "description": SAID}),
        ("Task", {"subagent_type": SAID}), ("ReadMcpResourceTool", {"server": SAID, "uri": SAID}),
        ("ListMcpResourcesTool", {"server": SAID}), ("Bash", {"command": SAID}), (SAID, {SAID: 1}),
        (f"mcp__{SAID}__x", {}), (f"mcp__mail__{SAID}", {}), (f"mcp--{SAID}--x", {}))


def native_call(user_id):
    """A request and an answer with a sentence in every place where a name belongs, native form."""
    uses = [{"type": "tool_use", "id": f"t{i}", "name": name, "input": given}
            for i, (name, given) in enumerate(USED)]
    results = [{"type": "tool_result", "tool_use_id": f"t{i}", "is_error": True, "content": SAID}
               for i in range(len(uses))]
    reminders = [f"<system-reminder>\n{text}\n</system-reminder>" for text in LISTED]
    request = {
        "system": [{"type": "text", "text": text} for text in (BILLING, PLACE)],
        "tools": [{"name": name, "description": SAID} for name, _ in USED],
        "metadata": {"user_id": user_id},
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": text} for text in reminders]},
            {"role": "assistant", "content": uses},
            {"role": "user", "content": results},
            *({"role": "user", "content": [{"type": "text", "text": text}]} for text in TAGGED)]}
    response = {"model": "claude " + SAID, "stop_reason": SAID, "service_tier": SAID,
                "content": [dict(use, id="n" + use["id"]) for use in uses],
                "usage": {"input_tokens": 3, "output_tokens": 4, "service_tier": SAID}}
    return request, response


def streamed(response):
    """The same answer as the events of a stream, inputs in two pieces."""
    yield {"type": "message_start", "message": dict(response, content=[])}
    for i, use in enumerate(response["content"]):
        text = json.dumps(use["input"])
        yield {"type": "content_block_start", "index": i, "content_block": dict(use, input={})}
        for part in (text[:len(text) // 2], text[len(text) // 2:]):
            yield {"type": "content_block_delta", "index": i,
                   "delta": {"type": "input_json_delta", "partial_json": part}}
        yield {"type": "content_block_stop", "index": i}
    yield {"type": "message_delta", "delta": {"stop_reason": SAID}, "usage": response["usage"]}


def converse_call():
    request, response = native_call("")

    def converse(block):
        if "text" in block:
            return {"text": block["text"]}
        if "name" in block:
            return {"toolUse": {"toolUseId": block["id"], "name": block["name"],
                                "input": block["input"]}}
        return {"toolResult": {"toolUseId": block["tool_use_id"], "status": "error",
                               "content": [{"text": block["content"]}, {"json": {SAID: SAID}}]}}

    messages = [{"role": m["role"], "content": [converse(b) for b in m["content"]]}
                for m in request["messages"]]
    tools = [{"toolSpec": {"name": t["name"], "description": SAID}} for t in request["tools"]]
    body = {"system": [{"text": t["text"]} for t in request["system"]], "messages": messages,
            "toolConfig": {"tools": tools, "toolChoice": {"tool": {"name": SAID}}},
            "requestMetadata": {SAID: SAID}}
    answer_body = {"output": {"message": {"role": "assistant",
                                          "content": [converse(b) for b in response["content"]]}},
                   "stopReason": SAID, "serviceTier": {"type": SAID},
                   "performanceConfig": {"latency": SAID}, "usage": {"inputTokens": 3}}
    return body, answer_body


IDS = (f"user_x_account__session_{SAID}", json.dumps({"session_id": SAID, "device_id": SAID}),
       "user_x_account__session_known")


def named_records():
    """Records with a sentence in every place where bodies, or the service, give a name."""
    profile = "arn:aws:bedrock:us-east-1:012345678901:application-inference-profile/abc"
    more = {"operation": SAID, "requestMetadata": {SAID: SAID}, "modelId": profile}
    for i, user_id in enumerate(IDS):
        request, response = native_call(user_id)
        for k, output in enumerate((response, list(streamed(response)))):
            yield record(f"named{i}{k}", input={"inputTokenCount": 3, "inputBodyJson": request},
                         output={"outputTokenCount": 4, "outputBodyJson": output}, **more)
    for k in range(2):
        request, response = converse_call()
        yield record(f"converse{k}", input={"inputTokenCount": 3, "inputBodyJson": request},
                     output={"outputTokenCount": 4, "outputBodyJson": response}, **more)
    yield record("failed", errorCode=SAID, operation=SAID)


def good_records():
    """Records that are read, with the word in everything that is no name of the envelope."""
    more = {"requestMetadata": {WORD: WORD, "note": WORD}, "unknownField": WORD,
            "unknown": {WORD: [WORD]}}
    for i, output in enumerate((answer(), stream(), WORD, [WORD], {WORD: WORD}, None, 5)):
        yield record(f"g{i}", input={"inputTokenCount": 3, "inputBodyJson": body(), WORD: WORD},
                     output={"outputTokenCount": 4, "outputBodyJson": output, WORD: WORD}, **more)
    yield record("odd", input={"inputTokenCount": WORD, "inputBodyJson": WORD,
                               "cacheReadInputTokenCount": {WORD: 1}},
                 output={"outputTokenCount": [WORD], "outputBodyJson": stream()})
    yield record("dup", input={"inputBodyJson": body()})
    yield record("dup", input={"inputTokenCount": 50, "inputBodyJson": body()})
    yield from named_records()


def broken_records():
    """Lines that end in the quarantine, the word in all their parts."""
    text = json.dumps(record("b", input={"inputBodyJson": body()},
                             output={"outputBodyJson": stream()}))
    cuts = [text[:n] for n in range(40, len(text), 97)]
    yield from (cut.encode() for cut in cuts)
    yield text.replace(": ", ":: ", 3).encode()
    yield text.encode().replace(b"user", b"\xff\xfe", 1)
    yield text.replace("user", "us\x01er", 1).encode()
    yield text.replace('"inputBodyJson": {', '"inputBodyJson": {]', 1).encode()
    yield (f'{{"schemaType":"ModelInvocationLog","x":"{WORD}"}}').encode()
    yield (f'{{"schemaType":"ModelInvocationLog","requestId":null,"{WORD}":1}}').encode()
    yield b'{"requestId":"deep","modelId":"m","x":' + b'["%s",' % WORD.encode() * 600
    yield (f"{WORD} is no record").encode()
    yield (f"2026-10-20T12:00:01.000Z {{\"a\":\"{WORD}\"").encode()
    yield (f'{{"messageType":"DATA_MESSAGE","logEvents":[{{"message":"{WORD}"}},'
           f'{{"message":"{{\\"{WORD}\\":"}}]}}').encode()
    yield (f'{{"awslogs":{{"data":"{WORD}!!"}}}}').encode()
    yield b'{"awslogs":{"data":"' + base64.b64encode(gzip.compress(WORD.encode())[:-6]) + b'"}}'
    yield base64.b64encode(gzip.compress(text.encode())[:-12])


def write_logs(tree):
    good = [json.dumps(r).encode() for r in good_records()]
    escaped = [g.replace(WORD.encode(), ESCAPED.encode()) for g in good]
    # The word by name escapes only, so that it stands nowhere in the file as it is.
    for form in forms.ALL:
        name = getattr(form, "__name__", "packed") + str(forms.ALL.index(form))
        write(os.path.join(tree, name), form(good))
        write(os.path.join(tree, name + "-escaped"), form(escaped))
    write(os.path.join(tree, "broken"), b"\n".join(broken_records()) + b"\n" + line("last"))
    for i, bad in enumerate(broken_records()):
        write(os.path.join(tree, f"broken-{i}"), bad)
    whole = gzip.compress(b"\n".join(good), 6)
    write(os.path.join(tree, "cut.gz"), whole[:len(whole) // 2])
    for at in range(30, len(whole), len(whole) // 40):
        damaged = bytearray(whole)
        damaged[at] ^= 0x55
        write(os.path.join(tree, f"damaged-{at}.gz"), bytes(damaged))
    write(os.path.join(tree, "words.gz"), gzip.compress((WORD + "\n").encode() * 5000))
    write(os.path.join(tree, "tail.gz"), gzip.compress(good[0]) + WORD.encode())
    write(os.path.join(tree, "table.csv"), b"timestamp,message\n1,\"" + WORD.encode() * 10)
    write_offloaded(tree)


def write_offloaded(tree):
    layout = "AWSLogs/012345678901/BedrockModelInvocationLogs/us-east-1/2026/10/05/12/"
    data = os.path.join(tree, layout, "data")
    texts = {"fine": json.dumps(answer()).encode(), "cut": json.dumps(answer()).encode()[:-9],
             "words": WORD.encode(), "gzip": gzip.compress(json.dumps(stream()).encode()),
             "zlib": zlib.compress(WORD.encode()),
             "short": gzip.compress(json.dumps(stream()).encode())[:-20]}
    records = b""
    for name, text in texts.items():
        write(os.path.join(data, f"{name}_output.json"), text)
        write(os.path.join(data, f"{name}_input.json"), json.dumps(body()).encode())
        records += line(name, input={"inputBodyS3Path": f"s3://bodies/{layout}data/{name}_input.json"},
                        output={"outputBodyS3Path": f"s3://bodies/{layout}data/{name}_output.json"})
    write(os.path.join(tree, layout, "records.json"), records)


def check(what, data):
    for trace in TRACES:
        at = data.find(trace)
        if at >= 0:
            raise AssertionError(f"{what} holds the word as {trace!r}: …{data[max(0, at - 80):at]!r}")


def check_result(what, result):
    check(what + ", standard output", result.out)
    check(what + ", standard error", result.err.encode())


def check_files(place):
    for folder, _, names in os.walk(place):
        for name in names:
            path = os.path.join(folder, name)
            if os.path.isfile(path):
                with open(path, "rb") as file:
                    check(path, file.read())
