"""The store as the guard sees it (`ports.Records`), on SQLite: each method is one transaction.

Mode changes and held calls are told to people through the outbox, in the same transaction: nothing is lost, nothing is
told that did not happen.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from remit.core.admission import Admission, AdmitRequest, Misstep, Settlement, Trace
from remit.core.approval import ApprovalRecord, ApprovalRequest, Parked
from remit.core.breaker import ModeChange
from remit.core.errors import BadInput, Unavailable
from remit.core.event import Event, StoredEvent
from remit.core.history import Ask, Look, Watch
from remit.core.marks import MarkClaim
from remit.core.past import Recalled
from remit.core.repeats import RepeatAsk
from remit.core.types import Json, LimitClaim, Mode, ToolEffect
from remit.store import (
    control,
    control_approvals,
    control_breaker,
    control_limits,
    control_past,
    deliveries,
    drift_rows,
    incident_rows,
    operators,
    outbox,
    triage,
)
from remit.store.past_rows import PastRows
from remit.store.sqlite import SqliteStore
from remit.store.transaction import Transaction
from remit.store.watching import watch_from_now
from remit.store.writer import in_event_loop

T = TypeVar("T")

EXTENSIONS: tuple[str, ...] = (
    control.DDL,
    outbox.DDL,
    triage.DDL,
    incident_rows.DDL,
    deliveries.DDL,
    drift_rows.DDL,
)
"""Tables beside the journal's own."""


