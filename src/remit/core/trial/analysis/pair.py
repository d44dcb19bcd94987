"""Two arms side by side, as comparisons take them: one row for each run whose world did not fail."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from remit.core.trial.analysis.vectors import Vectors
from remit.core.trial.run import Run
from remit.core.trial.suite import BASELINE, CANDIDATE, Question
from remit.core.trial.trial import Trial

MOST_ROWS = 2_000
"""Runs that behaviour is compared on: a permutation test holds a number for every two of them."""


class Rows(NamedTuple):
    """Runs of both arms that are compared; item *i* of each is of the same run."""

    trials: list[Trial]
    candidate: list[bool]
    tasks: list[str]


@dataclass(frozen=True, slots=True)
class Pair:
    """The runs of baseline and candidate."""

    run: Run
    baseline: str
    candidate: str
    trials: tuple[Trial, ...]
    """Of both arms, whose world did not fail; of a large run, as many of each task."""
    vectors: Vectors | None
    left_out: int = 0
    """Of a large run, those that are not among them."""

    @property
    def seed(self) -> int:
        """Of permutations: that of the design."""
        return self.run.info.design.seed

    @property
    def question(self) -> Question:
        """Of the design."""
        return self.run.info.design.question

    def rows(self, has: Callable[[Trial], bool] | None = None) -> Rows:
        """Those runs that have something."""
        found = [trial for trial in self.trials if has is None or has(trial)]
        return Rows(found, [trial.arm == self.candidate for trial in found], [trial.task for trial in found])


def pair_of(run: Run, vectors: Vectors | None) -> Pair | None:
    """The two arms of a run that has two; None where there is nothing to compare."""
    arms = _two(run.info.arms)
    if arms is None:
        return None
    every = [trial for trial in run.trials if trial.arm in arms and trial.success is not None]
    trials = tuple(_some(every))
    return Pair(run, *arms, trials, vectors, len(every) - len(trials))


def _two(arms: Sequence[str]) -> tuple[str, str] | None:
    if BASELINE in arms and CANDIDATE in arms:
        return BASELINE, CANDIDATE
    return (arms[0], arms[1]) if len(arms) == 2 else None


def _some(trials: Sequence[Trial]) -> list[Trial]:
    """At most `MOST_ROWS` of them: the same number of runs of as many tasks as there is room for, in both arms."""
    if len(trials) <= MOST_ROWS:
        return list(trials)
    tasks = list(dict.fromkeys(trial.task for trial in trials))
    tasks = tasks[:: -(-2 * len(tasks) // MOST_ROWS)]
    each, kept = max(1, MOST_ROWS // (2 * len(tasks))), set(tasks)
    taken: dict[tuple[str, str], int] = {}
    found = []
    for trial in trials:
        cell = trial.task, trial.arm
        if trial.task in kept and taken.get(cell, 0) < each:
            taken[cell] = taken.get(cell, 0) + 1
            found.append(trial)
    return found
