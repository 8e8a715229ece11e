"""aws/call against a server that refuses in the ways of AWS: what is tried again and how often, what is
set right (keys, clock, Region), and what the message says. Endpoints are compared with botocore's."""
import datetime
import json
import os
import time

from servers import in_venv

in_venv()

from botocore.endpoint_provider import EndpointProvider  # noqa: E402
from botocore.exceptions import BotoCoreError  # noqa: E402
from botocore.loaders import Loader  # noqa: E402

from keys_probe import Home, probe  # noqa: E402
from keys_server import CANARY, KeysServer  # noqa: E402
from support import Tap, equal  # noqa: E402

KEYS = {"AWS_ACCESS_KEY_ID": "AKIAX", "AWS_SECRET_ACCESS_KEY": CANARY + "secret",
        "AWS_SESSION_TOKEN": CANARY + "token" + "0" * 40, "AWS_REGION": "eu-west-1"}
NOT_FOUND, ACCESS, IO, USAGE = 3, 4, 2, 10


def xml(code, message="", more="", region=""):
    return (f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{message}'
            f"</Message>{region and f'<Region>{region}</Region>'}<RequestId>RID1</RequestId>"
            f"<HostId>h</HostId>{more}</Error>")


def call(server, service="s3", path="/x", *options, **env):
    with Home() as home:
        return probe(home, "call", service, path, *options, **{**KEYS, **server.env, **env})


def refused(server, status, body, headers=(), service="s3", attempts=1):
    """One refusal for ever; the told error, and how often was asked."""
    server.reset()
    server.wrong["/x"] = (status, body, dict(headers))
    told = call(server, service)
    assert told.error is not None, told.text
    equal(len(server.log), attempts, f"attempts at {status} {body[:80]}")
    assert "test:Action on some-thing" in told.error, told.error
    assert len(told.error) < 380, told.error
    return told


# Messages and statuses

def codes_of_all_protocols(server):
    json_type = {"x-amzn-RequestId": "RID2"}
    for status, body, headers, code, meaning in (
            (404, xml("NoSuchKey", "The specified key does not exist."), {}, "NoSuchKey", NOT_FOUND),
            (404, xml("NoSuchBucket"), {}, "NoSuchBucket", NOT_FOUND),
            (404, "", {}, "", NOT_FOUND),
            (403, xml("AccessDenied", "Access Denied"), {}, "AccessDenied", ACCESS),
            (403, xml("InvalidAccessKeyId"), {}, "InvalidAccessKeyId", ACCESS),
            (400, '{"__type":"ResourceNotFoundException","message":"The group"}', json_type,
             "ResourceNotFoundException", NOT_FOUND),
            (400, '{"__type":"com.amazonaws.logs#ResourceNotFoundException","Message":"x"}',
             json_type, "ResourceNotFoundException", NOT_FOUND),
            (400, '{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"x"}', json_type,
             "QueueDoesNotExist", NOT_FOUND),
            (400, '{"message":"x"}', {**json_type, "x-amzn-ErrorType":
                                      "ValidationException:http://internal.amazon.com/"},
             "ValidationException", IO),
            (400, '{"__type":"AccessDeniedException","Message":"x"}', json_type,
             "AccessDeniedException", ACCESS),
            (400, '{"__type":"UnrecognizedClientException","message":"x"}', json_type,
             "UnrecognizedClientException", ACCESS),
            (400, "<ErrorResponse><Error><Type>Sender</Type><Code>AWS.SimpleQueueService."
                  "NonExistentQueue</Code><Message>m</Message></Error><RequestId>RID1</RequestId>"
                  "</ErrorResponse>", {}, "AWS.SimpleQueueService.NonExistentQueue", NOT_FOUND),
            (413, "<html>proxy</html>", {}, "", IO), (418, "", {}, "", IO),
            (400, "{broken", {}, "", IO), (400, "<broken", {}, "", IO)):
        told = refused(server, status, body, headers, "s3" if "<" in body or not body else "logs",
                       attempts=2 if "AccessKey" in code or "Unrecognized" in code else 1)
        equal(told.status, meaning, told.text)
        assert f"HTTP {status}" in told.error, told.text
        equal(told.lines["status"].split(" ")[2], code, told.text)
        if "RID" in body or headers:
            assert "request RID" in told.error, told.text


