"""Incidents as rows: an index of the journal, in the transaction that writes the event.

The theory. Each change of an incident is one event, whose body has the incident as it is from then on, the members that
came or changed, and who did it. The tables hold the same and nothing else, so that they can be made again from the
journal (`rebuild`). All is decided under the write lock from these tables, and every id is derived from what it is of:
two workers that see the same anomalies, or one whose commit was ambiguous, open an incident once and count a member
once.

Sums grow with every member; the page of an incident is read from events. No column holds personal data: no
argument, no quotation, no note. The owners are people of ours.

    with Incidents(tx) as desk:            # folds a batch, writes each incident once at the end
        desk.absorb(case, classification)
    for change in desk.changes: …          # before, after, and whom to tell
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import TYPE_CHECKING, Any

import msgspec

from remit.core import incident_acts as acts
from remit.core import incident_moves as moves
from remit.core.classify.case import HELD, Case
from remit.core.classify.classification import Class, Classification, Evidence, Team
from remit.core.classify.told import evidence_body
from remit.core.errors import BadInput
from remit.core.event import Event
from remit.core.incident import MOST_MILESTONES, QUIET_S, Incident, Member, key_of, member_of
from remit.core.incident_signals import Signal
from remit.core.incident_told import Told, told
from remit.core.types import Json
from remit.store import incident_rows as rows
from remit.store.transaction import Transaction

if TYPE_CHECKING:
    from remit.store.sqlite import SqliteStore

OPENED, CHANGED, CLOSED = "incident.opened", "incident.changed", "incident.closed"
HANDED, ACKNOWLEDGED = "incident.handed", "incident.acknowledged"
KINDS = (OPENED, CHANGED, CLOSED, HANDED, ACKNOWLEDGED)

_MOST_SESSIONS = 500
_FIRST_MILESTONES = 20


@dataclass(frozen=True, slots=True)
class IncidentChange:
    """What became of one incident in one transaction."""

    before: Incident | None
    after: Incident
    told: tuple[Told, ...]
    event_id: str
    members: tuple[Member, ...] = ()
    """Those that came in or are classified anew."""
    evidence: tuple[Evidence, ...] = ()
    """What trips and drift alarms say that came in."""


@dataclass(slots=True)
class _Open:
    """An incident that this transaction works on."""

    before: Incident | None
    now: Incident
    members: dict[str, Member] = field(default_factory=dict)
    moved: list[str] = field(default_factory=list)
    """Incidents whose members came with a merge."""
    evidence: list[Evidence] = field(default_factory=list)
    did: str = ""
    by: str = ""
    note: str = ""


class Incidents:
    """Folds what happened into incidents and writes each one once, when the block ends without an error.

    Raises:
        BadInput: on use: there is no such incident, or it does not permit what a person wants.
    """

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._db = tx.connection
        self._work: dict[str, _Open] = {}
        self._points: dict[str, str] = {}
        self.changes: list[IncidentChange] = []
        """Once the block has ended: one for each incident that changed."""

    def __enter__(self) -> Incidents:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        if kind is None:
            self.write()

    # What happened
    def absorb(
        self, case: Case, classification: Classification, *, by_person: bool = False
    ) -> Incident | None:
        """Put one anomaly into its incident, or classify it anew there; the incident as it stands then.

        None for a held call, which is no anomaly, unless content explains it: then somebody attacks, and a person is
        about to answer. Twice is once.
        """
        if case.kind == HELD and classification.label not in (Class.SECURITY, Class.BOTH):
            return None
        key = key_of(case, classification)
        was, home = rows.member(self._db, case.anomaly)
        work = self._load(home) if home else self._by_key(key)
        if work is None and classification.change:  # the same, before anybody knew of the change
            unexplained = self._by_key(key_of(case, replace(classification, change="")))
            work = unexplained if unexplained is not None and unexplained.now.open else None
        fresh = bool(case.session) and (
            work is None or not rows.has_session(self._db, work.now.id, case.session)
        )
        found = moves.absorb(
            work.now if work else None,
            case,
            classification,
            self._tx.now,
            was=was,
            fresh_session=fresh,
            by_person=by_person,
        )
        if work is not None and found is work.now:
            return found
        if (
            work is None or found.id != work.now.id
        ):  # another one begins, with whoever has the session still outside
            found = replace(found, sessions=int(bool(case.session)))
            work = self._begun(found)
        work.now = found
        member = member_of(case, classification, was, by_person=by_person)
        self._join(work, member)
        return self._united(work, member) if was is not None else found

    def receive(self, signal: Signal, sessions: Sequence[str] = ()) -> Incident:
        """Put a trip or a drift alarm into the incident that it is about, or open one.

        Args:
            signal: what happened.
            sessions: whose violations led to it; an open incident of the agent with most of them has it.
        """
        was, home = rows.member(self._db, signal.id)
        if was is not None:
            return self._load(home).now
        work = self._of_sessions(signal.tenant, signal.agent, sessions) or self._near(signal)
        found = moves.receive(work.now if work else None, signal, self._tx.now)
        if work is None or found.id != work.now.id:
            work = self._begun(found)
        work.now = found
        work.evidence += [signal.evidence] if signal.evidence is not None else []
        self._join(work, signal.member)
        return found

    def end_quiet(self) -> None:
        """Close what has been quiet for long."""
        sql = "SELECT id FROM incident WHERE open AND active_at <= ? ORDER BY id"
        for (name,) in self._db.execute(sql, (self._tx.now - QUIET_S,)).fetchall():
            work = self._load(str(name))
            work.now = moves.ended(work.now, self._tx.now)

    # What people do
    def acknowledge(self, name: str, team: Team, by: str, note: str = "") -> None:
        """Somebody of the team has taken it."""
        self._act(name, ACKNOWLEDGED, by, note, lambda one: acts.acknowledged(one, team, by, self._tx.now))

    def assign(self, name: str, team: Team, to: str, by: str, note: str = "") -> None:
        """The team's part is for somebody."""
        self._act(name, CHANGED, by, note, lambda one: acts.assigned(one, team, to, self._tx.now))

    def hand(self, name: str, team: Team, to: Team, by: str, note: str = "") -> None:
        """One team gives it to the other."""
        self._act(name, HANDED, by, note, lambda one: acts.handed(one, team, to, self._tx.now))

    def resolve(self, name: str, team: Team | None, by: str, note: str = "") -> None:
        """A team's part has ended, or all parts."""
        self._act(name, CHANGED, by, note, lambda one: acts.resolved(one, team, self._tx.now))

    def reopen(self, name: str, by: str, note: str = "") -> None:
        """It is not over after all."""
        self._act(name, CHANGED, by, note, lambda one: acts.reopened(one, self._tx.now))

    def note(self, name: str, by: str, note: str) -> None:
        """Somebody wrote something down."""
        if not note.strip():
            raise BadInput("note", "it is empty", "say what you found")
        self._act(name, CHANGED, by, note, lambda one: acts.noted(one, self._tx.now))

    # Inside
    def write(self) -> None:
        """Write what changed: an event, the row and its keys for each incident."""
        for work in self._work.values():
            if work.now == work.before and not (work.did or work.members):
                continue
            told_now = told(work.before, work.now)
            after = _numbered(work, bool(told_now))
            members = tuple(work.members.values())
            keys = sorted(key for key, name in self._points.items() if name == after.id)
            event = _event(work, after, told_now, members, keys)
            self._tx.append(event)
            rows.save(self._db, after)
            self.changes.append(
                IncidentChange(work.before, after, told_now, event.id, members, tuple(work.evidence))
            )
        self._work.clear()
        self._points.clear()

    def _act(self, name: str, did: str, by: str, note: str, rule: Callable[[Incident], Incident]) -> None:
        work = self._load(name)
        work.now = rule(work.now)
        work.did, work.by, work.note = did, by, note

    def _load(self, name: str) -> _Open:
        if name not in self._work:
            found = rows.read(self._db, name)
            if found is None:
                raise BadInput(
                    "incident", f"there is none with id {name[:80]!r}", "see `remit incidents ls --all`"
                )
            self._work[name] = _Open(found, found)
        return self._work[name]

    def _begun(self, incident: Incident) -> _Open:
        self._work[incident.id] = work = _Open(None, incident)
        for key in incident.keys:  # those of a former one, too
            self._point(key, incident.id)
        return work

    def _by_key(self, key: str) -> _Open | None:
        found = rows.of_key(self._db, key)
        return None if found is None else self._load(found)

    def _join(self, work: _Open, member: Member) -> None:
        work.members[member.anomaly] = member
        rows.put(self._db, work.now.id, member)
        if rows.of_key(self._db, member.key) is None:
            self._point(member.key, work.now.id)

    def _united(self, work: _Open, member: Member) -> Incident:
        """With the incident that has the member's new key already, if there is one: the older of both stays."""
        other = self._by_key(member.key)
        if other is None or other is work:
            return work.now
        if not (other.now.open and work.now.open):
            if work.now.open:
                self._point(member.key, work.now.id)
            return work.now
        older, younger = sorted((work, other), key=lambda one: (one.now.opened_at, one.now.id))
        sessions = rows.move_members(self._db, younger.now.id, older.now.id)
        older.now, younger.now = moves.merged(older.now, younger.now, sessions, self._tx.now)
        older.moved.append(younger.now.id)
        older.evidence += younger.evidence
        younger.evidence.clear()
        older.members |= younger.members
        younger.members.clear()
        for key in older.now.keys:
            self._point(key, older.now.id)
        return older.now

    def _of_sessions(self, tenant: str, agent: str, sessions: Sequence[str]) -> _Open | None:
        some = tuple(sessions[-_MOST_SESSIONS:])
        sql = (
            f"SELECT incident FROM incident_member WHERE session IN ({','.join('?' * len(some))})"  # noqa: S608 - question marks
            " GROUP BY incident ORDER BY count(*) DESC, incident"
        )
        found = (self._load(str(row[0])) for row in self._db.execute(sql, some).fetchall())
        fits = (one for one in found if one.now.open and (one.now.tenant, one.now.agent) == (tenant, agent))
        return next(fits, None)

    def _near(self, signal: Signal) -> _Open | None:
        found = (self._by_key(key) for key in signal.near)
        return next((one for one in found if one is not None and one.now.open), None) or self._by_key(
            signal.key
        )

    def _point(self, key: str, name: str) -> None:
        self._points[key] = name
        rows.point(self._db, key, name)


