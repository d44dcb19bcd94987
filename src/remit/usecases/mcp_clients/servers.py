"""The servers of one configuration, and how each stands: its own, behind remit, or out of this version's reach."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise
from pathlib import Path
from typing import Any

from remit.core.errors import BadInput
from remit.core.jsontext import JsonNode, read_jsontext

_LISTS: Sequence[tuple[str, ...]] = (("mcpServers",), ("servers",), ("mcp", "servers"))
"""Where clients list servers: Claude and Cursor; VS Code's mcp.json; VS Code's older settings.json."""
_OURS = frozenset({"remit", "remit.exe", "remit.cli.main"})


class ServerState(Enum):
    """How a server of a configuration is reached."""

    DIRECT = "direct"
    """Started by the client itself: it can be wrapped."""
    WRAPPED = "wrapped"
    """Started behind `remit proxy`."""
    BY_URL = "by URL"
    """Not started by the client; this version has no proxy for it."""
    ODD = "odd"
    """Nothing that this version understands."""


@dataclass(frozen=True, slots=True)
class Server:
    """One entry of a configuration."""

    name: str
    state: ServerState
    node: JsonNode
    project: str = ""
    """Claude Code keeps servers of each project in one file: the folder of the project; empty where it is for all."""
    why: str = ""
    """What cannot be understood about it."""
    disabled: bool = False

    @property
    def command(self) -> tuple[str, ...]:
        """Program and arguments as they stand there."""
        found = self.node.get("command")
        args = self.node.get("args")
        return (
            str(found.value if found else ""),
            *(str(item.value) for item in (args.items() if args else ())),
        )

    @property
    def original(self) -> tuple[str, ...]:
        """Program and arguments without remit in front."""
        whole = self.command
        return whole[begin_of_original(whole) :] if self.state is ServerState.WRAPPED else whole

    @property
    def env(self) -> dict[str, str]:
        """Variables that the client sets for it."""
        node = self.node.get("env")
        return {key: str(member.node.value) for key, member in (node.members() if node else {}).items()}

    @property
    def cwd(self) -> str:
        """The folder it is started in; empty where the client chooses."""
        node = self.node.get("cwd")
        return str(node.value) if node and isinstance(node.value, str) else ""


@dataclass(frozen=True, slots=True)
class Config:
    """One file, read."""

    path: Path
    text: str
    root: JsonNode
    servers: tuple[Server, ...]
    lists: bool = True
    """It has a place for servers; Claude Code's own file has none until the first server is added to it."""


def read_config(text: str, path: Path) -> Config:
    """The servers of a file, in its order.

    Raises:
        BadInput: it is no JSON object, with line and column.
    """
    root = read_jsontext(text, str(path))
    if not isinstance(root.value, dict):
        raise BadInput(f"{path}:1:1", "no object", 'write {"mcpServers": {…}}')
    lists = list(_lists(root))
    known = any(root.get(*keys) is not None for keys in _LISTS) or root.get("projects") is not None
    servers = [
        _server(name, member.node, project)
        for project, node in lists
        for name, member in node.members().items()
    ]
    return Config(path, text, root, tuple(servers), bool(lists) or known)


def _lists(root: JsonNode) -> Iterator[tuple[str, JsonNode]]:
    """Each object of servers with the project that it is for."""
    for keys in _LISTS:
        node = root.get(*keys)
        if node is not None and isinstance(node.value, dict):
            yield "", node
    projects = root.get("projects")
    for folder, member in (projects.members() if projects else {}).items():
        node = member.node.get("mcpServers")
        if node is not None and isinstance(node.value, dict):
            yield folder, node


def _server(name: str, node: JsonNode, project: str) -> Server:
    state, why = _state(node)
    off = node.get("disabled")
    return Server(name, state, node, project, why, disabled=off is not None and off.value is True)


def _state(node: JsonNode) -> tuple[ServerState, str]:
    command, args, url = node.get("command"), node.get("args"), node.get("url") or node.get("serverUrl")
    if command is None and url is not None:
        return ServerState.BY_URL, ""
    if command is None or not isinstance(command.value, str) or not command.value:
        return ServerState.ODD, "it has no command that is a text"
    if url is not None:
        return ServerState.ODD, "it has a command and a URL"
    if args is not None and not _texts(args.value):
        return ServerState.ODD, "its args are no list of texts"
    whole = (command.value, *(item.value for item in (args.items() if args else ())))
    behind = begin_of_original(whole)
    if not behind:
        return ServerState.DIRECT, ""
    return (
        (ServerState.WRAPPED, "")
        if behind < len(whole)
        else (ServerState.ODD, "remit proxy stands there without a command behind --")
    )


def _texts(value: Any) -> bool:
    return isinstance(value, tuple) and all(isinstance(item.value, str) for item in value)


def begin_of_original(whole: Sequence[str]) -> int:
    """Where the server's own command begins behind `remit proxy … --`; 0 where remit is not in front.

    >>> begin_of_original(["/bin/remit", "proxy", "--server", "git", "--", "uvx", "mcp-server-git"])
    5
    >>> begin_of_original(["uvx", "remit", "--", "proxy"])
    0
    """
    end = whole.index("--") if "--" in whole else len(whole)
    for one, following in pairwise(whole[:end]):
        if following == "proxy" and re.split(r"[\\/]", one)[-1] in _OURS:
            return min(end + 1, len(whole))
    return 0


def option_of(whole: Sequence[str], option: str) -> str:
    """The value of an option of `remit proxy` in a wrapped command; empty where it has none."""
    own = whole[: begin_of_original(whole)]
    for at, one in enumerate(own[:-1]):
        if one == option:
            return own[at + 1]
        if one.startswith(f"{option}="):
            return one.removeprefix(f"{option}=")
    return ""
