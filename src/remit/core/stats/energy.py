"""Did a set of vectors move? Energy distance between two arms, permuted within tasks.

    E = 2 mean |x - y| - mean |x - x'| - mean |y - y'|

is 0 where the two arms have the same distribution, and only there. It says that something moved, not what, and not
whether that is better: embedded answers of opposite outcome may lie close together.

Source: Székely and Rizzo, Journal of Statistical Planning and Inference 143 (2013) 1249-1272.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

from remit.core.stats.dealing import MOST_COMPARED, PERMUTATIONS, Permuted, between, deals


def energy_test(
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
        The energy distance and its p-value.

    >>> points = [[0.0], [0.1], [0.2], [0.3], [1.0], [1.1], [1.2], [1.3]]
    >>> found = energy_test(points, [False] * 4 + [True] * 4, ["t"] * 8)
    >>> round(found.statistic, 6), found.p < 0.05
    (1.75, True)
    """
    dealt = deals(candidate, tasks, permutations, seed, MOST_COMPARED)
    return between(-distances(as_rows(vectors)[dealt.members]), dealt)


def as_rows(vectors: Any) -> Any:
    """Vectors as an array of shape (runs, d); without any, (0, 0).

    Raises:
        ValueError: they have another shape.
    """
    rows = np.asarray(vectors, np.float64)
    if rows.ndim != 2 and rows.size:
        raise ValueError(f"vectors of shape {rows.shape}, not (runs, d)")
    return rows if rows.size else rows.reshape(len(rows), 0)


def distances(vectors: Any) -> Any:
    """Euclidean distances between the rows of *vectors*, shape (n, n); 0 where they differ by rounding only.

    >>> distances([[0.0, 0.0], [3.0, 4.0]]).tolist()
    [[0.0, 5.0], [5.0, 0.0]]
    """
    rows = as_rows(vectors)
    rows = rows - rows.mean(axis=0) if len(rows) else rows
    products = rows @ rows.T
    length = np.diag(products).copy()
    both = length[:, None] + length[None, :]
    squares = both - 2 * products
    squares[squares < 1e-12 * both] = 0.0
    found = np.sqrt(squares, out=squares)
    np.fill_diagonal(found, 0.0)
    return found
