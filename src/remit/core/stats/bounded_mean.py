"""The interval of a mean of values in [0, 1] whose distribution nobody knows, with any weights.

The theory. Sort the values, add the worst one that could have come (1 for the upper bound, 0 for the lower), and share
the whole mass among them as n + 1 uniform spacings would: D ~ Dirichlet(1, …, 1). The upper bound is the quantile
1 - alpha of the sum of D_i * x_i. On zeros and ones this *is* the bound of Clopper and Pearson; on values that vary
less it is narrower, as narrow as Student's t in the middle of the scale; and where all values are alike it never
shrinks to a point: twenty tasks without a failure do not exclude that one task in seven always fails. Values that weigh
unequally take shares in proportion, and the added one weighs as the heaviest.

That it covers for every distribution is proven for two values and for zeros and ones, and conjectured in general with
no counterexample known; the coverage that we measured stands in `docs/results.md`.

The sum of D_i * x_i lies below t with the probability that a sum of exponentials E_i * (x_i - t) lies below zero,
which is one integral over its characteristic function.

Source: Gaffke, Mathematical Methods of Statistics 14 (2005) 451-467; Learned-Miller and Thomas, A new confidence
interval for the mean of a bounded random variable, arXiv:1905.06208 (2019); the integral: Imhof, Biometrika 48 (1961)
419-426.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

_MANY = 1_000
"""Values beyond which each is taken outward to the next thousandth, each weight to the nearest hundredth of itself."""
_FAR = 10.0
"""Standard deviations beyond which a probability is 0 or 1 for every level that anybody uses."""


def interval(
    values: Sequence[float],
    weights: Sequence[float] | None = None,
    counts: Sequence[int] | None = None,
    confidence: float = 0.95,
) -> tuple[float, float]:
    """Low and high for the mean, each wrong at most (1 - confidence) / 2 of the time.

    Args:
        values: independent, in [0, 1]; shape (n,), n at least 1.
        weights: of one value each, greater than 0; all alike by default.
        counts: how many times each value stands, 0 or more; once each by default.
        confidence: in (0, 1).

    Raises:
        ValueError: shapes differ, there is no value, or one is out of its range.

    Eight successes of ten, as Clopper and Pearson have it:

    >>> [round(bound, 4) for bound in interval([1.0, 0.0], counts=[8, 2])]
    [0.4439, 0.9748]
    """
    tail = (1 - confidence) / 2
    return lower(values, weights, counts, tail), upper(values, weights, counts, tail)


def upper(
    values: Sequence[float],
    weights: Sequence[float] | None = None,
    counts: Sequence[int] | None = None,
    alpha: float = 0.05,
) -> float:
    """The bound that the mean exceeds with probability *alpha* at most; arguments as of `interval`."""
    x, w, times = _checked(values, weights, counts, alpha)
    x, w, times = np.append(x, 1.0), np.append(w, w.max()), np.append(times, 1)
    if x.min() == 1.0:
        return 1.0
    return _crossing(lambda t: float(below(x, w, times, t)) - (1 - alpha), float(x.min()), 1.0, alpha)


def lower(
    values: Sequence[float],
    weights: Sequence[float] | None = None,
    counts: Sequence[int] | None = None,
    alpha: float = 0.05,
) -> float:
    """The bound that the mean falls short of with probability *alpha* at most; arguments as of `interval`."""
    return 1.0 - upper([1.0 - value for value in values], weights, counts, alpha)


def p_at_most(
    mean: float,
    values: Sequence[float],
    weights: Sequence[float] | None = None,
    counts: Sequence[int] | None = None,
) -> float:
    """How surprising such values are if their mean is *mean* or less: below alpha where `lower` is above *mean*.

    Args:
        mean: in [0, 1]; the others as of `interval`.

    Nine successes of ten where .5 would do: 11 / 1024:

    >>> round(p_at_most(0.5, [1.0, 0.0], counts=[9, 1]), 6) == round(11 / 1024, 6)
    True
    """
    x, w, times = _checked(values, weights, counts, 0.5)
    return float(below(np.append(x, 0.0), np.append(w, w.max()), np.append(times, 1.0), mean))


def below(x: Any, w: Any, times: Any, t: float) -> Any:
    """P(sum of E_i * w_i * (x_i - t) <= 0), E_i exponential: the share of the mass with which the mean lies below *t*.

    Args:
        x: values, the added one among them, shape (n,).
        w: weights, shape (n,).
        times: how many times each stands, shape (n,) or (n, samples).
        t: in [0, 1].

    Returns:
        Probability, shape () or (samples,).
    """
    a = w * (x - t)
    if not a.any():
        return np.ones(times.shape[1:])
    middle, deviation = a @ times, np.sqrt((a * a) @ times)
    log_u, step = _frequencies(int(times.sum(0).max()))
    ua = np.outer(np.exp(log_u) / np.abs(a).max(), a)
    area = np.sin(np.arctan(ua) @ times) * np.exp(-(np.log1p(ua * ua) @ times) / 2)
    inside = 0.5 - (area.sum(0) - (area[0] + area[-1]) / 2) * step / np.pi
    # Far out the integral would turn faster than its steps.
    return np.where(np.abs(middle) > _FAR * deviation, middle < 0, inside)


def _crossing(rising: Callable[[float], float], low: float, high: float, alpha: float) -> float:
    """Where a function that is below 0 at *low* and above at *high* crosses 0: by secants, and halves where these creep.

    Source: Dowell and Jarratt, BIT 11 (1971) 168-174 (the Illinois algorithm).
    """
    at_low, at_high, side = alpha - 1.0, alpha, 0
    for step in range(120):
        if high - low <= 1e-8:
            break
        middle = high - at_high * (high - low) / (at_high - at_low) if step % 4 < 3 else (low + high) / 2
        middle = min(max(middle, low + 2e-9), high - 2e-9)
        value = rising(middle)
        if value >= 0:
            high, at_high, at_low, side = middle, value, at_low / 2 if side > 0 else at_low, 1
        else:
            low, at_low, at_high, side = middle, value, at_high / 2 if side < 0 else at_high, -1
    return high


def _frequencies(n: int) -> tuple[Any, float]:
    """Where the integral is taken, in log frequency relative to the largest coefficient; more values turn it faster."""
    step = 0.05 if n <= 500 else 0.02 if n <= 20_000 else 0.008
    return np.arange(-18.0, 16.0, step), step


def _checked(
    values: Sequence[float], weights: Sequence[float] | None, counts: Sequence[int] | None, alpha: float
) -> tuple[Any, Any, Any]:
    x = np.asarray(values, float)
    w = np.ones(len(x)) if weights is None else np.asarray(weights, float)
    times = np.ones(len(x)) if counts is None else np.asarray(counts, float)
    if not (x.ndim == 1 and x.shape == w.shape == times.shape):
        raise ValueError(f"{x.shape} values, {w.shape} weights, {times.shape} counts")
    x, w, times = x[times > 0], w[times > 0], times[times > 0]
    if not (len(x) and (x >= 0).all() and (x <= 1).all() and (w > 0).all() and np.isfinite(w).all()):
        raise ValueError("needs values in [0, 1], each with a weight greater than 0")
    if not 0 < alpha < 1:
        raise ValueError(f"alpha {alpha}")
    w = w / w.max()
    if len(x) > _MANY:
        x, w = np.ceil(x * 1_000 - 1e-9) / 1_000, np.exp(np.round(np.log(w) * 100) / 100)
    alike, place = np.unique(np.stack([x, w]), axis=1, return_inverse=True)
    return alike[0], alike[1], np.bincount(np.ravel(place), times)
