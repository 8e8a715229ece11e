"""Which keys are taken: for every environment and set of files below, aws/credentials and botocore,
which the AWS CLI stands on, take the same ones (or both refuse). All who would be asked are played by
keys_server, which answers equal questions with equal keys."""
import collections
import os
import random
import sys

from servers import in_venv

in_venv()

import botocore.credentials  # noqa: E402
import botocore.session  # noqa: E402
import botocore.tokens  # noqa: E402

from keys_probe import Home, probe  # noqa: E402
from keys_server import CANARY, KeysServer  # noqa: E402
from support import Tap, equal  # noqa: E402

S = f"aws_secret_access_key = {CANARY}\n"
ROLE = "role_arn = arn:aws:iam::123456789012:role/"
ENV = {"AWS_ACCESS_KEY_ID": "AKIAENV", "AWS_SECRET_ACCESS_KEY": CANARY}
WEB = {"AWS_WEB_IDENTITY_TOKEN_FILE": "{home}/.aws/web", "AWS_ROLE_ARN": "arn:aws:iam::1:role/web"}
PROCESS = ("credential_process = sh -c 'echo \"{\\\"Version\\\": 1, \\\"AccessKeyId\\\": "
           "\\\"AKIAPROC\\\", \\\"SecretAccessKey\\\": \\\"x\\\"}\"'\n")
SSO = ("sso_start_url = https://x.awsapps.com/start\nsso_region = us-east-1\n"
       "sso_account_id = 123456789012\nsso_role_name = Dev\n")
SESSION = ("[sso-session corp]\nsso_start_url = https://x.awsapps.com/start\n"
           "sso_region = us-east-1\nsso_registration_scopes = sso:account:access\n"
           "[profile s]\nsso_session = corp\nsso_account_id = 123456789012\nsso_role_name = Dev\n")
CONTAINER = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "{url}/container/x?y=1",
             "AWS_CONTAINER_AUTHORIZATION_TOKEN": CANARY}

