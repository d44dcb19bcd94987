"""One guarded call, written once, as a generator of needs.

It knows the order of things and nothing of the world: whoever drives it answers each need. The blocking driver, the
awaiting driver, replay, shadow, fault injection and the tests all run this same generator.

    Consult   where the argument values came from, and what the limits hold already
    Record    a refusal, durably
    Approve   a held call: record it durably, open the request, wait for the answer
    Admit     in one transaction: record the decision durably, check again, reserve limits, breaker and approval
    Repeat    instead of all that follows: give the first call's result again, durably
    RunTool   the tool, with the canonical arguments and nothing else
    Settle    in one transaction: record the outcome durably, give the reservations back, count violations

Two orders matter. `Admit` is answered before `RunTool`: no effect without a durable ALLOW or approval before it. And
`Settle` is answered before anything reaches the agent: nothing that is acknowledged can be lost.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from remit.core.admission import Admission
from remit.core.after import judge
from remit.core.decide import after_claims, decide, need_of
from remit.core.envelope import Envelope
from remit.core.marks import MarkClaim
from remit.core.marks import violations as mark_violations
from remit.core.past import Past
from remit.core.prepare import Facts, Prepared, prepare
from remit.core.promote import acted, withheld_by
from remit.core.refusals import CallDenied, ResultWithheld
from remit.core.types import (
    ApprovalNeed,
    Decision,
    Enforcement,
    Json,
    OnViolation,
    Outcome,
    Result,
    Severity,
    ToolCall,
    Violation,
)

_ASKED_AGAIN = 2
"""How often one call may be held for something that only its admission showed, before that is a refusal."""


@dataclass(frozen=True, slots=True)
class Consult:
    """Answered with `Past`."""

    prepared: Prepared


@dataclass(frozen=True, slots=True)
class Record:
    """A refused call; answered with None once the refusal is durable."""

    decision: Decision


@dataclass(frozen=True, slots=True)
class Approve:
    """A held call; answered with the id of an approval that was given. A refusal or a wait that ends is raised."""

    decision: Decision


@dataclass(frozen=True, slots=True)
class Admit:
    """A call that may run; answered with `Admission` once decision and reservations are durable."""

    decision: Decision
    approval_id: str | None
    enforced: bool


@dataclass(frozen=True, slots=True)
class RunTool:
    """The tool itself; answered with `Outcome`, whose error is never raised by the driver."""

    decision: Decision
    admission: Admission


@dataclass(frozen=True, slots=True)
class Settle:
    """What came back; answered with None once it is durable."""

    decision: Decision
    admission: Admission
    outcome: Outcome
    enforced: bool
    marks: tuple[MarkClaim, ...] = ()


@dataclass(frozen=True, slots=True)
class Repeat:
    """A repeat that does not run; answered with the first call's result once that it was given again is durable."""

    decision: Decision
    admission: Admission


@dataclass(frozen=True, slots=True)
class Recall:
    """Quantities that only the result shows; answered with the highest known of each."""

    marks: tuple[MarkClaim, ...]


Need: TypeAlias = Consult | Record | Approve | Admit | Repeat | RunTool | Recall | Settle
Script: TypeAlias = Generator[Need, Any, Json]


def guarded(
    call: ToolCall, envelope: Envelope, facts: Facts, binding: frozenset[str] = frozenset()
) -> Script:
    """The guarded call; returns the tool's value.

    Args:
        call: as the agent asks for it.
        envelope: that judges it, from the first word to the last.
        facts: of the session.
        binding: ids of the clauses that are acted upon while the envelope monitors (`core.promote.binding`).

    Raises:
        CallDenied: refused by a clause, by the breaker or by a person; it did not run.
        ResultWithheld: it ran, and a clause about results was violated (`core.after`).
        BaseException: the tool's own exception, unchanged.
    """
    enforced = envelope.enforcement is Enforcement.ENFORCE
    prepared = prepare(call, envelope, facts, None if enforced else binding)
    past: Past = yield Consult(prepared)
    decision = acted(decide(prepared, envelope, facts, past), envelope, binding, prepared.tool)
    # Also in monitor nothing can run whose arguments no one can read.
    unreadable = decision.canonical is None and not isinstance(call.args, Mapping)
    if decision.result is Result.DENY and (decision.acts or unreadable):
        yield Record(decision)
        raise CallDenied(decision)
    approval_id: str | None = None
    if decision.acts and decision.result is Result.HOLD:
        approval_id = yield from _approved(prepared, decision)
    admission: Admission = yield Admit(decision, approval_id, enforced)
    for _ in range(_ASKED_AGAIN):
        if admission.status != "hold":
            break
        decision = refine(decision, admission)
        tool = envelope.tools.get(call.tool)
        if tool is not None and decision.result is Result.HOLD:
            decision = replace(decision, need=need_of(tool, decision.clauses))
        approval_id = yield from _approved(prepared, decision)
        admission = yield Admit(decision, approval_id, enforced)
    if admission.status == "repeat":
        return (yield Repeat(refine(decision, admission), admission))
    if admission.status != "admitted":
        raise CallDenied(refine(decision, admission, final=True))
    outcome, brought = yield from _run(prepared, facts, decision, admission)
    outcome = judge(outcome, prepared.tool, decision, facts, None if enforced else binding)
    try:
        yield Settle(decision, admission, outcome, enforced, brought)
    except Exception as lost:
        if outcome.error is None:
            raise
        if not isinstance(
            outcome.error, Exception
        ):  # an interrupt or a cancellation must arrive as what it is
            raise outcome.error from lost
        raise lost from outcome.error
    if outcome.error is not None:
        raise outcome.error
    if withheld := withheld_by(outcome.violations, envelope, binding):
        raise ResultWithheld(decision, withheld)
    return outcome.value


