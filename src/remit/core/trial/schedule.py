"""In which order trials start. It comes from the seed alone, so that a run that was cut off goes on in the same order.

Fixed: every task `epochs` times, in random order. Sequential: each draw takes a task at random by weight, with
replacement, so that a trial is a coin with the suite's own rate, whatever the tasks' spread. In both, the arms of one
draw start one after the other in random order: providers drift within a day, and neither arm may have its better half.

Walking a suite in file order, easy tasks first, makes a gate of 5 % pass 88 % of agents that are exactly at the bar.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate

from remit.core.trial.suite import Design
from remit.core.trial.trial import Slot


def slots(design: Design, weights: Mapping[str, float], arms: Sequence[str]) -> Iterator[Slot]:
    """Every trial of a run, in the order in which they start.

    Args:
        design: of the run.
        weights: of each task, greater than 0; a fixed design runs all alike.
        arms: one or more.
    """
    tasks = _drawn(design, weights) if design.kind == "sequential" else _dealt(design, list(weights))
    epochs: Counter[str] = Counter()
    for draw, task in enumerate(tasks):
        epoch, epochs[task] = epochs[task], epochs[task] + 1
        for arm in sorted(arms, key=lambda arm: _number(design.seed, "arm", draw, arm)):
            yield Slot(draw, arm, task, epoch, _number(design.seed, "seed", arm, task, epoch) >> 33)


def _drawn(design: Design, weights: Mapping[str, float]) -> Iterator[str]:
    tasks, upto = list(weights), list(accumulate(weights.values()))
    for draw in range(design.max_trials):
        place = _number(design.seed, "draw", draw) / 2**64 * upto[-1]
        yield tasks[min(bisect_right(upto, place), len(tasks) - 1)]


def _dealt(design: Design, tasks: Sequence[str]) -> list[str]:
    cells = [(task, epoch) for task in tasks for epoch in range(design.epochs)]
    cells.sort(key=lambda cell: _number(design.seed, "deal", *cell))
    return [task for task, _ in cells]


def _number(*parts: object) -> int:
    """64 bits that depend on *parts* alone, the same on every machine and in every version of Python."""
    told = "\x1f".join(map(str, parts)).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.sha256(told).digest()[:8])
