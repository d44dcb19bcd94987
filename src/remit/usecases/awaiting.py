"""Waiting in an event loop for what the store's writer does on its thread.

One commit ends the writes of many tasks. They are woken together: the writer rings once, and the loop wakes all whose
writes are done by then.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from concurrent.futures import Future
from typing import Any


async def shielded(future: Future[Any]) -> Any:
    """Wait for a write without cancelling it: what was handed to the store is written, whoever still waits."""
    if not future.done():
        bell = _bell()
        waiter: asyncio.Future[None] = bell.loop.create_future()
        future.add_done_callback(lambda _: bell.wake(waiter))
        await waiter
    return future.result()


class _Bell:
    """Wakes tasks of one event loop from other threads."""

    __slots__ = ("_rung", "_waiters", "loop")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._waiters: deque[asyncio.Future[None]] = deque()
        self._rung = False

    def wake(self, waiter: asyncio.Future[None]) -> None:
        """The waiter's write is done; called on any thread."""
        # First here, then the look at the bell: whoever finds it rung knows that all here is still to be looked through.
        self._waiters.append(waiter)
        try:
            if not self._rung:
                self._rung = True
                self._ring()
        except BaseException:
            # An interrupt of the thread that commits: rung or not, nobody may be left asleep.
            self._ring()
            raise

    def _ring(self) -> None:
        try:
            self.loop.call_soon_threadsafe(self._wake_all)
        except RuntimeError:  # the loop is closed: nobody waits any more
            self._waiters.clear()

    def _wake_all(self) -> None:
        self._rung = False
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():  # its task may have been cancelled
                waiter.set_result(None)


_here = threading.local()


def _bell() -> _Bell:
    """Of the loop that runs in this thread."""
    loop = asyncio.get_running_loop()
    bell: _Bell | None = getattr(_here, "bell", None)
    if bell is None or bell.loop is not loop:
        bell = _here.bell = _Bell(loop)
    return bell
