"""The rows behind `core.breaker`: modes, the log of violations, and what a change of mode brings with it.

Everything that changes a mode goes through `move`, which writes the row, raises the epoch, cancels what the
epoch voids and appends `breaker.changed`: one transaction, or none of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import apsw
import msgspec

from remit.core import breaker
from remit.core.breaker import Force, ModeChange, ScopeState, Window
from remit.core.envelope import BreakerRule
from remit.core.event import Event
from remit.core.ids import derived_id
from remit.core.scope import Scope, ScopeKind, scope_ids, scopes_of
from remit.core.types import Mode, Severity, ToolEffect
from remit.store import approval_rows
from remit.store.control_rows import only
from remit.store.transaction import Transaction

_FIELDS = (
    "mode, since, since_violation, cooldown_until, approved_clean, probation_clean, answers, reason, entered,"
    " force_mode, force_until, force_by, force_reason, force_break_glass, force_id,"
    " epoch, changes, versions, rule"
)


_SLIP = "(severity = 'low' AND kind = 'slip' AND NOT executed)"
"""A low violation that was refused before any effect, as its caller says (`Misstep.kind`)."""


@dataclass(frozen=True, slots=True)
class ScopeRow:
    """One scope as the store has it; `changes` 0 and no rule for one that was never touched."""

    scope: Scope
    state: ScopeState = field(default_factory=ScopeState)
    since_violation: int = 0
    """The last violation that was logged when the mode was entered."""
    epoch: int = 0
    changes: int = 0
    versions: int = 0
    """Of an agent: how many of its versions are registered."""
    rule_text: str | None = None
    stored: bool = False

    @property
    def rule(self) -> BreakerRule:
        """Of the agent, as its last call brought it."""
        return msgspec.json.decode(self.rule_text, type=BreakerRule) if self.rule_text else BreakerRule()


@dataclass(frozen=True, slots=True)
class Violating:
    """One line for the log of violations."""

    token: str
    scope: tuple[str, str, str, str]
    """Tenant, agent, version, effect; empty where not known."""
    severity: Severity
    clause: str
    kind: str
    session: str
    executed: bool
    enforced: bool = True
    collapse: str = ""


def load(connection: apsw.Connection, scopes: Iterable[Scope]) -> dict[Scope, ScopeRow]:
    """The rows of these scopes, in their order; a scope without a row stands as it began."""
    by_id = {scope.id: scope for scope in scopes}
    return _filled(by_id, _stored(connection, tuple(by_id)))


def _stored(connection: apsw.Connection, ids: tuple[str, ...]) -> list[tuple[Any, ...]]:
    marks = ",".join("?" * len(ids))
    return connection.execute(
        f"SELECT id, {_FIELDS} FROM breaker_scope WHERE id IN ({marks})",  # noqa: S608 - marks are question marks
        ids,
    ).fetchall()


def _filled(by_id: Mapping[str, Scope], stored: Iterable[tuple[Any, ...]]) -> dict[Scope, ScopeRow]:
    found = {scope: ScopeRow(scope) for scope in by_id.values()}
    for text, *values in stored:
        found[by_id[text]] = _row(by_id[text], values)
    return found


def load_one(connection: apsw.Connection, scope: Scope) -> ScopeRow:
    """The row of one scope."""
    return load(connection, [scope])[scope]


def touched(connection: apsw.Connection) -> list[ScopeRow]:
    """Every scope that has a row, by id."""
    rows = connection.execute(f"SELECT id, {_FIELDS} FROM breaker_scope ORDER BY id")  # noqa: S608 - a constant
    return [_row(Scope.parse(text), values) for text, *values in rows]


def save(connection: apsw.Connection, row: ScopeRow) -> ScopeRow:
    """Write the row as it is."""
    s, f = row.state, row.state.force
    names = msgspec.json.encode(f.by).decode() if f else ""
    force = (f.mode.value, f.until, names, f.reason, int(f.break_glass), f.id) if f else (None,) * 6
    connection.execute(
        f"INSERT OR REPLACE INTO breaker_scope (id, {_FIELDS}) VALUES ({','.join('?' * 20)})",  # noqa: S608 - constants
        (
            row.scope.id,
            *(s.mode.value, s.since, row.since_violation, s.cooldown_until),
            *(s.approved_clean, s.probation_clean),
            *(s.answers, s.reason, s.entered, *force, row.epoch, row.changes, row.versions, row.rule_text),
        ),
    )
    return replace(row, stored=True)


def _row(scope: Scope, values: Sequence[Any]) -> ScopeRow:
    mode, since, since_violation, cooldown, approved, probation, answers, reason, entered, *rest = values
    force_mode, until, by, force_reason, break_glass, force_id, epoch, changes, versions, rule = rest
    force = None
    if force_mode is not None:
        names = msgspec.json.decode(by, type=tuple[str, ...])
        force = Force(Mode(force_mode), until, names, force_reason, bool(break_glass), force_id)
    state = ScopeState(Mode(mode), since, cooldown, approved, probation, answers, force, reason, entered)
    return ScopeRow(scope, state, since_violation, epoch, changes, versions, rule, stored=True)


def remember_rule(connection: apsw.Connection, row: ScopeRow, rule: BreakerRule) -> ScopeRow:
    """Keep the agent's rule, which sweeping and answers need later; writes only where it is another."""
    text = msgspec.json.encode(rule, order="sorted").decode()
    return row if row.stored and row.rule_text == text else save(connection, replace(row, rule_text=text))


