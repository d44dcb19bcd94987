"""A gate of a fixed design that keeps what it is fed, and judges once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from remit.core.trial.report import Boundary, Estimate, Ruling
from remit.core.trial.run import ByTask, Run
from remit.core.trial.suite import Rule
from remit.core.trial.trial import Trial
from remit.core.trial.verdict import Verdict
from remit.core.types import Json


@dataclass(frozen=True, slots=True)
class Found:
    """What was found in the end."""

    verdict: Verdict
    sentence: str
    would_change: str
    estimates: tuple[Estimate, ...] = ()
    details: Mapping[str, Json] = field(default_factory=dict)


@dataclass(slots=True)
class EndGate:
    """It looks once, at all trials together."""

    rule: Rule
    arms: tuple[str, ...]
    """That it needs."""
    judge: Callable[[Mapping[str, ByTask]], Found]
    """What the trials say, by arm."""
    skipped: int = 0
    """Trials whose world failed."""
    _trials: dict[str, dict[str, list[Trial]]] = field(default_factory=dict)

    def step(self, draw: Mapping[str, Trial]) -> Verdict | None:
        """Keep the next draw; it never decides before the end."""
        for arm in self.arms:
            trial = draw.get(arm)
            if trial is not None and trial.success is None:
                self.skipped += 1
            elif trial is not None:
                self._trials.setdefault(arm, {}).setdefault(trial.task, []).append(trial)
        return None

    def ruling(self, run: Run) -> Ruling:
        """What it says of the draws that it was fed."""
        del run
        found = self.judge({arm: self._trials.get(arm, {}) for arm in self.arms})
        details: Mapping[str, Json] = {**found.details, "skipped": self.skipped}
        return Ruling(
            self.rule.id, found.verdict, found.sentence, found.would_change, found.estimates, details
        )

    def boundary(self) -> Boundary | None:
        """None: it does not look before the end."""
        return None


def passes_of(tasks: ByTask) -> dict[str, tuple[int, int]]:
    """Passes and runs of each task."""
    return {
        task: (sum(trial.success is True for trial in trials), len(trials)) for task, trials in tasks.items()
    }
