"""What wakes people, what class an incident has, and who leads it: the rules of `incident`, one function each."""

from __future__ import annotations

from collections.abc import Mapping

from remit.core.classify.case import HELD, Case
from remit.core.classify.classification import Class, Team
from remit.core.incident import Incident
from remit.core.types import Severity, ToolEffect

_WEIGHTY = (Severity.MEDIUM, Severity.HIGH, Severity.CRITICAL)
_NOBODY_DID_WRONG = (HELD, "infrastructure", "drift", "rejected")


def wakes(case: Case, label: Class = Class.UNDETERMINED) -> str:
    """Why one anomaly alone wakes people: `critical`, `unknown outcome` or `executed`; empty where it does not.

    Executed is a violation, medium or worse, of a call that ran and has consequences outside. A flagged call, which the
    envelope lets run, is low unless its author says otherwise.

    Args:
        case: the anomaly.
        label: its class.

    >>> wakes(Case("a", "s", "bot", "denied", tool="pay")), wakes(Case("a", "s", "bot", "output", tool="pay", ran=True))
    ('', 'executed')
    """
    if case.severity is Severity.CRITICAL:
        return "critical"
    if not weighs(case, label):
        return ""
    if case.kind == "unknown-outcome" and case.effect is not ToolEffect.READ:
        return "unknown outcome"
    attack = case.kind == HELD and bool(case.ran) and label in (Class.SECURITY, Class.BOTH)
    if (case.kind in _NOBODY_DID_WRONG and not attack) or case.severity not in _WEIGHTY:
        return ""
    return "executed" if case.ran and case.consequential else ""


def weighs(case: Case, label: Class) -> bool:
    """Whether it may wake people at all, alone or in a storm.

    Where an envelope only monitors, nothing was refused, so all that it would have refused ran, and it is not proven
    yet: there only what content explains counts, which is an attack whatever the envelope is worth.
    """
    return case.enforced or label in (Class.SECURITY, Class.BOTH)


def joined(classes: Mapping[str, int]) -> Class:
    """The class that says what all of them say.

    >>> joined({"sre": 40, "undetermined": 9}).value, joined({"sre": 40, "security": 1}).value
    ('sre', 'both')
    """
    security = _any(classes, Class.SECURITY, Class.BOTH)
    sre = _any(classes, Class.SRE, Class.BOTH)
    if security and sre:
        return Class.BOTH
    return Class.SECURITY if security else Class.SRE if sre else Class.UNDETERMINED


def route(incident: Incident) -> tuple[tuple[Team, ...], tuple[Team, ...]]:
    """Who leads and who watches, by the evidence. Somebody always leads: nothing is routed to nobody."""
    match incident.label:
        case Class.BOTH:
            leads: tuple[Team, ...] = (Team.SECURITY, Team.SRE)
        case Class.SECURITY | Class.SRE:
            leads = (Team(incident.label.value),)
        case _:
            leads = (Team.SECURITY,) if incident.leads.get(Team.SECURITY) else (Team.SRE,)
    leads += tuple(team for team in incident.also if team not in leads)
    watching = incident.label is Class.UNDETERMINED and leads == (Team.SECURITY,)
    return leads, (Team.SRE,) if watching else ()


def teams_of(label: Class) -> tuple[Team, ...]:
    """Who leads what is of a class; nobody where the class does not tell."""
    if label is Class.BOTH:
        return (Team.SECURITY, Team.SRE)
    return () if label is Class.UNDETERMINED else (Team(label.value),)


def _any(classes: Mapping[str, int], *wanted: Class) -> bool:
    return any(classes.get(one.value, 0) > 0 for one in wanted)
