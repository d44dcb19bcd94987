"""`remit trial import`: results that something else recorded as a run of ours, for every command that reads one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from remit.cli.option_groups import grouped
from remit.cli.output import Output, counted, emit, note, safe, say
from remit.cli.results_read import Files, ResultOptions, SuiteName, read_results
from remit.core.errors import BadInput

if TYPE_CHECKING:
    from remit.core.trial.run import Run
    from remit.usecases.trials.imported import Imported

AT_ONCE = 500
"""Trials that are written to a store in one transaction."""


def add(app: typer.Typer) -> None:
    """Make it a command of *app*."""
    app.command("import")(grouped(import_))


def import_(
    files: Files = None,
    *,
    out: Annotated[
        Path | None, typer.Option(metavar="RUN.jsonl", help="Write the run to this file.", show_default=False)
    ] = None,
    store: Annotated[
        str | None, typer.Option(metavar="URL", help="Write the run into this store.", show_default=False)
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it is there.")] = False,
    suite: SuiteName = "",
    asked: ResultOptions,
) -> None:
    """Results that something else recorded as a run, for `remit trial report` and `remit trial compare`."""
    if out is None and store is None:
        raise typer.BadParameter("nowhere to write the run: give --out FILE, --store URL, or both")
    if out is not None:
        check_new(out, force=force)
    found = read_results(files, asked, suite)
    if store is not None:
        _keep(found.kept, store)
    if out is not None:
        from remit.core.trial.run import run_lines

        write_whole(out, run_lines(found.kept))
    _tell(found, out, store)


def check_new(path: Path, *, force: bool) -> None:
    """Refuse to replace what is there, unless that is what is wanted.

    Raises:
        BadInput: there is a file, or a folder is missing.
    """
    if path.is_dir() or not path.absolute().parent.is_dir():
        raise BadInput(str(path), "no place for a file", "name a file in a folder that is there")
    if path.exists() and not force:
        raise BadInput(str(path), "there is a file of this name", "name another, or replace it with --force")


def write_whole(path: Path, parts: Iterator[bytes]) -> None:
    """Write a file that is there as a whole or not at all; only you can read it.

    Raises:
        BadInput: it cannot be written.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}"[-200:])
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.writelines(parts)
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise BadInput(
            str(path), f"cannot be written: {error.strerror or error}", "name another file"
        ) from None
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def _keep(run: Run, store: str) -> None:
    """Write the run into a store; one that was cut off while it was written goes on.

    Raises:
        BadInput: it stands there already.
    """
    from remit.cli.opened import opened
    from remit.core.trial.trial import Slot
    from remit.wiring import trial_book_of

    with opened(store, create=True) as at:
        book = trial_book_of(at.store)
        state = next((line.state for line in book.runs() if line.id == run.info.id), "")
        if state == "ended":
            raise BadInput(
                "--store", f"run {run.info.id} stands there already", "the same results need no second run"
            )
        log = book.resume(run.info.id) if state else book.begin(run.info)
        try:
            done = {trial.key for trial in log.before.trials}
            trials = (trial for trial in run.trials if trial.key not in done)
            while batch := list(islice(trials, AT_ONCE)):
                slots = [Slot(t.draw, t.arm, t.task, t.epoch, t.seed or 0) for t in batch]
                log.write(slots, batch).result()
            log.end(f"imported from {run.info.source}", "").result()
        finally:
            log.close()


def _tell(found: Imported, out: Path | None, store: str | None) -> None:
    from remit.core.trial.analysis.counts import counts

    run, left_out, behind = found.kept, found.left_out, len(found.run.trials) - len(found.kept.trials)
    by_arm = counts(run)
    if Output.json:
        told: dict[str, Any] = {
            "run": run.info.id,
            "suite": run.info.suite,
            "source": run.info.source,
            "arms": by_arm,
            "left_out": left_out,
            "behind": behind,
            "out": None if out is None else str(out),
            "store": store,
        }
        emit(told)
        return
    for arm, ended in by_arm.items():
        told_arm = f"{safe(arm, 200)}: {counted(ended['trials'], 'run')} of {counted(ended['tasks'], 'task')}"
        failed, neither = ended["failed"] + ended["timeout"], ended["infrastructure"] + ended["diverged"]
        say(
            f"{told_arm}: {ended['passed']:,} passed, {failed:,} failed, {neither:,} neither passed nor failed"
        )
    places = " and ".join(safe(place) for place in (out, store) if place is not None)
    say(f"run {run.info.id} of {safe(run.info.suite, 200)} stands in {places}")
    if left_out:
        note(f"remit: --where left out {counted(left_out, 'result')}")
    if behind:
        late = f"{counted(behind, 'result')} behind the decision of a run, or behind one that had not ended"
        note(f"remit: left out {late}: only quick ones are among those")
