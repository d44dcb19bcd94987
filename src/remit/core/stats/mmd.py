"""Did a set of vectors move? Maximum mean discrepancy with a Gaussian kernel, permuted within tasks.

The width of the kernel is the median distance between runs, worked out over both arms together, so that it does not
depend on who is who. More local than the energy distance: it sees a new cluster sooner, a small shift of all later.

Source: Gretton et al., Journal of Machine Learning Research 13 (2012) 723-773.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

from remit.core.stats.dealing import MOST_COMPARED, PERMUTATIONS, Permuted, between, deals
from remit.core.stats.energy import as_rows, distances


def mmd_test(
    vectors: Any,
    candidate: Sequence[bool],
    tasks: Sequence[Hashable],
    *,
    permutations: int = PERMUTATIONS,
    seed: int = 0,
) -> Permuted:
    """Whether the candidate's vectors are distributed as the baseline's, task by task.

    Args:
        vectors: one for each run, shape (runs, d).
        candidate: whether a run is the candidate's, shape (runs,).
        tasks: of the runs, shape (runs,).
        permutations: random deals.
        seed: of the deals.

    Returns:
        The squared discrepancy (the V-statistic, 0 or more) and its p-value.

    Two against two at distance 1, none within an arm, so the width is 1: 2 - 2 / sqrt(e).

    >>> found = mmd_test([[0.0], [0.0], [1.0], [1.0]], [False, False, True, True], ["t"] * 4)
    >>> round(found.statistic, 6)
    0.786939
    """
    dealt = deals(candidate, tasks, permutations, seed, MOST_COMPARED)
    return between(gaussian(distances(as_rows(vectors)[dealt.members])), dealt)


def gaussian(apart: Any) -> Any:
    """`exp(-d^2 / (2 w^2))` with *w* the median of the distances that are not 0; all 1 where none is."""
    some = apart[apart > 0]
    if not len(some):
        return np.ones_like(apart)
    width = float(np.median(some))
    return np.exp(apart * apart * (-0.5 / (width * width)))
