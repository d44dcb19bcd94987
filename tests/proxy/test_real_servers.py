"""Real clients and real servers, each in a process of its own, with `remit proxy` between them."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from joined import LONG_S
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client

import remit

GIT = """
apiVersion: remit/v1
kind: CapabilityEnvelope
metadata: {name: git-reader, version: "1"}
spec:
  enforcement: enforce
  tools:
    git_status:
      effect: read
      args: {type: object, additionalProperties: false, required: [repo_path], properties: {repo_path: {type: string}}}
    git_log:
      effect: read
      args:
        type: object
        additionalProperties: false
        required: [repo_path]
        properties: {repo_path: {type: string}, max_count: {type: integer}}
      require:
        - {id: few, expr: "!has(args.max_count) || args.max_count <= 10", message: "at most ten commits"}
      obligations:
        - {id: no-mail, redact: {patterns: ['[a-z]+@[a-z.]+']}}
"""
CLOCK = """
apiVersion: remit/v1
kind: CapabilityEnvelope
metadata: {name: clock-reader, version: "1"}
spec:
  enforcement: enforce
  tools:
    get_current_time:
      effect: read
      args:
        type: object
        additionalProperties: false
        required: [timezone]
        properties: {timezone: {type: string, enum: [UTC, Europe/Oslo]}}
"""


def proxied(
    folder: Path, envelope: str, *command: str, options: tuple[str, ...] = ()
) -> StdioServerParameters:
    """How a client starts the proxy."""
    place = folder / "envelope.yaml"
    place.write_text(envelope)
    store = f"sqlite:///{folder / 'remit.db'}"
    ours = ["-m", "remit.cli.main", "proxy", "--envelope", str(place), "--store", store, *options, "--"]
    return StdioServerParameters(
        command=sys.executable, args=[*ours, *command], env=dict(os.environ), cwd=folder
    )


def tried(
    server: StdioServerParameters, mode: Any, act: Callable[[Any], Awaitable[None]], **options: Any
) -> None:
    """Connect the SDK's client, and act."""

    async def main() -> None:
        async with asyncio.timeout(LONG_S), Client(stdio_client(server), mode=mode, **options) as client:
            await act(client)

    asyncio.run(main())


@pytest.fixture
def repository(folder: Path) -> Path:
    """A repository with one commit."""
    place = folder / "repository"
    who = ["-c", "user.email=ann@example.org", "-c", "user.name=Ann"]
    subprocess.run(["git", "init", "-q", place], check=True)
    subprocess.run(["git", "-C", place, *who, "commit", "-q", "--allow-empty", "-m", "Begin"], check=True)
    return place


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_the_sdk_client_works_with_the_git_server_within_the_envelope(
    folder: Path, repository: Path, mode: str
):
    pytest.importorskip("mcp_server_git")

    async def act(client: Any) -> None:
        listed = await client.list_tools()
        assert sorted(tool.name for tool in listed.tools) == ["git_log", "git_status"]
        status = await client.call_tool("git_status", {"repo_path": str(repository)})
        assert "nothing to commit" in status.content[0].text
        log = await client.call_tool("git_log", {"repo_path": str(repository)})
        assert "Begin" in log.content[0].text and "ann@example.org" not in log.content[0].text
        refused = await client.call_tool("git_log", {"repo_path": str(repository), "max_count": 99})
        assert refused.is_error and json.loads(refused.content[0].text)["clauses"] == ["git_log.few"]
        unlisted = await client.call_tool("git_commit", {"repo_path": str(repository), "message": "no"})
        assert json.loads(unlisted.content[0].text)["clauses"] == ["unlisted"]

    tried(proxied(folder, GIT, sys.executable, "-m", "mcp_server_git"), mode, act)


def test_the_fastmcp_client_works_with_the_time_server_within_the_envelope(folder: Path):
    pytest.importorskip("mcp_server_time")
    fastmcp = pytest.importorskip("fastmcp")
    from fastmcp.client.transports import StdioTransport

    server = proxied(folder, CLOCK, sys.executable, "-m", "mcp_server_time")
    transport = StdioTransport(command=server.command, args=server.args, env=server.env, cwd=str(folder))

    async def main() -> None:
        async with asyncio.timeout(LONG_S), fastmcp.Client(transport) as client:
            assert [tool.name for tool in await client.list_tools()] == ["get_current_time"]
            found = await client.call_tool("get_current_time", {"timezone": "UTC"})
            assert json.loads(found.content[0].text)["timezone"] == "UTC"
            no = await client.call_tool("get_current_time", {"timezone": "Asia/Tokyo"}, raise_on_error=False)
            assert no.is_error and json.loads(no.content[0].text)["remit"] == "refused"

    asyncio.run(main())


def test_without_an_envelope_one_is_made_from_the_servers_tools_and_blocks_nothing(folder: Path):
    pytest.importorskip("mcp_server_time")
    store = f"sqlite:///{folder / 'remit.db'}"
    ours = ["-m", "remit.cli.main", "proxy", "--store", store, "--server", "clock", "--"]
    command = [*ours, sys.executable, "-m", "mcp_server_time"]
    server = StdioServerParameters(command=sys.executable, args=command, env=dict(os.environ))

    async def act(client: Any) -> None:
        found = await client.call_tool("get_current_time", {"timezone": "Asia/Tokyo"})
        assert not found.is_error

    tried(server, "auto", act)
    made = Path(os.environ["REMIT_HOME"]) / "mcp" / "clock.yaml"
    with remit.open(made, store) as guard:
        assert guard.monitoring and "get_current_time" in guard.envelope.tools
