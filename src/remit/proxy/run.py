"""One run of the proxy: the server started, the two sides joined, and everything ended again in order."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from remit.core.errors import RemitError
from remit.proxy import upstream
from remit.proxy.holding import Holding
from remit.proxy.lines import LineWriter, Reader, own_stdio
from remit.proxy.opening import Opening
from remit.proxy.pump import Pump

CLOSE_S: Final = 10.0
"""How long the session may take until what it told is durable."""
_MOST_REPORTS: Final = 1_000
_MOST_REPORTED: Final = 2_000


@dataclass(frozen=True, slots=True)
class Options:
    """How a connection is carried."""

    command: Sequence[str]
    """The server."""
    timeout_s: float | None = None
    """How long the server may take for one request; None without bound."""
    holding: Callable[[Opening], Holding] | None = None
    """Makes what answers held calls; None: a text that says to repeat the call."""


class Reports:
    """What the proxy itself has to say, on standard error: one line each, and not without end."""

    def __init__(self) -> None:
        self._left = _MOST_REPORTS

    def __call__(self, text: str) -> None:
        """Say *text*."""
        if self._left <= 0:
            return
        self._left -= 1
        cut = text[:_MOST_REPORTED]
        shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in cut)
        more = "" if self._left else " (nothing more is said)"
        with suppress(OSError, ValueError):
            sys.stderr.write(f"remit proxy: {shown}{more}\n")
            sys.stderr.flush()


async def serve(options: Options, opening: Opening, report: Callable[[str], None]) -> int:
    """Stand between our standard input and output and a server, until one of the two ends.

    Returns:
        The exit code: 0 where the client ended it or a signal did, 1 where the server did.

    Raises:
        BadInput: the server cannot be started.
    """
    server = await upstream.start(options.command)
    try:
        return await _carry(options, opening, report, server)
    finally:
        await server.stop()


async def _carry(
    options: Options, opening: Opening, report: Callable[[str], None], server: upstream.Upstream
) -> int:
    stdin, stdout = await own_stdio()
    to_client, to_server = LineWriter(stdout), LineWriter(server.transport)
    pump = Pump(
        (Reader(stdin), to_client),
        (Reader(server.reader, to_client.flows), to_server),
        opening,
        timeout_s=options.timeout_s,
        holding=options.holding(opening) if options.holding else None,
        report=report,
    )
    watch = asyncio.ensure_future(_watch(server, pump))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, pump.end)
    try:
        by_client = await pump.run()
    finally:
        watch.cancel()
        await _close(opening, report)
    if not by_client:
        report(f"the server ended (exit status {server.status})")
    return 0 if by_client else 1


async def _watch(server: upstream.Upstream, pump: Pump) -> None:
    """End the connection soon after the server's process ended, whoever still holds its output open."""
    await server.ended()
    await asyncio.sleep(upstream.GRACE_S)
    pump.server_ended()


async def _close(opening: Opening, report: Callable[[str], None]) -> None:
    try:
        async with asyncio.timeout(CLOSE_S):
            await opening.close()
    except TimeoutError:
        report(f"the session's end was not recorded within {CLOSE_S:g} s")
    except RemitError as error:
        report(f"the session's end was not recorded: {error}")
