"""The rows behind `core.approval`: every change of state, by compare-and-set, with its journal event."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import apsw
import msgspec

from remit.core.approval import ApprovalState, ApprovalStatus, GivenAnswer, Reply, may_become, satisfies
from remit.core.event import AnomalyIndex, Event
from remit.core.ids import derived_id
from remit.core.scope import Scope, ScopeKind
from remit.core.types import ApprovalNeed, Json, ToolEffect
from remit.store.transaction import Transaction

_NAMES = (
    *("id", "event_id", "tenant", "agent", "version", "session", "tool", "effect", "call_id", "envelope"),
    *("call_digest", "digest", "epoch", "state", "revision", "proposals", "people", "roles", "expires_s"),
    *("requested_at", "expires_at", "reason", "approved_by"),
    *("single_operator", "break_glass", "review_needed", "canary"),
)
_FIELDS = ", ".join(_NAMES)
OPEN = "state IN ('pending', 'approved')"


def status(connection: apsw.Connection, approval_id: str) -> ApprovalStatus | None:
    """One approval, without its body; None where there is none with this id."""
    found = select(connection, "id = ?", (approval_id,))
    return found[0] if found else None


def select(
    connection: apsw.Connection, where: str, values: Sequence[Any], limit: int = -1
) -> list[ApprovalStatus]:
    """Approvals that meet a condition written in this package, oldest first; all of them where *limit* is -1."""
    rows = connection.execute(
        f"SELECT {_FIELDS} FROM approval WHERE {where} ORDER BY requested_at, id LIMIT ?",  # noqa: S608 - fixed texts
        (*values, limit),
    )
    return [_status(row) for row in rows]


def of_call(connection: apsw.Connection, session: str, call_digest: str) -> list[ApprovalStatus]:
    """Approvals of exactly this call, oldest first; canaries left out, since they stand for no call."""
    return select(connection, "session = ? AND call_digest = ? AND NOT canary", (session, call_digest))


def claimable(
    found: Sequence[ApprovalStatus], epoch: int, need: ApprovalNeed | None, now: float
) -> ApprovalStatus | None:
    """The approval among them that lets the call run now, if there is one."""
    for one in found:
        fresh = one.state is ApprovalState.APPROVED and one.epoch == epoch and now < one.expires_at
        if fresh and (need is None or satisfies(one.need, need)):
            return one
    return None


def become(
    tx: Transaction,
    one: ApprovalStatus,
    state: ApprovalState,
    *,
    reason: str = "",
    token: str | None = None,
    kind: str = "",
    body: Mapping[str, Json] | None = None,
    session: str | None = None,
) -> None:
    """Move an approval along one arrow of its life, and tell the journal.

    Args:
        reason: why, where no person decided it.
        token: of the reservation that claims it.
        kind: of the event; empty for `approval.<state>`.
        body: more for the event.

    Raises:
        AssertionError: the life of an approval has no such arrow, or somebody else was first. Both are
            defects here, since the row was read under the same lock.
    """
    assert may_become(one.state, state), f"{one.id}: {one.state} to {state}"  # noqa: S101 - a defect
    tx.connection.execute(
        "UPDATE approval SET state = ?, revision = revision + 1, reason = ?, token = coalesce(?, token),"
        " ended_at = ? WHERE id = ? AND state = ? AND revision = ?",
        (state.value, reason, token, tx.now if state.final else None, one.id, one.state.value, one.version),
    )
    assert tx.connection.changes() == 1, f"{one.id} changed under the lock"  # noqa: S101 - a defect
    tell(
        tx,
        one,
        kind or f"approval.{state.value}",
        one.version + 1,
        {"reason": reason, **(body or {})},
        session=session,
    )


def tell(
    tx: Transaction,
    one: ApprovalStatus,
    kind: str,
    version: int,
    body: Mapping[str, Json],
    *,
    session: str | None = None,
    subject: str = "",
    retain_s: float | None = None,
    anomaly: AnomalyIndex | None = None,
) -> str:
    """Append an event about an approval, and return its id."""
    event_id = derived_id(one.id, kind, version)
    tx.append(
        Event(
            id=event_id,
            session=one.session if session is None else session,
            kind=kind,
            agent=one.agent,
            envelope=one.envelope,
            tenant=one.tenant,
            subject=subject,
            retain_s=retain_s,
            body={"approval": one.id, "version": version, "digest": one.digest, "tool": one.tool, **body},
            anomaly=anomaly,
        )
    )
    return event_id


def cancel_within(tx: Transaction, scope: Scope, reason: str) -> int:
    """Cancel every open approval of a scope, and say how many; what was overdue has expired."""
    expire(tx)
    where, values = _within(scope)
    found = select(tx.connection, f"{OPEN} AND {where}", values)
    for one in found:
        become(tx, one, ApprovalState.CANCELLED, reason=reason)
    return len(found)


def expire(tx: Transaction, *, everything: bool = False) -> int:
    """Expire what is due; everything that is open where the clock cannot be trusted."""
    where = OPEN if everything else f"{OPEN} AND expires_at <= ?"
    found = select(tx.connection, where, () if everything else (tx.now,))
    for one in found:
        reason = "the store's clock went backwards" if everything else ""
        become(tx, one, ApprovalState.EXPIRED, reason=reason)
    return len(found)


def answers(connection: apsw.Connection, approval_id: str) -> list[tuple[GivenAnswer, str]]:
    """What was said, in order, each with the id of the event that holds its note."""
    rows = connection.execute(
        "SELECT operator, reply, at, authenticated, break_glass, event_id FROM approval_answer"
        " WHERE approval = ? ORDER BY at, operator",
        (approval_id,),
    )
    return [
        (GivenAnswer(who, Reply(reply), at, bool(sure), break_glass=bool(glass)), event_id)
        for who, reply, at, sure, glass, event_id in rows
    ]


def _status(row: tuple[Any, ...]) -> ApprovalStatus:
    found: dict[str, Any] = dict(zip(_NAMES, row, strict=True))
    roles = msgspec.json.decode(found.pop("roles"), type=tuple[str, ...])
    for name in ("single_operator", "break_glass", "review_needed", "canary"):
        found[name] = bool(found[name])
    return ApprovalStatus(
        state=ApprovalState(found.pop("state")),
        effect=ToolEffect(found.pop("effect")),
        need=ApprovalNeed(roles, found.pop("people"), found["expires_s"]),
        version=found.pop("revision"),
        agent_version=found.pop("version"),
        **found,
    )


def _within(scope: Scope) -> tuple[str, tuple[str, ...]]:
    narrow = {
        ScopeKind.STORE: ("1", ()),
        ScopeKind.TENANT: ("tenant = ?", (scope.tenant,)),
        ScopeKind.AGENT: ("tenant = ? AND agent = ?", (scope.tenant, scope.agent)),
        ScopeKind.VERSION: (
            "tenant = ? AND agent = ? AND version = ?",
            (scope.tenant, scope.agent, scope.part),
        ),
        ScopeKind.EFFECT: (
            "tenant = ? AND agent = ? AND effect = ?",
            (scope.tenant, scope.agent, scope.part),
        ),
    }
    return narrow[scope.kind]
