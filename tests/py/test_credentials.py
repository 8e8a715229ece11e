"""Each way to keys by itself: what is asked and how, when it is asked again, and what is said when it
fails. Secrets hold a CANARY that no output may show (keys_probe.py looks)."""
import datetime
import json
import os
import re
import signal
import subprocess
import time

from keys_probe import Home, finish, popen, probe
from keys_server import CANARY, KeysServer
from servers import Missing, Moto
from support import ASSAY, ROOT, Tap, equal, limit_file_size, sanitized

S = f"aws_secret_access_key = {CANARY}\n"
BASE = f"[profile p]\naws_access_key_id = AKIAP\n{S}"
ROLE = "role_arn = arn:aws:iam::123456789012:role/"
SSO = ("[profile s]\nsso_session = corp\nsso_account_id = 123456789012\nsso_role_name = Dev\n"
       "[sso-session corp]\nsso_start_url = https://x.awsapps.com/start\nsso_region = eu-west-1\n")
IMDS = "/latest/meta-data/iam/security-credentials/"
REGION = {"AWS_REGION": "us-east-1"}
PRELOAD = os.environ.get("FAULTS_PRELOAD", "")


def refuses(told, *parts):
    assert told.error is not None and not told.key, f"it is not refused: {told.text}"
    for part in parts:
        assert part in told.error, f"'{part}' is not said: {told.error}"
    assert len(told.error) < 380, f"cut: {told.error}"


def soon(seconds):
    now = datetime.datetime.now(datetime.timezone.utc)
    return (now + datetime.timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


# Files

def bad_files(server):
    lines = ("no pair " + CANARY, "= " + CANARY, "[" + CANARY, "[]" + CANARY, "\0= " + CANARY)
    for line in lines:
        with Home(f"[default]\n\n{line}\n") as home:
            refuses(probe(home, "keys", **server.env), "/.aws/config, line 3: ")
        with Home("", f"[default]\nregion = x\n{line}\n") as home:
            refuses(probe(home, "keys", **server.env), "/.aws/credentials, line 3: ")
    with Home(f"[default]\ns3 =\n  {CANARY}\n") as home:
        refuses(probe(home, "keys", **server.env), "config, line 3: wanted `key = value`")
    with Home("[default]\n" + "# x\n" * 300000) as home:
        refuses(probe(home, "keys", **server.env), "larger than")


def odd_keys(server):
    with Home("", f"[default]\naws_access_key_id = AKIAP\n{S[:-1]} {CANARY}\n") as home:
        refuses(probe(home, "keys", **server.env), "characters that no key has")
    with Home("", f"[default]\naws_access_key_id = AKIAP\n{S}  {CANARY}\n") as home:
        refuses(probe(home, "keys", **server.env), "the end of a line")


def later_wins(server):
    text = f"[p]\naws_access_key_id = AKIA1\n{S}[q]\n{S}[p]\naws_access_key_id = AKIA2 # new\n"
    with Home("", text) as home:
        equal(probe(home, "keys", "--profile", "p", **server.env).key, "AKIA2")


def regions(server):
    config = "[default]\nregion = eu-west-1 ; near\n[profile p]\nregion = eu-west-2\n"
    with Home(config, f"[default]\naws_access_key_id = A\n{S}[p]\naws_access_key_id = A\n{S}") as home:
        for wanted, arguments, env in (
                ("eu-west-1", (), {}), ("eu-west-2", ("--profile", "p"), {}),
                ("eu-west-2", (), {"AWS_PROFILE": "p"}),
                ("a-1", (), {"AWS_DEFAULT_REGION": "a-1"}),
                ("a-2", (), {"AWS_DEFAULT_REGION": "a-1", "AWS_REGION": "a-2"}),
                ("a-3", ("--region", "a-3"), {"AWS_REGION": "a-2"})):
            told = probe(home, "keys", *arguments, **{**server.env, **env})
            equal(told.lines["region"], wanted, str((arguments, env)))
        refuses(probe(home, "keys", "--region", "evil.example.com/", **server.env), "AWS Region")
        refuses(probe(home, "keys", AWS_REGION="x@evil", **server.env), "AWS Region")


def no_region(server):
    with Home("", f"[default]\naws_access_key_id = A\n{S}") as home:
        told = probe(home, "call", "logs", "/", **server.env)
        assert "no AWS Region" in told.error and "AWS_REGION" in told.error, told.text


def expired_environment(server):
    env = {"AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": CANARY, **server.env}
    with Home() as home:
        refuses(probe(home, "keys", AWS_CREDENTIAL_EXPIRATION=soon(-5), **env), "have expired")
        refuses(probe(home, "keys", AWS_CREDENTIAL_EXPIRATION="soon", **env),
                "AWS_CREDENTIAL_EXPIRATION")
        equal(probe(home, "keys", AWS_CREDENTIAL_EXPIRATION=soon(900), **env).key, "A")


# Roles

def role_is_signed_by_the_source(server):
    with Home(f"[profile r]\n{ROLE}a\nsource_profile = p\nexternal_id = x/=&\n"
              f"role_session_name = me@x\nduration_seconds = 1800\n{BASE}") as home:
        told = probe(home, "identity", "--profile", "r", **REGION, **server.env)
        assert told.key.startswith("ASIA"), told.text
        equal(told.lines["account"], "123456789012")
        equal(told.lines["arn"].split("/")[1], told.key, "the role's keys sign")
    request = server.asked("/")[0]
    for part in ("ExternalId=x%2F%3D%26", "RoleSessionName=me%40x", "DurationSeconds=1800"):
        assert part in request[3], request[3]
    assert "Credential=AKIAP/" in request[2]["Authorization"]


def role_of_the_settings(server):
    with Home(BASE) as home:
        told = probe(home, "identity", "--profile", "p", "--role", "arn:aws:iam::1:role/top",
                     "--external-id", "e", **REGION, **server.env)
        equal(told.lines["source"],
              "profile p (keys in a file), then role arn:aws:iam::1:role/top")
        assert "ExternalId=e" in server.asked("/")[0][3]


def role_that_is_refused(server):
    body = ('<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error>'
            "<Type>Sender</Type><Code>AccessDenied</Code><Message>User: arn:aws:iam::1:user/x is not "
            "authorized to perform: sts:AssumeRole</Message></Error><RequestId>id-7</RequestId>"
            "</ErrorResponse>")
    server.wrong["/"] = (403, body)
    with Home(f"[profile r]\n{ROLE}a\nsource_profile = p\n{BASE}") as home:
        told = probe(home, "keys", "--profile", "r", **REGION, **server.env)
        refuses(told, "sts:AssumeRole on arn:aws:iam::123456789012:role/a", "AccessDenied",
                "not authorized", "id-7")
    equal(len(server.asked("/")), 1, "one question")


def role_with_a_wrong_clock(server):
    """This machine is three hours ahead: STS says so, and its times of expiry are judged by that."""
    ago = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=3)
    server.wrong["/"] = [(403, "<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code><Message>"
                          "Signature not yet current</Message></Error></ErrorResponse>",
                          {"Date": ago.strftime("%a, %d %b %Y %H:%M:%S GMT")})]
    server.life = -2 * 3600
    with Home(f"[profile r]\n{ROLE}a\nsource_profile = p\n{BASE}") as home:
        arguments = ("keys", "--profile", "r")
        assert probe(home, *arguments, **REGION, **server.env).key.startswith("ASIA")
        refuses(probe(home, *arguments, **REGION, **server.env), "have expired", "clock")


