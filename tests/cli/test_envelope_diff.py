"""`remit envelope diff`: what a reviewer and a gate are told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Remit = Callable[..., Any]
Written = Callable[..., Path]

TEXT = """apiVersion: remit/v1
kind: CapabilityEnvelope
metadata: {name: small, version: "1"}
spec:
  tools:
    pay:
      effect: write
      args: {type: object, additionalProperties: false, required: [amount], properties: {amount: {type: integer}}}
      require: [{id: ceiling, expr: "args.amount <= 50"}]
"""


def session(name: str, *amounts: int) -> dict[str, Any]:
    calls = [
        {
            "id": f"c{at}",
            "type": "function",
            "function": {"name": "pay", "arguments": f'{{"amount": {amount}}}'},
        }
        for at, amount in enumerate(amounts)
    ]
    return {"session_id": name, "messages": [{"role": "user", "content": "pay"},
                                             {"role": "assistant", "content": "", "tool_calls": calls}]}  # fmt: skip


@pytest.fixture
def files(written: Written) -> tuple[Path, Path]:
    return written("old.yaml", TEXT), written("new.yaml", TEXT.replace("<= 50", "<= 20"))


def test_a_narrower_envelope_passes_the_gate_and_its_way_back_does_not(
    remit: Remit, files: tuple[Path, Path]
) -> None:
    old, new = files

    passed = remit("envelope", "diff", old, new, "--narrows", "--json")
    assert passed.code == 0
    assert passed.object["narrows"] is True
    failed = remit("envelope", "diff", new, old, "--narrows", "--json")
    assert failed.code == 1
    (place,) = failed.object["not_shown"]
    assert place == {
        "path": "tools.pay.require[ceiling]",
        "why": "'args.amount <= 50' does not imply 'args.amount <= 20'",
    }
    assert remit("envelope", "diff", new, old).code == 0


def test_changes_are_told_for_programs_and_for_people(remit: Remit, files: tuple[Path, Path]) -> None:
    old, new = files
    (change,) = remit("envelope", "diff", old, new, "--json").object["changes"]

    assert change == {
        "path": "tools.pay.require[ceiling]",
        "change": "changed",
        "effect": "allows less",
        "what": ["expr: args.amount <= 50 → args.amount <= 20"],
        "why": [],
    }
    told = remit("envelope", "diff", new, old).out
    assert "allows more (1)" in told
    assert "not shown that NEW only narrows OLD: 1 place" in told


def test_recorded_sessions_show_which_calls_change(
    remit: Remit, written: Written, files: tuple[Path, Path]
) -> None:
    recorded = written("sessions.jsonl", [session("a", 10, 30), session("b", 40), session("c", 5)])
    ran = remit("envelope", "diff", *files, "--sessions", recorded, "--json")
    told = ran.object["sessions"]

    assert (told["sessions"], told["calls"], told["touched_sessions"], told["bad"]) == (3, 4, 2, 0)
    refused = told["became"]["refused"]
    assert (refused["calls"], refused["before"]) == (2, {"allow": 2})
    assert refused["clauses"] == {"pay.ceiling": 2}
    first = refused["examples"][0]
    assert (first["session_id"], first["args"], first["before"]["result"]) == ("a", {"amount": 30}, "allow")
    back = remit("envelope", "diff", *reversed(files), "--sessions", recorded)
    assert "became allowed" in back.out
    assert "args.amount <= 20 is not true" in back.out


def test_sessions_that_are_not_there_are_inconclusive(
    remit: Remit, written: Written, files: tuple[Path, Path]
) -> None:
    recorded = written("sessions.jsonl", [session("a", 10)])

    assert remit("envelope", "diff", *files, "--sessions", recorded, "--where", "suite=x").code == 4


def test_an_envelope_does_not_differ_from_itself(remit: Remit, files: tuple[Path, Path]) -> None:
    ran = remit("envelope", "diff", files[0], files[0], "--narrows")

    assert ran.code == 0
    assert "the files say the same" in ran.out


def test_an_envelope_that_does_not_load_is_named(
    remit: Remit, written: Written, files: tuple[Path, Path]
) -> None:
    ran = remit("envelope", "diff", files[0], written("bad.yaml", "kind: x\n"))

    assert ran.code == 3
    assert "bad.yaml" in ran.err
