"""What the drift watch says: which stream of an agent's conduct changed, since when, and by how much."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import sqrt

from remit.core.ids import derived_id
from remit.core.notice import visible
from remit.core.types import Json


class StreamKind(StrEnum):
    """What a stream counts, one value a session."""

    VIOLATIONS = "violations"
    HOLDS = "holds"
    FAILURES = "failures"
    CALLS = "calls"
    EFFECTS = "effects"
    TOOLS = "tools"
    """Which tools ran in a session, together."""
    LINE_VIOLATIONS = "violations-of"
    """Of one clause by one tool."""
    LINE_HOLDS = "holds-of"
    TOOL = "calls-of"
    """Calls of one tool that ran."""
    SUM = "sum-of"
    """Sum of a numeric argument over a session's calls that ran."""
    SIZE = "size-of"
    """Middle value of a numeric argument in a session that has it."""
    VALUE = "value-of"
    """One value of another argument, drawn from those of a session that has it."""


class Direction(StrEnum):
    """What a change means to whoever runs the agent, as far as the stream can tell."""

    WORSE = "worse"
    BETTER = "better"
    OTHER = "other"
    """Nothing was violated: people judge."""


@dataclass(frozen=True, slots=True)
class Stream:
    """One thing that is watched of an agent."""

    kind: StreamKind
    tool: str = ""
    name: str = ""
    """Clause, or `tool.path` of an argument; empty where the kind says all."""

    @property
    def key(self) -> str:
        """As one word: `sum-of:refund:refund.amount`."""
        return f"{self.kind.value}:{self.tool}:{self.name}"

    @property
    def every(self) -> bool:
        """Whether every session has a value, zero where it says nothing."""
        return self.kind not in (StreamKind.SIZE, StreamKind.VALUE, StreamKind.TOOLS)

    @property
    def told(self) -> str:
        """As people say it."""
        return _TOLD[self.kind].format(tool=visible(self.tool), name=visible(self.name))


_TOLD = {
    StreamKind.VIOLATIONS: "violations",
    StreamKind.HOLDS: "held calls",
    StreamKind.FAILURES: "failed calls",
    StreamKind.CALLS: "calls",
    StreamKind.EFFECTS: "calls with an effect",
    StreamKind.TOOLS: "tools used together",
    StreamKind.LINE_VIOLATIONS: "violations of {name}",
    StreamKind.LINE_HOLDS: "calls held by {name}",
    StreamKind.TOOL: "calls of {tool}",
    StreamKind.SUM: "sum of {name}",
    StreamKind.SIZE: "size of {name}",
    StreamKind.VALUE: "values of {name}",
}
_BAD = (
    StreamKind.VIOLATIONS,
    StreamKind.HOLDS,
    StreamKind.FAILURES,
    StreamKind.LINE_VIOLATIONS,
    StreamKind.LINE_HOLDS,
)
_OF_KINDS = (StreamKind.TOOLS, StreamKind.VALUE)


@dataclass(frozen=True, slots=True)
class Measure:
    """A stream over some sessions: a description, since where it is cut was chosen by the data."""

    sessions: int
    """Those that have a value."""
    hits: int
    """Sessions in which it is not zero; of categories, in which it was of a kind not met before."""
    low: float
    """Exact 95 % interval of their share."""
    high: float
    mean: float
    """A session's value, on average."""
    error: float
    """Standard error of the mean, as if sessions were independent."""

    @property
    def share(self) -> float:
        """Of sessions, how many are hits."""
        return self.hits / self.sessions if self.sessions else 0.0

    def told(self) -> dict[str, Json]:
        """As plain JSON, rounded."""
        return {
            "sessions": self.sessions,
            "hits": self.hits,
            "share": round(self.share, 6),
            "interval": [round(self.low, 6), round(self.high, 6)],
            "mean": _rounded(self.mean),
            "standard_error": _rounded(self.error),
        }


