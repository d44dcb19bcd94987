"""Two independent shares against a margin: "no worse than", where nothing pairs the runs."""

from __future__ import annotations

from math import acos, copysign, cos, pi, sqrt
from statistics import NormalDist


def farrington_manning_p(hits0: int, n0: int, hits1: int, n1: int, margin: float = 0.0) -> float:
    """How surprising so few losses are if the second share is lower by *margin*.

    Args:
        hits0: passes of the baseline.
        n0: its runs, 1 or more.
        hits1: passes of the candidate.
        n1: its runs, 1 or more.
        margin: in [0, 1).

    Returns:
        One-sided p-value: small where the candidate is not worse by *margin*. A normal approximation.

    Raises:
        ValueError: counts are no shares, or the margin is none.

    95 of 100 against 94 of 100, margin 10 points:

    >>> round(farrington_manning_p(95, 100, 94, 100, 0.10), 4)
    0.0089

    Source: Farrington and Manning, Statistics in Medicine 9 (1990) 1447-1454.
    """
    if not (0 <= hits0 <= n0 and 0 <= hits1 <= n1 and n0 and n1):
        raise ValueError(f"{hits0} of {n0} and {hits1} of {n1} are no shares")
    if not 0 <= margin < 1:
        raise ValueError(f"margin {margin}: it must be at least 0 and below 1")
    p0, p1 = restricted(hits0, n0, hits1, n1, -margin)
    variance = p0 * (1 - p0) / n0 + p1 * (1 - p1) / n1
    if variance < 1e-15:
        return 0.5
    return NormalDist().cdf(-(hits1 / n1 - hits0 / n0 + margin) / sqrt(variance))


def restricted(hits0: float, n0: float, hits1: float, n1: float, difference: float) -> tuple[float, float]:
    """The most likely two shares of those that differ by *difference* (second minus first).

    Args:
        hits0: successes of the first; effective numbers need not be whole.
        n0: its tries.
        hits1: successes of the second.
        n1: its tries.
        difference: in (-1, 1).

    >>> p0, p1 = restricted(95, 100, 94, 100, -0.10)
    >>> round(p0, 4), round(p1, 4)
    (0.9688, 0.8688)

    Source: Miettinen and Nurminen, Statistics in Medicine 4 (1985) 213-226, appendix.
    """
    # The share of the first solves a cubic: a x^3 + b x^2 + c x + e = 0.
    n, hits, d = n0 + n1, hits0 + hits1, difference
    b, c, e = (n1 + 2 * n0) * d - n - hits, (n0 * d - n - 2 * hits0) * d + hits, hits0 * d * (1 - d)
    v = (b / (3 * n)) ** 3 - b * c / (6 * n * n) + e / (2 * n)
    u = copysign(sqrt(max((b / (3 * n)) ** 2 - c / (3 * n), 0.0)), v)
    turn = (pi + acos(max(-1.0, min(1.0, v / u**3)))) / 3 if abs(u) > 1e-12 else pi / 2
    low, high = max(0.0, -d), min(1.0, 1.0 - d)
    p0 = min(high, max(low, 2 * u * cos(turn) - b / (3 * n)))
    return p0, p0 + d