def mark(connection: apsw.Connection, name: str, default: float) -> float:
    """One number that the whole store shares."""
    found = connection.execute("SELECT value FROM control_mark WHERE name = ?", (name,)).fetchone()
    return default if found is None else float(found[0])


def set_mark(connection: apsw.Connection, name: str, value: float) -> None:
    """Set it."""
    connection.execute("INSERT OR REPLACE INTO control_mark VALUES (?, ?)", (name, value))


def rule_of(connection: apsw.Connection, scope: Scope) -> BreakerRule:
    """The rule of the agent that owns the scope; the default where nobody does."""
    return load_one(connection, Scope(ScopeKind.AGENT, scope.tenant, scope.agent)).rule


def store_epoch(connection: apsw.Connection) -> int:
    """A number that only grows: with every change of mode, violation and claimed approval."""
    return int(mark(connection, "epoch", 0))


def epoch_of(rows: Mapping[Scope, ScopeRow]) -> int:
    """The epoch of a call: raised when any of its scopes was."""
    return max((row.epoch for row in rows.values()), default=0)


def entered_of(rows: Mapping[Scope, ScopeRow]) -> int:
    """Grows when any scope of a call enters a mode anew: evidence from before counts for nothing."""
    return sum(row.state.entered for row in rows.values())


def mode_of(rows: Mapping[Scope, ScopeRow], at: float) -> tuple[Mode, str]:
    """The strictest mode over a call's scopes, and why.

    Where an agent registers its versions, one that nobody registered is SUPERVISED.
    """
    best = max(rows.values(), key=lambda row: breaker.current(row.state, at).strictness)
    mode = breaker.current(best.state, at)
    registers = any(row.versions for row in rows.values())
    known = any(row.stored for row in rows.values() if row.scope.kind is ScopeKind.VERSION)
    if registers and not known and mode.strictness < Mode.SUPERVISED.strictness:
        return Mode.SUPERVISED, "this version of the agent is not registered"
    reason = (
        best.state.force.reason if best.state.force and at < best.state.force.until else best.state.reason
    )
    return mode, f"{best.scope.id}: {reason}" if reason else ""


_UNTOUCHED = ScopeState().mode, 0, ""
"""Of calls whose scopes nobody has moved."""


def effective_mode(
    connection: apsw.Connection, tenant: str, agent: str, version: str, effect: ToolEffect | None, now: float
) -> tuple[Mode, int, str]:
    """Mode, breaker epoch and reason for calls of this kind, as they stand. Reads only, and in one statement."""
    stored = _stored(connection, scope_ids(tenant, agent, version, effect))
    if not stored:
        return _UNTOUCHED
    rows = _filled({scope.id: scope for scope in scopes_of(tenant, agent, version, effect)}, stored)
    mode, reason = mode_of(rows, now)
    return mode, epoch_of(rows), reason


def counts(connection: apsw.Connection, scope: Scope, after: float) -> dict[Severity, int]:
    """Violations of a scope later than an instant, by severity."""
    where, values = _within(scope)
    rows = connection.execute(
        f"SELECT severity, count(*) FROM breaker_violation WHERE {where} AND at > ? AND enforced"  # noqa: S608 - fixed texts
        " GROUP BY severity",
        (*values, after),
    )
    return {Severity(severity): n for severity, n in rows}


