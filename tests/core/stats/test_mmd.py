from math import exp

import numpy as np
import pytest

from remit.core.stats.energy import energy_test
from remit.core.stats.mmd import mmd_test


def test_it_is_the_discrepancy_worked_out_by_hand() -> None:
    """0 and 2 before, 1 and 5 after: distances 1, 1, 2, 3, 4, 5, so the width is 2.5."""

    def k(d: float) -> float:
        return exp(-(d**2) / (2 * 2.5**2))

    before, after, across = (2 + 2 * k(2)) / 4, (2 + 2 * k(4)) / 4, (k(1) + k(5) + k(1) + k(3)) / 4

    found = mmd_test([[0.0], [2.0], [1.0], [5.0]], [False, False, True, True], ["t"] * 4)

    assert found.statistic == pytest.approx(before + after - 2 * across)


def test_it_sees_a_group_of_answers_that_is_new() -> None:
    rng = np.random.default_rng(0)
    arms = [False, True] * 100
    rows = rng.normal(size=(200, 16))
    rows[1::2][:25] = 1.5 + 0.1 * rng.normal(size=(25, 16))

    assert mmd_test(rows, arms, ["t"] * 200).p <= 0.002


def test_its_level_is_what_it_says() -> None:
    rng = np.random.default_rng(5)
    arms, tasks = [False, False, True, True] * 10, [at // 4 for at in range(40)]

    p = [mmd_test(rng.normal(size=(40, 4)), arms, tasks, permutations=99, seed=s).p for s in range(300)]

    assert 0.02 <= np.mean(np.array(p) <= 0.05) <= 0.085


def test_vectors_that_are_all_alike_did_not_move() -> None:
    assert mmd_test([[1.0, 0.0]] * 8, [False, True] * 4, ["t"] * 8).p == 1.0


def test_both_tests_agree_that_a_shift_is_one() -> None:
    rng = np.random.default_rng(2)
    arms = [False, True] * 60
    rows = rng.normal(size=(120, 8)) + 0.5 * np.array(arms)[:, None]

    assert mmd_test(rows, arms, ["t"] * 120).p <= 0.01
    assert energy_test(rows, arms, ["t"] * 120).p <= 0.01