def mfa(server):
    with Home(f"[profile r]\n{ROLE}a\nsource_profile = p\nmfa_serial = arn:x\n{BASE}") as home:
        refuses(probe(home, "keys", "--profile", "r", **server.env), "MFA",
                "aws configure export-credentials --profile r")


def login(server):
    with Home("[profile l]\nlogin_session = arn:aws:iam::1:user/x\n") as home:
        refuses(probe(home, "keys", "--profile", "l", **server.env), "aws login", "another profile",
                "credential_process = aws configure export-credentials --profile l")


# Processes

def process(server):
    answer = json.dumps({"Version": 1, "AccessKeyId": "AKIAPROC", "SecretAccessKey": CANARY + "/+=",
                         "SessionToken": "\u0041" + CANARY, "Expiration": soon(3600)})
    config = ('[profile p]\ncredential_process = "{home}/.aws/my helper" one "two \\"2\\"" \'$HOME\' '
              "#3 ; x\n")
    script = ('#!/bin/sh\nprintf "%s\\n" "$@" >"{home}/.aws/arguments"\ncat\n'
              f"echo {CANARY} >&2\necho '{answer}'\n")
    with Home(config, **{"my helper": script}) as home:
        os.chmod(os.path.join(home.path, ".aws", "my helper"), 0o700)
        home.write("config", config)
        told = probe(home, "keys", "--profile", "p", **server.env)
        equal(told.key, "AKIAPROC", told.text)
        assert "token yes" in told.text and "never" not in told.text
        with open(os.path.join(home.path, ".aws", "arguments"), encoding="utf-8") as file:
            equal(file.read().split("\n")[:-1], ["one", 'two "2"', "$HOME", "#3", ";", "x"])


def process_fails(server):
    for command, part in (
            (f"sh -c 'echo {CANARY} >&2; echo {CANARY}; exit 3'", "failed"),
            (f"sh -c 'echo {CANARY}'", "no JSON"),
            (f"echo '{{\"Version\": 2, \"AccessKeyId\": \"{CANARY}\"}}'", "\"Version\": 1"),
            (f"echo '{{\"Version\": 1, \"SecretAccessKey\": \"{CANARY}\"}}'", "no access key id"),
            (f"sh -c 'echo \"{CANARY}", "open quote"),
            ("/no/such/program", "no such program"),
            ("sh -c 'yes | head -c 200000'", "too much"),
            (f"echo '{{\"Version\": 1, \"AccessKeyId\": \"A\", \"SecretAccessKey\": \"{CANARY}\", "
             f"\"Expiration\": \"{soon(-60)}\"}}'", "expired")):
        with Home(f"[profile p]\ncredential_process = {command}\n") as home:
            refuses(probe(home, "keys", "--profile", "p", **server.env), part)


