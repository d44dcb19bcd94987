"""What is no journal is refused with place, finding and remedy, never with an error of SQLite's."""

from __future__ import annotations

import os
import random
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import apsw
import pytest
from journal_help import event, ids

from remit.core.errors import BadInput, Unavailable
from remit.store.connection import check_sqlite_version, network_file_system
from remit.store.schema import SCHEMA_VERSION
from remit.store.sqlite import SqliteStore, StoreState

Open = Callable[..., SqliteStore]


def test_a_folder_is_refused(open_journal: Open, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="a folder; give a file"):
        open_journal(tmp_path)


def test_a_place_without_folder_is_refused(open_journal: Open, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="does not exist; make it"):
        open_journal(tmp_path / "none" / "remit.db")


def test_a_journal_that_is_not_there_is_not_made_unasked(open_journal: Open, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no journal here"):
        open_journal(create=False)
    assert not (tmp_path / "remit.db").exists()
    (tmp_path / "remit.db").touch()
    with pytest.raises(BadInput, match="an empty file"):
        open_journal(create=False)


def test_a_file_that_is_no_database_is_refused(open_journal: Open, tmp_path: Path) -> None:
    (tmp_path / "remit.db").write_bytes(b"some text that is no database" * 100)

    with pytest.raises(BadInput, match="not an SQLite database"):
        open_journal()


def test_another_programs_database_is_refused_and_left_alone(open_journal: Open, tmp_path: Path) -> None:
    other = apsw.Connection(str(tmp_path / "remit.db"))
    other.execute("CREATE TABLE theirs (a)")
    other.close()
    before = (tmp_path / "remit.db").read_bytes()

    with pytest.raises(BadInput, match="a database of another program"):
        open_journal()
    assert (tmp_path / "remit.db").read_bytes() == before


def test_a_journal_of_a_newer_remit_is_refused(open_journal: Open, tmp_path: Path) -> None:
    open_journal().close()
    database = apsw.Connection(str(tmp_path / "remit.db"))
    database.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    database.close()

    with pytest.raises(BadInput, match=r"newer remit .schema 3.; upgrade remit"):
        open_journal()


def test_a_damaged_journal_is_told_as_such(open_journal: Open, tmp_path: Path) -> None:
    store = open_journal()
    store.transact_now(lambda tx: [tx.append(event(number, body={"a": "x" * 2000})) for number in range(50)])
    store.close()
    path = tmp_path / "remit.db"
    content = bytearray(path.read_bytes())
    content[100 : 3 * 8192] = random.Random(7).randbytes(3 * 8192 - 100)
    path.write_bytes(content)

    with pytest.raises((BadInput, Unavailable), match=r"remit\.db"):
        ids(open_journal())


def test_a_journal_cut_in_half_is_told_as_such(open_journal: Open, tmp_path: Path) -> None:
    store = open_journal()
    store.transact_now(lambda tx: [tx.append(event(number, body={"a": "x" * 2000})) for number in range(50)])
    store.close()
    path = tmp_path / "remit.db"
    os.truncate(path, path.stat().st_size // 2)

    with pytest.raises((BadInput, Unavailable), match=r"remit\.db"):
        ids(open_journal())


@pytest.mark.parametrize("name", ["master.key", "signing.key"])
def test_a_missing_key_is_told_with_its_path(open_journal: Open, name: str) -> None:
    store = open_journal()
    store.close()
    assert store.folder is not None
    (store.folder / name).unlink()

    with pytest.raises(BadInput, match=f"{name}: missing; restore it"):
        open_journal()


def test_another_master_key_is_refused(open_journal: Open) -> None:
    store = open_journal()
    store.close()
    assert store.folder is not None
    (store.folder / "master.key").write_bytes(os.urandom(32))

    with pytest.raises(BadInput, match="edited"):
        open_journal()


def test_an_edited_operator_rule_is_refused(open_journal: Open, tmp_path: Path) -> None:
    open_journal().close()
    database = apsw.Connection(str(tmp_path / "remit.db"))
    database.execute("UPDATE store SET value = 'yes' WHERE name = 'single_operator'")
    database.close()

    with pytest.raises(BadInput, match="the facts of the store were edited"):
        open_journal()


def test_keys_are_for_their_owner_only_and_others_are_warned_about(journal: SqliteStore) -> None:
    assert journal.folder is not None
    assert (journal.folder / "master.key").stat().st_mode & 0o777 == 0o600
    assert journal.warnings == ()

    (journal.folder / "master.key").chmod(0o640)
    assert "others may read this key" in journal.warnings[0]


def test_old_and_withdrawn_versions_of_sqlite_are_refused() -> None:
    for version in ("3.40.1", "3.51.2", "3.52.0"):
        with pytest.raises(Unavailable, match="pip install --upgrade apsw"):
            check_sqlite_version(version)
    check_sqlite_version("3.51.3")
    check_sqlite_version()


def test_a_network_file_system_is_recognised(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(f"disk / ext4 rw 0 0\nserver:/x {tmp_path} nfs4 rw 0 0\n")

    assert network_file_system(tmp_path / "remit.db", mounts) == "nfs4"
    assert network_file_system(Path("/remit.db"), mounts) is None


def test_sync_and_wal_are_on(journal: SqliteStore) -> None:
    database = journal._committer.connection()

    assert (database.pragma("journal_mode"), database.pragma("synchronous")) == ("wal", 2)


def test_a_journal_shorter_than_what_was_signed_takes_no_events(open_journal: Open, tmp_path: Path) -> None:
    store = open_journal()
    store.append_now(event(1))
    store.close()
    old = (tmp_path / "remit.db").read_bytes()
    store = open_journal()
    store.append_now(event(2))
    store.close()
    (tmp_path / "remit.db").write_bytes(old)

    store = open_journal()
    with pytest.raises(Unavailable, match="2 events were signed and 1 are left; run `remit journal verify`"):
        store.append_now(event(3))
    assert store.state is StoreState.ALTERED
    assert store.count == 1


@pytest.fixture
def read_only_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder that even root may not write to."""
    folder = tmp_path / "read-only"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "ro", "none", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no mount here: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_read_only_folder_is_refused(open_journal: Open, read_only_folder: Path) -> None:
    with pytest.raises(BadInput, match="read-only"):
        open_journal(read_only_folder / "remit.db")


def test_the_database_is_for_its_owners_eyes_only_whatever_the_umask(
    open_journal: Open, tmp_path: Path
) -> None:
    before = os.umask(0o002)
    try:
        open_journal().append_now(event())
        modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.glob("remit.db*")}
    finally:
        os.umask(before)

    assert {"remit.db", "remit.db-wal", "remit.db-shm"} <= modes.keys()
    assert set(modes.values()) == {0o600}
