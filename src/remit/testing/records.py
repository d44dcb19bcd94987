"""The guard's records in memory, for tests of what the guard asks and in which order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, TypeVar

from remit.core.admission import Admission, AdmissionGate, AdmitRequest, Load, Misstep, Settlement, gate
from remit.core.approval import ApprovalRecord, ApprovalRequest, ApprovalState, ApprovalStatus, Parked
from remit.core.event import Event, StoredEvent
from remit.core.history import Ask, Watch
from remit.core.limits import exceeded
from remit.core.marks import MarkClaim
from remit.core.past import Recalled
from remit.core.recollection import Recollection
from remit.core.redact import Redactor
from remit.core.repeats import RepeatAsk
from remit.core.types import ApprovalNeed, LimitClaim, Mode, ToolEffect
from remit.testing.builders import FakeClock, FakeIds, small_refunds
from remit.usecases.guard import Guard

T = TypeVar("T")


@dataclass
class FakeRecords:
    """`ports.Records` in memory: what is handed to it is written at once, or fails with `failing`.

    Fields may be set by a test at any time; what the guard did stands in `journal`, `settlements` and `missteps`.
    """

    now: float = 1_000_000.0
    mode_now: Mode = Mode.AUTONOMOUS
    volatile: bool = False
    single_operator: bool = False
    failing: BaseException | None = None
    """Raised by every write, in its future."""
    dispatches: bool = True
    """What `precheck` says."""
    journal: list[StoredEvent] = field(default_factory=list)
    settlements: list[Settlement] = field(default_factory=list)
    missteps: list[Misstep] = field(default_factory=list)
    used: dict[tuple[str, str], int] = field(default_factory=dict)
    """Micros by clause and key."""
    approvals: dict[str, ApprovalRecord | Parked] = field(default_factory=dict)
    """By digest of the call."""
    in_flight: set[str] = field(default_factory=set)
    """Tokens that were admitted and not settled."""
    earlier: Recollection = field(default_factory=Recollection)
    """Earlier calls, as a test tells them."""

    def kinds(self) -> list[str]:
        """Kinds of the events, in order."""
        return [stored.event.kind for stored in self.journal]

    def bodies(self, kind: str) -> list[dict[str, Any]]:
        """Bodies of the events of one kind, in order."""
        return [dict(stored.event.body) for stored in self.journal if stored.event.kind == kind]

    def answer(self, digest: str, state: ApprovalState) -> None:
        """Let people answer the question about one call."""
        record = self.approvals[digest]
        assert isinstance(record, ApprovalRecord)  # noqa: S101 - a test's mistake
        self.approvals[digest] = _record(record.status.id, digest, state, self.now)

    def append(self, events: Sequence[Event], *, lingers: bool = False) -> Future[None]:  # noqa: ARG002 - the port's
        """Write events."""
        return self._done(lambda: self._write(events))

    def refuse(self, event: Event, missteps: Sequence[Misstep]) -> Future[None]:
        """Write a refusal and count its violations."""
        return self.settle(None, [event], missteps)

    def admit(
        self,
        request: AdmitRequest,
        events: Callable[[Admission], Sequence[Event]],
        missteps: Callable[[Admission], Sequence[Misstep]],
    ) -> Future[Admission]:
        """Check again, reserve, and write what came of it."""

        def work() -> Admission:
            admission = self._admission(request)
            self._write(events(admission))
            self.missteps += missteps(admission)
            if admission.status == "admitted":
                self.in_flight.add(request.token)
                for claim in request.claims:
                    place = (claim.clause, claim.key)
                    self.used[place] = self.used.get(place, 0) + claim.micros
            return admission

        return self._done(work)

    def settle(
        self, settlement: Settlement | None, events: Sequence[Event], missteps: Sequence[Misstep]
    ) -> Future[None]:
        """Give reservations back, count violations, write the outcome."""

        def work() -> None:
            self._write(events)
            self.missteps += missteps
            if settlement is not None and settlement.reserved:
                self.settlements.append(settlement)
                self.in_flight.discard(settlement.token)

        return self._done(work)

    def hold(
        self, request: ApprovalRequest, events: Sequence[Event], *, known: bool = False
    ) -> Future[ApprovalRecord | Parked]:
        """Write a held decision and open its request, or find the one that is open."""

        def work() -> ApprovalRecord | Parked:
            self._write([] if known and request.digest in self.approvals else events)
            asked = _record(request.id, request.digest, ApprovalState.PENDING, self.now)
            return self.approvals.setdefault(request.digest, asked)

        return self._done(work)

    def approval(self, approval_id: str) -> ApprovalRecord | None:
        """The request as it stands now."""
        records = [r for r in self.approvals.values() if isinstance(r, ApprovalRecord)]
        return next((r for r in records if r.status.id == approval_id), None)

    def used_micros(self, tenant: str, agent: str, claims: Sequence[LimitClaim]) -> tuple[int, ...]:  # noqa: ARG002
        """What admitted calls took; nothing is given back here."""
        return tuple(self.used.get((claim.clause, claim.key), 0) for claim in claims)

    def recall(
        self,
        tenant: str,  # noqa: ARG002
        agent: str,  # noqa: ARG002
        asks: Sequence[Ask],
        repeat: RepeatAsk | None,
        marks: Sequence[MarkClaim],
    ) -> Recalled:
        """What `earlier` says."""
        first = self.earlier.first(repeat) if repeat is not None else None
        return Recalled(self.earlier.answers(asks), first, self.earlier.marks(marks))

    def watch(self, tenant: str, agent: str, watches: Sequence[Watch]) -> None:
        """Nothing to index: a test tells the past by `earlier`."""

    def mode(
        self,
        tenant: str,  # noqa: ARG002
        agent: str,  # noqa: ARG002
        agent_version: str,  # noqa: ARG002
        effect: ToolEffect | None,  # noqa: ARG002
    ) -> tuple[Mode, int, str]:
        """The mode that a test set."""
        return self.mode_now, 0, "set by a test"

    def precheck(self, token: str) -> bool:
        """Whether the call is in flight, and the test lets it be dispatched."""
        return self.dispatches and token in self.in_flight

    def events(self, session: str) -> Iterator[StoredEvent]:
        """The events of one session, in order."""
        return iter([stored for stored in self.journal if stored.event.session == session])

    def events_of(
        self, tenant: str, agent: str | None, kind: str, *, after: int = 0
    ) -> Iterator[StoredEvent]:
        """The events of one kind, of an agent or of a whole tenant, in order."""
        found = [one for one in self.journal if one.seq > after and one.event.kind == kind]
        return iter(
            [e for e in found if e.event.tenant == tenant and (agent is None or e.event.agent == agent)]
        )

    def signed_by(self, operator: str, message: bytes, signature: bytes, at: float) -> bool:  # noqa: ARG002
        """Nobody has a key here."""
        return False

    def _admission(self, request: AdmitRequest) -> Admission:
        used = self.used_micros(request.tenant, request.agent, request.claims)
        found = gate(request, self.mode_now, Load(), exceeded(request.claims, used))
        asked = self.approvals.get(request.digest)
        given = isinstance(asked, ApprovalRecord) and asked.state is ApprovalState.APPROVED
        against = (*found.refused, *found.held, *found.flagged)
        status = "admitted"
        if not request.enforce:
            bound = [
                tuple(v for v in some if v.clause in request.binding) for some in (found.refused, found.held)
            ]
            found = AdmissionGate(*bound)
        if found.refused:
            status = "refused"
        elif (found.held or request.needs_approval) and not given:
            status = "hold"
        if status != "admitted" and not request.enforce:
            against = (*found.refused, *found.held)
        elif status == "admitted" and request.enforce:
            against = found.flagged
        approval_id = asked.id if given and isinstance(asked, ApprovalRecord) else None
        lease = self.now + request.rule.lease_s if status == "admitted" else None
        return Admission(status, self.mode_now, 0, 0, lease, against, approval_id)

    def _write(self, events: Sequence[Event]) -> None:
        known = {stored.event.id for stored in self.journal}
        for event in events:
            if event.id not in known:
                self.journal.append(StoredEvent(len(self.journal) + 1, self.now, event))

    def _done(self, work: Callable[[], T]) -> Future[T]:
        done: Future[T] = Future()
        if self.failing is not None:
            done.set_exception(self.failing)
            return done
        try:
            done.set_result(work())
        except Exception as error:  # noqa: BLE001 - it is the future's, as in a real store
            done.set_exception(error)
        return done


def fake_guard(records: FakeRecords | None = None, **options: Any) -> tuple[Guard, FakeRecords]:
    """A guard of `small_refunds()` on records in memory, with a clock and ids that a test can foresee."""
    records = records or FakeRecords()
    given: dict[str, Any] = {
        "clock": FakeClock(),
        "ids": FakeIds(),
        "redactor": Redactor(b"k" * 32),
        "approval_wait_s": 0.0,
        "draw": lambda: 0.5,
    }
    chosen = options.pop("envelope", None) or small_refunds()
    return Guard(chosen, records, **(given | options)), records


def _record(approval_id: str, digest: str, state: ApprovalState, at: float) -> ApprovalRecord:
    status = ApprovalStatus(
        id=approval_id,
        state=state,
        version=1,
        digest=digest,
        tenant="default",
        agent="refunds",
        session="",
        tool="refund",
        effect=ToolEffect.IRREVERSIBLE,
        requested_at=at,
        expires_at=at + 900,
        expires_s=900,
        need=ApprovalNeed(),
    )
    return ApprovalRecord(status, {}, "", None, (), (), "", "", "", "")
