"""No text of a body is ever kept or shown by a daemon either: the word of canary.py comes from a
bucket, a queue, a log group and pushes, in records, in what is broken and in what surrounds them,
and is looked for in all that the daemon writes, answers and leaves behind when it is killed."""
import base64
import http.client
import json
import os
import time
import uuid

from canary import WORD, broken_records, check, check_files, check_result, good_records, write_logs
from daemon import Daemon, quiet_port, source
from servers import Missing, Moto, in_venv
from support import DONE, INCOMPLETE, Tap, assay, equal, temporary, total_of

GROUP, STREAM = "/aws/bedrock/calls", "aws/bedrock/modelinvocations"


def fill_bucket(aws, logs):
    """The tree, objects that are announced, and messages that announce nothing."""
    aws.create_bucket("logs")
    aws.create_bucket("bodies")
    aws.upload("logs", logs, "p/")
    aws.upload("bodies", logs)
    said = b"\n".join(json.dumps(r).encode() for r in good_records())
    aws.put("logs", "q/announced", said)
    sqs = aws.boto("sqs")
    queue = sqs.create_queue(QueueName="news")["QueueUrl"]
    event = {"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", WORD: WORD,
             "s3": {"bucket": {"name": "logs"}, "object": {"key": "q/announced", "size": len(said)}}}
    gone = json.loads(json.dumps(event).replace("q/announced", "q/gone"))
    for text in (json.dumps({"Records": [event, gone], WORD: WORD}), WORD, json.dumps({WORD: [WORD]}),
                 json.dumps({"Type": "Notification", "Subject": WORD, "Message": WORD}),
                 f'{{"Records": "{WORD}"', json.dumps({"detail-type": WORD, "detail": {WORD: WORD}})):
        sqs.send_message(QueueUrl=queue, MessageBody=text)
    return queue


def fill_group(aws):
    logs = aws.boto("logs")
    logs.create_log_group(logGroupName=GROUP)
    logs.create_log_stream(logGroupName=GROUP, logStreamName=STREAM)
    now = int(time.time() * 1000)
    texts = [json.dumps(dict(r, requestId="group-" + r["requestId"])) for r in good_records()]
    texts += [b.decode("utf-8", "replace") for b in broken_records() if b.strip()]
    logs.put_log_events(logGroupName=GROUP, logStreamName=STREAM, logEvents=[
        {"timestamp": now, "message": text} for text in texts])


def push(port, data, **headers):
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        link.request("POST", "/", data, headers)
        answered = link.getresponse()
        return answered.status, answered.read()
    finally:
        link.close()


def deliveries():
    """(what may be answered with, body, headers): as Firehose, as others, and as nobody should."""
    good = [json.dumps(dict(r, requestId="pushed-" + r["requestId"])).encode() for r in good_records()]
    wrapped = [{"data": base64.b64encode(g).decode()} for g in (*good, *broken_records())]
    name = str(uuid.uuid4())
    firehose = {"requestId": name, "timestamp": 1, WORD: WORD, "records": wrapped}
    yield (200,), json.dumps(firehose).encode(), {"X-Amz-Firehose-Request-Id": name}
    yield (200,), b"\n".join(good), {}
    yield (200,), b"\n".join(broken_records()), {}
    yield (400,), json.dumps(dict(firehose, requestId=WORD)).encode(), {"X-Amz-Firehose-Request-Id": name}
    yield (400,), json.dumps(dict(firehose, records=WORD)).encode(), {"X-Amz-Firehose-Request-Id": name}
    yield (400, 415), WORD.encode() * 3, {"Content-Encoding": WORD}
    yield (400,), WORD.encode() * 3, {"Content-Encoding": "gzip"}


def nothing_stays(aws, logs, place):
    queue = fill_bucket(aws, logs)
    fill_group(aws)
    port, shown = quiet_port(), quiet_port()
    sources = [source("logs/p", body_buckets=["bodies"]), {"url": queue, "name": "news"},
               {"url": "cloudwatch:" + GROUP, "name": "group", "poll": "1s"},
               {"listen": f"127.0.0.1:{port}", "name": "pushed"}]
    with Daemon(place, aws.env, sources, status_listen=f"127.0.0.1:{shown}", log_level="debug",
                resolve_profiles=False) as daemon:
        def look():
            check_files(place)
            for path in ("/metrics", "/healthz"):
                link = http.client.HTTPConnection("127.0.0.1", shown, timeout=60)
                link.request("GET", path)
                answered = link.getresponse()
                check(path, answered.read())
                link.close()
                equal(answered.status, 200, path)
            for form in ("table", "json"):
                check_result("status", assay("status", "-c", daemon.config, "--format", form,
                                             env=daemon.env))

        for wanted, data, headers in deliveries():
            status, body = push(port, data, **headers)
            assert status in wanted, (status, wanted, body, data[:80])
            check("the answer to a push", body)
        look()

        def kept():
            found = {s["name"]: s["kept"] for s in daemon.state()["sources"]}
            return found["prod"] > 100 and found["news"] and found["group"] and found["pushed"] == 3
        daemon.wait_for(kept, "something came from each source")
        look()
        daemon.kill()
        check_files(place)
        daemon.start()
        daemon.wait_for(lambda: daemon.state()["process"] == daemon.child.pid, "its state")
        daemon.wait_for(lambda: total_of("--store", daemon.store, code=INCOMPLETE)["invocations"] > 60,
                        "all that a kill interrupted")
        look()
        equal(daemon.stop(), DONE, "exit code")
    check_files(place)
    for name in ("overview", "tools", "sessions", "errors"):
        check_result(name, assay("report", name, "--store", daemon.store, "--format", "json",
                                 code=(DONE, INCOMPLETE)))


def main():
    in_venv()
    tap = Tap()
    try:
        with Moto() as aws, temporary() as tmp:
            logs, place = os.path.join(tmp, "logs"), os.path.join(tmp, "daemon")
            write_logs(logs)
            os.makedirs(place)
            tap.case("no byte that a daemon writes or answers holds text of a body", nothing_stays,
                     aws, logs, place)
    except Missing as why:
        tap.skip("a daemon", str(why))
    tap.done()


if __name__ == "__main__":
    main()
