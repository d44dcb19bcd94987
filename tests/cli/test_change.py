"""`remit change`: told by people, seen in sessions."""

from __future__ import annotations

import time

import pytest

from remit.cli.main import main


@pytest.fixture(autouse=True)
def _store(place):
    place.guard().close()


def test_what_was_recorded_is_listed_with_who_told_it(run):
    line = run(
        *("change", "record", "--kind", "Model", "--agent", "clerk", "--from", "x", "--to", "y"),
        *("--at", "2026-01-31T12:00:00Z", "--note", "ticket 7", "--as", "ann", "--json"),
    )

    assert line.code == 0, line.err
    change = line.told["change"]
    assert (change["kind"], change["at"], change["before"], change["after"]) == (
        "model",
        1769860800.0,
        "x",
        "y",
    )
    assert (change["agent"], change["by"], change["note"], change["seen"]) == (
        "clerk",
        "ann",
        "ticket 7",
        False,
    )
    assert run("change", "ls", "--since", "2020-01-01", "--json").told == {"changes": [change]}
    assert "2026-01-31 12:00:00 UTC" in run("change", "ls", "--since", "2020-01-01").out


def test_without_an_instant_it_is_now_and_may_be_every_agents(run):
    before = time.time()
    change = run("change", "record", "--kind", "deploy", "--every-agent", "--json").told["change"]

    assert before - 1 <= change["at"] <= time.time() + 1
    assert change["agent"] == ""
    assert run("change", "ls", "--agent", "clerk", "--json").told["changes"] == [change]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--kind", "modell", "--agent", "clerk"), 2),
        (("--kind", "model"), 2),
        (("--kind", "model", "--agent", "clerk", "--every-agent"), 2),
        (("--kind", "model", "--agent", " "), 3),
        (("--kind", "model", "--agent", "clerk", "--to", "x" * 5000), 3),
        (("--kind", "model", "--agent", "clerk", "--at", "2999-01-01"), 3),
        (("--kind", "model", "--agent", "clerk", "--at", "soon"), 3),
        (("--kind", "model", "--agent", "clerk", "--at", "1769860800000"), 3),
    ],
)
def test_what_cannot_be_meant_is_refused_and_not_recorded(run, arguments, code):
    assert run("change", "record", *arguments, "--json").code == code
    assert run("change", "ls", "--json").told == {"changes": []}


def test_an_agent_that_may_be_mistyped_is_asked_about(place, run):
    with place.guard() as guard, guard.session():
        pass

    assert (
        "is the name right? Known: clerk"
        in run("change", "record", "--kind", "model", "--agent", "klerk").err
    )
    assert run("change", "record", "--kind", "model", "--agent", "clerk").err == ""


def test_a_change_of_fingerprints_is_seen_and_not_told_twice(place, run):
    with place.guard() as guard:
        for at in range(8):
            with guard.session(fingerprint={"model": "x" if at < 4 else "y"}):
                pass

    (seen,) = run("change", "ls", "--json").told["changes"]
    assert (seen["kind"], seen["before"], seen["after"], seen["seen"]) == ("model", "x", "y", True)
    assert "(seen in sessions)" in run("change", "ls").out
    run("change", "record", "--kind", "model", "--agent", "clerk", "--to", "y")
    (told,) = run("change", "ls", "--json").told["changes"]
    assert told["seen"] is False


def test_what_others_wrote_cannot_steer_the_terminal(run):
    run("change", "record", "--kind", "model", "--agent", "clerk", "--to", "\x1b[31mred")

    assert "\x1b" not in run("change", "ls").out


def test_nothing_recorded_says_what_to_do(run):
    assert "remit change record" in run("change", "ls").out


def test_its_record_stands_in_a_journal_that_verifies(place, run):
    run("change", "record", "--kind", "model", "--agent", "clerk")

    assert main(["journal", "verify"]) == 0
