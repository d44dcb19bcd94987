"""Prometheus' Alertmanager: an alert there for each incident, so that its groups, silences and inhibitions apply.

Labels are an alert's identity there, annotations are not. So labels hold only what stays the same while the incident
lasts, but for `severity`, by which teams route: where that rises, the alert with the old one ends by itself. An active
alert that is not posted again is resolved after Alertmanager's `resolve_timeout` (5 minutes by default): post it every
`REPEAT_S`.
"""

from __future__ import annotations

from remit.core.alert import Action, Alert
from remit.core.classify.told import said
from remit.core.types import Json
from remit.sinks import shape

PATH = "/api/v2/alerts"
REPEAT_S = 60.0
_NAMES = {
    "breaker": "RemitBreaker",
    "drift-watch": "RemitDrift",
    "route": "RemitRoute",
    "digest": "RemitDigest",
}


def alertmanager(alert: Alert) -> list[dict[str, Json]]:
    """The array that is posted. An active alert has no `endsAt`: it holds for Alertmanager's own timeout after each post.

    Source: Alertmanager's API v2 (`postableAlerts`), and `Alert.Validate`: a start before the end, valid label names, no
    empty values.
    """
    posted: dict[str, Json] = {
        "labels": labels(alert),
        "annotations": _annotations(alert),
        "startsAt": shape.rfc3339(alert.first_at),
    }
    if alert.action is Action.RESOLVE:
        posted["endsAt"] = shape.rfc3339(max(alert.at, alert.first_at))
    if link := shape.link(alert):
        posted["generatorURL"] = link
    return [posted]


def labels(alert: Alert) -> dict[str, str]:
    """The alert's identity there: as many combinations as there are incidents, never one for each session or call."""
    found = {
        "alertname": _NAMES.get(alert.kind, "RemitAnomaly"),
        "severity": alert.severity.value,
        "team": alert.team.value,
        "agent": alert.agent,
        "tool": alert.tool,
        "kind": alert.kind,
        "env": alert.env,
        "tenant": alert.tenant,
        "incident": alert.incident,
    }
    shown = {name: shape.line(value, 200).strip() for name, value in found.items()}
    return {
        name: value for name, value in {**shown, "incident": shape.token(alert.incident)}.items() if value
    }


def _annotations(alert: Alert) -> dict[str, str]:
    found = {
        "summary": shape.line(alert.title),
        "description": " ".join(f"{one['kind']}: {one['told']}" for one in shape.evidence(alert)[:3]),
        "class": said(alert.label, alert.confidence),
        "urgency": alert.urgency.value,
        "clauses": ", ".join(shape.lines(alert.clauses, shape.MOST_NAMED, 120)),
        "change": shape.line(alert.change),
        "count": str(alert.count),
        "sessions": str(alert.sessions),
        "session": shape.line(alert.session, 200),
        "owner": shape.line(alert.owner, 120),
        "steps": "\n".join(shape.lines(alert.steps, shape.MOST_STEPS)),
        "command": shape.line(alert.command, 200),
        "remit_id": shape.token(alert.id),
    }
    return {name: value for name, value in found.items() if value}
