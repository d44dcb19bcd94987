"""Quantities that never decrease and states that only move forward."""

from __future__ import annotations

import pytest

from remit.core.cel import ConditionError
from remit.core.marks import claim_of, violations
from remit.core.types import OnViolation
from remit.testing.earlier import shop

NUMBER = "value: 'has(args.version) ? args.version : 0.0', by: [args.id]"
STATE = "of: \"has(args.state) ? args.state : ''\", order: [open, paid, closed]"


def claim(text: str = NUMBER, **args: object) -> object:
    rule = shop(move=f"monotonic: [{{id: m, {text}}}]").tools["move"].monotonic[0]
    return claim_of(rule, "move", {"args": {"id": "O-1", **args}, "session": {}})


@pytest.mark.parametrize(
    ("mark", "said"), [(None, ""), (2_000_000, ""), (1_999_999, ""), (2_000_001, "2 is less than 2.000001")]
)
def test_a_value_may_stay_and_rise_and_not_fall(mark: int | None, said: str) -> None:
    found = violations([claim(version=2.0)], [mark])  # type: ignore[list-item]
    assert [v.message.split(",")[0] for v in found] == ([said] if said else [])


def test_a_state_may_stay_and_go_on_and_not_back() -> None:
    paid = claim(STATE, state="paid")
    assert [len(violations([paid], [mark])) for mark in (None, 0, 1, 2)] == [0, 0, 0, 1]  # type: ignore[list-item]
    with pytest.raises(ConditionError, match="none of open, paid, closed"):
        claim(STATE, state="Paid")


@pytest.mark.parametrize("odd", [1e300, -1e300, float("nan"), float("inf"), True, "3"])
def test_what_is_no_sound_number_is_an_error(odd: object) -> None:
    with pytest.raises(ConditionError):
        claim(version=odd)


def test_equal_keys_meet_however_they_are_spelled_and_others_do_not() -> None:
    by = "value: 'has(args.version) ? args.version : 0.0', by: ['has(args.version) ? args.version : 0.0']"
    assert claim(by, version=1).key == claim(by, version=1.0).key != claim(by, version=2).key  # type: ignore[attr-defined]


def test_a_claim_without_an_answer_is_an_error_that_denies() -> None:
    (found,) = violations([claim()], [])  # type: ignore[list-item]
    assert found.error and found.on_violation is OnViolation.DENY
