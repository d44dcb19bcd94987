"""The rows of incidents: what each is now, its keys and its members. `incidents` writes them, in step with the journal.

No column holds personal data: no argument, no quotation, no note. The owners are people of ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import apsw
import msgspec

from remit.core.classify.classification import Class
from remit.core.ids import derived_id
from remit.core.incident import BREAKER, DRIFT, QUIET_S, Incident, Member

DDL = """
CREATE TABLE IF NOT EXISTS incident (
  id TEXT PRIMARY KEY, tenant TEXT NOT NULL, agent TEXT NOT NULL, open INTEGER NOT NULL,
  opened_at REAL NOT NULL, active_at REAL NOT NULL, urgency TEXT NOT NULL, label TEXT NOT NULL,
  revision INTEGER NOT NULL, state BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS incident_open ON incident (active_at) WHERE open;
CREATE TABLE IF NOT EXISTS incident_key (key TEXT PRIMARY KEY, incident TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS incident_member (
  anomaly TEXT PRIMARY KEY, incident TEXT NOT NULL, session TEXT NOT NULL, at REAL NOT NULL, kind TEXT NOT NULL,
  label TEXT NOT NULL, milli INTEGER NOT NULL, lead TEXT NOT NULL, origin TEXT NOT NULL, change TEXT NOT NULL,
  by_person INTEGER NOT NULL, key TEXT NOT NULL, ran INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS incident_member_session ON incident_member (session, incident);
CREATE INDEX IF NOT EXISTS incident_member_incident ON incident_member (incident, at);
"""

_MEMBER = "anomaly, session, at, kind, label, milli, lead, origin, change, by_person, key, ran"


def read(connection: apsw.Connection, name: str) -> Incident | None:
    """One incident; None where there is none."""
    row = connection.execute("SELECT state FROM incident WHERE id = ?", (name,)).fetchone()
    return None if row is None else _decode(row[0])


def listed(
    connection: apsw.Connection, *, agent: str | None = None, everything: bool = False, limit: int = 1000
) -> list[Incident]:
    """Incidents, the last to change first; those that are open, unless *everything* is wanted."""
    where = ["1"] if everything else ["open"]
    values: list[Any] = []
    if agent is not None:
        where.append("agent = ?")
        values.append(agent)
    sql = f"SELECT state FROM incident WHERE {' AND '.join(where)} ORDER BY active_at DESC, id LIMIT ?"  # noqa: S608 - constants
    return [_decode(row[0]) for row in connection.execute(sql, (*values, limit))]


def members(
    connection: apsw.Connection,
    name: str,
    *,
    limit: int = 100_000,
    latest: bool = False,
    telling: Class | None = None,
) -> list[Member]:
    """What is in an incident, oldest first.

    Args:
        connection: to read from.
        name: of the incident.
        limit: at most so many.
        latest: the latest ones, where there are more.
        telling: instead, the anomalies that say most about an incident of this class: what ran, is of it, is surest.
    """
    order, values = "at, anomaly", list[Any]()
    where = "incident = ?"
    if telling is not None:
        where += " AND kind NOT IN (?, ?)"
        values = [BREAKER, DRIFT, telling.value]
        order = "ran DESC, label <> ?, by_person DESC, milli DESC, at, anomaly"
    elif latest:
        order = "at DESC, anomaly DESC"
    sql = f"SELECT {_MEMBER} FROM incident_member WHERE {where} ORDER BY {order} LIMIT ?"  # noqa: S608 - constants
    found = [_member(row) for row in connection.execute(sql, (name, *values, limit))]
    return found[::-1] if latest else found


def any_quiet(connection: apsw.Connection, now: float) -> bool:
    """Whether any open incident may have been quiet for long."""
    sql = "SELECT 1 FROM incident WHERE open AND active_at <= ? LIMIT 1"
    return connection.execute(sql, (now - QUIET_S,)).fetchone() is not None


def member(connection: apsw.Connection, anomaly: str) -> tuple[Member | None, str]:
    """How an anomaly, trip or alarm counts, and in which incident; None and nothing where it is in none."""
    sql = f"SELECT incident, {_MEMBER} FROM incident_member WHERE anomaly = ?"  # noqa: S608 - a constant
    row = connection.execute(sql, (anomaly,)).fetchone()
    return (None, "") if row is None else (_member(row[1:]), str(row[0]))


def of_key(connection: apsw.Connection, key: str) -> str | None:
    """Id of the incident that a key leads to."""
    row = connection.execute("SELECT incident FROM incident_key WHERE key = ?", (key,)).fetchone()
    return None if row is None else str(row[0])


def has_session(connection: apsw.Connection, name: str, session: str) -> bool:
    """Whether an incident has a member of a session."""
    sql = "SELECT 1 FROM incident_member WHERE session = ? AND incident = ? LIMIT 1"
    return connection.execute(sql, (session, name)).fetchone() is not None


def move_members(connection: apsw.Connection, name: str, to: str) -> int:
    """Give all members of one incident to another; of how many sessions that one's anomalies are then."""
    connection.execute("UPDATE incident_member SET incident = ? WHERE incident = ?", (to, name))
    sql = "SELECT count(DISTINCT session) FROM incident_member WHERE incident = ? AND session <> ''"
    return int(connection.execute(sql, (to,)).get)


def people_touched(connection: apsw.Connection, name: str, *, most: int = 2_000) -> int:
    """How many different people's data the sessions of an incident hold, as far as sessions named whose they are.

    Counted by the digests under which keys are filed: nobody is named. Slow, and so nothing for a transaction.

    Args:
        connection: to read from.
        name: of the incident.
        most: sessions that are looked at.
    """
    return int(
        connection.execute(
            "SELECT count(DISTINCT k.subject) FROM event e JOIN data_key k ON k.key_id = e.key_id"
            " WHERE e.session IN"
            " (SELECT DISTINCT session FROM incident_member WHERE incident = ?1 AND session <> '' LIMIT ?3)"
            " AND k.subject <> (SELECT n.subject FROM event o JOIN data_key n ON n.key_id = o.key_id WHERE o.id = ?2)",
            (name, event_id(name, 1), most),
        ).get
    )


def event_id(name: str, revision: int) -> str:
    """Id of the event that told of one change of an incident."""
    return derived_id(name, "incident", revision)


def save(connection: apsw.Connection, incident: Incident) -> None:
    """Write the row of an incident as it is."""
    connection.execute(
        "INSERT OR REPLACE INTO incident VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(incident.id, incident.tenant, incident.agent, int(incident.open), incident.opened_at),
            *(incident.active_at, incident.urgency.value, incident.label.value, incident.revision),
            msgspec.json.encode(incident, order="sorted"),
        ),
    )


def put(connection: apsw.Connection, name: str, member: Member) -> None:
    """Write the row of a member as it is."""
    m = member
    connection.execute(
        f"INSERT OR REPLACE INTO incident_member (incident, {_MEMBER}) VALUES ({','.join('?' * 13)})",  # noqa: S608 - constants
        (
            *(name, m.anomaly, m.session, m.at, m.kind, m.label.value, m.milli, m.lead),
            *(m.origin, m.change, int(m.by_person), m.key, int(m.ran)),
        ),
    )


def point(connection: apsw.Connection, key: str, name: str) -> None:
    """Let a key lead to an incident."""
    connection.execute("INSERT OR REPLACE INTO incident_key VALUES (?, ?)", (key, name))


def _member(row: Sequence[Any]) -> Member:
    anomaly, session, at, kind, label, milli, lead, origin, change, by_person, key, ran = row
    known = (Class(label), milli, lead, origin, change, bool(by_person), key, bool(ran))
    return Member(anomaly, session, at, kind, *known)


def _decode(state: bytes) -> Incident:
    return msgspec.json.decode(state, type=Incident)
