"""`remit classify --sessions --changes`: which change it was, of those that were told and those that sessions show."""

from __future__ import annotations

import json
import random
from collections import Counter

import pytest

ENVELOPE = """
apiVersion: remit/v1
kind: CapabilityEnvelope
metadata: {name: clerk, version: "1", owner: olga}
spec:
  sources:
    user: {integrity: trusted}
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
"""
EACH = 150


def session(at, amount, model):
    calls = [
        {"id": f"{n}", "name": "pay", "args": {"to": "ann", "amount": amount if n == 0 else 5}}
        for n in range(3)
    ]
    steps = [
        {"role": "user", "content": "pay ann what she is owed"},
        {"role": "assistant", "content": "I pay.", "tool_calls": calls},
    ]
    return {"session_id": f"S{at}", "suite": "shop", "model": model, "steps": steps}


@pytest.fixture
def classified(place, run):
    def classified(rates, models, changes=()):
        (place.folder / "clerk.yaml").write_text(ENVELOPE)
        draw = random.Random(8)
        with (place.folder / "s.jsonl").open("w") as file:
            for at in range(2 * EACH):
                after = at >= EACH
                amount = 9000 if draw.random() < rates[after] else 5
                file.write(json.dumps(session(at, amount, models[after])) + "\n")
        (place.folder / "c.jsonl").write_text("".join(json.dumps(one) + "\n" for one in changes))
        found = run(
            *(
                "classify",
                "--sessions",
                "s.jsonl",
                "--envelope",
                "clerk.yaml",
                "--changes",
                "c.jsonl",
                "--json",
            )
        )
        assert found.code == 0, found.err
        return [line for line in found.lines if "class" in line]

    return classified


DECOYS = [
    {"kind": "config", "session": "S100", "id": "decoy"},
    {"kind": "prompt", "index": 220, "id": "other"},
]


def test_a_switch_that_nobody_told_is_named_for_what_ran_with_it(classified):
    lines = classified((0.02, 0.3), ("m1", "m2"), DECOYS)

    late = [line for line in lines if int(line["session_id"][1:]) >= EACH]
    assert len(late) > 20
    assert {line["class"] for line in late} == {"sre"}
    (fact,) = {
        (e["facts"]["kind"], e["facts"]["before"], e["facts"]["after"])
        for line in late
        for e in line["evidence"]
        if e["kind"] == "change.rate" and e["towards"] == "sre"
    }
    assert fact == ("model", "m1", "m2")
    assert not any(line["change"] for line in lines if line not in late)


def test_a_told_change_is_named_by_its_own_id(classified):
    lines = classified(
        (0.02, 0.3), ("m", "m"), [*DECOYS, {"kind": "tool", "session": f"S{EACH}", "id": "release-7"}]
    )

    named = Counter(line["change"] for line in lines if int(line["session_id"][1:]) >= EACH)
    assert set(named) == {"release-7"}


def test_where_nothing_became_worse_no_change_is_named(classified):
    assert {line["change"] for line in classified((0.2, 0.2), ("m1", "m2"), DECOYS)} == {""}


def test_a_session_that_is_not_there_is_told_with_its_line(place, run, classified):
    classified((0.1, 0.1), ("m", "m"))
    (place.folder / "c.jsonl").write_text('{"kind": "model", "session": "nobody"}\n')
    found = run(*("classify", "--sessions", "s.jsonl", "--envelope", "clerk.yaml", "--changes", "c.jsonl"))

    assert found.code == 3
    assert "c.jsonl:1: session" in found.err
