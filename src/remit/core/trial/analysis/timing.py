"""Does the candidate take longer, or cost more? Ranks within tasks, and the share of runs that are very slow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import exp, inf, log, sqrt
from statistics import NormalDist, variance

from remit.core.stats.latency import latency_test
from remit.core.stats.planted import PERMUTATIONS, detectable_share
from remit.core.stats.tail import slow_tail
from remit.core.trial.analysis.behaviour import WITHIN, planted_told
from remit.core.trial.analysis.draft import Draft
from remit.core.trial.analysis.pair import Pair
from remit.core.trial.gates.budget import Spent, latency_of, quantile_of
from remit.core.trial.percent import count
from remit.core.trial.report import Comparison, Estimate

MOST_RISE = log(10)
"""As a logarithm: what takes ten times as long is found by anybody."""
_TOO_FEW = "; there are too few runs to say which would be found"


def latency(pair: Pair) -> Draft | None:
    """Whether runs are slower on the whole."""
    return _ranked(pair, "latency", latency_of, "Runs take")


def tokens(pair: Pair) -> Draft | None:
    """Whether runs take more tokens."""
    return _ranked(
        pair, "tokens", lambda trial: None if trial.tokens is None else float(trial.tokens), "Runs use"
    )


def cost(pair: Pair) -> Draft | None:
    """Whether runs cost more."""
    return _ranked(pair, "cost", lambda trial: trial.cost, "Runs cost")


def slow(pair: Pair) -> Draft | None:
    """Whether more runs are slower than nearly all of the baseline's."""
    trials, candidate, tasks = pair.rows(lambda trial: latency_of(trial) is not None)
    if not trials:
        return None
    values = [value for trial in trials if (value := latency_of(trial)) is not None]
    found = slow_tail(values, candidate, tasks, seed=pair.seed)
    n = found.n + found.m
    method = f"runs above {found.how or 'nearly all of the baseline'}, {WITHIN}"
    unending = "so many of the baseline's runs were cut off that none is slower" if found.limit == inf else ""
    if found.p is None or unending:
        told = f"The slow tail cannot be compared: {found.told or unending}."
        return Draft(
            Comparison("slow tail", method, "this suite", "runs", n, None, None, None, None, None, None, told)
        )
    base, candidates = (
        Estimate("share of slow runs", k / m if m else None, method=method, n=m, unit="runs")
        for k, m in ((found.before, found.n), (found.after, found.m))
    )
    change = Estimate(
        "difference", (candidates.value or 0) - (base.value or 0), method=method, n=n, unit="runs"
    )
    after = f"{found.after} of {count(found.m, 'run')} are slower than {found.limit:.3g} s"
    rates = f"{after}, {found.before} of {found.n:,} before"

    def test(tried: Sequence[float], arms: Sequence[bool], of: Sequence[str]) -> float | None:
        return slow_tail(tried, arms, of, permutations=PERMUTATIONS, seed=pair.seed).p

    least = detectable_share(found.p, test, values, candidate, tasks, lambda _: inf, pair.seed)
    comparison = Comparison(
        "slow tail", method, "this suite", "runs", n, base, candidates, change, found.p, None, least
    )
    return Draft(
        comparison,
        f"{rates}: more runs are very slow.",
        f"{rates}: no slower tail found{planted_told(found.p, least, 'hung')}.",
    )


def _ranked(pair: Pair, metric: str, spent: Spent, what: str) -> Draft | None:
    trials, candidate, tasks = pair.rows(lambda trial: spent(trial) is not None)
    if not trials:
        return None
    values = [value for trial in trials if (value := spent(trial)) is not None]
    found = latency_test(values, candidate, tasks, seed=pair.seed)
    n = found.result.n + found.result.m
    sides = [
        [v for v, which in zip(values, candidate, strict=True) if which is side] for side in (False, True)
    ]
    any_time = pair.run.info.design.kind == "sequential"
    before, after = (_median(metric, side, any_time=any_time) for side in sides)
    change = Estimate("ratio", found.ratio, method="median over pairs of runs of one task", n=n, unit="runs")
    told = f"{metric.capitalize()} cannot be compared: {found.result.told}." if found.p_either is None else ""
    least = _detectable([log(v) for v in sides[0] if 0 < v < inf], [log(v) for v in sides[1] if 0 < v < inf])
    comparison = Comparison(
        metric, f"van Elteren ranks, {WITHIN}", "this suite", "runs", n, before, after, change, found.p_either, None,
        least, told,
    )  # fmt: skip
    times = f"{what} {found.ratio or 1.0:.2f} times as much as before"
    would = f", and {1 + least:.2f} times would be found nine times in ten" if least is not None else _TOO_FEW
    return Draft(comparison, f"{times}: a change.", f"{times}: no change found{would}.")


def _detectable(before: list[float], after: list[float]) -> float | None:
    """The smallest rise, as a share, that so many runs find nine times in ten, by the spread of all logarithms.

    Tasks that differ are in that spread, so the test within tasks finds less than this: it is the careful figure.
    """
    if len(before) < 2 or len(after) < 2:
        return None
    deviation = (variance(before) + variance(after)) / 2
    reach = NormalDist().inv_cdf(0.975) + NormalDist().inv_cdf(0.9)
    rise = reach * sqrt(deviation * (1 / len(before) + 1 / len(after)))
    return exp(rise) - 1 if rise < MOST_RISE else None


def _median(metric: str, values: list[float], *, any_time: bool) -> Estimate | None:
    if not values:
        return None
    return replace(quantile_of(f"median {metric}", values, 0.5, any_time=any_time), unit="runs")
