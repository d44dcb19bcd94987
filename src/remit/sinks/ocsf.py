"""OCSF Detection Finding (class 2004), for a SIEM: profile `security_control`, and `incident` where people spoke.

One finding for each incident: `finding_info.uid` is the incident's id, created, updated and closed by activity 1, 2 and
3. Published schemas have no object for an AI agent yet: it stands under `unmapped.ai_agent`, in the words of the coming
version 1.9.
"""

from __future__ import annotations

from remit._version import __version__
from remit.core.alert import Action, Alert, Urgency
from remit.core.classify.classification import Class
from remit.core.types import Json, Severity
from remit.sinks import shape
from remit.sinks.ocsf_action import ACTIONS, DISPOSITIONS, control
from remit.sinks.ocsf_evidence import analyses, evidences

VERSIONS = ("1.8.0", "1.7.0", "1.6.0", "1.5.0", "1.4.0")
"""Of the schema; the default first. Each is validated in the tests."""
_CLASS = 2004
_ACTIVITIES = {
    Action.TRIGGER: (1, "Create", 1, "New"),
    Action.UPDATE: (2, "Update", 2, "In Progress"),
    Action.ACKNOWLEDGE: (2, "Update", 2, "In Progress"),
    Action.RESOLVE: (3, "Close", 4, "Resolved"),
}
"""Activity and status."""
_SEVERITIES = {
    Severity.LOW: (2, "Low", 1, "Low"),
    Severity.MEDIUM: (3, "Medium", 2, "Medium"),
    Severity.HIGH: (4, "High", 3, "High"),
    Severity.CRITICAL: (5, "Critical", 4, "Critical"),
}
"""Severity and risk level."""
_VERDICTS = {
    Class.SECURITY: (2, "True Positive"),
    Class.BOTH: (2, "True Positive"),
    Class.SRE: (5, "Benign"),
    Class.UNDETERMINED: (7, "Insufficient Data"),
}
"""What a person's label says of the finding: what a change or a failure caused was seen rightly, and is no attack."""


def ocsf(alert: Alert, version: str = VERSIONS[0]) -> dict[str, Json]:
    """The finding.

    Args:
        alert: with arguments and quotations only where they may leave.
        version: one of `VERSIONS`.

    Source: the OCSF schema, class `detection_finding`; checked against the published schemas in the tests.
    """
    activity, activity_name, status, status_name = _ACTIVITIES[alert.action]
    severity, severity_name, risk, risk_name = _SEVERITIES[alert.severity]
    spoken = bool(alert.labelled or alert.owner)
    finding: dict[str, Json] = {
        "metadata": _metadata(alert, version, spoken),
        "time": shape.millis(alert.at),
        "class_uid": _CLASS,
        "class_name": "Detection Finding",
        "category_uid": 2,
        "category_name": "Findings",
        "activity_id": activity,
        "activity_name": activity_name,
        "type_uid": _CLASS * 100 + activity,
        "type_name": f"Detection Finding: {activity_name}",
        "severity_id": severity,
        "severity": severity_name,
        "risk_level_id": risk,
        "risk_level": risk_name,
        "status_id": status,
        "status": status_name,
        "message": shape.line(alert.title),
        "is_alert": alert.urgency is Urgency.PAGE,
        "count": alert.count,
        "start_time": shape.millis(alert.first_at),
        "end_time": shape.millis(alert.last_at),
        **_confidence(alert),
        **_controlled(alert),
        "finding_info": _finding_info(alert),
        "evidences": evidences(alert),
        "unmapped": {"ai_agent": _ai_agent(alert), "remit": _ours(alert)},
    }
    if steps := shape.lines(alert.steps, shape.MOST_STEPS):
        finding["remediation"] = {"desc": "\n".join(steps)}
    if version != "1.4.0" and (found := analyses(alert)):
        finding["anomaly_analyses"] = found
    return finding | (_incident(alert) if spoken else {})


def _metadata(alert: Alert, version: str, spoken: bool) -> dict[str, Json]:
    return {
        "version": version,
        "profiles": ["security_control", *(["incident"] if spoken else [])],
        "product": {"name": "remit", "vendor_name": "remit", "version": __version__},
        "uid": shape.token(alert.id),
        "correlation_uid": shape.token(alert.incident),
        "event_code": shape.line(alert.kind, 60),
        "sequence": alert.revision,
        "tenant_uid": shape.line(alert.tenant, 120),
        "labels": [f"team:{alert.team.value}", f"class:{alert.label.value}"],
    }


