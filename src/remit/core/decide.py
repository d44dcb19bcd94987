"""The decision point: what an envelope says about one call. It judges and never acts.

Order: canonicalise, schema, lower what obligations cap, require, flow, scopes, idempotency, history, monotonic,
limits, approve. All clauses are evaluated once the schema holds, so that a person who approves sees everything at
once. A repeat that gets the first call's result runs nothing, so only what stands before `idempotency` can refuse it.
Precedence: a clause that denies beats one that holds beats ALLOW; an error in any clause denies, whatever its
`on_violation` says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, Decimal

from remit.core import history, repeats
from remit.core.canonical import canonical, digest, loads_strict
from remit.core.cel import ANSWERS, Answers, Condition, ConditionError
from remit.core.envelope import Clause, DataScope, Envelope, Flow, Limit, Tool, clauses_of
from remit.core.errors import BadInput
from remit.core.history import Answer, Ask, Caller, spelled
from remit.core.limits import exceeded
from remit.core.marks import MarkClaim, claim_of
from remit.core.marks import violations as mark_violations
from remit.core.obligations import oblige
from remit.core.provenance import SessionText, flow_problem, trace
from remit.core.repeats import First, RepeatAsk
from remit.core.results import plain_result
from remit.core.schema import free_keys
from remit.core.scopes import scope_problem
from remit.core.types import (
    ApprovalNeed,
    Decision,
    Json,
    LeafOrigin,
    LimitClaim,
    OnViolation,
    Outcome,
    Result,
    Severity,
    ToolCall,
    Violation,
)

MICRO = Decimal(1_000_000)
_MOST_MICROS = 2**62


NOBODY = Caller()


@dataclass(frozen=True, slots=True)
class Recalled:
    """What earlier calls say, looked up in the store or in a record."""

    history: tuple[Answer, ...] = ()
    """One for each of `Prepared.asks`."""
    first: First | None = None
    """The first call of which this is a repeat."""
    marks: tuple[int | None, ...] = ()
    """The highest value known for each of `Prepared.marks`."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a session brings, checked once against `spec.session`."""

    values: Mapping[str, Json]
    problems: tuple[str, ...] = ()
    """Why they do not fit; each call of such a session is denied."""
    caller: Caller = NOBODY
    """Whose session it is, for clauses that look at earlier calls."""
    veil: Callable[[Json], Json] | None = None
    """Replaces secrets by stable tokens: earlier calls are compared as they were captured."""


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
    asks: tuple[Ask, ...] = ()
    """What its history clauses ask about earlier calls."""
    repeat: RepeatAsk | None = None
    marks: tuple[MarkClaim, ...] = ()
    obligations: tuple[str, ...] = ()
    """Ids of those that apply (`core.obligations`)."""
    asked: Mapping[str, Json] | None = None
    """The canonical arguments before an obligation lowered one; None where none did."""

    @property
    def looks_back(self) -> bool:
        """Whether earlier calls must be looked up."""
        return bool(self.asks or self.marks or self.repeat is not None)


@dataclass(frozen=True, slots=True)
class Past:
    """The answers that a decision needs from outside: where values came from, and what limits hold already."""

    text: SessionText
    """What the session saw before the call."""
    leaves: tuple[LeafOrigin, ...] = ()
    """One for each argument leaf (see `core.provenance.trace`)."""
    used_micros: tuple[int, ...] = ()
    """Used and reserved in the window of each claim, in the claims' order."""
    earlier: Recalled | None = None
    """What earlier calls say; None where nobody looked."""
    world: Answers | None = None
    """What was found of the world (see `core.world.questions`); None where nobody looked."""


def facts_for(
    envelope: Envelope,
    values: Mapping[str, object],
    caller: Caller = NOBODY,
    veil: Callable[[Json], Json] | None = None,
) -> Facts:
    """The session facts, canonical and checked; a fact that is missing or of another type denies every call."""
    try:
        plain = canonical(dict(values))
    except BadInput as error:
        return Facts({}, (str(error),), caller, veil)
    if envelope.session_errors is None:
        # No condition can name a fact that the envelope does not declare.
        return Facts({}, (), caller, veil)
    problems = envelope.session_errors(plain)
    return Facts(plain, tuple(problems), caller, veil)


def prepare(
    call: ToolCall, envelope: Envelope, facts: Facts, acting: frozenset[str] | None = None
) -> Prepared:
    """Canonical arguments, the schema's word, what obligations lower, and the claims on limits.

    Args:
        call: as the agent asks for it.
        envelope: that judges it.
        facts: of the session.
        acting: ids of the clauses that are acted upon while the envelope monitors; None where all are. What is judged
            is what runs, so there only they lower an argument.
    """
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
    ids: tuple[str, ...] = ()
    asked: Mapping[str, Json] | None = None
    if tool.obligations:
        obliged = oblige(tool, args, facts.values, acting)
        found.extend(obliged.violations)
        ids, asked, args = obliged.ids, (args if obliged.args is not args else None), obliged.args
    if not tool.looks_around:
        return Prepared(call, tool, args, tuple(found), complete=True, obligations=ids, asked=asked)
    roots = {"args": args, "session": facts.values}
    claims: list[LimitClaim] = []
    for limit in tool.limits:
        try:
            claims.append(_claim(limit, roots))
        except ConditionError as error:
            found.append(_failed(limit.clause, "limits", str(error)))
    if not (tool.history or tool.monotonic or tool.idempotency):
        return Prepared(call, tool, args, tuple(found), tuple(claims), True, obligations=ids, asked=asked)
    asks, repeat, marks = _questions(tool, args, facts, found)
    more = (asks, repeat, marks, ids, asked)
    return Prepared(call, tool, args, tuple(found), tuple(claims), True, *more)


