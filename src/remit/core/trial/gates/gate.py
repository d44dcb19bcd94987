"""What a gate is: it is fed draw by draw, in the order in which they started, and says when it has decided.

Decided in start order, never in the order in which trials end: where failures take five times as long as passes
(timeouts, retries), eight workers and the order of ends make a gate of 5 % pass 21 % of agents that are at the bar.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from remit.core.trial.report import Boundary, Ruling
from remit.core.trial.run import Run
from remit.core.trial.suite import Design, Rule
from remit.core.trial.trial import Trial
from remit.core.trial.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Terms:
    """What all gates of a run have in common."""

    design: Design
    arms: tuple[str, ...]
    weights: Mapping[str, float] = field(default_factory=dict)
    """Of the tasks; 1 where there is none."""
    does: str = "succeeds"
    """What a run that counts as a success does, as sentences say it."""

    def share_of(self, level: float) -> float:
        """Of the chance of a false BLOCK that all gates together may have, what one of them may spend.

        Any gate may block alone, so with one level each, five gates would block a good agent five times as often:
        Bonferroni. A PASS needs all gates, so a false one is no likelier than in the gate that fails: no correction.
        """
        return level / max(1, len(self.design.gates))


class Gate(Protocol):
    """One gate of one run, in its state so far."""

    @property
    def rule(self) -> Rule:
        """As the suite names it."""

    def step(self, draw: Mapping[str, Trial]) -> Verdict | None:
        """Take the next draw.

        Args:
            draw: its trial in each arm. One whose world failed counts for nothing.

        Returns:
            PASS or BLOCK once it has decided, and from then on; INCONCLUSIVE where no more draws could decide it; None
            before. A gate of a fixed design decides at the end.
        """

    def ruling(self, run: Run) -> Ruling:
        """What it says in the end, of the draws it was fed; *run* is all there is."""

    def boundary(self) -> Boundary | None:
        """How it went, for the plot; None where it does not look before the end."""


def contiguous(run: Run, arms: Sequence[str]) -> list[Mapping[str, Trial]]:
    """The draws from the first on of which every arm's trial has ended, up to the first gap.

    Args:
        run: trials in any number.
        arms: whose trials a draw needs.
    """
    draws: dict[int, dict[str, Trial]] = {}
    for trial in run.trials:
        draws.setdefault(trial.draw, {})[trial.arm] = trial
    found: list[Mapping[str, Trial]] = []
    while (draw := draws.get(len(found))) is not None and all(arm in draw for arm in arms):
        found.append(draw)
    return found
