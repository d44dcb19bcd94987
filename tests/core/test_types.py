"""The shared nouns: their orders, and the line that tells why."""

from __future__ import annotations

import itertools

from remit.core.types import (
    Confidentiality,
    Decision,
    Integrity,
    Label,
    Mode,
    OnViolation,
    Result,
    Severity,
    ToolEffect,
    Violation,
)

LABELS = [Label(i, c) for i in Integrity for c in Confidentiality]


def test_what_cannot_be_undone_and_what_leaves_is_consequential() -> None:
    assert [e.value for e in ToolEffect if e.consequential] == ["irreversible", "egress"]


def test_modes_go_from_most_autonomy_to_least() -> None:
    assert [m.strictness for m in Mode] == [0, 1, 2, 3, 4]


def test_joining_labels_takes_the_worse_of_both_in_any_order() -> None:
    for one, two in itertools.product(LABELS, LABELS):
        joined = one.join(two)
        assert joined == two.join(one) == joined.join(one)
        assert joined.integrity.rank == max(one.integrity.rank, two.integrity.rank)
        assert joined.confidentiality.rank == max(one.confidentiality.rank, two.confidentiality.rank)


def test_the_reason_tells_what_stops_and_not_what_only_flags() -> None:
    def found(on: OnViolation, *, error: bool = False) -> Violation:
        return Violation(f"act.{on.value}", "require", on, Severity.LOW, "no", error)

    told = Decision(Result.DENY, violations=(found(OnViolation.DENY), found(OnViolation.FLAG)))
    assert told.reason == "act.deny: no"
    assert Decision(Result.DENY, violations=(found(OnViolation.FLAG, error=True),)).reason == "act.flag: no"
    assert Decision(Result.HOLD).reason == "hold"
