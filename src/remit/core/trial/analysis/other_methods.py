"""A comparison by other published methods, beside what decides it: what each says, and why that can differ.

Twenty tests of one question are no better than one, and whoever may choose among them after the fact always finds the
one that was hoped for. So the gate that was fixed beforehand goes on deciding alone, and the p-values here are corrected
together, by Holm's method, which holds however much they have in common.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from remit.core.errors import BadInput
from remit.core.stats.holm import holm
from remit.core.stats.task_pair import task_pairs
from remit.core.trial.analysis.pair import Pair
from remit.core.trial.analysis.ways import (
    ANSWERS,
    EITHER,
    NOT_WORSE,
    PAIRED,
    UNPAIRED,
    UNSHOWN,
    WORSE,
    TwoArms,
)
from remit.core.trial.gates.of_check import KEY
from remit.core.trial.gates.settings import ALPHA, BETA
from remit.core.trial.gates.stopping import told_question
from remit.core.trial.pairs import Paired, paired
from remit.core.trial.percent import points
from remit.core.trial.report import OtherMethod, Ruling
from remit.core.trial.run import Run
from remit.core.trial.verdict import Verdict

MARGIN = 0.05
"""Where no gate names one."""


@dataclass(frozen=True, slots=True)
class WhatDecides:
    """The gate beside which the methods stand, or nothing but the report's own comparison."""

    gate: str
    """Empty where no gate asks whether the candidate is worse."""
    verdict: Verdict | None
    question: str
    """`this suite` or `tasks like these`."""
    early: bool
    """Whether it was asked after every trial."""
    margin: float
    worse_level: float
    """One-sided, of its BLOCK."""
    margin_level: float
    """One-sided, of its PASS."""


def other_methods(
    pair: Pair | None, run: Run, rulings: Sequence[Ruling], margin: float | None = None
) -> tuple[tuple[OtherMethod, ...], str]:
    """The other methods, corrected, and what is to be known of all of them.

    Args:
        pair: the trials that the report's own rates are made of.
        run: with its gates.
        rulings: of the gates.
        margin: in (0, 1); by default that of the deciding gate, or 5 points.

    Raises:
        BadInput: there are no two arms to compare.
    """
    if pair is None:
        told = f"the run has {'one arm' if len(run.info.arms) == 1 else 'more than two arms'}"
        raise BadInput("--methods", f"{told}, and methods compare two", "see `remit trial compare`")
    decides = deciding(run, rulings, margin)
    found = corrected(methods(pair, decides), decides)
    return found, _told(found, decides)


def deciding(run: Run, rulings: Sequence[Ruling], margin: float | None = None) -> WhatDecides:
    """What decides whether the candidate is worse: the gate on all of a trial, not on one check of it."""
    design = run.info.design
    rule = next((one for one in design.gates if one.kind == "not_worse" and KEY not in one.settings), None)
    ruling = next((one for one in rulings if rule is not None and one.gate == rule.id), None)
    early = design.kind == "sequential" or not set(run.info.stopped_arms).isdisjoint(run.info.arms)
    if ruling is None:
        question = told_question(design.question)
        return WhatDecides("", None, question, early, margin or MARGIN, ALPHA / 2, ALPHA / 2)
    said = ruling.details
    return WhatDecides(
        ruling.gate,
        ruling.verdict,
        str(said.get("question") or told_question(design.question)),
        early,
        margin or _number(said.get("margin"), MARGIN),
        _number(said.get("beta"), BETA),
        _number(said.get("alpha"), ALPHA),
    )


def _number(value: object, default: float) -> float:
    return float(value) if isinstance(value, int | float) and 0 < value < 1 else default


def methods(pair: Pair, decides: WhatDecides) -> list[OtherMethod]:
    """Each method that fits the arms, not yet corrected."""
    both = paired(pair.run, pair.baseline, pair.candidate)
    pairs = tuple(task_pairs(both.baseline, both.candidate, both.weights))
    repeated = any(n > 1 for _, n in (*both.baseline, *both.candidate))
    arms = TwoArms(
        pair, pairs, _totals(both), repeated, decides.margin, decides.worse_level, decides.margin_level
    )
    ways = [
        *(PAIRED if pairs else ()),
        *(UNPAIRED if all(n for _, n in arms.totals) else ()),
        *(ANSWERS if pairs else ()),
    ]
    return [found for way in ways if (found := way(arms)) is not None]


def _totals(both: Paired) -> tuple[tuple[int, int], tuple[int, int]]:
    before, after = (
        (sum(k for k, _ in arm), sum(n for _, n in arm)) for arm in (both.baseline, both.candidate)
    )
    return before, after


def corrected(found: Iterable[OtherMethod], decides: WhatDecides) -> tuple[OtherMethod, ...]:
    """The methods with their p-values corrected together, and with a sentence where one differs from what decides."""
    listed = list(found)
    adjusted = iter(holm([one.p for one in listed if one.p is not None]))
    return tuple(
        one
        if one.p is None
        else replace(
            one,
            adjusted=next(adjusted),
            told=" ".join(filter(None, (apart(one, decides), one.told))),
        )
        for one in listed
    )


def apart(one: OtherMethod, decides: WhatDecides) -> str:
    """Why a method says something else than the gate does; empty where it does not, or where no gate decides."""
    if one.about != "success" or decides.verdict not in (Verdict.PASS, Verdict.BLOCK, Verdict.INCONCLUSIVE):
        return ""
    if one.says == WORSE and decides.verdict is Verdict.PASS:
        return f"It finds a loss, where gate {decides.gate} allows one of up to {points(decides.margin)}: both can hold."
    of_margin = one.says in (NOT_WORSE, UNSHOWN)
    differs = {
        Verdict.PASS: one.says == UNSHOWN,
        Verdict.BLOCK: one.says != WORSE and not (of_margin and one.says == UNSHOWN),
        Verdict.INCONCLUSIVE: one.says in (WORSE, NOT_WORSE),
    }[decides.verdict]
    if not differs:
        return ""
    return f"Gate {decides.gate} says {decides.verdict.value}: {'; '.join(_why(one, decides))}."


def _why(one: OtherMethod, decides: WhatDecides) -> list[str]:
    """What sets the method apart from the gate."""
    why = []
    if one.question not in (EITHER, decides.question):
        why.append(f"the method asks about {one.question}, the gate about {decides.question}")
    if decides.early:
        why.append(
            "the gate was asked after every trial, and must be more careful; the method counts as if the number of"
            " trials had been fixed, and is too sure after an early stop"
        )
    if one.name.endswith("unpaired"):
        why.append("the method does not know which runs were of one task, and sees less")
    if "exact" not in one.name and "permut" not in one.name:
        why.append("the method is an approximation, which few runs, or rates near 0 or 1, make too sure")
    return why or ["the method weighs the same runs in another way, and they lie near the edge"]


def _told(found: Sequence[OtherMethod], decides: WhatDecides) -> str:
    tested = sum(one.p is not None for one in found)
    who = (
        f"Gate {decides.gate} decides, and none of these {len(found)} methods does"
        if decides.gate
        else f"No gate asks here whether the candidate is worse, and none of these {len(found)} methods decides it"
    )
    early = (
        " They count as if the number of trials had been fixed, which after an early stop makes them too sure."
        if decides.early
        else ""
    )
    return (
        f"{who}: the one that says what was hoped for can always be found"
        f" among many. Their {tested} p-values are corrected together (Holm): where nothing differs, any of them"
        f" falls to .05 in at most one comparison of twenty.{early}"
    )
