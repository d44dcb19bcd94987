"""Limits are exact, never negative, and add up within one call."""

from hypothesis import given
from hypothesis import strategies as st

from remit.core.limits import AMOUNT_CEILING, amount, exceeded, plain
from remit.core.types import LimitClaim, OnViolation, Severity


def claim(micros: int, most: int = 5_000_000, clause: str = "refund.daily", **fields: object) -> LimitClaim:
    return LimitClaim(clause, "k", micros, most, 60.0, **fields)  # type: ignore[arg-type]


def test_a_claim_that_exactly_fills_the_limit_fits():
    assert exceeded([claim(2_000_000)], [3_000_000]) == ()


def test_one_millionth_too_much_does_not_fit():
    (violation,) = exceeded([claim(2_000_001)], [3_000_000])

    assert violation.clause == "refund.daily"
    assert violation.message == "3 used of 5 in 1m, 2.000001 asked"


def test_two_claims_of_one_call_on_one_limit_add_up():
    assert [v.message for v in exceeded([claim(3_000_000), claim(3_000_000)], [0, 0])] == [
        "3 used of 5 in 1m, 3 asked"
    ]


def test_claims_on_other_limits_do_not_add_up():
    assert exceeded([claim(3_000_000), claim(3_000_000, clause="refund.weekly")], [0, 0]) == ()


def test_a_violation_does_what_its_limit_says():
    (violation,) = exceeded([claim(9_000_000, on_violation=OnViolation.FLAG, severity=Severity.LOW)], [0])

    assert (violation.on_violation, violation.severity) == (OnViolation.FLAG, Severity.LOW)


def test_a_negative_amount_makes_no_room():
    assert amount(claim(-4_000_000)) == 0
    assert exceeded([claim(-4_000_000), claim(6_000_000)], [0, 0])[0].message == "0 used of 5 in 1m, 6 asked"


def test_an_amount_beyond_every_store_is_refused_and_logged_at_the_ceiling():
    huge = claim(10**40)

    assert exceeded([huge], [0])
    assert amount(huge) == AMOUNT_CEILING


@given(st.integers(min_value=0, max_value=10**30))
def test_plain_writes_micros_without_losing_one(micros: int):
    whole, _, rest = plain(micros).partition(".")

    assert int(whole) * 1_000_000 + int(rest.ljust(6, "0")) == micros
