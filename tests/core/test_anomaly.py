"""Which exchanges are anomalies, how much they weigh, and what is kept around them."""

from __future__ import annotations

import pytest

from remit.core.anomaly import (
    MOST_SEGMENTS,
    context_body,
    of_answer,
    of_decision,
    of_outcome,
    reasoning_chain,
    triggering_input,
    worst,
)
from remit.core.types import (
    Decision,
    Label,
    LeafOrigin,
    OnViolation,
    Origin,
    Outcome,
    Result,
    Role,
    Segment,
    Severity,
    Violation,
)


def violation(
    on: OnViolation = OnViolation.DENY, severity: Severity = Severity.MEDIUM, *, error: bool = False
) -> Violation:
    return Violation(f"act.{on.value}", "require", on, severity, "found 7", error)


def decision(result: Result, *violations: Violation) -> Decision:
    return Decision(result, violations=violations, tool="act")


def test_a_call_that_was_simply_allowed_is_no_anomaly() -> None:
    assert of_decision(decision(Result.ALLOW), enforced=True) is None


def test_a_held_call_is_an_approval_record_and_no_anomaly() -> None:
    assert of_decision(decision(Result.HOLD, violation(OnViolation.HOLD)), enforced=True) is None


def test_a_refused_call_is_denied_with_its_worst_severity() -> None:
    found = of_decision(
        decision(Result.DENY, violation(), violation(severity=Severity.CRITICAL)), enforced=True
    )

    assert found is not None
    assert (found.kind, found.severity, found.counts, found.enforced) == (
        "denied",
        Severity.CRITICAL,
        True,
        True,
    )
    assert found.clauses == ("act.deny",) and found.tool == "act"


def test_a_refusal_by_errors_alone_is_an_error() -> None:
    crashed = violation(OnViolation.FLAG, Severity.LOW, error=True)

    only = of_decision(decision(Result.DENY, crashed), enforced=True)
    mixed = of_decision(decision(Result.DENY, crashed, violation()), enforced=True)
    assert only is not None and only.kind == "error"
    assert mixed is not None and mixed.kind == "denied"


@pytest.mark.parametrize(
    ("declared", "weighs"), [(Severity.MEDIUM, Severity.LOW), (Severity.HIGH, Severity.HIGH)]
)
def test_a_flag_weighs_low_unless_its_clause_says_otherwise(declared: Severity, weighs: Severity) -> None:
    found = of_decision(decision(Result.ALLOW, violation(OnViolation.FLAG, declared)), enforced=False)

    assert found is not None
    assert (found.kind, found.severity, found.enforced) == ("flagged", weighs, False)


def test_a_tools_own_exception_is_infrastructure_and_does_not_count() -> None:
    found = of_outcome(decision(Result.ALLOW), Outcome(error=OSError()), enforced=True)
    assert found is not None and (found.kind, found.counts) == ("infrastructure", False)


def test_a_violating_outcome_counts_also_where_the_tool_raised() -> None:
    outcome = Outcome(error=OSError(), violations=(violation(),))
    found = of_outcome(decision(Result.ALLOW), outcome, enforced=True)
    assert found is not None and (found.kind, found.counts) == ("output", True)


def test_a_clean_outcome_and_a_clean_answer_are_no_anomaly() -> None:
    assert of_outcome(decision(Result.ALLOW), Outcome("fine"), enforced=True) is None
    assert of_answer([], enforced=True) is None


def test_an_answer_that_violates_outputs_is_an_anomaly_of_no_tool() -> None:
    found = of_answer([violation()], enforced=True)
    assert found is not None and (found.kind, found.tool) == ("answer", "")


def test_the_worst_of_nothing_is_low() -> None:
    assert worst([]) is Severity.LOW


def segment(index: int, role: Role) -> Segment:
    return Segment(index, role, role.value, f"text {index}", Label())


def leaf(*segments: int) -> LeafOrigin:
    return LeafOrigin("n", 7, tuple(Origin(i, "tool", Label(), "") for i in segments))


SAID = [
    segment(i, role)
    for i, role in enumerate(
        [
            Role.USER,
            Role.ASSISTANT,
            Role.TOOL,
            Role.TOOL,
            Role.USER,
            Role.ASSISTANT,
            Role.TOOL,
            Role.ASSISTANT,
        ]
    )
]


def test_the_triggering_input_is_where_the_arguments_stood_and_what_the_user_said_last() -> None:
    assert [s.index for s in triggering_input([leaf(2)], SAID)] == [2, 4]


def test_without_an_origin_the_last_results_are_the_best_witness() -> None:
    assert [s.index for s in triggering_input([leaf()], SAID)] == [3, 4, 6]


def test_the_reasoning_is_what_the_model_wrote_since_the_user_spoke() -> None:
    assert [s.index for s in reasoning_chain(SAID)] == [5, 7]
    assert reasoning_chain(SAID[:1]) == []


def test_no_anomaly_keeps_more_than_the_latest_segments() -> None:
    many = [segment(i, Role.ASSISTANT) for i in range(40)]
    tools = [segment(i, Role.TOOL) for i in range(40)]

    assert [s.index for s in reasoning_chain(many)] == list(range(40 - MOST_SEGMENTS, 40))
    assert len(triggering_input([leaf(*range(40))], tools)) == MOST_SEGMENTS


def test_the_context_names_segments_and_holds_no_text() -> None:
    body = context_body(SAID[:1], SAID[1:2])

    assert body == {
        "triggering_input": [{"segment": 0, "role": "user", "source": "user", "integrity": "untrusted"}],
        "reasoning": [1],
    }
