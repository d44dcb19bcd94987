"""Why a call got its decision: every clause of its tool, in order, with what it asserts and the values it looked at.

The decision is `decide()`'s own, and whether a clause is met is read from its violations; the rest is told beside it.
So an explanation cannot say something else than what was decided.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from remit.core.cel import ANSWERS, Condition, ConditionError
from remit.core.decide import decide
from remit.core.envelope import (
    ApprovalRule,
    Cap,
    Clause,
    DataScope,
    Envelope,
    EventPattern,
    Flow,
    History,
    Idempotency,
    Limit,
    Monotonic,
    Notify,
    Redact,
    Require,
    Tool,
)
from remit.core.history import related
from remit.core.limits import plain, spoken
from remit.core.past import Past
from remit.core.prepare import Facts, Prepared
from remit.core.provenance import flow_problem, traced_by
from remit.core.types import Decision, Json, LeafOrigin, Violation

BUILT_IN = (
    ("canonical", "the arguments can be read in one way only"),
    ("schema", "the arguments fit the schema of the tool"),
    ("session", "the facts of the session fit spec.session"),
)
MOST_PARTS = 40
"""Parts of one condition that are told."""
MOST_TEXT = 300
"""Characters of one value."""


class ClauseState(StrEnum):
    """How one clause stands."""

    MET = "met"
    UNMET = "not met"
    ERROR = "error"
    """It could not be evaluated, which refuses."""
    LIFTED = "lifted"
    """Its `unless` holds."""
    NOT_REACHED = "not reached"
    """An earlier step ended the evaluation."""
    REPEAT = "repeat"
    """The same call was made before: this one gets its result, and nothing runs."""
    LATER = "after the call"


@dataclass(frozen=True, slots=True)
class ExplainedLine:
    """One clause of the tool, or one of the steps before its clauses."""

    clause: str
    kind: str
    asserts: str
    """What it says, in words or as written."""
    does: str
    """What happens where it is not met: deny, hold or flag."""
    state: ClauseState
    message: str = ""
    """Why it is not met, as the decision tells it."""
    values: tuple[tuple[str, Json], ...] = ()
    """Parts of its conditions with their values, as far as they were reached; an error as text after `error: `."""
    leaves: tuple[Mapping[str, Json], ...] = ()
    """For a flow clause: each value that it asks about, where it stands, and what is wrong with it."""
    limit: Mapping[str, Json] | None = None
    """For a limit: what is used, what is asked, and the maximum, exactly, as text."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """A decision and how it came about."""

    decision: Decision
    lines: tuple[ExplainedLine, ...]


def explain(prepared: Prepared, envelope: Envelope, facts: Facts, past: Past) -> Explanation:
    """The decision about one call, clause by clause.

    Args:
        prepared: from `core.decide.prepare`.
        envelope: the envelope.
        facts: the session's facts.
        past: as `decide` takes it.
    """
    decision = decide(prepared, envelope, facts, past)
    return Explanation(decision, tuple(lines_of(prepared, facts, past, decision)))


def lines_of(prepared: Prepared, facts: Facts, past: Past, decision: Decision) -> Iterator[ExplainedLine]:
    """Every clause of the tool beside a decision that was made.

    Args:
        prepared: the call.
        facts: of the session.
        past: as `decide` took it.
        decision: whose violations say which clauses are not met.
    """
    found = {violation.clause: violation for violation in decision.violations}
    tool = prepared.tool
    if tool is None:
        told = found.get("unlisted") or next(iter(found.values()))
        yield ExplainedLine(
            "unlisted", "unlisted", "the tool is listed", "deny", ClauseState.UNMET, told.message
        )
        return
    ended = False
    for short, asserts in BUILT_IN:
        violation = found.get(f"{tool.name}.{short}")
        state = ClauseState.NOT_REACHED if ended else _state(violation)
        yield ExplainedLine(f"{tool.name}.{short}", short, asserts, "deny", state, _message(violation))
        # Facts that do not fit refuse, and the clauses are evaluated all the same.
        ended = ended or (violation is not None and not prepared.complete)
    roots: dict[str, Any] = {"args": prepared.args or {}, "session": facts.values}
    if past.world is not None:
        roots[ANSWERS] = past.world
    for line in _clauses(tool, prepared, past, roots, ended):
        yield _judged(line, found.get(line.clause), ended, after_repeat=bool(decision.repeats))


def _state(violation: Violation | None) -> ClauseState:
    if violation is None:
        return ClauseState.MET
    return ClauseState.ERROR if violation.error else ClauseState.UNMET


def _message(violation: Violation | None) -> str:
    return violation.message if violation is not None else ""


_PAST_REPEATS = ("history", "monotonic", "limits", "approve")
"""What a repeat that gets the first call's result is not asked."""


