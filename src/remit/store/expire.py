"""Retention: destroy the data keys whose events are all older than they may become, and say so in the journal.

The theory. A key with a `retain_s` encrypts events before `until` only, so from `until + retain_s` on all of them
are old enough. Only its wrapped secret is destroyed, in the transaction that appends the event which names it;
ciphertexts and hashes stay, so the proofs go on holding. The ciphertexts of blobs say nothing any more and are
deleted a few at a time, since a period may have millions.

What is old is told by the host's clock as it is now, not by the store's, which never goes back: a clock that
once ran ahead must not shorten anything. A row that does not open was altered: its times are not believed, and
`verify` tells.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import apsw

from remit.core.event import Event
from remit.store.batch import Batch
from remit.store.clock import WallClock, uuid7
from remit.store.connection import BUSY_S
from remit.store.waiting import Waiting

EXPIRED = "journal.expired"
"""The kind of the event that records it; its body names the keys, what they were kept for and their period's end."""

_MOST_KEYS = 1000
_MOST_PAYLOADS = 1000
"""Destroyed and deleted in one transaction, so that others do not wait for long."""
_LOOK_S = 3600.0
"""A key lives for longer than this, so whoever looks as often sees each before it is due."""
_GO_ON_S = 1.0
_TRY_S = 60.0

_LIVING = "wrapped IS NOT NULL AND retain_s IS NOT NULL"


@dataclass(frozen=True, slots=True)
class ExpiredPeriod:
    """The keys of one tenant, length of retention and period."""

    tenant: str
    retain_s: float
    until: float
    """End of the period: all its events are older."""
    keys: int


@dataclass(frozen=True, slots=True)
class Expired:
    """What was destroyed."""

    periods: tuple[ExpiredPeriod, ...] = ()
    payloads: int = 0
    """Stored texts that were deleted."""
    altered: int = 0
    """Keys that are due and do not open: they stay, and `verify` names them."""
    more: bool = False
    """Whether there is more to do at once."""

    def __add__(self, later: Expired) -> Expired:
        keys: Counter[tuple[str, float, float]] = Counter()
        for one in (*self.periods, *later.periods):
            keys[one.tenant, one.retain_s, one.until] += one.keys
        periods = tuple(ExpiredPeriod(*period, count) for period, count in keys.items())
        return Expired(periods, self.payloads + later.payloads, later.altered, later.more)


def due(database: apsw.Connection, at: float) -> bool:
    """Whether there is anything to destroy or delete at the instant *at*."""
    sql = (
        "SELECT EXISTS (SELECT 1 FROM sweep) OR EXISTS"  # noqa: S608 - a constant
        f" (SELECT 1 FROM data_key WHERE {_LIVING} AND until + retain_s <= ?)"
    )
    return bool(database.execute(sql, (at,)).get)


def next_look(database: apsw.Connection, at: float, done: Expired) -> float:
    """When to look again, after *done* at the instant *at*."""
    if done.more:
        return at + _GO_ON_S
    sql = f"SELECT min(until + retain_s) FROM data_key WHERE {_LIVING} AND until + retain_s > ?"  # noqa: S608 - a constant
    first = database.execute(sql, (at,)).get
    return at + _LOOK_S if first is None else min(float(first), at + _LOOK_S)


def expire(batch: Batch, at: float) -> Expired:
    """Destroy the keys that are due at the instant *at*, inside a transaction; no more than others can wait for."""
    database = batch.connection
    sql = (
        "SELECT tenant, retain_s, until, key_id, wrapped, subject FROM data_key"  # noqa: S608 - a constant
        f" WHERE {_LIVING} AND until + retain_s <= ? ORDER BY until + retain_s LIMIT {_MOST_KEYS}"
    )
    found: list[Any] = database.execute(sql, (at,)).fetchall()
    periods: dict[tuple[str, float, float], list[bytes]] = {}
    for tenant, retain_s, until, key_id, wrapped, subject in found:
        if batch.keyring.opens(key_id, wrapped, tenant, subject, retain_s, until):
            periods.setdefault((tenant, retain_s, until), []).append(bytes(key_id))
    if periods:
        batch.keyring.forget()
        batch.note_erasure()
    for period, key_ids in periods.items():
        _destroy(batch, *period, key_ids)
    payloads = _sweep(database)
    left = bool(database.execute("SELECT EXISTS (SELECT 1 FROM sweep)").get)
    told = (ExpiredPeriod(*period, len(key_ids)) for period, key_ids in periods.items())
    altered = len(found) - sum(map(len, periods.values()))
    more = left or (len(found) == _MOST_KEYS and bool(periods))
    return Expired(tuple(told), payloads, altered, more)


