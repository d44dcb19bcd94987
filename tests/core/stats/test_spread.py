import numpy as np
import pytest

from remit.core.stats.spread import FEWEST, FLOOR, more_variable, of_task, spread


def test_it_is_half_the_mean_squared_distance_of_two_runs() -> None:
    rows = np.array([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0]])

    assert spread(rows) == pytest.approx((25 + 1 + 18) / 3 / 2)
    assert spread(rows) == pytest.approx(np.cov(rows.T).trace())


def test_runs_that_are_alike_have_exactly_no_spread() -> None:
    rows = np.random.default_rng(0).normal(size=(1, 384)).repeat(7, axis=0)

    assert spread(rows) == 0.0
    assert of_task(rows).value == 0.0
    assert (
        more_variable(
            np.vstack([rows[:4], rows[:4] + 1]), [False, False, True, True] * 2, ["a"] * 4 + ["b"] * 4
        ).p
        is None
    )


def test_a_tasks_interval_lies_around_its_spread_and_is_missing_where_it_would_be_made_up() -> None:
    rng = np.random.default_rng(0)
    found = of_task(rng.normal(size=(20, 4)))

    assert 0 < found.low < found.value < found.high
    assert of_task(rng.normal(size=(FEWEST - 1, 4))).told == "fewer than 5 runs"
    assert of_task([[0.0]] * 5 + [[1.0]]).told == "all runs but one are alike"
    assert of_task([[0.0], [0.0]]).told == "all 2 runs are alike"
    assert (of_task([[9.0]]).value, of_task([[9.0]]).told) == (None, "fewer than two runs")


def test_what_rounding_leaves_of_a_spread_makes_no_interval() -> None:
    for seed in range(20):
        usual, other = np.sqrt(np.random.default_rng(seed).dirichlet(np.ones(3), 2))
        found = of_task([other, *[usual] * 9])

        assert (found.low, found.told) == (None, "all runs but one are alike")


def test_a_tasks_interval_covers_about_as_often_as_is_said() -> None:
    rng = np.random.default_rng(1)

    found = [of_task(rng.normal(size=(8, 16))) for _ in range(300)]

    assert np.mean([one.low <= 16 <= one.high for one in found]) >= 0.92


def test_it_is_the_t_test_of_log_ratios() -> None:
    """Spreads 1, 2, 3, 4 before and 2, 3, 7, 4 after; FLOOR of their mean, 3.25, on all."""
    rows, arms, tasks = [], [], []
    for task, (before, after) in enumerate(((1, 2), (2, 3), (3, 7), (4, 4))):
        rows += [[0.0], [(2 * before) ** 0.5], [0.0], [(2 * after) ** 0.5]]
        arms, tasks = [*arms, False, False, True, True], [*tasks, *[task] * 4]
    logs = np.log((np.array([2, 3, 7, 4]) + FLOOR * 3.25) / (np.array([1, 2, 3, 4]) + FLOOR * 3.25))

    found = more_variable(rows, arms, tasks)

    from scipy.stats import ttest_1samp

    assert found.ratio == pytest.approx(np.exp(logs.mean()))
    assert found.p == pytest.approx(ttest_1samp(logs, 0, alternative="greater").pvalue, abs=1e-12)
    assert found.p_either == pytest.approx(ttest_1samp(logs, 0).pvalue, abs=1e-12)
    assert found.low < found.ratio < found.high


def drawn(rng: np.random.Generator, ratio: float, shift: float = 0.0) -> float | None:
    """20 tasks of 8 runs in each arm, 32 places, tasks of very different spread."""
    arms, tasks = ([False] * 8 + [True] * 8) * 20, [at // 16 for at in range(320)]
    size = np.exp(rng.normal(size=20)).repeat(16) * np.where(arms, ratio**0.5, 1.0)
    rows = rng.normal(size=(320, 32)) * size[:, None] + shift * np.array(arms)[:, None]
    return more_variable(rows, arms, tasks).p


def test_it_finds_a_tenth_more_spread_and_cares_for_nothing_else() -> None:
    rng = np.random.default_rng(2)

    assert 0.02 <= np.mean([drawn(rng, 1.0) <= 0.05 for _ in range(300)]) <= 0.085
    assert 0.02 <= np.mean([drawn(rng, 1.0, shift=3.0) <= 0.05 for _ in range(300)]) <= 0.085
    assert np.mean([drawn(rng, 1.1) <= 0.05 for _ in range(60)]) >= 0.75


def test_tasks_without_any_spread_keep_the_level_and_still_tell() -> None:
    """Runs give the usual answer or another one: in most tasks all are alike in one arm or in both."""
    rng = np.random.default_rng(3)
    arms, tasks = ([False] * 4 + [True] * 4) * 30, [at // 8 for at in range(240)]

    def p_of(rate: float) -> float:
        other = rng.random(240) < np.where(arms, rate, 0.1)
        return more_variable(np.eye(8)[np.where(other, rng.integers(1, 8, 240), 0)], arms, tasks).p or 1.0

    assert np.mean([p_of(0.1) <= 0.05 for _ in range(300)]) <= 0.085
    assert np.mean([p_of(0.4) <= 0.05 for _ in range(50)]) >= 0.9


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([[1.0]] * 8, "all runs of each task are alike in both arms"),
        ([[0.0], [1.0], [0.0], [1.0]] * 2, "the same in every task, so there is nothing to compare it with"),
    ],
)
def test_what_cannot_be_tested_has_no_p_value_and_says_why(rows: list[list[float]], told: str) -> None:
    found = more_variable(rows, [False, False, True, True] * 2, ["a"] * 4 + ["b"] * 4)

    assert (found.p, found.told) == (None, told)


def test_one_task_says_nothing_of_others() -> None:
    found = more_variable([[0.0], [1.0], [0.0], [2.0]], [False, False, True, True], ["a"] * 4)

    assert (found.p, found.told) == (None, "fewer than two tasks have two runs in both arms")
