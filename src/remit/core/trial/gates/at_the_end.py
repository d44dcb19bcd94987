"""A share judged once, after a number of trials that was fixed beforehand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from remit.core.stats import bounded_mean, success_rate
from remit.core.stats.proportion import clopper_pearson
from remit.core.trial.gates.stopping import MOST_MORE, Counted, Mark, levels, told_question
from remit.core.trial.report import Estimate
from remit.core.trial.suite import Question
from remit.core.trial.verdict import Verdict
from remit.core.types import Json


@dataclass(frozen=True, slots=True)
class AtTheEnd:
    """The exact bounds against the bar, one-sided, for either question (see `core/stats/success_rate.py`)."""

    mark: Mark
    question: Question
    weights: Mapping[str, float] = field(default_factory=dict)
    """Of tasks; 1 where there is none."""

    @property
    def population(self) -> bool:
        """Whether tasks are the unit."""
        return self.question is Question.POPULATION

    def look(self, counted: Counted) -> Verdict | None:
        """Never before the end."""
        del counted
        return None

    def end(self, counted: Counted) -> Verdict:
        """PASS from the bar on, BLOCK below it (below the aim, where there is one), else INCONCLUSIVE."""
        return self._verdict(self.bounds(counted)) if counted.n else Verdict.INCONCLUSIVE

    def bounds(self, counted: Counted) -> tuple[float, float]:
        """One-sided bounds, at the chance of a false PASS and at that of a false BLOCK."""
        low = self._interval(counted, 1 - 2 * self.mark.alpha)[0]
        return low, self._interval(counted, 1 - 2 * self.mark.block)[1]

    def estimate(self, counted: Counted, name: str, *, early: bool) -> Estimate:
        """With both bounds at once, wide enough that it never contradicts the verdict."""
        del early
        method = "mean of bounded values over tasks (Gaffke)" if self.population else "Clopper-Pearson"
        if counted.n and not self.population and not self._alike(counted):
            method = "mean of bounded values over trials by weight (Gaffke)"
        unit, n = ("tasks", len(counted.tasks)) if self.population else ("trials", counted.n)
        if not counted.n:
            return Estimate(name, None, method="no trial counted", unit=unit, gating=True)
        confidence = 1 - 2 * min(self.mark.alpha / 2, self.mark.block)
        low, high = self._interval(counted, confidence)
        pooled = not self.population and self._alike(counted)
        rate = counted.rate if pooled else success_rate.rate(*self._tasks(counted))
        return Estimate(name, rate, low, high, confidence, method, n, unit, gating=True)

    def more(self, counted: Counted) -> int | None:
        """By trials in the same proportion; where tasks are the unit, of more tasks like them."""
        for times in self._multiples(counted):
            if self._verdict(self._foreseen(counted, times)) is not Verdict.INCONCLUSIVE:
                return max(1, round(counted.n * (times - 1)))
        return None

    def line(self, n: int) -> tuple[float | None, float | None]:
        """It does not look before the end."""
        del n
        return None, None

    def details(self, counted: Counted) -> Mapping[str, Json]:
        """Method, levels, question, unit."""
        estimate = self.estimate(counted, "", early=False)
        told = {"method": f"{estimate.method}, once at the end", "unit": estimate.unit}
        return {**told, "question": told_question(self.question), **levels(self.mark)}

    def _verdict(self, bounds: tuple[float, float]) -> Verdict:
        if bounds[0] >= self.mark.bar:
            return Verdict.PASS
        return Verdict.BLOCK if bounds[1] < self.mark.floor else Verdict.INCONCLUSIVE

    def _interval(self, counted: Counted, confidence: float) -> tuple[float, float]:
        passes, runs, weights = self._tasks(counted)
        if self.population:
            return success_rate.tasks_like_these(passes, runs, weights, confidence)
        if self._alike(counted):
            return clopper_pearson(counted.yes, counted.n, confidence)
        return success_rate.this_suite(passes, runs, weights, confidence)

    def _multiples(self, counted: Counted) -> Iterator[float]:
        times = 1.0
        while counted.n and counted.n * times < MOST_MORE:
            times *= 1.05
            if not self.population or round(times) > round(times / 1.05):
                yield round(times) if self.population else times

    def _foreseen(self, counted: Counted, times: float) -> tuple[float, float]:
        """The bounds if there were so many times as many trials, or tasks, of the same kind."""
        passes, runs, weights = self._tasks(counted)

        def bounds(confidence: float) -> tuple[float, float]:
            if self.population:
                return bounded_mean.interval(counted.means, weights, [round(times)] * len(runs), confidence)
            n = round(counted.n * times)
            return clopper_pearson(min(n, round(success_rate.rate(passes, runs, weights) * n)), n, confidence)

        return bounds(1 - 2 * self.mark.alpha)[0], bounds(1 - 2 * self.mark.block)[1]

    def _tasks(self, counted: Counted) -> tuple[list[int], list[int], list[float]]:
        runs, passes = zip(*counted.tasks.values(), strict=True)
        return list(passes), list(runs), [self.weights.get(task, 1.0) for task in counted.tasks]

    def _alike(self, counted: Counted) -> bool:
        """Whether every trial counts as much as every other."""
        _, runs, weights = self._tasks(counted)
        worth = [weight / n for weight, n in zip(weights, runs, strict=True)]
        return max(worth) - min(worth) < 1e-9 * max(worth)
