"""How a batch gets onto the disk, and what happens when it does not.

A commit that failed may have landed or not. The handle is closed, since after a failed sync the kernel may
have dropped the pages and a second sync would succeed without them; a new one tells by the batch's nonce in
the head row whether it landed. Landed means durable only once a checkpoint of the WAL went through, for the
same reason. A batch that did not land is tried once more, then its callers are told and a `gap` event says
so when writing works again.

On a full disk the reserve is given up to store that fact; writes go on once the reserve can be held again.
"""

from __future__ import annotations

import hmac
import os
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from enum import StrEnum
from typing import Any

import apsw

from remit.core.errors import BadInput, Unavailable
from remit.store.batch import Batch
from remit.store.chain import Head, head_of
from remit.store.clock import WallClock
from remit.store.connection import WORLD, told
from remit.store.expire import Expiry, due
from remit.store.gap import Gap, gap_event
from remit.store.keys import Keyring
from remit.store.reserve import Reserve
from remit.store.waiting import Waiting

_READ_HEAD = "SELECT size, chain, peaks, at, top, erasures, nonce, seal FROM head"
_WRITE_HEAD = (
    "UPDATE head SET size = ?, chain = ?, peaks = ?, at = ?, top = ?, erasures = ?, nonce = ?, seal = ?"
)


class StoreState(StrEnum):
    """Whether events can be captured."""

    OK = "ok"
    DEGRADED = "capture_degraded"
    """The disk failed; each batch is tried anew."""
    STOPPED = "capture_stopped"
    """The disk is full."""
    ALTERED = "journal_altered"
    """The database is not the one that we wrote: rolled back, forked or edited. Nothing is added to it."""


