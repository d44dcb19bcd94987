"""The sums of an incident: what one member more or less changes in counts, class and confidence, in any order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from remit.core.anomaly import worst
from remit.core.classify.case import Case
from remit.core.classify.classification import Class
from remit.core.incident import (
    MOST_NAMED,
    MOST_SHOWN,
    STORM_COUNT,
    STORM_WINDOW_S,
    Incident,
    Member,
    line_of,
)
from remit.core.incident_rules import joined, weighs


def grown(incident: Incident, member: Member, case: Case, *, fresh_session: bool) -> Incident:
    return counted(
        incident,
        member,
        1,
        tenant=case.tenant,
        agent=case.agent,
        count=incident.count + 1,
        sessions=incident.sessions + fresh_session,
        severity=worst([incident.severity, case.severity]),
        clauses=named(incident.clauses, line_of(case)),
        tools=named(incident.tools, case.tool),
        first_at=min(incident.first_at, case.at),
        last_at=max(incident.last_at, case.at),
        first=_first(incident.first, (case.at, case.anomaly)),
        recent=recent((*incident.recent, case.at)) if weighs(case, member.label) else incident.recent,
        envelope=incident.envelope or case.fingerprint.envelope or "",
        effect=incident.effect or (case.effect.value if case.effect else ""),
        ran=incident.ran or bool(case.ran),
    )


def counted(incident: Incident, member: Member, sign: int, **more: Any) -> Incident:
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
    label = joined(people or (added(classes, said) if said else classes))
    if people:
        return label, 1.0
    saying = [one for one in classes if label is Class.UNDETERMINED or one != Class.UNDETERMINED]
    n = sum(classes[one] for one in saying)
    return label, round(sum(milli.get(one, 0) for one in saying) / n / 1000, 3) if n > 0 else 0.0


def classed(incident: Incident) -> Incident:
    label, sure = _class_of(incident.classes, incident.milli, incident.people, incident.said)
    return replace(incident, label=label, confidence=sure)


def stormy(incident: Incident) -> bool:
    """Whether so many of its members came within the window, up to the latest."""
    return len(incident.recent) >= STORM_COUNT


def recent(instants: Iterable[float]) -> tuple[float, ...]:
    """The latest instants that lie within one window, as many as make a storm."""
    latest = sorted(instants)[-STORM_COUNT:]  # nearly sorted already: cheap
    return tuple(one for one in latest if one > latest[-1] - STORM_WINDOW_S)


def added(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    """Two tallies as one; what is zero is left out, so that equal tallies are equal."""
    both = {name: one.get(name, 0) + other.get(name, 0) for name in sorted({*one, *other})}
    return {name: n for name, n in both.items() if n}


def _first(known: tuple[tuple[float, str], ...], one: tuple[float, str]) -> tuple[tuple[float, str], ...]:
    """The first few, with one more."""
    if len(known) == MOST_SHOWN and one > known[-1]:
        return known
    return tuple(sorted({*known, one})[:MOST_SHOWN])


def _plus(tally: Mapping[str, int], name: str, n: int) -> Mapping[str, int]:
    return added(tally, {name: n}) if name and n else tally


def named(known: tuple[str, ...], *new: str) -> tuple[str, ...]:
    if all(not one or one in known for one in new):
        return known
    return tuple(sorted({*known, *filter(None, new)})[:MOST_NAMED])
