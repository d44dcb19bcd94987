"""Why runs were no success: what somebody needs first whose release is blocked at night.

Runs are put together by the checks that do not hold, else by what is said of them, numbers and quotations aside: 'order
A-1001 is unknown' and 'order A-1002 is unknown' are one reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from remit.core.trial.report import Reason
from remit.core.trial.run import Run
from remit.core.trial.trial import Status, Trial

MOST = 8
"""Reasons of each arm that are told."""
MOST_TOLD = 300
_VALUES = re.compile(r"\"[^\"]*\"|'[^']*'|[0-9]+")
_SAID = {
    Status.TIMEOUT: "not done by the deadline",
    Status.INFRASTRUCTURE: "the world failed",
    Status.DIVERGED: "it left the recorded conversation",
    Status.FAILED: "failed, and the record does not say why",
}


def reasons(run: Run) -> tuple[Reason, ...]:
    """Of every arm, the most frequent first."""
    return tuple(reason for arm in run.info.arms for reason in _of_arm(run, arm))


def _of_arm(run: Run, arm: str) -> Iterator[Reason]:
    alike: dict[object, list[Trial]] = {}
    for trial in run.of(arm):
        if not trial.success:
            alike.setdefault(_kind(trial), []).append(trial)
    for trials in sorted(alike.values(), key=len, reverse=True)[:MOST]:
        first = trials[0]
        tasks = tuple(dict.fromkeys(trial.task for trial in trials))
        world = first.status is Status.INFRASTRUCTURE
        yield Reason(
            arm,
            _told(first),
            len(trials),
            tasks,
            first.epoch,
            first.session,
            world,
            _stratum(run, arm, tasks),
        )


def _stratum(run: Run, arm: str, tasks: Sequence[str]) -> str:
    """The one that all of *tasks* are in, where that says something: a language, a customer, a kind of request."""
    known = {task: one.stratum for task, one in run.info.tasks.items()}
    found = {known.get(task, "") for task in tasks}
    ran = {known.get(trial.task, "") for trial in run.of(arm)}
    return found.pop() if len(tasks) > 1 and len(found) == 1 and len(ran) > 1 else ""


def _kind(trial: Trial) -> object:
    broken = tuple(one.check for one in trial.checks if not one.passed)
    return trial.status, broken or _VALUES.sub("", _told(trial))


def _told(trial: Trial) -> str:
    return trial.reason[:MOST_TOLD] or _SAID[trial.status]
