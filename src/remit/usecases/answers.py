"""Answers to the needs of one guarded call, from the store and from the session; both drivers use them.

Everything that touches the store is a future: the blocking driver waits for it, the awaiting one awaits it.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from remit.core import anomaly, codec
from remit.core.admission import Admission, AdmitRequest, Misstep, Settlement, Trace
from remit.core.approval import ApprovalRecord, ApprovalRequest, ApprovalState, Parked, call_digest
from remit.core.breaker import governed
from remit.core.canonical import canonical
from remit.core.decide import action_digest
from remit.core.envelope import Notify
from remit.core.errors import BadInput
from remit.core.event import NOTIFIED, AnomalyIndex, Event
from remit.core.history import DONE, FAILED, UNKNOWN, WITHHELD
from remit.core.lifecycle import refine
from remit.core.marks import MarkClaim
from remit.core.obligations import tells
from remit.core.past import Past, look_back
from remit.core.prepare import Prepared
from remit.core.promote import withheld_by
from remit.core.refusals import ApprovalRequired, CallDenied
from remit.core.types import (
    ApprovalNeed,
    Decision,
    Enforcement,
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

if TYPE_CHECKING:
    from remit.usecases.governing import Under
    from remit.usecases.session import Session


T = TypeVar("T")
_CUT = "..."
"""In a message that holds a part of a value only."""
_UNATTENDED = "nobody waited for the call any more"
_UNCOUNTED = ("breaker.", "approval.", "store.")
"""Refusals that are no violation of the agent, or were counted when a person said no."""


class CallAnswers:
    """What one call of one session is answered with."""

    def __init__(self, session: Session, call: ToolCall, under: Under | None = None) -> None:
        self.session = session
        self.call = call
        self.under = under or session.under()
        guard = session.guard
        self.records = guard.records
        self.envelope = self.under.envelope
        self.binding = self.under.binding
        self.ids = guard.ids
        self.token = self.ids.new()
        self.raised: BaseException | None = None
        """The tool's own exception, once it is being settled."""
        self._pending: list[Future[Any]] = []
        """Writes that must be durable before the call ends: those of a read run beside it."""
        self._prepared: Prepared | None = None

    # ------------------------------------------------------------------------------------------ consult
    def consult(self, prepared: Prepared) -> Past:
        """Origins of the argument values, what the limits hold, what earlier calls say, and where paths lead."""
        self._prepared = prepared
        used = self.records.used_micros(*self._who()[:2], prepared.claims) if prepared.claims else ()
        earlier = self.session.recall(prepared)
        world = realpath.look(prepared, self.under.facts)
        with self.session.lock:
            return look_back(prepared, self.session.text, used, earlier, world)

    def recall(self, marks: Sequence[MarkClaim]) -> tuple[int | None, ...]:
        """The highest value known for each quantity."""
        return self.records.recall(*self._who()[:2], (), None, marks).marks

    # ------------------------------------------------------------------------------------------ record
    def record(self, decision: Decision) -> Future[None]:
        """Write a refusal and count it."""
        missteps = self._missteps(decision, enforced=decision.bound is None)
        return self.records.refuse(self._decided(decision, enforced=True), missteps)

    # ------------------------------------------------------------------------------------------ admit
    def admit(
        self, decision: Decision, approval_id: str | None, *, enforced: bool
    ) -> Admission | Future[Admission]:
        """Reserve and record; a plain read runs beside the write of its decision."""
        effect = decision.effect or ToolEffect.IRREVERSIBLE
        if self.records.volatile and effect is not ToolEffect.READ and not self.session.guard.allow_volatile:
            return self._refuse_volatile(decision)
        if enforced and self._plain_read(decision, approval_id):
            mode, epoch, _ = self.records.mode(*self._who(), ToolEffect.READ)
            if mode is not Mode.HALTED:
                self._pending.append(self.records.append([self._decided(decision, enforced=True, mode=mode)]))
                return Admission("admitted", mode, epoch, 0)
        request = self._request(decision, effect, enforced)

        def told(admission: Admission) -> Sequence[Event]:
            return [self._admitted(decision, admission, approval_id, enforced)]

        def counted(admission: Admission) -> Sequence[Misstep]:
            if not enforced and admission.status == "admitted":
                return self._missteps(decision, enforced=False)
            refined = refine(decision, admission)
            return self._missteps(refined, enforced=enforced) if admission.status != "hold" else ()

        return self.records.admit(request, told, counted)

    def _plain_read(self, decision: Decision, approval_id: str | None) -> bool:
        reserve = self.envelope.breaker.admission.get(ToolEffect.READ) == "reserve"
        tool = self.envelope.tools.get(decision.tool)
        return (
            decision.effect is ToolEffect.READ
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
        event = self._decided(refine(decision, admission), enforced=True)
        done: Future[Admission] = Future()
        written = self.records.append([event])
        written.add_done_callback(lambda f: _pass_on(f, done, admission))
        return done

    def _request(self, decision: Decision, effect: ToolEffect, enforced: bool) -> AdmitRequest:
        tenant, agent, version = self._who()
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
            agent_version=self._who()[2],
            session=info.id,
            tool=decision.tool,
            effect=decision.effect or ToolEffect.IRREVERSIBLE,
            args=redactor.value(decision.canonical or {}),
            digest=self.digest(decision),
            need=decision.need or ApprovalNeed(),
            call_id=self.call.call_id,
            envelope=envelope.hash,
            clauses=decision.clauses,
            reasons=tuple(redactor.text(v.message) for v in self._tellable(decision).violations),
            preview=redactor.text(preview(decision.tool, redactor.value(decision.canonical or {}))),
            provenance=redactor.value(
                [codec.leaf_body(leaf) for leaf in self._quotable(decision).provenance]
            ),
            requester=info.principal or "",
            owner=envelope.owner,
            subject=self.session.subject,
            retain_s=envelope.capture.retain_s,
            max_pending=envelope.breaker.max_pending,
            rule=envelope.breaker,
        )
        return self.records.hold(request, [self._decided(decision, enforced=True)])

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
        body = codec.outcome_body(Outcome(admission.first), self.under.redactor.text)
        body |= {"token": self.token, "call_id": self.call.call_id, "tool": decision.tool}
        body |= {"mode": admission.mode.value, "repeats": admission.first_token}
        text = codec.result_text(admission.first)
        event = self.session.result_event(body, None, decision, text, withheld=False, under=self.under)
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
        self.session.ended(self.token, outcome, withheld=self._withheld(outcome))
        index = anomaly.of_outcome(decision, outcome, enforced=enforced or self._withheld(outcome))
        events = [self._settled(decision, admission, outcome, index), *self._notified(decision, outcome)]
        told = tuple((v.severity, v.clause) for v in outcome.violations)
        unknown = outcome.error is not None and not isinstance(outcome.error, Exception)
        if unknown and decision.effect is not ToolEffect.READ:
            told = (*told, (Severity.MEDIUM, "unknown-outcome"))
        ended = "violation" if told else "error" if outcome.error is not None else "clean"
        settlement = Settlement(
            self.token,
            ended,
            told,
            trace=self._trace(decision),
            tool=decision.tool,
            state=_state(outcome, withheld=self._withheld(outcome)),
            output=lambda: self._captured(outcome.value if outcome.raw is None else outcome.raw),
            marks=marks,
            given=lambda: self._captured(outcome.value),
            reserved=admission.lease_until is not None,
        )
        missteps = (self._misstep(told, "output", "", enforced),) if told and not settlement.reserved else ()
        done = self.records.settle(settlement, events, missteps)
        return _all_of([*self._pending, done])

    # ------------------------------------------------------------------------------------------ events
    def _who(self) -> tuple[str, str, str]:
        info = self.session.info
        return info.tenant, info.agent, self.session.guard.agent_version

    def _missteps(self, decision: Decision, *, enforced: bool) -> Sequence[Misstep]:
        told = tuple((_weighed(v), v.clause) for v in decision.violations if _counts(v))
        if not told:
            return ()
        key = "" if decision.canonical is None else action_digest(decision.tool, decision.canonical)
        return (
            self._misstep(told, anomaly.misstep_kind(decision.result, [s for s, _ in told]), key, enforced),
        )

    def _misstep(
        self, told: tuple[tuple[Severity, str], ...], kind: str, collapse: str, enforced: bool
    ) -> Misstep:
        tenant, agent, version = self._who()
        effect = self.envelope.tools[self.call.tool].effect if self.call.tool in self.envelope.tools else None
        return Misstep(
            id=self.ids.new(),
            tenant=tenant,
            agent=agent,
            session=self.session.id,
            rule=self.envelope.breaker,
            violations=told,
            agent_version=version,
            effect=effect,
            kind=kind,
            collapse=collapse,
            enforce=enforced,
            envelope=self.envelope.hash,
        )

    def _admitted(
        self, decision: Decision, admission: Admission, approval_id: str | None, enforced: bool
    ) -> Event:
        enforced = enforced or admission.status != "admitted" or decision.acts
        refined = refine(decision, admission, final=approval_id is not None) if enforced else decision
        return self._decided(
            refined, enforced=enforced, mode=admission.mode, approval_id=admission.approval_id
        )

    def _decided(
        self,
        decision: Decision,
        *,
        enforced: bool,
        mode: Mode | None = None,
        approval_id: str | None = None,
    ) -> Event:
        index = anomaly.of_decision(decision, enforced=enforced)
        body = codec.decision_body(self._quotable(decision))
        if decision.canonical is None:
            body["args"] = codec.plain_args(self.call.args, self.under.redactor.text)
        body |= {
            "call_id": self.call.call_id,
            "token": self.token,
            "enforced": enforced,
            "approval_id": approval_id,
        }
        body["mode"] = mode.value if mode is not None else self._mode_now()
        return self.session.event("decided", body, index, decision, under=self.under)

    def _quotable(self, decision: Decision) -> Decision:
        """Without quotes of what holds secrets: a quote may cut a secret so that no pattern finds it."""
        decision, holds = self._tellable(decision), self.session.holds_secret
        if not any(holds(o.segment) for leaf in decision.provenance for o in leaf.origins):
            return decision
        leaves = (
            replace(
                leaf, origins=tuple(replace(o, quote="") if holds(o.segment) else o for o in leaf.origins)
            )
            for leaf in decision.provenance
        )
        return replace(decision, provenance=tuple(leaves))

    def _tellable(self, decision: Decision) -> Decision:
        """Without messages that were cut, where the arguments that they quote hold a secret."""
        if not any(_CUT in v.message for v in decision.violations):
            return decision
        redacted = self.under.redactor.value
        if redacted(decision.canonical) == decision.canonical:
            return decision
        told = tuple(
            replace(v, message=f"{v.kind}: not met by arguments that hold a secret")
            if _CUT in v.message
            else v
            for v in decision.violations
        )
        errors = tuple(f"{v.clause}: {v.message}" for v in told if v.error)
        return replace(decision, violations=told, errors=errors)

    def _mode_now(self) -> str:
        return self.records.mode(*self._who(), None)[0].value

    def _settled(
        self, decision: Decision, admission: Admission, outcome: Outcome, index: AnomalyIndex | None
    ) -> Event:
        body = codec.outcome_body(outcome, self.under.redactor.text)
        body |= {
            "token": self.token,
            "call_id": self.call.call_id,
            "tool": decision.tool,
            "mode": admission.mode.value,
        }
        if outcome.error is None and isinstance(outcome.value, str):
            body["as_text"] = True
        if _state(outcome, withheld=False) == UNKNOWN:
            body["outcome"] = UNKNOWN
        if index is not None:
            body["attempted"] = codec.decision_body(self._quotable(decision))
        text = codec.result_text(outcome.value) if outcome.error is None else None
        withheld = self._withheld(outcome)
        return self.session.result_event(body, index, decision, text, withheld=withheld, under=self.under)

    def _notified(self, decision: Decision, outcome: Outcome) -> Sequence[Event]:
        """The one event that tells people that the call ran, where an obligation says so; the store sends it out."""
        tool = self.envelope.tools.get(decision.tool)
        enforced = self.envelope.enforcement is Enforcement.ENFORCE
        found = tells(tool, decision.obligations, None if enforced else self.binding)
        if not found:
            return ()
        redactor = self.under.redactor
        body: dict[str, Json] = {
            "tool": decision.tool,
            "token": self.token,
            "ended": "error" if outcome.error is not None else "value",
            "clauses": [one.clause.id for one in found],
            "to": list(
                dict.fromkeys(one.duty.to for one in found if isinstance(one.duty, Notify) and one.duty.to)
            ),
            "preview": redactor.text(preview(decision.tool, redactor.value(decision.canonical or {}))),
        }
        return (self.session.event(NOTIFIED, body),)

    def _withheld(self, outcome: Outcome) -> bool:
        """Whether the agent does not get to see what came back."""
        return bool(withheld_by(outcome.violations, self.envelope, self.binding))


