import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from remit.core.stats.dealing import between, deals, judged, tallies

runs = st.lists(st.tuples(st.booleans(), st.sampled_from("abc")), max_size=20)


@given(runs, st.integers(0, 5))
def test_every_deal_keeps_the_number_of_runs_that_each_task_has_in_each_arm(found, seed: int) -> None:
    candidate, tasks = [c for c, _ in found], [t for _, t in found]

    dealt = deals(candidate, tasks, permutations=7, seed=seed)

    own = np.array(tasks)[dealt.members] if len(dealt.members) else np.array([])
    for task in set(tasks):
        both = {c for c, t in found if t == task} == {True, False}
        held = dealt.candidate[:, own == task].sum(axis=1) if len(own) else np.zeros(8)
        assert (held == (sum(c for c, t in found if t == task) if both else 0)).all()
    assert dealt.candidate.shape == (8, len(dealt.members))
    assert dealt.candidate[0].tolist() == [candidate[place] for place in dealt.members]


def test_the_same_seed_gives_the_same_deals() -> None:
    arms, tasks = [False, True] * 10, ["a"] * 10 + ["b"] * 10

    one, again, other = (deals(arms, tasks, 50, seed).candidate for seed in (1, 1, 2))

    assert (one == again).all()
    assert not (one == other).all()


def test_every_way_to_deal_comes_equally_often() -> None:
    dealt = deals([True, True, False, False], ["t"] * 4, permutations=6000)

    ways, times = np.unique(dealt.candidate[1:], axis=0, return_counts=True)

    assert len(ways) == 6
    assert times == pytest.approx(1000, abs=150)


def test_the_real_deal_counts_among_the_others() -> None:
    dealt = deals([False, True], ["t", "t"], permutations=3)

    assert judged([5.0, 1.0, 5.0, 7.0], dealt).p == 3 / 4
    assert judged([5.0, 1.0, 4.9999, 1.0], dealt, rounding=0.001).p == 2 / 4


def test_without_a_task_in_both_arms_there_is_no_p_value_and_it_says_why() -> None:
    found = between(np.ones((2, 2)), deals([False, True], ["a", "b"]))

    assert (found.p, found.statistic, found.told) == (None, None, "no task has runs in both arms")
    assert between(np.ones((0, 0)), deals([], [])).p is None


def test_arms_and_tasks_must_be_told_of_every_run() -> None:
    with pytest.raises(ValueError, match="2 runs with an arm, 1 with a task"):
        deals([True, False], ["t"])


def test_one_product_is_the_form_worked_out_deal_by_deal() -> None:
    rng = np.random.default_rng(3)
    affinity = rng.normal(size=(9, 9))
    affinity += affinity.T
    arms = [True, False, True, True, False, False, True, False, True]
    dealt = deals(arms, ["a"] * 4 + ["b"] * 4 + ["alone"], permutations=20)

    own = affinity[np.ix_(dealt.members, dealt.members)]
    apart = dealt.candidate / dealt.m - (1 - dealt.candidate.astype(float)) / dealt.n
    forms = [row @ own @ row for row in apart]

    found = between(own, dealt)
    assert (found.n, found.m, found.tasks) == (4, 4, 2)
    assert found.statistic == pytest.approx(forms[0])
    assert found.p == (1 + sum(form >= forms[0] - 1e-9 for form in forms[1:])) / 21


def test_what_arms_have_of_each_kind_adds_up_in_every_deal() -> None:
    counts = np.array([[1, 0], [2, 1], [0, 5], [1, 1], [9, 9]])

    before, after = tallies(counts, deals([False, True, False, True, True], ["t"] * 4 + ["alone"], 10))

    assert (before[0].tolist(), after[0].tolist()) == ([1.0, 5.0], [3.0, 2.0])
    assert (before + after == [4.0, 7.0]).all()


def test_of_more_runs_than_can_be_compared_the_same_share_of_each_task_and_arm_is_drawn() -> None:
    arms, tasks = [False, False, False, True] * 100, [at // 40 for at in range(400)]
    arms[:40] = [True] + [False] * 39

    dealt = deals(arms, tasks, permutations=3, seed=1, most=100)

    drawn = [(tasks[run], arms[run]) for run in dealt.members.tolist()]
    assert drawn.count((0, True)) == 1
    assert drawn.count((0, False)) == 10
    assert [drawn.count((5, arm)) for arm in (False, True)] == [8, 2]
    assert len(set(dealt.members.tolist())) == len(drawn) == 101
    assert (dealt.candidate.sum(axis=1) == dealt.m).all()
