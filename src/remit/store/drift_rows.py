"""Where the drift watch stands, in tables beside the journal: one state for each agent, and which session is counted.

A step writes states, sessions, alarms and the cursor in one transaction, if nobody else wrote since it read: a crash
before it loses nothing, and nothing is counted twice. States are sealed with a key of the store; they hold counters, and
of argument values the first digits of keyed digests. The other columns are ids, names and times that the journal's own
columns have as well.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from heapq import merge
from itertools import islice
from typing import Any

import apsw
import msgspec

from remit.core.drift_book import CountedSession, SessionMark, Watching, WatchStanding, Who, Written
from remit.core.errors import Unavailable
from remit.core.event import StoredEvent
from remit.store.control_rows import only
from remit.store.sqlite import SqliteStore
from remit.store.transaction import Transaction

DDL = """
CREATE TABLE IF NOT EXISTS drift_mark (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS drift_state (
  tenant TEXT NOT NULL, agent TEXT NOT NULL, sessions INTEGER NOT NULL, state BLOB NOT NULL,
  PRIMARY KEY (tenant, agent)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS drift_session (
  tenant TEXT NOT NULL, agent TEXT NOT NULL, place INTEGER NOT NULL,
  session TEXT NOT NULL, at REAL NOT NULL, after INTEGER NOT NULL, upto INTEGER NOT NULL,
  PRIMARY KEY (tenant, agent, place)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS drift_session_id ON drift_session (session, upto);

CREATE TABLE IF NOT EXISTS drift_open (
  tenant TEXT NOT NULL, session TEXT NOT NULL, agent TEXT NOT NULL, due REAL NOT NULL,
  PRIMARY KEY (tenant, session)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS drift_open_due ON drift_open (due);
"""

_MARKS = ("session.opened", "session.resumed", "session.closed")
_NONCE = 12


class SqliteDriftBook:
    """The drift watch's view of one store. Any number of them may be used at once; of two steps from the same standing
    one is written.

    Args:
        store: open, with `DDL` among its extensions.
    """

    def __init__(self, store: SqliteStore) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._store = store
        self._cipher = AESGCM(store.derive("drift-state"))
        self.key = store.derive("drift")
        """Of the digests of argument values and of what breaks ties."""

    # ------------------------------------------------------------------------------------------ reading
    def standing(self) -> WatchStanding:
        """Where the watch stands."""
        return self._store.read(_standing)

    def marks(self, after: int, most: int) -> list[SessionMark]:
        """Where sessions began, went on and ended after a sequence, in order."""
        sql = (
            "SELECT seq, kind, tenant, agent, session, at FROM event WHERE kind = ? AND seq > ?"
            " AND kind NOT IN ('observed', 'decided', 'settled') ORDER BY seq LIMIT ?"
        )

        def read(db: apsw.Connection) -> list[SessionMark]:
            found = ([SessionMark(*row) for row in db.execute(sql, (kind, after, most))] for kind in _MARKS)
            return list(islice(merge(*found, key=lambda mark: mark.seq), most))

        return self._store.read(read)

    def idle(
        self, now: float, idle_s: float, most: int
    ) -> tuple[list[SessionMark], dict[tuple[str, str], tuple[str, float]]]:
        """Open sessions in which nothing happened for *idle_s*, and until when the others are not.

        Returns:
            The idle ones, by their last event; of the others, by tenant and id, the agent and when to look again.
        """
        last = "SELECT seq, at FROM event WHERE session = ? AND tenant = ? ORDER BY seq DESC LIMIT 1"
        due = "SELECT tenant, session, agent FROM drift_open WHERE due <= ? ORDER BY due LIMIT ?"

        def read(db: apsw.Connection) -> tuple[list[SessionMark], dict[tuple[str, str], tuple[str, float]]]:
            idle, later = list[SessionMark](), dict[tuple[str, str], tuple[str, float]]()
            rows: list[Any] = db.execute(due, (now, most)).fetchall()
            for tenant, session, agent in rows:
                seq, at = only(db, last, (session, tenant))
                if at + idle_s > now:
                    later[tenant, session] = (agent, at + idle_s)
                else:
                    idle.append(SessionMark(seq, "idle", tenant, agent, session, at))
            return sorted(idle, key=lambda mark: mark.seq), later

        return self._store.read(read)

    def counted(self, tenant: str, session: str) -> int:
        """Sequence up to which a session was counted; 0 where it was not."""
        sql = "SELECT coalesce(max(upto), 0) FROM drift_session WHERE session = ? AND tenant = ?"
        return int(self._store.read(lambda db: db.execute(sql, (session, tenant)).get))

    def events(self, tenant: str, session: str, after: int, last: int) -> Iterator[StoredEvent]:
        """The events of one session after a sequence and up to another, in order, without their texts."""
        return self._store.events(session, after=after, last=last, tenant=tenant, texts=False)

    def sessions(self, who: Who, first: int, last: int) -> list[CountedSession]:
        """The sessions of an agent that stand at these places, both included."""
        sql = (
            "SELECT place, session, at, after, upto FROM drift_session"
            " WHERE tenant = ? AND agent = ? AND place BETWEEN ? AND ? ORDER BY place"
        )
        return self._store.read(
            lambda db: [CountedSession(*row) for row in db.execute(sql, (*who, first, last))]
        )

    def state(self, who: Who) -> bytes | None:
        """The state of an agent's watch; None where there is none yet.

        Raises:
            Unavailable: it was altered.
        """
        sql = "SELECT state FROM drift_state WHERE tenant = ? AND agent = ?"
        sealed = self._store.read(lambda db: db.execute(sql, who).get)
        return None if sealed is None else self._unsealed(who, sealed)

    def watching(self) -> list[Watching]:
        """How far the watch of each agent has come."""
        sql = "SELECT tenant, agent, sessions, state FROM drift_state ORDER BY tenant, agent"
        rows: list[Any] = self._store.read(lambda db: db.execute(sql).fetchall())
        return [
            Watching(tenant, agent, sessions, msgspec.msgpack.decode(self._unsealed((tenant, agent), sealed)))
            for tenant, agent, sessions, sealed in rows
        ]

    def of_kind(self, kind: str) -> Iterator[StoredEvent]:
        """All events of a kind that is not of single calls, in order."""
        return self._store.events(kinds={kind})

    # ------------------------------------------------------------------------------------------ writing
    def write(self, written: Written, standing: WatchStanding) -> bool:
        """Write a step, if the watch still stands where the step began; False where somebody else was first."""
        sealed = {who: self._sealed(who, state) for who, state in written.states.items()}

        def work(tx: Transaction) -> bool:
            if _standing(tx.connection) != standing:
                return False
            self._write(tx, written, sealed)
            for name, value in (("cursor", written.cursor), ("revision", standing.revision + 1)):
                tx.connection.execute("INSERT OR REPLACE INTO drift_mark VALUES (?, ?)", (name, value))
            for event in written.events:
                tx.append(event)
            return True

        return bool(self._store.transact_now(work, events=1 + len(written.events), repeated=True))

    def _write(self, tx: Transaction, written: Written, sealed: dict[Who, tuple[int, bytes]]) -> None:
        db = tx.connection
        db.executemany(
            "INSERT OR REPLACE INTO drift_open VALUES (?, ?, ?, ?)",
            [(*key, agent, due) for key, (agent, due) in written.opened.items()],
        )
        db.executemany("DELETE FROM drift_open WHERE tenant = ? AND session = ?", written.ended)
        db.executemany(
            "INSERT INTO drift_session VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                (*who, one.place, one.session, one.at, one.after, one.upto)
                for who, counted in written.counted.items()
                for one in counted
            ],
        )
        db.executemany(
            "INSERT OR REPLACE INTO drift_state VALUES (?, ?, ?, ?)",
            [(*who, sessions, state) for who, (sessions, state) in sealed.items()],
        )

    def _sealed(self, who: Who, state: bytes) -> tuple[int, bytes]:
        nonce = os.urandom(_NONCE)
        sessions = int(msgspec.msgpack.decode(state)["sessions"])
        return sessions, nonce + self._cipher.encrypt(nonce, state, _bound(who))

    def _unsealed(self, who: Who, sealed: bytes) -> bytes:
        from cryptography.exceptions import InvalidTag

        try:
            return self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], _bound(who))
        except InvalidTag:
            told = "the drift watch's state was altered; delete the row of this agent in drift_state to begin anew"
            raise Unavailable(f"{who[1]}: {told}") from None


def _bound(who: Sequence[str]) -> bytes:
    return "\x1f".join(who).encode()


def _standing(db: apsw.Connection) -> WatchStanding:
    found: dict[Any, Any] = dict(db.execute("SELECT name, value FROM drift_mark").fetchall())  # type: ignore[arg-type]
    return WatchStanding(int(found.get("cursor", 0)), int(found.get("revision", 0)))
