import pytest
from scipy import stats

from remit.core.stats.proportion import clopper_pearson
from remit.core.stats.success_rate import rate, tasks_like_these, this_suite
from remit.core.stats.t_over_tasks import t_interval


def test_every_task_counts_by_its_weight_however_often_it_ran() -> None:
    # (1 * 2/2 + 1 * 1/4) / 2, and (3 * 2/2 + 1 * 1/4) / 4.
    assert rate([2, 1], [2, 4]) == pytest.approx(0.625)
    assert rate([2, 1], [2, 4], [3.0, 1.0]) == pytest.approx(0.8125)


def test_tasks_alike_are_pooled() -> None:
    assert this_suite([4, 2, 5], [5, 5, 5]) == clopper_pearson(11, 15)
    assert this_suite([4, 2], [5, 10], [1.0, 2.0]) == clopper_pearson(6, 15)


def test_tasks_that_weigh_unequally_say_less() -> None:
    alike = this_suite([5] * 10, [5] * 10)
    uneven = this_suite([5] * 10, [5] * 10, [10.0] + [1.0] * 9)

    assert uneven[0] < alike[0]


def test_another_suite_is_less_certain_than_this_one() -> None:
    passes = [5] * 18 + [0, 0]

    this, like = this_suite(passes, [5] * 20), tasks_like_these(passes, [5] * 20)

    assert like[0] < this[0] < rate(passes, [5] * 20) < this[1] < like[1]
    # Tasks that always or never succeed are coins, each worth one throw.
    assert like == pytest.approx(clopper_pearson(18, 20), abs=1e-6)


def test_tasks_all_alike_never_have_an_interval_of_no_width() -> None:
    assert tasks_like_these([5] * 20, [5] * 20)[0] == pytest.approx(clopper_pearson(20, 20)[0], abs=1e-6)
    assert t_interval([1.0] * 20) is None


def test_t_over_tasks_as_by_hand() -> None:
    # 2, 4, 6: mean 4, standard error 2 / sqrt(3), t of 2 degrees 4.302653.
    assert t_interval([2.0, 4.0, 6.0]) == pytest.approx((-0.968275, 8.968275), abs=1e-5)
    assert t_interval([2.0, 4.0, 6.0], [5.0, 5.0, 5.0]) == pytest.approx((-0.968275, 8.968275), abs=1e-5)
    assert t_interval([1.0]) is None


def test_what_is_no_count_and_no_weight_is_refused() -> None:
    for passes, runs in [([], []), ([1], [1, 1]), ([2], [1]), ([0], [0]), ([-1], [1])]:
        with pytest.raises(ValueError, match="needs 0 to n successes"):
            rate(passes, runs)
    for weights in ([1.0], [1.0, 0.0], [1.0, -2.0]):
        with pytest.raises(ValueError, match="a weight greater than 0 for each task"):
            this_suite([1, 1], [1, 1], weights)


def test_students_interval_weighs_tasks_and_counts_them_by_their_effective_number() -> None:
    # Shares of .5, .25 and .25 are 8/3 tasks; mean .5, and an error of the root of 3/32 * (8/3) / (5/3).
    reach = float(stats.t.ppf(0.975, 5 / 3)) * 0.15**0.5

    assert t_interval([0.0, 1.0, 1.0], [2.0, 1.0, 1.0]) == pytest.approx((0.5 - reach, 0.5 + reach))
    for wrong in ([1.0, 1.0], [1.0, 0.0, 1.0], [1.0] * 4):
        with pytest.raises(ValueError, match="a weight greater than 0 for each value"):
            t_interval([0.0, 1.0, 1.0], wrong)


def test_what_is_no_design_is_refused() -> None:
    with pytest.raises(ValueError, match="1 or more runs"):
        rate([0], [0])
    with pytest.raises(ValueError, match="1 or more runs"):
        this_suite([3], [2])
    with pytest.raises(ValueError, match="weight"):
        tasks_like_these([1], [2], [0.0])
