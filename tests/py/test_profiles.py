"""Application inference profiles: what a store learns of them from AWS, remembers, and prices again
(profile facts, section 3 and rules 6 to 8; bedrock-logs 31, 33, 35), and their tags as dimensions.
The control plane is a small server of our own: moto has no inference profiles."""
import json
import os
import re
import sqlite3
import time
import urllib.parse
from contextlib import closing

from logs_server import ACCOUNT, LogsServer, error
from support import (DONE, BAD_USAGE, Tap, assay, environment, equal, lines_of, report, simulate,
                     temporary)

REGION = "eu-west-1"
OPUS, SONNET = "anthropic.claude-opus-4-8", "anthropic.claude-sonnet-4-6"
QUESTIONS = (["overview"], ["models"], ["profiles"], ["unpriced"], ["people"],
             ["--by", "time,user,model,scope,geo,reason,outcome", "--bucket", "hour"],
             ["--by", "model_id,tier,error", "--metrics", "invocations,cost,cost_high,unpriced"])


def arn_of(name, account=ACCOUNT, region=REGION):
    return f"arn:aws:bedrock:{region}:{account}:application-inference-profile/{name}"


def models(model, *regions):
    """The ARNs that GetInferenceProfile answers; a Region may be empty."""
    return [f"arn:aws:bedrock:{region}::foundation-model/{model}" for region in regions]


class ControlPlane(LogsServer):
    """GetInferenceProfile and ListTagsForResource for self.profiles: ARN -> (models, tags), or an
    answer of error(). What was asked stands in self.asked and self.tagged."""

    def __init__(self, **more):
        super().__init__(**more)
        self.profiles, self.asked, self.tagged, self.tag_error, self.throttle = {}, [], [], None, 0
        self.bedrock = self

    def __contains__(self, path):
        return path.startswith("/inference-profiles/") or path == "/listTagsForResource"

    def __getitem__(self, path):
        if self.throttle > 0:
            self.throttle -= 1
            return error(429, "ThrottlingException", "Too many requests")
        if path == "/listTagsForResource":
            arn = json.loads(self.bodies[-1])["resourceARN"]
            self.tagged.append(arn)
            tags = [{"key": k, "value": v} for k, v in self.profiles[arn][1].items()]
            return self.tag_error or (200, {"tags": tags}, {})
        arn = urllib.parse.unquote(path.rpartition("/inference-profiles/")[2])
        self.asked.append(arn)
        known = self.profiles.get(arn)
        if known is None:
            return error(404, "ResourceNotFoundException", "The inference profile was not found.")
        if isinstance(known[0], int):
            return known
        return 200, {"inferenceProfileArn": arn, "inferenceProfileName": "name of it",
                     "status": "ACTIVE", "type": "APPLICATION",
                     "models": [{"modelArn": model} for model in known[0]]}, {}

    def file(self, path):
        """The same as a user's map."""
        with open(path, "w", encoding="utf-8") as out:
            for arn, (names, tags) in self.profiles.items():
                pairs = ", ".join(f"{k}={v}" for k, v in tags.items())
                out.write(f"- arn: {arn}\n  models: {', '.join(names)}\n  name: name of it\n"
                          + (f"  tags: {pairs}\n" if pairs else ""))
        return path


def record(number, model_id, tokens=1000, second=0, **more):
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(1790000000 + 3600 * number + second))
    return {"schemaType": "ModelInvocationLog", "schemaVersion": "1.0", "timestamp": at,
            "accountId": ACCOUNT, "region": REGION, "requestId": f"request-{number}-{second}",
            "operation": "Converse", "modelId": model_id,
            "identity": {"arn": f"arn:aws:iam::{ACCOUNT}:user/u{number % 3}"},
            "input": {"inputTokenCount": tokens}, "output": {"outputTokenCount": 10}, **more}


def write(path, records):
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(json.dumps(r) + "\n" for r in records)
    return path


def ingest(aws, store, *operands, resolve=True, **more):
    flags = ["--resolve-profiles"] if resolve is True else ["--no-resolve-profiles"]
    return assay("ingest", *operands, "--store", store, *(flags if resolve is not None else []),
                 code=DONE, env=environment(**aws.env), **more)


def same_answers(one, other):
    for question in QUESTIONS:
        answers = [assay("report", *question, "--store", store, "--format", "json", code=DONE).out
                   for store in (one, other)]
        assert answers[0] == answers[1], f"{question} differs"


