"""What is overdue ends: leases, approvals, forces; and what is too old to matter is forgotten."""

from __future__ import annotations

from dataclasses import replace

import apsw

from remit.core import breaker
from remit.core.approval import ApprovalState
from remit.core.breaker import ModeChange
from remit.core.event import AnomalyIndex, Event
from remit.core.ids import derived_id
from remit.core.types import Severity, ToolEffect
from remit.store import approval_rows, control_limits, control_past
from remit.store import control_breaker as rows_of
from remit.store.control_reservation import LAST_WORD, Reservation, end, reservation, violating
from remit.store.control_rows import only
from remit.store.transaction import Transaction

CLOCK_TOLERANCE_S = 1.0
"""A step backwards larger than this expires every open approval."""
KEPT_S = 24 * 3600.0
"""Settled reservations stay this long, so that a late or repeated settlement finds its token."""
PRUNE_EVERY_S = 3600.0


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
    end(tx.connection, held, "expired", tx.now)
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
                severity=LAST_WORD if counts else Severity.LOW,
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
    return rows_of.violated(tx, violating(held, LAST_WORD, "breaker.lease", "unknown-outcome"), rule)


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