class Committer:
    """Writes batches through the one writer connection. The holder of the lead calls it, nobody else."""

    def __init__(
        self,
        place: str,
        *,
        reopen: Callable[[], apsw.Connection],
        head_key: bytes,
        keyring: Keyring,
        clock: WallClock,
        reserve: Reserve | None,
        committed: Callable[[Head], None],
    ) -> None:
        self._place = place
        self._reopen = reopen
        self._head_key = head_key
        self._keyring = keyring
        self._clock = clock
        self._reserve = reserve
        self._committed = committed
        self.expiry = Expiry(clock)
        self._connection: apsw.Connection | None = None
        self._seen: Head | None = None
        self._seen_row: tuple[Any, ...] = ()
        self._gap: Gap | None = None
        self._gap_lock = threading.Lock()
        self._interrupted: tuple[bytes, frozenset[Waiting]] | None = None
        self.state = StoreState.OK
        self.barred = ""
        self.batches = self.reopened = self.ambiguous = self.refused = 0

    def __call__(self, items: Sequence[Waiting]) -> None:
        """Commit *items*, and fill in the result or error of each. Raises nothing but interrupts."""
        nonce = os.urandom(16)
        try:
            if self._interrupted is not None:
                items = self._still_to_do(items)
            if self.state is StoreState.STOPPED:
                self._hold_reserve()
            self._attempt(items, nonce, gap=self._gap)
        except apsw.FullError:
            self._stop(items)
        except apsw.BusyError:
            self._refuse(items, Unavailable("another process holds the write lock", retry_after_s=1.0))
        except WORLD as error:
            self._recover(items, nonce, error)
        except (BadInput, Unavailable) as error:
            self._refuse(items, error)
        except Exception as error:  # noqa: BLE001 - whatever it is, callers must not wait for ever
            self._refuse(items, Unavailable(f"{type(error).__name__}: {error}"))
        except BaseException:
            self._interrupted = nonce, frozenset(items)
            raise

    def connection(self) -> apsw.Connection:
        """The writer's connection, opened when needed."""
        if self._connection is None:
            with told(self._place):
                self._connection = self._reopen()
        return self._connection

    def adopt(self, connection: apsw.Connection) -> None:
        """Write through *connection*, which is open and durable already."""
        self._connection = connection

    def abandon(self) -> None:
        """Close the connection; the next batch opens another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(apsw.Error):
                connection.close()

    def renew(self) -> None:
        """Start with a lock that no thread of the parent process holds."""
        self._gap_lock = threading.Lock()

    def inherited(self) -> apsw.Connection | None:
        """The connection of the parent process, given up without closing it."""
        connection, self._connection = self._connection, None
        return connection

    def head(self) -> Head:
        """The head as stored. The caller holds the lead."""
        with told(self._place):
            return self._head(self.connection())

    def expire(self) -> None:
        """Destroy what is due, where nothing stands in the way; the next batch tries again."""
        try:
            if not self.barred and due(self.connection(), self._clock()):
                self._attempt([], os.urandom(16), gap=None)
        except apsw.BusyError:
            pass
        except (*WORLD, BadInput, Unavailable):
            self.abandon()

    def bar(self, how: str) -> None:
        """Add nothing more to a journal that is not the one that was written."""
        self.barred = how
        self.state = StoreState.ALTERED

    def missed(self, count: int, reason: str) -> None:
        """Record with the next batch that *count* events were not captured."""
        if not count:
            return
        with self._gap_lock:
            known = self._gap
            self._gap = Gap(self._clock(), count, reason) if known is None else known.with_more(count)

    def _recorded(self, gap: Gap | None) -> None:
        """The event for *gap* is durable; what was missed since then is a gap of its own."""
        with self._gap_lock:
            if gap is not None and self._gap is not None:
                left = self._gap.count - gap.count
                self._gap = Gap(self._clock(), left, self._gap.reason) if left else None

    def _hold_reserve(self) -> None:
        # While there is no room for the reserve, an event would take the room that the reserve gave up.
        if self._reserve is not None and not self._reserve.hold():
            raise Unavailable("the disk is full", retry_after_s=1.0)

    # One attempt

    def _attempt(self, items: Sequence[Waiting], nonce: bytes, *, gap: Gap | None) -> None:
        if self.barred:
            raise self._altered(self.barred)
        connection = self.connection()
        connection.execute("BEGIN IMMEDIATE")
        try:
            batch = Batch(connection, self._head(connection), self._keyring, self._clock)
            if gap is not None:
                _work_through(batch, [Waiting(lambda tx: tx.append(gap_event(tx.now, gap, "resumed")), 1, 0)])
            expiring = self.expiry.begin(connection)
            if expiring is not None:
                _work_through(batch, [expiring])
            _work_through(batch, items)
            if not batch.touched:
                connection.execute("ROLLBACK")
                return
            head = batch.finish(nonce)
            row = head.row(self._head_key)
            connection.execute(_WRITE_HEAD, row)
            connection.execute("COMMIT")
        except BaseException:
            self._keyring.forget()
            _roll_back(connection)
            raise
        self._seen, self._seen_row = head, row
        self._recorded(gap)
        self.state = StoreState.OK
        self.batches += 1
        self._committed(head)
        self.expiry.end(connection, expiring)

    def _head(self, connection: apsw.Connection) -> Head:
        """The head as stored, which must come after the one that we saw last."""
        row = next(connection.execute(_READ_HEAD), None)
        if row is None:
            raise self._altered("it has no head")
        if self._seen is not None and row == self._seen_row:
            return self._seen
        head = head_of(row)
        if not hmac.compare_digest(head.seal(self._head_key), row[7]):
            raise self._altered("its head was edited")
        seen = self._seen
        if seen is not None and (head.size < seen.size or not _follows(connection, head, seen)):
            raise self._altered(f"event {seen.size} is not the one that was written")
        self._keyring.catch_up(head.erasures)
        self._seen, self._seen_row = head, row
        return head

    def _altered(self, how: str) -> Unavailable:
        self.bar(how)
        return Unavailable(f"{self._place} was altered: {how}; run `remit journal verify`")

    # When it does not go well

    def _refuse(self, items: Sequence[Waiting], why: BadInput | Unavailable) -> None:
        self.refused += sum(item.events for item in items)
        self.missed(sum(item.lost for item in items), str(why))
        retry_after_s = why.retry_after_s if isinstance(why, Unavailable) else None
        for item in items:
            item.error = Unavailable(f"capture_unavailable: {why}", retry_after_s)

    def _recover(self, items: Sequence[Waiting], nonce: bytes, error: Exception) -> None:
        self.state = StoreState.DEGRADED
        self.abandon()
        self.reopened += 1
        try:
            if self._landed(nonce):
                self.ambiguous += 1
                self.state = StoreState.OK
            else:
                self._attempt(items, nonce, gap=self._gap)
        except (*WORLD, BadInput, Unavailable):
            self.abandon()
            self._refuse(items, Unavailable(f"{self._place}: the disk failed ({error})", retry_after_s=1.0))

    def _landed(self, nonce: bytes) -> bool:
        connection = self.connection()
        if connection.execute("SELECT nonce FROM head").get != nonce:
            return False
        log, copied = connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_FULL)
        if log != copied:
            raise Unavailable("the commit is in doubt")
        return True

    def _still_to_do(self, items: Sequence[Waiting]) -> Sequence[Waiting]:
        """Without the works of an interrupted commit that landed after all."""
        nonce, before = self._interrupted or (b"", frozenset())
        self.abandon()
        landed = self._landed(nonce)
        self._interrupted = None
        return [item for item in items if item not in before] if landed else items

    def _stop(self, items: Sequence[Waiting]) -> None:
        told_before = self.state is StoreState.STOPPED
        self._refuse(items, Unavailable("the disk is full", retry_after_s=1.0))
        gap = self._gap
        if self._reserve is not None:
            self._reserve.release()
        if gap is not None and not told_before:
            stopped = Waiting(lambda tx: tx.append(gap_event(tx.now, gap, "stopped")), 1, 0)
            try:
                self._attempt([stopped], os.urandom(16), gap=None)
            except (*WORLD, Unavailable):
                self.abandon()
        self.state = StoreState.STOPPED


def _work_through(batch: Batch, items: Sequence[Waiting]) -> None:
    for item in items:
        batch.begin()
        try:
            item.result, item.error = item.work(batch), None
        except WORLD:
            raise
        except Exception as error:  # noqa: BLE001 - it belongs to the caller whose work it is
            batch.undo()
            item.error = error
        else:
            batch.keep()


def _follows(connection: apsw.Connection, head: Head, seen: Head) -> bool:
    if head.size == seen.size:
        return head.chain == seen.chain and head.peaks == seen.peaks
    return (
        not seen.size
        or connection.execute("SELECT chain FROM event WHERE seq = ?", (seen.size,)).get == seen.chain
    )


def _roll_back(connection: apsw.Connection) -> None:
    # A handle that cannot even do this is closed next, which rolls back as well.
    with suppress(apsw.Error):
        if connection.in_transaction:
            connection.execute("ROLLBACK")
