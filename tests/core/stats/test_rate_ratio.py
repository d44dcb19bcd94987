from math import inf, isnan

import pytest

from remit.core.classify.change_windows import ENOUGH
from remit.core.stats.rate_ratio import rate_ratio, rate_ratio_p


def test_the_rates_of_a_textbook_give_its_ratio_interval_and_p_value() -> None:
    # The example of R's poisson.test: 11 cases in 800 against 21 in 3,011; two-sided p = 0.07967.
    ratio = rate_ratio(6 + 8 + 7, 1083 + 1050 + 878, 11, 800)

    assert ratio.value == pytest.approx(1.971488, abs=1e-6)
    assert ratio.low == pytest.approx(0.8584264, abs=1e-7)
    assert ratio.high == pytest.approx(4.277266, abs=1e-6)
    assert rate_ratio_p(21, 3011, 11, 800) == pytest.approx(0.05601, abs=1e-5)


def test_a_tail_of_the_binomial_can_be_counted_by_hand() -> None:
    # 6 or more of 8 coins: (28 + 8 + 1) / 256
    assert rate_ratio_p(2, 10, 6, 10) == pytest.approx(37 / 256)


def test_what_never_was_before_is_infinitely_more_frequent_with_a_lower_bound() -> None:
    ratio = rate_ratio(0, 100, 5, 100)

    # The lower bound of 5 of 5 is .025 ** (1/5).
    share = 0.025**0.2
    assert (ratio.value, ratio.high) == (inf, inf)
    assert ratio.low == pytest.approx(share / (1 - share))


def test_nothing_at_all_says_nothing() -> None:
    ratio = rate_ratio(0, 100, 0, 50)

    assert isnan(ratio.value)
    assert (ratio.low, ratio.high) == (0.0, inf)
    assert rate_ratio_p(0, 100, 0, 50) == 1.0
    assert rate_ratio_p(9, 100, 0, 50) == 1.0


def test_before_and_after_exchanged_turn_the_ratio_around() -> None:
    one, other = rate_ratio(3, 50, 9, 70), rate_ratio(9, 70, 3, 50)

    assert (one.value, one.low, one.high) == pytest.approx((1 / other.value, 1 / other.high, 1 / other.low))


def test_as_many_calls_as_a_window_asks_for_show_a_rise_from_half_a_percent_to_three() -> None:
    from scipy.stats import binom

    def power(n: int) -> float:
        most = 60  # beyond which neither count has any chance to speak of
        before, after = (binom(n, rate).pmf(range(most)) for rate in (0.005, 0.03))
        return sum(
            float(before[x0] * after[x1])
            for x0 in range(most)
            for x1 in range(most)
            if rate_ratio_p(x0, n, x1, n) <= 0.01
        )

    assert power(ENOUGH) == pytest.approx(0.91, abs=0.01)
    assert power(500) < 0.75