def a_helper_inherits_nothing(server):
    """No socket of ours is open in a credential_process; from the second refresh on there are some."""
    answer = json.dumps({"Version": 1, "AccessKeyId": "AKIAPROC", "SecretAccessKey": CANARY})
    config = (f"[profile r]\n{ROLE}a\nsource_profile = p\n"
              "[profile p]\ncredential_process = sh {home}/.aws/helper\n")
    script = f"ls -l /proc/$$/fd >>{{home}}/.aws/fds\necho '{answer}'\n"
    server.life = 2
    with Home(config, helper=script) as home:
        told = probe(home, "watch", "4", "1300", "--profile", "r", **REGION, **server.env)
        assert told.error is None, told.text
        with open(os.path.join(home.path, ".aws", "fds"), encoding="utf-8") as file:
            text = file.read()
        assert text.count("/dev/null") >= 2 and "socket:" not in text, text


def sigchld_that_is_ignored(server):
    """As cron jobs and some shells leave it: the helper's end can be waited for all the same."""
    answer = json.dumps({"Version": 1, "AccessKeyId": "AKIAPROC", "SecretAccessKey": CANARY})
    config = f"[profile p]\ncredential_process = echo '{answer}'\n"
    with Home(config) as home:
        done = subprocess.run([ASSAY, "report", "--profile", "p", "s3://bucket/"],
                              env=home.environment(**REGION, **server.env), check=False,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=100,
                              preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN))
        signed = [entry[2].get("Authorization", "") for entry in server.log]
        assert signed and "AKIAPROC" in signed[0], f"{signed} {done.stderr.decode()}"


# SSO

def sso(server):
    with Home(SSO) as home:
        home.token("corp")
        assert probe(home, "keys", "--profile", "s", **server.env).key.startswith("ASIA")
    method, path, headers, _ = server.asked("/federation/credentials")[0]
    equal((method, path.partition("?")[2]), ("GET", "role_name=Dev&account_id=123456789012"))
    assert "Authorization" not in headers, "it is not signed"


def sso_signed_out(server):
    with Home(SSO) as home:
        refuses(probe(home, "keys", "--profile", "s", **server.env), "aws sso login --profile s")
        home.token("corp", expires=soon(-10))
        refuses(probe(home, "keys", "--profile", "s", **server.env), "is over",
                "aws sso login --profile s")
        equal(server.log, [], "nobody is asked with an old token")
        for text in ("{", "[]", "{}", json.dumps({"accessToken": CANARY})):
            path = home.token("corp")
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            refuses(probe(home, "keys", "--profile", "s", **server.env), "cannot be read",
                    "aws sso login --profile s")
        home.token("corp", accessToken="revoked")
        refuses(probe(home, "keys", "--profile", "s", **server.env), "aws sso login --profile s")


def sso_old_time(server):
    with Home(SSO) as home:
        home.token("corp", expires="2099-06-17T10:02:08UTC")
        assert probe(home, "keys", "--profile", "s", **server.env).key


def sso_refresh(server):
    more = {"refreshToken": CANARY + "refresh", "clientId": "client", "clientSecret": CANARY,
            "registrationExpiresAt": soon(3600), "region": "eu-west-1", "other": {"kept": [1]}}
    with Home(SSO) as home:
        path = home.token("corp", expires=soon(-10), **more)
        assert probe(home, "keys", "--profile", "s", **server.env).key
        asked = json.loads(server.asked("/token")[0][3])
        equal(asked, {"clientId": "client", "clientSecret": CANARY, "grantType": "refresh_token",
                      "refreshToken": CANARY + "refresh"})
        bearer = server.asked("/federation/credentials")[0][2]["x-amz-sso_bearer_token"]
        equal(bearer, CANARY + "renewed")
        with open(path, encoding="utf-8") as file:
            now = json.load(file)
        equal(now["accessToken"], CANARY + "renewed")
        equal(now["refreshToken"], CANARY + "refresh2")
        equal(now["other"], {"kept": [1]}, "the rest of the file")
        assert now["expiresAt"] > soon(8 * 3600 - 60) and now["expiresAt"].endswith("Z"), now
        equal(os.stat(path).st_mode & 0o777, 0o600, "mode")
        # The registration of the client has ended: then only a person can help.
        home.token("corp", expires=soon(-10), **{**more, "registrationExpiresAt": soon(-5)})
        refuses(probe(home, "keys", "--profile", "s", **server.env), "aws sso login")
        # A token that still holds is used when it cannot be refreshed.
        server.wrong["/token"] = (400, '{"error": "invalid_grant"}')
        home.token("corp", expires=soon(60), **more)
        assert probe(home, "keys", "--profile", "s", **server.env).key


