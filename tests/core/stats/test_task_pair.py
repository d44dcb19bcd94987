import pytest

from remit.core.stats.halves import halves
from remit.core.stats.suite_score import arms, suite_score
from remit.core.stats.task_pair import TaskPair, one_each, shares, task_pairs


def test_counts_of_both_arms_become_pairs() -> None:
    (pair,) = task_pairs([(1, 2)], [(3, 4)], [2.0])

    assert (pair.passes, pair.runs, pair.difference, pair.weight) == (4, 6, 0.25, 2.0)
    assert shares([pair, TaskPair(0, 1, 0, 1, 6.0)]) == [0.25, 0.75]
    assert one_each([TaskPair(1, 1, 0, 1)]) and not one_each([pair])


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (([(1, 2)], [], None), "1 tasks, 0 tasks"),
        (([(3, 2)], [(1, 1)], None), "no shares"),
        (([(-1, 2)], [(1, 1)], None), "no shares"),
        (([(1, 2)], [(1, 1)], [float("inf")]), "weight"),
    ],
)
def test_what_is_no_count_is_refused(given: tuple, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        task_pairs(*given)


def test_variance_within_tasks_is_that_of_hand() -> None:
    # Baseline: 2 of 4 in both tasks: 2 * 2 / (4 * 3) = 1/3. Candidate: 4 of 4 and 0 of 4: none within, all between.
    base, candidate = arms([TaskPair(2, 4, 4, 4), TaskPair(2, 4, 0, 4)])

    assert (base.rate, base.runs, base.within) == pytest.approx((0.5, 8, 1 / 3))
    assert (candidate.rate, candidate.within) == (0.5, 0.0)
    # One and a half tasks of even odds beside two: .25 * 1.5 / 2; never more than that of one coin, .25 * 8 / 7.
    assert candidate.variance(0.5) == pytest.approx(0.1875 * 8 / 7)
    assert base.variance(0.5) == pytest.approx(0.25 * 8 / 7)


def test_one_run_of_each_task_borrows_the_variance_of_both_arms() -> None:
    # One of two runs passed: 1 * 1 / (2 * 1).
    base, candidate = arms([TaskPair(1, 1, 0, 1), TaskPair(1, 1, 1, 1)])

    assert (base.within, candidate.within) == (0.25, 0.25)


def test_no_failure_in_either_arm_leaves_the_margins_own_variance() -> None:
    score = suite_score(*arms([TaskPair(5, 5, 5, 5)] * 20), -0.05)

    assert score.error**2 == pytest.approx(0.05 * 0.95 / 99)
    assert score.step == pytest.approx(2 / 100)


def test_halves_are_even_and_odd_numbers_fall_either_way() -> None:
    splits = list(halves([4, 5, 1], 200, seed=3))

    assert splits == list(halves([4, 5, 1], 200, seed=3))
    sizes = [[sum(task) for task in split] for split in splits]
    assert {size[0] for size in sizes} == {2}
    assert {size[1] for size in sizes} == {2, 3} and {size[2] for size in sizes} == {0, 1}
    assert 60 < sum(size[1] == 3 for size in sizes) < 140
    assert len({tuple(split[0]) for split in splits}) == 6
