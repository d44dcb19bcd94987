"""What the journal says of events that it could not capture."""

from __future__ import annotations

from dataclasses import dataclass

from remit.core.event import AnomalyIndex, Event
from remit.core.types import Severity
from remit.store.clock import uuid7


@dataclass(frozen=True, slots=True)
class Gap:
    """Events that were not captured, to be recorded when writing works again."""

    since: float
    count: int
    reason: str

    def with_more(self, count: int) -> Gap:
        """The same gap with *count* more events in it."""
        return Gap(self.since, self.count + count, self.reason)


def gap_event(now: float, gap: Gap, state: str) -> Event:
    """The record of *gap*: `stopped` when capture ends, `resumed` once it works again."""
    body = {"state": state, "from": gap.since, "to": now, "count": gap.count, "reason": gap.reason}
    index = AnomalyIndex("gap", Severity.CRITICAL, (), "", counts=True)
    return Event(uuid7(now), "", "gap", "", "", body, anomaly=index)
