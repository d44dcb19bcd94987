"""R1 over files: records read in batches, judged here or in worker processes, results in the records' order.

A batch is the unit of work: bytes go to a worker, bytes and counts come back. Compiled envelopes cannot be
pickled, so each process loads its own, once.
"""

from __future__ import annotations

import gc
import multiprocessing
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from remit.core.envelope import Envelope
from remit.core.errors import BadInput, Unavailable
from remit.core.recorded import RecordedSession
from remit.core.selftest import load_envelope
from remit.core.types import PrincipalKind
from remit.usecases.replay import Tally, fits, replay_session, session_line
from remit.usecases.sessions_files import UnreadRecord, lines, sessions_in

BATCH_BYTES = 2_000_000
BATCHES_WAITING = 4
"""Batches in flight for each worker: enough to keep it busy, few enough to bound memory."""

_ENCODER = msgspec.json.Encoder(order="deterministic")


@dataclass(frozen=True, slots=True)
class ReplayPlan:
    """What to judge by; plain values, so that a worker can be told."""

    envelopes: Mapping[str, tuple[str, str]]
    """(text, file name) of the envelope by suite; the empty suite is for every session without its own."""
    where: Mapping[str, str] = field(default_factory=dict)
    principal_kind: PrincipalKind | None = None
    skip_bad: bool = False
    """Count records that are no session instead of stopping."""
    write_lines: bool = True
    """Whether `ReplayPart.lines` is wanted."""


@dataclass(frozen=True, slots=True)
class RecordBatch:
    """Some records of one file."""

    lines: tuple[tuple[str, bytes], ...]
    """(place, data)."""
    file: Path
    read_to: int


@dataclass
class ReplayPart:
    """What came of one batch, or of all."""

    tallies: dict[str, Tally] = field(default_factory=dict)
    """By suite."""
    lines: list[bytes] = field(default_factory=list)
    """One JSON line for each session."""
    skipped: Counter[str] = field(default_factory=Counter)
    """Sessions that were not judged, by reason."""
    bad: list[tuple[str, str, str]] = field(default_factory=list)
    """Records that are no session: place, what was found, what would do."""

    def merge(self, other: ReplayPart) -> None:
        """Add what *other* counted; its lines are the caller's to write."""
        for suite, tally in other.tallies.items():
            self.tallies.setdefault(suite, Tally()).merge(tally)
        self.skipped.update(other.skipped)
        self.bad.extend(other.bad)

    @property
    def total(self) -> Tally:
        """All suites together."""
        total = Tally()
        for tally in self.tallies.values():
            total.merge(tally)
        return total


def batches(files: Sequence[Path]) -> Iterator[RecordBatch]:
    """The records of *files* in pieces of about `BATCH_BYTES`.

    Raises:
        BadInput: a file cannot be read.
    """
    for file in files:
        waiting: list[tuple[str, bytes]] = []
        size, read_to = 0, 0
        for line in lines(file):
            waiting.append((line.where, line.data))
            size += len(line.data)
            read_to = line.read_to
            if size >= BATCH_BYTES:
                yield RecordBatch(tuple(waiting), file, read_to)
                waiting, size = [], 0
        yield RecordBatch(tuple(waiting), file, read_to)


def judged(
    work: Iterable[RecordBatch], plan: ReplayPlan, jobs: int = 1
) -> Iterator[tuple[RecordBatch, ReplayPart]]:
    """Each batch with what came of it, in order.

    Args:
        work: the batches.
        plan: what to judge by.
        jobs: processes; 1 stays in this one.

    Raises:
        BadInput: a record is no session, unless the plan skips those.
        Unavailable: a worker process died.
    """
    parts = _here(work, plan) if jobs == 1 else _in_processes(work, plan, jobs)
    for batch, part in parts:
        if part.bad and not plan.skip_bad:
            raise BadInput(*part.bad[0])
        yield batch, part


def _here(work: Iterable[RecordBatch], plan: ReplayPlan) -> Iterator[tuple[RecordBatch, ReplayPart]]:
    judge = _Judge(plan)
    for batch in work:
        yield batch, judge.part(batch)


def _in_processes(
    work: Iterable[RecordBatch], plan: ReplayPlan, jobs: int
) -> Iterator[tuple[RecordBatch, ReplayPart]]:
    # spawn: a fork would copy a process that may hold threads (the progress bar's) and locks.
    context = multiprocessing.get_context("spawn")
    waiting: deque[tuple[RecordBatch, Future[ReplayPart]]] = deque()
    with ProcessPoolExecutor(jobs, context, initializer=_start, initargs=(plan,)) as pool:
        try:
            for batch in work:
                waiting.append((batch, pool.submit(_work, batch)))
                if len(waiting) >= jobs * BATCHES_WAITING:
                    done, future = waiting.popleft()
                    yield done, future.result()
            while waiting:
                done, future = waiting.popleft()
                yield done, future.result()
        except BrokenProcessPool:
            raise Unavailable("a worker process died; try --jobs 1") from None
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


_judge: _Judge | None = None


def _start(plan: ReplayPlan) -> None:
    global _judge  # noqa: PLW0603 - one judge for each worker process, made at its start
    _judge = _Judge(plan)


def _work(batch: RecordBatch) -> ReplayPart:
    assert _judge is not None  # noqa: S101 - the pool called _start
    return _judge.part(batch)


@contextmanager
def _no_collection() -> Iterator[None]:
    """A batch makes many objects and no cycles; looking for cycles among them costs a tenth of the time."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


class _Judge:
    """Envelopes, loaded, and what to do with each record."""

    def __init__(self, plan: ReplayPlan) -> None:
        self._plan = plan
        self._envelopes = {suite: load_envelope(text, file) for suite, (text, file) in plan.envelopes.items()}

    def part(self, batch: RecordBatch) -> ReplayPart:
        """What comes of *batch*."""
        with _no_collection():
            return self._part(batch)

    def _part(self, batch: RecordBatch) -> ReplayPart:
        part = ReplayPart()
        for where, data in batch.lines:
            try:
                for session in sessions_in(UnreadRecord(where, data, 0)):
                    self._add(session, part)
            except BadInput as error:
                part.bad.append((error.where, error.found, error.remedy))
                if not self._plan.skip_bad:
                    break
        return part

    def _add(self, session: RecordedSession, part: ReplayPart) -> None:
        if not fits(session, self._plan.where):
            return
        envelope = self._envelope(session.suite)
        if envelope is None:
            suite = f"suite '{session.suite}'" if session.suite else "a session without a suite"
            part.skipped[f"no envelope for {suite}"] += 1
            return
        replayed = replay_session(session, envelope, self._plan.principal_kind)
        part.tallies.setdefault(session.suite, Tally()).add(replayed)
        if self._plan.write_lines:
            part.lines.append(_ENCODER.encode(session_line(replayed)) + b"\n")

    def _envelope(self, suite: str) -> Envelope | None:
        return self._envelopes.get(suite) or self._envelopes.get("")
