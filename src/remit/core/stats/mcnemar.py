"""McNemar's exact test: tasks with one run in each arm; only those that changed say something."""

from __future__ import annotations

from math import comb

MOST_COUNTED = 1_000
"""Changes up to which every way is counted in whole numbers; beyond, by the incomplete beta function."""


def mcnemar_p(baseline_only: int, candidate_only: int) -> float:
    """How surprising the changes are if baseline and candidate are equally good.

    Args:
        baseline_only: pairs that only the baseline passed.
        candidate_only: pairs that only the candidate passed.

    Returns:
        Two-sided p-value in (0, 1]; 1.0 when nothing changed.

    Raises:
        ValueError: a count is negative.

    Five of six pairs went from pass to fail, one the other way:

    >>> mcnemar_p(5, 1)
    0.21875

    Source: McNemar, Psychometrika 12 (1947) 153-157; exact binomial form.
    """
    most = max(baseline_only, candidate_only)
    return min(1.0, 2 * mcnemar_worse_p(most, baseline_only + candidate_only - most))


def mcnemar_worse_p(baseline_only: int, candidate_only: int) -> float:
    """The one-sided form: how surprising so many losses are if the candidate is no worse.

    >>> mcnemar_worse_p(5, 0)
    0.03125
    """
    if baseline_only < 0 or candidate_only < 0:
        raise ValueError(f"{baseline_only} and {candidate_only} are no counts")
    changed = baseline_only + candidate_only
    if changed > MOST_COUNTED:
        from scipy.special import betainc

        return float(betainc(baseline_only, candidate_only + 1, 0.5)) if baseline_only else 1.0
    tail = sum(comb(changed, k) for k in range(baseline_only, changed + 1))
    return tail / (1 << changed)
