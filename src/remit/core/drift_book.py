"""What the drift watch reads from a store and writes to it, as plain values; `store.drift_rows` is the store's side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from remit.core.event import Event

Who = tuple[str, str]
"""Tenant and agent."""


@dataclass(frozen=True, slots=True)
class SessionMark:
    """A session began, went on, or ended; or it was idle for long."""

    seq: int
    """Of the event; of an idle one, its last event."""
    kind: str
    """`session.opened`, `session.resumed`, `session.closed`, or `idle`."""
    tenant: str
    agent: str
    session: str
    at: float


@dataclass(frozen=True, slots=True)
class CountedSession:
    """A session, or the part of it since it was counted last, as it stands in the agent's stream."""

    place: int
    """From 0, in the order in which sessions ended."""
    session: str
    at: float
    """When it began, UTC epoch seconds."""
    after: int
    """Sequence after which its events begin."""
    upto: int
    """Sequence of the last of its events that was counted."""


@dataclass(frozen=True, slots=True)
class WatchStanding:
    """Where the watch stands. Whoever writes says from which standing; of two, one writes."""

    cursor: int = 0
    """Every session that ended up to this sequence is counted."""
    revision: int = 0


@dataclass(slots=True)
class Written:
    """What one step writes, in one transaction."""

    cursor: int
    opened: dict[tuple[str, str], tuple[str, float]] = field(default_factory=dict)
    """Sessions that are open now: by tenant and id, the agent, and when to look whether they are idle."""
    ended: list[tuple[str, str]] = field(default_factory=list)
    """Sessions that are open no longer, by tenant and id."""
    counted: dict[Who, list[CountedSession]] = field(default_factory=dict)
    states: dict[Who, bytes] = field(default_factory=dict)
    events: Sequence[Event] = ()

    @property
    def sessions(self) -> int:
        """How many were counted."""
        return sum(map(len, self.counted.values()))


@dataclass(frozen=True, slots=True)
class Watching:
    """How far the watch of one agent has come, for people."""

    tenant: str
    agent: str
    sessions: int
    told: Mapping[str, object]
    """The state, as `core.drift.AgentWatch.told` tells it."""