# Containers and instances

def sso_file_that_cannot_be_written(server):
    """The new token is kept in memory: the old one's refresh token may be taken only once."""
    more = {"refreshToken": CANARY + "refresh", "clientId": "client", "clientSecret": CANARY,
            "registrationExpiresAt": soon(3600)}
    server.once = True
    server.life = 3
    with Home(SSO) as home:
        path = home.token("corp", expires=soon(-10), **more)
        with open(path, "rb") as file:
            text = file.read()
        told = finish(popen(home, "watch", "3", "2200", "--profile", "s", before=limit_file_size(0),
                            **server.env))
        assert told.error is None and len(told.keys) == 3, told.text
        equal(len(server.asked("/token")), 1)
        bearers = {entry[2]["x-amz-sso_bearer_token"]
                   for entry in server.asked("/federation/credentials")}
        equal((bearers, len(server.asked("/federation/credentials")) > 1), ({CANARY + "renewed"}, True))
        with open(path, "rb") as file:
            equal(file.read(), text, "the file is as it was")


def sso_token_that_another_has_renewed(server):
    """Its refresh token was taken by somebody else meanwhile, who has written the new one."""
    more = {"refreshToken": CANARY + "refresh", "clientId": "client", "clientSecret": CANARY,
            "registrationExpiresAt": soon(3600)}
    with Home(SSO) as home:
        home.token("corp", expires=soon(-10), **more)
        server.wrong["/token"] = (400, '{"error": "invalid_grant"}')
        server.delay = 0.5
        child = popen(home, "keys", "--profile", "s", **server.env)
        while not server.asked("/token"):
            time.sleep(0.02)
        home.token("corp", expires=soon(3600), accessToken=CANARY + "theirs", **more)
        told = finish(child)
        assert told.key, told.text
        bearer = server.asked("/federation/credentials")[0][2]["x-amz-sso_bearer_token"]
        equal(bearer, CANARY + "theirs")


def sso_role_of_somebody_else(server):
    server.wrong["/federation/credentials"] = (403, '{"message": "No access"}', {
        "x-amzn-ErrorType": "ForbiddenException"})
    with Home(SSO) as home:
        home.token("corp")
        refuses(probe(home, "keys", "--profile", "s", **server.env), "not assigned", "role Dev",
                "account 123456789012")


def echoed_tokens(server):
    """What a service sends back of a call that nobody signed."""
    long = "abcdefghijklmnopqrstuvwxyz0123456789"
    with Home(SSO, web=CANARY + long) as home:
        server.wrong["/"] = (400, "<ErrorResponse><Error><Code>InvalidIdentityToken</Code><Message>"
                             f"bad: {CANARY + long} x</Message></Error></ErrorResponse>")
        told = probe(home, "keys", AWS_WEB_IDENTITY_TOKEN_FILE="{home}/.aws/web",
                     AWS_ROLE_ARN="arn:aws:iam::1:role/r", **REGION, **server.env)
        refuses(told, "InvalidIdentityToken")
        equal(told.lines["source"], "web identity", "no profile says so")
        home.token("corp", accessToken=CANARY + long)
        server.wrong["/federation/credentials"] = (400, json.dumps({
            "__type": "X", "message": f"bearer {CANARY + long}"}))
        refuses(probe(home, "keys", "--profile", "s", **server.env), "HTTP 400 X")


def container(server):
    env = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": server.url + "/container/x?y=%20", **server.env}
    with Home(token=CANARY + "file\n") as home:
        assert probe(home, "keys", **env).key
        assert "Authorization" not in server.log[0][2]
        equal(server.log[0][1], "/container/x?y=%20")
        probe(home, "keys", AWS_CONTAINER_AUTHORIZATION_TOKEN=CANARY, **env)
        equal(server.log[1][2]["Authorization"], CANARY)
        probe(home, "keys", AWS_CONTAINER_AUTHORIZATION_TOKEN=CANARY,
              AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE="{home}/.aws/token", **env)
        equal(server.log[2][2]["Authorization"], CANARY + "file", "the file comes first")
        home.write("token", f"a\nX-Evil: {CANARY}")
        refuses(probe(home, "keys", AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE="{home}/.aws/token",
                      **env), "end of a line")


def container_hosts(server):
    with Home() as home:
        for host in ("http://example.com/", "http://169.254.170.3/", "http://128.0.0.1/",
                     "http://localhost.example.com/", "http://[fd00:ec2::24]/",
                     "http://127.0.0.1.example.com/", "http://0x7f000001/"):
            refuses(probe(home, "keys", AWS_CONTAINER_CREDENTIALS_FULL_URI=host + CANARY,
                          **server.env), "is refused")
        for uri in ("ftp://127.0.0.1/", "s3://x/y", "nonsense", "http://u:p@127.0.0.1/"):
            refuses(probe(home, "keys", AWS_CONTAINER_CREDENTIALS_FULL_URI=uri + CANARY,
                          **server.env), "no http or https")


