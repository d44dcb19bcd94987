"""The record of runs, in the journal: what was fixed before the first trial, what started, what ended, why it stopped.

Each run is a stream of events under a tenant of its own: encrypted, chained and erasable as everything else. A trial that
stands in it as ended never runs again; one that only stands as started was cut off, and runs again. One process at a time
works on a run: it holds a lock that ends with it, however it ends.
"""

from __future__ import annotations

import fcntl
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec

from remit.core.errors import BadInput, Unavailable
from remit.core.event import Event, StoredEvent
from remit.core.trial.apart import run_tenant
from remit.core.trial.run import FORMAT, Run, RunInfo, in_order
from remit.core.trial.trial import Breach, Slot, Trial
from remit.core.types import Json
from remit.ports import Ids
from remit.store.control_forget import forget_run
from remit.store.sqlite import SqliteStore
from remit.store.transaction import Transaction

BEGUN, RESUMED, STARTED, FINISHED = "trial.run", "trial.resumed", "trial.started", "trial.finished"
PAUSED, ENDED = "trial.paused", "trial.ended"
KINDS = (BEGUN, RESUMED, STARTED, FINISHED, PAUSED, ENDED)


@dataclass(frozen=True, slots=True)
class RunLine:
    """A run in a list."""

    id: str
    suite: str
    at: float
    arms: tuple[str, ...]
    state: str
    """`ended`, `paused` (it may go on), or `open` (it runs, or was cut off)."""
    trials: int
    stopped: str
    verdict: str
    suite_hash: str
    design_hash: str
    source: str


@dataclass(slots=True)
class _Read:
    """What the events of one run say."""

    info: RunInfo | None = None
    at: float = 0.0
    trials: dict[tuple[str, int], Trial] = field(default_factory=dict)
    started: set[tuple[str, int]] = field(default_factory=set)
    repeated: int = 0
    launch: int = 1
    ended: bool = False
    paused: bool = False
    stopped: str = ""
    verdict: str = ""

    def run(self) -> Run:
        assert self.info is not None  # noqa: S101 - the caller looked
        return Run(self.info, in_order(self.trials.values(), self.info.arms), self.repeated, self.stopped)


