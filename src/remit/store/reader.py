"""How stored rows become events again: decrypted, with their blobs, or marked as erased."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Any, TypeVar

import apsw
import msgspec
from cryptography.exceptions import InvalidTag

from remit.core.errors import Unavailable
from remit.core.event import AnomalyIndex, Event, StoredEvent
from remit.core.trial.apart import BEYOND, RESERVED
from remit.core.types import Severity
from remit.store import body
from remit.store.keys import Keyring, OpenedKeys
from remit.store.schema import COMMON, RARE

T = TypeVar("T")
ReadPage = Callable[[Callable[[apsw.Connection], list[StoredEvent]]], list[StoredEvent]]
"""Lends a connection for one page of events."""

_NONCE = 12
_PAGE = 256
"""Events read at once; no connection is held between pages, so a slow reader blocks nobody."""

EVENT_COLUMNS = (
    "event.seq, event.id, event.session, event.kind, event.at, event.agent, event.tenant, event.envelope,"
    " event.key_id, event.blobs, event.body,"
    " anomaly.kind, anomaly.severity, anomaly.clauses, anomaly.tool, anomaly.counts, anomaly.enforced"
    " FROM event LEFT JOIN anomaly ON anomaly.seq = event.seq"
)


OF_PRODUCTION = f"NOT (event.tenant >= '{RESERVED}' AND event.tenant < '{BEYOND}')"
"""True of events that are of no trial."""


def read_event(
    connection: apsw.Connection, opened: OpenedKeys, row: tuple[Any, ...], *, texts: bool = True
) -> StoredEvent:
    """The event in *row*, which holds `EVENT_COLUMNS`; without its large texts where nobody wants them.

    Raises:
        Unavailable: what is stored does not open with its key.
    """
    seq, event_id, session, kind, at, agent, tenant, envelope, key_id, blobs, sealed, *found = row
    anomaly = None if found[0] is None else _anomaly(found)
    key = opened.get(connection, key_id)
    if key is None:
        bare = Event(event_id, session, kind, agent, envelope, {}, tenant, anomaly=anomaly)
        return StoredEvent(seq, at, bare, erased=True)
    try:
        plaintext = key.cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], event_id.encode())
        content, subject, names = body.decode(plaintext)
        found_texts = _payloads(connection, key_id, key.cipher.decrypt, blobs) if names and texts else []
    except (InvalidTag, ValueError, msgspec.DecodeError):
        raise Unavailable(
            f"event {seq}: altered, its body does not open; run `remit journal verify`"
        ) from None
    event = Event(
        event_id,
        session,
        kind,
        agent,
        envelope,
        content,
        tenant,
        subject,
        dict(zip(names, found_texts, strict=True)) if texts else {},
        anomaly,
        key.retain_s,
    )
    return StoredEvent(seq, at, event)


def unseal(
    connection: apsw.Connection, opened: OpenedKeys, key_id: bytes, sealed: bytes, bound: bytes
) -> bytes | None:
    """What was encrypted beside the journal under a data key; None where the key was destroyed.

    Raises:
        Unavailable: it was altered.
    """
    key = opened.get(connection, key_id)
    if key is None:
        return None
    try:
        return key.cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], bound)
    except (InvalidTag, ValueError):
        raise Unavailable(
            "what was kept of an earlier call was altered; run `remit journal verify`"
        ) from None


def _anomaly(row: list[Any]) -> AnomalyIndex:
    kind, severity, clauses, tool, counts, enforced = row
    names = tuple(msgspec.json.decode(clauses))
    return AnomalyIndex(kind, Severity(severity), names, tool, bool(counts), bool(enforced))


def _payloads(
    connection: apsw.Connection, key_id: bytes, decrypt: Callable[[bytes, bytes, bytes], bytes], blobs: bytes
) -> list[str]:
    texts = []
    for start in range(0, len(blobs), 64):
        address = blobs[start : start + 32]
        sql = "SELECT nonce, ciphertext FROM payload WHERE key_id = ? AND address = ?"
        row = connection.execute(sql, (key_id, address)).fetchone()
        if row is None:
            raise ValueError(address)
        texts.append(decrypt(row[0], row[1], address).decode())
    return texts


def read_events(
    read: ReadPage,
    keyring: Keyring,
    *,
    session: str | None = None,
    kinds: Collection[str] | None = None,
    after: int = 0,
    limit: int | None = None,
    anomalies_only: bool = False,
    tenant: str | None = None,
    agent: str | None = None,
    last: int | None = None,
    texts: bool = True,
    trials: bool = True,
) -> Iterator[StoredEvent]:
    """The events that fit, in order of sequence, read in pages."""
    where, values = ["event.seq > ?"], list[str | int]()
    if session is not None:
        where.append("event.session = ?")
        values.append(session)
    if kinds is not None:
        where.append(f"event.kind IN ({', '.join('?' * len(kinds))})")
        values += kinds
        if session is None and len(kinds) == 1 and not set(kinds) & set(COMMON):
            # Says nothing new, but for SQLite: the index of such kinds will do. It has one kind in order only.
            where.append(f"event.{RARE}")
    if tenant is not None:
        where.append("event.tenant = ?")
        values.append(tenant)
    if agent is not None:
        where.append("event.agent = ?")
        values.append(agent)
    if last is not None:
        where.append("event.seq <= ?")
        values.append(last)
    if not trials:
        where.append(OF_PRODUCTION)
    columns = EVENT_COLUMNS.replace("LEFT JOIN", "JOIN") if anomalies_only else EVENT_COLUMNS
    sql = f"SELECT {columns} WHERE {' AND '.join(where)} ORDER BY event.seq LIMIT ?"

    def page(connection: apsw.Connection) -> list[StoredEvent]:
        size = _PAGE if limit is None else min(_PAGE, limit)
        opened = keyring.opened(connection.execute("SELECT erasures FROM head").get)
        rows = connection.execute(sql, (after, *values, size)).fetchall()
        return [read_event(connection, opened, row, texts=texts) for row in rows]

    while limit is None or limit > 0:
        found = read(page)
        yield from found
        if len(found) < _PAGE:
            return
        after = found[-1].seq
        limit = None if limit is None else limit - len(found)
