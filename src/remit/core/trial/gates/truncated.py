"""A share judged after every trial, between two rates that are told apart by a cap."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from remit.core.stats.sprt import Plan, plan
from remit.core.trial.gates.any_time import anytime_estimate
from remit.core.trial.gates.stopping import Counted, Mark, levels
from remit.core.trial.report import Estimate
from remit.core.trial.verdict import Verdict
from remit.core.types import Json


@dataclass(frozen=True, slots=True)
class Truncated:
    """Wald's sequential test, cut off at a cap, with exact errors (see `core/stats/sprt.py`)."""

    mark: Mark
    most: int
    """Trials that there can be."""

    @property
    def plan(self) -> Plan:
        """Designed at the first trial, and kept: it takes a part of a second."""
        if self.mark.aim is None:
            raise ValueError("a truncated test needs an aim")
        return plan(self.mark.bar, self.mark.aim, self.mark.alpha, self.mark.block, self.most)

    @property
    def population(self) -> bool:
        """A sequential design draws from this suite."""
        return False

    def look(self, counted: Counted) -> Verdict | None:
        """PASS or BLOCK at a boundary; at the cap, always one of them."""
        step = self.plan.step(counted.n, counted.n - counted.yes)
        return None if step is None else Verdict.PASS if step == "pass" else Verdict.BLOCK

    def end(self, counted: Counted) -> Verdict:
        """INCONCLUSIVE, where trials ran out before the cap."""
        return (self.look(counted) if counted.n else None) or Verdict.INCONCLUSIVE

    def bounds(self, counted: Counted) -> tuple[float, float]:
        """One-sided, after an end as it came."""
        failed = counted.n - counted.yes
        low = self.plan.interval(counted.n, failed, 1 - 2 * self.mark.alpha)[0]
        return low, self.plan.interval(counted.n, failed, 1 - 2 * self.mark.block)[1]

    def estimate(self, counted: Counted, name: str, *, early: bool) -> Estimate:
        """With the exact interval after stopping; before, with one that covers whenever it is looked at."""
        confidence = 1 - min(self.mark.alpha, self.mark.block)
        if not early:
            return anytime_estimate(counted, name, confidence)
        low, high = self.plan.interval(counted.n, counted.n - counted.yes, confidence)
        method = "exact after stopping (Jennison and Turnbull)"
        return Estimate(name, counted.rate, low, high, confidence, method, counted.n, gating=True)

    def more(self, counted: Counted) -> int | None:
        """At this rate, up to the cap."""
        if not counted.n:
            return None
        for n in range(counted.n + 1, self.plan.cap + 1):
            if self.plan.step(n, n - round(counted.rate * n)):
                return n - counted.n
        return max(1, self.plan.cap - counted.n)

    def line(self, n: int) -> tuple[float | None, float | None]:
        """Failures at or below which it passes after *n* trials, and at or above which it blocks."""
        at = min(n, self.plan.cap)
        passes, blocks = self.plan.passes[at], self.plan.blocks[at]
        return (float(passes) if passes >= 0 else None), (float(blocks) if blocks <= at else None)

    def details(self, counted: Counted) -> Mapping[str, Json]:
        """Method, levels, cap, and what stopping early saved."""
        fixed = self.plan.fixed
        return {
            "method": "truncated sequential probability ratio test, exact errors",
            "question": "this suite",
            "unit": "trials",
            **levels(self.mark),
            "cap": self.plan.cap,
            "fixed_n": fixed.n,
            "fixed_needed": fixed.needed,
            "saved": max(0, fixed.n - counted.n) if self.end(counted) is not Verdict.INCONCLUSIVE else 0,
        }
