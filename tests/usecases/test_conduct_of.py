"""Recorded sessions in numbers."""

from __future__ import annotations

import json
from typing import Any

from remit.core.reader import read_envelope
from remit.core.recorded import read_session
from remit.core.types import Fingerprint
from remit.usecases.conduct_of import MOST_LEAVES, arguments_of, conduct_of
from remit.usecases.replay import replay_session

ENVELOPE = """
apiVersion: remit/v1
kind: CapabilityEnvelope
metadata: {name: shop, version: "1"}
spec:
  sources:
    user: {integrity: trusted}
    look: {integrity: untrusted}
  tools:
    look: {effect: read, args: {type: object, additionalProperties: false, properties: {q: {type: string}}}}
    pay:
      effect: irreversible
      args:
        type: object
        additionalProperties: false
        required: [to, amount]
        properties: {to: {type: string}, amount: {type: number}}
      require:
        - {id: ceiling, expr: "args.amount <= 500", message: "payments end at 500"}
        - {id: people, expr: "args.amount <= 50", message: "a person looks", on_violation: hold}
"""


def conduct(*calls: tuple[str, dict[str, Any]], answers: bool = False, **fields: Any) -> Any:
    steps: list[dict[str, Any]] = [{"role": "user", "content": "go on"}]
    for tool, args in calls:
        steps.append(
            {"role": "assistant", "content": "", "tool_calls": [{"id": "1", "name": tool, "args": args}]}
        )
        if answers:
            steps.append(
                {"role": "tool", "content": "done", "tool_call_id": "1", "error": fields.get("failed")}
            )
    line = json.dumps({"session_id": "s", "suite": "shop", "steps": steps, **fields})
    session = read_session(line.encode(), "f:1")
    return conduct_of(replay_session(session, read_envelope(ENVELOPE, "e")), 7.0)


def test_calls_are_counted_by_tool_and_by_what_became_of_them() -> None:
    pay = [("pay", {"to": "x", "amount": amount}) for amount in (5, 100, 900)]
    found = conduct(*pay, ("look", {"q": "a"}), ("gone", {}), model="m")

    assert found.calls == {"pay": 3, "look": 1, "gone": 1} and found.made == 5
    assert found.violations == {("pay", "pay.ceiling"): 1, ("gone", "unlisted"): 1}
    assert found.holds == {("pay", "pay.people"): 2}
    assert found.ran == {"pay": 1, "look": 1} and found.effects == 1
    assert (found.at, found.agent, found.session) == (7.0, "shop", "s")
    assert found.fingerprint == Fingerprint(model="m")


def test_arguments_of_calls_that_ran_are_kept_as_numbers_and_digests() -> None:
    found = conduct(("pay", {"to": "x", "amount": 5}), ("pay", {"to": "x", "amount": 7}))

    assert found.numbers == {"pay.amount": (5.0, 7.0)}
    first, second = found.values["pay.to"]
    assert first == second and first != "x"


def test_a_document_as_argument_is_cut_and_lists_share_a_path() -> None:
    numbers, values = arguments_of([("t", {"a": list(range(500)), "b": [{"c": None}]})], b"k")

    assert (
        list(numbers) == ["t.a[]"] and len(numbers["t.a[]"]) + len(values.get("t.b[].c", ())) == MOST_LEAVES
    )


def test_equal_values_have_equal_digests_under_one_key_only() -> None:
    one, same, other = (arguments_of([("t", {"a": "v"})], key)[1]["t.a"] for key in (b"1", b"1", b"2"))

    assert one == same != other


def test_content_from_outside_and_failures_are_known() -> None:
    assert not conduct().untrusted
    assert conduct(("look", {"q": "a"}), answers=True).untrusted
    assert conduct(("look", {"q": "a"}), answers=True, failed="boom").failures == 1
    assert conduct(meta={"run_error": "503 overloaded"}).failures == 1
