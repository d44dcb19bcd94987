"""remit put in front of a server, and taken away again, by the smallest edits of the file's text.

Wrapping replaces the program, and puts remit's arguments and the old program's text, as it stood there, in front of the
arguments. So nothing of the old entry is lost, its comments stay, and unwrapping needs no other record:

    "command": "uvx", "args": ["mcp-server-git"]
    "command": "/bin/remit", "args": ["proxy", …, "--", "uvx", "mcp-server-git"]

What the entry had for arguments is told apart by white space: a list that was not there is written without a space
behind its bracket, a list that was there and empty with one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from remit.core.jsontext import Edit, JsonNode, between, edited, json_token, lead, skip_gap
from remit.usecases.mcp_clients.servers import Config, Server, ServerState, begin_of_original

_PYTHON = ("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "PYTHONSAFEPATH", "PYTHONPLATLIBDIR")
"""Variables of a server that is written in Python, which would change the interpreter that runs remit."""


@dataclass(frozen=True, slots=True)
class Front:
    """How remit is started in front of a server; all paths are absolute, since clients choose the folder."""

    program: str
    """The executable of remit."""
    python: str
    """The interpreter that it runs in."""
    options: tuple[str, ...] = ()
    """Options of `remit proxy` beside `--server` and `--namespace`."""
    namespaces: frozenset[str] | None = frozenset()
    """Those that the envelope has tools of, as `git` where it lists `git/git_status`; None: every server has its own."""

    def command(self, server: Server) -> tuple[str, ...]:
        """What stands in front of the server's own command."""
        start: tuple[str, ...] = (self.program,)
        if not self.program or any(name in server.env for name in _PYTHON):
            start = (self.python, "-E", "-P", "-m", "remit.cli.main")
        named = ("--server", server.name) if server.name[:1] != "-" else (f"--server={server.name}",)
        own = namespace_of(server.name)
        apart = ("--namespace", own) if self.namespaces is None or own in self.namespaces else ()
        return (*start, "proxy", *named, *self.options, *apart, "--")


def namespace_of(name: str) -> str:
    """What stands before the names of a server's tools in an envelope that is for several servers.

    >>> namespace_of("git"), namespace_of("My Server (beta)")
    ('git', 'My-Server-beta')
    """
    found = re.sub(r"[^A-Za-z0-9_.-]+", "-", name).strip("-.")[:40]
    return found if found[:1].isalpha() or found[:1] == "_" else f"s-{found}".rstrip("-")


def wrapped(config: Config, servers: Iterable[Server], front: Front) -> str:
    """The text with remit in front of those of *servers* that the client starts by itself; the others stay."""
    edits: list[Edit] = []
    for server in servers:
        if server.state is ServerState.DIRECT:
            edits += _wrap(config.text, server, front.command(server))
    return edited(config.text, edits)


def unwrapped(config: Config, servers: Iterable[Server]) -> str:
    """The text as it was before remit was put in front of *servers*."""
    edits: list[Edit] = []
    for server in servers:
        if server.state is ServerState.WRAPPED:
            edits += _unwrap(config.text, server)
    return edited(config.text, edits)


def _wrap(text: str, server: Server, front: Sequence[str]) -> list[Edit]:
    command, args = server.node.get("command"), server.node.get("args")
    if command is None:
        return []
    own = [json_token(one) for one in front[1:]]
    program, old = json_token(front[0]), text[command.start : command.end]
    new_program = Edit(command.start, command.end, program)
    if args is None:
        apart = lead(text, server.node.members()["command"].start) or " "
        listed = f',{apart}"args": [{", ".join([*own, old])}]'
        return [Edit(command.start, command.end, program + listed)]
    if not args.items():
        return [new_program, Edit(args.start + 1, args.start + 1, " " + ", ".join([*own, old]))]
    first = args.items()[0].start
    apart = lead(text, first) or " "
    return [new_program, Edit(first, first, f"{', '.join(own)},{apart}{old},{apart}")]


def _unwrap(text: str, server: Server) -> list[Edit]:
    command, args = server.node.get("command"), server.node.get("args")
    if command is None or args is None:
        return []
    items = args.items()
    at = begin_of_original(server.command) - 1
    old = text[items[at].start : items[at].end]
    program = Edit(command.start, command.end, old)
    if at + 1 < len(items):
        return [program, *_cut(text, items[: at + 1], items[at + 1].start)]
    if text[args.start + 1] == '"' and between(text, command.end, server.node.members()["args"].start):
        return [Edit(command.start, args.end, old)]
    first = args.start + 1 if between(text, args.start + 1, items[0].start) else items[0].start
    return [program, *_cut(text, items, _behind(text, items[-1].end), first)]


def _cut(text: str, gone: Sequence[JsonNode], end: int, start: int = -1) -> list[Edit]:
    """Everything from the first of *gone* to *end*; where comments were put between, the items and commas alone."""
    following = [*(one.start for one in gone[1:]), end]
    if all(between(text, one.end, after) for one, after in zip(gone, following, strict=True)):
        return [Edit(gone[0].start if start < 0 else start, end, "")]
    edits = []
    for one in gone:
        comma = _behind(text, one.end)
        edits += [Edit(one.start, one.end, ""), Edit(max(one.end, comma - 1), comma, "")]
    return edits


def _behind(text: str, at: int) -> int:
    """The index behind the comma that follows *at*; *at* where none does."""
    found = skip_gap(text, at)
    return found + 1 if text[found : found + 1] == "," else at
