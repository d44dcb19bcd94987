"""`remit breaker`: how much each agent may do without asking, and setting that by hand.

Stricter takes one person and no key: a stop must never wait for a passphrase. Looser takes two who sign, or one who
breaks the glass and is reviewed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Annotated, Any

import typer

from remit.cli.opened import Opened, StoreOption, TenantOption, opened, seconds, span
from remit.cli.operator_keys import PASSPHRASE, SECOND_PASSPHRASE, KeyFile
from remit.cli.output import Output, counted, emit, note, say, table
from remit.core.approval import OperatorRefused
from remit.core.breaker import Actor, ModeChange, mode_message
from remit.core.errors import BadInput
from remit.core.event import StoredEvent
from remit.core.notice import instant, visible
from remit.core.scope import Scope, ScopeKind, scopes_of
from remit.core.types import Mode
from remit.store import control_breaker, control_hand, outbox
from remit.store.control_breaker import Logged
from remit.store.control_hand import ScopeView
from remit.store.transaction import Transaction
from remit.usecases.clock import Uuid7

app = typer.Typer(add_completion=False, no_args_is_help=True)

ALONE_S = 900.0
"""How long one person alone can loosen, where nothing is said."""
_SHOWN_CHANGES = 10
_SHOWN_VIOLATIONS = 20

Agent = Annotated[
    str, typer.Argument(metavar="AGENT", help="Name of the agent, or the id of a scope.", show_default=False)
]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why; kept with the change.", show_default=False)]
By = Annotated[str | None, typer.Option("--as", metavar="NAME", help="Who does it.", show_default=False)]


@app.callback()
def breaker() -> None:
    """Each agent's autonomy: see, trip, reset."""


@app.command("ls")
def list_scopes(store: StoreOption = None) -> int:
    """Every scope that has a mode of its own."""
    with opened(store) as at:
        found = at.store.read(lambda db: control_hand.list_scopes(db, at.now))
        if Output.json:
            emit({"scopes": [_scope_view(view, at.now) for view in found]})
            return 0
        rows = [
            (
                visible(view.scope.id),
                view.mode.value,
                instant(view.since) if view.since else "-",
                view.violations,
                view.in_flight,
                visible(view.reason) or "-",
            )
            for view in found
        ]
        empty = "no agent has called anything yet, or nothing was counted: all are autonomous"
        table("", ("scope", "mode", "since", "violations", "in flight", "reason"), rows, empty=empty)
    return 0


@app.command()
def show(agent: Agent, tenant: TenantOption = "default", store: StoreOption = None) -> int:
    """One agent: its mode, why, what would give autonomy back, and its last changes."""
    with opened(store) as at:
        scope = _scope(agent, tenant)
        _ask_whether_known(at, scope)
        view = at.store.read(lambda db: control_hand.show_scope(db, scope, at.now))
        parts = [
            v
            for v in at.store.read(lambda db: control_hand.list_scopes(db, at.now))
            if _touches(v.scope, scope)
        ]
        mode, reason = _effective(at, scope, view)
        changes = _changes(at, {v.scope.id for v in parts} | {scope.id})
        window = at.store.read(lambda db: control_hand.in_window(db, scope, at.now, _SHOWN_VIOLATIONS))
        if Output.json:
            told = {"mode": mode.value, "reason": reason, "scope": _scope_view(view, at.now)}
            emit(
                {
                    **told,
                    "scopes": [_scope_view(v, at.now) for v in parts],
                    "window": [asdict(one) for one in window],
                    "changes": [_change(e) for e in changes],
                }
            )
        else:
            _print(view, mode, reason, parts, changes, at.now)
            _print_window(window)
    return 0


