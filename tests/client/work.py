"""What the client is told to do: three sessions that use all that assay tells apart."""
import time

from bedrock import ACCOUNT, FAIL_IN_STREAM, FAIL_THROTTLED, REGION, Bedrock
from claude import AGENT, SERVER, SKILL, Project
from support import equal
from terminal import Terminal

PROFILE = f"arn:aws:bedrock:{REGION}:{ACCOUNT}:application-inference-profile/abcd1234efgh"
MODEL = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
MCP_TOOL = f"mcp__{SERVER}__echo"
ALLOWED = ("--allowedTools", f"Agent,Bash,Read,Skill,Task,ToolSearch,{MCP_TOOL}")
WORK, ASIDE, LATER, AGAIN = "count-lines", "add-words", "say-more", "once-more"
PAUSE = 15 * 60  # longer than any cache of five minutes


def use(tool, **arguments):
    return ("use", tool, arguments)


def bash(command):
    return use("Bash", command=command, description="Do a step")


def script(bedrock):
    """The steps of the first session: each way in which a tool, a server, a skill and sub-agents
    are called, and both ways in which a call fails."""
    def when_agents_are_done(_):
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            calls = [c for c in bedrock.calls if c.kind == "sub-agent"]
            if len({c.agent for c in calls}) == 2 and len(calls) == 4 and calls[-1].answered:
                break
            time.sleep(0.05)
        return [("text", "All is counted.")]

    return {
        "main": {
            WORK: [
                [("text", "I look."), bash("echo one; sleep 1")],
                FAIL_THROTTLED,
                [bash("exit 3")],
                [use("Skill", skill=SKILL, args="short")],
                FAIL_IN_STREAM,
                [use("ToolSearch", query="select:" + MCP_TOOL)],
                [use(MCP_TOOL, message="hello")],
                [use("Agent", description="Count", prompt="Count them in CLAUDE.md",
                     subagent_type=AGENT),
                 use("Agent", description="Find", prompt="Find the notes",
                     subagent_type="Explore")],
                when_agents_are_done,
            ],
            f"<command-name>/{SKILL}": [[("text", "Notes are written.")]],
            LATER: [[bash("echo two")], [("text", "More is said.")]],
            AGAIN: [[("text", "Again.")]],
        },
        "sub-agent": [[bash("wc -l CLAUDE.md")], [("text", "There are three.")]],
        "compaction": [[("text", "<summary>Lines were counted.</summary>")]],
    }


def first_session(bedrock, project):
    bedrock.follow("print", script(bedrock))
    said = project.talk([f"Please {WORK}.", f"/{SKILL} short", "/compact", f"And {LATER}."],
                        bedrock.url, *ALLOWED, ANTHROPIC_MODEL=PROFILE)
    bedrock.follow("print", script(bedrock), pause=PAUSE)
    said += project.talk([f"Please {AGAIN}."], bedrock.url, "--continue", *ALLOWED,
                         ANTHROPIC_MODEL=PROFILE)
    equal(said, ["success"] * 5, "results of the first session")


def second_session(bedrock, project):
    """The same words in the same folder, with caches that last an hour."""
    bedrock.follow("hour", {"main": [[bash("echo one; sleep 1")], [("text", "Counted.")]]})
    said = project.talk([f"Please {WORK}."], bedrock.url, *ALLOWED, ANTHROPIC_MODEL=PROFILE,
                        ENABLE_PROMPT_CACHING_1H="1")
    equal(said, ["success"], "results of the second session")


def third_session(bedrock, project):
    """In a terminal: a prompt, one typed while the model works, and a line for the shell. False
    when the terminal is too slow to be typed in."""
    # The client asks the model whether a loop is safe to run.
    bedrock.follow("terminal", {"background": [[("text", "<block>no</block>")]], "main": {WORK: [
        [bash("for i in $(seq 150); do [ -e go ] && break; sleep 0.1; done; echo one")]]}})
    project.know()
    command = [project.client.program, *ALLOWED]
    environment = project.environment(bedrock.url, ANTHROPIC_MODEL=PROFILE, TERM="xterm-256color")

    def calls(n):
        def seen():
            mine = [c for c in bedrock.calls if c.run == "terminal" and c.kind == "main"]
            return len(mine) >= n and mine[n - 1].answered
        return seen

    with Terminal(command, project.folder, environment, project.deadline) as terminal:
        if not (terminal.wait(lambda: terminal.shown and terminal.quiet(1.5)(), 15) and
                terminal.type(f"Please {WORK}") and terminal.wait(calls(1), 10)):
            return False
        terminal.wait(terminal.quiet(0.3), 1)
        if not terminal.type(f"Also {ASIDE}"):
            return False
        terminal.wait(lambda: False, 1)
        project.write("go", "")
        if not (terminal.wait(calls(2), 20) and terminal.wait(terminal.quiet(1), 5)
                and terminal.type("! echo three") and terminal.wait(calls(3), 10)):
            return False
        terminal.wait(terminal.quiet(0.5), 3)
    return True


def work_of(client, place):
    """The Bedrock that all three sessions have talked to."""
    with Bedrock({PROFILE: MODEL}) as bedrock:
        project = Project(client, place)
        first_session(bedrock, project)
        second_session(bedrock, project)
        typed = third_session(bedrock, project)
    if not typed:
        bedrock.calls = [call for call in bedrock.calls if call.run != "terminal"]
    return bedrock
