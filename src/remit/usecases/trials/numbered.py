"""Trials from elsewhere, each with what it is called, and the epoch and draw that it gets among the others."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from remit.core.errors import BadInput
from remit.core.trial.trial import Trial


@dataclass(slots=True)
class NamedTrial:
    """A trial with what it is called."""

    where: str
    arm: str
    suite: str
    """Empty where the task is named by fields."""
    task: str
    trial: Trial
    behind: bool = False
    """Whether it ended behind the decision of its run, or behind one in start order that had not ended."""
    early: bool = False
    """Whether its run ended as soon as gates of its own knew enough."""


def numbered(listed: Sequence[NamedTrial]) -> Iterator[Trial]:
    """Trials with their epoch and draw; those of one task and epoch in several arms have one draw.

    Raises:
        BadInput: two results for one trial.
    """
    next_epoch: Counter[tuple[str, str]] = Counter()
    draws: dict[tuple[str, int], int] = {}
    places: dict[tuple[str, int], NamedTrial] = {}
    for one in listed:
        task, epoch = sys.intern(one.task), one.trial.epoch
        if epoch < 0:
            epoch = next_epoch[one.arm, task]
        next_epoch[one.arm, task] = max(next_epoch[one.arm, task], epoch + 1)
        draw = draws.setdefault((task, epoch), len(draws))
        earlier = places.setdefault((one.arm, draw), one)
        if earlier is not one:
            raise _twice(earlier, one, epoch)
        yield replace(one.trial, draw=draw, arm=one.arm, task=task, epoch=epoch)


def _twice(one: NamedTrial, other: NamedTrial, epoch: int) -> BadInput:
    left, right = one.trial.extra, other.trial.extra
    differ = [key for key in left if key in right and left[key] != right[key]]
    told = f"trial {epoch} of task {one.task!r} stands here a second time; the first: {one.where}"
    if not differ:
        return BadInput(other.where, told, "leave one out, or give each its own 'trial'")
    hint = f"tell them apart with --arm-by or --task-by (these differ: {', '.join(differ[:8])})"
    return BadInput(other.where, told, f"{hint}, or choose with --where")
