"""`remit anomalies`: found by index columns, shown whole, and the reading is recorded."""

from __future__ import annotations

import pytest
from tests.core.soon import soon

import remit
from remit.store.keys import OpenedKeys


def ids(line):
    return [a["id"] for a in line.told["anomalies"]]


def test_a_refused_call_is_listed_by_what_was_not_met(run, refuse):
    session = refuse()

    (line,) = run("anomalies", "ls", "--json").told["anomalies"]
    assert (line["kind"], line["tool"], line["clauses"]) == ("denied", "pay", ["pay.ceiling"])
    assert (line["agent"], line["session"], line["severity"]) == ("clerk", session, "medium")
    shown = run("anomalies", "ls").out
    assert "pay.ceiling" in shown
    assert "denied" in shown


def test_a_list_is_narrowed_by_every_column(run, refuse, place):
    refuse()
    with place.guard() as guard, guard.session() as session:
        session.call("note", {"text": "x" * 200}, run=lambda **_: 1)
    denied, flagged = ids(run("anomalies", "ls", "--json"))

    def listed(*options):
        return ids(run("anomalies", "ls", "--json", *options))

    assert listed("--kind", "flagged") == [flagged]
    assert listed("--clause", "pay.ceiling") == [denied]
    assert listed("--severity", "medium") == [denied]
    assert listed("--severity", "low") == [denied, flagged]
    assert listed("--session", session.id) == [flagged]
    assert listed("--tool", "pay") == [denied]
    assert listed("--agent", "nobody") == []
    assert listed("--limit", "1") == [flagged]
    assert listed("--since", "1h") == [denied, flagged]
    assert listed("--since", "2999-01-01") == []
    assert listed("--since", "1970-01-01T00:00:00", "--kind", "denied") == [denied]


@pytest.mark.parametrize("wrong", [("--since", "yesterday"), ("--severity", "bad"), ("--limit", "0")])
def test_an_option_that_says_nothing_is_a_usage_error(run, refuse, wrong):
    refuse()

    assert run("anomalies", "ls", *wrong).code == 2


def test_one_is_shown_with_what_led_to_it_what_was_tried_and_what_was_said(run, refuse):
    refuse()
    (anomaly,) = ids(run("anomalies", "ls", "--json"))

    told = run("anomalies", "show", anomaly[:-2], "--json").told["anomaly"]

    assert [(s["source"], s["integrity"], s["text"]) for s in told["trigger"]] == [
        ("user", "trusted", "pay ann"),
        ("read_mail", "untrusted", "a mail that says 9000"),
    ]
    assert told["reasoning"] == ["I pay it all"]
    origins = {
        a["path"]: [(o["source"], o["quote"]) for o in a["origins"]] for a in told["attempted"]["arguments"]
    }
    assert origins == {"to": [("user", "pay ann")], "amount": [("read_mail", "a mail that says 9000")]}
    assert told["decision"]["result"] == "deny"
    assert told["decision"]["violations"][0]["message"] == "payments end at 500"
    assert told["mode"] == "autonomous"
    assert told["fingerprint"]["envelope"]
    assert told["outcome"] is None
    shown = run("anomalies", "show", anomaly).out
    assert "UNTRUSTED read_mail: a mail that says 9000" in shown
    assert "payments end at 500" in shown


def test_reading_one_is_recorded_with_who_read_it_before_it_is_shown(run, refuse, monkeypatch):
    session = refuse()
    (anomaly,) = ids(run("anomalies", "ls", "--json"))
    assert run("journal", "export", "--kind", "anomaly.read").lines == []
    monkeypatch.setenv("REMIT_OPERATOR", "nosy")

    run("anomalies", "show", anomaly)

    (read,) = run("journal", "export", "--kind", "anomaly.read").lines
    assert read["body"] == {"anomaly": anomaly, "session": session, "by": "nosy"}


def test_a_flagged_call_that_ran_is_shown_with_its_outcome(run, place):
    with place.guard() as guard, guard.session() as session:
        session.call("note", {"text": "x" * 200}, run=lambda **_: {"saved": 1})
    (anomaly,) = ids(run("anomalies", "ls", "--json"))

    told = run("anomalies", "show", anomaly, "--json").told["anomaly"]

    assert told["decision"]["flags"] == ["note.short"]
    assert (told["outcome"]["ended"], told["outcome"]["result"]) == ("value", '{"saved":1}')


def test_a_tool_that_raised_is_shown_with_the_call_it_came_of(run, place):
    def broken(**_):
        raise RuntimeError("disk on fire")

    with place.guard() as guard, guard.session() as session, pytest.raises(RuntimeError):
        session.call("note", {"text": "short"}, run=broken)
    (anomaly,) = ids(run("anomalies", "ls", "--json"))

    told = run("anomalies", "show", anomaly, "--json").told["anomaly"]
    assert told["kind"] == "infrastructure"
    assert told["attempted"]["tool"] == "note"
    assert told["outcome"]["error"]["message"] == "disk on fire"
    assert "disk on fire" in run("anomalies", "show", anomaly).out


