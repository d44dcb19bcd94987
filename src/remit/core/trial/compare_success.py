"""Success of candidate and baseline, for both questions: the p-values of a report, without its intervals."""

from __future__ import annotations

from collections.abc import Iterator

from remit.core.trial.pairs import paired
from remit.core.trial.report import Comparison
from remit.core.trial.run import Run
from remit.core.trial.suite import BASELINE, CANDIDATE, Question

QUESTIONS = {Question.SUITE: "this suite", Question.POPULATION: "tasks like these"}


def success_alone(run: Run) -> Iterator[Comparison]:
    """Both questions of a run with the arms `baseline` and `candidate`: quick, for many runs in a row."""
    from remit.core.stats.compare_rates import surprise
    from remit.core.stats.task_pair import task_pairs

    both = paired(run, BASELINE, CANDIDATE)
    pairs = task_pairs(both.baseline, both.candidate, both.weights)
    for question, told in QUESTIONS.items():
        found = surprise(pairs, question, run.info.design.seed) if pairs else None
        yield Comparison(
            metric=f"success, {told}",
            method=found.method if found else "",
            question=told,
            unit="trials" if question is Question.SUITE else "tasks",
            n=len(pairs),
            baseline=None,
            candidate=None,
            difference=None,
            p=found.either if found else None,
            adjusted=None,
        )
