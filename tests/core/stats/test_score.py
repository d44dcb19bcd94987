from math import inf, sqrt
from statistics import NormalDist

import pytest

from remit.core.stats.score import Score, interval


def test_without_corrections_it_is_a_plain_z() -> None:
    score = Score(0.1, 0.05)

    assert (score.plain, score.z) == (2.0, 2.0)
    assert score.p == pytest.approx(NormalDist().cdf(-2.0))
    assert Score(0.1, 0.05, df=4).p == pytest.approx(0.0580583)  # Student's t = 2 with 4 degrees of freedom


def test_a_quarter_of_a_step_is_taken_off_towards_the_value() -> None:
    assert Score(0.1, 0.05, step=0.04).z == pytest.approx(1.8)
    assert Score(-0.1, 0.05, step=0.04).z == pytest.approx(-1.8)
    assert Score(0.01, 0.05, step=0.04).z == Score(-0.01, 0.05, step=0.04).z == 0.0


def test_a_skewed_estimate_is_bent_as_a_cubic_says() -> None:
    # z + bend (z * z - 1) is the plain score, with bend = 1/6 of the skewness.
    for far in (0.1, 0.15, 0.3, -0.05, -0.1):
        score = Score(far, 0.05, third=0.6 * 0.05**3)
        assert score.z + 0.1 * (score.z**2 - 1) == pytest.approx(score.plain)


def test_a_coin_that_never_failed_has_the_exact_bound_nearly() -> None:
    # 0 of 100: the exact one-sided 97.5 % bound is 1 - .025 ** .01 = .0362.
    def failures(at: float) -> Score:
        p = max(-at, 1e-9)
        return Score(-at, sqrt(p * (1 - p) / 100), third=-p * (1 - p) * (1 - 2 * p) / 100**2, step=0.01)

    low, _ = interval(failures, 0.95)
    assert low == pytest.approx(-0.0362, abs=0.004)


def test_what_cannot_vary_is_certain() -> None:
    assert (Score(0.0, 0.0).p, Score(0.5, 0.0).p, Score(-0.5, 0.0).p) == (0.5, 0.0, 1.0)
    assert Score(0.0, 0.0).df == inf