class TrialBook:
    """All runs of one store.

    Args:
        store: open.
        ids: makes ids.
    """

    def __init__(self, store: SqliteStore, ids: Ids) -> None:
        self._store = store
        self._ids = ids

    # ------------------------------------------------------------------------------------------ reading
    def load(self, run_id: str) -> Run:
        """A run with every trial that has ended.

        Raises:
            BadInput: there is no such run.
        """
        return self._read(run_id).run()

    def ended(self, run_id: str) -> bool:
        """Whether a run has come to its end, so that it does not go on."""
        return self._read(run_id).ended

    def runs(self) -> list[RunLine]:
        """Every run, oldest first."""
        ids = [stored.event.session for stored in self._store.events(kinds={BEGUN}) if not stored.erased]
        return [_line(self._read(run_id)) for run_id in ids]

    def earlier(self, info: RunInfo) -> Mapping[str, int]:
        """How many runs of the same suite and agents there are, whatever their design and seed, by verdict.

        Args:
            info: of a run that is about to begin. Parts of one run count once.
        """
        found: dict[str, str] = {}
        for stored in self._store.events(kinds={BEGUN}):
            if stored.erased:
                continue
            other = msgspec.convert(stored.event.body["run"], RunInfo)
            whole, _, part = other.source.partition(" --shard ")
            run_id = other.id.removesuffix(f".{part}") if part else other.id
            if run_id != info.id and whole == info.source and _same_agents(other, info):
                found[run_id] = self._verdict(other.id) or found.get(run_id, "")
        return Counter(found.values())

    def _verdict(self, run_id: str) -> str:
        ended = next(self._store.events(run_id, {ENDED}, tenant=run_tenant(run_id)), None)
        return "" if ended is None or ended.erased else str(ended.event.body["verdict"])

    def _read(self, run_id: str) -> _Read:
        found = _Read()
        for stored in self._store.events(run_id, KINDS, tenant=run_tenant(run_id)):
            if not stored.erased:
                _take(found, stored)
        if found.info is None:
            raise BadInput(f"run {run_id[:80]!r}", "this store has none", "see `remit trial ls`")
        return found

    # ------------------------------------------------------------------------------------------ writing
    def begin(self, info: RunInfo, retain_s: float | None = None) -> OpenRun:
        """Begin a run; what is fixed of it is durable when this returns.

        Args:
            info: of a run that is not in the store.
            retain_s: how long its trials are kept; None for ever.

        Raises:
            BadInput: a run of this id is there.
            Unavailable: the store cannot be written.
        """
        lock = self._locked(info.id)
        try:
            if next(self._store.events(info.id, {BEGUN}, tenant=run_tenant(info.id)), None) is not None:
                raise BadInput(f"run {info.id}", "there is one of this id", "go on with it by --resume")
            body = {"format": FORMAT, "run": msgspec.to_builtins(info)}
            self._store.append_now(_event(self._ids.new(), info, BEGUN, body))
        except BaseException:
            lock.release()
            raise
        return OpenRun(self._store, self._ids, Run(info, ()), 1, lock, retain_s)

    def resume(self, run_id: str, retain_s: float | None = None) -> OpenRun:
        """Go on with a run that was cut off or paused.

        Raises:
            BadInput: there is no such run, it has ended, or another process is working on it.
            Unavailable: the store cannot be written.
        """
        lock = self._locked(run_id)
        try:
            read = self._read(run_id)
            if read.ended:
                raise BadInput(f"run {run_id}", "it has ended", "begin another with --new")
            before = read.run()
            cut = sorted(read.started - set(read.trials))
            launch = read.launch + 1
            body: dict[str, Json] = {"launch": launch, "repeated": [list(key) for key in cut]}
            self._store.append_now(_event(self._ids.new(), before.info, RESUMED, body))
        except BaseException:
            lock.release()
            raise
        return OpenRun(
            self._store,
            self._ids,
            replace(before, repeated=before.repeated + len(cut), stopped=""),
            launch,
            lock,
            retain_s,
        )

    def _locked(self, run_id: str) -> _Lock:
        folder = self._store.folder
        return _Lock(None if folder is None else Path(folder) / f"run-{_safe(run_id)}.lock", run_id)


class OpenRun:
    """One run that this process works on (`usecases.trials.book.RunLog`)."""

    def __init__(
        self, store: SqliteStore, ids: Ids, before: Run, launch: int, lock: _Lock, retain_s: float | None
    ) -> None:
        self._store, self._ids, self._lock, self._retain_s = store, ids, lock, retain_s
        self._principals: dict[str, str] = {}
        self.before = before
        self.launch = launch

    def of_principals(self, principals: Mapping[str, str]) -> None:
        """Whose data the trials of a task hold, by task: erasing them erases those trials."""
        self._principals = dict(principals)

    def write(self, started: Sequence[Slot], finished: Sequence[Trial]) -> Future[None]:
        """Write that trials started and ended, in one transaction."""
        events = []
        if started:
            keys: list[Json] = [[slot.arm, slot.draw] for slot in started]
            events.append(self._event(STARTED, {"launch": self.launch, "trials": keys}))
        for subject, trials in self._by_subject(finished).items():
            body: dict[str, Any] = {
                "launch": self.launch,
                "trials": trials,
            }  # encoded as JSON where it is written
            events.append(self._event(FINISHED, body, subject, self._retain_s))
        return self._append(events)

    def end(
        self,
        stopped: str,
        verdict: str,
        *,
        broken: Iterable[tuple[str, int, Breach]] = (),
        watched: Sequence[str] = (),
    ) -> Future[None]:
        """Write that the run has ended, and forget what its trials' breakers and limits had counted.

        Args:
            stopped: why, where it did before its last trial.
            verdict: that was told.
            broken: breaches that only the whole run could show, by arm and draw: its report must show them again.
            watched: the invariants that were looked at then.
        """
        body: dict[str, Json] = {"stopped": stopped, "verdict": verdict}
        if watched:
            found = [[arm, draw, msgspec.to_builtins(breach)] for arm, draw, breach in broken]
            body |= {"watched": list(watched), "broken": found}
        event = self._event(ENDED, body)

        def work(tx: Transaction) -> None:
            tx.append(event)
            forget_run(tx.connection, self.before.info.id)

        return self._store.transact(work)

    def pause(self, why: str) -> Future[None]:
        """Write that the run was cut off."""
        return self._append([self._event(PAUSED, {"why": why})])

    def close(self) -> None:
        """Let another process go on with the run."""
        self._lock.release()

    def _by_subject(self, trials: Sequence[Trial]) -> Mapping[str, list[Trial]]:
        found: defaultdict[str, list[Trial]] = defaultdict(list)
        for trial in trials:
            found[self._principals.get(trial.task, "")].append(trial)
        return found

    def _append(self, events: Sequence[Event]) -> Future[None]:
        def work(tx: Transaction) -> None:
            for event in events:
                tx.append(event)

        return self._store.transact(work, events=max(1, len(events)), size=4_096)

    def _event(
        self, kind: str, body: Mapping[str, Json], subject: str = "", retain_s: float | None = None
    ) -> Event:
        return _event(self._ids.new(), self.before.info, kind, body, subject, retain_s)


