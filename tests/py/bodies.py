"""A second, slow reading of the bodies that assay simulate writes: sessions, prompts, tools, sizes.

Nothing here is shared with the program; the rules are those that the manual of simulate names.
"""
import datetime
import gzip
import json
import os
import re
from collections import Counter, defaultdict

SUB_LINES = ("You are an agent for Claude Code", "You are a file search specialist",
             "You are a software architect and planning")
BACKGROUND = ("Generate a concise, sentence-case title", "Analyze if this message indicates",
              "Your task is to process Bash commands")
MIDTURN = "The user sent a new message while you were working"
HOUR = datetime.timedelta(hours=1)
REMINDER = "<system-reminder>\n"
LISTINGS = ("The following deferred tools", "# MCP Server", "Available agent types",
            "The following skills", "As you answer")
HUMAN_NOT = ("<system-reminder>", "CRITICAL: Respond with TEXT ONLY",
             "This session is being continued from", "<local-command-", "<bash-stdout>",
             "Base directory for this skill:", "[Request interrupted by user")


def records_of(tree):
    """Each invocation once: of copies the one with the larger counts."""
    kept = {}
    for folder, folders, names in os.walk(tree):
        folders[:] = sorted(f for f in folders if f != "data")
        for name in sorted(names):
            if not name.endswith(".json.gz"):
                continue
            with gzip.open(os.path.join(folder, name)) as file:
                for line in file:
                    record = json.loads(line)
                    key = record["accountId"], record["region"], record["requestId"]
                    if key not in kept or context_of(kept[key]) < context_of(record):
                        kept[key] = record
    return sorted(kept.values(), key=lambda r: r["timestamp"])


def context_of(record):
    side = record.get("input") or {}
    return sum(side.get(k, 0) for k in ("inputTokenCount", "cacheReadInputTokenCount",
                                        "cacheWriteInputTokenCount"))


def session_of(record):
    """The session's id, or None."""
    arn = record["identity"]["arn"]
    if "/BedrockAgentCore-" in arn:
        return arn.partition("/BedrockAgentCore-")[2]
    user = request_of(record).get("metadata", {}).get("user_id", "")
    if user.startswith("{"):
        return json.loads(user)["session_id"]
    return user.rpartition("_session_")[2] or None


def request_of(record):
    return (record.get("input") or {}).get("inputBodyJson") or {}


def blocks_of(message):
    content = message["content"]
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return [b for b in content if "cachePoint" not in b]


def plain(message):
    """Without what changes from one request to the next."""
    return json.dumps([{k: v for k, v in b.items() if k != "cache_control"}
                       for b in blocks_of(message)], sort_keys=True)


def is_result(block):
    return block.get("type") == "tool_result" or "toolResult" in block


def human(messages):
    """Blocks that somebody typed, in messages of the user."""
    count = 0
    for message in messages:
        if message["role"] != "user":
            continue
        blocks = blocks_of(message)
        results = [b for b in blocks if is_result(b)]
        count += sum(json.dumps(b).count(MIDTURN) for b in results)
        if results:
            continue
        texts = [b["text"] for b in blocks if "text" in b]
        local = any(t.startswith("<local-command-stdout>") for t in texts)
        count += not texts
        for text in texts:
            if text.startswith(("<command-name>", "<command-message>")):
                count += not local
            else:
                count += not text.startswith(HUMAN_NOT)
    return count


def tail_of(messages):
    at = max([i for i, m in enumerate(messages) if m["role"] == "assistant"], default=-1)
    return messages[at + 1:]


def uses_of(record):
    """(id, name, input) of the tools that the answer calls."""
    answer = (record.get("output") or {}).get("outputBodyJson")
    if isinstance(answer, dict):
        if "output" not in answer:
            return []
        blocks = answer["output"]["message"]["content"]
        return [(b["toolUse"]["toolUseId"], b["toolUse"]["name"], b["toolUse"]["input"])
                for b in blocks if "toolUse" in b]
    found, pieces = {}, defaultdict(str)
    for event in answer or []:
        if event["type"] == "content_block_start" and \
                event["content_block"]["type"] == "tool_use":
            found[event["index"]] = event["content_block"]
        elif event["type"] == "content_block_delta" and "partial_json" in event["delta"]:
            pieces[event["index"]] += event["delta"]["partial_json"]
    return [(b["id"], b["name"], json.loads(pieces[i])) for i, b in found.items()]


