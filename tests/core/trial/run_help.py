"""Runs for tests, from a few words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from remit.core.trial.run import Run, RunInfo, TaskInfo, in_order
from remit.core.trial.suite import Design, Rule
from remit.core.trial.trial import Status, Trial, TrialCall

PASSED, FAILED = Status.PASSED, Status.FAILED
MARKS = {"+": PASSED, "-": FAILED, "t": Status.TIMEOUT, "!": Status.INFRASTRUCTURE}


def run(results: Mapping[str, Mapping[str, str]], *gates: Rule, **more: Any) -> Run:
    """A run of a fixed design: by arm and task, a mark for each epoch (+ passed, - failed, t timeout, ! world failed).

    >>> [t.success for t in run({"agent": {"a": "+-!"}}).trials]
    [True, False, None]
    """
    extra = more.pop("extra", lambda trial: {})
    design = more.pop("design", None) or Design("fixed", epochs=1, gates=tuple(gates))
    arms = tuple(results)
    tasks = tuple(dict.fromkeys(task for by_task in results.values() for task in by_task))
    trials = []
    for arm, by_task in results.items():
        for place, task in enumerate(tasks):
            for epoch, mark in enumerate(by_task.get(task, "")):
                told = {
                    "draw": epoch * len(tasks) + place,
                    "arm": arm,
                    "task": task,
                    "epoch": epoch,
                    "status": MARKS[mark],
                }
                trials.append(Trial(**{**told, **extra(told)}))
    weights = more.pop("weights", {})
    info = {"id": "r", "suite": "shop", "suite_hash": "h", "design": design, "arms": arms}
    info["tasks"] = {task: TaskInfo(weights.get(task, 1.0)) for task in tasks}
    kept = {key: more.pop(key) for key in ("repeated", "stopped") if key in more}
    return Run(RunInfo(**{**info, **more}), in_order(trials, arms), **kept)


def calls(*tools: str, **args: Any) -> tuple[TrialCall, ...]:
    return tuple(TrialCall(tool, dict(args)) for tool in tools)


def success(at_least: float = 0.9, **settings: Any) -> Rule:
    return Rule("reliable", "success", {"at_least": at_least, **settings})


def many(marks: str, tasks: int) -> dict[str, str]:
    return {f"t{at}": marks for at in range(tasks)}


def evenly(passes: Sequence[int], of: int) -> dict[str, str]:
    return {f"t{at}": "+" * n + "-" * (of - n) for at, n in enumerate(passes)}
