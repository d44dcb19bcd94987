"""`remit trial compare`: is the candidate not worse than the baseline? Two runs of one suite, or two arms of files."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from remit.cli.opened import StoreOption
from remit.cli.option_groups import grouped
from remit.cli.report_options import MethodsOption, ReportOptions
from remit.cli.trial_opened import report_of, run_named
from remit.cli.trial_shown import show

if TYPE_CHECKING:
    from remit.core.trial.run import Run
    from remit.core.trial.suite import Question, Rule

MARGIN, ALPHA = 0.05, 0.05
GATE = "not-worse"
Side = Annotated[str, typer.Option(metavar="ARM", help="Which arm of a run that has several.")]


def add(app: typer.Typer) -> None:
    """Make it a command of *app*."""
    app.command("compare")(grouped(compare))


def compare(
    baseline: Annotated[str, typer.Argument(metavar="BASELINE", help="The old run: its id or its file.")],
    candidate: Annotated[str, typer.Argument(metavar="CANDIDATE", help="The new run: its id or its file.")],
    *,
    margin: Annotated[
        float, typer.Option(min=0.0, max=1.0, metavar="X", help="How much less success is still not worse.")
    ] = MARGIN,
    question: Annotated[
        str,
        typer.Option(metavar="Q", help="Worse on this `suite`, or on a `population` of tasks like these."),
    ] = "suite",
    alpha: Annotated[
        float,
        typer.Option(min=0.0, max=0.5, metavar="A", help="How often a candidate that is worse may pass."),
    ] = ALPHA,
    baseline_arm: Side = "",
    candidate_arm: Side = "",
    methods: MethodsOption = False,
    asked: ReportOptions,
    store: StoreOption = None,
) -> int:
    """Whether a candidate is not worse than its baseline, by runs of the same tasks. Exit code 0: not worse by more than
    the margin, 1: worse, or an invariant is broken, 4: neither is shown, 3: something is wrong."""
    from remit.core.trial.analysis.merged import merged

    about = _question(question)
    outputs = asked.outputs()
    before, after = run_named(baseline, store), run_named(candidate, store)
    rule = _gate(margin, alpha)
    both = merged(before, after, gates=[rule], baseline_arm=baseline_arm, candidate_arm=candidate_arm)
    return show(report_of(_asked(both, about), asked.embedder, methods=methods), outputs)


def _question(text: str) -> Question:
    from remit.core.trial.suite import Question

    try:
        return Question(text)
    except ValueError:
        known = " or ".join(one.value for one in Question)
        raise typer.BadParameter(f"--question: found {text[:40]!r}, write {known}") from None


def _gate(margin: float, alpha: float) -> Rule:
    from remit.core.trial.gates.settings import OPTIONS
    from remit.core.trial.suite import Rule

    return Rule(GATE, "not_worse", {"margin": margin, "alpha": alpha}, OPTIONS)


def _asked(both: Run, question: Question) -> Run:
    return replace(both, info=replace(both.info, design=replace(both.info.design, question=question)))
