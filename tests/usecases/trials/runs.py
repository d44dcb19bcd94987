"""Runs for tests: a suite in a line, a store of its own, and a run of it from begin to end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from remit.core.envelope import Envelope
from remit.core.trial.gates.gate import Gate
from remit.core.trial.judge import Judge
from remit.core.trial.run import Run
from remit.core.trial.suite import AgentSpec, Design, Rule, Suite, Task
from remit.core.trial.trial import Slot, Trial
from remit.core.trial.verdict import Verdict
from remit.store.records import EXTENSIONS
from remit.store.sqlite import SqliteStore
from remit.store.trial_book import OpenRun, TrialBook
from remit.usecases.clock import Uuid7
from remit.usecases.trials.loaded import LoadedSuite
from remit.usecases.trials.plan import run_info
from remit.usecases.trials.runner import End, Runner
from remit.wiring import trial_running_of

Agent = Callable[..., Any]


def suite_of(
    agents: Mapping[str, Agent] | Agent,
    *,
    tasks: Sequence[Task] = (Task("a", "go"), Task("b", "go")),
    design: Design | None = None,
    envelope: Envelope | None = None,
    world: Callable[..., Any] | None = None,
    judge: Judge | None = None,
    **settings: Any,
) -> LoadedSuite:
    """A suite of these agents."""
    arms = agents if isinstance(agents, Mapping) else {"agent": agents}
    suite = Suite(
        "tried",
        {task.id: task for task in tasks},
        {name: AgentSpec(function=agent) for name, agent in arms.items()},
        design or Design(epochs=5),
        hash="h1",
        **settings,
    )
    return LoadedSuite(suite, judge or Judge(), envelope, world, dict(arms))


def opened(folder: Path) -> SqliteStore:
    """A store of its own."""
    return SqliteStore.open(folder / "t.db", home=folder / "home", extensions=EXTENSIONS)


@dataclass
class Ran:
    """What came of one launch."""

    run: Run
    end: End
    heard: list[Trial]


def launch(
    loaded: LoadedSuite,
    store: SqliteStore,
    *,
    run: str = "r1",
    gates: Sequence[Gate] = (),
    concurrency: int = 4,
    trial: Callable[[Slot], Awaitable[Trial]] | None = None,
    meanwhile: Callable[[Runner], Awaitable[None]] | None = None,
    ends: bool = True,
) -> Ran:
    """Begin a run, or go on with it, to its end."""
    book = TrialBook(store, Uuid7())
    known = any(line.id == run for line in book.runs())
    log = book.resume(run) if known else book.begin(run_info(loaded, run, 1.0))
    try:
        return asyncio.run(_launched(loaded, store, log, gates, concurrency, trial, meanwhile, ends))
    finally:
        log.close()


async def _launched(
    loaded: LoadedSuite,
    store: SqliteStore,
    log: OpenRun,
    gates: Sequence[Gate],
    concurrency: int,
    trial: Callable[[Slot], Awaitable[Trial]] | None,
    meanwhile: Callable[[Runner], Awaitable[None]] | None,
    ends: bool,
) -> Ran:
    running = trial_running_of(loaded, store, log.before.info.id, log.launch)
    running.first_wait_s = 0.001
    heard: list[Trial] = []
    runner = Runner(
        log.before.info, log, trial or running.trial, gates, concurrency=concurrency, hears=heard.append
    )
    beside = asyncio.create_task(meanwhile(runner)) if meanwhile is not None else None
    run, end = await runner.run()
    if beside is not None:
        await beside
    if ends and end in (End.DONE, End.DECIDED):
        await asyncio.wrap_future(log.end(run.stopped, "PASS"))
    elif ends:
        await asyncio.wrap_future(log.pause(run.stopped))
    return Ran(run, end, heard)


class FirstDraws:
    """A gate that decides after so many draws, and keeps what it was fed."""

    def __init__(self, decides: int, verdict: Verdict = Verdict.PASS, name: str = "g") -> None:
        self.rule = Rule(name, "fake")
        self.fed: list[int] = []
        self._decides, self._verdict = decides, verdict

    def step(self, draw: Mapping[str, Trial]) -> Verdict | None:
        self.fed.append(next(iter(draw.values())).draw)
        return self._verdict if len(self.fed) >= self._decides else None

    def ruling(self, run: Run) -> Any:
        raise NotImplementedError

    def boundary(self) -> None:
        return None
