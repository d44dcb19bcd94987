from itertools import product
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remit.core.stats import within_task as module
from remit.core.stats.task_pair import TaskPair, task_pairs
from remit.core.stats.within_task import within_task

RABBITS = task_pairs([(0, 6), (3, 6), (6, 6), (5, 6), (2, 2)], [(0, 5), (0, 6), (2, 6), (6, 6), (5, 5)])
"""Rabbits cured by penicillin at once and 1.5 hours later, by dose: Agresti, Categorical Data Analysis."""


def test_the_rabbits_give_the_published_exact_p_values() -> None:
    # R prints them for the same table: mantelhaen.test(Rabbits, exact = TRUE), two-sided .040, one-sided .020.
    found = within_task(RABBITS)

    assert found.exact
    assert found.p_two_sided == pytest.approx(0.040, abs=0.0005)
    assert found.p_worse == pytest.approx(0.020, abs=0.0005)


def test_all_ways_to_deal_two_tasks_are_counted_as_by_hand() -> None:
    # Of 6 ways to deal four runs in halves, one has all passes in the baseline; for two tasks, 1 of 36.
    found = within_task([TaskPair(2, 2, 0, 2), TaskPair(2, 2, 0, 2)])

    assert (found.p_worse, found.p_two_sided) == pytest.approx((1 / 36, 2 / 36))


def test_tasks_that_always_or_never_passed_say_nothing() -> None:
    settled = [TaskPair(4, 4, 4, 4), TaskPair(0, 4, 0, 4)]

    assert within_task(settled).p_worse == within_task([]).p_two_sided == 1.0
    assert within_task([*RABBITS, *settled]) == within_task(RABBITS)


pair = st.tuples(st.integers(1, 3), st.integers(1, 3), st.sampled_from([1.0, 1.0, 2.0, 0.3])).flatmap(
    lambda drawn: st.builds(
        TaskPair,
        st.integers(0, drawn[0]),
        st.just(drawn[0]),
        st.integers(0, drawn[1]),
        st.just(drawn[1]),
        st.just(drawn[2]),
    )
)


@given(st.lists(pair, min_size=1, max_size=4))
@settings(max_examples=60, deadline=None)
def test_unequal_runs_and_weights_are_counted_as_every_deal_of_every_task(pairs: list[TaskPair]) -> None:
    def value(passes: tuple[int, ...]) -> float:
        return sum(
            p.weight * (c / p.candidate_runs - (p.passes - c) / p.baseline_runs)
            for p, c in zip(pairs, passes, strict=True)
        )

    reached = value(tuple(p.candidate for p in pairs))
    worse = better = 0.0
    for deal in product(*(range(p.candidate_runs + 1) for p in pairs)):
        chance = 1.0
        for p, c in zip(pairs, deal, strict=True):
            if not 0 <= p.passes - c <= p.baseline_runs:
                chance = 0.0
                break
            chance *= comb(p.candidate_runs, c) * comb(p.baseline_runs, p.passes - c) / comb(p.runs, p.passes)
        worse += chance * (value(deal) <= reached + 1e-9)
        better += chance * (value(deal) >= reached - 1e-9)

    found = within_task(pairs)

    assert found.exact
    assert (found.p_worse, found.p_better) == pytest.approx((worse, better))


def test_suites_too_large_to_count_are_dealt_at_random_by_a_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = [TaskPair(3, 5, 2, 5)] * 12
    exact = within_task(pairs)
    monkeypatch.setattr(module, "MOST_STEPS", 0)

    drawn = within_task(pairs, seed=3)

    assert not drawn.exact
    assert drawn == within_task(pairs, seed=3) != within_task(pairs, seed=4)
    assert drawn.p_worse == pytest.approx(exact.p_worse, abs=0.02)
    assert drawn.p_two_sided == pytest.approx(exact.p_two_sided, abs=0.02)


def test_dealt_at_random_what_ties_with_what_was_seen_counts_on_both_sides(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # One pass of two in either arm: of the six ways to deal two passes to four runs one gives the candidate none.
    monkeypatch.setattr(module, "MOST_STEPS", 0)
    drawn = within_task([TaskPair(1, 2, 1, 2)])

    assert (drawn.p_worse, drawn.p_better) == pytest.approx((5 / 6, 5 / 6), abs=0.02)
    assert drawn.p_two_sided == 1.0


def test_no_dealt_p_value_is_smaller_than_one_of_all_that_were_dealt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_STEPS", 0)

    assert within_task([TaskPair(9, 9, 0, 9)] * 9, deals=999).p_worse == pytest.approx(1 / 1000)


def test_no_more_than_the_level_of_identical_agents_are_called_worse() -> None:
    rng = np.random.default_rng(5)
    alarms = 0
    for _ in range(800):
        rates = rng.beta(1.6, 0.4, size=12)
        arms = rng.binomial(5, rates, size=(2, 12)).tolist()
        alarms += within_task([TaskPair(b, 5, c, 5) for b, c in zip(*arms, strict=True)]).p_worse <= 0.05

    assert alarms / 800 < 0.05 + 3 * (0.05 * 0.95 / 800) ** 0.5


def test_thousands_of_tasks_are_counted_in_moments_and_none_is_too_sure() -> None:
    # 3,000 of 3,000 lost where chance deals out even halves: below 1e-15, and not nothing.
    all_lost = within_task([TaskPair(1, 1, 0, 1)] * 3_000 + [TaskPair(3, 4, 3, 4)] * 2_000)
    assert all_lost.exact
    assert 0 < all_lost.p_worse < 1e-15

    even = within_task([TaskPair(4, 5, 4, 5)] * 5_000)
    assert even.exact
    assert even.p_worse == pytest.approx(0.5, abs=0.01)
    assert even.p_two_sided == pytest.approx(1.0)
