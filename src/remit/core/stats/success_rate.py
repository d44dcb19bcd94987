"""How often an agent succeeds, from a fixed design: tasks, each run some times, tasks with weights.

Two questions, two units. *This suite*: the tasks are what they are, and only chance within a task is at work; a trial
is the unit. That tasks differ makes a count of successes less uncertain than a coin's, never more, so the interval of a
coin covers (Hoeffding, Annals of Mathematical Statistics 27 (1956) 713-721). *Tasks like these*: the tasks are drawn
from many, so one that fails stands for others; a task is the unit, and its share of successes one value in [0, 1].
Student's t over tasks is for display: where nearly every task succeeds, it is far too sure of itself.

A sequential design draws tasks at random by weight: there, trials are coins, and `proportion` and `sprt` apply.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import fsum

from remit.core.stats import bounded_mean
from remit.core.stats.proportion import clopper_pearson


def rate(passes: Sequence[int], runs: Sequence[int], weights: Sequence[float] | None = None) -> float:
    """The success rate, each task by its weight, however often it ran.

    Args:
        passes: successes of each task, shape (tasks,).
        runs: trials of each task, 1 or more, shape (tasks,).
        weights: of each task, greater than 0; all alike by default.

    >>> rate([2, 0], [2, 4]), rate([2, 0], [2, 4], [3.0, 1.0])
    (0.5, 0.75)
    """
    weights = _checked(passes, runs, weights)
    shares = (w * k / n for k, n, w in zip(passes, runs, weights, strict=True))
    return fsum(shares) / fsum(weights)


def this_suite(
    passes: Sequence[int],
    runs: Sequence[int],
    weights: Sequence[float] | None = None,
    confidence: float = 0.95,
) -> tuple[float, float]:
    """The interval of `rate` for these very tasks, as if each ran without end. A gate may rest on it.

    Args: as of `rate`; *confidence* in (0, 1), each side wrong at most half of the rest.

    Tasks that ran equally often and weigh the same are one pooled coin:

    >>> [round(bound, 4) for bound in this_suite([4, 4], [5, 5])]
    [0.4439, 0.9748]
    """
    weights = _checked(passes, runs, weights)
    each = [w / n for n, w in zip(runs, weights, strict=True)]
    if max(each) - min(each) <= 1e-12 * max(each):
        return clopper_pearson(sum(passes), sum(runs), confidence)
    values = [1.0] * len(runs) + [0.0] * len(runs)
    counts = [*passes, *(n - k for k, n in zip(passes, runs, strict=True))]
    return bounded_mean.interval(values, each * 2, counts, confidence)


def tasks_like_these(
    passes: Sequence[int],
    runs: Sequence[int],
    weights: Sequence[float] | None = None,
    confidence: float = 0.95,
) -> tuple[float, float]:
    """The interval of the mean success rate over all tasks that these stand for. A gate may rest on it.

    Args: as of `this_suite`.

    Twenty tasks that succeeded in all of five runs say as much about other tasks as twenty runs would:

    >>> [round(bound, 3) for bound in tasks_like_these([5] * 20, [5] * 20)]
    [0.832, 1.0]
    """
    weights = _checked(passes, runs, weights)
    return bounded_mean.interval(
        [k / n for k, n in zip(passes, runs, strict=True)], weights, None, confidence
    )


def _checked(passes: Sequence[int], runs: Sequence[int], weights: Sequence[float] | None) -> Sequence[float]:
    if (
        not runs
        or len(passes) != len(runs)
        or not all(0 <= k <= n > 0 for k, n in zip(passes, runs, strict=True))
    ):
        raise ValueError("needs 0 to n successes of 1 or more runs for each task")
    if weights is not None and (len(weights) != len(runs) or min(weights) <= 0):
        raise ValueError("needs a weight greater than 0 for each task")
    return [1.0] * len(runs) if weights is None else weights
