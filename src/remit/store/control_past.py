"""Earlier calls, kept so that later ones can be judged by them: history, idempotency, monotonic quantities.

What is kept is decided by the watches in the database, not by the envelope of whoever writes: also a process that still
runs an older version of the envelope leaves behind what the newer one asks about. Keys are digests that only this store
can make; values are encrypted under their subject's data key, so that erasing the subject erases them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import apsw
import msgspec

from remit.core.admission import AdmitRequest, Settlement, Trace
from remit.core.cel import ConditionError
from remit.core.history import (
    DONE,
    FAILED,
    IN_FLIGHT,
    REQUEST,
    RESPONSE,
    UNKNOWN,
    WITHHELD,
    Watch,
    event_key,
    kept_of,
    violations,
)
from remit.core.marks import MarkClaim
from remit.core.marks import violations as mark_violations
from remit.core.repeats import First, returns_first
from remit.core.repeats import violation as repeat_violation
from remit.core.types import Json, OnViolation, Severity, Violation
from remit.store.past_rows import ENDLESS, PastRows, bound_to
from remit.store.transaction import Transaction

_ONCE = "@once"
"""In the place of a clause: the call may be admitted once, whatever the envelope says of repeats."""
ONCE_WITHIN_S = 90 * 86_400.0
"""How long after its end such a call is remembered here; the journal remembers it longer."""
MOST_KEPT_BYTES = 1_000_000
"""A first result larger than this is not kept; its repeats are refused."""


@dataclass(frozen=True, slots=True)
class PastStanding:
    """What earlier calls say under the lock."""

    against: tuple[Violation, ...] = ()
    repeats: First | None = None
    result: Json = None


def stand(tx: Transaction, request: AdmitRequest) -> PastStanding:
    """Ask everything again that was asked before the decision: other calls may have come between."""
    if not (request.asks or request.marks or request.repeat):
        return PastStanding()
    rows = PastRows(tx.connection, tx.unseal, request.tenant, request.agent, tx.now)
    if request.repeat is None:
        return PastStanding(_against(request, rows))
    first, rule = rows.first(request.repeat), request.repeat.rule
    binds = request.enforce or rule.clause.id in request.binding
    if binds and returns_first(rule, first) and first is not None:
        try:
            return PastStanding((), first, rows.first_result(request.repeat))
        except ConditionError:
            first = First(first.token, first.state, readable=False, own=first.own)
    found = repeat_violation(rule, first)
    against = (() if found is None else (found,)) + _against(request, rows)
    if request.gives_first and found is None:
        told = "the first result was to be given again and has just expired; make the call again"
        gone = Violation(rule.clause.id, "idempotency", OnViolation.DENY, Severity.LOW, told)
        return PastStanding((gone, *against))
    return PastStanding(against)


def _against(request: AdmitRequest, rows: PastRows) -> tuple[Violation, ...]:
    found = violations(request.asks, rows.answers(request.asks))
    return (*found, *mark_violations(request.marks, rows.marks(request.marks)))


def made_before(db: apsw.Connection, request: AdmitRequest) -> bool:
    """Whether a call that may be admitted once only was."""
    found = db.execute(
        "SELECT 1 FROM repeat_use WHERE tenant = ? AND agent = ? AND clause = ? AND key = ? LIMIT 1",
        (request.tenant, request.agent, _ONCE, request.once),
    ).fetchone()
    return found is not None


def reserve(tx: Transaction, request: AdmitRequest) -> None:
    """The call is admitted: from now on it is an event, the first of its repeats, and holds its marks."""
    if request.trace is not None:
        whose = (request.tenant, request.agent, request.tool)
        _remember(tx, request.token, whose, request.trace, REQUEST, IN_FLIGHT, None)
    db, repeat = tx.connection, request.repeat
    who = (request.tenant, request.agent)
    if repeat is not None:
        rule = repeat.rule
        db.execute(
            "INSERT INTO repeat_use VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, NULL)",
            (
                *(request.token, rule.clause.id, *who, repeat.key, repeat.owner),
                *(ENDLESS, rule.within_s, IN_FLIGHT),
            ),
        )
    if request.once:
        db.execute(
            "INSERT INTO repeat_use VALUES (?, ?, ?, ?, ?, '', ?, ?, ?, NULL, NULL)",
            (request.token, _ONCE, *who, request.once, ENDLESS, ONCE_WITHIN_S, IN_FLIGHT),
        )
    _raise_marks(db, request.token, who, request.marks, settled=False)


def _raise_marks(
    db: apsw.Connection, token: str, who: tuple[str, str], marks: Sequence[MarkClaim], *, settled: bool
) -> None:
    db.executemany(
        "INSERT OR REPLACE INTO monotonic_use VALUES (?, ?, ?, ?, ?, ?, ?)",
        [(token, m.rule.clause.id, *who, m.key, m.rank, int(settled)) for m in marks],
    )


def _remember(
    tx: Transaction,
    token: str,
    whose: tuple[str, str, str],
    trace: Trace,
    phase: str,
    state: str,
    outcome: Mapping[str, Json] | None,
) -> None:
    """Keep one phase of a call for every watch of its tool; *outcome* has `output` where that is plain JSON."""
    tenant, agent, _ = whose
    event: dict[str, Json] = {}
    for watch in _watches(tx.connection, *whose):
        if not event:
            event = {"args": trace.args(), **(outcome or {})}
        at = ENDLESS if phase == REQUEST and state == IN_FLIGHT else tx.now
        keep(tx, watch, trace, Kept(token, tenant, agent, phase, state, at, tx.now, event))


@dataclass(frozen=True, slots=True)
class Kept:
    """One phase of one call, to be kept for a watch."""

    token: str
    tenant: str
    agent: str
    phase: str
    state: str
    at: float
    asked_at: float
    event: Mapping[str, Json]
    """As for `core.history.event_key`."""


def keep(tx: Transaction, watch: Watch, trace: Trace, one: Kept) -> None:
    """Keep it so that *watch* finds it; what is kept already stays."""
    if one.phase == REQUEST and watch.of_output and one.state not in (IN_FLIGHT, UNKNOWN):
        return  # what it was about is told by its result
    found = event_key(watch, trace.caller, one.event)
    if found is None:
        return
    key, lost = found
    key_id, sealed = None, None
    if watch.keeps:
        content = msgspec.json.encode(kept_of(watch, one.event))
        bound = bound_to(one.token, watch.id, one.phase)
        key_id, sealed = tx.seal(content, bound, one.tenant, trace.subject, trace.retain_s)
    tx.connection.execute(
        "INSERT OR IGNORE INTO history_event VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(one.token, watch.id, one.phase, one.tenant, one.agent, trace.hide(key), one.state),
            *(one.at, one.asked_at, watch.within_s, lost, key_id, sealed),
        ),
    )


def _watches(connection: apsw.Connection, tenant: str, agent: str, tool: str) -> list[Watch]:
    rows = connection.execute(
        "SELECT spec FROM history_watch WHERE tenant = ? AND agent = ? AND tool = ?", (tenant, agent, tool)
    ).fetchall()
    return [msgspec.json.decode(str(spec), type=Watch) for (spec,) in rows]


# ---------------------------------------------------------------------------------------------------- settling
def settle(tx: Transaction, who: tuple[str, str], settlement: Settlement) -> None:
    """The call ended, or its late word came: later calls see how.

    Args:
        tx: the transaction.
        who: tenant and agent.
        settlement: how it ended.
    """
    db, token, state = tx.connection, settlement.token, settlement.state
    _end(tx, token, state)
    remember_ended(tx, who, settlement)
    _settle_repeats(tx, who, settlement)
    _raise_marks(db, token, who, settlement.marks, settled=True)
    _fold_marks(db, token)


def watched(tx: Transaction, who: tuple[str, str], settlement: Settlement) -> bool:
    """Whether any clause asks about the calls of its tool."""
    return settlement.trace is not None and bool(_watches(tx.reading, *who, settlement.tool))


def remember_ended(tx: Transaction, who: tuple[str, str], settlement: Settlement) -> None:
    """Keep both phases of a call that ended, for every watch of its tool.

    It is asked also where nothing was reserved: another process may have put a version in force that asks about reads
    which the version of this one takes for unwatched.
    """
    trace, token, state = settlement.trace, settlement.token, settlement.state
    whose = (*who, settlement.tool)
    if trace is None or not watched(tx, who, settlement):
        return
    _remember(tx, token, whose, trace, REQUEST, state, None)
    if state in (DONE, WITHHELD):
        plain, output = _output(settlement)
        _remember(tx, token, whose, trace, RESPONSE, state, {"output": output} if plain else None)


def _end(tx: Transaction, token: str, state: str) -> None:
    """The request is no longer in flight. One that may have acted until now is an event of now, with a new number."""
    db = tx.connection
    if state in (FAILED, UNKNOWN):
        columns = "token, watch, phase, tenant, agent, key"
        db.execute(
            f"INSERT OR REPLACE INTO history_event SELECT NULL, {columns}, ?, ?, asked_at, within_s, lost, key_id, sealed"  # noqa: S608 - a constant
            " FROM history_event WHERE token = ? AND phase = 'request' AND state <> ?",
            (state, tx.now, token, state),
        )
    else:
        db.execute(
            "UPDATE history_event SET state = ?, at = asked_at WHERE token = ? AND phase = 'request'",
            (state, token),
        )
    if state != UNKNOWN:
        for (spec,) in db.execute(
            "SELECT DISTINCT w.spec FROM history_event AS e JOIN history_watch AS w ON w.id = e.watch"
            " AND w.tenant = e.tenant AND w.agent = e.agent WHERE e.token = ? AND e.phase = 'request' AND e.lost",
            (token,),
        ).fetchall():
            watch = msgspec.json.decode(str(spec), type=Watch)
            if watch.of_output:
                db.execute(
                    "DELETE FROM history_event WHERE token = ? AND watch = ? AND phase = 'request'",
                    (token, watch.id),
                )


def _output(settlement: Settlement) -> tuple[bool, Json]:
    return settlement.output() if settlement.output is not None else (False, None)


def _settle_repeats(tx: Transaction, who: tuple[str, str], settlement: Settlement) -> None:
    rows = tx.connection.execute(
        "SELECT clause FROM repeat_use WHERE token = ?", (settlement.token,)
    ).fetchall()
    for (clause,) in rows:
        key_id, sealed = None, None
        given = settlement.given or settlement.output
        wanted = settlement.state == DONE and clause != _ONCE  # what that gave stands in the journal
        plain, output = given() if wanted and given is not None else (False, None)
        content = msgspec.json.encode(output) if plain else b""
        trace = settlement.trace
        if plain and trace is not None and len(content) <= MOST_KEPT_BYTES:
            bound = bound_to(settlement.token, str(clause), "result")
            key_id, sealed = tx.seal(content, bound, who[0], trace.subject, trace.retain_s)
        tx.connection.execute(
            "UPDATE repeat_use SET at = ?, state = ?, key_id = ?, sealed = ? WHERE token = ? AND clause = ?",
            (tx.now, settlement.state, key_id, sealed, settlement.token, clause),
        )


def _fold_marks(db: apsw.Connection, token: str) -> None:
    """Of the settled marks of one key only the highest is needed."""
    rows = db.execute(
        "SELECT tenant, agent, clause, key FROM monotonic_use WHERE token = ?", (token,)
    ).fetchall()
    db.execute("UPDATE monotonic_use SET settled = 1 WHERE token = ?", (token,))
    for row in rows:
        db.execute(
            "DELETE FROM monotonic_use WHERE tenant = ?1 AND agent = ?2 AND clause = ?3 AND key = ?4 AND settled"
            " AND rank < (SELECT max(rank) FROM monotonic_use"
            " WHERE tenant = ?1 AND agent = ?2 AND clause = ?3 AND key = ?4 AND settled)",
            row,
        )


def release(db: apsw.Connection, token: str) -> None:
    """The call did not run: it never was."""
    for table in ("history_event", "repeat_use", "monotonic_use"):
        db.execute(f"DELETE FROM {table} WHERE token = ?", (token,))  # noqa: S608 - names of our own


def expire(tx: Transaction, token: str) -> None:
    """Nobody knows how the call ended."""
    db = tx.connection
    _end(tx, token, UNKNOWN)
    db.execute(
        "UPDATE repeat_use SET state = ?, at = ? WHERE token = ? AND state = ?",
        (UNKNOWN, tx.now, token, IN_FLIGHT),
    )
    _fold_marks(db, token)


def prune(db: apsw.Connection, before: float) -> None:
    """Forget calls whose windows ended before an instant. Marks stay: a quantity is never forgotten."""
    for table in ("history_event", "repeat_use"):
        db.execute(f"DELETE FROM {table} WHERE at + within_s < ?", (before,))  # noqa: S608 - names of our own