def container_fails(server):
    env = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": server.url + "/container", **server.env}
    server.wrong["/container"] = [(500, CANARY), (429, CANARY)]
    with Home() as home:
        assert probe(home, "keys", **env).key, "the third time"
        equal(len(server.log), 3)
        server.wrong["/container"] = (403, json.dumps({"code": "x", "message": CANARY}))
        refuses(probe(home, "keys", **env), "HTTP 403")
        server.wrong["/container"] = (200, CANARY)
        refuses(probe(home, "keys", **env), "JSON")


def instance(server):
    with Home() as home:
        assert probe(home, "keys", **server.env).key
    equal([entry[:2] for entry in server.log],
          [("PUT", "/latest/api/token"), ("GET", IMDS), ("GET", IMDS + "the-role")])
    equal(server.log[0][2]["X-aws-ec2-metadata-token-ttl-seconds"], "21600")
    equal(server.log[2][2]["X-aws-ec2-metadata-token"], CANARY + "imds")


def instance_without_version_2(server):
    with Home() as home:
        for status in (403, 404, 405):
            server.reset()
            server.wrong["/latest/api/token"] = (status, CANARY)
            refuses(probe(home, "keys", **server.env), f"HTTP {status}")
            equal(len(server.log), 1, "nothing is asked without a token")


def instance_without_role(server):
    server.wrong[IMDS] = (404, CANARY)
    with Home() as home:
        refuses(probe(home, "keys", **server.env), "no role is attached", "no AWS credentials")


def nobody_there(server):
    start = time.monotonic()
    with Home() as home:
        told = probe(home, "keys", AWS_EC2_METADATA_SERVICE_ENDPOINT="http://127.0.0.1:1")
        refuses(told, "no AWS credentials", "profile default", "aws configure sso")
        assert time.monotonic() - start < 20
        assert "hop limit" not in told.error, told.error
        server.delay = 3
        refuses(probe(home, "keys", **server.env), "no AWS credentials", "hop limit")
        equal(len(server.log), 1, "one attempt")


def region_of_the_instance(server):
    """Asked for when nothing names one and the instance is the first link, once, and not before a
    call needs it."""
    place = "/latest/meta-data/placement/region"
    with Home("[profile r]\nrole_arn = arn:aws-cn:iam::1:role/a\ncredential_source = "
              "Ec2InstanceMetadata\n[profile k]\naws_access_key_id = A\n" + S) as home:
        told = probe(home, "keys", **server.env)
        equal((told.lines["region"], server.asked(place)), ("none", []), "keys need none")
        told = probe(home, "calls", "logs", "/x", **server.env)
        equal({e[2]["Authorization"].split("/")[2] for e in server.asked("/x")}, {"cn-north-1"})
        equal((len(server.asked("/x")), len(server.asked(place))), (3, 1), "once")
        equal(server.asked(place)[0][2]["X-aws-ec2-metadata-token"], CANARY + "imds")
        server.reset()
        probe(home, "call", "logs", "/x", "--profile", "r", **server.env)
        assert "/cn-north-1/sts/" in server.asked("/")[0][2]["Authorization"], "STS, too"
        for arguments, env in (((), REGION), (("--region", "eu-west-1"), {}), (("--profile", "k"), {}),
                               ((), {"AWS_EC2_METADATA_DISABLED": "true"})):
            server.reset()
            told = probe(home, "call", "logs", "/x", *arguments, **{**server.env, **env})
            equal(server.asked(place), [], f"{arguments} {env}")
        for answer in ((404, ""), (200, "evil.example.com/"), (200, "")):
            server.reset()
            server.wrong[place] = answer
            told = probe(home, "call", "logs", "/x", **server.env)
            assert "no AWS Region" in told.error, told.text


def instance_gives_old_keys(server):
    server.life = -1000
    with Home() as home:
        told = probe(home, "keys", **server.env)
        assert told.key, told.text
        assert soon(500) < told.text.split("expires ")[1].strip() < soon(601), told.text


# Stopping

def stops(child, server, path=None):
    """SIGTERM, while keys are being got, ends the run soon."""
    while path and not server.asked(path):
        time.sleep(0.02)
    time.sleep(0.3)
    start = time.monotonic()
    child.terminate()
    told = finish(child)
    took = time.monotonic() - start
    assert "interrupted" in (told.error or ""), told.text
    assert took < (3 if sanitized() else 1.5), f"{took:.1f} s"