def empty_log(connection: apsw.Connection, *, wait_s: float) -> bool:
    """Cut the WAL, which still holds what was destroyed; False where a reader stands in the way for *wait_s*."""
    connection.set_busy_timeout(int(wait_s * 1000))
    try:
        connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    except apsw.Error:
        return False
    finally:
        connection.set_busy_timeout(int(BUSY_S * 1000))
    return True


class Expiry:
    """When this process looks for what is due, and what it destroyed. The holder of the lead calls it."""

    def __init__(self, clock: WallClock) -> None:
        self._clock = clock
        self._looked_at, self._look_at = math.inf, -math.inf
        self._cut_at: float | None = None
        """When to cut the WAL, where it holds a destroyed key."""
        self.done = Expired()

    def begin(self, connection: apsw.Connection) -> Waiting | None:
        """The work that destroys what is due, for the transaction at hand; None mostly."""
        at = self._clock()
        # A clock that was set back is no reason not to look for as long.
        if self._looked_at <= at < self._look_at:
            return None
        if not due(connection, at):
            self._looked_at, self._look_at = at, next_look(connection, at, Expired())
            return None

        def work(batch: Batch) -> tuple[float, Expired, float]:
            done = expire(batch, at)
            return at, done, next_look(batch.connection, at, done)

        return Waiting(work, 0, 0)

    def end(self, connection: apsw.Connection, item: Waiting | None) -> None:
        """The transaction is committed."""
        if item is not None:
            at = self._clock()
            # What failed is told by `remit journal expire`; others go on writing.
            self._looked_at, done, self._look_at = item.result or (at, Expired(), at + _LOOK_S)
            self.add(done)
            if done.periods:
                self._cut_at = -math.inf
        if self._cut_at is not None and self._cut_at <= self._clock():
            self._cut_at = None if empty_log(connection, wait_s=0) else self._clock() + _TRY_S

    def add(self, done: Expired) -> None:
        """Count what was destroyed."""
        self.done += done


def _destroy(batch: Batch, tenant: str, retain_s: float, until: float, key_ids: Iterable[bytes]) -> None:
    database = batch.connection
    body = {"retain_s": retain_s, "until": until, "keys": [key_id.hex() for key_id in key_ids]}
    seq = batch.append(Event(uuid7(batch.now), "", EXPIRED, "", "", body, tenant))
    for key_id in key_ids:
        database.execute("UPDATE data_key SET wrapped = NULL, erased = ? WHERE key_id = ?", (seq, key_id))
        database.execute("INSERT OR IGNORE INTO sweep VALUES (?)", (key_id,))


def _sweep(database: apsw.Connection) -> int:
    """Delete stored texts under destroyed keys, and forget the keys of which none are left."""
    left = _MOST_PAYLOADS
    for (key_id,) in database.execute("SELECT key_id FROM sweep LIMIT ?", (_MOST_KEYS,)).fetchall():
        # Whoever wrote a living key into `sweep` has not made us delete what it encrypts.
        database.execute(
            "DELETE FROM payload WHERE rowid IN (SELECT rowid FROM payload WHERE key_id = ?1 LIMIT ?2)"
            " AND (SELECT wrapped FROM data_key WHERE key_id = ?1) IS NULL",
            (key_id, left),
        )
        left -= database.changes()
        if not left:
            break
        database.execute("DELETE FROM sweep WHERE key_id = ?", (key_id,))
    return _MOST_PAYLOADS - left
