"""How often intervals contain the truth where a sum over all outcomes, or over all paths, says it exactly."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from benchmarks.validity_gates import GATES
from remit.core.stats.mixture import interval as sequence
from remit.core.stats.proportion import clopper_pearson, covered, wilson
from remit.core.stats.sprt import Plan, plan

CONFIDENCE = 0.95


def of_one_rate(sizes: Sequence[int] = (10, 30, 100, 300)) -> Iterator[tuple[str, int, float, float]]:
    """Method, trials, least and mean coverage over rates from .80 to .995, exactly."""
    rates = [0.80 + 0.0025 * step for step in range(79)]
    methods: dict[str, Callable[[int, int], tuple[float, float]]] = {
        "Clopper-Pearson (gates)": clopper_pearson,
        "Wilson": wilson,
    }
    for name, method in methods.items():
        for n in sizes:
            told = [method(hits, n) for hits in range(n + 1)]
            found = [covered(told, p) for p in rates]
            yield name, n, min(found), sum(found) / len(found)


RATES = tuple(0.5 + 0.005 * step for step in range(100))


def after_stopping(gates: Sequence[tuple[float, float]] = GATES) -> Iterator[tuple[str, str, float, float]]:
    """Gate, method, least and mean coverage over rates from .5 to .995 once it stopped, exactly."""
    methods: dict[str, Callable[[Plan, int, int], tuple[float, float]]] = {
        "exact after stopping (gates)": lambda gate, n, f: gate.interval(n, f),
        "confidence sequence (gates)": lambda _, n, f: sequence(n - f, f),
        "Clopper-Pearson": lambda _, n, f: clopper_pearson(n - f, n),
        "Wilson": lambda _, n, f: wilson(n - f, n),
    }
    for p0, p1 in gates:
        gate = plan(p0, p1)
        for name, method in methods.items():
            told = {end: method(gate, *end) for end in ends(gate, 0.9)}
            found = [
                sum(mass for end, mass in ends(gate, p).items() if told[end][0] <= p <= told[end][1])
                for p in RATES
            ]
            yield f"{p0:.2f} / {p1:.2f}", name, min(found), sum(found) / len(found)


def ends(gate: Plan, p: float) -> dict[tuple[int, int], float]:
    """Trials and failures at each end, with its probability, by walking every path."""
    alive, found = {0: 1.0}, dict[tuple[int, int], float]()
    for n in range(1, gate.cap + 1):
        new: dict[int, float] = {}
        for failures, mass in alive.items():
            for more, share in ((0, p), (1, 1 - p)):
                at = failures + more
                where = new if gate.step(n, at) is None else found
                key: Any = at if where is new else (n, at)
                where[key] = where.get(key, 0.0) + mass * share
        alive = new
    return found


def at_any_time(
    horizon: int, rates: Sequence[float] = (0.5, 0.8, 0.9, 0.95, 0.99)
) -> Iterator[tuple[float, float]]:
    """Rate, and probability that the confidence sequence contains it at every one of *horizon* looks, exactly."""
    for p in rates:
        alive = np.array([1.0])
        for n in range(1, horizon + 1):
            alive = np.append(alive * p, 0.0) + np.append(0.0, alive * (1 - p))
            alive = alive * _not_excluded(n, p)
        yield p, float(alive.sum())


def _not_excluded(n: int, p: float) -> Any:
    """Whether the rate lies in the confidence sequence, for 0 to n failures."""
    from scipy.special import betaln

    f = np.arange(n + 1)
    log_e = betaln(n - f + 0.5, f + 0.5) - betaln(0.5, 0.5) - (n - f) * np.log(p) - f * np.log1p(-p)
    return log_e < -np.log1p(-CONFIDENCE)
