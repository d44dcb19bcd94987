"""What is kept for a limited time: readable for that long, for one period more at most, and proven ever after."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st
from journal_help import event, in_child, problems

from remit.core.errors import BadInput, Unavailable
from remit.core.retention import period_end
from remit.store import expire as expiring
from remit.store import schema
from remit.store.batch import Batch
from remit.store.expire import EXPIRED, Expired
from remit.store.sqlite import SqliteStore
from remit.store.verify import verify
from remit.testing import FakeClock

Open = Callable[..., SqliteStore]
HOUR, DAY = 3600.0, 86400.0
START = 2000 * 7 * DAY
"""A period of every length begins here."""


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(START)


@pytest.fixture
def store(open_journal: Open, clock: FakeClock) -> SqliteStore:
    return open_journal(clock=clock.now)


def readable(store: SqliteStore) -> list[str]:
    return [str(s.event.body.get("name")) for s in store.events(kinds={"decided"}) if not s.erased]


def living(store: SqliteStore) -> int:
    return int(store.read(lambda db: db.execute("SELECT count(*) FROM data_key WHERE wrapped NOT NULL").get))


def kept(name: str | int, retain_s: float | None = 8 * HOUR, **changes: object) -> object:
    return event(name, retain_s=retain_s, **{"subject": "ann", "blobs": {"text": f"{name} said"}, **changes})


# ---------------------------------------------------------------------------------------------- periods
@given(
    st.floats(HOUR, 1e9),
    st.floats(0, 4e9),
)
def test_a_period_ends_after_every_instant_in_it_and_is_never_too_long(retain_s: float, at: float) -> None:
    end = period_end(retain_s, at)

    assert at < end <= at + max(HOUR, min(retain_s / 8, 7 * DAY))
    assert period_end(retain_s, max(at, end - 0.5)) == end


# ---------------------------------------------------------------------------------------------- rotation
def test_keys_rotate_with_the_period_and_not_within_it(store: SqliteStore, clock: FakeClock) -> None:
    for hour in range(4):
        store.append_now(kept(f"{hour}a"))
        clock.step(HOUR - 1)
        store.append_now(kept(f"{hour}b"))
        clock.step(1)

    users = store.read(lambda db: db.execute("SELECT key_id FROM event ORDER BY seq").fetchall())
    assert len(set(users)) == 4
    assert all(users[n] == users[n + 1] for n in range(0, 8, 2))
    assert readable(store) == ["0a", "0b", "1a", "1b", "2a", "2b", "3a", "3b"]


def test_a_period_goes_on_with_its_key_after_a_restart(
    store: SqliteStore, open_journal: Open, clock: FakeClock
) -> None:
    store.append_now(kept(1))
    store.close()
    clock.step(HOUR - 1)
    again = open_journal(clock=clock.now)
    again.append_now(kept(2))

    assert living(again) == 1


def test_what_is_kept_for_ever_has_one_key(store: SqliteStore, clock: FakeClock) -> None:
    for number in range(4):
        store.append_now(kept(number, None))
        clock.step(400 * DAY)

    assert living(store) == 1
    assert store.expire() == Expired()
    assert len(readable(store)) == 4


# ---------------------------------------------------------------------------------------------- expiry
def test_nothing_is_destroyed_early_and_nothing_is_left_a_period_after(
    store: SqliteStore, clock: FakeClock
) -> None:
    written = {}
    for number in range(60):
        name = f"{number:02}"
        written[name] = clock.now()
        store.append_now(kept(name))
        found, now = readable(store), clock.now()
        assert all(name in found for name, at in written.items() if now < at + 8 * HOUR)
        assert not any(name in found for name, at in written.items() if now >= at + 9 * HOUR)
        clock.step(17 * 60)

    assert "00" not in readable(store) and verify(store).ok


def test_it_is_destroyed_to_the_second(store: SqliteStore, clock: FakeClock) -> None:
    store.append_now(kept("last"))
    clock.step(9 * HOUR - 1)
    store.append_now(event("other"))
    assert "last" in readable(store)
    clock.step(1)
    store.append_now(event("another"))
    assert readable(store) == ["other", "another"]


def test_the_shortest_retention_is_an_hour(store: SqliteStore) -> None:
    for retain_s in (HOUR - 1, 0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(BadInput, match="retain_s"):
            store.append_now(kept(1, retain_s))
    assert store.append_now(kept(1, HOUR)) == 1


def test_retentions_of_one_subject_are_apart(store: SqliteStore, clock: FakeClock) -> None:
    for name, retain_s in (("short", HOUR), ("long", 30 * DAY), ("ever", None)):
        store.append_now(kept(name, retain_s))
    assert living(store) == 3
    clock.step(2 * HOUR)
    store.expire()
    assert readable(store) == ["long", "ever"]
    clock.step(40 * DAY)
    store.expire()
    assert readable(store) == ["ever"]
    assert verify(store).ok


def test_the_event_says_what_was_destroyed_and_is_kept(store: SqliteStore, clock: FakeClock) -> None:
    store.append_now(kept("a", tenant="north"))
    store.append_now(kept("b", subject="bob", tenant="north"))
    store.append_now(kept("c", tenant="south"))
    clock.step(9 * HOUR)
    done = store.expire()

    told = [stored.event for stored in store.events(kinds=[EXPIRED])]
    assert [(one.tenant, len(one.body["keys"])) for one in told] == [("north", 2), ("south", 1)]
    assert {(one.body["retain_s"], one.body["until"]) for one in told} == {(8 * HOUR, START + HOUR)}
    assert [(p.tenant, p.keys) for p in done.periods] == [("north", 2), ("south", 1)]
    assert done.payloads == 3 and store.expire() == done
    assert store.read(lambda db: db.execute("SELECT count(*) FROM payload").get) == 0


def test_what_was_read_says_how_long_it_is_kept(store: SqliteStore) -> None:
    store.append_now(kept(1))
    assert next(store.events()).event == kept(1)


def test_an_expired_event_may_be_sent_again(store: SqliteStore, clock: FakeClock) -> None:
    store.append_now(kept(1))
    clock.step(9 * HOUR)
    assert store.append_now(kept(1)) == 1


def test_opening_expires(store: SqliteStore, open_journal: Open, clock: FakeClock) -> None:
    store.append_now(kept(1))
    store.close()
    clock.step(9 * HOUR)
    again = open_journal(clock=clock.now)

    assert (living(again), readable(again)) == (1, [])
    assert verify(again).ok


def test_opening_a_store_with_nothing_due_writes_nothing(
    store: SqliteStore, open_journal: Open, clock: FakeClock
) -> None:
    store.append_now(kept(1))
    store.close()
    again = open_journal(clock=clock.now)

    assert (again.count, again.counters().batches) == (1, 0)


def test_a_process_expires_what_another_one_wrote(
    store: SqliteStore, open_journal: Open, clock: FakeClock
) -> None:
    other = open_journal(clock=clock.now)
    other.append_now(kept(1, HOUR))
    assert readable(other) == ["1"], "it has opened the key"
    for minute in range(0, 121, 20):
        store.append_now(event(minute))
        clock.step(20 * 60)

    assert "1" not in readable(other)
    other.append_now(kept(2, HOUR))
    assert readable(other)[-1] == "2" and verify(other).ok


def test_a_volatile_store_expires_too(open_journal: Open, clock: FakeClock) -> None:
    store = open_journal(None, clock=clock.now)
    store.append_now(kept(1))
    clock.step(9 * HOUR)
    store.append_now(event(2))
    assert readable(store) == ["2"]


# ---------------------------------------------------------------------------------------------- clocks
def test_a_clock_that_ran_ahead_once_shortens_nothing(store: SqliteStore, clock: FakeClock) -> None:
    clock.step(-DAY)
    store.append_now(kept("before", 30 * DAY))
    ahead = store.transact_now(lambda tx: tx.now)
    clock.step(-DAY)  # the store's own time stays where it was
    store.append_now(kept("after", HOUR))
    clock.step(2 * HOUR)
    store.append_now(event("other"))

    assert readable(store) == ["before", "after", "other"]
    clock.step(ahead + 2 * HOUR - clock.now())
    store.append_now(event("more"))
    assert readable(store) == ["before", "other", "more"]


def test_a_clock_set_back_does_not_delay_the_next_look(store: SqliteStore, clock: FakeClock) -> None:
    clock.step(1000 * DAY)
    store.append_now(event("ahead"))
    clock.step(-1000 * DAY)
    store.append_now(event("back"))
    assert store._committer.expiry._look_at <= clock.now() + HOUR


# ---------------------------------------------------------------------------------------------- traces
def test_the_wrapped_key_and_the_payload_leave_the_file_at_a_write(
    store: SqliteStore, clock: FakeClock, tmp_path: Path
) -> None:
    store.append_now(kept(1))
    sql = "SELECT wrapped FROM data_key UNION ALL SELECT ciphertext FROM payload"
    secrets = store.read(lambda db: [bytes(row[0]) for row in db.execute(sql)])
    clock.step(9 * HOUR)
    store.append_now(event(2))
    files = b"".join(path.read_bytes() for path in tmp_path.glob("remit.db*"))

    assert len(secrets) == 2 and not any(secret in files for secret in secrets)


def test_a_reader_that_stands_in_the_way_holds_nobody_up(
    store: SqliteStore, clock: FakeClock, tmp_path: Path
) -> None:
    store.append_now(kept(1))
    secret = store.read(lambda db: bytes(db.execute("SELECT wrapped FROM data_key").get))
    reader = apsw.Connection(str(tmp_path / "remit.db"), flags=apsw.SQLITE_OPEN_READONLY)
    reader.execute("BEGIN; SELECT count(*) FROM event").fetchall()
    clock.step(9 * HOUR)
    store.append_now(event(2))
    assert store._committer.expiry._cut_at is not None
    reader.close()
    clock.step(60)
    store.append_now(event(3))

    assert store._committer.expiry._cut_at is None
    assert not any(secret in path.read_bytes() for path in tmp_path.glob("remit.db*"))


def test_many_keys_and_texts_go_a_few_at_a_time(
    store: SqliteStore, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expiring, "_MOST_KEYS", 10)
    monkeypatch.setattr(expiring, "_MOST_PAYLOADS", 7)
    for number in range(25):
        store.append_now(kept(number, subject=f"s{number}", blobs={"a": "1", "b": "2"}))
    clock.step(9 * HOUR)
    store.append_now(event("x"))
    assert (living(store), len(readable(store))) == (16, 16)
    assert verify(store).ok, "in the middle of it"
    store.append_now(event("y"))
    assert living(store) == 16, "not twice within a second"
    clock.step(1)
    store.append_now(event("z"))
    assert living(store) == 6
    done = store.expire()

    assert (sum(p.keys for p in done.periods), done.payloads) == (25, 50)
    assert readable(store) == ["x", "y", "z"]
    assert store.read(lambda db: db.execute("SELECT count(*) FROM sweep").get) == 0
    assert verify(store).ok


# ---------------------------------------------------------------------------------------------- all or nothing
def test_a_key_is_never_destroyed_without_its_event(
    store: SqliteStore, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.append_now(kept(1))
    clock.step(9 * HOUR)

    def fails(*_: object) -> int:
        raise RuntimeError("in the middle")

    monkeypatch.setattr(expiring, "_sweep", fails)
    store.append_now(event(2))  # others go on writing
    assert [s.event.kind for s in store.events()] == ["decided", "decided"]
    assert readable(store) == ["1", "2"]
    with pytest.raises(RuntimeError, match="in the middle"):
        store.expire()
    assert verify(store).ok
    monkeypatch.undo()
    assert store.expire().payloads == 1
    assert readable(store) == ["2"] and verify(store).ok


def test_a_process_killed_on_the_way_leaves_all_or_nothing(
    store: SqliteStore, open_journal: Open, clock: FakeClock, tmp_path: Path
) -> None:
    store.append_now(kept(1))
    store.close()
    clock.step(9 * HOUR)

    def child() -> None:
        expiring._sweep = lambda _: os._exit(0)  # type: ignore[assignment]
        open_journal(clock=clock.now)
        raise AssertionError

    assert in_child(child) == 0
    database = apsw.Connection(str(tmp_path / "remit.db"))
    assert database.execute("SELECT count(*) FROM data_key WHERE wrapped IS NULL").get == 0
    database.close()
    assert not problems(tmp_path / "remit.db", tmp_path / "home")


# ---------------------------------------------------------------------------------------------- erasure
def test_erasing_a_subject_destroys_all_its_keys(store: SqliteStore, clock: FakeClock) -> None:
    for number, retain_s in enumerate((None, 8 * HOUR, 30 * DAY)):
        store.append_now(kept(number, retain_s))
    clock.step(HOUR)
    store.append_now(kept(3))
    store.append_now(kept(4, subject="bob"))
    assert store.erase("ann")

    assert (readable(store), living(store)) == (["4"], 2)
    assert len(next(store.events(kinds=["erased"])).event.body["keys"]) == 4
    clock.step(40 * DAY)
    store.expire()
    assert verify(store).ok and readable(store) == []


# ---------------------------------------------------------------------------------------------- verification
@pytest.fixture
def expired(store: SqliteStore, clock: FakeClock, tmp_path: Path) -> Path:
    """Three keys: one expired, one kept for 30 days, one for ever (which also holds the journal's own events)."""
    store.append_now(kept(1))
    store.append_now(kept(2, 30 * DAY))
    clock.step(9 * HOUR)
    store.expire()
    store.checkpoint()
    store.close()
    assert verify(tmp_path / "remit.db", tmp_path / "home").ok
    return tmp_path / "remit.db"


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("UPDATE data_key SET wrapped = NULL WHERE retain_s > 1e6", "destroyed without an erasure"),
        (
            "UPDATE data_key SET wrapped = NULL, erased = 1 WHERE retain_s > 1e6",
            "destroyed without an erasure",
        ),
        ("UPDATE data_key SET wrapped = NULL, erased = 3 WHERE retain_s > 1e6", "event 3 does not name it"),
        ("UPDATE data_key SET wrapped = x'00', erased = NULL WHERE wrapped IS NULL", "event 3 destroyed it"),
        ("UPDATE data_key SET retain_s = 3600 WHERE retain_s > 1e6", "altered"),
        ("UPDATE data_key SET until = 0 WHERE retain_s > 1e6", "altered"),
        ("UPDATE data_key SET retain_s = NULL, until = NULL WHERE retain_s > 1e6", "altered"),
        ("UPDATE data_key SET retain_s = 3600, until = 0 WHERE retain_s IS NULL", "altered"),
        ("INSERT INTO payload SELECT key_id, x'01', x'02', x'03', x'04' FROM data_key", "no event names"),
    ],
)
def test_tampering_with_keys_is_seen(expired: Path, tmp_path: Path, statement: str, found: str) -> None:
    database = apsw.Connection(str(expired))
    database.execute(statement)
    database.close()

    assert any(found in problem for problem in problems(expired, tmp_path / "home"))


