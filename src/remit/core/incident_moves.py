"""How an incident changes: an anomaly comes in, is classified anew, the evidence moves it, it grows quiet.

Pure: an incident and a fact in, an incident out. Whom to tell follows from the two alone (`incident_told.told`), so
that a batch of ten thousand anomalies is folded first and told of once. What people do is in `incident_acts`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from remit.core.alert import Urgency
from remit.core.anomaly import worst
from remit.core.classify.case import Case
from remit.core.classify.classification import Class, Classification, Team
from remit.core.incident import (
    LONG_QUIET_S,
    MOST_NAMED,
    MOST_SHOWN,
    QUIET_S,
    REOPEN_S,
    STALE_S,
    STORM_COUNT,
    STORM_WINDOW_S,
    Incident,
    Member,
    Part,
    Standing,
    incident_id,
    joined,
    line_of,
    member_of,
    route,
    teams_of,
    wakes,
    weighs,
)
from remit.core.incident_signals import Signal


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
    grown = _grown(base, member, case, fresh_session=fresh_session)
    return _moved(base, _called(grown, member, reasons), at, reasons)


def receive(incident: Incident | None, signal: Signal, at: float) -> Incident:
    """The incident once a trip or a drift alarm is in it; each is in one once, which the caller knows."""
    member, reasons = signal.member, (signal.pages,) if at - signal.at <= STALE_S else ()
    base = _standing(incident, member, reasons, at, tenant=signal.tenant, agent=signal.agent)
    grown = _counted(
        base,
        member,
        1,
        signals=base.signals + 1,
        severity=worst([base.severity, signal.severity]),
        clauses=_named(base.clauses, signal.clause),
        tools=_named(base.tools, signal.tool),
        first_at=min(base.first_at, signal.at),
        last_at=max(base.last_at, signal.at),
    )
    return _moved(base, grown, at, reasons)


def ended(incident: Incident, at: float) -> Incident:
    """The incident, closed where nothing came for long; itself where not."""
    taken = incident.urgency is Urgency.PAGE or any(p.taken for p in incident.parts)
    quiet = LONG_QUIET_S if taken else QUIET_S
    if not incident.open or at - incident.active_at < quiet:
        return incident
    parts = tuple(_into(p, Standing.RESOLVED, at) if p.active else p for p in incident.parts)
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
        origins=_added(older.origins, younger.origins),
        changes=_added(older.changes, younger.changes),
        classes=_added(older.classes, younger.classes),
        milli=_added(older.milli, younger.milli),
        people=_added(older.people, younger.people),
        leads=_added(older.leads, younger.leads),
        said=_added(older.said, younger.said),
        parts=_parts_of_both(older.parts, younger.parts),
        first_at=min(older.first_at, younger.first_at),
        last_at=max(older.last_at, younger.last_at),
        severity=worst([older.severity, younger.severity]),
        urgency=max(older.urgency, younger.urgency, key=_PAGES.index),
        reasons=tuple(dict.fromkeys(older.reasons + younger.reasons)),
        count=older.count + younger.count,
        sessions=sessions,
        signals=older.signals + younger.signals,
        clauses=_named(older.clauses, *younger.clauses),
        tools=_named(older.tools, *younger.tools),
        also=tuple(sorted({*older.also, *younger.also})),
        first=tuple(sorted({*older.first, *younger.first})[:MOST_SHOWN]),
        recent=_recent((*older.recent, *younger.recent)),
        ran=older.ran or younger.ran,
        keys=tuple(dict.fromkeys(older.keys + younger.keys)),
    )
    parts = tuple(_into(p, Standing.RESOLVED, at) if p.active else p for p in younger.parts)
    ended_one = replace(younger, parts=parts, closed_at=at, into=older.id, keys=(), active_at=at)
    return _moved(older, _classed(both), at, ()), ended_one


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
    again = tuple(_into(replace(p, urgency=Urgency.QUEUE), Standing.NEW, at) for p in parts)
    return replace(
        incident,
        parts=again,
        closed_at=None,
        opening=incident.opening + 1,
        urgency=Urgency.QUEUE,
        reasons=(),
        recent=(),
    )


def _grown(incident: Incident, member: Member, case: Case, *, fresh_session: bool) -> Incident:
    return _counted(
        incident,
        member,
        1,
        tenant=case.tenant,
        agent=case.agent,
        count=incident.count + 1,
        sessions=incident.sessions + fresh_session,
        severity=worst([incident.severity, case.severity]),
        clauses=_named(incident.clauses, line_of(case)),
        tools=_named(incident.tools, case.tool),
        first_at=min(incident.first_at, case.at),
        last_at=max(incident.last_at, case.at),
        first=_first(incident.first, (case.at, case.anomaly)),
        recent=_recent((*incident.recent, case.at)) if weighs(case, member.label) else incident.recent,
        envelope=incident.envelope or case.fingerprint.envelope or "",
        effect=incident.effect or (case.effect.value if case.effect else ""),
        ran=incident.ran or bool(case.ran),
    )


def _called(incident: Incident, member: Member, reasons: tuple[str, ...]) -> Incident:
    """With a team that a waking member is for, where the people's labels say another."""
    missing = [t for t in teams_of(member.label) if t not in route(incident)[0]] if any(reasons) else []
    return replace(incident, also=tuple(sorted({*incident.also, *missing}))) if missing else incident


