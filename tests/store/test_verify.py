"""Every way to alter a journal is seen, and the first altered event is named."""

from __future__ import annotations

import os
import random
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest
from journal_help import DENIED, event, in_child, problems

from remit.core.errors import BadInput
from remit.store import notary
from remit.store.sqlite import SqliteStore
from remit.store.transaction import Transaction
from remit.store.verify import verify

EVENTS, BAD = 20, 7
"""How many events there are, and which one is altered."""

Open = Callable[..., SqliteStore]


@pytest.fixture
def closed(open_journal: Open, tmp_path: Path) -> Path:
    """A journal that was written and closed."""
    store = open_journal()

    def write(tx: Transaction) -> None:
        for number in range(1, EVENTS + 1):
            odd = {"anomaly": DENIED, "blobs": {"prompt": "text"}} if number == BAD else {}
            tx.append(event(number, subject="ann", **odd))

    store.transact_now(write)
    store.close()
    return tmp_path / "remit.db"


def alter(path: Path, *statements: str) -> None:
    """What somebody with the database but without its keys can do."""
    database = apsw.Connection(str(path))
    for statement in statements:
        database.execute(statement)
    database.close()


def flipped(value: object) -> object:
    """*value* with one bit changed."""
    if isinstance(value, int):
        return value ^ 1
    if isinstance(value, float):
        (number,) = struct.unpack(">Q", struct.pack(">d", value))
        return struct.unpack(">d", struct.pack(">Q", number ^ 1))[0]
    if isinstance(value, str):
        return chr(ord(value[0]) ^ 1) + value[1:] if value else "\x01"
    assert isinstance(value, bytes)
    return bytes([value[0] ^ 1]) + value[1:] if value else b"\x01"


EVENT_COLUMNS = (
    "seq id session kind at agent tenant envelope key_id salt leaf prev chain blobs body".split()  # noqa: SIM905
)
FLIPS = [
    *[("event", column, f"seq = {BAD}") for column in EVENT_COLUMNS],
    *[
        ("anomaly", name, "1")
        for name in ("seq", "kind", "severity", "clauses", "tool", "counts", "enforced")
    ],
    *[("payload", name, "1") for name in ("key_id", "address", "digest", "nonce", "ciphertext")],
    *[("head", name, "1") for name in ("size", "chain", "peaks", "at", "top", "erasures", "nonce", "seal")],
    *[
        ("store", "value", f"name = '{name}'")
        for name in ("id", "public_key", "created", "single_operator", "seal")
    ],
    *[("data_key", name, "1") for name in ("key_id", "tenant", "subject", "wrapped")],
]


@pytest.mark.parametrize(("table", "column", "where"), FLIPS)
def test_one_flipped_bit_in_any_column_is_seen(
    closed: Path, tmp_path: Path, table: str, column: str, where: str
) -> None:
    database = apsw.Connection(str(closed))
    value = database.execute(f"SELECT {column} FROM {table} WHERE {where}").get
    if (table, column) in (("event", "seq"), ("anomaly", "seq")):
        value = 1000
    database.execute(f"UPDATE {table} SET {column} = ? WHERE {where}", (flipped(value),))
    database.close()

    report = verify(closed, tmp_path / "home")
    assert not report.ok
    if table in ("event", "anomaly", "payload"):
        assert report.first_bad_seq == BAD


def test_an_untouched_journal_verifies(closed: Path, tmp_path: Path) -> None:
    report = verify(closed, tmp_path / "home")

    assert report.ok, report.problems
    assert (report.events, report.first_bad_seq, report.unsigned, report.keys_checked) == (
        EVENTS,
        None,
        0,
        True,
    )
    assert report.checkpoints >= 1


def test_verifying_changes_nothing(closed: Path, tmp_path: Path) -> None:
    # SQLite may leave an empty WAL and its index beside the database: whoever only reads cannot take them away.
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    verify(closed, tmp_path / "home")

    assert {path: path.read_bytes() for path in before} == before


def test_a_deleted_row_is_seen(closed: Path, tmp_path: Path) -> None:
    alter(closed, f"DELETE FROM event WHERE seq = {BAD}")

    report = verify(closed, tmp_path / "home")
    assert (report.ok, report.first_bad_seq) == (False, BAD)
    assert "missing" in report.problems[0].found


