"""How often the intervals of fixed designs contain the truth, by simulation.

Tasks are drawn from Beta distributions of a given mean and intra-task correlation, from coins (a task always or never
succeeds) and from *rare hard* ones (a few tasks never succeed, all others nearly always): the last two are what narrow
intervals never see coming.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from math import comb
from typing import Any, NamedTuple

import numpy as np

from remit.core.stats.bounded_mean import below
from remit.core.stats.pass_hat import display_interval, this_suite_interval
from remit.core.stats.proportion import clopper_pearson
from remit.core.stats.t_over_tasks import t_interval

CONFIDENCE = 0.95
CHUNK = 1_000
"""Samples whose integrals are taken at once."""
DISPLAYED = 10
"""One in so many samples is also given to the intervals for display, which are the slower ones to simulate."""
NEAR = 0.9
"""Standard deviations within which no bound at 97.5 % is on the wrong side: even one exponential alone has 10 % of its
mass so far below its mean, and 15 % so far above."""


class Grid(NamedTuple):
    """Where coverage is measured."""

    tasks: tuple[int, ...]
    epochs: tuple[int, ...]
    rates: tuple[float, ...]
    spreads: tuple[float, ...]
    """Intra-task correlations; `RARE` for rare hard tasks."""


RARE = -1.0
SHORT = Grid((5, 20), (1, 5), (0.7, 0.95, 0.99), (0.0, 0.4, 1.0, RARE))
WIDE = Grid(
    (3, 10, 30, 100),
    (1, 3, 10),
    (0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995),
    (0.0, 0.1, 0.4, 0.8, 1.0, RARE),
)


@dataclass(frozen=True, slots=True)
class Cell:
    """One interval at one truth."""

    method: str
    question: str
    tasks: int
    epochs: int
    truth: str
    covered: float
    """Share of samples whose interval contains the truth."""
    told: float = 1.0
    """Share of samples for which there is an interval."""


def shares(spread: float, rate: float, size: tuple[int, ...], rng: np.random.Generator) -> Any:
    """Success rates of tasks that are drawn at random."""
    if spread == RARE:
        high = (1 + rate) / 2
        return np.where(rng.random(size) < rate / high, high, 0.0)
    if spread == 0:
        return np.full(size, rate)
    if spread == 1:
        return (rng.random(size) < rate).astype(float)
    whole = (1 - spread) / spread
    return rng.beta(rate * whole, (1 - rate) * whole, size)


def inside(values: Any, weights: Any, counts: Any, truth: float, confidence: float = CONFIDENCE) -> Any:
    """Whether `bounded_mean.interval` contains the truth, of many samples at once (the tests compare the two).

    Args:
        values: shape (n,).
        weights: shape (n,).
        counts: how often each sample holds each value, shape (n, samples).
        truth: the mean.
        confidence: of the interval.

    Returns:
        Shape (samples,).
    """
    tail, heaviest = (1 - confidence) / 2, np.max(np.where(counts.sum(1) > 0, weights, 0))
    w, with_one = np.append(weights, heaviest), np.concatenate([counts, np.ones((1, counts.shape[1]))])
    too_low = _beyond(np.append(values, 1.0), w, with_one, truth, lambda mass: mass >= 1 - tail, -1)
    too_high = _beyond(np.append(values, 0.0), w, with_one, truth, lambda mass: mass <= tail, 1)
    return ~((too_low & (truth > 0)) | (too_high & (truth < 1)))


def _beyond(x: Any, w: Any, times: Any, truth: float, out: Callable[[Any], Any], side: int) -> Any:
    """Which samples have their bound on the wrong side; within .9 of a standard deviation none has."""
    a = w * (x - truth)
    doubtful = np.flatnonzero(side * (a @ times) >= NEAR * np.sqrt((a * a) @ times))
    alike, place = np.unique(times[:, doubtful], axis=1, return_inverse=True)
    found = [out(below(x, w, alike[:, at : at + CHUNK], truth)) for at in range(0, alike.shape[1], CHUNK)]
    told = np.zeros(times.shape[1], bool)
    if found:
        told[doubtful] = np.concatenate(found)[np.ravel(place)]
    return told


def of_drawn_tasks(grid: Grid, samples: int, seed: int) -> Iterator[Cell]:
    """`success_rate.tasks_like_these`, and t over tasks for comparison."""
    for place, (tasks, epochs, rate, spread) in enumerate(_cells(grid)):
        rng = np.random.default_rng([seed, 1, place])
        hits = rng.binomial(epochs, shares(spread, rate, (samples, tasks), rng))
        counts = np.stack([(hits == k).sum(1) for k in range(epochs + 1)]).astype(float)
        held = inside(np.arange(epochs + 1) / epochs, np.ones(epochs + 1), counts, rate)
        told = f"rate {rate:g}, {_named(spread)}"
        yield Cell("bounded mean (gates)", "tasks like these", tasks, epochs, told, held.mean())
        yield _shown(
            "t over tasks", tasks, epochs, told, rate,
            (t_interval([k / epochs for k in row]) for row in hits[: samples // DISPLAYED].tolist()),
        )  # fmt: skip


def of_weighted_tasks(samples: int, seed: int, sizes: Sequence[int] = (4, 10, 30)) -> Iterator[Cell]:
    """`success_rate.this_suite` where trials count unequally: by their tasks' weights, and by how often these ran."""
    for place, (tasks, pattern, runs, hard, rate) in enumerate(
        (t, w, n, h, p)
        for t in sizes
        for w in ("one heavy", "two levels", "linear", "lognormal")
        for n in ("1", "5", "1 to 10")
        for h in ("all", "heaviest", "heavy", "light")
        for p in (0.3, 0.8, 0.95, 0.98)
    ):
        rng = np.random.default_rng([seed, 2, place])
        w, n = _weights(pattern, tasks), _runs(runs, tasks)
        p = np.where(_hard(hard, w), rate, 1.0)
        hits = rng.binomial(n, p, (samples, tasks)).T.astype(float)
        each = np.concatenate([w / n, w / n])
        values = np.concatenate([np.ones(tasks), np.zeros(tasks)])
        truth = float(w @ p / w.sum())
        held = inside(values, each, np.concatenate([hits, n[:, None] - hits]), truth)
        told = f"{hard} tasks at {rate:g}, weights {pattern}, runs {runs}"
        yield Cell("bounded mean over trials (gates)", "this suite", tasks, int(n.max()), told, held.mean())


