"""The envelopes that ever governed an agent, by hash: what an old decision was made by can still be read."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from remit.core.envelope import Envelope
from remit.core.errors import BadInput, Unavailable
from remit.core.event import Event, StoredEvent
from remit.core.ids import derived_id
from remit.core.trial.apart import shelf_of

KIND = "envelope.loaded"


def loaded(envelope: Envelope, tenant: str) -> Event:
    """The event that keeps the text of an envelope, once for each hash.

    Args:
        envelope: with its text.
        tenant: whose agent it governs.
    """
    return Event(
        id=derived_id(envelope.hash, KIND, shelf_of(tenant)),
        session="",
        kind=KIND,
        agent=envelope.name,
        envelope=envelope.hash,
        body={"name": envelope.name, "version": envelope.version, "owner": envelope.owner},
        tenant=shelf_of(tenant),
        blobs={"text": envelope.text},
    )


def archived(event: Callable[[str], StoredEvent | None], envelope_hash: str, tenant: str = "default") -> str:
    """The text of the envelope with a hash.

    Args:
        event: finds an event by its id (`store.sqlite.SqliteStore.event`).
        envelope_hash: SHA-256, hex, as it stands in events.
        tenant: whose.

    Raises:
        BadInput: no guard of this store ever loaded it.
        Unavailable: what the store has is not the text with this hash.
    """
    found = event(derived_id(envelope_hash, KIND, shelf_of(tenant)))
    if found is None or found.erased:
        told = "an envelope's text is kept from its first use by a guard on"
        raise BadInput("envelope", f"none with hash {envelope_hash[:64]!r} in this store", told)
    text = found.event.blobs.get("text", "")
    if hashlib.sha256(text.encode()).hexdigest() != envelope_hash:
        raise Unavailable(f"the text kept for envelope {envelope_hash} has another hash")
    return text
