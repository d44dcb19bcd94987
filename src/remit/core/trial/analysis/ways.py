"""Published methods that compare two arms, each as a report tells it. Tables: to add one, write its function and
add its line.

None of them decides. What decides is fixed before the first trial; whoever chooses among many methods after the fact
finds one that says what was hoped for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import fsum
from statistics import NormalDist

from remit.core.stats.boschloo import boschloo
from remit.core.stats.cmh import cmh
from remit.core.stats.compare_rates import FEW_TASKS
from remit.core.stats.dealing import Permuted
from remit.core.stats.energy import energy_test
from remit.core.stats.farrington_manning import farrington_manning_p
from remit.core.stats.mcnemar import mcnemar_p, mcnemar_worse_p
from remit.core.stats.mmd import mmd_test
from remit.core.stats.paired_t import paired_t
from remit.core.stats.sign_flip import sign_flip
from remit.core.stats.t_over_tasks import t_interval
from remit.core.stats.tango import tango_interval, tango_z
from remit.core.stats.task_pair import TaskPair, one_each, shares
from remit.core.stats.within_task import within_task
from remit.core.trial.analysis.drifting import embedded
from remit.core.trial.analysis.estimates import CONFIDENCE
from remit.core.trial.analysis.pair import Pair
from remit.core.trial.percent import points
from remit.core.trial.report import Estimate, OtherMethod
from remit.core.types import Json

SUITE, POPULATION, EITHER = "this suite", "tasks like these", "either"
WORSE, BETTER, SAME = "worse", "better", "no difference found"
NOT_WORSE, UNSHOWN = "not worse by the margin", "not shown"
MOVED, UNMOVED = "moved", "no move found"
NO_DIFFERENCE = "no difference, either way"
MOST_EXACT = 400
"""Runs of an arm up to which Boschloo's test takes seconds."""
_ALIKE = "Runs of a task have much in common, so with several of each it is too sure of tasks like these."
_WEIGHTS = "Weights of tasks are no part of it."


@dataclass(frozen=True, slots=True)
class TwoArms:
    """What the methods are asked about."""

    pair: Pair
    pairs: tuple[TaskPair, ...]
    """Tasks that ran in both arms."""
    totals: tuple[tuple[int, int], tuple[int, int]]
    """Passes and runs of all tasks, of baseline and of candidate."""
    repeated: bool
    """Whether some task ran more than once in an arm."""
    margin: float
    """In (0, 1)."""
    worse_level: float
    """One-sided level at which a loss, or a gain, is told."""
    margin_level: float
    """One-sided level at which "not worse by the margin" is told."""

    @property
    def differences(self) -> list[float]:
        """Of each task: candidate's rate minus baseline's."""
        return [pair.difference for pair in self.pairs]

    @property
    def weights(self) -> list[float]:
        """Of each task."""
        return [pair.weight for pair in self.pairs]

    @property
    def weighted(self) -> bool:
        """Whether tasks count differently."""
        return len(set(self.weights)) > 1

    @property
    def mean(self) -> float:
        """Of the differences, weighted."""
        return fsum(share * far for share, far in zip(shares(self.pairs), self.differences, strict=True))

    def said(self, worse: float, better: float) -> str:
        """What two one-sided p-values come to."""
        return WORSE if worse <= self.worse_level else BETTER if better <= self.worse_level else SAME


def permuted(arms: TwoArms) -> OtherMethod:
    """Every way to deal a task's runs to the arms."""
    found = within_task(arms.pairs, seed=arms.pair.seed)
    how = "exact" if found.exact else "drawn"
    return _of_difference(
        arms, f"within-task permutation ({how})", SUITE,
        "If nothing changed, it is chance which runs of a task belong to which arm; nothing else.",
        found.p_two_sided, found.p_worse, found.p_better,
    )  # fmt: skip


def mantel_haenszel(arms: TwoArms) -> OtherMethod:
    """The same by the normal curve."""
    found = cmh(arms.pairs)
    better = 1.0 if found.p_two_sided == found.p_worse == 1.0 else NormalDist().cdf(found.z)
    return _of_difference(
        arms, "Cochran-Mantel-Haenszel", SUITE,
        "The same as the permutation, and runs enough for a normal curve in its place.",
        found.p_two_sided, found.p_worse, better, {"z": found.z},
        _WEIGHTS if arms.weighted else "",
    )  # fmt: skip