def _numbered(work: _Open, told_any: bool) -> Incident:
    """With its next revision, which is a milestone where anybody did or heard anything."""
    revision, known = work.now.revision + 1, work.now.milestones
    if told_any or work.did or work.moved or work.evidence:
        known = (*known, revision)
    if len(known) > MOST_MILESTONES:
        known = (*known[:_FIRST_MILESTONES], *known[-(MOST_MILESTONES - _FIRST_MILESTONES) :])
    return replace(work.now, revision=revision, milestones=known)


# ------------------------------------------------------------------------------------------------ events
def _event(
    work: _Open, after: Incident, told_now: Sequence[Told], joined: Sequence[Member], keys: Sequence[str]
) -> Event:
    before = work.before
    kind = work.did or CHANGED
    if before is None:
        kind = OPENED
    elif before.open and not after.open:
        kind = CLOSED
    body: dict[str, Json] = {
        "incident": after.id,
        "revision": after.revision,
        "state": msgspec.to_builtins(after),
        "members": msgspec.to_builtins(joined),
        "keys": keys,
        "merged": work.moved,
        "by": work.by,
        "note": work.note,
        "told": msgspec.to_builtins(told_now),
        "evidence": [evidence_body(one) for one in work.evidence],
    }
    if before is not None:
        body["class_before"] = before.label.value
    return Event(rows.event_id(after.id, after.revision), "", kind, after.agent, "", body, after.tenant)


def rebuild(tx: Transaction, events: Iterable[Mapping[str, Any]]) -> None:
    """Make the tables anew from the bodies of all events of `KINDS`, oldest first."""
    db = tx.connection
    db.execute("DELETE FROM incident; DELETE FROM incident_key; DELETE FROM incident_member")
    for body in events:
        after = msgspec.convert(body["state"], Incident)
        rows.save(db, after)
        for other in body["merged"]:
            rows.move_members(db, other, after.id)
        for member in body["members"]:
            rows.put(db, after.id, msgspec.convert(member, Member))
        for key in body["keys"]:
            rows.point(db, key, after.id)


def history(store: SqliteStore, incident: Incident) -> Iterator[tuple[float, str, Mapping[str, Any]]]:
    """The milestones of an incident, oldest first: when, which kind, and the body of its event."""
    for revision in incident.milestones:
        found = store.event(rows.event_id(incident.id, revision))
        if found is not None:
            yield found.at, found.event.kind, found.event.body
