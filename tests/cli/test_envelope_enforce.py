"""One clause is promoted in an envelope's file: what it would have stopped is told first, and no broken file is left."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pytest

import remit
from remit.core.promote import includes
from remit.usecases import rewrite

ENVELOPE = """
apiVersion: remit/v1
kind: CapabilityEnvelope
metadata: {name: clerk, version: "1", owner: olga}
spec:
  enforcement: enforce
  sources:
    read_mail: {integrity: untrusted}
  tools:
    pay:
      effect: irreversible
      args:
        type: object
        additionalProperties: false
        required: [to, amount]
        properties: {to: {type: string}, amount: {type: integer}}
      require:
        - {id: ceiling, expr: "args.amount <= 500", message: "payments end at 500"}
      approve:
        - {id: people, by: [finance]}
    note:
      effect: write
      args: {type: object, additionalProperties: false, required: [text], properties: {text: {type: string}}}
      require:
        - {id: short, expr: "size(args.text) < 100", on_violation: flag, message: "long note"}
"""
MONITORED = "# ours\n" + ENVELOPE.lstrip("\n").replace(
    "enforcement: enforce", "enforcement: monitor  # until June"
)


@pytest.fixture
def file(place: Any) -> Path:
    path: Path = place.folder / "clerk.yaml"
    path.write_text(MONITORED)
    return path


def pay(place: Any, *amounts: int, session_id: str = "s") -> None:
    with place.guard(MONITORED) as guard, guard.session(id=session_id) as session:
        for amount in amounts:
            session.call("pay", {"to": "ann", "amount": amount}, run=lambda **_: 1)


def test_a_clause_is_promoted_and_the_rest_of_the_file_stays(run: Any, file: Path) -> None:
    ran = run("envelope", "enforce", str(file), "pay.ceiling", "--share", "10%")

    assert ran.code == 0, ran.err
    text = file.read_text()
    assert "  enforced:\n    - {clause: pay.ceiling, share: 0.1}\n" in text
    assert text.replace("  enforced:\n    - {clause: pay.ceiling, share: 0.1}\n", "") == MONITORED
    assert "acts in 0.1 of the sessions" in ran.out


def test_what_recorded_calls_would_have_met_is_told_and_needs_a_yes(run: Any, place: Any, file: Path) -> None:
    pay(place, 5, 9000, 7000)
    ran = run("envelope", "enforce", str(file), "pay.ceiling")

    assert ran.code == 1 and file.read_text() == MONITORED
    assert "Of 3 decisions it would have refused 2 and held 0, in 1 session." in ran.out
    assert "payments end at 500" in ran.out and "--yes" in ran.out
    assert run("envelope", "enforce", str(file), "pay.ceiling", "--yes").code == 0
    assert "{clause: pay.ceiling}" in file.read_text()


def test_only_sessions_of_the_share_are_counted(run: Any, place: Any, file: Path) -> None:
    ids = [f"s-{at}" for at in range(8)]
    for one in ids:
        pay(place, 9000, session_id=one)
    inside = sum(includes("pay.ceiling", 0.5, one) for one in ids)
    told = run("envelope", "enforce", str(file), "pay.ceiling", "--share", "0.5", "--json").told

    assert 0 < inside < 8 and told["would_have"]["deny"] == told["would_have"]["sessions"] == inside


def test_a_clause_that_is_enforced_already_stops_nothing_new(run: Any, place: Any, file: Path) -> None:
    pay(place, 9000)
    run("envelope", "enforce", str(file), "pay.ceiling", "--yes")
    told = run("envelope", "enforce", str(file), "pay.ceiling", "--json").told

    assert told["would_have"]["stopped"] == 0 and told["written"] and not told["changed"]


def test_a_malformed_call_counts_for_the_clause_that_could_not_be_asked(
    run: Any, place: Any, file: Path
) -> None:
    with place.guard(MONITORED) as guard, guard.session() as session:
        session.call("pay", {"to": "ann", "amount": "much"}, run=lambda **_: 1)
    told = run("envelope", "enforce", str(file), "pay.ceiling", "--json").told

    assert told["would_have"]["deny"] == 1 and told["would_have"]["example"]["clause"] == "pay.schema"


def test_off_takes_a_clause_back(run: Any, file: Path) -> None:
    run("envelope", "enforce", str(file), "pay.ceiling")
    ran = run("envelope", "enforce", str(file), "ceiling", "--off")

    assert ran.code == 0 and file.read_text() == MONITORED and "only monitors" in ran.out


def test_the_last_clause_says_what_comes_next(run: Any, file: Path) -> None:
    first = run("envelope", "enforce", str(file), "ceiling")
    last = run("envelope", "enforce", str(file), "people")  # `note.short` flags, and stops nothing

    assert "next step" not in first.out and "the next step is enforcement: enforce" in last.out


@pytest.mark.parametrize(
    ("given", "told"),
    [("pay.cieling", "pay.ceiling"), ("celing", "pay.ceiling"), ("xyz", "it has note.canonical")],
)
def test_an_unknown_clause_is_refused_with_what_is_near(run: Any, file: Path, given: str, told: str) -> None:
    ran = run("envelope", "enforce", str(file), given)

    assert ran.code == 3 and told in ran.err and file.read_text() == MONITORED


@pytest.mark.parametrize("share", ["0", "-1", "2", "101%", "0%", "ten", "nan", "%"])
def test_a_share_that_is_none_is_refused(run: Any, file: Path, share: str) -> None:
    assert run("envelope", "enforce", str(file), "ceiling", "--share", share).code == 2
    assert file.read_text() == MONITORED


def test_where_everything_is_enforced_there_is_nothing_to_promote(run: Any, file: Path) -> None:
    file.write_text(ENVELOPE)
    ran = run("envelope", "enforce", str(file), "ceiling")

    assert ran.code == 3 and "enforces every clause already" in ran.err and file.read_text() == ENVELOPE


def test_an_envelope_that_does_not_load_is_not_touched(run: Any, file: Path) -> None:
    broken = MONITORED + "  tests:\n    - {call: {tool: note, args: {text: hi}}, expect: {result: deny}}\n"
    file.write_text(broken)
    ran = run("envelope", "enforce", str(file), "ceiling")

    assert ran.code == 3 and "expected deny" in ran.err and file.read_text() == broken


def test_out_leaves_the_file_alone(run: Any, file: Path, tmp_path: Path) -> None:
    ran = run("envelope", "enforce", str(file), "ceiling", "--out", str(tmp_path / "next.yaml"))

    assert ran.code == 0 and file.read_text() == MONITORED
    assert "{clause: pay.ceiling}" in (tmp_path / "next.yaml").read_text()


def test_the_rights_of_the_file_stay_and_no_draft_is_left(run: Any, file: Path) -> None:
    file.chmod(0o640)
    before = set(os.listdir(file.parent))
    run("envelope", "enforce", str(file), "ceiling")

    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert {name for name in os.listdir(file.parent) if name.endswith(".new")} == set() and before <= set(
        os.listdir(file.parent)
    )


def test_a_link_is_not_written_through(run: Any, file: Path) -> None:
    link = file.with_name("link.yaml")
    link.symlink_to(file)
    ran = run("envelope", "enforce", str(link), "ceiling")

    assert ran.code == 3 and "is a link" in ran.err
    assert link.is_symlink() and file.read_text() == MONITORED


def test_a_file_that_changed_meanwhile_is_not_overwritten(file: Path) -> None:
    with pytest.raises(remit.BadInput, match="changed while"):
        rewrite.rewrite(file, "new", "what it was")
    assert file.read_text() == MONITORED and not list(file.parent.glob("*.new"))
