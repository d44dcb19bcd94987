"""One `BEGIN IMMEDIATE … COMMIT`: many pieces of work, each kept or undone by itself.

Rows are collected and inserted together at the end. A piece of work that looks at the database sees all that was
appended before: the rows are inserted, and a savepoint is set, the moment it asks for the connection. Work that only
appends needs no savepoint, since nothing of it is in the database until the end.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from hashlib import sha256

import apsw
import msgspec

from remit.core.errors import BadInput
from remit.core.event import AnomalyIndex, Event
from remit.store import body, merkle
from remit.store.chain import Head, anomaly_field, chain_of, leaf_of
from remit.store.clock import WallClock, never_back
from remit.store.keys import DataKey, Keyring
from remit.store.reader import EVENT_COLUMNS, read_event, unseal

_SALT, _NONCE = 16, 12
_NOISE = 512
"""Random bytes drawn at once, enough for 18 events."""
_INSERT = {
    table: f"INSERT INTO {table} VALUES ({', '.join('?' * columns)})"  # noqa: S608 - no values in it
    for table, columns in (("event", 15), ("anomaly", 7), ("payload", 5))
}


class _Rows:
    """Rows that wait to be inserted, by table."""

    __slots__ = ("anomaly", "event", "payload")

    def __init__(self) -> None:
        self.payload: list[tuple[bytes, ...]] = []
        self.event: list[tuple[apsw.SQLiteValue, ...]] = []
        self.anomaly: list[tuple[apsw.SQLiteValue, ...]] = []


class Batch:
    """The transaction that works see; see `remit.store.transaction.Transaction`."""

    def __init__(self, connection: apsw.Connection, head: Head, keyring: Keyring, clock: WallClock) -> None:
        self._connection = connection
        self._execute: Callable[..., apsw.Cursor] = connection.cursor().execute
        self._keyring = keyring
        keyring.fresh = set()
        self._clock = clock
        self._size, self._chain, self._peaks = head.size, head.chain, list(head.peaks)
        self._at, self._top, self._erasures = head.at, head.top, head.erasures
        self._earlier = _Rows()
        self._own = _Rows()
        self._ids: set[str] = set()
        self._digests: dict[tuple[bytes, bytes], bytes] = {}
        """Of payloads that this batch stored, by key and address; forgotten where a work is undone."""
        self._now: float | None = None
        self._noise = b""
        self._saved = False
        self._start = (self._size, self._chain, head.peaks, self._at, self._top, self._erasures)
        self.touched = False
        """Whether there is anything to commit."""

    # What works use

    @property
    def connection(self) -> apsw.Connection:
        """The connection that holds the write lock, with all appended events in it."""
        if not self._saved:
            self._flush(self._earlier)
            self._execute("SAVEPOINT work")
            self._saved = self.touched = True
        self._flush(self._own)
        return self._connection

    @property
    def reading(self) -> apsw.Connection:
        """The same connection, to read tables beside the journal's own: no savepoint, and nothing is inserted for it."""
        return self._connection

    @property
    def now(self) -> float:
        """The store's clock; the same instant throughout one piece of work."""
        if self._now is None:
            self._now = self._at = never_back(self._clock, self._at)
        return self._now

    def append(self, event: Event) -> int:
        """Add *event* to the chain and return its sequence, or that of its first copy."""
        return self.append_encoded(event, body.encode(event))

    def append_encoded(self, event: Event, plaintext: bytes) -> int:
        """`append` for an event whose body the caller encoded already."""
        if event.id > self._top:
            top = event.id
        else:
            known = self._sequence_of(event.id)
            if known is not None:
                self._check_same(event, plaintext, known)
                return known
            top = self._top
        stored = len(self._own.payload)
        try:
            self._add(event, plaintext)
        except UnicodeEncodeError as error:
            self._drop_payloads(stored)  # the work may go on without this event
            raise BadInput(f"event {event.id!r}", str(error), "give Unicode text") from None
        self._top = top
        if self._saved:
            self._flush(self._own)
        return self._size

    def seal(
        self, content: bytes, bound: bytes, tenant: str, subject: str, retain_s: float | None
    ) -> tuple[bytes, bytes]:
        """Encrypt *content* under the data key of *subject*; see `Transaction.seal`."""
        key = self._keyring.for_writing(self.connection, tenant, subject, retain_s, self.now)
        nonce = self._random(_NONCE)
        return key.id, nonce + key.cipher.encrypt(nonce, content, bound)

    def unseal(self, key_id: bytes, sealed: bytes, bound: bytes) -> bytes | None:
        """What `seal` encrypted; None where its key was destroyed."""
        return unseal(self.connection, self._keyring.opened(self._erasures), key_id, sealed, bound)

    # What the writer uses

    def begin(self) -> None:
        """Start a piece of work."""
        self._start = (self._size, self._chain, tuple(self._peaks), self._at, self._top, self._erasures)
        self._now = None

    def keep(self) -> None:
        """End a piece of work that went well."""
        if self._saved:
            self._execute("RELEASE work")
            self._saved = False
        own = self._own
        if own.event:
            self._earlier.event += own.event
            self._earlier.anomaly += own.anomaly
            self._earlier.payload += own.payload
            self._own = _Rows()

    def undo(self) -> None:
        """End a piece of work that raised: nothing of it remains, in the database or here."""
        if self._saved:
            self._execute("ROLLBACK TO work")
            self._execute("RELEASE work")
            self._saved = False
        self._keyring.forget()
        self._flush(self._earlier)  # so that all payloads are found in the database
        self._own, self._digests = _Rows(), {}
        self._size, self._chain, peaks, self._at, self._top, self._erasures = self._start
        self._peaks = list(peaks)

    def finish(self, nonce: bytes) -> Head:
        """Insert what waits and return the head to store with it."""
        self._flush(self._earlier)
        return Head(self._size, self._chain, tuple(self._peaks), self._at, self._top, self._erasures, nonce)

    @property
    def keyring(self) -> Keyring:
        """The data keys, for work that destroys one."""
        return self._keyring

    def note_erasure(self) -> None:
        """Make every process drop its cached keys at its next transaction."""
        self._erasures += 1

    # How an event is added

    def _sequence_of(self, event_id: str) -> int | None:
        if event_id in self._ids:
            self._flush(self._earlier)
            self._flush(self._own)
        row = self._execute("SELECT seq FROM event WHERE id = ?", (event_id,)).fetchone()
        return None if row is None else int(row[0])

    def _check_same(self, event: Event, plaintext: bytes, seq: int) -> None:
        sql = f"SELECT {EVENT_COLUMNS} WHERE event.seq = ?"
        row = self._execute(sql, (seq,)).fetchall()[0]
        stored = read_event(self._connection, self._keyring.opened(self._erasures), row)
        if stored.erased:
            return
        first = stored.event
        same = (
            (first.session, first.kind, first.agent, first.tenant, first.envelope, first.anomaly)
            == (event.session, event.kind, event.agent, event.tenant, event.envelope, event.anomaly)
            and dict(first.blobs) == dict(event.blobs)
            and (first.body, first.subject) == body.decode(plaintext)[:2]
        )
        if not same:
            raise BadInput(f"event {event.id}", "another event has this id", "make a new id for every event")

    def _random(self, size: int) -> bytes:
        """Fresh random bytes, each used once. Asked for together, since every call to the system lets other threads in;
        kept for this transaction only, which no forked child goes on with."""
        if len(self._noise) < size:
            self._noise = os.urandom(_NOISE)
        noise, self._noise = self._noise[:size], self._noise[size:]
        return noise

    def _add(self, event: Event, plaintext: bytes) -> None:
        at = self.now
        key = self._keyring.for_writing(self._connection, event.tenant, event.subject, event.retain_s, at)
        salt, nonce = self._random(_SALT), self._random(_NONCE)
        event_id = event.id.encode()
        sealed = nonce + key.cipher.encrypt(nonce, plaintext, event_id)
        blobs = self._store_blobs(key, event) if event.blobs else b""
        seq = self._size + 1
        anomaly = b"" if event.anomaly is None else self._index(seq, event.anomaly)
        leaf = leaf_of(
            seq,
            at,
            (
                event_id,
                event.session.encode(),
                event.kind.encode(),
                event.agent.encode(),
                event.tenant.encode(),
                event.envelope.encode(),
                key.id,
                salt,
                anomaly,
                blobs,
                sealed,
            ),
        )
        previous, chain = self._chain, chain_of(self._chain, leaf)
        self._own.event.append(
            (
                seq,
                event.id,
                event.session,
                event.kind,
                at,
                event.agent,
                event.tenant,
                event.envelope,
                key.id,
                salt,
                leaf,
                previous,
                chain,
                blobs,
                sealed,
            )
        )
        merkle.add_leaf(self._peaks, self._size, leaf)
        self._size, self._chain = seq, chain
        self._ids.add(event.id)
        self.touched = True

    def _index(self, seq: int, index: AnomalyIndex) -> bytes:
        """Add the anomaly columns and return what the leaf covers of them."""
        clauses = msgspec.json.encode(index.clauses)
        severity, counts, enforced = index.severity.value, int(index.counts), int(index.enforced)
        texts = (index.kind.encode(), severity.encode(), clauses, index.tool.encode())
        self._own.anomaly.append((seq, index.kind, severity, clauses.decode(), index.tool, counts, enforced))
        return anomaly_field(texts, counts, enforced)

    def _store_blobs(self, key: DataKey, event: Event) -> bytes:
        """Store each blob once and return addresses and digests, in the order of the names."""
        parts = []
        for text in event.blobs.values():
            content = text.encode()
            address = key.address(content)
            parts += [address, self._digest_of(key, address) or self._store_payload(key, address, content)]
        return b"".join(parts)

    def _digest_of(self, key: DataKey, address: bytes) -> bytes | None:
        known = self._digests.get((key.id, address))
        if known is not None or key.id in self._keyring.fresh:
            return known
        row = self._execute(
            "SELECT digest FROM payload WHERE key_id = ? AND address = ?", (key.id, address)
        ).fetchone()
        return None if row is None else bytes(row[0])

    def _store_payload(self, key: DataKey, address: bytes, content: bytes) -> bytes:
        nonce = self._random(_NONCE)
        ciphertext = key.cipher.encrypt(nonce, content, address)
        digest = sha256(nonce + ciphertext).digest()
        self._own.payload.append((key.id, address, digest, nonce, ciphertext))
        self._digests[key.id, address] = digest
        return digest

    def _drop_payloads(self, kept: int) -> None:
        """Forget the payloads of an event that was not added: no event names them."""
        for key_id, address, *_ in self._own.payload[kept:]:
            del self._digests[key_id, address]
        del self._own.payload[kept:]

    def _flush(self, rows: _Rows) -> None:
        if rows.event:
            for table, insert in _INSERT.items():
                waiting = getattr(rows, table)
                if waiting:
                    self._connection.executemany(insert, waiting)
                    waiting.clear()
