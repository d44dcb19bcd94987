from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remit.core.stats.change_point import best_split, log_likelihood, split_likelihood


def test_a_share_of_one_half_is_a_coin() -> None:
    assert log_likelihood(5, 10) == pytest.approx(10 * log(0.5))


def test_two_groups_without_doubt_have_nothing_to_explain() -> None:
    assert split_likelihood(0, 10, 10, 10) == 0.0


@given(st.lists(st.booleans(), min_size=2, max_size=40))
def test_the_best_cut_is_the_best_of_all_cuts(hits: list[bool]) -> None:
    places, n = [at for at, hit in enumerate(hits) if hit], len(hits)
    every = [split_likelihood(sum(hits[:cut]), cut, sum(hits[cut:]), n - cut) for cut in range(1, n)]
    cut, highest = best_split(places, n)

    assert highest == pytest.approx(max(*every, log_likelihood(len(places), n)), abs=1e-9)
    if cut:
        assert every[cut - 1] == pytest.approx(highest, abs=1e-9)
