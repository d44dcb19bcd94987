"""The classifier's worker: takes what was captured, says where it came from, and again when evidence arrives.

It reads the journal behind capture and never stands in its way: reading takes no lock, and writing is done in short
transactions with pauses. A worker that dies leaves nothing half done: what was not written is looked at anew. Several
workers waste work, and write each classification once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Protocol

from remit.core.classify.case import Case
from remit.core.classify.classification import Class, Classification, Team
from remit.core.classify.combine import classify
from remit.core.classify.counterfactual import Counterfactual, counterfactual_from
from remit.core.classify.known import Known
from remit.core.classify.work import CAPTURED, Done, Pending
from remit.core.envelope import Envelope
from remit.core.errors import BadInput, Unavailable
from remit.core.event import StoredEvent
from remit.core.ids import derived_id
from remit.core.selftest import load_envelope
from remit.core.types import Json
from remit.usecases.archive import archived
from remit.usecases.cases import case_from, held_case
from remit.usecases.sessions_at_hand import SessionsAtHand
from remit.usecases.worker import Beside

REPLAYED = "anomaly.replayed"
"""Kind of the event that keeps what came of asking an agent again."""
BATCH = 16
"""Anomalies written in one transaction: few, so that the lock is held for milliseconds."""
SAME_CONFIDENCE = 0.05
"""A confidence that moved by less is no news."""

log = logging.getLogger("remit.triage")


class TriageWork(Protocol):
    """What waits in a store, and where it is written; `store.triage_work.SqliteTriageWork`."""

    def new(self, most: int) -> list[Pending]:
        """Anomalies that nobody has looked at, oldest first."""

    def held(self, most: int) -> list[StoredEvent]:
        """Questions to people that nobody has looked at."""

    def write_held(self, done: Sequence[Done], upto: int) -> None:
        """Write where held calls came from."""

    def again(self, most: int) -> list[Pending]:
        """Anomalies that are to be looked at once more."""

    def events(self, session: str, after: int, last: int, kinds: Sequence[str]) -> Iterator[StoredEvent]:
        """The events of one session after a sequence and up to another."""

    def event(self, event_id: str) -> StoredEvent | None:
        """The event with this id."""

    def write(self, done: Sequence[Done], upto: int = 0) -> int:
        """Write classifications in one transaction; how many were written."""

    def replayed(self, stored: StoredEvent, found: Mapping[str, Json], number: int) -> None:
        """Keep what came of asking an agent again, for the n-th time."""

    def unchanged(self, pending: Sequence[Pending]) -> None:
        """They were looked at again, and nothing is other than before."""

    def one(self, seq: int) -> Pending | None:
        """One anomaly, because somebody asks for it."""

    def label(self, anomaly: str, given: Class, by: str, note: str = "") -> None:
        """A person says where an anomaly came from."""


@dataclass(frozen=True, slots=True)
class TriageStep:
    """What one step did."""

    looked: int
    written: int
    done: tuple[Done, ...] = ()


class Triage:
    """Classifies what a store holds.

    Args:
        work: the store.
        known: what is known beside a case: changes, opinions, counterfactual runs. It may be slow where the person who
            set it up wants that.
        learned: hears what was written.
        batch: anomalies for each transaction.
    """

    def __init__(
        self,
        work: TriageWork,
        known: Callable[[Case], Known] = lambda _case: Known(),
        *,
        learned: Callable[[Sequence[Done]], None] = lambda _done: None,
        batch: int = BATCH,
    ) -> None:
        self._work = work
        self._known = known
        self._learned = learned
        self._batch = batch
        self._envelope = lru_cache(maxsize=64)(self._archived)
        self._sessions = SessionsAtHand(work.events, self._envelope)

    def held_step(self) -> int:
        """Say of held calls where they came from, a batch at a time: a person is about to answer. How many."""
        asked = self._work.held(self._batch)
        if not asked:
            return 0
        done = [self.judge_held(one) for one in asked if not one.erased]
        self._work.write_held(done, asked[-1].seq)
        self._learned([one for one in done if one.found.label in (Class.SECURITY, Class.BOTH)])
        return len(asked)

    def judge_held(self, asked: StoredEvent) -> Done:
        """Say of one held call, by its `approval.requested`, where it came from."""
        pending = Pending(asked)
        try:
            case = held_case(asked, self._sessions.so_far(asked))
            return Done(pending, case, classify(case, self._known(case)))
        except Unavailable:
            raise
        except Exception as error:  # as in `judge`
            log.exception("held call %s could not be classified", asked.event.id)
            return _not_judged(pending, error)

    def step(self) -> TriageStep:
        """Look at a batch: new ones first, then those that are due again. `looked` is 0 where nothing waits."""
        pending = self._work.new(self._batch)
        if pending:
            self._sessions.expect([one.stored for one in pending])
            done = [self.judge(one) for one in pending]
            done, written = self._written(done, upto=pending[-1].stored.seq)
            self._learned(done)
            return TriageStep(len(done), written, tuple(done))
        again = self._work.again(self._batch)
        if not again:
            return TriageStep(0, 0)
        return self.rejudge(again)

    def waits(self) -> bool:
        """Whether anything is to be looked at now."""
        return bool(self._work.new(1) or self._work.again(1))

    def rejudge(self, pending: Sequence[Pending]) -> TriageStep:
        """Classify these once more, and write what changed."""
        in_order = sorted(pending, key=lambda one: one.stored.seq)
        self._sessions.expect([one.stored for one in in_order])
        done = [self.judge(one) for one in in_order]
        news = [one for one in done if self._is_news(one)]
        same = [one.pending for one in done if one not in news]
        news, written = self._written(news) if news else (news, 0)
        self._learned(news)
        if same:
            self._work.unchanged(same)
        return TriageStep(len(done), written, tuple(news))

    def _written(self, done: list[Done], upto: int = 0) -> tuple[list[Done], int]:
        """What was written, and how many. One that cannot be written is told as undetermined: nobody waits for it."""
        try:
            return done, self._work.write(done, upto)
        except Unavailable:
            raise
        except Exception:  # a defect: of the batch, it is to be found out of which
            log.exception("classifications could not be written")
        found, written = list[Done](), 0
        for one in done:
            try:
                written += self._work.write([one])
                found.append(one)
            except Unavailable:
                raise
            except Exception as error:  # noqa: BLE001 - logged above
                found.append(_not_judged(one.pending, error))
                written += self._work.write(found[-1:])
        if upto:
            self._work.write([], upto)
        return found, written

    def label(self, stored: StoredEvent, given: Class, by: str, note: str = "") -> None:
        """A person says where an anomaly came from: recorded, and routed at once.

        Raises:
            BadInput: it is no anomaly.
        """
        first = self._work.one(stored.seq)
        if first is None:
            raise BadInput("anomaly", "it is none", "see `remit anomalies ls`")
        if first.times == 0:
            self._work.write([self.judge(first)])
        self._work.label(stored.event.id, given, by, note)
        again = self._work.one(stored.seq)
        if again is not None:
            self._work.write([self.judge(replace(again, why="label"))])

    def judge(self, pending: Pending) -> Done:
        """Say of one anomaly where it came from. One that cannot be judged is undetermined, and stops nothing."""
        try:
            case = self.case(pending.stored)
            return Done(pending, case, classify(case, self._beside(pending, case)))
        except Unavailable:
            raise
        except (
            Exception
        ) as error:  # a defect, or a record that somebody altered: the others must not wait for it
            log.exception("anomaly %s could not be classified", pending.stored.event.id)
            return _not_judged(pending, error)

    def case(self, stored: StoredEvent) -> Case:
        """An anomaly with what its session had seen."""
        return case_from(stored, self._sessions.so_far(stored))

    def replays(self, stored: StoredEvent) -> list[Counterfactual]:
        """What came of asking an agent again about an anomaly, each time."""
        found: list[Counterfactual] = []
        while (event := self._work.event(derived_id(stored.event.id, REPLAYED, len(found) + 1))) is not None:
            if event.erased:
                break
            found.append(counterfactual_from(event.event.body))
        return found

    def envelope(self, stored: StoredEvent) -> Envelope | None:
        """The envelope that was in force; None where nobody has it any more."""
        return self._envelope(stored.event.envelope, stored.event.tenant)

    def _beside(self, pending: Pending, case: Case) -> Known:
        """What is known beside the case; nobody asked an agent again about what was never classified."""
        known = self._known(case)
        made = self.replays(pending.stored) if pending.times else []
        return replace(known, counterfactual=made[-1]) if made else known

    def _is_news(self, done: Done) -> bool:
        """A class that is new, a label that nobody routed yet, or other evidence than before."""
        pending = done.pending
        if pending.before is None or pending.why in ("label", "asked", "replay"):
            return True
        last = self._last(pending)
        return last is None or not _alike(last, done.found)

    def _last(self, pending: Pending) -> Classification | None:
        from remit.core.classify.told import classification_from

        event_id = derived_id(pending.stored.event.id, "anomaly.classified", pending.times)
        found = self._work.event(event_id)
        return None if found is None or found.erased else classification_from(found.event.body)

    def _archived(self, envelope_hash: str, tenant: str) -> Envelope | None:
        try:
            return load_envelope(archived(self._work.event, envelope_hash, tenant), envelope_hash[:12])
        except (BadInput, Unavailable):
            return None


def _not_judged(pending: Pending, error: Exception) -> Done:
    event, index = pending.stored.event, pending.stored.event.anomaly
    case = Case(event.id, event.session, event.agent, index.kind if index else "", tenant=event.tenant)
    told = f"it could not be classified: {type(error).__name__}"
    teams = (Team.SECURITY, Team.SRE)
    return Done(pending, case, Classification(event.id, Class.UNDETERMINED, teams, 0.0, (), missing=(told,)))


def _alike(one: Classification, other: Classification) -> bool:
    same = ("label", "deliver_to", "origin", "change", "version")
    moved = abs(one.confidence - other.confidence)
    return all(getattr(one, name) == getattr(other, name) for name in same) and moved < SAME_CONFIDENCE


class Stepping(Protocol):
    """What does a little at a time."""

    def step(self) -> int:
        """How much was done; 0 where nothing was to do."""


class Telling(Beside, Protocol):
    """What delivers; `usecases.deliver.Deliverers`."""

    def deliver_once(self) -> int:
        """Deliver what is due now."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What works on the captured, joined: classification, changes and drift, incidents, delivery."""

    triage: Triage
    changes: Stepping
    feed: Stepping
    beside: Telling

    @property
    def steps(self) -> tuple[Callable[[], int], ...]:
        """One of each, for a worker."""
        return (self.triage.held_step, lambda: self.triage.step().looked, self.changes.step, self.feed.step)

    def once(self) -> Iterator[Done]:
        """Everything that waits, until nothing does; what is due is delivered at the end."""
        while self.changes.step():
            pass  # so that what changed is known before anything is classified
        while self.triage.held_step():
            pass
        while True:
            yield from classify_all(self.triage)
            if not self.changes.step() and not self.feed.step() and not self.triage.waits():
                break
        self.beside.deliver_once()


def classify_all(triage: Triage) -> Iterator[Done]:
    """Everything that waits, until nothing does."""
    while (step := triage.step()).looked:
        yield from step.done


__all__ = ["CAPTURED", "Desk", "TriageStep", "Triage", "TriageWork", "classify_all"]
