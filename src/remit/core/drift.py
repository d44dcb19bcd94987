"""The drift watch of one agent: which streams of its conduct are watched, and how they share the promise.

**The promise.** While nothing changes, the expected number of alarms among *n* sessions, over all streams together, is at
most `n / every`: on average one false alarm in `every` sessions, or fewer. The share of each stream is fixed beforehand:

    a third   six streams of the whole: violations, holds, failures, calls, effects, tools used together
    a third   violations and holds by tool and clause, 64 streams at most
    a third   of what was allowed: calls of each tool, sums, sizes and values of arguments, 184 streams at most

A stream begins with the first session that has something for it. Until its 30th value it raises no alarm, and after an
alarm it begins anew, with what it has become as the new normal. Violations, holds and calls that nobody has met yet are
watched as well, as what they are: zero in every session so far. A stream whose values were all alike raises no alarm:
what was won there was won by how ties were broken, and is taken back.

**Bounds.** What finds no room among the streams takes the place of one that was met seldom and long ago, or is not
watched, which is counted (`unwatched`). One session opens at most 64. A session with 10,000 tools costs room for a while.
With more different streams than there is room for, over the agent's life, the promise holds for those that have room.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import fsum
from typing import Any

from remit.core.conduct import Conduct
from remit.core.drifted import Drift, Measure, Stream, StreamKind, drift_id, measure
from remit.core.stats.conformal import NEVER, StreamPart, Streams
from remit.core.stats.ranks import magnitude

EVERY = 5000
"""Sessions for each false alarm, by default."""
OPENED_AT_ONCE = 64
LONG_AGO, SELDOM = 100, 5
"""A stream that was met so seldom, and not in so many sessions, may have to make room."""


@dataclass(frozen=True, slots=True)
class Tier:
    """Streams that share a third of the promise alike."""

    kinds: tuple[StreamKind, ...]
    most: int

    @property
    def share(self) -> float:
        """Of the promise, for each stream."""
        return 1 / 3 / self.most


WHOLE = Tier(
    (
        StreamKind.VIOLATIONS,
        StreamKind.HOLDS,
        StreamKind.FAILURES,
        StreamKind.CALLS,
        StreamKind.EFFECTS,
        StreamKind.TOOLS,
    ),
    6,
)
LINES = Tier((StreamKind.LINE_VIOLATIONS, StreamKind.LINE_HOLDS), 64)
ALLOWED = Tier((StreamKind.TOOL, StreamKind.SUM, StreamKind.SIZE, StreamKind.VALUE), 184)
TIERS = (WHOLE, LINES, ALLOWED)
ROWS = 1 + sum(tier.most for tier in TIERS)
_TIER = {kind: tier for tier in TIERS for kind in tier.kinds}


class AgentWatch:
    """Watches one agent, session by session, in their order.

    Args:
        agent: whose.
        tenant: whose store part.
        key: secret of the store; ties are broken by digests under it, so the same sessions give the same alarms.
        every: sessions for each false alarm.
    """

    def __init__(
        self, agent: str, tenant: str = "default", *, key: bytes = b"remit", every: float = EVERY
    ) -> None:
        self.agent = agent
        self.tenant = tenant
        self.every = float(every)
        self.sessions = 0
        """Counted so far."""
        self.unwatched = 0
        """Sessions that held something for which there was no room."""
        self._key = key[:64]
        self._streams = Streams(ROWS)
        self._rows: dict[Stream, int] = {}
        self._met: dict[Stream, int] = {}
        """Place of the last session that had something for a stream."""
        self._group: tuple[str, int] = ("", -1)
        """Id and place of the first alarm of the latest change."""
        for kind in WHOLE.kinds:
            self._open(Stream(kind))

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def watched(self) -> tuple[Stream, ...]:
        """The streams that have something to say."""
        return tuple(self._rows)

    def add(self, conduct: Conduct) -> list[Drift]:
        """Count one session that ended, and say what changed, strongest first; nearly always nothing.

        Args:
            conduct: of this agent; sessions come in the order in which they ended.
        """
        place, self.sessions = self.sessions, self.sessions + 1
        draw = self._draw(f"{place}/{conduct.session}")
        told = self._told(conduct, place)
        found = self._streams.step(place, draw, told)
        if found.max() < self.every / WHOLE.share:
            return []
        evidence = found.tolist()
        if evidence[NEVER] >= self.every / LINES.share:
            self._streams.forget(NEVER)
        alarms = []
        for stream, row in self._rows.items():
            needed = self.every / _TIER[stream.kind].share
            if evidence[row] < needed:
                continue
            if self._streams.alike(row):
                self._streams.forget(row)
            else:
                alarms.append((evidence[row] / needed, stream, row, needed))
        alarms.sort(key=lambda alarm: (-alarm[0], alarm[1].key))
        return [
            self._alarm(conduct, place, stream, row, needed, ratio) for ratio, stream, row, needed in alarms
        ]

    def _alarm(
        self, conduct: Conduct, place: int, stream: Stream, row: int, needed: float, ratio: float
    ) -> Drift:
        split = self._streams.split(row)
        self._streams.restart(row)
        if split.since > self._group[1]:
            self._group = (drift_id(self.tenant, self.agent, stream, place), place)
        return Drift(
            agent=self.agent,
            tenant=self.tenant,
            stream=stream,
            place=place,
            session=conduct.session,
            at=conduct.at,
            since=split.since,
            before=_measure(split.before),
            after=_measure(split.after),
            evidence=ratio * needed,
            needed=needed,
            group=self._group[0],
        )

    # ------------------------------------------------------------------------------------------ which streams
    def _told(self, conduct: Conduct, place: int) -> dict[int, float | str]:
        """What this session says, by row; rows are made for what nobody has met."""
        told: dict[int, float | str] = {}
        opened = 0
        full: set[Tier] = set()
        for stream, value in values_of(conduct, lambda name: self._draw(f"{place}/{name}")):
            row, tier = self._rows.get(stream), _TIER[stream.kind]
            if row is None and tier not in full:
                row = self._open(stream) if opened < OPENED_AT_ONCE else None
                opened += row is not None
            if row is None:
                full.add(tier)
                continue
            self._met[stream] = place
            told[row] = value
        self.unwatched += bool(full)
        return told

    def _open(self, stream: Stream) -> int | None:
        tier = _TIER[stream.kind]
        if sum(_TIER[known.kind] is tier for known in self._rows) >= tier.most and not self._make_room(tier):
            return None
        row = self._streams.open(every=stream.every)
        if row is not None:
            self._rows[stream] = row
        return row

    def _make_room(self, tier: Tier) -> bool:
        """Give up the stream that was met seldom, longest ago."""
        old = [
            stream
            for stream, row in self._rows.items()
            if _TIER[stream.kind] is tier
            and self._met.get(stream, 0) < self.sessions - LONG_AGO
            and self._streams.hits(row) <= SELDOM
        ]
        if not old:
            return False
        oldest = min(old, key=lambda stream: self._met.get(stream, 0))
        self._streams.close(self._rows.pop(oldest))
        self._met.pop(oldest, None)
        return True

    def _draw(self, what: str) -> float:
        """A number in [0, 1) that nobody can foresee who does not have the key."""
        digest = hashlib.blake2b(what.encode("utf-8", "replace"), key=self._key, digest_size=8).digest()
        return (int.from_bytes(digest, "big") >> 11) / 2.0**53

    # ------------------------------------------------------------------------------------------ as plain values
    def told(self) -> dict[str, Any]:
        """Everything but the key, for msgpack."""
        names = [[s.kind.value, s.tool, s.name, row, self._met.get(s, 0)] for s, row in self._rows.items()]
        return {
            "agent": self.agent,
            "tenant": self.tenant,
            "every": self.every,
            "sessions": self.sessions,
            "unwatched": self.unwatched,
            "group": list(self._group),
            "names": names,
            "streams": self._streams.told(),
        }

    @classmethod
    def read(cls, told: Mapping[str, Any], *, key: bytes) -> AgentWatch:
        """What `told` told."""
        watch = cls(told["agent"], told["tenant"], key=key, every=float(told["every"]))
        watch.sessions, watch.unwatched = int(told["sessions"]), int(told["unwatched"])
        watch._group = (str(told["group"][0]), int(told["group"][1]))
        watch._streams = Streams.read(told["streams"])
        watch._rows, watch._met = {}, {}
        for kind, tool, name, row, met in told["names"]:
            stream = Stream(StreamKind(kind), tool, name)
            watch._rows[stream], watch._met[stream] = int(row), int(met)
        return watch


def values_of(conduct: Conduct, draw: Any) -> Iterator[tuple[Stream, float | str]]:
    """What one session says about each stream that it has something for.

    Args:
        conduct: the session.
        draw: a number in [0, 1) for a name, by which one of several values is chosen.
    """
    whole = {
        StreamKind.VIOLATIONS: sum(conduct.violations.values()),
        StreamKind.HOLDS: sum(conduct.holds.values()),
        StreamKind.FAILURES: conduct.failures,
        StreamKind.CALLS: conduct.made,
        StreamKind.EFFECTS: conduct.effects,
    }
    yield from ((Stream(kind), float(count)) for kind, count in whole.items() if count)
    yield Stream(StreamKind.TOOLS), _digest("\x1f".join(sorted(conduct.ran)))
    for (tool, clause), count in conduct.violations.items():
        yield Stream(StreamKind.LINE_VIOLATIONS, tool, clause), float(count)
    for (tool, clause), count in conduct.holds.items():
        yield Stream(StreamKind.LINE_HOLDS, tool, clause), float(count)
    for tool, count in conduct.ran.items():
        yield Stream(StreamKind.TOOL, tool), float(count)
    for path, numbers in conduct.numbers.items():
        if numbers:
            yield Stream(StreamKind.SUM, _tool(path, conduct), path), _sum(numbers)
            yield (
                Stream(StreamKind.SIZE, _tool(path, conduct), path),
                sorted(numbers)[(len(numbers) - 1) // 2],
            )
    for path, texts in conduct.values.items():
        if texts:
            yield Stream(StreamKind.VALUE, _tool(path, conduct), path), texts[int(draw(path) * len(texts))]


def _sum(numbers: Sequence[float]) -> float:
    return fsum(magnitude(number) for number in numbers)


def _tool(path: str, conduct: Conduct) -> str:
    """The tool whose argument `tool.path` is: names of tools may have dots, too."""
    head = path
    while head and head not in conduct.ran:
        head = head.rpartition(".")[0]
    return head or path.partition(".")[0]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def _measure(part: StreamPart) -> Measure:
    return measure(part.n, part.hits, part.total, part.square)
