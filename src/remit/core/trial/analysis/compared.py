"""Candidate against baseline, metric by metric: a table. To add one: write its function, add its line.

All but success are told to explore, never to decide: they are corrected together by Benjamini and Hochberg's method, so
that of what is called a change a twentieth is none. What decides are the gates, corrected apart.
"""

from __future__ import annotations

from collections.abc import Callable

from remit.core.stats.benjamini_hochberg import benjamini_hochberg
from remit.core.trial.analysis import agreeing, behaviour, drifting, timing
from remit.core.trial.analysis.draft import LEVEL, Draft
from remit.core.trial.analysis.pair import Pair
from remit.core.trial.analysis.succeeded import succeeded
from remit.core.trial.report import Comparison

METRICS: tuple[Callable[[Pair], Draft | None], ...] = (
    succeeded,
    agreeing.less_alike,
    behaviour.tools,
    behaviour.sequences,
    behaviour.arguments,
    behaviour.claims,
    drifting.moved,
    drifting.more_spread,
    timing.latency,
    timing.slow,
    timing.tokens,
    timing.cost,
)


def comparisons(pair: Pair) -> tuple[Comparison, ...]:
    """Every metric that was recorded, with its p-value corrected for all of them."""
    found = [one for metric in METRICS if (one := metric(pair)) is not None]
    tested = [one.comparison.p for one in found if one.comparison.p is not None]
    adjusted = iter(benjamini_hochberg(tested))
    return tuple(
        one.corrected(None if one.comparison.p is None else next(adjusted), len(tested)) for one in found
    )


def correction(found: tuple[Comparison, ...], gates: int) -> str:
    """How many metrics were compared, and how that was corrected for."""
    tested = sum(one.p is not None for one in found)
    if not found and not gates:
        return ""
    told = []
    if tested:
        among = f"{tested} metrics were" if tested > 1 else "1 metric was"
        told.append(
            f"{among} compared to explore; p-values are corrected for that (Benjamini-Hochberg): on average, at most one "
            f"in twenty of those that are called a change, at or below {LEVEL:g}, is chance."
        )
    if gates > 1:
        told.append(
            f"{gates} gates decide: all must pass, which needs no correction; any may block, so each has one "
            f"{_part(gates)} of the chance of a false block that it would have alone (Bonferroni)."
        )
    return " ".join(told)


def _part(n: int) -> str:
    return {2: "half", 3: "third", 4: "quarter", 5: "fifth", 6: "sixth"}.get(n, f"{n}th part")