@app.command()
def trip(
    agent: Agent,
    reason: ReasonOption,
    mode: Annotated[str, typer.Option("--mode", help="supervised, quarantined or halted.")] = "supervised",
    lasting: Annotated[
        str | None,
        typer.Option("--for", metavar="DURATION", help="End by itself, for example 1h.", show_default=False),
    ] = None,
    by: By = None,
    tenant: TenantOption = "default",
    store: StoreOption = None,
) -> int:
    """Take autonomy away, at once. QUARANTINED and HALTED also void every open approval."""
    target = _mode(mode, "--mode", (Mode.SUPERVISED, Mode.QUARANTINED, Mode.HALTED))
    lasting_s = None if lasting is None else seconds(lasting, "--for")
    with opened(store, telling=True) as at:
        scope, act, who = _scope(agent, tenant), Uuid7().new(), at.who(by)
        _ask_whether_known(at, scope)

        def work(tx: Transaction) -> tuple[ModeChange, ...]:
            if lasting_s is None:
                return control_hand.trip(tx, scope, target, id=act, actor=who, reason=reason)
            until = tx.now + lasting_s
            return control_hand.force(
                tx, scope, target, id=act, actors=[Actor(who)], reason=reason, expires_at=until
            )

        _made(at, scope, work)
    return 0


@app.command()
def reset(
    agent: Agent,
    to: Annotated[str, typer.Option("--to", metavar="MODE", help="autonomous, probation or supervised.")],
    reason: ReasonOption,
    by: By = None,
    second: Annotated[
        str | None, typer.Option("--second", metavar="NAME", help="Who agrees.", show_default=False)
    ] = None,
    break_glass: Annotated[
        bool, typer.Option("--break-glass", help="Alone, for a time; somebody else reviews it.")
    ] = False,
    lasting: Annotated[
        str, typer.Option("--for", metavar="DURATION", help="With --break-glass: how long.")
    ] = "15m",
    tenant: TenantOption = "default",
    store: StoreOption = None,
) -> int:
    """Give autonomy back. Violations stay in the log, and trip again where they are still too many.

    Two people sign: --as with REMIT_OPERATOR_PASSPHRASE, --second with REMIT_SECOND_PASSPHRASE, or both are asked.
    """
    target = _mode(to, "--to", (Mode.AUTONOMOUS, Mode.PROBATION, Mode.SUPERVISED))
    lasting_s = seconds(lasting, "--for")
    with opened(store, telling=True) as at:
        scope, act, single = _scope(agent, tenant), Uuid7().new(), at.store.single_operator
        forced = break_glass and not single
        until = at.now + lasting_s if forced else None
        changes = at.store.read(lambda db: control_hand.show_scope(db, scope, at.now)).changes
        message = mode_message(act, scope, target, reason=reason, until=until, changes=changes)
        actors = _actors(at, by, second, message, unsigned=single and second is None)
        if single and not break_glass and len(actors) < 2:
            told = "a single-operator store has nobody to agree; add --break-glass, and the record shows it"
            raise OperatorRefused(scope.id, told)

        def work(tx: Transaction) -> tuple[ModeChange, ...]:
            if until is None:
                return control_hand.reset(
                    tx,
                    scope,
                    id=act,
                    actors=actors,
                    reason=reason,
                    mode=target,
                    single_operator=single,
                    break_glass=break_glass,
                )
            return control_hand.force(
                tx, scope, target, id=act, actors=actors, reason=reason, expires_at=until, break_glass=True
            )

        _made(at, scope, work)
        if break_glass and not Output.json:
            ends = f" It ends in {span(lasting_s)}." if forced else ""
            say(f"One person broke the glass: somebody else has to review it.{ends}")
    return 0


@app.command()
def register(
    agent: Agent,
    version: Annotated[str, typer.Argument(help="Of the agent, as `remit.open` is told it.")],
    tenant: TenantOption = "default",
    store: StoreOption = None,
) -> int:
    """Make a version known: a later one begins in PROBATION, and from the first on unknown ones are SUPERVISED."""
    with opened(store, telling=True) as at:
        scope, act = Scope(ScopeKind.VERSION, tenant, agent, version), Uuid7().new()
        _made(at, scope, lambda tx: control_hand.register_version(tx, tenant, agent, version, id=act))
    return 0


