"""Modes set by hand: stricter takes one person, looser two different ones, or one who breaks the glass.

`trip` and `reset` set what the automatic rules go on from; `force` covers it until it ends. Whoever makes an
agent stricter needs no key: a stop must never wait for a passphrase. Whoever makes it looser is identified.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import apsw

from remit.core import breaker
from remit.core.approval import OperatorRefused
from remit.core.breaker import Actor, Force, ModeChange, mode_message
from remit.core.errors import BadInput
from remit.core.event import Event
from remit.core.ids import derived_id
from remit.core.scope import Scope, ScopeKind
from remit.core.trial.apart import is_trial
from remit.core.types import Mode
from remit.store import control_breaker as rows_of
from remit.store import control_reviews, operators
from remit.store.control_breaker import Logged, ScopeRow
from remit.store.control_rows import only
from remit.store.transaction import Transaction


def trip(
    tx: Transaction, scope: Scope, mode: Mode = Mode.SUPERVISED, *, id: str, actor: str, reason: str
) -> tuple[ModeChange, ...]:
    """Make a scope stricter by hand: SUPERVISED is left by evidence, QUARANTINED and HALTED by hand.

    Args:
        id: of this act, made by the caller.
        actor: one person, or the part of remit that lost its footing (`audit sink unreachable`).

    Raises:
        BadInput: the mode is not stricter than what stands, or no reason.
    """
    _need_reason(reason)
    row = rows_of.load_one(tx.connection, scope)
    if mode.strictness <= breaker.current(row.state, tx.now).strictness:
        found = f"found {mode.value} while {breaker.current(row.state, tx.now).value}"
        raise BadInput("mode", found, "a trip makes stricter; see `remit breaker reset`")
    rule = rows_of.rule_of(tx.connection, scope)
    seen = rows_of.trips(tx.connection, row, rule, tx.now)
    state = breaker.tripped(row.state, rule, mode, reason, trips=seen, at=tx.now)
    return rows_of.move(tx, row, state, seed=id, rule=rule, actors=(actor,))


def distrust(tx: Transaction, scope: Scope, *, id: str, reason: str) -> tuple[ModeChange, ...]:
    """Nobody's decision: the ground for autonomy is gone (audit sink unreachable, policy mismatch), so SUPERVISED.

    Loosens nothing, and does nothing where the scope is as strict already.
    """
    row = rows_of.load_one(tx.connection, scope)
    if breaker.current(row.state, tx.now).strictness >= Mode.SUPERVISED.strictness:
        return ()
    rule = rows_of.rule_of(tx.connection, scope)
    seen = rows_of.trips(tx.connection, row, rule, tx.now)
    state = breaker.tripped(row.state, rule, Mode.SUPERVISED, reason, trips=seen, at=tx.now)
    return rows_of.move(tx, row, state, seed=id, rule=rule)


def force(
    tx: Transaction,
    scope: Scope,
    mode: Mode,
    *,
    id: str,
    actors: Sequence[Actor],
    reason: str,
    expires_at: float,
    single_operator: bool = False,
    break_glass: bool = False,
) -> tuple[ModeChange, ...]:
    """Cover a scope's mode with another until *expires_at*, on the store's clock.

    Raises:
        BadInput: no reason, no actor, an end in the past, or a leap out of QUARANTINED past SUPERVISED.
        OperatorRefused: it would loosen, and too few different people are proven to want it.
    """
    _need_reason(reason)
    row = rows_of.load_one(tx.connection, scope)
    names = tuple(actor.name for actor in actors)
    wanted = Force(mode, expires_at, names, reason, break_glass, id)
    state = breaker.forced(row.state, wanted, tx.now)
    loose = breaker.loosens(row.state, wanted, tx.now)
    if loose:
        message = mode_message(id, scope, mode, reason=reason, until=expires_at, changes=row.changes)
        _refuse_few(tx, row, actors, message, single_operator=single_operator, break_glass=break_glass)
    elif not names:
        raise BadInput("actors", "nobody is named", "say who does it")
    return _by_hand(tx, row, state, names, id=id, break_glass=break_glass and loose)


def reset(
    tx: Transaction,
    scope: Scope,
    *,
    id: str,
    actors: Sequence[Actor],
    reason: str,
    mode: Mode | None = None,
    single_operator: bool = False,
    break_glass: bool = False,
) -> tuple[ModeChange, ...]:
    """Let the automatic rules go on from a looser mode: one step, or *mode*. Violations stay in the log.

    Break-glass, one person alone, is for a single-operator store only; elsewhere one person can `force` for a
    time.

    Raises:
        BadInput: no reason, not looser, or a leap out of QUARANTINED or HALTED past SUPERVISED.
        OperatorRefused: too few different people are proven to want it.
    """
    _need_reason(reason)
    row = rows_of.load_one(tx.connection, scope)
    standing = breaker.current(row.state, tx.now)
    target = mode or breaker.one_step_looser(standing)
    if target.strictness >= standing.strictness and row.state.force is None:
        raise BadInput("mode", f"found {target.value} while {standing.value}", "a reset makes looser")
    if break_glass and not single_operator:
        raise OperatorRefused(scope.id, "alone one can only force for a time; a reset takes two people")
    state = breaker.reset(row.state, rows_of.rule_of(tx.connection, scope), target, reason, tx.now)
    message = mode_message(id, scope, target, reason=reason, until=None, changes=row.changes)
    _refuse_few(tx, row, actors, message, single_operator=single_operator, break_glass=break_glass)
    names = tuple(actor.name for actor in actors)
    return _by_hand(tx, row, state, names, id=id, break_glass=break_glass)


def register_version(
    tx: Transaction, tenant: str, agent: str, version: str, *, id: str
) -> tuple[ModeChange, ...]:
    """Make a version of an agent known. The first stands as the agent does, a later one begins in PROBATION.

    From the first registration on, a version that nobody registered is SUPERVISED.

    Raises:
        BadInput: the version has no name.
    """
    if not version:
        raise BadInput("version", "it is empty", "name the version")
    db = tx.connection
    row = rows_of.load_one(db, Scope(ScopeKind.VERSION, tenant, agent, version))
    if row.stored:
        return ()
    owner = rows_of.load_one(db, Scope(ScopeKind.AGENT, tenant, agent))
    rows_of.save(db, replace(owner, versions=owner.versions + 1))
    row = rows_of.save(db, row)
    if owner.versions == 0:
        return ()
    state = breaker.entered(row.state, Mode.PROBATION, "a new version of the agent", tx.now)
    return rows_of.move(tx, row, state, seed=id, rule=owner.rule)


@dataclass(frozen=True, slots=True)
class ScopeView:
    """One scope, as people are shown it."""

    scope: Scope
    mode: Mode
    """In force."""
    automatic: Mode
    """What the rules give, under a force."""
    reason: str
    since: float
    breaker_epoch: int
    changes: int
    """What a signature over `mode_message` must name."""
    violations: int
    """In the window of the agent's rule."""
    in_flight: int
    overdue: int
    """Those in flight whose lease is over: violations as soon as the next call, or its late outcome, comes."""
    cooldown_until: float
    approved_clean: int
    probation_clean: int
    force: Force | None


