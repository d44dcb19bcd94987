"""Two arms that share no task: nothing pairs their runs, so two plain shares are compared.

Only where each task ran once: several runs of one task have much in common, and as separate runs would count too much.
"""

from __future__ import annotations

from remit.core.stats.boschloo import boschloo
from remit.core.stats.farrington_manning import farrington_manning_p
from remit.core.stats.proportion import clopper_pearson
from remit.core.trial.analysis.draft import Draft
from remit.core.trial.analysis.estimates import CONFIDENCE
from remit.core.trial.pairs import Paired
from remit.core.trial.percent import percent, rarely
from remit.core.trial.report import Comparison, Estimate

MOST_EXACT = 300
"""Runs of an arm up to which the exact test takes about a second."""


def unpaired(both: Paired) -> Draft | None:
    """Success of the arms as two samples of tasks like these; None where an arm has none, or more runs of a task."""
    arms = both.baseline, both.candidate
    (hits0, n0), (hits1, n1) = ((sum(k for k, _ in arm), sum(n for _, n in arm)) for arm in arms)
    if not n0 or not n1 or any(n > 1 for arm in arms for _, n in arm) or len(set(both.weights)) > 1:
        return None
    exact = max(n0, n1) <= MOST_EXACT
    if exact:
        p, method = boschloo(hits0, n0, hits1, n1).p_two_sided, "Boschloo (exact), unpaired"
    else:
        better, worse = farrington_manning_p(hits0, n0, hits1, n1), farrington_manning_p(hits1, n1, hits0, n0)
        p, method = min(1.0, 2 * min(better, worse)), "score (Farrington and Manning), unpaired"
    before, after = (
        Estimate(
            "success", k / n, *clopper_pearson(k, n, CONFIDENCE), CONFIDENCE, "Clopper-Pearson", n, "tasks"
        )
        for k, n in ((hits0, n0), (hits1, n1))
    )
    moved = Estimate("difference", hits1 / n1 - hits0 / n0, method=method, n=n0 + n1, unit="tasks")
    comparison = Comparison(
        "success", method, "tasks like these", "tasks", n0 + n1, before, after, moved, p, None, None
    )
    rates = (
        f"On other tasks than the baseline's, the candidate succeeds in {percent(hits1 / n1)} of {n1:,}, the baseline in "
        f"{percent(hits0 / n0)} of {n0:,}"
    )
    return Draft(
        comparison,
        f"{rates}: chance alone makes such a difference in {rarely(p)}.",
        f"{rates}: no difference found; the same tasks in both arms would tell more.",
    )
