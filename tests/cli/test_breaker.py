"""`remit breaker`: stricter by one person at once, looser by two who sign."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest

import remit


@pytest.fixture(autouse=True)
def _store(place):
    place.guard().close()


def mode(run, agent="clerk"):
    return run("breaker", "show", agent, "--json").told["mode"]


def test_an_agent_that_nothing_touched_is_autonomous(run):
    assert mode(run) == "autonomous"
    assert "all are autonomous" in run("breaker", "ls").out


@pytest.mark.parametrize("target", ["supervised", "quarantined", "halted"])
def test_one_person_takes_autonomy_away_without_a_key(place, run, target):
    line = run("breaker", "trip", "clerk", "--mode", target, "--reason", "odd payments", "--as", "ann")

    assert line.code == 0, line.err
    assert mode(run) == target
    (change,) = run("breaker", "show", "clerk", "--json").told["changes"]
    assert (change["before"], change["after"], change["actors"]) == ("autonomous", target, ["ann"])
    ran = []
    with place.guard() as guard:
        if target == "supervised":
            with guard.session() as session, pytest.raises(remit.ApprovalRequired):
                session.call("note", {"text": "x"}, run=lambda **_: ran.append(1))
        else:
            with pytest.raises(remit.AgentHalted):
                guard.session()
    assert ran == []


def test_a_trip_for_a_time_says_when_it_ends(run):
    run("breaker", "trip", "clerk", "--mode", "halted", "--reason", "migration", "--for", "1h")

    told = run("breaker", "show", "clerk", "--json").told["scope"]
    assert (told["mode"], told["force"]["mode"]) == ("halted", "halted")
    assert told["automatic"] == "supervised"
    assert "set by hand until" in run("breaker", "show", "clerk").out


def test_a_trip_that_is_no_stricter_than_what_stands_is_refused(run):
    run("breaker", "trip", "clerk", "--mode", "halted", "--reason", "stop")

    assert run("breaker", "trip", "clerk", "--mode", "supervised", "--reason", "less").code == 3


def test_giving_autonomy_back_takes_two_people_who_sign(run, hire, monkeypatch):
    hire("ann")
    hire("ben")
    monkeypatch.setenv("REMIT_OPERATOR_PASSPHRASE", "ann")
    monkeypatch.setenv("REMIT_SECOND_PASSPHRASE", "ben")
    run("breaker", "trip", "clerk", "--mode", "halted", "--reason", "stop")
    asked = ("breaker", "reset", "clerk", "--to", "supervised", "--reason", "mended", "--as", "ann")

    assert run(*asked).code == 1
    assert run(*asked, "--second", "ann").code != 0
    assert mode(run) == "halted"
    assert run(*asked, "--second", "ben").code == 0
    assert mode(run) == "supervised"


def test_a_wrong_second_passphrase_changes_nothing(run, hire, monkeypatch):
    hire("ann")
    hire("ben")
    monkeypatch.setenv("REMIT_OPERATOR_PASSPHRASE", "ann")
    monkeypatch.setenv("REMIT_SECOND_PASSPHRASE", "ann")
    run("breaker", "trip", "clerk", "--reason", "stop")

    line = run(
        *("breaker", "reset", "clerk", "--to", "probation", "--reason", "x", "--as", "ann", "--second", "ben")
    )

    assert line.code == 3
    assert mode(run) == "supervised"


def test_one_person_alone_breaks_the_glass_for_a_time(run, hire):
    hire("ann")
    run("breaker", "trip", "clerk", "--reason", "stop")

    line = run(
        *("breaker", "reset", "clerk", "--to", "probation", "--reason", "night", "--as", "ann"),
        *("--break-glass", "--for", "10m"),
    )

    assert line.code == 0, line.err
    assert "has to review it" in line.out
    told = run("breaker", "show", "clerk", "--json").told
    assert (told["mode"], told["scope"]["automatic"]) == ("probation", "supervised")
    assert told["changes"][0]["break_glass"] is True


def test_breaking_the_glass_needs_a_key_outside_a_single_operator_store(run):
    run("breaker", "trip", "clerk", "--reason", "stop")

    line = run(
        "breaker", "reset", "clerk", "--to", "probation", "--reason", "x", "--break-glass", "--as", "ann"
    )

    assert line.code == 3
    assert mode(run) == "supervised"


def test_a_single_operator_store_resets_with_break_glass_alone(place, run, monkeypatch, tmp_path):
    address = f"sqlite:///{tmp_path / 'single.db'}"
    remit.open(tmp_path / "envelope.yaml", store=address, single_operator=True).close()
    monkeypatch.setenv("REMIT_STORE", address)
    run("breaker", "trip", "clerk", "--reason", "stop")
    asked = ("breaker", "reset", "clerk", "--to", "probation", "--reason", "fine")

    line = run(*asked)
    assert line.code == 1
    assert "--break-glass" in line.err
    assert run(*asked, "--break-glass").code == 0
    assert mode(run) == "probation"


def test_out_of_halted_nobody_leaps_past_supervised(run, hire, monkeypatch):
    hire("ann")
    hire("ben")
    monkeypatch.setenv("REMIT_OPERATOR_PASSPHRASE", "ann")
    monkeypatch.setenv("REMIT_SECOND_PASSPHRASE", "ben")
    run("breaker", "trip", "clerk", "--mode", "halted", "--reason", "stop")

    line = run(
        *(
            "breaker",
            "reset",
            "clerk",
            "--to",
            "autonomous",
            "--reason",
            "x",
            "--as",
            "ann",
            "--second",
            "ben",
        )
    )

    assert line.code == 3
    assert mode(run) == "halted"


def test_a_wider_scope_is_named_by_its_id_and_covers_its_agents(run):
    assert run("breaker", "trip", "tenant/default", "--mode", "halted", "--reason", "all stop").code == 0

    assert mode(run) == "halted"
    assert mode(run, "another") == "halted"
    assert [s["scope"] for s in run("breaker", "ls", "--json").told["scopes"]] == ["tenant/default"]


def test_halting_voids_what_is_held(run, hold):
    approval = hold()

    run("breaker", "trip", "clerk", "--mode", "halted", "--reason", "stop")

    assert run("approvals", "show", approval, "--json").told["approval"]["state"] == "cancelled"


@pytest.mark.parametrize(
    "wrong",
    [
        ("trip", "clerk", "--mode", "autonomous", "--reason", "x"),
        ("trip", "clerk", "--mode", "off", "--reason", "x"),
        ("trip", "clerk", "--reason", "x", "--for", "soon"),
        ("reset", "clerk", "--to", "halted", "--reason", "x"),
        ("trip", "clerk"),
    ],
)
def test_a_mode_or_time_that_is_none_is_a_usage_error(run, wrong):
    assert run("breaker", *wrong).code == 2


def test_no_reason_or_no_name_is_refused(run):
    assert run("breaker", "trip", "clerk", "--reason", " ").code == 3
    assert run("breaker", "trip", " ", "--reason", "x").code == 3
    assert run("breaker", "show", "agent/only-one-part").code == 3


def test_a_hostile_reason_reaches_the_terminal_as_escapes(run):
    run("breaker", "trip", "clerk", "--reason", "\x1b[2Jgone\u202e\nagent/default/clerk is autonomous")

    for line in (run("breaker", "show", "clerk"), run("breaker", "ls")):
        assert "\x1b" not in line.out
        assert "\u202e" not in line.out
        assert "\nagent/default/clerk is autonomous" not in line.out


def test_a_webhook_that_is_set_wrong_does_not_keep_anybody_from_stopping_an_agent(run, monkeypatch):
    monkeypatch.setenv("REMIT_WEBHOOK_URL", "http://10.0.0.1/")
    monkeypatch.setenv("REMIT_WEBHOOK_SECRET", "x")

    line = run("breaker", "trip", "clerk", "--mode", "halted", "--reason", "stop")

    assert line.code == 0
    assert "nobody is told" in line.err
    assert mode(run) == "halted"


def test_a_name_that_the_store_does_not_know_is_asked_about_and_still_stopped(place, run):
    with place.guard() as guard, guard.session() as session:
        session.call("note", {"text": "x"}, run=lambda **_: 1)

    line = run("breaker", "trip", "clark", "--reason", "odd payments")
    assert line.code == 0
    assert "is the name right? Known: clerk" in line.err
    assert mode(run, "clark") == "supervised"
    assert run("breaker", "show", "clerk").err == ""


def test_a_call_whose_process_died_is_shown_before_the_next_call_counts_it(place, run):
    lease = place.text.replace("spec:", "spec:\n  breaker: {lease: 500ms}", 1)
    with place.guard(lease) as guard, guard.session() as session:

        def look(**_):
            time.sleep(0.6)
            view = run("breaker", "show", "clerk", "--json").told["scope"]
            assert (view["in_flight"], view["overdue"]) == (1, 1)
            assert "1 of them past the lease" in run("breaker", "show", "clerk").out

        with suppress(remit.RemitError):
            session.call("note", {"text": "x"}, run=look)


def test_what_counts_now_is_shown_also_where_no_anomaly_tells_of_it(run, hold, hire):
    approval = hold()
    hire("ben", "finance")
    run("approvals", "reject", approval, "--as", "ben", "--note", "no")

    (one,) = run("breaker", "show", "clerk", "--json").told["window"]
    assert (one["clause"], one["executed"]) == ("approval.rejected", False)
    shown = run("breaker", "show", "clerk").out
    assert "1 violation in the window, 0 calls in flight" in shown
    assert "What counts now" in shown