def of_strata(samples: int, seed: int, sizes: Sequence[int] = (4, 10, 30), epochs: int = 3) -> Iterator[Cell]:
    """`success_rate.tasks_like_these` where tasks weigh unequally; in some, the heavy or the light stratum is hard."""
    for place, (tasks, pattern, hard, rate, spread) in enumerate(
        (t, w, h, p, s)
        for t in sizes
        for w in ("one heavy", "two levels", "lognormal")
        for h in ("all", "heavy", "light")
        for p in (0.8, 0.95, 0.99)
        for s in (0.4, 1.0, RARE)
    ):
        rng = np.random.default_rng([seed, 5, place])
        w = _weights(pattern, tasks)
        means = np.where(_hard(hard, w), rate, (1 + rate) / 2)
        p = np.stack([shares(spread, float(mean), (samples,), rng) for mean in means], 1)
        hits = rng.binomial(epochs, p).T
        counts = np.concatenate([hits == k for k in range(epochs + 1)]).astype(float)
        values = np.repeat(np.arange(epochs + 1) / epochs, tasks)
        held = inside(values, np.tile(w, epochs + 1), counts, float(w @ means / w.sum()))
        told = f"{hard} tasks at {rate:g}, {_named(spread)}, weights {pattern}"
        yield Cell("bounded mean, weighted (gates)", "tasks like these", tasks, epochs, told, held.mean())


def of_uneven_tasks(grid: Grid, samples: int, seed: int) -> Iterator[Cell]:
    """`success_rate.this_suite` where trials count alike, which is Clopper and Pearson on the pooled count."""
    for place, (tasks, epochs, rate, spread) in enumerate(_cells(grid)):
        rng = np.random.default_rng([seed, 3, place])
        p = shares(spread, rate, (tasks,), rng)
        sums = rng.binomial(epochs, p, (samples, tasks)).sum(1)
        held = _pooled(tasks * epochs, float(p.mean()))[sums].mean()
        told = f"rate {p.mean():.3f}, {_named(spread)}"
        yield Cell("Clopper-Pearson, pooled (gates)", "this suite", tasks, epochs, told, held)


