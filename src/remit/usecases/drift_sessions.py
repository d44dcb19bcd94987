"""The drift watch over recorded sessions, in the order in which they stand in their files."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from remit.core.change import Change
from remit.core.changes_seen import with_seen
from remit.core.conduct import Conduct
from remit.core.drift import EVERY, AgentWatch
from remit.core.drift_book import Who
from remit.core.drift_cause import LOOK_BACK, Cause, cause_of
from remit.core.drifted import Drift
from remit.core.types import Json
from remit.usecases.drift import MOST_AROUND


@dataclass(frozen=True, slots=True)
class Drifted:
    """An alarm, and the change that it goes along with."""

    drift: Drift
    cause: Cause | None

    def body(self) -> dict[str, Json]:
        """As the body of `drift.detected`."""
        return {**self.drift.body(), "cause": None if self.cause is None else self.cause.body()}


class WatchedSessions:
    """Watches each agent of a stream.

    Args:
        conduct: the sessions, in their order.
        changes: what people told; what the fingerprints show by themselves is added.
        every: sessions of an agent for each false alarm.
    """

    def __init__(
        self, conduct: Sequence[Conduct], changes: Sequence[Change] = (), *, every: float = EVERY
    ) -> None:
        self._conduct = conduct
        self._changes = changes
        self._every = every
        self.watches: dict[Who, AgentWatch] = {}

    def drifts(self) -> Iterator[Drifted]:
        """The alarms, in the order in which they come."""
        past = defaultdict[Who, list[Conduct]](list)
        for one in self._conduct:
            who = (one.tenant, one.agent)
            watch = self.watches.setdefault(who, AgentWatch(one.agent, one.tenant, every=self._every))
            past[who].append(one)
            for drift in watch.add(one):
                yield self._told(drift, past[who])

    def _told(self, drift: Drift, sessions: Sequence[Conduct]) -> Drifted:
        began = sessions[drift.since]
        named = replace(drift, since_session=began.session, since_at=began.at)
        first = max(0, drift.since - LOOK_BACK, drift.place - MOST_AROUND + 1)
        around = sessions[first : drift.place + 1]
        own = [c for c in self._changes if c.tenant == drift.tenant and c.agent in ("", drift.agent)]
        return Drifted(named, cause_of(named, around, with_seen(own, around)))