def _approved(prepared: Prepared, decision: Decision) -> Generator[Need, Any, str | None]:
    """Whoever was asked said yes, and the world is still as it was when the question was put."""
    approval_id: str | None = yield Approve(decision)
    if decision.world is not None:
        now: Past = yield Consult(prepared)
        if now.world != decision.world:
            moved = _moved(decision)
            yield Record(moved)
            raise CallDenied(moved)
    return approval_id


def _moved(decision: Decision) -> Decision:
    clause, told = f"{decision.tool}.world", "what a path leads to has changed while a person was asked"
    violation = Violation(clause, "world", OnViolation.DENY, Severity.LOW, told, error=True)
    return replace(
        decision,
        result=Result.DENY,
        clauses=(*decision.clauses, clause),
        errors=(*decision.errors, f"{clause}: {told}"),
        violations=(*decision.violations, violation),
        need=None,
    )


def _run(
    prepared: Prepared, facts: Facts, decision: Decision, admission: Admission
) -> Generator[Need, Any, tuple[Outcome, tuple[MarkClaim, ...]]]:
    """The outcome, and the quantities that it shows, judged against what was known of them."""
    outcome: Outcome = yield RunTool(decision, admission)
    brought, gone_back = after_claims(prepared, facts, outcome)
    if brought:
        known: tuple[int | None, ...] = yield Recall(brought)
        gone_back += mark_violations(brought, known)
    return (replace(outcome, violations=gone_back) if gone_back else outcome), brought


def refine(decision: Decision, admission: Admission, *, final: bool = False) -> Decision:
    """The decision, with what the store said when it was asked to admit the call.

    Args:
        decision: what the envelope said.
        admission: what the store said.
        final: whether a hold is now a refusal, since the approval did not cover it.
    """
    if admission.status == "repeat":
        flags = tuple(v for v in decision.violations if v.on_violation is OnViolation.FLAG and not v.error)
        allowed = replace(decision, result=Result.ALLOW, clauses=(), errors=(), violations=flags, need=None)
        return replace(allowed, repeats=admission.first_token)
    if not admission.violations:
        return decision
    decision = _bound_by(decision, admission)
    known = {v.clause for v in decision.violations}
    added = tuple(v for v in admission.violations if v.clause not in known)
    stopping = tuple(v.clause for v in admission.violations if v.on_violation is not OnViolation.FLAG)
    flagged = tuple(v.clause for v in admission.flags)
    result = decision.result
    if admission.status == "refused" or (final and admission.status != "admitted"):
        result = Result.DENY
    elif admission.status == "hold" and result is not Result.DENY:
        result = Result.HOLD
    return replace(
        decision,
        result=result,
        clauses=tuple(dict.fromkeys((*decision.clauses, *stopping))),
        flags=tuple(dict.fromkeys((*decision.flags, *flagged))),
        violations=(*decision.violations, *added),
        need=(admission.need or decision.need or ApprovalNeed()) if result is Result.HOLD else None,
    )


def _bound_by(decision: Decision, admission: Admission) -> Decision:
    """In monitor, a no of the store's is by what binds alone: the other clauses of the decision are not acted upon."""
    if decision.bound is None or admission.status == "admitted":
        return decision
    stopping = (v.clause for v in admission.violations if v.on_violation is not OnViolation.FLAG)
    bound = tuple(dict.fromkeys((*decision.bound, *stopping)))
    return replace(decision, result=Result.HOLD, clauses=bound, bound=bound)
