"""`remit trial selftest`: how often the comparisons of a report would raise an alarm although nothing changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from remit.cli.opened import StoreOption
from remit.cli.output import Output, counted, emit, progress, say, table
from remit.cli.report_options import EmbedderOption, RunArgument
from remit.cli.trial_opened import run_named, vectors_of

if TYPE_CHECKING:
    from remit.core.trial.report import Comparison
    from remit.core.trial.run import Run
    from remit.core.trial.selftest import FalseAlarms, SelfTest


def add(app: typer.Typer) -> None:
    """Make it a command of *app*."""
    app.command("selftest")(selftest)


def selftest(
    run: RunArgument,
    *,
    arm: Annotated[
        str | None, typer.Option(metavar="ARM", help="Whose runs are split; the first by default.")
    ] = None,
    splits: Annotated[int, typer.Option(min=20, max=100_000, metavar="N", help="How often.")] = 500,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, metavar="N", help="Of the splits.")] = 0,
    success: Annotated[
        bool,
        typer.Option("--success", help="Compare success alone, for both questions: seconds, not minutes."),
    ] = False,
    embedder: EmbedderOption = "lexical",
    store: StoreOption = None,
) -> int:
    """Split one agent's own runs in two within tasks, again and again, and count the comparisons that raise an alarm."""
    from remit.core.trial.compare_success import success_alone
    from remit.core.trial.selftest import selftest as measured

    opened = run_named(run, store)
    compare = success_alone if success else _every(opened, embedder)
    bar = iter(progress(range(splits), "splits", splits))

    def counted_off(split: Run) -> Iterable[Comparison]:
        next(bar, None)
        return compare(split)

    found = measured(opened, arm or opened.info.arms[0], counted_off, splits=splits, seed=seed)
    next(bar, None)
    if Output.json:
        emit(_object(found))
    else:
        _show(found)
    return 0 if found.trusted else 1


def _every(run: Run, embedder: str) -> Callable[[Run], Iterable[Comparison]]:
    """What a report compares; answers are embedded once."""
    from remit.core.trial.analysis.compared import comparisons
    from remit.core.trial.analysis.pair import pair_of

    vectors, _ = vectors_of(run, embedder)

    def compare(split: Run) -> Iterable[Comparison]:
        pair = pair_of(split, vectors)
        return comparisons(pair) if pair is not None else ()

    return compare


def _show(found: SelfTest) -> None:
    say(
        f"{counted(found.trials, 'run')} of {counted(found.tasks, 'task')} in arm {found.arm}, split in two within "
        f"tasks {found.splits} times: nothing changed, so every alarm is false."
    )
    if found.left_out:
        say(f"{counted(found.left_out, 'task')} ran once and could not be split.")
    columns = ("compared", "alarms", "false alarms", "99 % interval", "claimed", "")
    table("", columns, [_row(one) for one in found.metrics])
    verdict = "Every comparison holds what it claims." if found.trusted else "Do not trust what is marked: "
    broken = ", ".join(one.metric for one in found.metrics if not one.trusted)
    say(verdict + (f"{broken} alarms more often than it claims." if broken else ""))


def _row(one: FalseAlarms) -> tuple[object, ...]:
    if not one.splits:
        return one.metric, "-", "cannot be compared", "", f"{one.level:.0%}", ""
    interval = f"{one.low:.1%} to {one.high:.1%}"
    alarms = f"{one.alarms} of {one.splits}"
    return one.metric, alarms, f"{one.rate:.1%}", interval, f"{one.level:.0%}", "" if one.trusted else "ABOVE"


def _object(found: SelfTest) -> dict[str, Any]:
    return {
        "arm": found.arm,
        "tasks": found.tasks,
        "left_out": found.left_out,
        "trials": found.trials,
        "splits": found.splits,
        "trusted": found.trusted,
        "metrics": [
            {
                "metric": one.metric,
                "method": one.method,
                "question": one.question,
                "splits": one.splits,
                "alarms": one.alarms,
                "rate": one.rate,
                "low": one.low,
                "high": one.high,
                "level": one.level,
                "trusted": one.trusted,
            }
            for one in found.metrics
        ],
    }
