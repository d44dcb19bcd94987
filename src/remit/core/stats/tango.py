"""Tango's score test: paired differences against a margin, honest where nothing, or nearly nothing, differed.

A t-test on 50 tasks that all passed in both arms says "certainly no worse", since it saw no spread. This one asks
instead how well the data fit the margin's own best case: the most likely distribution of differences whose mean is
exactly there, with a chance for the worst difference, -1, even if none was seen. Its variance then is never 0. For one
run of each task in each arm (differences -1, 0, 1) it is Tango's test; for rates over several runs (differences anywhere
in [-1, 1]) it is the same construction.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import fsum
from typing import Any

from remit.core.stats.score import Score, interval


def tango_z(differences: Sequence[float], weights: Sequence[float] | None = None, at: float = 0.0) -> float:
    """How far the mean difference is above *at*, in standard errors as they would be if its mean were *at*.

    Args:
        differences: candidate's rate minus baseline's, of each task, in [-1, 1]; shape (n_tasks,).
        weights: of each task, greater than 0; None where all count alike.
        at: in (-1, 1); minus the margin, for "no worse by the margin".

    Returns:
        Above 0 where the mean difference is above *at*. Under a mean of *at*, about standard normal.

    Of 44 pairs, one changed for the worse and none for the better, margin 10 points:

    >>> round(tango_z([0.0] * 43 + [-1.0], at=-0.1), 3)
    1.709

    Source: Tango, Statistics in Medicine 17 (1998) 891-908; for means, the most likely distribution under the constraint
    is that of Owen, Biometrika 75 (1988) 237-249, with the two extremes possible.
    """
    return _score(differences, weights, at).plain


def tango_interval(
    differences: Sequence[float], weights: Sequence[float] | None = None, confidence: float = 0.95
) -> tuple[float, float]:
    """The mean differences that the test, as it was published, does not find surprising.

    Args:
        differences: as in `tango_z`.
        weights: as in `tango_z`.
        confidence: of both sides together, in (0, 1).

    Of 21 pairs, 1 changed for the better and 7 for the worse:

    >>> [round(bound, 3) for bound in tango_interval([1.0] + [-1.0] * 7 + [0.0] * 13)]
    [-0.517, -0.026]

    Source: Tango, Statistics in Medicine 17 (1998) 891-908.
    """

    def published(at: float) -> Score:
        found = _score(differences, weights, at)
        return Score(found.far, found.error)

    return interval(published, confidence)


def task_score(differences: Sequence[float], weights: Sequence[float] | None, at: float) -> Score:
    """The same, with what few tasks need: a t-curve in place of the normal one, and corrections for skew and steps."""
    plain = _score(differences, weights, at)
    df = max(_units(differences, weights) - 1, 0.5)
    grown = ((df + 1) / df) ** 0.5
    return Score(plain.far, plain.error * grown, plain.third, 1 / (df + 1), df)


def _units(differences: Sequence[float], weights: Sequence[float] | None) -> float:
    """How many tasks of equal weight would tell as much (Kish)."""
    heavy = [1.0] * len(differences) if weights is None else weights
    return fsum(heavy) ** 2 / fsum(w * w for w in heavy)


def _score(differences: Sequence[float], weights: Sequence[float] | None, at: float) -> Score:
    import numpy as np

    if not len(differences):
        raise ValueError("no task")
    if not -1 < at < 1:
        raise ValueError(f"{at}: it must be above -1 and below 1")
    share = np.ones(len(differences)) if weights is None else np.array(weights, dtype=float)
    share /= share.sum()
    far = np.array(differences, dtype=float) - at
    mean = float(share @ far)
    side, room = (1.0, 1 + at) if mean >= 0 else (-1.0, 1 - at)
    chance, unseen = _likeliest(side * far, share, room)
    units = _units(differences, weights)
    variance = float(chance @ far**2) + unseen * room**2
    third = float(chance @ far**3) - side * unseen * room**3
    return Score(mean, (variance / units) ** 0.5, third / units**2)


def _likeliest(far: Any, share: Any, room: float) -> tuple[Any, float]:
    """Of all distributions with mean 0, the one that makes the data likeliest: the chance of each, and of the worst.

    Args:
        far: the data, shape (n,); their mean is 0 or above.
        share: how much each counts; sums to 1.
        room: how far below 0 they can lie: there is the worst.
    """
    highest = (1 - 1e-12) / room
    if _mean(far, share, highest) >= 0:
        chance = share / (1 + far / room).clip(1e-12)
        return chance, max(0.0, 1 - float(chance.sum()))
    low, high = 0.0, highest
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _mean(far, share, middle) > 0 else (low, middle)
    return share / (1 + low * far), 0.0


def _mean(far: Any, share: Any, tilt: float) -> float:
    return float((share * far / (1 + tilt * far)).sum())
