"""Each team's part of an incident: who leads and who is woken, once the evidence moved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from remit.core.alert import Urgency
from remit.core.classify.classification import Team
from remit.core.incident import STALE_S, Incident, Part, Standing
from remit.core.incident_rules import route
from remit.core.incident_sums import stormy

PAGES = (Urgency.QUEUE, Urgency.PAGE)
"""From least to most."""


def moved(before: Incident, after: Incident, at: float, reasons: tuple[str, ...]) -> Incident:
    """With parts and urgency as the evidence has them now."""
    if not after.open:
        return replace(after, active_at=max(after.active_at, at))
    if stormy(after) and at - after.last_at <= STALE_S and "storm" not in after.reasons:
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
    parts = tuple(into(p, Standing.RESOLVED, at) if p.active else p for p in incident.parts)
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
    return into(part, Standing.HANDED if goes_on else Standing.RESOLVED, at)


def into(part: Part, state: Standing, at: float) -> Part:
    return replace(part, state=state, since=at)


def parts_of_both(one: tuple[Part, ...], other: tuple[Part, ...]) -> tuple[Part, ...]:
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
        urgency = max(a.urgency, b.urgency, key=PAGES.index)
        found.append(replace(ahead, owner=a.owner or b.owner, urgency=urgency, leads=a.leads or b.leads))
    return tuple(found)


def owned(incident: Incident, owners: Mapping[Team, str]) -> Incident:
    """The incident as people read it: a part that nobody took is whose the routes say, as messages have it.

    Args:
        incident: as it is written; who took a part keeps it.
        owners: who of a team has its incidents at first.
    """
    named = [
        replace(part, owner=owners.get(part.team, "")) if part.active and not part.owner else part
        for part in incident.parts
    ]
    return replace(incident, parts=tuple(named))
