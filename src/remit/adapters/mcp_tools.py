"""The tools of an MCP server on stdio: started, asked for every page of its list, and stopped, in bounded time."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from remit.core.errors import BadInput, Unavailable

if TYPE_CHECKING:
    from mcp.client.client import Client

MOST_PAGES = 1_000
MOST_TOOLS = 20_000
_TOLD = 600


def live_tools(
    name: str, command: Sequence[str], env: Mapping[str, str], cwd: Path, *, timeout_s: float
) -> list[dict[str, Any]]:
    """The definitions of a server's tools, as MCP writes them.

    Args:
        name: of the server, for errors.
        command: program and arguments.
        env: added to this process's variables.
        cwd: where it is started.
        timeout_s: for all of it, in seconds.

    Raises:
        BadInput: it cannot be started, or is no MCP server; what it wrote to standard error is told.
        Unavailable: it did not answer in time, or the MCP SDK is not installed.
    """
    try:
        import mcp.client.client  # noqa: F401 - said here, where the remedy is known
    except ImportError:
        raise Unavailable("listing a server's tools needs the MCP SDK: pip install 'remit[mcp]'") from None
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as said:
        try:
            return asyncio.run(_bounded(command, env, cwd, said, timeout_s))
        except TimeoutError:
            told = f"server {name}: no list of tools within {timeout_s:g} s{_last_words(said)}"
            raise Unavailable(told) from None
        except Exception as raised:  # noqa: BLE001 - whatever a server does, the next one is asked all the same
            raise _told(name, _first(raised), _last_words(said)) from None


def _told(name: str, error: BaseException, words: str) -> Exception:
    """The error in words that say what to do."""
    if isinstance(error, Unavailable):
        return Unavailable(f"server {name}: {error}")
    if isinstance(error, OSError) and error.filename is not None:
        return BadInput(f"server {name}", f"cannot be started: {error.strerror}", "check its command")
    found = f"no list of tools: {type(error).__name__}: {error}"[:_TOLD] + words
    return BadInput(f"server {name}", found, "try its command by hand")


async def _bounded(
    command: Sequence[str], env: Mapping[str, str], cwd: Path, said: Any, timeout_s: float
) -> list[dict[str, Any]]:
    from mcp.client.client import Client
    from mcp.client.stdio import StdioServerParameters, stdio_client

    server = StdioServerParameters(
        command=command[0], args=list(command[1:]), env={**os.environ, **env}, cwd=cwd
    )
    async with asyncio.timeout(timeout_s):
        async with Client(stdio_client(server, errlog=said)) as client:
            return await _pages(client)
    raise AssertionError  # a client does not swallow what is raised inside


async def _pages(client: Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor: str | None = None
    for _ in range(MOST_PAGES):
        page = await client.list_tools(cursor=cursor)
        found += [tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in page.tools]
        if not page.next_cursor:
            return found
        if page.next_cursor == cursor or len(found) > MOST_TOOLS:
            break
        cursor = page.next_cursor
    raise Unavailable("the server's list of tools has no end")


def _first(error: BaseException) -> BaseException:
    """The error inside the groups that task groups make."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _last_words(said: Any) -> str:
    """The end of what the server wrote to standard error."""
    said.seek(0)
    text = said.read()[-_TOLD:].strip()
    return f"; it said: {text}" if text else ""
