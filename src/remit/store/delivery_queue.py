"""What one route sends next: claimed for a lease, within its rate, the urgent first, each topic from its head.

`SqliteRoute` is to a deliverer what `SqliteOutbox` is. Any number of processes may use one route: what is left of the
rate, since when it fails and who sends what stands in the store, and changes in the transaction that claims.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import apsw

from remit.core.alert import Action, Urgency
from remit.core.classify.classification import Team
from remit.core.delivery import Delivery, as_sent
from remit.core.digest import ended
from remit.core.route_alerts import tried
from remit.core.routes import RouteSettings
from remit.store import deliveries, route_alarm
from remit.store.clock import WallClock
from remit.store.control_rows import only
from remit.store.deliveries import KEPT_S, OPEN, bound_to, decode, known
from remit.store.delivery_digest import merge
from remit.store.outbox import LEASE_S
from remit.store.route_state import MOST_ERROR, STREAK, RouteState, pause_s, save, state_of
from remit.store.transaction import Transaction

if TYPE_CHECKING:
    from remit.store.sqlite import SqliteStore

MOST_DECLINED = 3
"""How often a receiver may say no for good to one message while it takes others, before it is given up."""
MOST_MERGED = 1000
"""Incidents in one digest, so that nobody else waits long for the store."""
_PRUNED = 500

_EARLIER = (
    f"SELECT 1 FROM delivery e WHERE e.route = d.route AND e.topic = d.topic AND e.seq < d.seq AND e.{OPEN}"  # noqa: S608
)
_FIRST = f"NOT EXISTS ({_EARLIER})"
# Each statement repeats the condition of the index that serves it, or SQLite would not use it.
_HEADS = f"""
SELECT d.seq, d.members IS NULL AND coalesce(
         (SELECT t.action FROM delivery t WHERE t.route = d.route AND t.topic = d.topic
          AND t.told_at IS NOT NULL ORDER BY t.seq DESC LIMIT 1), 'resolve') = 'resolve' AS fresh,
       d.sealed IS NULL AS bare
FROM delivery d
WHERE d.route = ? AND d.urgency = ? AND d.{OPEN} AND d.state = 'waiting'
  AND d.action NOT IN ('resolve', 'acknowledge') AND d.due_at <= ? AND {_FIRST}
"""  # noqa: S608 - constants
_ENDS = f"""
SELECT d.seq FROM delivery d WHERE d.route = ? AND d.state = 'waiting' AND d.action IN ('resolve', 'acknowledge')
AND d.due_at <= ? AND {_FIRST} ORDER BY d.due_at, d.seq LIMIT 1
"""  # noqa: S608 - constants
_LEFT = """
SELECT seq FROM delivery WHERE route = ? AND state = 'claimed' AND due_at <= ? ORDER BY due_at, seq LIMIT 1
"""
_TOO_OLD = f"{OPEN} AND told_at IS NULL AND expires_at <= ? AND (state = 'waiting' OR due_at <= ?)"
_ACTIVE = f"""
SELECT seq FROM delivery d WHERE route = ? AND state = 'active' AND due_at <= ?
  AND NOT EXISTS (SELECT 1 FROM delivery e WHERE e.route = d.route AND e.topic = d.topic AND e.{OPEN})
