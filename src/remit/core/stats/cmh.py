"""Cochran-Mantel-Haenszel: two arms compared within tasks, by the normal approximation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum, sqrt
from statistics import NormalDist

from remit.core.stats.task_pair import TaskPair


@dataclass(frozen=True, slots=True)
class Cmh:
    """What the test says."""

    z: float
    """Above 0 where the candidate passes less often; 0.0 where no task could have told."""
    p_worse: float
    """One-sided p-value of "the candidate is worse"."""
    p_two_sided: float


def cmh(pairs: Sequence[TaskPair]) -> Cmh:
    """How surprising the candidate's passes are if every task's runs are dealt to the arms at random.

    Unequal numbers of runs are part of it; weights of tasks are not (see `within_task`). It is an approximation:
    `within_task` is the exact test of the same question.

    Args:
        pairs: the tasks.

    Three tasks of two runs each, all passed by the baseline and one by the candidate:

    >>> found = cmh([TaskPair(2, 2, 0, 2), TaskPair(2, 2, 0, 2), TaskPair(2, 2, 1, 2)])
    >>> round(found.z, 4), round(found.p_two_sided, 4)
    (2.6112, 0.009)

    Source: Mantel and Haenszel, Journal of the National Cancer Institute 22 (1959) 719-748, without their continuity
    correction.
    """
    missing = fsum(pair.candidate_runs * pair.passes / pair.runs - pair.candidate for pair in pairs)
    variance = fsum(_variance(pair) for pair in pairs)
    if variance <= 0:
        return Cmh(0.0, 1.0, 1.0)
    z = missing / sqrt(variance)
    tail = NormalDist().cdf
    return Cmh(z, tail(-z), 2 * tail(-abs(z)))


def _variance(pair: TaskPair) -> float:
    """Of the candidate's passes, given the passes of both: hypergeometric."""
    if pair.runs < 2:
        return 0.0
    failed = pair.runs - pair.passes
    return pair.passes * failed * pair.baseline_runs * pair.candidate_runs / (pair.runs**2 * (pair.runs - 1))
