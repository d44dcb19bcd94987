"""What sessions of the journal did, in numbers, once they have ended: `Conduct` from events.

It says of a session what `conduct_of` says of the same session as a record. Argument values leave here as digests under a
key of the store only. What was erased is skipped, and told.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from remit.core.conduct import Conduct, Line
from remit.core.event import Event, StoredEvent
from remit.core.types import Fingerprint, Integrity, ToolEffect
from remit.usecases.cases import fingerprint_from
from remit.usecases.conduct_of import arguments_of

MOST_VALUES = 5_000
"""Argument values of one session that are kept; of what is beyond, only the calls are counted."""
MOST_NAMES = 2_000
"""Different tools, clauses and argument paths of one session, each; what is beyond is one more, `MORE`."""
MOST_WAITING = 1_000
"""Calls that were decided and not settled, of one session."""
MORE = "?more"
_NOT_THE_AGENTS = ("breaker.", "approval.", "store.")
"""Refusals that are no violation of the agent."""


@dataclass(frozen=True, slots=True)
class Followed:
    """What one session did, and what could not be seen of it."""

    conduct: Conduct
    events: int
    erased: int
    """Events whose content was destroyed: what they would say is not counted."""
    cut: bool
    """True where more happened than is kept of one session."""

    @property
    def empty(self) -> bool:
        """Nothing was decided, answered or failed."""
        return not self.conduct.calls and not self.conduct.failures and not self.conduct.violations


class ConductFollower:
    """Counts the events of one session.

    Args:
        key: of the digests of argument values, at most 64 bytes.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._calls, self._ran = Counter[str](), Counter[str]()
        self._violations, self._holds = Counter[Line](), Counter[Line]()
        self._numbers: dict[str, list[float]] = {}
        self._values: dict[str, list[str]] = {}
        self._waiting: OrderedDict[str, Mapping[str, Any]] = OrderedDict()
        """Bodies of decisions by token, until the call is settled."""
        self._kept = 0
        self._effects = self._failures = self._erased = self._events = 0
        self._untrusted = self._cut = False
        self._fingerprint = Fingerprint()
        self._first: StoredEvent | None = None

    def read(self, stored: StoredEvent) -> None:
        """The next event of the session."""
        self._first = self._first or stored
        self._events += 1
        if stored.erased:
            self._erased += 1
            return
        reads = _READS.get(stored.event.kind)
        if reads is not None:
            reads(self, stored.event.body)

    def followed(self, first: Event, at: float) -> Followed:
        """What was counted.

        Args:
            first: any event of the session, which says whose it is.
            at: when it began.
        """
        conduct = Conduct(
            session=first.session,
            agent=first.agent,
            at=at,
            fingerprint=self._fingerprint,
            tenant=first.tenant,
            calls=dict(self._calls),
            violations=dict(self._violations),
            holds=dict(self._holds),
            ran=dict(self._ran),
            effects=self._effects,
            numbers={name: tuple(found) for name, found in self._numbers.items()},
            values={name: tuple(found) for name, found in self._values.items()},
            failures=self._failures,
            untrusted=self._untrusted,
        )
        return Followed(conduct, self._events, self._erased, self._cut)

    # ------------------------------------------------------------------------------------------ by kind of event
    def _opened(self, body: Mapping[str, Any]) -> None:
        self._fingerprint = fingerprint_from(_mapping(body.get("fingerprint")))

    def _observed(self, body: Mapping[str, Any]) -> None:
        steers = body.get("role") != "assistant" and body.get("integrity") != Integrity.TRUSTED.value
        self._untrusted = self._untrusted or steers

    def _decided(self, body: Mapping[str, Any]) -> None:
        if token := str(body.get("token") or ""):
            self._waiting[token] = body
            if len(self._waiting) > MOST_WAITING:
                self._waiting.popitem(last=False)
                self._cut = True
        if body.get("approval_id"):
            return  # the second decision on a held call; the first was counted
        tool = str(body.get("tool", ""))
        self._calls[self._named(self._calls, tool)] += 1
        self._not_met(tool, body)

    def _settled(self, body: Mapping[str, Any]) -> None:
        decided = self._waiting.pop(str(body.get("token") or ""), {})
        tool = str(body.get("tool") or decided.get("tool") or "")
        self._ran[self._named(self._ran, tool)] += 1
        self._failures += body.get("ended") == "error"
        self._effects += decided.get("effect") != ToolEffect.READ.value
        self._not_met(tool, body)
        self._observed(_mapping(body.get("segment")) or {"role": "assistant"})
        args = decided.get("args")
        if isinstance(args, Mapping):
            self._keep(tool, args)

    def _finished(self, body: Mapping[str, Any]) -> None:
        self._not_met("", body)

    def _closed(self, body: Mapping[str, Any]) -> None:
        self._failures += body.get("error") is not None

    # ------------------------------------------------------------------------------------------ keeping
    def _not_met(self, tool: str, body: Mapping[str, Any]) -> None:
        """Each clause once for a call; one that could not be evaluated denies, whatever it would have done."""
        listed = body.get("violations")
        told = [v for v in listed if isinstance(v, Mapping)] if isinstance(listed, list) else []
        told = [v for v in told if not str(v.get("clause", "")).startswith(_NOT_THE_AGENTS)]
        held = {str(v.get("clause")) for v in told if v.get("on_violation") == "hold" and not v.get("error")}
        other = {str(v.get("clause")) for v in told} - held
        for counts, clauses in ((self._holds, held), (self._violations, other)):
            for clause in sorted(clauses):
                counts[self._line(counts, (tool, clause))] += 1

    def _keep(self, tool: str, args: Mapping[str, Any]) -> None:
        numbers, values = arguments_of([(tool, args)], self._key)
        for kept, found in ((self._numbers, numbers), (self._values, values)):
            for name, some in found.items():
                if self._kept + len(some) > MOST_VALUES:
                    self._cut = True
                    return
                if name in kept or len(kept) < MOST_NAMES:
                    kept.setdefault(name, []).extend(some)  # type: ignore[arg-type]
                    self._kept += len(some)
                else:
                    self._cut = True

    def _named(self, counts: Counter[str], name: str) -> str:
        if name in counts or len(counts) < MOST_NAMES:
            return name
        self._cut = True
        return MORE

    def _line(self, counts: Counter[Line], line: Line) -> Line:
        if line in counts or len(counts) < MOST_NAMES:
            return line
        self._cut = True
        return (MORE, MORE)


_READS = {
    "session.opened": ConductFollower._opened,
    "session.resumed": ConductFollower._opened,
    "observed": ConductFollower._observed,
    "decided": ConductFollower._decided,
    "settled": ConductFollower._settled,
    "finished": ConductFollower._finished,
    "session.closed": ConductFollower._closed,
}


def followed(events: Iterable[StoredEvent], key: bytes) -> Followed | None:
    """What the events of one session, or of a part of it, say; None where there is none.

    Args:
        events: of one session, in order.
        key: of the digests of argument values.
    """
    follower, first = ConductFollower(key), None
    for stored in events:
        first = first or stored
        follower.read(stored)
    return None if first is None else follower.followed(first.event, first.at)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
