"""A share judged after every trial, without a second rate and without a cap."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import log

from remit.core.stats.mixture import interval, log_e_block, log_e_pass
from remit.core.trial.gates.stopping import MOST_MORE, Counted, Mark, levels
from remit.core.trial.report import Estimate
from remit.core.trial.verdict import Verdict
from remit.core.types import Json


@dataclass(frozen=True, slots=True)
class AnyTime:
    """Two bets, against "at the bar or below" and against "at the bar or above" (see `core/stats/mixture.py`)."""

    mark: Mark

    @property
    def population(self) -> bool:
        """A sequential design draws from this suite."""
        return False

    def look(self, counted: Counted) -> Verdict | None:
        """PASS or BLOCK as soon as one bet has won enough."""
        return self._verdict(counted.yes, counted.n - counted.yes)

    def end(self, counted: Counted) -> Verdict:
        """INCONCLUSIVE, where neither has."""
        return self.look(counted) or Verdict.INCONCLUSIVE

    def bounds(self, counted: Counted) -> tuple[float, float]:
        """Of the confidence sequence."""
        return interval(counted.yes, counted.n - counted.yes, self._confidence)

    def estimate(self, counted: Counted, name: str, *, early: bool) -> Estimate:
        """With the confidence sequence, which covers whenever it is looked at."""
        del early
        return anytime_estimate(counted, name, self._confidence)

    def more(self, counted: Counted) -> int | None:
        """By trials at the same rate."""
        times = 1.0
        while counted.n and counted.n * times < MOST_MORE:
            times *= 1.05
            n = round(counted.n * times)
            yes = round(counted.rate * n)
            if self._verdict(yes, n - yes):
                return max(1, n - counted.n)
        return None

    def line(self, n: int) -> tuple[float | None, float | None]:
        """Failures at or below which it passes after *n* trials, and at or above which it blocks."""
        return _line(self.mark, n)

    def details(self, counted: Counted) -> Mapping[str, Json]:
        """Method, levels, evidence."""
        failed = counted.n - counted.yes
        return {
            "method": "beta-binomial mixture e-process, after every trial",
            "question": "this suite",
            "unit": "trials",
            **levels(self.mark),
            "log_e_pass": _told(log_e_pass(counted.yes, failed, self.mark.bar)),
            "log_e_block": _told(log_e_block(counted.yes, failed, self.mark.floor)),
        }

    @property
    def _confidence(self) -> float:
        return 1 - min(self.mark.alpha, self.mark.block)

    def _verdict(self, yes: int, failed: int) -> Verdict | None:
        if log_e_pass(yes, failed, self.mark.bar) >= -log(self.mark.alpha):
            return Verdict.PASS
        blocks = log_e_block(yes, failed, self.mark.floor) >= -log(self.mark.block)
        return Verdict.BLOCK if blocks else None


def anytime_estimate(counted: Counted, name: str, confidence: float) -> Estimate:
    """A share with an interval that covers however it came that these trials were looked at, and no others."""
    if not counted.n:
        return Estimate(name, None, method="no trial counted", gating=True)
    low, high = interval(counted.yes, counted.n - counted.yes, confidence)
    method = "confidence sequence (beta-binomial mixture)"
    return Estimate(name, counted.rate, low, high, confidence, method, counted.n, gating=True)


def _told(evidence: float) -> float:
    """Rounded; JSON has no infinity."""
    return round(max(-1e6, min(1e6, evidence)), 4)


@lru_cache(maxsize=4096)
def _line(mark: Mark, n: int) -> tuple[float | None, float | None]:
    def most(low: int, high: int, holds_up_to: bool) -> int:
        """The last number of failures for which it passes, or for which it does not block yet."""
        while low < high:
            middle = (low + high + 1) // 2
            if holds_up_to:
                holds = log_e_pass(n - middle, middle, mark.bar) >= -log(mark.alpha)
            else:
                holds = log_e_block(n - middle, middle, mark.floor) < -log(mark.block)
            low, high = (middle, high) if holds else (low, middle - 1)
        return low

    passes, blocks = most(-1, n, True), most(-1, n, False) + 1
    return (float(passes) if passes >= 0 else None), (float(blocks) if blocks <= n else None)
