"""Intervals of a share: the exact one, on which gates may rest, and Wilson's, for display."""

from __future__ import annotations

from math import exp, fsum, lgamma, log, log1p, sqrt


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
    _check(hits, of, confidence)
    from scipy.special import betaincinv

    tail = (1 - confidence) / 2
    low = float(betaincinv(hits, of - hits + 1, tail)) if hits else 0.0
    high = float(betaincinv(hits + 1, of - hits, 1 - tail)) if hits < of else 1.0
    return low, high


def wilson(hits: int, of: int, confidence: float = 0.95) -> tuple[float, float]:
    """The score interval of a binomial share: narrower than the exact one, and right on average only.

    For display: near 1 it covers less often than it says (`covered` tells how often). No gate may rest on it.

    Args:
        hits: successes, 0 to *of*.
        of: independent tries, 1 or more.
        confidence: in (0, 1).

    Returns:
        Low and high, in [0, 1].

    Raises:
        ValueError: *hits* is not between 0 and *of*, or there is nothing to share.

    >>> [round(bound, 3) for bound in wilson(81, 263)]
    [0.255, 0.366]

    Source: Wilson, JASA 22 (1927) 209-212; the example: Newcombe, Statistics in Medicine 17 (1998) 857-872, table I.
    """
    _check(hits, of, confidence)
    from scipy.special import ndtri

    z, share = float(ndtri((1 + confidence) / 2)), hits / of
    middle = share + z * z / (2 * of)
    half = z * sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    whole = 1 + z * z / of
    low = max(0.0, (middle - half) / whole) if hits else 0.0
    return low, min(1.0, (middle + half) / whole) if hits < of else 1.0


def covered(intervals: list[tuple[float, float]], p: float) -> float:
    """How often an interval contains the true share, exactly.

    Args:
        intervals: what is told for 0, 1, …, n hits of n; shape (n + 1,).
        p: the true share, in (0, 1).

    Returns:
        Probability in [0, 1]: the sum over all outcomes whose interval contains *p*.

    Wilson's 95 % interval after ten tries of .99 leaves the truth out in one of ten:

    >>> round(covered([wilson(hits, 10) for hits in range(11)], 0.99), 3)
    0.904

    Source: Brown, Cai and DasGupta, Statistical Science 16 (2001) 101-133.
    """
    n = len(intervals) - 1
    return fsum(
        exp(lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) + k * log(p) + (n - k) * log1p(-p))
        for k, (low, high) in enumerate(intervals)
        if low <= p <= high
    )


def _check(hits: int, of: int, confidence: float) -> None:
    if not 0 <= hits <= of or of < 1:
        raise ValueError(f"{hits} of {of}")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence {confidence}")