def _judged(
    line: ExplainedLine, violation: Violation | None, ended: bool, *, after_repeat: bool
) -> ExplainedLine:
    state = line.state if violation is None else _state(violation)
    if line.state is not ClauseState.LATER and (ended or (after_repeat and line.kind in _PAST_REPEATS)):
        state = ClauseState.NOT_REACHED
    message = _message(violation)
    if after_repeat and line.kind == "idempotency" and violation is None:
        state, message = ClauseState.REPEAT, "it gets the result of the first call, and nothing runs"
    reached = state not in (ClauseState.NOT_REACHED, ClauseState.LATER)
    told = (line.values, line.leaves, line.limit) if reached else ((), (), None)
    return ExplainedLine(line.clause, line.kind, line.asserts, line.does, state, message, *told)


def _clauses(
    tool: Tool, prepared: Prepared, past: Past, roots: Mapping[str, Any], ended: bool
) -> Iterator[ExplainedLine]:
    """Every clause in the order of evaluation, each as if it were met."""
    ask = _Asking(roots, ended)
    for rule in tool.require:
        yield _require(rule, ask)
    for flow in tool.flow:
        yield _flow(flow, past, ask)
    for scope in tool.scopes:
        yield _scope(scope, ask)
    if tool.idempotency is not None:
        yield _idempotency(tool.idempotency, ask)
    for history in tool.history:
        yield _history(history, ask)
    for monotonic in tool.monotonic:
        yield _monotonic(monotonic, ask)
    for limit in tool.limits:
        yield _limit(limit, prepared, past, ask)
    for approve in tool.approve:
        yield _approve(approve, ask)
    yield from _later(tool)


class _Asking:
    """Conditions with the values of one call."""

    def __init__(self, roots: Mapping[str, Any], ended: bool) -> None:
        self._roots = roots
        self._ended = ended

    def parts(self, conditions: Iterable[Condition | None]) -> tuple[tuple[str, Json], ...]:
        """Every part that is reached, with its value; nothing where the call never came so far."""
        if self._ended:
            return ()
        found = [part for condition in conditions if condition for part in condition.explain(self._roots)]
        return tuple((text, _told(value)) for text, value in dict(found[:MOST_PARTS]).items())

    def holds(self, condition: Condition | None) -> bool:
        """Whether it is there, and true."""
        try:
            return condition is not None and not self._ended and condition.evaluate(self._roots) is True
        except ConditionError:
            return False


def _told(value: object) -> Json:
    if isinstance(value, ConditionError):
        return f"error: {value}"
    if isinstance(value, str):
        return value if len(value) <= MOST_TEXT else value[: MOST_TEXT - 1] + "…"
    return value


def _line(
    kind: str, clause: Clause, asserts: str, state: ClauseState = ClauseState.MET, **more: Any
) -> ExplainedLine:
    return ExplainedLine(clause.id, kind, asserts, clause.on_violation.value, state, **more)


def _require(rule: Require, ask: _Asking) -> ExplainedLine:
    return _line("require", rule.clause, rule.condition.text, values=ask.parts([rule.condition]))


def _flow(flow: Flow, past: Past, ask: _Asking) -> ExplainedLine:
    wanted = [f"comes from {' or '.join(flow.sources)}"] if flow.sources else []
    wanted += [f"is at least {flow.integrity}"] if flow.integrity is not None else []
    most = flow.confidentiality_at_most
    wanted += [f"is at most {most}"] if most is not None else []
    unless = f", unless {flow.unless.text}" if flow.unless is not None else ""
    asserts = f"{_path(flow.arg)} {', '.join(wanted)}{unless}"
    leaves = tuple(_leaf(flow, leaf, past) for leaf in traced_by(flow, past.leaves))
    state = ClauseState.LIFTED if ask.holds(flow.unless) else ClauseState.MET
    return _line("flow", flow.clause, asserts, state, values=ask.parts([flow.unless]), leaves=leaves)


def _leaf(flow: Flow, leaf: LeafOrigin, past: Past) -> Mapping[str, Json]:
    return {
        "path": leaf.path,
        "value": _told(leaf.value),
        "exempt": leaf.exempt,
        "origins": [
            {
                "source": origin.source,
                "integrity": origin.label.integrity.value,
                "confidentiality": origin.label.confidentiality.value,
                "quote": origin.quote,
            }
            for origin in leaf.origins
        ],
        "problem": flow_problem(flow, [leaf], past.text),
    }


def _path(path: tuple[str, ...]) -> str:
    return ".".join(path).replace(".[]", "[]") or "the result"


