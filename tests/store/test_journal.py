"""What the journal promises to those who write and read it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import pytest
from journal_help import DENIED, event, ids

from remit.core.errors import BadInput, Unavailable
from remit.store.sqlite import SqliteStore
from remit.store.transaction import Transaction
from remit.store.verify import verify
from remit.testing import FakeClock

Open = Callable[..., SqliteStore]


@pytest.fixture(params=["file", "memory"])
def either(request: pytest.FixtureRequest, open_journal: Open) -> SqliteStore:
    """The contract holds for both kinds of store."""
    return open_journal() if request.param == "file" else open_journal(None)


def test_an_event_comes_back_as_it_was_written(either: SqliteStore) -> None:
    written = event(subject="ann", blobs={"prompt": "p" * 5000, "answer": "ä"}, anomaly=DENIED, tenant="acme")
    seq = either.append_now(written)

    (stored,) = either.events()
    assert (stored.seq, stored.event, stored.erased) == (seq, written, False)
    assert either.event(written.id) == stored
    assert either.event("unknown") is None
    assert either.count == 1


def test_sequences_are_dense_and_times_never_go_back(either: SqliteStore) -> None:
    assert [either.append_now(event(number)) for number in range(20)] == list(range(1, 21))

    times = [stored.at for stored in either.events()]
    assert times == sorted(times)


def test_an_event_written_twice_is_stored_once(either: SqliteStore) -> None:
    first = either.append_now(event(5))
    either.append_now(event(6))

    assert either.append_now(event(5)) == first
    assert either.transact_now(lambda tx: (tx.append(event(9)), tx.append(event(9)))) == (3, 3)
    assert either.count == 3


@pytest.mark.parametrize(
    "other",
    [
        {"body": {"name": "2"}},
        {"session": "s2"},
        {"kind": "x"},
        {"subject": "ann"},
        {"blobs": {"a": "b"}},
        {"anomaly": DENIED},
    ],
)
def test_an_id_with_another_content_is_an_error(either: SqliteStore, other: dict[str, object]) -> None:
    either.append_now(event(1))

    with pytest.raises(BadInput, match="another event has this id"):
        either.append_now(event(1, **other))
    assert either.count == 1


def test_work_that_raises_is_undone_alone(either: SqliteStore) -> None:
    def failing(tx: Transaction) -> None:
        tx.append(event(2))
        tx.connection.execute("CREATE TABLE half_done (a)")
        tx.append(event(3))
        raise KeyError("no")

    with pytest.raises(KeyError):
        either.transact_now(failing)
    assert either.append_now(event(4)) == 1
    assert ids(either) == ["id-00000004"]
    assert not either.read(
        lambda db: db.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'half_done'").get
    )


def test_works_of_one_batch_fail_one_by_one(journal: SqliteStore) -> None:
    def work(number: int) -> Callable[[Transaction], int]:
        def run(tx: Transaction) -> int:
            if number % 2:
                tx.connection.execute("CREATE TABLE IF NOT EXISTS touched (a)")
            seq = tx.append(event(number))
            if number % 3 == 0:
                raise ValueError(number)
            return seq

        return run

    with journal._writer.paused():
        futures = [journal.transact(work(number)) for number in range(30)]
    failed = [number for number, future in enumerate(futures) if future.exception()]

    assert failed == list(range(0, 30, 3))
    assert journal.counters().batches == 1
    assert ids(journal) == [f"id-{number:08}" for number in range(30) if number % 3]
    assert sorted(future.result() for future in futures if not future.exception()) == list(range(1, 21))


@pytest.mark.parametrize("looks", [False, True])
def test_a_text_that_several_works_of_one_batch_hold_is_read_back_whichever_of_them_fails(
    journal: SqliteStore, looks: bool
) -> None:
    def work(number: int, *texts: str) -> Callable[[Transaction], int]:
        def run(tx: Transaction) -> int:
            seq = tx.append(event(number, blobs={text: text * 50 for text in texts}))
            assert not looks or tx.connection
            if number in (2, 4):
                raise ValueError(number)
            return seq

        return run

    held = {1: "ab", 2: "bc", 3: "cab", 4: "d", 5: "dcab", 6: "d"}
    with journal._writer.paused():
        futures = [journal.transact(work(number, *texts)) for number, texts in held.items()]
    assert [number for number, one in enumerate(futures, 1) if one.exception()] == [2, 4]

    kept = [dict(stored.event.blobs) for stored in journal.events()]
    assert kept == [{text: text * 50 for text in held[number]} for number in (1, 3, 5, 6)]
    assert journal.read(lambda db: db.execute("SELECT count(*) FROM payload").get) == 4


def test_work_sees_what_was_appended_before_it(either: SqliteStore) -> None:
    def count_inside(tx: Transaction) -> tuple[int, int]:
        tx.append(event(1))
        database = tx.connection
        before = database.execute("SELECT count(*) FROM event").get
        tx.append(event(2))
        return before, database.execute("SELECT count(*) FROM event").get

    assert either.transact_now(count_inside) == (1, 2)


def test_time_inside_a_piece_of_work_stands_still(open_journal: Open) -> None:
    ticks = iter(range(100, 200))
    store = open_journal(clock=lambda: float(next(ticks)))

    now = store.transact_now(lambda tx: (tx.now, tx.append(event()), tx.now))
    assert now[0] == now[2] == next(store.events()).at


def test_the_clock_never_falls_below_what_was_stored(open_journal: Open) -> None:
    clock = FakeClock()
    store = open_journal(clock=clock.now)

    found = []
    for step in (0.0, -600.0, 601.0):
        clock.step(step)
        found.append(store.transact_now(lambda tx: (tx.append(event(tx.now)), tx.now)[1]))
    assert found == [1e6, 1e6, 1e6 + 1]


def test_the_highest_time_is_remembered_over_a_restart(open_journal: Open) -> None:
    first = open_journal(clock=lambda: 5000.0)
    first.append_now(event(1))
    first.close()
    second = open_journal(clock=lambda: 10.0)

    assert second.transact_now(lambda tx: tx.now) == 5000.0


def test_events_are_found_by_session_kind_tenant_and_anomaly(either: SqliteStore) -> None:
    for number in range(12):
        either.append_now(
            event(
                number,
                session=f"s{number % 3}",
                kind="decided" if number % 2 else "gap",
                tenant="acme" if number < 6 else "default",
                anomaly=DENIED if number % 4 == 0 else None,
            )
        )

    def found(*args: object, **options: object) -> list[int]:
        return [int(stored.event.id[3:]) for stored in either.events(*args, **options)]  # type: ignore[arg-type]

    assert found("s1") == [1, 4, 7, 10]
    assert found(kinds=["gap"]) == [0, 2, 4, 6, 8, 10]
    assert found(kinds=["decided", "gap"], limit=3) == [0, 1, 2]
    assert found(kinds=[]) == []
    assert found(after=10) == [10, 11]
    assert found(anomalies_only=True) == [0, 4, 8]
    assert found(tenant="acme", kinds=["decided"]) == [1, 3, 5]


def test_pages_join_without_gap(journal: SqliteStore) -> None:
    journal.transact_now(lambda tx: [tx.append(event(number)) for number in range(600)])

    assert len(ids(journal)) == 600
    assert len(list(journal.events(limit=300))) == 300


def test_a_text_is_stored_once_for_each_subject(journal: SqliteStore) -> None:
    for number in range(6):
        journal.append_now(event(number, subject=f"p{number % 2}", blobs={"a": "same", "b": "same"}))

    assert journal.read(lambda db: db.execute("SELECT count(*) FROM payload").get) == 2
    assert all(dict(stored.event.blobs) == {"a": "same", "b": "same"} for stored in journal.events())


def test_nothing_personal_stands_in_the_clear(journal: SqliteStore, tmp_path: Path) -> None:
    canary = "canary-4711"
    journal.append_now(event(subject=canary, body={"who": canary}, blobs={canary: canary * 40}))
    journal.close()

    for path in tmp_path.rglob("*"):
        assert not path.is_file() or canary.encode() not in path.read_bytes(), path


@pytest.mark.parametrize("body", [{"a": object()}, {"a": "\ud800"}])
def test_a_body_that_is_not_json_is_refused_and_harms_nothing(
    either: SqliteStore, body: dict[str, object]
) -> None:
    with pytest.raises(BadInput, match="body"):
        either.append_now(event(1, body=body))
    with pytest.raises(BadInput, match="Unicode"):
        either.append_now(event(1, session="\ud800"))
    assert either.append_now(event(1)) == 1


def test_work_must_not_start_a_transaction_of_its_own(either: SqliteStore) -> None:
    with pytest.raises(RuntimeError, match="the one it was given"):
        either.transact_now(lambda tx: either.append_now(event(1)))


def test_work_may_read_what_is_committed(either: SqliteStore) -> None:
    either.append_now(event(1))

    assert either.transact_now(lambda tx: either.count) == 1


def test_reads_cannot_write(journal: SqliteStore) -> None:
    with pytest.raises((BadInput, Unavailable)):
        journal.read(lambda db: db.execute("DELETE FROM event"))


def test_threads_write_at_once_and_nothing_is_lost(either: SqliteStore) -> None:
    def write(thread: int) -> None:
        for number in range(50):
            either.append_now(event(f"{thread}-{number}"))

    threads = [threading.Thread(target=write, args=(thread,)) for thread in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert either.count == len(set(ids(either))) == 400
    assert verify(either).ok


def test_tasks_of_an_event_loop_write_without_waiting_in_it(either: SqliteStore) -> None:
    async def main() -> list[int]:
        return await asyncio.gather(*(either.append_async(event(number)) for number in range(100)))

    assert sorted(asyncio.run(main())) == list(range(1, 101))


def test_a_cancelled_task_does_not_keep_the_others_waiting(journal: SqliteStore) -> None:
    async def main() -> list[object]:
        tasks = [asyncio.ensure_future(journal.append_async(event(number))) for number in range(10)]
        await asyncio.sleep(0)
        tasks[3].cancel()
        return await asyncio.gather(*tasks, return_exceptions=True)

    results = asyncio.run(main())
    assert sum(isinstance(result, int) for result in results) == 9


def test_further_tables_are_made_once(open_journal: Open) -> None:
    ddl = "CREATE TABLE extra (a) STRICT".replace("(a)", "(a TEXT)")
    open_journal(extensions=(ddl,)).close()
    store = open_journal(extensions=(ddl, "CREATE TABLE later (b TEXT) STRICT"))

    store.transact_now(lambda tx: tx.connection.execute("INSERT INTO extra VALUES ('x')"))
    assert store.read(lambda db: db.execute("SELECT count(*) FROM extra, later").get) == 0


def test_events_that_were_let_through_are_recorded_as_a_gap(journal: SqliteStore) -> None:
    journal.missed(3, "capture was switched off")
    journal.append_now(event(1))

    gap, _ = journal.events()
    assert (gap.event.kind, gap.event.body["count"], gap.event.body["reason"]) == (
        "gap",
        3,
        "capture was switched off",
    )
    assert gap.event.anomaly is not None and gap.event.anomaly.severity == "critical"


def test_closing_writes_what_is_queued(journal: SqliteStore, open_journal: Open) -> None:
    with journal._writer.paused():
        futures = [journal.append(event(number)) for number in range(20)]
        closing = threading.Thread(target=journal.close)
        closing.start()
    closing.join()

    assert all(future.done() for future in futures)
    assert open_journal().count == 20
    with pytest.raises(Unavailable, match="closed"):
        journal.append_now(event(99))


def test_the_operator_rule_is_said_once(open_journal: Open) -> None:
    open_journal(single_operator=True).close()

    assert open_journal().single_operator is True


@pytest.mark.parametrize(
    ("asked", "used"),
    [
        ({"kinds": ["session.opened"]}, "event_rare"),
        ({"kinds": ["session.opened"], "session": "s1"}, "event_session"),
        ({"kinds": ["session.opened", "session.closed"]}, "PRIMARY KEY"),
        ({"kinds": ["decided"]}, "PRIMARY KEY"),
    ],
)
def test_events_of_one_rare_kind_are_found_by_their_index(
    journal: SqliteStore, monkeypatch: pytest.MonkeyPatch, asked: dict[str, Any], used: str
) -> None:
    for number in range(30):
        journal.append_now(event(number, kind="decided" if number % 3 else "session.opened"))
    plans: list[str] = []

    def trace(cursor: apsw.Cursor, sql: str, values: Any) -> bool:
        if sql.startswith("SELECT event.seq"):
            plans.append(cursor.connection.execute(f"EXPLAIN QUERY PLAN {sql}", values).fetchall()[0][3])
        return True

    def read(work: Callable[[apsw.Connection], Any]) -> Any:
        def traced(connection: apsw.Connection) -> Any:
            connection.exec_trace = trace
            try:
                return work(connection)
            finally:
                connection.exec_trace = None

        return SqliteStore.read(journal, traced)

    monkeypatch.setattr(journal, "read", read)
    found = [stored.event.kind for stored in journal.events(**asked)]
    assert len(found) == (20 if asked["kinds"] == ["decided"] else 10)
    assert used in plans[0]
