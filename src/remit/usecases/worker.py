"""The thread that works on what was captured, beside capture or in a process of its own, and leaves capture its time."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Protocol

POLL_S = 1.0
"""How often a worker that has nothing to do looks."""

log = logging.getLogger("remit.triage")


class Beside(Protocol):
    """What works in threads of its own; `usecases.deliver.Deliverers`."""

    def start(self) -> object:
        """Begin."""

    def wake(self) -> None:
        """There may be something to do."""

    def close(self) -> None:
        """Stop, and wait for it."""


class Worker:
    """One thread that classifies, watches and delivers, beside capture or in a process of its own.

    Args:
        steps: each does a little and says how much it did; 0 where nothing was to do. They run in turn.
        share: of the time at most this much is spent on work while there is some, so that capture in the same process
            gets the rest.
        poll_s: how often to look where nothing is to do.
        beside: what is started and closed with it.
    """

    def __init__(
        self,
        steps: Sequence[Callable[[], int]],
        *,
        share: float = 0.5,
        poll_s: float = POLL_S,
        beside: Beside | None = None,
    ) -> None:
        self._steps = steps
        self._share = share
        self._poll_s = poll_s
        self._beside = beside
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._rests: dict[int, float] = {}
        """Until when a step is left alone, by its place."""
        self._errors: dict[int, str] = {}

    @property
    def last_error(self) -> str:
        """What went wrong when a step ran last; empty where nothing did."""
        return next(iter(self._errors.values()), "")

    def start(self) -> Worker:
        """Work from now on; starting twice does nothing."""
        if self._thread is None:
            self._thread = threading.Thread(target=self.run, name="remit-triage", daemon=True)
            self._thread.start()
            if self._beside is not None:
                self._beside.start()
        return self

    def close(self) -> None:
        """Stop after the step that runs."""
        self._closing.set()
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.join(60.0)
            if self._beside is not None:
                self._beside.close()

    def end(self) -> None:
        """Have it stop after the step that runs; `close` waits for that."""
        self._closing.set()

    def wait(self, seconds: float) -> bool:
        """Wait for so long, or until somebody closes it; whether it was closed. An interrupt ends the waiting."""
        return self._closing.wait(seconds)

    def run(self) -> None:
        """Work until `close`."""
        while not self._closing.is_set():
            if not self.turn():
                self._closing.wait(self._poll_s)

    def turn(self) -> int:
        """Each step once, and a pause after each; how much was done. What fails is logged, and tried again later.

        A step that had nothing to do is left alone for `poll_s`: to look costs as much as to classify a few.
        """
        done = 0
        for place, step in enumerate(self._steps):
            began = monotonic()
            if self._closing.is_set() or began < self._rests.get(place, began):
                continue
            found = self._tried(place, step)
            done += found
            if found:
                self._closing.wait((monotonic() - began) * (1 / self._share - 1))
            else:
                self._rests[place] = monotonic() + self._poll_s
        if done and self._beside is not None:
            self._beside.wake()
        return done

    def _tried(self, place: int, step: Callable[[], int]) -> int:
        try:
            found = step()
        except Exception as error:  # noqa: BLE001 - the store may be away for a while; this thread stays
            self._errors[place] = str(error) or type(error).__name__
            log.warning("a step of the worker failed: %s", self._errors[place])
            return 0
        self._errors.pop(place, None)
        return found
