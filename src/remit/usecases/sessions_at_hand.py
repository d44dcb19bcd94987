"""What sessions had seen when an anomaly was captured, kept at hand for the next anomaly of the same session."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain

from remit.core.envelope import Envelope
from remit.core.event import StoredEvent
from remit.usecases.cases import SESSION_KINDS, SessionSoFar

MOST_SESSIONS = 256
"""Sessions whose texts are kept at hand."""
MOST_KEPT = 30_000_000
"""Characters of these texts, together; the session that is asked about is kept all the same."""

Key = tuple[str, str]
"""Tenant and id of a session."""


class SessionsAtHand:
    """The sessions that anomalies came from, each read once as long as its anomalies are asked about in order.

    Args:
        events: the events of one session after a sequence and up to another, of these kinds, in order.
        envelope_of: the envelope with a hash, of a tenant; None where nobody has it any more.
    """

    def __init__(
        self,
        events: Callable[[str, int, int, Sequence[str]], Iterator[StoredEvent]],
        envelope_of: Callable[[str, str], Envelope | None],
    ) -> None:
        self._events = events
        self._envelope_of = envelope_of
        self._sessions: OrderedDict[Key, SessionSoFar] = OrderedDict()
        self._size = 0
        """Characters of all of them."""
        self._last: Mapping[Key, int] = {}
        self._ahead: dict[Key, tuple[int, Iterator[StoredEvent]]] = {}
        """Events that follow what was read of a session, up to a sequence."""

    def expect(self, anomalies: Sequence[StoredEvent]) -> None:
        """These are asked about next. Sessions with several of them are read in one go, up to the last one."""
        keys = [_key(one) for one in anomalies]
        several = {key for key in keys if keys.count(key) > 1}
        self._ahead.clear()
        self._last = {
            key: max(other.seq for other in anomalies if _key(other) == key) for key in several if key[1]
        }

    def so_far(self, stored: StoredEvent) -> SessionSoFar:
        """What the session of an event had seen up to it."""
        key = _key(stored)
        found = self._sessions.pop(key, None)
        self._size -= found.size if found is not None else 0
        if found is None or found.upto > stored.seq:
            found = SessionSoFar(lambda envelope: self._envelope_of(envelope, key[0]))
            self._ahead.pop(key, None)
        if key[1]:
            self._read(key, found, stored.seq)
        self._sessions[key] = found
        self._size += found.size
        self._forget()
        return found

    def _forget(self) -> None:
        while len(self._sessions) > MOST_SESSIONS or (self._size > MOST_KEPT and len(self._sessions) > 1):
            key, session = self._sessions.popitem(last=False)
            self._ahead.pop(key, None)
            self._size -= session.size

    def _read(self, key: Key, session: SessionSoFar, upto: int) -> None:
        last, events = self._ahead.pop(key, (0, iter(())))
        if last < upto:
            last = max(upto, self._last.get(key, 0))
            events = self._events(key[1], session.upto, last, SESSION_KINDS)
        for event in events:
            if event.seq > upto:
                self._ahead[key] = (last, chain((event,), events))
                return
            session.read(event)


def _key(stored: StoredEvent) -> Key:
    return (stored.event.tenant, stored.event.session)
