"""When enough is known: trials in any order of ends, judged as a contiguous prefix in the order of starts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from remit.core.trial.gates.gate import Gate
from remit.core.trial.suite import Design
from remit.core.trial.trial import Status, Trial
from remit.core.trial.verdict import Verdict

HOPELESS = 10
"""So many trials of an arm from the first on, each lost to the world: nothing will come of the others."""


class Deciding:
    """Feeds the gates, and says why no more trials are needed.

    Args:
        arms: of the run.
        design: of the run.
        gates: none of them fed yet.
        planned: draws of the whole run.
    """

    def __init__(self, arms: Sequence[str], design: Design, gates: Iterable[Gate], planned: int) -> None:
        self._arms = tuple(arms)
        self._design = design
        self._open = list(gates)
        self._sequential = design.kind == "sequential" and bool(self._open)
        self._planned = planned
        self._waiting: dict[int, dict[str, Trial]] = {}
        self._lost: Counter[str] = Counter()
        self._ended: Counter[str] = Counter()
        self.upto = 0
        """Draws of which every arm's trial has ended, from the first on."""
        self.why = ""
        """Why no more trials are needed; empty as long as they are."""

    def add(self, trial: Trial) -> None:
        """A trial has ended."""
        self._waiting.setdefault(trial.draw, {})[trial.arm] = trial
        if trial.breaches and not self.why:
            breach = trial.breaches[0]
            how = "could not be judged" if breach.error else "was broken"
            self.why = f"the invariant {breach.invariant!r} {how} in trial {trial.draw} of {trial.arm!r}: {breach.told}"
        self._count(trial)
        while not self.why and self._next():
            pass

    def _next(self) -> bool:
        draw = self._waiting.get(self.upto)
        if draw is None or len(draw) < len(self._arms):
            return False
        del self._waiting[self.upto]
        self.upto += 1
        self._judge(draw)
        return True

    def _judge(self, draw: dict[str, Trial]) -> None:
        still: list[Gate] = []
        for gate in self._open:
            verdict = gate.step(draw)
            if verdict is None:
                still.append(gate)
            elif verdict is Verdict.BLOCK and self._sequential:
                self.why = f"the gate {gate.rule.id!r} blocks after {self.upto} draws"
        self._open = still
        if self._sequential and not still and not self.why:
            self.why = f"every gate had decided after {self.upto} draws"

    def _count(self, trial: Trial) -> None:
        """An endpoint that is down is told at once, not after every trial was lost to it."""
        arm = trial.arm
        self._ended[arm] += 1
        if trial.status is not Status.INFRASTRUCTURE or self.why:
            return
        self._lost[arm] += 1
        lost, ended = self._lost[arm], self._ended[arm]
        if lost > self._design.max_infrastructure * self._planned or (lost == ended and lost >= HOPELESS):
            self.why = f"{lost} of {ended} trials of {arm!r} were lost to the world: {trial.reason}"
