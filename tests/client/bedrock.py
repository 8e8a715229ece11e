"""A small Bedrock on loopback for the test with a real client: it answers by a script and writes
what passed as invocation logs.

    with Bedrock(profiles) as bedrock:
        bedrock.follow("first", script)
        …                      the client talks to bedrock.url
    bedrock.write_logs(tree)   AWSLogs/…, large bodies below data/
    bedrock.calls              what it saw: the truth about the logs

A script gives for each kind of call a list of steps, or such lists by a word of the prompt that is
being answered. They are taken in order per thread and prompt; when none is left, the answer is a
word. A step is a list of blocks, ("text", words) or ("use", tool, input), or a function that makes
one of the Call; FAIL_* in its place are failures.

The kind of a call and whom it belongs to is known here from what never reaches a log: the headers
that name session and agent, and the script itself.
"""
import base64
import gzip
import hashlib
import json
import os
import re
import struct
import threading
import time
import urllib.parse
import uuid
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ACCOUNT, REGION = "123456789012", "us-east-1"
PRINCIPAL = (f"arn:aws:sts::{ACCOUNT}:assumed-role/AWSReservedSSO_Engineers_0123456789abcdef/"
             "ada@example.com")
OFFLOAD = 100 * 1024  # bytes of a body that get an object of their own
FAIL_THROTTLED, FAIL_IN_STREAM = "throttled", "in stream"
SUMMARY_WANTED = "Your task is to create a detailed summary"
ROUTE = re.compile(r"^/model/(.+)/(invoke|invoke-with-response-stream)$")
OPERATION = {"invoke": "InvokeModel",
             "invoke-with-response-stream": "InvokeModelWithResponseStream"}


