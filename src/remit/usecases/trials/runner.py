"""A run: its trials started in the order of draws, many at a time, until enough is known.

Trials start in the order that the seed says, the arms of a draw one after the other, and end in any order. A trial counts
once it is durable. What stops the run (every gate has decided on the contiguous prefix, an invariant is broken, somebody
asks for it) starts nothing more; trials that are running then are cancelled, and never change the verdict.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from remit.core.trial.gates.gate import Gate
from remit.core.trial.run import Run, RunInfo, in_order
from remit.core.trial.schedule import slots
from remit.core.trial.trial import Slot, Trial
from remit.usecases.trials.book import RunLog
from remit.usecases.trials.collecting import seldom_collected
from remit.usecases.trials.deciding import Deciding
from remit.usecases.trials.writing import Writing

AHEAD = 2
"""A sequential run starts no draw that is further ahead of the first one that does not count yet, in multiples of what
runs at a time: one slow trial must not have a hundred others paid for that nobody may need."""


class End(StrEnum):
    """How a run came to its end in this launch."""

    DONE = "done"
    """Every trial has ended."""
    DECIDED = "decided"
    """Enough was known before."""
    PAUSED = "paused"
    """Somebody stopped it; it may go on."""
    PART = "part"
    """The part of this shard is done; others are not."""


@dataclass(frozen=True, slots=True)
class DrawShare:
    """Which draws are this process's own: every *of*-th, from *index* on."""

    index: int = 0
    of: int = 1

    def has(self, slot: Slot) -> bool:
        """Whether a trial is of this part."""
        return slot.draw % self.of == self.index


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is."""

    ended: int
    running: int
    planned: int
    decided_upto: int
    """Draws of the contiguous prefix."""
    statuses: Counter[str]
    retried: int


@dataclass(slots=True)
class Runner:
    """Runs what is left of a run. Made for one launch; `run` is called once.

    Args of the class are its fields.
    """

    info: RunInfo
    log: RunLog
    trial: Callable[[Slot], Awaitable[Trial]]
    """Runs one trial (`running.TrialRunning.trial`)."""
    gates: Sequence[Gate] = ()
    concurrency: int = 8
    part: DrawShare = field(default_factory=DrawShare)
    hears: Callable[[Trial], None] = lambda _: None
    """Gets every trial of this launch, once it is durable."""
    _deciding: Deciding = field(init=False)
    _known: dict[tuple[str, int], Trial] = field(default_factory=dict)
    _ended: Counter[str] = field(default_factory=Counter)
    _retried: int = 0
    _running: dict[asyncio.Task[None], Slot] = field(default_factory=dict)
    _open: Counter[int] = field(default_factory=Counter)
    """Trials that started and do not count yet, by draw; the first key is the lowest, since draws start in order."""
    _undone: int = 0
    """How many these are."""
    _why: str = ""
    _bell: asyncio.Event = field(default_factory=asyncio.Event)
    _lost: BaseException | None = None

    def __post_init__(self) -> None:
        self._deciding = Deciding(self.info.arms, self.info.design, self.gates, self.draws)
        for trial in self.log.before.trials:
            self._take(trial)

    @property
    def draws(self) -> int:
        """Of the whole run."""
        design = self.info.design
        return design.max_trials if design.kind == "sequential" else design.epochs * len(self.info.tasks)

    @property
    def progress(self) -> Progress:
        """How far it is."""
        planned = self.draws * len(self.info.arms)
        return Progress(
            len(self._known), len(self._running), planned, self._deciding.upto, self._ended, self._retried
        )

    # ------------------------------------------------------------------------------------------ from outside
    def stop(self, why: str, *, drain: bool = False) -> None:
        """Start nothing more. Running trials are cancelled, or, with *drain*, may end."""
        self._why = self._why or why
        if not drain:
            self._cancel()
        self._bell.set()

    def _cancel(self) -> None:
        for task in self._running:
            if not task.cancelling():  # again, it would cut its agent off while that lets go
                task.cancel()

    def also(self, trials: Sequence[Trial]) -> None:
        """Trials of other parts of the run, that ended elsewhere."""
        for trial in trials:
            self._take(trial)
        self._look()

    # ------------------------------------------------------------------------------------------ the run
    async def run(self) -> tuple[Run, End]:
        """Run what is left.

        Raises:
            Unavailable: the record cannot be written.
        """
        writing = Writing(self.log, self._durable)
        writer = asyncio.create_task(writing.work())
        writer.add_done_callback(lambda _: self._bell.set())
        self._look()
        try:
            with seldom_collected():
                await self._start_all(writing, writer)
                await self._drain(writer)
        finally:
            await self._let_go()
            writing.close()
            await asyncio.wait({writer})
        if (lost := writer.exception() or self._lost) is not None:
            raise lost
        return self.result, self._end()

    @property
    def result(self) -> Run:
        """What has ended so far."""
        before = self.log.before
        why = self._deciding.why or self._why
        return Run(self.info, in_order(self._known.values(), self.info.arms), before.repeated, why)

    def _end(self) -> End:
        if self._deciding.why:
            return End.DECIDED
        if len(self._known) >= self.draws * len(self.info.arms):
            return End.DONE
        return End.PART if self.part.of > 1 and not self._why else End.PAUSED

    async def _start_all(self, writing: Writing, writer: asyncio.Task[None]) -> None:
        for slot in self._left():
            while not self._stopped and not writer.done() and not self._room(slot):
                await self._rung()
            if self._stopped or writer.done():
                return
            self._open[slot.draw] += 1
            self._undone += 1
            task = asyncio.create_task(self._one(slot, writing, writing.start(slot)))
            self._running[task] = slot
            task.add_done_callback(self._gone)

    async def _drain(self, writer: asyncio.Task[None]) -> None:
        while self._running and not writer.done():
            await self._rung()

    async def _let_go(self) -> None:
        """Whatever still runs is cancelled: the run is over, by whatever way."""
        self._cancel()
        if self._running:
            await asyncio.wait(list(self._running))

    async def _rung(self) -> None:
        await self._bell.wait()
        self._bell.clear()

    async def _one(self, slot: Slot, writing: Writing, known: asyncio.Future[None]) -> None:
        await known
        trial = await self.trial(slot)
        writing.finish(trial)
        if trial.breaches and not self._stopped:
            self.stop(f"an invariant was broken in trial {trial.draw} of {trial.arm!r}")

    def _gone(self, task: asyncio.Task[None]) -> None:
        self._running.pop(task)
        self._bell.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            self._broke(error)

    def _broke(self, error: BaseException) -> None:
        """A defect, or a store that is gone: not of an agent, whose errors are trials."""
        self._lost = self._lost or error
        self.stop(f"{type(error).__name__}: {error}")

    @property
    def _stopped(self) -> bool:
        return bool(self._why or self._deciding.why)

    def _left(self) -> Iterator[Slot]:
        weights = {task: one.weight for task, one in self.info.tasks.items()}
        for slot in slots(self.info.design, weights, self.info.arms):
            if self.part.has(slot) and slot.key not in self._known:
                yield slot

    def _room(self, slot: Slot) -> bool:
        # Also those that ended and are not durable yet: a kill must not cost more than what runs at a time.
        if self._undone >= self.concurrency:
            return False
        if self.info.design.kind != "sequential" or not self._open:
            return True
        return slot.draw - next(iter(self._open)) < AHEAD * self.concurrency * self.part.of

    # ------------------------------------------------------------------------------------------ what ended
    def _durable(self, trials: Sequence[Trial]) -> None:
        for trial in trials:
            self._undone -= 1
            self._open[trial.draw] -= 1
            if not self._open[trial.draw]:
                del self._open[trial.draw]
            self._take(trial)
            self.hears(trial)
        self._look()
        self._bell.set()

    def _take(self, trial: Trial) -> None:
        if trial.key in self._known:
            return
        self._known[trial.key] = trial
        self._ended[trial.status.value] += 1
        self._retried += trial.attempts - 1
        self._deciding.add(trial)

    def _look(self) -> None:
        if self._deciding.why:
            self.stop(self._deciding.why)
