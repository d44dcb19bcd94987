"""What can be counted without any statistics, by arm."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from remit.core.trial.run import Run
from remit.core.trial.trial import Status, Trial


def counts(run: Run) -> dict[str, Mapping[str, int]]:
    """By arm: how many trials there are and how they ended."""
    return {arm: _of_arm(run, arm) for arm in run.info.arms}


def _of_arm(run: Run, arm: str) -> Mapping[str, int]:
    trials = run.of(arm)
    ended = Counter(trial.status for trial in trials)
    return {
        "trials": len(trials),
        **{status.value: ended[status] for status in Status},
        "retried": sum(trial.attempts > 1 for trial in trials),
        "tasks": len({trial.task for trial in trials}),
        "repeated": run.repeated,
        "breaches": sum(bool(trial.breaches) for trial in trials),
    }


def infrastructure_share(trials: Sequence[Trial]) -> float:
    """Of some trials, those whose world failed; 0 where there are none."""
    return sum(trial.status is Status.INFRASTRUCTURE for trial in trials) / len(trials) if trials else 0.0
