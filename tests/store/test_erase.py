from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import cast

import apsw
import pytest
from journal_help import DENIED, event

from remit.core.errors import BadInput
from remit.store.batch import Batch
from remit.store.erase import erase_everywhere
from remit.store.sqlite import SqliteStore
from remit.store.verify import verify

Open = Callable[..., SqliteStore]


@pytest.fixture
def shared(journal: SqliteStore) -> SqliteStore:
    """Two people, each with an event and a blob."""
    for name in ("ann", "bob"):
        journal.append_now(event(name, subject=name, blobs={"prompt": f"{name}'s words"}, anomaly=DENIED))
    return journal


def test_what_was_erased_is_empty_and_the_rest_is_whole(shared: SqliteStore) -> None:
    assert shared.erase("ann") is True

    ann, bob, record = shared.events()
    assert (ann.erased, ann.event.body, ann.event.blobs, ann.event.subject) == (True, {}, {}, "")
    assert ann.event.anomaly == DENIED
    assert (bob.erased, bob.event.blobs) == (False, {"prompt": "bob's words"})
    assert record.event.kind == "erased" and len(record.event.body["keys"]) == 1


def test_proofs_hold_after_an_erasure(shared: SqliteStore, tmp_path: Path) -> None:
    shared.checkpoint()
    shared.erase("ann")

    assert verify(shared).ok
    shared.close()
    assert verify(tmp_path / "remit.db", tmp_path / "home").ok


def test_the_wrapped_key_and_the_payload_leave_the_file(shared: SqliteStore, tmp_path: Path) -> None:
    sql = "SELECT wrapped FROM data_key UNION ALL SELECT ciphertext FROM payload"
    before = shared.read(lambda db: [bytes(row[0]) for row in db.execute(sql)])
    shared.erase("ann")
    after = shared.read(lambda db: [bytes(row[0]) for row in db.execute(sql) if row[0] is not None])
    files = b"".join(path.read_bytes() for path in tmp_path.glob("remit.db*"))

    gone = set(before) - set(after)
    assert len(gone) == 2
    assert not any(secret in files for secret in gone)


def test_erasing_somebody_unknown_changes_nothing(shared: SqliteStore) -> None:
    assert shared.erase("eve") is False
    assert shared.erase("ann", tenant="other") is False
    assert shared.count == 2


def test_nobody_is_erased_by_an_empty_name(shared: SqliteStore) -> None:
    with pytest.raises(BadInput, match="subject: empty"):
        shared.erase("")


def test_somebody_erased_may_come_back_under_a_new_key(shared: SqliteStore) -> None:
    shared.erase("ann")
    shared.append_now(event("again", subject="ann", blobs={"prompt": "ann's words"}))

    assert [stored.erased for stored in shared.events()] == [True, False, False, False]


def test_a_text_comes_back_under_a_new_key_also_within_the_batch_that_erased_it(
    journal: SqliteStore,
) -> None:
    said = {"prompt": "ann's words"}
    with journal._writer.paused():
        before = [journal.append(event(name, subject="ann", blobs=said)) for name in (1, 2)]
        erased = journal.transact(
            lambda tx: erase_everywhere(cast(Batch, tx), journal._keys, "default", "ann")
        )
        after = [journal.append(event(name, subject="ann", blobs=said)) for name in (4, 5)]
    done = [one.result() for one in (*before, erased, *after)]

    assert done[2] and journal.counters().batches == 1
    kept = [
        dict(one.event.blobs) for one in journal.events() if one.event.subject == "ann" and not one.erased
    ]
    assert kept == [said, said]
    assert sum(one.erased for one in journal.events()) == 2


def test_an_event_that_was_erased_may_be_sent_again(shared: SqliteStore) -> None:
    shared.erase("ann")

    assert shared.append_now(event("ann", subject="ann")) == 1


def test_another_process_stops_using_the_destroyed_key(shared: SqliteStore, open_journal: Open) -> None:
    other = open_journal()
    other.append_now(event("ann-2", subject="ann"))
    assert [stored.erased for stored in other.events()] == [False, False, False]

    shared.erase("ann")
    other.append_now(event("ann-3", subject="ann"))

    assert [stored.erased for stored in other.events()] == [True, False, True, False, False]
    assert [stored.erased for stored in shared.events()] == [True, False, True, False, False]


def test_only_the_erasure_itself_excuses_a_missing_payload(shared: SqliteStore, tmp_path: Path) -> None:
    shared.erase("ann")
    shared.close()
    database = apsw.Connection(str(tmp_path / "remit.db"))
    database.execute("DELETE FROM payload")
    database.close()

    assert verify(tmp_path / "remit.db", tmp_path / "home").first_bad_seq == 2
