"""The drift watch over a store: nothing is lost, nothing counted twice, and what drifted is said with the change."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
from drift_help import counted, events_of, open_store, watch_all, write

from remit.core.change import Change, ChangeKind
from remit.core.drifted import StreamKind
from remit.store.drift_rows import SqliteDriftBook
from remit.store.sqlite import SqliteStore
from remit.usecases.changes import change_event
from remit.usecases.drift import DETECTED, DriftWatch


@pytest.fixture(autouse=True)
def _one_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ties are broken by a key of the store: the same one in every run, so that the same is found in every run."""
    derive = SqliteStore.derive
    monkeypatch.setattr(
        SqliteStore, "derive", lambda self, use: b"remit" if use == "drift" else derive(self, use)
    )


@pytest.fixture
def store(tmp_path: Path) -> Any:
    with open_store(tmp_path) as opened:
        yield opened


def sessions(store: SqliteStore, first: int, count: int, **change: Any) -> None:
    """*count* sessions in which something is looked up, and in half of them money given back."""
    draws = random.Random(first)
    for number in range(first, first + count):
        calls: list[Any] = [("find_order", {"id": f"O-{number}"}) for _ in range(draws.randint(1, 3))]
        if draws.random() < 0.5:
            amount = round(draws.lognormvariate(3, 0.5) * change.get("larger", 1), 2)
            calls.append(("refund", {"amount": amount, "to": f"C-{draws.randint(1, 40)}"}))
        denied = int(draws.random() < change.get("denied", 0))
        write(store, events_of(f"s{number:05}", calls, model=change.get("model", "m-1"), denied=denied))


def test_a_drift_within_the_envelope_is_told_with_the_model_that_came_with_it(store: SqliteStore) -> None:
    sessions(store, 0, 300)
    sessions(store, 300, 100, larger=2.5, model="m-2")

    steps = watch_all(store)

    alarms = [alarm for step in steps for alarm in step.alarms]
    sizes = next(a for a in alarms if a.drift.stream.kind is StreamKind.SIZE)
    assert sizes.drift.stream.name == "refund.amount"
    assert abs(sizes.drift.since - 300) <= 100
    assert sizes.drift.since_session == f"s{sizes.drift.since:05}"
    assert sizes.cause is not None
    assert (sizes.cause.change.kind, sizes.cause.change.after) == (ChangeKind.MODEL, "m-2")
    written = list(store.events(kinds={DETECTED}))
    assert [event.event.body for event in written] == [alarm.event.body for alarm in alarms]
    told = next(event.event.body for event in written if event.event.body["id"] == sizes.drift.id)
    assert told["cause"]["change"]["after"] == "m-2"


def test_a_change_that_people_recorded_is_named(store: SqliteStore) -> None:
    sessions(store, 0, 300)
    told = Change("c-1", ChangeKind.PROMPT, time.time(), agent="shop", after="be generous", by="olga")
    write(store, [change_event(told)])
    sessions(store, 300, 100, denied=0.4)

    alarms = [alarm for step in watch_all(store) for alarm in step.alarms]

    worse = next(
        a for a in alarms if a.drift.stream.kind in (StreamKind.VIOLATIONS, StreamKind.LINE_VIOLATIONS)
    )
    assert worse.drift.direction == "worse"
    assert worse.cause is not None and worse.cause.change.id == "c-1"
    assert "prompt" in worse.cause.told


def test_a_drift_that_no_change_explains_says_so(store: SqliteStore) -> None:
    sessions(store, 0, 300)
    sessions(store, 300, 100, larger=2.5)

    alarms = [alarm for step in watch_all(store) for alarm in step.alarms]

    assert alarms and {alarm.cause for alarm in alarms} == {None}


def test_sessions_count_in_the_order_in_which_they_ended(store: SqliteStore) -> None:
    first, second = events_of("first", [("find", {})]), events_of("second", [("find", {})])
    write(store, [*first[:-1], *second, first[-1]])

    watch_all(store)

    assert counted(store) == [("shop", 0, "second"), ("shop", 1, "first")]


def test_a_session_that_is_open_waits_and_one_that_is_idle_for_long_counts(store: SqliteStore) -> None:
    write(store, events_of("open", [("find", {})], closed=False))

    watch_all(store)
    waiting = counted(store)
    watch_all(store, now=time.time() + 7 * 3600)
    watch_all(store, now=time.time() + 17 * 3600)

    assert (waiting, counted(store)) == ([], [("shop", 0, "open")])


def test_a_session_that_was_resumed_counts_what_is_new_in_it(store: SqliteStore) -> None:
    write(store, events_of("s", [("find", {})]))
    watch_all(store)
    write(store, events_of("s", [("pay", {"n": 1})], opened=False))

    (step,) = watch_all(store)

    assert [one.ran for one in step.sessions] == [{"pay": 1}]
    assert counted(store) == [("shop", 0, "s"), ("shop", 1, "s")]


