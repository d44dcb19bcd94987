from math import inf

import pytest

from remit.core.stats.paired_t import paired_t

FAR = [-0.2, 0.0, -0.6, 0.0, 0.2, -0.6, 0.0, -0.2]


def test_the_sleep_of_ten_patients_gives_students_own_result() -> None:
    # Extra hours under two drugs; Student's t = 4.0621, p = .00283 with 9 degrees of freedom.
    first = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
    second = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]

    found = paired_t([b - a for a, b in zip(first, second, strict=True)])

    assert (found.t, found.df) == pytest.approx((4.0621, 9), abs=5e-5)
    assert found.p_two_sided == pytest.approx(0.002833, abs=5e-7)


def test_task_means_agree_with_scipy() -> None:
    # ttest_1samp of scipy 1.17.
    found = paired_t(FAR)

    assert (found.t, found.p_two_sided, found.p_worse) == pytest.approx(
        (-1.697749375254331, 0.13336447210024233, 0.06668223605012116)
    )


def test_equal_weights_change_nothing_and_a_task_of_double_weight_is_no_two_tasks() -> None:
    assert paired_t(FAR, [3.0] * 8).t == pytest.approx(paired_t(FAR).t)
    assert paired_t(FAR, [2.0, *[1.0] * 7]).df == pytest.approx(81 / 11 - 1)


def test_no_difference_is_no_surprise_and_the_same_everywhere_is_certain() -> None:
    assert (paired_t([0.0] * 5).p_worse, paired_t([0.0] * 5).p_two_sided) == (1.0, 1.0)
    assert (paired_t([-0.5] * 5).t, paired_t([-0.5] * 5).p_worse, paired_t([-0.5] * 5).p_better) == (
        -inf,
        0.0,
        1.0,
    )


def test_one_task_is_no_sample() -> None:
    with pytest.raises(ValueError, match="at least two"):
        paired_t([0.5])


def test_tasks_that_all_moved_by_as_much_moved_for_sure() -> None:
    worse, better, still = (paired_t([far] * 30) for far in (-0.2, 0.2, 0.0))

    assert (worse.t, worse.p_worse, worse.p_better, worse.p_two_sided) == (-inf, 0.0, 1.0, 0.0)
    assert (better.t, better.p_worse, better.p_better, better.p_two_sided) == (inf, 1.0, 0.0, 0.0)
    assert (still.t, still.p_worse, still.p_better, still.p_two_sided) == (0.0, 1.0, 1.0, 1.0)
