"""What people do with an incident: take it, give it to somebody, hand it over, end it, open it again.

Each is a rule from an incident to an incident, or `BadInput` that says what would do. The evidence never undoes it.
"""

from __future__ import annotations

from dataclasses import replace

from remit.core.alert import Urgency
from remit.core.classify.classification import Team
from remit.core.errors import BadInput
from remit.core.incident import Incident, Part, Standing
from remit.core.incident_moves import opened_again
from remit.core.incident_rules import route


def acknowledged(incident: Incident, team: Team, who: str, at: float) -> Incident:
    """Somebody of *team* has seen it and works on it; theirs, unless it was assigned to somebody.

    Raises:
        BadInput: the team does not have it.
    """
    part = _active(incident, team)
    since = part.since if part.state is Standing.ACKNOWLEDGED else at
    taken = replace(part, state=Standing.ACKNOWLEDGED, owner=part.owner or who, since=since)
    return _with(incident, taken, at)


def assigned(incident: Incident, team: Team, to: str, at: float) -> Incident:
    """The part of *team* is for *to*: a person, or a rota.

    Raises:
        BadInput: the team does not have it, or nobody is named.
    """
    if not to.strip():
        raise BadInput("--to", "it is empty", "name a person or a rota")
    return _with(incident, replace(_active(incident, team), owner=to), at)


def handed(incident: Incident, team: Team, to: Team, at: float) -> Incident:
    """*team* gives it to the other one, which leads from now on and is woken where *team* was.

    Raises:
        BadInput: the team does not have it, or gives it to itself.
    """
    if team is to:
        raise BadInput("--to", f"{to.value} has it already", "hand it to the other team")
    mine, theirs = _active(incident, team), incident.part(to)
    given = replace(mine, state=Standing.HANDED, since=at)
    if theirs is not None and theirs.active:
        urgency = Urgency.PAGE if Urgency.PAGE in (mine.urgency, theirs.urgency) else Urgency.QUEUE
        took = replace(theirs, leads=True, urgency=urgency)
    else:
        took = Part(to, urgency=mine.urgency, since=at)
    return _with(_with(incident, given, at), took, at)


def resolved(incident: Incident, team: Team | None, at: float) -> Incident:
    """The part of *team* (all parts, where none is named) has ended; with the last that leads, the incident.

    Raises:
        BadInput: it ended before, or the team does not have it.
    """
    ending = [_active(incident, team)] if team is not None else _all_active(incident)
    for part in ending:
        incident = _with(incident, replace(part, state=Standing.RESOLVED, since=at), at)
    if any(p.active and p.leads for p in incident.parts):
        return incident
    for part in [p for p in incident.parts if p.active]:
        incident = _with(incident, replace(part, state=Standing.RESOLVED, since=at), at)
    return replace(incident, closed_at=at)


def reopened(incident: Incident, at: float) -> Incident:
    """It is not over after all: whoever leads by the evidence has it again.

    Raises:
        BadInput: it is open, or lives on in another one.
    """
    if incident.open:
        raise BadInput(incident.id, "it is open")
    if incident.into:
        raise BadInput(
            incident.id, f"it was merged into {incident.into}", f"see remit incidents show {incident.into}"
        )
    again = replace(opened_again(incident, at), active_at=at)
    for team in route(again)[0]:
        part = again.part(team)
        again = _with(again, replace(part, leads=True) if part is not None else Part(team, since=at), at)
    return again


def noted(incident: Incident, at: float) -> Incident:
    """Somebody wrote something down; the words are in the journal alone."""
    return replace(incident, active_at=max(incident.active_at, at))


def _active(incident: Incident, team: Team) -> Part:
    part = incident.part(team)
    if part is not None and part.active:
        return part
    others = [p.team.value for p in incident.parts if p.active]
    if not others:
        told = f"open it again: remit incidents reopen {incident.id}"
        raise BadInput(incident.id, "it has ended", told if not incident.into else f"see {incident.into}")
    give = f"{others[0]} can hand it over: remit incidents handoff {incident.id} --from {others[0]} --to {team.value}"
    raise BadInput(incident.id, f"{team.value} does not have it", give)


def _all_active(incident: Incident) -> list[Part]:
    found = [p for p in incident.parts if p.active]
    if not found:
        raise BadInput(incident.id, "it has ended already")
    return found


def _with(incident: Incident, part: Part, at: float) -> Incident:
    parts = {p.team: p for p in incident.parts} | {part.team: part}
    ordered = tuple(parts[team] for team in Team if team in parts)
    return replace(incident, parts=ordered, active_at=max(incident.active_at, at))