def list_scopes(connection: apsw.Connection, now: float) -> list[ScopeView]:
    """Every scope that was ever touched, by id; none of trials."""
    return [
        _view(connection, row, now) for row in rows_of.touched(connection) if not is_trial(row.scope.tenant)
    ]


def show_scope(connection: apsw.Connection, scope: Scope, now: float) -> ScopeView:
    """One scope; as it began where nothing ever touched it."""
    return _view(connection, rows_of.load_one(connection, scope), now)


def in_window(connection: apsw.Connection, scope: Scope, now: float, most: int) -> list[Logged]:
    """The latest violations that count for a scope now, latest first."""
    return rows_of.logged(connection, scope, now - rows_of.rule_of(connection, scope).window_s, most)


def tripped_share(connection: apsw.Connection, tenant: str, now: float) -> tuple[int, int]:
    """How many agents of a tenant are SUPERVISED or stricter, and how many there are.

    A large share means one bad rule or one bad input for many. It is an alarm, never a reason to leave one
    autonomous.
    """
    rows = [
        r for r in rows_of.touched(connection) if r.scope.kind is ScopeKind.AGENT and r.scope.tenant == tenant
    ]
    down = sum(breaker.current(r.state, now).strictness >= Mode.SUPERVISED.strictness for r in rows)
    return down, len(rows)


