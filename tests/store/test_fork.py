"""A forked child writes through connections of its own, and the parent goes on as if nothing happened."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from journal_help import event, ids, in_child

from remit.core.errors import Unavailable
from remit.store.sqlite import SqliteStore
from remit.store.transaction import Transaction
from remit.store.verify import verify

Open = Callable[..., SqliteStore]


def test_parent_and_child_both_write(journal: SqliteStore) -> None:
    journal.append_now(event("before"))

    def child() -> None:
        for number in range(20):
            journal.append_now(event(f"child-{number}"))
        journal.close()

    assert in_child(child) == 0
    journal.append_now(event("after"))
    assert len(ids(journal)) == 22
    assert verify(journal).ok


def test_forking_under_load_harms_neither(journal: SqliteStore, tmp_path: Path) -> None:
    stop = threading.Event()
    written: list[str] = []

    def write(thread: int) -> None:
        number = 0
        while not stop.is_set():
            journal.append_now(event(f"p{thread}-{number}"))
            written.append(f"p{thread}-{number}")
            list(journal.events(limit=3))
            number += 1

    threads = [threading.Thread(target=write, args=(thread,)) for thread in range(4)]
    for thread in threads:
        thread.start()
    statuses = []
    for round_ in range(5):

        def child(round_: int = round_) -> None:
            for number in range(5):
                journal.append_now(event(f"c{round_}-{number}"))

        statuses.append(in_child(child))
    stop.set()
    for thread in threads:
        thread.join()
    journal.close()

    assert statuses == [0] * 5
    report = verify(tmp_path / "remit.db", tmp_path / "home")
    assert report.ok, report.problems
    assert report.events == len(written) + 25


def test_the_childs_queue_is_empty(journal: SqliteStore) -> None:
    queued, forked = threading.Event(), threading.Event()

    def hold_the_writer(tx: Transaction) -> None:
        queued.set()
        forked.wait(0.2)

    holding = threading.Thread(target=lambda: journal.transact_now(hold_the_writer))
    holding.start()
    queued.wait()
    waiting = [journal.append(event(number)) for number in range(3)]

    # The fork waits for the batch in hand, and only for that one.
    assert in_child(lambda: assert_empty(journal)) == 0
    forked.set()
    holding.join()
    assert sorted(future.result() for future in waiting) == [1, 2, 3]
    assert journal.count == 3


def assert_empty(journal: SqliteStore) -> None:
    assert journal._writer.events == 0
    assert not journal._writer._queue


def test_a_fork_inside_a_transaction_leaves_the_parent_whole(journal: SqliteStore) -> None:
    def child() -> None:
        with pytest.raises(Unavailable, match="forked in the middle of a transaction"):
            journal.append_now(event("child"))

    def work(tx: Transaction) -> int:
        tx.append(event(1))
        return in_child(child)

    assert journal.transact_now(work) == 0
    assert journal.append_now(event(2)) == 2
    assert verify(journal).ok


def test_a_volatile_store_is_copied(open_journal: Open) -> None:
    store = open_journal(None)
    store.append_now(event(1))

    def child() -> None:
        assert store.append_now(event(2)) == 2

    assert in_child(child) == 0
    assert store.count == 1
