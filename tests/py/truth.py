"""What assay simulate says it wrote, what lies in its files, and what assay report says of them.

Three witnesses that share no code: truth.json, a reader of the tree written here with the standard
library, and the report. Costs are worked out a second time here, from the cells of truth.json and
data/prices.csv, in decimal fractions.
"""
import collections
import csv
import decimal
import fnmatch
import gzip
import json
import os
import re
import subprocess
import sys
import tempfile

ROOT = os.environ.get("ROOT", os.getcwd())
ASSAY = os.environ["ASSAY"]
sys.path.append(os.path.join(ROOT, "tests"))
from tap import Tap  # noqa: E402

COUNTS = ["invocations", "errors", "input", "output", "cache_read", "cache_write_5m",
          "cache_write_1h", "cache_write_unknown"]
ABOVE = [0, 100000, 200000, 272000]  # ranges of request size, as in truth.json
# 24 people are enough for every kind of caller, model id and service; prices change on the 7th.
OPTIONS = "--users 24 --days 3 --start 2026-10-06 --seed 5 --body-scale 2".split()


def run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.returncode}\n{done.stderr}"
    return done.stdout


def body(directory, record, kind):
    side = record.get(kind) or {}
    path = side.get(kind + "BodyS3Path")
    if path:
        local = directory + re.sub(r"^s3://[^/]+", "", path)
        return json.load(gzip.open(local)) if os.path.exists(local) else None
    return side.get(kind + "BodyJson")


def split_of(answer):
    """5-minute and 1-hour cache writes and the model's name, as an answer tells them."""
    if isinstance(answer, list):
        answer = next(e for e in answer if e["type"] == "message_start")["message"]
    if not isinstance(answer, dict):
        return 0, 0, ""
    usage = answer.get("usage", {})
    created = usage.get("cache_creation", {})
    ttl = collections.Counter()
    for detail in usage.get("cacheDetails", []):
        ttl[detail["ttl"]] += detail["inputTokens"]
    return (created.get("ephemeral_5m_input_tokens", 0) + ttl["5m"],
            created.get("ephemeral_1h_input_tokens", 0) + ttl["1h"], answer.get("model", ""))


def read_tree(directory):
    """All records, and of each invocation the record with the larger counts."""
    records, kept = 0, {}
    for folder, _, names in os.walk(directory + "/AWSLogs"):
        for name in names if os.path.basename(folder) != "data" else []:
            if not name.endswith(".json.gz"):
                continue
            for line in gzip.open(os.path.join(folder, name)):
                record = json.loads(line)
                records += 1
                i, o = record.get("input") or {}, record.get("output") or {}
                size = (i.get("inputTokenCount", 0) + i.get("cacheReadInputTokenCount", 0) +
                        i.get("cacheWriteInputTokenCount", 0) + o.get("outputTokenCount", 0))
                key = record["accountId"], record["region"], record["requestId"]
                if key not in kept or kept[key][0] < size:
                    kept[key] = size, record
    return records, [record for _, record in kept.values()]


def counts_of(directory, record):
    i, o = record.get("input") or {}, record.get("output") or {}
    written = i.get("cacheWriteInputTokenCount", 0)
    answer = body(directory, record, "output")
    w5, w1, model = split_of(answer)
    assert w5 + w1 in (0, written), f"{record['requestId']}: {w5} + {w1} of {written}"
    return collections.Counter({
        "invocations": 1, "errors": int(bool(record.get("errorCode"))),
        "input": i.get("inputTokenCount", 0), "output": o.get("outputTokenCount", 0),
        "cache_read": i.get("cacheReadInputTokenCount", 0), "cache_write_5m": w5,
        "cache_write_1h": w1, "cache_write_unknown": written - w5 - w1}), model


def same(what, got, wanted):
    wrong = {k: (got[k], wanted[k]) for k in COUNTS if got[k] != wanted[k]}
    assert not wrong, f"{what}: {wrong} (found, wanted)"


def tree_is_as_the_truth_says(directory, truth):
    groups = {"by_user": lambda r: r["identity"]["arn"], "by_model": lambda r: r["modelId"],
              "by_account": lambda r: r["accountId"], "by_region": lambda r: r["region"],
              "by_day": lambda r: r["timestamp"][:10], "by_operation": lambda r: r["operation"]}
    resolved = {c["model_id"]: c["resolved_by"] for c in truth["cells"]}
    records, invocations = read_tree(directory)
    assert records == truth["total"]["records"], records
    assert records - len(invocations) == truth["total"]["duplicates"], len(invocations)
    sums = {g: collections.defaultdict(collections.Counter) for g in [*groups, "cells"]}
    errors = collections.Counter()
    for record in invocations:
        counts, model = counts_of(directory, record)
        for group, name in groups.items():
            sums[group][name(record)].update(counts)
        context = sum(counts[k] for k in COUNTS[2:]) - counts["output"]
        seen = ((model, record.get("inferenceRegion", ""))
                if resolved[record["modelId"]] == "unresolved" else ("", ""))
        sums["cells"][(record["accountId"], record["region"], record["timestamp"][:10],
                       record["modelId"], max(a for a in ABOVE if a == 0 or context > a),
                       *seen)].update(counts)
        if record.get("errorCode"):
            errors[record["errorCode"]] += 1
    assert errors == truth["by_error"], errors
    for group in groups:
        assert set(sums[group]) == set(truth[group]), group
        for name, counts in truth[group].items():
            same(f"{group} {name}", sums[group][name], counts)
    assert len(sums["cells"]) == len(truth["cells"]), len(sums["cells"])
    for c in truth["cells"]:
        same(str(c), sums["cells"][(c["account"], c["region"], c["day"], c["model_id"],
                                    c["context_above"], c.get("body_model", ""),
                                    c.get("inference_region", ""))], c)