def _questions(
    tool: Tool, args: Mapping[str, Json], facts: Facts, found: list[Violation]
) -> tuple[tuple[Ask, ...], RepeatAsk | None, tuple[MarkClaim, ...]]:
    """What must be known of earlier calls; a question that cannot be put is a violation, added to *found*."""
    values: Mapping[str, Json] = facts.values
    if facts.veil is not None:
        args, values = facts.veil(args), facts.veil(dict(values))
    roots = {"args": args, "session": values}
    asks, marks = list[Ask](), list[MarkClaim]()
    repeat: RepeatAsk | None = None
    if tool.idempotency is not None:
        try:
            repeat = repeats.ask_of(tool.idempotency, tool.name, roots, facts.caller)
        except ConditionError as error:
            found.append(_failed(tool.idempotency.clause, "idempotency", str(error)))
    for clause in tool.history:
        try:
            asks.append(history.ask_of(clause, roots, facts.caller))
        except ConditionError as error:
            found.append(_failed(clause.clause, "history", str(error)))
    for rule in tool.monotonic:
        try:
            marks += [] if rule.after else [claim_of(rule, tool.name, roots)]
        except ConditionError as error:
            found.append(_failed(rule.clause, "monotonic", str(error)))
    return tuple(asks), repeat, tuple(marks)


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
    if prepared.repeat is not None:
        repeated = _repeated(prepared, found, past)
        if repeated is not None:
            return replace(repeated, envelope_hash=envelope.hash)
    if prepared.looks_back:
        found.extend(past_violations(prepared, past))
    if prepared.claims:
        found.extend(limit_violations(prepared.claims, past.used_micros))
    for approve in tool.approve:
        try:
            if approve.when is None or approve.when.evaluate(roots) is True:
                found.append(_unmet(approve.clause, "approve", approve.clause.message or _when(approve.when)))
        except ConditionError as error:
            found.append(_failed(approve.clause, "approve", str(error)))
    return _decision(prepared, envelope, found, past)


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
                found.append(
                    _unmet(clause, "require", clause.message or f"{rule.condition.text} is not true")
                )
        except ConditionError as error:
            found.append(_failed(rule.clause, "require", str(error)))
    if tool.flow:
        found.extend(v for flow in tool.flow if (v := _flow_violation(flow, roots, past)) is not None)
    if tool.scopes:
        found.extend(v for scope in tool.scopes if (v := _scope_violation(scope, args, facts)) is not None)


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
            found.append(_failed(rule.clause, "monotonic", str(error)))
    return tuple(claims), tuple(found)


def past_violations(prepared: Prepared, past: Past) -> list[Violation]:
    """What earlier calls say against this one, in the order of evaluation."""
    found = list[Violation]()
    if prepared.repeat is not None:
        rule = prepared.repeat.rule
        if past.earlier is None:
            found.append(_failed(rule.clause, "idempotency", "the store did not say whether it is a repeat"))
        elif (violation := repeats.violation(rule, past.earlier.first)) is not None:
            found.append(violation)
    earlier = past.earlier or Recalled()
    found.extend(history.violations(prepared.asks, earlier.history))
    found.extend(mark_violations(prepared.marks, earlier.marks))
    return found


def _repeated(prepared: Prepared, found: Sequence[Violation], past: Past) -> Decision | None:
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
    )


def _flow_violation(flow: Flow, roots: Mapping[str, object], past: Past) -> Violation | None:
    try:
        if flow.unless is not None and flow.unless.evaluate(roots) is True:
            return None
    except ConditionError as error:
        return _failed(flow.clause, "flow", f"unless: {error}")
    problem = flow_problem(flow, past.leaves, past.text)
    return _unmet(flow.clause, "flow", _join(flow.clause.message, problem)) if problem else None


def _scope_violation(scope: DataScope, args: Mapping[str, Json], facts: Facts) -> Violation | None:
    if scope.of_output:
        return None
    try:
        problem = scope_problem(scope, args, facts.values)
    except ConditionError as error:
        return _failed(scope.clause, "scope", str(error))
    return _unmet(scope.clause, "scope", _join(scope.clause.message, problem)) if problem else None


def look_back(
    prepared: Prepared,
    text: SessionText,
    used_micros: tuple[int, ...] = (),
    earlier: Recalled | None = None,
    world: Answers | None = None,
) -> Past:
    """The past of one call: its arguments traced through *text*.

    Args:
        prepared: the call.
        text: what the session saw before it.
        used_micros: the store's answers for `prepared.claims`.
        earlier: what earlier calls say; without it, clauses that ask about them are errors.
        world: what was found of the world; without it, conditions that ask about it are errors.
    """
    if prepared.tool is None or not prepared.complete or prepared.args is None:
        return Past(text)
    keys = free_keys(dict(prepared.args), prepared.tool.schema)
    leaves = trace(prepared.args, text, prepared.tool.exempt_paths, keys)
    return Past(text, leaves, used_micros, earlier, world)


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
    key = digest([spelled(condition.evaluate(roots)) for condition in limit.by]) if limit.by else ""
    micros = int(MICRO) if limit.sum is None else _micros(limit.sum.evaluate(roots))
    most = int(Decimal(repr(limit.max)) * MICRO)
    told = (clause.on_violation, clause.severity, clause.message)
    return LimitClaim(clause.id, key, micros, most, limit.within_s, *told)


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
