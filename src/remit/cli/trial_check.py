"""`remit trial check SUITE.yaml`: whether a suite can run, told before a trial is paid for."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from remit.cli.output import Output, counted, emit, safe, say
from remit.cli.stdout_kept import stdout_kept


def add(app: typer.Typer) -> None:
    """Make it a command of *app*."""
    app.command("check")(check)


def check(
    suite: Annotated[Path, typer.Argument(help="The suite's file.", show_default=False)],
    load: Annotated[
        bool,
        typer.Option("--load", help="Also run its code: import its functions, make and copy every world."),
    ] = False,
) -> int:
    """Whether a suite can run: reads it, strictly, and runs nothing of it; no trial is made."""
    from remit.core.trial.gates.hopeless import hopeless
    from remit.usecases.trials import loaded
    from remit.usecases.trials.suite_check import outline, problems
    from remit.usecases.trials.suite_file import read_suite

    read = read_suite(suite)
    with stdout_kept():
        found = list(problems(loaded.load(read))) if load else []
    told, vain = outline(read), list(hopeless(read))
    if Output.json:
        emit({**told, "loaded": load, "problems": found, "cannot_pass": vain})
        return int(bool(found))
    size = f"{counted(told['tasks'], 'task')}, {counted(len(told['arms']), 'arm')}"
    say(f"{safe(read.name)}: {size}, hash {read.hash[:12]}…")
    checks = ", ".join(f"{kind} {times}" for kind, times in told["checks"].items())
    say(f"checks: {checks or 'none'}; invariants: {safe(', '.join(told['invariants']) or 'none')}; "
        f"gates: {safe(', '.join(told['gates']) or 'none')}")  # fmt: skip
    if told["unchecked"]:
        say(f"without a check, so any run that ends is a success: {safe(', '.join(told['unchecked']), 300)}")
    for one in vain:
        say(f"- {safe(one)}")
    if not load:
        say("nothing of its code was run: --load does that")
    for one in found:
        say(f"- {safe(one)}")
    return int(bool(found))
