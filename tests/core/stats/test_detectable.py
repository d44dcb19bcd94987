from math import sqrt

import numpy as np
import pytest

from remit.core.stats.compare_rates import compare_rates, surprise
from remit.core.stats.detectable import detectable_difference
from remit.core.stats.task_pair import TaskPair


def test_many_even_runs_give_the_textbook_size() -> None:
    # 2.93 * sqrt(2 * .25 / 10,000): both arms at one half, 100 tasks of 100 runs, no spread between tasks.
    pairs = [TaskPair(50, 100, 50, 100)] * 100

    assert detectable_difference(pairs, "suite") == pytest.approx(2.926 * sqrt(2 * 0.25 / 10_000), rel=0.02)


def test_tasks_that_move_unequally_hide_more_from_tasks_like_these() -> None:
    moved = [TaskPair(20, 20, 10, 20), TaskPair(10, 20, 20, 20)] * 10

    here, there = (detectable_difference(moved, question) for question in ("suite", "population"))

    assert here is not None and there is not None
    assert there > 2 * here


def test_where_nothing_could_be_found_there_is_no_number() -> None:
    assert detectable_difference([TaskPair(0, 5, 0, 5)] * 10, "suite") is None
    # Three pairs, all lost, come to p = 1/8 at best; five to 1/32.
    assert compare_rates([(1, 1)] * 3, [(1, 1)] * 3).detectable is None
    assert compare_rates([(1, 1)] * 5, [(1, 1)] * 5).detectable is not None


@pytest.mark.parametrize(("tasks", "k", "rate"), [(50, 4, 0.8), (20, 10, 0.9), (100, 1, 0.95)])
def test_a_loss_of_that_size_is_found_about_nine_times_in_ten(tasks: int, k: int, rate: float) -> None:
    rng = np.random.default_rng(3)
    typical = [
        TaskPair(b, k, c, k) for b, c in zip(*rng.binomial(k, rate, size=(2, tasks)).tolist(), strict=True)
    ]
    loss = detectable_difference(typical, "suite")
    assert loss is not None

    found = 0
    for _ in range(250):
        passes = rng.binomial(k, rate, tasks).tolist(), rng.binomial(k, rate - loss, tasks).tolist()
        pairs = [TaskPair(b, k, c, k) for b, c in zip(*passes, strict=True)]
        found += surprise(pairs, "suite").worse <= 0.05

    # The exact test is a little less strong than the curve that the size comes from.
    assert 0.80 < found / 250 < 0.99