class Call:
    def __init__(self, record):
        self.record, self.body = record, request_of(record)
        self.time = datetime.datetime.fromisoformat(record["timestamp"].rstrip("Z"))
        self.messages = self.body.get("messages", [])
        self.tail = tail_of(self.messages)
        self.context = context_of(record)
        self.error = bool(record.get("errorCode"))
        self.system = [b["text"] for b in self.body.get("system", []) if "text" in b]
        self.kind = self.kind_of()
        self.first = plain(self.messages[0]) if self.messages else ""
        self.same = self.first, len(self.messages), plain(self.messages[-1])
        self.history = len(self.tail) < len(self.messages)
        self.uses = uses_of(record)

    def kind_of(self):
        if any(t.startswith(BACKGROUND) for t in self.system):
            return "background"
        if blocks_of(self.messages[-1])[-1].get("text", "").startswith("CRITICAL: Respond"):
            return "compaction"
        if any("cc_is_subagent=true" in t or t.startswith(SUB_LINES) for t in self.system):
            return "sub-agent"
        return "main"


def sizes_of(call, known):
    """Bytes by part of a request but for its results and history, and of each server's tools, names
    and notes. Texts of servers hold headings of their own: `known` are those that name one."""
    parts, servers = Counter(), defaultdict(Counter)
    for text in call.system:
        heads = [text.find(h) for h in ("# Environment\n", "<env>\n") if h in text]
        at = min(heads, default=len(text))
        parts["system"] += len(text[:at].encode())
        parts["environment"] += len(text[at:].encode())
    for text in texts_of(call):
        size = len(text.encode())
        line = text[len(REMINDER):].split("\n", 1)[0] if text.startswith(REMINDER) else ""
        if line.startswith("The following deferred tools"):
            connecting = False
            for name in text.split("\n"):
                connecting = (connecting or "still connecting" in name) and name != ""
                server = name.split("__")[1] if name.startswith("mcp__") else \
                    name if connecting and "still" not in name else ""
                if server:
                    servers[server]["name"] += len(name) + 1
                    parts["mcp"] += len(name) + 1
                    size -= len(name) + 1
            parts["tools"] += size
        elif line.startswith("# MCP Server"):
            parts["mcp"] += size
            named = "|".join(map(re.escape, known))
            for section in re.split(rf"(?m)^## (?=(?:{named})$)",
                                    text.replace("</system-reminder>", ""))[1:]:
                servers[section.split("\n")[0]]["note"] += len(section.encode()) + 3
        elif line.startswith("Available agent types"):
            parts["agents"] += size
        elif line.startswith("The following skills"):
            parts["skills"] += size
        elif line.startswith("As you answer"):
            memory = text[text.index("# claudeMd"):text.index("# currentDate")]
            parts["memory"] += len(memory.encode())
            parts["environment"] += size - len(memory.encode())
        elif text.startswith("Base directory"):
            parts["skills"] += size
        elif text.startswith(("<system-reminder>", "<bash-stdout>", "<local-command", "[Request",
                              "CRITICAL")):
            parts["reminders"] += size
        else:
            parts["user"] += size
    add_schemas(call, parts, servers)
    return parts, servers


def is_mcp(name):
    """Its groups: the server, by the forms of Claude Code, Roo and Goose."""
    return re.match(r"mcp__(.+?)__|mcp--(.+?)--|(developer)__", name)


def is_listing(text):
    """A reminder that counts as what it lists, wherever it stands."""
    return text.startswith(tuple(REMINDER + start for start in LISTINGS))


def texts_of(call):
    """Texts of the first message, of the tail, and what is listed in between."""
    close = ([call.messages[0]] if call.history else []) + call.tail
    far = call.messages[1:len(call.messages) - len(call.tail)]
    return [b["text"] for m in close for b in blocks_of(m) if "text" in b] + \
        [b["text"] for m in far for b in blocks_of(m) if is_listing(b.get("text", ""))]


