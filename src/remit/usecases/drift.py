"""The drift watch over a store: follows the journal, watches each agent, writes down what drifted and with what change.

One step reads sessions that ended, in the order in which they ended, and writes everything that came of them in one
transaction. A process that dies in a step leaves the step to the next; of two that make the same step, one writes.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from math import fsum
from typing import Protocol

import msgspec

from remit.core.change import Change
from remit.core.changes_seen import with_seen
from remit.core.conduct import Conduct
from remit.core.drift import EVERY, AgentWatch
from remit.core.drift_book import CountedSession, SessionMark, WatchStanding, Who, Written
from remit.core.drift_cause import LOOK_BACK, Cause, cause_of
from remit.core.drifted import Drift
from remit.core.event import Event, StoredEvent
from remit.core.ids import derived_id
from remit.core.trial.apart import is_trial
from remit.core.types import Json
from remit.usecases.changes import RECORDED, change_from
from remit.usecases.follow_conduct import Followed, followed

DETECTED = "drift.detected"
"""Kind of the event of an alarm; its body is `Drift.body()`, and `cause`, which may be null."""
IDLE_S = 6 * 3600.0
"""A session in which nothing happens for so long has ended."""
FORGOTTEN_S = 7 * 24 * 3600.0
"""One that was idle, and counted, may go on until so long after; what comes later counts when it is closed."""
BATCH = 200
"""Sessions of one step."""
MOST_AROUND = 1_000
"""Sessions of an agent that are kept at hand, and compared around a drift."""
_FEW, _MOST_PATHS = 4, 200


class DriftBook(Protocol):
    """Where the watch stands; `store.drift_rows.SqliteDriftBook`."""

    @property
    def key(self) -> bytes:
        """Of the store."""

    def standing(self) -> WatchStanding:
        """Where the watch stands."""

    def marks(self, after: int, most: int) -> list[SessionMark]:
        """Where sessions began, went on and ended after a sequence."""

    def idle(
        self, now: float, idle_s: float, most: int
    ) -> tuple[list[SessionMark], dict[tuple[str, str], tuple[str, float]]]:
        """Open sessions in which nothing happened for long, and until when the others are not idle."""

    def counted(self, tenant: str, session: str) -> int:
        """Sequence up to which a session was counted."""

    def events(self, tenant: str, session: str, after: int, last: int) -> Iterator[StoredEvent]:
        """A part of a session."""

    def sessions(self, who: Who, first: int, last: int) -> list[CountedSession]:
        """What was counted of an agent at these places."""

    def state(self, who: Who) -> bytes | None:
        """The state of an agent's watch."""

    def of_kind(self, kind: str) -> Iterator[StoredEvent]:
        """All events of a kind that is not of single calls."""

    def write(self, written: Written, standing: WatchStanding) -> bool:
        """Write a step, if nobody else did."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """A drift, the change that it goes along with, and the event that says so."""

    drift: Drift
    cause: Cause | None
    event: Event


@dataclass(frozen=True, slots=True)
class DriftStep:
    """What one step did."""

    sessions: tuple[Conduct, ...] = ()
    """Those that were counted."""
    alarms: tuple[Alarm, ...] = ()
    events: int = 0
    """Events that were read."""
    erased: int = 0
    """Events whose content was destroyed before it was counted."""
    cut: int = 0
    """Sessions of which more happened than is kept of one."""
    more: bool = False
    """Whether there is more to do now."""


class DriftWatch:
    """Watches all agents of a store.

    Args:
        book: where it stands.
        clock: UTC epoch seconds, to tell which sessions are idle.
        every: sessions of an agent for each false alarm; of an agent that is watched already, as it was begun with.
        idle_s: a session in which nothing happens for so long has ended.
        batch: sessions of one step, at most.
    """

    def __init__(
        self,
        book: DriftBook,
        clock: Callable[[], float],
        *,
        every: float = EVERY,
        idle_s: float = IDLE_S,
        batch: int = BATCH,
    ) -> None:
        self._book = book
        self._clock = clock
        self._every = every
        self._idle_s = idle_s
        self._batch = batch
        self._watches: dict[Who, AgentWatch] = {}
        self._around: dict[Who, OrderedDict[int, Conduct]] = {}
        self._at = WatchStanding(-1, -1)

    def watch_once(self) -> DriftStep:
        """Count the sessions that ended since, one batch, and write down what drifted."""
        standing = self._book.standing()
        if standing != self._at:
            self._watches, self._around = {}, {}
        marks = self._book.marks(standing.cursor, self._batch)
        written = Written(marks[-1].seq if marks else standing.cursor)
        found = _Found()
        for mark in marks:
            if not is_trial(mark.tenant):  # what agents are tried with is no conduct of theirs
                self._follow(mark, written, found)
        if len(marks) < self._batch:  # otherwise the end of an idle one may lie ahead
            self._follow_idle(written, found)
        if not (marks or written.opened or written.ended):
            self._at = standing
            return DriftStep()
        written.events = self._alarms(found, written)
        written.states = {who: _packed(self._watches[who]) for who in written.counted}
        due = any(
            due <= self._clock() for _, due in written.opened.values()
        )  # idle already: the next step looks
        return self._write(written, standing, found, more=due or len(marks) == self._batch)

    def _write(self, written: Written, standing: WatchStanding, found: _Found, *, more: bool) -> DriftStep:
        try:
            done = self._book.write(written, standing)
        except BaseException:
            self._at = WatchStanding(-1, -1)
            raise
        if not done:  # somebody else made this step
            self._at = WatchStanding(-1, -1)
            return DriftStep(more=True)
        self._at = WatchStanding(written.cursor, standing.revision + 1)
        return DriftStep(
            tuple(found.sessions), tuple(found.alarms), found.events, found.erased, found.cut, more
        )

    # ------------------------------------------------------------------------------------------ sessions
    def _follow(self, mark: SessionMark, written: Written, found: _Found) -> None:
        key = (mark.tenant, mark.session)
        if mark.kind in ("session.opened", "session.resumed"):
            written.opened[key] = (mark.agent, mark.at + self._idle_s)
            if key in written.ended:
                written.ended.remove(key)
            return
        written.opened.pop(key, None)
        written.ended.append(key)
        self._count(mark, written, found)

    def _follow_idle(self, written: Written, found: _Found) -> None:
        now = self._clock()
        idle, later = self._book.idle(now, self._idle_s, self._batch)
        for mark in idle:
            key = (mark.tenant, mark.session)
            if key in written.opened or key in written.ended:
                continue
            self._count(mark, written, found)
            if now - mark.at < FORGOTTEN_S:  # it may go on
                written.opened[key] = (mark.agent, now + self._idle_s)
            else:
                written.ended.append(key)
        for key, open_yet in later.items():
            if key not in written.opened and key not in written.ended:
                written.opened[key] = open_yet

    def _count(self, mark: SessionMark, written: Written, found: _Found) -> None:
        """Count the part of a session that ends with *mark*."""
        who = (mark.tenant, mark.agent)
        after = max(
            self._book.counted(mark.tenant, mark.session), found.upto.get((mark.tenant, mark.session), 0)
        )
        told = followed(self._book.events(mark.tenant, mark.session, after, mark.seq), self._book.key)
        if told is None or (told.empty and after):
            return  # of a part that was counted, nothing but the end is left
        watch = self._watch(who)
        place, conduct = watch.sessions, told.conduct
        drifts = watch.add(conduct)
        found.add(told, drifts)
        found.upto[mark.tenant, mark.session] = mark.seq
        counted = CountedSession(place, conduct.session, conduct.at, after, mark.seq)
        written.counted.setdefault(who, []).append(counted)
        self._remember(who, place, conduct)

    def _watch(self, who: Who) -> AgentWatch:
        if who not in self._watches:
            state = self._book.state(who)
            self._watches[who] = (
                AgentWatch(who[1], who[0], key=self._book.key, every=self._every)
                if state is None
                else AgentWatch.read(msgspec.msgpack.decode(state), key=self._book.key)
            )
        return self._watches[who]

    # ------------------------------------------------------------------------------------------ what changed
    def _alarms(self, found: _Found, written: Written) -> list[Event]:
        told = self._book.of_kind(RECORDED) if found.drifts else iter(())
        changes = [change_from(one) for one in told if not one.erased]
        for drift in found.drifts:
            since = self._session_at((drift.tenant, drift.agent), drift.since, written)
            named = drift if since is None else replace(drift, since_session=since.session, since_at=since.at)
            found.alarms.append(self._alarm(named, changes))
        return [alarm.event for alarm in found.alarms]

    def _alarm(self, drift: Drift, changes: Sequence[Change]) -> Alarm:
        who = (drift.tenant, drift.agent)
        conduct = self._sessions_around(who, drift)
        own = [one for one in changes if one.tenant == drift.tenant and one.agent in ("", drift.agent)]
        cause = cause_of(drift, conduct, with_seen(own, conduct))
        body: dict[str, Json] = {**drift.body(), "cause": None if cause is None else cause.body()}
        event = Event(
            derived_id(drift.id, DETECTED),
            drift.session,
            DETECTED,
            drift.agent,
            "",
            body,
            tenant=drift.tenant,
        )
        return Alarm(drift, cause, event)

    def _session_at(self, who: Who, place: int, written: Written) -> CountedSession | None:
        for one in written.counted.get(who, ()):
            if one.place == place:
                return one
        return next(iter(self._book.sessions(who, place, place)), None)

    def _sessions_around(self, who: Who, drift: Drift) -> list[Conduct]:
        """The sessions from some before the drift's beginning up to its alarm; read again where they are not at hand."""
        kept = self._around.setdefault(who, OrderedDict())
        first = max(0, drift.since - LOOK_BACK, drift.place - MOST_AROUND + 1)
        missing = [place for place in range(first, drift.place + 1) if place not in kept]
        if missing:
            for one in self._book.sessions(who, missing[0], missing[-1]):
                told = followed(self._book.events(who[0], one.session, one.after, one.upto), self._book.key)
                if told is not None and one.place not in kept:
                    kept[one.place] = slim(told.conduct)
        return [kept[place] for place in sorted(kept) if first <= place <= drift.place]

    def _remember(self, who: Who, place: int, conduct: Conduct) -> None:
        kept = self._around.setdefault(who, OrderedDict())
        kept[place] = slim(conduct)
        while len(kept) > MOST_AROUND:
            del kept[min(kept)]


