"""What is counted before and after a change, and how surprising it is, in calls and in sessions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from remit.core.classify.change_windows import AFTER, ChangeWindow
from remit.core.conduct import Conduct, Line
from remit.core.stats.fisher import fisher_p
from remit.core.stats.permutation import permutation_p
from remit.core.stats.rate_ratio import Ratio, rate_ratio, rate_ratio_p

ANY: Line = ("*", "*")
"""All lines of an agent together."""

UNSURPRISED = 0.05
"""Far above every level that is asked for here."""

Unit = Literal["calls", "sessions"]
Hits = Mapping[int, int]
"""How often a line was not met, by the session's place; sessions without are not there."""


@dataclass(frozen=True, slots=True)
class Counts:
    """One line before (0) and after (1) a change."""

    x0: int = 0
    """Calls that did not meet the clause, or were held by it."""
    n0: int = 0
    """Calls of the agent, of whatever tool; for clauses about the final answer, sessions."""
    x1: int = 0
    n1: int = 0
    hit0: int = 0
    """Sessions with at least one."""
    sessions0: int = 0
    hit1: int = 0
    sessions1: int = 0
    heaps0: tuple[int, ...] = ()
    """How many in each of those sessions."""
    heaps1: tuple[int, ...] = ()

    @property
    def testable(self) -> bool:
        """Whether anything ran on both sides."""
        return self.n0 > 0 and self.n1 > 0

    def turned(self) -> Counts:
        """Before and after exchanged."""
        return Counts(
            *(self.x1, self.n1, self.x0, self.n0, self.hit1, self.sessions1, self.hit0, self.sessions0),
            *(self.heaps1, self.heaps0),
        )

    def p_by(self, unit: Unit) -> float:
        """One-sided p-value of a rise: of independent calls, or of whole sessions with all that is in them."""
        if not self.testable:
            return 1.0
        if unit == "calls":
            return rate_ratio_p(self.x0, self.n0, self.x1, self.n1)
        return permutation_p(self.heaps0, self.sessions0, self.heaps1, self.sessions1)

    @property
    def weaker(self) -> tuple[float, Unit]:
        """The p-value of the unit that is less surprised by a rise, since nobody knows how independent the calls of one
        session are. Sessions are not asked where calls are not surprised at all."""
        calls = self.p_by("calls")
        sessions = self.p_by("sessions") if calls <= UNSURPRISED else 0.0
        return (calls, "calls") if calls > sessions else (sessions, "sessions")

    @property
    def p(self) -> float:
        """One-sided p-value of a rise, in the weaker unit."""
        return self.weaker[0]

    @property
    def smallest_p(self) -> float:
        """What it would be if all had fallen after the change; 0 where more sessions have any than ran after."""
        hits = self.hit0 + self.hit1
        if not self.testable or hits > self.sessions1:
            return 0.0
        calls = rate_ratio_p(0, self.n0, self.x0 + self.x1, self.n1)
        return max(calls, fisher_p(0, self.sessions0, hits, self.sessions1))

    def ratio(self, unit: Unit) -> Ratio:
        """How many times as often after as before, with a 95 % interval."""
        if not self.testable:
            return Ratio(float("nan"), 0.0, float("inf"))
        if unit == "calls":
            return rate_ratio(self.x0, self.n0, self.x1, self.n1)
        return rate_ratio(self.hit0, self.sessions0, self.hit1, self.sessions1)


def hits_of(sessions: Sequence[Conduct]) -> dict[Line, dict[int, int]]:
    """How often each line was not met, and `ANY` for all together, by the session's place."""
    found: dict[Line, dict[int, int]] = {ANY: {}}
    for at, one in enumerate(sessions):
        for counted in (one.violations, one.holds):
            for line, times in counted.items():
                if times > 0:
                    for into in (found.setdefault(line, {}), found[ANY]):
                        into[at] = into.get(at, 0) + times
    return found


@dataclass(frozen=True, slots=True)
class Exposure:
    """How much ran on each side of a change by the time of one look."""

    end: int
    """Place behind the last session by then."""
    calls: tuple[int, int]
    sessions: tuple[int, int]


def exposures(window: ChangeWindow, ends: Sequence[int], sessions: Sequence[Conduct]) -> list[Exposure]:
    """What ran by each of *ends*, places behind the last session of a look, rising."""
    calls, members, found, at = [0, 0], [0, 0], list[Exposure](), window.low
    for end in ends:
        for place in range(at, end):
            arm = window.after[place]
            if arm > AFTER:
                continue
            members[arm] += 1
            calls[arm] += sessions[place].made
        at = max(at, end)
        found.append(Exposure(end, (calls[0], calls[1]), (members[0], members[1])))
    return found


def counts_at(window: ChangeWindow, ran: Sequence[Exposure], line: Line, hits: Hits) -> list[Counts]:
    """What was counted of one line by the time of each look.

    Args:
        window: the sessions that speak.
        ran: what ran by each look.
        line: which one.
        hits: of the line, by place, rising.
    """
    x, heaps, found = [0, 0], (list[int](), list[int]()), list[Counts]()
    waiting = [(place, times) for place, times in hits.items() if window.low <= place < window.high]
    at = 0
    for look in ran:
        while at < len(waiting) and waiting[at][0] < look.end:
            arm = window.after[waiting[at][0]]
            if arm <= AFTER:
                x[arm] += waiting[at][1]
                heaps[arm].append(waiting[at][1])
            at += 1
        n = look.calls if line[0] else look.sessions
        m0, m1 = look.sessions
        h0, h1 = tuple(heaps[0]), tuple(heaps[1])
        found.append(Counts(x[0], n[0], x[1], n[1], len(h0), m0, len(h1), m1, h0, h1))
    return found
