"""Messages about incidents that wait for their routes: written in the transaction that makes them true, never lost.

The theory. There is one row for each alert and route that it is for, added by the transaction that changes the
incident. The rows of one team, incident and route are a *topic*: whoever is not at its head waits, so no receiver
hears of an end before the beginning.

    waiting ──► claimed ──► done, or active where the route tells again what goes on
       ▲           │ failed, or the lease ran out
       └───────────┘ later and later; refused for good, or too old: refused, dead, kept and shown
    waiting ──► superseded by a newer update, or merged into a digest

A row that waits holds the alert sealed, under the data key of whose data it is; beside it its *outline* in the
clear, which is what the journal's index columns show too. What was erased meanwhile is told by that. Where a receiver is
away for long, `MOST_SEALED` messages wait whole and all further ones as outlines, so that no incident is forgotten
and the store does not fill.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import apsw
import msgspec

from remit.core.alert import Action, Alert, Urgency
from remit.core.delivery import bare
from remit.core.digest import ended
from remit.core.routes import RouteSettings
from remit.core.withheld import withheld
from remit.store import route_state
from remit.store.transaction import Transaction

DDL = f"""
CREATE TABLE IF NOT EXISTS delivery (
  seq INTEGER PRIMARY KEY,
  alert TEXT NOT NULL, route TEXT NOT NULL, topic TEXT NOT NULL, action TEXT NOT NULL, urgency TEXT NOT NULL,
  state TEXT NOT NULL, created_at REAL NOT NULL, expires_at REAL NOT NULL, due_at REAL NOT NULL,
  attempts INTEGER NOT NULL, last_error TEXT NOT NULL, told_at REAL, merged INTEGER NOT NULL,
  into_seq INTEGER, members INTEGER, tenant TEXT NOT NULL, outline BLOB NOT NULL, key_id BLOB, sealed BLOB,
  UNIQUE (alert, route)
) STRICT;
CREATE INDEX delivery_waiting ON delivery (route, urgency, due_at, seq) WHERE state IN ('waiting', 'claimed');
CREATE INDEX delivery_ends ON delivery (route, due_at, seq)
  WHERE state = 'waiting' AND action IN ('resolve', 'acknowledge');
