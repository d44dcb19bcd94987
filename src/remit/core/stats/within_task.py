"""Runs of each task dealt to the two arms anew: every way to deal them, counted, without drawing any.

Exact under "on each of these tasks, both arms are the same agent", whatever the tasks' difficulty. Given a task's passes,
the candidate's share of them is hypergeometric; the suite's score is a sum over tasks, so its distribution is a
convolution. Tasks that count differently get whole-number scores. They depend on the weights and on the numbers of runs,
never on who passed, hence rounding them changes the power by a hair and the level not at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import fsum, gcd, lcm
from typing import Any

from remit.core.stats.task_pair import TaskPair

MOST_STEPS = 2_000_000_000
"""Additions beyond which the runs are dealt at random instead: seconds of work."""
TINY = 1e-20
"""Chances below which the ends of a long distribution are cut off; what is cut counts as surprise, not as none."""
LONG = 4_096
MOST_PLACES = 100_000
"""About the largest sum of scores, where tasks count differently."""
DEALS = 9_999


@dataclass(frozen=True, slots=True)
class WithinTask:
    """What the test says."""

    p_worse: float
    """One-sided p-value of "the candidate is worse"."""
    p_better: float
    p_two_sided: float
    """Of a score as far from its mean as this one, in either direction."""
    exact: bool
    """False where the runs were dealt at random `deals` times: then p-values are no smaller than 1 / (deals + 1)."""


def within_task(pairs: Sequence[TaskPair], *, seed: int = 0, deals: int = DEALS) -> WithinTask:
    """How surprising the candidate's passes are if every task's runs are dealt to the arms at random.

    Args:
        pairs: the tasks; runs may differ between tasks and arms, and tasks may have weights.
        seed: for suites too large to count every way to deal.
        deals: how often they are dealt then.

    Two tasks of two runs in each arm; the baseline passes all, the candidate none: one way of 6 times 6.

    >>> found = within_task([TaskPair(2, 2, 0, 2), TaskPair(2, 2, 0, 2)])
    >>> round(found.p_worse, 4), round(found.p_two_sided, 4), found.exact
    (0.0278, 0.0556, True)

    Source: Pitman, Supplement to the Journal of the Royal Statistical Society 4 (1937) 119-130, stratified.
    """
    told = [pair for pair in pairs if 0 < pair.passes < pair.runs]
    if not told:
        return WithinTask(1.0, 1.0, 1.0, True)
    scores = _scores(told)
    return _counted(told, scores) or _dealt(told, scores, seed, deals)


def _scores(pairs: Sequence[TaskPair]) -> list[int]:
    """What one pass of the candidate counts in each task: by weight, and by how many runs share the task's weight."""
    heaviest = max(pair.weight for pair in pairs)
    worth = [
        Fraction(pair.weight / heaviest).limit_denominator(10_000)
        * (Fraction(1, pair.baseline_runs) + Fraction(1, pair.candidate_runs))
        for pair in pairs
    ]
    whole = lcm(*(one.denominator for one in worth))
    exact = [int(one * whole) for one in worth]
    shared = gcd(*exact)
    exact = [one // max(shared, 1) for one in exact]
    fits = MOST_PLACES / sum(s * p.candidate_runs for s, p in zip(exact, pairs, strict=True))
    # Whole ratios keep ties as ties. Where they are too fine for that, they are rounded.
    shrunk = min(1.0, max(fits, 1 / max(exact)))
    return [max(1, round(one * shrunk)) for one in exact]


def _counted(pairs: Sequence[TaskPair], scores: Sequence[int]) -> WithinTask | None:
    """None where it takes too long."""
    import numpy as np

    chances, lowest, cut, steps = np.ones(1), 0, 0.0, 0
    for pair, score in zip(pairs, scores, strict=True):
        least, each = _hypergeometric(pair)
        steps += len(each) * len(chances)
        if steps > MOST_STEPS:
            return None
        lowest += score * least
        longer = np.zeros(len(chances) + score * (len(each) - 1))
        for more, chance in enumerate(each):
            longer[more * score : more * score + len(chances)] += chance * chances
        chances = longer
        if len(chances) > LONG:
            inside = np.flatnonzero(chances > TINY)
            first, last = int(inside[0]), int(inside[-1]) + 1
            cut += float(chances[:first].sum() + chances[last:].sum())
            chances, lowest = chances[first:last], lowest + first
    values = np.arange(len(chances)) + lowest
    reached, mean = _reached(pairs, scores), _mean(pairs, scores)
    far = np.abs(values - mean) >= abs(reached - mean) - 1e-9 * (1 + abs(mean))

    def p(which: Any) -> float:
        return min(1.0, float(chances[which].sum()) + cut)

    return WithinTask(p(values <= reached), p(values >= reached), p(far), True)


def _dealt(pairs: Sequence[TaskPair], scores: Sequence[int], seed: int, deals: int) -> WithinTask:
    import numpy as np

    rng = np.random.default_rng(seed)
    totals = np.zeros(deals)
    for pair, score in zip(pairs, scores, strict=True):
        failed = pair.runs - pair.passes
        totals += score * rng.hypergeometric(pair.passes, failed, pair.candidate_runs, size=deals)
    reached, mean = _reached(pairs, scores), _mean(pairs, scores)
    far = np.abs(totals - mean) >= abs(reached - mean) - 1e-9 * (1 + abs(mean))

    def p(hits: Any) -> float:
        return float((1 + hits.sum()) / (1 + deals))

    return WithinTask(p(totals <= reached), p(totals >= reached), p(far), False)


def _reached(pairs: Sequence[TaskPair], scores: Sequence[int]) -> int:
    return sum(s * p.candidate for p, s in zip(pairs, scores, strict=True))


def _mean(pairs: Sequence[TaskPair], scores: Sequence[int]) -> float:
    return fsum(s * p.candidate_runs * p.passes / p.runs for p, s in zip(pairs, scores, strict=True))


def _hypergeometric(pair: TaskPair) -> tuple[int, list[float]]:
    """The fewest passes that the candidate could have, and the chance of each number from there on."""
    from math import exp, lgamma

    def choose(n: int, k: int) -> float:
        return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)

    least = max(0, pair.passes - pair.baseline_runs)
    whole = choose(pair.runs, pair.passes)
    return least, [
        exp(choose(pair.candidate_runs, k) + choose(pair.baseline_runs, pair.passes - k) - whole)
        for k in range(least, min(pair.passes, pair.candidate_runs) + 1)
    ]
