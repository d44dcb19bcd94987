"""One piece of work between its caller and the commit, and how callers learn what became of theirs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from remit.store.batch import Batch

if TYPE_CHECKING:
    import asyncio


class Waiting:
    """One piece of work in the queue, and what became of it."""

    __slots__ = (
        *("done", "error", "events", "future", "loop", "lost", "result", "signal", "since", "size", "work"),
    )

    def __init__(
        self, work: Callable[[Batch], Any], events: int, size: int, *, repeated: bool = False
    ) -> None:
        self.work = work
        self.events = events
        self.lost = 0 if repeated else events
        """Events that nobody captures where it fails: none of work that whoever asks does again."""
        self.size = size
        self.since = 0.0
        """When it was queued, by the monotonic clock, where it may linger."""
        self.result: Any = None
        self.error: BaseException | None = None
        self.done = False
        self.future: Future[Any] | asyncio.Future[Any] | None = None
        self.loop: asyncio.AbstractEventLoop | None = None
        """The event loop that the future belongs to, where it is one of asyncio's."""
        self.signal: threading.Lock | None = None

    def publish(self) -> None:
        """Tell the caller; only after the commit."""
        if self.signal is not None:
            self.signal.release()
        elif isinstance(self.future, Future) and self.future.set_running_or_notify_cancel():
            self.resolve()
        self.done = True

    def resolve(self) -> None:
        """Give the future its result or error."""
        if self.future is None or self.future.done():
            return
        if self.error is None:
            self.future.set_result(self.result)
        else:
            self.future.set_exception(self.error)

    def unwrap(self) -> Any:
        """The result, or raise what the work or the commit raised."""
        if self.error is not None:
            raise self.error
        return self.result


def publish(batch: Sequence[Waiting]) -> None:
    """Tell all callers of a batch, each event loop in one go."""
    loops: dict[asyncio.AbstractEventLoop, list[Waiting]] = {}
    try:
        for item in batch:
            if item.loop is None:
                item.publish()
            else:
                loops.setdefault(item.loop, []).append(item)
        for loop, items in loops.items():
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(_resolve, items)
    except BaseException:
        # An interrupt between two callers must not leave the rest waiting.
        for item in batch:
            if not item.done:
                with suppress(RuntimeError):
                    item.publish()
        raise


def _resolve(items: Sequence[Waiting]) -> None:
    for item in items:
        item.resolve()
