"""The messages that follow from a change of an incident: one for each team that is told, the same for every attempt.

Their ids are made from incident, revision, team and action, so a receiver that got one twice can tell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from remit.core.alert import Action, Alert
from remit.core.classify.case import Case
from remit.core.classify.classification import Class, Classification, Evidence
from remit.core.ids import derived_id
from remit.core.incident import BREAKER, DRIFT, Incident
from remit.core.incident_told import Told
from remit.core.next_steps import Basis, next_steps
from remit.core.notice import visible

MOST_TITLE = 300


@dataclass(frozen=True, slots=True)
class Shown:
    """The anomaly that stands for the incident in its messages: all that a message quotes is of this one."""

    case: Case
    found: Classification


def alerts(
    incident: Incident,
    told: Sequence[Told],
    at: float,
    *,
    shown: Shown | None = None,
    basis: Basis | None = None,
    change: str = "",
    url: str = "",
    env: str = "",
) -> list[Alert]:
    """One message for each team that is told.

    Args:
        incident: as it is written, with its revision.
        told: whom, of what.
        at: now.
        shown: the anomaly whose evidence is sent along; None where there is none, as when a person ends it.
        basis: what the next steps are made from; from incident and *shown* alone where it is None.
        change: the change that the incident names, in words.
        url: the page of the incident, where there is a console.
        env: as the settings name it.
    """
    known = basis or Basis(incident, shown.case.anomaly if shown else "", shown.found if shown else None)
    ended = [one for one in told if one.action is Action.RESOLVE]
    steps = () if len(ended) == len(told) else tuple(step.line for step in next_steps(known))
    return [_alert(incident, one, at, shown, known, steps, change, url, env) for one in told]


def _alert(
    incident: Incident,
    one: Told,
    at: float,
    shown: Shown | None,
    basis: Basis,
    steps: tuple[str, ...],
    change: str,
    url: str,
    env: str,
) -> Alert:
    part = incident.part(one.team)
    case, found = (shown.case, shown.found) if shown is not None else (None, None)
    return Alert(
        id=derived_id(incident.id, "alert", incident.revision, one.team.value, one.action.value),
        incident=incident.id,
        revision=incident.revision,
        action=one.action,
        team=one.team,
        urgency=one.urgency,
        title=title(incident, one.why, change),
        label=incident.label,
        confidence=incident.confidence,
        severity=incident.severity,
        agent=incident.agent,
        tool=incident.tools[0] if incident.tools else "",
        clauses=incident.clauses,
        kind=incident.kind,
        first_at=incident.first_at,
        last_at=incident.last_at,
        at=at,
        count=incident.count,
        sessions=incident.sessions,
        anomalies=incident.anomalies,
        evidence=_evidence(found, basis) if one.action is not Action.RESOLVE else (),
        steps=steps if one.action is not Action.RESOLVE else (),
        tenant=incident.tenant,
        session=case.session if case is not None else incident.session,
        envelope=incident.envelope,
        origin=incident.origin,
        change=change or incident.change,
        mode=basis.mode.value if basis.mode is not None else "",
        effect=incident.effect,
        ran=incident.ran,
        enforced=case.enforced if case is not None else None,
        labelled=incident.label if any(incident.people.values()) else None,
        owner=part.owner if part is not None else "",
        url=url,
        command=f"remit incidents show {incident.id}",
        model=(case.fingerprint.model or "") if case is not None else "",
        attempted=dict(case.args) if case is not None and one.action is not Action.RESOLVE else {},
        env=env,
    )


def _evidence(found: Classification | None, basis: Basis) -> tuple[Evidence, ...]:
    return (*basis.signals, *(found.evidence if found is not None else ()))


def title(incident: Incident, why: str = "", change: str = "") -> str:
    """What happened, in one line that is safe to show: agent, what, how often, how it is explained, why it is told.

    >>> title(Incident("i", "k", "t", "bot", "denied", 0, 0, 0, 0, clauses=("pay.small",), count=2, sessions=1))
    'bot: pay.small, 2 times in 1 session; what caused it is not known'
    """
    n, sessions = incident.count, incident.sessions
    names = incident.clauses[:3] or incident.tools[:3]
    what = ", ".join(visible(one, 80) for one in names) or incident.kind
    if len(incident.clauses) > 3:
        what += f" and {len(incident.clauses) - 3} more"
    times = f", {n} {'time' if n == 1 else 'times'}" if n else ""
    where = f" in {sessions} {'session' if sessions == 1 else 'sessions'}" if sessions else ""
    if incident.clauses == ("unlisted",) and incident.tools:
        what = "unlisted tool " + ", ".join(visible(one, 80) for one in incident.tools[:3])
    if not n and incident.kind in _SIGNALS:
        subject = _SIGNALS[incident.kind] + (f" about {what}" if names else "")
    else:
        subject = what + times + where
    if incident.ran and n and incident.kind != "infrastructure":
        subject += ", and it ran" if n == 1 else ", at least one ran"
    told = f"{visible(incident.agent, 80) or 'remit itself'}: {subject}; {cause(incident, change)}"
    return visible(f"{told} ({why})" if why else told, MOST_TITLE)


_SIGNALS = {BREAKER: "the breaker tripped", DRIFT: "the drift watch raised an alarm"}


def cause(incident: Incident, change: str = "") -> str:
    """How the class is said: content is a probable cause until a replay confirms it, a change only correlates."""
    content = f"probably caused by content from {visible(incident.origin, 80)}" if incident.origin else ""
    named = visible(change or incident.change, 120)
    correlates = f"correlates with a change ({named})" if named else ""
    match incident.label:
        case Class.SECURITY:
            return content or "probably caused by content"
        case Class.SRE:
            return correlates or "not explained by content"
        case Class.BOTH:
            return f"{content or 'probably caused by content'}; {correlates or 'a failure adds to it'}"
        case _:
            return "what caused it is not known"
