"""A suite that is ready to run: its functions imported, its checks and invariants compiled.

Loading a suite runs the code that it names (agent, world, Python checks), so load only suites whose code you trust.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from remit.core.envelope import Envelope
from remit.core.trial.judge import Judge
from remit.core.trial.suite import Suite, Task
from remit.ports import World

MakeWorld = Callable[[Task, int], World]
"""A world made anew for one trial, from its task and seed. `Unavailable` where the world's own make failed."""


@dataclass(frozen=True, slots=True)
class LoadedSuite:
    """A suite, and everything that was made from it."""

    suite: Suite
    judge: Judge
    envelope: Envelope | None = None
    """That every trial runs under; None where it runs under none."""
    world_of: MakeWorld | None = None
    """None where the agent brings its own tools."""
    agents: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    """By arm: the function of each agent that is a Python function."""


def load(suite: Suite) -> LoadedSuite:
    """Import what a suite names and compile what it says.

    Raises:
        BadInput: a function cannot be loaded, a check or an invariant is wrong; with its place.
    """
    raise NotImplementedError(suite.name)
