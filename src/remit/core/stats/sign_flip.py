"""Differences of few tasks against 0: every way to swap the two arms of a task, counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

MOST_EXACT = 20
"""Tasks that differ, up to which all 2**n ways are counted."""
FLIPS = 9_999


@dataclass(frozen=True, slots=True)
class SignFlip:
    """What the test says."""

    p_worse: float
    """One-sided p-value of "the candidate is worse on tasks like these"."""
    p_better: float
    p_two_sided: float
    exact: bool
    """False where signs were drawn: then p-values are no smaller than 1 / (flips + 1)."""


def sign_flip(
    differences: Sequence[float],
    weights: Sequence[float] | None = None,
    *,
    seed: int = 0,
    flips: int = FLIPS,
) -> SignFlip:
    """How surprising the mean difference is if a task of this kind differs as often one way as the other.

    Exact for any number of tasks. Tasks that do not differ say nothing.

    Args:
        differences: candidate's rate minus baseline's, of each task; shape (n_tasks,).
        weights: of each task, greater than 0; None where all count alike.
        seed: for more tasks than can be counted through.
        flips: how often signs are drawn then.

    Four tasks, all worse: one way of sixteen.

    >>> sign_flip([-0.2, -0.4, -0.2, -0.6])
    SignFlip(p_worse=0.0625, p_better=1.0, p_two_sided=0.125, exact=True)

    Source: Fisher, The Design of Experiments (1935), section 21.
    """
    import numpy as np

    scores = np.array(differences, dtype=float) * (1.0 if weights is None else np.array(weights, dtype=float))
    scores = scores[np.abs(scores) > 1e-12]
    if not len(scores):
        return SignFlip(1.0, 1.0, 1.0, True)
    exact = len(scores) <= MOST_EXACT
    sums = _every(scores) if exact else _drawn(scores, seed, flips)
    near = 1e-9 * float(np.abs(scores).sum())
    reached = float(scores.sum())

    def p(hits: Any) -> float:
        return float(hits.mean()) if exact else float((1 + hits.sum()) / (1 + len(sums)))

    worse, better = p(sums <= reached + near), p(sums >= reached - near)
    return SignFlip(worse, better, p(np.abs(sums) >= abs(reached) - near), exact)


def _every(scores: Any) -> Any:
    import numpy as np

    sums = np.zeros(1)
    for score in scores:
        sums = np.concatenate([sums + score, sums - score])
    return sums


def _drawn(scores: Any, seed: int, flips: int) -> Any:
    import numpy as np

    rng = np.random.default_rng(seed)
    signs = rng.integers(0, 2, size=(flips, len(scores)), dtype=np.int8) * 2 - 1
    return signs @ scores
