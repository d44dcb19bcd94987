"""Two arms on THIS suite against a margin: the tasks are given, only their runs are chance.

The difference of the suite's two rates has as variance the sum of its tasks' binomial variances. Estimated from few
runs near a rate of 1, that is 0, and anything is "certainly no worse". So the variance is taken where the margin is
exactly met (Farrington and Manning's most likely rates), less what lies between tasks, which is no chance here. What the
margin adds in failures counts as spread over all runs: that is the most variance that it can add.

And since few runs can make tasks look more settled than they are, one and a half tasks of even odds are added. With
little evidence this is the comparison of two plain shares, which is never too sure: runs of unlike tasks vary less than
as many runs of one coin (Hoeffding, Annals of Mathematical Statistics 27 (1956) 713-721).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum, sqrt

from remit.core.stats.farrington_manning import restricted
from remit.core.stats.score import Score
from remit.core.stats.task_pair import TaskPair, shares


@dataclass(frozen=True, slots=True)
class ArmRate:
    """The rate of one arm on the suite, and what is known of its variance."""

    rate: float
    """Of the suite, weighted, in [0, 1]."""
    runs: float
    """Effective number: as many runs, dealt evenly, would tell as much."""
    within: float
    """Mean variance of a run about its task's rate, unbiased."""
    unseen: float
    """What one and a half tasks more, of even odds, would add to it."""

    def variance(self, rate: float) -> float:
        """Of one run, if the arm's true rate were *rate*."""
        here, there = (
            self.rate * (1 - self.rate),
            max(0.0, rate * (1 - rate)),
        )  # a sum of shares may miss 0 and 1
        known = self.within + self.unseen + max(0.0, there - here)
        return min(there, known) * max(1.0, self.runs / max(self.runs - 1, 1.0))


UNSEEN = 1.5
"""Tasks of even odds that are added: with fewer, three to ten tasks of two runs each come out too sure."""


def arms(pairs: Sequence[TaskPair]) -> tuple[ArmRate, ArmRate]:
    """Baseline and candidate.

    Two tasks, always passed and always failed: nothing is left to chance.

    >>> arms([TaskPair(4, 4, 4, 4), TaskPair(0, 4, 0, 4)])[0]
    ArmRate(rate=0.5, runs=8.0, within=0.0, unseen=0.1875)
    """
    share = shares(pairs)
    found = []
    for hits, runs in (
        ([pair.baseline for pair in pairs], [pair.baseline_runs for pair in pairs]),
        ([pair.candidate for pair in pairs], [pair.candidate_runs for pair in pairs]),
    ):
        rate = min(1.0, fsum(s * k / n for s, k, n in zip(share, hits, runs, strict=True)))
        parts = [s * s / n for s, n in zip(share, runs, strict=True)]
        spread = [_spread(k, n, pair) for k, n, pair in zip(hits, runs, pairs, strict=True)]
        whole = fsum(parts)
        within = fsum(part * one for part, one in zip(parts, spread, strict=True)) / whole
        found.append(
            ArmRate(rate, 1 / whole, within, UNSEEN * fsum(part * part for part in parts) / whole**2 / 4)
        )
    return found[0], found[1]


def _spread(hits: int, runs: int, pair: TaskPair) -> float:
    """Variance of a run of this task. One run tells none of it: then that of both arms' runs together."""
    if runs < 2:
        hits, runs = pair.passes, pair.runs
    return hits * (runs - hits) / (runs * (runs - 1))


def suite_score(baseline: ArmRate, candidate: ArmRate, at: float) -> Score:
    """The difference of two arms beside a value of it.

    Args:
        baseline: of `arms`.
        candidate: of `arms`.
        at: in (-1, 1); minus the margin, for "no worse by the margin".

    Source: Farrington and Manning, Statistics in Medicine 9 (1990) 1447-1454, with the variance between strata left out.
    """
    hits0, hits1 = baseline.rate * baseline.runs, candidate.rate * candidate.runs
    p0, p1 = restricted(hits0, baseline.runs, hits1, candidate.runs, at)
    v0, v1 = baseline.variance(p0) / baseline.runs, candidate.variance(p1) / candidate.runs
    third = v1 * (1 - 2 * p1) / candidate.runs - v0 * (1 - 2 * p0) / baseline.runs
    step = 1 / baseline.runs + 1 / candidate.runs
    return Score(candidate.rate - baseline.rate - at, sqrt(v0 + v1), third, step)