class _Found:
    """What a step came upon."""

    def __init__(self) -> None:
        self.sessions: list[Conduct] = []
        self.drifts: list[Drift] = []
        self.alarms: list[Alarm] = []
        self.upto: dict[tuple[str, str], int] = {}
        self.events = self.erased = self.cut = 0

    def add(self, told: Followed, drifts: Sequence[Drift]) -> None:
        self.sessions.append(told.conduct)
        self.drifts += drifts
        self.events += told.events
        self.erased += told.erased
        self.cut += told.cut


def slim(conduct: Conduct) -> Conduct:
    """The session with few values: what the streams say of it is the same, sum and middle value of numbers included.

    >>> slim(Conduct("s", "a", 0.0, numbers={"t.n": (1.0, 5.0, 9.0, 9.0, 9.0)})).numbers
    {'t.n': (9.0, 9.0, 15.0)}
    """
    numbers = {
        path: found
        if len(found) < _FEW
        else (_middle(found), _middle(found), fsum(found) - 2 * _middle(found))
        for path, found in islice(conduct.numbers.items(), _MOST_PATHS)
    }
    values = {path: found[:1] for path, found in islice(conduct.values.items(), _MOST_PATHS)}
    return replace(conduct, numbers=numbers, values=values)


def _middle(numbers: Sequence[float]) -> float:
    return sorted(numbers)[(len(numbers) - 1) // 2]


def _packed(watch: AgentWatch) -> bytes:
    return msgspec.msgpack.encode(watch.told())
