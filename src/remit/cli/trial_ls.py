"""`remit trial ls`: the runs in a store."""

from __future__ import annotations

from typing import Annotated

import typer

from remit.cli.opened import StoreOption, opened
from remit.cli.output import Output, emit, table
from remit.core.notice import instant


def add(app: typer.Typer) -> None:
    """Make it a command of *app*."""
    app.command("ls")(list_runs)


def list_runs(
    suite: Annotated[
        str | None, typer.Option("--suite", help="Only of this suite.", show_default=False)
    ] = None,
    store: StoreOption = None,
) -> int:
    """The runs in the record, oldest first: which ended, and which may go on."""
    from remit.store.trial_events import lines_of
    from remit.wiring import trial_book_of

    with opened(store) as at:
        runs = [line for line in trial_book_of(at.store).runs() if suite is None or line.suite == suite]
    if Output.json:
        emit({"runs": list(lines_of(runs))})
        return 0
    rows = [
        (
            run.id,
            run.suite,
            instant(run.at)[:16],
            ", ".join(run.arms),
            run.trials,
            "may go on" if run.state == "open" else run.state,
            run.verdict or "-",
        )
        for run in runs
    ]
    columns = ("run", "suite", "began (UTC)", "arms", "trials", "state", "verdict")
    table("", columns, rows, empty="no runs: begin one with `remit trial run SUITE.yaml`")
    return 0