class _Lock:
    """Held by one process at a time, and let go when it ends."""

    def __init__(self, path: Path | None, run_id: str) -> None:
        self._handle: int | None = None
        if path is None:
            return
        try:
            self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.release()
            told = "another process is working on it"
            raise BadInput(f"run {run_id}", told, "wait for it, or stop it") from None
        except OSError as error:
            self.release()
            raise Unavailable(f"{path}: cannot be locked ({error.strerror})") from None

    def release(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def _event(
    event_id: str,
    info: RunInfo,
    kind: str,
    body: Mapping[str, Json],
    subject: str = "",
    retain_s: float | None = None,
) -> Event:
    return Event(
        event_id,
        info.id,
        kind,
        info.suite,
        "",
        body,
        tenant=run_tenant(info.id),
        subject=subject,
        retain_s=retain_s,
    )


def _take(found: _Read, stored: StoredEvent) -> None:
    body, kind = stored.event.body, stored.event.kind
    if kind == BEGUN:
        found.info, found.at = msgspec.convert(body["run"], RunInfo), stored.at
    elif kind == RESUMED:
        found.launch, found.paused = int(body["launch"]), False
        found.repeated += len(body["repeated"])
        found.stopped = ""
        found.started &= found.trials.keys()  # those were counted, and run again
    elif kind == STARTED:
        found.started |= {(arm, draw) for arm, draw in body["trials"]}
    elif kind == FINISHED:
        for trial in msgspec.convert(body["trials"], list[Trial]):
            found.trials.setdefault(trial.key, trial)
    elif kind == PAUSED:
        found.paused, found.stopped = True, str(body["why"])
    elif kind == ENDED:
        found.ended, found.stopped, found.verdict = True, str(body["stopped"]), str(body["verdict"])
        _take_afterwards(found, body)


def _take_afterwards(found: _Read, body: Mapping[str, Any]) -> None:
    """What was seen of the whole run when it had ended."""
    if found.info is not None:
        found.info = replace(found.info, invariants=(*found.info.invariants, *body.get("watched", ())))
    for arm, draw, told in body.get("broken", ()):
        if (trial := found.trials.get((arm, draw))) is not None:  # else it was erased
            breach = msgspec.convert(told, Breach)
            found.trials[arm, draw] = replace(trial, breaches=(*trial.breaches, breach))


def _same_agents(one: RunInfo, other: RunInfo) -> bool:
    prints = [msgspec.to_builtins(info.fingerprints) for info in (one, other)]
    return one.suite_hash == other.suite_hash and prints[0] == prints[1]


def _line(read: _Read) -> RunLine:
    info = read.info
    assert info is not None  # noqa: S101 - the caller looked
    state = "ended" if read.ended else "paused" if read.paused else "open"
    return RunLine(
        info.id,
        info.suite,
        info.at or read.at,
        info.arms,
        state,
        len(read.trials),
        read.stopped,
        read.verdict,
        info.suite_hash,
        info.design_hash,
        info.source,
    )


def _safe(run_id: str) -> str:
    """A file's name of it."""
    return "".join(c if c.isalnum() or c in "-_." else "_" for c in run_id)[:150]


def lines_of(runs: Sequence[RunLine]) -> Iterator[dict[str, Json]]:
    """As `remit trial ls --json` prints them."""
    for run in runs:
        yield msgspec.to_builtins(run)