def _scope(scope: DataScope, ask: _Asking) -> ExplainedLine:
    where = "the result's " if scope.of_output else ""
    asserts = f"{where}{_path(scope.path)} is in {scope.allowed.text}"
    state = ClauseState.LATER if scope.of_output else ClauseState.MET
    return _line("scopes", scope.clause, asserts, state, values=ask.parts([scope.allowed]))


def _idempotency(rule: Idempotency, ask: _Asking) -> ExplainedLine:
    key = ", ".join(condition.text for condition in rule.key)
    asserts = f"no call with the same {key} within {spoken(rule.within_s)} of the {rule.across}"
    line = _line("idempotency", rule.clause, asserts, values=ask.parts(rule.key))
    return ExplainedLine(line.clause, line.kind, line.asserts, rule.on_repeat, line.state, values=line.values)


def _history(history: History, ask: _Asking) -> ExplainedLine:
    asserts = f"{history.operator} {_event(history.event)} within {spoken(history.within_s)}"
    asserts += f", and none of {_event(history.broken_by)} since" if history.broken_by is not None else ""
    events = [event for event in (history.event, history.broken_by) if event is not None]
    pinned = [condition for event in events for _, condition in event.pins]
    return _line("history", history.clause, asserts, values=ask.parts(pinned))


def _event(event: EventPattern) -> str:
    where = related(event)
    told = f"{' or '.join(event.phases)} of {event.tool} in the {event.across}"
    return f"{told} where {where}" if where else told


def _monotonic(rule: Monotonic, ask: _Asking) -> ExplainedLine:
    by = f" for each {', '.join(condition.text for condition in rule.by)}" if rule.by else ""
    way = f"moves forward through {', '.join(rule.order)}" if rule.order else "never decreases"
    state = ClauseState.LATER if rule.after else ClauseState.MET
    values = () if rule.after else ask.parts([rule.value, *rule.by])
    return _line("monotonic", rule.clause, f"{rule.value.text} {way}{by}", state, values=values)


def _limit(limit: Limit, prepared: Prepared, past: Past, ask: _Asking) -> ExplainedLine:
    amount = f"the sum of {limit.sum.text}" if limit.sum is not None else "calls"
    by = f" for each {', '.join(condition.text for condition in limit.by)}" if limit.by else ""
    asserts = f"{amount}{by} within {spoken(limit.within_s)}: at most {limit.max:g}"
    numbers: dict[str, Json] | None = None
    for claim, used in zip(prepared.claims, past.used_micros, strict=False):
        if claim.clause == limit.clause.id:
            numbers = {"used": plain(used), "asked": plain(claim.micros), "most": plain(claim.max_micros)}
    return _line("limits", limit.clause, asserts, values=ask.parts([limit.sum, *limit.by]), limit=numbers)


def _approve(approve: ApprovalRule, ask: _Asking) -> ExplainedLine:
    asserts = f"no person must approve, unless {approve.when.text}" if approve.when is not None else ""
    return _line(
        "approve",
        approve.clause,
        asserts or "a person must approve each call",
        values=ask.parts([approve.when]),
    )


def _duty(duty: Redact | Cap | Notify) -> str:
    """What an obligation asks for, in words."""
    if isinstance(duty, Notify):
        return f"people are told{f': {duty.to}' if duty.to else ''}"
    if isinstance(duty, Redact):
        hidden = [*(_path(field) for field in duty.fields), *(repr(pattern) for pattern in duty.patterns)]
        return f"the agent does not see {', '.join(hidden)}"
    if duty.arg is not None:
        return f"{_path(duty.arg)} is lowered to {duty.at:g}"
    most = f"{duty.items} items" if duty.items is not None else f"{duty.characters} characters"
    return f"{_path(duty.field or ())} is cut to {most}"


def _later(tool: Tool) -> Iterator[ExplainedLine]:
    """What is asked once the call came back."""
    for duty in tool.obligations:
        when = f" when {duty.when.text}" if duty.when is not None else ""
        # An argument is lowered before the clauses are asked; whatever else it is comes after the call.
        lowers = isinstance(duty.duty, Cap) and duty.duty.arg is not None
        state = ClauseState.MET if lowers else ClauseState.LATER
        yield _line("obligations", duty.clause, f"{_duty(duty.duty)}{when}", state)
    if tool.output is not None:
        yield _line("output", tool.output.clause, "the result fits its schema", ClauseState.LATER)
    for ensure in tool.ensure:
        yield _line("ensure", ensure.clause, ensure.condition.text, ClauseState.LATER)
    if tool.deadline is not None and tool.deadline_s is not None:
        asserts = f"the call ends within {spoken(tool.deadline_s)}"
        yield _line("deadline", tool.deadline, asserts, ClauseState.LATER)
