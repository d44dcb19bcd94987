"""A new watch: what is kept for it from now on, and what the journal still has of earlier calls.

A clause that is added to a running agent asks about calls that nobody indexed. They are gone through once, from the
journal. Where a part of it cannot be read any more (erased, expired, captured as a digest), the watch is blind before
that part, and a clause that wants that something never happened says so instead of guessing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import apsw
import msgspec

from remit.core.canonical import loads_strict
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
    event_key,
    kept_of,
)
from remit.core.types import Json
from remit.store.control_past import bound_to
from remit.store.sqlite import SqliteStore
from remit.store.transaction import Transaction

_AT_ONCE = 500
"""Calls indexed in one transaction, so that others can write in between."""
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
    ended_at: float = 0.0


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
    # First what comes, then what was: a call between the two is found twice, and kept once.
    now, last = store.transact(lambda tx: _register(tx, tenant, agent, new)).result()
    oldest = now - max(watch.within_s for watch in new)
    calls, blind = _recorded(store, tenant, agent, _first_after(store, oldest), last)
    tools = {watch.tool for watch in new}
    relevant = [(token, call) for token, call in calls.items() if call.tool in tools and call.at >= oldest]
    principals = _principals(store, {call.session for _, call in relevant}, new)
    for start in range(0, len(relevant), _AT_ONCE):
        part = relevant[start : start + _AT_ONCE]
        store.transact(partial(_index, hide, tenant, agent, new, part, principals)).result()
    unread = {watch.id: _blind_until(watch, relevant, blind) for watch in new}
    store.transact(lambda tx: _filled(tx, tenant, agent, unread)).result()


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
        ran = body.get("result") == "allow" or body.get("approval_id") or not body.get("enforced")
        if ran and token and body.get("args") is not None:
            calls[token] = _Call(
                str(body.get("tool")), body["args"], event.session, stored.at, event.subject, event.retain_s
            )
        return
    call = calls.get(token)
    if call is None:
        return
    if event.kind == "released" or body.get("repeats"):
        del calls[token]
    elif event.kind == "breaker.lease_expired":
        call.state = UNKNOWN
    else:
        _ended(call, stored)


def _ended(call: _Call, stored: StoredEvent) -> None:
    event, body = stored.event, stored.event.body
    call.ended_at = stored.at
    if body.get("ended") != "value":
        call.state = FAILED
        return
    call.state = DONE if body.get("segment") else WITHHELD
    text = event.blobs.get("text", "")
    call.known = not text.startswith(_DIGEST)
    try:
        call.output = loads_strict(text) if call.known else None
    except BadInput:
        call.output = text


def _principals(store: SqliteStore, sessions: set[str], watches: Sequence[Watch]) -> dict[str, str | None]:
    if not any(watch.across == "principal" for watch in watches):
        return {}
    found: dict[str, str | None] = {}
    for session in sessions:
        opened = next(store.events(session=session, kinds=("session.opened",), limit=1), None)
        found[session] = None if opened is None or opened.erased else opened.event.body.get("principal")
    return found


def _index(
    hide: Callable[[str], str],
    tenant: str,
    agent: str,
    watches: Sequence[Watch],
    calls: Sequence[tuple[str, _Call]],
    principals: dict[str, str | None],
    tx: Transaction,
) -> None:
    for token, call in calls:
        running = call.state == IN_FLIGHT and _still_running(tx.connection, token)
        state = UNKNOWN if call.state == IN_FLIGHT and not running else call.state
        caller = Caller(call.session, principals.get(call.session))
        for watch in watches:
            if watch.tool != call.tool:
                continue
            for phase, at, output in _phases(call, state):
                key = event_key(watch, caller, call.args, output)
                if key is None:
                    continue
                sealed: tuple[Any, Any] = (None, None)
                if watch.keeps:
                    content = msgspec.json.encode(kept_of(watch, call.args, output))
                    bound = bound_to(token, watch.id, phase)
                    sealed = tx.seal(content, bound, tenant, call.subject, call.retain_s)
                row = (token, watch.id, phase, tenant, agent, hide(key), state, at, call.at, watch.within_s)
                tx.connection.execute(
                    "INSERT OR IGNORE INTO history_event VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (*row, *sealed),
                )


def _phases(call: _Call, state: str) -> Iterator[tuple[str, float, Json]]:
    yield REQUEST, _IN_FLIGHT if state == IN_FLIGHT else call.at, None
    if state in (DONE, WITHHELD):
        yield RESPONSE, call.ended_at, call.output


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