def test_a_key_whose_times_were_altered_is_not_destroyed(
    store: SqliteStore, open_journal: Open, clock: FakeClock, tmp_path: Path
) -> None:
    """Else whoever has only the database makes us destroy early, with an event that covers it up."""
    store.append_now(kept(1, 30 * DAY))
    store.append_now(kept(2))
    store.close()
    database = apsw.Connection(str(tmp_path / "remit.db"))
    database.execute("UPDATE data_key SET until = 0, retain_s = 3600 WHERE retain_s > 1e6")
    database.close()
    clock.step(9 * HOUR)
    again = open_journal(clock=clock.now)
    done = again.expire()

    assert (sum(p.keys for p in done.periods), done.altered) == (1, 1)
    assert again.read(
        lambda db: db.execute("SELECT wrapped IS NULL FROM data_key ORDER BY rowid").fetchall()
    ) == [
        (0,),
        (1,),
        (0,),
    ]
    with pytest.raises(Unavailable, match="altered"):
        readable(again)


def test_texts_under_a_living_key_are_not_deleted_whatever_the_list_says(
    store: SqliteStore, open_journal: Open, clock: FakeClock, tmp_path: Path
) -> None:
    store.append_now(kept(1))
    store.close()
    database = apsw.Connection(str(tmp_path / "remit.db"))
    database.execute("INSERT INTO sweep SELECT key_id FROM data_key")
    database.close()
    again = open_journal(clock=clock.now)
    again.expire()

    assert readable(again) == ["1"]
    assert again.read(lambda db: db.execute("SELECT count(*) FROM sweep").get) == 0


