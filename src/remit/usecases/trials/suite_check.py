"""A suite looked at before a trial is paid for: what it holds, and whether its worlds can be made, told and copied."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from remit.core.errors import Unavailable
from remit.core.trial.suite import Suite, Task
from remit.usecases.trials.loaded import LoadedSuite
from remit.usecases.trials.watching import state_of
from remit.usecases.trials.world import MakeWorld


def outline(suite: Suite) -> Mapping[str, Any]:
    """What a suite holds, as `remit trial check --json` prints it."""
    design = asdict(suite.design)
    return {
        "suite": suite.name,
        "version": suite.version,
        "hash": suite.hash,
        "tasks": len(suite.tasks),
        "strata": dict(Counter(task.stratum for task in suite.tasks.values() if task.stratum)),
        "checks": dict(Counter(rule.kind for task in suite.tasks.values() for rule in task.checks)),
        "unchecked": [task.id for task in suite.tasks.values() if not task.checks],
        "arms": list(suite.arms),
        "world": suite.world.kind if suite.world is not None else None,
        "envelope": suite.envelope or None,
        "invariants": [rule.id for rule in suite.invariants],
        "gates": [rule.id for rule in suite.design.gates],
        "design": {key: value for key, value in design.items() if key != "gates"},
    }


def problems(loaded: LoadedSuite) -> Iterator[str]:
    """What would go wrong in a trial: worlds that cannot be made, told or copied where something asks for that."""
    if loaded.world_of is None:
        return
    for task in loaded.suite.tasks.values():
        yield from _of_world(task, loaded.world_of, loaded)


def _of_world(task: Task, make: MakeWorld, loaded: LoadedSuite) -> Iterator[str]:
    try:
        world = make(task, 0)
    except Unavailable as error:
        yield str(error)
        return
    looks = any(one.states or one.repeats is not None for one in loaded.judge.invariants)
    looks = looks or any(rule.kind == "state" for rule in task.checks)
    _, flaw = state_of(world) if looks else (None, "")
    if flaw:
        yield f"task '{task.id}': {flaw}"
    if any(one.repeats is not None for one in loaded.judge.invariants):
        try:
            world.copy()
        except Exception as error:  # noqa: BLE001 - the world is somebody else's
            yield f"task '{task.id}': {error}"
