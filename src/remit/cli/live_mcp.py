"""What the servers of this folder offer now, started for a moment, beside what the envelopes list."""

from __future__ import annotations

import asyncio
import os
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from remit.cli.canaries import Check
from remit.cli.looks_mcp import CONTENT, Wrapped
from remit.core.envelope import Envelope
from remit.usecases.mcp_clients.expand import startable
from remit.usecases.mcp_clients.servers import Server

_PATIENCE_S = 60.0
_MOST_PAGES = 100


@dataclass(frozen=True, slots=True)
class Offer:
    """What one server has."""

    tools: tuple[str, ...]
    content: tuple[str, ...]
    """Methods by which it gives texts that are no tool's."""


def live(
    wrapped: Sequence[Wrapped], direct: Sequence[tuple[Path, Server]], envelope: Envelope | None
) -> Iterator[Check]:
    """Start every server, list what it has, and say what no envelope reaches.

    Args:
        wrapped: servers behind remit, each compared with its envelope.
        direct: servers that are not; compared with *envelope*, where one was given.
        envelope: of `--envelope`.
    """
    named = [(one.server, one.envelope, one.prefix) for one in wrapped]
    named += [(server, envelope, "") for _, server in direct] if envelope is not None else []
    known: dict[str, set[str]] = {}
    whole: dict[str, Envelope] = {}
    for server, rules, prefix in named:
        try:
            offer = asyncio.run(_offer(server))
        except Exception as error:  # noqa: BLE001 - a stranger's program; whatever it is, it is told
            told = f"{server.name} could not be asked ({_innermost(error)})"
            remedy = f"start it by hand, and see what it says: {shlex.join(server.original)[:300]}"
            yield Check("mcp: live", False, "warn", told, remedy)
            whole.pop(rules.hash, None)
            known[rules.hash] = set(rules.tools)  # nothing can be said about what is missing
            continue
        whole[rules.hash] = rules
        known.setdefault(rules.hash, set()).update(prefix + name for name in (*offer.tools, *CONTENT))
        yield from _of_offer(server, offer, rules, prefix)
    for name, rules in whole.items():
        missing = sorted(set(rules.tools) - known[name])
        if missing:
            told = f"{rules.name} lists what none of its servers has: {', '.join(missing)}"
            yield Check("mcp: live", False, "warn", told, "take it out, or see what became of the tool")


def _of_offer(server: Server, offer: Offer, rules: Envelope, prefix: str) -> Iterator[Check]:
    unlisted = [tool for tool in offer.tools if prefix + tool not in rules.tools]
    if unlisted:
        told = f"{server.name}: {rules.name} does not list {', '.join(unlisted)}"
        yield Check(
            "mcp: live",
            False,
            "warn",
            told,
            "list what the agent needs; in enforce the rest is refused and hidden",
        )
    else:
        told = f"{server.name}: {rules.name} lists all of its {len(offer.tools)} tools"
        yield Check("mcp: live", True, "warn", told)
    open_ones = [method for method in offer.content if prefix + method not in rules.tools]
    if open_ones:
        told = f"{server.name}: {', '.join(open_ones)} pass, and are untrusted text: {rules.name} does not list them"
        yield Check("mcp: live", False, "warn", told, f"list {open_ones[0]} as a tool to have it judged")


async def _offer(server: Server) -> Offer:
    from mcp.client.client import Client
    from mcp.client.stdio import StdioServerParameters, stdio_client

    found = startable(server, Path.cwd(), Path.home(), os.environ)
    line = StdioServerParameters(
        command=found.program,
        args=list(found.command[1:]),
        env={**os.environ, **found.env},
        cwd=found.cwd,
    )
    with open(os.devnull, "w", encoding="utf-8") as quiet:  # noqa: PTH123 - not a file of ours
        async with (
            asyncio.timeout(_PATIENCE_S),
            Client(stdio_client(line, errlog=quiet), cache=None) as client,
        ):
            tools: list[str] = []
            cursor: str | None = None
            for _ in range(_MOST_PAGES):
                page = await client.list_tools(cursor=cursor)
                tools += [tool.name for tool in page.tools]
                cursor = page.next_cursor
                if not cursor:
                    break
            can = client.server_capabilities
            content = [name for name, has in zip(CONTENT, (can.resources, can.prompts), strict=True) if has]
            return Offer(tuple(tools), tuple(content))


def _innermost(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}"
