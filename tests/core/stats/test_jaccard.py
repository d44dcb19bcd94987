import pytest
from hypothesis import given
from hypothesis import strategies as st

from remit.core.stats.jaccard import set_distances


@given(st.lists(st.frozensets(st.sampled_from("abcdef")), min_size=1, max_size=8))
def test_it_is_one_minus_the_share_of_common_members(sets) -> None:
    found = set_distances(sets)

    for at, one in enumerate(sets):
        by_hand = [1 - len(one & other) / len(one | other) if one | other else 0.0 for other in sets]
        assert found[at].tolist() == pytest.approx(by_hand)