def a_stop_does_not_wait_for_keys(server):
    # The first sleeps with its output open, the second has closed it.
    for command in ("sleep 50", "sh -c 'exec >&-; sleep 50'"):
        with Home(f"[profile p]\ncredential_process = {command}\n") as home:
            stops(popen(home, "keys", "--profile", "p", **server.env), server)
    with Home(f"[profile r]\n{ROLE}a\nsource_profile = p\n{BASE}") as home:
        server.wrong["/"] = (503, "", {"Retry-After": "50"})
        stops(popen(home, "keys", "--profile", "r", **REGION, **server.env), server, "/")
    with Home(SSO) as home:
        server.wrong["/federation/credentials"] = (429, "", {"Retry-After": "50"})
        home.token("corp")
        stops(popen(home, "keys", "--profile", "s", **server.env), server, "/federation/credentials")
    with Home() as home:
        server.delay = 20
        for path, env in (("/latest/api/token", {"AWS_METADATA_SERVICE_TIMEOUT": "30"}),
                          ("/container", {"AWS_CONTAINER_CREDENTIALS_FULL_URI":
                                          server.url + "/container"})):
            stops(popen(home, "keys", **server.env, **env), server, path)


def a_stop_ends_those_who_wait(server):
    """One thread asks, the others wait for it."""
    with Home("[profile p]\ncredential_process = sleep 50\n") as home:
        child = popen(home, "threads", "8", "100", "--profile", "p", **server.env)
        time.sleep(1)
        child.terminate()
        start = time.monotonic()
        finish(child)
        assert time.monotonic() - start < 3


# Clocks

def clock_is_learned_where_nobody_signs(server):
    """This machine is ahead; a web identity and SSO hand out keys that seem to have expired."""
    ago = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=3)
    server.life, server.date = -2 * 3600, ago
    web = {"AWS_WEB_IDENTITY_TOKEN_FILE": "{home}/.aws/web", "AWS_ROLE_ARN": "arn:aws:iam::1:role/w"}
    with Home(SSO, web=CANARY) as home:
        home.token("corp")
        for arguments, env in (((), web), (("--profile", "s"), {})):
            told = probe(home, "keys", *arguments, **REGION, **server.env, **env)
            assert told.key.startswith("ASIA"), told.text
    server.date = None
    server.life = -3600
    with Home() as home:
        told = probe(home, "keys", AWS_CONTAINER_CREDENTIALS_FULL_URI=server.url + "/container",
                     **server.env)
        assert told.key and "expires" in told.text, "a container gives what holds: " + told.text


# Refresh

def keys_that_were_rotated(server):
    """Keys of a file that AWS does not know any more: what stands in the file now is taken."""
    for code in ("InvalidAccessKeyId", "InvalidClientTokenId", "SignatureDoesNotMatch"):
        server.reset()
        server.wrong["/"] = [(403, f"<ErrorResponse><Error><Code>{code}</Code><Message>m</Message>"
                                   "</Error></ErrorResponse>")]
        text = f"[default]\naws_access_key_id = AKIA%d\n{S}"
        with Home("", text % 1) as home:
            server.delay = 0.7
            child = popen(home, "identity", **REGION, **server.env)
            while not server.asked("/"):
                time.sleep(0.02)
            home.write("credentials", text % 2)
            told = finish(child)
            assert "AKIA2" in told.lines.get("arn", ""), f"{code}: {told.text}"
            equal(len(server.asked("/")), 2)


def again_before_the_end(server):
    """Keys of 8 seconds: from 6 on they are got again, while nobody ever sees expired ones."""
    server.serial, server.life = 0, 8
    with Home() as home:
        told = probe(home, "watch", "26", "400", **server.env)
        assert told.error is None and len(told.keys) == 26, told.text
        changes = sum(a != b for a, b in zip(told.keys, told.keys[1:]))
        assert changes >= 1, told.text
        equal(len(server.asked("/latest/api/token")), changes + 1)


def old_keys_while_they_hold(server):
    """A refresh that fails is no error until the keys have expired."""
    server.serial, server.life = 0, 4
    with Home() as home:
        child = popen(home, "watch", "14", "500", **server.env)
        while not server.asked(IMDS + "the-role"):
            time.sleep(0.05)
        server.wrong["/latest/api/token"] = (500, "")
        told = finish(child)
        good = len(told.keys)
        assert 2 <= good < 14, told.text
        assert len(set(told.keys)) == 1 and told.error, told.text
        assert told.all[good][0] == "error", told.text


def one_at_a_time(server):
    """Sixteen threads; one asks, and the others go on meanwhile."""
    server.serial, server.life, server.delay = 0, 6, 0.2
    with Home() as home:
        told = probe(home, "threads", "16", "3000", **server.env)
        equal(told.lines["gets"], "many failures 0")
        assert 1 <= len(server.asked("/latest/api/token")) <= 2, len(server.log)


def failure_is_shared(server):
    """Who waits for a refresh that fails, fails with it, and does not ask in turn."""
    server.delay = 0.3
    server.wrong["/latest/api/token"] = (403, "")
    with Home() as home:
        probe(home, "threads", "16", "1000", **server.env)
        assert len(server.log) <= 5, len(server.log)


