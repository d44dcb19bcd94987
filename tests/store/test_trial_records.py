"""The store as a trial sees it: whether it stands still is asked now and then, not once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from remit.core.scope import Scope, ScopeKind
from remit.core.types import Mode
from remit.store import control_hand, trial_records
from remit.store.records import EXTENSIONS
from remit.store.sqlite import SqliteStore
from remit.store.trial_records import TrialRecords


@pytest.fixture
def store(folder: Path) -> Iterator[SqliteStore]:
    with SqliteStore.open(folder / "t.db", home=folder / "home", extensions=EXTENSIONS) as made:
        yield made


def halted(store: SqliteStore) -> None:
    stop = {"id": "stop-1", "actor": "ops", "reason": "stop everything"}
    store.transact_now(lambda tx: control_hand.trip(tx, Scope(ScopeKind.STORE), Mode.HALTED, **stop))


@pytest.mark.parametrize(("seconds", "seen"), [(0.1, False), (0.3, True)])
def test_a_stop_of_the_whole_store_is_seen_a_moment_after_it_at_the_latest(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch, seconds: float, seen: bool
) -> None:
    now = [1_000.0]
    monkeypatch.setattr(trial_records, "time", SimpleNamespace(monotonic=lambda: now[0]))
    records = TrialRecords(store)
    before = records.mode("t", "shop", "1", None)
    halted(store)
    now[0] += seconds

    after = records.mode("t", "shop", "1", None)

    assert before[0] is not Mode.HALTED
    assert (after[0] is Mode.HALTED) is seen
