"""`remit drift`, of a store and of recorded sessions."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from remit.store.sqlite import SqliteStore

ENVELOPE = """
apiVersion: remit/v1
kind: CapabilityEnvelope
metadata: {name: clerk, version: "1", owner: olga}
spec:
  tools:
    refund:
      effect: write
      args:
        type: object
        additionalProperties: false
        required: [amount]
        properties: {amount: {type: integer}}
      require: [{id: most, expr: "args.amount <= 500"}]
"""
Remit = Callable[..., Any]


def amounts(count: int, low: int, high: int) -> list[int]:
    draws = random.Random(low)
    return [draws.randint(low, high) for _ in range(count)]


@pytest.fixture
def drifted(place: Any, run: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A store in which refunds became ten times as large with another model; what `remit drift run` said."""
    derive = SqliteStore.derive  # ties are broken by a key of the store: the same one in every run
    monkeypatch.setattr(
        SqliteStore, "derive", lambda at, use: b"remit" if use == "drift" else derive(at, use)
    )
    with place.guard(ENVELOPE) as guard:
        for model, found in (("m-1", amounts(120, 5, 30)), ("m-2", amounts(60, 50, 300))):
            for amount in found:
                with guard.session(fingerprint={"model": model}) as session:
                    session.call("refund", {"amount": amount}, run=lambda **_: {"ok": True})
    return run("drift", "run", "--every", "100", "--json")


def test_a_run_counts_sessions_once_and_says_what_drifted_with_the_model(drifted: Any, run: Any) -> None:
    *alarms, last = drifted.lines

    assert drifted.code == 0
    assert last["summary"] == {"sessions": 180, "drifts": len(alarms), "erased": 0, "cut": 0}
    sizes = next(a for a in alarms if a["stream"]["kind"] == "size-of" and a["cause"])
    assert (sizes["stream"]["tool"], sizes["stream"]["name"]) == ("refund", "refund.amount")
    assert (sizes["direction"], sizes["more"]) == ("other", True)
    assert sizes["cause"]["change"]["after"] == "m-2"
    assert run("drift", "run").out == "0 sessions counted, 0 alarms\n"


def test_alarms_are_listed_and_shown_by_the_end_of_their_id(drifted: Any, run: Any) -> None:
    listed = run("drift", "ls", "--agent", "clerk", "--json").told
    first = listed["drifts"][-1]

    assert [w["sessions"] for w in listed["watching"]] == [180]
    assert listed["watching"][0]["every"] == 100.0
    table = run("drift", "ls").out
    assert first["id"][-12:] in table and "clerk" in table
    shown = run("drift", "show", first["id"][-12:])
    assert first["told"] in shown.out.replace("\n", " ")
    assert run("drift", "show", first["id"], "--json").told["group"] == first["group"]
    assert run("drift", "ls", "--agent", "nobody", "--json").told == {"drifts": [], "watching": []}


def test_an_id_that_nobody_has_is_refused(drifted: Any, run: Any) -> None:
    line = run("drift", "show", "ffffffffffff")

    assert line.code == 3
    assert "remit drift ls" in line.err


def test_an_empty_store_says_what_to_do(place: Any, run: Any) -> None:
    with place.guard(ENVELOPE):
        pass

    out = run("drift", "ls").out

    assert "nothing drifted" in out and "remit drift run" in out


def record(number: int, amount: int) -> dict[str, Any]:
    call = {"id": "1", "name": "refund", "args": {"amount": amount}}
    steps = [{"role": "user", "content": "my parcel broke"}, {"role": "assistant", "tool_calls": [call]}]
    return {"session_id": f"s{number}", "suite": "shop", "steps": steps}


def test_recorded_sessions_are_watched_in_file_order_with_the_changes_that_people_told(
    remit: Remit, written: Callable[..., Path]
) -> None:
    found = amounts(150, 5, 30) + amounts(60, 50, 300)
    sessions = written("s.jsonl", [record(n, amount) for n, amount in enumerate(found)])
    envelope = written("e.yaml", ENVELOPE)
    changes = written("c.jsonl", [{"kind": "prompt", "index": 150, "note": "be generous"},
                                  {"kind": "deploy", "index": 40, "note": "logging"}])  # fmt: skip
    options = ("--envelope", f"shop={envelope}", "--changes", changes, "--every", 500)

    *alarms, last = remit("drift", "sessions", sessions, *options, "--json").lines

    assert last["summary"] == {"sessions": 210, "agents": {"clerk": 210}, "drifts": len(alarms)}
    sizes = next(a for a in alarms if a["stream"]["kind"] == "size-of")
    assert abs(sizes["since"]["place"] - 150) <= 10
    assert sizes["since"]["session"] == f"s{sizes['since']['place']}"
    assert sizes["cause"]["change"]["note"] == "be generous"
    told = remit("drift", "sessions", sessions, *options).out
    assert "210 sessions of 1 agent" in told and "be generous" in told
    assert alarms == remit("drift", "sessions", sessions, *options, "--json").lines[:-1]


def test_sessions_in_which_nothing_changed_give_no_alarm(remit: Remit, written: Callable[..., Path]) -> None:
    sessions = written("s.jsonl", [record(n, amount) for n, amount in enumerate(amounts(200, 5, 30))])

    (summary,) = remit("drift", "sessions", sessions, "--json").lines

    assert summary["summary"]["drifts"] == 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [(("run", "--idle", "soon"), "--idle"), (("run", "--every", "1"), "--every"), (("sessions",), "F")],
)
def test_wrong_options_are_wrong_usage(remit: Remit, arguments: tuple[str, ...], told: str) -> None:
    ran = remit("drift", *arguments)

    assert ran.code == 2
    assert told in ran.err
