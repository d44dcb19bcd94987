"""Ask people, take their answers, show the queue. See `core.approval` for the rules."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import apsw
import msgspec

from remit.core import anomaly, breaker
from remit.core.approval import (
    BREAK_GLASS_S,
    ApprovalRecord,
    ApprovalRequest,
    ApprovalState,
    ApprovalStatus,
    GivenAnswer,
    OperatorRefused,
    Parked,
    Reply,
    answer_message,
    approval_digest,
    role_missing,
    satisfies,
    state_after,
)
from remit.core.breaker import ModeChange
from remit.core.cel.functions.text import fold
from remit.core.errors import BadInput
from remit.core.event import Event
from remit.core.ids import derived_id
from remit.core.notice import instant
from remit.core.scope import Scope, ScopeKind, scopes_of
from remit.core.types import Json, Mode, Severity, ToolEffect
from remit.store import approval_rows, control_reviews, operators
from remit.store import control_breaker as rows_of
from remit.store.approval_rows import status
from remit.store.control_breaker import Violating
from remit.store.control_rows import only
from remit.store.transaction import Transaction

LoadBody: TypeAlias = Callable[[str], Mapping[str, Json] | None]
"""The body of an event by its id; None where it was erased."""

__all__ = ["LoadBody", "answer", "cancel", "canaries", "list_approvals", "request_approval", "show", "status"]


def request_approval(
    tx: Transaction, request: ApprovalRequest, *, single_operator: bool = False, load: LoadBody | None = None
) -> ApprovalRecord | Parked:
    """Open a question about one exact call, or find the one that is open, or say why there is none.

    The same call of the same session is one question, however often it is asked; what a person rejected in
    this session is rejected at once.

    Args:
        single_operator: how the store was created; the record shows it.
        load: shows the notes of answers that were given.
    """
    approval_rows.expire(tx)
    db = tx.connection
    rows = rows_of.load(db, scopes_of(request.tenant, request.agent, request.agent_version, request.effect))
    agent = Scope(ScopeKind.AGENT, request.tenant, request.agent)
    if request.rule is not None:
        rows[agent] = rows_of.remember_rule(db, rows[agent], request.rule)
    epoch = rows_of.epoch_of(rows)
    asked = [] if request.canary else approval_rows.of_call(db, request.session, request.digest)
    for one in asked:
        if one.state is ApprovalState.REJECTED:
            return _record(db, one, _body(request), load)
        if one.state is ApprovalState.CLAIMED and one.call_id == request.call_id != "":
            return _record(db, one, _body(request), load)
        if one.state.open and one.epoch == epoch and satisfies(one.need, request.need):
            return _record(db, _asked_again(tx, one, request), _body(request), load)
        if one.state.open:
            approval_rows.become(
                tx, one, ApprovalState.CANCELLED, reason="a stricter question took its place"
            )
    if parked := _parked(tx, request, rows_of.mode_of(rows, tx.now)):
        return parked
    return _record(db, _opened(tx, request, epoch, single_operator), _body(request), load)


def _parked(tx: Transaction, request: ApprovalRequest, standing: tuple[Mode, str]) -> Parked | None:
    mode, why = standing
    if mode is Mode.HALTED or (mode is Mode.QUARANTINED and request.effect is not ToolEffect.READ):
        return Parked(f"breaker.{mode.value}", f"the agent is {mode.value} ({why})")
    if request.canary:
        return None
    (n, first) = only(
        tx.connection,
        f"SELECT count(*), min(expires_at) FROM approval WHERE {approval_rows.OPEN} AND state = 'pending'"  # noqa: S608 - a constant
        " AND tenant = ? AND agent = ? AND NOT canary",
        (request.tenant, request.agent),
    )
    if n < request.max_pending:
        return None
    message = f"{n} questions are open for this agent already; retry later, or choose a step that only reads"
    return Parked("approval.parked", message, retry_after_s=max(0.0, first - tx.now))


def _asked_again(tx: Transaction, one: ApprovalStatus, request: ApprovalRequest) -> ApprovalStatus:
    if one.call_id == request.call_id != "":
        return one
    tx.connection.execute("UPDATE approval SET proposals = proposals + 1 WHERE id = ?", (one.id,))
    return replace(one, proposals=one.proposals + 1)


def _opened(tx: Transaction, request: ApprovalRequest, epoch: int, single_operator: bool) -> ApprovalStatus:
    digest = approval_digest(request.digest, epoch)
    event_id = derived_id(request.id, "approval.requested")
    expires_at = tx.now + request.need.expires_s
    excluded = [_hidden(request.id, who) for who in (request.requester, request.owner) if who]
    tx.connection.execute(
        f"INSERT INTO approval VALUES ({','.join('?' * 30)})",  # noqa: S608 - question marks
        (
            *(request.id, event_id, request.tenant, request.agent, request.agent_version, request.session),
            *(request.tool, request.effect.value, request.call_id, request.envelope),
            *(request.digest, digest, epoch, ApprovalState.PENDING.value, 1, 1, request.need.people),
            *(msgspec.json.encode(request.need.roles).decode(), request.need.expires_s),
            *(tx.now, expires_at, None, msgspec.json.encode(excluded).decode(), None, "", 0),
            *(int(single_operator), 0, 0, int(request.canary)),
        ),
    )
    control = {"digest": digest, "breaker_epoch": epoch, "expires_at": expires_at}
    control["single_operator"] = single_operator
    tx.append(
        Event(
            id=event_id,
            session=request.session,
            kind="approval.requested",
            agent=request.agent,
            envelope=request.envelope,
            tenant=request.tenant,
            subject=request.subject,
            retain_s=request.retain_s,
            body={"approval": request.id, **control, **_body(request)},
        )
    )
    opened = status(tx.connection, request.id)
    assert opened is not None  # noqa: S101 - it was just written
    return opened


def answer(
    tx: Transaction,
    approval_id: str,
    reply: Reply,
    *,
    operator: str,
    seen_digest: str,
    version: int,
    signature: bytes | None = None,
    note: str = "",
    single_operator: bool = False,
    break_glass: bool = False,
    subject: str = "",
    retain_s: float | None = None,
) -> tuple[ApprovalStatus, tuple[ModeChange, ...]]:
    """Take one person's answer, and say where the approval stands then.

    A rejection counts as a violation of the agent, and ends the question whoever else approved.

    Args:
        operator: name of the person.
        seen_digest: `ApprovalStatus.digest` as it was shown.
        version: `ApprovalStatus.version` as it was shown.
        signature: over `core.approval.answer_message`, with the operator's key.
        note: why; needed to reject and for break-glass.
        single_operator: whether the store was created to take unauthenticated answers.
        break_glass: approve alone where more people are needed; expires soon and has to be reviewed.
        subject: of the approval's `approval.requested` event; a key of theirs encrypts the note.
        retain_s: of the same event: how long the note is kept.

    Raises:
        BadInput: no such approval, or a note is missing.
        OperatorRefused: not pending any more, seen otherwise, not signed, wrong role, excluded, answered
        already.
    """
    one = status(tx.connection, approval_id)
    if one is None:
        raise BadInput("approval", f"there is no approval {approval_id!r}", "see `remit approvals ls`")
    if (reply is Reply.REJECT or break_glass) and not note.strip():
        raise BadInput("note", "it is empty", "say why")
    if break_glass and reply is Reply.REJECT:
        raise BadInput("break_glass", "a rejection needs no break-glass")
    before = approval_rows.answers(tx.connection, approval_id)
    told = derived_id(approval_id, "approval.answered", version + 1)
    if any(a.operator == operator and a.answer is reply and event == told for a, event in before):
        return one, ()  # the same answer again: its commit was ambiguous, or somebody pressed twice
    _refuse_stale(tx, one, seen_digest, version)
    message = answer_message(approval_id, version, seen_digest, reply, note, break_glass=break_glass)
    sure = _identified(tx, one, operator, signature, message, single_operator=single_operator)
    said = GivenAnswer(operator, reply, tx.now, sure, note, break_glass)
    if any(a.operator == operator for a, _ in before):
        raise OperatorRefused(approval_id, f"{operator} has answered already")
    return _taken(tx, one, said, [a for a, _ in before], subject, retain_s)


def _refuse_stale(tx: Transaction, one: ApprovalStatus, seen_digest: str, version: int) -> None:
    if tx.now >= one.expires_at and one.state.open:
        raise OperatorRefused(one.id, f"expired at {instant(one.expires_at)}; nobody answered in time")
    if one.state is not ApprovalState.PENDING:
        ended = f" ({one.reason})" if one.reason else ""
        raise OperatorRefused(one.id, f"it is {one.state.value}{ended}, not pending")
    if seen_digest != one.digest:
        raise OperatorRefused(one.id, "the digest that was seen is not that of this call; look at it again")
    if version != one.version:
        raise OperatorRefused(one.id, f"version {version} was seen, it is at {one.version}; look at it again")


def _identified(
    tx: Transaction,
    one: ApprovalStatus,
    operator: str,
    signature: bytes | None,
    message: bytes,
    *,
    single_operator: bool,
) -> bool:
    """Whether the answer is proven to be this person's; refused where it has to be and is not."""
    known = operators.find(tx.connection, operator)
    if signature is None:
        if not single_operator:
            raise OperatorRefused(one.id, "the answer is not signed; make a key with `remit operator add`")
        return False
    if known is None or not operators.verified(known, signature, message):
        raise OperatorRefused(one.id, f"the signature is not {operator}'s over this answer")
    if role_missing(one.need, known.roles):
        raise OperatorRefused(one.id, f"{operator} has none of the roles {', '.join(one.need.roles)}")
    (excluded,) = only(tx.connection, "SELECT excluded FROM approval WHERE id = ?", (one.id,))
    if _hidden(one.id, operator) in msgspec.json.decode(excluded):
        raise OperatorRefused(one.id, f"{operator} asked for the call or owns the agent, and may not answer")
    return True


