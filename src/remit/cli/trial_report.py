"""`remit trial report`: what a finished run says, in every form."""

from __future__ import annotations

import typer

from remit.cli.opened import StoreOption
from remit.cli.option_groups import grouped
from remit.cli.report_options import MethodsOption, ReportOptions, RunArgument
from remit.cli.trial_opened import report_of, run_named
from remit.cli.trial_shown import show


def add(app: typer.Typer) -> None:
    """Make it a command of *app*."""
    app.command("report")(grouped(report))


def report(
    run: RunArgument,
    *,
    methods: MethodsOption = False,
    asked: ReportOptions,
    store: StoreOption = None,
) -> int:
    """What a run says: verdict, gates, invariants, every number with its interval. The exit code is the verdict's."""
    outputs = asked.outputs()
    return show(report_of(run_named(run, store), asked.embedder, methods=methods), outputs)
