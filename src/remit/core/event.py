"""One line of the journal, before it is stored: values only, no clock and no key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from remit.core.types import Json, Severity

NOTIFIED = "notified"
"""Kind of the event that says that a call ran of which people are told."""


@dataclass(frozen=True, slots=True)
class AnomalyIndex:
    """The columns by which an anomaly is found; none of them holds personal data."""

    kind: str
    """`denied`, `flagged`, `rejected`, `output`, `deadline`, `answer`, `unknown-outcome`, `infrastructure`, …"""
    severity: Severity
    clauses: tuple[str, ...]
    tool: str
    counts: bool
    """Whether the breaker counts it."""
    enforced: bool = True
    """False where the envelope only monitors: captured in full, and nothing was blocked."""


@dataclass(frozen=True, slots=True)
class Event:
    """What happened, once, in one session. Acknowledged means durable."""

    id: str
    """UUIDv7 made by the caller; writing the same event twice stores it once."""
    session: str
    kind: str
    """`session.opened`, `observed`, `decided`, `settled`, `released` (it did not run), `finished`, `approval.*`,
    `breaker.*`, `gap`, …"""
    agent: str
    envelope: str
    """Hash of the envelope in force; empty where none is."""
    body: Mapping[str, Json]
    tenant: str = "default"
    subject: str = ""
    """Whose personal data the body holds; its data key encrypts it. Empty: the tenant's own key."""
    blobs: Mapping[str, str] = field(default_factory=dict)
    """Large texts by name; stored once each, addressed by content under the subject's key."""
    anomaly: AnomalyIndex | None = None
    retain_s: float | None = None
    """How long body and blobs are kept at least, an hour or more; None for ever. See `store.expire`."""


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event as it stands in the journal."""

    seq: int
    """Dense, from 1, over the whole store."""
    at: float
    """The store's clock when it was written, UTC epoch seconds."""
    event: Event
    erased: bool = False
    """True where its data key was destroyed, since its subject was erased or it became older than `retain_s`:
    body and blobs are empty, the proofs still hold."""
