"""Whether each data key that is gone was destroyed by an erasure or an expiry that the journal tells of."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import apsw
import msgspec
from cryptography.exceptions import InvalidTag

from remit.core.errors import RemitError
from remit.store import body, schema
from remit.store.erase import ERASED
from remit.store.expire import EXPIRED
from remit.store.keys import StoreKeys, unwrap

_NONCE = 12
_EVENTS = (
    "SELECT seq, at, CAST(id AS BLOB), key_id, body FROM event"  # noqa: S608 - fixed names
    f" WHERE kind IN (?, ?) AND {schema.RARE} ORDER BY seq"
)


@dataclass(frozen=True, slots=True)
class Destruction:
    """The event that destroyed a key."""

    seq: int
    at: float
    retain_s: float | None
    """None for an erasure, which may come at any time."""


def destructions(connection: apsw.Connection, keys: StoreKeys) -> dict[bytes, Destruction]:
    """The keys that erasures and expiries name."""
    found: dict[bytes, Destruction] = {}
    sql = f"SELECT {schema.key_columns(connection)} FROM data_key WHERE key_id = ?"  # noqa: S608 - fixed names
    for seq, at, event_id, key_id, sealed in connection.execute(_EVENTS, (ERASED, EXPIRED)):
        # One that does not open names nothing: the keys that it destroyed are then blamed.
        with suppress(RemitError, InvalidTag, msgspec.DecodeError, ValueError, TypeError, KeyError):
            row: Any = connection.execute(sql, (key_id,)).fetchone()
            _, tenant, subject, wrapped, _, *times = row
            cipher = unwrap(keys, key_id, wrapped, tenant, subject, *times).cipher
            told = body.decode(cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], event_id))[0]
            retain_s = None if told.get("retain_s") is None else float(told["retain_s"])
            found |= {bytes.fromhex(one): Destruction(seq, at, retain_s) for one in told["keys"]}
    return found


def wrongly_destroyed(
    connection: apsw.Connection,
    key_id: bytes,
    seq: object,
    told: Mapping[bytes, Destruction] | None,
    last: float,
) -> str:
    """What is wrong with the destruction of a key; empty where nothing is.

    Args:
        connection: to the journal.
        key_id: of the key.
        seq: of the event that its row names.
        told: what events say; None without the master key, when only the kind of the event is known.
        last: when the key was used last.
    """
    kind = connection.execute("SELECT kind FROM event WHERE seq = ?", (seq,)).get
    if kind not in (ERASED, EXPIRED):
        return "destroyed without an erasure in the journal"
    if told is None:
        return ""
    event = told.get(key_id)
    if event is None or event.seq != seq:
        return f"destroyed without an erasure in the journal: event {seq} does not name it"
    if event.retain_s is not None and event.at < last + event.retain_s:
        return f"event {seq} destroyed it before its events were older than {event.retain_s:g} s"
    return ""
