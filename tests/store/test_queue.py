"""The queue is bounded: it pushes back, then refuses, and drops nothing."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable

import pytest
from journal_help import event, ids

from remit.core.errors import Unavailable
from remit.store import writer
from remit.store.sqlite import SqliteStore
from remit.store.transaction import Transaction

Open = Callable[..., SqliteStore]


def test_a_full_queue_refuses_after_the_wait_and_loses_nothing(open_journal: Open) -> None:
    store = open_journal(queue_events=5, queue_wait_s=0.01)
    with store._writer.paused():
        futures = [store.append(event(number)) for number in range(5)]
        with pytest.raises(Unavailable, match="capture_unavailable: 5 events") as refused:
            store.append(event(9))
        assert store._writer.events == 5
    assert refused.value.retry_after_s is not None
    assert sorted(future.result() for future in futures) == [1, 2, 3, 4, 5]
    assert (store.counters().dropped, store.counters().refused, store.counters().waiting) == (0, 1, 0)
    assert store.append_now(event(9)) == 6


def test_bytes_are_bounded_as_well(open_journal: Open) -> None:
    store = open_journal(queue_bytes=10_000, queue_wait_s=0)
    with store._writer.paused():
        first = store.append(event(1, body={"a": "x" * 9000}))
        with pytest.raises(Unavailable, match="capture_unavailable"):
            store.append(event(2, body={"a": "x" * 9000}))
    assert first.result() == 1


def test_an_event_larger_than_the_bound_passes_alone(open_journal: Open) -> None:
    store = open_journal(queue_bytes=1000)

    assert store.append_now(event(1, body={"a": "x" * 9000})) == 1


def test_a_caller_that_waits_for_room_gets_it(open_journal: Open) -> None:
    store = open_journal(queue_events=1, queue_wait_s=60)
    results: list[int] = []
    with store._writer.paused():
        store.append(event(1))
        waiting = threading.Thread(target=lambda: results.append(store.append_now(event(2))))
        waiting.start()
        while not store._writer._blocked:
            pass
    waiting.join()

    assert results == [2]


def test_three_times_the_queue_is_written_whole(open_journal: Open) -> None:
    store = open_journal(queue_events=50, queue_wait_s=60)

    def write(thread: int) -> None:
        for number in range(20):
            store.append_now(event(f"{thread}-{number}"))

    threads = [threading.Thread(target=write, args=(thread,)) for thread in range(150 // 10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(ids(store)) == 300
    assert store.counters().dropped == store.counters().refused == 0


def test_a_batch_is_at_most_256_works(open_journal: Open) -> None:
    store = open_journal()
    with store._writer.paused():
        futures = [store.append(event(number)) for number in range(300)]
    for future in futures:
        future.result()

    assert store.counters().batches == 2


def test_a_future_that_was_cancelled_is_skipped(open_journal: Open) -> None:
    store = open_journal()
    with store._writer.paused():
        futures = [store.append(event(number)) for number in range(3)]
        futures[1].cancel()

    assert [futures[0].result(), futures[2].result()] == [1, 3]


def test_an_interrupted_leader_leaves_nobody_waiting(
    open_journal: Open, request: pytest.FixtureRequest
) -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in a shell's background
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, before))
    store = open_journal()

    def interrupt(tx: Transaction) -> int:
        seq = tx.append(event("interrupted"))
        if threading.current_thread() is threading.main_thread():
            others.extend(store.append(event(number)) for number in range(3))
            signal.raise_signal(signal.SIGINT)
            for _ in range(10_000):
                pass
        return seq

    others: list[object] = []
    with pytest.raises(KeyboardInterrupt):
        while not others:  # on a busy machine another thread may lead; the same event is written once
            store.transact_now(interrupt)

    assert sorted(other.result() for other in others) == [2, 3, 4]  # type: ignore[attr-defined]
    assert ids(store)[0] == "id-interrupted"


def test_work_that_lingers_shares_the_commit_of_whatever_comes_next(
    open_journal: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "LINGER_S", 3600.0)  # however slow this machine is
    store = open_journal()
    before = store.counters().batches

    first = store.transact(appending(1), lingers=True)
    second = store.append(event(2))

    assert (first.result(), second.result()) == (1, 2)
    assert store.counters().batches == before + 1


def test_work_that_lingers_is_written_by_itself_when_nothing_comes_also_after_a_pause(
    open_journal: Open,
) -> None:
    store = open_journal()

    for number in (1, 2, 3):
        assert store.transact(appending(number), lingers=True).result(timeout=60) == number
        time.sleep(2.5 * writer.LINGER_S)  # the thread has gone to sleep again


def test_work_that_lingers_is_written_when_the_store_closes(open_journal: Open) -> None:
    store = open_journal()
    lingering = [store.transact(appending(number), lingers=True) for number in (1, 2)]

    store.close()

    assert [future.result() for future in lingering] == [1, 2]


def test_many_threads_whose_work_lingers_and_waits_lose_nothing(open_journal: Open) -> None:
    store = open_journal()
    found: list[int] = []

    def work(caller: int) -> None:
        for number in range(25):
            lingering = store.transact(appending(caller * 1000 + 2 * number), lingers=True)
            store.append_now(event(caller * 1000 + 2 * number + 1))
            found.append(lingering.result(timeout=60))

    threads = [threading.Thread(target=work, args=(caller,)) for caller in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(set(found)) == 200
    assert store.count == 400


def appending(number: int) -> Callable[[Transaction], int]:
    return lambda tx: tx.append(event(number))
