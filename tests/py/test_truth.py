"""A report of simulated logs says what the simulator wrote, and what a second implementation of the
prices makes of it: to the last token and to the last nano-dollar."""
import os

from oracle import Book, calls_of, read_profiles, round_nano
from support import (ROOT, TOKENS, Tap, equal, lines_of, report, sanitized, simulate,
                     temporary)

METRICS = ("invocations", "errors", *TOKENS)
NANO = 10 ** 9


def tally(row):
    return {name: row[name] for name in METRICS}


def sums(calls, key):
    """Tallies and exact nano-dollars of calls, grouped."""
    groups = {}
    for call in calls:
        row = groups.setdefault(key(call), dict.fromkeys((*METRICS, "cost", "high"), 0))
        row["invocations"] += 1
        row["errors"] += bool(call.error)
        for name in TOKENS:
            row[name] += call.tokens[name]
        row["cost"] += call.nanos()
        row["high"] += call.high * NANO
    return groups


def same_total(tree, truth):
    answer = report(tree, "--by", "", "--metrics", ",".join(METRICS))
    wanted = truth["total"]
    equal(tally(answer["total"]), tally(wanted), "total")
    about = answer["about"]
    equal(about["records"], wanted["records"], "records")
    equal(about["duplicates"], wanted["duplicates"], "duplicates")
    equal(about["invocations"], wanted["invocations"], "invocations")
    equal((about["quarantined"], about["files_failed"]), (0, 0), "nothing is broken")


def same_groups(tree, truth, dimension, group, *options):
    answer = report(tree, "--by", dimension, "--metrics", ",".join(METRICS), *options)
    found = {row[dimension]: tally(row) for row in answer["rows"]}
    equal(len(found), len(answer["rows"]), "each row once")
    equal(found, {name: tally(row) for name, row in truth[group].items()}, group)


def same_days(tree, truth):
    answer = report(tree, "--by", "time", "--bucket", "day", "--metrics", ",".join(METRICS))
    found = {row["time"][:10]: tally(row) for row in answer["rows"] if row["invocations"]}
    equal(found, {day: tally(row) for day, row in truth["by_day"].items()}, "by_day")


def same_errors(tree, truth):
    answer = report(tree, "--by", "error", "--where", "status=error", "--metrics", "invocations")
    found = {row["error"]: row["invocations"] for row in answer["rows"]}
    equal(found, truth["by_error"], "by_error")


def same_user_models(tree, truth):
    answer = report(tree, "--by", "principal,model_id", "--metrics", ",".join(METRICS))
    found = {(row["principal"], row["model_id"]): tally(row) for row in answer["rows"]}
    wanted = {(row["user"], row["model_id"]): tally(row) for row in truth["by_user_model"]}
    equal(found, wanted, "by_user_model")


def usd(nano):
    """The decimal text of nano-dollars as JSON shows it."""
    text = f"{nano // NANO}.{nano % NANO:09d}".rstrip("0")
    return text.rstrip(".")


def same_cost(tree, calls, *options):
    answer = report(tree, "--by", "principal,model,scope", "--metrics",
                    ",".join(METRICS) + ",cost,cost_high", *options)
    wanted = sums(calls, lambda call: (call.arn, call.model, call.scope))
    equal({(row["principal"], row["model"], row["scope"]) for row in answer["rows"]}, set(wanted),
          "rows")
    for row in answer["rows"]:
        key = row["principal"], row["model"], row["scope"]
        expect = wanted[key]
        equal(tally(row), tally(expect), key)
        nano = round_nano(expect["cost"])
        if row["cost_nusd"] is None:
            equal(nano, 0, f"{key} has no amount because {row['cost_reason']}")
            assert row["cost_reason"], key
            continue
        equal(row["cost_nusd"], nano, key)
        equal(row["cost_usd"].rstrip("0").rstrip(".") if "." in row["cost_usd"]
              else row["cost_usd"], usd(nano), key)
        equal(row["cost_high_nusd"], round_nano(expect["high"]), (key, "high"))
    total = sum(call.nanos() for call in calls)
    equal(answer["total"]["cost_nusd"], round_nano(total), "total cost")
    unpriced = sum(call.unpriced for call in calls)
    equal(answer["about"]["unpriced_tokens"], unpriced, "unpriced tokens")


def same_discount(tree, calls, options):
    """One rounding per invocation, to 10^-12 dollars, half up."""
    answer = report(tree, "--by", "", "--metrics", "cost,cost_list", *options,
                    "--discount", "provider:anthropic=7.5")
    total = 0
    for call in calls:
        pico = call.nanos() * 1000
        if call.model.startswith("anthropic."):
            pico = round_nano(pico * 925 / 1000)
        total += pico
    equal(answer["total"]["cost_nusd"], round_nano(total / 1000), "discounted")


def main():
    tap = Tap()
    book = Book(os.path.join(ROOT, "data", "prices.csv"))
    with temporary() as tmp:
        for seed in (3,) if sanitized() else (3, 4):
            for bodies in ("inline", "s3", "none"):
                where = f"{bodies}, seed {seed}"
                base = os.path.join(tmp, f"{bodies}-{seed}")
                tree = os.path.join(base, "AWSLogs")
                truth = simulate(base, "--users", 6, "--days", 2, "--seed", seed, "--bodies",
                                 bodies, "--body-scale", 1)
                tap.case(f"the total is the truth ({where})", same_total, tree, truth)
                for dimension, group in (("account", "by_account"), ("region", "by_region"),
                                         ("model_id", "by_model"), ("principal", "by_user"),
                                         ("operation", "by_operation")):
                    tap.case(f"each {dimension} is the truth ({where})", same_groups, tree, truth,
                             dimension, group)
                for dimension in ("person", "team"):
                    tap.case(f"each {dimension} of the directory is the truth ({where})",
                             same_groups, tree, truth, dimension, "by_" + dimension,
                             "--directory", os.path.join(base, "directory.csv"))
                tap.case(f"each day is the truth ({where})", same_days, tree, truth)
                tap.case(f"each error is the truth ({where})", same_errors, tree, truth)
                tap.case(f"each user and model is the truth ({where})", same_user_models, tree,
                         truth)
                lines = list(lines_of(tree))
                profiles_file = os.path.join(base, "profiles.yaml")
                profiles = read_profiles(profiles_file)
                calls = calls_of(lines, base, True, book, profiles)
                tap.case(f"the cost with profiles is what the price file says ({where})",
                         same_cost, tree, calls, "--profiles", profiles_file)
                tap.case(f"a discount is rounded once per call ({where})", same_discount, tree,
                         calls, ("--profiles", profiles_file))
                tap.case(f"the cost without profiles is what the bodies allow ({where})",
                         same_cost, tree, calls_of(lines, base, True, book, {}))
                tap.case(f"the cost without bodies is what the envelope allows ({where})",
                         same_cost, tree, calls_of(lines, base, False, book, profiles),
                         "--profiles", profiles_file, "--level", "counts")
    tap.done()


if __name__ == "__main__":
    main()
