"""A real guard, and proxied connections in memory; `joined` has the two ends."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

pytest.importorskip("mcp", reason="the extra mcp is not installed")

from joined import ENVELOPE, LONG_S, Join, Joined, Serve

from remit.core.selftest import load_envelope
from remit.testing import open_guard
from remit.usecases.guard import Guard


@pytest.fixture
def guard(folder: Path) -> Iterator[Guard]:
    """A guard on a real store, which enforces `ENVELOPE`."""
    with open_guard(folder, load_envelope(ENVELOPE, "clerk.yaml")) as opened:
        yield opened


@pytest.fixture
def join(guard: Guard) -> Join:
    """Opens a proxied connection, the handshake made; leaves it in the end."""

    @asynccontextmanager
    async def joined(
        serve: Serve | None = None, *, meet: bool = True, **options: Any
    ) -> AsyncIterator[Joined]:
        at = Joined(options.pop("guard", guard), serve, **options)
        running = asyncio.ensure_future(at.pump.run())
        try:
            if meet:
                await at.meet()
            yield at
        finally:
            at.leave()
            at.by_client = await asyncio.wait_for(running, LONG_S)
            await at.opening.close()

    return joined
