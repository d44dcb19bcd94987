"""Human control in one transaction each: admit a call, settle it, count a violation, sweep what is overdue.

Every function takes a `Transaction`: the write lock is held, and the clock was read after it was taken. The
order inside is always the same: sweep, read, count, write. Admission is here; the other three have files of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import apsw
import msgspec

from remit.core import breaker
from remit.core.admission import Admission, AdmissionGate, AdmitRequest, Load, gate
from remit.core.approval import ApprovalState, ApprovalStatus
from remit.core.breaker import ModeChange
from remit.core.limits import exceeded
from remit.core.scope import Scope, ScopeKind, scopes_of
from remit.core.types import ApprovalNeed, Mode, OnViolation, Severity, Violation
from remit.store import approval_rows, control_limits, control_past, past_rows
from remit.store import control_breaker as rows_of
from remit.store.control_breaker import ScopeRow
from remit.store.control_reservation import Reservation, precheck, reservation
from remit.store.control_rows import only
from remit.store.control_schema import DDL as _TABLES
from remit.store.control_settle import count_violation, settle
from remit.store.control_sweep import CLOCK_TOLERANCE_S, expire_approvals, sweep
from remit.store.transaction import Transaction

__all__ = [
    "CLOCK_TOLERANCE_S",
    "DDL",
    "Reservation",
    "admit",
    "count_violation",
    "expire_approvals",
    "precheck",
    "reservation",
    "settle",
    "sweep",
]

DDL = _TABLES + past_rows.DDL
"""All tables of control."""

_MADE_BEFORE = Violation(
    "store.once", "store", OnViolation.DENY, Severity.LOW, "the same call was made before in this session"
)


def admit(tx: Transaction, request: AdmitRequest) -> Admission:
    """Check breaker, limits and approvals again, and reserve all of them, or nothing.

    Asking again with a token that was admitted gives the same answer, so that work whose commit was ambiguous
    may simply run again.
    """
    db = tx.connection
    if known := reservation(db, request.token):
        return _as_admitted(db, known)
    changes = sweep(tx)
    changes += _distrust_old_store(tx, request)
    rows = rows_of.load(db, scopes_of(request.tenant, request.agent, request.agent_version, request.effect))
    agent = Scope(ScopeKind.AGENT, request.tenant, request.agent)
    rows[agent] = rows_of.remember_rule(db, rows[agent], request.rule)
    if request.enforce:
        changes += _advance(tx, rows, request)
    mode, why = rows_of.mode_of(rows, tx.now)
    used = control_limits.usage(db, request.tenant, request.agent, request.claims, tx.now)
    standing = control_past.stand(tx, request)
    over = (*standing.against, *exceeded(request.claims, used))
    found = gate(request, mode, _load(db, request, tx.now), over)
    answer = Admission(
        status="admitted",
        mode=mode,
        breaker_epoch=rows_of.epoch_of(rows),
        store_epoch=rows_of.store_epoch(db),
        violations=_explained((*found.refused, *found.held, *found.flagged), why),
        changes=changes,
    )
    if request.once and control_past.made_before(db, request):
        return replace(answer, status="refused", violations=(_MADE_BEFORE,))
    if standing.repeats is not None and mode is not Mode.HALTED:
        return replace(
            answer, status="repeat", violations=(), first=standing.result, first_token=standing.repeats.token
        )
    if not request.enforce:
        stopped = tuple(
            v for v in answer.violations if v.kind == "breaker" and v.on_violation is OnViolation.DENY
        )
        if stopped:  # monitor blocks nothing of the envelope's; a stop is a person's, and binds
            return replace(answer, status="refused", violations=stopped)
        return _promoted(tx, request, rows, answer, found)
    return _with_people(tx, request, rows, answer, found)


def _promoted(
    tx: Transaction,
    request: AdmitRequest,
    rows: Mapping[Scope, ScopeRow],
    answer: Admission,
    found: AdmissionGate,
) -> Admission:
    """The answer in monitor: only limits that bind, and people whom a clause that binds asks for, stand in the way."""
    refused, held = (
        tuple(v for v in some if v.clause in request.binding) for some in (found.refused, found.held)
    )
    if not (refused or held or request.needs_approval):
        return _reserved(tx, request, rows, answer, None, human=False)
    said = _with_people(tx, request, rows, answer, AdmissionGate(refused, held))
    if said.status == "admitted":
        return said
    watched = {v.clause for v in answer.violations} - request.binding
    return replace(said, violations=tuple(v for v in said.violations if v.clause not in watched))


def _with_people(
    tx: Transaction,
    request: AdmitRequest,
    rows: Mapping[Scope, ScopeRow],
    answer: Admission,
    found: AdmissionGate,
) -> Admission:
    """The answer once approvals were looked at: claimed, asked for, or refused."""
    asked = approval_rows.of_call(tx.connection, request.session, request.digest) if request.digest else []
    need = request.needs_approval or (ApprovalNeed() if found.held else None)
    given = approval_rows.claimable(asked, answer.breaker_epoch, need, tx.now)
    if found.refused:
        if given is not None:
            approval_rows.become(tx, given, ApprovalState.FAILED, reason=found.refused[0].clause)
        return replace(answer, status="refused")
    open_one = next((one for one in asked if one.state.open and one.epoch == answer.breaker_epoch), None)
    unseen = [v for v in found.held if v.kind != "breaker" and v.clause not in request.seen]
    if given is not None and unseen:  # approved before this clause held: its own people have not been asked
        return replace(answer, status="hold", need=need, approval_id=None)
    if given is not None:
        return _reserved(tx, request, rows, answer, given, human=True)
    rejected = next((one for one in asked if one.state is ApprovalState.REJECTED), None)
    if (need is not None or open_one is not None) and rejected is not None:
        no = Violation(
            "approval.rejected", "approve", OnViolation.DENY, Severity.MEDIUM, "a person said no to this call"
        )
        return replace(answer, status="refused", violations=(*answer.violations, no), approval_id=rejected.id)
    # A question once asked must be answered: else asking again would be a way around the sample in PROBATION.
    if need is not None or open_one is not None:
        return replace(
            answer, status="hold", need=need or ApprovalNeed(), approval_id=open_one.id if open_one else None
        )
    return _reserved(tx, request, rows, answer, None, human=False)


def _reserved(
    tx: Transaction,
    request: AdmitRequest,
    rows: Mapping[Scope, ScopeRow],
    answer: Admission,
    given: ApprovalStatus | None,
    *,
    human: bool,
) -> Admission:
    rule, autonomous = request.rule, request.enforce and not human
    lease_until = tx.now + rule.lease_s
    kept = answer.flags if request.enforce else answer.violations
    tx.connection.execute(
        "INSERT INTO breaker_reservation VALUES"
        " (?, 'in_flight', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(
                request.token,
                request.tenant,
                request.agent,
                request.agent_version,
                request.effect.value,
                request.tool,
            ),
            *(request.session, request.call_id, request.envelope, tx.now, lease_until),
            *(answer.mode.value, answer.breaker_epoch, rows_of.entered_of(rows)),
            int(autonomous and breaker.admission_of(rule, request.effect) == "reserve"),
            int(autonomous and breaker.governed(rule, request.effect)),
            int(request.enforce),
            given.id if given else None,
            msgspec.json.encode(kept).decode() if kept else None,
        ),
    )
    control_limits.reserve(tx.connection, request.token, request.tenant, request.agent, request.claims)
    control_past.reserve(tx, request)
    if given is not None:
        rows_of.raise_store_epoch(tx.connection)
        approval_rows.become(
            tx,
            given,
            ApprovalState.CLAIMED,
            token=request.token,
            body={"token": request.token, "lease_until": lease_until},
        )
    return replace(answer, violations=kept, lease_until=lease_until, approval_id=given.id if given else None)


def _as_admitted(connection: apsw.Connection, held: Reservation) -> Admission:
    """The same answer again; a call that has ended meanwhile does not begin anew."""
    if held.state != "in_flight":
        told = f"this call was admitted before and is {held.state}"
        ended = Violation("breaker.lease", "breaker", OnViolation.DENY, Severity.LOW, told)
        return Admission(
            "refused", held.mode, held.epoch, rows_of.store_epoch(connection), violations=(ended,)
        )
    flags = msgspec.json.decode(held.flags, type=tuple[Violation, ...]) if held.flags else ()
    return Admission(
        status="admitted",
        mode=held.mode,
        breaker_epoch=held.epoch,
        store_epoch=rows_of.store_epoch(connection),
        lease_until=held.lease_until,
        violations=flags,
        approval_id=held.approval,
    )


def _explained(found: tuple[Violation, ...], why: str) -> tuple[Violation, ...]:
    if not why:
        return found
    return tuple(replace(v, message=f"{v.message} ({why})") if v.kind == "breaker" else v for v in found)


def _load(connection: apsw.Connection, request: AdmitRequest, now: float) -> Load:
    agent = Scope(ScopeKind.AGENT, request.tenant, request.agent)
    counts = rows_of.counts(connection, agent, now - request.rule.window_s)
    reserved, governed = only(
        connection,
        "SELECT coalesce(sum(reserved), 0), coalesce(sum(governed), 0) FROM breaker_reservation"
        " WHERE tenant = ? AND agent = ? AND state = 'in_flight'",
        (request.tenant, request.agent),
    )
    slips = rows_of.slips(connection, agent, now - request.rule.window_s)
    heavy = breaker.weight_of(request.rule, Severity.LOW) > 0
    return Load(breaker.counted(request.rule, counts) - (slips if heavy else 0), reserved, governed)


def _advance(tx: Transaction, rows: dict[Scope, ScopeRow], request: AdmitRequest) -> tuple[ModeChange, ...]:
    """Steps up that only waited for the cool-down."""
    changes = tuple[ModeChange, ...]()
    for scope, row in rows.items():
        if scope.owned and row.state.mode in (Mode.SUPERVISED, Mode.PROBATION):
            seen = rows_of.window(tx.connection, row, request.rule, tx.now)
            state = breaker.advanced(row.state, request.rule, seen, tx.now)
            changes += rows_of.move(
                tx, row, state, seed=request.token, rule=request.rule, session=request.session
            )
    if changes:
        rows.update(rows_of.load(tx.connection, rows))
    return changes


def _distrust_old_store(tx: Transaction, request: AdmitRequest) -> tuple[ModeChange, ...]:
    """An epoch lower than one that was seen means that an old copy came back: nothing in it is believed."""
    if request.epoch_seen <= rows_of.store_epoch(tx.connection):
        return ()
    rows_of.raise_store_epoch(tx.connection, floor=request.epoch_seen)
    row = rows_of.load_one(tx.connection, Scope(ScopeKind.STORE))
    reason = "the breaker's epoch went backwards: an old copy of the store came back"
    state = breaker.tripped(row.state, None, Mode.SUPERVISED, reason, trips=0, at=tx.now)
    return rows_of.move(tx, row, state, seed=request.token, session=request.session, voids=True)
