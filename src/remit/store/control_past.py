"""Earlier calls, kept so that later ones can be judged by them: history, idempotency, monotonic quantities.

What is kept is decided by the watches in the database, not by the envelope of whoever writes: also a process that still
runs an older version of the envelope leaves behind what the newer one asks about. Keys are digests that only this store
can make; values are encrypted under their subject's data key, so that erasing the subject erases them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import merge
from typing import Any

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
    Ask,
    HistoryAnswer,
    Look,
    PastEvent,
    Watch,
    answer,
    event_key,
    kept_of,
    violations,
)
from remit.core.marks import MarkClaim
from remit.core.marks import violations as mark_violations
from remit.core.repeats import WEIGHTIEST, First, RepeatAsk, returns_first
from remit.core.repeats import violation as repeat_violation
from remit.core.types import Json, OnViolation, Severity, Violation
from remit.store.transaction import Transaction

DDL = """
CREATE TABLE IF NOT EXISTS history_watch (
  tenant TEXT NOT NULL, agent TEXT NOT NULL, tool TEXT NOT NULL, id TEXT NOT NULL, spec TEXT NOT NULL,
  within_s REAL NOT NULL, since REAL NOT NULL, filled INTEGER NOT NULL, used REAL NOT NULL,
  PRIMARY KEY (tenant, agent, tool, id)
) WITHOUT ROWID;

-- AUTOINCREMENT: a later event has a higher number, whatever was pruned. While a call is in flight its `at` is infinite;
-- of a request it is then when it was asked, or where it may have acted later, when it ended. `lost` as in `PastEvent`.
CREATE TABLE IF NOT EXISTS history_event (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, token TEXT NOT NULL, watch TEXT NOT NULL, phase TEXT NOT NULL,
  tenant TEXT NOT NULL, agent TEXT NOT NULL, key TEXT NOT NULL, state TEXT NOT NULL,
  at REAL NOT NULL, asked_at REAL NOT NULL, within_s REAL NOT NULL, lost INTEGER NOT NULL, key_id BLOB, sealed BLOB
);
CREATE UNIQUE INDEX IF NOT EXISTS history_event_token ON history_event (token, watch, phase);
CREATE INDEX IF NOT EXISTS history_event_key ON history_event (tenant, agent, watch, key, at, seq);
CREATE INDEX IF NOT EXISTS history_event_old ON history_event (at + within_s);

