"""The calls of one trial, watched as the world runs them: outputs, states, and repeats on a copy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from remit.core.trial.judge import Judge
from remit.core.trial.view import WorldCall
from remit.core.types import Json
from remit.ports import World


@dataclass(slots=True)
class CallWatch:
    """What is kept of one trial's calls. One for each attempt of a trial."""

    world: World
    judge: Judge
    monotonic: Callable[[], float]
    """Seconds that never go back."""
    ran: dict[int, WorldCall] = field(default_factory=dict)
    """By the place of the call among all that the agent asked for."""
    initial: Json = None
    spent_s: float = 0.0
    """Time that watching took (states, copies, repeats): no part of the agent's latency."""

    def bound(self, tool: str, at: int, effect: str = "") -> Callable[..., Any]:
        """The world's tool for one call, to be run in its place: a coroutine function where the tool is one.

        Args:
            tool: its name; it must be in `world.tools`.
            at: the call's place in `TrialView.calls`.
            effect: what the envelope says of it; empty where nobody knows.
        """
        raise NotImplementedError(tool, at, effect)

    def state(self) -> tuple[Json, str]:
        """The world's state now, and why it cannot be told (empty where it can)."""
        raise NotImplementedError
