"""Reservations: one row for each admitted call, from its admission to a day after its end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import apsw

from remit.core.scope import Scope, ScopeKind, scopes_of
from remit.core.types import Mode, Severity, ToolEffect
from remit.store import control_breaker as rows_of
from remit.store.control_breaker import Violating

LAST_WORD = Severity.MEDIUM
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


def reservation(connection: apsw.Connection, token: str) -> Reservation | None:
    """One admitted call; None where nobody admitted the token, or long ago."""
    found = connection.execute(
        "SELECT token, state, tenant, agent, version, effect, tool, session, call_id, envelope, at,"
        " lease_until, mode, epoch, entered, enforced, approval, flags"
        " FROM breaker_reservation WHERE token = ?",
        (token,),
    ).fetchone()
    return None if found is None else _reservation(found)


def precheck(connection: apsw.Connection, token: str, now: float) -> bool:
    """Whether an admitted call may be dispatched right now: reserved, lease running, epoch not raised."""
    held = reservation(connection, token)
    if held is None or held.state != "in_flight" or now >= held.lease_until:
        return False
    return not held.enforced or rows_of.epoch_of(rows_of.load(connection, held.scopes)) == held.epoch


def end(connection: apsw.Connection, held: Reservation, state: str, now: float) -> None:
    """It is `settled`, `released` or `expired` from now on."""
    connection.execute(
        "UPDATE breaker_reservation SET state = ?, settled_at = ? WHERE token = ?", (state, now, held.token)
    )


def violating(held: Reservation, severity: Severity, clause: str, kind: str) -> Violating:
    """What it did, as the breaker counts it."""
    scope = (held.tenant, held.agent, held.version, held.effect.value)
    return Violating(
        held.token, scope, severity, clause, kind, held.session, executed=True, enforced=held.enforced
    )


def _reservation(found: tuple[Any, ...]) -> Reservation:
    token, state, tenant, agent, version, effect, *middle, mode, epoch, entered, enforced = found[:-2]
    approval, flags = found[-2:]
    ids = (token, state, tenant, agent, version, ToolEffect(effect))
    return Reservation(*ids, *middle, Mode(mode), epoch, entered, bool(enforced), approval, flags)  # type: ignore[call-arg]
