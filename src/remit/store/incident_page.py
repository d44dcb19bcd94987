"""Reads what the page of an incident is made from. Whoever shows it records first that it was read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import apsw

from remit.core.classify.change_told import described
from remit.core.classify.classification import Classification, Evidence, Team
from remit.core.classify.told import classification_from, evidence_from
from remit.core.errors import BadInput
from remit.core.incident import Incident, Member
from remit.core.incident_page import Explained, Page, WrittenMilestone
from remit.core.incident_parts import owned
from remit.core.next_steps import Basis, named_change
from remit.store import incident_rows
from remit.store.incident_messages import mode_of
from remit.store.incidents import history as history_of
from remit.store.sqlite import SqliteStore

MOST_MEMBERS = 20
"""The first and the latest so many together."""
MOST_EXPLAINED = 3
LOOKED_AT = 50_000
"""Latest events among which others that read the same text are looked for."""
_LEAST_TEXT = 20
"""Characters of a text that is looked for elsewhere; shorter ones are everywhere."""


def page(store: SqliteStore, name: str, owners: Mapping[Team, str] | None = None) -> Page:
    """What the page of one incident is made from.

    Args:
        store: that has it.
        name: its id.
        owners: who of a team has its incidents at first, as the routes say.

    Raises:
        BadInput: there is no such incident.
    """
    incident = store.read(lambda db: incident_rows.read(db, name))
    if incident is None:
        raise BadInput("incident", f"there is none with id {name[:80]!r}", "see `remit incidents ls --all`")
    incident = owned(incident, owners or {})
    some, best = store.read(lambda db: (_some(db, incident), _best(db, incident)))
    explained = tuple(one for member in best if (one := _explained(store, member)) is not None)
    first = explained[0] if explained else None
    history = tuple(WrittenMilestone(*one) for one in history_of(store, incident))
    signals = tuple(evidence_from(e) for one in history for e in one.body["evidence"])
    evidence = (*(first.found.evidence if first else ()), *signals)
    change = named_change(evidence, incident.change, incident.agent) if incident.change else None
    now = store.wall_clock()
    basis = Basis(
        incident,
        first.member.anomaly if first else "",
        first.found if first else None,
        signals,
        change,
        store.read(lambda db: mode_of(db, incident, now)),
        store.read(lambda db: incident_rows.people_touched(db, incident.id)) if incident.ran else None,
        _readers(store, incident, first),
    )
    return Page(incident, basis, some, explained, history, described(change) if change else "")


def _some(connection: apsw.Connection, incident: Incident) -> tuple[Member, ...]:
    half = MOST_MEMBERS // 2
    first = incident_rows.members(connection, incident.id, limit=half)
    last = incident_rows.members(connection, incident.id, limit=half, latest=True)
    return tuple({one.anomaly: one for one in (*first, *last)}.values())


def _best(connection: apsw.Connection, incident: Incident) -> Sequence[Member]:
    """The anomalies that say most: one that ran, of the incident's class, the surest, the first."""
    return incident_rows.members(connection, incident.id, limit=MOST_EXPLAINED, telling=incident.label)


def _explained(store: SqliteStore, member: Member) -> Explained | None:
    """With its latest classification; None where that was erased."""
    sql = "SELECT event_id FROM classified WHERE anomaly = ?"
    event_id = store.read(lambda db: db.execute(sql, (member.anomaly,)).get)
    found = None if event_id is None else store.event(str(event_id))
    if found is None or found.erased:
        return None
    return Explained(member, classification_from(found.event.body))


def _readers(store: SqliteStore, incident: Incident, first: Explained | None) -> tuple[str, ...]:
    """Sessions of the agent beyond the incident that read the quoted text, byte for byte, among the latest events."""
    text = "" if first is None else _quoted_text(store, incident, first.member.session, first.found)
    if len(text) < _LEAST_TEXT or first is None:
        return ()

    def read(db: apsw.Connection) -> set[str]:
        address_of, addresses = store.addressing(db), dict[bytes, bytes | None]()
        rows = db.execute(
            "SELECT session, key_id, blobs FROM event WHERE seq > (SELECT max(seq) FROM event) - ?"
            " AND kind IN ('observed', 'settled') AND tenant = ? AND agent = ?"
            " AND session NOT IN (SELECT session FROM incident_member WHERE incident = ?)",
            (LOOKED_AT, incident.tenant, incident.agent, incident.id),
        )
        found = set()
        for session, key_id, blobs in rows:
            if key_id not in addresses:
                addresses[key_id] = address_of(key_id, text)
            if addresses[key_id] in _addresses(blobs):
                found.add(str(session))
        return found

    return tuple(sorted(store.read(read)))


def _addresses(blobs: bytes) -> list[bytes]:
    return [blobs[start : start + 32] for start in range(0, len(blobs), 64)]


def _quoted_text(store: SqliteStore, incident: Incident, session: str, found: Classification) -> str:
    """The whole text that the strongest quotation is from; empty where there is none, or it was erased."""
    quoted = next((e for e in found.evidence if _from_outside(e)), None)
    if quoted is None:
        return ""
    for stored in store.events(session, {"observed", "settled"}, tenant=incident.tenant):
        body = stored.event.body
        segment = body if stored.event.kind == "observed" else body.get("segment") or {}
        if not stored.erased and segment.get("index") == quoted.facts["segment"]:
            return stored.event.blobs.get("text", "")
    return ""


def _from_outside(evidence: Evidence) -> bool:
    facts = evidence.facts
    return (
        evidence.kind.startswith("content.") and facts.get("integrity") == "untrusted" and "segment" in facts
    )
