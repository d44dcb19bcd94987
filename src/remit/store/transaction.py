"""What a piece of work may do inside one transaction of the store."""

from __future__ import annotations

from typing import Protocol

import apsw

from remit.core.event import Event


class Transaction(Protocol):
    """One piece of work inside `BEGIN IMMEDIATE`; rolled back alone when it raises, committed with its batch.

    Work must be deterministic given the database, since a batch whose commit is ambiguous runs again.
    """

    @property
    def connection(self) -> apsw.Connection:
        """The connection that holds the write lock. Do not begin or commit on it."""

    @property
    def now(self) -> float:
        """The store's clock, read after the lock was taken; never lower than any time the store has seen."""

    def append(self, event: Event) -> int:
        """Add *event* to the chain and return its sequence; the sequence of the first copy when its id is known.

        Raises:
            BadInput: the id is known with another body.
        """
