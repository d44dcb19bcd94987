from math import log

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remit.core.stats.farrington_manning import farrington_manning_p, restricted


def test_without_a_margin_it_is_the_pooled_z_test() -> None:
    # 50 of 53 against 48 of 53: the pooled rate is 98/106; z = (2/53) / sqrt(2 * (98/106) * (8/106) / 53) = .7354.
    assert farrington_manning_p(50, 53, 48, 53) == pytest.approx(1 - 0.2310, abs=5e-5)


def test_two_shares_that_differ_by_the_margin_exactly_are_their_own_best_fit() -> None:
    assert restricted(50, 100, 40, 100, -0.1) == pytest.approx((0.5, 0.4))
    assert farrington_manning_p(50, 100, 40, 100, 0.1) == pytest.approx(0.5)


def test_all_passes_leave_the_margin_as_the_second_shares_failures() -> None:
    # No failure in 100 and 100, margin 10 points: the best fit is 1 and .9; z = .1 / sqrt(.09 / 100) = 3.33.
    assert restricted(100, 100, 100, 100, -0.1) == pytest.approx((1.0, 0.9))
    assert farrington_manning_p(100, 100, 100, 100, 0.1) == pytest.approx(0.000429, abs=5e-6)


@given(st.integers(1, 50), st.integers(1, 50), st.data())
@settings(max_examples=80, deadline=None)
def test_no_other_two_shares_with_that_difference_fit_better(n0: int, n1: int, data: st.DataObject) -> None:
    # Found by search, since the oracle at hand (statsmodels 0.15, compare='diff', method='score') has a slip in its
    # cubic: it writes the first group's hits where Miettinen and Nurminen have its size.
    hits0, hits1 = data.draw(st.integers(0, n0)), data.draw(st.integers(0, n1))
    difference = data.draw(st.sampled_from([-0.7, -0.3, -0.1, -0.05, -0.01, 0.0, 0.02, 0.2]))

    def fit(p0: float) -> float:
        return sum(
            k * log(max(p, 1e-300)) if k else 0.0
            for k, p in (
                (hits0, p0),
                (n0 - hits0, 1 - p0),
                (hits1, p0 + difference),
                (n1 - hits1, 1 - p0 - difference),
            )
        )

    low, high = max(0.0, -difference), min(1.0, 1.0 - difference)
    best = max(fit(low + (high - low) * step / 500) for step in range(501))
    p0, p1 = restricted(hits0, n0, hits1, n1, difference)

    assert p1 == pytest.approx(p0 + difference)
    assert fit(min(high - 1e-12, max(low + 1e-12, p0))) >= best - 1e-3


def test_what_is_no_share_or_no_margin_is_refused() -> None:
    with pytest.raises(ValueError, match="no shares"):
        farrington_manning_p(3, 2, 0, 1)
    with pytest.raises(ValueError, match="margin"):
        farrington_manning_p(1, 2, 0, 1, 1.0)
