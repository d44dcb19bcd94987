"""The queue is bounded: it pushes back, then refuses, and drops nothing."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable

import pytest
from journal_help import event, ids

from remit.core.errors import Unavailable
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


def test_an_interrupted_leader_leaves_nobody_waiting(open_journal: Open) -> None:
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
        store.transact_now(interrupt)

    assert sorted(other.result() for other in others) == [2, 3, 4]  # type: ignore[attr-defined]
    assert ids(store)[0] == "id-interrupted"
