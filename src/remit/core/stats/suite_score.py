"""Two arms on THIS suite against a margin: the tasks are given, only their runs are chance.

The difference of the suite's two rates has as variance the sum of its tasks' binomial variances. Estimated from few
runs near a rate of 1, that is 0, and anything is "certainly no worse". So the variance is taken where the margin is
exactly met (Farrington and Manning's most likely rates), less what lies between tasks, which is no chance here. What the
margin adds in failures counts as spread over all runs: that is the most variance that it can add.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum, sqrt

from remit.core.stats.farrington_manning import restricted
from remit.core.stats.task_pair import TaskPair, shares


@dataclass(frozen=True, slots=True)
class Arm:
    """The rate of one arm on the suite, and what is known of its variance."""

    rate: float
    """Of the suite, weighted, in [0, 1]."""
    runs: float
    """Effective number: as many runs, dealt evenly, would tell as much."""
    within: float
    """Mean variance of a run about its task's rate, unbiased."""

    def variance(self, rate: float) -> float:
        """Of the arm's rate, if its true rate were *rate*."""
        here, there = self.rate * (1 - self.rate), rate * (1 - rate)
        within = self.within + there - here if there >= here else self.within * there / here
        return max(within, 0.0) / self.runs


def arms(pairs: Sequence[TaskPair]) -> tuple[Arm, Arm]:
    """Baseline and candidate.

    Two tasks, always passed and always failed: nothing is left to chance.

    >>> arms([TaskPair(4, 4, 4, 4), TaskPair(0, 4, 0, 4)])[0]
    Arm(rate=0.5, runs=8.0, within=0.0)
    """
    share = shares(pairs)
    found = []
    for hits, runs in (
        ([pair.baseline for pair in pairs], [pair.baseline_runs for pair in pairs]),
        ([pair.candidate for pair in pairs], [pair.candidate_runs for pair in pairs]),
    ):
        rate = fsum(s * k / n for s, k, n in zip(share, hits, runs, strict=True))
        parts = [s * s / n for s, n in zip(share, runs, strict=True)]
        spread = [_spread(k, n, pair) for k, n, pair in zip(hits, runs, pairs, strict=True)]
        within = fsum(part * one for part, one in zip(parts, spread, strict=True)) / fsum(parts)
        found.append(Arm(rate, 1 / fsum(parts), within))
    return found[0], found[1]


def _spread(hits: int, runs: int, pair: TaskPair) -> float:
    """Variance of a run of this task. One run tells none of it: then that of both arms' runs together."""
    if runs < 2:
        hits, runs = pair.passes, pair.runs
    return hits * (runs - hits) / (runs * (runs - 1))


def suite_z(baseline: Arm, candidate: Arm, at: float) -> float:
    """How far the difference is above *at*, in standard errors as they would be if it were *at*.

    Args:
        baseline: of `arms`.
        candidate: of `arms`.
        at: in (-1, 1); minus the margin, for "no worse by the margin".

    Source: Farrington and Manning, Statistics in Medicine 9 (1990) 1447-1454, with the variance between strata left out.
    """
    p0, p1 = restricted(
        baseline.rate * baseline.runs,
        baseline.runs,
        candidate.rate * candidate.runs,
        candidate.runs,
        at,
    )
    far = candidate.rate - baseline.rate - at
    variance = baseline.variance(p0) + candidate.variance(p1)
    if variance < 1e-15:
        return 0.0 if abs(far) < 1e-9 else far / 1e-7
    return far / sqrt(variance)
