"""Boschloo's exact test: two independent shares, where no task pairs them. Stronger than Fisher's test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Boschloo:
    """What the test says."""

    p_worse: float
    """One-sided p-value of "the second share is lower"."""
    p_better: float
    p_two_sided: float


def boschloo(hits0: int, n0: int, hits1: int, n1: int) -> Boschloo:
    """How surprising two shares are if both are of the same coin, whatever its rate.

    Args:
        hits0: passes of the baseline.
        n0: its runs, 1 or more.
        hits1: passes of the candidate.
        n1: its runs, 1 or more.

    Raises:
        ValueError: counts are no shares.

    20 of 60 against 8 of 60:

    >>> round(boschloo(20, 60, 8, 60).p_worse, 4)
    0.0053

    Source: Boschloo, Statistica Neerlandica 24 (1970) 1-35.
    """
    if not (0 <= hits0 <= n0 and 0 <= hits1 <= n1 and n0 and n1):
        raise ValueError(f"{hits0} of {n0} and {hits1} of {n1} are no shares")
    worse, better = _p(hits1, n1, hits0, n0), _p(hits0, n0, hits1, n1)
    return Boschloo(worse, better, min(1.0, 2 * min(worse, better)))


def _p(hits: int, n: int, others: int, of: int) -> float:
    """Of "the first share is lower"."""
    if hits * of >= others * n and hits == n:
        return 1.0
    import importlib

    test: Any = importlib.import_module("scipy.stats").boschloo_exact
    # The library takes samples as columns.
    return min(1.0, float(test([[hits, others], [n - hits, of - others]], alternative="less").pvalue))
