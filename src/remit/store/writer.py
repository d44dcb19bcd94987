"""Group commit: callers queue their work, one of them or the writer thread commits all that waits.

Whoever holds the *lead* is the process's one writer. A caller that finds the lead free takes it and commits
at once, on its own thread, since two hand-offs between threads would cost it half its rate; what queues up
meanwhile goes to the writer thread, which takes all of it into one transaction. The time of one commit is
thus the timer of the next batch; only after a large batch the thread waits for a moment, since otherwise the
first caller to come again would have a sync for itself and the others would wait for it.

Every holder looks at the queue again after it gave the lead back, so no work is left behind by a caller that
found the lead taken.

Work that nobody waits for yet may linger: it goes with the next commit, whosever that is, and after `LINGER_S` by
itself. So a read whose decision lingers while it runs has one sync for its decision and its outcome, not two.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from remit.core.errors import Unavailable
from remit.store.waiting import Waiting, publish

BATCH = 256
"""Most works in one transaction."""
LINGER_S = 0.02
"""How long work that lingers waits at most for a commit that it could go with."""
_AWAKE_S = 0.25
"""How long after work that lingered the thread looks for more by itself, so that nobody has to wake it for each."""
_GATHER_S = 0.0005
"""How long the writer thread waits at most for the callers of its last batch to come again."""
_GATHER_FROM = 8
"""Size of a batch from which on it waits for the next: fewer callers are better served at once."""
_NEVER = 1 << 30
_POLL_S = 0.005
"""How often a task looks for room in a full queue."""


class Writer:
    """The bounded queue and the lead.

    Args:
        commit: writes a batch and fills in each `result` and `error`; the only thing that touches the
            database.
        events: most events that may wait or be in a commit.
        size: most bytes that may wait or be in a commit.
        wait_s: how long a caller waits for room.
    """

    def __init__(
        self, commit: Callable[[Sequence[Waiting]], None], *, events: int, size: int, wait_s: float
    ) -> None:
        self._commit = commit
        self._most_events, self._most_size, self.wait_s = events, size, wait_s
        self.refused = 0
        self.reset()

    def reset(self) -> None:
        """Start with an empty queue and no thread: at first, and in a forked child."""
        self._queue: deque[Waiting] = deque()
        self._lock = threading.Lock()
        self._room = threading.Condition(self._lock)
        self._lead = threading.Lock()
        self._leader: int | None = None
        self._bell = threading.Lock()
        self._bell.acquire()
        self._thread: threading.Thread | None = None
        self._closed = False
        self.events = self.size = self._blocked = 0
        self._last = 0
        self._expected = _NEVER
        self._hurry = self._ticking = False
        self._lingered = 0.0

    # Callers

    def submit(self, item: Waiting, wait_s: float | None = None, *, lingers: bool = False) -> None:
        """Queue *item* for the writer thread; one that *lingers* for whoever commits next, or for the thread later."""
        if lingers:
            item.since = self._lingered = time.monotonic()
        self._enqueue(item, wait_s)
        if not lingers:
            self._nudge()
        elif not self._ticking:
            self._ticking = True
            self._wake()

    async def run_async(self, item: Waiting) -> Any:
        """Queue *item* for the writer thread and await it; sleeps while there is no room."""
        import asyncio

        item.loop = asyncio.get_running_loop()
        item.future = future = item.loop.create_future()
        deadline = item.loop.time() + self.wait_s
        while not self._offer(item):
            if item.loop.time() > deadline:
                raise self._no_room(item, self.wait_s)
            await asyncio.sleep(_POLL_S)
        return await future

    def run(self, item: Waiting, *, may_lead: bool = True) -> Any:
        """Queue *item* and wait for it; commit it here when nobody else is committing."""
        if self._leader == threading.get_ident():
            raise RuntimeError(
                "a piece of work must not start a transaction of its own: use the one it was given"
            )
        signal = item.signal = threading.Lock()
        signal.acquire()
        self._enqueue(item, None)
        if not may_lead or len(self._queue) >= self._expected:
            self._nudge()
        elif self._lead.acquire(blocking=False):
            try:
                self._commit_next()
            finally:
                self.give_back()
        if not item.done:
            signal.acquire()
        return item.unwrap()

    def take_lead(self, timeout_s: float = -1) -> bool:
        """Keep all others from committing; `give_back` lets them go on."""
        taken = self._lead.acquire(timeout=timeout_s)
        if taken:
            self._leader = threading.get_ident()
        return taken

    def give_back(self) -> None:
        """Give the lead back, and see to what was queued meanwhile."""
        self._leader = None
        self._lead.release()
        if self._queue:
            self._ring()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Nothing is committed inside this block."""
        self.take_lead()
        try:
            yield
        finally:
            self.give_back()

    @property
    def leads(self) -> bool:
        """Whether the running thread is inside a commit."""
        return self._leader == threading.get_ident()

    def close(self) -> None:
        """Take no more work, and return when all that was taken is done."""
        with self._lock:
            self._closed = True
            thread, self._thread = self._thread, None
            self._room.notify_all()
        self._ring_bell()
        if thread is not None and thread is not threading.current_thread():
            thread.join()
        with_work = True
        while with_work:
            self.take_lead()
            try:
                with_work = self._commit_next()
            finally:
                self._leader = None
                self._lead.release()

    def push_back(self, items: Sequence[Waiting]) -> None:
        """Put works whose commit was interrupted back in front, to be committed by the writer thread."""
        self._queue.extendleft(reversed(items))
        with self._lock:
            self.events += sum(item.events for item in items)
            self.size += sum(item.size for item in items)

    # Inside

    def _enqueue(self, item: Waiting, wait_s: float | None) -> None:
        with self._lock:
            if not self._take(item):
                wait_s = self.wait_s if wait_s is None else wait_s
                self._wait_for_room(item, wait_s)
                if not self._take(item):
                    raise self._no_room(item, wait_s)

    def _offer(self, item: Waiting) -> bool:
        with self._lock:
            if not self._take(item):
                return False
        self._nudge()
        return True

    def _take(self, item: Waiting) -> bool:
        if self._closed:
            raise Unavailable("capture_unavailable: the journal is closed")
        if not self._fits(item):
            return False
        self.events += item.events
        self.size += item.size
        self._queue.append(item)
        return True

    def _fits(self, item: Waiting) -> bool:
        # One item larger than the bound may pass alone; otherwise it could never be written.
        return not self.events or (
            self.events + item.events <= self._most_events and self.size + item.size <= self._most_size
        )

    def _wait_for_room(self, item: Waiting, wait_s: float) -> None:
        deadline = time.monotonic() + wait_s
        self._blocked += 1
        try:
            while not self._fits(item) and not self._closed:
                left = deadline - time.monotonic()
                if left <= 0 or not self._room.wait(left):
                    break
        finally:
            self._blocked -= 1

    def _no_room(self, item: Waiting, wait_s: float) -> Unavailable:
        self.refused += item.events
        waiting = f"{self.events} events ({self.size} bytes) wait to be written"
        return Unavailable(f"capture_unavailable: {waiting}", retry_after_s=max(wait_s, 0.05))

    def _commit_next(self) -> bool:
        """Commit all that waits, at most a batch; False when nothing did. The caller holds the lead."""
        queue = self._queue
        batch = [queue.popleft() for _ in range(min(len(queue), BATCH))]
        if not batch:
            return False
        self._leader = threading.get_ident()
        try:
            self._commit(batch)
        except BaseException:
            # An interrupt struck the caller that leads: the others' works go to the writer thread.
            self.push_back(batch)
            raise
        finally:
            with self._lock:
                for item in batch:
                    self.events -= item.events
                    self.size -= item.size
                if self._blocked:
                    self._room.notify_all()
        self._last = len(batch)
        publish(batch)
        return True

    def _nudge(self) -> None:
        # Whoever holds the lead looks at the queue again after giving it back.
        if len(self._queue) >= self._expected or not self._lead.locked():
            self._ring()

    def _ring(self) -> None:
        self._hurry = True
        self._wake()

    def _wake(self) -> None:
        if self._thread is None:
            with self._lock:
                if self._thread is None and not self._closed:  # type: ignore[redundant-expr]
                    self._thread = threading.Thread(target=self._work, name="remit-journal", daemon=True)
                    self._thread.start()
        self._ring_bell()

    def _ring_bell(self) -> None:
        # A rung bell stays rung; two threads may ring at once.
        with suppress(RuntimeError):
            self._bell.release()

    def _work(self) -> None:
        while not self._closed:
            self._await_work()
            self._lead.acquire()
            try:
                while self._gather() and self._commit_next():
                    pass
            finally:
                self._leader = None
                self._lead.release()
            if self._queue:
                self._ring()

    def _await_work(self) -> None:
        """Return when somebody asked for a commit, or what lingers has done so for long enough."""
        while not self._closed:
            wait_s = self._left_to_linger()
            if wait_s == 0:
                return
            self._bell.acquire(timeout=wait_s)
            if self._hurry:
                self._hurry = False
                return

    def _left_to_linger(self) -> float:
        """Seconds until somebody must look again: 0 when what waits must be committed now, -1 when nobody needs to."""
        if not self._ticking:
            return -1
        with self._lock:  # whoever queues from here on finds that nobody looks, and wakes us
            now = time.monotonic()
            with suppress(IndexError):  # whoever leads may take the last one at any moment
                return max(0.0, self._queue[0].since + LINGER_S - now)
            if now - self._lingered < _AWAKE_S:
                return LINGER_S
            self._ticking = False
            return -1

    def _gather(self) -> bool:
        """Wait a moment for the callers of the last batch to come again, so that one sync serves them all."""
        if self._last >= _GATHER_FROM and len(self._queue) < self._last:
            self._expected = self._last
            self._bell.acquire(timeout=_GATHER_S)
            self._expected = _NEVER
        return True


def in_event_loop() -> bool:
    """Whether the running thread runs an asyncio loop, which must not wait for a disk."""
    asyncio = sys.modules.get("asyncio")
    return asyncio is not None and asyncio._get_running_loop() is not None
