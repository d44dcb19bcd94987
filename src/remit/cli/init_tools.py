"""Where `remit init` gets an agent's tools from: a file, the record, the framework, live MCP servers, or the source."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from remit.cli.mcp import agreed
from remit.cli.mcp_front import this_world
from remit.cli.output import note, safe
from remit.core.canonical import loads_strict
from remit.core.errors import BadInput, RemitError
from remit.usecases.adopt.claude_tools import claude_tools
from remit.usecases.adopt.detect import Use, uses
from remit.usecases.adopt.source import Source, sources
from remit.usecases.adopt.static_tools import FoundTools, tools_of
from remit.usecases.mcp_clients.change import ChosenServers, pick
from remit.usecases.mcp_clients.expand import Startable, startable
from remit.usecases.mcp_clients.places import places
from remit.usecases.mcp_clients.servers import Server, ServerState
from remit.usecases.mcp_clients.wrap import namespace_of
from remit.usecases.sessions_files import read_sessions
from remit.usecases.tool_hint import ToolHint, tools_called, tools_in
from remit.wiring import read_text

SERVER_TIMEOUT_S = 120.0
"""A launcher such as npx or uvx may have to fetch the server first."""


@dataclass(frozen=True, slots=True)
class Project:
    """What stands in a folder, as far as remit can stand in front of it."""

    folder: Path
    files: tuple[Source, ...]
    uses: tuple[Use, ...]
    declared: FoundTools
    """The tools that its source declares."""
    mcp: tuple[ChosenServers, ...]
    """Configurations of MCP clients that belong to the project."""

    @property
    def coded(self) -> bool:
        """Whether the project is an agent itself. Its MCP servers are then another's: of whoever works on it."""
        return bool(self.declared.hints or self.declared.unread)

    @property
    def claude(self) -> bool:
        """Whether the agent is Claude Code itself: the project is worked on with it, and is no agent."""
        return not self.coded and not self.servers and any(use.what == "claude-code" for use in self.uses)

    @property
    def servers(self) -> list[Server]:
        """The servers that a client starts for this project, each name once."""
        found: dict[str, Server] = {}
        for chosen in self.mcp:
            for server in chosen.servers:
                if server.state in (ServerState.DIRECT, ServerState.WRAPPED):
                    found.setdefault(server.name, server)
        return list(found.values())


@dataclass(frozen=True, slots=True)
class Gathered:
    """The tools, and what could not be known of them."""

    hints: tuple[ToolHint, ...]
    unread: tuple[str, ...] = ()
    """Places in the source where there are tools that only running it could tell."""
    failed: tuple[RemitError, ...] = field(default=())
    """Servers that gave no list."""


def look(folder: Path) -> Project:
    """What the project uses; a configuration that is malformed is told and passed over."""
    files = tuple(sources(folder))
    mcp: list[ChosenServers] = []
    world = this_world(folder)
    for place in places(world):
        try:
            chosen = pick(place, world)
            mcp += [chosen] if chosen else []
        except BadInput as error:
            if place.in_project:
                note(f"remit: passed over: {safe(error)}")
    return Project(folder, files, tuple(uses(folder, files)), tools_of(files), tuple(mcp))


def gather(
    project: Project,
    *,
    tools: Path | None,
    sessions: Sequence[Path] | None,
    agent: str | None,
    mcp: bool,
    yes: bool,
) -> Gathered:
    """The tools of one agent, from what was named; where nothing was, from the source, else from live servers.

    Args:
        project: what was found in the folder.
        tools: a file of definitions.
        sessions: recorded sessions.
        agent: `module:attribute`, which is imported.
        mcp: start the servers without asking.
        yes: the same, and everything else too.

    Raises:
        BadInput: what was named gives no tools, or all there is to ask is an MCP server that may not be started.
    """
    hints: dict[str, ToolHint] = {}
    failed: list[RemitError] = []
    named = bool(tools or sessions or agent)
    if tools:
        _add(hints, tools_in(loads_strict(read_text(tools), where=str(tools)), str(tools)))
    if agent:
        from remit.adapters.agent_tools import tools_of_agent

        _add(hints, tools_in([*tools_of_agent(agent, project.folder)], agent))
    if project.servers and (mcp or not (named or project.coded)):
        _live(project, mcp or yes, hints, failed)
    elif mcp:
        raise BadInput(str(project.folder), "no MCP server that a client starts", "see: remit mcp ls")
    if sessions:
        called = tools_called(read_sessions(sessions))
        if not called:
            raise BadInput(str(sessions[0]), "these sessions call no tool", "give others, or --tools")
        _add(hints, called)
    declared = FoundTools((), ()) if named or mcp else project.declared
    _add(hints, declared.hints)
    if project.claude and not named:
        _add(hints, claude_tools())
    if not hints and failed:
        raise failed[0]
    for told in failed:
        note(f"remit: {safe(told)}")
    return Gathered(tuple(hints.values()), declared.unread, tuple(failed))


def _add(hints: dict[str, ToolHint], more: Sequence[ToolHint]) -> None:
    """What comes first wins: a definition tells more than what was seen."""
    for hint in more:
        hints.setdefault(hint.name, hint)


def _live(project: Project, may: bool, hints: dict[str, ToolHint], failed: list[RemitError]) -> None:
    """Ask every server for its tools, where that is allowed."""
    due: list[Startable] = []
    for server in project.servers:
        try:
            due.append(startable(server, project.folder.absolute(), Path.home(), os.environ))
        except BadInput as error:
            failed.append(error)
    if due and not may:
        for one in due:
            note(f"{safe(one.name, 80)}: {safe(' '.join(one.command))}")
        if not agreed("Start these MCP servers to list their tools?"):
            where, names = str(project.mcp[0].place.path), ", ".join(one.name for one in due)[:200]
            remedy = (
                "`remit init --mcp` starts these servers and lists their tools; or give --tools tools.json"
            )
            failed.append(BadInput(where, f"the tools of {names} are not known", remedy))
            due = []
    several = len(project.servers) > 1
    for one in due:
        try:
            _add(hints, _listed(one, namespace_of(one.name) if several else ""))
        except RemitError as error:
            failed.append(error)


def _listed(server: Startable, namespace: str) -> list[ToolHint]:
    from remit.adapters.mcp_tools import live_tools

    note(f"{safe(server.name, 80)}: starting {safe(server.program)}")
    found = live_tools(server.name, server.command, server.env, server.cwd, timeout_s=SERVER_TIMEOUT_S)
    return tools_in([*found], server.name, server=server.name, namespace=namespace) if found else []
