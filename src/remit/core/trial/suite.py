"""What is asked of an agent: tasks, how many runs of them, and what must come of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from remit.core.types import Json, PrincipalKind

DEADLINE_S = 120.0
LEAST_WEIGHT, MOST_WEIGHT = 1e-9, 1e9
"""Of a task. Beyond these, floating point loses some tasks beside others, and then whole sums."""
ONLY_ARM = "agent"
"""The arm's name where a suite has one agent only."""
BASELINE, CANDIDATE = "baseline", "candidate"


@dataclass(frozen=True, slots=True)
class Rule:
    """A check, an invariant or a gate as the suite names it: a line of a table, and its settings."""

    id: str
    """As reports name it; unique among its kind."""
    kind: str
    """Of the table."""
    settings: Mapping[str, Json] = field(default_factory=dict)
    """As the table's line reads them; one without a name (`cel: "…"`) stands under `is`."""
    where: str = ""
    """`file:line: key`, for errors."""


@dataclass(frozen=True, slots=True)
class Task:
    """One thing that the agent is asked to do."""

    id: str
    input: Json = None
    """What the agent is handed: a text, or any JSON value."""
    user_input: str = ""
    """The user's text, as the session observes it; the input itself where that is a text."""
    checks: tuple[Rule, ...] = ()
    """All must hold. Without any, a trial that ends without an error is a success."""
    world: Json = None
    """What the suite's world is made from for this task (see `ports.World`)."""
    facts: Mapping[str, Json] = field(default_factory=dict)
    """Of the session, as the envelope declares them."""
    principal: str | None = None
    principal_kind: PrincipalKind | None = None
    weight: float = 1.0
    """How often it is drawn, and counts, beside the others; greater than 0."""
    stratum: str = ""
    """Group of like tasks; empty where there are none."""
    deadline_s: float = DEADLINE_S


@dataclass(frozen=True, slots=True)
class AgentSpec:
    """How an agent under test is reached: exactly one of `function`, `python`, `command` and `http`."""

    python: str = ""
    """`module:function`, or `file.py:function` beside the suite."""
    command: tuple[str, ...] = ()
    http: str = ""
    """URL that takes a POST."""
    environ: Mapping[str, str] = field(default_factory=dict)
    """Of a command, beside its own."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Of a request; a value `$NAME` is read from the environment, so that no secret stands in the suite."""
    settings: Mapping[str, Json] = field(default_factory=dict)
    """Handed to the agent as they are: a prompt, a temperature, a model's name."""
    fingerprint: Mapping[str, Json] = field(default_factory=dict)
    """`model`, `prompt`, `config`, `code`, as far as they are known, for the record."""
    function: Callable[..., Any] | None = field(default=None, repr=False)
    """The agent itself, in a suite that is written in Python."""


class Question(StrEnum):
    """What a comparison is about: it decides what the unit is."""

    SUITE = "suite"
    """Is it worse on THIS suite? Trials are the unit, compared within tasks."""
    POPULATION = "population"
    """Is it worse on tasks LIKE these? Tasks are the unit."""


@dataclass(frozen=True, slots=True)
class Design:
    """How trials are drawn, fixed before the first one starts, and hashed."""

    kind: str = "fixed"
    """`fixed`: every task `epochs` times. `sequential`: tasks drawn at random with replacement until the gates decided,
    at most `max_trials` in each arm."""
    epochs: int = 5
    max_trials: int = 200
    seed: int = 0
    question: Question = Question.SUITE
    gates: tuple[Rule, ...] = ()
    max_infrastructure: float = 0.1
    """Share of an arm's trials above which the verdict is ERROR."""


@dataclass(frozen=True, slots=True)
class Suite:
    """Everything that is asked of one agent, or of two."""

    name: str
    tasks: Mapping[str, Task]
    arms: Mapping[str, AgentSpec]
    design: Design = field(default_factory=Design)
    invariants: tuple[Rule, ...] = ()
    world: Rule | None = None
    """How the tools of a trial are made; None where the agent brings its own."""
    envelope: str = ""
    """Path of the envelope that every trial runs under; empty where it runs under none."""
    version: str = ""
    hash: str = ""
    """SHA-256 over the suite's content: results of another suite are not compared with it."""
    folder: str = ""
    """Where its file stands; paths in it are relative to it."""
    concurrency: int = 8
    retries: int = 2
    """After an infrastructure error, for each trial."""
    holds: str = "refuse"
    """What becomes of a call that the envelope holds for a person: `refuse` (the agent is told that it waits), or `grant`
    (it runs, as if the people had said yes)."""
    coverage: Mapping[str, Json] = field(default_factory=dict)
    """Of a sampled suite: what was sampled from, and what share of it the tasks stand for."""
