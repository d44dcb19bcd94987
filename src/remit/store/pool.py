"""The connections that read: one for each thread, closed before a fork and when the store closes."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from typing import TypeVar

import apsw

from remit.core.errors import Unavailable

T = TypeVar("T")


class Readers:
    """Runs reads, each on its thread's own connection and in one snapshot."""

    def __init__(self, open_one: Callable[[], apsw.Connection]) -> None:
        self._open_one = open_one
        self.reset()

    def reset(self) -> None:
        """Start without connections: at first, and in a forked child."""
        self._local = threading.local()
        self._all: weakref.WeakSet[apsw.Connection] = weakref.WeakSet()
        self._gate = threading.Condition()
        self._running = 0
        self.paused = self._closed = False

    def read(self, work: Callable[[apsw.Connection], T], *, one: bool = False) -> T:
        """Run *work* on this thread's connection.

        Args:
            work: what is to be read.
            one: whether it is one statement, read to its end, which sees one snapshot by itself.
        """
        with self._gate:
            if self.paused:
                self._gate.wait_for(lambda: not self.paused)
            if self._closed:
                raise Unavailable("the journal is closed")
            self._running += 1
        try:
            connection = self._mine()
            if one or connection.in_transaction:
                return work(connection)
            connection.execute("BEGIN")
            try:
                return work(connection)
            finally:
                connection.execute("ROLLBACK")
        finally:
            with self._gate:
                self._running -= 1
                if self.paused:
                    self._gate.notify_all()

    def close(self, *, timeout_s: float) -> bool:
        """Close all connections once no read runs; False when one still ran after *timeout_s*."""
        self._closed = True
        return self.pause(timeout_s) and self.resume()

    def pause(self, timeout_s: float) -> bool:
        """Close all connections and let new reads wait; False when a read still ran after *timeout_s*."""
        with self._gate:
            self.paused = True
            idle = self._gate.wait_for(lambda: self._running == 0, timeout_s)
            if idle:
                for connection in list(self._all):
                    connection.close()
                self._all = weakref.WeakSet()
                self._local = threading.local()
            return idle

    def resume(self) -> bool:
        """Let the waiting reads go on."""
        with self._gate:
            self.paused = False
            self._gate.notify_all()
        return True

    def _mine(self) -> apsw.Connection:
        connection: apsw.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = self._open_one()
            with self._gate:
                self._all.add(connection)
        return connection