def _actors(at: Opened, by: str | None, second: str | None, message: bytes, *, unsigned: bool) -> list[Actor]:
    """Who loosens, each with a signature where there has to be one."""
    if unsigned and by is None:
        return [Actor(at.who())]
    name = by or at.settings.operator
    if not name:
        raise BadInput("--as", "nobody is named", "give --as NAME, or set REMIT_OPERATOR")
    home = at.settings.home_path
    signed = [Actor(name, KeyFile(home, name).signer(PASSPHRASE)(message))]
    if second is not None:
        signed.append(Actor(second, KeyFile(home, second).signer(SECOND_PASSPHRASE)(message)))
    return signed


def _made(at: Opened, scope: Scope, work: Callable[[Transaction], tuple[ModeChange, ...]]) -> None:
    """Do it, tell people in the same transaction, and show what stands now."""

    def told(tx: Transaction) -> tuple[ModeChange, ...]:
        changes = work(tx)
        for change in changes:
            outbox.tell_change(tx, change)
        return changes

    at.store.transact_now(told)
    view = at.store.read(lambda db: control_hand.show_scope(db, scope, at.now))
    if Output.json:
        emit({"scope": _scope_view(view, at.now)})
    else:
        ends = f" until {instant(view.force.until)}" if view.force else ""
        say(f"{visible(scope.id)} is {view.mode.value}{ends}: {visible(view.reason)}")


# ---------------------------------------------------------------------------------------------- reading
def _scope(text: str, tenant: str) -> Scope:
    """An agent by name; a wider or narrower scope by its id."""
    if text == ScopeKind.STORE or text.startswith(tuple(f"{kind}/" for kind in ScopeKind)):
        return Scope.parse(text)
    if not text.strip():
        raise BadInput("agent", "it has no name", "see `remit breaker ls`")
    return Scope(ScopeKind.AGENT, tenant, text)


def _ask_whether_known(at: Opened, scope: Scope) -> None:
    """Tell of a name that may be mistyped: who stops an agent that does not exist believes that it stands."""
    scopes = at.store.read(lambda db: control_hand.list_scopes(db, at.now))
    known = sorted({v.scope.agent for v in scopes if v.scope.agent and v.scope.tenant == scope.tenant})
    if scope.agent and scope.agent not in known:
        names = visible(", ".join(known)) or "none"
        note(
            f"remit: nothing was counted of agent {visible(scope.agent)!r} in tenant {visible(scope.tenant)!r}"
            f" so far; is the name right? Known: {names}"
        )


def _touches(one: Scope, scope: Scope) -> bool:
    """Whether a scope has a say in the calls of another, or is part of it."""
    if scope.kind is ScopeKind.STORE or one.kind is ScopeKind.STORE:
        return True
    if one.tenant != scope.tenant:
        return False
    return not (one.agent and scope.agent) or one.agent == scope.agent


def _effective(at: Opened, scope: Scope, view: ScopeView) -> tuple[Mode, str]:
    """The mode of the agent's calls, over all scopes they stand in."""
    if scope.kind is not ScopeKind.AGENT:
        return view.mode, view.reason
    scopes = scopes_of(scope.tenant, scope.agent)
    return at.store.read(lambda db: control_breaker.mode_of(control_breaker.load(db, scopes), at.now))


def _changes(at: Opened, scopes: set[str]) -> list[StoredEvent]:
    """The last changes of these scopes, latest first."""
    found = [e for e in at.store.events(kinds={"breaker.changed"}) if e.event.body.get("scope") in scopes]
    return found[-_SHOWN_CHANGES:][::-1]


def _change(stored: StoredEvent) -> dict[str, Any]:
    body = stored.event.body
    keys = ("scope", "before", "after", "reason", "actors", "break_glass", "sessions", "force_until")
    return {"event": stored.event.id, "at": stored.at, **{key: body.get(key) for key in keys}}


