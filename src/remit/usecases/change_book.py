"""What is known of changes while a store grows: the sessions so far, changes told and seen, what goes along with them.

Findings are made anew when there is enough news: a change, or a tenth more sessions. The statistics hold however often
that is (`core.stats.looks`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from remit.core.change import Change
from remit.core.changes_seen import with_seen
from remit.core.classify.case import Case
from remit.core.classify.change import ChangeFinding, findings
from remit.core.conduct import Conduct, Line
from remit.usecases.classify_sessions import told_of

Who = tuple[str, str]
"""Tenant and agent."""
NEWS = 0.1
"""Share of sessions that must be new before the findings are made anew."""
MOST_SESSIONS = 50_000
"""Sessions of one agent that are kept, the latest ones."""


@dataclass
class _Agent:
    conduct: list[Conduct] = field(default_factory=list)
    places: dict[str, int] = field(default_factory=dict)
    counted: int = 0
    """Sessions when the findings were made."""
    stale: bool = False
    found: list[ChangeFinding] = field(default_factory=list)


class ChangeBook:
    """Sessions and changes of all agents of a store."""

    def __init__(self) -> None:
        self._agents: defaultdict[Who, _Agent] = defaultdict(_Agent)
        self._told: dict[str, Change] = {}
        self._explained: set[str] = set()

    def add(self, conduct: Conduct) -> None:
        """A session has ended."""
        agent = self._agents[conduct.tenant, conduct.agent]
        if conduct.session in agent.places:
            agent.conduct[agent.places[conduct.session]] = conduct
            agent.stale = True
            return
        if len(agent.conduct) >= 2 * MOST_SESSIONS:
            agent.conduct = agent.conduct[-MOST_SESSIONS:]
            agent.places = {one.session: place for place, one in enumerate(agent.conduct)}
        agent.places[conduct.session] = len(agent.conduct)
        agent.conduct.append(conduct)

    def explained(self, session: str) -> None:
        """Content explains a violation of this session: it says nothing about a change."""
        self._explained.add(session)

    def tell(self, changes: Iterable[Change]) -> list[Change]:
        """What people told; returns the changes that are new."""
        new = [change for change in changes if change.id not in self._told]
        for change in new:
            self._told[change.id] = change
        for (tenant, name), agent in self._agents.items():
            agent.stale |= any(c.tenant == tenant and c.agent in ("", name) for c in new)
        return new

    def about(self, case: Case) -> tuple[ChangeFinding, ...]:
        """The findings that speak of a case, as they stand."""
        agent = self._agents.get((case.tenant, case.agent))
        return () if agent is None else told_of(agent.found, case)

    def renew(self) -> Iterator[tuple[str, str, Line, float]]:
        """Make findings anew where there is news; what became evidence, or is no longer.

        Yields:
            Tenant, agent, line, and the instant of the change.
        """
        for who, agent in self._agents.items():
            if not agent.stale and len(agent.conduct) < agent.counted * (1 + NEWS) + 1:
                continue
            before = _evidence(agent.found)
            agent.found = self._find(who, agent.conduct)
            agent.counted, agent.stale = len(agent.conduct), False
            now = _evidence(agent.found)
            for key in before.keys() ^ now.keys():
                change = (before.get(key) or now[key]).change
                yield (*who, key[1], change.at)

    def _find(self, who: Who, conduct: Sequence[Conduct]) -> list[ChangeFinding]:
        tenant, name = who
        sessions = [replace(c, clean=c.clean and c.session not in self._explained) for c in conduct]
        told = [c for c in self._told.values() if c.tenant == tenant and c.agent in ("", name)]
        every = with_seen(told, sessions)
        return findings(every, sessions) if every else []


def _evidence(found: Iterable[ChangeFinding]) -> dict[tuple[str, Line], ChangeFinding]:
    return {(one.change.id, one.line): one for one in found if one.significant}
