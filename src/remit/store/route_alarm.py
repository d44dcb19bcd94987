"""A route that fails is itself worth telling: by the other routes, once, and its end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import apsw

from remit.core.alert import Urgency
from remit.core.digest import ended
from remit.core.route_alerts import route_alert
from remit.core.routes import RouteSettings
from remit.store.deliveries import OPEN, enqueue
from remit.store.route_state import RouteState
from remit.store.transaction import Transaction

ALARM_AFTER_S = 900.0
"""How long a route may fail before others are told."""


def of_failure(
    tx: Transaction, state: RouteState, others: Sequence[RouteSettings], *, lost: str = ""
) -> RouteState:
    """Tell the others of a route that fails for long, or gave something up; again where a page begins to wait.

    Args:
        tx: the transaction.
        state: of the route, this failure counted.
        others: the other routes.
        lost: what was given up; empty where nothing was.
    """
    since = tx.now if state.failing_since is None else state.failing_since
    gone = lost or _refused(tx.connection, state.route)
    if not others or not (gone or tx.now - since >= ALARM_AFTER_S):
        return state
    urgency = Urgency.PAGE if _page_waits(tx.connection, state.route) else Urgency.QUEUE
    if state.alarmed in (urgency, Urgency.PAGE):
        return state
    why = state.last_error or gone
    told = route_alert(state.route, state.alarm + 1, why, urgency=urgency, since=since, at=tx.now)
    enqueue(tx, told, others)
    return replace(state, alarm=state.alarm + 1, alarmed=urgency.value)


def of_success(tx: Transaction, state: RouteState, others: Sequence[RouteSettings]) -> RouteState:
    """Tell the others that it works again, if they were told that it does not."""
    if not state.alarmed or _refused(tx.connection, state.route):
        return state
    told = route_alert(state.route, state.alarm, "", urgency=Urgency(state.alarmed), since=tx.now, at=tx.now)
    over = replace(ended(told, tx.now), title=f"Route {state.route} delivers again")
    enqueue(tx, over, others)
    return replace(state, alarm=over.revision, alarmed="")


def _refused(db: apsw.Connection, route: str) -> str:
    sql = "SELECT last_error FROM delivery WHERE route = ? AND state IN ('refused', 'dead') ORDER BY seq DESC LIMIT 1"
    found = db.execute(sql, (route,)).fetchone()
    return "" if found is None else f"a message was given up: {found[0]}"


def _page_waits(db: apsw.Connection, route: str) -> bool:
    sql = f"SELECT 1 FROM delivery WHERE route = ? AND urgency = 'page' AND {OPEN} LIMIT 1"  # noqa: S608 - a constant
    return bool(db.execute(sql, (route,)).get)
