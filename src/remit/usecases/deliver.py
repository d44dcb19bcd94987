"""Delivers what waits in the outbox, in a thread of its own: a sink that is down delays and loses nothing."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Generic, Protocol, TypeVar

from remit.core.errors import Declined, Unavailable

POLL_S = 1.0
"""How often the outbox is looked at: what another process wrote is found no later."""
CLOSING_S = 5.0
"""How long `close` goes on delivering what is due."""
_JOIN_S = 40.0

log = logging.getLogger("remit.deliver")


class WaitingMessage(Protocol):
    """What waits: a `core.notice.Notice`, a `core.delivery.Delivery`."""

    @property
    def id(self) -> str:
        """The same for every attempt."""

    @property
    def kind(self) -> str:
        """What the log calls it."""


M = TypeVar("M", bound=WaitingMessage)
Sent_contra = TypeVar("Sent_contra", bound=WaitingMessage, contravariant=True)


class Outbox(Protocol[M]):
    """Messages that wait; `store.outbox.SqliteOutbox`, `store.delivery_queue.SqliteRoute`."""

    def claim(self) -> M | None:
        """One that is due, for this caller alone; None where none is."""

    def done(self, message: M, /) -> None:
        """It was delivered."""

    def retry(
        self,
        message: M,
        error: str,
        /,
        *,
        jitter: float,
        after_s: float | None = None,
        declined: bool = False,
    ) -> None:
        """It was not."""


class MessageSink(Protocol[Sent_contra]):
    """Where messages go; `sinks.webhook.Webhook`."""

    def send(self, message: Sent_contra, /) -> None:
        """Deliver, or raise; must end well within the outbox's lease."""


class Deliverer(Generic[M]):
    """One thread that delivers. Several of them, in one process or many, share one outbox.

    Args:
        outbox: what waits.
        sink: where it goes.
        poll_s: how often to look; `wake` looks at once.
        draw: a random number in [0, 1), for the waits between attempts.

    A forked child has no such thread; what it writes is delivered by its parent, or by whoever opens the
    store next.
    """

    def __init__(
        self,
        outbox: Outbox[M],
        sink: MessageSink[M],
        *,
        poll_s: float = POLL_S,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._outbox = outbox
        self._sink = sink
        self._poll_s = min(poll_s, POLL_S)
        self._draw = draw
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self.delivered = 0
        """Messages that the sink took."""
        self.last_error = ""
        """What went wrong last; empty since the last delivery."""

    def start(self) -> Deliverer[M]:
        """Deliver from now on; starting twice does nothing."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="remit-deliver", daemon=True)
            self._thread.start()
        return self

    def wake(self) -> None:
        """Look into the outbox now."""
        self._wake.set()

    def stop(self) -> None:
        """Begin to stop, as `close` does, and do not wait for it."""
        self._closing.set()
        self._wake.set()

    def close(self) -> None:
        """Deliver what is due, for a few seconds at most and no longer than the sink works, then stop."""
        thread, self._thread = self._thread, None
        self.stop()
        if thread is not None:
            thread.join(_JOIN_S)

    def __enter__(self) -> Deliverer[M]:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def deliver_one(self) -> bool:
        """Deliver one message that is due; False where none is, or it failed."""
        message = self._outbox.claim()
        if message is None:
            return False
        try:
            self._sink.send(message)
        except Exception as error:  # noqa: BLE001 - whatever a sink does, the message stays and is tried again
            self._failed(message, error)
            return False
        self._outbox.done(message)
        self.delivered += 1
        self.last_error = ""
        return True

    def deliver_due(self, most_s: float = CLOSING_S) -> int:
        """Deliver one after the other what is due, until none is, one fails or *most_s* are over; how many."""
        ends, before = time.monotonic() + most_s, self.delivered
        while time.monotonic() < ends and self._try_one():
            pass
        return self.delivered - before

    def _failed(self, message: M, error: Exception) -> None:
        after_s = error.retry_after_s if isinstance(error, Unavailable) else None
        self.last_error = str(error) or type(error).__name__
        declined = isinstance(error, Declined)
        self._outbox.retry(message, self.last_error, jitter=self._draw(), after_s=after_s, declined=declined)
        log.warning("%s message %s was not delivered: %s", message.kind, message.id, self.last_error)

    def _run(self) -> None:
        while not self._closing.is_set():
            self._wake.clear()
            if not self._try_one():
                self._wake.wait(self._poll_s)
        self.deliver_due()

    def _try_one(self) -> bool:
        try:
            return self.deliver_one()
        except Exception as error:  # noqa: BLE001 - the store may be away for a while; this thread stays
            self.last_error = str(error) or type(error).__name__
            log.warning("the outbox could not be used: %s", self.last_error)
            return False


class Deliverers:
    """A deliverer for each route, each with a thread of its own: a receiver that is down delays no other.

    Args:
        each: the deliverers, by route.
    """

    def __init__(self, each: Mapping[str, Deliverer[Any]]) -> None:
        self.each = each

    def start(self) -> Deliverers:
        """Deliver from now on."""
        for one in self.each.values():
            one.start()
        return self

    def wake(self) -> None:
        """Look at once whether anything waits."""
        for one in self.each.values():
            one.wake()

    def deliver_once(self, most_s: float = CLOSING_S) -> int:
        """Deliver what is due now, on all routes side by side, for *most_s* at most; how many messages.

        For a worker that has no thread of its own running; beside running threads it does no harm.
        """
        with ThreadPoolExecutor(max(1, len(self.each)), "remit-deliver") as pool:
            return sum(pool.map(lambda one: one.deliver_due(most_s), self.each.values()))

    def close(self) -> None:
        """Deliver what is due, for a few seconds at most, then stop."""
        for one in self.each.values():
            one.stop()
        for one in self.each.values():
            one.close()

    def __enter__(self) -> Deliverers:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()
