import math

import numpy as np
import pytest

from remit.core.stats.latency import latency_test


def test_within_one_task_it_is_the_rank_sum_test() -> None:
    """scipy.stats.mannwhitneyu([1.1, 2.2, 3.3, 5.5], [4.4, 6.6, 7.7, 8.8], alternative="less", method="exact"):
    p = 2/70."""
    found = latency_test(
        [1.1, 2.2, 3.3, 5.5, 4.4, 6.6, 7.7, 8.8], [False] * 4 + [True] * 4, ["t"] * 8, permutations=9999
    )

    assert found.result.p == pytest.approx(2 / 70, abs=0.006)
    assert found.p_either == pytest.approx(4 / 70, abs=0.008)


def test_runs_that_take_a_tenth_longer_are_found_though_tasks_differ_by_far_more() -> None:
    rng = np.random.default_rng(0)
    arms, tasks = ([False] * 5 + [True] * 5) * 20, [at // 10 for at in range(200)]
    seconds = np.exp(2 * rng.normal(size=20).repeat(10) + 0.1 * rng.normal(size=200)) * np.where(
        arms, 1.1, 1.0
    )

    found = latency_test(seconds.tolist(), arms, tasks)

    assert found.result.p <= 0.002
    assert found.ratio == pytest.approx(1.1, abs=0.04)
    assert latency_test(seconds.tolist(), arms, ["one"] * 200).result.p > 0.05


def test_faster_is_not_slower() -> None:
    found = latency_test([9.0] * 6 + [1.0] * 6, [False] * 6 + [True] * 6, ["t"] * 12)

    assert found.result.p == 1.0
    assert found.p_either <= 0.01


def test_runs_that_were_cut_off_are_the_slowest() -> None:
    found = latency_test([1.0] * 6 + [math.inf] * 6, [False] * 6 + [True] * 6, ["t"] * 12)

    assert found.result.p <= 0.01
    assert found.ratio is None


def test_equal_durations_say_nothing() -> None:
    assert latency_test([1.0] * 8, [False, True] * 4, ["t"] * 8).result.p == 1.0
    assert latency_test([1.0, 2.0], [False, True], ["a", "b"]).result.p is None
    assert latency_test([0.0, 0.0], [False, True], ["a", "a"]).ratio is None


def test_its_level_is_what_it_says() -> None:
    rng = np.random.default_rng(1)
    arms, tasks = [False, False, True, True] * 10, [at // 4 for at in range(40)]

    p = [
        latency_test(rng.exponential(size=40).tolist(), arms, tasks, permutations=99, seed=s).result.p
        for s in range(300)
    ]

    assert 0.02 <= np.mean(np.array(p) <= 0.05) <= 0.085
