"""Builders for tests of incidents: an anomaly, its class, and a desk without a store."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from remit.core.alert import Action, Urgency
from remit.core.classify.case import Case
from remit.core.classify.classification import Class, Classification, Team
from remit.core.incident import Incident, Member, member_of
from remit.core.incident_moves import absorb
from remit.core.incident_told import Told, told
from remit.core.types import Severity, ToolEffect

SECURITY, SRE = Team.SECURITY, Team.SRE
LEADS = {
    Class.SECURITY: (SECURITY,),
    Class.SRE: (SRE,),
    Class.BOTH: (SECURITY, SRE),
    Class.UNDETERMINED: (SECURITY, SRE),
}


def case(name: str = "a1", session: str = "", at: float = 0.0, **changes: Any) -> Case:
    """A refused call of `pay`."""
    known: dict[str, Any] = {
        "agent": "bot",
        "kind": "denied",
        "severity": Severity.MEDIUM,
        "clauses": ("pay.small",),
        "tool": "pay",
        "effect": ToolEffect.IRREVERSIBLE,
        "at": at,
        "ran": False,
        "tenant": "acme",
    }
    return Case(name, session or f"s-{name}", **{**known, **changes})


def classed(name: str = "a1", label: Class = Class.UNDETERMINED, **changes: Any) -> Classification:
    """Its class, with the route that goes with it."""
    known: dict[str, Any] = {"deliver_to": LEADS[label], "confidence": 0.5, "evidence": ()}
    return Classification(name, label, **{**known, **changes})


@dataclass
class Desk:
    """One incident as a store keeps it: members by id, and everything that was told."""

    incident: Incident | None = None
    members: dict[str, Member] = field(default_factory=dict)
    sessions: set[str] = field(default_factory=set)
    said: list[Told] = field(default_factory=list)

    def take(self, one: Case, label: Class, at: float, **changes: Any) -> Incident:
        found = classed(one.anomaly, label, **changes)
        fresh = one.session not in self.sessions
        self.sessions.add(one.session)
        before, was = self.incident, self.members.get(one.anomaly)
        after = absorb(before, one, found, at, was=was, fresh_session=fresh)
        self.members[one.anomaly] = member_of(one, found)
        return self.now(after)

    def now(self, after: Incident) -> Incident:
        same = self.incident is not None and self.incident.id == after.id
        self.said += told(self.incident if same else None, after)
        self.incident = after
        return after

    def pages(self, team: Team) -> int:
        return sum(
            t.team is team and t.action is Action.TRIGGER and t.urgency is Urgency.PAGE for t in self.said
        )
