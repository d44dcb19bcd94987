"""The record of runs, in the journal: what was fixed before the first trial, what started, what ended, why it stopped.

Each run is a stream of events under a tenant of its own: encrypted, chained and erasable as everything else. A trial that
stands in it as ended never runs again; one that only stands as started was cut off, and runs again. One process at a time
works on a run: it holds a lock that ends with it, however it ends.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from remit.core.errors import BadInput
from remit.core.event import Event
from remit.core.trial.apart import run_tenant
from remit.core.trial.run import FORMAT, Run, RunInfo
from remit.core.trial.trial import Breach, Slot, Trial
from remit.core.types import Json
from remit.ports import Ids
from remit.store.control_forget import forget_run
from remit.store.run_lock import RunLock
from remit.store.sqlite import SqliteStore
from remit.store.transaction import Transaction
from remit.store.trial_events import (
    BEGUN,
    ENDED,
    FINISHED,
    KINDS,
    PAUSED,
    RESUMED,
    STARTED,
    RunLine,
    RunSoFar,
    line_of,
    run_event,
)


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
        return [line_of(self._read(run_id)) for run_id in ids]

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

    def _read(self, run_id: str) -> RunSoFar:
        found = RunSoFar()
        for stored in self._store.events(run_id, KINDS, tenant=run_tenant(run_id)):
            if not stored.erased:
                found.take(stored)
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
            self._store.append_now(run_event(self._ids.new(), info, BEGUN, body))
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
            self._store.append_now(run_event(self._ids.new(), before.info, RESUMED, body))
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

    def _locked(self, run_id: str) -> RunLock:
        folder = self._store.folder
        return RunLock(None if folder is None else Path(folder), run_id)


class OpenRun:
    """One run that this process works on (`usecases.trials.book.RunLog`)."""

    def __init__(
        self, store: SqliteStore, ids: Ids, before: Run, launch: int, lock: RunLock, retain_s: float | None
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
        return run_event(self._ids.new(), self.before.info, kind, body, subject, retain_s)


def _same_agents(one: RunInfo, other: RunInfo) -> bool:
    prints = [msgspec.to_builtins(info.fingerprints) for info in (one, other)]
    return one.suite_hash == other.suite_hash and prints[0] == prints[1]
