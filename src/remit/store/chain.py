"""What the journal's hashes cover, and the head to which the next event is chained.

The leaf of an event covers every column of its row, its anomaly columns, and for each blob the address and
the digest of the stored bytes. Lengths stand before the fields, so that no two rows share an input; what is
hashed are the stored bytes, never an object encoded anew. `chain = SHA-256(previous chain || leaf)`.
"""

from __future__ import annotations

import hmac
import struct
from dataclasses import dataclass
from hashlib import sha256

GENESIS = bytes(32)
"""The chain hash before the first event."""

_LEAF = struct.Struct(">BQd11I")
_ANOMALY = struct.Struct(">4IQQ")
_HEAD = struct.Struct(">QdQ4I")


def leaf_of(seq: int, at: float, fields: tuple[bytes, ...]) -> bytes:
    """The leaf hash of one event.

    *fields* are id, session, kind, agent, tenant, envelope, key id, salt, anomaly, blobs and body, as
    stored. The first byte is 0x00, the leaf prefix of RFC 6962.
    """
    return sha256(b"".join((_LEAF.pack(0, seq, at, *map(len, fields)), *fields))).digest()


def chain_of(previous: bytes, leaf: bytes) -> bytes:
    """The chain hash that follows *previous*."""
    return sha256(previous + leaf).digest()


def anomaly_field(texts: tuple[bytes, bytes, bytes, bytes], counts: int, enforced: int) -> bytes:
    """The anomaly columns of an event as one field of its leaf; empty for an event without anomaly.

    *texts* are kind, severity, clauses and tool, as stored.
    """
    return b"".join((_ANOMALY.pack(*map(len, texts), counts, enforced), *texts))


@dataclass(frozen=True, slots=True)
class Head:
    """The end of the journal, as stored in the one row of the table `head` with every batch."""

    size: int = 0
    """How many events there are; also the sequence of the last one."""
    chain: bytes = GENESIS
    peaks: tuple[bytes, ...] = ()
    """The Merkle frontier; see `merkle`."""
    at: float = 0.0
    """The highest time that the store has seen, UTC epoch seconds."""
    top: str = ""
    """The greatest event id stored: a greater one is new, without looking it up."""
    erasures: int = 0
    """How often a data key was destroyed; other processes drop their copies of keys when it grows."""
    nonce: bytes = b""
    """Names the batch that wrote this head, so that an ambiguous commit can be told from a lost one."""

    def seal(self, key: bytes) -> bytes:
        """The HMAC that lets `verify` see a change in any of these values."""
        top, peaks = self.top.encode(), b"".join(self.peaks)
        lengths = (len(self.chain), len(peaks), len(top), len(self.nonce))
        numbers = _HEAD.pack(self.size, self.at, self.erasures, *lengths)
        return hmac.digest(key, b"".join((numbers, self.chain, peaks, top, self.nonce)), "sha256")

    def row(self, key: bytes) -> tuple[int, bytes, bytes, float, str, int, bytes, bytes]:
        """The columns of the row, sealed."""
        peaks = b"".join(self.peaks)
        return self.size, self.chain, peaks, self.at, self.top, self.erasures, self.nonce, self.seal(key)


def head_of(row: tuple[int, bytes, bytes, float, str, int, bytes, bytes]) -> Head:
    """The head that *row* holds; its seal is the caller's to check."""
    size, chain, peaks, at, top, erasures, nonce, _ = row
    hashes = tuple(peaks[start : start + 32] for start in range(0, len(peaks), 32))
    return Head(size, chain, hashes, at, top, erasures, nonce)
