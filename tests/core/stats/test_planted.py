import pytest

from remit.core.stats.planted import TIMES, detectable_share


def counted(rows, candidate, tasks):
    """Found where three runs or more of the candidate are changed."""
    return 0.01 if sum(row for row, which in zip(rows, candidate, strict=True) if which) >= 3 else 0.5


def ask(test, p=1.0, n=20):
    return detectable_share(p, test, [0] * n, [False, True] * (n // 2), ["t"] * n, lambda row: 1, seed=7)


def test_three_of_ten_changed_runs_are_the_smallest_share_that_is_found():
    assert ask(counted) == 0.3


def test_a_test_that_never_finds_anything_has_no_smallest_share():
    assert ask(lambda *_: 0.5) is None


def test_nothing_is_planted_beside_a_change_that_was_found():
    assert ask(counted, p=0.01) is None and ask(counted, p=None) is None


def test_it_is_the_same_each_time_and_asks_no_oftener_than_it_must():
    asked = []

    def test(rows, candidate, tasks):
        asked.append(1)
        return counted(rows, candidate, tasks)

    assert ask(test) == ask(counted) and len(asked) <= 4 * TIMES


@pytest.mark.parametrize("n", [20, 2000])
def test_of_many_runs_some_whole_tasks_are_taken(n):
    seen = []

    def test(rows, candidate, tasks):
        seen.append(len(rows))
        return 0.01

    detectable_share(
        1.0, test, [0] * n, [False, True] * (n // 2), [f"t{at // 10}" for at in range(n)], lambda r: 1, 0
    )
    assert max(seen) == min(n, 200)
