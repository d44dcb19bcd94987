"""From what was found out to who is told: incidents and messages, written in the transaction that makes them true.

Whoever changes an incident tells of it here, a worker or a person, so that no change is written of which nobody hears.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from remit.core.alert import Action
from remit.core.change import Change
from remit.core.classify.classification import Team
from remit.core.classify.work import Done
from remit.core.routes import RouteSettings
from remit.store import deliveries
from remit.store.incident_messages import MessagePlace, messages
from remit.store.incidents import IncidentChange, Incidents
from remit.store.transaction import Transaction

_NOTHING: Mapping[str, Done] = MappingProxyType({})


def _no_change(_id: str) -> Change | None:
    return None


@dataclass(frozen=True, slots=True)
class Filing:
    """How incidents are written and told.

    Args:
        routes: by which ways messages leave; none: incidents are kept, and nobody is told.
        env: name of the environment, for messages.
        url: of the console, without a slash at its end; empty where there is none.
        change_of: the change with an id, as far as it is known.
    """

    routes: Sequence[RouteSettings] = ()
    env: str = ""
    url: str = ""
    change_of: Callable[[str], Change | None] = field(default=_no_change)
    owners: Mapping[Team, str] = field(default_factory=dict)
    """Who has a team's incidents as long as nobody took one."""

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
        if not self.routes:
            return
        for one in messages(tx, changes, MessagePlace(self.env, self.url, self.change_of), done):
            subject = "" if one.alert.action is Action.RESOLVE else one.subject
            retain_s = None if one.alert.action is Action.RESOLVE else one.retain_s
            alert = replace(one.alert, owner=one.alert.owner or self.owners.get(one.alert.team, ""))
            deliveries.enqueue(tx, alert, self.routes, subject=subject, retain_s=retain_s)