def compact(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def frame(payload, **headers):
    """A message of application/vnd.amazon.eventstream; header names get a colon and dashes."""
    packed = b""
    for name, value in headers.items():
        name = (":" + name.replace("_", "-")).encode()
        packed += struct.pack(">B", len(name)) + name + struct.pack(">BH", 7, len(value))
        packed += value.encode()
    start = struct.pack(">II", len(packed) + len(payload) + 16, len(packed))
    message = start + struct.pack(">I", zlib.crc32(start)) + packed + payload
    return message + struct.pack(">I", zlib.crc32(message))


def chunk(event):
    payload = compact({"bytes": base64.b64encode(compact(event)).decode(), "p": "abcdefgh"})
    return frame(payload, event_type="chunk", content_type="application/json", message_type="event")


def blocks_of(message):
    content = message["content"]
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


class Cache:
    """A prompt cache: what was sent before up to a mark is read from it, the rest is written."""

    def __init__(self):
        self.known = set()
        self.lock = threading.Lock()

    def usage(self, model, body):
        """Tokens of a request; four bytes are one."""
        digest, size = hashlib.sha256(model.encode()), 0
        ends, marks = [], []
        for segment in self.segments(body):
            mark = segment.pop("cache_control", None) if isinstance(segment, dict) else None
            text = compact(segment)
            digest.update(text)
            size += (len(text) + 3) // 4
            ends.append((digest.digest(), size))
            if mark:
                marks.append((size, mark.get("ttl", "5m")))
        cached = marks[-1][0] if marks else 0
        with self.lock:
            read = max((n for key, n in ends if n <= cached and key in self.known), default=0)
            self.known.update(key for key, n in ends if n <= cached)
        hour = max((n for n, ttl in marks if ttl == "1h"), default=0)
        hour = max(hour - read, 0)
        return {"input": size - cached, "read": read, "5m": cached - read - hour, "1h": hour}

    @staticmethod
    def segments(body):
        yield from ([body["tools"]] if body.get("tools") else [])
        system = body.get("system") or []
        for block in [{"text": system}] if isinstance(system, str) else system:
            yield dict(block)
        for message in body["messages"]:
            yield [message["role"]]
            for block in blocks_of(message):
                yield dict(block)


class Call:
    """One model call: what the log gets, and what is true of it."""

    def __init__(self, number, model, operation, body, headers):
        self.number, self.model, self.operation, self.body = number, model, operation, body
        self.request_id = str(uuid.uuid5(uuid.NAMESPACE_URL, f"call {number}"))
        self.session = headers.get("x-claude-code-session-id", "")
        self.agent = headers.get("x-claude-code-agent-id", "")
        self.kind = self.find_kind()
        self.run, self.pause = "", 0  # whose it is; seconds of nothing before it
        self.blocks, self.error, self.output, self.usage = [], "", None, None
        self.answered = False

    def find_kind(self):
        if self.body.get("max_tokens") == 1:
            return "probe"
        last = blocks_of(self.body["messages"][-1])
        if any(SUMMARY_WANTED in block.get("text", "") for block in last):
            return "compaction"
        if self.agent:
            return "sub-agent"
        return "main" if self.body.get("tools") else "background"

    def prompt(self, words):
        """Which of the words stands last in what users said."""
        for message in reversed(self.body["messages"]):
            text = json.dumps(blocks_of(message)) if message["role"] == "user" else ""
            found = [word for word in words if word in text]
            if found:
                return max(found, key=text.rindex)
        return ""

    def context(self):
        return sum(self.usage[name] for name in ("input", "read", "5m", "1h"))

    def uses(self):
        return [block for block in self.blocks if block[0] == "use"]

    def content(self):
        for index, block in enumerate(self.blocks):
            if block[0] == "text":
                yield {"type": "text", "text": block[1]}
            else:
                yield {"type": "tool_use", "id": f"toolu_bdrk_{self.number:04}{index:02}",
                       "name": block[1], "input": block[2]}


class Bedrock:
    def __init__(self, profiles):
        self.profiles, self.script, self.run, self.pause = profiles, {}, "", 0
        self.calls, self.faults = [], []
        self.cache, self.lock, self.taken = Cache(), threading.Lock(), {}
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler_of(self))
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(10)

    def follow(self, run, script, pause=0):
        """From here on calls belong to `run` and are answered by its script. After a pause, of
        seconds that only the logs know of, the cache is empty."""
        with self.lock:
            self.run, self.script, self.pause, self.taken = run, script, pause, {}
            if pause:
                self.cache = Cache()

    def take(self, model, operation, body, headers):
        """A new call with its answer."""
        with self.lock:
            call = Call(len(self.calls), model, operation, body, headers)
            call.run, call.pause, self.pause = self.run, self.pause, 0
            self.calls.append(call)
            step = self.next_step(call)
        step = step(call) if callable(step) else step
        if step == FAIL_THROTTLED:
            call.error = step
            return call
        if step == FAIL_IN_STREAM:
            call.error = step
        else:
            call.blocks = step
        call.usage = self.cache.usage(model, body)
        call.output = self.answer(call)
        return call

    def next_step(self, call):
        steps, prompt = self.script.get(call.kind, []), ""
        if isinstance(steps, dict):
            prompt = call.prompt(steps)
            steps = steps.get(prompt, [])
        thread = (call.session, call.kind, call.agent, prompt)
        at = self.taken.get(thread, 0)
        self.taken[thread] = at + 1
        return steps[at] if at < len(steps) else [("text", "Done.")]

    def answer(self, call):
        """The body of the answer: an object, or the events of a stream."""
        tokens, content = call.usage, list(call.content())
        out = sum(len(compact(block)) for block in content) // 4 + 3
        usage = {"input_tokens": tokens["input"], "cache_read_input_tokens": tokens["read"],
                 "cache_creation_input_tokens": tokens["5m"] + tokens["1h"],
                 "cache_creation": {"ephemeral_5m_input_tokens": tokens["5m"],
                                    "ephemeral_1h_input_tokens": tokens["1h"]},
                 "output_tokens": 1}
        tokens["output"] = 1 if call.kind == "probe" else out
        stop = "max_tokens" if call.kind == "probe" else "tool_use" if call.uses() else "end_turn"
        message = {"id": f"msg_bdrk_{call.number:04}", "type": "message", "role": "assistant",
                   "model": self.base_model(call.model), "content": [], "stop_reason": None,
                   "stop_sequence": None, "usage": usage}
        if call.operation == "InvokeModel":
            message.update(content=content, stop_reason=stop)
            usage["output_tokens"] = tokens["output"]
            return message
        events = [{"type": "message_start", "message": message}]
        if call.error:
            return events
        for index, block in enumerate(content):
            events += self.block_events(index, block)
        metrics = {"inputTokenCount": tokens["input"], "outputTokenCount": tokens["output"],
                   "invocationLatency": 900 + 20 * out, "firstByteLatency": 700,
                   "cacheReadInputTokenCount": tokens["read"],
                   "cacheWriteInputTokenCount": tokens["5m"] + tokens["1h"]}
        return events + [{"type": "message_delta", "usage": {"output_tokens": tokens["output"]},
                          "delta": {"stop_reason": stop, "stop_sequence": None}},
                         {"type": "message_stop", "amazon-bedrock-invocationMetrics": metrics}]

    @staticmethod
    def block_events(index, block):
        text = block["type"] == "text"
        whole = block["text"] if text else json.dumps(block["input"])
        empty = {**block, **({"text": ""} if text else {"input": {}})}
        yield {"type": "content_block_start", "index": index, "content_block": empty}
        # Pieces end anywhere, also within an escape.
        for at in range(0, len(whole), 7):
            piece = whole[at:at + 7]
            delta = ({"type": "text_delta", "text": piece} if text else
                     {"type": "input_json_delta", "partial_json": piece})
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}

    def base_model(self, model):
        """Name as bodies have it: without provider and version."""
        model = self.profiles.get(model, model)
        return re.sub(r"(-v\d+)?(:\d+)?$", "", model.rpartition("anthropic.")[2])

    def profile(self, arn):
        model = self.profiles[arn]
        models = [{"modelArn": f"arn:aws:bedrock:{region}::foundation-model/"
                               f"{model.partition('.')[2]}"} for region in ("us-east-1",
                                                                            "us-west-2")]
        return {"inferenceProfileName": "engineering", "inferenceProfileArn": arn,
                "inferenceProfileId": arn.rpartition("/")[2], "status": "ACTIVE",
                "type": "APPLICATION", "models": models}

    # Logs

    def write_logs(self, tree):
        """Writes all calls below `tree`, some seconds between them: the client's own pace is that
        of a model which answers at once."""
        at, times, batches = int(time.time()) - 3 * 3600, [], {}
        for call in self.calls:
            at += call.pause
            times.append(at)
            folder = (f"AWSLogs/{ACCOUNT}/BedrockModelInvocationLogs/{REGION}/"
                      + time.strftime("%Y/%m/%d/%H", time.gmtime(at)))
            batches.setdefault((folder, call.number // 6), []).append(
                self.record(call, at, tree, folder))
            at += 2 + call.number % 7
        for (folder, number), records in batches.items():
            name = time.strftime("%Y%m%dT%H%M%S", time.gmtime(times[number * 6])) + "123Z_"
            name += hashlib.sha256(f"{folder}{number}".encode()).hexdigest()[:16] + ".json.gz"
            put(os.path.join(tree, folder, name), b"".join(compact(r) + b"\n" for r in records))

    def record(self, call, at, tree, folder):
        made = {"timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at)),
                "accountId": ACCOUNT, "region": REGION, "requestId": call.request_id,
                "operation": call.operation, "modelId": call.model}
        if call.error == FAIL_THROTTLED:
            made["errorCode"] = "ThrottlingException"
        else:
            tokens = call.usage
            made["input"] = {"inputContentType": "application/json",
                             **self.stored(call, "input", call.body, tree, folder),
                             "inputTokenCount": tokens["input"],
                             "cacheReadInputTokenCount": tokens["read"],
                             "cacheWriteInputTokenCount": tokens["5m"] + tokens["1h"]}
            made["output"] = {"outputContentType": "application/json",
                              **self.stored(call, "output", call.output, tree, folder),
                              "outputTokenCount": tokens["output"]}
        made.update(identity={"arn": PRINCIPAL}, inferenceRegion="us-west-2",
                    schemaType="ModelInvocationLog", schemaVersion="1.0")
        return made

    @staticmethod
    def stored(call, side, body, tree, folder):
        text = compact(body)
        if len(text) <= OFFLOAD:
            return {side + "BodyJson": body}
        key = f"{folder}/data/{call.request_id}_{side}.json.gz"
        put(os.path.join(tree, key), text)
        return {side + "BodyS3Path": f"s3://logs/{key}"}


def put(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(gzip.compress(text, 1))


def handler_of(bedrock):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def reply(self, code, body, kind="application/json", **headers):
            self.send_response(code)
            for name, value in {"Content-Type": kind, "Content-Length": str(len(body)),
                                **headers}.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self):
            path, _, _ = self.path.partition("?")
            arn = urllib.parse.unquote(path.rpartition("/inference-profiles/")[2])
            if path == "/inference-profiles":
                self.reply(200, compact({"inferenceProfileSummaries": []}))
            elif arn in bedrock.profiles:
                self.reply(200, compact(bedrock.profile(arn)))
            else:
                self.reply(404, b'{"message":"no such profile"}',
                           x_amzn_ErrorType="ResourceNotFoundException")

        def do_POST(self):
            text = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            route = ROUTE.match(self.path.partition("?")[0])
            if not route:
                bedrock.faults.append("POST to a path that is no model's")
                self.reply(404, b'{"message":"no such path"}')
                return
            try:
                call = bedrock.take(urllib.parse.unquote(route[1]), OPERATION[route[2]],
                                    json.loads(text), self.headers)
            except Exception as error:  # names and numbers only
                bedrock.faults.append(f"{type(error).__name__} at a call of {len(text)} bytes")
                self.reply(400, b'{"message":"the test server could not answer"}')
                return
            self.answer(call)
            call.answered = True

        def answer(self, call):
            if call.error == FAIL_THROTTLED:
                self.reply(429, b'{"message":"Too many requests"}', Retry_After="0",
                           x_amzn_ErrorType="ThrottlingException",
                           x_amzn_RequestId=call.request_id)
            elif call.operation == "InvokeModel":
                self.reply(200, compact(call.output), x_amzn_RequestId=call.request_id)
            else:
                body = b"".join(map(chunk, call.output))
                if call.error:
                    body += frame(b'{"message":"broken"}', message_type="exception",
                                  exception_type="modelStreamErrorException",
                                  content_type="application/json")
                self.reply(200, body, "application/vnd.amazon.eventstream",
                           x_amzn_RequestId=call.request_id)

    return Handler
