"""Sessions of the journal as recorded sessions: what was seen, called and answered in production."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Protocol

from remit.core.event import StoredEvent
from remit.core.recorded import RecordedSession, session_from
from remit.core.types import Json
from remit.usecases.cases import SESSION_KINDS
from remit.usecases.forced import message_of

_OPENED = ("session.opened", "session.resumed")


class Journal(Protocol):
    """What is read of a store."""

    def events(
        self, session: str | None = None, kinds: Any = None, *, tenant: str | None = None, trials: bool = True
    ) -> Iterator[StoredEvent]:
        """Events, oldest first."""


def stored_sessions(journal: Journal) -> Callable[[], Iterable[RecordedSession]]:
    """The sessions of production, as often as they are asked for; trials, and sessions with erased texts, are none."""

    def read() -> Iterator[RecordedSession]:
        opened = [
            (stored.event.session, stored.event.tenant)
            for stored in journal.events(kinds={"session.opened"}, trials=False)
            if not stored.erased
        ]
        for session, tenant in opened:
            found = recorded_from(session, journal.events(session, SESSION_KINDS, tenant=tenant))
            if found is not None:
                yield found

    return read


def recorded_from(session_id: str, events: Iterable[StoredEvent]) -> RecordedSession | None:
    """A session as its events tell it; None where texts of it were erased."""
    about: dict[str, Json] = {}
    steps: list[dict[str, Json]] = []
    for stored in events:
        if stored.erased:
            return None
        if stored.event.kind in _OPENED:
            about = _about(stored)
        steps += [_step(message, stored) for message in message_of(stored)]
    return session_from({**about, "session_id": session_id, "steps": steps}, f"session {session_id}")


def _step(message: Mapping[str, Json], stored: StoredEvent) -> dict[str, Json]:
    """A message as a step; what a refused call or a failed tool got is no result."""
    kind, failed = stored.event.kind, stored.event.body.get("error")
    if message.get("role") != "tool" or kind == "observed" or (kind == "settled" and not failed):
        return dict(message)
    return {**message, "error": message.get("content") or "failed"}


def _about(stored: StoredEvent) -> dict[str, Json]:
    body = stored.event.body
    told: dict[str, Json] = {
        "suite": stored.event.envelope or stored.event.agent,
        "agent": stored.event.agent,
    }
    for key in ("facts", "principal_kind"):
        if body.get(key):
            told[key] = body[key]
    return told
