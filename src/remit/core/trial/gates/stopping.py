"""When a share is known well enough: what a rule for it is asked.

Three rules, each with its errors under control. `at_the_end.py`: once, after a number of trials that was fixed
beforehand. `truncated.py`: after every trial, between two rates that are told apart by a cap. `any_time.py`: after every
trial, without a second rate and without a cap.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from remit.core.trial.report import Estimate
from remit.core.trial.suite import Question
from remit.core.trial.verdict import Verdict
from remit.core.types import Json

MOST_MORE = 100_000
"""Trials beyond which "so many more would decide" helps nobody."""


@dataclass(slots=True)
class Counted:
    """Yes and no so far, by task."""

    tasks: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Trials and yes of each."""
    n: int = 0
    yes: int = 0

    def add(self, task: str, yes: bool) -> None:
        """One more trial."""
        n, hits = self.tasks.get(task, (0, 0))
        self.tasks[task] = n + 1, hits + yes
        self.n += 1
        self.yes += yes

    @property
    def rate(self) -> float:
        """Share of yes; 0 of nothing."""
        return self.yes / self.n if self.n else 0.0

    @property
    def means(self) -> list[float]:
        """Share of yes in each task."""
        return [hits / n for n, hits in self.tasks.values()]


@dataclass(frozen=True, slots=True)
class Mark:
    """What the share is held against, and how wrong a verdict may be."""

    bar: float
    """The share that must be reached."""
    aim: float | None
    """The share that the agent is meant to have, above the bar; a BLOCK says that it has less."""
    alpha: float
    """Chance of a PASS where the share is at the bar."""
    block: float
    """Chance of a BLOCK where it is at the aim; without an aim, at the bar."""

    @property
    def floor(self) -> float:
        """The share that a BLOCK excludes."""
        return self.bar if self.aim is None else self.aim


class Stopping(Protocol):
    """A rule that says when enough is known."""

    @property
    def mark(self) -> Mark:
        """What the share is held against."""

    @property
    def population(self) -> bool:
        """Whether tasks are the unit: the question is about tasks like these."""

    def look(self, counted: Counted) -> Verdict | None:
        """The verdict after one more trial; None to go on."""

    def end(self, counted: Counted) -> Verdict:
        """The verdict when no more trials come."""

    def bounds(self, counted: Counted) -> tuple[float, float]:
        """The least share that a PASS vouches for, and the most that a BLOCK leaves."""

    def estimate(self, counted: Counted, name: str, *, early: bool) -> Estimate:
        """The share with an interval that covers; *early*: it stopped because of what it saw."""

    def more(self, counted: Counted) -> int | None:
        """How many more trials at this rate would decide; None where no reasonable number would."""

    def line(self, n: int) -> tuple[float | None, float | None]:
        """Failures at or below which it passes after *n* trials, and at or above which it blocks."""

    def details(self, counted: Counted) -> Mapping[str, Json]:
        """Method, levels, question, unit."""


def levels(mark: Mark) -> Mapping[str, Json]:
    """What the mark says, by name."""
    return {"at_least": mark.bar, "aims_for": mark.aim, "alpha": mark.alpha, "beta": mark.block}


def told_question(question: Question) -> str:
    """As reports say it."""
    return "this suite" if question is Question.SUITE else "tasks like these"