def test_an_idle_session_that_only_ends_later_is_counted_once(store: SqliteStore) -> None:
    events = events_of("s", [("find", {})])
    write(store, events[:-1])
    watch_all(store, now=time.time() + 7 * 3600)
    early = counted(store)
    write(store, events[-1:])

    watch_all(store)

    assert early == counted(store) == [("shop", 0, "s")]


def test_an_idle_session_that_goes_on_and_never_ends_counts_what_came_later(store: SqliteStore) -> None:
    events = events_of("s", [("find", {}), ("pay", {"n": 1})], closed=False)
    write(store, events[:-2])
    watch_all(store, now=time.time() + 7 * 3600)
    write(store, events[-2:])

    (step,) = watch_all(store, now=time.time() + 15 * 3600)

    assert [one.ran for one in step.sessions] == [{"pay": 1}]
    watch_all(store, now=time.time() + 30 * 24 * 3600)
    assert store.read(lambda db: db.execute("SELECT count(*) FROM drift_open").get) == 0
    assert len(counted(store)) == 2


def test_agents_and_tenants_are_watched_apart(store: SqliteStore) -> None:
    for number, agent in enumerate(("shop", "bank", "shop")):
        write(store, events_of(f"s{number}", [("find", {})], agent=agent))

    watch_all(store)

    assert counted(store) == [("bank", 0, "s1"), ("shop", 0, "s0"), ("shop", 1, "s2")]


def test_what_was_erased_before_it_was_counted_is_told(store: SqliteStore) -> None:
    write(store, events_of("s", [("pay", {"n": 1})], subject="anna"))
    store.erase("anna")

    (step,) = watch_all(store)

    assert step.erased == 4
    assert step.sessions[0].calls == {}


def test_steps_of_any_size_come_to_the_same(tmp_path: Path) -> None:
    states, events = [], []
    for batch in (1, 7, 1000):
        folder = tmp_path / str(batch)
        folder.mkdir()
        with open_store(folder) as store:
            sessions(store, 0, 60)
            sessions(store, 60, 30, larger=4.0)
            watch_all(store, batch=batch)
            book = SqliteDriftBook(store)
            told = msgspec.msgpack.decode(book.state(("default", "shop")) or b"")
            states.append((told["sessions"], sorted(name[:3] for name in told["names"])))
            events.append(len(counted(store)))

    assert states[0] == states[1] == states[2]
    assert events == [90, 90, 90]


def test_of_two_watches_of_one_store_one_counts_each_session(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        sessions(store, 0, 150)
        watches = [DriftWatch(SqliteDriftBook(store), time.time, batch=5) for _ in range(2)]

        def run(watch: DriftWatch) -> None:
            while watch.watch_once().more:
                pass

        threads = [threading.Thread(target=run, args=(watch,)) for watch in watches]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert [session for _, _, session in counted(store)] == [f"s{n:05}" for n in range(150)]


def test_killed_again_and_again_a_watch_repeats_and_loses_no_session(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        sessions(store, 0, 120)
        kills = 0
        while len(counted(store)) < 120:
            process = subprocess.Popen(
                [sys.executable, str(Path(__file__).parent / "drift_help.py"), str(tmp_path), "4", "12"],
                stdout=subprocess.PIPE,
                text=True,
            )
            assert process.stdout is not None
            for _ in range(4 * (1 + kills % 3)):
                process.stdout.readline()
            time.sleep(0.003 * (kills % 5))
            process.send_signal(signal.SIGKILL)
            process.wait()
            process.stdout.close()
            kills += 1

        found = counted(store)
        watched = msgspec.msgpack.decode(SqliteDriftBook(store).state(("default", "shop")) or b"")

    assert kills > 3
    assert found == [("shop", place, f"s{place:05}") for place in range(120)]
    assert watched["sessions"] == 120


def test_no_argument_value_stands_in_the_tables_of_the_watch(store: SqliteStore, tmp_path: Path) -> None:
    write(store, events_of("s", [("pay_the_supplier", {"to": "DE99 1234 5678", "amount": 471147114711.25})]))
    watch_all(store)

    tables = ("drift_state", "drift_session", "drift_open", "drift_mark")
    rows = [store.read(lambda db, t=t: db.execute(f"SELECT * FROM {t}").fetchall()) for t in tables]

    assert rows[0]
    assert "DE99 1234" not in repr(rows) and "47114711" not in repr(rows)
    assert "pay_the_supplier" not in repr(rows[0][0][3])


def test_a_state_that_was_altered_is_refused(store: SqliteStore) -> None:
    write(store, events_of("s", [("pay", {})]))
    watch_all(store)
    store.transact_now(
        lambda tx: tx.connection.execute("UPDATE drift_state SET state = x'00112233445566778899aabbccdd'")
    )
    write(store, events_of("t", [("pay", {})]))

    with pytest.raises(Exception, match="altered; delete the row"):
        watch_all(store)
    assert counted(store) == [("shop", 0, "s")]
