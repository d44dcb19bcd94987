import numpy as np
import pytest

from remit.core.stats.ngrams import jensen_shannon, moved, ngrams, tool_test


def test_the_divergence_is_scipys_distance_squared() -> None:
    assert jensen_shannon([1, 2, 3, 0], [2, 2, 0, 4]) == pytest.approx(0.510360419811954, abs=1e-12)


def test_what_has_no_members_lies_nowhere() -> None:
    assert jensen_shannon([0, 0], [1, 2]) == 0.0


def test_the_order_of_tools_counts_and_the_end_of_a_run() -> None:
    arms, tasks = [False] * 6 + [True] * 6, ["t"] * 12

    assert tool_test([["a", "b"]] * 6 + [["b", "a"]] * 6, arms, tasks).p <= 0.01
    assert tool_test([["a"]] * 6 + [["a", "a"]] * 6, arms, tasks).p <= 0.01
    assert tool_test([["a", "b"]] * 12, arms, tasks).p == 1.0
    assert tool_test([[]] * 12, arms, tasks).p == 1.0


def test_longer_pieces_see_what_pairs_cannot() -> None:
    """a b a c a b a against a c a b a ...: the same pairs, in another order."""
    one, other = ["a", "b", "a", "c", "a"], ["a", "c", "a", "b", "a"]
    arms, tasks = [False] * 6 + [True] * 6, ["t"] * 12

    assert sorted(ngrams(one)) == sorted(ngrams(other))
    assert tool_test([one] * 6 + [other] * 6, arms, tasks).p == 1.0
    assert tool_test([one] * 6 + [other] * 6, arms, tasks, size=3).p <= 0.01


def test_a_run_that_goes_round_in_circles_is_one_run() -> None:
    """Calls would be dealt out 200 against 6: an alarm. It is one run of six."""
    loop = ["search"] * 200
    sequences = [["search", "pay"]] * 3 + [["search", "pay"]] * 2 + [loop]

    assert tool_test(sequences, [False] * 3 + [True] * 3, ["t"] * 6).p == pytest.approx(1.0)


def test_its_level_is_what_it_says_where_tasks_differ() -> None:
    rng = np.random.default_rng(6)
    arms, tasks = [False, False, True, True] * 15, [at // 4 for at in range(60)]

    p = []
    for seed in range(300):
        length = rng.integers(1, 6, 15).repeat(4) + rng.integers(0, 2, 60)
        sequences = [
            [f"t{(task * 7 + at) % 5}" for at in range(n)] for task, n in zip(tasks, length, strict=True)
        ]
        p.append(tool_test(sequences, arms, tasks, permutations=99, seed=seed).p)

    assert 0.02 <= np.mean(np.array(p) <= 0.05) <= 0.085


def test_it_says_which_pieces_moved() -> None:
    found = moved([["find", "pay"], ["pay"]], [False, True], most=2)

    assert found == [(("^", "pay"), 0.0, 0.5), (("^", "find"), pytest.approx(1 / 3), 0.0)]
    assert moved([["a"], ["a"]], [False, True]) == []
