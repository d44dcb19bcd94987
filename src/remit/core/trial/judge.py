"""The checks and invariants of a suite, compiled: what is said of a trial once it has ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from math import fsum
from typing import Any

from remit.core.trial.trial import Breach, Checked
from remit.core.trial.view import TrialView, WorldCall

TrialCheck = Callable[[TrialView], Checked]
"""One check: it never raises; what cannot be evaluated has not passed, and says so."""


@dataclass(frozen=True, slots=True)
class Invariant:
    """One invariant, compiled."""

    id: str
    kind: str
    breaches: Callable[[TrialView], list[Breach]]
    """It never raises; what cannot be evaluated is a breach with `error`."""
    states: bool = False
    """Whether it asks for the world's state after each call."""
    repeats: Callable[[str, str], bool] | None = None
    """Whether a call of this tool, with this effect, is to be repeated on a copy."""
    keeps: Callable[[int, WorldCall], Any] | None = None
    """What it keeps of a call (its place, itself) as that ends, in place of the states; it finds it in `WorldCall.kept`.

    It never raises, and what it gives does not grow with the state: trials of thousands of calls run side by side."""


@dataclass(frozen=True, slots=True)
class Judge:
    """All that is judged of the trials of one suite."""

    checks: Mapping[str, tuple[TrialCheck, ...]] = field(default_factory=dict)
    """By task."""
    invariants: tuple[Invariant, ...] = ()

    @property
    def states(self) -> bool:
        """Whether the world's state is asked for after each call."""
        return any(one.states for one in self.invariants)

    def repeats(self, tool: str, effect: str) -> bool:
        """Whether a call is to be repeated on a copy of the world."""
        return any(one.repeats is not None and one.repeats(tool, effect) for one in self.invariants)

    def kept(self, at: int, call: WorldCall) -> WorldCall:
        """A call that ends, with what the invariants keep of it, and without the states that they made it from.

        Args:
            at: its place in `TrialView.calls`.
            call: with the state after it, and its repeat, where these are asked for.
        """
        kept = dict(call.kept)
        for one in self.invariants:
            repeats = one.repeats is not None and call.repeat is not None
            if one.keeps is not None and one.id not in kept and (one.states or repeats):
                kept[one.id] = one.keeps(at, call)
        return replace(call, state=None, repeat=None, kept=kept)

    def checked(self, view: TrialView) -> tuple[Checked, ...]:
        """Every check of the trial's task. All must hold for a success; a task without any succeeds by ending."""
        return tuple(check(view) for check in self.checks.get(view.task.id, ()))

    def breaches(self, view: TrialView) -> tuple[Breach, ...]:
        """Every invariant that the trial broke, or that could not be evaluated; also of a trial that did not end."""
        return tuple(breach for one in self.invariants for breach in one.breaches(view))


def score_of(checked: tuple[Checked, ...]) -> float | None:
    """The trial's score: the mean of those of its graded checks; None where none is graded.

    >>> score_of((Checked("a", True, score=1.0), Checked("b", True), Checked("c", False, score=0.5)))
    0.75
    """
    scores = [one.score for one in checked if one.score is not None]
    return fsum(scores) / len(scores) if scores else None
