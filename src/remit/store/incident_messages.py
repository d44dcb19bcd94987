"""The messages that follow from changes of incidents, with what the store knows beside: mode, people, the change.

A message quotes one anomaly only, and says whose data that is: it is sealed under that key wherever it waits, so
that erasing a person erases what waits about them, too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import apsw

from remit.core import breaker
from remit.core.alert import Alert
from remit.core.change import Change
from remit.core.classify.change_told import described
from remit.core.classify.work import Done
from remit.core.incident import Incident, Member
from remit.core.incident_alerts import Shown, alerts
from remit.core.incident_rules import wakes
from remit.core.next_steps import Basis, named_change
from remit.core.scope import scopes_of
from remit.core.types import Mode
from remit.store import control_breaker
from remit.store.incidents import IncidentChange
from remit.store.transaction import Transaction


@dataclass(frozen=True, slots=True)
class IncidentMessage:
    """One alert, and whose data it holds."""

    alert: Alert
    subject: str = ""
    retain_s: float | None = None


@dataclass(frozen=True, slots=True)
class MessagePlace:
    """What messages say of where remit runs."""

    env: str = ""
    url: str = ""
    """Of the console, without a slash at its end; empty where there is none."""
    changes: Callable[[str], Change | None] = lambda _id: None
    """The change with an id."""


NOWHERE = MessagePlace()


def messages(
    tx: Transaction,
    changes: Sequence[IncidentChange],
    place: MessagePlace = NOWHERE,
    done: Mapping[str, Done] | None = None,
) -> list[IncidentMessage]:
    """The messages that follow from changes of incidents.

    Args:
        tx: what it reads stands in the same transaction.
        changes: as `Incidents.changes` has them.
        place: where remit runs.
        done: classifications by anomaly, of which a message may quote one.
    """
    return [message for one in changes if one.told for message in _of_change(tx, one, place, done or {})]


def _of_change(
    tx: Transaction, changed: IncidentChange, place: MessagePlace, done: Mapping[str, Done]
) -> list[IncidentMessage]:
    incident = changed.after
    one = _shown(incident, changed.members, done)
    change = place.changes(incident.change) if incident.change else None
    evidence = (*(one.found.evidence if one else ()), *changed.evidence)
    if change is None and incident.change:
        change = named_change(evidence, incident.change, incident.agent)
    basis = Basis(
        incident,
        one.case.anomaly if one else (incident.anomalies[0] if incident.anomalies else ""),
        one.standing if one else None,
        changed.evidence,
        change,
        mode_of(tx.connection, incident, tx.now),
    )
    found = alerts(
        incident,
        changed.told,
        tx.now,
        shown=Shown(one.case, one.standing) if one else None,
        basis=basis,
        change=described(change) if change else "",
        url=f"{place.url}/incidents/{incident.id}" if place.url else "",
        env=place.env,
    )
    event = one.pending.stored.event if one else None
    subject, retain_s = (event.subject, event.retain_s) if event is not None else ("", None)
    return [IncidentMessage(alert, subject, retain_s) for alert in found]


def _shown(incident: Incident, members: Sequence[Member], done: Mapping[str, Done]) -> Done | None:
    """The anomaly that stands for the incident: one that wakes people, of its class, the surest, the first."""
    here = [done[one.anomaly] for one in members if one.anomaly in done]
    return min(
        here,
        key=lambda one: (
            not wakes(one.case, one.standing.label),
            one.standing.label is not incident.label,
            -one.found.confidence,
            one.case.at,
            one.case.anomaly,
        ),
        default=None,
    )


def mode_of(connection: apsw.Connection, incident: Incident, now: float) -> Mode | None:
    """The agent's autonomy now; None where the incident is of no agent."""
    if not incident.agent:
        return None
    rows = control_breaker.load(connection, scopes_of(incident.tenant, incident.agent))
    return breaker.strictest(breaker.current(row.state, now) for row in rows.values())
