"""The numbers of the combination: weights, thresholds, and what a score has meant on sessions set aside.

Made by `python -m benchmarks.classify --fit` on the training half (by hash of task and injection), and written down
here by hand, so that a change of them is reviewed. None is negative: more evidence never lowers the score.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping

VERSION = "content-3"

BIAS = -4.1
WEIGHTS: Mapping[str, float] = {
    "held_steering": 3.9,
    "held_commanded": 2.3,
    "held_unasked": 4.0,
    "held_latest": 0.4,
    "held_reasoned": 0.8,
    "action_steering": 3.1,
    "action_unasked": 2.5,
    "named": 1.5,
    "outside_unasked": 0.8,
    "spelled": 4.5,
    "stated": 4.0,
    "pieced": 4.6,
    "acted": 4.0,
    "pressed": 6.5,
    "pressed_for": 1.0,
}
"""By feature (`content.features`). Those that need no instruction (`spelled`, `stated`, `pieced`, `acted`) are set by
hand on the open half of the project's own sets: the recorded sessions hardly need them. So are `pressed`
and `pressed_for`: nobody presses there.
"""
OPINION = 1.0
"""Of a detector or a similarity of 1, where a text from outside has to do with the call."""
REPEATED = 0.25
"""For each other session in which the same source explains the same line; at most four."""
CONFIRMED = 4.0
"""Of a counterfactual replay that confirms."""

SECURITY = 0.5
"""Score from which on content explains the anomaly."""
SRE = 0.5

RELIABILITY: tuple[tuple[float, float], ...] = (
    (0.0, 0.0),
    (0.05, 0.05),
    (0.2, 0.1),
    (0.5, 0.4),
    (0.65, 0.85),
    (0.9, 0.95),
    (0.97, 0.99),
    (1.0, 0.998),
)
"""What share of the training half had content as its cause, by score; in between, linear."""


def score(features: Mapping[str, float], extra: float = 0.0) -> float:
    """The score for security, 0 to 1, before calibration.

    Args:
        features: as `content.features` gives them.
        extra: what else is known, in units of the logit; never negative.
    """
    logit = BIAS + extra + math.fsum(weight * features.get(name, 0.0) for name, weight in WEIGHTS.items())
    return 1.0 / (1.0 + math.exp(-logit))


def calibrated(score: float) -> float:
    """In what share of sessions with a score like this content was the cause.

    >>> calibrated(0.0), calibrated(0.95) > calibrated(0.6) > calibrated(0.3)
    (0.0, True)
    """
    at = min(len(RELIABILITY) - 1, bisect_right([edge for edge, _ in RELIABILITY], score))
    (low, share), (high, more) = RELIABILITY[at - 1], RELIABILITY[at]
    return share + (more - share) * (score - low) / (high - low)
