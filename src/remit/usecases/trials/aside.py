"""Work of somebody else's code, beside the event loop: here while it is fast, in a thread once it was slow."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
SLOW_S = 0.02


class Aside:
    """Runs one kind of work. A hand-off to a thread costs more than most checks; a check that asks a model blocks all."""

    def __init__(self) -> None:
        self._slow = False

    async def run(self, work: Callable[[], T]) -> T:
        """What *work* returns."""
        if self._slow:
            return await asyncio.to_thread(work)
        began = time.perf_counter()
        try:
            return work()
        finally:
            self._slow = time.perf_counter() - began > SLOW_S
