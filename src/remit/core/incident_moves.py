"""How an incident changes: an anomaly comes in, is classified anew, the evidence moves it, it grows quiet.

Pure: an incident and a fact in, an incident out. Whom to tell follows from the two alone (`incident_told.told`), so
that a batch of ten thousand anomalies is folded first and told of once. What people do is in `incident_acts`.
"""

from __future__ import annotations

from dataclasses import replace

from remit.core.alert import Urgency
from remit.core.anomaly import worst
from remit.core.classify.case import Case
from remit.core.classify.classification import Class, Classification, Team
from remit.core.incident import (
    LONG_QUIET_S,
    MOST_SHOWN,
    QUIET_S,
    REOPEN_S,
    STALE_S,
    STORM_COUNT,
    Incident,
    Member,
    Standing,
    incident_id,
    member_of,
)
from remit.core.incident_parts import PAGES, into, moved, parts_of_both
from remit.core.incident_rules import route, teams_of, wakes, weighs
from remit.core.incident_signals import Signal
from remit.core.incident_sums import added, classed, counted, grown, named, recent


def absorb(
    incident: Incident | None,
    case: Case,
    classification: Classification,
    at: float,
    *,
    was: Member | None = None,
    fresh_session: bool = True,
    by_person: bool = False,
) -> Incident:
    """The incident once one anomaly is in it, or is classified anew.

    Args:
        incident: as it stands; None where no incident has the anomaly or its key.
        case: the anomaly.
        classification: what it is now.
        at: the store's clock.
        was: how it counts in *incident* so far; None where it does not.
        fresh_session: whether no other member is of its session.
        by_person: whether a person said what it is.
    """
    member = member_of(case, classification, was, by_person=by_person)
    reasons = (wakes(case, member.label), _storm_of(incident, case, member.label))
    if at - case.at > STALE_S:
        reasons = ("", "")
    if was is not None and incident is not None:
        news = "" if wakes(case, was.label) else reasons[0]
        return incident if member == was else _again(incident, was, member, at, news)
    base = _standing(incident, member, reasons, at)
    more = grown(base, member, case, fresh_session=fresh_session)
    return moved(base, _called(more, member, reasons), at, reasons)


def receive(incident: Incident | None, signal: Signal, at: float) -> Incident:
    """The incident once a trip or a drift alarm is in it; each is in one once, which the caller knows."""
    member, reasons = signal.member, (signal.pages,) if at - signal.at <= STALE_S else ()
    base = _standing(incident, member, reasons, at, tenant=signal.tenant, agent=signal.agent)
    more = counted(
        base,
        member,
        1,
        signals=base.signals + 1,
        severity=worst([base.severity, signal.severity]),
        clauses=named(base.clauses, signal.clause),
        tools=named(base.tools, signal.tool),
        first_at=min(base.first_at, signal.at),
        last_at=max(base.last_at, signal.at),
    )
    return moved(base, more, at, reasons)


def ended(incident: Incident, at: float) -> Incident:
    """The incident, closed where nothing came for long; itself where not."""
    taken = incident.urgency is Urgency.PAGE or any(p.taken for p in incident.parts)
    quiet = LONG_QUIET_S if taken else QUIET_S
    if not incident.open or at - incident.active_at < quiet:
        return incident
    parts = tuple(into(p, Standing.RESOLVED, at) if p.active else p for p in incident.parts)
    return replace(incident, parts=parts, closed_at=at)