def test_hostile_text_reaches_the_terminal_as_escapes(run, refuse):
    refuse(
        text="pay ann\x1b[2J\u202e", said="\x1b]8;;https://evil.example\x07click\nDecision   allow [red]x[/]"
    )
    (anomaly,) = ids(run("anomalies", "ls", "--json"))

    line = run("anomalies", "show", anomaly)

    for bad in ("\x1b", "\x07", "\u202e", "\nDecision   allow"):
        assert bad not in line.out
    assert "\\x1b[2J" in line.out


def test_an_erased_one_is_still_listed_and_says_so(run, refuse):
    refuse()
    (anomaly,) = ids(run("anomalies", "ls", "--json"))
    run("journal", "erase", "--principal", "c17", "--yes")

    assert ids(run("anomalies", "ls", "--json")) == [anomaly]
    line = run("anomalies", "show", anomaly)
    assert line.code == 0
    assert "was erased" in line.out
    assert "pay it all" not in line.out


def test_an_id_of_nothing_or_of_an_event_that_is_no_anomaly_is_refused(run, refuse):
    session = refuse()
    events = run("journal", "export", "--session", session).lines

    assert run("anomalies", "show", "zz").code == 3
    assert run("anomalies", "show", events[0]["id"]).code == 3


def test_listing_decrypts_nothing_and_stays_quick_with_many(run, place, monkeypatch):
    with place.guard() as guard, guard.session() as session:
        for _ in range(40):
            with pytest.raises(remit.Refused):
                session.call("unlisted", {}, run=lambda **_: 1)

    def opens(*_):
        raise AssertionError("a key was opened")

    monkeypatch.setattr(OpenedKeys, "get", opens)
    with soon():
        assert len(ids(run("anomalies", "ls", "--json"))) == 40
    line = run("journal", "export")
    assert "a key was opened" in line.err, (line.code, line.err)


def test_one_of_an_envelope_that_monitors_says_what_it_would_count(run, place):
    guard = place.guard(place.text.replace("enforcement: enforce", "enforcement: monitor"))
    with guard, guard.session() as session:
        session.call("pay", {"to": "ann", "amount": 9000}, run=lambda **_: 1)
    (one,) = run("anomalies", "ls", "--json").told["anomalies"]

    shown = run("anomalies", "show", one["id"]).out
    assert "would count for the breaker; the envelope only monitors" in shown


def test_an_empty_list_names_the_options_only_where_some_were_given(run, place):
    place.guard().close()

    assert run("anomalies", "ls").out == "no anomalies\n"
    assert "with fewer options" in run("anomalies", "ls", "--tool", "pay").out


def test_the_error_of_a_tool_is_shown_in_words(run, place):
    def fail(**_):
        raise OSError("the shop is closed")

    with place.guard() as guard, guard.session() as session, pytest.raises(OSError, match="closed"):
        session.call("note", {"text": "x"}, run=fail)
    (one,) = run("anomalies", "ls", "--json").told["anomalies"]

    assert "error: OSError: the shop is closed" in run("anomalies", "show", one["id"]).out


def test_a_call_that_a_person_refused_is_an_anomaly_with_what_was_tried(run, hold, hire):
    approval = hold()
    hire("ben", "finance")
    run("approvals", "reject", approval, "--as", "ben", "--note", "not our invoice")

    (line,) = run("anomalies", "ls", "--json").told["anomalies"]
    shown = run("anomalies", "show", line["id"]).out
    told = run("anomalies", "show", line["id"], "--json").told["anomaly"]

    assert (line["kind"], line["clauses"], line["tool"]) == ("rejected", ["approval.rejected"], "pay")
    assert (line["severity"], line["counts"], line["enforced"]) == ("medium", True, True)
    assert told["attempted"]["args"] == {"to": "ann", "amount": 5}
    assert told["decision"]["approval_id"] == approval
    assert "ben said no" in shown
    assert "not our invoice" in shown


def test_it_says_for_whom_the_agent_acted_and_what_was_running(run, place):
    running = {"model": "m-1", "runtime": {"server": "git", "region": "eu"}}
    with (
        place.guard() as guard,
        guard.session(principal="c17", fingerprint=running) as session,
        pytest.raises(remit.CallDenied),
    ):
        session.call("pay", {"to": "ann", "amount": 9000}, run=lambda **_: None)
    (line,) = run("anomalies", "ls", "--json").told["anomalies"]
    shown = run("anomalies", "show", line["id"]).out

    assert "For        c17" in shown
    assert "Running    server git, region eu, model m-1, " in shown
    assert f"journal export --session {session.id}" in shown
    assert "{" not in shown
