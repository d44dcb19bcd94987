"""How small a change would have been found? Plant one, and see.

Tests of whole distributions have no single number to be small. So a change is planted in a share of one arm's runs, of
arms dealt anew among the runs at hand so that nothing else differs, and the test is asked. The smallest share that it
finds nine times in ten is told beside every "no change found".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import TypeVar

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
    places: dict[str, list[int]] = {}
    for at, task in enumerate(tasks):
        places.setdefault(task, []).append(at)
    found: list[int] = []
    for among in places.values():
        if not found or len(found) + len(among) <= MOST_ROWS:
            found += among[:MOST_ROWS]
    return found


def _found(
    test: Test[Row], rows: Sequence[Row], candidate: Sequence[bool], tasks: Sequence[str], plant: Callable[[Row], Row],
    share: float, seed: int,
) -> bool:  # fmt: skip
    missed = 0
    for time in range(TIMES):
        chance = Random(f"{seed} {share} {time}")  # noqa: S311 - nothing secret
        arms = _dealt(candidate, tasks, chance)
        own = [at for at, which in enumerate(arms) if which]
        changed = set(chance.sample(own, round(share * len(own))))
        p = test([plant(row) if at in changed else row for at, row in enumerate(rows)], arms, tasks)
        missed += p is None or p > LEVEL
        if missed > 1:
            return False
    return True


def _dealt(candidate: Sequence[bool], tasks: Sequence[str], chance: Random) -> list[bool]:
    places: dict[str, list[int]] = {}
    for at, task in enumerate(tasks):
        places.setdefault(task, []).append(at)
    found = list(candidate)
    for among in places.values():
        arms = [candidate[at] for at in among]
        chance.shuffle(arms)
        for at, arm in zip(among, arms, strict=True):
            found[at] = arm
    return found
