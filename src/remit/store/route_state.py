"""How each route is doing: the tokens of its buckets, and since when it fails.

One row for a route, shared by all processes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import apsw

from remit.core.alert import Urgency
from remit.core.delivery import Bucket
from remit.core.routes import RouteSettings

DDL = """
CREATE TABLE IF NOT EXISTS route_state (
  route TEXT PRIMARY KEY,
  page_tokens REAL NOT NULL, page_at REAL NOT NULL, queue_tokens REAL NOT NULL, queue_at REAL NOT NULL,
  failures INTEGER NOT NULL, paused_until REAL NOT NULL, failing_since REAL, last_error TEXT NOT NULL,
  told INTEGER NOT NULL, told_at REAL, alarm INTEGER NOT NULL, alarmed TEXT NOT NULL
) STRICT, WITHOUT ROWID;
"""

FIRST_PAUSE_S = 2.0
LONGEST_PAUSE_S = 60.0
"""A receiver that is back is found no later, however long it was away."""
DECLINED_PAUSE_S = 300.0
"""The same where it said no for good: somebody has to mend something first."""
LONGEST_ASKED_S = 3600.0
"""The most that a receiver can ask for."""
STREAK = 3
"""Failures in a row that are the route's and not the message's."""
MOST_ERROR = 500


@dataclass(frozen=True, slots=True)
class RouteState:
    """One route, as of one instant."""

    route: str
    page: Bucket
    queue: Bucket
    failures: int = 0
    """In a row, whatever was sent."""
    paused_until: float = 0.0
    """Nothing is tried before."""
    failing_since: float | None = None
    last_error: str = ""
    """What went wrong last; stays until something is delivered."""
    told: int = 0
    """Messages that were delivered."""
    told_at: float | None = None
    alarm: int = 0
    """Revision of the last message that other routes got about this one."""
    alarmed: str = ""
    """The urgency with which they know that it fails; empty where they do not."""

    def bucket(self, urgency: str) -> Bucket:
        """The tokens of one urgency."""
        return self.page if urgency == Urgency.PAGE else self.queue

    def spent(self, urgency: str, tokens: float) -> RouteState:
        """With *tokens* fewer; nothing where no bucket is named."""
        if not urgency:
            return self
        bucket = self.bucket(urgency)
        left = replace(bucket, tokens=bucket.tokens - tokens)
        return replace(self, page=left) if urgency == Urgency.PAGE else replace(self, queue=left)

    def failed(self, now: float, error: str, *, jitter: float, declined: bool, after_s: float) -> RouteState:
        """One more failure: the route pauses, longer each time.

        Args:
            now: by the store's clock.
            error: why, for people.
            jitter: drawn from [0, 1).
            declined: whether the receiver said no for good.
            after_s: the least wait that it asked for.
        """
        wait_s = pause_s(self.failures + 1, jitter=jitter, declined=declined, after_s=after_s)
        return replace(
            self,
            failures=self.failures + 1,
            paused_until=now + wait_s,
            failing_since=now if self.failing_since is None else self.failing_since,
            last_error=error[:MOST_ERROR],
        )

    def worked(self, now: float) -> RouteState:
        """Something was delivered."""
        return replace(
            self,
            failures=0,
            paused_until=0.0,
            failing_since=None,
            last_error="",
            told=self.told + 1,
            told_at=now,
        )


def pause_s(failures: int, *, jitter: float, declined: bool, after_s: float) -> float:
    """Seconds before the next try after so many failures: doubling from 2 s to a minute, of which half is drawn.

    >>> [pause_s(n, jitter=1.0, declined=False, after_s=0.0) for n in (1, 2, 9)]
    [2.0, 4.0, 60.0]
    """
    longest = DECLINED_PAUSE_S if declined else LONGEST_PAUSE_S
    whole = min(longest, FIRST_PAUSE_S * 2.0 ** min(failures - 1, 30))
    return max(whole * (0.5 + 0.5 * jitter), min(after_s, LONGEST_ASKED_S))


def state_of(db: apsw.Connection, route: RouteSettings, now: float) -> RouteState:
    """How a route is doing; a new one has full buckets."""
    found = db.execute("SELECT * FROM route_state WHERE route = ?", (route.name,)).fetchone()
    full = Bucket(float(route.burst), now)
    if found is None:
        return RouteState(route.name, full, full)
    name, page, page_at, queue, queue_at, *rest = found
    page_now, queue_now = (
        Bucket(tokens, at).filled(now, route.rate_per_h, route.burst)
        for tokens, at in ((page, page_at), (queue, queue_at))
    )
    return RouteState(name, page_now, queue_now, *rest)


def save(db: apsw.Connection, state: RouteState) -> None:
    """Keep it."""
    db.execute(
        "INSERT OR REPLACE INTO route_state VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(state.route, state.page.tokens, state.page.at, state.queue.tokens, state.queue.at),
            *(state.failures, state.paused_until, state.failing_since, state.last_error),
            *(state.told, state.told_at, state.alarm, state.alarmed),
        ),
    )