class SqliteRecords:
    """`ports.Records` over a `SqliteStore`."""

    def __init__(self, store: SqliteStore) -> None:
        self.store = store
        self._limit_key = store.derive("limit-keys")
        self._epoch_seen = 0
        self._file = _identity(store.path)

    @property
    def volatile(self) -> bool:
        """True for `memory:`."""
        return self.store.volatile

    @property
    def single_operator(self) -> bool:
        """As was said when the store was made."""
        return self.store.single_operator

    # ------------------------------------------------------------------------------------------ writing
    def append(self, events: Sequence[Event], *, lingers: bool = False) -> Future[None]:
        """Write events, at once or with the next write."""

        def work(tx: Transaction) -> None:
            for event in events:
                tx.append(event)

        return self._transact(work, events, lingers=lingers)

    def refuse(self, event: Event, missteps: Sequence[Misstep]) -> Future[None]:
        """Write a refusal and count its violations."""
        return self.settle(None, [event], missteps)

    def admit(
        self,
        request: AdmitRequest,
        events: Callable[[Admission], Sequence[Event]],
        missteps: Callable[[Admission], Sequence[Misstep]],
    ) -> Future[Admission]:
        """Check again, reserve, and write what came of it, all or nothing."""
        keyed = replace(
            request,
            claims=self._keyed(request.claims),
            digest=self._hidden(request.digest) if request.digest else "",
            epoch_seen=self._epoch_seen,
            asks=self._keyed_asks(request.asks),
            repeat=self._keyed_repeat(request.repeat),
            once=self._hidden(request.once) if request.once else "",
            marks=self._keyed_marks(request.marks),
            trace=self._hiding(request.trace),
        )
        made: list[tuple[Admission, Sequence[Event], Sequence[Misstep]]] = []

        def work(tx: Transaction) -> Admission:
            self._watch_clock(tx)
            admission = control.admit(tx, keyed)
            # A batch that runs again writes the same events where the answer is the same, and never an old answer.
            if not made or _differs(made[0][0], admission):
                made[:] = [(admission, events(admission), missteps(admission))]
            for event in made[0][1]:
                tx.append(event)
            self._tell(tx, admission.changes)
            for misstep in made[0][2]:
                self._tell(tx, control.count_violation(tx, self._private(misstep)))
            return admission

        future = self._run(work)
        future.add_done_callback(self._remember_epoch)
        return future

    def settle(
        self, settlement: Settlement | None, events: Sequence[Event], missteps: Sequence[Misstep]
    ) -> Future[None]:
        """Give reservations back, count violations, write the outcome."""

        def work(tx: Transaction) -> None:
            for event in events:
                tx.append(event)
                outbox.tell_ran(tx, event)
            if settlement is not None and settlement.reserved:
                self._tell(tx, control.settle(tx, self._keyed_settlement(settlement)))
            elif settlement is not None:
                who = (events[0].tenant, events[0].agent)
                if control_past.watched(tx, who, settlement):
                    control_past.remember_ended(tx, who, self._keyed_settlement(settlement))
            for misstep in missteps:
                self._tell(tx, control.count_violation(tx, self._private(misstep)))

        return self._run(work, events)

    def hold(
        self, request: ApprovalRequest, events: Sequence[Event], *, known: bool = False
    ) -> Future[ApprovalRecord | Parked]:
        """Write a held decision and open its request, or find the one that is open."""

        hidden = replace(request, digest=self._hidden(request.digest))

        def work(tx: Transaction) -> ApprovalRecord | Parked:
            self._watch_clock(tx)
            for event in () if known else events:
                tx.append(event)
            record = control_approvals.request_approval(
                tx, hidden, single_operator=self.store.single_operator
            )
            opened = isinstance(record, ApprovalRecord) and record.id == request.id
            anew = known and (opened or not isinstance(record, ApprovalRecord))
            for event in events if anew else ():
                tx.append(event)
            if isinstance(record, ApprovalRecord) and opened:
                outbox.tell_held(tx, record.status)
            return record

        return self._run(work)

    def _run(self, work: Callable[[Transaction], T], events: Sequence[Event] = ()) -> Future[T]:
        """A write that its caller waits for: on a thread it commits by itself when nobody else is writing, which saves
        two hand-offs; in an event loop the writer thread does it."""
        if in_event_loop():
            return self._transact(work, events)
        self._check_file()
        done: Future[T] = Future()
        try:
            done.set_result(self.store.transact_now(work, events=max(1, len(events))))
        except BaseException as error:  # noqa: BLE001 - it becomes the future's, as on the writer thread
            done.set_exception(error)
        return done

    def _transact(
        self, work: Callable[[Transaction], T], events: Sequence[Event], *, lingers: bool = False
    ) -> Future[T]:
        self._check_file()
        size = 200 * len(events)
        for event in events:
            for text in event.blobs.values():
                size += len(text)
        wait_s = 0.0 if in_event_loop() else None  # a loop waits for no room in the queue
        count = max(1, len(events))
        return self.store.transact(work, events=count, size=2048 + size, wait_s=wait_s, lingers=lingers)

    def _check_file(self) -> None:
        """Refuse to write into a file that nobody will find again: deleted, or another one in its place."""
        if self._file is not None and self._file != _identity(self.store.path):
            raise Unavailable(
                f"{self.store.path}: the database was deleted or replaced; restore it and restart"
            )

    def _read(self, work: Callable[[Any], T], *, one: bool = False) -> T:
        """A read; what is wrong with a store that was open already is the world's failure, not bad input."""
        self._check_file()
        try:
            return self.store.read(work, one=one)
        except BadInput as error:
            raise Unavailable(str(error)) from None

    def _tell(self, tx: Transaction, changes: Sequence[ModeChange]) -> None:
        for change in changes:
            outbox.tell_change(tx, change)

    def _watch_clock(self, tx: Transaction) -> None:
        """The store's time never goes back; where the wall clock did, nobody knows how old an open question is."""
        if tx.now - self.store.wall_clock() > control.CLOCK_TOLERANCE_S:
            control.expire_approvals(tx)

    def _private(self, misstep: Misstep) -> Misstep:
        return replace(misstep, collapse=self._hidden(misstep.collapse)) if misstep.collapse else misstep

    def _remember_epoch(self, future: Future[Admission]) -> None:
        if not future.cancelled() and future.exception() is None:
            self._epoch_seen = max(self._epoch_seen, future.result().store_epoch)

    # ------------------------------------------------------------------------------------------ reading
    def approval(self, approval_id: str) -> ApprovalRecord | None:
        """The request as it stands now; one whose time is over counts as expired, swept or not."""
        now = self._now()

        def overdue(db: Any) -> bool:
            status = control_approvals.status(db, approval_id)
            return status is not None and status.state.open and status.expires_at <= now

        if self._read(overdue):
            self._run(control.sweep).result()
        return self._read(lambda db: control_approvals.show(db, approval_id, self._load))

    def used_micros(self, tenant: str, agent: str, claims: Sequence[LimitClaim]) -> tuple[int, ...]:
        """Used and reserved in each claim's window."""
        keyed, now = self._keyed(claims), self._now()
        return self._read(lambda db: control_limits.usage(db, tenant, agent, keyed, now))

    def recall(
        self,
        tenant: str,
        agent: str,
        asks: Sequence[Ask],
        repeat: RepeatAsk | None,
        marks: Sequence[MarkClaim],
    ) -> Recalled:
        """What earlier calls say."""
        keyed, same = self._keyed_asks(asks), self._keyed_repeat(repeat)
        claims, now = self._keyed_marks(marks), self._now()

        def look(db: Any) -> Recalled:
            rows = PastRows(db, self.store.unsealing(db), tenant, agent, now)
            first = rows.first(same) if same is not None else None
            return Recalled(rows.answers(keyed), first, rows.marks(claims))

        return self._read(look)

    def watch(self, tenant: str, agent: str, watches: Sequence[Watch]) -> None:
        """Keep what these ask about from now on, and go through what the journal has of earlier calls."""
        if watches:
            watch_from_now(self.store, self._hidden, tenant, agent, watches)

    def mode(
        self, tenant: str, agent: str, agent_version: str, effect: ToolEffect | None
    ) -> tuple[Mode, int, str]:
        """Effective mode, breaker epoch and the reason."""
        now = self._now()
        return self._read(
            lambda db: control_breaker.effective_mode(db, tenant, agent, agent_version, effect, now), one=True
        )

    def precheck(self, token: str) -> bool:
        """Whether a reservation still holds."""
        now = self._now()
        return self._read(lambda db: control.precheck(db, token, now))

    def events(self, session: str) -> Iterator[StoredEvent]:
        """The events of one session, in order."""
        try:
            yield from self.store.events(session=session)
        except BadInput as error:
            raise Unavailable(str(error)) from None

    def events_of(
        self, tenant: str, agent: str | None, kind: str, *, after: int = 0
    ) -> Iterator[StoredEvent]:
        """The events of one kind, of an agent or of a whole tenant, in order."""
        try:
            yield from self.store.events_of(agent, tenant, {kind}, after=after)
        except BadInput as error:
            raise Unavailable(str(error)) from None

    def signed_by(self, operator: str, message: bytes, signature: bytes, at: float) -> bool:
        """Whether the key that this operator has now made the signature, and they had not been removed by then."""
        known = next((one for one in self._read(operators.everyone) if one.name == operator), None)
        if known is None or (known.removed_at is not None and known.removed_at <= at):
            return False
        return operators.verified(known, signature, message)

    def _load(self, event_id: str) -> Mapping[str, Json] | None:
        stored = self.store.event(event_id)
        return None if stored is None or stored.erased else stored.event.body

    def _now(self) -> float:
        return self.store.wall_clock()

    def _keyed(self, claims: Sequence[LimitClaim]) -> tuple[LimitClaim, ...]:
        """The claims with keys that only this store can make: a customer's number is not to be guessed from an index."""
        return tuple(replace(c, key=self._hidden(c.key)) if c.key else c for c in claims)

    def _keyed_asks(self, asks: Sequence[Ask]) -> tuple[Ask, ...]:
        return tuple(
            replace(a, look=self._keyed_look(a.look), broken_by=a.broken_by and self._keyed_look(a.broken_by))
            for a in asks
        )

    def _keyed_look(self, look: Look) -> Look:
        return replace(look, key=self._hidden(look.key), lost=self._hidden(look.lost))

    def _keyed_repeat(self, repeat: RepeatAsk | None) -> RepeatAsk | None:
        return (
            None
            if repeat is None
            else replace(repeat, key=self._hidden(repeat.key), owner=self._hidden(repeat.owner))
        )

    def _keyed_marks(self, marks: Sequence[MarkClaim]) -> tuple[MarkClaim, ...]:
        return tuple(replace(m, key=self._hidden(m.key)) for m in marks)

    def _keyed_settlement(self, settlement: Settlement) -> Settlement:
        if not (settlement.trace or settlement.marks):
            return settlement
        trace, marks = self._hiding(settlement.trace), self._keyed_marks(settlement.marks)
        return replace(settlement, trace=trace, marks=marks)

    def _hiding(self, trace: Trace | None) -> Trace | None:
        return None if trace is None else replace(trace, hide=self._hidden)

    def _hidden(self, key: str) -> str:
        return hmac.new(self._limit_key, key.encode(), hashlib.sha256).hexdigest()


def _identity(path: Path | None) -> tuple[int, int] | None:
    """Device and inode of a file; None where there is none."""
    try:
        found = path.stat() if path is not None else None
    except OSError:
        return None
    return None if found is None else (found.st_dev, found.st_ino)


def _differs(before: Admission, now: Admission) -> bool:
    """Whether an event about the one admission would be untrue of the other."""
    return any(
        getattr(before, name) != getattr(now, name)
        for name in ("status", "mode", "breaker_epoch", "violations", "approval_id", "need", "first_token")
    )
