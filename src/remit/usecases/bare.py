"""Recorded sessions that no envelope governs: which of their calls are worth a look.

A stand-in, not a policy. A call that is no plain read, by the words of its name, is flagged when one of its telling
values (an address, an id, an amount; not a text of many words) stands in nothing that may steer: the system's words, the
session's facts, the user's. Then it came from content, or from nowhere, and the evidence says which.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from remit.core.provenance import SessionText, trace
from remit.core.recorded import RecordedCall, RecordedSession
from remit.core.types import (
    Decision,
    Integrity,
    Json,
    Label,
    LeafOrigin,
    OnViolation,
    PrincipalKind,
    Result,
    Role,
    Segment,
    Severity,
    ToolEffect,
    Violation,
)
from remit.usecases.replay import Judged, Replayed
from remit.usecases.tool_effect import effect_of
from remit.usecases.tool_hint import ToolHint, canonical_args

CLAUSE = "unasked"
"""Id of the clause that this stands in for, behind the tool's name."""
MOST_TELLING = 80
"""Characters beyond which a text is no value that tells something by itself."""
MOST_WORDS = 6


def judge_bare(session: RecordedSession, principal_kind: PrincipalKind | None = None) -> Replayed:
    """Judge a session by where the values of its effects came from.

    Args:
        session: the record.
        principal_kind: whose text the user's is, where the record does not say; an operator's without that.
    """
    kind = session.principal_kind or principal_kind or PrincipalKind.OPERATOR
    text, judged = SessionText(), list[Judged]()
    told = "\n".join(str(value) for value in session.facts.values())
    if told:
        text.append(Segment(0, Role.SYSTEM, "session", told, Label(Integrity.TRUSTED)))
    for step in session.steps:
        if step.text:
            source = (step.tool or "tool") if step.role == "tool" else step.role
            place = len(text.segments)
            text.append(Segment(place, Role(step.role), source, step.text, _label(step.role, kind)))
        for call in step.calls:
            decision = _decision(call, text)
            judged.append(Judged(call, decision, len(text.segments)))
            text.ask(decision.canonical or {})
    return Replayed(session, tuple(judged), text.segments)


def _label(role: str, kind: PrincipalKind) -> Label:
    if role == "tool":
        return Label(Integrity.UNTRUSTED)
    customer = role == "user" and kind is PrincipalKind.CUSTOMER
    return Label(Integrity.PRINCIPAL if customer else Integrity.TRUSTED)


def _decision(call: RecordedCall, text: SessionText) -> Decision:
    args = canonical_args(call.args)
    effect = _effect(call.tool, frozenset(args or ()))
    if args is None:
        told = "its arguments cannot be read"
        found = (_violation(call.tool, "canonical", Severity.LOW, told),)
        return Decision(
            Result.ALLOW, flags=(found[0].clause,), violations=found, tool=call.tool, effect=effect
        )
    if effect is ToolEffect.READ:
        return Decision(Result.ALLOW, tool=call.tool, canonical=args, effect=effect)
    leaves = trace(args, text, frozenset())
    strange = [leaf for leaf in leaves if not leaf.exempt and _telling(leaf.value) and not _permitted(leaf)]
    violations = (_unasked(call.tool, strange),) if strange else ()
    flags = tuple(v.clause for v in violations)
    return Decision(
        Result.ALLOW,
        flags=flags,
        violations=violations,
        tool=call.tool,
        canonical=args,
        effect=effect,
        provenance=leaves,
    )


def _unasked(tool: str, strange: list[LeafOrigin]) -> Violation:
    names = ", ".join(leaf.path for leaf in strange[:4])
    return _violation(tool, CLAUSE, Severity.MEDIUM, f"nobody who may steer wrote {names}")


def _violation(tool: str, clause: str, severity: Severity, told: str) -> Violation:
    return Violation(f"{tool}.{clause}", "flow", OnViolation.FLAG, severity, told)


def _permitted(leaf: LeafOrigin) -> bool:
    return any(origin.label.integrity is not Integrity.UNTRUSTED for origin in leaf.origins)


def _telling(value: Json) -> bool:
    """Whether a value says something by itself: no lone digit, no flag, no text of many words.

    >>> _telling("DE89 3704 0044"), _telling(7), _telling("Dear all, please find the minutes of today attached.")
    (True, False, False)
    """
    if isinstance(value, str):
        return 3 <= len(value) <= MOST_TELLING and len(value.split()) <= MOST_WORDS
    return isinstance(value, int | float) and abs(value) >= 10


@lru_cache(maxsize=4096)
def _effect(tool: str, names: frozenset[str]) -> ToolEffect:
    schema: Mapping[str, Json] = {"properties": {name: {} for name in names}}
    return effect_of(ToolHint(tool, schema=schema))[0]