def reasons(store):
    return {row["reason"]: row for row in report("--store", store, "--by", "reason", "--metrics",
                                                 "invocations,tokens,cost")["rows"]}


def rows_of(store, *arguments):
    return report("--store", store, *arguments)["rows"]


def resolved_later(aws, folder):
    """A store that learns of its profiles while it is written, or after, answers byte for byte as
    one that knew them before (profile facts, 3; bedrock-logs 31)."""
    path = os.path.join(folder, "tree")
    simulate(path, "--users", "6", "--days", "3", "--bodies", "none")
    found = {}
    for line in lines_of(path):
        model = json.loads(line)["modelId"]
        if ":application-inference-profile/" in model:
            found[model] = found.get(model, 0) + 1
    assert len(found) > 2, found
    for i, arn in enumerate(sorted(found)[:-1]):  # the last one is deleted
        regions = [("eu-west-1",), ("eu-west-1", "eu-north-1"), ("", "us-east-1")][i % 3]
        aws.profiles[arn] = models((OPUS, SONNET)[i % 2], *regions), {"team": f"t{i}"}
    aws.accounts = (sorted(found)[-1].split(":")[4],)
    logs, stores = os.path.join(path, "AWSLogs"), [os.path.join(folder, f"{n}.db") for n in range(3)]
    assay("ingest", logs, "--store", stores[0], "--profiles",
          aws.file(os.path.join(folder, "profiles.yaml")), code=DONE)
    ingest(aws, stores[1], logs)
    equal(sorted(aws.asked), sorted(found), "each is asked for once")
    equal(sorted(aws.tagged), sorted(aws.profiles), "tags")
    assay("ingest", logs, "--store", stores[2], code=DONE)
    late = sum(found[arn] for arn in aws.profiles)
    assert reasons(stores[2])["profile not resolved"]["invocations"] > 0
    empty = os.path.join(folder, "empty")
    os.mkdir(empty)
    open(os.path.join(empty, "0.json"), "w", encoding="utf-8").close()
    told = ingest(aws, stores[2], empty).out.decode()
    priced = int(re.search(r"^(\d+) invocations? that w\w+ kept", told, re.M)[1])
    assert 0 < priced <= late, (priced, late)
    same_answers(stores[0], stores[1])
    same_answers(stores[0], stores[2])
    n = len(aws.asked)
    ingest(aws, stores[1], empty)
    equal(len(aws.asked), n, "nothing is asked for again, the deleted one neither")


def first_in_time(aws, folder):
    """Records that come after the answer are priced at once, in the same run or the next."""
    aws.profiles[arn_of("a1")] = models(OPUS, REGION), {}
    store = os.path.join(folder, "s.db")
    ingest(aws, store, write(os.path.join(folder, "1.json"), [record(1, arn_of("a1"))]))
    told = ingest(aws, store, write(os.path.join(folder, "2.json"), [record(2, arn_of("a1"))]),
                  resolve=False).out.decode()
    assert "kept before" not in told, told
    equal([(r["model"], r["invocations"], r["unpriced"]) for r in rows_of(store, "--by", "model")],
          [(OPUS, 2, 0)], "rows")


def deleted(aws, folder):
    """Unknown: unpriced with its tokens, never 0, and remembered. Known and deleted afterwards:
    priced as ever (bedrock-logs 31, 33; profile rule 7)."""
    aws.profiles[arn_of("lives")] = models(OPUS, REGION), {"team": "search"}
    store = os.path.join(folder, "s.db")
    logs = write(os.path.join(folder, "1.json"),
                 [record(1, arn_of("lives")), record(2, arn_of("gone"), 500)])
    told = ingest(aws, store, logs).out.decode()
    assert "2 profiles: 1 known, 1 deleted, 0 not allowed" in told, told
    row = reasons(store)["profile not resolved"]
    equal((row["tokens"], row["cost_nusd"], row["unpriced"]), (510, None, 1), "tokens stay")
    before = assay("report", "models", "--store", store, "--format", "json").out
    aws.profiles.clear()
    with closing(sqlite3.connect(store)) as db, db:
        db.execute("UPDATE profile SET asked_us=1")  # long ago
    aws.asked.clear()
    ingest(aws, store, write(os.path.join(folder, "2.json"), []))
    equal(aws.asked, [arn_of("lives")], "asked for again because its tags may have changed")
    equal(assay("report", "models", "--store", store, "--format", "json").out.replace(
        b'"files": 2', b'"files": 1'), before, "priced from what is remembered")
    equal([r["tag:team"] for r in rows_of(store, "--by", "tag:team", "--order", "tag:team")],
          ["", "search"], "tags stay")


