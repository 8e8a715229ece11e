"""A second, slow and simple implementation of the rules: from records to tokens and money.

Nothing here is shared with the program but the price file. Money is decimal.Decimal.
"""
import csv
import gzip
import json
import os
import re
from decimal import ROUND_HALF_UP, Decimal

VENDORS = set("ai21 amazon anthropic cohere deepseek google luma meta minimax mistral moonshot "
              "moonshotai nvidia openai qwen stability twelvelabs writer xai zai".split())
CLASSES = ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h",
           "cache_write_unknown")
PLAIN_TAIL = re.compile(r"(-\d{8}|@\d{8}|-\d{4}-\d\d-\d\d|-v\d+|:\d+|:latency-optimized)*$")


def model_of(model_id):
    """(base id, scope), or (None, reason) where the id alone does not tell."""
    name = model_id.strip().lower()
    if name.startswith("arn:"):
        kind, _, name = name.split(":", 5)[5].partition("/")
        if kind == "application-inference-profile":
            return None, "profile"
        if kind not in ("foundation-model", "inference-profile"):
            return None, "not sold by token"
    head, _, rest = name.partition(".")
    if head == "global":
        return rest, "global"
    if head not in VENDORS and rest.split(".")[0] in VENDORS:
        return rest, "geo"
    return name, "in-region"


def glob_match(pattern, text):
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text) is not None


class Row:
    def __init__(self, cells):
        pattern = cells["model_id_pattern"]
        self.regions, slash, self.pattern = pattern.rpartition("/")
        self.scope = cells["region_scope"]
        self.effective_from = cells["effective_from"]
        self.confirmed_until = cells["confirmed_until"]
        self.threshold = int(cells["long_context_threshold"] or 0)
        self.one_hour_not_sold = cells["cache_write_1h_per_mtok"] == "n/a"

        def rates(names):
            return {c: Decimal(cells[n]) if cells[n] not in ("", "n/a") else None
                    for c, n in zip(CLASSES, names)}

        self.base = rates(("input_per_mtok", "output_per_mtok", "cache_read_per_mtok",
                           "cache_write_5m_per_mtok", "cache_write_1h_per_mtok"))
        self.long = rates(("long_input", "long_output", "long_cache_read", "long_cache_write",
                           "long_cache_write_1h"))

    def matches(self, name):
        if not glob_match(self.pattern, name):
            return False
        head, star, _ = self.pattern.partition("*")
        guarded = name.startswith("anthropic.") or re.match(r"openai\.gpt-\d", name)
        return not (star and guarded) or PLAIN_TAIL.match(name[len(head):]) is not None

    def in_region(self, region):
        return any(glob_match(r, region) for r in self.regions.split(","))

    def price(self, tokens):
        """({class: USD low end}, USD high end, tokens without a rate)."""
        context = sum(n for c, n in tokens.items() if c != "output")
        rates = self.long if self.threshold and context > self.threshold else self.base
        cost, high, unpriced = {}, Decimal(0), 0
        for c in CLASSES[:5]:
            if rates[c] is not None:
                cost[c] = tokens[c] * rates[c] / 1000000
                high += cost[c]
            else:
                unpriced += tokens[c]
        unknown = tokens["cache_write_unknown"]
        five, hour = rates["cache_write_5m"], rates["cache_write_1h"]
        if five is None:
            return cost, high, unpriced + unknown
        if self.one_hour_not_sold or hour is None:
            hour = five
        cost["cache_write_unknown"] = unknown * min(five, hour) / 1000000
        return cost, high + unknown * max(five, hour) / 1000000, unpriced


class Book:
    def __init__(self, path):
        with open(path, encoding="utf-8", newline="") as file:
            self.rows = [Row(cells) for cells in csv.DictReader(file)]
        self.seen = {}

    def find(self, base, scope, region, day):
        key = (base, scope, region, day)
        if key not in self.seen:
            self.seen[key] = self.look_up(*key)
        return self.seen[key]

    def look_up(self, base, scope, region, day):
        names = [re.sub(r":\d+k$", "", base)]
        for tail in (r":\d+$", r"-v\d+$", r"-\d{8}$"):
            names.append(re.sub(tail, "", names[-1]))
        for name in names:
            rows = [r for r in self.rows
                    if not r.pattern.endswith(":latency-optimized") and r.matches(name)]
            if rows:
                break
        gov = region.startswith("us-gov-")
        rows = [r for r in rows
                if (r.in_region(region) if r.regions else not gov) and r.scope in ("*", scope)
                and r.effective_from <= day]
        if not rows:
            return None
        return max(rows, key=lambda r: (bool(r.regions), len(r.pattern.replace("*", "")),
                                        r.effective_from))


def read_profiles(path):
    """ARN -> (model, scope) of the simple YAML that simulate writes."""
    profiles, entry = {}, {}
    with open(path, encoding="utf-8") as file:
        for text in file:
            key, _, value = text.strip("- \n").partition(": ")
            if text.startswith("- "):
                entry = {}
            entry[key] = value
            if "arn" in entry and "model" in entry and "scope" in entry:
                profiles[entry["arn"]] = (entry["model"], entry["scope"])
    return profiles


