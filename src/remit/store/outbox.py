"""Notices that wait: written in the transaction that makes them true, delivered at least once.

The theory. A row is added by the transaction that opens an approval or changes a mode, so a notice exists if
and only if the thing it tells of does. Its id is derived from that thing, so work that runs again adds
nothing. A deliverer *claims* a row for a lease, in one conditional UPDATE, and every claim raises `attempts`;
whoever comes back late finds another number and changes nothing. A lease that runs out is claimed again:
twice in a row is possible, twice at a time is not, as long as one attempt is shorter than its lease.

    waiting ──► claimed ──► done
       ▲           │ failed, or the lease ran out
       └───────────┘ later and later, until it is too old: dead, kept and shown

Of a held call, and of one that ran, a row holds the id only. What the call contains is read from the journal when the
notice is delivered, so that it stands nowhere in the clear, and what was erased meanwhile is not told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from remit.core.approval import ApprovalState, ApprovalStatus
from remit.core.breaker import ModeChange
from remit.core.event import NOTIFIED, Event
from remit.core.ids import derived_id
from remit.core.notice import Notice, held_payload, mode_payload, ran_payload
from remit.core.trial.apart import is_trial
from remit.core.types import Json, Mode
from remit.store import approval_rows
from remit.store.clock import WallClock, wall_clock
from remit.store.control_rows import only
from remit.store.transaction import Transaction

if TYPE_CHECKING:
    from remit.store.sqlite import SqliteStore

DDL = """
CREATE TABLE IF NOT EXISTS outbox (
  id TEXT PRIMARY KEY, kind TEXT NOT NULL, created_at REAL NOT NULL, due_at REAL NOT NULL,
  attempts INTEGER NOT NULL, state TEXT NOT NULL, last_error TEXT NOT NULL, payload BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS outbox_due ON outbox (due_at) WHERE state IN ('waiting', 'claimed');
"""

LEASE_S = 60.0
"""Longer than any attempt: a sink gives up after 5 s, a resolver after 30."""
FIRST_WAIT_S = 2.0
LONGEST_WAIT_S = 3600.0
DECLINED_WAIT_S = 300.0
"""At least, after a receiver said no for good: somebody has to mend something first."""
DEAD_AFTER_S = 3 * 24 * 3600.0
KEPT_S = 100 * 24 * 3600.0
"""How long ended rows stay: they are what makes a second telling of the same thing impossible."""
_MOST_ERROR = 500
_OPEN = "state IN ('waiting', 'claimed')"


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """One notice as it waits or ended."""

    id: str
    kind: str
    created_at: float
    due_at: float
    """Not before; of a claimed one, when its lease ends."""
    attempts: int
    state: str
    """`waiting`, `claimed`, `done` or `dead`."""
    last_error: str


def enqueue(tx: Transaction, kind: str, payload: Mapping[str, Json], *, about: str = "") -> str:
    """Add a notice inside the transaction that makes it true, and return its id.

    Args:
        kind: `held`, `notified`, `trip` or `loosened`.
        payload: what it tells. Of a held call only `approval_id` is kept, of one that ran only `event_id`: the rest
            is in the journal.
        about: id of the thing that it tells of, which is told once; without one, the payload itself.
    """
    kept = {"approval_id": payload["approval_id"]} if kind == "held" else dict(payload)
    encoded = msgspec.json.encode(kept, order="deterministic")
    notice_id = derived_id(about or str(kept.get("approval_id") or encoded), "notice", kind)
    tx.connection.execute(
        "INSERT OR IGNORE INTO outbox VALUES (?, ?, ?, ?, 0, 'waiting', '', ?)",
        (notice_id, kind, tx.now, tx.now, encoded),
    )
    return notice_id


def tell_held(tx: Transaction, asked: ApprovalStatus) -> None:
    """Tell people of an open question: once, however often it is asked, and never of one that ended."""
    if asked.state is ApprovalState.PENDING and not is_trial(asked.tenant):
        enqueue(tx, "held", {"approval_id": asked.id})


def tell_ran(tx: Transaction, event: Event) -> None:
    """Tell people of a call that ran, where *event* is the one that says so; once for each call."""
    if event.kind == NOTIFIED and not is_trial(event.tenant):
        enqueue(tx, NOTIFIED, {"event_id": event.id}, about=event.id)


def tell_change(tx: Transaction, change: ModeChange) -> None:
    """Tell people that a mode changed; nothing where they would see no difference, or PROBATION began."""
    stricter = change.after.strictness > change.before.strictness
    if stricter and change.after.strictness < Mode.SUPERVISED.strictness:
        return
    if change.before is change.after and not change.break_glass:
        return
    if is_trial(change.scope.tenant):
        return
    payload = {
        "scope": change.scope.id,
        "tenant": change.scope.tenant,
        "agent": change.scope.agent,
        "from": change.before.value,
        "to": change.after.value,
        "reason": change.reason,
        "at": change.at,
        "actors": list(change.actors),
        "sessions": list(change.sessions),
        "break_glass": change.break_glass,
    }
    enqueue(tx, "trip" if stricter else "loosened", payload, about=change.event_id)


class SqliteOutbox:
    """The outbox of one store, as a deliverer uses it; any number of them may run.

    Args:
        store: open, with `DDL` among its extensions.
        lease_s: how long a claim holds.
        clock: only to look cheaply whether anything is due; what counts is the store's.
    """

    def __init__(
        self, store: SqliteStore, *, lease_s: float = LEASE_S, clock: WallClock = wall_clock
    ) -> None:
        self._store = store
        self._lease_s = lease_s
        self._clock = clock

    def claim(self) -> Notice | None:
        """The notice that is due longest, for this caller alone until its lease ends; None where none is due.

        Raises:
            Unavailable: the store cannot be read or written.
        """
        if not self._any_due():
            return None
        found = self._store.transact_now(self._claim, repeated=True)
        if found is None:
            return None
        notice_id, kind, attempts, stored = found
        told = self._told(kind, stored)
        return Notice(notice_id, kind, attempts, {"id": notice_id, **told})

    def retry(
        self,
        notice: Notice,
        error: str,
        *,
        jitter: float,
        after_s: float | None = None,
        declined: bool = False,
    ) -> None:
        """It was not delivered; try again later, or give up on one that is too old.

        Args:
            error: why, for people.
            jitter: a number in [0, 1) drawn at random, so that many notices do not come back together.
            after_s: the least wait that the sink asked for.
            declined: whether the receiver said no for good: it is tried seldom.
        """
        least_s = max(after_s or 0.0, DECLINED_WAIT_S) if declined else after_s
        wait_s = wait_before(notice.attempts + 1, jitter=jitter, after_s=least_s)

        def work(tx: Transaction) -> None:
            tx.connection.execute(
                "UPDATE outbox SET state = iif(created_at <= ?, 'dead', 'waiting'), due_at = ?,"
                " last_error = ? WHERE id = ? AND state = 'claimed' AND attempts = ?",
                (tx.now - DEAD_AFTER_S, tx.now + wait_s, error[:_MOST_ERROR], notice.id, notice.attempts),
            )

        self._store.transact_now(work, repeated=True)

    def rows(self, *states: str) -> list[OutboxRow]:
        """Notices in these states, oldest first; all where none is named."""
        where = f"WHERE state IN ({','.join('?' * len(states))})" if states else ""
        sql = (
            "SELECT id, kind, created_at, due_at, attempts, state, last_error FROM outbox"  # noqa: S608 - question marks
            f" {where} ORDER BY created_at, id"
        )
        return self._store.read(lambda db: [OutboxRow(*row) for row in db.execute(sql, states)])

    def counts(self) -> dict[str, int]:
        """How many notices are in each state."""
        sql = "SELECT state, count(*) FROM outbox GROUP BY state"
        found: dict[str, int] = self._store.read(lambda db: dict(db.execute(sql).fetchall()))  # type: ignore[arg-type]
        return {state: found.get(state, 0) for state in ("waiting", "claimed", "done", "dead")}

    def _any_due(self) -> bool:
        sql = f"SELECT (SELECT min(due_at) FROM outbox WHERE {_OPEN}), (SELECT at FROM head)"  # noqa: S608 - a constant
        due, seen = self._store.read(lambda db: only(db, sql))
        return due is not None and due <= max(self._clock(), seen)

    def _claim(self, tx: Transaction) -> tuple[str, str, int, bytes] | None:
        db, now = tx.connection, tx.now
        db.execute(
            "UPDATE outbox SET state = 'dead',"  # noqa: S608 - a constant
            " last_error = iif(last_error = '', 'nobody delivered it in time', last_error)"
            f" WHERE {_OPEN} AND due_at <= ? AND created_at <= ?",
            (now, now - DEAD_AFTER_S),
        )
        due: list[tuple[Any, ...]] = db.execute(
            f"SELECT id, kind, attempts, payload FROM outbox WHERE {_OPEN} AND due_at <= ?"  # noqa: S608 - a constant
            " ORDER BY due_at, id LIMIT 1",
            (now,),
        ).fetchall()
        if not due:
            return None
        notice_id, kind, attempts, payload = due[0]
        db.execute(
            "UPDATE outbox SET state = 'claimed', due_at = ?, attempts = attempts + 1 WHERE id = ?",
            (now + self._lease_s, notice_id),
        )
        return notice_id, kind, attempts + 1, payload

    def done(self, notice: Notice) -> None:
        """It was delivered."""

        def work(tx: Transaction) -> None:
            db = tx.connection
            db.execute(
                "UPDATE outbox SET state = 'done', last_error = ''"
                " WHERE id = ? AND state = 'claimed' AND attempts = ?",
                (notice.id, notice.attempts),
            )
            db.execute(
                "DELETE FROM outbox WHERE state IN ('done', 'dead') AND created_at < ?", (tx.now - KEPT_S,)
            )

        self._store.transact_now(work, repeated=True)

    def _told(self, kind: str, stored: bytes) -> dict[str, Json]:
        if kind == "held":
            return self._held(stored)
        content = msgspec.json.decode(stored)
        if kind != NOTIFIED:
            return mode_payload(kind, content)
        found = self._store.event(str(content["event_id"]))
        assert found is not None, content  # noqa: S101 - one transaction wrote both
        return ran_payload(found.event, found.at)

    def _held(self, stored: bytes) -> dict[str, Json]:
        approval_id = str(msgspec.json.decode(stored)["approval_id"])
        asked = self._store.read(lambda db: approval_rows.status(db, approval_id))
        assert asked is not None, approval_id  # noqa: S101 - one transaction wrote both
        found = self._store.event(asked.event_id)
        return held_payload(asked, {} if found is None else found.event.body)


def wait_before(attempt: int, *, jitter: float, after_s: float | None = None) -> float:
    """Seconds before the *attempt*-th try: doubling from 2 s to an hour, of which half is drawn.

    >>> [wait_before(n, jitter=1.0) for n in (2, 3, 4)], wait_before(2, jitter=0.0)
    ([2.0, 4.0, 8.0], 1.0)
    """
    whole = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** min(max(attempt - 2, 0), 30))
    return max(whole * (0.5 + 0.5 * jitter), min(after_s or 0.0, LONGEST_WAIT_S))
