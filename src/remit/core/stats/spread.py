"""Do runs of the same task come out alike? Dispersion of vectors within tasks, and whether a candidate's is larger.

The spread of a task is the mean squared distance of its runs from their mean, with n - 1 below: the trace of the sample
covariance, and half the mean squared distance between two runs. It knows nothing of right and wrong: an agent that always
gives the same wrong answer has spread 0.

"More variable" compares the two spreads of each task on a logarithmic scale, by t over tasks: whether the mean moved
does not matter, and tasks with wide answers count no more than others. A spread of exactly 0 has no logarithm, so
`FLOOR` times the mean spread of all tasks and arms is added to both; arms keep their symmetry, hence the test its
level.

Source: the t statistic of Student, Biometrika 6 (1908) 1-25, on log ratios of variances as in Bartlett and Kendall,
Supplement to the Journal of the Royal Statistical Society 8 (1946) 128-138.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from remit.core.stats.energy import distances

FLOOR = 0.02
"""Share of the mean spread that is added before the logarithm."""
FEWEST = 5
"""Runs of a task before its spread has an interval."""
ROUNDING = 1e-9
"""Share of a spread that may be left by rounding where runs are alike."""
COVERAGE = "81 % to 97 % at 5 to 20 runs, least where answers fall into two or three kinds"
"""How often a 95 % interval of one task was measured to cover; it is for display."""


@dataclass(frozen=True, slots=True)
class Spread:
    """How far the runs of one task lie apart."""

    value: float | None
    """None for fewer than two runs."""
    low: float | None = None
    """None where there is no interval: fewer than five runs, or all but one alike."""
    high: float | None = None
    n: int = 0
    """Runs."""
    told: str = ""
    """Why something is missing."""


@dataclass(frozen=True, slots=True)
class MoreVariable:
    """Whether the candidate's runs differ more from each other than the baseline's."""

    ratio: float | None
    """Candidate's spread by the baseline's, the geometric mean over tasks; above 1: more variable."""
    low: float | None
    high: float | None
    p: float | None
    """One-sided, of "not more variable"; None where it cannot be tested: `told` says why."""
    p_either: float | None
    """Two-sided, of "as variable as before"."""
    tasks: int
    """With two runs or more in both arms."""
    told: str = ""


def spread(vectors: Any) -> float:
    """Of the runs of one task, shape (runs, d), two runs or more.

    >>> spread([[0.0, 0.0], [2.0, 0.0]])
    2.0
    """
    rows = np.asarray(vectors, np.float64)
    rows = rows - rows[0]  # runs that are alike have exactly none, which the mean of many digits would hide
    rows -= rows.mean(axis=0)
    return float((rows * rows).sum() / (len(rows) - 1))


def _places(tasks: Sequence[Hashable]) -> dict[Hashable, list[int]]:
    places: dict[Hashable, list[int]] = defaultdict(list)
    for place, task in enumerate(tasks):
        places[task].append(place)
    return places


def of_task(vectors: Any, confidence: float = 0.95) -> Spread:
    """Of the runs of one task, shape (runs, d), with the interval for display that `COVERAGE` speaks of."""
    rows = np.asarray(vectors, np.float64)
    n = len(rows)
    if n < 2:
        return Spread(None, n=n, told="fewer than two runs")
    squares = distances(rows) ** 2
    total = float(squares.sum())
    value = total / (2 * n * (n - 1))
    if not value:
        return Spread(0.0, n=n, told=f"all {n} runs are alike")
    without = (total - 2 * squares.sum(axis=0)) / (2 * (n - 1) * (n - 2)) if n > 2 else np.zeros(n)
    if n < FEWEST or without.min() <= ROUNDING * value:
        told = f"fewer than {FEWEST} runs" if n < FEWEST else "all runs but one are alike"
        return Spread(value, n=n, told=told)
    pseudo = n * np.log(value) - (n - 1) * np.log(without)
    half = _t(confidence, n - 1) * float(pseudo.std(ddof=1)) / np.sqrt(n)
    return Spread(value, float(value * np.exp(-half)), float(value * np.exp(half)), n)


def more_variable(
    vectors: Any, candidate: Sequence[bool], tasks: Sequence[Hashable], confidence: float = 0.95
) -> MoreVariable:
    """Whether the candidate's runs of a task differ more from each other than the baseline's.

    Args:
        vectors: one for each run, shape (runs, d).
        candidate: whether a run is the candidate's, shape (runs,).
        tasks: of the runs, shape (runs,).
        confidence: of the ratio's interval.
    """
    rows, chosen = np.asarray(vectors, np.float64), np.asarray(candidate, bool)
    pairs = []
    for places in _places(tasks).values():
        own, which = rows[places], chosen[places]
        if 2 <= which.sum() <= len(places) - 2:
            pairs.append((spread(own[~which]), spread(own[which])))
    if len(pairs) < 2:
        return MoreVariable(
            None, None, None, None, None, len(pairs), "fewer than two tasks have two runs in both arms"
        )
    values = np.array(pairs)
    if not values.any():
        return MoreVariable(
            None, None, None, None, None, len(pairs), "all runs of each task are alike in both arms"
        )
    logs = np.log(values + FLOOR * values.mean())
    return _judged(logs[:, 1] - logs[:, 0], confidence)


def _judged(logs: Any, confidence: float) -> MoreVariable:
    n, mean, error = len(logs), float(logs.mean()), float(logs.std(ddof=1) / np.sqrt(len(logs)))
    if error == 0.0:
        told = "the same in every task, so there is nothing to compare it with"
        return MoreVariable(float(np.exp(mean)), None, None, None, None, n, told)
    half = _t(confidence, n - 1) * error
    low, high = float(np.exp(mean - half)), float(np.exp(mean + half))
    p = 1.0 - _stdtr(n - 1, mean / error)
    return MoreVariable(float(np.exp(mean)), low, high, p, 2 * min(p, 1 - p), n)


def _t(confidence: float, freedom: int) -> float:
    import importlib

    special: Any = importlib.import_module("scipy.special")
    return float(special.stdtrit(freedom, 1 - (1 - confidence) / 2))


def _stdtr(freedom: int, value: float) -> float:
    import importlib

    special: Any = importlib.import_module("scipy.special")
    return float(special.stdtr(freedom, value))
