"""`latency`, `tokens`, `cost`: nearly all runs stay within so much.

`latency: {quantile: 0.95, within: 10, alpha: 0.05}` asks whether the 95th percentile is at most ten seconds, which is the
same as whether at least 95 % of runs take at most ten seconds: a share, judged exactly and without any assumption about
how latencies are distributed. A run that was cut off at its deadline took longer than any bound.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from remit.core.trial.gates.gate import Gate, Terms
from remit.core.trial.gates.settings import arm_of, known, number
from remit.core.trial.gates.share import ShareGate
from remit.core.trial.gates.share_settings import SHARE_KEYS, mark_of, stopping_of
from remit.core.trial.gates.share_told import Said
from remit.core.trial.percent import seconds
from remit.core.trial.suite import Rule
from remit.core.trial.trial import Status, Trial

QUANTILE = 0.95

Spent = Callable[[Trial], float | None]


def latency_of(trial: Trial) -> float | None:
    """Seconds; infinite where it was cut off, None where nobody measured or the world failed."""
    if trial.success is None:
        return None
    return math.inf if trial.status is Status.TIMEOUT else trial.latency_s


def latency(rule: Rule, terms: Terms) -> Gate:
    """The gate as the suite sets it."""
    return _budget(rule, terms, "latency", latency_of, seconds)


def tokens(rule: Rule, terms: Terms) -> Gate:
    """The gate as the suite sets it."""
    return _budget(
        rule, terms, "tokens", lambda trial: _counts(trial, trial.tokens), lambda n: f"{n:,.0f} tokens"
    )


def cost(rule: Rule, terms: Terms) -> Gate:
    """The gate as the suite sets it."""
    return _budget(
        rule, terms, "cost", lambda trial: _counts(trial, trial.cost), lambda cost: f"a cost of {cost:g}"
    )


def _budget(rule: Rule, terms: Terms, name: str, spent: Spent, told: Callable[[float], str]) -> Gate:
    known(rule, ("quantile", "within", *SHARE_KEYS), ("within",))
    within = number(rule, "within", 0.0, math.inf)
    if "quantile" not in rule.settings:
        rule = Rule(rule.id, rule.kind, {**rule.settings, "quantile": QUANTILE}, rule.where)
    mark = mark_of(rule, terms, "quantile")

    def yes(trial: Trial) -> bool | None:
        value = spent(trial)
        return None if value is None else value <= within

    limit = told(within)
    said = Said(
        f"{name} within {limit}",
        f"within {limit}",
        f"took more than {limit}",
        f"the share of runs within {limit}",
        f"stayed within {limit}",
    )
    return ShareGate(rule, arm_of(rule, terms), yes, said, stopping_of(rule, terms, mark))


def _counts(trial: Trial, value: float | None) -> float | None:
    return None if trial.success is None else value
