"""Whom to tell what, once an incident has changed: a difference of two incidents, and nothing else.

So however many anomalies were folded between the two, each team hears of it once.
"""

from __future__ import annotations

from dataclasses import dataclass

from remit.core.alert import Action, Urgency
from remit.core.classify.classification import Team
from remit.core.incident import Incident, Part, Standing


@dataclass(frozen=True, slots=True)
class Told:
    """One team is told of one change."""

    team: Team
    action: Action
    urgency: Urgency
    """PAGE with TRIGGER wakes; with any other action it says where the page went, and wakes nobody."""
    why: str
    """In a few words, for the title and the timeline."""


def told(before: Incident | None, after: Incident) -> tuple[Told, ...]:
    """Whom to tell what, once *before* has become *after*."""
    found = (_told_of(before, after, part) for part in after.parts)
    return tuple(one for one in found if one is not None)


def _told_of(before: Incident | None, after: Incident, part: Part) -> Told | None:
    was = before.part(part.team) if before is not None else None
    if not part.active:
        return _told_end(after, part) if was is not None and was.active else None
    if was is None or not was.active or (before is not None and before.opening != after.opening):
        why = "opened" if before is None else "again" if after.opening > before.opening else "moved here"
        return Told(part.team, Action.TRIGGER, part.urgency, why)
    if part.urgency is Urgency.PAGE and was.urgency is not Urgency.PAGE:
        return Told(part.team, Action.TRIGGER, Urgency.PAGE, ", ".join(after.reasons) or "moved here")
    if part.state is Standing.ACKNOWLEDGED and was.state is not Standing.ACKNOWLEDGED:
        return Told(
            part.team, Action.ACKNOWLEDGE, part.urgency, f"taken by {part.owner}" if part.owner else "taken"
        )
    why = _news(before, after, was, part) if before is not None else ""
    return Told(part.team, Action.UPDATE, part.urgency, why) if why else None


def _told_end(after: Incident, part: Part) -> Told:
    why = "resolved"
    if part.state is Standing.HANDED:
        why = (
            f"moved to {' and '.join(p.team.value for p in after.parts if p.active and p.leads) or 'nobody'}"
        )
    elif after.into:
        why = f"merged into {after.into}"
    return Told(part.team, Action.RESOLVE, part.urgency, why)


def _news(before: Incident, after: Incident, was: Part, part: Part) -> str:
    """What a team that has it already should know; empty where nothing."""
    found = {
        f"the evidence now says {after.label.value}; it is yours as long as you keep it": was.leads
        > part.leads,
        f"class: {before.label.value}, now {after.label.value}": before.label is not after.label,
        f"owner: {part.owner or 'nobody'}": was.owner != part.owner,
        "a change explains it": before.change != after.change != "",
        f"severity: {after.severity.value}": before.severity is not after.severity,
        f"{after.count} anomalies": _size(after.count) > _size(before.count),
    }
    return "; ".join(why for why, true in found.items() if true)


def _size(count: int) -> int:
    """Digits of a count that are worth telling: a new one at 10, 100, 1,000 …

    >>> [_size(n) for n in (1, 9, 10, 99, 100)]
    [1, 1, 2, 2, 3]
    """
    return len(str(count))
