"""One trial: one run of one task, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from remit.core.types import Json


class Status(StrEnum):
    """How a trial ended."""

    PASSED = "passed"
    """It ended, and every check holds."""
    FAILED = "failed"
    """It ended, or the agent broke down, and a check does not hold."""
    TIMEOUT = "timeout"
    """It was not done by its deadline: a failure, where it was started. The slow are never dropped."""
    INFRASTRUCTURE = "infrastructure"
    """The world failed (no connection, 503, no such program), after its retries: neither success nor failure."""
    DIVERGED = "diverged"
    """The agent left the recorded conversation where its user was to speak again, and nobody knows what he would have
    said: neither success nor failure."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A trial that is to be run: its place in the order is fixed before it starts, by the seed alone."""

    draw: int
    """Place in the order of draws, from 0. Every arm has one trial for each draw, of the same task."""
    arm: str
    task: str
    epoch: int
    """The how-manieth run of this task in this arm, from 0."""
    seed: int
    """For the agent's model, 0 to 2**31 - 1; another in each arm."""

    @property
    def key(self) -> tuple[str, int]:
        """What tells this trial from every other of its run."""
        return self.arm, self.draw


@dataclass(frozen=True, slots=True)
class TrialCall:
    """A tool call that the agent made in a trial."""

    tool: str
    args: Json
    effect: str = ""
    """`read`, `write`, `irreversible`, `egress`; empty where nobody knows."""
    outcome: str = "done"
    """`done`, `failed` (the tool raised), `refused` or `held` (it did not run), `unknown`."""
    result: str = ""
    """What the agent got to see, as text, cut at `MOST_RESULT` characters."""
    clauses: tuple[str, ...] = ()
    """Of the envelope, that it did not meet (refused, held or flagged)."""
    latency_s: float | None = None


MOST_RESULT = 2_000
NOT_RUN = ("refused", "held")
"""Outcomes of calls that had no effect."""
TOOLS_BEFORE = "tools_before"
"""Key of `Trial.extra`: the tools that ran in earlier attempts, whose world failed."""


@dataclass(frozen=True, slots=True)
class Breach:
    """An invariant that a trial broke. One in any trial is BLOCK, without statistics."""

    invariant: str
    """As the suite names it: `safety`, `schema`, `monotonic`, `idempotent`, `deadline`, `known_tools`, or your own."""
    told: str
    """What happened, in one sentence with the values."""
    call: int | None = None
    """Place of the call in `Trial.calls`; None where it is not about one call."""
    clause: str = ""
    """Of the envelope, where one was not met."""
    error: bool = False
    """True where the invariant could not be evaluated: the run's verdict is then ERROR, since nobody knows."""


@dataclass(frozen=True, slots=True)
class Checked:
    """One check of a trial: all must hold for a success."""

    check: str
    """As it is named in the suite."""
    passed: bool
    told: str = ""
    """Why not."""
    score: float | None = None
    """In [0, 1], where the check is graded."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One run of one task. Of an imported one only `arm`, `task`, `epoch` and `status` are sure."""

    draw: int
    arm: str
    task: str
    epoch: int
    status: Status
    seed: int | None = None
    session: str = ""
    """Its session in the record; empty where it has none."""
    attempts: int = 1
    """1, and one more for each retry after an infrastructure error."""
    at: float | None = None
    """When its last attempt started, UTC epoch seconds."""
    latency_s: float | None = None
    """Of its last attempt, with the agent's own time only."""
    answer: str | None = None
    """The final answer as text; None where there is none."""
    calls: tuple[TrialCall, ...] = ()
    checks: tuple[Checked, ...] = ()
    breaches: tuple[Breach, ...] = ()
    score: float | None = None
    """A graded success in [0, 1], where the suite has one; `status` says what it comes to."""
    tokens: int | None = None
    cost: float | None = None
    """In the currency that the agent reports."""
    reason: str = ""
    """Why it is no success, in one sentence."""
    extra: Mapping[str, Json] = field(default_factory=dict)
    """What else the agent reported, or an imported record held."""

    @property
    def success(self) -> bool | None:
        """True, False, or None where that is not known: the world failed, or a recorded conversation was left."""
        unknown = self.status in (Status.INFRASTRUCTURE, Status.DIVERGED)
        return None if unknown else self.status is Status.PASSED

    @property
    def key(self) -> tuple[str, int]:
        """What tells this trial from every other of its run."""
        return self.arm, self.draw