# name: (profile of the settings, environment, config file, credentials file)
CASES = {
    "nothing but the instance": (None, {}, "", ""),
    "keys in the environment": (None, ENV, "", "[default]\naws_access_key_id = AKIAFILE\n" + S),
    "keys and a session token in the environment":
        (None, {**ENV, "AWS_SESSION_TOKEN": CANARY}, "", ""),
    "the older name of the token": (None, {**ENV, "AWS_SECURITY_TOKEN": CANARY}, "", ""),
    "an id without its secret in the environment": (None, {"AWS_ACCESS_KEY_ID": "AKIAENV"}, "", ""),
    "an empty id in the environment":
        (None, {**ENV, "AWS_ACCESS_KEY_ID": ""}, "", "[default]\naws_access_key_id = AKIAFILE\n" + S),
    "the default profile": (None, {}, "", "[default]\naws_access_key_id = AKIAFILE\n" + S),
    "a profile by AWS_PROFILE":
        (None, {"AWS_PROFILE": "p"}, "", "[p]\naws_access_key_id = AKIAP\n" + S),
    "AWS_DEFAULT_PROFILE before AWS_PROFILE":
        (None, {"AWS_PROFILE": "p", "AWS_DEFAULT_PROFILE": "q"}, "",
         f"[p]\naws_access_key_id = AKIAP\n{S}[q]\naws_access_key_id = AKIAQ\n{S}"),
    "environment before AWS_PROFILE":
        (None, {**ENV, "AWS_PROFILE": "p"}, "", "[p]\naws_access_key_id = AKIAP\n" + S),
    "an explicit profile before the environment":
        ("p", ENV, "", "[p]\naws_access_key_id = AKIAP\n" + S),
    "an explicit profile before AWS_PROFILE":
        ("p", {"AWS_PROFILE": "q"}, "",
         f"[p]\naws_access_key_id = AKIAP\n{S}[q]\naws_access_key_id = AKIAQ\n{S}"),
    "a profile that is not there": ("p", {}, "[profile q]\nregion = us-east-1\n", ""),
    "a profile of the environment that is not there":
        (None, {**ENV, "AWS_PROFILE": "p"}, "", ""),
    "an explicit profile without keys, with a container": ("p", CONTAINER, "[profile p]\n", ""),
    "an explicit profile without keys ends at the instance, not in the environment":
        ("p", ENV, "[profile p]\nregion = us-east-1\n", ""),
    "keys in the config file":
        ("p", {}, f"[profile p]\naws_access_key_id = AKIAC\n{S}", ""),
    "the credentials file before the config file":
        ("p", {}, f"[profile p]\naws_access_key_id = AKIAC\n{S}",
         f"[p]\naws_access_key_id = AKIAP\n{S}"),
    "half a pair in the credentials file":
        ("p", {}, f"[profile p]\naws_access_key_id = AKIAC\n{S}", "[p]\naws_access_key_id = AKIAP\n"),
    "a secret alone in the credentials file":
        ("p", {}, f"[profile p]\naws_access_key_id = AKIAC\n{S}", f"[p]\n{S}"),
    "a section without the word profile": ("p", {}, f"[p]\naws_access_key_id = AKIAC\n{S}", ""),
    "names in quotes and with blanks":
        ("my dev", {}, f"[profile \"my dev\"]\naws_access_key_id = AKIAC\n{S}", ""),
    "three words are no profile": ("a", {}, f"[profile a b]\naws_access_key_id = AKIAC\n{S}", ""),
    "[profile default]": (None, {}, f"[profile default]\naws_access_key_id = AKIAC\n{S}", ""),
    "keys in capitals, with colons, indented":
        ("p", {}, f"[profile p]\n  AWS_ACCESS_KEY_ID: AKIAC\n  {S}", ""),
    "comments, blank lines, CRLF":
        ("p", {}, f"# one\r\n; two\r\n\r\n[profile p]\r\n# three\r\naws_access_key_id=AKIAC\r\n{S}\r\n",
         ""),
    "nested keys are no keys of the profile":
        ("p", {}, f"[profile p]\ns3 =\n  aws_access_key_id = AKIANESTED\nregion = us-east-1\n",
         f"[p]\naws_access_key_id = AKIAP\n{S}"),
    "a key before any section": ("p", {}, f"region = x\n[profile p]\naws_access_key_id = AKIAC\n{S}",
                                 ""),
    "a line that is none": ("p", {}, f"[profile p]\naws_access_key_id = AKIAC\n{S}\nnonsense\n", ""),
    "a process": ("p", {}, "[profile p]\n" + PROCESS, ""),
    "a process before keys of the config file":
        ("p", {}, f"[profile p]\naws_access_key_id = AKIAC\n{S}{PROCESS}", ""),
    "keys of the credentials file before a process":
        ("p", {}, f"[profile p]\n{PROCESS}", f"[p]\naws_access_key_id = AKIAP\n{S}"),
    "a process named in the credentials file": ("p", {}, "", f"[p]\n{PROCESS}"),
    "a role of a profile with keys":
        ("r", {}, f"[profile r]\n{ROLE}a\nsource_profile = p\n",
         f"[p]\naws_access_key_id = AKIAP\n{S}"),
    "a role with an external id and a duration":
        ("r", {}, f"[profile r]\n{ROLE}a\nsource_profile = p\nexternal_id = e/1\n"
                  "duration_seconds = 900\nrole_session_name = name\n",
         f"[p]\naws_access_key_id = AKIAP\n{S}"),
    "a role before keys of the same profile":
        ("r", {}, f"[profile r]\n{ROLE}a\nsource_profile = p\naws_access_key_id = AKIAR\n{S}",
         f"[p]\naws_access_key_id = AKIAP\n{S}"),
    "a role that is its own source":
        ("r", {}, f"[profile r]\n{ROLE}a\nsource_profile = r\naws_access_key_id = AKIAR\n{S}", ""),
    "a role that is its own source, without keys":
        ("r", {}, f"[profile r]\n{ROLE}a\nsource_profile = r\n", ""),
    "a role upon a role upon keys":
        ("c", {}, f"[profile c]\n{ROLE}c\nsource_profile = b\n[profile b]\n{ROLE}b\n"
                  "source_profile = p\n", f"[p]\naws_access_key_id = AKIAP\n{S}"),
    "a role whose source has keys and a role":
        ("c", {}, f"[profile c]\n{ROLE}c\nsource_profile = b\n[profile b]\n{ROLE}b\n"
                  f"source_profile = p\naws_access_key_id = AKIAB\n{S}",
         f"[p]\naws_access_key_id = AKIAP\n{S}"),
    "roles in a circle":
        ("a", {}, f"[profile a]\n{ROLE}a\nsource_profile = b\n[profile b]\n{ROLE}b\n"
                  "source_profile = c\n[profile c]\n{ROLE}c\nsource_profile = b\n".replace(
                      "{ROLE}", ROLE), ""),
    "a role without a source": ("a", {}, f"[profile a]\n{ROLE}a\n", ""),
    "a role with two sources":
        ("a", ENV, f"[profile a]\n{ROLE}a\nsource_profile = b\ncredential_source = Environment\n"
                   f"[profile b]\naws_access_key_id = AKIAB\n{S}", ""),
    "a source that is not there": ("a", {}, f"[profile a]\n{ROLE}a\nsource_profile = b\n", ""),
    "a source without keys":
        ("a", {}, f"[profile a]\n{ROLE}a\nsource_profile = b\n[profile b]\nregion = us-east-1\n", ""),
    "a role by the environment's keys":
        ("a", ENV, f"[profile a]\n{ROLE}a\ncredential_source = Environment\n", ""),
    "a role by the environment's keys that are not there":
        ("a", {}, f"[profile a]\n{ROLE}a\ncredential_source = Environment\n", ""),
    "a role by the instance":
        ("a", {}, f"[profile a]\n{ROLE}a\ncredential_source = Ec2InstanceMetadata\n", ""),
    "a role by the container":
        ("a", CONTAINER, f"[profile a]\n{ROLE}a\ncredential_source = EcsContainer\n", ""),
    "a role by a source that nobody knows":
        ("a", {}, f"[profile a]\n{ROLE}a\ncredential_source = Magic\n", ""),
    "a role by a process":
        ("a", {}, f"[profile a]\n{ROLE}a\nsource_profile = b\n[profile b]\n{PROCESS}", ""),
    "a role by SSO":
        ("a", {}, f"[profile a]\n{ROLE}a\nsource_profile = b\n[profile b]\n{SSO}", ""),
    "a role of the default profile, with AWS_PROFILE":
        (None, {"AWS_PROFILE": "a"}, f"[profile a]\n{ROLE}a\nsource_profile = default\n",
         f"[default]\naws_access_key_id = AKIAD\n{S}"),
    "web identity by the environment": (None, WEB, "", ""),
    "web identity after keys in the environment": (None, {**WEB, **ENV}, "", ""),
    "web identity before keys of the profile":
        (None, WEB, "", f"[default]\naws_access_key_id = AKIAD\n{S}"),
    "a role of the profile before web identity of the environment":
        (None, {**WEB, "AWS_PROFILE": "a"}, f"[profile a]\n{ROLE}a\nsource_profile = p\n",
         f"[p]\naws_access_key_id = AKIAP\n{S}"),
    "web identity of the profile":
        ("w", {}, f"[profile w]\n{ROLE}w\nweb_identity_token_file = {{home}}/.aws/web\n", ""),
    "an explicit profile before web identity of the environment":
        ("w", WEB, f"[profile w]\naws_access_key_id = AKIAC\n{S}", ""),
    "web identity without a role":
        (None, {"AWS_WEB_IDENTITY_TOKEN_FILE": "{home}/.aws/web"}, "", ""),
    "a role upon web identity":
        ("a", {}, f"[profile a]\n{ROLE}a\nsource_profile = w\n[profile w]\n{ROLE}w\n"
                  "web_identity_token_file = {home}/.aws/web\n", ""),
    "a file of a web identity that is not there":
        (None, {**WEB, "AWS_WEB_IDENTITY_TOKEN_FILE": "{home}/none"}, "", ""),
    "SSO of the older form": ("s", {}, f"[profile s]\n{SSO}", ""),
    "SSO before keys of the profile":
        ("s", {}, f"[profile s]\n{SSO}", f"[s]\naws_access_key_id = AKIAS\n{S}"),
    "SSO by a session": ("s", {}, SESSION, ""),
    "SSO by a session that is not there": ("s", {}, SESSION.replace("= corp", "= corq"), ""),
    "SSO without an account":
        ("s", {}, f"[profile s]\n{SSO}".replace("sso_account_id", "sso_nothing"), ""),
    "SSO whose profile contradicts its session":
        ("s", {}, SESSION + "sso_region = eu-west-1\n", ""),
    "a session alone is no SSO":
        ("s", {}, "[profile s]\nsso_session = corp\n[sso-session corp]\nsso_region = us-east-1\n",
         f"[s]\naws_access_key_id = AKIAS\n{S}"),
    "a container": (None, CONTAINER, "", ""),
    "keys of the profile before the container":
        (None, CONTAINER, "", f"[default]\naws_access_key_id = AKIAD\n{S}"),
    "the instance may not be asked": (None, {"AWS_EC2_METADATA_DISABLED": "true"}, "", ""),
    "files elsewhere":
        (None, {"AWS_CONFIG_FILE": "{home}/.aws/c2", "AWS_SHARED_CREDENTIALS_FILE": "~/.aws/c3"},
         f"[default]\naws_access_key_id = AKIAD\n{S}", ""),
    "files elsewhere that are not there":
        (None, {"AWS_CONFIG_FILE": "{home}/none", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null"},
         f"[default]\naws_access_key_id = AKIAD\n{S}", ""),
}


def some(rng, chance):
    return rng.random() < chance


def random_profile(rng, name, names):
    lines = []
    if some(rng, .45):
        lines.append(f"{ROLE}r{name}")
        if some(rng, .8):
            lines.append(f"source_profile = {rng.choice([*names, name])}")
        elif some(rng, .8):
            lines.append("credential_source = " + rng.choice(
                ["Environment", "Ec2InstanceMetadata", "EcsContainer", "environment", "Bogus"]))
    if some(rng, .1):
        lines.append("web_identity_token_file = {home}/.aws/web")
    if some(rng, .2):
        lines.append(f"aws_access_key_id = AKIAC{name}")
        if some(rng, .9):
            lines.append(S.strip())
    if some(rng, .12):
        lines.append(PROCESS.strip().replace("AKIAPROC", f"AKIAPROC{name}"))
    if some(rng, .15):
        lines += ["sso_account_id = 123456789012", "sso_role_name = Dev"][:rng.choice([1, 2, 2, 2, 2])]
        if some(rng, .5):
            lines.append("sso_session = " + rng.choice(["corp", "corp", "nope"]))
        else:
            lines += ["sso_start_url = https://x.awsapps.com/start", "sso_region = us-east-1"]
    if some(rng, .04):
        lines.append("login_session = arn:aws:iam::1:user/x")
    rng.shuffle(lines)
    return "\n".join(lines) + "\n"


def random_case(rng):
    names = ["default", "a", "b", "c"]
    config = "".join(f"[{name if name == 'default' else 'profile ' + name}]\n"
                     + random_profile(rng, name, names) for name in names if some(rng, .8))
    config += "[sso-session corp]\nsso_start_url = https://x.awsapps.com/start\nsso_region = us-east-1\n"
    credentials = "".join(f"[{name}]\naws_access_key_id = AKIAS{name}\n{S}"
                          for name in names if some(rng, .25))
    env = {}
    for chance, more in ((.2, ENV), (.4, {"AWS_PROFILE": rng.choice(names)}),
                         (.05, {"AWS_DEFAULT_PROFILE": rng.choice(names)}), (.1, WEB),
                         (.15, CONTAINER), (.2, {"AWS_EC2_METADATA_DISABLED": "true"})):
        if some(rng, chance):
            env.update(more)
    return rng.choice(names) if some(rng, .4) else None, env, config, credentials


def random_cases(server, seed, n):
    """Where botocore is stricter on purpose of its own, this is known: a `default` that is named but
    not there, circles that run through a profile with other keys, and sso-sessions that are not
    there in a profile that has a web identity, too."""
    rng = random.Random(seed)
    outcomes = collections.Counter()
    for i in range(n):
        case = random_case(rng)
        wanted, why, told = both(server, *case)
        server.reset()
        if why in ("ProfileNotFound", "InfiniteLoopConfigError") or (
                not wanted and "sso_session = nope" in case[2] and told.key):
            outcomes["skipped"] += 1
            continue
        outcomes[(wanted or "refused")[:8]] += 1
        assert told.key == wanted, f"{seed}, {i}: botocore {wanted or why}, we {told.text}\n{case}"
    print(f"# {len(outcomes)} outcomes, {outcomes.most_common(4)}")
    assert outcomes["skipped"] < n / 4, outcomes


def of_botocore(home, profile, env):
    """The key id that botocore takes; "" when it refuses or finds none, and why."""
    kept = dict(os.environ)
    os.environ.clear()
    os.environ.update(home.environment(AWS_DEFAULT_REGION="us-east-1", **env))
    # Where tokens lie is settled when botocore is loaded.
    for owner in (botocore.credentials.SSOProvider, botocore.tokens.SSOTokenProvider):
        owner._SSO_TOKEN_CACHE_DIR = os.path.join(home.path, ".aws", "sso", "cache")
    try:
        session = botocore.session.Session(profile=profile)
        found = session.get_credentials()
        return found.get_frozen_credentials().access_key if found else "", "none"
    except Exception as why:  # whatever it is: it refuses
        return "", type(why).__name__
    finally:
        os.environ.clear()
        os.environ.update(kept)


def both(server, profile, env, config, credentials):
    """What botocore takes, why it refuses, and what the probe tells."""
    env = {**server.env, **{k: v.replace("{url}", server.url) for k, v in env.items()}}
    with Home(config, credentials, web=CANARY + "web",
              c2=f"[default]\naws_access_key_id = AKIAC2\n{S}", c3="") as home:
        home.token("https://x.awsapps.com/start")
        home.token("corp")
        wanted, why = of_botocore(home, profile, env)
        told = probe(home, "keys", *(("--profile", profile) if profile else ()),
                     AWS_REGION="us-east-1", **env)
    return wanted, why, told


def same(server, *case):
    wanted, _, told = both(server, *case)
    if wanted:
        equal(told.key, wanted, told.text)
    else:
        assert told.error and not told.key, f"botocore refuses, we do not:\n{told.text}"
    print("# " + (told.error or told.lines["source"])[:300])


def main():
    tap = Tap()
    names = sys.argv[1:] or os.environ.get("TEST_NAMES", "").split()
    with KeysServer() as server:
        for name, case in CASES.items():
            if not names or any(word in name for word in names):
                tap.case(name, same, server, *case)
                server.reset()
        if not names or any(word in "random" for word in names):
            n = int(os.environ.get("ASSAY_CASES", 60))
            tap.case("random files and environments", random_cases, server, 1, n)
    tap.done()


main()
