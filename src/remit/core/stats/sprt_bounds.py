"""Which bounds a sequential gate has: nominal levels and the last cut are tried until the exact errors are kept.

Wald's bounds promise their errors without a cap; cut off at one, they keep less or more than they promise. So levels are
shrunk by a few factors, the cut is moved between the bounds, and each try's errors are summed over all paths at once.
"""

from __future__ import annotations

from itertools import product
from math import floor, log
from typing import Any

import numpy as np

from remit.core.stats.fixed_test import Fixed

_SHRINK = (1.0, 0.8, 0.65, 0.5, 0.4)
_TIGHT = (*_SHRINK, 0.25, 0.1, 0.03, 0.01)
"""Where there are hardly more trials than the fixed test needs, hardly anything may be decided early."""
_CUTS = 9


def searched(
    p0: float, p1: float, alpha: float, beta: float, cap: int, fixed: Fixed, *, tight: bool = False
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Of all bounds that keep the exact errors, those with the fewest trials at p0 and p1 together.

    Args:
        p0: and the others, as of `sprt.plan`.
        cap: trials after which it has decided.
        fixed: the test without looks.
        tight: whether *cap* is close to it.

    Returns:
        Failures with which it passes at most, and with which it blocks at least, at n = 0, …, *cap*.
    """
    bounds = [_curtailed(fixed)]
    for a, b in product(*[_TIGHT if tight else _SHRINK] * 2):
        up, low = log((1 - beta * b) / (alpha * a)), log(beta * b / (1 - alpha * a))
        bounds += [_bounds(p0, p1, up, low, float(cut), cap) for cut in np.linspace(low, up, _CUTS)[1:-1]]
    best, fewest = bounds[0], _tried([bounds[0]], p0, p1, alpha, beta)[0]
    tried = _tried(bounds[1:], p0, p1, alpha, beta)
    if tried.min() < fewest:
        best = bounds[1 + int(tried.argmin())]
    return tuple(best[0].tolist()), tuple(best[1].tolist())


def _bounds(p0: float, p1: float, up: float, low: float, cut: float, cap: int) -> tuple[Any, Any]:
    success = log(p1 / p0)
    slope, n = success + log((1 - p0) / (1 - p1)), np.arange(cap + 1)
    passes = np.floor((n * success - up) / slope + 1e-12).astype(int)
    blocks = np.ceil((n * success - low) / slope - 1e-12).astype(int)
    passes[cap] = floor((cap * success - cut) / slope + 1e-12)
    blocks[cap] = passes[cap] + 1
    return passes, blocks


def _curtailed(fixed: Fixed) -> tuple[Any, Any]:
    """The fixed test, ended as soon as its answer is certain: always possible, and never better than a good plan."""
    n = np.arange(fixed.n + 1)
    return n - fixed.needed, np.full(fixed.n + 1, fixed.n - fixed.needed + 1)


def _tried(bounds: list[tuple[Any, Any]], p0: float, p1: float, alpha: float, beta: float) -> Any:
    """Expected trials at p0 and p1 together, infinite where an error is too large; one for each pair of bounds."""
    passes, blocks = np.array([b[0] for b in bounds]), np.array([b[1] for b in bounds])
    share = np.array([p0, p1])[:, None, None]
    plans, steps = passes.shape
    base = np.maximum(passes.min(0) + 1, 0)
    width = int((blocks.max(0) - base)[:-1].max()) + 1
    alive, passed, trials = np.zeros((2, plans, width + 1)), np.zeros((2, plans)), np.zeros((2, plans))
    alive[:, :, 0] = 1.0
    for n in range(1, steps):
        new = alive * share
        new[:, :, 1:] += alive[:, :, :-1] * (1 - share)
        failures = base[n - 1] + np.arange(width + 1)
        wins, loses = failures <= passes[:, n, None], failures >= blocks[:, n, None]
        passed += (new * wins).sum(2)
        trials += n * (new * (wins | loses)).sum(2)
        alive = np.where(wins | loses, 0.0, new)
        if base[n] > base[n - 1]:
            alive = np.concatenate([alive[:, :, 1:], np.zeros((2, plans, 1))], 2)
    kept = (passed[0] <= alpha) & (passed[1] >= 1 - beta)
    return np.where(kept, trials.sum(0), np.inf)
