from math import exp, inf, lgamma, log, pi

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remit.core.stats.mixture import interval, log_e, log_e_block, log_e_pass
from remit.core.stats.proportion import clopper_pearson


def test_uniform_prior_as_by_hand() -> None:
    # s successes and f failures: s! f! / (s + f + 1)!, over p ** s * (1 - p) ** f.
    assert exp(log_e(3, 1, 0.5, 1, 1)) == pytest.approx((6 * 1 / 120) / 0.5**4)
    assert exp(log_e(0, 0, 0.5, 1, 1)) == pytest.approx(1.0)


def test_jeffreys_prior_as_by_hand() -> None:
    # One success: the prior mean is 1/2, whatever p: .5 / p. Two: 3/8.
    assert exp(log_e(1, 0, 0.9)) == pytest.approx(0.5 / 0.9)
    assert exp(log_e(2, 0, 0.9)) == pytest.approx(0.375 / 0.81)
    assert lgamma(0.5) == pytest.approx(log(pi) / 2)


def test_a_prior_that_is_cut_as_by_hand() -> None:
    # Uniform on (.5, 1), two successes: mean of q ** 2 = (1 - 1/8) / 3 / .5 = 7/12, over 1/4.
    assert exp(log_e_pass(2, 0, 0.5, 1, 1)) == pytest.approx(7 / 3)
    # One of each: (mean of q - mean of q ** 2) = 3/4 - 7/12 = 1/6, over 1/4.
    assert exp(log_e_pass(1, 1, 0.5, 1, 1)) == pytest.approx(2 / 3)
    assert exp(log_e_block(1, 1, 0.5, 1, 1)) == pytest.approx(2 / 3)


@settings(deadline=None)
@given(st.integers(0, 60), st.integers(0, 60), st.floats(0.05, 0.95))
def test_the_bet_is_fair_at_its_border(successes: int, failures: int, p: float) -> None:
    now = exp(log_e_pass(successes, failures, p))
    later = p * exp(log_e_pass(successes + 1, failures, p)) + (1 - p) * exp(
        log_e_pass(successes, failures + 1, p)
    )

    assert later == pytest.approx(now, rel=1e-6)


def test_below_the_border_the_bet_loses_on_average() -> None:
    p0, p = 0.9, 0.8
    for successes in range(30):
        now = log_e_pass(successes, 3, p0)
        later = p * exp(log_e_pass(successes + 1, 3, p0)) + (1 - p) * exp(log_e_pass(successes, 4, p0))
        assert later < exp(now)


def test_evidence_of_ten_thousand_trials_is_a_number() -> None:
    assert log_e_pass(9_900, 100, 0.9) > 400
    assert log_e_pass(5_000, 5_000, 0.9) < 0
    assert log_e_pass(0, 100_000, 0.9) < -1_000 or log_e_pass(0, 100_000, 0.9) == -inf


def test_the_sequence_is_the_set_of_rates_not_won_against() -> None:
    low, high = interval(95, 5)

    assert log_e(95, 5, low) == pytest.approx(log(20), abs=1e-6)
    assert log_e(95, 5, high) == pytest.approx(log(20), abs=1e-6)
    exact = clopper_pearson(95, 100)
    assert low < exact[0] < exact[1] < high
    assert interval(0, 0) == (0.0, 1.0)
    assert interval(7, 0)[1] == 1.0 and interval(0, 7)[0] == 0.0


def test_what_is_no_count_is_refused() -> None:
    with pytest.raises(ValueError, match="-1 successes"):
        log_e_pass(-1, 0, 0.5)
    with pytest.raises(ValueError, match="confidence"):
        interval(1, 1, 1.0)