def _taken(
    tx: Transaction,
    one: ApprovalStatus,
    said: GivenAnswer,
    before: Sequence[GivenAnswer],
    subject: str,
    retain_s: float | None,
) -> tuple[ApprovalStatus, tuple[ModeChange, ...]]:
    state = state_after(one.need, [*before, said])
    body: dict[str, Json] = {
        "operator": said.operator,
        "answer": said.answer.value,
        "note": said.note,
        "authenticated": said.authenticated,
        "single_operator": one.single_operator or not said.authenticated,
        "break_glass": said.break_glass,
        "state": state.value,
        "canary": one.canary,
    }
    refused = said.answer is Reply.REJECT and not one.canary
    event_id = approval_rows.tell(
        tx,
        one,
        "approval.answered",
        one.version + 1,
        body,
        subject=subject,
        retain_s=retain_s,
        anomaly=anomaly.of_rejection(one.tool) if refused else None,
    )
    tx.connection.execute(
        "INSERT INTO approval_answer VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            *(one.id, said.operator, said.answer.value, tx.now),
            *(int(said.authenticated), int(said.break_glass), event_id),
        ),
    )
    expires_at = min(one.expires_at, tx.now + BREAK_GLASS_S) if said.break_glass else one.expires_at
    tx.connection.execute(
        "UPDATE approval SET state = ?, revision = revision + 1, approved_by = approved_by + ?,"
        " expires_at = ?, break_glass = ?, review_needed = ?, ended_at = ? WHERE id = ?",
        (
            *(state.value, int(said.answer is Reply.APPROVE), expires_at, int(said.break_glass)),
            *(int(said.break_glass), tx.now if state.final else None, one.id),
        ),
    )
    if said.break_glass:
        control_reviews.open_review(tx, one.id, said.operator)
        told = {**body, "review_needed": True}
        approval_rows.tell(tx, one, "break_glass", one.version + 1, told, subject=subject, retain_s=retain_s)
    after = status(tx.connection, one.id)
    assert after is not None  # noqa: S101 - it was just written
    return after, _consequences(tx, after, said) if state is not ApprovalState.PENDING else ()


