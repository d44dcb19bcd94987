import math

import numpy as np
import pytest
from scipy.stats import hypergeom

from remit.core.stats.latency import latency_test
from remit.core.stats.tail import slow_tail


def test_a_declared_limit_is_fishers_test_within_one_task() -> None:
    seconds = [1, 1, 1, 1, 9, 9, 9, 1]

    found = slow_tail(seconds, [False] * 4 + [True] * 4, ["t"] * 8, limit=5)

    assert found.p == pytest.approx(0.07142857142857142)  # scipy.stats.fisher_exact, greater: 4 of 56
    assert (found.how, found.before, found.n, found.after, found.m) == ("declared", 0, 4, 3, 4)


def test_over_tasks_it_is_the_sum_of_hypergeometric_numbers() -> None:
    """Task a: 2 of 3 candidate runs and 1 of 3 of the baseline are slow; task b: 1 of 2 and 0 of 4."""
    arms = [False] * 3 + [True] * 3 + [False] * 4 + [True] * 2
    slow = [1, 0, 0, 1, 1, 0, 0, 0, 0, 0, 1, 0]
    one, other = hypergeom(6, 3, 3), hypergeom(6, 1, 2)
    exact = sum(one.pmf(a) * other.pmf(b) for a in range(4) for b in range(2) if a + b >= 3)

    found = slow_tail([10.0 * s for s in slow], arms, ["a"] * 6 + ["b"] * 6, limit=5)

    assert found.p == pytest.approx(exact, abs=1e-12)


def test_the_baselines_own_limit_is_one_of_its_runs_and_moves_with_every_deal() -> None:
    """Of the ways to deal 10 and 10 runs, the candidate has the 4 largest in C(16, 6) / C(20, 10): 4.3 %."""
    seconds = [float(at) for at in range(20)]
    arms = [at in (16, 17, 18, 19, 1, 3, 5, 7, 9, 11) for at in range(20)]

    found = slow_tail(seconds, arms, ["t"] * 20)

    assert (found.limit, found.before, found.after) == (15.0, 0, 4)
    assert found.how == "the 10th of 10 baseline runs, their p99"
    assert found.p == pytest.approx(math.comb(16, 6) / math.comb(20, 10), abs=0.02)


def test_equal_durations_are_not_above_each_other() -> None:
    assert slow_tail([5.0] * 20, [False, True] * 10, ["t"] * 20).p == 1.0
    assert slow_tail([math.inf] * 20, [False, True] * 10, ["t"] * 20).p == 1.0


def drawn(rng: np.random.Generator, hang: float) -> tuple[float, float, float]:
    """Tail, ranks and mean of 200 runs in each arm, lognormal around 8 s; so many of the candidate's hang for 30 s.

    In both arms one run in two hundred takes five minutes, as happens anyway.
    """
    arms, tasks = [False] * 10 + [True] * 10, [at // 20 for at in range(400)]
    seconds = 8 * np.exp(0.3 * rng.normal(size=20).repeat(20) + 0.3 * rng.normal(size=400))
    which = np.array(arms * 20)
    seconds += 300 * (rng.random(400) < 0.005)
    seconds += 30 * (which & (rng.random(400) < hang))
    from scipy.stats import ttest_ind

    tail = slow_tail(seconds.tolist(), arms * 20, tasks, permutations=199, seed=int(rng.integers(1 << 30))).p
    rank = latency_test(seconds.tolist(), arms * 20, tasks, permutations=199).result.p
    mean = ttest_ind(seconds[which], seconds[~which], alternative="greater", equal_var=False).pvalue
    return float(tail or 1), float(rank or 1), float(mean)


def test_one_run_in_twenty_that_hangs_is_seen_by_the_tail_and_missed_by_ranks_and_means() -> None:
    rng = np.random.default_rng(8)

    quiet = np.array([drawn(rng, 0.0) for _ in range(200)]) <= 0.05
    hangs = np.array([drawn(rng, 0.05) for _ in range(80)]) <= 0.05

    print(f"found, tail / ranks / mean: {hangs.mean(axis=0)}; nothing changed: {quiet.mean(axis=0)}")
    assert quiet.mean(axis=0)[:2].max() <= 0.1
    assert hangs.mean(axis=0)[0] >= 0.75
    assert hangs.mean(axis=0)[1] <= 0.35
    assert hangs.mean(axis=0)[2] <= 0.5


def test_without_a_task_in_both_arms_it_says_so() -> None:
    assert slow_tail([1.0, 2.0], [False, True], ["a", "b"], limit=1).told == "no task has runs in both arms"