def window(connection: apsw.Connection, row: ScopeRow, rule: BreakerRule, now: float) -> Window:
    """What the logs say about a scope now."""
    where, values = _within(row.scope)
    found = counts(connection, row.scope, now - rule.window_s)
    heavy = [s.value for s in Severity if breaker.weight_of(rule, s) > 0]
    (since,) = only(
        connection,
        f"SELECT count(*) FROM breaker_violation WHERE {where} AND at > ? AND seq > ? AND enforced"  # noqa: S608 - fixed texts
        f" AND NOT {_SLIP} AND severity IN ({','.join('?' * len(heavy))})",
        (*values, now - rule.window_s, row.since_violation, *heavy),
    )
    return Window(
        found, since, trips(connection, row, rule, now), slips(connection, row.scope, now - rule.window_s)
    )


def slips(connection: apsw.Connection, scope: Scope, after: float) -> int:
    """How many of a scope's violations later than an instant are slips (see `core.breaker`)."""
    where, values = _within(scope)
    (n,) = only(
        connection,
        f"SELECT count(*) FROM breaker_violation WHERE {where} AND at > ? AND enforced AND {_SLIP}",  # noqa: S608 - fixed texts
        (*values, after),
    )
    return int(n)


@dataclass(frozen=True, slots=True)
class Logged:
    """One line of the sliding log, as people are shown it. A rejection and a lease that ran out stand here too."""

    at: float
    clause: str
    severity: str
    kind: str
    session: str
    executed: bool


def logged(connection: apsw.Connection, scope: Scope, after: float, most: int) -> list[Logged]:
    """The latest violations of a scope later than an instant, latest first."""
    where, values = _within(scope)
    rows = connection.execute(
        f"SELECT at, clause, severity, kind, session, executed FROM breaker_violation WHERE {where}"  # noqa: S608 - fixed texts
        " AND at > ? AND enforced ORDER BY seq DESC LIMIT ?",
        (*values, after, most),
    )
    return [
        Logged(at, clause, severity, kind, session, bool(ran))
        for at, clause, severity, kind, session, ran in rows
    ]


def trips(connection: apsw.Connection, row: ScopeRow, rule: BreakerRule, now: float) -> int:
    """How often the scope tripped in the look-back period."""
    (n,) = only(
        connection,
        "SELECT count(*) FROM breaker_trip WHERE scope = ? AND at > ?",
        (row.scope.id, now - rule.recovery.look_back_s),
    )
    return int(n)


def sessions_in(connection: apsw.Connection, scope: Scope, after: float) -> tuple[str, ...]:
    """Sessions with a violation later than an instant, in order of their first."""
    if not scope.owned:
        return ()
    where, values = _within(scope)
    rows = connection.execute(
        f"SELECT session FROM breaker_violation WHERE {where} AND at > ? AND enforced"  # noqa: S608 - fixed texts
        " GROUP BY session ORDER BY min(seq)",
        (*values, after),
    )
    return tuple(session for (session,) in rows if session)


def log(connection: apsw.Connection, entry: Violating, at: float) -> bool:
    """Add one violation to the log; False where its token is there already."""
    connection.execute(
        "INSERT INTO breaker_violation (token, tenant, agent, version, effect, at, severity, clause, kind,"
        " session, executed, enforced, collapse) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (token) DO NOTHING",
        (
            *(entry.token, *entry.scope, at, entry.severity.value, entry.clause, entry.kind, entry.session),
            *(int(entry.executed), int(entry.enforced), entry.collapse),
        ),
    )
    if connection.changes() == 0:
        return False
    raise_store_epoch(connection)
    return True


def repeated(connection: apsw.Connection, entry: Violating, now: float) -> bool:
    """Whether the same refused proposal of the same session was counted a moment ago."""
    found = connection.execute(
        "SELECT 1 FROM breaker_violation WHERE tenant = ? AND agent = ? AND at > ? AND session = ?"
        " AND clause = ? AND collapse = ? AND enforced = ? LIMIT 1",
        (
            *entry.scope[:2],
            now - breaker.COLLAPSE_S,
            entry.session,
            entry.clause,
            entry.collapse,
            int(entry.enforced),
        ),
    ).fetchone()
    return found is not None


def violated(tx: Transaction, entry: Violating, rule: BreakerRule) -> tuple[ModeChange, ...]:
    """Log one violation and let every scope that the agent owns answer it."""
    return judged(tx, entry, rule) if log(tx.connection, entry, tx.now) and entry.enforced else ()


def judged(tx: Transaction, entry: Violating, rule: BreakerRule) -> tuple[ModeChange, ...]:
    """Let every scope that the agent owns answer a violation that is in the log."""
    tenant, agent, version, effect = entry.scope
    scopes = scopes_of(tenant, agent, version, ToolEffect(effect) if effect else None)
    changes = list[ModeChange]()
    for scope, row in load(tx.connection, scopes).items():
        counting = scope.kind is ScopeKind.AGENT
        if scope.owned and (row.stored or counting):
            seen = window(tx.connection, row, rule, tx.now)
            state = breaker.after_violation(row.state, rule, seen, entry.severity, tx.now, counting=counting)
            changes += move(tx, row, state, seed=entry.token, rule=rule, session=entry.session)
    return tuple(changes)


