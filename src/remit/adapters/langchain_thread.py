"""What one process remembers of a LangChain conversation beside the store: what was heard, given and paused."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from remit.adapters.langchain_messages import MessageText
from remit.core.errors import Unavailable
from remit.usecases.attached import Attached
from remit.usecases.guard import Guard
from remit.usecases.session import Session

MOST_RESULTS = 256
"""Results of one session that one process remembers beside the store."""
MOST_IDLE = 4_096
"""Sessions that stay open though nobody uses them: runs that wait for a model, or were left at a pause."""
_NEVER_BY_ITSELF = 10**9
_DOORS = 257
_LOG = logging.getLogger("remit.langchain")
SESSION = "remit_session"
"""Where the state keeps the session of a run that belongs to no thread."""
SEEN, GAP, PAUSED, FAILED = "messages.seen", "coverage.gap", "call.paused", "enforcement.unavailable"
"""Kinds of the events that the adapter writes."""


@dataclass(frozen=True, slots=True)
class Invocation:
    """What is known of the run that a session is asked for; callables given to `RemitMiddleware` get it."""

    context: Any
    """The `context` that the agent was invoked with."""
    config: Mapping[str, Any]
    """LangGraph's config; what the caller gave stands under `configurable`."""
    state: Any = None
    """The graph's state."""

    @property
    def thread_id(self) -> str | None:
        """The conversation, where the caller named one."""
        value = self.config.get("configurable", {}).get("thread_id")
        return None if value is None else str(value)


@dataclass
class Thread:
    """What one process remembers of one session."""

    session: Session
    lock: threading.RLock = field(default_factory=threading.RLock)
    users: int = 0
    restored: bool = False
    seen: set[str] = field(default_factory=set)
    gaps: set[str] = field(default_factory=set)
    pauses: dict[str, int] = field(default_factory=dict)
    missed: list[MessageText] = field(default_factory=list)
    unrecorded: list[dict[str, Any]] = field(default_factory=list)
    given: OrderedDict[str, Any] = field(default_factory=OrderedDict)
    """What calls gave, as messages, or the exceptions that they raised."""
    running: dict[str, set[asyncio.Future[None]]] = field(default_factory=dict)
    """Calls in flight of each turn of the model."""

    def restore(self) -> None:
        """What the session's earlier parts noted, in whatever process."""
        if self.restored:
            return
        for stored in self.session.guard.records.events(self.session.id):
            body = stored.event.body or {}
            match stored.event.kind:
                case "messages.seen":
                    self.seen.update(map(str, body.get("messages", ())))
                case "coverage.gap":
                    self.gaps.add(str(body.get("tool")))
                case "call.paused":
                    self.pauses[str(body.get("call_id"))] = int(body.get("pauses", 0))
        self.restored = True

    def hear(self, texts: Sequence[MessageText]) -> None:
        """Tell the session what it has not heard yet."""
        with self.lock:
            self.restore()
            told_now: list[str] = []
            try:
                for one in [*self.missed, *texts]:
                    if one.key not in self.seen and one.text:
                        self.session.observe(one.role, one.text, source=one.source)
                        self.seen.add(one.key)
                        told_now.append(one.key)
                self.missed.clear()
            finally:
                self.note(told_now)
            while self.unrecorded:
                self.session.tell(FAILED, self.unrecorded[0])
                del self.unrecorded[0]

    @contextmanager
    def later(self, texts: Sequence[MessageText] = ()) -> Iterator[None]:
        """Where the store is away, the model may go on: no tool runs before all these were told."""
        try:
            yield
        except Unavailable as error:
            _LOG.warning("what the model saw is recorded later: %s", error)
            with self.lock:
                self.missed.extend(one for one in texts if one not in self.missed)

    def know(self, *keys: str) -> None:
        """These texts are the session's already: results of its calls, and remit's own words."""
        with self.lock:
            new = [one for one in keys if one not in self.seen]
            self.seen.update(new)
            self.note(new)

    def note(self, keys: Sequence[str]) -> None:
        """Have other processes know, too."""
        if keys:
            self.session.tell(SEEN, {"messages": list(keys)})

    def gap(self, tool: str, found: str) -> bool:
        """Record once that nobody governs *tool*; whether it was new."""
        with self.lock:
            self.restore()
            if tool in self.gaps:
                return False
            self.session.tell(GAP, {"tool": tool, "found": found, "host": "langchain"})
            self.gaps.add(tool)
            return True

    def keep(self, call: str, given: Any) -> None:
        """Remember what a call gave, message and all."""
        with self.lock:
            self.given[call] = given
            while len(self.given) > MOST_RESULTS:
                self.given.popitem(last=False)


class OpenThreads:
    """The conversations that this process has open: a session each, opened or resumed when first used.

    One that is in use stays open, however many there are. Each key has a lock of its own (of a fixed number), so that a
    session is never closed while somebody enters it; conversations wait for each other only while one opens.

    Args:
        guard: whose sessions these are.
    """

    def __init__(self, guard: Guard) -> None:
        tenant = "" if guard.tenant == "default" else f"{guard.tenant}:"
        self._attached = Attached(guard, prefix=f"{tenant}{guard.envelope.name}:"[:79], most=_NEVER_BY_ITSELF)
        self._doors = [threading.Lock() for _ in range(_DOORS)]
        self._lock = threading.Lock()
        self._open: OrderedDict[str, Thread] = OrderedDict()

    def enter(self, key: str, **asked: Any) -> Thread:
        """The conversation *key*, in use until it is left.

        Raises:
            BadInput: it is somebody else's.
            AgentHalted: the breaker lets no session open.
            Unavailable: the store cannot be reached.
        """
        with self._door(key):
            session = self._attached.session(key, **asked)
            with self._lock:
                thread = self._open.get(key)
                if thread is None or thread.session is not session:
                    thread = self._open[key] = Thread(session)
                self._open.move_to_end(key)
                thread.users += 1
                spare = self._spare()
        for name in spare:
            self._close_idle(name)
        return thread

    def _spare(self) -> list[str]:
        """The longest idle, where there are too many."""
        too_many = len(self._open) - MOST_IDLE
        if too_many <= 0:
            return []
        return [name for name, one in self._open.items() if not one.users][:too_many]

    def leave(self, thread: Thread) -> None:
        """It is not in use by this caller any more."""
        with self._lock:
            thread.users -= 1

    def release(self, key: str) -> None:
        """The run is over: unless another goes on, what it told is durable when this returns."""
        with self._door(key):
            with self._lock:
                thread = self._open.get(key)
                if thread is None or thread.users:
                    return
                del self._open[key]
            self._attached.forget(key)

    def close(self) -> None:
        """Close every session."""
        with self._lock:
            self._open.clear()
        self._attached.close()

    def _close_idle(self, key: str) -> None:
        try:
            self.release(key)
        except Unavailable as error:
            _LOG.warning("a session that nobody uses could not be closed: %s", error)

    def _door(self, key: str) -> threading.Lock:
        return self._doors[hash(key) % _DOORS]