def files_are_read_again(server):
    """Keys that AWS calls expired, of a file: what another tool has written meanwhile is taken."""
    body = ("<ErrorResponse><Error><Code>ExpiredToken</Code><Message>The security token included "
            "in the request is expired</Message></Error></ErrorResponse>")
    server.wrong["/"] = [(403, body)]
    text = f"[default]\naws_access_key_id = AKIA%d\n{S}aws_session_token = {CANARY}\n"
    with Home("", text % 1) as home:
        server.delay = 1
        child = popen(home, "identity", **REGION, **server.env)
        while not server.asked("/"):
            time.sleep(0.05)
        home.write("credentials", text % 2)
        told = finish(child)
        assert "AKIA2" in told.lines["arn"], told.text
        equal(len(server.asked("/")), 2)
        # And when nobody has: the error is told, after one more attempt.
        server.reset()
        server.wrong["/"] = (403, body)
        told = probe(home, "identity", **REGION, **server.env)
        assert "ExpiredToken" in told.error and "aws sso login" in told.error, told.text
        equal(len(server.asked("/")), 2)


# A daemon

def memory_of(pid):
    """All that the process can read of its own memory."""
    whole = []
    with open(f"/proc/{pid}/maps", encoding="ascii") as maps, open(f"/proc/{pid}/mem", "rb") as memory:
        for line in maps:
            words = line.split()
            low, high = (int(x, 16) for x in words[0].split("-"))
            if "r" not in words[1] or words[-1] in ("[vvar]", "[vsyscall]"):
                continue
            memory.seek(low)
            try:
                whole.append(memory.read(high - low))
            except OSError:
                pass
    return b"".join(whole)