def body_in_a_file(server):
    server.wrong["/x"] = (403, xml("AccessDenied", "no " * 50))
    told = call(server, "s3", "/x", "--memory", "10")
    assert "AccessDenied (no no" in told.error, told.text
    server.wrong["/x"] = (403, xml("AccessDenied", "no " * 50000))
    equal(call(server, "s3", "/x", "--memory", "10").lines["status"].split()[0], "403")


def advice(server):
    told = refused(server, 403, xml("AccessDenied", "User: arn:aws:sts::1:x is not authorized"))
    assert "allow test:Action to the principal with the keys of the environment" in told.error, told.error
    told = refused(server, 404, xml("NoSuchBucket", "No bucket"))
    assert "Region (eu-west-1 was asked)" in told.error, told.error
    told = refused(server, 403, xml("InvalidAccessKeyId", "m"), attempts=2)
    assert "access key of the environment active" in told.error, told.error
    told = refused(server, 403, xml("InvalidObjectState", "The operation is not valid for it"))
    equal(told.status, ACCESS)
    assert "restore it first" in told.error and "allow" not in told.error, told.error
    kms = ("User: arn:aws:sts::123456789012:assumed-role/a-role-with-quite-a-long-name/session is not "
           "authorized to perform: kms:Decrypt on resource: arn:aws:kms:eu-west-1:1:key/1 because no "
           "identity-based policy allows the kms:Decrypt action")
    told = refused(server, 403, xml("AccessDenied", kms))
    equal(told.status, ACCESS)
    assert "allow kms:Decrypt on its key" in told.error, told.error
    assert "allow test:Action" not in told.error, "one advice: " + told.error
    for code in ("KMS.DisabledException", "KMS.KMSInvalidStateException", "KMS.NotFoundException"):
        told = refused(server, 400, xml(code, "arn:aws:kms:eu-west-1:1:key/1 is disabled."))
        equal(told.status, ACCESS, code)
        assert "key in KMS is disabled or gone" in told.error, told.error
    told = refused(server, 400, xml("KMS.ThrottlingException", "m"), attempts=5)
    equal(told.status, IO, told.text)


def long_messages(server):
    """What AWS says has the room that is left, and a cut shows."""
    said = "User: arn:aws:iam::1:user/x is not authorized to perform: test:Action on resource: " \
           "\"arn:aws:s3:::some-thing\" because no identity-based policy allows it"
    told = refused(server, 403, xml("AccessDenied", said.replace('"', "&quot;")))
    assert f"({said})" in told.error, told.error
    told = refused(server, 403, xml("AccessDenied", "word " * 200))
    assert "word...)" in told.error.replace(" ...", "...") or "...)" in told.error, told.error
    assert told.error.endswith("; request RID1"), told.error
    assert "allow test:Action" in told.error, told.error


def nothing_secret_is_shown(server):
    """The Query protocol answers a wrong signature with the request, token included."""
    canonical = (f"The signature does not match.\n\nThe Canonical String should have been\nGET\n/\n"
                 f"x-amz-security-token:{KEYS['AWS_SESSION_TOKEN']}\n{KEYS['AWS_SECRET_ACCESS_KEY']}")
    told = refused(server, 403, xml("SignatureDoesNotMatch", canonical), attempts=2)
    assert "The signature does not match." not in told.error, "all of it is left out"
    told = refused(server, 403, xml("SignatureDoesNotMatch", canonical.partition("GET")[0]),
                   attempts=2)
    assert "The signature does not match.)" in told.error, told.error
    told = refused(server, 400, xml("X", KEYS["AWS_SESSION_TOKEN"]))
    told = refused(server, 400, xml("Odd\x7f\u202e", "bell \u202e \x85 " + "m" * 4000))
    assert told.error.isascii() and told.error.isprintable(), told.error
    told = refused(server, 400, json.dumps({"__type": CANARY.lower() * 0 + "C", "message":
                                            KEYS["AWS_SECRET_ACCESS_KEY"]}), service="logs")


