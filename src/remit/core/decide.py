"""The decision point: what an envelope says about one call. It judges and never acts.

Order: canonicalise, schema, require, flow, limits, approve. All clauses are evaluated once the schema holds, so that a
person who approves sees everything at once. Precedence: a clause that denies beats one that holds beats ALLOW; an
error in any clause denies, whatever its `on_violation` says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import Any

from remit.core.canonical import canonical, digest, loads_strict
from remit.core.cel import Condition, ConditionError
from remit.core.envelope import Clause, Envelope, Flow, Limit, Tool, clauses_of
from remit.core.errors import BadInput
from remit.core.limits import exceeded
from remit.core.provenance import SessionText, flow_problem, trace
from remit.core.schema import free_keys
from remit.core.types import (
    ApprovalNeed,
    Decision,
    Json,
    LeafOrigin,
    LimitClaim,
    OnViolation,
    Result,
    Severity,
    ToolCall,
    Violation,
)

MICRO = Decimal(1_000_000)
_MOST_MICROS = 2**62


@dataclass(frozen=True, slots=True)
class Facts:
    """What a session brings, checked once against `spec.session`."""

    values: Mapping[str, Json]
    problems: tuple[str, ...] = ()
    """Why they do not fit; each call of such a session is denied."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A call whose arguments were made canonical, and what must be asked before it can be decided."""

    call: ToolCall
    tool: Tool | None
    args: Mapping[str, Json] | None
    """The canonical arguments; None where they could not be read."""
    violations: tuple[Violation, ...]
    """What is already wrong; the schema's violations end the evaluation."""
    claims: tuple[LimitClaim, ...] = ()
    complete: bool = False
    """True where the clauses can be evaluated."""


@dataclass(frozen=True, slots=True)
class Past:
    """The answers that a decision needs from outside: where values came from, and what limits hold already."""

    text: SessionText
    """What the session saw before the call."""
    leaves: tuple[LeafOrigin, ...] = ()
    """One for each argument leaf (see `core.provenance.trace`)."""
    used_micros: tuple[int, ...] = ()
    """Used and reserved in the window of each claim, in the claims' order."""


def facts_for(envelope: Envelope, values: Mapping[str, object]) -> Facts:
    """The session facts, canonical and checked; a fact that is missing or of another type denies every call."""
    try:
        plain = canonical(dict(values))
    except BadInput as error:
        return Facts({}, (str(error),))
    if envelope.session_errors is None:
        return Facts({}, ())  # no condition can name a fact that the envelope does not declare
    problems = envelope.session_errors(plain)
    return Facts(plain, tuple(problems))


def prepare(call: ToolCall, envelope: Envelope, facts: Facts) -> Prepared:
    """Canonical arguments, the schema's word, and the claims on limits."""
    tool = envelope.tools.get(call.tool)
    try:
        args = _canonical_args(call.args)
    except BadInput as error:
        clause = f"{call.tool}.canonical" if tool is not None else "unlisted"
        message = str(error) if tool is not None else f"tool {call.tool!r} is not in the envelope; {error}"
        # A tool that is not there is no slip of the pen, however its arguments are written.
        severity = Severity.LOW if tool is not None else Severity.MEDIUM
        return Prepared(call, tool, None, (_broken(clause, "canonical", message, severity, error=True),))
    if tool is None:
        message = f"tool {call.tool!r} is not in the envelope"
        return Prepared(call, None, args, (_broken("unlisted", "unlisted", message),))
    if problems := tool.schema_errors(args):
        told = "; ".join(problems[:5])
        return Prepared(call, tool, args, (_broken(f"{tool.name}.schema", "schema", told, Severity.LOW),))
    found: list[Violation] = []
    if facts.problems:
        told = "session facts: " + "; ".join(facts.problems[:5])
        found.append(_broken(f"{tool.name}.session", "session", told, Severity.LOW, error=True))
    if not tool.limits:
        return Prepared(call, tool, args, tuple(found), (), complete=True)
    roots = {"args": args, "session": facts.values}
    claims: list[LimitClaim] = []
    for limit in tool.limits:
        try:
            claims.append(_claim(limit, roots))
        except ConditionError as error:
            found.append(_failed(limit.clause, "limits", str(error)))
    return Prepared(call, tool, args, tuple(found), tuple(claims), complete=True)


