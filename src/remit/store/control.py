"""Human control in one transaction each: admit a call, settle it, count a violation, sweep what is overdue.

Every function takes a `Transaction`: the write lock is held, and the clock was read after it was taken. The
order inside is always the same: sweep, read, count, write. `DDL` makes the tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import apsw
import msgspec

from remit.core import breaker
from remit.core.admission import Admission, AdmitRequest, Gate, Load, Misstep, Settlement, gate
from remit.core.anomaly import worst
from remit.core.approval import ApprovalState, ApprovalStatus
from remit.core.breaker import ModeChange
from remit.core.errors import BadInput
from remit.core.event import AnomalyIndex, Event
from remit.core.ids import derived_id
from remit.core.limits import exceeded
from remit.core.scope import Scope, ScopeKind, scopes_of
from remit.core.types import ApprovalNeed, Mode, OnViolation, Severity, ToolEffect, Violation
from remit.store import approval_rows, control_limits, control_past
from remit.store import control_breaker as rows_of
from remit.store.control_breaker import ScopeRow, Violating
from remit.store.control_rows import only
from remit.store.control_schema import DDL as _TABLES
from remit.store.transaction import Transaction

__all__ = ["DDL", "Reservation", "admit", "count_violation", "precheck", "reservation", "settle", "sweep"]

DDL = _TABLES + control_past.DDL
"""All tables that this module writes."""
CLOCK_TOLERANCE_S = 1.0
"""A step backwards larger than this expires every open approval."""
KEPT_S = 24 * 3600.0
"""Settled reservations stay this long, so that a late or repeated settlement finds its token."""
PRUNE_EVERY_S = 3600.0
_LAST_WORD = Severity.MEDIUM
"""Of a violating outcome whose severity nobody named, and of an outcome that nobody knows."""


@dataclass(frozen=True, slots=True)
class Reservation:
    """One admitted call, as the store has it."""

    token: str
    state: str
    """`in_flight`, `settled`, `released` (it did not run) or `expired` (its lease ran out)."""
    tenant: str
    agent: str
    version: str
    effect: ToolEffect
    tool: str
    session: str
    call_id: str
    envelope: str
    at: float
    lease_until: float
    mode: Mode
    epoch: int
    entered: int
    enforced: bool
    approval: str | None
    flags: str | None

    @property
    def agent_scope(self) -> Scope:
        """Of its agent."""
        return Scope(ScopeKind.AGENT, self.tenant, self.agent)

    @property
    def scopes(self) -> tuple[Scope, ...]:
        """Of the call."""
        return scopes_of(self.tenant, self.agent, self.version, self.effect)


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
    tx: Transaction, request: AdmitRequest, rows: Mapping[Scope, ScopeRow], answer: Admission, found: Gate
) -> Admission:
    """The answer in monitor: only limits that bind, and people whom a clause that binds asks for, stand in the way."""
    refused, held = (
        tuple(v for v in some if v.clause in request.binding) for some in (found.refused, found.held)
    )
    if not (refused or held or request.needs_approval):
        return _reserved(tx, request, rows, answer, None, human=False)
    said = _with_people(tx, request, rows, answer, Gate(refused, held))
    if said.status == "admitted":
        return said
    watched = {v.clause for v in answer.violations} - request.binding
    return replace(said, violations=tuple(v for v in said.violations if v.clause not in watched))


def _with_people(
    tx: Transaction, request: AdmitRequest, rows: Mapping[Scope, ScopeRow], answer: Admission, found: Gate
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


def settle(tx: Transaction, settlement: Settlement) -> tuple[ModeChange, ...]:
    """Record how an admitted call ended: its reservation goes, its violation or its evidence counts, once.

    A token whose lease had run out was counted already. A late word corrects the kind and may make it
    heavier; it never counts twice and never takes the count back, since violations leave the log by age only.

    Raises:
        BadInput: nobody admitted this token, or it was settled more than a day ago.
    """
    held = reservation(tx.connection, settlement.token)
    if held is None:
        raise BadInput("settlement.token", f"{settlement.token!r} was not admitted here")
    if held.state == "expired":
        return _settle_late(tx, held, settlement)
    if held.state != "in_flight":
        return ()
    _end(tx.connection, held, "settled" if settlement.ran else "released", tx.now)
    _end_approval(tx, held, settlement)
    if not settlement.ran:
        control_limits.release(tx.connection, held.token)
        control_past.release(tx.connection, held.token)
        return sweep(tx)
    control_limits.commit(tx.connection, held.token, tx.now)
    control_past.settle(tx, (held.tenant, held.agent), settlement)
    severity = _severity(settlement)
    if severity is not None:
        rule = rows_of.rule_of(tx.connection, held.agent_scope)
        return rows_of.violated(tx, _violating(held, settlement, severity), rule) + sweep(tx)
    # A call admitted in AUTONOMOUS is no evidence: either nothing changed since, or it came before the change.
    clean = settlement.outcome == "clean" and held.enforced and held.mode is not Mode.AUTONOMOUS
    return (_evidence(tx, held) if clean else ()) + sweep(tx)


def count_violation(tx: Transaction, misstep: Misstep) -> tuple[ModeChange, ...]:
    """Count something that was refused before it ran, or that no token stands for: once, as its worst clause.

    Refusals by the breaker itself never count; repeats of one refused proposal count once in 30 s, unless
    critical.
    """
    told = [pair for pair in misstep.violations if not pair[1].startswith("breaker.")]
    if not told:
        return ()
    severity = worst([s for s, _ in told])
    entry = Violating(
        token=misstep.id,
        scope=(
            misstep.tenant,
            misstep.agent,
            misstep.agent_version,
            misstep.effect.value if misstep.effect else "",
        ),
        severity=severity,
        clause=next(clause for s, clause in told if s is severity),
        kind=misstep.kind,
        session=misstep.session,
        executed=False,
        enforced=misstep.enforce,
        collapse=misstep.collapse,
    )
    if (
        misstep.collapse
        and severity is not Severity.CRITICAL
        and rows_of.repeated(tx.connection, entry, tx.now)
    ):
        return ()
    agent = Scope(ScopeKind.AGENT, misstep.tenant, misstep.agent)
    rows_of.remember_rule(tx.connection, rows_of.load_one(tx.connection, agent), misstep.rule)
    return rows_of.violated(tx, entry, misstep.rule)


def precheck(connection: apsw.Connection, token: str, now: float) -> bool:
    """Whether an admitted call may be dispatched right now: reserved, lease running, epoch not raised."""
    held = reservation(connection, token)
    if held is None or held.state != "in_flight" or now >= held.lease_until:
        return False
    return not held.enforced or rows_of.epoch_of(rows_of.load(connection, held.scopes)) == held.epoch


def sweep(tx: Transaction) -> tuple[ModeChange, ...]:
    """End what is overdue: leases, approvals, forces; and forget what is too old to matter.

    Runs inside every `admit` and `settle`; costs one read while nothing is due.
    """
    db, now = tx.connection, tx.now
    lease, approval, force, clock, pruned = only(
        db,
        "SELECT (SELECT min(lease_until) FROM breaker_reservation WHERE state = 'in_flight'),"
        " (SELECT min(expires_at) FROM approval WHERE state IN ('pending', 'approved')),"
        " (SELECT min(force_until) FROM breaker_scope WHERE force_until IS NOT NULL),"
        " (SELECT value FROM control_mark WHERE name = 'clock'),"
        " (SELECT value FROM control_mark WHERE name = 'pruned')",
    )
    changes = tuple[ModeChange, ...]()
    if clock is not None and now < clock - CLOCK_TOLERANCE_S:
        approval_rows.expire(tx, everything=True)
    elif approval is not None and approval <= now:
        approval_rows.expire(tx)
    if clock is None or abs(now - clock) > CLOCK_TOLERANCE_S:
        rows_of.set_mark(db, "clock", now)
    if force is not None and force <= now:
        changes += _expire_forces(tx)
    if lease is not None and lease <= now:
        changes += _expire_leases(tx)
    if pruned is None or not now - PRUNE_EVERY_S < pruned <= now:
        _prune(db, now)
    return changes


def expire_approvals(tx: Transaction) -> int:
    """End every open approval: for a store that saw its clock go backwards and hides that from `tx.now`."""
    return approval_rows.expire(tx, everything=True)


def reservation(connection: apsw.Connection, token: str) -> Reservation | None:
    """One admitted call; None where nobody admitted the token, or long ago."""
    found = connection.execute(
        "SELECT token, state, tenant, agent, version, effect, tool, session, call_id, envelope, at,"
        " lease_until, mode, epoch, entered, enforced, approval, flags"
        " FROM breaker_reservation WHERE token = ?",
        (token,),
    ).fetchone()
    return None if found is None else _reservation(found)


def _reservation(found: tuple[Any, ...]) -> Reservation:
    token, state, tenant, agent, version, effect, *middle, mode, epoch, entered, enforced = found[:-2]
    approval, flags = found[-2:]
    ids = (token, state, tenant, agent, version, ToolEffect(effect))
    return Reservation(*ids, *middle, Mode(mode), epoch, entered, bool(enforced), approval, flags)  # type: ignore[call-arg]


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


def _evidence(tx: Transaction, held: Reservation) -> tuple[ModeChange, ...]:
    rows = rows_of.load(tx.connection, held.scopes)
    if rows_of.entered_of(rows) != held.entered:
        return ()
    rule = rows[held.agent_scope].rule
    changes = tuple[ModeChange, ...]()
    for scope, row in rows.items():
        if scope.owned and row.stored and row.state.mode in (Mode.SUPERVISED, Mode.PROBATION):
            seen = rows_of.window(tx.connection, row, rule, tx.now)
            approved = held.approval is not None
            state = breaker.after_clean(
                row.state, rule, seen, approved=approved, effect=held.effect, at=tx.now
            )
            changes += rows_of.move(tx, row, state, seed=held.token, rule=rule, session=held.session)
    return changes


def _severity(settlement: Settlement) -> Severity | None:
    if settlement.violations:
        return worst([s for s, _ in settlement.violations])
    return _LAST_WORD if settlement.outcome == "violation" else None


def _violating(held: Reservation, settlement: Settlement, severity: Severity) -> Violating:
    clause = next((c for s, c in settlement.violations if s is severity), "outcome")
    return _line(held, severity, clause, "outcome")


def _line(held: Reservation, severity: Severity, clause: str, kind: str) -> Violating:
    scope = (held.tenant, held.agent, held.version, held.effect.value)
    return Violating(
        held.token, scope, severity, clause, kind, held.session, executed=True, enforced=held.enforced
    )


def _end(connection: apsw.Connection, held: Reservation, state: str, now: float) -> None:
    connection.execute(
        "UPDATE breaker_reservation SET state = ?, settled_at = ? WHERE token = ?", (state, now, held.token)
    )


def _end_approval(tx: Transaction, held: Reservation, settlement: Settlement) -> None:
    one = approval_rows.status(tx.connection, held.approval) if held.approval else None
    if one is None or one.state is not ApprovalState.CLAIMED:
        return
    if not settlement.ran:
        reason = "given back: the call did not run"
        approval_rows.become(tx, one, ApprovalState.APPROVED, reason=reason, kind="approval.returned")
        if one.epoch != rows_of.epoch_of(rows_of.load(tx.connection, held.scopes)):
            back = approval_rows.status(tx.connection, one.id)
            assert back is not None  # noqa: S101 - it was just written
            approval_rows.become(tx, back, ApprovalState.CANCELLED, reason="the breaker's epoch was raised")
        return
    state = ApprovalState.FAILED if settlement.outcome == "error" else ApprovalState.EXECUTED
    reason = "the tool raised" if settlement.outcome == "error" else ""
    approval_rows.become(
        tx, one, state, reason=reason, body={"token": held.token, "outcome": settlement.outcome}
    )


def _settle_late(tx: Transaction, held: Reservation, settlement: Settlement) -> tuple[ModeChange, ...]:
    db = tx.connection
    _end(db, held, "settled", tx.now)
    one = approval_rows.status(db, held.approval) if held.approval else None
    if (
        one is not None
        and one.state is ApprovalState.FAILED
        and settlement.ran
        and settlement.outcome != "error"
    ):
        approval_rows.become(
            tx, one, ApprovalState.EXECUTED, reason="the outcome came late", body={"token": held.token}
        )
    if settlement.ran:
        control_past.settle(tx, (held.tenant, held.agent), settlement)
    else:
        control_limits.release(db, held.token)
        control_past.release(db, held.token)
    rule = rows_of.rule_of(db, held.agent_scope)
    severity = _severity(settlement) if settlement.ran else None
    kind = "late" if severity else f"late-{settlement.outcome if settlement.ran else 'not-run'}"
    old = db.execute("SELECT severity FROM breaker_violation WHERE token = ?", (held.token,)).fetchone()
    if old is None:
        return rows_of.violated(tx, _violating(held, settlement, severity), rule) if severity else ()
    heavier = worst([Severity(old[0]), severity or Severity.LOW])
    db.execute(
        "UPDATE breaker_violation SET severity = ?, kind = ? WHERE token = ?",
        (heavier.value, kind, held.token),
    )
    if heavier.value == old[0] or not held.enforced:
        return ()
    return rows_of.judged(tx, _violating(held, settlement, heavier), rule)


def _expire_leases(tx: Transaction) -> tuple[ModeChange, ...]:
    due = tx.connection.execute(
        "SELECT token FROM breaker_reservation WHERE state = 'in_flight' AND lease_until <= ?"
        " ORDER BY lease_until, token",
        (tx.now,),
    ).fetchall()
    changes = tuple[ModeChange, ...]()
    for (token,) in due:
        held = reservation(tx.connection, str(token))
        assert held is not None  # noqa: S101 - just read under the lock
        changes += _expire_lease(tx, held)
    return changes


def _expire_lease(tx: Transaction, held: Reservation) -> tuple[ModeChange, ...]:
    """The outcome is unknown: claims stay, the approval is spent, and unless it only read, it counts."""
    _end(tx.connection, held, "expired", tx.now)
    control_limits.commit(tx.connection, held.token, tx.now)
    control_past.expire(tx, held.token)
    counts = held.effect is not ToolEffect.READ
    tx.append(
        Event(
            id=derived_id(held.token, "breaker.lease_expired"),
            session=held.session,
            kind="breaker.lease_expired",
            agent=held.agent,
            envelope=held.envelope,
            tenant=held.tenant,
            body={
                "token": held.token,
                "call_id": held.call_id,
                "tool": held.tool,
                "effect": held.effect.value,
                "admitted_at": held.at,
                "lease_until": held.lease_until,
                "approval": held.approval,
            },
            anomaly=AnomalyIndex(
                kind="unknown-outcome",
                severity=_LAST_WORD if counts else Severity.LOW,
                clauses=("breaker.lease",),
                tool=held.tool,
                counts=counts,
                enforced=held.enforced,
            ),
        )
    )
    one = approval_rows.status(tx.connection, held.approval) if held.approval else None
    if one is not None and one.state is ApprovalState.CLAIMED:
        approval_rows.become(
            tx, one, ApprovalState.FAILED, reason="the outcome is unknown: the lease ran out"
        )
    if not counts:
        return ()
    rule = rows_of.rule_of(tx.connection, held.agent_scope)
    return rows_of.violated(tx, _line(held, _LAST_WORD, "breaker.lease", "unknown-outcome"), rule)


def _expire_forces(tx: Transaction) -> tuple[ModeChange, ...]:
    changes = tuple[ModeChange, ...]()
    for row in rows_of.touched(tx.connection):
        force = row.state.force
        if force is not None and tx.now >= force.until:
            state = replace(
                breaker.without_expired_force(row.state, tx.now),
                reason=f"the force has ended: {force.reason}",
            )
            rule = rows_of.rule_of(tx.connection, row.scope)
            changes += rows_of.move(tx, row, state, seed=force.id, rule=rule, before=force.mode)
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


def _prune(connection: apsw.Connection, now: float) -> None:
    rows_of.set_mark(connection, "pruned", now)
    connection.execute(
        "DELETE FROM breaker_reservation WHERE state <> 'in_flight' AND settled_at < ?", (now - KEPT_S,)
    )
    control_limits.prune(connection, now - KEPT_S)
    control_past.prune(connection, now - KEPT_S)
    longest = max(
        (max(row.rule.window_s, row.rule.recovery.look_back_s) for row in rows_of.touched(connection)),
        default=0.0,
    )
    connection.execute("DELETE FROM breaker_violation WHERE at < ?", (now - longest - KEPT_S,))
    connection.execute("DELETE FROM breaker_trip WHERE at < ?", (now - longest - KEPT_S,))
