"""A mean over tasks held against a bar, in a fixed design: each task's value lies in [0, 1] and is one unit.

The interval is that of a mean of bounded values (see `core/stats/bounded_mean.py`): it covers for tasks like these, and
so for this suite, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum

from remit.core.stats import bounded_mean
from remit.core.trial.gates.end_gate import Found
from remit.core.trial.gates.stopping import Mark, levels
from remit.core.trial.percent import bar, beside, count, percent
from remit.core.trial.report import Estimate
from remit.core.trial.verdict import Verdict

MOST_TIMES = 64
"""So many times as many tasks is as far as it is foreseen."""
METHOD = "mean of bounded values over tasks (Gaffke)"


@dataclass(frozen=True, slots=True)
class Bounded:
    """What is measured of each task, and how sentences name it."""

    name: str
    """Of the mean: `pass^4`."""
    what: str
    """`the chance that all of 4 runs of a task succeed`."""
    mark: Mark

    def judged(self, values: Sequence[float], weights: Sequence[float]) -> Found:
        """PASS from the bar on, BLOCK below it, else INCONCLUSIVE."""
        if not values:
            remedy = "Tasks with runs enough: see why the world failed, or raise `epochs`."
            estimate = Estimate(self.name, None, method="no task has runs enough", unit="tasks", gating=True)
            told = f"No task has runs enough to say anything about {self.what}."
            return Found(Verdict.INCONCLUSIVE, told, remedy, (estimate,), dict(levels(self.mark)))
        low, high = self._bounds(values, weights, 1)
        verdict = self._verdict(low, high)
        confidence = 1 - 2 * min(self.mark.alpha / 2, self.mark.block)
        both = bounded_mean.interval(values, weights, None, confidence)
        mean = fsum(v * w for v, w in zip(values, weights, strict=True)) / fsum(weights)
        estimate = Estimate(self.name, mean, *both, confidence, METHOD, len(values), "tasks", gating=True)
        details = {"method": METHOD, "question": "tasks like these", "unit": "tasks", **levels(self.mark)}
        told = self._sentence(verdict, estimate, low, high)
        return Found(verdict, told, self._would_change(verdict, values, weights), (estimate,), details)

    def _bounds(self, values: Sequence[float], weights: Sequence[float], times: int) -> tuple[float, float]:
        each = [times] * len(values)
        low = bounded_mean.lower(values, weights, each, self.mark.alpha)
        return low, bounded_mean.upper(values, weights, each, self.mark.block)

    def _verdict(self, low: float, high: float) -> Verdict:
        if low >= self.mark.bar:
            return Verdict.PASS
        return Verdict.BLOCK if high < self.mark.bar else Verdict.INCONCLUSIVE

    def _sentence(self, verdict: Verdict, estimate: Estimate, low: float, high: float) -> str:
        value, at, sure = estimate.value or 0.0, self.mark.bar, 1 - self.mark.alpha
        told = f"In {count(estimate.n, 'task')}, {self.what} is {percent(value)}"
        if verdict is Verdict.PASS:
            return (
                f"{told}, and truly at least {beside(low, at)} ({percent(sure)} sure); the bar is {bar(at)}."
            )
        if verdict is Verdict.BLOCK:
            sure = 1 - self.mark.block
            return (
                f"{told}, and truly at most {beside(high, at)} ({percent(sure)} sure); the bar is {bar(at)}."
            )
        least, most = estimate.low or 0.0, 1.0 if estimate.high is None else estimate.high
        span = f"{beside(least, at)} to {beside(most, at)} ({percent(estimate.confidence)} sure)"
        return f"{told}, and truly anywhere from {span}; the bar is {bar(at)}."

    def _would_change(self, verdict: Verdict, values: Sequence[float], weights: Sequence[float]) -> str:
        if verdict is not Verdict.INCONCLUSIVE:
            low, high = self._bounds(values, weights, 1)
            turn = low if verdict is Verdict.PASS else high
            return (
                f"A bar {'above' if verdict is Verdict.PASS else 'of at most'} {beside(turn, self.mark.bar)}."
            )
        times = 2
        while times <= MOST_TIMES:
            if self._verdict(*self._bounds(values, weights, times)) is not Verdict.INCONCLUSIVE:
                more = (times - 1) * len(values)
                return f"About {count(more, 'more task')} like these would decide, if they do as these did."
            times = times + 1 if times < 4 else round(times * 1.4)
        return "It lies too close to the bar for any reasonable number of tasks."