def decide(prepared: Prepared, envelope: Envelope, facts: Facts, past: Past) -> Decision:
    """What the envelope says. Pure: the same arguments give the same decision.

    Args:
        prepared: from `prepare`.
        envelope: the envelope.
        facts: the session's facts.
        past: answers for `prepared.claims` and the origins of the canonical arguments.
    """
    tool, args = prepared.tool, prepared.args
    if tool is None or args is None or not prepared.complete:
        return _decision(prepared, envelope, list(prepared.violations), past)
    found = list(prepared.violations)
    roots = {"args": args, "session": facts.values}
    for rule in tool.require:
        try:
            if rule.condition.evaluate(roots) is not True:
                clause = rule.clause
                found.append(
                    _unmet(clause, "require", clause.message or f"{rule.condition.text} is not true")
                )
        except ConditionError as error:
            found.append(_failed(rule.clause, "require", str(error)))
    found.extend(v for flow in tool.flow if (v := _flow_violation(flow, roots, past)) is not None)
    if prepared.claims:
        found.extend(limit_violations(prepared.claims, past.used_micros))
    for approve in tool.approve:
        try:
            if approve.when is None or approve.when.evaluate(roots) is True:
                found.append(_unmet(approve.clause, "approve", approve.clause.message or _when(approve.when)))
        except ConditionError as error:
            found.append(_failed(approve.clause, "approve", str(error)))
    return _decision(prepared, envelope, found, past)


def _flow_violation(flow: Flow, roots: Mapping[str, object], past: Past) -> Violation | None:
    try:
        if flow.unless is not None and flow.unless.evaluate(roots) is True:
            return None
    except ConditionError as error:
        return _failed(flow.clause, "flow", f"unless: {error}")
    problem = flow_problem(flow, past.leaves, past.text)
    return _unmet(flow.clause, "flow", _join(flow.clause.message, problem)) if problem else None


def look_back(prepared: Prepared, text: SessionText, used_micros: tuple[int, ...] = ()) -> Past:
    """The past of one call: its arguments traced through *text*.

    Args:
        prepared: the call.
        text: what the session saw before it.
        used_micros: the store's answers for `prepared.claims`.
    """
    if prepared.tool is None or not prepared.complete or prepared.args is None:
        return Past(text)
    keys = free_keys(dict(prepared.args), prepared.tool.schema)
    return Past(text, trace(prepared.args, text, prepared.tool.exempt_paths, keys), used_micros)


def limit_violations(claims: Sequence[LimitClaim], used_micros: Sequence[int]) -> list[Violation]:
    """One violation for each claim that its limit cannot hold; claims without an answer are errors.

    Args:
        claims: what the call would take.
        used_micros: what is used and reserved, in the same order.
    """
    if len(used_micros) == len(claims):
        return list(exceeded(claims, used_micros))
    message = "the store did not say what is used"
    return [
        Violation(c.clause, "limits", OnViolation.DENY, Severity.LOW, message, error=True) for c in claims
    ]


def action_digest(tool: str, args: Mapping[str, Json]) -> str:
    """SHA-256, hex, of the exact canonical call."""
    return digest({"tool": tool, "args": args})


def _canonical_args(args: object) -> Mapping[str, Json]:
    if isinstance(args, str | bytes):
        args = loads_strict(args)
    value = canonical(args)
    if not isinstance(value, dict):
        raise BadInput("args", f"found {type(value).__name__}", "arguments are an object of names and values")
    return value


def _claim(limit: Limit, roots: Mapping[str, object]) -> LimitClaim:
    clause = limit.clause
    key = digest([_spelled(condition.evaluate(roots)) for condition in limit.by]) if limit.by else ""
    micros = int(MICRO) if limit.sum is None else _micros(limit.sum.evaluate(roots))
    most = int(Decimal(repr(limit.max)) * MICRO)
    told = (clause.on_violation, clause.severity, clause.message)
    return LimitClaim(clause.id, key, micros, most, limit.within_s, *told)


