import math

import numpy as np
import pytest

from remit.core.stats.mixture import log_e_block, log_e_pass
from remit.core.stats.quantiles import needed, quantile, quantile_at_any_time
from remit.core.stats.sprt import plan


def coverage(n: int, q: float, low: float | None, high: float | None) -> float:
    """Of [X(low), X(high)] by the binomial law: between low and high - 1 values lie below the quantile."""
    chances = [math.comb(n, k) * q**k * (1 - q) ** (n - k) for k in range(n + 1)]
    first, last = 0 if low is None else int(low), n + 1 if high is None else int(high)
    return sum(chances[first:last])


@pytest.mark.parametrize(
    ("n", "q", "low", "high"),
    [
        (100, 0.5, 40, 61),  # scipy.stats.quantile_test gives the same
        (1000, 0.95, 936, 964),
        (10, 0.5, 2, 9),  # Conover, Practical Nonparametric Statistics, 1999, table A3
        (20, 0.5, 6, 15),
    ],
)
def test_it_lies_between_the_published_ranks(n: int, q: float, low: int, high: int) -> None:
    found = quantile(range(1, n + 1), q)

    assert (found.low, found.high) == (low, high)


@pytest.mark.parametrize(("q", "enough"), [(0.5, 5), (0.9, 29), (0.95, 59), (0.99, 299)])
def test_with_too_few_runs_there_is_no_upper_bound_and_it_says_how_many_are_needed(
    q: float, enough: int
) -> None:
    assert needed(q) == enough
    short, just = quantile(range(enough - 1), q), quantile(range(enough), q)

    assert (short.high, short.told) == (
        None, f"too few runs for an upper bound: {enough - 1}, and {enough} are needed"
    )  # fmt: skip
    assert (just.high, just.told) == (enough - 1, "")


@pytest.mark.parametrize("q", [0.5, 0.9, 0.95, 0.99])
@pytest.mark.parametrize("n", [5, 6, 29, 30, 59, 72, 100, 299, 368, 1000])
def test_it_covers_at_least_as_often_as_it_says(n: int, q: float) -> None:
    found = quantile(range(1, n + 1), q)

    if found.high is not None:
        assert coverage(n, q, found.low, found.high) >= 0.95
    assert found.low is None or found.low <= found.value


def test_it_covers_whatever_the_distribution_is() -> None:
    rng = np.random.default_rng(0)
    true = math.exp(0.8 * 1.2815515655446004)

    found = [quantile(np.exp(0.8 * rng.normal(size=60)).tolist(), 0.9) for _ in range(400)]

    assert np.mean([one.low <= true <= one.high for one in found]) >= 0.93


def test_runs_that_were_cut_off_took_longer_than_any_other() -> None:
    found = quantile([1.0] * 90 + [math.inf] * 10, 0.95)

    assert (found.value, found.high) == (math.inf, math.inf)


def test_the_value_itself_is_one_of_the_values() -> None:
    assert [quantile([3, 1, 2], q).value for q in (0.01, 1 / 3, 0.5, 0.99)] == [1, 1, 2, 3]
    assert quantile([], 0.5).told == "no runs"
    for q, confidence in ((0.0, 0.95), (1.0, 0.95), (0.5, 1.0)):
        with pytest.raises(ValueError, match="must lie between"):
            quantile([1.0], q, confidence)


def test_at_any_time_it_lies_between_the_values_that_no_bet_on_their_counts_has_won_against() -> None:
    found, n, q, reach = quantile_at_any_time(range(1, 81), 0.8), 80, 0.8, math.log(40)

    # A quantile of x means that x of the values 1, ..., 80 are at or below it, and x - 1 are below.
    kept = [
        x
        for x in range(1, 81)
        if log_e_block(x, n - x, q) < reach and log_e_pass(x - 1, n - x + 1, q) < reach
    ]
    assert (found.low, found.high) == (kept[0], kept[-1])


def test_after_a_gate_has_stopped_the_usual_interval_misses_and_the_one_for_any_time_does_not() -> None:
    rng, gate, missed = np.random.default_rng(1), plan(0.90, 0.97), [0, 0]
    for _ in range(800):
        values, failures, n = rng.random(gate.cap).tolist(), 0, 0
        while gate.step(n, failures) is None or n == 0:
            failures += values[n] > 0.9
            n += 1
        for at, of in enumerate((quantile, quantile_at_any_time)):
            found = of(values[:n], 0.9)
            missed[at] += (found.low or 0.0) > 0.9 or (1.0 if found.high is None else found.high) < 0.9

    assert missed[0] / 800 > 0.05 > missed[1] / 800


def test_at_any_time_more_values_are_needed_for_an_upper_bound() -> None:
    found = quantile_at_any_time(range(59), 0.95)

    assert (found.high, found.told) == (
        None,
        "too few runs for an upper bound at any stop: 59, and 90 are needed",
    )
    for q, enough in ((0.5, 7), (0.9, 44), (0.95, 90), (0.99, 455)):
        assert quantile_at_any_time(range(enough - 1), q).high is None
        assert quantile_at_any_time(range(enough), q).high == enough - 1
    assert quantile_at_any_time([], 0.5).told == "no runs"
