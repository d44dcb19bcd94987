"""Canaries of the MCP proxy: a real `remit proxy` before a real server, called by the SDK's own client.

The server writes what it runs into a file. What was refused, or could not be recorded, must have left nothing in it;
what is allowed must, since a proxy that lets nothing through would prove nothing.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from remit.cli.canaries import CANARY_ENVELOPE, Check, tried

PROXY = (sys.executable, "-m", "remit.cli.main", "proxy")
_ALLOWED = "mcp: an allowed call runs through the proxy"
_REFUSED = "mcp: a refused call does not run"
_UNRECORDED = "mcp: a call does not run where it cannot be recorded"
_PATIENCE_S = 60.0
"""After which an answer is not waited for any more."""


def canaries(proxy: Sequence[str] = PROXY) -> Iterator[Check]:
    """Every canary of the proxy.

    Args:
        proxy: the proxy's command line, without its options.
    """
    with tempfile.TemporaryDirectory(prefix="remit-doctor-") as folder:
        found: dict[str, str] = {}
        whole = tried(_ALLOWED, lambda: asyncio.run(_Canary(Path(folder), proxy).fly(found)))
    yield whole
    if whole.ok:  # where nothing runs at all, it proves nothing that these did not
        yield tried(_REFUSED, lambda: found[_REFUSED])
        yield tried(_UNRECORDED, lambda: found[_UNRECORDED])


class _Canary:
    def __init__(self, folder: Path, proxy: Sequence[str]) -> None:
        self.trace, self.store = folder / "ran", folder / "canary.db"
        envelope = folder / "envelope.yaml"
        envelope.write_text(CANARY_ENVELOPE, encoding="utf-8")
        options = ["--envelope", str(envelope), "--store", f"sqlite:///{self.store}"]
        server = [sys.executable, "-m", "remit.cli.canary_server", str(self.trace)]
        self.command = [*proxy, *options, "--", *server]
        self.env = {**os.environ, "REMIT_HOME": str(folder / "home"), "REMIT_WEBHOOK_URL": ""}
        self.log = folder / "stderr"

    @property
    def ran(self) -> list[dict[str, Any]]:
        """What left a trace."""
        if not self.trace.exists():
            return []
        return [json.loads(line) for line in self.trace.read_text(encoding="utf-8").splitlines()]

    async def fly(self, found: dict[str, str]) -> str:
        """What is wrong with the allowed call; what is wrong with the others goes into *found*."""
        from mcp.client.client import Client
        from mcp.client.stdio import StdioServerParameters, stdio_client

        line = StdioServerParameters(command=self.command[0], args=self.command[1:], env=self.env)
        async with AsyncExitStack() as stack:
            log = stack.enter_context(self.log.open("w", encoding="utf-8"))
            try:
                async with asyncio.timeout(_PATIENCE_S):
                    client = await stack.enter_async_context(
                        Client(stdio_client(line, errlog=log), cache=None)
                    )
                    await client.list_tools()
            except Exception as error:  # noqa: BLE001 - whatever it is, it is what is wrong
                return f"the proxy did not answer ({_innermost(error)}){self._said()}"
            found[_REFUSED] = await self._refused(client)
            problem = await self._allowed(client)
            found[_UNRECORDED] = await self._unrecorded(client)
        return problem

    def _said(self) -> str:
        said = self.log.read_text(encoding="utf-8", errors="replace").strip()
        return f"; it said: {said[-500:]}" if said else ""

    async def _refused(self, client: Any) -> str:
        """A tool that is not listed, arguments that no schema allows, a condition that fails and one that crashes."""
        for tool, args in (
            ("unlisted", {"text": "x"}),
            ("write_note", {"text": 1}),
            ("write_note", {}),
            ("divide", {"by": -1}),
            ("divide", {"by": 0}),
        ):
            before = len(self.ran)
            answer = await _answered(client, tool, args)
            if len(self.ran) != before:
                return f"{tool}({json.dumps(args)}) ran"
            if not answer:
                return f"{tool}({json.dumps(args)}) was answered as if it had run"
        return ""

    async def _allowed(self, client: Any) -> str:
        before = self.ran
        refusal = await _answered(client, "write_note", {"text": "canary"})
        if self.ran == [*before, {"tool": "write_note", "args": {"text": "canary"}}]:
            return refusal and f"it ran, and the client was told: {refusal}"
        return f"it did not run as it was made; the client was told: {refusal or 'that it ran'}{self._said()}"

    async def _unrecorded(self, client: Any) -> str:
        """The database is gone, as where somebody deleted it: nobody would ever find the record."""
        for path in self.store.parent.glob(f"{self.store.name}*"):
            path.unlink()
        before = len(self.ran)
        refusal = await _answered(client, "write_note", {"text": "canary"})
        if len(self.ran) != before:
            return "it ran without a record"
        return "" if refusal else "it was answered as if it had run"


def _innermost(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}"


async def _answered(client: Any, tool: str, args: dict[str, Any]) -> str:
    """Why the call did not run, as the client was told; empty where it was told that it ran."""
    try:
        async with asyncio.timeout(_PATIENCE_S):
            result = await client.call_tool(tool, args)
    except Exception as error:  # noqa: BLE001 - a protocol error is an answer too
        return f"{type(error).__name__}: {error}"
    return (
        " ".join(str(getattr(one, "text", one)) for one in result.content) or "an error"
        if result.is_error
        else ""
    )
