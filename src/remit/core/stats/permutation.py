"""Is more found in one of two groups, where members differ in how much? All ways to deal the members out, counted."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from remit.core.stats.fisher import fisher_p

MOST_STEPS = 20_000_000
"""Additions beyond which members that have anything are counted instead of how much they have: with so many, either
tells."""


def permutation_p(found0: Sequence[int], n0: int, found1: Sequence[int], n1: int) -> float:
    """How surprising so much in the second group is if it does not matter which group a member is in.

    Exact whatever the members have to do with what is inside each: violations of one session may come in heaps.

    Args:
        found0: how much each member of the first group has, without those that have nothing.
        n0: members of the first group.
        found1: the same of the second.
        n1: members of the second.

    Returns:
        One-sided p-value of "more in the second", over all `C(n0 + n1, n1)` ways to deal the members out.

    One member of four has 3, one has 1, both are in the second group of two: one way of six.

    >>> round(permutation_p([], 2, [3, 1], 2), 4)
    0.1667

    Source: Pitman, Supplement to the Journal of the Royal Statistical Society 4 (1937) 119-130.
    """
    return _p(tuple(sorted(found0)), n0, tuple(sorted(found1)), n1)


@lru_cache(maxsize=4096)
def _p(found0: tuple[int, ...], n0: int, found1: tuple[int, ...], n1: int) -> float:
    every, reached = (*found0, *found1), sum(found1)
    if len(set(every)) <= 1 or len(every) ** 2 * reached > MOST_STEPS:
        return fisher_p(len(found0), n0, len(found1), n1)
    import numpy as np

    # [members of the second group so far, what they have], the last column for all that reaches what was found.
    chance = np.zeros((min(len(every), n1) + 2, reached + 1))
    chance[0, 0] = 1.0
    dealt = np.arange(chance.shape[0], dtype=float)[:, None]
    most = 0
    for at, value in enumerate(sorted(every)):
        rows, columns = min(at + 1, chance.shape[0] - 1), min(most, reached) + 1  # the rest is 0 so far
        so_far = chance[:rows, :columns]
        joins = so_far * ((n1 - dealt[:rows]) / (n0 + n1 - at)).clip(0.0, 1.0)
        so_far -= joins
        kept = max(0, min(columns, reached + 1 - value))
        chance[1 : rows + 1, value : value + kept] += joins[:, :kept]
        chance[1 : rows + 1, reached] += joins[:, kept:].sum(axis=1)
        most += value
    return min(1.0, float(chance[:, reached].sum()))