def _weighed(violation: Violation) -> Severity:
    """A flag counts as low unless the clause says otherwise."""
    flagged = violation.on_violation is OnViolation.FLAG and not violation.error
    return Severity.LOW if flagged and violation.severity is Severity.MEDIUM else violation.severity


def _counts(violation: Violation) -> bool:
    if violation.clause.startswith(_UNCOUNTED):
        return False
    return violation.error or violation.on_violation is not OnViolation.HOLD


def _denied(decision: Decision, clause: str, message: str) -> Decision:
    violation = Violation(clause, "approval", OnViolation.DENY, Severity.MEDIUM, message)
    return replace(
        decision,
        result=Result.DENY,
        clauses=(*decision.clauses, clause),
        violations=(*decision.violations, violation),
        need=None,
    )


def preview(tool: str, args: Mapping[str, Json]) -> str:
    """What a call would do, in one line for people: tool and arguments, values cut at 200 characters.

    >>> preview("refund", {"order_id": "O-1", "amount": 120})
    "refund(order_id='O-1', amount=120)"
    """
    shown = []
    for key, value in args.items():
        if isinstance(value, bool | int | float) or value is None:
            shown.append(f"{key}={codec.result_text(value)}")
            continue
        text = value if isinstance(value, str) else codec.result_text(value)
        shown.append(f"{key}={text if len(text) <= 200 else text[:197] + '...'!r}")
    return f"{tool}({', '.join(shown)})"


def _copy(value: Json) -> Json:
    if isinstance(value, dict):
        return {k: _copy(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_copy(v) for v in value]
    return value


def _state(outcome: Outcome, *, withheld: bool) -> str:
    """How later calls see this one."""
    if outcome.error is not None:
        return FAILED if isinstance(outcome.error, Exception) else UNKNOWN
    return WITHHELD if withheld else DONE


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
