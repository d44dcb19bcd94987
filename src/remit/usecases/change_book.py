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
from remit.core.drift_book import Who
from remit.usecases.classify_sessions import told_of

NEWS = 0.1
"""Share of sessions that must be new before the findings are made anew."""
MOST_SESSIONS = 20_000
"""Sessions of one agent that are kept, the latest ones."""


@dataclass(frozen=True, slots=True)
class News:
    """A line of an agent whose evidence is other than before."""

    tenant: str
    agent: str
    line: Line
    since: float
    """When the change took effect that the evidence is about."""
    because: str
    """`change` where one was told, `sessions` where more came in."""


@dataclass
class _Agent:
    conduct: list[Conduct] = field(default_factory=list)
    known: set[tuple[str, float]] = field(default_factory=set)
    counted: int = 0
    """Sessions when the findings were made."""
    told: bool = False
    """Whether somebody told of a change since."""
    found: list[ChangeFinding] = field(default_factory=list)


class ChangeBook:
    """Sessions and changes of all agents of a store."""

    def __init__(self) -> None:
        self._agents: defaultdict[Who, _Agent] = defaultdict(_Agent)
        self._told: dict[str, Change] = {}
        self._explained: set[str] = set()

    def add(self, conduct: Conduct) -> None:
        """A session, or a part of one, has ended; the same again adds nothing."""
        agent = self._agents[conduct.tenant, conduct.agent]
        key = (conduct.session, conduct.at)
        if key in agent.known:
            return
        agent.known.add(key)
        agent.conduct.append(replace(conduct, numbers={}, values={}))
        if len(agent.conduct) >= 2 * MOST_SESSIONS:
            agent.conduct = agent.conduct[-MOST_SESSIONS:]
            agent.known = {(one.session, one.at) for one in agent.conduct}
            agent.counted = min(agent.counted, len(agent.conduct))

    def has(self, who: Who, session: str, at: float) -> bool:
        """Whether the part of an agent's session that began then was added."""
        agent = self._agents.get(who)
        return agent is not None and (session, at) in agent.known

    def explained(self, session: str) -> None:
        """Content explains a violation of this session: it says nothing about a change."""
        self._explained.add(session)

    def tell(self, changes: Iterable[Change]) -> None:
        """What people told."""
        for change in changes:
            self._told[change.id] = change
            for (tenant, name), agent in self._agents.items():
                agent.told = agent.told or (change.tenant == tenant and change.agent in ("", name))

    def change(self, change_id: str) -> Change | None:
        """The change with an id, told or seen; None where it is not known."""
        if change_id in self._told:
            return self._told[change_id]
        found = (one.change for agent in self._agents.values() for one in agent.found)
        return next((change for change in found if change.id == change_id), None)

    def about(self, case: Case) -> tuple[ChangeFinding, ...]:
        """The findings that speak of a case, as they stand."""
        agent = self._agents.get((case.tenant, case.agent))
        return () if agent is None else told_of(agent.found, case)

    def renew(self) -> Iterator[News]:
        """Make findings anew where there is enough news, and say of which lines the evidence is other than before."""
        for who, agent in list(self._agents.items()):
            if not agent.told and len(agent.conduct) < agent.counted * (1 + NEWS) + 1:
                continue
            because = "sessions" if agent.counted and not agent.told else "change"
            before = _evidence(agent.found)
            agent.found = self._find(who, agent.conduct)
            agent.counted, agent.told = len(agent.conduct), False
            now = _evidence(agent.found)
            for key in before.keys() ^ now.keys():
                change = (before.get(key) or now[key]).change
                yield News(*who, key[1], change.at, because)

    def _find(self, who: Who, conduct: Sequence[Conduct]) -> list[ChangeFinding]:
        tenant, name = who
        sessions = [replace(c, clean=c.clean and c.session not in self._explained) for c in conduct]
        told = [c for c in self._told.values() if c.tenant == tenant and c.agent in ("", name)]
        every = with_seen(told, sessions)
        return findings(every, sessions) if every else []


def _evidence(found: Iterable[ChangeFinding]) -> dict[tuple[str, Line], ChangeFinding]:
    return {(one.change.id, one.line): one for one in found if one.significant}
