"""Change evidence: does a line's rate rise with something that was changed?

Observational: a finding says *correlates with*, never *caused by*. Violations that content explains stay out
(`Conduct.clean`), since an attack that begins after a deployment says nothing about the deployment.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

from remit.core.change import Change
from remit.core.classify.change_compared import ALPHA, LineAgainstChange, compared
from remit.core.classify.change_counts import ANY, Hits, Unit, hits_of
from remit.core.classify.change_naming import CandidateStanding, Naming
from remit.core.classify.change_told import told_of
from remit.core.classify.change_windows import AFTER, ENOUGH, ChangeWindow, ran_with, windows
from remit.core.conduct import Conduct, Line
from remit.core.notice import visible
from remit.core.types import Fingerprint, Json

__all__ = ["ALPHA", "ANY", "ENOUGH", "ChangeFinding", "Findings", "about", "findings", "named"]

MOST_BESIDE = 3
"""Findings that are no evidence and are told all the same."""


@dataclass(frozen=True, slots=True)
class ChangeFinding:
    """One (agent, tool, clause) before and after one change."""

    change: Change
    agent: str
    line: Line
    """Tool and clause; `ANY` for all lines of the agent together."""
    x0: int
    """Calls before that did not meet the clause or were held by it."""
    n0: int
    """Calls before; for clauses about the final answer, sessions."""
    x1: int
    n1: int
    hit0: int
    """Sessions before with at least one."""
    sessions0: int
    hit1: int
    sessions1: int
    unit: Unit
    """What ratio, interval and p-value count: the weaker of the two."""
    ratio: float
    """How many times as often after as before; infinite where it never was before."""
    low: float
    """Of the exact 95 % interval of the ratio."""
    high: float
    p: float
    """One-sided p-value of a rise, of one look at one line."""
    p_corrected: float
    """For all lines and all looks; read at `ALPHA`."""
    comparisons: int
    """Lines that the correction is for."""
    significant: bool
    """The line rose, beyond chance, and the change stands beside the others as a candidate: evidence."""
    likeliest: bool
    """Of the changes with which it rose, this one fits best."""
    fell: bool
    """It fell, beyond chance: told, and no evidence for anything that went wrong."""
    absent_before: bool
    """It never occurred before, and does after."""
    without_content: int
    """Sessions after with the line, into which no content came that is not trusted."""
    too_few: bool
    """Fewer calls than a rise from .5 % to 3 % needs to be seen: that nothing was found says little."""
    shown: bool
    """The sessions say themselves whether they ran with the change."""
    by_group: bool
    """Two versions ran at once: sessions are told apart by their fingerprints, not by time."""
    rivals: tuple[str, ...]
    """Ids of changes that cannot be told from this one."""
    outdone: str
    """Id of the change that explains the rise better; empty where none does."""
    elsewhere: float | None
    """An instant at which nothing is known to have changed, and that explains the rise better."""
    told: str
    """All of it in a sentence or two, safe to show."""

    @property
    def rose(self) -> bool:
        """Whether it is more frequent after, be it by chance."""
        return self.x1 * self.n0 > self.x0 * self.n1

    def concerns(self, fingerprint: Fingerprint, at: float) -> bool:
        """Whether a session that began then ran with the change."""
        return ran_with(fingerprint, at, self.change, shown=self.shown)

    def facts(self) -> dict[str, Json]:
        """The change and the statistic, as plain JSON; null where a ratio or a bound is infinite or not defined."""
        change = self.change
        return {
            "change": change.id,
            "kind": change.kind.value,
            "at": change.at,
            "before": visible(change.before),
            "after": visible(change.after),
            "seen": change.seen,
            "line": list(self.line),
            "x0": self.x0,
            "n0": self.n0,
            "x1": self.x1,
            "n1": self.n1,
            "sessions0": [self.hit0, self.sessions0],
            "sessions1": [self.hit1, self.sessions1],
            "absent_before": self.absent_before,
            "without_content": self.without_content,
            "unit": self.unit,
            "ratio": _finite(self.ratio),
            "low": _finite(self.low),
            "high": _finite(self.high),
            "p": self.p,
            "p_corrected": self.p_corrected,
            "comparisons": self.comparisons,
            "rivals": list(self.rivals),
        }


class Findings(list[ChangeFinding]):
    """Findings in their order, found by agent and line without going through all of them."""

    def __init__(self, found: Iterable[ChangeFinding] = ()) -> None:
        super().__init__(found)
        self._by_line = defaultdict[tuple[str, Line], list[ChangeFinding]](list)
        for one in self:
            self._by_line[one.agent, one.line].append(one)

    def of(self, agent: str, line: Line) -> Sequence[ChangeFinding]:
        """Those about one line of one agent."""
        return self._by_line.get((agent, line), ())


def findings(
    changes: Sequence[Change],
    conduct: Sequence[Conduct],
    lines: Collection[Line] | None = None,
    *,
    once: bool = False,
) -> Findings:
    """Every change against every line of the agents that it is about, most significant first.

    Args:
        changes: told and seen ones; an empty agent means every agent of the tenant.
        conduct: sessions, in any order; those of one instant stay in the order given.
        lines: only findings about these, and about all lines together; the correction is for all lines all the same.
        once: True where this is the one and only look at a finished record; otherwise p-values hold however often
            somebody looks while sessions come in.

    Returns:
        Findings with at least one violation; `ANY` for each change also without.
    """
    by_agent = defaultdict[tuple[str, str], list[Conduct]](list)
    for one in sorted(conduct, key=lambda c: c.at):
        if one.clean:
            by_agent[one.tenant, one.agent].append(one)
    found: list[ChangeFinding] = []
    for (tenant, agent), sessions in by_agent.items():
        told = [c for c in changes if c.tenant == tenant and c.agent in ("", agent)]
        own = list({c.id: c for c in sorted(told, key=lambda c: c.agent != "")}.values())  # its own word wins
        found += _of_agent(agent, own, sessions, once=once)
    if lines is not None:
        found = [one for one in found if one.line == ANY or one.line in lines]
    return Findings(sorted(found, key=_strength))


def about(found: Iterable[ChangeFinding], agent: str, lines: Collection[Line]) -> tuple[ChangeFinding, ...]:
    """The findings that concern anomalies on some lines of an agent: about the lines themselves; and about all lines
    together, where one of these rose with the same change. Evidence first; of the rest the nearest to it.
    """
    found = found if isinstance(found, Findings) else Findings(found)
    direct = [one for line in lines for one in found.of(agent, line)]
    risen = {one.change.id for one in direct if one.rose}
    every = [*direct, *(one for one in found.of(agent, ANY) if one.change.id in risen)]
    evidence = sorted((one for one in every if one.significant), key=_strength)
    rest = sorted((one for one in every if not one.significant), key=_strength)
    return (*evidence, *rest[:MOST_BESIDE])


def _strength(one: ChangeFinding) -> tuple[bool, bool, float, float]:
    return not one.significant, not one.likeliest, one.p_corrected, one.p


def _finite(value: float) -> float | None:
    return value if isfinite(value) else None


def named(found: Iterable[ChangeFinding]) -> tuple[ChangeFinding, ...]:
    """The finding about each change that is most likely responsible for a rise, the surest change first."""
    best: dict[str, ChangeFinding] = {}
    for one in sorted(found, key=lambda f: f.p_corrected):
        if one.significant and one.likeliest:
            best.setdefault(one.change.id, one)
    return tuple(best.values())


def _of_agent(
    agent: str, changes: Sequence[Change], sessions: Sequence[Conduct], *, once: bool
) -> list[ChangeFinding]:
    hits = hits_of(sessions)
    by_id = {window.change.id: window for window in windows(changes, sessions)}
    results = {id: compared(window, sessions, hits, once=once) for id, window in by_id.items()}
    found: list[ChangeFinding] = []
    for line, of_line in hits.items():
        risen = [id for id, result in results.items() if result[line].rose <= ALPHA]
        weight = len(hits) if line != ANY else 1
        naming = Naming(line, of_line, sessions, by_id, weight, hits[ANY])
        standings = naming.standings(risen)
        for id, window in by_id.items():
            result = results[id][line]
            if line == ANY or result.counts.x0 + result.counts.x1:
                where = _Where(agent, line, window, sessions, of_line, len(hits))
                found.append(_finding(where, result, standings.get(id), by_id))
    return found


@dataclass(frozen=True, slots=True)
class _Where:
    agent: str
    line: Line
    window: ChangeWindow
    sessions: Sequence[Conduct]
    hits: Hits
    comparisons: int

    def without_content(self) -> int:
        return sum(
            not self.sessions[at].untrusted
            for at in self.hits
            if self.window.low <= at < self.window.high and self.window.after[at] == AFTER
        )


def _finding(
    where: _Where,
    result: LineAgainstChange,
    standing: CandidateStanding | None,
    by_id: Mapping[str, ChangeWindow],
) -> ChangeFinding:
    c = result.counts
    rose = c.x1 * c.n0 >= c.x0 * c.n1
    _, unit = c.weaker if rose else c.turned().weaker
    ratio = c.ratio(unit)
    told = told_of(
        where.window,
        where.agent,
        where.line,
        result,
        unit,
        standing,
        where.comparisons,
        where.without_content(),
        {id: window.change for id, window in by_id.items()},
    )
    standing, risen = standing or CandidateStanding(stands=False, likeliest=False), standing is not None
    return ChangeFinding(
        change=where.window.change,
        agent=where.agent,
        line=where.line,
        x0=c.x0,
        n0=c.n0,
        x1=c.x1,
        n1=c.n1,
        hit0=c.hit0,
        sessions0=c.sessions0,
        hit1=c.hit1,
        sessions1=c.sessions1,
        unit=unit,
        ratio=ratio.value,
        low=ratio.low,
        high=ratio.high,
        p=c.p,
        p_corrected=result.rose,
        comparisons=where.comparisons,
        significant=risen and standing.stands,
        likeliest=risen and standing.likeliest,
        fell=not risen and result.fell <= ALPHA,
        absent_before=c.x0 == 0 and c.x1 > 0,
        without_content=where.without_content(),
        too_few=min(c.n0, c.n1) < ENOUGH,
        shown=where.window.shown,
        by_group=where.window.by_group,
        rivals=standing.rivals,
        outdone=standing.outdone,
        elsewhere=standing.elsewhere,
        told=told,
    )
