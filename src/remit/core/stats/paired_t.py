"""Differences of tasks against 0, as a sample of all tasks like them: Student's t."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum, inf, sqrt


@dataclass(frozen=True, slots=True)
class PairedT:
    """What the test says."""

    t: float
    """Below 0 where the candidate is worse; infinite where all tasks differ by the same amount."""
    df: float
    """Degrees of freedom; with weights, of the effective number of tasks."""
    p_worse: float
    """One-sided p-value of "the candidate is worse on tasks like these"."""
    p_better: float
    p_two_sided: float


def paired_t(differences: Sequence[float], weights: Sequence[float] | None = None) -> PairedT:
    """How surprising the mean difference is if candidate and baseline are equally good on tasks like these.

    It needs a number of tasks (about 15) for its level; below that, `sign_flip`.

    Args:
        differences: candidate's rate minus baseline's, of each task; shape (n_tasks,), 2 or more.
        weights: of each task, greater than 0; None where all count alike.

    Returns:
        p-values of 1.0 where no task differs.

    Raises:
        ValueError: fewer than two tasks.

    >>> found = paired_t([0.0, -0.5, -0.25, 0.25, -0.5])
    >>> round(found.t, 4), found.df, round(found.p_two_sided, 4)
    (-1.372, 4.0, 0.242)

    Source: Student (Gosset), Biometrika 6 (1908) 1-25; weights by the effective number of Kish, Survey Sampling (1965).
    """
    if len(differences) < 2:
        raise ValueError(f"{len(differences)} tasks: at least two are needed")
    heavy = [1.0] * len(differences) if weights is None else weights
    whole, units = fsum(heavy), fsum(heavy) ** 2 / fsum(w * w for w in heavy)
    share = [w / whole for w in heavy]
    mean = fsum(s * d for s, d in zip(share, differences, strict=True))
    spread = fsum(s * (d - mean) ** 2 for s, d in zip(share, differences, strict=True))
    error = sqrt(spread / (units - 1))
    if error < 1e-12:
        t = 0.0 if abs(mean) < 1e-12 else inf if mean > 0 else -inf
        p = 1.0 if t == 0 else 0.0
        return PairedT(t, units - 1, 1.0 if t >= 0 else 0.0, 1.0 if t <= 0 else 0.0, p)
    return _of(mean / error, units - 1)


def _of(t: float, df: float) -> PairedT:
    from scipy.special import stdtr

    return PairedT(t, df, float(stdtr(df, t)), float(stdtr(df, -t)), float(2 * stdtr(df, -abs(t))))
