"""Trials on their way into the record: many in one transaction, each durable before it counts.

While one transaction is written, what ends meanwhile gathers, and goes with the next: a trial alone is written at once,
and of a thousand at a time hundreds share one sync.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from remit.core.trial.trial import Slot, Trial
from remit.usecases.awaiting import shielded
from remit.usecases.trials.book import RunLog

AT_ONCE = 250
"""Trials in one transaction."""


class Writing:
    """Writes what started and what ended, in order, and tells what is durable.

    Args:
        log: of the run.
        hears: gets the trials that are durable, in the order in which they ended.
    """

    def __init__(self, log: RunLog, hears: Callable[[Sequence[Trial]], None]) -> None:
        self._log = log
        self._hears = hears
        self._started: list[tuple[Slot, asyncio.Future[None]]] = []
        self._finished: list[Trial] = []
        self._bell = asyncio.Event()
        self._closed = False

    def start(self, slot: Slot) -> asyncio.Future[None]:
        """A trial is about to start. It may once this is done: what was paid for and lost to a kill is then known."""
        known: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._started.append((slot, known))
        self._bell.set()
        return known

    def finish(self, trial: Trial) -> None:
        """A trial has ended."""
        self._finished.append(trial)
        self._bell.set()

    def close(self) -> None:
        """Nothing more comes; `work` returns when all is durable."""
        self._closed = True
        self._bell.set()

    async def work(self) -> None:
        """Write until nothing more comes.

        Raises:
            Unavailable: the record cannot be written: nothing may go on.
        """
        while True:
            await self._bell.wait()
            self._bell.clear()
            while self._started or self._finished:
                await self._batch()
            if self._closed:
                return

    async def _batch(self) -> None:
        started, self._started = self._started, []
        finished, self._finished = self._finished[:AT_ONCE], self._finished[AT_ONCE:]
        await shielded(self._log.write([slot for slot, _ in started], finished))
        for _, known in started:
            if not known.done():
                known.set_result(None)
        if finished:
            self._hears(finished)