def test_a_deleted_row_whose_place_was_closed_is_seen(closed: Path, tmp_path: Path) -> None:
    alter(closed, f"DELETE FROM event WHERE seq = {BAD}", f"UPDATE event SET seq = seq - 1 WHERE seq > {BAD}")

    assert verify(closed, tmp_path / "home").first_bad_seq == BAD


@pytest.mark.parametrize("cut", [1, 2, 10, EVENTS])
def test_a_cut_tail_is_seen(closed: Path, tmp_path: Path, cut: int) -> None:
    alter(closed, f"DELETE FROM event WHERE seq > {EVENTS - cut}")

    assert verify(closed, tmp_path / "home").first_bad_seq == EVENTS - cut + 1


def test_two_swapped_rows_are_seen(closed: Path, tmp_path: Path) -> None:
    alter(
        closed,
        f"UPDATE event SET seq = 1000 WHERE seq = {BAD}",
        f"UPDATE event SET seq = {BAD} WHERE seq = {BAD + 4}",
        f"UPDATE event SET seq = {BAD + 4} WHERE seq = 1000",
    )

    assert verify(closed, tmp_path / "home").first_bad_seq == BAD


def test_an_anomaly_made_out_of_nothing_is_seen(closed: Path, tmp_path: Path) -> None:
    alter(closed, "INSERT INTO anomaly VALUES (3, 'denied', 'low', '[]', 't', 1, 1)")

    assert verify(closed, tmp_path / "home").first_bad_seq == 3


@pytest.mark.parametrize("table", ["anomaly", "payload", "data_key", "head"])
def test_an_emptied_table_is_seen(closed: Path, tmp_path: Path, table: str) -> None:
    alter(closed, f"DELETE FROM {table}")

    assert not verify(closed, tmp_path / "home").ok


def test_a_data_key_destroyed_without_an_erasure_is_seen(closed: Path, tmp_path: Path) -> None:
    alter(closed, "UPDATE data_key SET wrapped = NULL, erased = 3")

    assert any("destroyed without an erasure" in found for found in problems(closed, tmp_path / "home"))


def test_an_index_that_hides_a_row_is_seen(closed: Path, tmp_path: Path) -> None:
    alter(closed, "PRAGMA writable_schema = ON", "DELETE FROM sqlite_schema WHERE name = 'event_session'")

    assert not verify(closed, tmp_path / "home").ok


def copy_of(path: Path, name: str) -> Path:
    return Path(shutil.copy(path, path.with_name(name)))


def test_an_old_copy_put_back_is_seen(closed: Path, open_journal: Open, tmp_path: Path) -> None:
    old = copy_of(closed, "old")
    store = open_journal()
    store.append_now(event("later"))
    store.close()
    old.replace(closed)

    report = verify(closed, tmp_path / "home")
    assert (report.ok, report.first_bad_seq) == (False, EVENTS + 1)
    assert f"{EVENTS + 1} events were signed, {EVENTS} are left" in report.problems[0].found


def test_a_fork_is_seen_although_its_own_chain_holds(
    closed: Path, open_journal: Open, tmp_path: Path
) -> None:
    old = copy_of(closed, "old")
    store = open_journal()
    store.append_now(event("here"))
    store.close()
    assert store.folder is not None
    kept = {path: path.read_bytes() for path in store.folder.rglob("*") if path.is_file()}
    old.replace(closed)
    # Whoever forks has the keys, and hides the checkpoint while writing the other branch.
    (store.folder / "checkpoints" / f"{EVENTS + 1:020d}").unlink()
    (store.folder / "frontier").unlink()
    forked = open_journal()
    forked.append_now(event("there"))
    forked.close()
    for path, content in kept.items():
        path.write_bytes(content)

    report = verify(closed, tmp_path / "home")
    assert not report.ok
    assert report.first_bad_seq is not None and report.first_bad_seq <= EVENTS + 1
    assert any("a fork, or edited" in problem.found for problem in report.problems)


def test_another_journal_put_in_its_place_is_seen(closed: Path, open_journal: Open, tmp_path: Path) -> None:
    closed.rename(tmp_path / "hidden")
    store = open_journal()
    store.append_now(event(1))
    store.close()

    assert any("it was replaced" in found for found in problems(closed, tmp_path / "home"))


