"""`remit envelope explain`: what a person and a program are told about one decision."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Remit = Callable[..., Any]
Written = Callable[..., Path]
ARGS = {"order_id": "O-1", "amount": 30000}
STATE = {
    "user": "refund O-1",
    "principal_kind": "customer",
    "facts": {"customer_id": "17"},
    "observed": [{"source": "get_order", "text": "O-1 cost 1200"}],
}


def steps(report: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {step["clause"].partition(".")[2]: step for step in report["steps"]}


def test_a_call_is_explained_clause_by_clause(remit: Remit, written: Written, examples: Path) -> None:
    given = ("--envelope", examples / "refund.yaml", "--state", written("state.json", [STATE]))
    ran = remit(
        "envelope", "explain", *given, "--tool", "refund_payment", "--args", json.dumps(ARGS), "--json"
    )
    told = steps(ran.object)

    assert (ran.code, ran.object["result"]) == (0, "hold")
    assert (told["ceiling"]["state"], told["ceiling"]["asserts"]) == ("met", "args.amount <= 50000")
    assert {"part": "args.amount", "value": 30000} in told["ceiling"]["values"]
    assert told["amount-origin"]["state"] == "not met"
    sources = [origin["source"] for origin in told["order-origin"]["leaves"][0]["origins"]]
    assert sources == ["user", "get_order"]
    assert told["customer-day"]["limit"] == {"used": "0", "asked": "30000", "most": "100000"}
    assert told["deadline"]["state"] == "after the call"
    assert ran.object["need"]["roles"] == ["support-lead"]


def test_the_table_for_people_has_the_verdict_and_why(remit: Remit, written: Written, examples: Path) -> None:
    given = ("--envelope", examples / "refund.yaml", "--state", written("state.json", [STATE]))
    ran = remit("envelope", "explain", *given, "--tool", "refund_payment", "--args", json.dumps(ARGS))

    assert "hold: 1 must approve of support-lead" in ran.out
    assert "stands nowhere" in ran.out


def test_what_remit_check_says_is_what_is_explained(remit: Remit, written: Written, examples: Path) -> None:
    calls = [
        {"tool": "refund_payment", "args": ARGS},
        {"tool": "refund_payment", "args": {"order_id": "O-1", "amount": 1200}},
        {"tool": "refund_payment", "args": {"order_id": 5}},
        {"tool": "nope", "args": {}},
    ]
    files = ("--envelope", examples / "refund.yaml", "--calls", written("calls.jsonl", calls))
    state = ("--state", written("state.json", [STATE]))
    checked = remit("check", *files, *state).lines
    explained = remit("envelope", "explain", *files, *state, "--json").lines

    keys = ("result", "clauses", "flags", "canonical")
    assert [[one[key] for key in keys] for one in explained] == [
        [one[key] for key in keys] for one in checked
    ]


def test_one_call_may_stand_in_a_file_of_its_own(remit: Remit, written: Written, examples: Path) -> None:
    call = written("call.json", json.dumps({"tool": "nope", "args": {}}, indent=1))
    ran = remit("envelope", "explain", "--envelope", examples / "refund.yaml", "--call", call)

    assert ran.code == 0
    assert "is not in the envelope" in ran.out


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ((), 2),
        (("--tool", "x"), 2),
        (("--tool", "x", "--args", "[]"), 3),
        (("--tool", "x", "--args", "{"), 3),
        (("--tool", "x", "--args", "{}", "--calls", "-"), 2),
    ],
)
def test_what_is_no_call_is_refused(
    remit: Remit, examples: Path, options: tuple[str, ...], code: int
) -> None:
    assert remit("envelope", "explain", "--envelope", examples / "refund.yaml", *options).code == code


def test_where_a_path_leads_is_looked_up(remit: Remit, written: Written, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/out").symlink_to("/")
    envelope = written(
        "files.yaml",
        f"""apiVersion: remit/v1
kind: CapabilityEnvelope
metadata: {{name: files, version: "1"}}
spec:
  tools:
    read:
      effect: read
      args: {{type: object, additionalProperties: false, required: [p], properties: {{p: {{type: string}}}}}}
      require: [{{id: inside, expr: "real_path_within(args.p, '{tmp_path}/in')"}}]
""",
    )
    given = ("--envelope", envelope, "--tool", "read", "--json")
    inside = remit("envelope", "explain", *given, "--args", json.dumps({"p": f"{tmp_path}/in/a"})).object
    out = remit("envelope", "explain", *given, "--args", json.dumps({"p": f"{tmp_path}/in/out/etc"})).object

    assert [steps(told)["inside"]["state"] for told in (inside, out)] == ["met", "not met"]
    assert steps(out)["inside"]["values"][0]["value"] is False


def test_earlier_calls_of_the_state_are_asked(remit: Remit, written: Written) -> None:
    envelope = written(
        "once.yaml",
        """apiVersion: remit/v1
kind: CapabilityEnvelope
metadata: {name: once, version: "1"}
spec:
  tools:
    pay:
      effect: write
      args: {type: object, additionalProperties: false, required: [to], properties: {to: {type: string}}}
      history: [{id: once, never: {tool: pay, within: 1h}, where: "event.args.to == args.to"}]
""",
    )
    state = written("state.json", [{"earlier": [{"tool": "pay", "args": {"to": "bob"}, "output": 1}]}])
    given = ("--envelope", envelope, "--tool", "pay", "--state", state, "--json")
    again = remit("envelope", "explain", *given, "--args", '{"to": "bob"}').object
    other = remit("envelope", "explain", *given, "--args", '{"to": "ann"}').object

    assert (again["result"], steps(again)["once"]["state"]) == ("deny", "not met")
    assert (other["result"], steps(other)["once"]["state"]) == ("allow", "met")
    assert "where event.args.to == args.to" in steps(other)["once"]["asserts"]


def test_a_repeat_is_told_as_one_and_obligations_say_what_they_ask(remit: Remit, written: Written) -> None:
    envelope = written(
        "repeat.yaml",
        """apiVersion: remit/v1
kind: CapabilityEnvelope
metadata: {name: once, version: "1"}
spec:
  tools:
    pay:
      effect: write
      args: {type: object, additionalProperties: false, required: [to, n],
        properties: {to: {type: string}, n: {type: integer}}}
      idempotency: {key: [args.to], within: 1h, on_repeat: return_first}
      obligations:
        - {id: few, cap: {arg: n, at: 5}}
        - {id: short, cap: {items: 3}}
        - {id: hidden, redact: {fields: [card.number], patterns: ["[0-9]{16}"]}}
        - {id: told, notify: {to: finance}}
""",
    )
    state = written(
        "state.json", [{"earlier": [{"tool": "pay", "args": {"to": "bob", "n": 1}, "ago": "5m"}]}]
    )
    given = ("--envelope", envelope, "--tool", "pay", "--state", state, "--json")
    again = steps(remit("envelope", "explain", *given, "--args", '{"to": "bob", "n": 9}').object)

    assert again["idempotency"]["state"] == "repeat" and "nothing runs" in again["idempotency"]["message"]
    assert again["few"]["asserts"] == "n is lowered to 5"
    assert again["short"]["asserts"] == "the result is cut to 3 items"
    assert again["hidden"]["asserts"] == "the agent does not see card.number, '[0-9]{16}'"
    assert again["told"]["asserts"] == "people are told: finance"
