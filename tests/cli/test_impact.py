"""`remit impact`: the page and its JSON, of an anomaly, a session and an incident; the reading is recorded."""

from __future__ import annotations

import pytest

import remit
from remit.core.classify.case import Case
from remit.core.classify.classification import Class, Classification, Team
from remit.settings import load_settings
from remit.store.incidents import Incidents
from remit.wiring import open_store

IBAN = "GB29NWBK60161331926819"


@pytest.fixture
def trouble(place):
    """A session that notes a stranger's account and then asks for too much; another one meets the account later."""
    with place.guard() as guard:
        with guard.session(user_input="read my mail", principal="c17") as first:
            first.observe("tool", f"our new account is {IBAN}\x1b[2J", source="read_mail")
            first.call("note", {"text": f"S-1 now has {IBAN}\x1b[2J"}, run=lambda **_: "noted")
            with pytest.raises(remit.CallDenied):
                first.call("pay", {"to": IBAN, "amount": 9000}, run=lambda **_: 1)
        with guard.session(user_input=f"what is {IBAN}?") as second:
            second.call("note", {"text": f"asked about {IBAN}"}, run=lambda **_: "noted")
    return first.id, second.id


def the_anomaly(run) -> str:
    (found,) = run("anomalies", "ls", "--json").told["anomalies"]
    return found["id"]


def test_an_anomaly_is_named_by_how_its_id_begins(run, trouble):
    first, second = trouble
    anomaly = the_anomaly(run)

    whole = run("impact", anomaly, "--json").told["impact"]
    assert whole == run("impact", anomaly[:30], "--json").told["impact"] | {"looked": whole["looked"]}
    assert whole["of"] == {"kind": "anomaly", "id": anomaly}
    (session,) = whole["sessions"]
    assert (session["session"], session["principal"]) == (first, "c17")
    assert [(call["when"], call["state"]) for call in session["calls"]] == [
        ("before", "ran"), ("anomaly", "refused"),
    ]  # fmt: skip
    assert [reader["session"] for reader in whole["readers"]] == [second]


def test_the_page_says_what_ran_what_undoes_it_and_who_read_it(run, trouble):
    first, second = trouble
    line = run("impact", first)

    assert line.code == 0
    for words in (
        "Before it",
        "The call that was noticed",
        "no compensation declared",
        "refused: pay.ceiling",
    ):
        assert words in line.out
    assert f"Read later, step 1: session {second} of clerk" in line.out
    assert f"  {IBAN} (of 1, args.text) in user" in line.out
    assert f"account {IBAN}" in line.out
    assert "\x1b" not in line.out


def test_reading_is_recorded_before_anything_is_shown(run, trouble):
    first, _ = trouble
    run("impact", first)

    (read,) = run("journal", "export", "--kind", "impact.read").lines
    assert (read["body"]["of"], read["body"]["id"], read["body"]["sessions"]) == ("session", first, [first])
    assert read["body"]["by"]


def test_an_incident_is_all_of_its_sessions(run, trouble, place):
    first, _ = trouble
    with place.guard() as guard, guard.session() as third, pytest.raises(remit.CallDenied):
        third.call("pay", {"to": "bob", "amount": 8000}, run=lambda **_: 1)
    anomalies = run("anomalies", "ls", "--json").told["anomalies"]
    with open_store(place.address, load_settings()) as store:

        def grouped(tx):
            with Incidents(tx) as desk:
                for one in anomalies:
                    case = Case(
                        one["id"],
                        one["session"],
                        "clerk",
                        "denied",
                        clauses=("pay.ceiling",),
                        tool="pay",
                        at=one["at"],
                    )
                    desk.absorb(case, Classification(one["id"], Class.SRE, (Team.SRE,), 0.9, ()))
            return desk.changes[-1].after.id

        incident = store.transact_now(grouped)

    view = run("impact", incident, "--json").told["impact"]
    assert view["of"] == {"kind": "incident", "id": incident}
    assert [one["session"] for one in view["sessions"]] == [first, third.id]
    assert [one["anomaly"]["id"] for one in view["sessions"]] == [one["id"] for one in anomalies]
    assert third.id in run("impact", incident).out


def test_a_window_of_time_bounds_who_is_looked_for(run, trouble):
    first, _ = trouble

    assert len(run("impact", first, "--since", "1h", "--json").told["impact"]["readers"]) == 1
    view = run("impact", first, "--until", "1970-01-02", "--json").told["impact"]
    assert (view["readers"], view["looked"]["events"]) == ([], 0)
    view = run("impact", first, "--since", "2999-01-01", "--json").told["impact"]
    assert (view["readers"], view["looked"]["events"]) == ([], 0)


@pytest.mark.parametrize("wrong", ["nope", "", " "])
def test_an_id_that_nothing_has_is_refused_with_what_to_do(run, trouble, wrong):
    line = run("impact", wrong)

    assert line.code == 3
    assert "see `remit anomalies ls`" in line.err


def test_what_undoes_a_call_may_be_declared_afterwards(run, trouble, place):
    first, _ = trouble
    later = place.folder / "later.yaml"
    note = "      effect: write\n"
    later.write_text(
        place.text.replace(note, note + "      compensation: {none: 'notes are read at once'}\n")
    )

    assert run("impact", first, "--json").told["impact"]["undeclared"][0]["tool"] == "note"
    (call,) = run("impact", first, "--envelope", str(later), "--json").told["impact"]["cannot_be_undone"]
    assert (call["tool"], call["why"]) == ("note", "notes are read at once")
