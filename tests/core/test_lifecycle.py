"""The guarded call as a generator: in which order it asks, and what it never asks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from remit.core.admission import Admission
from remit.core.envelope import Envelope
from remit.core.errors import Unavailable
from remit.core.lifecycle import Admit, Approve, Consult, Record, RunTool, Settle, guarded, refine
from remit.core.past import Past, look_back
from remit.core.prepare import Facts
from remit.core.provenance import SessionText
from remit.core.refusals import CallDenied, ResultWithheld
from remit.core.types import (
    ApprovalNeed,
    Decision,
    Mode,
    OnViolation,
    Outcome,
    Result,
    Severity,
    ToolCall,
    Violation,
)
from remit.testing import act, call, one_tool, small_refunds

NO_FACTS = Facts({})
ADMITTED = Admission("admitted", Mode.AUTONOMOUS, 0, 0, lease_until=60.0)
LIMIT = Violation("refund.total", "limits", OnViolation.DENY, Severity.MEDIUM, "210 used of 200")
SUPERVISED = Violation("breaker.supervised", "breaker", OnViolation.HOLD, Severity.LOW, "supervised")


def script_of(asked: ToolCall, envelope: Envelope | None = None) -> Any:
    return guarded(asked, envelope or small_refunds(), NO_FACTS)


def past(need: Consult, used: int = 0) -> Past:
    return look_back(need.prepared, SessionText(), (used,) * len(need.prepared.claims))


def until_admit(script: Any) -> Admit:
    need = next(script)
    assert isinstance(need, Consult)
    admit = script.send(past(need))
    assert isinstance(admit, Admit)
    return admit


def test_a_denied_call_is_recorded_and_never_run() -> None:
    script = script_of(call("refund", amount=90))

    consult = next(script)
    record = script.send(past(consult))
    assert isinstance(record, Record)
    assert record.decision.clauses == ("refund.ceiling", "refund.large")
    with pytest.raises(CallDenied, match=r"refund\.ceiling"):
        script.send(None)


def test_a_refusal_that_cannot_be_recorded_is_no_permission() -> None:
    script = script_of(call("refund", amount=90))
    script.send(past(next(script)))

    with pytest.raises(Unavailable):
        script.throw(Unavailable("the disk is full"))


def test_an_allowed_call_is_admitted_before_it_runs_and_settled_before_it_returns() -> None:
    script = script_of(call("refund", amount=5))

    admit = until_admit(script)
    assert admit.approval_id is None and admit.enforced
    run = script.send(ADMITTED)
    assert isinstance(run, RunTool) and run.decision.canonical == {"amount": 5}
    settle = script.send(Outcome({"refund_id": "R"}))
    assert isinstance(settle, Settle)
    with pytest.raises(StopIteration) as end:
        script.send(None)
    assert end.value.value == {"refund_id": "R"}


def test_a_call_that_could_not_be_admitted_does_not_run() -> None:
    script = script_of(call("refund", amount=5))
    until_admit(script)

    with pytest.raises(Unavailable):
        script.throw(Unavailable("the store is gone"))


def test_a_held_call_asks_people_before_it_reserves_anything() -> None:
    script = script_of(call("refund", amount=30))

    approve = script.send(past(next(script)))
    assert isinstance(approve, Approve) and approve.decision.need == ApprovalNeed()
    admit = script.send("approval-1")
    assert isinstance(admit, Admit) and admit.approval_id == "approval-1"


def test_a_held_call_that_nobody_approves_is_never_admitted() -> None:
    script = script_of(call("refund", amount=30))
    script.send(past(next(script)))

    with pytest.raises(CallDenied):
        script.throw(CallDenied(Decision(Result.DENY, tool="refund")))


def test_a_call_that_the_store_holds_is_put_to_people_and_admitted_again() -> None:
    script = script_of(call("refund", amount=5))
    until_admit(script)

    approve = script.send(Admission("hold", Mode.SUPERVISED, 1, 1, violations=(SUPERVISED,)))
    assert isinstance(approve, Approve)
    assert approve.decision.result is Result.HOLD
    assert approve.decision.clauses == ("breaker.supervised",)
    admit = script.send("approval-1")
    assert isinstance(admit, Admit) and admit.approval_id == "approval-1"
    assert isinstance(script.send(ADMITTED), RunTool)


def test_a_call_that_is_held_for_something_new_is_asked_again_and_refused_in_the_end() -> None:
    script = script_of(call("refund", amount=30))
    held = Admission("hold", Mode.SUPERVISED, 2, 2, violations=(SUPERVISED,))
    assert isinstance(script.send(past(next(script))), Approve)
    assert isinstance(script.send("approval-1"), Admit)

    for approval in ("approval-2", "approval-3"):
        assert isinstance(script.send(held), Approve)
        assert isinstance(script.send(approval), Admit)
    with pytest.raises(CallDenied) as no:
        script.send(held)
    assert no.value.decision.result is Result.DENY


def test_a_limit_that_is_exceeded_when_the_call_is_admitted_refuses_it() -> None:
    script = script_of(call("refund", amount=5))
    until_admit(script)

    with pytest.raises(CallDenied, match=r"refund\.total: 210 used"):
        script.send(Admission("refused", Mode.AUTONOMOUS, 0, 0, violations=(LIMIT,)))


def test_a_limit_that_holds_only_at_admission_asks_its_own_approvers() -> None:
    envelope = one_tool(
        "      limits:\n"
        "        - {id: few, count: calls, within: 1h, max: 1, on_violation: hold, hold_by: [lead], expires: 1m}\n"
        "      approve:\n        - {id: always, by: [lead, clerk], people: 2}\n"
    )
    script = script_of(act(n=1), envelope)
    held = script.send(past(next(script)))
    assert held.decision.need.roles == ("clerk", "lead") and held.decision.need.people == 2

    script = script_of(act(n=1), one_tool(_FEW))
    until_admit(script)
    over = Violation("act.few", "limits", OnViolation.HOLD, Severity.MEDIUM, "1 used of 1")
    approve = script.send(Admission("hold", Mode.AUTONOMOUS, 0, 0, violations=(over,)))
    assert approve.decision.need.roles == ("lead",) and approve.decision.need.expires_s == 60


_FEW = (
    "      limits:\n"
    "        - {id: few, count: calls, within: 1h, max: 1, on_violation: hold, hold_by: [lead], expires: 1m}\n"
)


def test_the_tools_own_exception_is_settled_and_then_passes_unchanged() -> None:
    script = script_of(call("refund", amount=5))
    until_admit(script)
    script.send(ADMITTED)
    error = KeyError("no such order")

    settle = script.send(Outcome(error=error))
    assert settle.outcome.error is error
    with pytest.raises(KeyError) as raised:
        script.send(None)
    assert raised.value is error


def test_an_outcome_that_cannot_be_recorded_hides_the_result_and_keeps_the_tools_error_as_cause() -> None:
    script = script_of(call("refund", amount=5))
    until_admit(script)
    script.send(ADMITTED)
    error = KeyError("no such order")
    script.send(Outcome(error=error))

    with pytest.raises(Unavailable) as lost:
        script.throw(Unavailable("refund ran, and its outcome could not be recorded"))
    assert lost.value.__cause__ is error


def test_an_interrupt_arrives_as_what_it_is_even_where_it_could_not_be_recorded() -> None:
    script = script_of(call("refund", amount=5))
    until_admit(script)
    script.send(ADMITTED)
    script.send(Outcome(error=KeyboardInterrupt()))

    with pytest.raises(KeyboardInterrupt) as raised:
        script.throw(Unavailable("the disk is full"))
    assert isinstance(raised.value.__cause__, Unavailable)


def test_a_result_that_violates_the_output_is_settled_and_withheld() -> None:
    script = script_of(call("refund", amount=5))
    until_admit(script)
    script.send(ADMITTED)

    settle = script.send(Outcome({"wrong": 1}))
    assert [v.clause for v in settle.outcome.violations] == ["refund.output"]
    with pytest.raises(ResultWithheld, match="ran and its result is withheld") as no:
        script.send(None)
    assert no.value.violations == settle.outcome.violations


def test_a_result_that_comes_too_late_is_withheld() -> None:
    script = script_of(call("refund", amount=5))
    until_admit(script)
    script.send(ADMITTED)
    script.send(Outcome({"refund_id": "R"}, elapsed_s=6.0))

    with pytest.raises(ResultWithheld, match=r"took 6\.000 s"):
        script.send(None)


def test_an_output_clause_that_flags_lets_the_result_through() -> None:
    output = "      output: {schema: {type: string}, on_violation: flag}\n"
    script = script_of(act(), one_tool(output))
    until_admit(script)
    script.send(ADMITTED)
    script.send(Outcome(7))

    with pytest.raises(StopIteration) as end:
        script.send(None)
    assert end.value.value == 7


def test_a_tool_that_is_not_listed_is_denied() -> None:
    script = script_of(call("transfer", amount=5))
    record = script.send(past(next(script)))

    assert isinstance(record, Record) and record.decision.clauses == ("unlisted",)
    with pytest.raises(CallDenied):
        script.send(None)


@pytest.mark.parametrize("asked", [call("refund", amount=90), call("refund", amount=30), call("transfer")])
def test_monitor_records_and_never_blocks(asked: ToolCall) -> None:
    script = script_of(asked, small_refunds(monitor=True))

    admit = until_admit(script)
    assert not admit.enforced
    assert isinstance(script.send(ADMITTED), RunTool)
    assert isinstance(script.send(Outcome({"wrong": 1})), Settle)
    with pytest.raises(StopIteration) as end:
        script.send(None)
    assert end.value.value == {"wrong": 1}


def test_also_monitor_refuses_a_call_whose_arguments_nobody_can_read() -> None:
    script = script_of(ToolCall("refund", "{not json"), small_refunds(monitor=True))  # type: ignore[arg-type]

    record = script.send(past(next(script)))
    assert isinstance(record, Record) and record.decision.errors
    with pytest.raises(CallDenied):
        script.send(None)


def test_nothing_that_the_store_says_makes_a_refused_call_a_held_one() -> None:
    denied = Decision(Result.DENY, ("refund.ceiling",), tool="refund")

    refined = refine(denied, Admission("hold", Mode.SUPERVISED, 1, 1, violations=(SUPERVISED,)))
    assert refined.result is Result.DENY and refined.need is None
    assert "breaker.supervised" in refined.clauses


def test_a_limit_that_flags_is_a_flag_once_and_no_clause_that_stops() -> None:
    allowed = Decision(Result.ALLOW, tool="refund")
    flagged = replace(LIMIT, on_violation=OnViolation.FLAG)

    refined = refine(allowed, replace(ADMITTED, violations=(flagged,)))
    assert refined.result is Result.ALLOW
    assert (refined.clauses, refined.flags, refined.violations) == ((), ("refund.total",), (flagged,))