def not_allowed(aws, folder):
    """Told once for an account, with the statement that is missing; asked for again in the next
    run, and then priced."""
    refusal = error(403, "AccessDeniedException", "User: arn:aws:iam::123456789012:user/ada is not "
                    "authorized to perform: bedrock:GetInferenceProfile")
    names = [arn_of(f"d{i}") for i in range(3)]
    for arn in names:
        aws.profiles[arn] = refusal
    store = os.path.join(folder, "s.db")
    logs = write(os.path.join(folder, "1.json"), [record(i, arn) for i, arn in enumerate(names)])
    done = ingest(aws, store, logs)
    assert "0 known, 0 deleted, 3 not allowed" in done.out.decode(), done.out
    policies = re.findall(r'\{"Version".*\}', done.err)
    equal(len(policies), 1, done.err)
    statement = json.loads(policies[0])["Statement"][0]
    equal((statement["Effect"], statement["Action"], statement["Resource"]),
          ("Allow", ["bedrock:GetInferenceProfile", "bedrock:ListTagsForResource"],
           f"arn:aws:bedrock:*:{ACCOUNT}:application-inference-profile/*"), "policy")
    equal(reasons(store)["profile not resolved"]["invocations"], 3, "unpriced")
    for arn in names:
        aws.profiles[arn] = models(SONNET, ""), {}
    aws.tag_error = error(403, "AccessDeniedException", "not authorized")
    done = ingest(aws, store, write(os.path.join(folder, "2.json"), []))
    assert "3 known" in done.out.decode() and "\n3 invocations that were kept" in done.out.decode()
    equal(len(re.findall(r'\{"Version"', done.err)), 1, "the tags are refused: told once")
    equal([(r["model"], r["scope"]) for r in rows_of(store, "--by", "model,scope")],
          [(SONNET, "global")], "a model ARN without a Region means global (profile rule 6)")


def other_account(aws, folder):
    """Only who is of its account can say that a profile is gone; to others it is not allowed."""
    store = os.path.join(folder, "s.db")
    logs = write(os.path.join(folder, "1.json"), [record(1, arn_of("x", "999988887777"))])
    done = ingest(aws, store, logs)
    assert "0 deleted, 1 not allowed" in done.out.decode(), done.out
    assert "not of account 999988887777" in done.err, done.err
    assert "arn:aws:bedrock:*:999988887777:application-inference-profile/*" in done.err


def throttled(aws, folder):
    aws.profiles[arn_of("slow")] = models(OPUS, REGION), {"team": "a"}
    aws.throttle = 2
    store = os.path.join(folder, "s.db")
    logs = write(os.path.join(folder, "1.json"), [record(1, arn_of("slow"))])
    assert "1 known" in ingest(aws, store, logs).out.decode()
    equal(list(reasons(store)), [""], "priced")


def bad_answers(aws, folder):
    """Two models are an error (profile rule 8), and nothing that helps is nothing learned; ids that
    are no profile's are not asked for."""
    aws.profiles[arn_of("two")] = models(OPUS, REGION) + models(SONNET, REGION), {}
    aws.profiles[arn_of("none")] = ["arn:aws:bedrock:eu-west-1:1:inference-profile/x"], {}
    odd = [arn_of("x", account="1"), arn_of("x", region="../../x"), arn_of("x" * 300),
           "arn:aws:bedrock:eu-west-1::application-inference-profile/a b"]
    store = os.path.join(folder, "s.db")
    logs = write(os.path.join(folder, "1.json"), [record(i, arn) for i, arn in enumerate(
        [arn_of("two"), arn_of("none"), *odd])])
    done = ingest(aws, store, logs)
    assert "2 without an answer" in done.out.decode(), done.out
    assert "does not name one foundation model" in done.err, done.err
    assert set(aws.asked) <= {arn_of("two"), arn_of("none")}, aws.asked
    equal(reasons(store)["profile not resolved"]["invocations"], 6, "unpriced")