# What is tried again

def waits(server):
    again = [(500, ""), (503, xml("SlowDown")), (429, ""), (400, '{"__type":"ThrottlingException"}'),
             (400, xml("RequestTimeout")), (400, '{"__type":"LimitExceededException"}')]
    for answer in again:
        server.reset()
        server.wrong["/x"] = [answer, (200, "fine")]
        told = call(server, "s3" if "<" in answer[1] else "logs")
        equal((told.error, len(server.log)), (None, 2), told.text)
    refused(server, 503, xml("SlowDown"), attempts=5)
    server.reset()
    server.wrong["/x"] = (500, "")
    call(server, "s3", "/x", "--attempts", "2")
    equal(len(server.log), 2)


def not_again(server):
    for status in (400, 401, 403, 404, 405, 409, 411, 412, 501, 505):
        refused(server, status, "")


def attempts_of_the_user(server):
    for config, env, wanted in (("", {"AWS_MAX_ATTEMPTS": "1"}, 1),
                                ("[default]\nmax_attempts = 2\n", {}, 2),
                                ("[default]\nmax_attempts = 2\n", {"AWS_MAX_ATTEMPTS": "3"}, 3),
                                ("", {"AWS_MAX_ATTEMPTS": "0"}, 5), ("", {"AWS_MAX_ATTEMPTS": "x"}, 5)):
        server.reset()
        server.wrong["/x"] = (500, "")
        with Home(config) as home:
            probe(home, "call", "s3", "/x", **{**KEYS, **server.env, **env})
        equal(len(server.log), wanted, f"{config} {env}")


def throttling_waits_longer(server):
    """0 to 1 s after the first, where what passes by itself takes 0 to 0.1 s; and what the service
    asks for in its own header."""
    took = {"SlowDown": 0.0, "InternalError": 0.0}
    for code in took:
        for _ in range(8):
            server.reset()
            server.wrong["/x"] = [(503, xml(code)), (200, "")]
            start = time.monotonic()
            equal(call(server).error, None)
            took[code] = max(took[code], time.monotonic() - start)
    assert took["SlowDown"] > took["InternalError"] + 0.15, took
    server.reset()
    server.wrong["/x"] = [(503, xml("SlowDown"), {"x-amz-retry-after": "2100", "Retry-After": "9"}),
                          (200, "")]
    start = time.monotonic()
    equal(call(server).error, None)
    assert 2.1 <= time.monotonic() - start < 8, "milliseconds, before Retry-After"


def retry_after(server):
    server.wrong["/x"] = [(503, "", {"Retry-After": "2"}), (200, "")]
    start = time.monotonic()
    equal(call(server).error, None)
    assert time.monotonic() - start >= 2


def no_connection(server):
    told = call(server, AWS_ENDPOINT_URL="http://127.0.0.1:1")
    equal(told.status, IO, told.text)
    assert "test:Action on some-thing" in told.error and "5 attempts" in told.error, told.error
    equal(told.lines["status"].split(" ")[0], "0", told.text)


def expired_keys_once(server):
    """From the instance, so there are new ones to be had."""
    for code, body in (("ExpiredToken", xml("ExpiredToken")),
                       ("ExpiredTokenException", '{"__type":"ExpiredTokenException"}')):
        server.reset()
        server.serial = 0
        server.wrong["/x"] = [(400, body), (200, "")]
        told = call(server, "s3" if "<" in body else "logs", AWS_ACCESS_KEY_ID="")
        equal(told.error, None, code)
        signers = [entry[2]["Authorization"].split("=")[1].split("/")[0]
                   for entry in server.asked("/x")]
        assert len(set(signers)) == 2, signers
    server.wrong["/x"] = (400, xml("ExpiredToken"))
    told = call(server, AWS_ACCESS_KEY_ID="")
    equal(told.status, ACCESS)
    assert "renew the keys of the instance" in told.error, told.error