CREATE INDEX delivery_claimed ON delivery (route, due_at, seq) WHERE state = 'claimed';
CREATE INDEX delivery_old ON delivery (route, expires_at) WHERE state IN ('waiting', 'claimed');
CREATE INDEX delivery_topic ON delivery (route, topic, seq) WHERE state IN ('waiting', 'claimed');
CREATE INDEX delivery_told ON delivery (route, topic, seq) WHERE told_at IS NOT NULL;
CREATE INDEX delivery_active ON delivery (route, due_at) WHERE state = 'active';
CREATE INDEX delivery_merged ON delivery (route, topic) WHERE state = 'merged';
CREATE INDEX delivery_kept ON delivery (route, topic) WHERE state IN ('refused', 'dead');
CREATE INDEX delivery_sealed ON delivery (route) WHERE state = 'waiting' AND sealed IS NOT NULL;
{route_state.DDL}"""

DEAD_AFTER_S = 30 * 24 * 3600.0
"""How long a message waits for its receiver."""
KEPT_S = 100 * 24 * 3600.0
"""How long ended rows stay: they are what makes a second telling of the same thing impossible."""
MOST_SEALED = 1000
"""Messages of one route that wait with all that they say."""

OPEN = "state IN ('waiting', 'claimed')"
_FIELDS = (
    "alert, route, topic, action, urgency, state, created_at, expires_at, due_at, attempts, last_error, told_at, merged,"
    " into_seq, members, tenant, outline, key_id, sealed"
)
_INSERT = f"INSERT INTO delivery ({_FIELDS}) VALUES ({', '.join('?' * 19)})"  # noqa: S608 - constants


def enqueue(
    tx: Transaction,
    alert: Alert,
    routes: Sequence[RouteSettings],
    *,
    subject: str = "",
    retain_s: float | None = None,
) -> int:
    """Let *alert* wait on every route that it is for, inside the transaction that makes it true.

    A team for which there is no route is told by all of them. The end of an incident goes where its beginning went.

    Args:
        tx: the transaction.
        alert: what to tell; the same id again adds nothing.
        routes: all that there are.
        subject: whose data it holds, so that erasing them erases it.
        retain_s: how long that may be kept.

    Returns:
        On how many routes it waits.
    """
    own = [route for route in routes if alert.team in route.teams]
    return sum(_wait(tx, alert, route, subject, retain_s) for route in own or routes)


def encode(alert: Alert) -> bytes:
    """An alert as bytes."""
    return msgspec.json.encode(alert, order="deterministic")


def decode(encoded: bytes) -> Alert:
    """What `encode` wrote."""
    return msgspec.json.decode(encoded, type=Alert)


def bound_to(route: str, alert_id: str) -> bytes:
    """What a sealed alert is tied to."""
    return f"delivery/{route}/{alert_id}".encode()


def known(db: apsw.Connection, route: str, topic: str) -> bool:
    """Whether the receiver has heard of the incident by itself, and not of its end."""
    sql = "SELECT action FROM delivery WHERE route = ? AND topic = ? AND told_at IS NOT NULL ORDER BY seq DESC LIMIT 1"
    return db.execute(sql, (route, topic)).get not in (None, Action.RESOLVE)


@dataclass(frozen=True, slots=True)
class _Topic:
    """What a route has about one incident."""

    route: str
    name: str
    known: bool
    unsent: bool
    """Something waits, or was given up."""
    waiting_update: tuple[int, int] | None
    """Row and merged count of an update that waits as the last of the topic."""


def _wait(tx: Transaction, alert: Alert, route: RouteSettings, subject: str, retain_s: float | None) -> bool:
    db = tx.connection
    if db.execute("SELECT 1 FROM delivery WHERE alert = ? AND route = ?", (alert.id, route.name)).get:
        return False
    topic = _topic(db, route.name, f"{alert.team}/{alert.incident}")
    goes_on = topic.known or topic.unsent
    if alert.action is Action.RESOLVE and _end_in_digests(tx, topic) and not goes_on:
        add(tx, alert, route.name, state="done")
        return False
    begins = alert.action in (Action.TRIGGER, Action.UPDATE) and route.urgent_enough(alert)
    if not (goes_on or begins):
        return False
    merged = 0
    if alert.action is Action.UPDATE and topic.waiting_update is not None:
        merged = _supersede(db, *topic.waiting_update)
    wakes = alert.urgency is Urgency.PAGE and (alert.action is Action.TRIGGER or not goes_on)
    if wakes:  # whoever is woken reads the beginning first, and it must not wait for the morning
        sql = f"UPDATE delivery SET urgency = 'page' WHERE route = ? AND topic = ? AND {OPEN}"  # noqa: S608 - a constant
        db.execute(sql, (topic.route, topic.name))
    told = alert if route.content else withheld(alert)
    bucket = Urgency.PAGE if wakes else Urgency.QUEUE
    add(tx, told, route.name, bucket, merged=merged, subject=subject, retain_s=retain_s)
    return True


def add(
    tx: Transaction,
    alert: Alert,
    route: str,
    bucket: Urgency = Urgency.QUEUE,
    *,
    state: str = "waiting",
    merged: int = 0,
    members: int | None = None,
    subject: str = "",
    retain_s: float | None = None,
) -> int:
    """Add one row and return its number.

    Args:
        tx: the transaction.
        alert: what it tells.
        route: by which route.
        bucket: whose tokens it takes: PAGE for what wakes somebody.
        state: `waiting`, or `done` where only the row is needed.
        merged: how many earlier updates it replaces.
        members: of a digest, how many of its incidents go on; None of all others.
        subject: whose data it holds.
        retain_s: how long that may be kept.
    """
    db, now = tx.connection, tx.now
    key_id: bytes | None = None
    sealed: bytes | None = None
    if state == "waiting" and not _full(db, route):
        key_id, sealed = tx.seal(encode(alert), bound_to(route, alert.id), alert.tenant, subject, retain_s)
    topic = f"{alert.team}/{alert.incident}"
    db.execute(
        _INSERT,
        (
            *(
                alert.id,
                route,
                topic,
                alert.action.value,
                bucket.value,
                state,
                now,
                now + DEAD_AFTER_S,
                now,
            ),
            *(0, "", None, merged, None, members, alert.tenant, encode(bare(alert)), key_id, sealed),
        ),
    )
    return db.last_insert_rowid()


def _topic(db: apsw.Connection, route: str, name: str) -> _Topic:
    of = (route, name)
    last = db.execute(
        f"SELECT seq, merged, action, state FROM delivery WHERE route = ? AND topic = ? AND {OPEN}"  # noqa: S608 - a constant
        " ORDER BY seq DESC LIMIT 1",
        of,
    ).fetchone()
    kept = db.execute(
        "SELECT 1 FROM delivery WHERE route = ? AND topic = ? AND state IN ('refused', 'dead') LIMIT 1", of
    ).get
    newest = (last[0], last[1]) if last is not None and last[2:] == (Action.UPDATE, "waiting") else None
    return _Topic(route, name, known(db, route, name), last is not None or bool(kept), newest)


def _supersede(db: apsw.Connection, row: int, merged: int) -> int:
    db.execute("UPDATE delivery SET state = 'superseded', sealed = NULL WHERE seq = ?", (row,))
    return merged + 1


def _end_in_digests(tx: Transaction, topic: _Topic) -> bool:
    """Count the incident as ended in the digests that told of it, and end those that tell of none that goes on."""
    db, of = tx.connection, (topic.route, topic.name)
    sql = "SELECT DISTINCT into_seq FROM delivery WHERE route = ? AND topic = ? AND state = 'merged'"
    digests: list[tuple[int]] = db.execute(sql, of).fetchall()  # type: ignore[assignment]
    db.execute("UPDATE delivery SET state = 'done' WHERE route = ? AND topic = ? AND state = 'merged'", of)
    for (digest,) in digests:
        db.execute("UPDATE delivery SET members = members - 1 WHERE seq = ?", (digest,))
        end_digest(tx, topic.route, digest)
    return bool(digests)


def end_digest(tx: Transaction, route: str, row: int) -> None:
    """Tell that all is over of which a digest told, once it is."""
    found = tx.connection.execute("SELECT outline, members FROM delivery WHERE seq = ?", (row,)).fetchone()
    if found is not None and found[1] == 0:
        add(tx, ended(decode(found[0]), tx.now), route)


def _full(db: apsw.Connection, route: str) -> bool:
    sql = (
        "SELECT count(*) FROM (SELECT 1 FROM delivery INDEXED BY delivery_sealed"
        " WHERE route = ? AND state = 'waiting' AND sealed IS NOT NULL LIMIT ?)"
    )
    return bool(db.execute(sql, (route, MOST_SEALED)).get >= MOST_SEALED)