def sources_share_and_nothing_old_stays(server):
    """Three sources of one profile and role get keys once; what was replaced, and what belongs to
    other profiles, is nowhere in memory."""
    server.serial, server.life = 0, 6
    config = (f"[profile r]\n{ROLE}a\nsource_profile = p\n{BASE}"
              f"[profile other]\naws_access_key_id = AKIAO\naws_secret_access_key = {CANARY}other\n")
    with Home(config, "[elsewhere]\n# OLD" + CANARY + "comment\n" + S) as home:
        path = os.path.join(home.path, "assay.yaml")
        sources = "".join(f"  - url: s3://bucket-{i}/\n    poll: 1s\n    profile: r\n" for i in range(3))
        sources += "  - url: s3://bucket-9/\n    poll: 1s\n    profile: r\n    external_id: e\n    role_arn: arn:aws:iam::123456789012:role/top\n"
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"store: {home.path}/store.db\nstatus_listen: off\nresolve_profiles: false\n"
                       f"sources:\n{sources}")
        # Buckets that are there and empty.
        for i in (0, 1, 2, 9):
            server.wrong[f"/bucket-{i}"] = server.wrong[f"/bucket-{i}/"] = (
                200, "<ListBucketResult><KeyCount>0</KeyCount><IsTruncated>false</IsTruncated>"
                     "</ListBucketResult>")
        child = subprocess.Popen([ASSAY, "serve", "-c", path], stdin=subprocess.DEVNULL,
                                 env=home.environment(**REGION, **server.env),
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            start = time.monotonic()
            while server.serial < 9 and time.monotonic() - start < 60 and child.poll() is None:
                time.sleep(0.1)
            time.sleep(2.5)
            assert child.poll() is None, child.communicate()[1].decode()
            memory = memory_of(child.pid)
            last = server.serial
        finally:
            child.terminate()
            said = child.communicate(timeout=60)[1].decode()
        assert last >= 9, f"{last} {said}"
        took = time.monotonic() - start
        shared = [e for e in server.asked("/") if "AKIAP/" in e[2]["Authorization"]]
        # Two providers (one of them with a role upon the role), each about every five seconds.
        assert len(shared) <= 2 * (took / 4 + 1), f"{len(shared)} in {took:.0f} s"
        first = [e for e in shared if e is shared[0] or e is shared[1]]
        equal(len(first), 2)
        for trace in (f"{CANARY}other", f"{CANARY}comment", *(f"{CANARY}{kind}of-{i}-kept-by"
                      for i in range(1, last - 5) for kind in "st")):
            assert memory.count(trace.encode()) == 0, f"{trace} is in memory, last is {last}"
        assert f"{CANARY}t".encode() in memory, "it was looked at the right place"


def every_variable_is_in_the_manual(_):
    with open(os.path.join(ROOT, "man", "assay.1"), encoding="utf-8") as file:
        manual = file.read()
    for name in sorted(os.listdir(os.path.join(ROOT, "src", "aws"))):
        with open(os.path.join(ROOT, "src", "aws", name), encoding="utf-8") as file:
            text = file.read()
        for variable in re.findall(r'"(AWS_[A-Z0-9_]+)"', text):
            assert variable in manual, f"{variable} of {name}"


# Memory

def failing_memory_is_told(server):
    """Whichever allocation fails on the way of a role upon SSO: no crash, and nothing shown."""
    config = SSO + f"[profile r]\n{ROLE}a\nsource_profile = s\n"
    arguments = ("identity", "--profile", "r", "--attempts", "1")
    with Home(config) as home:
        home.token("corp")
        count = os.path.join(home.path, "count")
        env = {**REGION, **server.env, "LD_PRELOAD": PRELOAD, "FAULT_KIND": "alloc"}
        equal(probe(home, *arguments, FAULT_COUNT=count, **env).error, None)
        with open(count, encoding="ascii") as file:
            calls = int(file.read())
        points = sorted({*range(min(calls, 60)), *range(60, calls, max(1, calls // 120))})
        told = 0
        for at in points:
            for more in ({}, {"FAULT_ALL": "1"}):
                child = popen(home, *arguments, FAULT_AT=str(at), **more, **env)
                # 2: the probe itself could not begin.
                out = finish(child, codes=(0, 1, 2, 127), quiet=False)
                told += out.error is not None
        print(f"# {2 * len(points)} of {2 * calls} points, {told} told")
        assert told > len(points) / 2, told


# moto

def moto_identity(aws):
    config = (f"[profile r]\n{ROLE}reader\nsource_profile = p\n[profile w]\n{ROLE}web\n"
              "web_identity_token_file = {home}/.aws/web\n")
    env = {"AWS_ENDPOINT_URL": aws.url, "AWS_REGION": "eu-central-1"}
    credentials = (f"[p]\naws_access_key_id = {aws.access_key}\n"
                   f"aws_secret_access_key = {aws.secret_key}\n")
    with Home(config, credentials, web=CANARY) as home:
        told = probe(home, "identity", "--profile", "p", **env)
        equal((told.key, told.lines["region"]), (aws.access_key, "eu-central-1"), told.text)
        equal(told.lines["account"], "123456789012")
        for profile, role in (("r", "reader"), ("w", "web")):
            told = probe(home, "identity", "--profile", profile, **env)
            assert f"assumed-role/{role}/assay" in told.lines["arn"], told.text
        told = probe(home, "identity", "--profile", "r", "--role",
                     "arn:aws:iam::999988887777:role/other", **env)
        equal(told.lines["account"], "999988887777", told.text)


def moto_checks_signatures(aws):
    env = {"AWS_ENDPOINT_URL": aws.url, "AWS_REGION": "eu-central-1"}
    keys = {"AWS_ACCESS_KEY_ID": aws.access_key, "AWS_SECRET_ACCESS_KEY": aws.secret_key}
    with Home() as home:
        told = probe(home, "identity", **keys, **env)
        assert told.error is None and told.lines["arn"].endswith("user/tests"), told.text
        told = probe(home, "identity", **{**keys, "AWS_SECRET_ACCESS_KEY": CANARY}, **env)
        assert "SignatureDoesNotMatch" in told.error and "check the secret key" in told.error
        told = probe(home, "identity", **{**keys, "AWS_ACCESS_KEY_ID": "AKIANOBODY"}, **env)
        assert "InvalidClientTokenId" in told.error and "active" in told.error, told.text


CASES = [a_stop_does_not_wait_for_keys, a_stop_ends_those_who_wait,
         clock_is_learned_where_nobody_signs, keys_that_were_rotated, a_helper_inherits_nothing,
         sigchld_that_is_ignored, region_of_the_instance, sso_file_that_cannot_be_written,
         sso_token_that_another_has_renewed, sso_role_of_somebody_else, echoed_tokens, every_variable_is_in_the_manual, bad_files, odd_keys, later_wins, regions, no_region, expired_environment,
         role_is_signed_by_the_source, role_of_the_settings, role_that_is_refused, role_with_a_wrong_clock, mfa, login,
         process, process_fails, sso, sso_signed_out, sso_old_time, sso_refresh, container,
         container_hosts, container_fails, instance, instance_without_version_2,
         instance_without_role, nobody_there, instance_gives_old_keys, again_before_the_end,
         old_keys_while_they_hold, one_at_a_time, failure_is_shared, files_are_read_again]
if PRELOAD:
    CASES.append(failing_memory_is_told)
if not sanitized():
    CASES.append(sources_share_and_nothing_old_stays)


def main():
    tap = Tap()
    names = os.environ.get("TEST_NAMES", "").split()

    def wanted(case):
        return not names or any(name in case.__name__ for name in names)
    with KeysServer() as server:
        for case in CASES:
            if wanted(case):
                tap.case(case.__name__.replace("_", " "), case, server)
                server.reset()
    for case, check in ((moto_identity, False), (moto_checks_signatures, True)):
        name = case.__name__.replace("_", " ")
        if not wanted(case):
            continue
        try:
            with Moto(check=check) as aws:
                tap.case(name, case, aws)
        except Missing as why:
            tap.skip(name, str(why))
    tap.done()


main()