def _again(incident: Incident, was: Member, member: Member, at: float, reason: str) -> Incident:
    """A member is classified anew. Of an incident that ended, only what brings security in opens it again."""
    after = _counted(_counted(incident, was, -1), member, 1)
    if member.by_person and member != was:
        after = replace(after, also=())
    base = incident
    if not incident.open:
        if Team.SECURITY not in set(route(after)[0]) - set(route(incident)[0]):
            return after
        base, after = opened_again(incident, at), opened_again(after, at)
    return _moved(base, after, at, (reason,))


def _counted(incident: Incident, member: Member, sign: int, **more: Any) -> Incident:
    """With one member more or less in the sums; its class follows."""
    label = "" if member.signal else member.label.value
    says = member.label.value if member.signal and member.label is not Class.UNDETERMINED else ""
    led = member.lead if member.label is Class.UNDETERMINED else ""
    keys = incident.keys if member.key in incident.keys else (*incident.keys, member.key)
    classes, milli = _plus(incident.classes, label, sign), _plus(incident.milli, label, sign * member.milli)
    people = _plus(incident.people, label if member.by_person else "", sign)
    said = _plus(incident.said, says, sign)
    stands, sure = _class_of(classes, milli, people, said)
    return replace(  # once: it is what most of the time goes into
        incident,
        keys=keys,
        classes=classes,
        milli=milli,
        origins=_plus(incident.origins, member.origin, sign),
        changes=_plus(incident.changes, member.change, sign),
        leads=_plus(incident.leads, led, sign),
        said=said,
        people=people,
        label=stands,
        confidence=sure,
        **more,
    )


def _class_of(
    classes: Mapping[str, int], milli: Mapping[str, int], people: Mapping[str, int], said: Mapping[str, int]
) -> tuple[Class, float]:
    """The class that members, people and signals make, and how sure that is."""
    label = joined(people or (_added(classes, said) if said else classes))
    if people:
        return label, 1.0
    saying = [one for one in classes if label is Class.UNDETERMINED or one != Class.UNDETERMINED]
    n = sum(classes[one] for one in saying)
    return label, round(sum(milli.get(one, 0) for one in saying) / n / 1000, 3) if n > 0 else 0.0


def _classed(incident: Incident) -> Incident:
    label, sure = _class_of(incident.classes, incident.milli, incident.people, incident.said)
    return replace(incident, label=label, confidence=sure)


# ------------------------------------------------------------------------------------------------ routes and pages
def _moved(before: Incident, after: Incident, at: float, reasons: tuple[str, ...]) -> Incident:
    """With parts and urgency as the evidence has them now."""
    if not after.open:
        return replace(after, active_at=max(after.active_at, at))
    if _stormy(after) and at - after.last_at <= STALE_S and "storm" not in after.reasons:
        reasons = (*reasons, "storm")
    waking = tuple(one for one in reasons if one)
    if waking and not (after.urgency is Urgency.PAGE and set(waking) <= set(after.reasons)):
        known = tuple(dict.fromkeys((*after.reasons, *waking)))
        after = replace(after, urgency=Urgency.PAGE, reasons=known)
    (leads, watching), was = route(after), route(before)
    begins = not after.parts or before.opening != after.opening
    parts = {part.team: part for part in after.parts}
    for team in leads:
        newly = begins or team not in was[0]
        parts[team] = _leading(parts.get(team), team, after, at, newly=newly, waking=bool(waking))
    for team in watching:
        parts.setdefault(team, Part(team, leads=False, since=at))
    if begins or (leads, watching) != was:
        goes_on = any(parts[team].active for team in leads)
        for team in set(parts) - set(leads) - set(watching):
            parts[team] = _left(parts[team], at, goes_on=goes_on)
    if waking:  # whoever a person handed it to is woken as well
        parts = {t: replace(p, urgency=Urgency.PAGE) if p.active and p.leads else p for t, p in parts.items()}
    ordered = tuple(parts[team] for team in Team if team in parts)
    return _led(replace(after, parts=ordered, active_at=max(after.active_at, at)), at)