def test_a_key_that_was_destroyed_early_is_seen_although_an_event_says_so(
    store: SqliteStore, clock: FakeClock
) -> None:
    store.append_now(kept(1))
    clock.step(HOUR)

    def early(batch: Batch) -> None:
        (key_id,) = batch.connection.execute("SELECT key_id FROM data_key").fetchone()
        expiring._destroy(batch, "default", 8 * HOUR, START + HOUR, [key_id])

    store.transact_now(early)  # type: ignore[arg-type]
    report = verify(store)
    assert any("before its events were older than 28800 s" in p.found for p in report.problems)


def test_an_auditor_without_the_master_key_still_verifies(expired: Path, tmp_path: Path) -> None:
    next((tmp_path / "home").glob("*/master.key")).unlink()
    report = verify(expired, tmp_path / "home")
    assert (report.ok, report.keys_checked) == (True, False)


# ---------------------------------------------------------------------------------------------- older stores
_FIRST_SCHEMA = """
ALTER TABLE data_key RENAME TO newer;
CREATE TABLE data_key (
  key_id BLOB PRIMARY KEY, tenant TEXT NOT NULL, subject BLOB NOT NULL, wrapped BLOB, erased INTEGER
) STRICT;
INSERT INTO data_key SELECT key_id, tenant, subject, wrapped, erased FROM newer;
DROP TABLE newer;
CREATE INDEX data_key_subject ON data_key (subject);
DROP TABLE sweep;
PRAGMA user_version = 1;
"""


