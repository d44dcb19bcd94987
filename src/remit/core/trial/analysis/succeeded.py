"""Does the candidate succeed as often as the baseline?"""

from __future__ import annotations

from remit.core.stats.compare_rates import compare_rates
from remit.core.trial.analysis.draft import Draft
from remit.core.trial.analysis.estimates import CONFIDENCE
from remit.core.trial.analysis.pair import Pair
from remit.core.trial.analysis.unpaired import unpaired
from remit.core.trial.gates.of_check import KEY
from remit.core.trial.gates.stopping import told_question
from remit.core.trial.pairs import paired
from remit.core.trial.percent import change, percent, points, rarely
from remit.core.trial.report import Comparison, Estimate


def succeeded(pair: Pair) -> Draft | None:
    """For the question of the design, by the test that belongs to it."""
    both = paired(pair.run, pair.baseline, pair.candidate)
    if not any(b[1] and c[1] for b, c in zip(both.baseline, both.candidate, strict=True)):
        return unpaired(both)
    found = compare_rates(
        both.baseline, both.candidate, pair.question.value,
        weights=both.weights, confidence=CONFIDENCE, seed=pair.seed,
    )  # fmt: skip
    before, after = (
        Estimate("success", rate, method="mean over tasks", n=found.n, unit=found.unit)
        for rate in (found.baseline, found.candidate)
    )
    fixed = pair.run.info.design.kind == "fixed"
    method = (
        found.interval_method
        if fixed
        else f"{found.interval_method}, as if the number of trials had been fixed"
    )
    difference = Estimate(
        "difference", found.difference, found.low, found.high, CONFIDENCE, method, found.n, found.unit, gating=fixed,
        coverage="" if fixed else "not after an early stop",
    )  # fmt: skip
    comparison = Comparison(
        "success", found.method, told_question(pair.question), found.unit, found.n, before, after, difference,
        found.p_two_sided, None, found.detectable,
    )  # fmt: skip
    # Where tasks are drawn at random, some ran more often than others; here each counts by its weight.
    who = "The candidate" if fixed else "Task by task, the candidate"
    rates = f"{who} succeeds in {percent(found.candidate)} of runs, the baseline in {percent(found.baseline)}"
    span = f"truly it is from {change(found.low)} to {change(found.high)} ({percent(CONFIDENCE)} sure)"
    rules = pair.run.info.design.gates
    gate = next((rule.id for rule in rules if rule.kind == "not_worse" and KEY not in rule.settings), "")
    if gate:  # one question, one answer: what decides has its own levels, one-sided and against the margin
        told = f"{rates}: whether that is too much, gate {gate} says; {_least(found.detectable)}; {span}."
        return Draft(comparison, told, told, by_itself=False)
    return Draft(
        comparison,
        f"{rates}: chance alone makes such a difference in {rarely(found.p_two_sided)}; {span}.",
        f"{rates}: no difference found, and {_least(found.detectable)}; {span}.",
    )


def _least(detectable: float | None) -> str:
    if detectable is None:
        return "so few runs would hardly find any"
    return f"a loss of {points(detectable)} or more would be found nine times in ten"
