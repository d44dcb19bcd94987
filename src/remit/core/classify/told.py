"""Classifications as plain JSON, and back."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from remit.core.classify.classification import Class, Classification, Evidence, Team
from remit.core.types import Json

_DIGITS = 6


def said(label: Class, confidence: float) -> str:
    """A class as people are told it. Of undetermined no number is told: it would be how sure nothing is known.

    Args:
        label: the class.
        confidence: calibrated, 0 to 1.

    >>> said(Class.SECURITY, 0.934), said(Class.UNDETERMINED, 0.98)
    ('security, 93 % sure', 'undetermined')
    """
    if label is Class.UNDETERMINED or math.isnan(confidence):
        return label.value
    return f"{label.value}, {round(100 * max(0.0, min(0.99, confidence)))} % sure"  # 100 would be a promise


def evidence_body(evidence: Evidence) -> dict[str, Json]:
    """One piece of evidence."""
    return {
        "kind": evidence.kind,
        "towards": evidence.towards.value if evidence.towards else None,
        "score": round(evidence.score, _DIGITS),
        "told": evidence.told,
        "facts": dict(evidence.facts),
    }


def classification_body(found: Classification) -> dict[str, Json]:
    """What `remit classify --json` prints of one anomaly, and what its event keeps."""
    return {
        "anomaly_id": found.anomaly,
        "class": found.label.value,
        "deliver_to": [team.value for team in found.deliver_to],
        "confidence": round(found.confidence, _DIGITS),
        "evidence": [evidence_body(one) for one in found.evidence],
        "origin": found.origin,
        "change": found.change,
        "missing": list(found.missing),
        "version": found.version,
    }


def classification_from(body: Mapping[str, Any]) -> Classification:
    """The classification that `classification_body` wrote."""
    return Classification(
        anomaly=str(body["anomaly_id"]),
        label=Class(body["class"]),
        deliver_to=tuple(Team(team) for team in body["deliver_to"]),
        confidence=float(body["confidence"]),
        evidence=tuple(evidence_from(one) for one in body["evidence"]),
        origin=str(body["origin"]),
        change=str(body["change"]),
        missing=tuple(str(one) for one in body["missing"]),
        version=str(body["version"]),
    )


def evidence_from(body: Mapping[str, Any]) -> Evidence:
    """The evidence that `evidence_body` wrote."""
    towards = Class(body["towards"]) if body["towards"] else None
    return Evidence(
        str(body["kind"]), towards, float(body["score"]), str(body["told"]), dict(body["facts"] or {})
    )