def clock_once(server):
    now = datetime.datetime.now(datetime.timezone.utc)
    ahead = now + datetime.timedelta(hours=3)
    date = {"Date": ahead.strftime("%a, %d %b %Y %H:%M:%S GMT")}
    for body, service in ((xml("RequestTimeTooSkewed"), "s3"), (xml("SignatureDoesNotMatch"), "s3"),
                          (xml("RequestExpired"), "s3"),
                          ('{"__type":"InvalidSignatureException"}', "logs")):
        server.reset()
        server.wrong["/x"] = [(403, body, date), (200, "")]
        equal(call(server, service).error, None, body)
        stamps = [entry[2]["X-Amz-Date"] for entry in server.log]
        assert stamps[0].startswith(f"{now:%Y%m%dT%H}"[:8]), stamps
        assert stamps[1][:11] == f"{ahead:%Y%m%dT%H}", stamps
    refused(server, 403, xml("RequestTimeTooSkewed"), date, attempts=2)
    # The clock is right, so it is the key.
    told = refused(server, 403, xml("SignatureDoesNotMatch"), attempts=2)
    assert "check the secret key" in told.error, told.error
    for odd in ("", "yesterday", "Tue, 14 Xyz 2026 08:57:15 GMT", "Tue, 99 Apr 2026 08:57:15 GMT"):
        refused(server, 403, xml("RequestTimeTooSkewed"), {"Date": odd})


def region_once(server):
    def signed_for(entry):
        return entry[2]["Authorization"].split("/")[2]
    header = {"x-amz-bucket-region": "ap-south-1"}
    for status, body, headers in (
            (301, xml("PermanentRedirect"), header), (307, xml("TemporaryRedirect"), header),
            (400, xml("AuthorizationHeaderMalformed", "the region is wrong", region="ap-south-1"), {}),
            (400, xml("IllegalLocationConstraintException"), header), (301, "", header)):
        server.reset()
        server.wrong["/x"] = [(status, body, headers), (200, "")]
        told = call(server)
        equal(told.error, None, body)
        equal([signed_for(entry) for entry in server.log], ["eu-west-1", "ap-south-1"], body)
        assert "region ap-south-1" in told.lines["status"], told.text
    refused(server, 301, xml("PermanentRedirect"), header, attempts=2)
    refused(server, 301, xml("PermanentRedirect"), {"x-amz-bucket-region": "eu-west-1"})
    for evil in ("evil.example.com/", "a b", "", "x" * 50):
        refused(server, 301, xml("PermanentRedirect"), {"x-amz-bucket-region": evil})
    refused(server, 400, '{"__type":"X"}', header, service="logs")


# Endpoints

SERVICES = {"s3": "s3", "sqs": "sqs", "logs": "logs", "sts": "sts", "bedrock": "bedrock",
            "sso": "sso", "oidc": "sso-oidc"}


def endpoints_of_aws(_):
    """Every service in every Region of every partition, in every variant."""
    loader = Loader()
    partitions = loader.load_data("partitions")
    regions = [region for partition in partitions["partitions"] for region in partition["regions"]
               if "global" not in region]
    compared = 0
    with Home() as home:
        for service, model in SERVICES.items():
            rules = EndpointProvider(loader.load_service_model(model, "endpoint-rule-set-1"),
                                     partitions)
            for fips, dual in ((False, False), (False, True), (True, False), (True, True)):
                told = probe(home, "endpoints", service, ",".join(regions),
                             **({"AWS_USE_FIPS_ENDPOINT": "true"} if fips else {}),
                             **({"AWS_USE_DUALSTACK_ENDPOINT": "TRUE"} if dual else {}))
                for region in regions:
                    wanted = {"Region": region, "UseFIPS": fips, "UseDualStack": dual}
                    if service == "sts":
                        wanted["UseGlobalEndpoint"] = False
                    try:
                        url = rules.resolve_endpoint(**wanted).url
                    except BotoCoreError:
                        url = "none"
                    equal(told.lines[region], url, str((service, region, fips, dual)))
                    compared += 1
    print(f"# {compared} endpoints")
    assert compared > 1300, compared


