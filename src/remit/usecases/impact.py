"""The reach of an incident, read from the journal: what ran before and after, what undoes it, and who met it later.

Two passes. The sessions of the incident are read whole, each by its index. Then the tenant's journal is read once, from
the first call that acted on, for whoever met what those calls wrote (`core.impact_later`). Neither holds more than its
bounds, and what a bound cut off is said.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import msgspec

from remit.core.canonical import digest
from remit.core.envelope import Envelope
from remit.core.errors import BadInput, Unavailable
from remit.core.event import StoredEvent
from remit.core.impact import Deed, Deeds, Undo, undo_of
from remit.core.impact_later import LATER_KINDS, Later
from remit.core.labels import label_of
from remit.core.provenance import SessionText, leaves
from remit.core.reader import read_envelope
from remit.core.types import Confidentiality, Json, Segment, ToolEffect
from remit.usecases.archive import archived
from remit.usecases.cases import SessionSoFar

MOST_SESSIONS: Final = 50
"""Sessions of one incident that are read whole."""
MOST_CALLS: Final = 5_000
"""Calls of one session."""
MOST_CHARACTERS: Final = 50_000_000
"""Of the texts and arguments of one session."""
MOST_EVENTS: Final = 2_000_000
"""Events that are looked through for later readers."""
MOST_LEFT: Final = 200
"""Egress calls of one session of which it is told what left."""


class ImpactJournal(Protocol):
    """What is asked of the store."""

    def event(self, event_id: str) -> StoredEvent | None:
        """The event with an id."""

    def events(
        self, session: str | None = ..., kinds: Collection[str] | None = ..., *, tenant: str | None = ...
    ) -> Iterator[StoredEvent]:
        """The events of a session, in order."""

    def events_of(
        self,
        agent: str | None,
        tenant: str,
        kinds: Collection[str],
        *,
        after: int = ...,
        last: int | None = ...,
    ) -> Iterator[StoredEvent]:
        """Events of a tenant, in order."""


@dataclass(frozen=True, slots=True)
class Start:
    """One session of the incident, and where in it something was noticed."""

    session: str
    tenant: str
    anomaly: StoredEvent | None = None
    """None: the first anomaly of the session, where it has one."""


@dataclass(frozen=True, slots=True)
class Left:
    """What one egress call let out."""

    deed: Deed
    values: tuple[tuple[str, Json, Confidentiality | None, tuple[str, ...]], ...]
    """Path, value, confidentiality of the most confidential text that it stands in (None where it stands in nothing
    that the session saw), and the sources."""


@dataclass(slots=True)
class Involved:
    """One session of the incident, as far as the journal has it."""

    start: Start
    agent: str = ""
    opened: StoredEvent | None = None
    anomaly: StoredEvent | None = None
    noticed: Deed | None = None
    """The call that the anomaly is about."""
    deeds: list[Deed] = field(default_factory=list)
    undos: dict[str, Undo] = field(default_factory=dict)
    left: list[Left] = field(default_factory=list)
    anomalies: list[str] = field(default_factory=list)
    erased: int = 0
    cut: bool = False
    """True where it has more calls than are read."""

    @property
    def facts(self) -> Mapping[str, Json]:
        """What the session brought."""
        body: Mapping[str, Any] = self.opened.event.body if self.opened is not None else {}
        return dict(body.get("facts") or {})

    def when(self, deed: Deed) -> str:
        """Where a call stands: `before`, `anomaly` or `after`; empty where nothing was noticed in the session."""
        if self.anomaly is None:
            return ""
        if self.noticed is not None and deed.id == self.noticed.id:
            return "anomaly"
        return "before" if deed.seq < (self.noticed or self.anomaly).seq else "after"


@dataclass(slots=True)
class ImpactReach:
    """Everything that was found."""

    sessions: list[Involved]
    later: Later
    after: int
    """Sequence after which later events were looked through."""
    last: int | None
    events: int = 0
    """How many were."""
    gaps: int = 0
    """How often, in that part of the journal, events were let through without being captured."""
    unread: int = 0
    """Sessions of the incident that were not read: it has too many."""
    envelopes: list[str] = field(default_factory=list)
    """Hashes of envelopes whose text is not in the store."""

    @property
    def deeds(self) -> list[Deed]:
        """All calls of all sessions, in the order of the journal."""
        return sorted((deed for one in self.sessions for deed in one.deeds), key=lambda deed: deed.seq)

    def twins(self) -> dict[str, list[Deed]]:
        """By the id of each call that may have acted: others of the same tool with the same arguments."""
        alike: dict[str, list[Deed]] = {}
        for deed in self.deeds:
            if deed.acted:
                alike.setdefault(digest([deed.tool, deed.args]), []).append(deed)
        return {d.id: [o for o in found if o.id != d.id] for found in alike.values() for d in found}


def reach_of(
    journal: ImpactJournal,
    starts: Sequence[Start],
    *,
    declared: Envelope | None = None,
    depth: int = 3,
    after: int | None = None,
    last: int | None = None,
    most_events: int = MOST_EVENTS,
    seen: Callable[[Iterable[StoredEvent]], Iterable[StoredEvent]] = iter,
) -> ImpactReach:
    """What the calls of some sessions did, and how far it went.

    Args:
        journal: the store.
        starts: the sessions, of one tenant.
        declared: says what undoes a call where the envelope that governed it does not, or is not in the store.
        depth: steps from session to session that are followed.
        after: look for later readers after this event only; from the first call that acted on where it is None.
        last: and up to this one.
        most_events: events that are looked through.
        seen: wraps the events, for a progress bar.

    Raises:
        BadInput: a session that the journal does not have.
    """
    envelopes = _Envelopes(journal, declared)
    involved = [_read(journal, start, envelopes) for start in starts[:MOST_SESSIONS]]
    deeds = [deed for one in involved for deed in one.deeds]
    undos = {key: undo for one in involved for key, undo in one.undos.items()}
    later = Later(deeds, undos, depth)
    first = min((deed.admitted_seq for deed in deeds if deed.acted), default=None)
    begin = max(after or 0, 0 if first is None else first - 1)
    reach = ImpactReach(involved, later, begin, last, unread=max(0, len(starts) - MOST_SESSIONS))
    if first is not None:
        found = journal.events_of(None, starts[0].tenant, LATER_KINDS, after=begin, last=last)
        for stored in seen(found):
            if reach.events >= most_events:
                later.cut.add(f"events: {most_events} were looked through, up to {stored.seq - 1}")
                break
            reach.events += 1
            later.see(stored)
    # A gap is the store's, whoever's events it swallowed.
    reach.gaps = sum(1 for _ in journal.events_of(None, "default", ("gap",), after=begin, last=last))
    reach.envelopes = envelopes.missing
    return reach


def _read(journal: ImpactJournal, start: Start, envelopes: _Envelopes) -> Involved:
    """One session, whole."""
    found = Involved(start, anomaly=start.anomaly)
    deeds, text = Deeds(), SessionText()
    so_far = SessionSoFar(lambda known_as: envelopes.of(known_as, start.tenant))
    leaving, size = dict[str, Left](), 0
    for stored in journal.events(start.session, tenant=start.tenant):
        found.agent = found.agent or stored.event.agent
        _noted(found, stored)
        size += _size(stored)
        if (len(deeds) >= MOST_CALLS or size > MOST_CHARACTERS) and stored.event.kind == "decided":
            found.cut = True
            break
        deed = deeds.see(stored)
        if deed is not None and stored.event.kind == "decided" and _lets_out(deed, len(leaving)):
            envelope = envelopes.of(deed.envelope, start.tenant)
            leaving[deed.token] = Left(deed, _values(deed, envelope, so_far, text))
        before = so_far.segments[-1] if so_far.segments else None
        so_far.read(stored)
        for segment in _added(so_far, before):
            text.append(segment)
    if not found.agent:
        raise BadInput("session", f"there is none with id {start.session[:80]!r}", "see `remit anomalies ls`")
    found.deeds, found.erased = deeds.all(), deeds.erased
    if found.anomaly is not None:
        about = (found.anomaly.event.id, found.anomaly.event.body.get("token"))
        found.noticed = next((d for d in found.deeds if d.id == about[0] or d.token == about[1]), None)
    ended = {deed.token: deed for deed in found.deeds}
    found.left = [Left(ended[token], left.values) for token, left in leaving.items() if ended[token].acted]
    facts = found.facts
    found.undos = {d.id: undo_of(d, envelopes.undoing(d, start.tenant), facts) for d in found.deeds}
    return found


def _size(stored: StoredEvent) -> int:
    args = stored.event.body.get("args")
    return sum(map(len, stored.event.blobs.values())) + (len(msgspec.json.encode(args)) if args else 0)


def _added(so_far: SessionSoFar, before: Segment | None) -> list[Segment]:
    """What the last event added, in order; it may have dropped others at the front."""
    added: list[Segment] = []
    for segment in reversed(so_far.segments):
        if segment is before:
            break
        added.append(segment)
    return added[::-1]


def _noted(found: Involved, stored: StoredEvent) -> None:
    if stored.event.kind in ("session.opened", "session.resumed") and not stored.erased:
        found.opened = stored
    if stored.event.anomaly is not None:
        found.anomalies.append(stored.event.id)
        found.anomaly = found.anomaly or stored


def _lets_out(deed: Deed, known: int) -> bool:
    """Egress, and what nobody listed: it may do anything."""
    return deed.effect in (ToolEffect.EGRESS, None) and deed.acted and known < MOST_LEFT


def _values(
    deed: Deed, envelope: Envelope | None, so_far: SessionSoFar, text: SessionText
) -> tuple[tuple[str, Json, Confidentiality | None, tuple[str, ...]], ...]:
    found = []
    for path, leaf in leaves(deed.args):
        if leaf is None or isinstance(leaf, bool) or path in deed.exempt:
            continue
        sources = tuple(source for source, _ in deed.origins.get(path, ()))
        levels = [_level(source, envelope, so_far) for source in sources]
        if not levels and isinstance(leaf, str) and (drawn := _drawn(leaf, text)) is not None:
            levels, sources = [drawn[0]], (f"parts of {drawn[1]}",)
        worst = max(levels, key=lambda level: level.rank, default=None)
        found.append((path, leaf, worst, sources))
    return tuple(found)


def _level(source: str, envelope: Envelope | None, so_far: SessionSoFar) -> Confidentiality:
    """As the envelope says; where its text is gone, as the session's texts were labelled."""
    if envelope is not None:
        return label_of(envelope, source, so_far.principal_kind).confidentiality
    known = [s.label.confidentiality for s in so_far.segments if s.source == source]
    return max(known, key=lambda level: level.rank, default=Confidentiality.INTERNAL)


