"""Tango's score test: paired differences against a margin, honest where nothing, or nearly nothing, differed.

A t-test on 50 tasks that all passed in both arms says "certainly no worse", since it saw no spread. This one asks
instead how well the data fit the margin's own best case: the most likely distribution of differences whose mean is
exactly there, with a chance for the worst difference, -1, even if none was seen. Its variance then is never 0. For one
run of each task in each arm (differences -1, 0, 1) it is Tango's test; for rates over several runs (differences anywhere
in [-1, 1]) it is the same construction.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import fsum, sqrt


def tango_z(differences: Sequence[float], weights: Sequence[float] | None = None, at: float = 0.0) -> float:
    """How far the mean difference is above *at*, in standard errors as they would be if its mean were *at*.

    Args:
        differences: candidate's rate minus baseline's, of each task, in [-1, 1]; shape (n_tasks,).
        weights: of each task, greater than 0; None where all count alike.
        at: in (-1, 1); minus the margin, for "no worse by the margin".

    Returns:
        Above 0 where the mean difference is above *at*. Under a mean of *at*, about standard normal.

    Of 44 pairs, one changed for the worse and none for the better (Tango's example 3), margin 10 points:

    >>> round(tango_z([0.0] * 43 + [-1.0], at=-0.1), 3)
    1.709

    Source: Tango, Statistics in Medicine 17 (1998) 891-908; for means, the most likely distribution under the constraint
    is that of Owen, Biometrika 75 (1988) 237-249, with the two extremes possible.
    """
    if not differences:
        raise ValueError("no task")
    if not -1 < at < 1:
        raise ValueError(f"{at}: it must be above -1 and below 1")
    whole = fsum(weights) if weights else float(len(differences))
    share = [w / whole for w in weights] if weights else [1 / whole] * len(differences)
    units = 1 / fsum(s * s for s in share)
    far = [d - at for d in differences]
    mean = fsum(s * d for s, d in zip(share, far, strict=True))
    if abs(mean) < 1e-12:
        return 0.0
    if mean < 0:
        return -_z([-d for d in far], share, 1 - at, units)
    return _z(far, share, 1 + at, units)


def _z(far: Sequence[float], share: Sequence[float], room: float, units: float) -> float:
    """The same for a mean above 0; *room* is how far below 0 a difference can be."""
    tilt = _tilt(far, share, room)
    chance = [s / (1 + tilt * d) for s, d in zip(share, far, strict=True)]
    unseen = max(0.0, 1 - fsum(chance))
    variance = fsum(p * d * d for p, d in zip(chance, far, strict=True)) + unseen * room**2
    return fsum(s * d for s, d in zip(share, far, strict=True)) / sqrt(variance / units)


def _tilt(far: Sequence[float], share: Sequence[float], room: float) -> float:
    """The multiplier that brings the mean to 0; at most 1 / *room*, from where on the worst takes a chance of its own."""
    low, high = 0.0, 1 / room
    lowest = min(far)
    if lowest <= -room + 1e-12:
        high *= 1 - 1e-12
    if _mean(far, share, high) >= 0:
        return high
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if _mean(far, share, middle) > 0 else (low, middle)
    return low


def _mean(far: Sequence[float], share: Sequence[float], tilt: float) -> float:
    return fsum(s * d / (1 + tilt * d) for s, d in zip(share, far, strict=True))
