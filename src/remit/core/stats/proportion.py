"""The exact interval of a share."""

from __future__ import annotations

from typing import Any


def clopper_pearson(hits: int, of: int, confidence: float = 0.95) -> tuple[float, float]:
    """The exact interval of a binomial share: it covers at least as often as it says, for every true share.

    Args:
        hits: successes, 0 to *of*.
        of: independent tries, 1 or more.
        confidence: coverage, in (0, 1).

    Returns:
        Low and high, in [0, 1].

    Raises:
        ValueError: *hits* is not between 0 and *of*, or there is nothing to share.

    >>> low, high = clopper_pearson(0, 150)
    >>> (low, round(high, 4))
    (0.0, 0.0243)

    Source: Clopper and Pearson, Biometrika 26 (1934) 404-413.
    """
    if not 0 <= hits <= of or of < 1:
        raise ValueError(f"{hits} of {of}")
    import importlib

    beta: Any = importlib.import_module("scipy.stats").beta
    tail = (1 - confidence) / 2
    low = float(beta.ppf(tail, hits, of - hits + 1)) if hits else 0.0
    high = float(beta.ppf(1 - tail, hits + 1, of - hits)) if hits < of else 1.0
    return low, high
