"""What remit tells of its routes: that one does not work, and that one is only being tried."""

from __future__ import annotations

from remit.core.alert import Action, Alert, Urgency
from remit.core.classify.classification import Class, Team
from remit.core.delivery import ROUTE, TEST
from remit.core.ids import derived_id
from remit.core.notice import visible
from remit.core.types import Severity


def route_alert(route: str, revision: int, why: str, *, urgency: Urgency, since: float, at: float) -> Alert:
    """What the other routes tell of one that does not work.

    Args:
        route: which.
        revision: rises with each message about it.
        why: what it said last, made visible.
        urgency: PAGE where somebody should have been woken by it.
        since: when it began to fail.
        at: now.
    """
    return Alert(
        id=derived_id(route, ROUTE, revision),
        incident=f"{ROUTE}-{route}",
        revision=revision,
        action=Action.TRIGGER,
        team=Team.SRE,
        urgency=urgency,
        title=f"Route {visible(route, 80)} does not deliver: {visible(why, 200)}",
        label=Class.SRE,
        confidence=1.0,
        severity=Severity.HIGH if urgency is Urgency.PAGE else Severity.MEDIUM,
        agent="",
        tool="",
        clauses=(),
        kind=ROUTE,
        first_at=since,
        last_at=at,
        at=at,
        steps=(
            "See what waits: remit routes ls",
            f"When it is mended: remit routes test {visible(route, 80)}",
        ),
        command="remit routes ls",
    )


def tried(route: str, team: Team, at: float) -> Alert:
    """A message that only tries a route, and says so."""
    return Alert(
        id=derived_id(route, TEST, at),
        incident=f"{TEST}-{derived_id(route, TEST, at)}",
        revision=1,
        action=Action.TRIGGER,
        team=team,
        urgency=Urgency.QUEUE,
        title=f"TEST of route {visible(route, 80)}: nothing happened, and nothing is to be done",
        label=Class.UNDETERMINED,
        confidence=0.0,
        severity=Severity.LOW,
        agent="remit-test",
        tool="",
        clauses=(),
        kind=TEST,
        first_at=at,
        last_at=at,
        at=at,
        command="remit routes ls",
    )
