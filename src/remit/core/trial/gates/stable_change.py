"""Stability against a baseline: the change of a share, task by task."""

from __future__ import annotations

from collections.abc import Sequence
from math import fsum

from remit.core.stats import bounded_mean
from remit.core.trial.gates.end_gate import Found
from remit.core.trial.gates.stopping import Mark
from remit.core.trial.percent import change, count, passed_by, percent, points
from remit.core.trial.report import Estimate
from remit.core.trial.verdict import Verdict

METHOD = "mean of bounded differences over tasks (Gaffke)"


def changed(what: str, pairs: Sequence[tuple[float, float]], weights: Sequence[float], mark: Mark) -> Found:
    """Whether something that happens in a share of cases happens as often as before, but for a margin.

    Args:
        what: happens.
        pairs: its share before and after, in each task.
        weights: of the tasks.
        mark: its bar is the margin.
    """
    if not pairs:
        told = "No task has two runs in both arms, so nothing is known about stability."
        return Found(Verdict.INCONCLUSIVE, told, "Two runs or more of every task in both arms.")
    scaled = [(after - before + 1) / 2 for before, after in pairs]
    low = 2 * bounded_mean.lower(scaled, weights, None, mark.alpha) - 1
    high = 2 * bounded_mean.upper(scaled, weights, None, mark.block) - 1
    confidence = 1 - 2 * min(mark.alpha / 2, mark.block)
    both = bounded_mean.interval(scaled, weights, None, confidence)
    least, most = (2 * bound - 1 for bound in both)
    before, after = (_mean([pair[side] for pair in pairs], weights) for side in (0, 1))
    moved = Estimate(
        "change", after - before, least, most, confidence, METHOD, len(pairs), "tasks", gating=True
    )
    verdict = Verdict.PASS if low >= -mark.bar else Verdict.BLOCK if high < 0 else Verdict.INCONCLUSIVE
    told = f"In {count(len(pairs), 'task')}, {what} in {percent(after)} of cases, {percent(before)} before"
    told = f"{told}: {_told(verdict, low, high, moved, mark)}"
    details = {"method": METHOD, "question": "tasks like these", "unit": "tasks", "margin": mark.bar}
    would = {
        Verdict.PASS: passed_by(low),
        Verdict.BLOCK: "A candidate whose runs are as alike as the baseline's.",
        Verdict.INCONCLUSIVE: "More tasks: half the interval takes four times as many.",
    }[verdict]
    return Found(verdict, told, would, (moved,), {**details, "alpha": mark.alpha, "beta": mark.block})


def _told(verdict: Verdict, low: float, high: float, moved: Estimate, mark: Mark) -> str:
    allowed = f"up to {points(mark.bar)} less is allowed"
    if verdict is Verdict.PASS:
        least = f"at most {points(low)} less" if low < 0 else "no less"
        return f"truly {least} ({percent(1 - mark.alpha)} sure), and {allowed}."
    if verdict is Verdict.BLOCK:
        return f"truly at least {points(high)} less ({percent(1 - mark.block)} sure), and {allowed}."
    span = f"{change(moved.low or 0.0)} to {change(moved.high or 0.0)} ({percent(moved.confidence)} sure)"
    return f"truly anywhere from {span}, and {allowed}."


def _mean(values: Sequence[float], weights: Sequence[float]) -> float:
    return fsum(v * w for v, w in zip(values, weights, strict=True)) / fsum(weights)
