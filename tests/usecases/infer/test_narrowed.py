"""A base keeps what it says: learned clauses are added where it is shown that they only narrow."""

from __future__ import annotations

from typing import Any

from tests.usecases.infer.test_infer import ATTACK, GOOD, results

from remit.core.narrow import not_narrowing, read_document
from remit.core.selftest import load_envelope
from remit.usecases.infer import infer

BASE = """# kept: a comment
apiVersion: remit/v1
kind: CapabilityEnvelope
metadata: {name: mailer, version: "4"}
spec:
  enforcement: enforce
  sources:
    read_mail: {integrity: untrusted}
    read_mail.sender: {integrity: principal}
  tools:
    read_mail: {effect: read, args: {type: object, additionalProperties: false, properties: {}}}
    send_mail:
      effect: egress
      args:
        type: object
        additionalProperties: false
        required: [to, text]
        properties: {to: {type: string}, text: {type: string}}
      limits:
        - {id: few, count: calls, within: 1h, max: 50}
  tests:
    - call: {tool: send_mail, args: {to: x@corp.example, text: hi}, user: "tell x@corp.example hi"}
      expect: {result: allow}
"""


def test_a_learned_clause_is_added_and_everything_else_stays() -> None:
    found = infer(GOOD, base=(BASE, "base.yaml"))
    base: Any = found.report["base"]

    assert base["added"] == ["send_mail.to-origin"]
    assert "# kept: a comment" in found.text
    assert not_narrowing(read_document(BASE, "old"), read_document(found.text, "new")) == []
    assert [r.value for r in results(found, ATTACK)] == ["allow", "hold"]
    assert load_envelope(found.text, "x").tools["send_mail"].limits


def test_a_clause_that_breaks_a_test_of_the_base_is_left_out_with_the_reason() -> None:
    strict = BASE.replace('user: "tell x@corp.example hi"', 'user: "tell them hi"')
    found = infer(GOOD, base=(strict, "base.yaml"))
    base: Any = found.report["base"]

    assert base["added"] == []
    assert base["refused"][0]["clause"] == "send_mail.to-origin"
    assert "expected allow, got hold" in base["refused"][0]["why"]
    assert found.text == strict


def test_a_tool_that_the_base_does_not_list_stays_unlisted() -> None:
    found = infer(
        GOOD, base=(BASE.replace("    read_mail: {effect: read", "    read_other: {effect: read"), "b.yaml")
    )
    base: Any = found.report["base"]

    assert base["not_in_base"] == ["read_mail"]
    assert "read_mail" not in load_envelope(found.text, "x").tools
