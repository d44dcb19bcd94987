"""What a gate on one rate will cost, at each rate that the agent may have: told before the first trial."""

from __future__ import annotations

from dataclasses import dataclass

from remit.core.stats.sprt import Plan

_STEPS = 20


@dataclass(frozen=True, slots=True)
class AtRate:
    """What happens if the agent's true rate is `rate`."""

    rate: float
    passes: float
    """P(PASS) with as many trials as the plan may take."""
    trials: float
    """Mean number of trials until it is decided, or until there are no more."""
    saved: float
    """Share of the trials of the fixed test that it spares; less than 0 where it takes more."""
    undecided: float = 0.0
    """P(INCONCLUSIVE): no more trials than `most` were allowed."""


def at_rates(plan: Plan, most: int | None = None) -> list[AtRate]:
    """The plan at rates from well below the bar to a perfect agent; the costliest one between is among them.

    Args:
        plan: of the gate.
        most: trials that there can be; as many as the plan may take by default.

    >>> from remit.core.stats.sprt import plan
    >>> [(round(one.rate, 3), round(one.trials)) for one in at_rates(plan(0.90, 0.97))]
    [(0.76, 14), (0.83, 22), (0.9, 51), (0.949, 82), (0.97, 70), (1.0, 40)]
    """
    gap = plan.p1 - plan.p0
    between = [plan.p0 + gap * step / _STEPS for step in range(1, _STEPS)]
    costly = max(between, key=lambda p: plan.expected(p).trials)
    rates = (plan.p0 - 2 * gap, plan.p0 - gap, plan.p0, costly, plan.p1, 1.0)
    return [at_rate(plan, p, most) for p in rates if p > 0]


def at_rate(plan: Plan, rate: float, most: int | None = None) -> AtRate:
    """The plan where the agent's rate is *rate*; arguments as of `at_rates`."""
    ends = plan.cut_off(rate, plan.cap if most is None else min(most, plan.cap))
    return AtRate(rate, ends.passes, ends.trials, 1 - ends.trials / plan.fixed.n, ends.undecided)


def first_pass(plan: Plan) -> int:
    """Trials after which an agent passes that never failed.

    >>> from remit.core.stats.sprt import plan
    >>> first_pass(plan(0.90, 0.97)), first_block(plan(0.90, 0.97))
    (40, 3)
    """
    return next(n for n, most in enumerate(plan.passes) if most >= 0)


def first_block(plan: Plan) -> int:
    """Trials after which an agent is blocked that never succeeded."""
    return next(n for n, least in enumerate(plan.blocks) if least <= n and n > 0)
