"""How small a change would have been found? Plant one, and see.

Tests of whole distributions have no single number to be small. So a change is planted in a share of one arm's runs, of
arms dealt anew among the runs at hand so that nothing else differs, and the test is asked. The smallest share that it
finds nine times in ten is told beside every "no change found".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

Row = TypeVar("Row")
SHARES = (0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0)
TIMES = 10
"""Plantings at each share; all but one must be found."""
PERMUTATIONS = 99
MOST_ROWS = 200
"""Runs among which it is tried: with more, smaller shares are found, and what is told is the careful figure."""
LEVEL = 0.05

Test = Callable[[Sequence[Row], Sequence[bool], Sequence[str]], float | None]
"""The p-value of rows, arms and tasks, by `PERMUTATIONS` deals."""


def detectable_share(
    p: float | None,
    test: Test[Row],
    rows: Sequence[Row],
    candidate: Sequence[bool],
    tasks: Sequence[str],
    plant: Callable[[Row], Row],
    seed: int,
) -> float | None:
    """The smallest share of changed runs that the test finds nine times in ten; None where not even all are found.

    A change that was found needs none.

    Args:
        p: what the test said of the real arms.
        test: is asked.
        rows: what it looks at, one for each run.
        candidate: whether a run is the candidate's.
        tasks: of the runs.
        plant: changes a run.
        seed: of the deals and of which runs are changed.

    Ten runs in each arm, all alike; a test that is sure once five are changed (.5 ** 5 = .03):

    >>> def p(rows: list[int], candidate: list[bool], tasks: list[str]) -> float:
    ...     own = sum(row for row, which in zip(rows, candidate, strict=True) if which)
    ...     return 0.5**own
    >>> detectable_share(1.0, p, [0] * 20, [False, True] * 10, ["t"] * 20, lambda row: 1, seed=0)
    0.5
    """
    if p is None or p <= LEVEL:
        return None
    some = _some(tasks)
    cut = [rows[at] for at in some], [candidate[at] for at in some], [tasks[at] for at in some]
    low, high = 0, len(SHARES)
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if _found(test, *cut, plant, SHARES[middle], seed) else (middle + 1, high)
    return SHARES[low] if low < len(SHARES) else None


def _some(tasks: Sequence[str]) -> list[int]:
    """Whole tasks, as many as there is room for."""
    found: list[int] = []
    for among in _places(tasks).values():
        if not found or len(found) + len(among) <= MOST_ROWS:
            found += among[:MOST_ROWS]
    return found


def _found(
    test: Test[Row], rows: Sequence[Row], candidate: Sequence[bool], tasks: Sequence[str], plant: Callable[[Row], Row],
    share: float, seed: int,
) -> bool:  # fmt: skip
    import numpy as np

    missed = 0
    for time in range(TIMES):
        chance = np.random.default_rng([abs(seed), round(1000 * share), time])
        arms = _dealt(candidate, tasks, chance)
        own = [at for at, which in enumerate(arms) if which]
        changed = set(chance.permutation(own)[: round(share * len(own))].tolist())
        p = test([plant(row) if at in changed else row for at, row in enumerate(rows)], arms, tasks)
        missed += p is None or p > LEVEL
        if missed > 1:
            return False
    return True


def _dealt(candidate: Sequence[bool], tasks: Sequence[str], chance: Any) -> list[bool]:
    found = list(candidate)
    for among in _places(tasks).values():
        for at, arm in zip(among, chance.permutation([candidate[at] for at in among]).tolist(), strict=True):
            found[at] = arm
    return found


def _places(tasks: Sequence[str]) -> dict[str, list[int]]:
    places: dict[str, list[int]] = {}
    for at, task in enumerate(tasks):
        places.setdefault(task, []).append(at)
    return places
