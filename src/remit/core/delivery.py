"""Messages on their way out by a route: how many may leave, and what each becomes when it does.

The rules only; `store.deliveries` keeps the rows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from remit.core.alert import Action, Alert
from remit.core.notice import visible

DIGEST = "digest"
"""Kind of a message that stands for several incidents."""
ROUTE = "route"
"""Kind of a message about a route that does not work."""
TEST = "test"
"""Kind of a message that only tries a route."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message for one route, claimed by whoever sends it."""

    id: str
    """The alert's: the same for every attempt, so that a receiver that has seen it may drop it."""
    route: str
    alert: Alert
    attempts: int
    """With this one; also tells a late holder of the lease from the present one."""
    row: int = 0
    """Where the store keeps it."""
    bucket: str = ""
    """Whose token it took: `page`, `queue`, or none."""

    @property
    def kind(self) -> str:
        """What a log calls it."""
        return f"{self.route} {self.alert.action}"


@dataclass(frozen=True, slots=True)
class Bucket:
    """Tokens of one route and urgency; each message takes one."""

    tokens: float
    at: float
    """When there were so many, by the store's clock."""

    def filled(self, now: float, rate_per_h: float, burst: int) -> Bucket:
        """As of *now*.

        >>> Bucket(0.0, 0.0).filled(90.0, rate_per_h=60.0, burst=10)
        Bucket(tokens=1.5, at=90.0)
        """
        gained = max(0.0, now - self.at) * rate_per_h / 3600.0
        return Bucket(min(float(burst), self.tokens + gained), max(now, self.at))

    def due_in(self, rate_per_h: float) -> float:
        """Seconds until there is a whole token; 0 where there is one.

        >>> Bucket(0.5, 0.0).due_in(rate_per_h=60.0)
        30.0
        """
        return max(0.0, 1.0 - self.tokens) * 3600.0 / rate_per_h


def bare(alert: Alert) -> Alert:
    """The alert without anybody's words: ids, names, counts and times, which the journal's index shows as well."""
    if alert.kind in (DIGEST, ROUTE, TEST):
        return alert  # remit's own words
    none: dict[str, Any] = {
        "evidence": (),
        "steps": (),
        "attempted": {},
        "origin": "",
        "change": "",
        "anomalies": (),
    }
    return replace(alert, title=plain_title(alert), **none)


def plain_title(alert: Alert) -> str:
    """One line made of what the journal's index shows."""
    at = f" at {visible(alert.tool, 80)}" if alert.tool else ""
    times = "" if alert.count == 1 else f", {alert.count} times"
    return f"{visible(alert.agent, 80)}: {visible(alert.kind, 40)}{at}{times}"


def as_sent(alert: Alert, *, known: bool, merged: int) -> Alert:
    """The alert as it leaves now.

    Args:
        alert: as it was made.
        known: whether the receiver has heard of the incident and not yet of its end. Where not, whatever tells that it
            goes on becomes what opens it: its trigger was refused, too old, or only counted in a digest.
        merged: how many earlier updates it replaces.
    """
    opens = not known and alert.action in (Action.UPDATE, Action.ACKNOWLEDGE)
    title = alert.title if not merged else f"{alert.title} … and {merged} more updates before"
    return replace(alert, action=Action.TRIGGER if opens else alert.action, title=title)
