"""What changed, as the worker of a store learns it: from fingerprints, from people, and again after a start."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import remit
from remit.core.change import Change, ChangeKind
from remit.core.classify.classification import Class
from remit.settings import Settings
from remit.store import triage as rows
from remit.store.drift_rows import SqliteDriftBook
from remit.store.sqlite import SqliteStore
from remit.usecases.changes import change_event
from remit.wiring import desk_of, open_store

ENVELOPE = """
apiVersion: remit/v1
kind: CapabilityEnvelope
metadata: {name: clerk, version: "1", owner: olga}
spec:
  tools:
    pay:
      effect: irreversible
      args:
        type: object
        additionalProperties: false
        required: [to, amount]
        properties: {to: {type: string}, amount: {type: integer}}
      require:
        - {id: ceiling, expr: "args.amount <= 500"}
  breaker: {threshold: 100000, window: 1m}
"""
SIDE = 120


class Place:
    def __init__(self, folder: Path) -> None:
        self.settings = Settings(store=f"sqlite:///{folder}/remit.db", home=str(folder / "home"))
        self.envelope = folder / "clerk.yaml"
        self.envelope.write_text(ENVELOPE, encoding="utf-8")

    def serve(self, model: str, every: int, sessions: int = SIDE) -> None:
        """Sessions of one model, of which each *every*-th asks for too much."""
        with remit.open(self.envelope, store=self.settings.store, settings=self.settings) as guard:
            for number in range(sessions):
                amount = 9000 if number % every == every - 1 else 100
                asked = f"pay ann {amount}"
                options: Any = {"principal_kind": "operator", "fingerprint": {"model": model}}
                with guard.session(user_input=asked, **options) as session:
                    try:
                        session.call("pay", {"to": "ann", "amount": amount}, run=lambda **_: 0)
                    except remit.CallDenied:
                        continue

    def store(self) -> SqliteStore:
        return open_store(self.settings.store, self.settings, create=False)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    yield Place(tmp_path)


def changes_named(store: SqliteStore) -> list[str]:
    """The change of each anomaly, in the order in which they were captured."""
    with_change = store.read(lambda db: db.execute("SELECT change FROM classified ORDER BY seq").fetchall())
    return [str(row[0]) for row in with_change]


def test_a_rise_after_a_new_model_is_found_without_anybody_telling(place: Place) -> None:
    place.serve("m-1", every=60)
    with place.store() as store:
        list(desk_of(store, place.settings).once())
        assert set(changes_named(store)) == {""}
    place.serve("m-2", every=4)
    with place.store() as store:
        done = list(desk_of(store, place.settings).once())

        assert {one.found.label for one in done} == {Class.SRE}
        named = changes_named(store)
        assert named[:2] == ["", ""]
        assert len(set(named[2:])) == 1 and named[2]
        told = [e.told for e in done[-1].found.evidence if e.kind.startswith("change") and e.towards]
        assert any("m-1" in one and "m-2" in one for one in told)


def test_a_change_that_is_told_later_has_the_anomalies_looked_at_again(place: Place) -> None:
    place.serve("m", every=60)
    with place.store() as store:
        began = store.wall_clock()
    place.serve("m", every=4)
    with place.store() as store:
        list(desk_of(store, place.settings).once())
        assert set(changes_named(store)) == {""}
        change = Change("00000000-0000-8000-8000-00000000c0de", ChangeKind.PROMPT, began, "clerk", after="v2")
        store.append_now(change_event(change))

        again = list(desk_of(store, place.settings).once())

        assert len(again) == SIDE // 4
        assert {one.pending.why for one in again} == {"change"}
        assert set(changes_named(store)[2:]) == {change.id}
        history = [e.event.body for e in store.events(kinds={rows.CLASSIFIED})]
        assert {(b["times"], b["why"]) for b in history} == {(1, "captured"), (2, "change")}


def test_a_worker_that_goes_on_learns_what_another_one_counted(place: Place) -> None:
    place.serve("m-1", every=60)
    with place.store() as store:
        slow = desk_of(store, place.settings)
        list(slow.once())
        place.serve("m-2", every=4)
        list(desk_of(store, place.settings).once())
        place.serve("m-2", every=4, sessions=8)
        done = list(slow.once())

        assert [bool(one.found.change) for one in done if one.pending.times == 0] == [True, True]


def test_a_store_without_sessions_says_nothing(place: Place) -> None:
    place.serve("m", every=1000, sessions=1)
    with place.store() as store:
        assert list(desk_of(store, place.settings).once()) == []


def test_a_session_is_read_once_to_be_counted_and_known(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.serve("m-1", every=3, sessions=60)
    read: list[str] = []
    events = SqliteDriftBook.events

    def counting(self: SqliteDriftBook, tenant: str, session: str, after: int, last: int) -> Any:
        read.append(session)
        return events(self, tenant, session, after, last)

    monkeypatch.setattr(SqliteDriftBook, "events", counting)
    with place.store() as store:
        desk_of(store, place.settings).changes.step()
        assert len(read) == len(set(read)) == 60
        again = desk_of(store, place.settings).changes  # another process: it counted none of them
        while again.step():
            pass
    assert len(read) == 120
