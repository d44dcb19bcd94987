"""What waits on each route and how it is doing, for people; and trying again what was given up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import apsw

from remit.core.alert import Urgency
from remit.core.routes import RouteSettings
from remit.store.deliveries import DEAD_AFTER_S, OPEN
from remit.store.route_state import RouteState, save, state_of
from remit.store.transaction import Transaction

GIVEN_UP = ("refused", "dead")


@dataclass(frozen=True, slots=True)
class RouteView:
    """One route, as of one instant."""

    state: RouteState
    counts: dict[str, int] = field(default_factory=dict)
    """Messages by state."""
    oldest_at: float | None = None
    """When the longest waiting message was made."""
    page_due_in_s: float = 0.0
    """Seconds until its rate lets a page leave."""
    queue_due_in_s: float = 0.0
    """The same for anything else."""
    last_given_up: str = ""
    """Why the last message was given up."""

    @property
    def waiting(self) -> int:
        """Messages that are still to be delivered."""
        return self.counts.get("waiting", 0) + self.counts.get("claimed", 0)

    @property
    def given_up(self) -> int:
        """Messages that were refused for good, or waited too long."""
        return sum(self.counts.get(state, 0) for state in GIVEN_UP)


def views(db: apsw.Connection, routes: Sequence[RouteSettings], now: float) -> list[RouteView]:
    """Every route that is set, in order, then those that are not any more and for which messages wait."""
    counts: dict[str, dict[str, int]] = {}
    for route, state, n in db.execute("SELECT route, state, count(*) FROM delivery GROUP BY route, state"):
        counts.setdefault(str(route), {})[str(state)] = int(n)
    names = [route.name for route in routes]
    gone = [
        RouteSettings(name, "", teams=())
        for name, by_state in sorted(counts.items())
        if name not in names and {"waiting", "claimed"} & by_state.keys()
    ]
    return [_view(db, route, counts.get(route.name, {}), now) for route in (*routes, *gone)]


def _view(db: apsw.Connection, route: RouteSettings, counts: dict[str, int], now: float) -> RouteView:
    state = state_of(db, route, now)
    oldest = f"SELECT min(created_at) FROM delivery WHERE route = ? AND {OPEN}"  # noqa: S608 - a constant
    why = "SELECT last_error FROM delivery WHERE route = ? AND state IN ('refused', 'dead') ORDER BY seq DESC LIMIT 1"
    due = [
        state.bucket(urgency.value).due_in(route.rate_per_h) if route.rate_per_h else 0.0
        for urgency in Urgency
    ]
    return RouteView(
        state,
        counts,
        db.execute(oldest, (route.name,)).get,
        due[list(Urgency).index(Urgency.PAGE)],
        due[list(Urgency).index(Urgency.QUEUE)],
        db.execute(why, (route.name,)).get or "",
    )


def again(tx: Transaction, route: RouteSettings) -> int:
    """Try once more what was given up, and at once what waits for its receiver; how many were given up.

    What newer messages have made wrong meanwhile stays as it is.
    """
    db, now = tx.connection, tx.now
    db.execute(
        "UPDATE delivery SET state = 'superseded' WHERE route = ?1 AND state IN ('refused', 'dead') AND EXISTS"
        " (SELECT 1 FROM delivery t WHERE t.route = ?1 AND t.topic = delivery.topic AND t.told_at IS NOT NULL"
        "  AND t.seq > delivery.seq)",
        (route.name,),
    )
    db.execute(
        "UPDATE delivery SET state = 'waiting', due_at = ?, expires_at = ?"
        " WHERE route = ? AND state IN ('refused', 'dead')",
        (now, now + DEAD_AFTER_S, route.name),
    )
    revived = db.changes()
    db.execute(
        "UPDATE delivery SET due_at = ? WHERE route = ? AND state = 'waiting' AND due_at > ?",
        (now, route.name, now),
    )
    save(db, replace(state_of(db, route, now), failures=0, paused_until=0.0))
    return revived
