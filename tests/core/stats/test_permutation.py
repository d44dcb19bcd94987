from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remit.core.stats import permutation
from remit.core.stats.fisher import fisher_p
from remit.core.stats.permutation import permutation_p


def by_hand(values0: list[int], values1: list[int]) -> float:
    every, reached = [*values0, *values1], sum(values1)
    ways = [sum(one) for one in combinations(every, len(values1))]
    return sum(way >= reached for way in ways) / len(ways)


def p_of(values0: list[int], values1: list[int]) -> float:
    return permutation_p([v for v in values0 if v], len(values0), [v for v in values1 if v], len(values1))


members = st.lists(st.integers(0, 6), min_size=1, max_size=6)


@given(members, members)
def test_it_is_the_share_of_all_ways_to_deal_the_members_out(values0: list[int], values1: list[int]) -> None:
    assert p_of(values0, values1) == pytest.approx(by_hand(values0, values1), abs=1e-12)


def test_where_all_have_as_much_it_is_fishers_test() -> None:
    assert permutation_p([2] * 3, 40, [2] * 9, 50) == fisher_p(3, 40, 9, 50)


def test_one_heap_is_one_member() -> None:
    assert permutation_p([1], 100, [60], 100) == pytest.approx(0.5)


def test_beyond_what_can_be_counted_members_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    found = permutation_p([1, 2], 31, [1, 2, 3], 32)
    permutation._p.cache_clear()
    monkeypatch.setattr(permutation, "MOST_STEPS", 1)

    assert permutation_p([1, 2], 31, [1, 2, 3], 32) == fisher_p(2, 31, 3, 32) != found
    permutation._p.cache_clear()
