"""Candidate against baseline in a sequential design: two bets on every pair (see `core/stats/paired_bets.py`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import log10

from remit.core.stats.paired_bets import PairedBets
from remit.core.trial.gates.stopping import MOST_MORE, Mark
from remit.core.trial.percent import about, change, count, percent, points
from remit.core.trial.report import Boundary, Estimate, Ruling
from remit.core.trial.run import Run
from remit.core.trial.suite import Rule
from remit.core.trial.trial import Trial
from remit.core.trial.verdict import Verdict
from remit.core.types import Json

MOST_EVIDENCE = 300.0
"""Powers of ten beyond which evidence is not told apart."""


@dataclass(slots=True)
class BetGate:
    """PASS where "not worse by the margin" is proven, BLOCK where "worse" is, whichever comes first.

    A pair is one draw: both arms ran the same task. A draw counts where neither arm's world failed.
    """

    rule: Rule
    arms: tuple[str, str]
    mark: Mark
    """Its bar is the margin."""
    seen: PairedBets = field(default_factory=PairedBets)
    skipped: int = 0
    decided: Verdict | None = None
    _path: list[float] = field(default_factory=list)

    def step(self, draw: Mapping[str, Trial]) -> Verdict | None:
        """Take the next draw; those after the decision change nothing."""
        baseline, candidate = (draw.get(arm) for arm in self.arms)
        if self.decided is not None or baseline is None or candidate is None:
            return self.decided
        if baseline.success is None or candidate.success is None:
            self.skipped += 1
            return None
        self.seen = self.seen.step(baseline.success, candidate.success)
        self.decided = self._verdict(self.seen)
        self._path.append(self._evidence())
        return self.decided

    def ruling(self, run: Run) -> Ruling:
        """What it says of the draws that it was fed."""
        del run
        verdict = self.decided or Verdict.INCONCLUSIVE
        return Ruling(
            self.rule.id,
            verdict,
            self._sentence(),
            self._would_change(),
            (self._estimate(),),
            self._details(),
        )

    def boundary(self) -> Boundary | None:
        """Evidence as powers of ten: above 0 for "not worse by the margin", below for "worse", whichever is larger."""
        if not self._path:
            return None
        n = len(self._path)
        passes, blocks = -log10(self.mark.alpha), log10(self.mark.block)
        name = "evidence, powers of ten (above: not worse; below: worse)"
        return Boundary(
            self.rule.id, "pairs that counted, in start order", name, tuple(range(1, n + 1)), tuple(self._path),
            (passes,) * n, (blocks,) * n, n if self.decided else None,
        )  # fmt: skip

    def _verdict(self, seen: PairedBets) -> Verdict | None:
        if seen.e_not_worse(self.mark.bar) >= 1 / self.mark.alpha:
            return Verdict.PASS
        return Verdict.BLOCK if seen.e_worse() >= 1 / self.mark.block else None

    def _evidence(self) -> float:
        good, bad = (
            max(-MOST_EVIDENCE, min(MOST_EVIDENCE, log10(value))) if value else -MOST_EVIDENCE
            for value in (self.seen.e_not_worse(self.mark.bar), self.seen.e_worse())
        )
        return good if good >= bad else -bad

    def _estimate(self) -> Estimate:
        method = "confidence sequence (paired bets)"
        if not self.seen.pairs:
            return Estimate("success difference", None, method="no pair counted", unit="pairs", gating=True)
        alpha = min(self.mark.alpha, self.mark.block)
        low, high = self.seen.interval(alpha)
        change = (self.seen.won - self.seen.lost) / self.seen.pairs
        return Estimate(
            "success difference", change, low, high, 1 - alpha, method, self.seen.pairs, "pairs", gating=True
        )

    def _details(self) -> Mapping[str, Json]:
        return {
            "method": "two paired e-processes, after every pair", "question": "this suite", "unit": "pairs",
            "margin": self.mark.bar, "alpha": self.mark.alpha, "beta": self.mark.block, "pairs": self.seen.pairs,
            "only_baseline": self.seen.lost, "only_candidate": self.seen.won, "skipped": self.skipped,
            "e_not_worse": min(1e300, self.seen.e_not_worse(self.mark.bar)), "e_worse": min(1e300, self.seen.e_worse()),
        }  # fmt: skip

    def _sentence(self) -> str:
        seen, margin = self.seen, points(self.mark.bar)
        if not seen.pairs:
            return "No pair of trials counted, so candidate and baseline cannot be compared."
        told = (
            f"Of {count(seen.pairs, 'pair')} of trials, {seen.lost:,} succeeded with the baseline only and {seen.won:,} "
            "with the candidate only"
        )
        if self.decided is Verdict.PASS:
            wrong = f"a candidate that is passes in at most {percent(self.mark.alpha)} of cases"
            return f"{told}: enough to say that the candidate is not {margin} worse; {wrong}."
        if self.decided is Verdict.BLOCK:
            wrong = percent(self.mark.block)
            return (
                f"{told}: the candidate is worse; one that is as good is blocked in at most {wrong} of cases."
            )
        estimate = self._estimate()
        span = f"{change(estimate.low or 0.0)} to {change(estimate.high or 0.0)}"
        sure = f"({percent(estimate.confidence)} sure)"
        return (
            f"{told}: truly its rate may be anywhere from {span} {sure}, and up to {margin} less is allowed."
        )

    def _would_change(self) -> str:
        if not self.seen.pairs:
            return "Trials of both arms that count: see why the world failed."
        if self.decided is Verdict.PASS:
            return "Nothing in this run: it is decided. A smaller margin takes more pairs."
        if self.decided is Verdict.BLOCK:
            return "A candidate that loses fewer of the tasks that the baseline solves."
        more = self._more()
        if more is None:
            return "The difference lies too close to the margin for any reasonable number of pairs: set a wider one."
        return f"About {count(about(more), 'more pair')} at these rates would decide."

    def _more(self) -> int | None:
        times, n = 1.0, self.seen.pairs
        while n * times < MOST_MORE:
            times *= 1.05
            lost, won, same = (round(k * times) for k in (self.seen.lost, self.seen.won, self.seen.same))
            if self._verdict(PairedBets(lost, won, same)):
                return max(1, lost + won + same - n)
        return None
