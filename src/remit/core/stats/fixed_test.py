"""The exact test of one rate with a fixed number of trials: how many it takes, and how many must succeed."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

MOST = 5_000
"""Trials of a fixed test beyond which no plan is searched: two rates that close are not told apart one by one."""


class Fixed(NamedTuple):
    """The exact test of a fixed number of trials."""

    n: int
    """Trials."""
    needed: int
    """Successes for PASS."""


@lru_cache(maxsize=64)
def fixed_n(p0: float, p1: float, alpha: float = 0.05, beta: float = 0.10) -> Fixed:
    """The smallest exact test of a fixed number of trials that keeps both errors.

    Args:
        p0: rate that does not suffice, in (0, 1).
        p1: rate that is aimed for, in (*p0*, 1).
        alpha: probability of PASS at *p0*, at most.
        beta: probability of BLOCK at *p1*, at most.

    Raises:
        ValueError: rates or errors that are none, or rates so close that more than `MOST` trials are needed.

    >>> fixed_n(0.90, 0.97)
    Fixed(n=103, needed=98)
    """
    _check(p0, p1, alpha, beta)
    from scipy.special import bdtr

    n = np.arange(1, MOST + 1)
    most = _most_failures(n, p0, alpha)
    with np.errstate(invalid="ignore"):
        enough = (most >= 0) & (bdtr(np.maximum(most, 0), n, 1 - p1) >= 1 - beta)
    found = np.flatnonzero(enough)
    if not len(found):
        raise ValueError(f"more than {MOST} trials to tell {p0:g} from {p1:g}")
    at = int(found[0])
    return Fixed(at + 1, at + 1 - int(most[at]))


def _most_failures(n: Any, p0: float, alpha: float) -> Any:
    """The most failures with which *n* trials pass, -1 where even none would not do."""
    from scipy.special import bdtr

    low, high = np.full(len(n), -1), n.copy()  # P(failures <= low) <= alpha < P(failures <= high)
    while (high - low > 1).any():
        middle = (low + high) // 2
        few = bdtr(middle, n, 1 - p0) <= alpha
        low, high = (
            np.where(few & (high - low > 1), middle, low),
            np.where(few | (high - low <= 1), high, middle),
        )
    return low


def _check(p0: float, p1: float, alpha: float, beta: float) -> None:
    if not 0 < p0 < p1 < 1:
        raise ValueError(f"needs 0 < p0 < p1 < 1, found {p0:g} and {p1:g}")
    if not (0 < alpha < 0.5 and 0 < beta < 0.5):
        raise ValueError(f"needs errors between 0 and .5, found {alpha:g} and {beta:g}")