def raw(value):
    """Bytes of a value as simulate writes it."""
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())


def block_bytes(block, close):
    """Of one block: texts as they are where one looks closely, else as they stand in JSON."""
    block = block.get("toolUse", block.get("toolResult", block))
    if "text" in block:
        text = block["text"]
        return len(text.encode()) if close or is_listing(text) else raw(text) - 2
    if "input" in block:
        return len(block["name"].encode()) + raw(block["input"])
    if block.get("type") == "image":
        return min(raw(block["source"]), 6144)
    if "content" in block:
        return sum(block_bytes(b, close) for b in blocks_of(block))
    return raw(block.get("thinking", block.get("tool_name")))


def request_bytes(call):
    """All that a request is made of."""
    tail = len(call.messages) - len(call.tail)
    parts, servers = Counter(), defaultdict(Counter)
    add_schemas(call, parts, servers)
    return sum(parts.values()) + sum(len(t.encode()) for t in call.system) + \
        sum(block_bytes(b, i == 0 or i >= tail) for i, m in enumerate(call.messages)
            for b in blocks_of(m))


def add_schemas(call, parts, servers):
    """Tools as they stand in the record: simulate writes JSON without blanks."""
    converse = "toolConfig" in call.body
    tools = call.body["toolConfig"]["tools"] if converse else call.body.get("tools", [])
    for tool in tools:
        name = tool["toolSpec"]["name"] if converse else tool["name"]
        size = len(json.dumps(tool, ensure_ascii=False, separators=(",", ":")).encode())
        match = is_mcp(name)
        parts["mcp" if match else "tools"] += size
        if match:
            servers[next(g for g in match.groups() if g)]["schema"] += size


def sessions(records):
    """(user, id) or (user, time of the first call) -> calls in their order: by session id, else by
    the first message, until there is an hour without a call."""
    found, open_ones = {}, {}
    for record in records:
        if not request_of(record).get("messages") or request_of(record).get("max_tokens") == 1:
            continue
        call, user, key = Call(record), record["identity"]["arn"], session_of(record)
        if key:
            found.setdefault((user, key), []).append(call)
            continue
        chain = open_ones.get((user, call.first))
        if not chain or call.time - chain[-1].time > HOUR:
            chain = open_ones[user, call.first] = []
            found[user, record["timestamp"], len(found)] = chain
        chain.append(call)
    return found


def summary(calls):
    """What one session amounts to."""
    seen, uses, errors, result = set(), {}, set(), Counter()
    counted, in_history, first_of_main = 0, 0, None
    generation = None
    for call in calls:
        retry = call.same in seen
        seen.add(call.same)
        result["requests"] += 1
        result["retries"] += retry
        for use, name, _ in call.uses:
            uses.setdefault(use, name)
        result["fan_out"] = max(result["fan_out"], sum(u[1] == "Agent" for u in call.uses))
        for message in call.tail:
            for block in blocks_of(message):
                block = block.get("toolResult", block)
                if block.get("is_error") or block.get("status") == "error":
                    errors.add(block.get("tool_use_id") or block.get("toolUseId"))
        if call.kind == "compaction":
            result["compactions"] += 1
        if call.kind != "main":
            continue
        result["peak_context"] = max(result["peak_context"], call.context)
        if first_of_main is None and (call.history or not call.error):
            first_of_main = call
        if retry:
            continue
        if generation != call.first:
            result["prompts"] += max(counted, in_history)
            counted = in_history = 0
            generation = call.first
            result["generations"] += 1
        result["turns"] += 1
        counted += human(call.tail)
        in_history = max(in_history, human(call.messages))
        result["interrupts"] += json.dumps(call.tail).count('"[Request interrupted by user')
    result["prompts"] += max(counted, in_history)
    result["tool_calls"] = len(uses)
    result["tool_errors"] = len(errors)
    result["agents"] = sum(name == "Agent" for name in uses.values())
    whole = first_of_main and not first_of_main.history
    result["first_context"] = first_of_main.context if whole else 0
    return result, first_of_main if whole else None, uses, errors
