"""What a check or an invariant gets to see: one trial as it went, with the world's own words beside the agent's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from remit.core.trial.suite import Task
from remit.core.trial.trial import MOST_RESULT, TrialCall
from remit.core.trial.values import copied
from remit.core.trial.words import as_text, as_value
from remit.core.types import Json


@dataclass(frozen=True, slots=True)
class RepeatedCall:
    """A call made once more on a copy of the world, right after it ran there."""

    before: Json = None
    """State of the copy before the repeat."""
    after: Json = None
    """State of the copy after it."""
    output: Json = None
    error: str = ""
    """What the repeat raised, `Type: message`; empty where it returned."""
    flaw: str = ""
    """Why it could not be tried (the world cannot be copied, no state can be told); empty where it was."""


@dataclass(frozen=True, slots=True)
class WorldCall:
    """A call as the world ran it: one that was refused, or answered from an earlier one, is none."""

    tool: str
    args: Json
    """Those that ran: the envelope may have lowered what the agent asked for."""
    output: Json = None
    """What the tool returned, whole; None where it raised."""
    error: str = ""
    """What it raised, `Type: message`; empty where it returned."""
    flaw: str = ""
    """Why its output or the state after it cannot be told; empty where they can."""
    state: Json = None
    """Of the world right after it, while the call ends; then None, or a trial would hold a state for each call."""
    ended: int = 0
    """How many calls had ended before it."""
    repeat: RepeatedCall | None = None
    """While the call ends; then None, as `state`. None where nothing asks for one."""
    kept: Mapping[str, Any] = field(default_factory=dict)
    """What invariants keep of it in place of `state` and `repeat`, by their ids (`Judge.kept`)."""


@dataclass(frozen=True, slots=True)
class TrialView:
    """One trial as it went."""

    task: Task
    answer: Json = None
    """The final answer, a text or any JSON value; None where there is none."""
    answered: bool = True
    """False where the trial ended without an answer: the agent broke down, or ran out of time."""
    calls: tuple[TrialCall, ...] = ()
    """All that the agent asked for, in order; also what was refused."""
    ran: Mapping[int, WorldCall] = field(default_factory=dict)
    """What of them the world ran, by their place in `calls`."""
    initial: Json = None
    """State of the world before the first call; None where nothing asks for it."""
    state: Json = None
    """Of the world at the end; None where there is no world."""
    state_flaw: str = ""
    """Why the state cannot be told; empty where it can, or where there is no world."""
    unmet: tuple[tuple[str, str], ...] = ()
    """Clauses of the envelope that the final answer did not meet: id, and what was told."""
    latency_s: float = 0.0
    arm: str = ""
    epoch: int = 0
    seed: int = 0
    tokens: int | None = None
    cost: float | None = None
    extra: Mapping[str, Json] = field(default_factory=dict)
    """What else the agent reported."""
    has_world: bool = False
    tools: tuple[str, ...] = ()
    """Names that the world offered."""
    timed_out: bool = False
    """It was not done by its deadline."""
    by_turn: tuple[tuple[TrialCall, ...], ...] = ()
    """The calls of each turn of the user that was played; empty where no conversation is."""
    reported: int = 0
    """How many calls, the last of `calls`, the agent made by itself and reported: the world has not seen them."""

    @property
    def text(self) -> str:
        """The answer as text: itself, or its JSON; empty where there is none."""
        return as_text(self.answer)

    def copy(self) -> TrialView:
        """The same once more, so that nobody who gets it can change this one."""
        task = self.task
        return replace(
            self,
            task=replace(
                task, input=copied(task.input), world=copied(task.world), facts=copied(dict(task.facts))
            ),
            answer=copied(self.answer),
            calls=tuple(replace(call, args=copied(call.args)) for call in self.calls),
            ran={at: _copied(call) for at, call in self.ran.items()},
            initial=copied(self.initial),
            state=copied(self.state),
            extra=copied(dict(self.extra)),
        )

    def by_itself(self, at: int) -> bool:
        """Whether the agent made a call by itself, and not through the world."""
        return at >= len(self.calls) - self.reported

    def output(self, at: int) -> tuple[Json, str]:
        """What a call returned, and why that cannot be told (empty where it can); None where it returned nothing.

        Args:
            at: its place in `calls`. Of a call that the agent made by itself there is only what it reported.
        """
        ran = self.ran.get(at)
        if ran is not None:
            return ran.output, ran.flaw
        call = self.calls[at]
        if call.outcome != "done":
            return None, ""
        if len(call.result) >= MOST_RESULT:
            return None, "it was longer than a trial keeps"
        return as_value(call.result), ""


def _copied(call: WorldCall) -> WorldCall:
    repeat = call.repeat
    if repeat is not None:
        repeat = replace(
            repeat, before=copied(repeat.before), after=copied(repeat.after), output=copied(repeat.output)
        )
    return replace(
        call,
        args=copied(call.args),
        output=copied(call.output),
        state=copied(call.state),
        repeat=repeat,
        kept=dict(call.kept),
    )
