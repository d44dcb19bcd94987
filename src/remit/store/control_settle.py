"""How an admitted call ended, and what was refused before it ran: counted once, as violation or as evidence."""

from __future__ import annotations

from remit.core import breaker
from remit.core.admission import Misstep, Settlement
from remit.core.anomaly import worst
from remit.core.approval import ApprovalState
from remit.core.breaker import ModeChange
from remit.core.errors import BadInput
from remit.core.scope import Scope, ScopeKind
from remit.core.types import Mode, Severity
from remit.store import approval_rows, control_limits, control_past
from remit.store import control_breaker as rows_of
from remit.store.control_breaker import Violating
from remit.store.control_reservation import LAST_WORD, Reservation, end, reservation, violating
from remit.store.control_sweep import sweep
from remit.store.transaction import Transaction


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
    end(tx.connection, held, "settled" if settlement.ran else "released", tx.now)
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
    return LAST_WORD if settlement.outcome == "violation" else None


def _violating(held: Reservation, settlement: Settlement, severity: Severity) -> Violating:
    clause = next((c for s, c in settlement.violations if s is severity), "outcome")
    return violating(held, severity, clause, "outcome")


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
    end(db, held, "settled", tx.now)
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
