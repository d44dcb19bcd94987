"""The decision point: what an envelope says about one call. It judges and never acts.

Order: canonicalise, schema, lower what obligations cap, require, flow, scopes, idempotency, history, monotonic,
limits, approve. All clauses are evaluated once the schema holds, so that a person who approves sees everything at
once. A repeat that gets the first call's result runs nothing, so only what stands before `idempotency` can refuse it.
Precedence: a clause that denies beats one that holds beats ALLOW; an error in any clause denies, whatever its
`on_violation` says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress

from remit.core import repeats
from remit.core.canonical import canonical, digest, loads_strict
from remit.core.cel import ANSWERS, Condition, ConditionError
from remit.core.envelope import DataScope, Envelope, Flow, Tool, clauses_of
from remit.core.errors import BadInput
from remit.core.limits import exceeded
from remit.core.marks import MarkClaim, claim_of
from remit.core.past import Past, past_violations
from remit.core.prepare import Facts, Prepared
from remit.core.provenance import SessionText, flow_problem, trace
from remit.core.results import plain_result, why_not
from remit.core.scopes import scope_problem
from remit.core.types import (
    ApprovalNeed,
    Decision,
    Json,
    LimitClaim,
    OnViolation,
    Outcome,
    Result,
    Severity,
    ToolCall,
    Violation,
)
from remit.core.violations import failed, unmet


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
    roots: dict[str, object] = {"args": args, "session": facts.values}
    if past.world is not None:
        roots[ANSWERS] = past.world
    _assert(tool, args, roots, facts, past, found)
    repeated = _repeated(prepared, found, past, envelope) if prepared.repeat is not None else None
    if repeated is not None and _gives_first(prepared):
        return repeated
    if prepared.looks_back:
        found.extend(past_violations(prepared, past))
    if prepared.claims:
        found.extend(limit_violations(prepared.claims, past.used_micros))
    for approve in tool.approve:
        try:
            if approve.when is None or approve.when.evaluate(roots) is True:
                found.append(unmet(approve.clause, "approve", approve.clause.message or _when(approve.when)))
        except ConditionError as error:
            found.append(failed(approve.clause, "approve", str(error)))
    if repeated is not None and not _stopped(prepared, found):
        return repeated
    return _decision(prepared, envelope, found, past)


def _gives_first(prepared: Prepared) -> bool:
    """Whether a repeat ends here. Where the envelope only monitors its idempotency the call runs all the same, so what
    comes after is asked, too."""
    repeat, acting = prepared.repeat, prepared.acting
    return acting is None or (repeat is not None and repeat.rule.clause.id in acting)


def _stopped(prepared: Prepared, found: Sequence[Violation]) -> bool:
    """Whether a clause that is acted upon, while the envelope monitors, stands against the call."""
    acting = prepared.acting or frozenset()
    return any(v.clause in acting and (v.error or v.on_violation is not OnViolation.FLAG) for v in found)


def _assert(
    tool: Tool,
    args: Mapping[str, Json],
    roots: Mapping[str, object],
    facts: Facts,
    past: Past,
    found: list[Violation],
) -> None:
    """What is asserted about the call itself: `require`, `flow`, `scopes`; adds to *found* what does not hold."""
    for rule in tool.require:
        try:
            if rule.condition.evaluate(roots) is not True:
                clause = rule.clause
                found.append(unmet(clause, "require", clause.message or f"{rule.condition.text} is not true"))
        except ConditionError as error:
            found.append(failed(rule.clause, "require", str(error)))
    if tool.flow:
        found.extend(v for flow in tool.flow if (v := _flow_violation(flow, roots, past)) is not None)
    if tool.scopes:
        found.extend(v for scope in tool.scopes if (v := _scope_violation(scope, args, facts)) is not None)


def barred(call: ToolCall, envelope: Envelope, violation: Violation, text: SessionText) -> Decision:
    """The refusal of a call for what only the enforcement point found, with the origins of its values."""
    tool = envelope.tools.get(call.tool)
    args: Mapping[str, Json] | None = None
    with suppress(BadInput):
        given: object = call.args
        plain = loads_strict(given) if isinstance(given, str | bytes) else canonical(given)
        args = plain if isinstance(plain, dict) else None
    return Decision(
        Result.DENY,
        (violation.clause,),
        violations=(violation,),
        tool=call.tool,
        canonical=args,
        effect=tool.effect if tool is not None else None,
        provenance=trace(args, text, tool.exempt_paths if tool is not None else frozenset()) if args else (),
        envelope_hash=envelope.hash,
    )


def after_claims(
    prepared: Prepared, facts: Facts, outcome: Outcome
) -> tuple[tuple[MarkClaim, ...], tuple[Violation, ...]]:
    """The quantities that the result brings, and what stands against it where it does not show them."""
    tool, args = prepared.tool, prepared.args
    if tool is None or args is None or outcome.error is not None:
        return (), ()
    claims, found = list[MarkClaim](), list[Violation]()
    roots = {"args": args, "session": facts.values}
    for rule in (rule for rule in tool.monotonic if rule.after):
        try:
            claims.append(claim_of(rule, tool.name, roots, plain_result(outcome.value)))
        except (ConditionError, BadInput) as error:
            told = why_not(error) if isinstance(error, BadInput) else str(error)
            found.append(failed(rule.clause, "monotonic", told))
    return tuple(claims), tuple(found)


def _repeated(
    prepared: Prepared, found: Sequence[Violation], past: Past, envelope: Envelope
) -> Decision | None:
    """The decision that gives the first call's result again, where nothing that stands before refuses or holds."""
    rule = prepared.repeat.rule if prepared.repeat is not None else None
    first, tool = past.earlier.first if past.earlier is not None else None, prepared.tool
    if rule is None or first is None or tool is None or not repeats.returns_first(rule, first):
        return None
    if any(v.error or v.on_violation is not OnViolation.FLAG for v in found):
        return None
    return Decision(
        Result.ALLOW,
        flags=tuple(dict.fromkeys(v.clause for v in found)),
        violations=tuple(found),
        tool=tool.name,
        canonical=prepared.args,
        effect=tool.effect,
        provenance=past.leaves,
        world=past.world,
        repeats=first.token,
        envelope_hash=envelope.hash,
    )


