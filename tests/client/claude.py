"""Installing and running Claude Code for a test: an empty home, a clean environment, a project of
its own, and nothing but loopback to talk to."""
import json
import os
import queue
import shutil
import signal
import subprocess
import threading
import time

CLIENT, MCP_SERVER = "@anthropic-ai/claude-code", "@modelcontextprotocol/server-everything"
SERVER, SKILL, AGENT = "everything", "release-notes", "line-counter"
PATIENCE = 80  # seconds for all that it does, which takes 15 on an idle machine
NOWHERE = "http://127.0.0.1:9"  # a proxy that is not there


class Missing(Exception):
    """Why the client cannot be had here, or does not do its part in time."""


class Client:
    def __init__(self, folder, versions):
        """Finds the client below `folder`, or installs it there; raises Missing."""
        modules = os.path.join(folder, "node_modules")
        self.program = os.path.join(modules, ".bin", "claude")
        self.server = os.path.join(modules, *MCP_SERVER.split("/"), "dist", "index.js")
        for tool in ("node", "npm"):
            if not shutil.which(tool):
                raise Missing(f"{tool} is missing")
        if not os.path.exists(self.program) or not os.path.exists(self.server):
            self.install(folder, versions)
        said = self.quick([self.program, "--version"], 30)
        if said is None:
            raise Missing("the client does not start")
        self.version = said.split()[0]

    def install(self, folder, versions):
        if self.quick(["npm", "view", CLIENT, "version"], 20) is None:
            raise Missing("the package registry does not answer")
        os.makedirs(folder, exist_ok=True)
        wanted = [f"{name}@{version}" for name, version in versions.items()]
        if self.quick(["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", folder,
                       *wanted], 240) is None or not os.path.exists(self.program):
            raise Missing("npm could not install the client")

    @staticmethod
    def quick(command, timeout):
        """What a command says, None when it fails."""
        try:
            return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                  timeout=timeout, check=True).stdout
        except (OSError, subprocess.SubprocessError):
            return None


class Project:
    """A home and a folder to work in, with everything that a project can bring."""

    def __init__(self, client, place):
        self.client, self.deadline = client, time.monotonic() + PATIENCE
        self.home, self.folder = os.path.join(place, "home"), os.path.join(place, "counting-house")
        self.temp = os.path.join(place, "tmp")
        for folder in (self.home, self.folder, self.temp):
            os.makedirs(folder)
        self.write("CLAUDE.md", "# Notes\n\nLines are counted twice.\n")
        self.write(f".claude/skills/{SKILL}/SKILL.md",
                   f"---\nname: {SKILL}\ndescription: Writes release notes: short ones\n---\n\n"
                   "List what changed, one line each.\n")
        self.write(f".claude/agents/{AGENT}.md",
                   f"---\nname: {AGENT}\ndescription: Counts lines of files\ntools: Bash, Read\n"
                   "---\n\nCount lines and say how many there are.\n")
        self.write(".claude/settings.json", json.dumps({"enableAllProjectMcpServers": True}))
        self.write(".mcp.json", json.dumps({"mcpServers": {SERVER: {
            "command": shutil.which("node"), "args": [client.server, "stdio"]}}}))

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def know(self):
        """What a user of a terminal has answered once: a look, and that the folder is trusted."""
        path = os.path.join(self.home, ".claude.json")
        settings = {}
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                settings = json.load(file)
        settings.update(hasCompletedOnboarding=True, theme="dark")
        folder = settings.setdefault("projects", {}).setdefault(self.folder, {})
        folder.update(hasTrustDialogAccepted=True, hasCompletedProjectOnboarding=True,
                      enabledMcpjsonServers=[SERVER])
        with open(path, "w", encoding="utf-8") as file:
            json.dump(settings, file)

    def environment(self, url, **more):
        env = {
            "PATH": os.environ["PATH"], "HOME": self.home, "TMPDIR": self.temp, "TERM": "dumb",
            "LANG": "C.UTF-8", "CLAUDE_CODE_USE_BEDROCK": "1", "ANTHROPIC_BEDROCK_BASE_URL": url,
            "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "nothing", "AWS_EC2_METADATA_DISABLED": "true",
            "DISABLE_TELEMETRY": "1", "DISABLE_ERROR_REPORTING": "1", "DISABLE_AUTOUPDATER": "1",
            "DISABLE_BUG_COMMAND": "1", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "CLAUDE_CODE_DISABLE_OFFICIAL_MARKETPLACE_AUTOINSTALL": "1",
            "HTTP_PROXY": NOWHERE, "HTTPS_PROXY": NOWHERE, "http_proxy": NOWHERE,
            "https_proxy": NOWHERE, "NO_PROXY": "127.0.0.1,localhost",
            "no_proxy": "127.0.0.1,localhost",
        }
        return {**env, **more}

    def talk(self, prompts, url, *options, **env):
        """Gives the prompts one after the other, each when the one before has been answered;
        returns the results' kinds, one per prompt."""
        command = [self.client.program, "-p", "--verbose", "--input-format", "stream-json",
                   "--output-format", "stream-json", *options]
        child = subprocess.Popen(command, cwd=self.folder, env=self.environment(url, **env),
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                 stderr=subprocess.DEVNULL, start_new_session=True)
        lines = queue.Queue()
        reader = threading.Thread(target=self.read, args=(child, lines), daemon=True)
        reader.start()
        try:
            return self.exchange(child, lines, prompts, self.deadline)
        except (queue.Empty, subprocess.TimeoutExpired):
            raise Missing(f"the client was not done within {PATIENCE} s") from None
        finally:
            end(child)
            reader.join(5)

    @staticmethod
    def read(child, lines):
        for line in child.stdout:
            lines.put(line)
        lines.put(None)

    @staticmethod
    def exchange(child, lines, prompts, deadline):
        results = []
        for prompt in prompts:
            message = {"type": "user", "message": {"role": "user", "content": prompt}}
            child.stdin.write(json.dumps(message).encode() + b"\n")
            child.stdin.flush()
            while True:
                line = lines.get(timeout=max(deadline - time.monotonic(), 0.1))
                if line is None:
                    return results
                said = json.loads(line)
                if said.get("type") == "result":
                    results.append(said.get("subtype", ""))
                    break
        child.stdin.close()
        child.wait(max(deadline - time.monotonic(), 1))
        return results


def end(child):
    """Ends a process and the group that it leads."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(child.pid, sign)
        except ProcessLookupError:
            break
        try:
            child.wait(3)
        except subprocess.TimeoutExpired:
            continue
    child.wait()
    for stream in (child.stdin, child.stdout):
        if stream and not stream.closed:
            try:
                stream.close()
            except OSError:
                pass
