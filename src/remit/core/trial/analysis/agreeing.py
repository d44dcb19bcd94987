"""Do runs of one task end alike as often as before?"""

from __future__ import annotations

from math import fsum, sqrt
from statistics import NormalDist, stdev

from remit.core.stats.sign_flip import sign_flip
from remit.core.trial.alike import ends_alike
from remit.core.trial.analysis.draft import Draft
from remit.core.trial.analysis.pair import Pair
from remit.core.trial.percent import percent, points
from remit.core.trial.report import Comparison, Estimate
from remit.core.trial.run import TaskInfo


def less_alike(pair: Pair) -> Draft | None:
    """The chance that two runs of a task both pass or both fail, task by task."""
    arms = [pair.run.by_task(arm) for arm in (pair.baseline, pair.candidate)]
    values, weights = [], []
    for task in arms[0]:
        before, after = (ends_alike(arm.get(task, [])) for arm in arms)
        if before is not None and after is not None:
            values.append((before, after))
            weights.append(pair.run.info.tasks.get(task, TaskInfo()).weight)
    if not values:
        return None
    n, differences = len(values), [after - before for before, after in values]
    p = sign_flip(differences, weights, seed=pair.seed).p_two_sided
    means = [
        fsum(w * value[side] for w, value in zip(weights, values, strict=True)) / fsum(weights)
        for side in (0, 1)
    ]
    base, candidate = (
        Estimate("agreement", mean, method="mean over tasks", n=n, unit="tasks") for mean in means
    )
    difference = Estimate("difference", means[1] - means[0], method="mean over tasks", n=n, unit="tasks")
    least = _detectable(differences)
    comparison = Comparison(
        "agreement", "signs flipped over tasks", "tasks like these", "tasks", n, base, candidate, difference, p, None,
        least,
    )  # fmt: skip
    rates = f"Two runs of a task end alike in {percent(means[1])} of cases, {percent(means[0])} before"
    would = "" if least is None else f", and one of {points(least)} would be found nine times in ten"
    return Draft(comparison, f"{rates}: it changed.", f"{rates}: no change found{would}.")


def _detectable(differences: list[float]) -> float | None:
    """The smallest change that so many tasks find nine times in ten; None for tasks that tell no spread."""
    if len(differences) < 2 or not any(differences):
        return None
    reach = NormalDist().inv_cdf(0.975) + NormalDist().inv_cdf(0.9)
    return min(1.0, reach * stdev(differences) / sqrt(len(differences)))
