import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.soon import soon

from remit.core.stats.sequences import MOST_CALLS, sequence_distances, sequence_test


@pytest.mark.parametrize(
    ("one", "other", "distance"),
    [
        ("kitten", "sitting", 3 / 7),  # rapidfuzz gives the same four
        ("abcab", "bca", 2 / 5),
        ("aaa", "aba", 1 / 3),
        ("sunday", "saturday", 3 / 8),
        ("", "abc", 1.0),
        ("", "", 0.0),
    ],
)
def test_it_is_the_normalised_edit_distance(one: str, other: str, distance: float) -> None:
    found = sequence_distances([list(one), list(other)])

    assert found[0, 1] == found[1, 0] == pytest.approx(distance)
    assert found[0, 0] == found[1, 1] == 0.0


def by_hand(one: list[str], other: list[str]) -> float:
    table = list(range(len(other) + 1))
    for at, a in enumerate(one, 1):
        diagonal, table[0] = table[0], at
        for to, b in enumerate(other, 1):
            diagonal, table[to] = table[to], min(table[to] + 1, table[to - 1] + 1, diagonal + (a != b))
    return table[-1] / max(len(one), len(other), 1)


sequence = st.lists(st.sampled_from("abc"), max_size=9)


@given(st.lists(sequence, min_size=2, max_size=7))
def test_it_is_the_table_filled_in_by_hand(sequences: list[list[str]]) -> None:
    found = sequence_distances(sequences)

    for at, one in enumerate(sequences):
        assert found[at].tolist() == pytest.approx([by_hand(one, other) for other in sequences])


def test_runs_that_take_another_way_are_told_apart_within_tasks() -> None:
    tasks, arms = [at // 6 for at in range(24)], [False] * 3 + [True] * 3
    usual = [[f"t{task}", "find", "pay"] for task in tasks]
    skips = [tools[:1] + tools[2:] if arms[at % 6] else tools for at, tools in enumerate(usual)]

    assert sequence_test(usual, arms * 4, tasks).p == 1.0
    assert sequence_test(skips, arms * 4, tasks).p <= 0.002


def test_of_very_long_runs_the_beginning_is_compared() -> None:
    long = ["a"] * MOST_CALLS

    assert sequence_distances([long + ["b"] * 50_000, long])[0, 1] == 0.0


def test_a_thousand_different_runs_take_seconds_and_not_minutes() -> None:
    rng = np.random.default_rng(0)
    sequences = [[f"t{c}" for c in rng.integers(0, 8, rng.integers(5, 15))] for _ in range(1000)]

    with soon(30):
        sequence_distances(sequences)