CREATE TABLE IF NOT EXISTS repeat_use (
  token TEXT NOT NULL, clause TEXT NOT NULL, tenant TEXT NOT NULL, agent TEXT NOT NULL, key TEXT NOT NULL,
  owner TEXT NOT NULL, at REAL NOT NULL, within_s REAL NOT NULL, state TEXT NOT NULL, key_id BLOB, sealed BLOB,
  PRIMARY KEY (token, clause)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS repeat_use_key ON repeat_use (tenant, agent, clause, key, state, at);
CREATE INDEX IF NOT EXISTS repeat_use_old ON repeat_use (at + within_s);

CREATE TABLE IF NOT EXISTS monotonic_use (
  token TEXT NOT NULL, clause TEXT NOT NULL, tenant TEXT NOT NULL, agent TEXT NOT NULL, key TEXT NOT NULL,
  rank INTEGER NOT NULL, settled INTEGER NOT NULL, PRIMARY KEY (token, clause)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS monotonic_use_key ON monotonic_use (tenant, agent, clause, key, rank);
"""

_IN_FLIGHT = float("inf")
_ONCE = "@once"
"""In the place of a clause: the call may be admitted once, whatever the envelope says of repeats."""
ONCE_WITHIN_S = 90 * 86_400.0
"""How long after its end such a call is remembered here; the journal remembers it longer."""
MOST_KEPT_BYTES = 1_000_000
"""A first result larger than this is not kept; its repeats are refused."""
_PAGE = 64

Unseal = Callable[[bytes, bytes, bytes], bytes | None]
"""Opens what was sealed: key id, ciphertext, what it is bound to. None where the key was destroyed."""


# ---------------------------------------------------------------------------------------------------- looking
@dataclass(frozen=True, slots=True)
class PastRows:
    """`core.decide.Earlier` over one connection: as the database stands, for one agent.

    Args:
        connection: reads only.
        unseal: opens what was kept.
        tenant, agent: whose calls.
        now: the store's clock.
    """

    connection: apsw.Connection
    unseal: Unseal
    tenant: str
    agent: str
    now: float

    def answers(self, asks: Sequence[Ask]) -> tuple[HistoryAnswer, ...]:
        """What happened before, for each ask."""
        return tuple(answer(ask, self) for ask in asks)

    def matching(self, look: Look) -> Iterator[PastEvent]:
        """As `PastEvents.matching`; read a page at a time."""
        if not look.absence:
            yield from self._under(look, look.key)
            return
        both = (self._under(look, key) for key in (look.key, look.lost))
        yield from merge(*both, key=lambda e: (e.state == IN_FLIGHT, e.order), reverse=True)

    def _under(self, look: Look, key: str) -> Iterator[PastEvent]:
        watch, oldest = look.watch, self.now - look.watch.within_s
        after, seq = _IN_FLIGHT, 2**62
        # What must have happened is as old as its admission.
        # Each watch keeps an event in a row of its own; its number is the first row's, the same for all who ask.
        sql = (
            "SELECT seq, token, phase, state, at, asked_at, lost, key_id, sealed,"
            " (SELECT MIN(o.seq) FROM history_event o WHERE o.token = e.token AND o.phase = e.phase)"
            " FROM history_event e"
            " WHERE tenant = ? AND agent = ? AND watch = ? AND key = ? AND at > ? AND (at, seq) < (?, ?)"
            " AND (asked_at > ? OR phase = 'response') ORDER BY at DESC, seq DESC LIMIT ?"
        )
        whose = (self.tenant, self.agent, watch.id, key, oldest)
        asked = -_IN_FLIGHT if look.absence else oldest
        while True:
            page: list[Any] = self.connection.execute(sql, (*whose, after, seq, asked, _PAGE)).fetchall()
            for row in page:
                yield self._event(look, row)
            if len(page) < _PAGE:
                return
            seq, after = int(page[-1][0]), float(page[-1][4])

    def _event(self, look: Look, row: tuple[Any, ...]) -> PastEvent:
        _, token, phase, state, at, asked_at, lost, key_id, sealed, number = row
        kept: Json = None
        if look.fits is not None and sealed is not None:
            opened = self.unseal(key_id, sealed, bound_to(token, look.watch.id, phase))
            kept = None if opened is None else msgspec.json.decode(opened)
        # In flight, or what must have happened: when it was asked. Ended or came back: then.
        when = asked_at if at == _IN_FLIGHT or (phase == REQUEST and not look.absence) else at
        return PastEvent((when, number), phase, state, kept, lost=bool(lost))

    def blind_s(self, watch: Watch) -> float:
        """Seconds at the far end of the window from which nothing was kept."""
        row = self.connection.execute(
            "SELECT since FROM history_watch WHERE tenant = ? AND agent = ? AND tool = ? AND id = ?",
            (self.tenant, self.agent, watch.tool, watch.id),
        ).fetchone()
        since = self.now if row is None else float(row[0])
        return max(0.0, min(watch.within_s, since - (self.now - watch.within_s)))

    def first(self, ask: RepeatAsk) -> First | None:
        """The call with the same key in the window that says most about whether it was done."""
        row = self._weightiest(ask)
        if row is None:
            return None
        token, state, owner = row[:3]
        readable = (
            ask.rule.on_repeat == "return_first" and state == DONE and self._opened(ask, row) is not None
        )
        return First(token, state, readable, own=owner == ask.owner)

    def first_result(self, ask: RepeatAsk) -> Json:
        """What that call gave back, as it was captured.

        Raises:
            ConditionError: it cannot be read, or belongs to somebody else.
        """
        row = self._weightiest(ask)
        opened = None if row is None or row[2] != ask.owner else self._opened(ask, row)
        if opened is None:
            raise ConditionError("the first result cannot be read any more")
        return msgspec.json.decode(opened)

    def _opened(self, ask: RepeatAsk, row: tuple[Any, ...]) -> bytes | None:
        token, _, _, key_id, sealed = row
        return (
            None
            if sealed is None
            else self.unseal(key_id, sealed, bound_to(token, ask.rule.clause.id, "result"))
        )

    def _weightiest(self, ask: RepeatAsk) -> tuple[Any, ...] | None:
        whose = (self.tenant, self.agent, ask.rule.clause.id, ask.key)
        for state in WEIGHTIEST:
            found: tuple[Any, ...] | None = self.connection.execute(
                "SELECT token, state, owner, key_id, sealed FROM repeat_use WHERE tenant = ? AND agent = ?"
                " AND clause = ? AND key = ? AND state = ? AND at > ? ORDER BY at DESC LIMIT 1",
                (*whose, state, self.now - ask.rule.within_s),
            ).fetchone()
            if found is not None:
                return found
        return None

    def marks(self, claims: Sequence[MarkClaim]) -> tuple[int | None, ...]:
        """The highest rank of each claim's key."""
        return tuple(self._mark(claim) for claim in claims)

    def _mark(self, claim: MarkClaim) -> int | None:
        row = self.connection.execute(
            "SELECT max(rank) FROM monotonic_use WHERE tenant = ? AND agent = ? AND clause = ? AND key = ?",
            (self.tenant, self.agent, claim.rule.clause.id, claim.key),
        ).fetchone()
        return None if row is None or row[0] is None else int(row[0])


def bound_to(token: str, what: str, phase: str) -> bytes:
    """What a ciphertext is tied to: its own row, so that rows cannot be exchanged."""
    return "\x00".join(("past", token, what, phase)).encode()


# ---------------------------------------------------------------------------------------------------- admitting
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
                *(_IN_FLIGHT, rule.within_s, IN_FLIGHT),
            ),
        )
    if request.once:
        db.execute(
            "INSERT INTO repeat_use VALUES (?, ?, ?, ?, ?, '', ?, ?, ?, NULL, NULL)",
            (request.token, _ONCE, *who, request.once, _IN_FLIGHT, ONCE_WITHIN_S, IN_FLIGHT),
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
        at = _IN_FLIGHT if phase == REQUEST and state == IN_FLIGHT else tx.now
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


def remember_ended(tx: Transaction, who: tuple[str, str], settlement: Settlement) -> None:
    """Keep both phases of a call that ended, for every watch of its tool.

    It is asked also where nothing was reserved: another process may have put a version in force that asks about reads
    which the version of this one takes for unwatched.
    """
    trace, token, state = settlement.trace, settlement.token, settlement.state
    whose = (*who, settlement.tool)
    if trace is None or not _watches(tx.reading, *whose):
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