def by_t(arms: TwoArms) -> OtherMethod:
    """Tasks as a sample."""
    name, assumes = (
        "paired t on task means",
        f"Tasks are a sample of all tasks like them, {FEW_TASKS} at least; their mean difference is about normal.",
    )
    if len(arms.pairs) < 2:
        return _none(name, POPULATION, assumes, "One task is no sample of tasks.")
    found = paired_t(arms.differences, arms.weights)
    low, high = t_interval(arms.differences, arms.weights, CONFIDENCE) or (None, None)
    told = f"{len(arms.pairs)} tasks are few for it." if len(arms.pairs) < FEW_TASKS else ""
    t = max(-1e300, min(1e300, found.t))
    return _of_difference(
        arms, name, POPULATION, assumes, found.p_two_sided, found.p_worse, found.p_better,
        {"t": t, "df": found.df}, told, between=(low, high),
    )  # fmt: skip


def by_signs(arms: TwoArms) -> OtherMethod:
    """Every way to swap the two arms of a task."""
    found = sign_flip(arms.differences, arms.weights, seed=arms.pair.seed)
    return _of_difference(
        arms, f"sign-flip on task means ({'exact' if found.exact else 'drawn'})", POPULATION,
        "If nothing changed, a task differs as often one way as the other; any number of tasks.",
        found.p_two_sided, found.p_worse, found.p_better,
    )  # fmt: skip


def mcnemar(arms: TwoArms) -> OtherMethod:
    """Pairs of runs, of which those that differ speak."""
    seen: dict[tuple[str, int], dict[str, bool]] = {}
    run, sides = arms.pair.run, (arms.pair.baseline, arms.pair.candidate)
    for trial in run.trials:
        if trial.arm in sides and trial.success is not None:
            seen.setdefault((trial.task, trial.epoch), {})[trial.arm] = trial.success
    both = [(one[sides[0]], one[sides[1]]) for one in seen.values() if len(one) == 2]
    name, assumes = (
        "McNemar (exact)",
        "Each run of the candidate belongs to one of the baseline: one run of each task in each arm.",
    )
    alone = one_each(arms.pairs)
    if not both:
        return _none(name, EITHER if alone else SUITE, assumes, "No two runs have the same task and number.")
    lost, won = sum(b and not c for b, c in both), sum(c and not b for b, c in both)
    told = (
        [] if alone else ["Runs of a task are paired by their number, which is arbitrary, so it sees less."]
    )
    told += [_WEIGHTS] if arms.weighted else []
    worse, better = mcnemar_worse_p(lost, won), mcnemar_worse_p(won, lost)
    change = Estimate("difference", (won - lost) / len(both), method=name, n=len(both), unit="pairs")
    return OtherMethod(
        name, "success", EITHER if alone else SUITE, assumes, NO_DIFFERENCE, len(both), "pairs", change,
        mcnemar_p(lost, won), None, arms.said(worse, better), " ".join(told),
        {"baseline_only": lost, "candidate_only": won, "p_worse": worse, "p_better": better},
    )  # fmt: skip


def tango(arms: TwoArms) -> OtherMethod:
    """Paired, against the margin."""
    name = "Tango (score)"
    z = tango_z(arms.differences, arms.weights, -arms.margin)
    low, high = tango_interval(arms.differences, arms.weights, CONFIDENCE)
    p = NormalDist().cdf(-z)
    change = Estimate("difference", arms.mean, low, high, CONFIDENCE, name, len(arms.pairs), "tasks")
    return OtherMethod(
        name, "success", EITHER if one_each(arms.pairs) else POPULATION,
        "Tasks are a sample of all tasks like them, and enough for a normal curve.",
        _margin(arms), len(arms.pairs), "tasks", change, p, None,
        NOT_WORSE if p <= arms.margin_level else UNSHOWN, "", {"z": z, "margin": arms.margin},
    )  # fmt: skip


def unpaired_exact(arms: TwoArms) -> OtherMethod:
    """Two samples that nothing pairs."""
    (hits0, n0), (hits1, n1) = arms.totals
    name, assumes = (
        "Boschloo (exact), unpaired",
        "All runs of an arm are of one coin, and independent of each other.",
    )
    if max(n0, n1) > MOST_EXACT:
        told = f"More than {MOST_EXACT} runs in an arm take it minutes; the unpaired score test says nearly the same."
        return _none(name, POPULATION, assumes, told)
    found = boschloo(hits0, n0, hits1, n1)
    return _unpaired(
        arms, name, assumes, NO_DIFFERENCE, found.p_two_sided, arms.said(found.p_worse, found.p_better),
        {"p_worse": found.p_worse, "p_better": found.p_better},
    )  # fmt: skip