def test_a_store_of_the_first_schema_is_verified_migrated_and_goes_on(
    store: SqliteStore, open_journal: Open, clock: FakeClock, tmp_path: Path
) -> None:
    path, home = tmp_path / "remit.db", tmp_path / "home"
    store.append_now(kept("old", None))
    store.append_now(kept("gone", None, subject="bob"))
    store.erase("bob")
    store.close()
    database = apsw.Connection(str(path))
    database.execute(_FIRST_SCHEMA)
    database.close()

    assert not problems(path, home)
    again = open_journal(clock=clock.now)
    assert again.read(lambda db: db.pragma("user_version")) == schema.SCHEMA_VERSION
    again.append_now(kept("new"))
    again.append_now(kept("ever", None))
    assert living(again) == 3, "the old key goes on for what is kept for ever"
    clock.step(9 * HOUR)
    again.expire()
    assert readable(again) == ["old", "ever"] and verify(again).ok

    def tables(connection: apsw.Connection) -> list[object]:
        names = "SELECT type, name FROM sqlite_schema ORDER BY name"
        columns = connection.execute("PRAGMA table_info(data_key)").fetchall()
        return [connection.execute(names).fetchall(), columns]

    fresh = open_journal(tmp_path / "fresh.db")
    assert again.read(tables) == fresh.read(tables)
