"""What a session told the store and no call waited for: it is durable before the next call runs, or the session ends."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from remit.core.errors import Unavailable
from remit.core.event import Event
from remit.ports import Records
from remit.usecases.awaiting import shielded

MOST_REMEMBERED = 64
"""Writes before those that are durable are forgotten."""


@dataclass(frozen=True, slots=True)
class _Write:
    """Events, and what became of them."""

    events: tuple[Event, ...]
    """None where only its end is waited for."""
    future: Future[None]

    @property
    def error(self) -> BaseException | None:
        """Why a record has a hole; a reservation that was not given back is none, since its lease ends."""
        return self.future.exception() if self.events and self.future.done() else None

    @property
    def durable(self) -> bool:
        return self.future.done() and self.future.exception() is None

    def check(self) -> None:
        """Wait for its end, and raise why its events were not taken."""
        if (lost := self.future.exception()) is not None and self.events:
            raise lost


class SessionWrites:
    """The writes of one session.

    Args:
        records: the store.
        lock: of the session; a thread that has it may take it again.
    """

    def __init__(self, records: Records, lock: threading.RLock) -> None:
        self._records, self._lock = records, lock
        self._writes: list[_Write] = []
        self._gathered: list[Event] | None = None
        """Events that are to go to the store together."""

    def __len__(self) -> int:
        """How many are remembered."""
        return len(self._writes)

    def add(self, *events: Event) -> None:
        """Hand *events* to the store, in one write. The session's lock is held."""
        if self._gathered is not None:
            self._gathered += events
            return
        if len(self._writes) >= MOST_REMEMBERED:
            self._writes = [write for write in self._writes if not write.durable]
        self._writes.append(_Write(events, self._records.append(events)))

    @contextmanager
    def together(self) -> Iterator[None]:
        """What is added meanwhile goes to the store in one write; none of it, where something is raised."""
        gathered: list[Event] = []
        self._gathered = gathered
        try:
            yield
        finally:
            self._gathered = None
        self.add(*gathered)

    def wait_for(self, write: Future[None]) -> None:
        """Have the session's end wait for a write that no call waits for."""
        with self._lock:
            self._writes.append(_Write((), write))

    def surface(self) -> None:
        """Raise what went wrong, and write it again."""
        if not self._writes:
            return
        with self._lock:
            ended, going = list[_Write](), list[_Write]()
            # Looked at once each: a write may end at any moment, and not between two looks.
            for write in self._writes:
                (ended if write.future.done() else going).append(write)
            failed = [write for write in ended if write.error is not None]
            # In one step: whoever looks meanwhile without the lock must not find the hole gone.
            self._writes = going + [self._again(write) for write in failed]
        for write in failed:
            if write.error is not None:
                raise write.error

    def _again(self, write: _Write) -> _Write:
        try:
            return _Write(write.events, self._records.append(write.events))
        except Unavailable:
            return write

    def end(self) -> None:
        """Wait until everything is durable, and raise what was lost."""
        with self._taken() as writes:
            for write in writes:
                write.check()

    async def aend(self) -> None:
        """As `end`, for coroutines."""
        with self._taken() as writes:
            for write in writes:
                with suppress(Exception):  # which is looked at next
                    await shielded(write.future)
                write.check()

    async def ended(self) -> None:
        """Wait until nothing is on its way any more; what was lost is remembered."""
        for write in tuple(self._writes):
            with suppress(Exception):  # which `surface` raises
                await shielded(write.future)

    @contextmanager
    def _taken(self) -> Iterator[list[_Write]]:
        with self._lock:
            writes, self._writes = self._writes, []
        try:
            yield writes
        except BaseException:  # also cancelled, or interrupted: then nobody has learnt what became of them
            with self._lock:
                self._writes = self._left(writes) + self._writes
            raise

    def _left(self, writes: list[_Write]) -> list[_Write]:
        """What the next end has to wait for: also what the world lost, written again, but not what the store refused."""
        left = list[_Write]()
        for write in writes:
            if not write.future.done():
                left.append(write)
            elif isinstance(write.error, Unavailable):
                left.append(self._again(write))
        return left