ORDER BY due_at, seq LIMIT 1
"""  # noqa: S608 - constants


@dataclass(frozen=True, slots=True)
class _Step:
    """What to send next."""

    row: int
    bucket: str = ""
    """Whose token it takes."""
    merges: bool = False
    """Not this one, but a digest of all that wait like it."""
    bare: bool = False
    """Of those, only what waits without its words."""


class SqliteRoute:
    """One route of one store, as a deliverer uses it.

    Args:
        store: open, with `deliveries.DDL` among its extensions.
        route: which.
        routes: all of them; the others are told when this one fails.
        lease_s: how long a claim holds.
        clock: only to look cheaply whether anything is due; what counts is the store's.
    """

    def __init__(
        self,
        store: SqliteStore,
        route: RouteSettings,
        routes: Sequence[RouteSettings] = (),
        *,
        lease_s: float = LEASE_S,
        clock: WallClock | None = None,
    ) -> None:
        self.route = route
        self._store = store
        self._others = [other for other in routes if other.name != route.name]
        self._lease_s = lease_s
        self._clock = clock or store.wall_clock

    def claim(self) -> Delivery | None:
        """What is to be sent now, for this caller alone until its lease ends; None where nothing is.

        Raises:
            Unavailable: the store cannot be read or written.
        """
        if not self._store.read(self._any_due):
            return None
        return self._store.transact_now(self._claim, repeated=True)

    def done(self, delivery: Delivery) -> None:
        """It was delivered."""
        self._store.transact_now(lambda tx: self._done(tx, delivery), repeated=True)

    def retry(
        self,
        delivery: Delivery,
        error: str,
        *,
        jitter: float,
        after_s: float | None = None,
        declined: bool = False,
    ) -> None:
        """It was not delivered; try again later, or give up what is refused for good or too old.

        Args:
            delivery: as it was claimed.
            error: why, for people.
            jitter: a number in [0, 1) drawn at random, so that many do not come back together.
            after_s: the least wait that the receiver asked for.
            declined: whether it said no for good.
        """

        def work(tx: Transaction) -> None:
            state = self._failed(tx, delivery, error, jitter, after_s, declined=declined)
            if state is not None:
                save(tx.connection, route_alarm.of_failure(tx, state, self._others))

        self._store.transact_now(work, repeated=True)

    def try_out(self, team: Team) -> Delivery:
        """A test message, claimed at once whatever waits; give it to `done`, or to `withdraw`."""

        def work(tx: Transaction) -> Delivery:
            row = deliveries.add(tx, tried(self.route.name, team, tx.now), self.route.name)
            return self._take(tx, _Step(row))

        return self._store.transact_now(work)

    def over(self, delivery: Delivery) -> Delivery:
        """The end of what a test message began, claimed at once."""

        def work(tx: Transaction) -> Delivery:
            row = deliveries.add(tx, ended(delivery.alert, tx.now), self.route.name)
            return self._take(tx, _Step(row))

        return self._store.transact_now(work)

    def withdraw(self, delivery: Delivery) -> None:
        """Forget a test message that could not be delivered."""
        sql = "DELETE FROM delivery WHERE seq = ? AND alert = ?"

        def work(tx: Transaction) -> None:
            tx.connection.execute(sql, (delivery.row, delivery.id))

        self._store.transact_now(work)

    # Claiming

    def _any_due(self, db: apsw.Connection) -> bool:
        now = max(self._clock(), float(only(db, "SELECT at FROM head")[0]))
        return self._too_old(db, now) or self._next(db, state_of(db, self.route, now), now) is not None

    def _too_old(self, db: apsw.Connection, now: float) -> bool:
        sql = f"SELECT 1 FROM delivery WHERE route = ? AND {_TOO_OLD} LIMIT 1"  # noqa: S608 - a constant
        return bool(db.execute(sql, (self.route.name, now, now)).get)

    def _claim(self, tx: Transaction) -> Delivery | None:
        self._give_up(tx)
        db = tx.connection
        state = state_of(db, self.route, tx.now)
        step = self._next(db, state, tx.now)
        while step is not None and self._end_of_nothing(db, step):
            step = self._next(db, state, tx.now)
        if step is None:
            return None
        save(db, state.spent(step.bucket, 1.0))
        if step.merges:
            urgency = only(db, "SELECT urgency FROM delivery WHERE seq = ?", (step.row,))[0]
            step = replace(step, row=merge(tx, self.route.name, self._heads(urgency, tx.now, step)))
        return self._take(tx, step)

    def _give_up(self, tx: Transaction) -> None:
        """Set aside what waited too long."""
        db, now = tx.connection, tx.now
        db.execute(
            "UPDATE delivery SET state = 'dead',"  # noqa: S608 - a constant
            " last_error = iif(last_error = '', 'nobody delivered it in time', last_error)"
            f" WHERE route = ? AND {_TOO_OLD}",
            (self.route.name, now, now),
        )
        if db.changes():
            state = state_of(db, self.route, now)
            save(db, route_alarm.of_failure(tx, state, self._others, lost="messages waited too long"))

    def _next(self, db: apsw.Connection, state: RouteState, now: float) -> _Step | None:
        if now < state.paused_until:
            return None
        looks: tuple[Callable[[], _Step | None], ...] = (
            lambda: self._within_rate(db, state, Urgency.PAGE, now),
            lambda: self._free(db, now),
            lambda: self._within_rate(db, state, Urgency.QUEUE, now),
            lambda: self._again(db, now),
        )
        return next((step for look in looks if (step := look()) is not None), None)

    def _free(self, db: apsw.Connection, now: float) -> _Step | None:
        """Ends, answers, and what somebody claimed and never finished: no more of them than of beginnings."""
        for sql in (_LEFT, _ENDS):
            found = db.execute(sql, (self.route.name, now)).fetchone()
            if found is not None:
                return _Step(found[0])
        return None

    def _end_of_nothing(self, db: apsw.Connection, step: _Step) -> bool:
        """Give up an end whose beginning was given up: together they can be tried again."""
        topic, action = only(db, "SELECT topic, action FROM delivery WHERE seq = ?", (step.row,))
        if action != Action.RESOLVE or known(db, self.route.name, topic):
            return False
        why = "its beginning was given up"
        db.execute("UPDATE delivery SET state = 'refused', last_error = ? WHERE seq = ?", (why, step.row))
        return True

    def _within_rate(
        self, db: apsw.Connection, state: RouteState, urgency: Urgency, now: float
    ) -> _Step | None:
        """One message; the last token goes to a digest where more than one incident would need it."""
        limited, tokens = self.route.rate_per_h > 0, state.bucket(urgency).tokens
        if limited and tokens < 1.0:
            return None
        sql, of = _HEADS, (self.route.name, urgency.value, now)
        head = db.execute(f"{sql} ORDER BY d.due_at, d.seq LIMIT 1", of).fetchone()
        if head is None:
            return None
        row, fresh, is_bare = head
        last = limited and tokens < 2.0
        merges = fresh and (last or is_bare)
        if merges:
            alike = f"SELECT count(*) FROM ({sql} AND fresh {'' if last else 'AND bare'} LIMIT 2)"  # noqa: S608 - constants
            merges = only(db, alike, of)[0] > 1
        return _Step(row, urgency.value if limited else "", bool(merges), bare=not last)

    def _again(self, db: apsw.Connection, now: float) -> _Step | None:
        found = db.execute(_ACTIVE, (self.route.name, now)).get if self.route.repeat_s else None
        return None if found is None else _Step(int(found))

    def _heads(self, urgency: str, now: float, step: _Step) -> tuple[str, tuple[str | float, ...]]:
        """The statement of all heads that a digest takes in, with its values."""
        sql = f"{_HEADS} AND fresh {'AND bare' if step.bare else ''} ORDER BY d.due_at, d.seq LIMIT {MOST_MERGED}"
        return sql, (self.route.name, urgency, now)

    def _take(self, tx: Transaction, step: _Step) -> Delivery:
        db = tx.connection
        db.execute(
            "UPDATE delivery SET state = 'claimed', due_at = ?, attempts = attempts + 1 WHERE seq = ?",
            (tx.now + self._lease_s, step.row),
        )
        alert_id, topic, attempts, merged, outline, key_id, sealed = only(
            db,
            "SELECT alert, topic, attempts, merged, outline, key_id, sealed FROM delivery WHERE seq = ?",
            (step.row,),
        )
        bound = bound_to(self.route.name, alert_id)
        opened = None if sealed is None else tx.unseal(key_id, sealed, bound)
        told = as_sent(decode(opened or outline), known=known(db, self.route.name, topic), merged=merged)
        return Delivery(alert_id, self.route.name, told, attempts, step.row, step.bucket)

    # What came of it

    def _done(self, tx: Transaction, delivery: Delivery) -> None:
        db, now, row = tx.connection, tx.now, delivery.row
        goes_on = self.route.repeat_s > 0 and delivery.alert.action is not Action.RESOLVE
        db.execute(
            "UPDATE delivery SET state = ?, due_at = ?, last_error = '', told_at = coalesce(told_at, ?),"
            " sealed = iif(?, sealed, NULL) WHERE seq = ? AND state = 'claimed' AND attempts = ?",
            (
                "active" if goes_on else "done",
                now + self.route.repeat_s,
                now,
                goes_on,
                row,
                delivery.attempts,
            ),
        )
        if not db.changes():
            return  # its lease ran out, and somebody else sends it
        db.execute(
            "UPDATE delivery SET state = 'done', sealed = NULL WHERE route = ?1 AND state = 'active' AND seq < ?2"
            " AND topic = (SELECT topic FROM delivery WHERE seq = ?2)",
            (self.route.name, row),
        )
        state = state_of(db, self.route, now)
        if state.failures >= STREAK:
            self._wake(db, now)
        save(db, route_alarm.of_success(tx, state.worked(now), self._others))
        self._prune(db, row, now)

    def _failed(
        self,
        tx: Transaction,
        delivery: Delivery,
        error: str,
        jitter: float,
        after_s: float | None,
        *,
        declined: bool,
    ) -> RouteState | None:
        """Put it back, and return how the route is doing; None where somebody else has it by now."""
        db, now = tx.connection, tx.now
        state = state_of(db, self.route, now)
        wait_s = pause_s(delivery.attempts, jitter=jitter, declined=declined, after_s=after_s or 0.0)
        hopeless = declined and delivery.attempts >= MOST_DECLINED
        db.execute(
            "UPDATE delivery SET due_at = ?, last_error = ?, state = CASE WHEN told_at IS NOT NULL THEN 'active'"
            " WHEN expires_at <= ? THEN 'dead' WHEN ? AND created_at < ? THEN 'refused' ELSE 'waiting' END"
            " WHERE seq = ? AND state = 'claimed' AND attempts = ?",
            (
                *(now + wait_s, error[:MOST_ERROR], now),
                *(hopeless, state.told_at or 0.0, delivery.row, delivery.attempts),
            ),
        )
        if not db.changes():
            return None
        returned = state.spent(delivery.bucket, -1.0)
        return returned.failed(now, error, jitter=jitter, declined=declined, after_s=after_s or 0.0)

    def _wake(self, db: apsw.Connection, now: float) -> None:
        """The receiver is back: what waited for its own failures waits no more."""
        sql = (
            "UPDATE delivery SET due_at = ? WHERE route = ? AND state IN ('waiting', 'active') AND due_at > ?"
        )
        db.execute(sql, (now, self.route.name, now))

    def _prune(self, db: apsw.Connection, row: int, now: float) -> None:
        if row % 64:
            return
        db.execute(
            "DELETE FROM delivery WHERE seq IN (SELECT d.seq FROM delivery d WHERE d.created_at < ?"
            " AND d.state NOT IN ('waiting', 'claimed', 'active', 'merged') AND EXISTS (SELECT 1 FROM delivery r"
            "  WHERE r.route = d.route AND r.topic = d.topic AND r.told_at IS NOT NULL AND r.action = 'resolve'"
            "  AND r.seq >= d.seq) ORDER BY d.seq LIMIT ?)",
            (now - KEPT_S, _PRUNED),
        )
