"""`remit init` in projects that are there: real MCP servers, a real LangChain agent, and the patch that is applied."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import remit as package
from remit.core.types import Enforcement
from remit.wiring import read_envelope_file

Remit = Callable[..., Any]
BIN = Path(sys.executable).parent
SOURCE = str(Path(package.__file__).parents[1])


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "shop"
    folder.mkdir()
    (tmp_path / "home").mkdir()
    for name in ("REMIT_STORE", "CLAUDE_CONFIG_DIR", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("REMIT_HOME", str(tmp_path / "keys"))
    monkeypatch.setenv("PYTHONPATH", SOURCE)
    monkeypatch.chdir(folder)
    subprocess.run(["git", "init", "-q", "."], cwd=folder, check=True)
    return folder


def config(folder: Path, **servers: Any) -> Path:
    path = folder / ".mcp.json"
    path.write_text(json.dumps({"mcpServers": servers}, indent=2) + "\n")
    return path


GIT = {"command": str(BIN / "mcp-server-git"), "args": ["--repository", "${CLAUDE_PROJECT_DIR:-.}"]}
TIME = {"command": str(BIN / "mcp-server-time"), "env": {"TOKEN": "hidden"}}


def test_servers_are_not_started_before_somebody_said_so(remit: Remit, project: Path) -> None:
    config(project, evil={"command": sys.executable, "args": ["-c", "open('started', 'w')"]})
    ran = remit("init")

    assert ran.code == 3
    assert "`remit init --mcp` starts these servers" in ran.err
    assert sorted(path.name for path in project.iterdir()) == [".git", ".mcp.json"]


def test_a_live_servers_tools_are_listed_and_no_rule_asks_for_the_users_word(
    remit: Remit, project: Path
) -> None:
    config(project, git=GIT)
    ran = remit("init", "--mcp", "--json")
    envelope = read_envelope_file(project / "remit/envelope.yaml")
    effects = {tool["name"]: tool["effect"] for tool in ran.object["tools"]}

    assert envelope.enforcement is Enforcement.MONITOR
    assert (effects["git_show"], effects["git_commit"]) == ("read", "irreversible")
    assert all(not tool.flow for tool in envelope.tools.values())
    assert [a.clause.id for a in envelope.tools["git_commit"].approve] == ["git_commit.every-call"]
    assert remit("envelope", "lint", "--strict", "remit/envelope.yaml").code == 0


def test_several_servers_share_one_envelope_under_their_names(remit: Remit, project: Path) -> None:
    path = config(project, git=GIT, time=TIME, gone={"command": "/no/such"}, far={"url": "https://x/mcp"})
    ran = remit("init", "--mcp", "--apply")
    tools = read_envelope_file(project / "remit/envelope.yaml").tools
    wrapped = json.loads(path.read_text())["mcpServers"]

    assert ran.code == 0
    assert {"git/git_status", "time/get_current_time"} <= set(tools)
    assert "server gone: cannot be started" in ran.err
    assert "far: a server by URL cannot be wrapped" in ran.out
    assert "hidden" not in ran.out
    for name in ("git", "time"):
        args = wrapped[name]["args"]
        assert args[args.index("--namespace") + 1] == name
    assert wrapped["time"]["env"] == {"TOKEN": "hidden"}


def test_the_wrapped_server_works_and_its_calls_are_recorded(remit: Remit, project: Path) -> None:
    path = config(project, git=GIT)
    assert remit("init", "--mcp", "--yes").code == 0
    server = json.loads(path.read_text())["mcpServers"]["git"]
    args = [str(project) if one.startswith("${") else one for one in server["args"]]
    told = asyncio.run(called(server["command"], args, "git_status", {"repo_path": str(project)}))

    assert "Repository status" in told
    store = f"sqlite:///{project / 'remit.db'}"
    ready = remit(
        "readiness", "--store", store, "--envelope", project / "remit/envelope.yaml", "--json"
    ).object
    assert (ready["sessions"], ready["calls"]) == (1, 1)
    assert remit("init", "--apply").code == 0
    assert json.loads(path.read_text())["mcpServers"]["git"] == server


async def called(command: str, args: list[str], tool: str, arguments: dict[str, Any]) -> str:
    from mcp.client.client import Client
    from mcp.client.stdio import StdioServerParameters, stdio_client

    given = StdioServerParameters(command=command, args=args, env=dict(os.environ))
    with Path("proxy.log").open("w") as log:
        async with Client(stdio_client(given, errlog=log)) as client:
            found = await client.call_tool(tool, arguments)
            return str(found.content)


def test_what_was_worked_on_is_kept_when_the_patch_is_applied_later(remit: Remit, project: Path) -> None:
    path = config(project, time=TIME)
    remit("init", "--mcp")
    place = project / "remit/envelope.yaml"
    place.write_text(place.read_text().replace('version: "1"', 'version: "2"'))
    again = remit("init", "--mcp")
    applied = remit("init", "--apply")

    assert (again.code, "--apply leaves it" in again.err) == (3, True)
    assert applied.code == 0
    assert 'version: "2"' in place.read_text()
    assert "proxy" in path.read_text()


def test_a_variable_that_only_the_client_knows_is_told(remit: Remit, project: Path) -> None:
    config(project, time={"command": TIME["command"], "env": {"KEY": "${input:key}"}})
    ran = remit("init", "--mcp")

    assert ran.code == 3
    assert "only its client knows ${input:key}" in ran.err


AGENT = '''\
"""A shop's agent."""

