"""What the classifier's worker reads and writes: `usecases.triage.TriageWork`, on SQLite.

Reading takes no lock. What is done is written in short transactions, so that capture, which waits for the same lock,
waits for milliseconds at most.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import apsw

from remit.core.classify.classification import Class
from remit.core.classify.work import Done, Pending
from remit.core.errors import BadInput
from remit.core.event import StoredEvent
from remit.core.trial.apart import is_trial
from remit.core.types import Json
from remit.store import triage
from remit.store.sqlite import SqliteStore
from remit.store.transaction import Transaction
from remit.store.triage import TriageRow

ANOMALIES = "anomalies"
"""Mark: every anomaly up to it is classified, or waits to be again."""

HELD = "approval.requested"
"""Mark, and kind of the event: every question up to it is looked at."""

AT_A_TIME = 2_000
"""Anomalies that are looked at again in the order in which they were captured: a session is read once for all of them."""

Absorb = Callable[[Transaction, Sequence[Done]], None]
"""What else is written with classifications: the incidents that they belong to, and whom to tell."""


class SqliteTriageWork:
    """One worker's view of a store; several may work on it, and each classification is written once.

    Args:
        store: open, with `triage.DDL` among its extensions.
        absorb: see `Absorb`.
    """

    def __init__(self, store: SqliteStore, absorb: Absorb | None = None) -> None:
        self._store = store
        self._absorb = absorb or (lambda _tx, _done: None)
        self._again_from = 0

    def new(self, most: int) -> list[Pending]:
        """Anomalies that nobody has looked at, oldest first; none of trials, which nobody is on duty for."""
        while True:
            after = self._store.read(lambda db: triage.mark(db, ANOMALIES))
            found = list(self._store.events(after=after, anomalies_only=True, limit=most, texts=False))
            known = self.rows([stored.seq for stored in found])
            waiting = [
                Pending(one) for one in found if one.seq not in known and not is_trial(one.event.tenant)
            ]
            if waiting or not found:
                return waiting
            # Of trials, or somebody else did them, and ended before the mark was set.
            self._pass_over(found[-1].seq)

    def _pass_over(self, last: int) -> None:
        self._store.transact_now(lambda tx: triage.set_mark(tx, ANOMALIES, last), repeated=True)

    def held(self, most: int) -> list[StoredEvent]:
        """Questions to people that nobody has looked at, oldest first."""
        after = self._store.read(lambda db: triage.mark(db, HELD))
        return list(self._store.events(kinds={HELD}, after=after, limit=most, trials=False))

    def write_held(self, done: Sequence[Done], upto: int) -> None:
        """Write where held calls came from, in one transaction; up to a sequence every question is looked at then."""

        def work(tx: Transaction) -> None:
            if triage.mark(tx.connection, HELD) >= upto:
                return  # another worker was faster
            for one in done:
                triage.record_held(tx, one.pending.stored, one.found)
            if done:
                self._absorb(tx, done)
            triage.set_mark(tx, HELD, upto)

        self._store.transact_now(work, events=max(1, len(done)), repeated=True)

    def again(self, most: int) -> list[Pending]:
        """Anomalies that are to be looked at once more, in order: the latest `AT_A_TIME` first, then earlier ones."""

        def read(db: apsw.Connection) -> dict[int, TriageRow]:
            found = triage.due(db, most, self._again_from)
            if not found:
                self._again_from = triage.latest_due(db, AT_A_TIME)
                found = triage.due(db, most, self._again_from)
            return triage.rows_of(db, found)

        rows = self._store.read(read)
        return [self._pending(row) for _, row in sorted(rows.items())]

    def _pending(self, row: TriageRow, why: str = "") -> Pending:
        stored = next(self._store.events(after=row.seq - 1, limit=1, texts=False))
        return Pending(stored, row.times, why or row.due or "asked", row.person, row.label)

    def events(self, session: str, after: int, last: int, kinds: Sequence[str]) -> Iterator[StoredEvent]:
        """The events of one session after a sequence and up to another, of these kinds, in order."""
        return self._store.events(session, kinds, after=after, last=last)

    def event(self, event_id: str) -> StoredEvent | None:
        """The event with this id; None where there is none."""
        return self._store.event(event_id)

    def told(self, kind: str, after: int) -> Iterator[StoredEvent]:
        """The events of one rare kind after a sequence, in order."""
        return self._store.events(kinds={kind}, after=after)

    def write(self, done: Sequence[Done], upto: int = 0) -> int:
        """Write classifications, in one transaction, and return how many were written.

        Args:
            done: what was classified.
            upto: every anomaly up to this sequence is classified with this; 0 moves no mark.
        """

        def work(tx: Transaction) -> int:
            written = triage.record(tx, done)
            if written:
                self._absorb(tx, written)
            if upto:
                triage.set_mark(tx, ANOMALIES, upto)
            return len(written)

        return self._store.transact_now(work, events=max(1, len(done)), repeated=True)

    def unchanged(self, pending: Sequence[Pending]) -> None:
        """They were looked at again, and nothing is other than before."""

        def work(tx: Transaction) -> None:
            for one in pending:
                triage.unchanged(tx, one.stored.seq, one.times)

        self._store.transact_now(work, repeated=True)

    def agents(self) -> list[tuple[str, str, int]]:
        """Tenant, agent and how many sessions were counted, of each agent that the drift watch follows."""
        sql = "SELECT tenant, agent, sessions FROM drift_state ORDER BY tenant, agent"
        return self._store.read(lambda db: [(str(t), str(a), int(n)) for t, a, n in db.execute(sql)])

    def explained(self, tenant: str, agent: str) -> list[str]:
        """Sessions of an agent with an anomaly that content explains."""
        sql = (
            "SELECT DISTINCT session FROM classified WHERE tenant = ? AND agent = ?"
            " AND coalesce(label, class) IN ('security', 'both')"
        )
        return self._store.read(lambda db: [str(row[0]) for row in db.execute(sql, (tenant, agent))])

    def look_again(self, tenant: str, agent: str, since: float, why: str, clause: str = "") -> int:
        """Have the latest anomalies of an agent (empty: of all) classified again; how many."""
        return self._store.transact_now(
            lambda tx: triage.look_again(tx, tenant, agent, since, why, clause=clause), repeated=True
        )

    def rows(self, seqs: Sequence[int]) -> dict[int, TriageRow]:
        """The latest classes of these anomalies."""
        return self._store.read(lambda db: triage.rows_of(db, seqs))

    def one(self, seq: int) -> Pending | None:
        """One anomaly, to be looked at because somebody asks; None where there is no such anomaly."""
        row = self._store.read(lambda db: triage.row_of(db, seq))
        if row is not None:
            return self._pending(row, "asked")
        stored = next(self._store.events(after=seq - 1, limit=1, anomalies_only=True), None)
        return Pending(stored) if stored is not None and stored.seq == seq else None

    def replayed(self, stored: StoredEvent, found: Mapping[str, Json], number: int) -> None:
        """Keep what came of asking an agent again, for the n-th time."""
        self._store.transact_now(lambda tx: triage.replayed(tx, stored, found, number))

    def label(self, anomaly: str, given: Class, by: str, note: str = "") -> None:
        """A person says where an anomaly came from. It routes from now on, and measures the classifier.

        Raises:
            BadInput: there is no such anomaly.
        """
        stored = self._store.event(anomaly)
        if stored is None or stored.event.anomaly is None:
            raise BadInput("anomaly", f"there is none with id {anomaly[:80]!r}", "see `remit anomalies ls`")
        told = self._store.events(stored.event.session, {triage.LABELLED})
        number = sum(one.event.body.get("anomaly_id") == anomaly for one in told)

        def work(tx: Transaction) -> None:
            if triage.row_of(tx.connection, stored.seq) is None:
                raise BadInput("anomaly", "nobody classified it yet", "run `remit classify` first")
            triage.label(tx, stored, given, by, note, number + 1)

        self._store.transact_now(work)
