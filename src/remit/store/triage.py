"""Which anomalies are classified, as what, and which are to be looked at again.

The journal is the record: each classification and each label is an event, so the history of a class is the journal's.
This table is an index of the latest ones, made in the same transaction, and can be made again from the events.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import apsw
import msgspec

from remit.core.classify.classification import Class, Classification
from remit.core.classify.told import classification_body
from remit.core.classify.work import Done
from remit.core.event import Event, StoredEvent
from remit.core.ids import derived_id
from remit.core.types import Json
from remit.store.reader import OF_PRODUCTION
from remit.store.transaction import Transaction

CLASSIFIED, LABELLED, REPLAYED = "anomaly.classified", "anomaly.labelled", "anomaly.replayed"

HELD_CLASSIFIED = "approval.classified"
"""Kind of the event that says where a held call came from."""

DDL = """
CREATE TABLE IF NOT EXISTS classified (
  seq INTEGER PRIMARY KEY, anomaly TEXT NOT NULL UNIQUE,
  tenant TEXT NOT NULL, agent TEXT NOT NULL, session TEXT NOT NULL,
  class TEXT NOT NULL, confidence REAL NOT NULL, deliver_to TEXT NOT NULL,
  origin TEXT NOT NULL, change TEXT NOT NULL, version TEXT NOT NULL,
  at REAL NOT NULL, times INTEGER NOT NULL, event_id TEXT NOT NULL,
  label TEXT, labelled_by TEXT, labelled_at REAL, due TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS classified_due ON classified (seq) WHERE due IS NOT NULL;
CREATE INDEX IF NOT EXISTS classified_agent ON classified (tenant, agent, seq);
CREATE INDEX IF NOT EXISTS classified_label ON classified (seq) WHERE label IS NOT NULL;

CREATE TABLE IF NOT EXISTS triage_mark (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
"""

_COLUMNS = (
    "seq, anomaly, tenant, agent, session, class, confidence, deliver_to, origin, change, version, at, times, event_id,"
    " label AS person, coalesce(labelled_by, ''), labelled_at, coalesce(due, '')"
)
_NAMES = (
    *(
        "seq",
        "anomaly",
        "tenant",
        "agent",
        "session",
        "class",
        "confidence",
        "deliver_to",
        "origin",
        "change",
    ),
    *("version", "at", "times", "event_id", "person", "labelled_by", "labelled_at", "due"),
)


@dataclass(frozen=True, slots=True)
class TriageRow:
    """The latest class of one anomaly."""

    seq: int
    """Of the anomaly's event."""
    anomaly: str
    tenant: str
    agent: str
    session: str
    label: Class
    """What the classifier says."""
    confidence: float
    deliver_to: tuple[str, ...]
    origin: str
    change: str
    version: str
    at: float
    """When it was classified last."""
    times: int
    """How often it was."""
    event_id: str
    person: Class | None
    """What a person says; it stands above the classifier's word, and measures it."""
    labelled_by: str
    labelled_at: float | None
    due: str
    """Why it is to be looked at again; empty where it is not."""

    @property
    def stands(self) -> Class:
        """The class that routes: a person's where there is one."""
        return self.person or self.label


def row_of(db: apsw.Connection, seq: int) -> TriageRow | None:
    """The latest class of the anomaly with this sequence; None where it was not classified."""
    found = db.execute(f"SELECT {_COLUMNS} FROM classified WHERE seq = ?", (seq,)).fetchone()  # noqa: S608 - a constant
    return None if found is None else _row(found)


def rows_of(db: apsw.Connection, seqs: Collection[int]) -> dict[int, TriageRow]:
    """As `row_of`, of several."""
    sql = f"SELECT {_COLUMNS} FROM classified WHERE seq IN (SELECT value FROM json_each(?))"  # noqa: S608 - a constant
    return {row[0]: _row(row) for row in db.execute(sql, (msgspec.json.encode(list(seqs)).decode(),))}


def labelled(db: apsw.Connection, tenant: str | None = None, agent: str | None = None) -> Iterator[TriageRow]:
    """The rows that a person labelled, oldest first."""
    where = (
        ["label IS NOT NULL"] + ["tenant = ?"] * (tenant is not None) + ["agent = ?"] * (agent is not None)
    )
    values = [value for value in (tenant, agent) if value is not None]
    sql = f"SELECT {_COLUMNS} FROM classified WHERE {' AND '.join(where)} ORDER BY seq"  # noqa: S608 - constants
    return (_row(row) for row in db.execute(sql, values).fetchall())


def _row(found: Sequence[Any]) -> TriageRow:
    values = dict(zip(_NAMES, found, strict=True))
    values["label"] = Class(values.pop("class"))
    values["deliver_to"] = tuple(msgspec.json.decode(values["deliver_to"]))
    person = values.pop("person")
    return TriageRow(
        **values,
        person=Class(person) if person else None,
    )


def mark(db: apsw.Connection, name: str) -> int:
    """How far a reader of the journal has come; 0 where it never began."""
    found = db.execute("SELECT value FROM triage_mark WHERE name = ?", (name,)).get
    return 0 if found is None else int(found)


def set_mark(tx: Transaction, name: str, value: int) -> None:
    """It has come so far; a lower mark than the one that is known changes nothing."""
    tx.connection.execute(
        "INSERT INTO triage_mark VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)",
        (name, value),
    )


def due(db: apsw.Connection, limit: int, since: int = 0) -> list[int]:
    """Sequences of anomalies that are to be looked at again, from a sequence on, in order."""
    sql = "SELECT seq FROM classified WHERE due IS NOT NULL AND seq >= ? ORDER BY seq LIMIT ?"
    return [int(row[0]) for row in db.execute(sql, (since, limit))]


def latest_due(db: apsw.Connection, count: int) -> int:
    """From which sequence on so many anomalies are to be looked at again; the first one where there are fewer."""
    sql = "SELECT min(seq) FROM (SELECT seq FROM classified WHERE due IS NOT NULL ORDER BY seq DESC LIMIT ?)"
    return int(db.execute(sql, (count,)).get or 0)


def backlog(db: apsw.Connection) -> tuple[int, float | None]:
    """How many anomalies nobody has looked at, and when the oldest of them was captured."""
    after = mark(db, "anomalies")
    sql = (
        "SELECT count(*), min(anomaly.seq) FROM anomaly JOIN event ON event.seq = anomaly.seq"  # noqa: S608 - constants
        f" WHERE anomaly.seq > ? AND {OF_PRODUCTION}"
        " AND NOT EXISTS (SELECT 1 FROM classified WHERE classified.seq = anomaly.seq)"
    )
    count, oldest = db.execute(sql, (after,)).fetchall()[0]
    at: Any = db.execute("SELECT at FROM event WHERE seq = ?", (oldest,)).get
    return int(str(count)), at


_WRITE = (
    "INSERT INTO classified (seq, anomaly, tenant, agent, session, class, confidence, deliver_to, origin, change,"
    " version, at, times, event_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (seq) DO UPDATE SET class = excluded.class, confidence = excluded.confidence,"
    " deliver_to = excluded.deliver_to, origin = excluded.origin, change = excluded.change,"
    " version = excluded.version, at = excluded.at, times = excluded.times, event_id = excluded.event_id, due = NULL"
)


def record(tx: Transaction, done: Sequence[Done]) -> list[Done]:
    """Write classifications, and return those that were written.

    Args:
        done: what was classified. Of an anomaly that somebody else classified since, nothing is written.
    """
    times = _times_of(tx.connection, [one.pending.stored.seq for one in done])
    written, rows = list[Done](), list[tuple[Any, ...]]()
    for one in done:
        stored, before = one.pending.stored, one.pending.times
        if times.get(stored.seq, 0) != before:
            continue
        times[stored.seq] = before + 1
        told: dict[str, Json] = {"seq": stored.seq, "times": before + 1, "why": one.pending.why}
        event = _about(stored, CLASSIFIED, {**classification_body(one.found), **told}, before + 1)
        tx.append(event)
        rows.append(_values(stored, one.found, tx.now, event.id, before + 1))
        written.append(one)
    tx.connection.executemany(_WRITE, rows)
    return written


def _values(
    stored: StoredEvent, found: Classification, now: float, event_id: str, times: int
) -> tuple[Any, ...]:
    event = stored.event
    return (
        *(
            stored.seq,
            event.id,
            event.tenant,
            event.agent,
            event.session,
            found.label.value,
            found.confidence,
        ),
        *(msgspec.json.encode(found.deliver_to).decode(), found.origin, found.change, found.version),
        *(now, times, event_id),
    )


def _times_of(db: apsw.Connection, seqs: Collection[int]) -> dict[int, int]:
    """How often each of these anomalies was classified; those that never were are left out."""
    sql = "SELECT seq, times FROM classified WHERE seq IN (SELECT value FROM json_each(?))"
    found: Any = db.execute(sql, (msgspec.json.encode(list(seqs)).decode(),))
    return dict(found)


def record_held(tx: Transaction, asked: StoredEvent, found: Classification) -> None:
    """Write where a held call came from, beside the question; once."""
    body: dict[str, Json] = {
        **classification_body(found),
        "approval": str(asked.event.body.get("approval", "")),
    }
    tx.append(_about(asked, HELD_CLASSIFIED, body, 1))


def unchanged(tx: Transaction, seq: int, times: int) -> None:
    """It was looked at again, and nothing is other than before."""
    tx.connection.execute("UPDATE classified SET due = NULL WHERE seq = ? AND times = ?", (seq, times))


def label(tx: Transaction, stored: StoredEvent, given: Class, by: str, note: str, number: int) -> None:
    """A person says where an anomaly came from.

    Args:
        number: how many labels it had; the event's id derives from it, so that one said twice counts once.
    """
    body: dict[str, Json] = {
        "anomaly_id": stored.event.id,
        "seq": stored.seq,
        "class": given.value,
        "by": by,
        "note": note,
    }
    tx.append(_about(stored, LABELLED, body, number))
    tx.connection.execute(
        "UPDATE classified SET label = ?, labelled_by = ?, labelled_at = ?, due = coalesce(due, 'label') WHERE seq = ?",
        (given.value, by, tx.now, stored.seq),
    )


def replayed(tx: Transaction, stored: StoredEvent, found: Mapping[str, Json], number: int) -> None:
    """An agent was asked again for the call of an anomaly, which is due to be classified with what came of it.

    Args:
        found: as `core.classify.counterfactual` writes it.
        number: from 1; the event's id derives from it, so that one written twice counts once.
    """
    body: dict[str, Json] = {**found, "anomaly_id": stored.event.id, "seq": stored.seq}
    tx.append(_about(stored, REPLAYED, body, number))
    tx.connection.execute("UPDATE classified SET due = coalesce(due, 'replay') WHERE seq = ?", (stored.seq,))


def look_again(
    tx: Transaction, tenant: str, agent: str, since: float, why: str, *, clause: str = "", most: int = 20_000
) -> int:
    """Have the latest anomalies of an agent classified again.

    Args:
        agent: whose; empty for every agent of the tenant.
        since: captured at or after this instant.
        why: kept with the classification that comes of it.
        clause: only of this clause.
        most: at most so many, the latest ones.

    Returns:
        How many.
    """
    where = "c.tenant = ? AND (? = '' OR c.agent = ?) AND e.at >= ?"
    values: list[Any] = [tenant, agent, agent, since]
    if clause:
        where += " AND EXISTS (SELECT 1 FROM json_each(a.clauses) WHERE value = ?)"
        values.append(clause)
    sql = (
        "UPDATE classified SET due = ? WHERE seq IN (SELECT c.seq FROM classified c JOIN event e ON e.seq = c.seq"  # noqa: S608 - constants
        f" JOIN anomaly a ON a.seq = c.seq WHERE {where} ORDER BY c.seq DESC LIMIT ?)"
    )
    tx.connection.execute(sql, (why, *values, most))
    return int(tx.connection.changes())


def _about(stored: StoredEvent, kind: str, body: dict[str, Json], number: int) -> Event:
    """An event beside an anomaly: of the same subject, and readable for as long."""
    event = stored.event
    return Event(
        id=derived_id(event.id, kind, number),
        session=event.session,
        kind=kind,
        agent=event.agent,
        envelope=event.envelope,
        body=body,
        tenant=event.tenant,
        subject=event.subject,
        retain_s=event.retain_s,
    )
