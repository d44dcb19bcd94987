"""Candidate against baseline in a fixed design: for this suite, or for tasks like these."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

from remit.core.stats.compare_rates import RateComparison, compare_rates, score_of
from remit.core.stats.task_pair import PassCounts, TaskPair, task_pairs
from remit.core.trial.gates.end_gate import EndGate, Found, passes_of
from remit.core.trial.gates.stopping import Mark, told_question
from remit.core.trial.percent import about, change, count, passed_by, percent, points, rarely
from remit.core.trial.report import Estimate
from remit.core.trial.run import ByTask
from remit.core.trial.suite import Question, Rule
from remit.core.trial.verdict import Verdict

MOST_TIMES = 1_000
FEW_RUNS, MOST_TRIED = 30, 2_000
"""Up to so many runs it is tried how many more would pass; up to so many in all."""
MOST_TASKS = 200
"""Up to which it is worked out what the candidate lacks."""


@dataclass(frozen=True, slots=True)
class NotWorse:
    """PASS where a loss of the margin is excluded, BLOCK where no loss is; PASS first, where both are."""

    rule: Rule
    arms: tuple[str, str]
    mark: Mark
    """Its bar is the margin."""
    question: Question
    weights: Mapping[str, float]
    seed: int
    does: str = "succeeds"
    """What a run that counts as a success does."""

    def gate(self) -> EndGate:
        """The gate that asks it."""
        return EndGate(self.rule, self.arms, self._judge)

    def _judge(self, trials: Mapping[str, ByTask]) -> Found:
        before, after = (passes_of(trials[arm]) for arm in self.arms)
        both = [task for task in before if task in after]
        if not both:
            told = "No task ran in both arms, so they cannot be compared."
            return Found(Verdict.INCONCLUSIVE, told, "Runs of the same tasks in both arms.")
        baseline, candidate = [before[task] for task in both], [after[task] for task in both]
        weights = [self.weights.get(task, 1.0) for task in both]
        found = self._compared(baseline, candidate, weights)
        verdict = self._verdict(found)
        estimate = Estimate(
            "success difference", found.difference, found.low, found.high, found.confidence, found.interval_method,
            found.n, found.unit, gating=True,
        )  # fmt: skip
        told = f"{self._rates(found)}{self._sentence(verdict, found)}"
        return Found(verdict, told, self._would_change(verdict, found, baseline, candidate, weights), (estimate,), {
            "method": f"{found.interval_method} for the margin, {found.method} for worse",
            "question": told_question(self.question), "unit": found.unit, "n": found.n, "tasks": found.tasks,
            "margin": self.mark.bar, "alpha": self.mark.alpha, "beta": self.mark.block,
            "p_not_worse": found.p_not_worse, "p_worse": found.p_worse, "detectable": found.detectable,
        })  # fmt: skip

    def _compared(self, baseline: PassCounts, candidate: PassCounts, weights: list[float]) -> RateComparison:
        return compare_rates(
            baseline, candidate, self.question.value,
            weights=weights, margin=self.mark.bar, confidence=1 - 2 * self.mark.alpha, seed=self.seed,
        )  # fmt: skip

    def _verdict(self, found: RateComparison) -> Verdict:
        if found.p_not_worse is not None and found.p_not_worse <= self.mark.alpha:
            return Verdict.PASS
        worse = found.p_worse <= self.mark.block
        if self.question is Question.POPULATION:
            # The p-value trusts that losses and gains are spread alike: many small losses beside few large gains, which
            # cancel out, look worse to it. The interval does not.
            worse = worse and found.high < 0
        return Verdict.BLOCK if worse else Verdict.INCONCLUSIVE

    def _rates(self, found: RateComparison) -> str:
        tasks = f" in {count(found.tasks, 'task')}" if self.question is Question.POPULATION else ""
        alike = percent(found.candidate) == percent(found.baseline) and found.candidate != found.baseline
        after, before = (percent(rate, int(alike)) for rate in (found.candidate, found.baseline))
        return f"The candidate {self.does} in {after} of runs{tasks}, the baseline in {before}"

    def _sentence(self, verdict: Verdict, found: RateComparison) -> str:
        allowed = f"up to {points(self.mark.bar)} less is allowed"
        if verdict is Verdict.PASS:
            sure = f"{percent(1 - self.mark.alpha)} sure"
            if found.low >= 0:
                return f": it is no worse at all ({sure}), and {allowed}."
            but = ", if at all" if found.p_worse > self.mark.block else ", though it is worse"
            return f": it is worse by at most {points(found.low)}{but} ({sure}), and {allowed}."
        if verdict is Verdict.BLOCK:
            return f": it is worse, since one that is as good comes out so far behind in {rarely(found.p_worse)}."
        span = f"anywhere from {change(found.low)} to {change(found.high)} ({percent(found.confidence)} sure)"
        return f": these runs do not tell, and the true difference may be {span}, and {allowed}."

    def _would_change(
        self,
        verdict: Verdict,
        found: RateComparison,
        baseline: PassCounts,
        candidate: PassCounts,
        weights: list[float],
    ) -> str:
        if verdict is Verdict.PASS:
            return passed_by(found.low)
        if verdict is Verdict.BLOCK:
            return self._saved(baseline, candidate, weights)
        times = self._times(found, task_pairs(baseline, candidate, weights))
        if times is None:
            return (
                "The loss lies too close to the margin for any reasonable number of trials: set a wider one."
            )
        if self.question is Question.POPULATION:
            more = count(about(max(1, round(found.tasks * (times - 1)))), "more task")
            return f"About {more} like these would decide, at these rates."
        more = count(about(max(1, round(sum(n for _, n in candidate) * (times - 1)))), "more trial")
        return f"About {more} in each arm at these rates would decide."

    def _times(self, found: RateComparison, pairs: Sequence[TaskPair]) -> float | None:
        """How many times as many trials would decide: the interval shrinks with their root."""
        z = NormalDist().inv_cdf((1 + found.confidence) / 2)
        # Near a rate of 1 the interval is far longer on one side: each answer needs its own.
        below, above = (found.difference - found.low) / z, (found.high - found.difference) / z
        needs = []
        if found.difference > -self.mark.bar:
            reach = NormalDist().inv_cdf(1 - self.mark.alpha) * below / (found.difference + self.mark.bar)
            needs.append(self._passing(pairs, reach**2))
        if found.difference < 0:
            needs.append((NormalDist().inv_cdf(1 - self.mark.block) * above / -found.difference) ** 2)
        times = max(1.02, min(needs))
        return times if times <= MOST_TIMES else None

    def _passing(self, pairs: Sequence[TaskPair], foreseen: float) -> float:
        """How many times as many pass. Of few runs the interval is far wider than the root has it: then it is tried."""
        runs, times = sum(pair.candidate_runs for pair in pairs), 2
        while runs <= FEW_RUNS and times <= min(foreseen, MOST_TRIED / runs):
            if all(self._pass(more) for more in self._more(pairs, times)):
                return times
            times = times + 1 if times < 8 else round(times * 1.1)
        return foreseen

    def _more(self, pairs: Sequence[TaskPair], times: int) -> Iterator[list[TaskPair]]:
        """So many times as many tasks; of this suite, as many runs of each, too: either may be asked for."""
        yield list(pairs) * times
        if self.question is Question.SUITE:
            counts = ("baseline", "baseline_runs", "candidate", "candidate_runs")
            yield [replace(pair, **{name: getattr(pair, name) * times for name in counts}) for pair in pairs]

    def _pass(self, pairs: list[TaskPair]) -> bool:
        return score_of(pairs, self.question.value)(-self.mark.bar).p <= self.mark.alpha

    def _saved(self, baseline: PassCounts, candidate: PassCounts, weights: list[float]) -> str:
        """How many more successes of the candidate would have kept it from being blocked."""
        if len(candidate) > MOST_TASKS:
            return "A candidate that succeeds about as often as the baseline."
        low, high = 1, sum(n - hits for hits, n in candidate)
        while low < high:
            middle = (low + high) // 2
            better = self._compared(baseline, _with(candidate, middle), weights)
            low, high = (low, middle) if self._verdict(better) is not Verdict.BLOCK else (middle + 1, high)
        runs = sum(n for _, n in candidate)
        return f"With {low:,} more of its {runs:,} trials right, the candidate would not be blocked."


def _with(candidate: PassCounts, more: int) -> PassCounts:
    """With so many failures turned into successes, shared out evenly over them."""
    left, failures, found = more, sum(n - hits for hits, n in candidate), []
    for hits, n in candidate:
        turned = round(left * (n - hits) / failures) if failures else 0
        found.append((hits + turned, n))
        left, failures = left - turned, failures - (n - hits)
    return found