def measure(n: int, hits: int, total: float, square: float) -> Measure:
    """A measure from counts and sums."""
    from remit.core.stats.proportion import clopper_pearson

    low, high = clopper_pearson(hits, n) if n else (0.0, 1.0)
    mean = total / n if n else 0.0
    spread = max(square - n * mean * mean, 0.0) / (n - 1) if n > 1 else 0.0
    return Measure(n, hits, low, high, mean, sqrt(spread / n) if n else 0.0)


@dataclass(frozen=True, slots=True)
class Drift:
    """One alarm of the drift watch. It blocks nothing."""

    agent: str
    tenant: str
    stream: Stream
    place: int
    """Of the session that gave the alarm, counted from 0 over the agent's sessions."""
    session: str
    at: float
    since: int
    """Place of the first session after the change, as estimated: early or late, by tens of sessions, where the change is
    small by hundreds."""
    before: Measure
    after: Measure
    evidence: float
    """What bets against "nothing changed" made of one unit a session; see `core.stats.conformal`."""
    needed: float
    """The evidence at which this stream tells: `every` sessions divided by the stream's share."""
    group: str = ""
    """Id of the first alarm of the same change, which may be this one."""
    since_session: str = ""
    since_at: float | None = None

    @property
    def id(self) -> str:
        """The same for the same alarm, wherever it is computed."""
        return drift_id(self.tenant, self.agent, self.stream, self.place)

    @property
    def more(self) -> bool:
        """Whether there is more of it than before."""
        if self.stream.kind in _BAD:
            return self.after.share > self.before.share or (
                self.after.share == self.before.share and self.after.mean > self.before.mean
            )
        return self.after.mean > self.before.mean

    @property
    def direction(self) -> Direction:
        """Worse, better, or for people to judge."""
        if self.stream.kind not in _BAD:
            return Direction.OTHER
        return Direction.WORSE if self.more else Direction.BETTER

    @property
    def told(self) -> str:
        """In one sentence, with the numbers."""
        since = visible(self.since_session) or str(self.since)
        before, after = (_numbers(self.stream.kind, part) for part in (self.before, self.after))
        return f"{self.stream.told}: {before} before, since about session {since} {after}"

    def body(self) -> dict[str, Json]:
        """As plain JSON."""
        return {
            "id": self.id,
            "group": self.group or self.id,
            "stream": {"kind": self.stream.kind.value, "tool": self.stream.tool, "name": self.stream.name},
            "direction": self.direction.value,
            "more": self.more,
            "since": {"place": self.since, "session": self.since_session, "at": self.since_at},
            "seen": {"place": self.place, "session": self.session, "at": self.at},
            "before": self.before.told(),
            "after": self.after.told(),
            "evidence": _rounded(self.evidence),
            "needed": _rounded(self.needed),
            "told": self.told,
        }


def drift_id(tenant: str, agent: str, stream: Stream, place: int) -> str:
    """Of the alarm of a stream at a session."""
    return derived_id(tenant, "drift", agent, stream.key, place)


def _numbers(kind: StreamKind, part: Measure) -> str:
    counted = f"{part.hits} of {part.sessions} sessions"
    if kind in _OF_KINDS:
        return f"{counted} had one that was new"
    if kind in _BAD:
        several = f", {_rounded(part.mean):g} a session" if part.mean > part.share else ""
        return (
            f"in {counted} ({100 * part.share:.3g} % [{100 * part.low:.3g}, {100 * part.high:.3g}]){several}"
        )
    per = "on average" if kind is StreamKind.SIZE else "a session"
    return f"{_rounded(part.mean):g} {per} (± {_rounded(2 * part.error):g}, {part.sessions} sessions)"


def _rounded(value: float) -> float:
    """To four figures.

    >>> _rounded(123456.0), _rounded(0.0123456)
    (123500.0, 0.01235)
    """
    return float(f"{value:.4g}")
