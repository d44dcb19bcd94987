"""Did embedded answers move, or vary more? Drift only: vectors cannot see whether an answer is right.

"I refunded it" lies closer to "I could not refund it" than to its own paraphrase. So what is said here never says worse.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import exp, log
from statistics import NormalDist
from typing import NamedTuple

from remit.core.stats.energy import energy_test
from remit.core.stats.planted import PERMUTATIONS, detectable_share
from remit.core.stats.spread import MoreVariable, more_variable
from remit.core.trial.analysis.behaviour import WITHIN, planted_told
from remit.core.trial.analysis.draft import Draft
from remit.core.trial.analysis.estimates import CONFIDENCE
from remit.core.trial.analysis.pair import Pair
from remit.core.trial.analysis.vectors import Vector, with_vectors
from remit.core.trial.report import Comparison, Estimate

MOST_RISE = log(10)
FEW_TASKS = 6
"""Below so many tasks a ratio of spreads is anything: three of them gave 0.01 to 16,000 times."""
"""As a logarithm: a spread a hundred times as large is seen by anybody."""
_STRIDE = 7_919
"""A prime: which other run's answer stands for one to another task."""
BLIND = "it says that answers moved, never that they are worse"


def moved(pair: Pair) -> Draft | None:
    """Whether answers lie elsewhere."""
    rows = embedded(pair)
    if rows is None:
        return None
    found = energy_test(rows.vectors, rows.candidate, rows.tasks, seed=pair.seed)
    n = found.n + found.m
    change = Estimate("energy distance", found.statistic, method=WITHIN, n=n, unit="runs")
    told = f"Answers cannot be compared: {found.told}." if found.p is None else ""
    least = _planted(found.p, rows, pair.seed)
    comparison = Comparison(
        "answers moved", f"energy distance, {WITHIN}", "this suite", "runs", n, None, None, change, found.p, None,
        least, told, drift_only=True,
    )  # fmt: skip
    moved = f"Answers say something else than before, or say it otherwise; {BLIND}."
    return Draft(
        comparison,
        moved,
        f"No move of the answers found{planted_told(found.p, least, 'answered another task')}.",
    )


def _planted(p: float | None, rows: Embedded, seed: int) -> float | None:
    """Of answers that are exchanged for those to other tasks."""

    places = range(len(rows.vectors))

    def test(tried: Sequence[int], candidate: Sequence[bool], tasks: Sequence[str]) -> float | None:
        vectors = [rows.vectors[at] for at in tried]
        return energy_test(vectors, candidate, tasks, permutations=PERMUTATIONS, seed=seed).p

    def another(at: int) -> int:
        return (at * _STRIDE + 1) % len(places)

    return detectable_share(p, test, places, rows.candidate, rows.tasks, another, seed)


def more_spread(pair: Pair) -> Draft | None:
    """Whether the answers to one task differ more from each other than before."""
    rows = embedded(pair)
    if rows is None:
        return None
    found = _of_few(more_variable(rows.vectors, rows.candidate, rows.tasks))
    change = Estimate(
        "ratio of spreads", found.ratio, found.low, found.high, method="t over tasks of log ratios", n=found.tasks,
        unit="tasks",
    )  # fmt: skip
    told = f"How much answers vary cannot be compared: {found.told}." if found.p_either is None else ""
    comparison = Comparison(
        "answers more variable", "t over tasks of log ratios of spreads", "tasks like these", "tasks", found.tasks,
        None, None, change, found.p_either, None, _detectable(found), told, drift_only=True,
    )  # fmt: skip
    ratio = found.ratio or 1.0
    times, more = f"{_times(ratio)} the spread", "more" if ratio > 1 else "less"
    return Draft(
        comparison,
        f"Answers to one task vary {more} than before ({times}).",
        f"No change found in how much answers to one task vary ({times}){_least(_detectable(found))}.",
    )


def _of_few(found: MoreVariable) -> MoreVariable:
    if found.p_either is None or found.tasks >= FEW_TASKS:
        return found
    told = f"only {found.tasks} tasks ran twice in both arms, which are too few to say; it takes {FEW_TASKS}"
    return replace(found, ratio=None, low=None, high=None, p=None, p_either=None, told=told)


def _times(ratio: float) -> str:
    if not 0.1 <= ratio <= 10:
        return "more than 10 times" if ratio > 1 else "less than a tenth of"
    return f"{ratio:.2f} times"


def _detectable(found: MoreVariable) -> float | None:
    """The smallest rise of the spread, as a share of it, that so many tasks find nine times in ten."""
    if found.ratio is None or found.low is None or found.high is None:
        return None
    error = log(found.high / found.low) / 2 / NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
    rise = (NormalDist().inv_cdf((1 + CONFIDENCE) / 2) + NormalDist().inv_cdf(0.9)) * error
    return exp(rise) - 1 if rise < MOST_RISE else None


def _least(detectable: float | None) -> str:
    return (
        "; so few tasks would show a tenfold one at best"
        if detectable is None
        else f"; one of {1 + detectable:.2f} times would be found nine times in ten"
    )


class Embedded(NamedTuple):
    """Runs whose answers have a vector."""

    vectors: list[Vector]
    candidate: list[bool]
    tasks: list[str]


def embedded(pair: Pair) -> Embedded | None:
    """The runs whose answers have a vector; None where none is."""
    known = {trial.key for trial in with_vectors(pair.trials, pair.vectors)}
    rows = pair.rows(lambda trial: trial.key in known)
    if pair.vectors is None or not rows.trials:
        return None
    return Embedded([pair.vectors[trial.answer or ""] for trial in rows.trials], rows.candidate, rows.tasks)
