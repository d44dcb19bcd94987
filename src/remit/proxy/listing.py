"""The server's tools as the client gets them: all pages at once, without those that drifted or that nobody may call.

What was read last is remembered. A change that the server announces makes it stale; whoever calls then waits until the
list was read, and the pins were compared, again.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS

from remit.core.errors import Unavailable
from remit.proxy.opening import Opening, Pinning

MOST_PAGES: Final = 1_000
MOST_LISTED: Final = 20_000
"""Tools that a server may list; one that lists more has no end."""

AskServer = Callable[[str, dict[str, Any]], Awaitable[dict[str, Any]]]
"""Sends a request of our own to the server."""


class Listing:
    """The list of one server's tools.

    Args:
        ask: sends requests to the server.
        opening: whose pins and envelope say what may be seen.
    """

    def __init__(self, ask: AskServer, opening: Opening) -> None:
        self._ask = ask
        self._opening = opening
        self._lock = asyncio.Lock()
        self._changes = 1
        """How often the list became another one, as far as the server says."""
        self._read_at = 0
        """Which of these changes were read."""
        self._names: frozenset[str] = frozenset()
        self._missing: set[str] = set()
        self._pins: Pinning | None = None
        self._began = 0.0
        """When the reading of the list began that is known now, by the loop's clock."""

    async def answer(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to the client's `tools/list`: one page.

        Raises:
            MCPError: the server's error, or a cursor, since we never gave one.
            Unavailable: the list has no end, or the pins cannot be read or written.
        """
        if params.get("cursor") is not None:
            raise MCPError(INVALID_PARAMS, "no such cursor: the list is one page")
        async with self._lock:
            page, visible, _ = await self._read()
        return {**page, "tools": [tool for tool in visible if not self._opening.hides(tool["name"])]}

    async def current(self, name: str = "", *, within_s: float = math.inf) -> Pinning:
        """The pins, compared with the server's tools as they are: read now, where they changed or *name* is new.

        Args:
            name: a tool that is asked for.
            within_s: how old what is known may be: a server need not say that its tools changed. With 0 the list is read
                after this was asked, once for all who ask meanwhile.

        Raises:
            Unavailable: the list could not be read.
        """
        since = asyncio.get_running_loop().time() - within_s
        pins = self._pins
        if pins is None or self._outdated(name, since):
            async with self._lock:
                pins = self._pins
                if pins is None or self._outdated(name, since):
                    pins = await self._looked_for(name)
        return pins

    def _outdated(self, name: str, since: float) -> bool:
        changed = self._read_at != self._changes or self._began < since
        return changed or (name != "" and name not in self._names and name not in self._missing)

    def changed(self) -> None:
        """The server says that its tools changed."""
        self._changes += 1

    async def _looked_for(self, name: str) -> Pinning:
        try:
            _, _, pins = await self._read()
        except MCPError as error:
            raise Unavailable(f"the server's tools cannot be listed: {error.message}") from None
        if name and name not in self._names:
            self._missing.add(name)
        return pins

    async def _read(self) -> tuple[dict[str, Any], list[dict[str, Any]], Pinning]:
        changes = self._changes  # what changes while we read must be read again
        began = asyncio.get_running_loop().time()
        first, tools = await self._pages()
        defined = [one for one in tools if isinstance(one, dict)]
        pins = self._pins = await self._opening.pins(defined)
        visible = (await pins.alisted(tools)).visible
        self._read_at, self._began = changes, began
        self._names = frozenset(str(one.get("name")) for one in defined)
        self._missing.clear()
        return first, visible, pins

    async def _pages(self) -> tuple[dict[str, Any], list[Any]]:
        """The first page without its tools, and the tools of all."""
        first: dict[str, Any] | None = None
        tools: list[Any] = []
        params: dict[str, Any] = {}
        for _ in range(MOST_PAGES):
            page = await self._ask("tools/list", params)
            listed, cursor = page.get("tools"), page.get("nextCursor")
            if not isinstance(listed, list) or not (cursor is None or isinstance(cursor, str)):
                raise Unavailable("the server's list of tools is none")
            first = (
                {k: v for k, v in page.items() if k not in ("tools", "nextCursor")}
                if first is None
                else first
            )
            tools += listed
            if cursor is None:
                return first, tools
            if cursor == params.get("cursor") or len(tools) > MOST_LISTED:
                break
            params = {"cursor": cursor}
        raise Unavailable("the server's list of tools has no end")
