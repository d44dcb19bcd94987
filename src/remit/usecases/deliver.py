"""Delivers what waits in the outbox, in a thread of its own: a sink that is down delays and loses nothing."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable
from typing import Protocol

from remit.core.errors import Unavailable
from remit.core.notice import Notice

POLL_S = 1.0
"""How often the outbox is looked at: what another process wrote is found no later."""
CLOSING_S = 5.0
"""How long `close` goes on delivering what is due."""
_JOIN_S = 40.0

log = logging.getLogger("remit.deliver")


class Outbox(Protocol):
    """Notices that wait; `store.outbox.SqliteOutbox`."""

    def claim(self) -> Notice | None:
        """One that is due, for this caller alone; None where none is."""

    def done(self, notice: Notice) -> None:
        """It was delivered."""

    def retry(self, notice: Notice, error: str, *, jitter: float, after_s: float | None = None) -> None:
        """It was not."""


class Sink(Protocol):
    """Where notices go; `sinks.webhook.Webhook`."""

    def send(self, notice: Notice) -> None:
        """Deliver, or raise; must end well within the outbox's lease."""


class Deliverer:
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
        self, outbox: Outbox, sink: Sink, *, poll_s: float = POLL_S, draw: Callable[[], float] = random.random
    ) -> None:
        self._outbox = outbox
        self._sink = sink
        self._poll_s = min(poll_s, POLL_S)
        self._draw = draw
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self.delivered = 0
        """Notices that the sink took."""
        self.last_error = ""
        """What went wrong last; empty since the last delivery."""

    def start(self) -> Deliverer:
        """Deliver from now on; starting twice does nothing."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="remit-deliver", daemon=True)
            self._thread.start()
        return self

    def wake(self) -> None:
        """Look into the outbox now."""
        self._wake.set()

    def close(self) -> None:
        """Deliver what is due, for a few seconds at most and no longer than the sink works, then stop."""
        thread, self._thread = self._thread, None
        self._closing.set()
        self._wake.set()
        if thread is not None:
            thread.join(_JOIN_S)

    def __enter__(self) -> Deliverer:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def deliver_one(self) -> bool:
        """Deliver one notice that is due; False where none is, or it failed."""
        notice = self._outbox.claim()
        if notice is None:
            return False
        try:
            self._sink.send(notice)
        except Exception as error:  # noqa: BLE001 - whatever a sink does, the notice stays and is tried again
            self._failed(notice, error)
            return False
        self._outbox.done(notice)
        self.delivered += 1
        self.last_error = ""
        return True

    def _failed(self, notice: Notice, error: Exception) -> None:
        after_s = error.retry_after_s if isinstance(error, Unavailable) else None
        self.last_error = str(error) or type(error).__name__
        self._outbox.retry(notice, self.last_error, jitter=self._draw(), after_s=after_s)
        log.warning("%s notice %s was not delivered: %s", notice.kind, notice.id, self.last_error)

    def _run(self) -> None:
        while not self._closing.is_set():
            self._wake.clear()
            if not self._try_one():
                self._wake.wait(self._poll_s)
        ends = time.monotonic() + CLOSING_S
        while time.monotonic() < ends and self._try_one():
            pass

    def _try_one(self) -> bool:
        try:
            return self.deliver_one()
        except Exception as error:  # noqa: BLE001 - the store may be away for a while; this thread stays
            self.last_error = str(error) or type(error).__name__
            log.warning("the outbox could not be used: %s", self.last_error)
            return False