from langchain.agents import create_agent
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.tools import tool


@tool
def refund(order_id: str, amount: int) -> str:
    """Refund an order."""
    return f"refunded {amount}"


class Scripted(GenericFakeChatModel):
    def bind_tools(self, tools, **options):
        return self


def answers():
    call = {"name": "refund", "args": {"order_id": "O-1", "amount": 5}, "id": "c1"}
    yield AIMessage("", tool_calls=[call])
    yield AIMessage("done")


agent = create_agent(
    Scripted(messages=answers()),
    [refund],  # more to come
)

if __name__ == "__main__":
    for message in agent.invoke({"messages": [("user", "refund O-1")]})["messages"]:
        print(message.type, message.content)
'''


def test_a_langchain_project_gets_its_tools_from_the_source_and_a_patch_that_git_takes(
    remit: Remit, project: Path
) -> None:
    (project / "agent.py").write_text(AGENT)
    ran = remit("init", "--patch", "adopt.patch")

    assert ran.code == 0
    assert "found: langchain (agent.py)" in ran.out
    assert "+    middleware=[RemitMiddleware(guard)]," in ran.out
    assert (project / "agent.py").read_text() == AGENT
    assert stat.S_IMODE((project / "adopt.patch").stat().st_mode) == 0o600
    assert list(read_envelope_file(project / "remit/envelope.yaml").tools) == ["refund"]
    subprocess.run(["git", "apply", "--check", "adopt.patch"], cwd=project, check=True)
    if shutil.which("patch"):
        subprocess.run(["patch", "-p1", "--dry-run", "-i", "adopt.patch"], cwd=project, check=True)
    subprocess.run(["git", "apply", "adopt.patch"], cwd=project, check=True)
    by_git = (project / "agent.py").read_text()
    (project / "agent.py").write_text(AGENT)
    assert remit("init", "--apply").code == 0
    assert (project / "agent.py").read_text() == by_git


def test_the_patched_agent_runs_and_what_it_does_is_recorded(remit: Remit, project: Path) -> None:
    (project / "agent.py").write_text(AGENT)
    assert remit("init", "--yes").code == 0
    ran = subprocess.run(
        [sys.executable, "agent.py"], cwd=project, capture_output=True, text=True, check=False
    )
    ready = remit(
        "readiness", "--store", "sqlite:///remit.db", "--envelope", "remit/envelope.yaml", "--json"
    ).object

    assert ran.returncode == 0, ran.stderr
    assert "tool refunded 5" in ran.stdout
    assert (ready["calls"], ready["never_called"]) == (1, [])


def test_a_call_that_cannot_be_edited_is_told_with_the_lines(remit: Remit, project: Path) -> None:
    (project / "agent.py").write_text(
        "from langchain.agents import create_agent\n\nagent = create_agent(**{})\n"
    )
    ran = remit("init")

    assert ran.code == 0
    assert "by hand: agent.py:3: it is called with **" in ran.out
    assert "from remit.adapters.langchain import RemitMiddleware" in ran.out


def test_an_agent_that_is_named_gives_the_frameworks_schemas(remit: Remit, project: Path) -> None:
    (project / "my_named_agent.py").write_text(AGENT)
    ran = remit("init", "--agent", "my_named_agent:agent", "--json")

    assert [tool["name"] for tool in ran.object["tools"]] == ["refund"]
    assert read_envelope_file(project / "remit/envelope.yaml").tools["refund"].schema["required"] == [
        "order_id",
        "amount",
    ]


def test_no_line_end_at_the_end_of_a_file_is_in_the_patch_too(remit: Remit, project: Path) -> None:
    (project / "agent.py").write_text(
        "from langchain.agents import create_agent\n\nagent = create_agent('m', [])"
    )
    remit("init", "--patch", "adopt.patch")

    assert "\\ No newline at end of file" in (project / "adopt.patch").read_text()
    subprocess.run(["git", "apply", "adopt.patch"], cwd=project, check=True)
    assert (project / "agent.py").read_text().endswith("middleware=[RemitMiddleware(guard)])")


def test_a_patch_file_that_is_there_is_not_overwritten(remit: Remit, project: Path) -> None:
    (project / "adopt.patch").write_text("mine")

    assert remit("init", "--patch", "adopt.patch").code == 3
    assert (project / "adopt.patch").read_text() == "mine"


def test_claude_codes_own_tools_are_listed_and_its_hooks_are_in_the_patch(
    remit: Remit, project: Path
) -> None:
    (project / ".claude").mkdir()
    settings = project / ".claude/settings.json"
    settings.write_text('{\n  "env": {"TOKEN": "hidden"},\n  "model": "opus"\n}\n')
    ran = remit("init", "--patch", "adopt.patch")
    envelope = read_envelope_file(project / "remit/envelope.yaml")

    assert ran.code == 0
    assert "found: claude-code (.claude)" in ran.out
    assert (envelope.enforcement, envelope.breaker.lease_s) == (Enforcement.MONITOR, 3600.0)
    assert {"Read", "Edit", "Bash", "WebFetch"} <= set(envelope.tools)
    assert "hidden" not in ran.out
    assert remit("envelope", "lint", "--strict", "remit/envelope.yaml").code == 0
    subprocess.run(["git", "apply", "adopt.patch"], cwd=project, check=True)
    by_git = settings.read_text()
    assert remit("init", "--apply").code == 0
    assert settings.read_text() == by_git
    assert remit("hooks", "install", "--json").object["diff"] == ""


def test_settings_of_claude_code_that_are_not_there_are_made(remit: Remit, project: Path) -> None:
    (project / ".claude").mkdir()
    ran = remit("init", "--yes")
    found = json.loads((project / ".claude/settings.json").read_text())

    assert ran.code == 0
    assert found["hooks"]["PreToolUse"][0]["hooks"][0]["onFailure"] == "block"
    assert "remit hooks status" in ran.out
    assert "--agent, --tools or --from-sessions" in ran.out


def test_a_malformed_configuration_is_told_and_does_not_stand_in_the_way(remit: Remit, project: Path) -> None:
    (project / ".mcp.json").write_text("{")
    ran = remit("init")

    assert ran.code == 0
    assert ".mcp.json:1:2" in ran.err


def test_an_agent_and_the_servers_of_who_works_on_it_are_not_mixed(remit: Remit, project: Path) -> None:
    path = config(project, time=TIME)
    before = path.read_text()
    (project / "agent.py").write_text(AGENT)
    ran = remit("init", "--yes")

    assert "`remit init --mcp` is about their client instead" in ran.out
    assert list(read_envelope_file(project / "remit/envelope.yaml").tools) == ["refund"]
    assert path.read_text() == before
    assert remit("init", "--mcp", "--yes").code == 0
    assert "refund" not in read_envelope_file(project / "remit/envelope.yaml").tools
    assert "proxy" in path.read_text()


def test_what_a_named_module_prints_is_no_result(remit: Remit, project: Path) -> None:
    (project / "loud_agent.py").write_text(
        "print('loud')\ndef look_up(name: str) -> str:\n    'Looks.'\n    return name\nall_of_them = [look_up]\n"
    )
    ran = remit("init", "--agent", "loud_agent:all_of_them", "--json")

    assert [tool["name"] for tool in ran.object["tools"]] == ["look_up"]
