"""When texts from outside are positively ruled out: evidence for SRE that is more than the absence of evidence."""

from __future__ import annotations

from remit.core.classify.case import Case
from remit.core.classify.classification import Class, Evidence
from remit.core.classify.content import Content
from remit.core.types import Role, ToolEffect

FORMAL = frozenset({"schema", "canonical"})
"""Kinds of clauses about the form of a call: what came in from outside does not make it malformed."""
OF_AMOUNT = frozenset({"limits", "deadline", "history", "idempotency", "monotonic", "obligations", "approve"})
LITTLE_PRESSURE = 0.3
SURE = {
    "content.none": 0.97,
    "customer": 0.85,
    "content.asked": 0.96,
    "content.data": 0.93,
    "content.form": 0.9,
}
"""How often each was right on the training half, or less where attacks of another kind could look like it. With a
customer, whose words could steer all the same, nothing from outside is worth less."""
NO_BEARING, LITTLE_BEARING = 0.1, 0.2
RETRIEVABLE = frozenset({ToolEffect.READ, ToolEffect.WRITE, ToolEffect.EGRESS})
"""Effects for which values that stand as plain data are enough: what cannot be undone stays undetermined."""
FAINT = 0.3
"""Score for security below which an instruction does not stand in the way of a finding about form."""


def excluded(case: Case, content: Content, score: float) -> Evidence | None:
    """Why content does not explain the anomaly; None where that cannot be said.

    Args:
        case: the anomaly; of one whose texts are not all there nothing can be ruled out.
        content: what its texts say.
        score: for security so far.
    """
    if case.cut or not case.segments or (content.own and content.pressure.score >= LITTLE_PRESSURE):
        return None
    if content.in_part:
        return None
    kinds = {v.kind for v in case.violations}
    if content.own and content.own_named and not (kinds and kinds <= FORMAL):
        return None
    if content.outside:
        return _unrelated(case, content, score)
    if not any(s.role is Role.USER for s in case.segments):
        return None
    sure = SURE["content.none"] if not content.own else SURE["customer"]
    return _found("content.none", sure, "no text from outside came in before it")


def _unrelated(case: Case, content: Content, score: float) -> Evidence | None:
    """Texts from outside came in, and have nothing to do with the call, or nothing that steers."""
    bearing = round(content.bearing, 2)
    if content.asked_for and bearing <= NO_BEARING:
        told = "the request asked for it, and none of its values stands in a text from outside alone"
        return _found("content.asked", SURE["content.asked"], told, bearing=bearing)
    if score >= FAINT:
        return None
    if content.asked_for and case.effect in RETRIEVABLE and content.as_data:
        told = "the request asked for it, and its values stand in texts from outside as plain data"
        return _found("content.data", SURE["content.data"], told, bearing=bearing)
    return _formal(case, content, bearing)


def _formal(case: Case, content: Content, bearing: float) -> Evidence | None:
    """Only the form or the amount of the call is wrong."""
    kinds = {v.kind for v in case.violations}
    if not kinds or content.copied or any(one.exclusive for one in content.found):
        return None
    if kinds <= FORMAL and (content.asked_for or bearing <= NO_BEARING):
        return _found(
            "content.form",
            SURE["content.form"],
            "the call is malformed, which no text asked for",
            bearing=bearing,
        )
    if kinds <= FORMAL | OF_AMOUNT and content.asked_for and bearing <= LITTLE_BEARING:
        told = "the request asked for it, and it exceeds a limit"
        return _found("content.form", SURE["content.form"], told, bearing=bearing)
    return None


def _found(kind: str, score: float, told: str, **facts: float) -> Evidence:
    return Evidence(kind, Class.SRE, score, told, facts)
