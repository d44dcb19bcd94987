"""A new watch: what is kept for it from now on, and what the journal still has of earlier calls.

A clause that is added to a running agent asks about calls that nobody indexed. They are gone through once, from the
journal. Where a part of it cannot be read any more (erased, expired, captured as a digest), the watch is blind before
that part, and a clause that wants that something never happened says so instead of guessing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import apsw
import msgspec

from remit.core.admission import Trace
from remit.core.canonical import loads_strict
from remit.core.codec import MOST_RESULT_CHARACTERS
from remit.core.errors import BadInput
from remit.core.event import StoredEvent
from remit.core.history import (
    DONE,
    FAILED,
    IN_FLIGHT,
    REQUEST,
    RESPONSE,
    UNKNOWN,
    WITHHELD,
    Caller,
    Watch,
)
from remit.core.trial.apart import is_trial
from remit.core.types import Json
from remit.store.control_past import Kept, keep
from remit.store.sqlite import SqliteStore
from remit.store.transaction import Transaction

_AT_ONCE = 500
"""Phases of calls indexed in one transaction, so that others can write in between."""
_LONGEST_S = 24 * 3600.0
"""A call may have begun that long before it ended: a settlement that comes later is not taken."""
_IN_FLIGHT = float("inf")
_DIGEST = "[digest:"


@dataclass(slots=True)
class _Call:
    """One earlier call, as the journal tells it."""

    tool: str
    args: Json
    session: str
    at: float
    subject: str
    retain_s: float | None
    state: str = IN_FLIGHT
    output: Json = None
    known: bool = True
    """False where its result was not kept."""
    plain: bool = False
    """Whether the result is known and plain JSON: `output` is there."""
    ended_at: float = 0.0
    held: bool = False
    """Whether it waited for a person: then it ran only where something shows that it was admitted."""


def watch_from_now(
    store: SqliteStore, hide: Callable[[str], str], tenant: str, agent: str, watches: Sequence[Watch]
) -> None:
    """Register *watches* for an agent and index its earlier calls; returns when they can be asked."""

    def unfilled(db: apsw.Connection) -> list[Watch]:
        sql = "SELECT id FROM history_watch WHERE tenant = ? AND agent = ? AND filled"
        filled = {row[0] for row in db.execute(sql, (tenant, agent))}
        return [watch for watch in watches if watch.id not in filled]

    new = store.read(unfilled)
    if not new:
        return
    if is_trial(tenant):  # it begins with its trial: there is no past to go through
        store.transact(lambda tx: begin_watch(tx, tenant, agent, new)).result()
        return
    # First what comes, then what was: a call between the two is found twice, and kept once.
    now, last = store.transact(lambda tx: _register(tx, tenant, agent, new)).result()
    oldest = now - max(watch.within_s for watch in new)
    calls, blind = _recorded(store, tenant, agent, _first_after(store, oldest - _LONGEST_S), last)
    tools = {watch.tool for watch in new}
    relevant = [
        (token, c) for token, c in calls.items() if c.tool in tools and max(c.at, c.ended_at) >= oldest
    ]
    principals = _principals(store, tenant, agent, {call.session for _, call in relevant}, new)
    phases = sorted((p for token, call in relevant for p in _phases(token, call)), key=lambda p: p.ended_at)
    for start in range(0, len(phases), _AT_ONCE):
        part = phases[start : start + _AT_ONCE]
        store.transact(partial(_index, hide, tenant, agent, new, part, principals)).result()
    unread = {watch.id: _blind_until(watch, relevant, blind) for watch in new}
    store.transact(lambda tx: _filled(tx, tenant, agent, unread)).result()


def begin_watch(tx: Transaction, tenant: str, agent: str, watches: Sequence[Watch]) -> None:
    """Watch an agent that nobody has called before."""
    _register(tx, tenant, agent, watches)
    _filled(tx, tenant, agent, {watch.id: 0.0 for watch in watches})


def _register(tx: Transaction, tenant: str, agent: str, watches: Sequence[Watch]) -> tuple[float, int]:
    for watch in watches:
        spec = msgspec.json.encode(watch).decode()
        row = (tenant, agent, watch.tool, watch.id, spec, watch.within_s, tx.now, tx.now)
        tx.connection.execute("INSERT OR IGNORE INTO history_watch VALUES (?, ?, ?, ?, ?, ?, ?, 0, ?)", row)
    last = tx.connection.execute("SELECT coalesce(max(seq), 0) FROM event").get
    return tx.now, int(last)


def _first_after(store: SqliteStore, at: float) -> int:
    """The sequence before the first event of a time; times grow with the sequence, so it is found by halving."""

    def find(db: apsw.Connection) -> int:
        low, high = 0, int(db.execute("SELECT coalesce(max(seq), 0) FROM event").get)
        while low < high:
            middle = (low + high + 1) // 2
            row = db.execute("SELECT at FROM event WHERE seq >= ? ORDER BY seq LIMIT 1", (middle,)).fetchone()
            if row is not None and float(row[0]) < at:
                low = middle
            else:
                high = middle - 1
        return low

    return store.read(find)


def _recorded(
    store: SqliteStore, tenant: str, agent: str, after: int, last: int
) -> tuple[dict[str, _Call], float]:
    """Calls by token, and the time of the latest event that cannot be read (0 where all can)."""
    calls: dict[str, _Call] = {}
    blind = 0.0
    kinds = ("decided", "settled", "released", "breaker.lease_expired")
    for stored in store.events_of(agent, tenant, kinds, after=after, last=last):
        if stored.erased:
            blind = stored.at
            continue
        _note(calls, stored)
    return calls, blind


def _note(calls: dict[str, _Call], stored: StoredEvent) -> None:
    event, body = stored.event, stored.event.body
    token = str(body.get("token") or "")
    if event.kind == "decided":
        call = _decided(stored)
        if call is not None and token:
            calls[token] = call
        return
    call = calls.get(token)
    if call is None:
        return
    if event.kind == "released" or body.get("repeats"):
        del calls[token]
    elif event.kind == "breaker.lease_expired":
        call.state, call.ended_at = UNKNOWN, stored.at
    else:
        _ended(call, stored)


def _decided(stored: StoredEvent) -> _Call | None:
    """The call, where this decision may have let it run."""
    event, body = stored.event, stored.event.body
    held = body.get("result") == "hold" and bool(body.get("approval_id"))
    ran = body.get("result") == "allow" or held or not body.get("enforced")
    gave_first = body.get("repeats") and body.get("enforced")
    if not ran or gave_first or body.get("args") is None:
        return None
    whose = (event.session, stored.at, event.subject, event.retain_s)
    return _Call(str(body.get("tool")), body["args"], *whose, held=held and bool(body.get("enforced")))


def _ended(call: _Call, stored: StoredEvent) -> None:
    event, body = stored.event, stored.event.body
    call.ended_at = stored.at
    if body.get("ended") != "value":
        call.state = UNKNOWN if body.get("outcome") == "unknown" else FAILED
        return
    call.state = DONE if body.get("segment") else WITHHELD
    text = event.blobs.get("text", "")
    call.known = not text.startswith(_DIGEST) and len(text) < MOST_RESULT_CHARACTERS
    # A result that was a text is that text, whatever it looks like: no tool's words become a record's fields.
    try:
        call.output = text if body.get("as_text") else loads_strict(text) if call.known else None
        call.plain = call.known
    except BadInput:
        call.output = None


def _principals(
    store: SqliteStore, tenant: str, agent: str, sessions: set[str], watches: Sequence[Watch]
) -> dict[str, str | None]:
    if not any(watch.across == "principal" for watch in watches):
        return {}
    found: dict[str, str | None] = {}
    for session in sessions:
        for opened in store.events(session=session, kinds=("session.opened",)):
            if (opened.event.tenant, opened.event.agent) == (tenant, agent) and not opened.erased:
                found[session] = opened.event.body.get("principal")
                break
    return found


@dataclass(frozen=True, slots=True)
class _Phase:
    """One phase of an earlier call."""

    token: str
    call: _Call
    name: str
    state: str
    ended_at: float
    """When it was, or ended."""
    event: dict[str, Json]


def _phases(token: str, call: _Call) -> Iterator[_Phase]:
    event = {"args": call.args}
    acted = call.ended_at if call.state in (FAILED, UNKNOWN) else call.at
    yield _Phase(token, call, REQUEST, call.state, acted, event)
    if call.state in (DONE, WITHHELD):
        output = {"output": call.output} if call.plain else {}
        yield _Phase(token, call, RESPONSE, call.state, call.ended_at, event | output)


def _index(
    hide: Callable[[str], str],
    tenant: str,
    agent: str,
    watches: Sequence[Watch],
    phases: Sequence[_Phase],
    principals: dict[str, str | None],
    tx: Transaction,
) -> None:
    for one in phases:
        call, state, at = one.call, one.state, one.ended_at
        if state == IN_FLIGHT:
            running = _still_running(tx.connection, one.token)
            if not running and call.held:
                continue  # asked for, and never admitted
            state, at = (IN_FLIGHT, _IN_FLIGHT) if running else (UNKNOWN, tx.now)
        caller = Caller(call.session, principals.get(call.session))
        trace = Trace(caller, dict, call.subject, call.retain_s, hide)
        kept = Kept(one.token, tenant, agent, one.name, state, at, call.at, one.event)
        for watch in watches:
            if watch.tool == call.tool:
                keep(tx, watch, trace, kept)


def _still_running(db: apsw.Connection, token: str) -> bool:
    sql = "SELECT 1 FROM breaker_reservation WHERE token = ? AND state = 'in_flight'"
    return db.execute(sql, (token,)).fetchone() is not None


def _blind_until(watch: Watch, calls: Sequence[tuple[str, _Call]], erased: float) -> float:
    """The time before which the watch cannot tell what happened."""
    reads_output = watch.of_output or any(path[0] == "output" for path in watch.keeps)
    lost = [c.ended_at for _, c in calls if reads_output and c.tool == watch.tool and not c.known]
    return max([erased, *lost])


def _filled(tx: Transaction, tenant: str, agent: str, unread: dict[str, float]) -> None:
    tx.connection.executemany(
        "UPDATE history_watch SET filled = 1, since = ? WHERE tenant = ? AND agent = ? AND id = ?",
        [(since, tenant, agent, watch) for watch, since in unread.items()],
    )