def _drawn(text: str, seen: SessionText) -> tuple[Confidentiality, str] | None:
    """The most confidential text of which a telling piece stands in *text*."""
    for above in (Confidentiality.PII, Confidentiality.INTERNAL, Confidentiality.PUBLIC):
        if (found := seen.drawn_from(text, above)) is not None:
            return found[0].label.confidentiality, found[0].source
    return None


class _Envelopes:
    """The envelopes that governed the calls, as far as the store has their text."""

    def __init__(self, journal: ImpactJournal, declared: Envelope | None = None) -> None:
        self._journal = journal
        self._declared = declared
        self._known: dict[str, Envelope | None] = {}

    @property
    def missing(self) -> list[str]:
        return sorted(key for key, envelope in self._known.items() if envelope is None and key)

    def undoing(self, deed: Deed, tenant: str) -> Envelope | None:
        """The one that says what undoes a call: its own, if it says so."""
        own, other = self.of(deed.envelope, tenant), self._declared
        rule = own.tools.get(deed.tool) if own is not None else None
        if (rule is None or rule.compensation is None) and other is not None and deed.tool in other.tools:
            return other
        return own

    def of(self, envelope_hash: str, tenant: str) -> Envelope | None:
        if envelope_hash not in self._known:
            self._known[envelope_hash] = self._load(envelope_hash, tenant)
        return self._known[envelope_hash]

    def _load(self, envelope_hash: str, tenant: str) -> Envelope | None:
        try:
            return read_envelope(
                archived(self._journal.event, envelope_hash, tenant), f"envelope {envelope_hash[:16]}"
            )
        except (BadInput, Unavailable):
            return None
