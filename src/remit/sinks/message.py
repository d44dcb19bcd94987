"""remit's own message: the alert as plain JSON, for receivers that people write themselves."""

from __future__ import annotations

from remit.core.alert import Alert
from remit.core.types import Json
from remit.sinks import shape

SCHEMA = "remit.alert/v1"


def message(alert: Alert) -> dict[str, Json]:
    """All that an alert says. Fields may be added to this version, none removed; empty ones are left out.

    A receiver drops repeats by `id`, old messages by `revision`, and joins messages by `incident`.
    """
    told: dict[str, Json] = {
        "schema": SCHEMA,
        "id": shape.token(alert.id),
        "incident": shape.token(alert.incident),
        "revision": alert.revision,
        "action": alert.action.value,
        "team": alert.team.value,
        "urgency": alert.urgency.value,
        "title": shape.line(alert.title),
        "class": alert.label.value,
        "confidence": shape.number(alert.confidence),
        "labelled": alert.labelled.value if alert.labelled else None,
        "severity": alert.severity.value,
        "kind": shape.line(alert.kind, 60),
        "count": alert.count,
        "sessions": alert.sessions,
        "first_at": shape.rfc3339(alert.first_at),
        "last_at": shape.rfc3339(alert.last_at),
        "at": shape.rfc3339(alert.at),
        "tenant": shape.line(alert.tenant, 120),
        "env": shape.line(alert.env, 60),
        **_subject(alert),
        "evidence": shape.evidence(alert),
        "steps": shape.lines(alert.steps, shape.MOST_STEPS),
        "attempted": shape.attempted(alert),
        "owner": shape.line(alert.owner, 120),
        "url": shape.link(alert),
        "command": shape.line(alert.command, 200),
    }
    return {key: value for key, value in told.items() if value not in ("", None, [], {})}


def _subject(alert: Alert) -> dict[str, Json]:
    """What it is about."""
    return {
        "agent": shape.line(alert.agent, 200),
        "tool": shape.line(alert.tool, 200),
        "clauses": shape.lines(alert.clauses, shape.MOST_NAMED, 120),
        "session": shape.line(alert.session, 200),
        "anomalies": shape.lines(alert.anomalies, shape.MOST_NAMED, 120),
        "envelope": shape.line(alert.envelope, 120),
        "origin": shape.line(alert.origin, 200),
        "change": shape.line(alert.change, 300),
        "model": shape.line(alert.model, 120),
        "mode": shape.line(alert.mode, 40),
        "effect": shape.line(alert.effect, 40),
        "ran": alert.ran,
        "enforced": alert.enforced,
    }
