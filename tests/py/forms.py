"""Every form in which records reach us, as functions from records (bytes) to the bytes of a file."""
import base64
import gzip
import json


def json_lines(records):
    return b"".join(r + b"\n" for r in records)


def windows_lines(records):
    return b"\xef\xbb\xbf" + b"".join(r + b"\r\n\r\n" for r in records)


def back_to_back(records):
    return b"".join(records)


def array(records):
    return b"[" + b",\n".join(records) + b"]"


def pretty(records):
    return b"\n".join(json.dumps(json.loads(r), indent=2, ensure_ascii=False).encode()
                      for r in records)


def export_lines(records):
    return b"".join(b"2026-10-20T12:00:01.000Z " + r + b"\n" for r in records)


def tail_lines(records):
    return b"".join(b"2026-10-20T12:00:01 aws/bedrock/modelinvocations " + r + b"\n"
                    for r in records)


def subscription(records):
    """A CloudWatch Logs message: {logEvents: [{message: record as a string}]}."""
    events = [{"id": str(i), "timestamp": 1792497600000 + i, "message": r.decode()}
              for i, r in enumerate(records)]
    return json.dumps({
        "messageType": "DATA_MESSAGE", "owner": "012345678901", "logGroup": "g",
        "logStream": "aws/bedrock/modelinvocations", "subscriptionFilters": ["f"],
        "logEvents": events,
    }).encode()


def firehose(records):
    """Gzipped messages one after another, nothing between them."""
    half = len(records) // 2
    return b"".join(gzip.compress(subscription(part), 1)
                    for part in (records[:half], records[half:]) if part)


def firehose_packed(records):
    return gzip.compress(firehose(records), 1)


def lambda_event(records):
    data = base64.b64encode(gzip.compress(subscription(records), 1)).decode()
    return json.dumps({"awslogs": {"data": data}}).encode()


def kinesis_event(records):
    return json.dumps({"Records": [
        {"kinesis": {"data": base64.b64encode(gzip.compress(subscription([r]), 1)).decode()}}
        for r in records]}).encode()


def base64_lines(records):
    return b"".join(base64.b64encode(gzip.compress(subscription([r]), 1)) + b"\n" for r in records)


def api_answer(records):
    return json.dumps({"events": [{"timestamp": 1, "message": r.decode()} for r in records],
                       "nextToken": "t"}).encode()


def insights_answer(records):
    return json.dumps({"results": [[{"field": "@message", "value": r.decode()},
                                    {"field": "@ptr", "value": "p"}] for r in records],
                       "status": "Complete"}).encode()


def console_csv(records):
    rows = (b'1792497600000,"' + r.replace(b'"', b'""') + b'"\n' for r in records)
    return b"timestamp,message\n" + b"".join(rows)


def members(records):
    """Several members of gzip, an empty one among them, cut where no record ends."""
    text = json_lines(records)
    cuts = [0, len(text) // 3, len(text) // 3, len(text) // 2, len(text)]
    return b"".join(gzip.compress(text[a:b], 1) for a, b in zip(cuts, cuts[1:]))


PLAIN = (json_lines, windows_lines, back_to_back, array, pretty, export_lines, tail_lines,
         subscription, firehose, firehose_packed, lambda_event, kinesis_event, base64_lines,
         api_answer, insights_answer, console_csv, members)
PACKED = tuple(lambda records, form=form: gzip.compress(form(records), 1)
               for form in (json_lines, back_to_back, array, export_lines, subscription))
ALL = PLAIN + PACKED
