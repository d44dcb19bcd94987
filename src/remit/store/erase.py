"""Erasure: destroy all data keys of a subject, and say so in the journal.

The ciphertext stays, so every hash and proof goes on holding; without its key nobody reads it again. Copies
of the database made before, together with the master key, still hold the wrapped key: how long they are kept
bounds when the erasure is complete.
"""

from __future__ import annotations

from remit.core.errors import BadInput
from remit.core.event import Event
from remit.core.trial.apart import BEYOND, RESERVED
from remit.store.batch import Batch
from remit.store.clock import uuid7
from remit.store.keys import StoreKeys

ERASED = "erased"
"""The kind of the event that records an erasure; its body names the keys that were destroyed."""


_OF_TRIALS = "SELECT DISTINCT tenant FROM data_key WHERE tenant >= ? AND tenant < ? AND wrapped IS NOT NULL"


def erase_everywhere(batch: Batch, keys: StoreKeys, tenant: str, subject: str) -> int:
    """As `erase_subject`, also in every trial; returns how many keys."""
    trials = [str(row[0]) for row in batch.connection.execute(_OF_TRIALS, (RESERVED, BEYOND))]
    return sum(erase_subject(batch, keys, one, subject) for one in dict.fromkeys((tenant, *trials)))


def erase_subject(batch: Batch, keys: StoreKeys, tenant: str, subject: str) -> int:
    """Destroy the keys of *subject* inside a transaction, whatever they are kept for; returns how many.

    Raises:
        BadInput: *subject* is empty.
    """
    if not subject:
        raise BadInput("subject", "empty", "name whose data is to be erased")
    database = batch.connection
    digest = keys.subject(tenant, subject)
    living = "SELECT key_id FROM data_key WHERE subject = ? AND wrapped IS NOT NULL"
    found = [bytes(key_id) for (key_id,) in database.execute(living, (digest,))]
    if not found:
        return 0
    batch.keyring.forget()
    batch.note_erasure()
    body = {"keys": [key_id.hex() for key_id in found], "subject": digest.hex()}
    seq = batch.append(Event(uuid7(batch.now), "", ERASED, "", "", body, tenant))
    for key_id in found:
        database.execute("UPDATE data_key SET wrapped = NULL, erased = ? WHERE key_id = ?", (seq, key_id))
        database.execute("DELETE FROM payload WHERE key_id = ?", (key_id,))
    return len(found)
