from itertools import combinations

import numpy as np
import pytest
from tests.core.soon import soon

from remit.core.stats.energy import distances, energy_test

X = [[0.0, 0.0], [1.0, 0.0], [0.0, 2.0], [3.0, 1.0]]
Y = [[1.0, 1.0], [4.0, 0.0], [2.0, 2.0], [5.0, 5.0], [1.0, 3.0]]


def test_it_is_the_energy_distance_that_dcor_gives() -> None:
    found = energy_test(X + Y, [False] * 4 + [True] * 5, ["t"] * 9)

    assert found.statistic == pytest.approx(1.6503881057411114, abs=1e-12)  # dcor 0.7, energy_distance


def test_its_p_value_is_the_share_of_all_ways_to_deal_the_runs_out() -> None:
    rows = np.array(X + Y)
    apart = np.sqrt(((rows[:, None] - rows[None]) ** 2).sum(-1))

    def energy(chosen: tuple[int, ...]) -> float:
        after, before = list(chosen), [at for at in range(9) if at not in chosen]
        within = apart[np.ix_(after, after)].mean() + apart[np.ix_(before, before)].mean()
        return float(2 * apart[np.ix_(before, after)].mean() - within)

    ways = [energy(chosen) for chosen in combinations(range(9), 5)]
    exact = sum(way >= energy((4, 5, 6, 7, 8)) - 1e-12 for way in ways) / len(ways)

    found = energy_test(rows, [False] * 4 + [True] * 5, ["t"] * 9, permutations=20_000)
    assert found.p == pytest.approx(exact, abs=0.012)


def test_runs_are_dealt_out_within_tasks_only() -> None:
    """Two tasks far apart, and the candidate's runs a little aside in both: across tasks nothing would be seen."""
    tasks, arms = ["a"] * 10 + ["b"] * 10, ([False] * 5 + [True] * 5) * 2
    rows = [
        [1000.0 * (t == "b") + 1.0 * arm + 0.01 * at]
        for at, (t, arm) in enumerate(zip(tasks, arms, strict=True))
    ]

    assert energy_test(rows, arms, tasks).p == pytest.approx(0.001, abs=0.001)
    assert energy_test(rows, arms, ["one"] * 20).p > 0.2


def test_vectors_that_are_all_alike_did_not_move() -> None:
    found = energy_test([[0.1, 0.2]] * 600, [False, True] * 300, ["t"] * 600)

    assert (found.statistic, found.p) == (0.0, 1.0)


def test_that_far_from_the_origin_nothing_else_is_found() -> None:
    rng = np.random.default_rng(0)
    rows, arms = rng.normal(size=(40, 3)), [False, True] * 20

    here, far = (energy_test(rows + shift, arms, ["t"] * 40) for shift in (0.0, 1e6))

    assert far.statistic == pytest.approx(here.statistic, abs=1e-6)
    assert far.p == here.p


def test_single_precision_says_what_double_says() -> None:
    rng = np.random.default_rng(1)
    rows, arms = rng.normal(size=(300, 5)), [False, True] * 150

    in_single = energy_test(rows, arms, ["t"] * 300)
    in_double = energy_test(rows[:256], arms[:256], ["t"] * 256)

    apart = distances(rows)
    before, after = apart[::2], apart[1::2]
    by_hand = 2 * before[:, 1::2].mean() - before[:, ::2].mean() - after[:, 1::2].mean()
    assert in_single.statistic == pytest.approx(by_hand, rel=1e-5)
    assert in_double.p is not None


def test_a_list_of_numbers_is_no_list_of_vectors() -> None:
    with pytest.raises(ValueError, match="not \\(runs, d\\)"):
        energy_test([1.0, 2.0], [False, True], ["t", "t"])


def test_its_level_is_what_it_says_where_tasks_differ() -> None:
    rng = np.random.default_rng(4)
    tasks, arms = [at // 4 for at in range(80)], [False, False, True, True] * 20

    alarms = 0
    for seed in range(300):
        rows = rng.normal(size=(20, 8)).repeat(4, axis=0) + 0.3 * rng.normal(size=(80, 8))
        alarms += (energy_test(rows, arms, tasks, permutations=99, seed=seed).p or 1.0) <= 0.05
    assert 0.02 <= alarms / 300 <= 0.085  # 99.9 % of binomial(300, .05)


def test_five_hundred_against_five_hundred_take_a_fraction_of_a_second() -> None:
    rng = np.random.default_rng(0)
    rows, arms, tasks = rng.normal(size=(1000, 384)), [False, True] * 500, [at // 20 for at in range(1000)]

    with soon():  # .06 s where nothing else runs: `benchmarks.behaviour` says
        energy_test(rows, arms, tasks)
