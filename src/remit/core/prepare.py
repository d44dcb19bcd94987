"""What a call needs before it can be decided: canonical arguments, the schema's word, and what must be asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

from remit.core import history, repeats
from remit.core.canonical import canonical, digest, loads_strict
from remit.core.cel import ConditionError
from remit.core.envelope import Envelope, Limit, Tool
from remit.core.errors import BadInput
from remit.core.history import Ask, Caller, spelled
from remit.core.marks import MarkClaim, claim_of
from remit.core.obligations import oblige
from remit.core.repeats import RepeatAsk
from remit.core.types import (
    Json,
    LimitClaim,
    Severity,
    ToolCall,
    Violation,
)
from remit.core.view import view_of
from remit.core.violations import broken, failed

MICRO = Decimal(1_000_000)


_MOST_MICROS = 2**62


NOBODY = Caller()


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
    acting: frozenset[str] | None = None
    """Ids of the clauses that are acted upon while the envelope monitors; None where all are."""

    @property
    def looks_back(self) -> bool:
        """Whether earlier calls must be looked up."""
        return bool(self.asks or self.marks or self.repeat is not None)


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
        return Prepared(call, tool, None, (broken(clause, "canonical", message, severity, error=True),))
    if tool is None:
        message = f"tool {call.tool!r} is not in the envelope"
        return Prepared(call, None, args, (broken("unlisted", "unlisted", message),))
    if problems := tool.schema_errors(args):
        told = "; ".join(problems[:5])
        return Prepared(call, tool, args, (broken(f"{tool.name}.schema", "schema", told, Severity.LOW),))
    found: list[Violation] = []
    if facts.problems:
        told = "session facts: " + "; ".join(facts.problems[:5])
        found.append(broken(f"{tool.name}.session", "session", told, Severity.LOW, error=True))
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
            found.append(failed(limit.clause, "limits", str(error)))
    if not (tool.history or tool.monotonic or tool.idempotency):
        return Prepared(call, tool, args, tuple(found), tuple(claims), True, obligations=ids, asked=asked)
    view = view_of(tool, ids, facts.values, acting) if tool.idempotency is not None else None
    asks, repeat, marks = _questions(tool, args, facts, found, view)
    more = (asks, repeat, marks, ids, asked, acting)
    return Prepared(call, tool, args, tuple(found), tuple(claims), True, *more)


def _questions(
    tool: Tool, args: Mapping[str, Json], facts: Facts, found: list[Violation], view: Json
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
            repeat = repeats.ask_of(tool.idempotency, tool.name, roots, facts.caller, view)
        except ConditionError as error:
            found.append(failed(tool.idempotency.clause, "idempotency", str(error)))
    for clause in tool.history:
        try:
            asks.append(history.ask_of(clause, roots, facts.caller))
        except ConditionError as error:
            found.append(failed(clause.clause, "history", str(error)))
    for rule in tool.monotonic:
        try:
            marks += [] if rule.after else [claim_of(rule, tool.name, roots)]
        except ConditionError as error:
            found.append(failed(rule.clause, "monotonic", str(error)))
    return tuple(asks), repeat, tuple(marks)


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