def _led(incident: Incident, at: float) -> Incident:
    """Closed where every team that leads has resolved its part: what is left was for them alone."""
    if any(p.active and p.leads for p in incident.parts):
        return incident
    parts = tuple(_into(p, Standing.RESOLVED, at) if p.active else p for p in incident.parts)
    return replace(incident, parts=parts, closed_at=at)


def _leading(
    part: Part | None, team: Team, incident: Incident, at: float, *, newly: bool, waking: bool
) -> Part:
    """A leading team's part: new, revived where it went on after its end, or as it is."""
    if part is None or (newly and not part.active):
        return Part(team, urgency=incident.urgency, since=at)
    if part.active:
        return replace(part, leads=True, urgency=incident.urgency) if newly and not part.leads else part
    if part.state is Standing.RESOLVED and (incident.last_at > part.since or waking):
        return Part(team, urgency=Urgency.QUEUE, since=at)
    return part


def _left(part: Part, at: float, *, goes_on: bool) -> Part:
    """A part that the evidence points away from: it goes, unless a person has taken it."""
    if not part.active:
        return part
    if part.taken:
        return replace(part, leads=not goes_on)
    return _into(part, Standing.HANDED if goes_on else Standing.RESOLVED, at)


def _into(part: Part, state: Standing, at: float) -> Part:
    return replace(part, state=state, since=at)


def _stormy(incident: Incident) -> bool:
    """Whether so many of its members came within the window, up to the latest."""
    return len(incident.recent) >= STORM_COUNT


def _storm_of(incident: Incident | None, case: Case, label: Class) -> str:
    """`storm` where one more would make it one of an incident that has ended; of an open one `_moved` sees it."""
    if incident is None or incident.open or not weighs(case, label):
        return ""
    return "storm" if len(_recent((*incident.recent, case.at))) >= STORM_COUNT else ""


def _recent(instants: Iterable[float]) -> tuple[float, ...]:
    """The latest instants that lie within one window, as many as make a storm."""
    latest = sorted(instants)[-STORM_COUNT:]  # nearly sorted already: cheap
    return tuple(one for one in latest if one > latest[-1] - STORM_WINDOW_S)


_PAGES = (Urgency.QUEUE, Urgency.PAGE)


def _added(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    """Two tallies as one; what is zero is left out, so that equal tallies are equal."""
    both = {name: one.get(name, 0) + other.get(name, 0) for name in sorted({*one, *other})}
    return {name: n for name, n in both.items() if n}


def _first(known: tuple[tuple[float, str], ...], one: tuple[float, str]) -> tuple[tuple[float, str], ...]:
    """The first few, with one more."""
    if len(known) == MOST_SHOWN and one > known[-1]:
        return known
    return tuple(sorted({*known, one})[:MOST_SHOWN])


def _plus(tally: Mapping[str, int], name: str, n: int) -> Mapping[str, int]:
    return _added(tally, {name: n}) if name and n else tally


def _named(known: tuple[str, ...], *new: str) -> tuple[str, ...]:
    if all(not one or one in known for one in new):
        return known
    return tuple(sorted({*known, *filter(None, new)})[:MOST_NAMED])


def _parts_of_both(one: tuple[Part, ...], other: tuple[Part, ...]) -> tuple[Part, ...]:
    """Each team's part: the one that is further, with whoever took either, woken where either was."""
    mine, theirs = {p.team: p for p in one}, {p.team: p for p in other}
    found = []
    for team in Team:
        a, b = mine.get(team), theirs.get(team)
        if a is None or b is None or not (a.active and b.active):
            best = b if a is None or (b is not None and b.active) else a
            found += [best] if best is not None else []
            continue
        ahead = b if b.state is Standing.ACKNOWLEDGED and a.state is not Standing.ACKNOWLEDGED else a
        urgency = max(a.urgency, b.urgency, key=_PAGES.index)
        found.append(replace(ahead, owner=a.owner or b.owner, urgency=urgency, leads=a.leads or b.leads))
    return tuple(found)
