import pytest

from remit.core.stats.cmh import cmh
from remit.core.stats.task_pair import TaskPair, task_pairs


def test_admissions_to_berkeley_give_the_published_statistic() -> None:
    # Admitted men and women in six departments, 1973; Cochran-Mantel-Haenszel without correction: 1.5246, p = .2169.
    men = [(512, 825), (353, 560), (120, 325), (138, 417), (53, 191), (22, 373)]
    women = [(89, 108), (17, 25), (202, 593), (131, 375), (94, 393), (24, 341)]

    found = cmh(task_pairs(men, women))

    assert found.z**2 == pytest.approx(1.5246, abs=5e-5)
    assert found.p_two_sided == pytest.approx(0.2169, abs=5e-5)


def test_runs_of_one_suite_agree_with_statsmodels() -> None:
    # StratifiedTable(...).test_null_odds(correction=False) of statsmodels 0.15.
    equal = task_pairs(
        *[[(k, 5) for k in arm] for arm in ([5, 4, 5, 2, 0, 3, 5, 1], [4, 4, 2, 2, 1, 0, 5, 0])]
    )
    unequal = task_pairs([(4, 5), (3, 3), (7, 10), (1, 4)], [(1, 2), (4, 6), (3, 10), (2, 8)])

    assert (cmh(equal).z ** 2, cmh(equal).p_two_sided) == pytest.approx(
        (4.045871559633028, 0.04427950855439189)
    )
    assert (cmh(unequal).z ** 2, cmh(unequal).p_two_sided) == pytest.approx(
        (3.6986502193786186, 0.05445650459135709)
    )


def test_worse_is_the_upper_tail() -> None:
    lost = cmh([TaskPair(5, 5, 1, 5)] * 3)

    assert lost.z > 0
    assert lost.p_worse == pytest.approx(lost.p_two_sided / 2)
    assert cmh([TaskPair(1, 5, 5, 5)] * 3).p_worse == pytest.approx(1 - lost.p_worse)


def test_where_no_task_could_tell_there_is_no_surprise() -> None:
    assert cmh([TaskPair(5, 5, 5, 5), TaskPair(0, 1, 0, 0)]).p_worse == 1.0


def test_of_one_run_of_each_task_it_is_mcnemars_statistic() -> None:
    # Seven tasks lost and one won: (7 - 1) / sqrt(7 + 1); tasks that ended alike say nothing.
    changed = [TaskPair(1, 1, 0, 1)] * 7 + [TaskPair(0, 1, 1, 1)]

    assert cmh([*changed, *[TaskPair(1, 1, 1, 1)] * 20]).z == pytest.approx(6 / 8**0.5)
