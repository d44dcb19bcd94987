"""A suite that is ready to run: its functions imported, its checks and invariants compiled.

Loading a suite runs the code that it names (agent, world, Python checks), so load only suites whose code you trust.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from remit.core.envelope import Envelope
from remit.core.errors import BadInput, Unavailable
from remit.core.trial.conversation import RecordedConversation
from remit.core.trial.judge import Judge
from remit.core.trial.judging import judge_of
from remit.core.trial.reach import Reach, node_of
from remit.core.trial.suite import AgentSpec, Suite
from remit.usecases.envelope_file import read_envelope_file
from remit.usecases.trials.functions import Functions
from remit.usecases.trials.world import MakeWorld, world_of


@dataclass(frozen=True, slots=True)
class LoadedSuite:
    """A suite, and everything that was made from it."""

    suite: Suite
    judge: Judge
    envelope: Envelope | None = None
    """That every trial runs under; None where it runs under none."""
    world_of: MakeWorld | None = None
    """Makes the world of one trial; None where the agent brings its own tools."""
    agents: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    """By arm: the function of each agent that is a Python function."""
    conversations: Mapping[str, RecordedConversation] = field(default_factory=dict)
    """By task: what its user says turn by turn, where that was recorded."""


def load(suite: Suite) -> LoadedSuite:
    """Import what a suite names, compile what it says, and make the world of its first task once to see that it can be.

    Raises:
        BadInput: a function cannot be loaded, the world cannot be made, a check or an invariant is wrong; with its place.
    """
    functions = Functions(Path(suite.folder))
    envelope = read_envelope_file(Path(suite.folder) / suite.envelope) if suite.envelope else None
    worlds = world_of(suite, functions)
    tools = _tried(suite, worlds) if worlds is not None else ()
    reach = Reach(functions.plain, envelope, worlds is not None, tuple(suite.tasks.values()), tools)
    agents = {
        arm: _asked(functions.load(_named(agent, suite, arm)), suite, arm)
        for arm, agent in suite.arms.items()
        if agent.python or agent.function is not None
    }
    return LoadedSuite(suite, judge_of(suite, reach), envelope, worlds, agents)


def _asked(agent: Callable[..., Any], suite: Suite, arm: str) -> Callable[..., Any]:
    """The agent, if it can be called with a trial; otherwise every trial would be its failure."""
    try:
        inspect.signature(agent).bind(None)
    except TypeError as error:
        told = f"cannot be called with a trial: {error}"
        raise BadInput(f"suite {suite.name}: arms.{arm}", told, "write: def answer(trial)") from None
    except ValueError:
        pass  # written in another language: nobody knows
    return agent


def _named(agent: AgentSpec, suite: Suite, arm: str) -> Any:
    value = agent.function if agent.function is not None else agent.python
    return node_of(value, f"suite {suite.name}", 0, f"arms.{arm}.python")


def _tried(suite: Suite, worlds: MakeWorld) -> tuple[str, ...]:
    """The tools of the first task's world; of a world of answers those of all tasks."""
    tools: dict[str, None] = {}
    answers = suite.world is not None and suite.world.kind == "answers"
    for task in list(suite.tasks.values())[: None if answers else 1]:
        try:
            tools |= dict.fromkeys(worlds(task, 0).tools)
        except Unavailable as error:
            raise BadInput("world", str(error), "mend the function that makes it") from error
    return tuple(tools)
