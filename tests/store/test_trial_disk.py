"""A run on a disk that becomes full: it ends with a reason, and goes on when there is room again."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path

import pytest
from tests.usecases.trials.runs import launch, suite_of

from remit.core.errors import Unavailable
from remit.core.trial.suite import Design
from remit.core.trial.trial import Slot, Status, Trial
from remit.store.records import EXTENSIONS
from remit.store.sqlite import SqliteStore


def test_a_run_on_a_full_disk_ends_and_goes_on_when_there_is_room(small_disk: Path, tmp_path: Path) -> None:
    loaded = suite_of(lambda _: "done", design=Design(epochs=150))
    paid: list[int] = []

    async def trial(slot: Slot) -> Trial:
        paid.append(slot.draw)
        await asyncio.sleep(0)
        return Trial(
            slot.draw, slot.arm, slot.task, slot.epoch, Status.PASSED, answer=f"{slot.draw} " * 15_000
        )

    def opened() -> SqliteStore:
        return SqliteStore.open(
            small_disk / "r.db", home=tmp_path / "home", extensions=EXTENSIONS, reserve_bytes=64 << 10
        )

    with opened() as store, pytest.raises(Unavailable, match="the disk is full"):
        launch(loaded, store, trial=trial)
    before = len(paid)
    subprocess.run(["mount", "-o", "remount,size=64m", small_disk], check=True)
    with opened() as store:
        ran = launch(loaded, store, trial=trial)

    assert before < 300
    assert [one.draw for one in ran.run.trials] == list(range(300))
    assert len(paid) - 300 <= ran.run.repeated + 4