def move(
    tx: Transaction,
    row: ScopeRow,
    state: ScopeState,
    *,
    seed: str,
    rule: BreakerRule | None = None,
    session: str = "",
    actors: tuple[str, ...] = (),
    break_glass: bool = False,
    before: Mode | None = None,
    voids: bool = False,
) -> tuple[ModeChange, ...]:
    """Write the scope's new state with everything that follows from it; one change at most.

    Args:
        seed: id made by a caller, from which the event's id is derived.
        rule: of the agent, where the scope has one.
        session: that brought it about.
        actors: who did it by hand.
        before: the mode before, where it is not what the row says now (a force that has just ended).
        voids: raise the epoch whatever the mode.
    """
    old = before or breaker.current(row.state, tx.now)
    new = breaker.current(state, tx.now)
    by_hand = bool(actors) and state != row.state
    if old is new and not by_hand and not voids:
        if state != row.state:
            save(tx.connection, replace(_reentered(tx.connection, row, state), state=state))
        return ()
    row = _reentered(tx.connection, row, state)
    raised = voids or breaker.raises_epoch(old, new)
    next_epoch = raise_store_epoch(tx.connection)
    epoch = next_epoch if raised else row.epoch
    row = save(tx.connection, replace(row, state=state, epoch=epoch, changes=row.changes + 1))
    if new.strictness > old.strictness and new.strictness >= Mode.SUPERVISED.strictness:
        tx.connection.execute(
            "INSERT INTO breaker_trip VALUES (?, ?, ?)", (row.scope.id, row.changes, tx.now)
        )
    if raised:
        approval_rows.cancel_within(tx, row.scope, f"the breaker went to {new.value}")
    after = tx.now - (rule or row.rule).window_s
    change = ModeChange(
        scope=row.scope,
        before=old,
        after=new,
        reason=state.force.reason if state.force else state.reason,
        at=tx.now,
        breaker_epoch=epoch,
        actors=actors,
        sessions=sessions_in(tx.connection, row.scope, after) if new.strictness > old.strictness else (),
        break_glass=break_glass,
        event_id=derived_id(seed, "breaker.changed", row.scope.id, row.changes),
    )
    tx.append(_event(change, state, session))
    return (change,)


def raise_store_epoch(connection: apsw.Connection, floor: int = 0) -> int:
    """Make the store's epoch higher than it is and than *floor*, and return it."""
    epoch = max(store_epoch(connection), floor) + 1
    set_mark(connection, "epoch", epoch)
    return epoch


def _reentered(connection: apsw.Connection, row: ScopeRow, state: ScopeState) -> ScopeRow:
    if state.entered == row.state.entered:
        return row
    (last,) = only(connection, "SELECT coalesce(max(seq), 0) FROM breaker_violation")
    return replace(row, since_violation=last)


def _event(change: ModeChange, state: ScopeState, session: str) -> Event:
    scope = change.scope
    return Event(
        id=change.event_id,
        session=session,
        kind="breaker.changed",
        agent=scope.agent,
        envelope="",
        tenant=scope.tenant or "default",
        body={
            "scope": scope.id,
            "before": change.before.value,
            "after": change.after.value,
            "automatic": state.mode.value,
            "reason": change.reason,
            "at": change.at,
            "breaker_epoch": change.breaker_epoch,
            "cooldown_until": state.cooldown_until,
            "force_until": state.force.until if state.force else None,
            "actors": list(change.actors),
            "break_glass": change.break_glass,
            "review_needed": change.break_glass,
            "sessions": list(change.sessions),
        },
    )


def _within(scope: Scope) -> tuple[str, tuple[str, ...]]:
    if scope.kind is ScopeKind.VERSION:
        return "tenant = ? AND agent = ? AND version = ?", (scope.tenant, scope.agent, scope.part)
    if scope.kind is ScopeKind.EFFECT:
        return "tenant = ? AND agent = ? AND effect = ?", (scope.tenant, scope.agent, scope.part)
    if scope.kind is ScopeKind.AGENT:
        return "tenant = ? AND agent = ?", (scope.tenant, scope.agent)
    return ("tenant = ?", (scope.tenant,)) if scope.kind is ScopeKind.TENANT else ("1", ())