def body_of(record, tree):
    """The output body, inline or below the tree."""
    output = record.get("output") or {}
    if output.get("outputBodyJson") is not None:
        return output["outputBodyJson"]
    path = output.get("outputBodyS3Path")
    if not path:
        return None
    local = os.path.join(tree, path[path.index("AWSLogs/"):])
    if not os.path.exists(local):
        return None
    with gzip.open(local) as file:
        return json.load(file)


def add_usage(found, usage):
    spelled = {"input": ("input_tokens", "inputTokens"), "output": ("output_tokens", "outputTokens"),
               "cache_read": ("cache_read_input_tokens", "cacheReadInputTokens"),
               "write": ("cache_creation_input_tokens", "cacheWriteInputTokens")}
    for name, keys in spelled.items():
        for key in keys:
            if key in usage:
                found[name] = usage[key]
    split = usage.get("cache_creation")
    if split:
        found["5m"] = split["ephemeral_5m_input_tokens"]
        found["1h"] = split["ephemeral_1h_input_tokens"]
    for detail in usage.get("cacheDetails", ()):
        found[detail["ttl"]] = found.get(detail["ttl"], 0) + detail["inputTokens"]


def usage_of(body):
    found = {}
    if isinstance(body, dict):
        found["model"] = body.get("model")
        add_usage(found, body.get("usage") or {})
        if "inputTextTokenCount" in body:
            found["input"] = body["inputTextTokenCount"]
    for event in body if isinstance(body, list) else ():
        if isinstance(event, dict) and event.get("type") == "message_start":
            found["model"] = event["message"].get("model")
            add_usage(found, event["message"].get("usage") or {})
        elif isinstance(event, dict) and event.get("type") == "message_delta":
            add_usage(found, event.get("usage") or {})
    return found


class Call:
    """One invocation as the rules see it."""

    def __init__(self, record, usage):
        sent, got = record.get("input") or {}, record.get("output") or {}
        counts = {"input": sent.get("inputTokenCount", usage.get("input")),
                  "output": got.get("outputTokenCount", usage.get("output")),
                  "cache_read": sent.get("cacheReadInputTokenCount", usage.get("cache_read")),
                  "write": sent.get("cacheWriteInputTokenCount", usage.get("write"))}
        self.counted = any(n is not None for n in counts.values())
        write = counts.pop("write") or 0
        self.tokens = {name: n or 0 for name, n in counts.items()}
        self.tokens["cache_write_5m"] = usage.get("5m", 0)
        self.tokens["cache_write_1h"] = usage.get("1h", 0)
        self.tokens["cache_write_unknown"] = write - usage.get("5m", 0) - usage.get("1h", 0)
        assert self.tokens["cache_write_unknown"] >= 0
        self.account, self.region = record["accountId"], record["region"]
        self.key = (self.account, self.region, record["requestId"])
        self.arn = record["identity"]["arn"]
        self.model_id = record["modelId"]
        self.day = record["timestamp"][:10]
        self.error = record.get("errorCode") or ""
        self.body_model = usage.get("model")
        self.inference_region = record.get("inferenceRegion") or ""
        has_body = bool(sent.get("inputBodyJson") or sent.get("inputBodyS3Path") or
                        got.get("outputBodyJson") or got.get("outputBodyS3Path"))
        # Of two records of one call the one with the larger counts is kept.
        self.rank = (sum(self.tokens.values()), has_body, not self.error)

    def price(self, book, profiles):
        """Fills model, scope, cost (low end), high, unpriced tokens."""
        base, scope = model_of(self.model_id)
        scopes = [scope]
        if base is None and scope == "profile":
            base, scope = profiles.get(self.model_id, (None, ""))
            scopes = [scope]
            if base is None and self.body_model:
                base, scope, scopes = "anthropic." + self.body_model, "", ["global", "geo"]
                if self.inference_region and geography(self.inference_region) != \
                        geography(self.region):
                    scope, scopes = "global", ["global"]
        elif base is None:
            scope = ""
        self.model, self.scope = base or self.model_id, scope
        self.cost, self.high, self.unpriced = {}, Decimal(0), 0
        rows = [book.find(base, s, self.region, self.day) for s in scopes] if base else []
        rows = [row for row in rows if row]
        if not self.counted:
            self.outcome = "no_usage" if self.error else "usage_unknown"
            return
        if not rows:
            self.unpriced = sum(self.tokens.values())
            self.outcome = "unpriced"
            return
        ends = [row.price(self.tokens) for row in rows]
        low = min(ends, key=lambda end: sum(end[0].values()))
        self.cost, self.unpriced = low[0], low[2]
        self.high = max(end[1] for end in ends)
        self.outcome = ""

    def nanos(self):
        return sum(self.cost.values(), Decimal(0)) * 10 ** 9


def geography(region):
    return region.split("-")[0]


def round_nano(nanos):
    return int(Decimal(nanos).quantize(Decimal(1), ROUND_HALF_UP))


def calls_of(lines, tree, content, book, profiles):
    """The invocations of some records, each key once."""
    best = {}
    for text in lines:
        record = json.loads(text)
        usage = usage_of(body_of(record, tree)) if content else {}
        call = Call(record, usage)
        if call.key not in best or call.rank > best[call.key].rank:
            best[call.key] = call
    for call in best.values():
        call.price(book, profiles)
    return list(best.values())