def unpaired_score(arms: TwoArms) -> OtherMethod:
    """The same against the margin."""
    (hits0, n0), (hits1, n1) = arms.totals
    p = farrington_manning_p(hits0, n0, hits1, n1, arms.margin)
    said = NOT_WORSE if p <= arms.margin_level else UNSHOWN
    assumes = "As Boschloo's test, and runs enough for a normal curve."
    return _unpaired(
        arms, "Farrington-Manning (score), unpaired", assumes, _margin(arms), p, said, {"margin": arms.margin}
    )


def moved(arms: TwoArms) -> OtherMethod | None:
    """Whether embedded answers lie elsewhere."""
    rows = embedded(arms.pair)
    if rows is None:
        return None
    found = energy_test(rows.vectors, rows.candidate, rows.tasks, seed=arms.pair.seed)
    return _of_answers("energy distance, permuted within tasks", "energy distance", found)


def moved_by_kernel(arms: TwoArms) -> OtherMethod | None:
    """The same by a kernel, which sees a new kind of answer sooner, and a small shift of all later."""
    rows = embedded(arms.pair)
    if rows is None:
        return None
    found = mmd_test(rows.vectors, rows.candidate, rows.tasks, seed=arms.pair.seed)
    return _of_answers("maximum mean discrepancy, permuted within tasks", "kernel distance", found)


PAIRED: tuple[Callable[[TwoArms], OtherMethod | None], ...] = (
    permuted,
    mantel_haenszel,
    mcnemar,
    by_t,
    by_signs,
    tango,
)
"""They need a task that ran in both arms."""
UNPAIRED: tuple[Callable[[TwoArms], OtherMethod | None], ...] = (unpaired_exact, unpaired_score)
ANSWERS: tuple[Callable[[TwoArms], OtherMethod | None], ...] = (moved, moved_by_kernel)


def _of_difference(
    arms: TwoArms, name: str, question: str, assumes: str, p: float, worse: float, better: float,
    details: dict[str, Json] | None = None, told: str = "", between: tuple[float | None, float | None] = (None, None),
) -> OtherMethod:  # fmt: skip
    unit, n = (
        ("trials", sum(pair.runs for pair in arms.pairs)) if question == SUITE else ("tasks", len(arms.pairs))
    )
    change = Estimate("difference", arms.mean, *between, CONFIDENCE, name, n, unit)
    return OtherMethod(
        name, "success", question, assumes, NO_DIFFERENCE, n, unit, change, p, None, arms.said(worse, better), told,
        {**(details or {}), "p_worse": worse, "p_better": better},
    )  # fmt: skip


def _unpaired(
    arms: TwoArms, name: str, assumes: str, asks: str, p: float, said: str, details: dict[str, Json]
) -> OtherMethod:
    (hits0, n0), (hits1, n1) = arms.totals
    change = Estimate("difference", hits1 / n1 - hits0 / n0, method=name, n=n0 + n1)
    told = ["It does not know which runs were of one task."] if arms.pairs else []
    told += [_ALIKE] if arms.repeated else []
    told += [_WEIGHTS] if arms.weighted else []
    counted: dict[str, Json] = {"baseline": [hits0, n0], "candidate": [hits1, n1]}
    return OtherMethod(
        name, "success", POPULATION, assumes, asks, n0 + n1, "trials", change, p, None, said, " ".join(told),
        {**details, **counted},
    )  # fmt: skip


def _of_answers(name: str, distance: str, found: Permuted) -> OtherMethod:
    assumes = "If nothing changed, it is chance which runs of a task belong to which arm. Blind to success."
    n = found.n + found.m
    change = (
        None
        if found.statistic is None
        else Estimate(distance, found.statistic, method=name, n=n, unit="runs")
    )
    said = "" if found.p is None else MOVED if found.p <= 1 - CONFIDENCE else UNMOVED
    told = f"It does not apply: {found.told}." if found.p is None else ""
    return OtherMethod(
        name, "answers", SUITE, assumes, NO_DIFFERENCE, n, "runs", change, found.p, None, said, told
    )


def _none(name: str, question: str, assumes: str, told: str) -> OtherMethod:
    return OtherMethod(name, "success", question, assumes, NO_DIFFERENCE, told=told)


def _margin(arms: TwoArms) -> str:
    return f"worse by {points(arms.margin)} or more"