def _scope_view(view: ScopeView, now: float) -> dict[str, Any]:
    force = None if view.force is None else asdict(view.force) | {"mode": view.force.mode.value}
    return {
        "scope": view.scope.id,
        "tenant": view.scope.tenant,
        "agent": view.scope.agent,
        "mode": view.mode.value,
        "automatic": view.automatic.value,
        "reason": view.reason,
        "since": view.since,
        "breaker_epoch": view.breaker_epoch,
        "violations": view.violations,
        "in_flight": view.in_flight,
        "overdue": view.overdue,
        "cooldown_left_s": max(0.0, view.cooldown_until - now),
        "approved_clean": view.approved_clean,
        "probation_clean": view.probation_clean,
        "force": force,
    }


def _mode(text: str, option: str, allowed: tuple[Mode, ...]) -> Mode:
    if text.lower() not in allowed:
        names = ", ".join(mode.value for mode in allowed)
        raise typer.BadParameter(f"{option}: found {text!r}, use one of {names}")
    return Mode(text.lower())


# ---------------------------------------------------------------------------------------------- printing
_MEANS = {
    Mode.AUTONOMOUS: "calls inside the envelope run",
    Mode.PROBATION: "a few run at a time, and a share of them goes to a person",
    Mode.SUPERVISED: "a person approves every effect",
    Mode.QUARANTINED: "reads only, and no new session",
    Mode.HALTED: "nothing runs",
}


def _print(
    view: ScopeView, mode: Mode, reason: str, parts: list[ScopeView], changes: list[StoredEvent], now: float
) -> None:
    say(f"{visible(view.scope.id)} is {mode.value}: {_MEANS[mode]}")
    if reason:
        say(f"Because    {visible(reason)}")
    violations, calls = counted(view.violations, "violation"), counted(view.in_flight, "call")
    say(f"Now        {violations} in the window, {calls} in flight")
    if view.overdue:
        say(f"           {view.overdue} of them past the lease: counted as unknown outcomes at the next call")
    for line in _way_back(view, now):
        say(f"Way back   {line}")
    rows = [
        (visible(v.scope.id), v.mode.value, visible(v.reason) or "-") for v in parts if v.scope != view.scope
    ]
    if rows:
        table("Other scopes of its calls", ("scope", "mode", "reason"), rows)
    if changes:
        cells = [(instant(e.at), *_change_cells(e.event.body)) for e in changes]
        table("Last changes", ("at", "scope", "from", "to", "by", "reason"), cells)


def _print_window(window: list[Logged]) -> None:
    rows = [
        (instant(one.at), visible(one.clause), one.severity, visible(one.kind), visible(one.session))
        for one in window
    ]
    if rows:
        table("What counts now, latest first", ("at", "clause", "severity", "kind", "session"), rows)


def _change_cells(body: Mapping[str, Any]) -> tuple[str, str, str, str, str]:
    by = visible(", ".join(map(str, body.get("actors") or ()))) or "the rules"
    glass = " (broke the glass)" if body.get("break_glass") else ""
    cells = (visible(str(body.get(key, ""))) for key in ("scope", "before", "after"))
    return (*cells, by + glass, visible(str(body.get("reason", ""))))  # type: ignore[return-value]


def _way_back(view: ScopeView, now: float) -> list[str]:
    """What leads to more autonomy from here."""
    told = []
    if view.force is not None:
        until = f"{instant(view.force.until)}, {span(max(0.0, view.force.until - now))} from now"
        told.append(f"set by hand until {until}; then {view.automatic.value}")
    match view.automatic:
        case Mode.SUPERVISED:
            left = max(0.0, view.cooldown_until - now)
            wait = f"cool-down ends in {span(left)}" if left else "cool-down is over"
            told.append(f"{wait}; {view.approved_clean} approved actions in a row were clean")
        case Mode.PROBATION:
            told.append(f"{view.probation_clean} clean actions in probation so far")
        case Mode.QUARANTINED | Mode.HALTED:
            told.append("by hand only: remit breaker reset, two people")
        case _:
            pass
    return told
