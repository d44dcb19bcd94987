"""A suite written in Python rather than YAML."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from remit.core.trial.suite import AgentSpec, Design, Rule, Suite, Task


def suite_of(
    name: str,
    *,
    tasks: Iterable[Task],
    agent: Callable[..., Any] | AgentSpec | None = None,
    arms: Mapping[str, Callable[..., Any] | AgentSpec] | None = None,
    world: Callable[..., Any] | None = None,
    envelope: str = "",
    invariants: Iterable[str | Rule] = (),
    design: Design | None = None,
    concurrency: int = 8,
    retries: int = 2,
) -> Suite:
    """A suite of these tasks, for one *agent* or for several *arms*.

    Args:
        name: of the suite.
        tasks: their ids are unique.
        agent: a function of one trial, or how an agent is reached; not beside *arms*.
        arms: the same by name, `baseline` and `candidate` for instance.
        world: makes a world from a task's `world` and a seed.
        envelope: path of one.
        invariants: names such as `safety`, or rules.
        design: how trials are drawn.
        concurrency: trials at a time.
        retries: after an infrastructure error.

    Raises:
        BadInput: something is missing, stands twice or is out of range.
    """
    raise NotImplementedError
