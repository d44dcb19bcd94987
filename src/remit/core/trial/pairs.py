"""The same tasks in two arms of a run: passes and runs of each, ready to be compared."""

from __future__ import annotations

from dataclasses import dataclass

from remit.core.trial.run import Run, TaskInfo


@dataclass(frozen=True, slots=True)
class Paired:
    """What both arms did on each task; item *i* of every field is the same task."""

    tasks: tuple[str, ...]
    """Those that ran in either arm, in the suite's order."""
    baseline: tuple[tuple[int, int], ...]
    """Passes and runs; trials whose world failed are in neither."""
    candidate: tuple[tuple[int, int], ...]
    weights: tuple[float, ...]


def paired(run: Run, baseline: str, candidate: str, other: Run | None = None) -> Paired:
    """Passes and runs of each task in two arms.

    Args:
        run: holds the baseline's trials.
        baseline: name of the arm.
        candidate: name of the other arm.
        other: holds the candidate's trials; None where they are in *run* too.
    """
    second = other or run
    counts = [_counts(run, baseline), _counts(second, candidate)]
    tasks = [task for task in {**second.info.tasks, **run.info.tasks} if any(task in one for one in counts)]
    tasks += [task for one in counts for task in one if task not in tasks]
    tasks = list(dict.fromkeys(tasks))
    known = {**second.info.tasks, **run.info.tasks}
    return Paired(
        tuple(tasks),
        tuple(counts[0].get(task, (0, 0)) for task in tasks),
        tuple(counts[1].get(task, (0, 0)) for task in tasks),
        tuple(known.get(task, TaskInfo()).weight for task in tasks),
    )


def _counts(run: Run, arm: str) -> dict[str, tuple[int, int]]:
    return {
        task: (sum(trial.success is True for trial in trials), len(trials))
        for task, trials in run.by_task(arm).items()
    }