def _consequences(tx: Transaction, one: ApprovalStatus, said: GivenAnswer) -> tuple[ModeChange, ...]:
    """What an answer says about the agent. A canary is nobody's proposal and says nothing."""
    if one.canary:
        return ()
    agent = Scope(ScopeKind.AGENT, one.tenant, one.agent)
    row = rows_of.load_one(tx.connection, agent)
    seed = derived_id(one.id, "answered")
    trips = rows_of.trips(tx.connection, row, row.rule, tx.now)
    state = breaker.after_answer(row.state, row.rule, said.answer is Reply.APPROVE, trips, tx.now)
    changes = rows_of.move(tx, row, state, seed=seed, session=one.session)
    if said.answer is Reply.APPROVE:
        return changes
    scope = (one.tenant, one.agent, one.agent_version, one.effect.value)
    entry = Violating(seed, scope, Severity.MEDIUM, anomaly.REJECTED, "rejected", one.session, executed=False)
    return changes + rows_of.violated(tx, entry, row.rule)


def cancel(tx: Transaction, *, session: str = "", approval_id: str = "", reason: str) -> int:
    """Withdraw one question, or all open ones of a session that ended; says how many."""
    approval_rows.expire(tx)
    where, value = ("session = ?", session) if session else ("id = ?", approval_id)
    found = approval_rows.select(tx.connection, f"{approval_rows.OPEN} AND {where}", (value,))
    for one in found:
        approval_rows.become(tx, one, ApprovalState.CANCELLED, reason=reason)
    return len(found)


