"""Sessions of a framework: one guarded session for each conversation that the framework knows by a key of its own."""

from __future__ import annotations

import hashlib
import logging
import re
import threading
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

from remit.core.errors import BadInput, Unavailable
from remit.usecases.guard import Guard
from remit.usecases.session import Session

_LOG = logging.getLogger("remit.session")
_DOORS = 257
_PLAIN = re.compile(r"[A-Za-z0-9_.:-]{1,120}\Z")


class Attached:
    """Opens, resumes and keeps open the sessions of one guard, by the framework's keys.

    May be asked from several threads. A session that is not used for long is closed when there are too many; asked for
    again, it is resumed from the store, as it is in another process.

    Args:
        guard: whose sessions these are.
        prefix: in front of every session's id, so that keys of two frameworks do not meet.
        most: how many are kept open.
    """

    def __init__(self, guard: Guard, *, prefix: str = "", most: int = 256) -> None:
        self.guard = guard
        self._prefix = prefix
        self._most = most
        self._lock = threading.Lock()
        self._doors = [threading.Lock() for _ in range(_DOORS)]
        """Whoever opens or closes a session has its door: of a fixed number, so that keys leave nothing behind."""
        self._open: OrderedDict[str, Session] = OrderedDict()

    def session_id(self, key: str) -> str:
        """The session's id: the key itself where it is plain, else a digest of it."""
        if not key:
            raise BadInput(
                "session(key)", "found an empty one", "pass the framework's id of the conversation"
            )
        plain = (
            key
            if _PLAIN.match(key)
            else f"h-{hashlib.sha256(key.encode('utf-8', 'replace')).hexdigest()[:40]}"
        )
        return f"{self._prefix}{plain}"

    def session(
        self,
        key: str,
        *,
        principal: str | None = None,
        principal_kind: str | None = None,
        facts: Mapping[str, Any] | None = None,
        fingerprint: Mapping[str, Any] | None = None,
    ) -> Session:
        """The session of *key*: the open one, else resumed where the store knows it, else a new one.

        Args:
            key: the framework's id of the conversation.
            principal: as in `Guard.session`; so are the others. One that is open already must agree with them.

        Raises:
            BadInput: the session belongs to somebody else, or has other facts.
            AgentHalted: the breaker lets no session open.
            Unavailable: the store cannot be reached.
        """
        identity = self.session_id(key)
        with self._door(identity):  # two calls of one turn may come at once, and open it once
            with self._lock:
                known = self._open.get(identity)
                if known is not None:
                    self._open.move_to_end(identity)
            if known is not None:
                _agree(known, principal, principal_kind, facts)
                return known
            opened = self.guard.session(
                id=identity,
                principal=principal,
                principal_kind=principal_kind,
                facts=facts,
                fingerprint=fingerprint,
            )
            with self._lock:
                self._open[identity] = opened
        self._make_room(identity)
        return opened

    def _make_room(self, but: str) -> None:
        """Close those that were idle for longest, where there are too many."""
        with self._lock:
            too_many = len(self._open) - self._most
            if too_many <= 0:
                return
            idle = [key for key, one in self._open.items() if not one.busy and key != but][:too_many]
        for identity in idle:
            with self._door(identity), self._lock:
                known = self._open.get(identity)
                spare = self._open.pop(identity) if known is not None and not known.busy else None
            if spare is not None:
                _close(spare)

    def forget(self, key: str) -> None:
        """Close the session of *key*, if it is open."""
        identity = self.session_id(key)
        with self._door(identity):
            with self._lock:
                known = self._open.pop(identity, None)
            if known is not None:
                known.close()

    def _door(self, identity: str) -> threading.Lock:
        return self._doors[hash(identity) % _DOORS]

    def close(self) -> None:
        """Close every session."""
        with self._lock:
            known, self._open = list(self._open.values()), OrderedDict()
        with ExitStack() as stack:
            for session in known:
                stack.callback(session.close)


def _close(idle: Session) -> None:
    """Whoever opens another session is not told that this one's last words were lost: the journal is."""
    try:
        idle.close()
    except Unavailable as error:
        _LOG.warning("session %s, which nobody uses, could not be closed: %s", idle.id, error)


def _agree(
    session: Session, principal: str | None, principal_kind: str | None, facts: Mapping[str, Any] | None
) -> None:
    """A conversation has one principal and one set of facts: another's is refused, never taken over."""
    info = session.info
    kind = info.principal_kind.value if info.principal_kind is not None else None
    for name, given, had in (
        ("principal", principal, info.principal),
        ("principal_kind", principal_kind, kind),
        ("facts", None if facts is None else dict(facts), dict(info.facts)),
    ):
        if given is not None and given != had:
            told = f"session {session.id} was opened with another {name}"
            raise BadInput(
                f"session({name})", told, "use one conversation id for each principal and set of facts"
            )
