"""No text of a body is ever kept or shown: a unique word, put wherever text can stand and in every
encoding, is looked for in all that the program leaves behind."""
import base64
import gzip
import json
import os
import subprocess
import threading
import zlib

import forms
from support import (ASSAY, DONE, FORMATS, INCOMPLETE, NAMED, Tap, assay, environment, line, record,
                     temporary, write)

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
        records += line(name, input={"inputBodyS3Path": f"s3://b/{layout}data/{name}_input.json"},
                        output={"outputBodyS3Path": f"s3://b/{layout}data/{name}_output.json"})
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


DIMENSIONS = ("account", "region", "inference_region", "user", "person", "team", "cost_centre",
              "principal", "principal_kind", "principal_account", "role", "model", "model_id",
              "provider", "family", "scope", "geo", "profile", "operation", "error", "status",
              "tier", "outcome", "reason")


def reports(logs, scratch):
    quarantine = os.path.join(scratch, "quarantine")
    for level in ("content", "counts"):
        for form in FORMATS:
            result = assay("report", logs, "--format", form, "--level", level, "--quarantine",
                           quarantine, code=INCOMPLETE)
            check_result(form, result)
            assert os.path.getsize(quarantine) > 500, "much is listed"
            with open(quarantine, "rb") as file:
                check("the quarantine", file.read())
    for name in NAMED:
        check_result(name, assay("report", name, logs, "--format", "json", code=INCOMPLETE))
    for at in range(0, len(DIMENSIONS), 6):
        check_result("dimensions", assay("report", logs, "--format", "json", "--by",
                                         ",".join(DIMENSIONS[at:at + 6]), "--quarantine", "-",
                                         code=INCOMPLETE))


def stores(logs, scratch):
    store = os.path.join(scratch, "store")
    check_result("ingest", assay("ingest", logs, "--store", store, code=INCOMPLETE))
    check_files(scratch)
    for name in NAMED:
        check_result(name, assay("report", name, "--store", store, "--format", "json",
                                 code=(DONE, INCOMPLETE)))


def half_way(logs, scratch):
    """The files of a store while it is written, and what a killed run leaves."""
    store = os.path.join(scratch, "killed")
    pipe = os.path.join(scratch, "pipe")
    os.mkfifo(pipe)
    temp = os.path.join(scratch, "tmp")
    os.makedirs(temp, exist_ok=True)
    child = subprocess.Popen([ASSAY, "ingest", logs, pipe, "--store", store],
                             env=environment(TMPDIR=temp), stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE)
    text = b"".join(json.dumps(record(f"h{i}", input={"inputBodyJson": body()})).encode() + b"\n"
                    for i in range(3000))

    def feed():
        try:
            with open(pipe, "wb") as file:
                file.write(text)
                file.flush()
                check_files(temp)
                child.kill()
        except BrokenPipeError:
            pass

    thread = threading.Thread(target=feed)
    thread.start()
    out, err = child.communicate()
    thread.join()
    os.unlink(pipe)
    check("output of the killed", out + err)
    check_files(scratch)


def temporary_files(logs, scratch):
    """Duplicates that do not fit in memory go to a file: it has no name, and no text either."""
    temp = os.path.join(scratch, "watched")
    os.makedirs(temp)
    env = environment(TMPDIR=temp)
    result = assay("report", logs, logs, "--dedupe-memory", "1k", "--format", "csv", env=env,
                   code=INCOMPLETE)
    check_result("report", result)
    assert os.listdir(temp) == [], "nothing is left"
    check_files(scratch)


def errors_of_files(logs, scratch):
    """Files of the wrong kind given as prices, profiles or a directory."""
    wrong = write(os.path.join(scratch, "..", "wrong"), b"\n".join(
        json.dumps(r).encode() for r in good_records()))
    for option in ("--prices", "--profiles", "--directory"):
        for path in (wrong, logs):
            result = assay("report", logs, option, path)
            assert result.code not in (DONE, INCOMPLETE), option
            check_result(option, result)
    check_result("price check", assay("price", "check", wrong))
    check_result("a store", assay("report", "--store", wrong))


def errors_of_cells(logs, scratch):
    """Words of a person where a file of prices, profiles or people is right up to there: as a
    column, a key, a cell; also --discount with the content of a file."""
    said = f"tell me, {WORD}"
    head = b"model_id_pattern,provider,display_name,region_scope,input_per_mtok,output_per_mtok\n"
    texts = {
        "--prices": (f'model_id_pattern,"{said}"\n'.encode(),
                     head + f'acme*,acme,A,*,"{said}",2\n'.encode(),
                     head + f'acme*,acme,A,"{said}",1,2\n'.encode()),
        "--profiles": (json.dumps([{said: said}]).encode(), f'arn,"{said}"\n'.encode(),
                       json.dumps([{"arn": said, "model": "m", "scope": said}]).encode()),
        "--directory": (json.dumps([{said: said}]).encode(), f'match,"{said}"\n'.encode(),
                        json.dumps([{"match": said}, {"match": said, said: said}]).encode()),
    }
    for option, files in texts.items():
        for n, text in enumerate(files):
            path = write(os.path.join(scratch, "..", f"cell{n}"), text)
            result = assay("report", logs, option, path)
            assert result.code not in (DONE, INCOMPLETE), (option, text)
            check_result(f"{option} {n}", result)
    check_result("--discount", assay("report", logs, "--discount", said))


def main():
    tap = Tap()
    with temporary() as tmp:
        logs, scratch = os.path.join(tmp, "logs"), os.path.join(tmp, "scratch")
        write_logs(logs)
        os.makedirs(scratch)
        with open(os.path.join(logs, "broken"), "rb") as file:
            assert WORD.encode() in file.read()
        tap.case("no report, list or message holds text of a body", reports, logs, scratch)
        tap.case("no byte of a store holds text of a body", stores, logs, scratch)
        tap.case("nor does what a killed ingest leaves", half_way, logs, scratch)
        tap.case("nor do temporary files", temporary_files, logs, scratch)
        tap.case("nor do errors about files of the wrong kind", errors_of_files, logs, scratch)
        tap.case("nor do errors about what stands in such files", errors_of_cells, logs, scratch)
    tap.done()


if __name__ == "__main__":
    main()
