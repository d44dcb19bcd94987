"""`remit trial report`: what a finished run says, in every form."""

from __future__ import annotations

from typing import Annotated

import typer

from remit.cli.opened import StoreOption
from remit.cli.trial_opened import EmbedderOption, MethodsOption, report_of, run_named
from remit.cli.trial_shown import Html, JUnit, Markdown, StepSummary, outputs_of, show


def add(app: typer.Typer) -> None:
    """Make it a command of *app*."""
    app.command("report")(report)


def report(
    run: Annotated[
        str,
        typer.Argument(metavar="RUN|FILE", help="Id of a run, or a file of results; - is a run on stdin."),
    ],
    *,
    methods: MethodsOption = False,
    embedder: EmbedderOption = "lexical",
    junit: JUnit = None,
    markdown: Markdown = None,
    html: Html = None,
    step_summary: StepSummary = False,
    store: StoreOption = None,
) -> int:
    """What a run says: verdict, gates, invariants, every number with its interval. The exit code is the verdict's."""
    outputs = outputs_of(junit, markdown, html, step_summary=step_summary)
    return show(report_of(run_named(run, store), embedder, methods=methods), outputs)
