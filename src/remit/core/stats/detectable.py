"""The smallest loss that a comparison would have found: "no difference found" never stands without it."""

from __future__ import annotations

from collections.abc import Sequence
from math import fsum, sqrt
from statistics import NormalDist

from remit.core.stats.smallest import smallest
from remit.core.stats.suite_score import arms
from remit.core.stats.task_pair import TaskPair, shares

POWER, ALPHA = 0.90, 0.05


def detectable_difference(
    pairs: Sequence[TaskPair], question: str, *, alpha: float = ALPHA, power: float = POWER
) -> float | None:
    """The smallest loss of the candidate that so many runs of these tasks find with *power*.

    Args:
        pairs: the tasks, with the variance that they showed.
        question: `suite` or `population`.
        alpha: one-sided level of the comparison.
        power: chance to find it.

    Returns:
        In (0, 1]; None where not even a candidate that always fails would be found.

    100 tasks, all passed by both arms, one run each: a loss of 4 points may be missed, of 9 points is found.

    >>> round(detectable_difference([TaskPair(1, 1, 1, 1)] * 100, "suite"), 3)
    0.081
    """
    base, candidate = arms(pairs)
    between = _between(pairs) if question == "population" else 0.0
    level, found = NormalDist().inv_cdf(1 - alpha), NormalDist().inv_cdf(power)

    def enough(loss: float) -> bool:
        # Under "nothing changed" the test pools both arms; under the loss each has its own variance.
        half = base.rate - loss / 2
        pooled = base.variance(half) / base.runs + candidate.variance(half) / candidate.runs + between
        apart = (
            base.variance(base.rate) / base.runs
            + candidate.variance(base.rate - loss) / candidate.runs
            + between
        )
        return loss >= level * sqrt(pooled) + found * sqrt(apart)

    return smallest(enough, base.rate) if base.rate > 0 else None


def _between(pairs: Sequence[TaskPair]) -> float:
    """Variance of the mean difference that comes from which tasks were drawn, beyond the chance of their runs."""
    if len(pairs) < 2:
        return 0.0
    share = shares(pairs)
    mean = fsum(s * pair.difference for s, pair in zip(share, pairs, strict=True))
    units = 1 / fsum(s * s for s in share)
    whole = fsum(s * (pair.difference - mean) ** 2 for s, pair in zip(share, pairs, strict=True)) / (
        units - 1
    )
    base, candidate = arms(pairs)
    return max(0.0, whole - base.within / base.runs - candidate.within / candidate.runs)
