"""Opening or making the database of a journal, with the keys that belong to it."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import apsw

from remit.core.errors import BadInput
from remit.store import schema
from remit.store.connection import check_place, check_sqlite_version, connect, make_durable, told
from remit.store.home import Home
from remit.store.keys import StoreKeys, sync_folder


@dataclass(frozen=True, slots=True)
class OpenedDatabase:
    """A database that is ours, with its keys."""

    connection: apsw.Connection
    facts: dict[str, str]
    keys: StoreKeys
    home: Home | None
    """None for the volatile store."""


def open_database(
    path: Path | None,
    home: Path,
    *,
    create: bool,
    single_operator: bool,
    extensions: Sequence[str],
    vfs: str | None,
) -> OpenedDatabase:
    """Open the journal at *path*, or make it; see `SqliteStore.open`."""
    check_sqlite_version()
    if path is not None:
        check_place(path, create=create)
    place = "memory:" if path is None else str(path)
    made: list[StoreKeys] = []

    def make_keys(store_id: str) -> tuple[bytes, str]:
        made.append(StoreKeys.ephemeral() if path is None else StoreKeys.make(home / store_id))
        return made[0].head, made[0].public_text(store_id)

    with told(place):
        connection = connect(path, create=create, vfs=vfs)
        if not schema.is_empty(connection):
            schema.check_ours(connection, place)
        elif not create:
            raise BadInput(place, "an empty file", "check the path")
        if path is not None:
            make_durable(connection, place)
        connection.execute("BEGIN IMMEDIATE")
        if schema.is_empty(connection):
            schema.create(connection, single_operator=single_operator, make_keys=make_keys)
        schema.check_ours(connection, place)
        schema.migrate(connection)
        schema.extend(connection, extensions)
        connection.execute("COMMIT")
        facts = schema.facts(connection)
        if made and path is not None:
            sync_folder(path.parent)
    if path is None:
        return OpenedDatabase(connection, facts, made[0], None)
    folder = home / facts.get("id", "")
    keys = made[0] if made else StoreKeys.load(folder)
    _check_facts(place, facts, keys)
    kept = Home(folder)
    with told(str(folder)):
        kept.remember(path)
    return OpenedDatabase(connection, facts, keys, kept)


def _check_facts(place: str, facts: dict[str, str], keys: StoreKeys) -> None:
    if not hmac.compare_digest(schema.seal_facts(keys.head, facts), facts.get("seal", "")):
        raise BadInput(
            place, "the facts of the store were edited", "run `remit journal verify`, restore a backup"
        )
