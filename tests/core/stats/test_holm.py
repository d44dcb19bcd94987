import pytest
from hypothesis import given
from hypothesis import strategies as st

from remit.core.stats.holm import holm, holm_among_possible


def test_four_p_values_are_corrected_as_by_hand() -> None:
    # Smallest times 4, next times 3, …, never less than one before it.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_nothing_to_correct_gives_nothing() -> None:
    assert holm([]) == []
    assert holm_among_possible([], [], 0.01) == []


def test_comparisons_that_could_never_reach_the_level_cost_nothing() -> None:
    # One that could, among a hundred that had one event each.
    corrected = holm_among_possible([0.004] + [0.5] * 100, [0.0001] + [0.5] * 100, 0.01)

    assert corrected[0] == pytest.approx(0.004)
    assert corrected[1:] == [1.0] * 100


def test_comparisons_that_could_reach_it_count_all() -> None:
    assert holm_among_possible([0.004] * 3, [0.001] * 3, 0.01) == pytest.approx([0.012] * 3)


def test_as_many_comparisons_count_as_can_reach_their_share_of_the_level() -> None:
    # At .01 three can, at .01 / 2 two can: so two are corrected for, and the third cannot reach its share.
    corrected = holm_among_possible([0.5, 0.008, 0.004, 0.001], [0.5, 0.008, 0.004, 0.001], 0.01)

    assert corrected == pytest.approx([1.0, 1.0, 0.004, 0.002])


@given(st.lists(st.floats(0, 1), max_size=12))
def test_a_corrected_p_value_is_never_smaller_and_keeps_the_order(p_values: list[float]) -> None:
    corrected = holm(p_values)

    assert all(a >= b for a, b in zip(corrected, p_values, strict=True))
    ranked = sorted(range(len(p_values)), key=lambda i: p_values[i])
    assert sorted(corrected) == [corrected[i] for i in ranked]
