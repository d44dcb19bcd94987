"""What commands that run trials share: a run begun or gone on with in the record, worked through, written to a file."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from remit.cli.opened import Opened
from remit.cli.output import note
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
    """The run in the record, begun or gone on with.

    Args:
        at: the store.
        loaded: the suite.
        resume: id of the run to go on with, and of no other.
        anew: begin a new one, whatever was cut off.
        part: what of it this process runs, where others run the rest.

    Raises:
        BadInput: the run to go on with is not there, or is one of another suite, design or agent.
    """
    from remit.usecases.trials.launch import launched
    from remit.usecases.trials.plan import new_run_id, run_info
    from remit.wiring import trial_book_of

    book, now = trial_book_of(at.store), time.time()
    info = run_info(loaded, new_run_id(loaded.suite, now, os.urandom(2).hex()), now)
    retain_s = loaded.envelope.capture.retain_s if loaded.envelope else None
    if part is not None:
        info = part.agreed(info)
        known = any(line.id == info.id for line in book.runs())
        log = book.resume(info.id, retain_s) if known else book.begin(info, retain_s)
    else:
        log = launched(book, info, resume=resume, anew=anew, retain_s=retain_s)
    log.of_principals({task.id: task.principal for task in loaded.suite.tasks.values() if task.principal})
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
    from remit.core.trial.gates.table import gates_of
    from remit.usecases.trials.runner import Part, Runner
    from remit.wiring import trial_running_of

    suite, info = loaded.suite, log.before.info
    weights = {task.id: task.weight for task in suite.tasks.values()}
    running = trial_running_of(loaded, at.store, info.id, log.launch)
    runner = Runner(
        info,
        log,
        running.trial,
        gates_of(suite.design, tuple(suite.arms), weights),
        concurrency=suite.concurrency,
        part=part.part if part else Part(),
        hears=part.wrote if part else lambda _: None,
    )
    return asyncio.run(attended(runner, running, part, log))


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