def merged(older: Incident, younger: Incident, sessions: int, at: float) -> tuple[Incident, Incident]:
    """Both, once the younger one's members are the older one's.

    Args:
        older: which stays.
        younger: which ends.
        sessions: of both together, each once.
        at: the store's clock.
    """
    both = replace(
        older,
        origins=added(older.origins, younger.origins),
        changes=added(older.changes, younger.changes),
        classes=added(older.classes, younger.classes),
        milli=added(older.milli, younger.milli),
        people=added(older.people, younger.people),
        leads=added(older.leads, younger.leads),
        said=added(older.said, younger.said),
        parts=parts_of_both(older.parts, younger.parts),
        first_at=min(older.first_at, younger.first_at),
        last_at=max(older.last_at, younger.last_at),
        severity=worst([older.severity, younger.severity]),
        urgency=max(older.urgency, younger.urgency, key=PAGES.index),
        reasons=tuple(dict.fromkeys(older.reasons + younger.reasons)),
        count=older.count + younger.count,
        sessions=sessions,
        signals=older.signals + younger.signals,
        clauses=named(older.clauses, *younger.clauses),
        tools=named(older.tools, *younger.tools),
        also=tuple(sorted({*older.also, *younger.also})),
        first=tuple(sorted({*older.first, *younger.first})[:MOST_SHOWN]),
        recent=recent((*older.recent, *younger.recent)),
        ran=older.ran or younger.ran,
        keys=tuple(dict.fromkeys(older.keys + younger.keys)),
    )
    parts = tuple(into(p, Standing.RESOLVED, at) if p.active else p for p in younger.parts)
    ended_one = replace(younger, parts=parts, closed_at=at, into=older.id, keys=(), active_at=at)
    return moved(older, classed(both), at, ()), ended_one


# ------------------------------------------------------------------------------------------------ one member more
def _standing(
    incident: Incident | None,
    member: Member,
    reasons: tuple[str, ...],
    at: float,
    *,
    tenant: str = "",
    agent: str = "",
) -> Incident:
    """The incident that a new member belongs to: this one, open or quietly closed, or opened again, or another."""
    if incident is None or _too_late(incident, member):
        return _opened(incident, member, at, tenant, agent)
    if incident.open:
        return incident
    known = {"", *incident.reasons}.issuperset(reasons)
    if incident.closed_at is not None and member.at <= incident.closed_at and known:
        return incident  # it was on its way when somebody ended it
    return opened_again(incident, at)


def _too_late(incident: Incident, member: Member) -> bool:
    return incident.closed_at is not None and member.at > incident.closed_at + REOPEN_S


def _opened(former: Incident | None, member: Member, at: float, tenant: str, agent: str) -> Incident:
    return Incident(
        id=incident_id(member.key, member.anomaly),
        key=member.key,
        tenant=tenant,
        agent=agent,
        kind=member.kind,
        first_at=member.at,
        last_at=member.at,
        opened_at=at,
        active_at=at,
        session=member.session,
        former=former.id if former is not None else "",
        keys=former.keys if former is not None else (),
    )


def opened_again(incident: Incident, at: float) -> Incident:
    """It goes on: nobody was woken in this opening yet, and a storm begins anew."""
    parts = tuple(p for p in incident.parts if p.state is not Standing.HANDED)
    again = tuple(into(replace(p, urgency=Urgency.QUEUE), Standing.NEW, at) for p in parts)
    return replace(
        incident,
        parts=again,
        closed_at=None,
        opening=incident.opening + 1,
        urgency=Urgency.QUEUE,
        reasons=(),
        recent=(),
    )


def _called(incident: Incident, member: Member, reasons: tuple[str, ...]) -> Incident:
    """With a team that a waking member is for, where the people's labels say another."""
    missing = [t for t in teams_of(member.label) if t not in route(incident)[0]] if any(reasons) else []
    return replace(incident, also=tuple(sorted({*incident.also, *missing}))) if missing else incident


def _again(incident: Incident, was: Member, member: Member, at: float, reason: str) -> Incident:
    """A member is classified anew. Of an incident that ended, only what brings security in opens it again."""
    after = counted(counted(incident, was, -1), member, 1)
    if member.by_person and member != was:
        after = replace(after, also=())
    base = incident
    if not incident.open:
        if Team.SECURITY not in set(route(after)[0]) - set(route(incident)[0]):
            return after
        base, after = opened_again(incident, at), opened_again(after, at)
    return moved(base, after, at, (reason,))


# ------------------------------------------------------------------------------------------------ routes and pages


def _storm_of(incident: Incident | None, case: Case, label: Class) -> str:
    """`storm` where one more would make it one of an incident that has ended; of an open one `moved` sees it."""
    if incident is None or incident.open or not weighs(case, label):
        return ""
    return "storm" if len(recent((*incident.recent, case.at))) >= STORM_COUNT else ""
