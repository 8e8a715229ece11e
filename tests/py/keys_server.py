"""One server on loopback that plays all who hand out AWS keys: STS, IAM Identity Center (portal and
OIDC), a container's credentials server and an instance's metadata service.

The key id that it gives tells who was asked and how: it is a hash of what the request said, so two
programs that ask alike get alike. Secrets and tokens all hold CANARY: no output may. How long keys
live, what goes wrong and when is set by the test; every request is kept in .log.
"""
import datetime
import hashlib
import http.server
import json
import threading
import time
import urllib.parse

CANARY = "CANARYx9"


def key_id(*words):
    return "ASIA" + hashlib.sha256("\n".join(words).encode()).hexdigest()[:16].upper()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def handle_any(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        path, _, query = self.path.partition("?")
        with self.server.guard:
            self.server.log.append((self.command, self.path, dict(self.headers), body))
        time.sleep(self.server.delay)
        wrong = self.server.wrong.get(path)
        if isinstance(wrong, list):
            wrong = wrong.pop(0) if wrong else None
        status, answer, *headers = wrong or self.server.answer(self.command, path, query,
                                                               self.headers, body)
        answer = answer.encode()
        self.send_response_only(status)
        more = dict(headers[0]) if headers else {}
        if "Date" not in more:
            date = self.server.date
            self.send_header("Date", self.date_time_string(date and date.timestamp()))
        for name, value in more.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer)

    do_GET = do_PUT = do_POST = do_HEAD = handle_any


class KeysServer(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.guard = threading.Lock()
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.reset()
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def handle_error(self, *_):
        """Nothing: who asked has gone."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()

    def reset(self):
        self.life = 3600       # seconds that keys live
        self.delay = 0         # seconds before an answer
        self.date = None       # what its Date header says; None: now
        self.once = False      # a refresh token is taken only once
        self.taken = set()
        self.wrong = {}        # path: (status, body[, headers]), or a list of these and None
        self.log = []
        self.serial = None     # a number that changes the key ids, for who counts refreshes

    @property
    def env(self):
        return {"AWS_ENDPOINT_URL": self.url, "AWS_EC2_METADATA_SERVICE_ENDPOINT": self.url}

    def asked(self, path):
        return [entry for entry in self.log if entry[1].partition("?")[0] == path]

    def expires(self):
        return (datetime.datetime.now(datetime.timezone.utc)
                + datetime.timedelta(seconds=self.life)).replace(microsecond=0)

    def key(self, *words):
        if self.serial is not None:
            self.serial += 1
            words += (str(self.serial),)
        return key_id(*words)

    def answer(self, method, path, query, headers, body):
        if path == "/latest/api/token":
            return (200, CANARY + "imds") if method == "PUT" else (405, "")
        if path.startswith("/latest/"):
            return self.instance(path, headers)
        if path == "/federation/credentials":
            return self.portal(dict(urllib.parse.parse_qsl(query)), headers)
        if path == "/token":
            return self.oidc(json.loads(body))
        if path == "/" and method == "POST":
            return self.sts(dict(urllib.parse.parse_qsl(body)), headers)
        if path.startswith("/container"):
            return self.plain("container", path, headers.get("Authorization", ""))
        return 404, ""

    def plain(self, *words):
        return 200, json.dumps({
            "Code": "Success", "AccessKeyId": self.key(*words), "SecretAccessKey": CANARY + "s",
            "Token": CANARY + "t", "Expiration": self.expires().strftime("%Y-%m-%dT%H:%M:%SZ")})

    def instance(self, path, headers):
        if headers.get("X-aws-ec2-metadata-token") != CANARY + "imds":
            return 401, ""
        place = "/latest/meta-data/iam/security-credentials/"
        if path == "/latest/meta-data/placement/region":
            return 200, "cn-north-1"
        if path == place:
            return 200, "the-role"
        return self.plain("instance") if path == place + "the-role" else (404, "")

    def portal(self, query, headers):
        token = headers.get("x-amz-sso_bearer_token", "")
        if not token.startswith(CANARY):
            return 401, '{"message": "Session token not found or invalid"}', {
                "x-amzn-ErrorType": "UnauthorizedException"}
        return 200, json.dumps({"roleCredentials": {
            "accessKeyId": self.key("sso", query["account_id"], query["role_name"], token),
            "secretAccessKey": CANARY + "s", "sessionToken": CANARY + "t",
            "expiration": int(self.expires().timestamp() * 1000)}})

    def oidc(self, asked):
        if asked.get("grantType") != "refresh_token":
            return 400, '{"error": "unsupported_grant_type"}'
        if self.once and asked["refreshToken"] in self.taken:
            return 400, '{"error": "invalid_grant"}'
        self.taken.add(asked["refreshToken"])
        return 200, json.dumps({"accessToken": CANARY + "renewed", "expiresIn": 28800,
                                "refreshToken": CANARY + "refresh2", "tokenType": "Bearer"})

    def sts(self, form, headers):
        signed = headers.get("Authorization", "")
        signer = signed.partition("Credential=")[2].partition("/")[0]
        action = form["Action"]
        if action == "GetCallerIdentity":
            return 200, (
                '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">'
                f"<GetCallerIdentityResult><Arn>arn:aws:sts::123456789012:assumed-role/{signer}/x"
                "</Arn><UserId>AIDA</UserId><Account>123456789012</Account>"
                "</GetCallerIdentityResult></GetCallerIdentityResponse>")
        word = "" if self.serial is None else f"of-{self.serial + 1}-kept-by-nobody"
        words = [action, form["RoleArn"], form.get("ExternalId", ""),
                 form.get("DurationSeconds", ""), form.get("WebIdentityToken", ""), signer]
        return 200, (
            f'<{action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/">'
            f"<{action}Result><AssumedRoleUser><Arn>{form['RoleArn']}</Arn></AssumedRoleUser>"
            f"<Credentials><AccessKeyId>{self.key(*words)}</AccessKeyId>"
            f"<SecretAccessKey>{CANARY}s{word}</SecretAccessKey>"
            f"<SessionToken>{CANARY}t{word}</SessionToken>"
            f"<Expiration>{self.expires():%Y-%m-%dT%H:%M:%SZ}</Expiration></Credentials>"
            f"</{action}Result><ResponseMetadata><RequestId>r-1</RequestId></ResponseMetadata>"
            f"</{action}Response>")
