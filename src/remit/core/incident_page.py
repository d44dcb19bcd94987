"""One incident as both teams read it: plain JSON, the same for the terminal, the console and programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from remit.core.alert import Action, Urgency
from remit.core.classify.classification import Classification
from remit.core.classify.told import evidence_body
from remit.core.incident import Incident, Member, Part
from remit.core.incident_alerts import title
from remit.core.next_steps import Basis, next_steps
from remit.core.types import Json


@dataclass(frozen=True, slots=True)
class WrittenMilestone:
    """One milestone of an incident, as its event has it."""

    at: float
    kind: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Explained:
    """One anomaly of an incident with its latest classification."""

    member: Member
    found: Classification


@dataclass(frozen=True, slots=True)
class Page:
    """All that the page of an incident is made from."""

    incident: Incident
    basis: Basis
    members: tuple[Member, ...]
    """The first and the latest."""
    explained: tuple[Explained, ...] = ()
    """Those whose evidence is shown, the one that the next steps rest on first."""
    history: tuple[WrittenMilestone, ...] = ()
    change_words: str = ""


def incident_line(incident: Incident, change_words: str = "") -> dict[str, Json]:
    """One line of the list."""
    return {
        "id": incident.id,
        "title": title(incident, "", change_words),
        "state": incident.state,
        "urgency": incident.urgency.value,
        "reasons": list(incident.reasons),
        "class": incident.label.value,
        "confidence": incident.confidence if incident.count else None,
        "severity": incident.severity.value,
        "tenant": incident.tenant,
        "agent": incident.agent,
        "kind": incident.kind,
        "clauses": list(incident.clauses),
        "tools": list(incident.tools),
        "origin": incident.origin,
        "change": incident.change,
        "count": incident.count,
        "sessions": incident.sessions,
        "signals": incident.signals,
        "ran": incident.ran,
        "first_at": incident.first_at,
        "last_at": incident.last_at,
        "opened_at": incident.opened_at,
        "closed_at": incident.closed_at,
        "revision": incident.revision,
        "former": incident.former,
        "into": incident.into,
        "teams": [_part(part) for part in incident.parts],
    }


def incident_view(page: Page) -> dict[str, Json]:
    """The page: what happened, how it is explained, who has it, what was done, what to do next."""
    incident = page.incident
    return {
        **incident_line(incident, page.change_words),
        "classes": dict(incident.classes),
        "said_by_people": dict(incident.people),
        "mode": page.basis.mode.value if page.basis.mode else None,
        "people_touched": page.basis.people,
        "evidence": [_explained(one) for one in page.explained],
        "signalled": [evidence_body(one) for one in page.basis.signals],
        "members": [_member(one) for one in page.members],
        "timeline": timeline(page.history),
        "class_history": class_history(page.history),
        "next_steps": [step.told() for step in next_steps(page.basis)],
    }


def timeline(history: Sequence[WrittenMilestone]) -> list[dict[str, Json]]:
    """What was done and who was told, oldest first."""
    return [
        {
            "at": one.at,
            "what": one.kind.removeprefix("incident."),
            "by": one.body["by"],
            "note": one.body["note"],
            "count": one.body["state"]["count"],
            "told": [f"{t['team']}: {how_told(t)} ({t['why']})" for t in one.body["told"]],
            "merged": list(one.body["merged"]),
        }
        for one in history
    ]


def how_told(told: Mapping[str, Any]) -> str:
    """What a team was told, in a word: `woken`, or what the message said without waking anybody."""
    if told["urgency"] == Urgency.PAGE and told["action"] == Action.TRIGGER:
        return "woken"
    words = {Action.ACKNOWLEDGE: "told who has it", Action.RESOLVE: "told that it ended"}
    return words.get(Action(told["action"]), "told")


def class_history(history: Sequence[WrittenMilestone]) -> list[dict[str, Json]]:
    """What the incident was classed as, oldest first; only where it changed."""
    found: list[dict[str, Json]] = []
    for one in history:
        label = one.body["state"]["label"]
        if not found or found[-1]["class"] != label:
            found.append({"at": one.at, "class": label, "confidence": one.body["state"]["confidence"]})
    return found


def _part(part: Part) -> dict[str, Json]:
    return {
        "team": part.team.value,
        "state": part.state.value,
        "owner": part.owner,
        "leads": part.leads,
        "urgency": part.urgency.value,
        "since": part.since,
    }


def _explained(one: Explained) -> dict[str, Json]:
    return {
        "anomaly": one.member.anomaly,
        "session": one.member.session,
        "class": one.found.label.value,
        "confidence": one.found.confidence,
        "evidence": [evidence_body(e) for e in one.found.evidence],
        "missing": list(one.found.missing),
        "version": one.found.version,
    }


def _member(member: Member) -> dict[str, Json]:
    return {
        "anomaly": member.anomaly,
        "session": member.session,
        "at": member.at,
        "kind": member.kind,
        "class": None if member.signal else member.label.value,
        "confidence": None if member.signal else member.milli / 1000,
        "by_person": member.by_person,
        "ran": member.ran,
    }
