"""Bad input never stops a run: it is told in one line or listed with file, offset and reason, the
exit code says so, and the rest is still counted."""
import gzip
import json
import os
import signal
import subprocess
import threading

import forms
from box import as_nobody, one_line, run
from support import (ASSAY, BAD_USAGE, CANNOT, DONE, INCOMPLETE, assay, environment, equal, line,
                     peak_of, record, report, sanitized, total_of, write)

MIB = 1 << 20


def expect(box, invocations, reasons, code=DONE, options=()):
    """The rest is counted, and each trouble is listed: {file: reason}."""
    total, about, troubles = box.ask(*options, code=code)
    equal(total["invocations"], invocations, "invocations")
    equal({path: reason for path, _, reason in troubles}, reasons, "quarantine")
    total, stored = box.store(*options, code=code)
    equal(total["invocations"], invocations, "invocations in a store")
    equal((stored["quarantined"], stored["files_failed"]),
          (about["quarantined"], about["files_failed"]), "a store tells the same")
    return about, troubles


def truncated_gzip(box):
    whole = gzip.compress(b"".join(line(f"r{i}", note=os.urandom(300).hex())
                                   for i in range(200)), 6)
    box.file("a.gz", whole[:len(whole) * 3 // 4])
    box.file("b.gz", gzip.compress(line("b")))
    total, about, troubles = box.ask(code=INCOMPLETE)
    assert 100 < total["invocations"] < 200, total
    equal(about["files_failed"], 1, "files failed")
    equal({(path, reason) for path, _, reason in troubles} -
          {("a.gz", "the record ends too early")}, {("a.gz", "the gzip file ends too early")},
          "quarantine")
    store = box.path + ".store"
    assay("ingest", box.path, "--store", store, code=INCOMPLETE)
    equal(total_of("--store", store, code=(DONE, INCOMPLETE))["invocations"],
          total["invocations"], "stored")
    # The file is completed: no record is counted twice, and nothing is wrong any more.
    box.file("a.gz", whole)
    assay("ingest", box.path, "--store", store, code=DONE)
    answer = report("--store", store)
    equal(answer["about"]["invocations"], 201, "completed")
    equal((answer["about"]["files_failed"], answer["about"]["quarantined"]), (0, 0), "healed")


def wrong_crc(box):
    data = bytearray(gzip.compress(line("a") + line("b"), 6))
    data[-6] ^= 1
    box.file("bad.gz", bytes(data))
    box.file("good.gz", gzip.compress(line("c")))
    expect(box, 3, {"bad.gz": "the gzip file is damaged"}, INCOMPLETE)


def damaged_deflate(box):
    data = bytearray(gzip.compress(b"".join(line(f"r{i}") for i in range(500)), 6))
    for i in range(len(data) // 2, len(data) // 2 + 20):
        data[i] ^= 0xFF
    box.file("bad.gz", bytes(data))
    box.file("good", line("c"))
    total, about, troubles = box.ask(code=INCOMPLETE)
    assert total["invocations"] >= 1 and about["files_failed"] == 1, (total, about)
    assert ("bad.gz", "the gzip file is damaged") in [(p, r) for p, _, r in troubles], troubles


def garbage(box):
    box.file("noise", bytes(range(256)) * 2000)
    box.file("words", b"no log at all\n" * 1000)
    box.file("magic.gz", b"\x1f\x8b\x08" + bytes(range(200)))
    box.file("good", line("a") + b"%$ garbage \x00\x01\xff\n" + line("b"))
    total, about, troubles = box.ask(code=INCOMPLETE)
    equal(total["invocations"], 2, "invocations")
    assert {"magic.gz"} <= {path for path, _, _ in troubles} <= {"magic.gz", "noise"}, troubles


def broken_lines(box):
    good = [line(f"g{i}") for i in range(6)]
    bad = [b'{"requestId":"x","modelId":"m","input":\n', b'{"a":[1,2}\n',
           b'{"requestId":"\xff\xfe","modelId":"m"}\n', b'{"requestId":"a\tb","modelId":"m"}\n',
           b'{"schemaType":"ModelInvocationLog"}\n']
    text = good[0] + b"".join(b + g for b, g in zip(bad, good[1:]))
    box.file("mixed", text)
    total, about, troubles = box.ask()
    equal(total["invocations"], 6, "invocations")
    equal(about["quarantined"], 5, troubles)
    offsets, at = [], len(good[0])
    for b, g in zip(bad, good[1:]):
        offsets.append(at)
        at += len(b) + len(g)
    equal([offset for _, offset, _ in troubles], offsets, "offsets")
    assert all(reason for _, _, reason in troubles)


def deep_nesting(box):
    deep = b'{"requestId":"deep","modelId":"m","x":' + b"[" * 600 + b"]" * 600 + b"}\n"
    deeper = b'{"requestId":"deeper","modelId":"m","x":' + b'{"a":' * 200000 + b"1"
    fine = b'{"requestId":"fine","modelId":"m","x":' + b"[" * 500 + b"]" * 500 + b"}\n"
    box.file("deep", deep + fine + line("a") + deeper + b"}" * 200000 + b"}\n" + line("b"))
    box.file("open", b"[" * MIB)
    box.file("open2", b'{"a":' * 300000)
    total, about, troubles = box.ask()
    equal(total["invocations"], 3, "invocations")
    assert [p for p, _, _ in troubles].count("deep") == 2, troubles


def giant_line(size):
    return b'{"requestId":"giant","modelId":"m","x":"' + b"x" * size + b'"}\n'


def long_line(box):
    box.file("long", line("a") + giant_line(100 * MIB) + line("b"))
    result, peak = peak_of("report", box.path, "--by", "", "--metrics", "invocations", "--format",
                           "json", "--threads", 1)
    equal(result.code, DONE, result.err)
    answer = result.json()
    equal((answer["total"]["invocations"], answer["about"]["quarantined"]), (2, 1), "the rest")
    assert f"long:{len(line('a'))}: " in result.err, result.err
    assert peak < 400 or sanitized(), f"peak memory {peak} MiB"
    equal(box.ask("--max-line", "200M")[0]["invocations"], 3, "--max-line 200M")
    os.remove(os.path.join(box.path, "long"))
    box.file("small", line("a") + giant_line(5000) + line("b"))
    total, _, troubles = box.ask("--max-line", "4k")
    equal(total["invocations"], 2, "--max-line 4k")
    equal([(p, o) for p, o, _ in troubles], [("small", len(line("a")))], "quarantine")


def gzip_bomb(box):
    bomb = gzip.compress(line("a") + b" " * (200 * MIB) + b"\n" + line("late"), 9)
    box.file("bomb.gz", bomb)
    box.file("good", line("b"))
    for options in (("--max-inflated", "20M"), ("--max-ratio", "100")):
        total, about, troubles = box.ask(*options, code=INCOMPLETE)
        equal(total["invocations"], 2, options)
        equal([(p, r) for p, _, r in troubles],
              [("bomb.gz", "the gzip file inflates beyond the limits")], options)
    result, peak = peak_of("report", box.path, "--by", "", "--metrics", "invocations", "--format",
                           "json", "--threads", 1)
    assert peak < 150 or sanitized(), f"peak memory {peak} MiB"
    # gzip in gzip, and a bomb inside an envelope.
    box.file("bomb.gz", gzip.compress(gzip.compress(b"\0" * (300 * MIB), 9), 9))
    box.file("inside", forms.lambda_event([b"x" * (100 * MIB)]))
    result, peak = peak_of("report", box.path, "--by", "", "--metrics", "invocations", "--format",
                           "json", "--threads", 1)
    equal(result.json()["total"]["invocations"], 1, result.err)
    assert peak < 400 or sanitized(), f"peak memory {peak} MiB"


def bad_numbers(box):
    values = ("-1", "-9223372036854775809", "1.5", "1e3", "1e400", '"12"', "true", "[1]", "{}",
              "9007199254740993", "99999999999999999999999999")
    text = b""
    for i, value in enumerate(values):
        text += line(f"n{i}", input={"inputTokenCount": 77, "cacheReadInputTokenCount": 3}).replace(
            b"77", value.encode())
    box.file("numbers", text + line("good"))
    for total, about in (box.ask()[:2], box.store()):
        equal(total["invocations"], len(values) + 1, "all records count")
        equal((total["input"], total["output"]), (10, 2 * (len(values) + 1)), "what is a number")
        equal(about["quarantined"], 0, "none is broken")
    equal(box.ask()[0]["odd"], len(values), "each is odd")


def largest_numbers(box):
    box.file("most", b"".join(line(f"m{i}", input={"inputTokenCount": 10 ** 10},
                                   output={"outputTokenCount": 10 ** 10}) for i in range(2000)))
    total = box.ask()[0]
    equal(total["input"], 2000 * 10 ** 10, "input")
    assert total["cost_nusd"] is None or total["cost_nusd"] > 0, total
    equal(box.store()[0]["input"], 2000 * 10 ** 10, "input in a store")


TIMES = ("", "yesterday", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z", "2026-04-99T23:00:17Z",
         "0000-00-00T00:00:00Z", "0001-01-01T00:00:00Z", "1900-01-01T00:00:00Z",
         "1969-12-31T23:59:59Z", "1970-01-01T00:00:00+14:00",
         "9999-12-31T23:59:60Z", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59-12:00",
         "10000-01-01T00:00:00Z", "99999999999999999999", "2026-10-05T25:61:61Z", "-5",
         "2026-10-05T12:00:00Z" + "0" * 500)


def absurd_times(box):
    text = b"".join(line(f"t{i}", timestamp=time) for i, time in enumerate(TIMES))
    text += line("number", timestamp=1792497600000) + line("null", timestamp=None)
    box.file("times", text + line("good"))
    total, about, troubles = box.ask()
    equal((total["invocations"], troubles), (len(TIMES) + 3, []), "all records count")
    total, _ = box.store()
    equal(total["invocations"], len(TIMES) + 3, "in a store too")
    for bucket in ("hour", "day", "week", "month", "year"):
        both = [report(*source, "--by", "time", "--bucket", bucket, "--metrics", "invocations",
                       "--tz", "America/New_York")["rows"]
                for source in ((box.path,), ("--store", box.path + ".store"))]
        equal(both[1], both[0], f"by {bucket}")


def times_of_delivery(box):
    """Without a usable time of its own a record is dated by what delivered it."""
    bad = (json.dumps(record("r", timestamp="2026-04-99T23:00:17Z")).encode(),)
    day = "2026-10-20"
    for form in (forms.subscription, forms.lambda_event, forms.kinesis_event, forms.base64_lines,
                 forms.firehose, forms.export_lines, forms.tail_lines, forms.console_csv):
        path = box.file(form.__name__, form(bad))
        rows = report(path, "--by", "time", "--bucket", "day", "--metrics",
                      "invocations,time_guessed")["rows"]
        equal([(r["time"][:10], r["invocations"], r["time_guessed"]) for r in rows],
              [(day, 1, 1)], form.__name__)
    path = box.file("AWSLogs/012345678901/BedrockModelInvocationLogs/us-east-1/2026/10/20/07/x",
                    bad[0])
    rows = report(path, "--by", "time", "--bucket", "hour", "--metrics", "invocations")["rows"]
    equal([r["time"][:13] for r in rows], [day + "T07"], "the hour of the key")


def odd_objects(box):
    box.file("odd", b"{}\n[]\nnull\n1\n\"text\"\n" +
             b'{"modelId":"m","requestId":"r","modelId":"m2","requestId":"r2"}\n' +
             b'{"modelId":null,"requestId":null,"timestamp":null,"schemaType":"ModelInvocationLog"}\n'
             + b'{"modelId":5,"requestId":[],"timestamp":{}}\n' + line("a"))
    total, about, _ = box.ask()
    equal(total["invocations"], 2, "invocations")
    rows = report(box.path, "--by", "model_id", "--metrics", "invocations")["rows"]
    assert {"m2"} <= {row["model_id"] for row in rows}, f"of duplicate keys the last wins: {rows}"


def long_names(box):
    box.file("names", line("n", modelId="m" * 100000, identity={"arn": "a" * 100000}) +
             line("x" * 5000) + line("x" * 5000) + line("y" * 1500) + line("y" * 1500) + line("g"))
    total, about, _ = box.ask()
    assert 3 <= total["invocations"] <= 6, total
    for form in ("table", "csv", "md"):
        assay("report", box.path, "--format", form, code=DONE)


def ask_as_nobody(box, code):
    before = as_nobody()
    return assay("report", box.path, "--by", "", "--metrics", "invocations", "--format", "json",
                 before=before, code=code)


def unreadable(box):
    box.file("good", line("a"))
    secret = box.file("secret", line("b"))
    closed = box.file("closed/c", line("c"))
    os.chmod(secret, 0)
    os.chmod(os.path.dirname(closed), 0)
    result = ask_as_nobody(box, INCOMPLETE)
    answer = result.json()
    equal(answer["total"]["invocations"], 1, "the rest is counted")
    equal(answer["about"]["files_failed"], 2, "files failed")
    said = result.err.splitlines()
    equal(len(said), 2, result.err)
    assert any("secret: " in s for s in said) and any("closed: " in s for s in said), said
    os.chmod(os.path.dirname(closed), 0o755)


def vanishing(box):
    """Files that come and go while they are read."""
    for i in range(400):
        box.file(f"{i % 20}/{i}", line(f"r{i}"))
    stop = threading.Event()

    def churn():
        while not stop.is_set():
            for i in range(20):
                place = os.path.join(box.path, str(i))
                os.rename(place, place + "x")
                os.rename(place + "x", place)

    thread = threading.Thread(target=churn)
    thread.start()
    try:
        for _ in range(15):
            result = assay("report", box.path, "--by", "", "--metrics", "invocations", "--format",
                           "json", code=(DONE, INCOMPLETE))
            answer = result.json()
            assert answer["total"]["invocations"] <= 400, answer["total"]
            failed = answer["about"]["files_failed"] > 0
            equal(result.code, INCOMPLETE if failed else DONE, "exit code")
    finally:
        stop.set()
        thread.join()


def missing_operand(box):
    box.file("good", line("a"))
    result = assay("report", box.path, box.path + "/nothing", box.path + "/no*glob", "--by", "",
                   "--metrics", "invocations", "--format", "json", code=INCOMPLETE)
    equal(result.json()["total"]["invocations"], 1, "the rest is counted")
    equal(len(result.err.splitlines()), 2, result.err)
    result = assay("ingest", box.path, box.path + "/nothing", "--store", box.path + ".store",
                   code=INCOMPLETE)
    assert "nothing: " in result.err, result.err
    one_line(assay("report"), BAD_USAGE, "nothing to read")
    one_line(assay("ingest", box.path), BAD_USAGE, "--store")
    one_line(assay("ingest", "--store", box.path + ".s"), BAD_USAGE, "nothing to read")


def special_files(box):
    box.file("good", line("a"))
    outside = write(box.path + ".outside/x", line("x"))
    os.mkfifo(os.path.join(box.path, "pipe"))
    os.symlink("loop2", os.path.join(box.path, "loop1"))
    os.symlink("loop1", os.path.join(box.path, "loop2"))
    os.symlink(".", os.path.join(box.path, "self"))
    os.symlink(outside, os.path.join(box.path, "link"))
    os.symlink("nowhere", os.path.join(box.path, "dangling"))
    os.symlink(os.path.dirname(outside), os.path.join(box.path, "folder"))
    box.file("empty", b"")
    box.file(".hidden", line("h"))
    box.file("AWSLogs/012345678901/BedrockModelInvocationLogs/us-east-1/"
             "amazon-bedrock-logs-permission-check", b"x")
    total, about, troubles = box.ask()
    equal((total["invocations"], troubles), (1, []), "links and pipes are passed over")
    # A pipe that is named itself is read.
    pipe = box.path + ".pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=write, args=(pipe, line("p") + line("q")))
    writer.start()
    answer = report(pipe, "--by", "", "--metrics", "invocations")
    writer.join()
    equal(answer["total"]["invocations"], 2, "a named pipe")
    equal(report(os.path.join(box.path, "link"), "--by", "", "--metrics",
                 "invocations")["total"]["invocations"], 1, "a named link is followed")
    result = assay("report", os.path.join(box.path, "loop1"), code=INCOMPLETE)
    assert "loop1: " in result.err, result.err


def body_paths(box):
    """A body is read only below the tree, without links."""
    layout = "AWSLogs/012345678901/BedrockModelInvocationLogs/us-east-1/2026/10/05/12/"
    s3 = "s3://bucket/" + layout
    body = b'{"usage":{"input_tokens":1,"output_tokens":500000}}'
    outside = write(box.path + ".secret/b_output.json", body)
    os.makedirs(os.path.join(box.path, layout, "data"))
    os.symlink(outside, os.path.join(box.path, layout, "data", "link_output.json"))
    os.mkfifo(os.path.join(box.path, layout, "data", "pipe_output.json"))
    box.file(layout + "data/fine_output.json", body)
    box.file(layout + "data/broken_output.json.gz", gzip.compress(body)[:-9])
    paths = {
        "fine": s3 + "data/fine_output.json", "link": s3 + "data/link_output.json",
        "pipe": s3 + "data/pipe_output.json", "gone": s3 + "data/gone_output.json",
        "broken": s3 + "data/broken_output.json.gz",
        "up": s3 + "data/../../../../../../../../../../b_output.json", "web": "https://x/" + layout,
        "other": s3.replace("0123", "0999") + "data/other_output.json",
        "name": s3 + "data/fine_output.json", "file": outside, "nul": s3 + "data/nul\0_output",
    }
    text = b"".join(line(name, input=None, output={"outputBodyS3Path": path})
                    for name, path in paths.items())
    box.file(layout + "records.json", text)
    answer = report(box.path, "--by", "", "--metrics",
                    "invocations,output,bodies_missing,bodies_refused,output_bodies")
    total = answer["total"]
    equal((total["invocations"], total["output"]), (len(paths), 500000), "one body is read")
    equal((total["output_bodies"], total["bodies_missing"], total["bodies_refused"]), (1, 2, 8),
          "the others are counted")


def quarantine_cannot_be_written(box):
    box.file("bad", b'{"a":[}\n' + line("a"))
    answer = report(box.path, "--by", "", "--metrics", "invocations", "--quarantine", "/dev/full")
    equal(answer["total"]["invocations"], 1, "counted all the same")
    one_line(assay("report", box.path, "--quarantine", box.path + "/no/such/place"), CANNOT,
             "/no/such/place")


def interrupted_pipe(box):
    """The reader of the output goes away: no error, no signal."""
    box.file("many", b"".join(line(f"r{i}", identity={"arn": f"arn:aws:iam::1:user/u{i}"})
                              for i in range(5000)))
    child = subprocess.Popen([ASSAY, "report", "people", box.path, "--format", "csv"],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment())
    child.stdout.read(10)
    child.stdout.close()
    said = child.stderr.read()
    child.stderr.close()
    equal((child.wait(), said), (DONE, b""), "a closed pipe")


def hostile_names(box):
    """Names of files may hold anything; none of it reaches the terminal."""
    name = "a\nb\x1b[31m\rc\x07"
    box.file(name, b'{"a":[}\n' + line("a"))
    result = assay("report", box.path, code=DONE)
    assert "\x1b" not in result.err and "\x07" not in result.err, repr(result.err)
    equal(len(result.err.splitlines()), 1, result.err)
    listed = box.path + ".list"
    assay("report", box.path, "--quarantine", listed, code=DONE)
    with open(listed, "rb") as file:
        equal(len(file.read().splitlines()), 1, "one line each")


def hostile_values(box):
    """Nor may values of a record."""
    evil = "evil\x1b]0;x\x07\n\r\x9b31m\u202e\x00"
    box.file("evil", line("a", modelId=evil, region=evil, errorCode=evil, operation=evil,
                          identity={"arn": "arn:aws:iam::012345678901:user/" + evil}))
    for form in ("table", "md", "csv", "json"):
        result = assay("report", box.path, "--by", "user,model_id,region,error,operation",
                       "--metrics", "invocations,cost", "--format", form, code=DONE)
        text = result.out.decode()
        assert "\x1b" not in text and "\x07" not in text and "\x00" not in text, (form, text)
        if form == "table":
            assert "\u202e" not in text and "\x9b" not in text, (form, text)


def memory_stays_small(box):
    """Thousands of damaged records and open brackets need no more memory than a few."""
    bad = (b'{"requestId":"x","modelId":"m","input":{"inputBodyJson":{"a":[[[[{"b":"' +
           b"y" * 300 + b"\n")
    box.file("bad", bad * 20000 + line("a"))
    box.file("quote", b'{"a":"' + b"z" * (8 * MIB) + b"\n" + line("q"))
    box.file("envelopes", b'{"message":"{\\"message\\":\\"\\"}"}\n' * 50000 + line("e"))
    result, peak = peak_of("report", box.path, "--by", "", "--metrics", "invocations", "--format",
                           "json", "--threads", 1, "--quiet")
    equal(result.json()["total"]["invocations"], 3, result.err)
    assert peak < 150 or sanitized(), f"peak memory {peak} MiB"


def stopped_by_signal(box):
    """An interrupt ends a waiting run at once, without a trace."""
    pipe = box.path + ".pipe"
    os.mkfifo(pipe)
    child = subprocess.Popen([ASSAY, "report", pipe], stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, env=environment(),
                             # A shell's background job starts with the interrupt ignored.
                             preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    with open(pipe, "wb") as file:
        file.write(line("a"))
        file.flush()
        child.send_signal(signal.SIGINT)
        out, _ = child.communicate(timeout=60)
    assert child.returncode in (-signal.SIGINT, 130) and out == b"", child.returncode


CASES = (
    ("a truncated gzip gives its whole records, and heals when it is completed", truncated_gzip),
    ("a wrong CRC is told, its records count", wrong_crc),
    ("damaged compression is told, the rest counts", damaged_deflate),
    ("garbage is passed over", garbage),
    ("each broken line is listed with its offset", broken_lines),
    ("nesting beyond 512 costs the record only", deep_nesting),
    ("a line of 100 MB is left out by default, read when allowed, in bounded memory", long_line),
    ("a gzip bomb stops at --max-inflated and --max-ratio", gzip_bomb),
    ("numbers out of range and negative ones are absent, the record counts", bad_numbers),
    ("the largest counts neither overflow nor vanish", largest_numbers),
    ("absurd times are dated by their delivery and counted", absurd_times),
    ("without a usable time a record is dated by its envelope, line or key", times_of_delivery),
    ("empty objects are passed over; of duplicate keys the last wins", odd_objects),
    ("names of any length do no harm", long_names),
    ("files that vanish are told, the rest counts", vanishing),
    ("a missing operand is told, the rest counts", missing_operand),
    ("pipes, links and loops in a tree are passed over", special_files),
    ("a body is read only where its path may lead", body_paths),
    ("a quarantine that cannot be written does not stop the count", quarantine_cannot_be_written),
    ("a closed pipe ends quietly", interrupted_pipe),
    ("control characters in names of files reach no terminal", hostile_names),
    ("control characters in records reach no terminal", hostile_values),
    ("damaged records need no memory", memory_stays_small),
    ("an interrupt ends a waiting run", stopped_by_signal),
)

AS_OTHER = (("unreadable files and directories are told, the rest counts", unreadable),)

if __name__ == "__main__":
    run(CASES, AS_OTHER)
