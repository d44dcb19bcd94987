"""`remit trial merge`: the parts of a run as one, and what it says."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from remit.cli.output import note
from remit.cli.trial_opened import EmbedderOption, report_of
from remit.cli.trial_shown import Html, JUnit, Markdown, StepSummary, check_writable, outputs_of, show


def add(app: typer.Typer) -> None:
    """Make it a command of *app*."""
    app.command("merge")(merge)


def merge(
    parts: Annotated[
        list[Path], typer.Argument(metavar="DIR|FILE…", help="The shared folder, or the files of its parts.")
    ],
    *,
    out: Annotated[Path | None, typer.Option(metavar="F.jsonl", help="Write the whole run.")] = None,
    embedder: EmbedderOption = "lexical",
    junit: JUnit = None,
    markdown: Markdown = None,
    html: Html = None,
    step_summary: StepSummary = False,
) -> int:
    """The parts of a run as one, and what it says. Of other suites, designs or runs, and with a trial twice, refused."""
    from remit.cli.trial_launch import write_run
    from remit.usecases.trials.shards import merged, missing_parts, parts_in, stopped_in

    outputs = outputs_of(junit, markdown, html, step_summary=step_summary)
    if out is not None:
        check_writable("--out", out)
    found = parts_in(parts)
    run = merged(found, next(filter(None, map(stopped_in, parts)), ""))
    if missing := missing_parts(found):
        note(f"remit: not there yet: {', '.join(missing)}")
    if out is not None:
        write_run(run, out)
    return show(report_of(run, embedder), outputs)