def list_approvals(
    connection: apsw.Connection,
    *,
    states: Sequence[ApprovalState] = (ApprovalState.PENDING,),
    tenant: str | None = None,
    agent: str | None = None,
    limit: int = 1000,
) -> list[ApprovalStatus]:
    """Approvals in these states, oldest first. What is overdue and not yet swept is still listed as open."""
    where, values = [f"state IN ({','.join('?' * len(states))})"], [state.value for state in states]
    for name, value in (("tenant", tenant), ("agent", agent)):
        if value is not None:
            where.append(f"{name} = ?")
            values.append(value)
    return approval_rows.select(connection, " AND ".join(where), values, limit)


def show(connection: apsw.Connection, approval_id: str, load: LoadBody) -> ApprovalRecord | None:
    """One approval with all that people are shown; None where there is none with this id."""
    one = status(connection, approval_id)
    return None if one is None else _record(connection, one, load(one.event_id), load)


@dataclass(frozen=True, slots=True)
class CatchRate:
    """How one approver does on known-bad proposals."""

    operator: str
    shown: int
    caught: int


def canaries(connection: apsw.Connection) -> list[CatchRate]:
    """Of every approver, how many canaries they answered and how many they rejected."""
    rows = connection.execute(
        "SELECT operator, count(*), sum(reply = 'reject') FROM approval_answer AS said"
        " JOIN approval AS asked ON asked.id = said.approval WHERE canary GROUP BY operator ORDER BY operator"
    )
    return [CatchRate(*row) for row in rows]


def _hidden(approval_id: str, name: str) -> str:
    """A name as the row keeps it: a principal may be a customer. However it is typed, it is one person."""
    return hashlib.sha256(f"{approval_id}\x1f{fold(name).strip()}".encode()).hexdigest()


def _body(request: ApprovalRequest) -> dict[str, Json]:
    return {
        "tool": request.tool,
        "effect": request.effect.value,
        "args": dict(request.args),
        "preview": request.preview,
        "provenance": request.provenance,
        "clauses": list(request.clauses),
        "reasons": list(request.reasons),
        "requester": request.requester,
        "owner": request.owner,
        "call_id": request.call_id,
        "canary": request.canary,
        "need": {
            "roles": list(request.need.roles),
            "people": request.need.people,
            "expires_s": request.need.expires_s,
        },
    }


def _record(
    connection: apsw.Connection, one: ApprovalStatus, body: Mapping[str, Any] | None, load: LoadBody | None
) -> ApprovalRecord:
    told = body or {}
    return ApprovalRecord(
        status=one,
        args=told.get("args") or {},
        preview=str(told.get("preview", "")),
        provenance=told.get("provenance"),
        clauses=tuple(told.get("clauses", ())),
        reasons=tuple(told.get("reasons", ())),
        requester=str(told.get("requester", "")),
        owner=str(told.get("owner", "")),
        call_id=one.call_id,
        envelope=one.envelope,
        answers=tuple(
            _with_note(said, event, load) for said, event in approval_rows.answers(connection, one.id)
        ),
        erased=body is None,
    )


def _with_note(said: GivenAnswer, event_id: str, load: LoadBody | None) -> GivenAnswer:
    body = load(event_id) if load is not None else None
    return replace(said, note=str(body.get("note", ""))) if body else said
