"""Trials from Python: a suite of tasks, run until enough is known, and what came of it.

    from remit import trials

    report = trials.run(trials.suite_of("greetings", tasks=[…], agent=answer))
    assert report.verdict is trials.Verdict.PASS, report.sentence

The same as `remit trial run`: each trial is durable, and the same call goes on with a run that was cut off.
"""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from remit.core.errors import BadInput
from remit.core.trial.report import Report
from remit.core.trial.run import Run
from remit.core.trial.suite import AgentSpec, Design, Question, Rule, Suite, Task
from remit.core.trial.verdict import Verdict
from remit.ports import AgentTrial, Answered
from remit.settings import Settings, load_settings
from remit.usecases.trials.loaded import LoadedSuite, load
from remit.usecases.trials.suite_code import suite_of
from remit.usecases.trials.suite_file import read_suite

if TYPE_CHECKING:
    from remit.store.sqlite import SqliteStore
    from remit.store.trial_book import OpenRun
    from remit.usecases.trials.runner import Runner
    from remit.usecases.trials.running import TrialRunning
    from remit.usecases.trials.shards import Shard

__all__ = [
    "AgentSpec",
    "AgentTrial",
    "Answered",
    "Design",
    "Question",
    "Report",
    "Rule",
    "Run",
    "Suite",
    "Task",
    "Verdict",
    "arun",
    "read_suite",
    "run",
    "suite_of",
]


def run(
    suite: Suite | str | Path,
    *,
    store: str | None = None,
    new: bool = False,
    embedder: str = "lexical",
    settings: Settings | None = None,
) -> Report:
    """Run what is left of a suite, and say what came of it.

    Args:
        suite: made by `suite_of`, or the path of its YAML file.
        store: where its trials are recorded; default from the settings.
        new: begin a new run, whatever was cut off.
        embedder: of the answers: `lexical`, `semantic`, `remote:URL#MODEL`, `module:attribute`, or `none`.
        settings: instead of the environment and TOML.

    Raises:
        BadInput: the suite or an argument is malformed, or an event loop runs here (then await `arun`).
        Unavailable: the record cannot be written, or the embedder is not there.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        from remit.usecases.trials.threads import in_own_loop

        return in_own_loop(arun(suite, store=store, new=new, embedder=embedder, settings=settings))
    raise BadInput("trials.run", "an event loop runs in this thread", "await trials.arun(…)")


async def arun(
    suite: Suite | str | Path,
    *,
    store: str | None = None,
    new: bool = False,
    embedder: str = "lexical",
    settings: Settings | None = None,
) -> Report:
    """`run`, for coroutines. Cancelled, the run can be gone on with."""
    from remit.usecases.trials.analysed import analysed, made_embedder
    from remit.usecases.trials.runner import End
    from remit.wiring import open_store

    chosen = settings or load_settings()
    made_embedder(embedder, chosen)  # what it lacks is told before a trial is paid for
    loaded = load(suite if isinstance(suite, Suite) else read_suite(Path(suite)))
    with open_store(store or chosen.store, chosen) as opened:
        log = begun(opened, loaded, anew=new)
        try:
            going = going_on(opened, loaded, log)
            try:
                await going.opened()
                found, end = await going.runner.run()
            finally:
                await going.aclose()
            if end is End.PAUSED:
                log.pause(found.stopped).result()
                raise asyncio.CancelledError(found.stopped)
            report = await asyncio.to_thread(analysed, found, embedder, chosen)
            log.end(found.stopped, report.verdict.value).result()
            return report
        finally:
            log.close()


def begun(
    store: SqliteStore,
    loaded: LoadedSuite,
    *,
    resume: str = "",
    anew: bool = False,
    part: Shard | None = None,
) -> OpenRun:
    """The run in the record, begun or gone on with.

    Args:
        store: open.
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

    book, now = trial_book_of(store), time.time()
    info = run_info(loaded, new_run_id(loaded.suite, now, os.urandom(2).hex()), now)
    info = replace(info, earlier=book.earlier(info))
    retain_s = loaded.envelope.capture.retain_s if loaded.envelope else None
    if part is not None:
        info = part.agreed(info)
        known = any(line.id == info.id for line in book.runs())
        log = book.resume(info.id, retain_s) if known else book.begin(info, retain_s)
    else:
        log = launched(book, info, resume=resume, anew=anew, retain_s=retain_s)
    log.of_principals({task.id: task.principal for task in loaded.suite.tasks.values() if task.principal})
    return log


@dataclass(frozen=True, slots=True)
class GoingOn:
    """A run that is about to go on: `opened`, then `runner.run`, then `aclose` whatever happened."""

    run_id: str
    runner: Runner
    running: TrialRunning

    async def opened(self) -> None:
        """Write what all its trials have in common."""
        from remit.core.trial.apart import run_tenant

        if self.running.governed is not None:
            await self.running.governed.begin(run_tenant(self.run_id))

    async def aclose(self) -> None:
        """End what was started for its agents."""
        for target in self.running.targets.values():
            await target.aclose()


def going_on(store: SqliteStore, loaded: LoadedSuite, log: OpenRun, part: Shard | None = None) -> GoingOn:
    """What runs the trials that are left; nothing is started.

    Raises:
        BadInput: an agent cannot be reached as the suite says, or a gate is none.
    """
    from remit.core.trial.gates.table import gates_of
    from remit.usecases.trials.runner import DrawShare, Runner
    from remit.wiring import trial_running_of

    suite, info = loaded.suite, log.before.info
    weights = {task.id: task.weight for task in suite.tasks.values()}
    running = trial_running_of(loaded, store, info.id, log.launch)
    runner = Runner(
        info,
        log,
        running.trial,
        gates_of(suite.design, tuple(suite.arms), weights),
        concurrency=suite.concurrency,
        part=part.part if part else DrawShare(),
        hears=part.wrote if part else lambda _: None,
    )
    return GoingOn(info.id, runner, running)
