"""Simulated power loss at random points: nothing acknowledged is lost, no batch is half there.

The control runs the same test with `synchronous=NORMAL`, which must lose events, or the test would be blind.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from uuid import uuid4

import apsw
import pytest
from journal_help import event, ids
from recorder import Recording, RecordingVFS, crash_states

from remit.core.errors import BadInput
from remit.store import connection, opening, sqlite
from remit.store.sqlite import SqliteStore
from remit.store.transaction import Transaction
from remit.store.verify import verify

BATCHES, SIZE = 60, 3


def record(folder: Path, monkeypatch: pytest.MonkeyPatch, *, synchronous: str) -> Recording:
    """Write *BATCHES* batches of *SIZE* events and return what reached the file layer."""

    def make_durable(database: apsw.Connection, place: str) -> None:
        # A file layer written in Python has no shared memory, which WAL needs unless one connection has it all.
        database.pragma("locking_mode", "EXCLUSIVE")
        connection.make_durable(database, place)
        database.pragma("synchronous", synchronous)
        database.wal_autocheckpoint(40)

    recording = Recording()
    name = f"recorder-{uuid4().hex}"
    layer = RecordingVFS(name, recording)
    monkeypatch.setattr(opening, "make_durable", make_durable)
    monkeypatch.setattr(sqlite, "make_durable", make_durable)
    store = SqliteStore.open(folder / "remit.db", home=folder / "home", reserve_bytes=1 << 16, vfs=name)
    for batch in range(BATCHES):

        def write(tx: Transaction, batch: int = batch) -> None:
            for number in range(SIZE):
                tx.append(event(f"{batch * SIZE + number:06}", body={"text": "x" * 1500}))

        store.transact_now(write)
        recording.acknowledged((batch + 1) * SIZE)
    store.close()
    monkeypatch.undo()
    del layer
    return recording


def stored_in(path: Path, home: Path) -> list[str]:
    try:
        with SqliteStore.open(path, home=home, create=False, reserve_bytes=1 << 12) as store:
            return ids(store)
    except BadInput:
        return []  # not even the tables are there


def losses(tmp_path: Path, recording: Recording, states: int, seed: int) -> tuple[int, list[str]]:
    """How many states lost acknowledged events, and what else was wrong."""
    home = tmp_path / "home"
    # Checkpoints of events after the crash would be seen as a cut tail, and rightly so.
    for kept in [*home.glob("*/checkpoints"), *home.glob("*/frontier")]:
        shutil.rmtree(kept) if kept.is_dir() else kept.unlink()
    losing, wrong = 0, []
    for number, disk in enumerate(crash_states(recording, states, seed)):
        folder = tmp_path / f"state-{number}"
        disk.write_to(folder)
        if disk.acknowledged:
            report = verify(folder / "remit.db", home)
            if not report.ok:
                wrong += [f"state {number}: {report.problems[0]}"]
            stored = stored_in(folder / "remit.db", home)
            if len(stored) % SIZE or stored != sorted(stored):
                wrong += [f"state {number}: half a batch, {len(stored)} events"]
            losing += len(stored) < disk.acknowledged
        shutil.rmtree(folder)
        shutil.rmtree(next(iter(home.glob("*/checkpoints")), folder), ignore_errors=True)
        for path in home.glob("*/frontier"):
            path.unlink()
    return losing, wrong


def test_a_hundred_crash_states_lose_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recording = record(tmp_path, monkeypatch, synchronous="FULL")

    assert losses(tmp_path, recording, states=100, seed=1) == (0, [])


def test_the_same_test_sees_the_losses_of_normal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recording = record(tmp_path, monkeypatch, synchronous="NORMAL")
    losing, _ = losses(tmp_path, recording, states=40, seed=1)

    assert losing > 0


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(10))
def test_a_thousand_crash_states_lose_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    recording = record(tmp_path, monkeypatch, synchronous="FULL")

    assert losses(tmp_path, recording, states=100, seed=seed) == (0, [])