def test_without_its_home_a_journal_cannot_be_vouched_for(closed: Path, tmp_path: Path) -> None:
    assert any("no home of the store" in found for found in problems(closed, tmp_path / "elsewhere"))


def test_an_edited_checkpoint_is_seen(closed: Path, open_journal: Open, tmp_path: Path) -> None:
    (checkpoint,) = (tmp_path / "home").glob(f"*/checkpoints/{EVENTS:020d}")
    checkpoint.write_text(checkpoint.read_text().replace(f"\n{EVENTS}\n", f"\n{EVENTS - 1}\n"))

    assert any("no valid signature" in found for found in problems(closed, tmp_path / "home"))


def test_an_auditor_without_the_master_key_sees_edits_and_cuts(closed: Path, tmp_path: Path) -> None:
    for key in ("master.key", "signing.key"):
        next((tmp_path / "home").glob(f"*/{key}")).unlink()

    report = verify(closed, tmp_path / "home")
    assert (report.ok, report.keys_checked) == (True, False)
    alter(closed, f"UPDATE event SET agent = 'other' WHERE seq = {BAD}")
    assert verify(closed, tmp_path / "home").first_bad_seq == BAD


def test_a_live_journal_is_verified_while_it_is_written(journal: SqliteStore, tmp_path: Path) -> None:
    for number in range(300):
        journal.append_now(event(number))
        if number % 60 == 0:
            report = verify(journal)
            assert report.ok, report.problems
            assert report.events == number + 1


def test_what_is_no_journal_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no journal here"):
        verify(tmp_path / "none.db", tmp_path)
    (tmp_path / "text.db").write_bytes(b"no database" * 1000)
    assert not verify(tmp_path / "text.db", tmp_path).ok


def test_a_bit_flipped_anywhere_in_the_file_is_seen_or_changed_nothing(
    closed: Path, open_journal: Open, tmp_path: Path
) -> None:
    store = open_journal()
    before = list(store.events())
    store.close()
    good, choose = closed.read_bytes(), random.Random(4711)
    for _ in range(60):
        bad = bytearray(good)
        bad[choose.randrange(len(bad))] ^= 1 << choose.randrange(8)
        closed.write_bytes(bad)
        if verify(closed, tmp_path / "home").ok:
            store = open_journal()
            assert list(store.events()) == before
            store.close()


def test_checkpoints_are_signed_every_256_events(journal: SqliteStore) -> None:
    assert journal.folder is not None
    for block in range(4):
        journal.transact_now(lambda tx, block=block: [tx.append(event(block * 256 + n)) for n in range(256)])
        while journal._notary is not None and journal._notary._size < (block + 1) * 256:
            pass  # the thread that signs was told; there is no other way to know when it did

    assert sorted(int(path.name) for path in (journal.folder / "checkpoints").iterdir()) == [
        256,
        512,
        768,
        1024,
    ]


def test_an_event_is_signed_after_a_second_at_the_latest(journal: SqliteStore) -> None:
    journal.append_now(event(1))
    while journal._notary is not None and journal._notary._size < 1:
        pass

    assert verify(journal).unsigned == 0


def test_what_a_killed_process_left_unsigned_is_signed_by_the_next(
    open_journal: Open, tmp_path: Path
) -> None:
    open_journal().close()

    def child() -> None:
        notary.AFTER_S = 3600.0  # however slow this machine is, it dies before
        open_journal().append_now(event(1))
        os._exit(0)

    assert in_child(child) == 0
    assert verify(tmp_path / "remit.db", tmp_path / "home").unsigned == 1

    open_journal().close()
    assert verify(tmp_path / "remit.db", tmp_path / "home").unsigned == 0


def test_no_checkpoint_is_signed_for_a_tree_that_does_not_extend_the_last(
    journal: SqliteStore, tmp_path: Path
) -> None:
    for number in range(5):
        journal.append_now(event(number))
    assert journal.checkpoint() is not None
    notary = journal._notary
    assert notary is not None
    head = journal._committer.head()

    from dataclasses import replace

    notary._signed = None  # as after a restart
    notary.follow(replace(head, size=6, peaks=(bytes(32), bytes(32))))
    assert notary.sign() is None
    assert journal.state == "journal_altered"
    notary.follow(replace(head, size=3, peaks=(bytes(32), bytes(32))))
    assert notary.sign() is None
    assert journal._home is not None and journal._home.sizes() == [5]
