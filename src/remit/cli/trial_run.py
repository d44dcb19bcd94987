"""`remit trial run`: run a suite until enough is known, and say what came of it.

The run is in the record from before its first trial on. Killed at any moment, the same command goes on with it.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from remit.cli.opened import StoreOption, opened
from remit.cli.option_groups import grouped
from remit.cli.output import note, safe
from remit.cli.report_options import ReportOptions, RunOption
from remit.cli.stdout_kept import stdout_kept
from remit.cli.trial_launch import begun, worked, write_run
from remit.cli.trial_opened import report_of
from remit.cli.trial_shown import Outputs, check_writable, show
from remit.core.errors import BadInput, Unavailable

if TYPE_CHECKING:
    from remit.core.trial.run import Run
    from remit.core.trial.suite import Suite
    from remit.store.trial_book import OpenRun
    from remit.usecases.trials.runner import End
    from remit.usecases.trials.shards import Shard

INTERRUPTED = 130

ArmOption = Annotated[
    list[str] | None,
    typer.Option("--arm", metavar="NAME", help="Only this arm; may be given more than once."),
]


def add(app: typer.Typer) -> None:
    """Make it a command of *app*."""
    app.command("run")(grouped(run))


def run(
    suite: Annotated[Path, typer.Argument(metavar="SUITE.yaml", help="The suite.")],
    *,
    arm: ArmOption = None,
    seed: Annotated[int | None, typer.Option(metavar="N", help="Instead of the design's.")] = None,
    epochs: Annotated[int | None, typer.Option(min=1, metavar="N", help="Runs of each task (fixed).")] = None,
    max_trials: Annotated[
        int | None, typer.Option("--max-trials", min=1, metavar="N", help="Draws at most (sequential).")
    ] = None,
    concurrency: Annotated[
        int | None, typer.Option(min=1, max=10_000, metavar="N", help="Trials at a time.")
    ] = None,
    resume: Annotated[str, typer.Option(metavar="RUN", help="Go on with this run, and no other.")] = "",
    new: Annotated[bool, typer.Option("--new", help="Begin anew, whatever was cut off.")] = False,
    shard: Annotated[str, typer.Option(metavar="I/N", help="Only the I-th of N parts, from 1.")] = "",
    shared: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder that all parts can write to.")
    ] = None,
    out: RunOption = None,
    asked: ReportOptions,
    store: StoreOption = None,
) -> int:
    """Run an agent many times, and say what came of it. Cut off, the same command goes on. Exit code 0: it passes, 1: it
    blocks, 4: not enough is known, 3: something is wrong."""
    from remit.core.trial.gates.hopeless import hopeless
    from remit.core.trial.gates.table import gates_of
    from remit.usecases.trials.loaded import load
    from remit.usecases.trials.shards import shard_of
    from remit.usecases.trials.suite_file import read_suite

    part = shard_of(shard, shared)
    outputs = asked.outputs()
    if out is not None:
        check_writable("--out", out)
    chosen = _set(read_suite(suite), arm, seed, epochs, max_trials, concurrency)
    with stdout_kept():
        loaded = load(chosen)
    ready = loaded.suite
    weights = {task.id: task.weight for task in ready.tasks.values()}
    gates_of(ready.design, tuple(ready.arms), weights)  # what is wrong with one is told before anything runs
    for told in hopeless(ready):
        note(f"remit: {safe(told)}")
    with opened(store, create=True) as at:
        log = begun(at, loaded, resume=resume, anew=new, part=part)
        try:
            found, end = worked(at, loaded, log, part)
            return _told(found, end, log, outputs, asked.embedder, out, suite, part)
        except Unavailable:
            note(
                f"remit: run {log.before.info.id} was cut off; when that is mended, the same command goes on with it"
            )
            raise
        finally:
            log.close()


def _set(
    suite: Suite,
    arms: list[str] | None,
    seed: int | None,
    epochs: int | None,
    max_trials: int | None,
    concurrency: int | None,
) -> Suite:
    """The suite with what the command line says instead.

    Raises:
        BadInput: no such arm, or a number that the design has no use for.
    """
    design = suite.design
    if epochs is not None and design.kind != "fixed":
        raise BadInput("--epochs", "the design is sequential", "use --max-trials")
    if max_trials is not None and design.kind != "sequential":
        raise BadInput("--max-trials", "the design is fixed", "use --epochs")
    design = replace(
        design,
        seed=design.seed if seed is None else seed,
        epochs=epochs or design.epochs,
        max_trials=max_trials or design.max_trials,
    )
    unknown = [name for name in arms or () if name not in suite.arms]
    if unknown:
        raise BadInput("--arm", f"the suite has no arm {unknown[0]!r}", f"use {', '.join(suite.arms)}")
    kept = {name: agent for name, agent in suite.arms.items() if not arms or name in arms}
    return replace(suite, design=design, arms=kept, concurrency=concurrency or suite.concurrency)


def _told(
    found: Run,
    end: End,
    log: OpenRun,
    outputs: Outputs,
    embedder: str,
    out: Path | None,
    suite: Path,
    part: Shard | None,
) -> int:
    """Write how the run ended, and say what came of it."""
    from remit.usecases.trials.runner import End

    if out is not None:
        write_run(found, out)
    if end is End.PAUSED:
        log.pause(found.stopped).result()
        left = f"{safe(found.stopped)}: {len(found.trials)} trials have ended"
        whole = f"remit trial run {safe(suite)} --resume {found.info.id}"
        note(f"remit: {left}; go on with: {whole if part is None else 'the same command'}")
        return INTERRUPTED
    if end is End.PART:
        log.pause("the part of this shard is done").result()
        note("remit: this part is done; the verdict comes with all of them: remit trial merge DIR")
        return 0
    report = report_of(found, embedder)
    log.end(found.stopped, report.verdict.value).result()
    return show(report, outputs)
