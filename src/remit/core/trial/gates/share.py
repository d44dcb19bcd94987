"""A gate on a share of trials: those that succeed, those that are fast enough, those that cost no more than allowed.

It counts yes and no in start order, and asks a stopping rule (`stopping.py`) whether that is enough.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from remit.core.trial.gates import share_told
from remit.core.trial.gates.share_told import Said
from remit.core.trial.gates.stopping import Counted, Stopping
from remit.core.trial.report import Boundary, Ruling
from remit.core.trial.run import Run
from remit.core.trial.suite import Rule
from remit.core.trial.trial import Trial
from remit.core.trial.verdict import Verdict


@dataclass(slots=True)
class ShareGate:
    """At least so large a share of all runs is a yes."""

    rule: Rule
    arm: str
    yes: Callable[[Trial], bool | None]
    """Of one trial; None where it counts for nothing."""
    said: Said
    """How sentences speak of a yes and a no."""
    stopping: Stopping
    counted: Counted = field(default_factory=Counted)
    skipped: int = 0
    """Trials that counted for nothing."""
    decided: Verdict | None = None
    _failures: list[int] = field(default_factory=list)

    def step(self, draw: Mapping[str, Trial]) -> Verdict | None:
        """Take the next draw; those after the decision change nothing."""
        trial = draw.get(self.arm)
        if self.decided is not None or trial is None:
            return self.decided
        yes = self.yes(trial)
        if yes is None:
            self.skipped += 1
            return None
        self.counted.add(trial.task, yes)
        self._failures.append(self.counted.n - self.counted.yes)
        self.decided = self.stopping.look(self.counted)
        return self.decided

    def ruling(self, run: Run) -> Ruling:
        """What it says of the draws that it was fed."""
        del run
        verdict = self.decided or self.stopping.end(self.counted)
        estimate = self.stopping.estimate(self.counted, self.said.name, early=self.decided is not None)
        details = {
            **self.stopping.details(self.counted),
            "arm": self.arm,
            "counted": self.counted.n,
            "yes": self.counted.yes,
            "skipped": self.skipped,
        }
        sentence = share_told.sentence(
            verdict, self.counted, self.said, self.stopping, early=bool(self.decided)
        )
        would = share_told.would_change(verdict, self.counted, self.said, self.stopping)
        return Ruling(self.rule.id, verdict, sentence, would, (estimate,), details)

    def boundary(self) -> Boundary | None:
        """Failures so far, and where it passes and blocks; None where it does not look before the end."""
        if not self._failures:
            return None
        lines = [self.stopping.line(n) for n in range(1, len(self._failures) + 1)]
        if all(line == (None, None) for line in lines):
            return None
        return Boundary(
            self.rule.id,
            "trials that counted, in start order",
            f"trials that {self.said.no}",
            tuple(range(1, len(self._failures) + 1)),
            tuple(map(float, self._failures)),
            tuple(line[0] for line in lines),
            tuple(line[1] for line in lines),
            len(self._failures) if self.decided else None,
        )
