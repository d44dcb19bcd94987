"""What commands that run trials share: a run begun or gone on with in the record, worked through, written to a file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from remit.cli.opened import Opened
from remit.cli.output import note
from remit.cli.stdout_kept import stdout_kept
from remit.cli.trial_live import attended
from remit.core.errors import BadInput

if TYPE_CHECKING:
    from remit.core.trial.run import Run
    from remit.store.trial_book import OpenRun
    from remit.usecases.trials.loaded import LoadedSuite
    from remit.usecases.trials.runner import End
    from remit.usecases.trials.shards import Shard


def begun(
    at: Opened, loaded: LoadedSuite, *, resume: str = "", anew: bool = False, part: Shard | None = None
) -> OpenRun:
    """The run in the record, begun or gone on with, and told on stderr; see `remit.trials.begun`."""
    from remit import trials

    log = trials.begun(at.store, loaded, resume=resume, anew=anew, part=part)
    _greet(log)
    return log


def _greet(log: OpenRun) -> None:
    before, info = log.before, log.before.info
    if log.launch == 1:
        note(f"remit: run {info.id} begins; cut off, the same command goes on with it")
        return
    again = f"; {before.repeated} that were cut off run again" if before.repeated else ""
    note(f"remit: run {info.id} goes on after {len(before.trials)} trials{again}; --new begins another")


def worked(at: Opened, loaded: LoadedSuite, log: OpenRun, part: Shard | None = None) -> tuple[Run, End]:
    """Run what is left of it, shown on stderr as it goes.

    Raises:
        Unavailable: the record cannot be written.
    """
    from remit import trials
    from remit.usecases.trials.threads import in_own_loop

    with stdout_kept():
        return in_own_loop(attended(trials.going_on(at.store, loaded, log, part), part, log))


def write_run(found: Run, out: Path) -> None:
    """Write a run to a file, as a whole.

    Raises:
        BadInput: it cannot be written.
    """
    from remit.core.trial.run import run_lines

    draft = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        with draft.open("wb") as file:
            file.writelines(run_lines(found))
        draft.replace(out)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise BadInput("--out", f"{out} cannot be written: {error.strerror}", "name another file") from None
