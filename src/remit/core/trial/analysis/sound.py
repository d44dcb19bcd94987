"""A run may come from a file that anybody wrote: what cannot be reckoned with is refused, with its place in the run."""

from __future__ import annotations

from math import isfinite

from remit.core.errors import BadInput
from remit.core.trial.run import Run, RunInfo
from remit.core.trial.suite import LEAST_WEIGHT, MOST_WEIGHT
from remit.core.trial.trial import Trial
from remit.core.trial.words import shown

KINDS = ("fixed", "sequential")
MOST = 1e15
"""Beyond which no time, number of tokens or cost is believed, and floating point loses digits."""


def check_sound(run: Run) -> None:
    """Refuse a run that numbers cannot be made of.

    Raises:
        BadInput: with what was found, and where.
    """
    _info(run.info)
    arms = set(run.info.arms)
    for trial in run.trials:
        if trial.arm not in arms:
            known = ", ".join(run.info.arms)
            raise BadInput(
                _place(trial), f"arm {trial.arm!r} is none of the run's", f"its header names {known}"
            )
        for name, value in (("latency_s", trial.latency_s), ("tokens", trial.tokens), ("cost", trial.cost)):
            if value is not None and not 0 <= value <= MOST:
                raise BadInput(
                    _place(trial), f"{name} is {shown(value, 40)}", f"write a number from 0 to {MOST:g}"
                )
        if trial.score is not None and not isfinite(trial.score):
            raise BadInput(_place(trial), f"score is {trial.score}", "write a number")


def _info(info: RunInfo) -> None:
    where, design = f"run {info.id}", info.design
    if design.kind not in KINDS:
        raise BadInput(where, f"design.kind is {design.kind!r}", f"write one of {', '.join(KINDS)}")
    if not info.arms or len(set(info.arms)) < len(info.arms):
        raise BadInput(where, f"arms are {list(info.arms)!r}", "name each arm once")
    if design.epochs < 1 or design.max_trials < 1:
        found = f"design has {design.epochs} epochs and {design.max_trials} trials at most"
        raise BadInput(where, found, "write 1 or more")
    if not 0 <= design.max_infrastructure <= 1:
        raise BadInput(
            where, f"max_infrastructure is {design.max_infrastructure}", "write a share from 0 to 1"
        )
    for task, told in info.tasks.items():
        if not LEAST_WEIGHT <= told.weight <= MOST_WEIGHT:
            remedy = f"write a number from {LEAST_WEIGHT:g} to {MOST_WEIGHT:g}"
            raise BadInput(where, f"task {task!r} has weight {told.weight}", remedy)


def _place(trial: Trial) -> str:
    return f"trial {trial.draw} of {trial.arm!r}"
