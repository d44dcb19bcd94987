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
    def reading(self) -> apsw.Connection:
        """The same connection for a look at tables beside the journal's own, which costs the work no savepoint. Write
        nothing through it: it would stay where the work is undone."""

    @property
    def now(self) -> float:
        """The store's clock, read after the lock was taken; never lower than any time the store has seen."""

    def append(self, event: Event) -> int:
        """Add *event* to the chain and return its sequence; the sequence of the first copy when its id is known.

        Raises:
            BadInput: the id is known with another body.
        """

    def seal(
        self, content: bytes, bound: bytes, tenant: str, subject: str, retain_s: float | None
    ) -> tuple[bytes, bytes]:
        """Encrypt *content* under the data key of *subject*, so that erasing the subject erases it.

        Args:
            content: the plaintext.
            bound: what it is tied to; it opens with the same only.
            tenant: whose store part it is.
            subject: whose data it is; empty for nobody's.
            retain_s: how long it stays readable; None for ever.

        Returns:
            The id of the key, and the ciphertext.
        """

    def unseal(self, key_id: bytes, sealed: bytes, bound: bytes) -> bytes | None:
        """What `seal` encrypted; None where its key was destroyed.

        Raises:
            Unavailable: it was altered.
        """
