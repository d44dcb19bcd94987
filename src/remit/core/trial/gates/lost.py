"""A PASS that stands whatever became of the trials that were lost to the world.

A lost trial is neither success nor failure, and an agent can make one: it says 503 where it is about to fail. Up to
`max_infrastructure` of them would go by unseen, a tenth of all trials by default. So a second gate of the same kind takes
each lost trial as one that went against the agent (of two arms, the baseline's as one that went well), and there is no
PASS before both say so. A network that fails now and then loses hardly a trial, since each is tried again; a BLOCK asks
nothing of lost trials, as they cannot excuse the others.

A trial that ended and does not tell what its gate asks (its tokens, its cost) is taken so, too: the agent tells them, and
may leave them out where they are many.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from remit.core.trial.gates.gate import Gate
from remit.core.trial.percent import count
from remit.core.trial.report import Boundary, Ruling
from remit.core.trial.run import Run
from remit.core.trial.suite import Rule
from remit.core.trial.trial import Checked, Status, Trial, TrialCall
from remit.core.trial.verdict import Verdict

MOST_TOKENS = 2**63
"""Of a lost trial: beyond any bound."""
Draw = Mapping[str, Trial]


@dataclass(slots=True)
class Unmoved:
    """A gate whose PASS no lost trial could have changed."""

    gate: Gate
    """That leaves lost trials out, as rates do."""
    arm: str
    """The arm that is judged."""
    baseline: str = ""
    """The arm whose lost trials are taken as successes; empty where there is none."""
    check: str = ""
    """The one that the gate is about; empty where all are."""
    at_end: Callable[[], Gate] | None = None
    """Makes the same gate anew, where it looks at the end only: then order is nothing to it."""
    asks: str = ""
    """What each trial has to tell: a field of it; empty where the gate asks for nothing that an agent tells."""
    lost: int = 0
    """Trials, of those it was fed, that the world took."""
    untold: int = 0
    """Those that ended, and did not tell what is asked."""
    decided: Verdict | None = None
    _worst: Gate | None = None
    """The second gate, from the first lost trial on."""
    _worst_said: Verdict | None = None
    _fed: list[Draw] = field(default_factory=list)
    _asked: dict[str, bool] = field(default_factory=dict)
    """By task, as far as it is seen: whether it has the check."""

    @property
    def rule(self) -> Rule:
        """As the suite names it."""
        return self.gate.rule

    def step(self, draw: Draw) -> Verdict | None:
        """Take the next draw; INCONCLUSIVE where it passes, and lost trials could have kept it from that for good."""
        if self.decided is not None:
            return self.decided
        self._look(draw)
        if self.at_end is not None:
            self._fed.append(draw)
            return self.gate.step(draw)
        if self._worst is None and self.lost + self.untold:
            self._worst = copy.deepcopy(self.gate)
        said = self.gate.step(draw)
        if self._worst is not None and self._worst_said is None:
            self._worst_said = self._worst.step(self._against(draw))
        self.decided = self._together(said)
        return self.decided

    def ruling(self, run: Run) -> Ruling:
        """What it says of the draws that it was fed."""
        ruling = self.gate.ruling(run)
        if not self.lost + self.untold or ruling.verdict is not Verdict.PASS:
            return ruling
        worst = self._worst_at_end(run) if self.at_end is not None else self._worst_said
        return standing(ruling, worst, Unknown(self.lost, self.untold, self.asks), self.arm, run)

    def boundary(self) -> Boundary | None:
        """How it went without the lost ones."""
        return self.gate.boundary()

    def _together(self, said: Verdict | None) -> Verdict | None:
        if said is not Verdict.PASS or self._worst is None or self._worst_said is Verdict.PASS:
            return said
        return None if self._worst_said is None else Verdict.INCONCLUSIVE

    def _worst_at_end(self, run: Run) -> Verdict:
        gate = self.at_end() if self.at_end is not None else self.gate
        for draw in self._fed:
            gate.step(self._against(draw))
        return gate.ruling(run).verdict

    def _look(self, draw: Draw) -> None:
        self.lost += self._lost(draw)
        self.untold += sum(self._silent(trial) for trial in draw.values())
        for trial in draw.values():
            if self.check and trial.checks:
                has = any(one.check == self.check for one in trial.checks)
                self._asked[trial.task] = has or self._asked.get(trial.task, False)

    def _lost(self, draw: Draw) -> int:
        arms = (self.arm, self.baseline)
        return sum(arm in arms and _is_lost(trial) for arm, trial in draw.items())

    def _silent(self, trial: Trial) -> bool:
        ended = trial.arm == self.arm and trial.success is not None
        return bool(self.asks) and ended and getattr(trial, self.asks) is None

    def _against(self, draw: Draw) -> Draw:
        return {arm: self._taken(trial) for arm, trial in draw.items()}

    def _taken(self, trial: Trial) -> Trial:
        """One of a task that the gate does not ask about stays lost."""
        if self._silent(trial):
            return _went(trial, self.check, passed=False)
        asked = self._asked.get(trial.task, True)
        return taken(trial, self.arm, self.baseline, self.check) if asked else trial


@dataclass(frozen=True, slots=True)
class Unknown:
    """What a PASS does not know of its trials."""

    lost: int
    """Trials that the world took."""
    untold: int = 0
    """Trials that ended, and did not tell `asks`."""
    asks: str = ""

    @property
    def one(self) -> bool:
        """Whether it is of a single trial."""
        return self.lost + self.untold == 1

    def told(self) -> str:
        """In words, as a sentence begins."""
        lost = (
            f"{count(self.lost)} {'was' if self.lost == 1 else 'were'} lost to the world" if self.lost else ""
        )
        untold = f"{count(self.untold)} told no {self.asks}" if self.untold else ""
        return " and ".join(part for part in (lost, untold) if part)

    def remedy(self, run: Run) -> str:
        """What would make it known."""
        why = next((one.reason for one in run.trials if _is_lost(one) and one.reason), "")
        lost = f"Fewer trials that are lost: mend what failed{f' ({why})' if why else ''}, and run it again."
        untold = f"An agent that tells its {self.asks} with every answer."
        return " ".join(text for text, n in ((lost, self.lost), (untold, self.untold)) if n)


def standing(ruling: Ruling, worst: Verdict | None, unknown: Unknown, arm: str, run: Run) -> Ruling:
    """A PASS as it stands: with a word on what is not known, or INCONCLUSIVE where the worst case is none.

    Args:
        ruling: the PASS, of the trials that told.
        worst: what the same trials say with the others taken against the judged arm; None where they do not yet.
        unknown: how many the others are.
        arm: that is judged.
        run: that tells why they were lost.
    """
    details = {**ruling.details, "lost": unknown.lost, "worst_case": (worst or Verdict.INCONCLUSIVE).value}
    if unknown.untold:
        details["untold"] = unknown.untold
    it, they = ("it", "it") if unknown.one else ("them", "they")
    if worst is Verdict.PASS:
        became = f"{unknown.told()}; whatever had become of {it}, that would stand."
        return replace(ruling, sentence=f"{ruling.sentence} {became}", details=details)
    told = f"{unknown.told()}, and had {they} gone against {arm}, it would not have passed"
    return replace(
        ruling,
        verdict=Verdict.INCONCLUSIVE,
        sentence=f"{told}: nobody knows. Without {it}: {ruling.sentence}",
        would_change=unknown.remedy(run),
        details=details,
    )


def against(run: Run, arm: str, baseline: str) -> tuple[Run, int]:
    """The run with its lost trials taken against *arm* and for *baseline*, and how many they are."""
    lost = sum(_is_lost(one) and one.arm in (arm, baseline) for one in run.trials)
    return replace(run, trials=tuple(taken(one, arm, baseline) for one in run.trials)), lost


def _is_lost(trial: Trial) -> bool:
    return trial.status is Status.INFRASTRUCTURE


def taken(trial: Trial, arm: str, baseline: str = "", check: str = "") -> Trial:
    """A lost trial as it is worst for *arm*, and a trial of any other arm, or that was not lost, as it is."""
    if not _is_lost(trial) or trial.arm not in (arm, baseline):
        return trial
    return _went(trial, check, passed=trial.arm == baseline)


def _went(trial: Trial, check: str, *, passed: bool) -> Trial:
    """The trial as if it had ended so: a failure is slow, dear, and like no other."""
    checks = (Checked(check, passed=passed),) if check else ()
    if passed:
        return replace(trial, status=Status.PASSED, checks=checks)
    return replace(
        trial,
        status=Status.TIMEOUT,
        checks=checks,
        calls=(TrialCall(f"lost-{trial.draw}", {}),),
        answer=str(trial.draw),
        tokens=MOST_TOKENS,
        cost=math.inf,
    )
