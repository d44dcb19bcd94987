"""One message for many incidents, where a route takes no more: nothing is lost, and nobody reads ten thousand pages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from remit.core.alert import Action, Alert, Urgency
from remit.core.classify.classification import Class, Evidence, Team
from remit.core.delivery import DIGEST
from remit.core.ids import derived_id
from remit.core.notice import visible
from remit.core.types import Json, Severity

MEMBERS_TOLD = 7
"""Incidents that a digest names; the others it counts."""


@dataclass(frozen=True, slots=True)
class Merged:
    """What a digest says of its incidents."""

    messages: int
    incidents: int
    ended: int
    """Of the incidents, how many have ended already."""


def digest(route: str, team: Team, members: Sequence[Alert], merged: Merged, at: float) -> Alert:
    """One message for many incidents that came faster than their route may tell them.

    Args:
        route: which it is for.
        team: whom it is for.
        members: the latest bare message of each incident, oldest first; one at least.
        merged: how many there are.
        at: when it is made.

    The worst are named, `MEMBERS_TOLD` at most, the others counted:

    >>> from remit.core.route_alerts import tried
    >>> digest("pager", Team.SRE, [tried("pager", Team.SRE, 0.0)] * 19, Merged(19, 19, 0), 9.0).evidence[-1].told
    '… and 12 more'
    """
    worst = sorted(members, key=_rank)
    first = worst[0]
    seed = derived_id(members[0].id, DIGEST, route, str(merged.messages))
    agents = sorted({one.agent for one in members if one.agent})
    return Alert(
        id=seed,
        incident=f"{DIGEST}-{seed}",
        revision=1,
        action=Action.TRIGGER,
        team=team,
        urgency=first.urgency,
        title=_digest_title(first, agents, merged),
        label=_commonest([one.label for one in members]),
        confidence=min(one.confidence for one in members),
        severity=first.severity,
        agent=agents[0] if len(agents) == 1 else "",
        tool="",
        clauses=(),
        kind=DIGEST,
        first_at=min(one.first_at for one in members),
        last_at=max(one.last_at for one in members),
        at=at,
        count=sum(one.count for one in members),
        sessions=sum(one.sessions for one in members),
        evidence=tuple(_named(worst[:MEMBERS_TOLD], merged.incidents)),
        steps=("See them all: remit incidents ls",),
        tenant=first.tenant,
        command="remit incidents ls",
        env=first.env,
    )


def _digest_title(first: Alert, agents: Sequence[str], merged: Merged) -> str:
    whose = f"of {visible(agents[0], 80)}" if len(agents) == 1 else f"of {len(agents)} agents"
    ended = f", {merged.ended} of them over" if merged.ended else ""
    name = "Storm" if first.urgency is Urgency.PAGE else "Digest"
    return f"{name}: {merged.incidents} incidents {whose}{ended}; the worst: {first.title}"


def _named(worst: Sequence[Alert], incidents: int) -> list[Evidence]:
    told = [Evidence(DIGEST, None, 0.0, f"{one.incident}: {one.title}", _facts(one)) for one in worst]
    if incidents > len(worst):
        told.append(Evidence(DIGEST, None, 0.0, f"… and {incidents - len(worst)} more"))
    return told


def _facts(one: Alert) -> Mapping[str, Json]:
    return {
        "incident": one.incident,
        "severity": one.severity.value,
        "class": one.label.value,
        "count": one.count,
    }


def _rank(alert: Alert) -> tuple[bool, int, int]:
    return alert.urgency is not Urgency.PAGE, -list(Severity).index(alert.severity), -alert.count


def _commonest(labels: Sequence[Class]) -> Class:
    return Counter(labels).most_common(1)[0][0]


def ended(alert: Alert, at: float) -> Alert:
    """What tells that the incident of *alert* is over: a digest's, a test's or a route's."""
    title = f"Over: {alert.title}"
    told = replace(
        alert, action=Action.RESOLVE, revision=alert.revision + 1, title=title, at=at, evidence=(), steps=()
    )
    return replace(told, id=derived_id(alert.id, "ended", told.revision))
