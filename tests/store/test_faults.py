"""A disk that fails or is full: every failed write is told, nothing acknowledged is missing, and a gap is recorded."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import apsw
import pytest
from journal_help import assert_nothing_lost, event, ids

from remit.core.errors import Unavailable
from remit.store import connection, opening, sqlite
from remit.store.sqlite import SqliteStore, StoreState
from remit.store.verify import verify


class FailingVFS(apsw.VFS):
    """The default file layer, until `fails` says that a step goes wrong."""

    def __init__(self, fails: Callable[[str], bool]) -> None:
        self.fails = fails
        self.name_of_layer = f"failing-{uuid4().hex}"
        super().__init__(self.name_of_layer, base="")

    def xOpen(self, name: object, flags: list[int]) -> FailingFile:
        return FailingFile(self, name, flags)


class FailingFile(apsw.VFSFile):
    def __init__(self, layer: FailingVFS, name: object, flags: list[int]) -> None:
        self.layer = layer
        super().__init__("", name, flags)  # type: ignore[arg-type]

    def xSync(self, flags: int) -> None:
        if self.layer.fails("sync"):
            raise _error(apsw.IOError, apsw.SQLITE_IOERR_FSYNC)
        super().xSync(flags)

    def xWrite(self, data: bytes, offset: int) -> None:
        if self.layer.fails("write"):
            raise _error(apsw.IOError, apsw.SQLITE_IOERR_WRITE)
        super().xWrite(data, offset)


def _error(kind: type[apsw.Error], code: int) -> apsw.Error:
    error = kind("injected")
    error.extendedresult = code
    return error


@pytest.fixture
def failing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., SqliteStore]]:
    """Opens a journal whose disk fails as told."""

    def make_durable(database: apsw.Connection, place: str) -> None:
        if database.open_vfs.startswith("failing"):
            database.pragma("locking_mode", "EXCLUSIVE")  # no shared memory in a file layer written in Python
        connection.make_durable(database, place)

    monkeypatch.setattr(opening, "make_durable", make_durable)
    monkeypatch.setattr(sqlite, "make_durable", make_durable)
    layers = []

    def open_failing(fails: Callable[[str], bool]) -> SqliteStore:
        layers.append(FailingVFS(fails))
        layer = layers[-1].name_of_layer
        return SqliteStore.open(
            tmp_path / "remit.db", home=tmp_path / "home", reserve_bytes=1 << 16, vfs=layer
        )

    yield open_failing
    monkeypatch.undo()


@pytest.mark.parametrize(("step", "share"), [("sync", 0.05), ("sync", 0.2), ("write", 0.02)])
def test_a_disk_that_fails_now_and_then_loses_nothing_acknowledged(
    failing: Callable[..., SqliteStore], tmp_path: Path, step: str, share: float
) -> None:
    choose, on = random.Random(3), False
    store = failing(lambda what: on and what == step and choose.random() < share)
    on = True
    acknowledged, failed = set(), 0
    for number in range(200):
        try:
            store.append_now(event(number))
            acknowledged.add(f"id-{number:08}")
        except Unavailable as error:
            failed += 1
            assert str(error).startswith("capture_unavailable")
            assert store.state is StoreState.DEGRADED
    on = False
    store.close()

    assert store._committer.reopened > 0
    assert len(acknowledged) + failed == 200
    assert_nothing_lost(tmp_path / "remit.db", tmp_path / "home", acknowledged)


def test_a_failed_sync_is_not_tried_again_on_the_same_handle(
    failing: Callable[..., SqliteStore], tmp_path: Path
) -> None:
    fail_next: list[str] = []
    store = failing(lambda what: what in fail_next and not fail_next.remove(what))  # type: ignore[func-returns-value]
    before = store._committer.connection()
    fail_next.append("sync")

    assert store.append_now(event(1)) == 1  # the second try, on a new handle, went well
    assert store._committer.connection() is not before
    assert store._committer.reopened == 1
    assert store.state is StoreState.OK
    store.close()


def test_a_commit_that_landed_although_it_failed_is_not_written_twice(
    journal: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    committer = journal._committer
    attempt = committer._attempt

    def lands_and_fails(items: object, nonce: bytes, **options: object) -> None:
        monkeypatch.undo()
        attempt(items, nonce, **options)  # type: ignore[arg-type]
        raise _error(apsw.IOError, apsw.SQLITE_IOERR_FSYNC)

    monkeypatch.setattr(committer, "_attempt", lands_and_fails)
    runs: list[int] = []
    seq = journal.transact_now(lambda tx: (runs.append(1), tx.append(event(1)))[1])

    assert (seq, runs, journal.counters().ambiguous, ids(journal)) == (1, [1], 1, ["id-00000001"])


def test_what_was_not_captured_while_the_disk_failed_is_recorded(
    failing: Callable[..., SqliteStore], tmp_path: Path
) -> None:
    broken = False
    store = failing(lambda what: broken)
    store.append_now(event(1))
    broken = True
    for number in range(2, 5):
        with pytest.raises(Unavailable):
            store.append_now(event(number))
    assert store.state is StoreState.DEGRADED
    broken = False
    store.append_now(event(5))
    assert store.state is StoreState.OK
    store.close()

    with SqliteStore.open(tmp_path / "remit.db", home=tmp_path / "home") as plain:
        (gap,) = plain.events(kinds=["gap"])
        assert ids(plain)[-1] == "id-00000005"
    assert (gap.event.body["count"], gap.event.body["state"]) == (3, "resumed")
    assert gap.event.body["from"] <= gap.event.body["to"]
    assert verify(tmp_path / "remit.db", tmp_path / "home").ok


def test_work_that_is_done_again_leaves_no_gap_where_the_disk_failed(
    failing: Callable[..., SqliteStore], tmp_path: Path
) -> None:
    broken = False
    store = failing(lambda what: broken)
    broken = True
    with pytest.raises(Unavailable):
        store.transact_now(lambda tx: tx.append(event(1)), events=16, repeated=True)
    with pytest.raises(Unavailable):
        store.append_now(event(2))
    broken = False
    store.transact_now(lambda tx: tx.append(event(1)), repeated=True)
    store.close()

    with SqliteStore.open(tmp_path / "remit.db", home=tmp_path / "home") as plain:
        (gap,) = plain.events(kinds=["gap"])
    assert gap.event.body["count"] == 1


def test_a_full_disk_stops_capture_and_says_so_and_goes_on_by_itself(
    small_disk: Path, tmp_path: Path
) -> None:
    path, home = small_disk / "remit.db", tmp_path / "home"
    store = SqliteStore.open(path, home=home, reserve_bytes=1 << 20)
    acknowledged: set[str] = set()
    number = 0
    while store.state is StoreState.OK:
        try:
            store.append_now(event(number, body={"text": "x" * 8000}))
            acknowledged.add(f"id-{number:08}")
        except Unavailable as error:
            assert "the disk is full" in str(error)
        number += 1
        assert number < 5000
    assert store.state is StoreState.STOPPED
    refused = 1
    for _ in range(20):
        with pytest.raises(Unavailable, match="capture_unavailable: the disk is full"):
            store.append_now(event(f"more-{refused}", body={"text": "x" * 8000}))
        refused += 1

    (stopped,) = store.events(kinds=["gap"])
    assert (stopped.event.body["state"], stopped.event.body["count"]) == ("stopped", 1)
    assert acknowledged <= set(ids(store))

    subprocess.run(["mount", "-o", "remount,size=32m", small_disk], check=True)
    store.append_now(event("after"))
    assert store.state is StoreState.OK
    resumed = list(store.events(kinds=["gap"]))[-1]
    assert (resumed.event.body["state"], resumed.event.body["count"]) == ("resumed", refused)
    store.close()
    assert_nothing_lost(path, home, acknowledged | {"id-000after"})
