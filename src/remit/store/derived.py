"""Event ids that the same work gives the same event again."""

from __future__ import annotations

import hashlib
import uuid


def derived_id(seed: str, *parts: object) -> str:
    """An event id from an id that a caller made and from what the event says.

    Work whose commit was ambiguous runs again; with a derived id its events are then stored once.
    """
    told = "\x1f".join((seed, *map(str, parts)))
    raw = bytearray(hashlib.sha256(told.encode()).digest()[:16])
    raw[6], raw[8] = (
        raw[6] & 0x0F | 0x80,
        raw[8] & 0x3F | 0x80,
    )  # version 8 of RFC 9562, which Python 3.11 cannot name
    return str(uuid.UUID(bytes=bytes(raw)))
