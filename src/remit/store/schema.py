"""The tables of the journal, how a database gets them, and the facts about the store that never change."""

from __future__ import annotations

import hmac
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256

import apsw

from remit.core.errors import BadInput
from remit.store.chain import Head

SCHEMA_VERSION = 2
"""Raised with every change of a table; a store with a higher one is refused, one with a lower one migrated."""
APPLICATION_ID = 0x72656D74
"""`remt` in the header of the file, so that another program's database is not taken for ours."""

COMMON = ("observed", "decided", "settled")
"""The kinds of most events; those of the others are indexed."""
RARE = f"kind NOT IN {COMMON}"

_TABLES = f"""
CREATE TABLE store (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE head (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  size INTEGER NOT NULL, chain BLOB NOT NULL, peaks BLOB NOT NULL, at REAL NOT NULL, top TEXT NOT NULL,
  erasures INTEGER NOT NULL, nonce BLOB NOT NULL, seal BLOB NOT NULL
) STRICT;

CREATE TABLE event (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE, session TEXT NOT NULL, kind TEXT NOT NULL, at REAL NOT NULL, agent TEXT NOT NULL,
  tenant TEXT NOT NULL, envelope TEXT NOT NULL, key_id BLOB NOT NULL, salt BLOB NOT NULL,
  leaf BLOB NOT NULL, prev BLOB NOT NULL, chain BLOB NOT NULL, blobs BLOB NOT NULL, body BLOB NOT NULL
) STRICT;
CREATE INDEX event_session ON event (session);
CREATE INDEX event_rare ON event (kind) WHERE {RARE};

CREATE TABLE anomaly (
  seq INTEGER PRIMARY KEY,
  kind TEXT NOT NULL, severity TEXT NOT NULL, clauses TEXT NOT NULL, tool TEXT NOT NULL,
  counts INTEGER NOT NULL, enforced INTEGER NOT NULL
) STRICT;

CREATE TABLE payload (
  key_id BLOB NOT NULL, address BLOB NOT NULL, digest BLOB NOT NULL, nonce BLOB NOT NULL,
  ciphertext BLOB NOT NULL, PRIMARY KEY (key_id, address)
) STRICT;

CREATE TABLE data_key (
  key_id BLOB PRIMARY KEY, tenant TEXT NOT NULL, subject BLOB NOT NULL, wrapped BLOB, erased INTEGER,
  retain_s REAL, until REAL
) STRICT;

CREATE TABLE extension (digest TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
"""

_RETENTION = """
CREATE INDEX data_key_subject ON data_key (subject) WHERE wrapped IS NOT NULL;
CREATE INDEX data_key_due ON data_key (until + retain_s) WHERE wrapped IS NOT NULL AND retain_s IS NOT NULL;
-- Destroyed keys whose payloads are not all deleted yet.
CREATE TABLE sweep (key_id BLOB PRIMARY KEY) STRICT, WITHOUT ROWID;
"""

_MIGRATIONS = {
    1: f"""
ALTER TABLE data_key ADD COLUMN retain_s REAL;
ALTER TABLE data_key ADD COLUMN until REAL;
DROP INDEX data_key_subject;
{_RETENTION}
"""
}
"""From each version to the next one."""


def is_empty(connection: apsw.Connection) -> bool:
    """Whether the database has no table yet."""
    return bool(connection.execute("SELECT count(*) = 0 FROM sqlite_schema").get)


def check_ours(connection: apsw.Connection, place: str) -> None:
    """Refuse another program's database, and a journal of a newer remit."""
    if connection.pragma("application_id") != APPLICATION_ID:
        raise BadInput(
            place, "a database of another program", "give the path of a remit journal or of a new file"
        )
    found = connection.pragma("user_version")
    if not isinstance(found, int) or found > SCHEMA_VERSION:
        raise BadInput(
            place,
            f"written by a newer remit (schema {found})",
            f"upgrade remit; this one reads {SCHEMA_VERSION}",
        )


def create(
    connection: apsw.Connection, *, single_operator: bool, make_keys: Callable[[str], tuple[bytes, str]]
) -> str:
    """Make the tables inside the open transaction and return the new store's id.

    Args:
        connection: holds the write lock.
        single_operator: whether approvals need no identified operator, for the life of this store.
        make_keys: makes the keys of the store whose id it is given, durably, and returns the key that seals
            the head and the public key of the checkpoints.
    """
    store_id = secrets.token_hex(8)
    head_key, public_key = make_keys(store_id)
    connection.execute(_TABLES + _RETENTION)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {SCHEMA_VERSION}")
    known = {
        "id": store_id,
        "public_key": public_key,
        "created": f"{time.time():.3f}",
        "single_operator": "yes" if single_operator else "no",
    }
    known["seal"] = seal_facts(head_key, known)
    connection.executemany("INSERT INTO store VALUES (?, ?)", known.items())
    connection.execute("INSERT INTO head VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?)", Head().row(head_key))
    return store_id


def migrate(connection: apsw.Connection) -> None:
    """Bring an older journal to this version, inside the open transaction."""
    for version in range(int(connection.pragma("user_version")), SCHEMA_VERSION):
        connection.execute(f"{_MIGRATIONS[version]} PRAGMA user_version = {version + 1}")


def key_columns(connection: apsw.Connection) -> str:
    """The columns of `data_key`, also of a journal that is only read and was not migrated."""
    known = {row[1] for row in connection.execute("PRAGMA table_info(data_key)")}
    times = "retain_s, until" if "until" in known else "NULL, NULL"
    return f"key_id, tenant, subject, wrapped, erased, {times}"


def facts(connection: apsw.Connection) -> dict[str, str]:
    """Id, public key, creation time and operator rule of the store."""
    return {str(name): str(value) for name, value in connection.execute("SELECT name, value FROM store")}


def seal_facts(key: bytes, known: Mapping[str, str]) -> str:
    """The HMAC over all facts but itself, so that nobody edits the operator rule unseen."""
    lines = "\n".join(f"{name}={known[name]}" for name in sorted(known) if name != "seal")
    return hmac.digest(key, lines.encode(), "sha256").hex()


def extend(connection: apsw.Connection, extensions: Sequence[str]) -> None:
    """Run each DDL of *extensions* once in the life of the store, inside the open transaction."""
    for ddl in extensions:
        digest = sha256(ddl.encode()).hexdigest()
        connection.execute("INSERT OR IGNORE INTO extension VALUES (?)", (digest,))
        if connection.changes():
            connection.execute(ddl)
