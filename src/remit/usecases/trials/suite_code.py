"""A suite written in Python rather than YAML."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from remit.core.errors import BadInput
from remit.core.trial.gates.of_check import find_checks
from remit.core.trial.gates.table import gates_of
from remit.core.trial.invariants.table import INVARIANTS
from remit.core.trial.judging import unique
from remit.core.trial.suite import LEAST_WEIGHT, MOST_WEIGHT, ONLY_ARM, AgentSpec, Design, Rule, Suite, Task
from remit.core.types import Json
from remit.usecases.envelope_file import read_envelope_file
from remit.usecases.trials.functions import Functions
from remit.usecases.trials.suite_hash import suite_hash
from remit.usecases.trials.world import rule_of_world

GivenAgent = Callable[..., Any] | AgentSpec


def suite_of(
    name: str,
    *,
    tasks: Iterable[Task],
    agent: GivenAgent | None = None,
    arms: Mapping[str, GivenAgent] | None = None,
    world: Callable[..., Any] | str | Mapping[str, Json] | None = None,
    envelope: str = "",
    invariants: Iterable[str | Rule] = (),
    design: Design | None = None,
    concurrency: int = 8,
    retries: int = 2,
    folder: str = "",
) -> Suite:
    """A suite of these tasks, for one *agent* or for several *arms*.

    Args:
        name: of the suite.
        tasks: their ids are unique.
        agent: a function of one trial, or how an agent is reached; not beside *arms*.
        arms: the same by name, `baseline` and `candidate` for instance.
        world: makes a world from a task's `world` and a seed; or its name, `shop.py:make`; or `{"answers": […]}`.
        envelope: path of one, relative to *folder*.
        invariants: names such as `safety`, or rules.
        design: how trials are drawn.
        concurrency: trials at a time.
        retries: after an infrastructure error.
        folder: that names are relative to; the working directory where it is empty.

    Raises:
        BadInput: something is missing, stands twice or is out of range.

    >>> suite_of("greets", tasks=[Task("hello", "Say hello.")], agent=lambda trial: "hello").arms["agent"].python
    ''
    """
    functions = Functions(Path(folder))
    listed = list(tasks)
    found = {task.id: task for task in listed}
    rules = tuple(rule if isinstance(rule, Rule) else _named(rule) for rule in invariants)
    suite = Suite(
        name=name,
        tasks=found,
        arms=_arms(agent, arms),
        design=design or Design(),
        invariants=rules,
        world=rule_of_world(world) if world is not None else None,
        envelope=envelope,
        folder=folder,
        concurrency=concurrency,
        retries=retries,
    )
    _check(suite, listed)
    gates_of(suite.design, tuple(suite.arms), {task.id: task.weight for task in listed})
    find_checks(suite.design.gates, listed)
    envelope_hash = read_envelope_file(Path(folder) / envelope).hash if envelope else ""
    return replace(suite, hash=suite_hash(suite, envelope_hash, functions))


def _arms(agent: GivenAgent | None, arms: Mapping[str, GivenAgent] | None) -> dict[str, AgentSpec]:
    if (agent is None) == (not arms):
        raise BadInput("suite", "needs one of agent, arms", "write agent=function")
    named = arms if arms else {ONLY_ARM: agent}
    return {arm: one if isinstance(one, AgentSpec) else AgentSpec(function=one) for arm, one in named.items()}


def _named(name: str) -> Rule:
    if name not in INVARIANTS:
        raise BadInput("invariants", f"found {name!r}", f"use one of {', '.join(INVARIANTS)}, or a Rule")
    return Rule(name, name)


def _check(suite: Suite, listed: list[Task]) -> None:
    """What a file's reader would refuse."""
    if not listed:
        raise BadInput("tasks", "no task", "write at least one")
    seen: set[str] = set()
    for task in listed:
        if not task.id or task.id in seen:
            raise BadInput("tasks", f"two tasks have the id {task.id!r}" if task.id else "no id", "name each")
        seen.add(task.id)
        if not LEAST_WEIGHT <= task.weight <= MOST_WEIGHT:
            remedy = f"write a number from {LEAST_WEIGHT:g} to {MOST_WEIGHT:g}"
            raise BadInput(f"tasks.{task.id}.weight", f"found {task.weight}", remedy)
        if not 0 < task.deadline_s < float("inf"):
            raise BadInput(f"tasks.{task.id}.deadline_s", f"found {task.deadline_s}", "write seconds above 0")
        unique(task.checks, f"checks of task '{task.id}'")
    unique(suite.invariants, "invariants")
    if suite.concurrency < 1 or suite.retries < 0:
        found = f"found {suite.concurrency} and {suite.retries}"
        raise BadInput("concurrency, retries", found, "at least 1, and at least 0")
