"""`latency`, `tokens`, `cost`: nearly all runs stay within so much.

`latency: {quantile: 0.95, within: 10, alpha: 0.05}` asks whether the 95th percentile is at most ten seconds, which is the
same as whether at least 95 % of runs take at most ten seconds: a share, judged exactly and without any assumption about
how latencies are distributed. A run that was cut off at its deadline took longer than any bound.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from remit.core.stats.quantiles import quantile, quantile_at_any_time
from remit.core.trial.gates.gate import Gate, Terms
from remit.core.trial.gates.settings import arm_of, known, number
from remit.core.trial.gates.settings import seconds as read_seconds
from remit.core.trial.gates.share import ShareGate
from remit.core.trial.gates.share_settings import SHARE_KEYS, mark_of, stopping_of
from remit.core.trial.gates.share_told import Said
from remit.core.trial.percent import seconds
from remit.core.trial.report import Boundary, Estimate, Ruling
from remit.core.trial.run import Run
from remit.core.trial.suite import Rule
from remit.core.trial.trial import Status, Trial
from remit.core.trial.verdict import Verdict

QUANTILE = 0.95

Spent = Callable[[Trial], float | None]
"""What one trial took of something; None where nobody knows."""


def latency_of(trial: Trial) -> float | None:
    """Seconds; infinite where it was cut off, None where nobody measured or the world failed."""
    if trial.success is None:
        return None
    return math.inf if trial.status is Status.TIMEOUT else trial.latency_s


def latency(rule: Rule, terms: Terms) -> Gate:
    """The gate as the suite sets it."""
    within = read_seconds(rule, "within") if "within" in rule.settings else 0.0
    return _budget(rule, terms, latency_of, within, f"within {seconds(within)}")


def tokens(rule: Rule, terms: Terms) -> Gate:
    """The gate as the suite sets it."""
    within = number(rule, "within", 0.0, math.inf) if "within" in rule.settings else 0.0
    spent = _of_trial(lambda trial: None if trial.tokens is None else float(trial.tokens))
    return _budget(rule, terms, spent, within, f"within {within:,.0f} tokens")


def cost(rule: Rule, terms: Terms) -> Gate:
    """The gate as the suite sets it."""
    within = number(rule, "within", 0.0, math.inf) if "within" in rule.settings else 0.0
    return _budget(rule, terms, _of_trial(lambda trial: trial.cost), within, f"within a cost of {within:g}")


def _budget(rule: Rule, terms: Terms, spent: Spent, within: float, limit: str) -> Gate:
    known(rule, ("quantile", "within", *SHARE_KEYS), ("within",))
    if "quantile" not in rule.settings:
        rule = replace(rule, settings={**rule.settings, "quantile": QUANTILE})
    mark = mark_of(rule, terms, "quantile")

    def yes(trial: Trial) -> bool | None:
        value = spent(trial)
        return None if value is None else value <= within

    said = Said(
        f"{rule.kind} {limit}", limit, f"were not {limit}", f"the share of runs {limit}", f"were {limit}"
    )
    gate = ShareGate(rule, arm_of(rule, terms), yes, said, stopping_of(rule, terms, mark))
    return Budget(gate, spent, mark.bar, any_time=terms.design.kind == "sequential")


def _of_trial(spent: Spent) -> Spent:
    return lambda trial: None if trial.success is None else spent(trial)


@dataclass(slots=True)
class Budget:
    """A gate on a share that also tells the quantile itself."""

    share: ShareGate
    spent: Spent
    quantile: float
    any_time: bool = False
    """Whether it is looked at before the end, so that its interval has to hold at any stop."""
    _values: list[float] = field(default_factory=list)

    @property
    def rule(self) -> Rule:
        """As the suite names it."""
        return self.share.rule

    def step(self, draw: Mapping[str, Trial]) -> Verdict | None:
        """Take the next draw; those after the decision change nothing."""
        trial = draw.get(self.share.arm)
        value = self.spent(trial) if trial is not None and self.share.decided is None else None
        if value is not None:
            self._values.append(value)
        return self.share.step(draw)

    def ruling(self, run: Run) -> Ruling:
        """What it says of the draws that it was fed."""
        ruling = self.share.ruling(run)
        name = f"{self.rule.kind} p{100 * self.quantile:g}"
        estimate = quantile_of(name, self._values, self.quantile, any_time=self.any_time)
        return replace(ruling, estimates=(*ruling.estimates, estimate))

    def boundary(self) -> Boundary | None:
        """How the share went."""
        return self.share.boundary()


def quantile_of(
    name: str, values: Sequence[float], q: float, confidence: float = 0.95, *, any_time: bool = False
) -> Estimate:
    """A quantile with an interval that holds whatever the distribution is; *any_time*: at whatever stop, too."""
    found = (quantile_at_any_time if any_time else quantile)(values, q, confidence)
    method = "order statistics, valid at any stop" if any_time else "order statistics"
    method = f"{method}; {found.told}" if found.told else method
    if found.value == math.inf:
        method += "; more runs were cut off than that"
    value, low, high = (
        None if v is None or v == math.inf else v for v in (found.value, found.low, found.high)
    )
    return Estimate(name, value, low, high, confidence, method, found.n, gating=True)
