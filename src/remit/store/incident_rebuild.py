"""The tables of incidents, made anew from the journal: for one that was restored, or whose index is in doubt."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from remit.core.event import Event
from remit.store.incidents import KINDS, rebuild

if TYPE_CHECKING:
    import apsw

    from remit.store.sqlite import SqliteStore
    from remit.store.transaction import Transaction

_TABLES = {"incident": "id", "incident_key": "key", "incident_member": "anomaly"}


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What came of it."""

    incidents: int
    """That there are now."""
    events: int
    """Of the journal, that say so."""
    differed: int
    """Rows that stood otherwise before, or were missing or too many."""


def rebuilt(store: SqliteStore) -> Rebuilt:
    """Make the tables anew in one transaction, so that nobody writes an incident in between, and say what differed.

    Args:
        store: whose journal is read; an event that cannot be read leaves all as it was.
    """

    def work(tx: Transaction) -> Rebuilt:
        db, bodies = tx.connection, _Bodies(store)
        before = _rows(db)
        rebuild(tx, bodies)
        after = _rows(db)
        incidents = sum(table == "incident" for table, _ in after)
        return Rebuilt(incidents, bodies.read, sum(before.get(k) != after.get(k) for k in {*before, *after}))

    return store.transact_now(work)


class _Bodies:
    """The bodies of all events of incidents, oldest first, and how many were read."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store
        self.read = 0

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        for stored in self._store.events(kinds=KINDS):
            event: Event = stored.event
            self.read += 1
            yield event.body


def _rows(db: apsw.Connection) -> dict[tuple[str, str], tuple[Any, ...]]:
    """Every row by its table and key."""
    return {
        (table, str(row[0])): tuple(row)
        for table, key in _TABLES.items()
        for row in db.execute(f"SELECT {key}, * FROM {table}")  # noqa: S608 - constants
    }
