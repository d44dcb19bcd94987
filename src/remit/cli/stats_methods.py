"""`remit stats --methods`: two arms of results from anywhere, compared by published methods."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated

import typer

from remit.cli.output import console
from remit.cli.trial_shown import say_parts
from remit.core.errors import BadInput
from remit.core.trial.analysis.other_methods import MARGIN, other_methods
from remit.core.trial.analysis.pair import pair_of
from remit.core.trial.report import OtherMethod
from remit.core.trial.run import Run
from remit.core.trial.suite import BASELINE, CANDIDATE

Side = Annotated[str, typer.Option(metavar="ARM", help="With --methods: which arm, of more than two.")]
Margin = Annotated[
    float | None,
    typer.Option(
        min=0.0, max=1.0, metavar="X", help="With --methods: how much less success is still not worse (0.05)."
    ),
]


@dataclass(frozen=True, slots=True)
class ArmOptions:
    """What is asked of the methods."""

    baseline: str = ""
    """Empty: the arm of that name, or the first of two."""
    candidate: str = ""
    margin: float | None = None

    @property
    def given(self) -> bool:
        """Whether any of it was asked for."""
        return bool(self.baseline or self.candidate or self.margin is not None)


@dataclass(frozen=True, slots=True)
class ArmsCompared:
    """Two arms, by every method."""

    baseline: str
    candidate: str
    margin: float
    methods: Sequence[OtherMethod]
    told: str


def by_methods(run: Run, sides: ArmOptions) -> ArmsCompared:
    """Compare two arms of a run.

    Raises:
        BadInput: which two is not clear, or the margin is none.
    """
    margin = MARGIN if sides.margin is None else sides.margin
    if not 0 < margin < 1:
        raise BadInput("--margin", f"found {margin:g}", "write a number between 0 and 1, such as 0.05")
    before, after = _chosen(run.info.arms, sides)
    two = replace(
        run,
        info=replace(run.info, arms=(before, after)),
        trials=tuple(trial for trial in run.trials if trial.arm in (before, after)),
    )
    found, told = other_methods(pair_of(two, None), two, (), margin)
    return ArmsCompared(before, after, margin, found, told)


def _chosen(arms: Sequence[str], sides: ArmOptions) -> tuple[str, str]:
    named = BASELINE in arms and CANDIDATE in arms
    first, second = (BASELINE, CANDIDATE) if named else (*arms, "", "")[:2] if len(arms) == 2 else ("", "")
    before, after = sides.baseline or first, sides.candidate or second
    if not (before and after):
        found = f"{len(arms)} arm{'' if len(arms) == 1 else 's'}"
        remedy = (
            "name two of them with --baseline-arm and --candidate-arm"
            if len(arms) > 2
            else "give two arms: --arm"
        )
        raise BadInput("--methods", f"{found}, and methods compare two", remedy)
    for arm in (before, after):
        if arm not in arms:
            raise BadInput("--methods", f"there is no arm {arm!r}", f"the arms are {', '.join(arms)[:500]}")
    if before == after:
        raise BadInput("--methods", f"{before!r} on both sides", "name two arms")
    return before, after


def show_methods(found: ArmsCompared) -> None:
    """Print them."""
    from remit.usecases.trials.shown.terminal import methods

    title = f"{found.candidate} against {found.baseline}, by published methods"
    say_parts(methods(found.methods, found.told, console().width, title))
