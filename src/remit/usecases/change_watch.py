"""Changes and drift, as the worker of a store follows them: what it knows when it classifies, and what is due again.

After a start the latest sessions are read from the journal once more, a few with each step; from then on a session is
counted when it ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from remit.core.change import Change
from remit.core.classify.case import Case
from remit.core.classify.change import ANY
from remit.core.classify.classification import Class
from remit.core.classify.known import Known, Opinion
from remit.core.classify.work import Done
from remit.core.drift_book import CountedSession, Who
from remit.core.event import StoredEvent
from remit.usecases.change_book import ChangeBook
from remit.usecases.changes import RECORDED, change_from
from remit.usecases.drift import DriftBook, DriftWatch
from remit.usecases.follow_conduct import followed

RECALLED = 2_000
"""Sessions of each agent that are read again after a start, the latest ones."""
AT_ONCE = 50
"""Of these with each step."""


class Due(Protocol):
    """What a worker has classified again; `store.triage_work.SqliteTriageWork`."""

    def told(self, kind: str, after: int) -> Iterator[StoredEvent]:
        """The events of one rare kind after a sequence."""

    def agents(self) -> list[tuple[str, str, int]]:
        """Tenant, agent and how many sessions were counted, of each agent that is watched."""

    def explained(self, tenant: str, agent: str) -> list[str]:
        """Sessions with an anomaly that content explains."""

    def look_again(self, tenant: str, agent: str, since: float, why: str, clause: str = "") -> int:
        """Have the latest anomalies of an agent classified again."""


class ChangeWatch:
    """The drift watch, and beside it what is known of changes.

    Args:
        watch: counts sessions as they end.
        book: what it counted.
        due: what is to be classified again.
        opinions: what optional witnesses say.
    """

    def __init__(
        self,
        watch: DriftWatch,
        book: DriftBook,
        due: Due,
        opinions: Callable[[Case], tuple[Opinion, ...]] = lambda _case: (),
    ) -> None:
        self._opinions = opinions
        self._watch = watch
        self._book = book
        self._due = due
        self._known = ChangeBook()
        self._upto: dict[Who, int] = {}
        """How many sessions of each agent are known."""
        self._changes_upto = 0

    def known(self, case: Case) -> Known:
        """What changes, and whoever else was asked, say of a case."""
        return Known(changes=self._known.about(case), opinions=self._opinions(case))

    def change(self, change_id: str) -> Change | None:
        """The change with an id, as far as it is known."""
        return self._known.change(change_id)

    def learned(self, done: Sequence[Done]) -> None:
        """Anomalies were classified: what content explains says nothing about a change."""
        for one in done:
            if one.standing.label in (Class.SECURITY, Class.BOTH):
                self._known.explained(one.case.session)

    def step(self) -> int:
        """Count what ended, a batch at a time; have classified again what that says more about. How much was done."""
        step = self._watch.watch_once()
        for conduct in step.sessions:
            self._known.add(conduct)
        told = self._hear()
        most = AT_ONCE + len(step.sessions)
        recalled = self._recall(most)
        if recalled < most:  # otherwise there is more to remember before anything can be said
            self._renew()
        return len(step.sessions) + told + recalled

    def catch_up(self) -> None:
        """As many steps as there is something to do."""
        while self.step():
            pass

    def _hear(self) -> int:
        found = list(self._due.told(RECORDED, self._changes_upto))
        if found:
            self._changes_upto = found[-1].seq
            self._known.tell(change_from(one) for one in found if not one.erased)
        return len(found)

    def _recall(self, most: int) -> int:
        """Go on through what was counted, by this watch or by another; of how many sessions."""
        read = 0
        for tenant, agent, counted in self._due.agents():
            who = (tenant, agent)
            if who not in self._upto:
                self._upto[who] = max(0, counted - RECALLED)
                for session in self._due.explained(tenant, agent):
                    self._known.explained(session)
            last = min(counted, self._upto[who] + most - read) - 1
            if last < self._upto[who]:
                continue
            for one in self._book.sessions(who, self._upto[who], last):
                self._add(who, one)
            read += last + 1 - self._upto[who]
            self._upto[who] = last + 1
        return read

    def _add(self, who: Who, counted: CountedSession) -> None:
        if self._known.has(who, counted.session, counted.at):
            return  # this watch counted it
        tenant = who[0]
        found = followed(
            self._book.events(tenant, counted.session, counted.after, counted.upto), self._book.key
        )
        if found is not None:
            self._known.add(found.conduct)

    def _renew(self) -> None:
        for news in self._known.renew():
            clause = "" if news.line == ANY else news.line[1]
            self._due.look_again(news.tenant, news.agent, news.since, news.because, clause)
