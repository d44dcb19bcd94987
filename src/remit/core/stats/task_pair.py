"""One task in two arms: how often it passed in each, out of how many runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum, isfinite

PassCounts = Sequence[tuple[int, int]]
"""Of one arm: passes and runs of each task; item *i* is the same task in both arms."""


@dataclass(frozen=True, slots=True)
class TaskPair:
    """Passes and runs of one task, in the baseline and in the candidate."""

    baseline: int
    """Passes of the baseline."""
    baseline_runs: int
    candidate: int
    """Passes of the candidate."""
    candidate_runs: int
    weight: float = 1.0
    """How much the task counts beside the others; greater than 0."""

    @property
    def passes(self) -> int:
        """Of both arms."""
        return self.baseline + self.candidate

    @property
    def runs(self) -> int:
        """Of both arms."""
        return self.baseline_runs + self.candidate_runs

    @property
    def difference(self) -> float:
        """Candidate's rate minus baseline's, in [-1, 1]."""
        return self.candidate / self.candidate_runs - self.baseline / self.baseline_runs


def task_pairs(
    baseline: PassCounts, candidate: PassCounts, weights: Sequence[float] | None = None
) -> list[TaskPair]:
    """The tasks that ran in both arms; one without a run in either says nothing about a difference, and is left out.

    Args:
        baseline: passes and runs of each task, shape (n_tasks,).
        candidate: the same of the candidate; item *i* is the same task.
        weights: of each task, greater than 0; None where all count alike.

    Raises:
        ValueError: the lengths differ, counts are no counts, or a weight is not above 0.

    >>> task_pairs([(1, 2), (3, 3)], [(2, 2), (0, 0)])
    [TaskPair(baseline=1, baseline_runs=2, candidate=2, candidate_runs=2, weight=1.0)]
    """
    weights = [1.0] * len(baseline) if weights is None else weights
    if not len(baseline) == len(candidate) == len(weights):
        raise ValueError(f"{len(baseline)} tasks, {len(candidate)} tasks and {len(weights)} weights")
    found = []
    for (b, n_b), (c, n_c), weight in zip(baseline, candidate, weights, strict=True):
        if not (0 <= b <= n_b and 0 <= c <= n_c):
            raise ValueError(f"{b} of {n_b} and {c} of {n_c} are no shares")
        if not (isfinite(weight) and weight > 0):
            raise ValueError(f"weight {weight}: it must be above 0")
        if n_b and n_c:
            found.append(TaskPair(b, n_b, c, n_c, float(weight)))
    return found


def shares(pairs: Sequence[TaskPair]) -> list[float]:
    """The tasks' weights, as shares of 1."""
    whole = fsum(pair.weight for pair in pairs)
    return [pair.weight / whole for pair in pairs]


def one_each(pairs: Sequence[TaskPair]) -> bool:
    """Whether every task ran once in each arm."""
    return all(pair.baseline_runs == pair.candidate_runs == 1 for pair in pairs)
