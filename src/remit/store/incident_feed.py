"""Trips and drift alarms on their way into incidents, and incidents that have grown quiet to their end.

A step of the classifier's worker. It follows the journal behind the classifier: a trip waits until the violations that
led to it are classified, so that it joins their incident and wakes the team that it is for. Where the classifier is
behind for longer than `PATIENCE_S`, it does not wait: a trip is told in any case.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice

from remit.core.event import StoredEvent
from remit.core.incident_signals import DRIFTED, TRIPPED, signal_of
from remit.store import incident_rows, triage
from remit.store.incidents import IncidentChange, Incidents
from remit.store.reader import OF_PRODUCTION
from remit.store.sqlite import SqliteStore
from remit.store.transaction import Transaction

MARK = "incident-signals"
BATCH = 64
PATIENCE_S = 60.0
QUIET_EVERY_S = 60.0
"""How often quiet incidents are looked for."""

Tell = Callable[[Transaction, Sequence[IncidentChange]], None]
"""What else is written with a change of incidents: whom to tell."""


class IncidentFeed:
    """Any number of them may run on one store: each signal is in one incident once.

    Args:
        store: open, with the tables of incidents and of the classifier.
        tell: see `Tell`.
        classified: the name of the mark up to which anomalies are classified.
    """

    def __init__(self, store: SqliteStore, tell: Tell, *, classified: str = "anomalies") -> None:
        self._store = store
        self._tell = tell
        self._classified = classified
        self._looked = float("-inf")

    def step(self) -> int:
        """Do what is due; how many signals and ends there were.

        Raises:
            Unavailable: the store cannot be read or written.
        """
        return self._signals() + self._ends()

    def _signals(self) -> int:
        after = self._store.read(lambda db: triage.mark(db, MARK))
        found = list(islice(self._after(after), BATCH))
        ready = self._ready(found)
        if not ready:
            return 0
        last = ready[-1].seq

        def work(tx: Transaction) -> None:
            with Incidents(tx) as desk:
                for stored in ready:
                    if not stored.erased and (signal := signal_of(stored.event, stored.at)):
                        desk.receive(*signal)
            self._tell(tx, desk.changes)
            triage.set_mark(tx, MARK, last)

        self._store.transact_now(work, events=len(ready), repeated=True)
        return len(ready)

    def _after(self, after: int) -> list[StoredEvent]:
        """What may be a signal, in the journal's order; an index has each kind apart."""
        some = [
            one
            for kind in (TRIPPED, DRIFTED)
            for one in self._store.events(kinds={kind}, after=after, limit=BATCH, trials=False)
        ]
        return sorted(some, key=lambda one: one.seq)

    def _ready(self, found: Sequence[StoredEvent]) -> Sequence[StoredEvent]:
        """Those whose anomalies are classified, or that have waited for long."""
        if not found:
            return found
        waiting = self._store.read(
            lambda db: (
                db.execute(
                    "SELECT anomaly.seq FROM anomaly JOIN event ON event.seq = anomaly.seq"  # noqa: S608 - constants
                    f" WHERE anomaly.seq > ? AND {OF_PRODUCTION} ORDER BY anomaly.seq LIMIT 1",
                    (triage.mark(db, self._classified),),
                ).get
            )
        )
        if waiting is None:
            return found
        now = self._store.wall_clock()
        late = [one for one in found if one.seq > int(waiting) and now - one.at < PATIENCE_S]
        return [one for one in found if not late or one.seq < late[0].seq]

    def _ends(self) -> int:
        now = self._store.wall_clock()
        if now - self._looked < QUIET_EVERY_S:
            return 0
        self._looked = now
        if not self._store.read(lambda db: incident_rows.any_quiet(db, now)):
            return 0

        def work(tx: Transaction) -> int:
            with Incidents(tx) as desk:
                desk.end_quiet()
            self._tell(tx, desk.changes)
            return len(desk.changes)

        return self._store.transact_now(work, repeated=True)
