"""Alerts, routes and a clock for the tests of deliveries."""

from __future__ import annotations

from dataclasses import replace

from remit.core.alert import Action, Alert, Urgency
from remit.core.classify.classification import Class, Evidence, Team
from remit.core.errors import Unavailable
from remit.core.routes import RouteSettings
from remit.core.types import Severity
from remit.store import deliveries
from remit.store.delivery_queue import SqliteRoute

PAGER = RouteSettings("pager", "pagerduty", teams=(Team.SRE,))
LIMITED = RouteSettings("chat", "slack", teams=(Team.SRE,), rate_per_h=60.0, burst=10)
SIEM = RouteSettings("siem", "ocsf", teams=(Team.SECURITY,))


class Clock:
    def __init__(self) -> None:
        self.at = 1_000_000.0

    def __call__(self) -> float:
        return self.at


def alert(
    incident="i-1", revision=1, action=Action.TRIGGER, *, team=Team.SRE, urgency=Urgency.QUEUE, **other
):
    said = Alert(
        f"{team}-{incident}-{revision}", incident, revision, action, team, urgency,
        f"clerk: pay refused {revision} times", Class.SRE, 0.9, Severity.MEDIUM, "clerk", "pay", ("pay.ceiling",),
        "denied", 1.0, 2.0, 2.0, evidence=(Evidence("content.values", Class.SECURITY, 0.9, "DE-SECRET-IBAN"),),
    )  # fmt: skip
    return replace(said, **other)


def put(store, *alerts, routes=(PAGER,), **options):
    """Enqueue all in one transaction; how many rows wait."""
    return store.transact_now(
        lambda tx: sum(deliveries.enqueue(tx, one, routes, **options) for one in alerts)
    )


def take(route: SqliteRoute):
    """Claim and deliver all that may leave now; what left."""
    told = []
    while (found := route.claim()) is not None:
        route.done(found)
        told.append(found.alert)
    return told


def fail(route: SqliteRoute, error="siem: 503", **options):
    """One failed attempt; what was tried."""
    found = route.claim()
    assert found is not None, "nothing is due"
    route.retry(found, str(Unavailable(error)), jitter=1.0, **options)
    return found


def states(store):
    """How many rows are in each state."""
    sql = "SELECT state, count(*) FROM delivery GROUP BY state ORDER BY state"
    return dict(store.read(lambda db: db.execute(sql).fetchall()))


def told(alerts):
    """Incident and action of each."""
    return [(one.incident, one.action.value) for one in alerts]