def _flow_violation(flow: Flow, roots: Mapping[str, object], past: Past) -> Violation | None:
    try:
        if flow.unless is not None and flow.unless.evaluate(roots) is True:
            return None
    except ConditionError as error:
        return failed(flow.clause, "flow", f"unless: {error}")
    problem = flow_problem(flow, past.leaves, past.text)
    return unmet(flow.clause, "flow", _join(flow.clause.message, problem)) if problem else None


def _scope_violation(scope: DataScope, args: Mapping[str, Json], facts: Facts) -> Violation | None:
    if scope.of_output:
        return None
    try:
        problem = scope_problem(scope, args, facts.values)
    except ConditionError as error:
        return failed(scope.clause, "scope", str(error))
    return unmet(scope.clause, "scope", _join(scope.clause.message, problem)) if problem else None


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


def _join(message: str, problem: str) -> str:
    return f"{message} ({problem})" if message else problem


def _when(condition: Condition | None) -> str:
    return (
        f"{condition.text} holds, so a person must approve"
        if condition is not None
        else "a person must approve"
    )


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
            world=past.world,
            envelope_hash=envelope.hash,
            obligations=prepared.obligations,
            asked=prepared.asked,
        )
    result = Result.ALLOW
    clauses, flags, errors = dict[str, None](), dict[str, None](), list[str]()
    holding = list[str]()
    for v in found:
        if v.error:
            errors.append(f"{v.clause}: {v.message}")
        elif v.on_violation is OnViolation.FLAG:
            flags[v.clause] = None
            continue
        elif v.on_violation is OnViolation.HOLD:
            holding.append(v.clause)
        clauses[v.clause] = None
        held = not v.error and v.on_violation is OnViolation.HOLD
        result = Result.HOLD if held and result is not Result.DENY else Result.DENY
    return Decision(
        result=result,
        clauses=tuple(clauses),
        flags=tuple(flags),
        errors=tuple(errors),
        violations=tuple(found),
        tool=prepared.call.tool,
        canonical=prepared.args,
        effect=tool.effect if tool is not None else None,
        need=need_of(tool, holding) if result is Result.HOLD and tool is not None else None,
        claims=prepared.claims,
        provenance=past.leaves,
        world=past.world,
        envelope_hash=envelope.hash,
        obligations=prepared.obligations,
        asked=prepared.asked,
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
