"""Candidate against baseline on the same tasks: the one entry for both questions.

*Worse on this suite?* stratifies by task: only the chance of runs counts. *Worse on tasks like these?* makes the task the
unit: which tasks were drawn is chance too. Mixing them up costs half the power, or raises false alarms to 10 to 20 %.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import fsum

from remit.core.stats.detectable import ALPHA, detectable_difference
from remit.core.stats.mcnemar import mcnemar_p, mcnemar_worse_p
from remit.core.stats.paired_t import paired_t
from remit.core.stats.score import Score, interval
from remit.core.stats.sign_flip import sign_flip
from remit.core.stats.suite_score import arms, suite_score
from remit.core.stats.tango import task_score
from remit.core.stats.task_pair import PassCounts, TaskPair, one_each, shares, task_pairs
from remit.core.stats.within_task import within_task

SUITE, POPULATION = "suite", "population"
FEW_TASKS = 15
"""Below so many, a t-test on task means does not hold its level, and signs are flipped instead."""

FEW_PASSES = 40
"""From so many of the baseline on, losing them all is found by any test."""


@dataclass(frozen=True, slots=True)
class RateComparison:
    """What two arms on the same tasks say about the difference of their success rates."""

    question: str
    """`suite` or `population`."""
    baseline: float
    """Success rate of the baseline: the mean over tasks, weighted."""
    candidate: float
    difference: float
    """Candidate minus baseline."""
    low: float
    """Of the interval of the difference."""
    high: float
    confidence: float
    """Of the interval, both sides together: `low` alone holds with (1 + confidence) / 2."""
    p_worse: float
    """One-sided p-value of "the candidate is worse"."""
    p_better: float
    p_two_sided: float
    p_not_worse: float | None
    """One-sided p-value of "worse by the margin or more": small where the candidate is not. None without a margin."""
    method: str
    """Of `p_worse`, `p_better` and `p_two_sided`."""
    interval_method: str
    """Of the interval and `p_not_worse`."""
    unit: str
    """What is counted as independent: `trials` or `tasks`."""
    n: int
    """How many units."""
    tasks: int
    left_out: int
    """Tasks that did not run in both arms."""
    detectable: float | None
    """The smallest loss that so many runs find nine times in ten, at one-sided 5 %; None where none would be found."""


def compare_rates(
    baseline: PassCounts,
    candidate: PassCounts,
    question: str = SUITE,
    *,
    weights: Sequence[float] | None = None,
    margin: float | None = None,
    confidence: float = 0.95,
    seed: int = 0,
) -> RateComparison:
    """Compare the success of two arms on the same tasks.

    Args:
        baseline: passes and runs of each task, shape (n_tasks,). Trials whose world failed are in neither.
        candidate: the same of the candidate; item *i* is the same task. Runs may differ between tasks and arms.
        question: `suite` (worse on these very tasks?) or `population` (worse on tasks like these?).
        weights: of each task, greater than 0; None where all count alike.
        margin: in (0, 1), for `p_not_worse`.
        confidence: of the interval, in (0, 1).
        seed: for the few suites too large to count through.

    Raises:
        ValueError: no task ran in both arms; or counts, weights, margin or question are none.

    >>> found = compare_rates([(5, 5)] * 8, [(3, 5)] * 8, "suite", margin=0.05)
    >>> round(found.difference, 3), found.method, found.p_worse < 0.001, found.p_not_worse > 0.5
    (-0.4, 'within-task permutation (exact)', True, True)
    """
    if question not in (SUITE, POPULATION):
        raise ValueError(f"question {question!r}: it is one of 'suite' and 'population'")
    if margin is not None and not 0 < margin < 1:
        raise ValueError(f"margin {margin}: it must be above 0 and below 1")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence {confidence}: it must be above 0 and below 1")
    pairs = task_pairs(baseline, candidate, weights)
    if not pairs:
        raise ValueError("no task ran in both arms")
    score = score_of(pairs, question)
    told = surprise(pairs, question, seed)
    share = shares(pairs)
    low, high = interval(score, confidence)
    return RateComparison(
        question=question,
        baseline=fsum(s * pair.baseline / pair.baseline_runs for s, pair in zip(share, pairs, strict=True)),
        candidate=fsum(
            s * pair.candidate / pair.candidate_runs for s, pair in zip(share, pairs, strict=True)
        ),
        difference=fsum(s * pair.difference for s, pair in zip(share, pairs, strict=True)),
        low=low,
        high=high,
        confidence=confidence,
        p_worse=told.worse,
        p_better=told.better,
        p_two_sided=told.either,
        p_not_worse=None if margin is None else score(-margin).p,
        method=told.method,
        interval_method="score, stratified by task"
        if _by_runs(pairs, question)
        else "score, tasks as units (Tango)",
        unit="trials" if question == SUITE else "tasks",
        n=sum(pair.runs for pair in pairs) if question == SUITE else len(pairs),
        tasks=len(pairs),
        left_out=len(baseline) - len(pairs),
        detectable=_detectable(pairs, question, seed),
    )


def _detectable(pairs: Sequence[TaskPair], question: str, seed: int) -> float | None:
    """None where even a candidate that always fails would not be found: exact tests of few runs cannot say more."""
    if len(pairs) < FEW_TASKS or sum(pair.baseline for pair in pairs) < FEW_PASSES:
        lost = [replace(pair, candidate=0) for pair in pairs]
        if surprise(lost, question, seed).worse > ALPHA:
            return None
    return detectable_difference(pairs, question)


@dataclass(frozen=True, slots=True)
class Surprise:
    """p-values of "nothing changed"."""

    worse: float
    better: float
    either: float
    method: str


def surprise(pairs: Sequence[TaskPair], question: str, seed: int = 0) -> Surprise:
    """How surprising the candidate's passes are if it is as good as the baseline.

    Exact for this suite; for tasks like these exact where few, and by Student's t where many. Both of the latter mean by
    "as good" that a task differs as often one way as the other. A candidate that loses a little on most tasks and gains
    much on few is called worse at the same mean; the interval of `compare_rates` takes that into account.
    """
    if one_each(pairs) and len({pair.weight for pair in pairs}) == 1:
        lost = sum(pair.baseline > pair.candidate for pair in pairs)
        won = sum(pair.candidate > pair.baseline for pair in pairs)
        return Surprise(
            mcnemar_worse_p(lost, won), mcnemar_worse_p(won, lost), mcnemar_p(lost, won), "McNemar (exact)"
        )
    if question == SUITE:
        dealt = within_task(pairs, seed=seed)
        name = "within-task permutation (exact)" if dealt.exact else "within-task permutation (drawn)"
        return Surprise(dealt.p_worse, dealt.p_better, dealt.p_two_sided, name)
    far, weights = [pair.difference for pair in pairs], [pair.weight for pair in pairs]
    if len(pairs) < FEW_TASKS:
        flipped = sign_flip(far, weights, seed=seed)
        return Surprise(flipped.p_worse, flipped.p_better, flipped.p_two_sided, "sign-flip on tasks (exact)")
    t = paired_t(far, weights)
    return Surprise(t.p_worse, t.p_better, t.p_two_sided, "paired t on task means")


def score_of(pairs: Sequence[TaskPair], question: str) -> Callable[[float], Score]:
    """The difference beside any value of it."""
    if _by_runs(pairs, question):
        both = arms(pairs)
        return lambda at: suite_score(*both, at)
    far, weights = [pair.difference for pair in pairs], [pair.weight for pair in pairs]
    return lambda at: task_score(far, weights, at)


def _by_runs(pairs: Sequence[TaskPair], question: str) -> bool:
    """Whether the score is stratified: one run of each task says nothing of what varies within, and Tango's says more."""
    return question == SUITE and not one_each(pairs)