def long_context(aws, folder):
    """Priced again one by one: what depends on a single call (its size, its day, its tier) is
    right, and rows of another kind of ARN stay as they are (bedrock-logs 35)."""
    aws.profiles[arn_of("c")] = models("anthropic.claude-sonnet-4-5-20250929-v1:0", REGION), {}
    calls = [record(i, arn_of("c"), 150000 + 1000 * i, second=i % 7,
                    performanceConfig={"latency": "optimized" if i % 5 == 0 else "standard"})
             for i in range(120)]
    calls.append(record(200, f"arn:aws:bedrock:{REGION}:{ACCOUNT}:provisioned-model/abc"))
    logs = write(os.path.join(folder, "1.json"), calls)
    early, late = (os.path.join(folder, name) for name in ("early.db", "late.db"))
    ingest(aws, late, logs, resolve=False)
    assay("ingest", logs, "--store", early, "--profiles",
          aws.file(os.path.join(folder, "p.yaml")), code=DONE)
    os.remove(logs)
    ingest(aws, late, write(logs, []))
    ingest(aws, early, logs, resolve=False)
    same_answers(early, late)


def no_longer_kept(aws, folder):
    """Without its fact a call cannot be priced again: it stays unpriced, and that is told."""
    aws.profiles[arn_of("old")] = models(OPUS, REGION), {}
    store = os.path.join(folder, "s.db")
    ingest(aws, store, write(os.path.join(folder, "1.json"), [record(1, arn_of("old"))]),
           resolve=False)
    assay("store", "retain", "--store", store, "--keep-facts", "30d", code=DONE)
    today = int((time.time() - 1790000000) // 3600)
    told = ingest(aws, store, write(os.path.join(folder, "2.json"),
                                    [record(today, arn_of("old"))])).out.decode()
    assert "\n1 invocation stays unpriced" in told, told
    equal({reason: row["tokens"] for reason, row in reasons(store).items()},
          {"": 1010, "profile not resolved": 1010}, "tokens")


def given_by_a_file(aws, folder):
    """--profiles fills in what was kept before, too, and stays known to the store without it."""
    aws.profiles[arn_of("f")] = models(OPUS, REGION, "eu-north-1"), {"team": "filed"}
    store = os.path.join(folder, "s.db")
    ingest(aws, store, write(os.path.join(folder, "1.json"), [record(1, arn_of("f"))]),
           resolve=False)
    path = aws.file(os.path.join(folder, "p.yaml"))
    done = assay("ingest", write(os.path.join(folder, "2.json"), []), "--store", store,
                 "--profiles", path, code=DONE)
    assert "1 invocation that was kept before" in done.out.decode(), done.out
    ingest(aws, store, write(os.path.join(folder, "3.json"), [record(3, arn_of("f"))]),
           resolve=False)
    equal([(r["tag:team"], r["scope"], r["invocations"], r["unpriced"])
           for r in rows_of(store, "--by", "tag:team,scope")], [("filed", "geo", 2, 0)], "rows")
    equal(aws.asked, [], "nobody was asked")


def tags(aws, folder):
    """Rows and filters by tag, from a store and from logs alike; whoever may tag chooses the
    texts."""
    hostile = "\x1b[31m\n\u202e" + "x" * 400
    aws.profiles.update({
        arn_of("a"): (models(OPUS, REGION), {"owner-team": "search", "service_name": "index"}),
        arn_of("b"): (models(OPUS, REGION), {"owner-team": "ads", "Owner-Team": "other"}),
        arn_of("c"): (models(OPUS, REGION), {"owner-team": hostile, "a:b": "colon"})})
    logs = write(os.path.join(folder, "1.json"), [
        record(1, arn_of("a")), record(2, arn_of("a")), record(3, arn_of("b")),
        record(4, arn_of("c")), record(5, OPUS)])
    store = os.path.join(folder, "s.db")
    ingest(aws, store, logs)

    def counts(*arguments):
        rows = rows_of(store, "--metrics", "invocations", *arguments)
        return {tuple(v for k, v in row.items() if k.startswith("tag:")): row["invocations"]
                for row in rows}
    by = counts("--by", "tag:owner-team,tag:service_name")
    long = [key for key in by if key[0].startswith("\x1b")][0]
    assert len(long[0].encode()) == 256, long
    equal({k: n for k, n in by.items() if k != long},
          {("search", "index"): 2, ("ads", ""): 1, ("", ""): 1}, "two tags")
    equal(counts("--by", "tag:Owner-Team", "--order", "tag:Owner-Team"),
          {("",): 4, ("other",): 1}, "keys differ by case")
    equal(counts("--by", "tag:owner-team", "--where", "tag:owner-team=SEARCH,ad?"),
          {("search",): 2, ("ads",): 1}, "filter")
    equal(counts("--by", "tag:owner-team", "--where", "tag:owner-team!=",
                 "--where", "tag:a:b=colon"), {(long[0],): 1}, "filters")
    equal(list(counts("--by", "tag:a:b", "--order", "tag:a:b:desc")), [("colon",), ("",)], "order")
    for form in ("table", "csv", "md"):
        out = assay("report", "--store", store, "--by", "tag:owner-team", "--format", form,
                    code=DONE).out
        assert b"\x1b" not in out and "\u202e".encode() not in out, (form, out)
        assert b"owner-team" in out, (form, out)
    heads = assay("report", "--store", store, "--by", "tag:owner-team", "--where",
                  "tag:service_name=index", "--format", "csv", code=DONE).out.splitlines()
    assert heads[0].startswith(b"tag:owner-team,") and heads[1].startswith(b"search,"), heads
    del aws.profiles[arn_of("c")]
    path = aws.file(os.path.join(folder, "p.yaml"))
    once = report(logs, "--profiles", path, "--by", "tag:owner-team,model")["rows"]
    kept = rows_of(store, "--by", "tag:owner-team,model")
    equal([r for r in once if r["tag:owner-team"]],
          [r for r in kept if r["tag:owner-team"] in ("search", "ads")], "logs and store")
    for wrong in ("tag:", "tag", "tag:" + "k" * 129, "tag:a\nb"):
        done = assay("report", "--store", store, "--by", wrong, code=BAD_USAGE)
        assert "unknown dimension" in done.err, done.err
    assay("report", "--store", store, "--by", "tag:a,tag:a", code=BAD_USAGE)


def by_default(aws, folder):
    """Logs that come from AWS have their profiles resolved without being asked to; not when told
    otherwise, and not for files."""
    aws.profiles[arn_of("w")] = models(OPUS, REGION), {}
    aws.put("group", [record(1, arn_of("w"))])
    store = os.path.join(folder, "s.db")
    since = ["--since", "2026-01-01"]
    ingest(aws, store, "cloudwatch:group", *since, resolve=False)
    ingest(aws, store, write(os.path.join(folder, "1.json"), [record(2, arn_of("w"))]),
           resolve=None)
    equal(aws.asked, [], "nobody was asked")
    ingest(aws, store, "cloudwatch:group", *since, resolve=None)
    equal(aws.asked, [arn_of("w")], "asked")
    equal(list(reasons(store)), [""], "priced")
    assay("ingest", folder, "--store", store, "--resolve-profiles", "--no-resolve-profiles",
          code=BAD_USAGE)


def nobody_answers(aws, folder):
    """Without a network the run is done all the same, and the tokens are kept (bedrock-logs 31)."""
    store = os.path.join(folder, "s.db")
    logs = write(os.path.join(folder, "1.json"), [record(1, arn_of("n"))])
    env = {**aws.env, "AWS_ENDPOINT_URL": "http://127.0.0.1:1"}
    done = assay("ingest", logs, "--store", store, "--resolve-profiles", code=DONE,
                 env=environment(**env))
    assert "1 without an answer" in done.out.decode(), done.out
    equal(reasons(store)["profile not resolved"]["tokens"], 1010, "tokens")
    env = {**env, "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
    done = assay("ingest", logs, "--store", store, "--resolve-profiles", code=DONE,
                 env=environment(**env))
    assert "1 without an answer" in done.out.decode() and "Statement" not in done.err, done.err
    assert "no AWS credentials" in done.err, done.err


def main():
    tap = Tap()
    for what, test in (
            ("a store that learns later answers as one that knew before", resolved_later),
            ("what comes after the answer is priced at once", first_in_time),
            ("a deleted profile stays priced; an unknown one stays unpriced", deleted),
            ("a missing permission is told once, with the policy", not_allowed),
            ("a profile of another account", other_account),
            ("throttling is waited for", throttled),
            ("answers that do not help", bad_answers),
            ("single calls are priced again, not sums", long_context),
            ("what is no longer kept stays unpriced", no_longer_kept),
            ("what a file says is learned, too", given_by_a_file),
            ("tags are dimensions", tags),
            ("resolved by default where logs come from AWS", by_default),
            ("no network", nobody_answers)):
        with ControlPlane() as aws, temporary() as folder:
            tap.case(what, test, aws, folder)
    tap.done()


if __name__ == "__main__":
    main()
