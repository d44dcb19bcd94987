"""PagerDuty, Events API v2: an incident there for each of ours, opened, taken and resolved by one key."""

from __future__ import annotations

import hashlib

from remit.core.alert import Action, Alert, Urgency
from remit.core.types import Json, Mode, Severity
from remit.core.withheld import withheld
from remit.sinks import shape

TARGET = "https://events.pagerduty.com/v2/enqueue"
MOST_SUMMARY = 1024
"""Characters of `payload.summary`."""
MOST_DEDUP = 255
_ACTIONS = {Action.ACKNOWLEDGE: "acknowledge", Action.RESOLVE: "resolve"}
"""The others are `trigger`: under a key that is open it adds to the incident and wakes nobody again."""
_SEVERITIES = {Severity.CRITICAL: "critical", Severity.HIGH: "error", Severity.MEDIUM: "warning"}


def pagerduty(alert: Alert, routing_key: str) -> dict[str, Json]:
    """The event for *alert*. Arguments and quotations never leave this way, whatever the route permits.

    Source: PagerDuty, "Send an alert event" (Events API v2): fields, 512 KB, summary of at most 1,024 characters.
    """
    event: dict[str, Json] = {
        "routing_key": routing_key,
        "event_action": _ACTIONS.get(alert.action, "trigger"),
        "dedup_key": dedup_key(alert),
    }
    if event["event_action"] != "trigger":
        return event
    link = shape.link(alert)
    links = [{"href": link, "text": "Incident in remit"}] if link else []
    client = {"client_url": link} if link else {}
    return {**event, "payload": _payload(withheld(alert)), "links": links, "client": "remit", **client}


def dedup_key(alert: Alert) -> str:
    """One for each incident, however long its id."""
    key = f"remit:{shape.line(alert.incident, 4 * MOST_DEDUP)}"
    if len(key) <= MOST_DEDUP and key == f"remit:{alert.incident}":
        return key
    return "remit:" + hashlib.sha256(alert.incident.encode("utf-8", "surrogatepass")).hexdigest()


def _payload(alert: Alert) -> dict[str, Json]:
    told = {
        "summary": shape.line(alert.title, MOST_SUMMARY) or "remit: an incident",
        "source": shape.line("/".join(one for one in (alert.env, alert.agent) if one), 200) or "remit",
        "severity": severity(alert),
        "timestamp": shape.rfc3339(alert.at),
        "component": shape.line(alert.tool, 200),
        "group": shape.line(alert.agent, 200),
        "class": shape.line(alert.kind, 60),
        "custom_details": _details(alert),
    }
    return {key: value for key, value in told.items() if value != ""}


def severity(alert: Alert) -> str:
    """`critical`, `error`, `warning` or `info`; what is for working hours is a `warning` at most.

    A stopped agent, and an effect that cannot be taken back, are critical whatever the clause said.
    """
    stopped = alert.mode in (Mode.QUARANTINED, Mode.HALTED)
    done = alert.ran is not False and alert.effect in ("irreversible", "egress")
    found = _SEVERITIES.get(alert.severity, "info")
    if stopped or done:
        found = "critical"
    elif alert.mode == Mode.SUPERVISED and found != "critical":
        found = "error"
    if alert.urgency is Urgency.QUEUE and found in ("critical", "error"):
        return "warning"
    return found


def _details(alert: Alert) -> dict[str, Json]:
    told: dict[str, Json] = {
        "incident": shape.line(alert.incident, 200),
        "revision": alert.revision,
        "class": alert.label.value,
        "confidence": shape.number(alert.confidence),
        "count": alert.count,
        "sessions": alert.sessions,
        "clauses": shape.lines(alert.clauses, shape.MOST_NAMED, 120),
        "envelope": shape.line(alert.envelope, 120),
        "mode": shape.line(alert.mode, 40),
        "ran": alert.ran,
        "change": shape.line(alert.change),
        "owner": shape.line(alert.owner, 120),
        "first_at": shape.rfc3339(alert.first_at),
        "last_at": shape.rfc3339(alert.last_at),
        "evidence": [f"{one['kind']}: {one['told']}" for one in shape.evidence(alert)[:3]],
        "steps": shape.lines(alert.steps, shape.MOST_STEPS),
        "command": shape.line(alert.command, 200),
    }
    return {key: value for key, value in told.items() if value not in ("", None, [])}
