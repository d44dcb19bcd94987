"""`remit journal`: verified, exported, signed, erased and expired."""

from __future__ import annotations

from dataclasses import replace

import apsw
import pytest

from remit.core.event import Event
from remit.settings import load_settings
from remit.store.sqlite import SqliteStore


def test_a_journal_as_it_was_written_verifies(run, refuse):
    refuse()

    line = run("journal", "verify", "--json")

    assert line.code == 0, line.out
    assert (line.told["ok"], line.told["first_bad_seq"], line.told["keys_checked"]) == (True, None, True)
    assert line.told["events"] > 3
    assert "as they were written" in run("journal", "verify").out


def test_an_altered_event_fails_and_the_first_bad_one_is_named(place, run, refuse):
    refuse()
    altered = apsw.Connection(str(place.folder / "remit.db"))
    altered.execute("UPDATE event SET agent = 'another' WHERE seq = 3")
    altered.close()

    line = run("journal", "verify", "--json")

    assert line.code == 1
    assert line.told["first_bad_seq"] == 3
    shown = run("journal", "verify")
    assert shown.code == 1
    assert "first bad event is 3" in shown.out


def test_a_cut_off_tail_fails(place, run, refuse):
    refuse()
    run("journal", "checkpoint")
    altered = apsw.Connection(str(place.folder / "remit.db"))
    altered.execute("DELETE FROM event WHERE seq = (SELECT max(seq) FROM event)")
    altered.close()

    assert run("journal", "verify").code == 1


def test_events_are_exported_as_json_lines_and_the_export_is_recorded(run, refuse, monkeypatch):
    session = refuse()
    monkeypatch.setenv("REMIT_OPERATOR", "auditor")

    lines = run("journal", "export").lines
    assert [line["seq"] for line in lines] == list(range(1, len(lines) + 1))
    observed = run("journal", "export", "--session", session, "--kind", "observed").lines
    assert [line["blobs"]["text"] for line in observed] == [
        "pay ann",
        "a mail that says 9000",
        "I pay it all",
    ]
    exported = run("journal", "export", "--kind", "journal.exported").lines
    assert [line["body"]["by"] for line in exported] == ["auditor", "auditor"]
    assert exported[1]["body"]["session"] == session


def test_an_export_has_one_line_an_event_whatever_the_text(run, refuse):
    refuse(text="pay ann\n{}\u2028\x1b[2J\x00")

    line = run("journal", "export")

    assert all(told["seq"] for told in line.lines)
    assert "\x1b" not in line.out
    assert "\x00" not in line.out


def test_anomalies_alone_can_be_exported(run, refuse):
    refuse()

    (line,) = run("journal", "export", "--anomalies").lines
    assert line["anomaly"]["kind"] == "denied"


def test_a_checkpoint_signs_what_is_there_and_says_where_it_lies(place, run, refuse):
    refuse()

    line = run("journal", "checkpoint", "--json")

    assert line.code == 0
    assert line.told["folder"].startswith(str(place.folder / "home"))
    assert run("journal", "checkpoint").code == 0


def test_erasing_makes_one_principals_data_unreadable_and_leaves_the_journal_sound(run, refuse):
    session = refuse()

    assert run("journal", "erase", "--principal", "c17", "--yes", "--json").told == {"erased": True}

    lines = run("journal", "export", "--session", session).lines
    assert all(line["erased"] for line in lines if line["kind"] == "observed")
    assert run("journal", "verify").code == 0
    assert run("journal", "erase", "--principal", "c17", "--yes", "--json").told == {"erased": False}


def test_erasing_asks_first_and_without_anybody_to_ask_does_nothing(run, refuse):
    session = refuse()

    line = run("journal", "erase", "--principal", "c17")

    assert line.code == 3
    assert "--yes" in line.err
    assert not any(line["erased"] for line in run("journal", "export", "--session", session).lines)


@pytest.fixture
def old(place):
    """A store with an event of 1970, which was to be kept for a day."""
    home, told = load_settings().home_path, Event("1", "s", "observed", "clerk", "", {}, retain_s=86400.0)
    with SqliteStore.open(place.folder / "remit.db", home=home, clock=lambda: 3600.0) as store:
        store.append_now(replace(told, blobs={"text": "x"}))


def test_expiring_says_what_cannot_be_read_any_more(old, run):
    told = run("journal", "expire", "--json")
    assert told.code == 0
    assert told.told == {
        "periods": [{"tenant": "default", "retain_s": 86400.0, "until": 10800.0, "keys": 1}],
        "payloads": 1,
        "altered": 0,
        "more": False,
    }
    assert run("journal", "verify").code == 0
    assert "Nothing is older" in run("journal", "expire").out


def test_expiring_tells_people_of_backups(old, run):
    shown = run("journal", "expire").out

    assert "1 d 0 h" in shown and "1970-01-01" in shown and "backups" in shown


def test_a_key_that_was_altered_and_cannot_expire_is_told(place, run):
    with SqliteStore.open(place.folder / "remit.db", home=load_settings().home_path) as store:
        store.append_now(Event("1", "s", "observed", "clerk", "", {}, retain_s=86400.0))
    altered = apsw.Connection(str(place.folder / "remit.db"))
    altered.execute("UPDATE data_key SET until = 0")
    altered.close()

    line = run("journal", "expire")
    assert line.code == 1
    assert "altered" in line.err
    assert run("journal", "verify").code == 1


def test_a_store_that_is_not_there_or_in_memory_is_said(run, place):
    assert run("journal", "verify", "--store", "sqlite:///nowhere.db").code == 3
    assert run("journal", "verify", "--store", "memory:").code == 3
    line = run("approvals", "ls", "--store", "memory:")
    assert line.code == 3
    assert "ends with its process" in line.err
