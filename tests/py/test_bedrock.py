"""aws/bedrock.h: what an inference profile points to, and its tags, from a server that checks
signatures (facts on profiles, sections 2 and 3)."""
import json
import os
import subprocess
import urllib.parse

from logs_server import ACCOUNT, LogsServer, error
from support import ROOT, Tap, environment, equal

PROBE = os.environ.get("AWS_PROBE", os.path.join(ROOT, "build/tests/net/aws_probe"))
ARN = f"arn:aws:bedrock:ap-northeast-1:{ACCOUNT}:application-inference-profile/ab12cd34ef56"
MODELS = ["arn:aws:bedrock:::foundation-model/anthropic.claude-opus-4-8",
          "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-opus-4-8"]
PROFILE = {"inferenceProfileName": "internal-service-a-opus", "description": "a \u00e9",
           "createdAt": "2026-01-01T00:00:00Z", "inferenceProfileArn": ARN,
           "models": [{"modelArn": arn, "more": [1]} for arn in MODELS],
           "inferenceProfileId": "ab12cd34ef56", "status": "ACTIVE", "type": "APPLICATION"}


def path_of(identifier):
    return "/inference-profiles/" + urllib.parse.quote(identifier, safe="")


def ask(aws, *words):
    done = subprocess.run([PROBE, *words], stdin=subprocess.DEVNULL, capture_output=True,
                          env=environment(**aws.env), timeout=60, check=False)
    assert not done.stderr, done.stderr
    return done.returncode, done.stdout.decode().splitlines()


def profile(aws):
    """An ARN is one segment of the path, and is asked for in its own Region."""
    aws.bedrock[path_of(ARN)] = 200, PROFILE, {}
    code, lines = ask(aws, "profile", ARN)
    equal((code, lines), (0, ["name internal-service-a-opus", f"arn {ARN}", "id ab12cd34ef56",
                              "status ACTIVE", "type 2", *("model " + arn for arn in MODELS)]), "")
    equal(aws.gets, [path_of(ARN)], "path")
    equal(aws.regions[-1], "ap-northeast-1", "Region")
    made = {**PROFILE, "type": "SYSTEM_DEFINED", "inferenceProfileId": "global.x"}
    aws.bedrock[path_of("global.anthropic.x-v1:0")] = 200, made, {}
    code, lines = ask(aws, "profile", "global.anthropic.x-v1:0")
    assert code == 0 and "type 1" in lines, lines
    equal(aws.regions[-1], "eu-west-1", "the client's Region")


def refused(aws):
    def says(code, status, text):
        found, lines = ask(aws, "profile", ARN)
        assert found == 1 and lines[0].startswith(f"error {code} "), lines
        assert status in lines[0] and "bedrock:GetInferenceProfile" in lines[0], lines
        assert text in lines[0], lines
    gone = error(404, "ResourceNotFoundException", "The inference profile was not found.")
    aws.bedrock[path_of(ARN)] = gone
    says(3, "ResourceNotFoundException", "was not found")
    aws.bedrock[path_of(ARN)] = error(403, "AccessDeniedException", "not authorized")
    says(4, "AccessDeniedException", "not authorized")


def not_answers(aws):
    six = [{"modelArn": MODELS[0]}] * 6
    for body in (b"", b"[]", b"{", b"<html>", {**PROFILE, "models": []}, {**PROFILE, "models": six},
                 {**PROFILE, "models": "x"}, b'{"models":[{"modelArn":"\\ud8"}]}'):
        aws.bedrock[path_of(ARN)] = 200, body, {}
        code, lines = ask(aws, "profile", ARN)
        assert code == 1 and lines[0].startswith("error "), (body, lines)
    code, lines = ask(aws, "profile", "x" * 2049)
    assert code == 1 and "2048" in lines[0], lines


def tags(aws):
    aws.bedrock["/listTagsForResource"] = 200, {"tags": [
        {"key": "owner-team", "value": "a/b"}, {"key": "service_name", "value": ""},
        {"key": "\u00fc", "value": "=\"+"}, {"value": "no key"}, 7]}, {}
    code, lines = ask(aws, "tags", ARN)
    equal((code, lines), (0, ["tag owner-team=a/b", "tag service_name=", "tag \u00fc=\"+".replace(
        '="', '==\"')]), "tags")
    equal(json.loads(aws.bodies[-1]), {"resourceARN": ARN}, "asked")
    equal(aws.regions[-1], "ap-northeast-1", "Region")
    for none in ({"tags": []}, {}):
        aws.bedrock["/listTagsForResource"] = 200, none, {}
        equal(ask(aws, "tags", ARN), (0, []), "none")


def throttled(aws):
    answers = [error(429, "ThrottlingException", "Too many requests"), (200, PROFILE, {})]

    class Twice(dict):
        def __getitem__(self, key):
            return answers.pop(0)
    aws.bedrock = Twice({path_of(ARN): None})
    equal((ask(aws, "profile", ARN)[0], answers), (0, []), "the second answer")


def main():
    tap = Tap()
    for what, test in (("what a profile points to", profile), ("a profile that is gone", refused),
                       ("what is no answer is an error", not_answers), ("tags", tags),
                       ("throttling is waited for", throttled)):
        with LogsServer() as aws:
            tap.case(what, test, aws)
    tap.done()


if __name__ == "__main__":
    main()