def report_is_as_the_truth_says(truth, report):
    about = report["about"]
    assert about["records"] == truth["total"]["records"], about
    assert about["duplicates"] == truth["total"]["duplicates"], about
    assert about["unknown_usage"] == truth["total"]["no_counts"], about
    same("total", report["total"], truth["total"])
    rows = {(r["principal"], r["model_id"]): r for r in report["rows"]}
    assert len(rows) == len(truth["by_user_model"]), len(rows)
    for row in truth["by_user_model"]:
        same(f"{row['user']} {row['model_id']}", rows[row["user"], row["model_id"]], row)


class Prices:
    def __init__(self):
        with open(os.path.join(ROOT, "data", "prices.csv"), newline="", encoding="utf-8") as f:
            self.rows = list(csv.DictReader(f))

    def fits(self, row, model, region, scope, day):
        regions, _, pattern = row["model_id_pattern"].rpartition("/")
        return (not pattern.endswith(":latency-optimized") and fnmatch.fnmatchcase(model, pattern)
                and (not regions or any(fnmatch.fnmatchcase(region, r) for r in regions.split(",")))
                and row["region_scope"] in ("*", scope) and row["effective_from"] <= day)

    def row(self, model, region, scope, day):
        short = re.sub(r":\d+$", "", model)
        for name in (model, short, re.sub(r"-v\d+$", "", short)):
            rows = [r for r in self.rows if self.fits(r, name, region, scope, day)]
            if rows:
                return max(rows, key=lambda r: ("/" in r["model_id_pattern"],
                                                len(r["model_id_pattern"].rpartition("/")[2]),
                                                r["effective_from"]))
        return None

    def cost(self, cell):
        """The lower end where a range remains: global scope, five-minute writes."""
        scope = cell["scope"]
        if cell["resolved_by"] == "unresolved":
            scope = "global" if cell["body_model"] else None
        row = scope and self.row(cell["base_model"], cell["region"], scope, cell["day"])
        if not row:
            return 0
        limit = row["long_context_threshold"]
        over = limit and cell["context_above"] >= int(limit)
        pairs = [("input", "input_per_mtok", "long_input"),
                 ("output", "output_per_mtok", "long_output"),
                 ("cache_read", "cache_read_per_mtok", "long_cache_read"),
                 ("cache_write_5m", "cache_write_5m_per_mtok", "long_cache_write"),
                 ("cache_write_unknown", "cache_write_5m_per_mtok", "long_cache_write"),
                 ("cache_write_1h", "cache_write_1h_per_mtok", "cache_write_1h_per_mtok")]
        total = decimal.Decimal(0)
        for tokens, plain, long in pairs:
            rate = row[long if over else plain]
            if re.fullmatch(r"[0-9.]+", rate):
                total += cell[tokens] * decimal.Decimal(rate) / 1000000
        return total


def costs_agree(truth, report):
    prices = Prices()
    wanted = sum(prices.cost(c) for c in truth["cells"])
    got = decimal.Decimal(report["total"]["cost_usd"])
    assert got == wanted, f"report {got}, from the price list {wanted}"


def report_of(directory):
    return json.loads(run(ASSAY, "report", directory + "/AWSLogs", "--quiet", "--format", "json",
                          "--profiles", directory + "/profiles.yaml", "--by", "principal,model_id",
                          "--metrics", ",".join(COUNTS + ["cost"])))


def main():
    tap = Tap()
    for bodies in ("inline", "s3", "none"):
        with tempfile.TemporaryDirectory() as directory:
            run(ASSAY, "simulate", *OPTIONS, "--bodies", bodies, "--out", directory)
            with open(directory + "/truth.json", encoding="utf-8") as f:
                truth = json.load(f)
            report = report_of(directory)
            tap.case(f"{bodies}: the tree holds what the truth says", tree_is_as_the_truth_says,
                     directory, truth)
            tap.case(f"{bodies}: the report says what the truth says", report_is_as_the_truth_says,
                     truth, report)
            tap.case(f"{bodies}: costs agree with the price list", costs_agree, truth, report)
    tap.done()


main()