def _view(connection: apsw.Connection, row: ScopeRow, now: float) -> ScopeView:
    scope, state = row.scope, row.state
    rule = rows_of.rule_of(connection, scope)
    where = {"tenant": scope.tenant, "agent": scope.agent} if scope.owned else {}
    where |= {"version": scope.part} if scope.kind is ScopeKind.VERSION else {}
    where |= {"effect": scope.part} if scope.kind is ScopeKind.EFFECT else {}
    where |= {"tenant": scope.tenant} if scope.kind is ScopeKind.TENANT else {}
    narrow = "".join(f" AND {name} = ?" for name in where)
    in_flight, overdue = only(
        connection,
        "SELECT count(*), count(*) FILTER (WHERE lease_until <= ?)"  # noqa: S608 - fixed names
        f" FROM breaker_reservation WHERE state = 'in_flight'{narrow}",
        (now, *where.values()),
    )
    standing = state.force if state.force is not None and now < state.force.until else None
    return ScopeView(
        scope=scope,
        mode=breaker.current(state, now),
        automatic=state.mode,
        reason=standing.reason if standing else state.reason,
        since=state.since,
        breaker_epoch=row.epoch,
        changes=row.changes,
        violations=breaker.counted(rule, rows_of.counts(connection, scope, now - rule.window_s)),
        in_flight=in_flight,
        overdue=overdue,
        cooldown_until=state.cooldown_until,
        approved_clean=state.approved_clean,
        probation_clean=state.probation_clean,
        force=standing,
    )


def _by_hand(
    tx: Transaction,
    row: ScopeRow,
    state: breaker.ScopeState,
    names: tuple[str, ...],
    *,
    id: str,
    break_glass: bool,
) -> tuple[ModeChange, ...]:
    rule = rows_of.rule_of(tx.connection, row.scope)
    changes = rows_of.move(tx, row, state, seed=id, rule=rule, actors=names, break_glass=break_glass)
    if break_glass:
        control_reviews.open_review(tx, row.scope.id, names[0], id)
        _tell_break_glass(tx, row, names, state.force.reason if state.force else state.reason, id)
    return changes


def _tell_break_glass(tx: Transaction, row: ScopeRow, names: tuple[str, ...], reason: str, act: str) -> None:
    tx.append(
        Event(
            id=derived_id(act, "break_glass"),
            session="",
            kind="break_glass",
            agent=row.scope.agent,
            envelope="",
            tenant=row.scope.tenant or "default",
            body={"scope": row.scope.id, "operators": list(names), "reason": reason, "review_needed": True},
        )
    )


def _refuse_few(
    tx: Transaction,
    row: ScopeRow,
    actors: Sequence[Actor],
    message: bytes,
    *,
    single_operator: bool,
    break_glass: bool,
) -> None:
    about = row.scope.id
    proven = {actor.name for actor in actors if _proven(tx, actor, message, about)}
    if not actors:
        raise BadInput("actors", "nobody is named", "say who does it")
    if break_glass and (proven or single_operator):
        return
    if len(proven) < 2:
        remedy = "two different operators sign to loosen; one alone may break the glass, and is reviewed"
        raise OperatorRefused(about, f"{len(proven)} signed; {remedy}")


def _proven(tx: Transaction, actor: Actor, message: bytes, about: str) -> bool:
    if actor.signature is None:
        return False
    known = operators.find(tx.connection, actor.name)
    if known is None or not operators.verified(known, actor.signature, message):
        raise OperatorRefused(about, f"the signature is not {actor.name}'s over this change")
    return True


def _need_reason(reason: str) -> None:
    if not reason.strip():
        raise BadInput("reason", "it is empty", "say why")