def _spelled(value: Any) -> Json:
    """One spelling of what is equal, so that 1 and 1.0, 0.0 and -0.0 share a limit."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_spelled(one) for one in value]
    return {key: _spelled(one) for key, one in value.items()} if isinstance(value, dict) else value


def _micros(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ConditionError(f"a sum needs a number, found {type(value).__name__}")
    micros = int((Decimal(repr(value)) * MICRO).to_integral_value(rounding=ROUND_CEILING))
    if not 0 <= micros <= _MOST_MICROS:
        raise ConditionError(f"a sum needs a number from 0 up to {_MOST_MICROS // 10**6}, found {value!r}")
    return micros


def _join(message: str, problem: str) -> str:
    return f"{message} ({problem})" if message else problem


def _when(condition: Condition | None) -> str:
    return (
        f"{condition.text} holds, so a person must approve"
        if condition is not None
        else "a person must approve"
    )


def _unmet(clause: Clause, kind: str, message: str) -> Violation:
    return Violation(clause.id, kind, clause.on_violation, clause.severity, message)


def _failed(clause: Clause, kind: str, message: str) -> Violation:
    return Violation(
        clause.id, kind, clause.on_violation, Severity.LOW, f"cannot be evaluated: {message}", error=True
    )


def _broken(
    clause: str, kind: str, message: str, severity: Severity = Severity.MEDIUM, *, error: bool = False
) -> Violation:
    return Violation(clause, kind, OnViolation.DENY, severity, message, error)


def _decision(prepared: Prepared, envelope: Envelope, found: list[Violation], past: Past) -> Decision:
    tool = prepared.tool
    if not found and tool is not None:
        return Decision(
            Result.ALLOW,
            tool=tool.name,
            canonical=prepared.args,
            effect=tool.effect,
            claims=prepared.claims,
            provenance=past.leaves,
            envelope_hash=envelope.hash,
        )
    denies = [v for v in found if v.error or v.on_violation is OnViolation.DENY]
    holds = [v for v in found if not v.error and v.on_violation is OnViolation.HOLD]
    result = Result.DENY if denies else Result.HOLD if holds else Result.ALLOW
    stopping = [v for v in found if v.error or v.on_violation is not OnViolation.FLAG]
    return Decision(
        result=result,
        clauses=tuple(dict.fromkeys(v.clause for v in stopping)),
        flags=tuple(
            dict.fromkeys(v.clause for v in found if v.on_violation is OnViolation.FLAG and not v.error)
        ),
        errors=tuple(f"{v.clause}: {v.message}" for v in found if v.error),
        violations=tuple(found),
        tool=prepared.call.tool,
        canonical=prepared.args,
        effect=tool.effect if tool is not None else None,
        need=need_of(tool, [v.clause for v in holds]) if result is Result.HOLD and tool is not None else None,
        claims=prepared.claims,
        provenance=past.leaves,
        envelope_hash=envelope.hash,
    )


def need_of(tool: Tool, held_by: Sequence[str]) -> ApprovalNeed:
    """The strictest of all holding clauses: roles that every one of them admits, most people, first to expire.

    Args:
        tool: the tool.
        held_by: ids of the clauses; those that are not the tool's own (the breaker's) ask for any one operator.
    """
    ids = set(held_by)
    clauses = [clause for clause in clauses_of(tool) if clause.id in ids]
    roles: set[str] | None = None
    for clause in clauses:
        if clause.by:
            roles = set(clause.by) if roles is None else roles & set(clause.by)
    nobody = roles is not None and not roles
    return ApprovalNeed(
        roles=("nobody: the clauses name no common role",) if nobody else tuple(sorted(roles or ())),
        people=max((c.people for c in clauses), default=1),
        expires_s=min((c.expires_s for c in clauses), default=900.0),
    )
