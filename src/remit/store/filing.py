"""From what was found out to who is told: incidents and messages, written in the transaction that makes them true.

Whoever changes an incident tells of it here, a worker or a person, so that no change is written of which nobody hears.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from remit.core.alert import Action
from remit.core.classify.work import Done
from remit.core.incident_alerts import Shown, alerts
from remit.core.routes import RouteSettings
from remit.store import deliveries
from remit.store.incidents import IncidentChange, Incidents
from remit.store.transaction import Transaction

_NOTHING: Mapping[str, Done] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Filing:
    """How incidents are written and told.

    Args:
        routes: by which ways messages leave; none: incidents are kept, and nobody is told.
        env: name of the environment, for messages.
        change_words: a change in words, by its id.
    """

    routes: Sequence[RouteSettings] = ()
    env: str = ""
    change_words: Callable[[str], str] = field(default=lambda change: change)

    def file(self, tx: Transaction, done: Sequence[Done]) -> None:
        """Put classified anomalies into their incidents."""
        with Incidents(tx) as desk:
            for one in done:
                desk.absorb(one.case, one.standing, by_person=one.pending.person is not None)
        self.tell(tx, desk.changes, {one.case.anomaly: one for one in done})

    def tell(
        self, tx: Transaction, changes: Sequence[IncidentChange], done: Mapping[str, Done] = _NOTHING
    ) -> None:
        """Have the teams told of what became of incidents.

        Args:
            changes: of incidents, written in this transaction.
            done: the anomalies that came with them, by id: of these a message quotes one.
        """
        for change in changes:
            if not change.told or not self.routes:
                continue
            one = _shown(change, done)
            told = alerts(
                change.after,
                change.told,
                tx.now,
                shown=None if one is None else Shown(one.case, one.standing),
                change=self.change_words(change.after.change) if change.after.change else "",
                env=self.env,
            )
            event = None if one is None else one.pending.stored.event
            for alert in told:
                quotes = event is not None and alert.action is not Action.RESOLVE
                subject, retain_s = (event.subject, event.retain_s) if quotes and event else ("", None)
                deliveries.enqueue(tx, alert, self.routes, subject=subject, retain_s=retain_s)


def _shown(change: IncidentChange, done: Mapping[str, Done]) -> Done | None:
    """The anomaly that a message quotes: the surest of those that came with this change, of the incident's class."""
    found = [done[member.anomaly] for member in change.members if member.anomaly in done]
    label = change.after.label
    return max(found, key=lambda one: (one.standing.label is label, one.found.confidence), default=None)
