"""Many works in one transaction, of which some fail: what is kept is whole, and of what was undone nothing remains."""

from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, cast

import apsw
import pytest
from journal_help import event, problems

from remit.core.errors import RemitError
from remit.core.event import Event
from remit.store.batch import Batch
from remit.store.erase import erase_everywhere
from remit.store.sqlite import SqliteStore
from remit.store.transaction import Transaction

Step = tuple[str, Any]
WORKS, STEPS = 9, 5
TEXTS = ("yes", "no", "a longer text " * 20)


class Failed(Exception):
    """A work that raises."""


class Journal:
    """Writes random batches, and remembers what must be there: of each event that was kept, whether it is readable."""

    def __init__(self, store: SqliteStore, choose: random.Random) -> None:
        self.store, self.choose = store, choose
        self.made = 0
        self.kept: dict[str, Event] = {}
        self.erased: set[str] = set()

    def batch(self) -> None:
        """Several works in one transaction; now and then the disk fails in the middle, and all of them run again."""
        plans = [self.plan() for _ in range(self.choose.randrange(1, WORKS))]
        disk = [apsw.IOError("injected")] if self.choose.random() < 0.3 else []
        with self.store._writer.paused():
            written = [self.store.transact(self.work(plan, disk)) for plan in plans]
        for plan, one in zip(plans, written, strict=True):
            self.note(plan, one)

    def plan(self) -> list[Step]:
        return [self.step() for _ in range(self.choose.randrange(1, STEPS))]

    def step(self) -> Step:
        what = self.choose.choices(
            ("append", "again", "look", "fail", "bad", "caught", "erase", "disk"), (60, 6, 12, 8, 4, 4, 3, 3)
        )[0]
        if what == "again":
            return ("append", self.choose.choice(list(self.kept.values()))) if self.kept else ("look", None)
        return what, self.one() if what == "append" else self.choose.choice(("ann", "bob"))

    def one(self) -> Event:
        self.made += 1
        texts = {f"text{at}": self.choose.choice(TEXTS) for at in range(self.choose.randrange(3))}
        return event(self.made, subject=self.choose.choice(("", "ann", "bob")), blobs=texts)

    def work(self, plan: list[Step], disk: list[apsw.Error]) -> Callable[[Transaction], None]:
        def run(tx: Transaction) -> None:
            for what, given in plan:
                if what == "append":
                    tx.append(given)
                elif what == "look":
                    tx.connection.execute("SELECT count(*) FROM event").fetchone()
                elif what == "erase":
                    erase_everywhere(cast(Batch, tx), self.store._keys, "default", given)
                elif what == "fail":
                    raise Failed
                elif what == "disk" and disk:
                    raise disk.pop()
                elif what == "bad":
                    tx.append(no_text(given))
                elif what == "caught":
                    with pytest.raises(RemitError):
                        tx.append(no_text(given))

        return run

    def note(self, plan: list[Step], written: Future[None]) -> None:
        try:
            written.result(60)
        except (Failed, RemitError):
            return
        for what, given in plan:
            if what == "append" and given.id not in self.kept:
                self.kept[given.id] = given
            elif what == "erase":
                self.erased |= {name for name, one in self.kept.items() if one.subject == given}


def no_text(subject: str) -> Event:
    """An event that cannot be added; what is wrong with it is found after its texts were stored."""
    return event(0, kind="\ud800", subject=subject, blobs={"text": f"said by {subject}"})


@pytest.mark.parametrize("seed", range(12))
def test_what_is_kept_of_random_batches_is_whole_and_the_rest_is_gone(
    journal: SqliteStore, tmp_path: Path, seed: int
) -> None:
    known = Journal(journal, random.Random(seed))
    for _ in range(12):
        known.batch()
    stored = {one.event.id: one for one in journal.events(kinds={"decided"})}

    assert set(stored) == set(known.kept)
    assert {name for name, one in stored.items() if one.erased} == known.erased
    for name in set(known.kept) - known.erased:
        assert dict(stored[name].event.blobs) == dict(known.kept[name].blobs)
    journal.close()
    assert problems(tmp_path / "remit.db", tmp_path / "home") == []


def test_an_event_that_cannot_be_added_leaves_no_text_where_its_work_goes_on(journal: SqliteStore) -> None:
    def work(tx: Transaction) -> None:
        with pytest.raises(RemitError):
            tx.append(no_text("ann"))
        tx.append(event(1, subject="ann"))

    journal.transact_now(work)

    assert journal.read(lambda db: db.execute("SELECT count(*) FROM payload").get) == 0
