"""`stable`: two runs of one task are alike often enough, or as often as the baseline's.

`{of: outcome, at_least: 0.9}` or `{of: tools, margin: 0.1}`. Alike in `outcome` (both pass or both fail), in `tools` (the
same tools in the same order), or in `claims` (what can be read off the answer: numbers, ids, done or not done). A stable
agent may be wrong every time: put it beside `success`, never in its place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from remit.core.trial.alike import calls_alike, claims_alike, ends_alike
from remit.core.trial.gates.bounded import Bounded
from remit.core.trial.gates.end_gate import EndGate, Found
from remit.core.trial.gates.gate import Terms
from remit.core.trial.gates.settings import (
    ALPHA,
    arm_of,
    fixed_only,
    known,
    level,
    number,
    pair_of,
    word,
    wrong,
)
from remit.core.trial.gates.stable_change import changed
from remit.core.trial.gates.stopping import Mark
from remit.core.trial.run import ByTask
from remit.core.trial.suite import Rule
from remit.core.trial.trial import Trial

Alike = Callable[[Sequence[Trial]], float | None]
OF: Mapping[str, tuple[Alike, str]] = {
    "outcome": (ends_alike, "both pass or both fail"),
    "tools": (calls_alike, "call the same tools in the same order"),
    "claims": (claims_alike, "claim the same"),
}


def stable(rule: Rule, terms: Terms) -> EndGate:
    """The gate as the suite sets it.

    Raises:
        BadInput: a setting is missing, unknown or out of range.
    """
    known(rule, ("of", "at_least", "margin", "alpha", "beta", "arm"))
    alike, told = OF[word(rule, "of", list(OF), "outcome")]
    fixed_only(rule, terms, "compares runs of one task")
    if terms.design.epochs < 2:
        raise wrong(
            rule,
            "",
            f"gate '{rule.id}' compares runs of one task, and the design has one",
            "write 'epochs: 5'",
        )
    if ("at_least" in rule.settings) == ("margin" in rule.settings):
        remedy = "write one of them: 'at_least' for a bar, 'margin' for a loss against the baseline"
        raise wrong(
            rule,
            "",
            "found both 'at_least' and 'margin'" if "margin" in rule.settings else "found neither",
            remedy,
        )
    alpha = level(rule, "alpha", ALPHA)
    block = terms.share_of(level(rule, "beta", alpha))
    if "margin" in rule.settings:
        return _against_baseline(rule, terms, alike, told, alpha, block)
    mark = Mark(number(rule, "at_least", 0.0, 1.0), None, alpha, block)
    bounded, arm = Bounded("alike", f"the chance that two runs of a task {told}", mark), arm_of(rule, terms)

    def judge(trials: Mapping[str, ByTask]) -> Found:
        values = _values(trials[arm], alike)
        return bounded.judged(list(values.values()), [terms.weights.get(task, 1.0) for task in values])

    return EndGate(rule, (arm,), judge)


def _against_baseline(
    rule: Rule, terms: Terms, alike: Alike, told: str, alpha: float, block: float
) -> EndGate:
    if "arm" in rule.settings:
        raise wrong(rule, "arm", "a margin compares baseline and candidate", "leave it out")
    margin, arms = number(rule, "margin", 0.0, 1.0), pair_of(rule, terms)

    def judge(trials: Mapping[str, ByTask]) -> Found:
        before, after = (_values(trials[arm], alike) for arm in arms)
        both = [task for task in before if task in after]
        weights = [terms.weights.get(task, 1.0) for task in both]
        pairs = [(before[task], after[task]) for task in both]
        return changed(f"two runs of a task {told}", pairs, weights, Mark(margin, None, alpha, block))

    return EndGate(rule, arms, judge)


def _values(tasks: ByTask, alike: Alike) -> dict[str, float]:
    return {task: value for task, trials in tasks.items() if (value := alike(trials)) is not None}