def of_pass_hat(grid: Grid, samples: int, seed: int) -> Iterator[Cell]:
    """The intervals of pass^k, for both questions."""
    for place, (tasks, epochs, rate, spread) in enumerate(_cells(grid)):
        for k in (k for k in (2, 4) if k <= epochs):
            rng = np.random.default_rng([seed, 4, place, k])
            p = shares(spread, rate, (200_000,), rng)
            drawn = rng.choice(p, (samples, tasks))
            fixed = np.broadcast_to(drawn[0], drawn.shape)
            told = f"rate {rate:g}, {_named(spread)}, k = {k}"
            yield from _of_k(k, epochs, told, "tasks like these", drawn, _true_power(spread, rate, k, p), rng)
            yield from _of_k(k, epochs, told, "this suite", fixed, float((drawn[0] ** k).mean()), rng)


def _of_k(
    k: int, epochs: int, told: str, question: str, p: Any, truth: float, rng: np.random.Generator
) -> Iterator[Cell]:
    samples, tasks = p.shape
    hits = rng.binomial(epochs, p)
    counts = np.stack([(hits == c).sum(1) for c in range(epochs + 1)]).astype(float)
    values = np.array([comb(c, k) / comb(epochs, k) for c in range(epochs + 1)])
    held = inside(values, np.ones(epochs + 1), counts, truth)
    yield Cell("pass^k, bounded mean (gates)", question, tasks, epochs, told, held.mean())
    some, runs = hits[: samples // DISPLAYED].tolist(), [epochs] * tasks
    t = (display_interval(row, runs, k) for row in some)
    yield _shown("pass^k, t over tasks", tasks, epochs, told, truth, t, question)
    if question == "this suite" and epochs >= 2 * k:
        u = (this_suite_interval(row, runs, k) for row in some)
        yield _shown("pass^k, within tasks", tasks, epochs, told, truth, u, question)


def _shown(
    method: str,
    tasks: int,
    epochs: int,
    where: str,
    truth: float,
    told: Any,
    question: str = "tasks like these",
) -> Cell:
    found = [one and one[0] - 1e-12 <= truth <= one[1] + 1e-12 for one in told]
    some = [one for one in found if one is not None]
    share = sum(some) / len(some) if some else float("nan")
    return Cell(method, question, tasks, epochs, where, share, len(some) / len(found))


def _true_power(spread: float, rate: float, k: int, drawn: Any) -> float:
    """Mean of p ** k."""
    if spread == 0:
        return float(rate**k)
    if spread in (1, RARE):
        return float(rate if spread == 1 else rate * ((1 + rate) / 2) ** (k - 1))
    del drawn
    a, b = rate * (1 - spread) / spread, (1 - rate) * (1 - spread) / spread
    return float(np.prod([(a + j) / (a + b + j) for j in range(k)]))


def _cells(grid: Grid) -> Iterator[tuple[int, int, float, float]]:
    return ((t, e, p, s) for t in grid.tasks for e in grid.epochs for p in grid.rates for s in grid.spreads)


def _named(spread: float) -> str:
    return "rare hard tasks" if spread == RARE else f"correlation {spread:g}"


@cache
def _pooled(n: int, truth: float) -> Any:
    return np.array([low <= truth <= high for low, high in (clopper_pearson(k, n) for k in range(n + 1))])


def _weights(pattern: str, tasks: int) -> Any:
    if pattern == "one heavy":
        return np.array([tasks / 2] + [1.0] * (tasks - 1))
    if pattern == "two levels":
        return np.array([5.0] * (tasks // 2) + [1.0] * (tasks - tasks // 2))
    if pattern == "linear":
        return np.arange(1.0, tasks + 1)
    return np.exp(np.random.default_rng(0).normal(size=tasks))


def _runs(pattern: str, tasks: int) -> Any:
    return np.tile([1, 2, 5, 10], tasks)[:tasks] if pattern == "1 to 10" else np.full(tasks, int(pattern))


def _hard(which: str, w: Any) -> Any:
    found = {"all": w > 0, "heaviest": w == w.max(), "heavy": w > w.mean(), "light": w <= w.mean()}
    return found[which]
