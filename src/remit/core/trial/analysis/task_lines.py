"""Every task in every arm, in a line."""

from __future__ import annotations

from collections.abc import Mapping

from remit.core.stats.proportion import clopper_pearson
from remit.core.stats.spread import of_task
from remit.core.trial.alike import ends_alike
from remit.core.trial.analysis.estimates import CONFIDENCE
from remit.core.trial.analysis.vectors import Vectors, embedded
from remit.core.trial.report import TaskLine
from remit.core.trial.run import Run
from remit.core.trial.trial import Status, Trial


def task_lines(run: Run, vectors: Vectors | None) -> tuple[TaskLine, ...]:
    """One line for each task of each arm, in the suite's order."""
    return tuple(
        _line(task, arm, trials, vectors)
        for task, by_arm in _by_task(run).items()
        for arm, trials in by_arm.items()
    )


def _by_task(run: Run) -> Mapping[str, Mapping[str, list[Trial]]]:
    found: dict[str, dict[str, list[Trial]]] = {task: {} for task in run.info.tasks}
    for arm in run.info.arms:
        for trial in run.of(arm):
            found.setdefault(trial.task, {}).setdefault(arm, []).append(trial)
    return found


def _line(task: str, arm: str, trials: list[Trial], vectors: Vectors | None) -> TaskLine:
    ended = [trial for trial in trials if trial.success is not None]
    passes = sum(trial.success is True for trial in ended)
    low, high = clopper_pearson(passes, len(ended), CONFIDENCE) if ended else (0.0, 1.0)
    spread = of_task(embedded(ended, vectors))
    return TaskLine(
        task,
        arm,
        len(ended),
        passes,
        low,
        high,
        sum(trial.status is Status.INFRASTRUCTURE for trial in trials),
        spread.value,
        len({tuple(call.tool for call in trial.calls) for trial in ended}),
        ends_alike(ended),
        spread.low,
        spread.high,
    )