def own_endpoints(_):
    config = ("[default]\nendpoint_url = http://profile:1\n[profile s]\nservices = local\n"
              "endpoint_url = http://profile:2\n[services local]\ns3 =\n  endpoint_url = "
              "http://service:3/base/\ncloudwatch_logs =\n  endpoint_url = http://[::1]:4\n"
              "[profile off]\nendpoint_url = http://profile:5\n"
              "ignore_configured_endpoint_urls = true\n"
              "[profile fips]\nuse_fips_endpoint = true\n")
    env = {"AWS_ENDPOINT_URL": "http://all:6", "AWS_ENDPOINT_URL_S3": "https://s3.example:7/x"}
    with Home(config) as home:
        for service, profile, variables, wanted in (
                ("s3", "default", {}, "http://profile:1 own"),
                ("s3", "s", {}, "http://service:3/base own"),
                ("logs", "s", {}, "http://[::1]:4 own"),
                ("sqs", "s", {}, "http://profile:2 own"),
                ("s3", "s", env, "https://s3.example:7/x own"),
                ("logs", "s", env, "http://all:6 own"),
                ("logs", "s", {"AWS_ENDPOINT_URL_CLOUDWATCH_LOGS": "http://logs:8"},
                 "http://logs:8 own"),
                ("oidc", "s", {"AWS_ENDPOINT_URL_SSO_OIDC": "http://oidc"}, "http://oidc:0 own"),
                ("s3", "off", env, "https://s3.eu-west-1.amazonaws.com:0 aws"),
                ("s3", "s", {**env, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"},
                 "https://s3.eu-west-1.amazonaws.com:0 aws"),
                ("s3", "fips", {}, "https://s3-fips.eu-west-1.amazonaws.com:0 aws")):
            told = probe(home, "endpoint", service, "eu-west-1", "--profile", profile, **variables)
            words = told.text.split()
            equal(f"{words[0]} {words[-1]}", wanted, f"{service} {profile} {variables}")
        for bad in ("nonsense", "s3://x", "http://:80/", "http://a b/", "http://u:p@x/", "http://x/?q=1"):
            told = probe(home, "endpoint", "s3", "eu-west-1", AWS_ENDPOINT_URL=bad + CANARY)
            equal(told.status, USAGE, told.text)


def base_paths_and_ports_are_signed(server):
    """The server is told the whole path, and the Host that is signed is the one that is sent."""
    told = call(server, "logs", "/y", AWS_ENDPOINT_URL_LOGS="", AWS_ENDPOINT_URL=server.url + "/base/")
    equal(told.status, NOT_FOUND)
    equal(server.log[0][1], "/base/y")
    equal(server.log[0][2]["Host"], server.url[len("http://"):])
    assert "SignedHeaders=host;" in server.log[0][2]["Authorization"]
    equal(server.log[0][2]["User-Agent"].split("/")[0], "assay")


CASES = [codes_of_all_protocols, body_in_a_file, advice, nothing_secret_is_shown, waits, not_again,
         long_messages, attempts_of_the_user, throttling_waits_longer, retry_after,
         no_connection, expired_keys_once, clock_once, region_once, endpoints_of_aws, own_endpoints,
         base_paths_and_ports_are_signed]


def main():
    tap = Tap()
    names = os.environ.get("TEST_NAMES", "").split()
    with KeysServer() as server:
        for case in CASES:
            if not names or any(name in case.__name__ for name in names):
                server.reset()
                tap.case(case.__name__.replace("_", " "), case, server)
    tap.done()


main()
