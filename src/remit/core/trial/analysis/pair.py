"""Two arms side by side, as comparisons take them: one row for each run whose world did not fail."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from remit.core.trial.analysis.vectors import Vectors
from remit.core.trial.run import Run
from remit.core.trial.suite import BASELINE, CANDIDATE, Question
from remit.core.trial.trial import Trial


@dataclass(frozen=True, slots=True)
class Pair:
    """The runs of baseline and candidate."""

    run: Run
    baseline: str
    candidate: str
    trials: tuple[Trial, ...]
    """Of both arms, whose world did not fail."""
    vectors: Vectors | None

    @property
    def seed(self) -> int:
        """Of permutations: that of the design."""
        return self.run.info.design.seed

    @property
    def question(self) -> Question:
        """Of the design."""
        return self.run.info.design.question

    def rows(self, has: Callable[[Trial], bool] | None = None) -> tuple[list[Trial], list[bool], list[str]]:
        """Those runs that have something: with whether they are the candidate's, and their tasks."""
        found = [trial for trial in self.trials if has is None or has(trial)]
        return found, [trial.arm == self.candidate for trial in found], [trial.task for trial in found]


def pair_of(run: Run, vectors: Vectors | None) -> Pair | None:
    """The two arms of a run that has two; None where there is nothing to compare."""
    arms = _two(run.info.arms)
    if arms is None:
        return None
    trials = tuple(trial for trial in run.trials if trial.arm in arms and trial.success is not None)
    return Pair(run, *arms, trials, vectors)


def _two(arms: Sequence[str]) -> tuple[str, str] | None:
    if BASELINE in arms and CANDIDATE in arms:
        return BASELINE, CANDIDATE
    return (arms[0], arms[1]) if len(arms) == 2 else None