def _confidence(alert: Alert) -> dict[str, Json]:
    """Of the class; where there is none, that it is sure of that would be read as being sure of an attack."""
    if alert.label is Class.UNDETERMINED:
        return {"confidence_id": 0, "confidence": "Unknown"}
    score = shape.percent(alert.confidence)
    level = 3 if score >= 80 else 2 if score >= 50 else 1
    return {
        "confidence_score": score,
        "confidence_id": level,
        "confidence": ("Low", "Medium", "High")[level - 1],
    }


def _controlled(alert: Alert) -> dict[str, Json]:
    """What remit did to the call: the profile `security_control`."""
    action, disposition, detail = control(alert)
    found: dict[str, Json] = {
        "action_id": action,
        "action": ACTIONS[action],
        "disposition_id": disposition,
        "disposition": DISPOSITIONS[disposition],
        "status_detail": detail,
    }
    if alert.envelope:
        found["policy"] = {"name": "envelope", "uid": shape.line(alert.envelope, 120)}
    return found


def _finding_info(alert: Alert) -> dict[str, Json]:
    told: dict[str, Json] = {
        "uid": shape.token(alert.incident),
        "title": shape.line(alert.title),
        "created_time": shape.millis(alert.first_at),
        "first_seen_time": shape.millis(alert.first_at),
        "last_seen_time": shape.millis(alert.last_at),
        "modified_time": shape.millis(alert.at),
        "analytic": _analytic(alert),
        "types": [alert.label.value],
        "data_sources": ["remit journal"],
    }
    if link := shape.link(alert):
        told["src_url"] = link
    if related := shape.lines(alert.anomalies, shape.MOST_NAMED, 120):
        told["related_events"] = [{"uid": uid, "type": "remit anomaly"} for uid in related]
    return told


def _analytic(alert: Alert) -> dict[str, Json]:
    """What judged it: a clause, a statistic, or conduct."""
    if alert.clauses and alert.clauses[0].strip():
        return {"type_id": 1, "type": "Rule", "name": shape.line(alert.clauses[0], 120)}
    name = shape.line(alert.kind, 60).strip() or "remit"
    if alert.kind == "drift-watch":
        return {"type_id": 3, "type": "Statistical", "name": name}
    return {"type_id": 2, "type": "Behavioral", "name": name}


def _incident(alert: Alert) -> dict[str, Json]:
    """What people said: the profile `incident`."""
    found: dict[str, Json] = {}
    if alert.labelled:
        found["verdict_id"], found["verdict"] = _VERDICTS[alert.labelled]
    if alert.owner:
        found["assignee"] = {"name": shape.line(alert.owner, 120)}
    if link := shape.link(alert):
        found["src_url"] = link
    return found


def _ai_agent(alert: Alert) -> dict[str, Json]:
    """As `ai_agent` of OCSF 1.9, so that it can move there unchanged."""
    told: dict[str, Json] = {
        "uid": shape.line(alert.agent, 200),
        "name": shape.line(alert.agent, 200),
        "instance_uid": shape.line(alert.session, 200),
    }
    if alert.model:
        told["ai_model"] = {"name": shape.line(alert.model, 120), "ai_provider": "Unknown"}
    if alert.envelope:
        digest = {
            "algorithm_id": 3,
            "algorithm": "SHA-256",
            "value": shape.line(alert.envelope.removeprefix("sha256:"), 120),
        }
        told["charter"] = {"name": "envelope", "type_id": 1, "hashes": [digest]}
    return {key: value for key, value in told.items() if value}


def _ours(alert: Alert) -> dict[str, Json]:
    """What the schema has no place for."""
    told: dict[str, Json] = {
        "class": alert.label.value,
        "team": alert.team.value,
        "urgency": alert.urgency.value,
        "env": shape.line(alert.env, 60),
        "clauses": shape.lines(alert.clauses, shape.MOST_NAMED, 120),
        "sessions": alert.sessions,
        "origin": shape.line(alert.origin, 200),
        "change": shape.line(alert.change),
        "mode": shape.line(alert.mode, 40),
        "effect": shape.line(alert.effect, 40),
        "ran": alert.ran,
        "command": shape.line(alert.command, 200),
    }
    return {key: value for key, value in told.items() if value not in ("", None, [])}
