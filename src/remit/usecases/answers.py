"""Answers to the needs of one guarded call, from the store and from the session; both drivers use them.

Everything that touches the store is a future: the blocking driver waits for it, the awaiting one awaits it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from remit.core import anomaly, codec
from remit.core.admission import Admission, AdmitRequest, Misstep, Settlement, Trace
from remit.core.approval import ApprovalRecord, ApprovalRequest, ApprovalState, Parked, call_digest
from remit.core.breaker import governed
from remit.core.canonical import canonical
from remit.core.errors import BadInput, outcome_known
from remit.core.event import Event
from remit.core.lifecycle import Script, guarded, refine
from remit.core.marks import MarkClaim
from remit.core.past import Past, look_back
from remit.core.prepare import Prepared
from remit.core.refusals import ApprovalRequired, CallDenied
from remit.core.types import (
    ApprovalNeed,
    Decision,
    Json,
    Mode,
    OnViolation,
    Outcome,
    Result,
    Severity,
    ToolCall,
    ToolEffect,
    Violation,
)
from remit.usecases import realpath
from remit.usecases.call_events import CallEvents, preview, state_of

if TYPE_CHECKING:
    from remit.usecases.governing import Under
    from remit.usecases.session import Session


T = TypeVar("T")
_UNATTENDED = "nobody waited for the call any more"


class CallAnswers:
    """What one call of one session is answered with."""

    def __init__(self, session: Session, call: ToolCall, under: Under | None = None, once: str = "") -> None:
        self.session = session
        self.call = call
        self.under = under or session.under()
        guard = session.guard
        self.records = guard.records
        self.envelope = self.under.envelope
        self.binding = self.under.binding
        self.ids = guard.ids
        self.token = self.ids.new()
        self.once = once
        self.events = CallEvents(session, call, self.under, self.token, once)
        self.raised: BaseException | None = None
        """The tool's own exception, once it is being settled."""
        self._pending: list[Future[Any]] = []
        """Writes that must be durable before the call ends: those of a read run beside it."""
        self._prepared: Prepared | None = None
        self.tells: Callable[[Decision], None] | None = None
        """Hears by which decision a call runs, or gets the first one's result."""

    def script(self) -> Script:
        """The needs of this call."""
        return guarded(self.call, self.envelope, self.under.facts, self.binding)

    def dispatched(self, decision: Decision) -> None:
        """The call leaves for its tool by this decision."""
        if self.tells is not None:
            self.tells(decision)

    # ------------------------------------------------------------------------------------------ consult
    def consult(self, prepared: Prepared) -> Past:
        """Origins of the argument values, what the limits hold, what earlier calls say, and where paths lead."""
        self._prepared = prepared
        used = self.records.used_micros(*self.events.who()[:2], prepared.claims) if prepared.claims else ()
        earlier = self.session.recall(prepared)
        world = realpath.look(prepared, self.under.facts)
        with self.session.lock:
            return look_back(prepared, self.session.text, used, earlier, world)

    def recall(self, marks: Sequence[MarkClaim]) -> tuple[int | None, ...]:
        """The highest value known for each quantity."""
        return self.records.recall(*self.events.who()[:2], (), None, marks).marks

    # ------------------------------------------------------------------------------------------ record
    def record(self, decision: Decision) -> Future[None]:
        """Write a refusal and count it; not of a call that another process made meanwhile, which it may be because of."""
        if self.once and (made := self.session.once.made(self.once, self.call.tool)) is not None:
            raise made
        missteps = self.events.missteps(decision, enforced=decision.bound is None)
        return self.records.refuse(self.events.decided(decision, enforced=True), missteps)

    # ------------------------------------------------------------------------------------------ admit
    def admit(
        self, decision: Decision, approval_id: str | None, *, enforced: bool
    ) -> Admission | Future[Admission]:
        """Reserve and record; a plain read runs before its decision is written, which may go with its outcome."""
        effect = decision.effect or ToolEffect.IRREVERSIBLE
        if self.records.volatile and effect is not ToolEffect.READ and not self.session.guard.allow_volatile:
            return self._refuse_volatile(decision)
        if enforced and self._plain_read(decision, approval_id):
            mode, epoch, _ = self.records.mode(*self.events.who(), ToolEffect.READ)
            if mode is not Mode.HALTED:
                event = self.events.decided(decision, enforced=True, mode=mode)
                self._pending.append(self.records.append([event], lingers=True))
                return Admission("admitted", mode, epoch, 0)
        request = self._request(decision, effect, enforced)

        def told(admission: Admission) -> Sequence[Event]:
            return [self.events.admitted(decision, admission, approval_id, enforced)]

        def counted(admission: Admission) -> Sequence[Misstep]:
            if not enforced and admission.status == "admitted":
                return self.events.missteps(decision, enforced=False)
            refined = refine(decision, admission)
            return self.events.missteps(refined, enforced=enforced) if admission.status != "hold" else ()

        return self.records.admit(request, told, counted)

    def _plain_read(self, decision: Decision, approval_id: str | None) -> bool:
        reserve = self.envelope.breaker.admission.get(ToolEffect.READ) == "reserve"
        tool = self.envelope.tools.get(decision.tool)
        return (
            decision.effect is ToolEffect.READ
            and not self.once  # that no other process makes it, too, the store alone knows
            and not decision.claims
            and not decision.violations
            and approval_id is None
            and not reserve
            and decision.tool not in self.envelope.watched
            and decision.tool not in self.session.guard.watched_next
            and not (self._prepared and self._prepared.looks_back)
            and not (tool is not None and tool.monotonic)  # a mark that its result makes must be kept
            and not governed(self.envelope.breaker, ToolEffect.READ)
        )

    def _refuse_volatile(self, decision: Decision) -> Future[Admission]:
        told = "this store is in memory: an effect would leave no record; open a durable store, or allow_volatile=True"
        violation = Violation("store.volatile", "store", OnViolation.DENY, Severity.LOW, told)
        admission = Admission("refused", Mode.SUPERVISED, 0, 0, violations=(violation,))
        event = self.events.decided(refine(decision, admission), enforced=True)
        done: Future[Admission] = Future()
        written = self.records.append([event])
        written.add_done_callback(lambda f: _pass_on(f, done, admission))
        return done

    def _request(self, decision: Decision, effect: ToolEffect, enforced: bool) -> AdmitRequest:
        tenant, agent, version = self.events.who()
        return AdmitRequest(
            token=self.token,
            tenant=tenant,
            agent=agent,
            agent_version=version,
            session=self.session.id,
            tool=decision.tool,
            effect=effect,
            rule=self.envelope.breaker,
            claims=decision.claims,
            digest=self.digest(decision),
            needs_approval=decision.need if decision.acts else None,
            seen=decision.clauses,
            call_id=self.call.call_id,
            sampled=self.session.guard.draw(),
            enforce=enforced,
            binding=self.binding,
            envelope=self.envelope.hash,
            asks=self._prepared.asks if self._prepared else (),
            repeat=self._prepared.repeat if self._prepared else None,
            marks=self._prepared.marks if self._prepared else (),
            trace=self._trace(decision),
            once=self.once,
            gives_first=bool(decision.repeats) and (enforced or self._binds_repeats()),
        )

    def _binds_repeats(self) -> bool:
        """Whether the tool's idempotency is acted upon while the envelope monitors."""
        repeat = self._prepared.repeat if self._prepared else None
        return repeat is not None and repeat.rule.clause.id in self.binding

    def _trace(self, decision: Decision) -> Trace | None:
        """What may be kept of the call for later ones; arguments that nobody can read leave none."""
        args = decision.canonical
        if args is None:
            return None
        session = self.session
        redacted = self.under.redactor.value
        retain_s = self.envelope.capture.retain_s
        return Trace(self.under.facts.caller, lambda: redacted(dict(args)), session.subject, retain_s)

    def digest(self, decision: Decision) -> str:
        """What an approval of this call is bound to, without the breaker's epoch."""
        tool = self.envelope.tools.get(decision.tool)
        return call_digest(
            tenant=self.session.info.tenant,
            agent=self.session.info.agent,
            session=self.session.id,
            tool=decision.tool,
            args=decision.canonical or {},
            target=tool.target if tool else "",
            schema_hash=tool.schema_hash if tool else "",
            envelope_hash=self.envelope.hash,
        )

    # ------------------------------------------------------------------------------------------ approve
    def hold(self, decision: Decision) -> Future[ApprovalRecord | Parked]:
        """Write the held decision and open its request, or find the one that is open."""
        info, envelope = self.session.info, self.envelope
        redactor = self.under.redactor
        request = ApprovalRequest(
            id=self.ids.new(),
            tenant=info.tenant,
            agent=info.agent,
            agent_version=self.events.who()[2],
            session=info.id,
            tool=decision.tool,
            effect=decision.effect or ToolEffect.IRREVERSIBLE,
            args=redactor.value(decision.canonical or {}),
            digest=self.digest(decision),
            need=decision.need or ApprovalNeed(),
            call_id=self.call.call_id,
            envelope=envelope.hash,
            clauses=decision.clauses,
            reasons=tuple(redactor.text(v.message) for v in self.events.tellable(decision).violations),
            preview=redactor.text(preview(decision.tool, redactor.value(decision.canonical or {}))),
            provenance=redactor.value(
                [codec.leaf_body(leaf) for leaf in self.events.quotable(decision).provenance]
            ),
            requester=info.principal or "",
            owner=envelope.owner,
            subject=self.session.subject,
            retain_s=envelope.capture.retain_s,
            max_pending=envelope.breaker.max_pending,
            rule=envelope.breaker,
        )
        known = bool(self.once) and self.session.once.held(self.once)
        return self.records.hold(request, [self.events.decided(decision, enforced=True)], known=known)

    def answered(self, decision: Decision, record: ApprovalRecord | Parked) -> str | None:
        """The approval's id when it was given, None while it is pending.

        Raises:
            CallDenied: rejected, no request could be opened, or the envelope is not the one that was approved under.
        """
        if isinstance(record, Parked):
            raise CallDenied(_denied(decision, record.reason, record.message))
        if record.state is ApprovalState.APPROVED:
            if self.session.guard.envelope.hash != self.envelope.hash:
                told = "the envelope changed while the call waited for a person; make the call again"
                raise CallDenied(_denied(decision, "approval.envelope", told))
            return record.id
        if record.state is ApprovalState.PENDING:
            return None
        notes = "; ".join(a.note for a in record.answers if a.note) or record.status.reason
        told = f"approval {record.id} is {record.state}{': ' + notes if notes else ''}"
        raise CallDenied(_denied(decision, f"approval.{record.state}", told))

    def required(self, decision: Decision, record: ApprovalRecord) -> ApprovalRequired:
        """What is raised when nobody answered in time."""
        left = max(0.0, record.status.expires_at - self.session.guard.clock.now())
        return ApprovalRequired(decision, record.id, min(left, record.status.expires_s))

    # ------------------------------------------------------------------------------------------ run and settle
    def still_admitted(self, admission: Admission) -> bool:
        """The last look before dispatch: the lease holds and nobody quarantined or halted the agent meanwhile."""
        return admission.lease_until is None or self.records.precheck(self.token)

    def give_back(self, admission: Admission, why: str) -> Future[None]:
        """The call will not run: release what was reserved for it, and say so in the journal."""
        body: dict[str, Json] = {"token": self.token, "call_id": self.call.call_id, "tool": self.call.tool}
        body |= {"once": self.once} if self.once else {}
        event = self.session.event("released", body | {"reason": why}, under=self.under)
        if admission.lease_until is None:
            return self.records.append([event])
        return self.records.settle(Settlement(self.token, "clean", ran=False), [event], ())

    def give_back_when_done(self, admitted: Future[Admission]) -> Future[None]:
        """Nobody waits for the admission any more: release it as soon as it is known."""
        done: Future[None] = Future()

        def release() -> None:
            try:
                error = admitted.exception()
                # An interrupt tells nothing about the admission, which may still be committed.
                if error is None and admitted.result().status == "admitted":
                    self.give_back(admitted.result(), _UNATTENDED).result()
                elif error is not None and not isinstance(error, Exception):
                    self.records.settle(Settlement(self.token, "clean", ran=False), [], ()).result()
            except Exception as error:  # noqa: BLE001 - it is the future's
                done.set_exception(error)
            else:
                done.set_result(None)

        if admitted.done() and isinstance(admitted.exception(), Exception):
            done.set_result(None)
            return done
        # On a thread of its own: whoever publishes the admission commits, and may not start another transaction.
        admitted.add_done_callback(lambda _: threading.Thread(target=release, name="remit-release").start())
        return done

    def arguments(self, decision: Decision) -> dict[str, Json]:
        """A fresh copy of the canonical arguments, so that a tool cannot change what was recorded.

        Arguments that cannot be made canonical reach a tool in monitor only, as they came.
        """
        if decision.canonical is None and isinstance(self.call.args, Mapping):
            return dict(self.call.args)
        return {key: _copy(value) for key, value in (decision.canonical or {}).items()}

    def repeat(self, decision: Decision, admission: Admission) -> Future[Json]:
        """Give the first call's result again; done when it is durable that it was."""
        self.session.ask(decision)  # the result vouches for nothing that this call carries
        self.dispatched(decision)
        body = codec.outcome_body(Outcome(admission.first), self.under.redactor.text)
        body |= {"token": self.token, "call_id": self.call.call_id, "tool": decision.tool}
        body |= {"mode": admission.mode.value, "repeats": admission.first_token}
        text = codec.result_text(admission.first)
        event = self.events.came_back(body, None, decision, text, withheld=False)
        done: Future[Json] = Future()
        self.records.append([event]).add_done_callback(lambda f: _pass_on(f, done, admission.first))
        return done

    def _captured(self, value: object) -> tuple[bool, Json]:
        """Whether a result is plain JSON, and the result without its secrets."""
        try:
            return True, self.under.redactor.value(canonical(value))
        except BadInput:
            return False, None

    def settle(
        self,
        decision: Decision,
        admission: Admission,
        outcome: Outcome,
        *,
        enforced: bool,
        marks: tuple[MarkClaim, ...] = (),
    ) -> Future[None]:
        """Write the outcome and give the reservations back; done when this and every earlier write are durable."""
        self.raised = outcome.error
        self.session.ended(self.token, outcome, withheld=self.events.withheld(outcome))
        index = anomaly.of_outcome(decision, outcome, enforced=enforced or self.events.withheld(outcome))
        events = [
            self.events.settled(decision, admission, outcome, index),
            *self.events.notified(decision, outcome),
        ]
        told = tuple((v.severity, v.clause) for v in outcome.violations)
        unknown = outcome.error is not None and not outcome_known(outcome.error)
        if unknown and decision.effect is not ToolEffect.READ:
            told = (*told, (Severity.MEDIUM, "unknown-outcome"))
        ended = "violation" if told else "error" if outcome.error is not None else "clean"
        settlement = Settlement(
            self.token,
            ended,
            told,
            trace=self._trace(decision),
            tool=decision.tool,
            state=state_of(outcome, withheld=self.events.withheld(outcome)),
            output=lambda: self._captured(outcome.value if outcome.raw is None else outcome.raw),
            marks=marks,
            given=lambda: self._captured(outcome.value),
            reserved=admission.lease_until is not None,
        )
        missteps = (
            (self.events.misstep(told, "output", "", enforced),) if told and not settlement.reserved else ()
        )
        done = self.records.settle(settlement, events, missteps)
        return _all_of([*self._pending, done])


def _denied(decision: Decision, clause: str, message: str) -> Decision:
    violation = Violation(clause, "approval", OnViolation.DENY, Severity.MEDIUM, message)
    return replace(
        decision,
        result=Result.DENY,
        clauses=(*decision.clauses, clause),
        violations=(*decision.violations, violation),
        need=None,
    )


def _copy(value: Json) -> Json:
    if isinstance(value, dict):
        return {k: _copy(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_copy(v) for v in value]
    return value


def _pass_on(written: Future[None], done: Future[T], value: T) -> None:
    error = written.exception()
    if error is not None:
        done.set_exception(error)
    else:
        done.set_result(value)


def _all_of(futures: Sequence[Future[Any]]) -> Future[None]:
    """Done when all are; the first error in order wins."""
    if len(futures) == 1:
        return futures[0]
    done: Future[None] = Future()
    left = [len(futures)]

    lock = threading.Lock()

    def one(_: Future[Any]) -> None:
        with lock:
            left[0] -= 1
            if left[0]:
                return
        errors = [error for future in futures if (error := future.exception()) is not None]
        if errors:
            done.set_exception(errors[0])
        else:
            done.set_result(None)

    for future in futures:
        future.add_done_callback(one)
    return done
