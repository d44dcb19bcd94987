"""`remit trial merge`: the parts of a run as one, and what it says."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from remit.cli.option_groups import grouped
from remit.cli.output import note
from remit.cli.report_options import ReportOptions, RunOption
from remit.cli.trial_opened import report_of
from remit.cli.trial_shown import check_writable, show


def add(app: typer.Typer) -> None:
    """Make it a command of *app*."""
    app.command("merge")(grouped(merge))


def merge(
    parts: Annotated[
        list[Path], typer.Argument(metavar="DIR|FILE…", help="The shared folder, or the files of its parts.")
    ],
    *,
    out: RunOption = None,
    asked: ReportOptions,
) -> int:
    """The parts of a run as one, and what it says. Of other suites, designs or runs, and with a trial twice, refused."""
    from remit.cli.trial_launch import write_run
    from remit.usecases.trials.shards import merged, missing_parts, parts_in, stopped_in

    outputs = asked.outputs()
    if out is not None:
        check_writable("--out", out)
    found = parts_in(parts)
    run = merged(found, next(filter(None, map(stopped_in, parts)), ""))
    if missing := missing_parts(found):
        note(f"remit: not there yet: {', '.join(missing)}")
    if out is not None:
        write_run(run, out)
    return show(report_of(run, asked.embedder), outputs)
