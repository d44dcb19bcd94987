"""Rows of earlier calls, read: what happened before, the first of repeats, the highest mark."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from heapq import merge
from typing import Any

import apsw
import msgspec

from remit.core.cel import ConditionError
from remit.core.history import (
    DONE,
    IN_FLIGHT,
    REQUEST,
    Ask,
    HistoryAnswer,
    Look,
    PastEvent,
    Watch,
    answer,
)
from remit.core.marks import MarkClaim
from remit.core.repeats import WEIGHTIEST, First, RepeatAsk
from remit.core.types import Json

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

ENDLESS = float("inf")
"""When a call happened that is in flight."""
_PAGE = 64

Unseal = Callable[[bytes, bytes, bytes], bytes | None]
"""Opens what was sealed: key id, ciphertext, what it is bound to. None where the key was destroyed."""


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
        after, seq = ENDLESS, 2**62
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
        asked = -ENDLESS if look.absence else oldest
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
        when = asked_at if at == ENDLESS or (phase == REQUEST and not look.absence) else at
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
