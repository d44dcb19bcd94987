"""Each lint finds its mistake, and not the sound line beside it."""

from __future__ import annotations

import pytest

from remit.core.lint import RULES, lint
from remit.core.reader import read_envelope

WHOLE = """apiVersion: remit/v1
kind: CapabilityEnvelope
metadata: {{name: x, version: "1"}}
spec:
{spec}
  tools:
    pay:
      effect: write
      args:
        type: object
        additionalProperties: false
        required: [amount, to, kind, web]
        properties:
          amount: {{type: integer, minimum: 10}}
          to: {{type: string}}
          kind: {{enum: [a, b]}}
          web: {{type: string}}
          who:
            {{type: object, additionalProperties: false, properties: {{ok: {{type: boolean}}, name: {{type: string}}}}}}
{tool}
  tests:
    - {{call: {{tool: pay, args: {{}}}}, expect: {{result: deny}}}}
"""


def rules(tool: str = "", spec: str = "") -> list[str]:
    text = WHOLE.format(
        tool=f"      {tool}" if tool else "", spec=f"  {spec}" if spec else "  sources: {user: {}}"
    )
    return [finding.rule for finding in lint(read_envelope(text, "x.yaml"), text, "x.yaml")]


def test_a_sound_envelope_has_no_finding() -> None:
    assert rules() == []


LIMIT = "count: calls, within: 1h, max: 5"
FOUND = [
    ("flow-on-exempt", "flow: [{id: a, arg: kind, from: [user]}]", ""),
    ("flow-on-exempt", "flow: [{id: a, arg: who.ok, from: [user]}]", ""),
    ("flow-never-met", "flow: [{id: a, arg: to, from: [web], integrity: trusted}]", "sources: {web: {}}"),
    ("unused-source", "", "sources: {wbe: {integrity: trusted}}"),
    ("limit-refuses-all", "limits: [{id: a, count: calls, within: 1h, max: 0}]", ""),
    ("limit-refuses-all", "limits: [{id: a, sum: args.amount, within: 1h, max: 9}]", ""),
    ("limit-never-binds", f"limits: [{{id: a, {LIMIT}}}, {{id: b, {LIMIT}}}]", ""),
    ("limit-never-binds", f"limits: [{{id: a, {LIMIT}}}, {{id: b, count: calls, within: 2h, max: 4}}]", ""),
    ("limit-never-binds", f"limits: [{{id: a, {LIMIT}, by: [args.to]}}, {{id: b, {LIMIT}}}]", ""),
    (
        "duplicate-condition",
        "require: [{id: a, expr: 'args.amount > 1'}, {id: b, expr: 'args.amount  > 1'}]",
        "",
    ),
    ("constant-condition", "require: [{id: a, expr: '1 < 2'}]", ""),
    ("host-by-text", "require: [{id: a, expr: \"args.web.endsWith('corp.example')\"}]", ""),
    ("host-by-text", "require: [{id: a, expr: \"host(args.web).endsWith('corp.example')\"}]", ""),
    ("host-by-text", "require: [{id: a, expr: \"!args.web.startsWith('https://corp.example')\"}]", ""),
    ("host-by-text", "approve: [{id: a, by: [b], when: \"args.web.endsWith('corp.example')\"}]", ""),
    (
        "unanchored-pattern",
        "",
        "session: {type: object, additionalProperties: false, properties: {a: {type: string, pattern: 'A[0-9]'}}}",
    ),
    ("reader", "approve: [{id: a}]", ""),
]


@pytest.mark.parametrize(("rule", "tool", "spec"), FOUND)
def test_a_mistake_is_found_once(rule: str, tool: str, spec: str) -> None:
    assert rules(tool, spec) == [rule]


SOUND = [
    ("flow: [{id: a, arg: who, from: [user]}]", ""),
    ("flow: [{id: a, arg: to, from: [web]}]", "sources: {web: {}}"),
    ("flow: [{id: a, arg: to, integrity: principal}]", "sources: {web: {integrity: principal}}"),
    ("flow: [{id: a, arg: to, from: [user], integrity: trusted}]", ""),
    ("", "sources: {pay: {}, pay.field: {}, user: {}, system: {}}"),
    ("limits: [{id: a, count: calls, within: 1h, max: 1}]", ""),
    ("limits: [{id: a, sum: args.amount, within: 1h, max: 10}]", ""),
    (f"limits: [{{id: a, {LIMIT}}}, {{id: b, count: calls, within: 2h, max: 6}}]", ""),
    (f"limits: [{{id: a, {LIMIT}, by: [args.to]}}, {{id: b, {LIMIT}, by: [args.web]}}]", ""),
    # An approved call passes the second one, so the first still binds.
    (
        f"limits: [{{id: a, {LIMIT}}}, {{id: b, count: calls, within: 2h, max: 4, on_violation: hold, hold_by: [x]}}]",
        "",
    ),
    (f"limits: [{{id: a, {LIMIT}}}, {{id: b, sum: args.amount, within: 2h, max: 100}}]", ""),
    ("require: [{id: a, expr: \"args.web.endsWith('.corp.example')\"}]", ""),
    ("require: [{id: a, expr: \"args.to.endsWith('@corp.example')\"}]", ""),
    ("require: [{id: a, expr: \"args.web.startsWith('https://corp.example/')\"}]", ""),
    ("require: [{id: a, expr: \"args.web.endsWith('.pdf')\"}]", ""),
]


@pytest.mark.parametrize(("tool", "spec"), SOUND)
def test_a_sound_line_is_left_alone(tool: str, spec: str) -> None:
    assert rules(tool, spec) == []


PATTERNS = [
    ("^O-[0-9]{1,12}$", True),
    ("^(a|b)$", True),
    ("^[|]$", True),
    (r"^a\|b$", True),
    (r"^\\$", True),
    (r"\Aa\z", True),
    ("a", False),
    ("^a", False),
    ("a$", False),
    ("^a|b$", False),
    (r"^a\$", False),
    (r"^a\\\$", False),
    ("^[a]|b$", False),
]


@pytest.mark.parametrize(("pattern", "anchored"), PATTERNS)
def test_only_a_pattern_that_must_match_the_whole_text_passes(pattern: str, anchored: bool) -> None:
    text = WHOLE.format(tool="", spec="  sources: {user: {}}").replace(
        "to: {type: string}", f"to: {{type: string, pattern: '{pattern}'}}"
    )
    found = [finding.rule for finding in lint(read_envelope(text, "x"), text, "x")]

    assert found == ([] if anchored else ["unanchored-pattern"])


def test_an_argument_called_pattern_is_no_pattern() -> None:
    text = WHOLE.format(tool="", spec="  sources: {user: {}}").replace(
        "to: {type: string}", "to: {type: string}\n          pattern: {type: string, default: 'x'}"
    )

    assert lint(read_envelope(text, "x"), text, "x") == []


def test_tests_that_only_allow_prove_little() -> None:
    text = WHOLE.format(tool="", spec="  sources: {user: {}}").replace(
        "expect: {result: deny}", "expect: {result: allow}"
    )

    assert [finding.rule for finding in lint(read_envelope(text, "x"), text, "x")] == ["only-allowing-tests"]


def test_findings_come_in_the_order_of_the_file() -> None:
    text = WHOLE.format(
        tool="      limits: [{id: a, count: calls, within: 1h, max: 0}]\n      flow: [{id: b, arg: kind, from: [user]}]",
        spec="  sources: {wbe: {}}",
    )
    found = lint(read_envelope(text, "x"), text, "x")

    assert [finding.line for finding in found] == sorted(finding.line for finding in found)
    assert found[0].path == "spec.sources.wbe"


def test_every_rule_says_in_its_docstring_why() -> None:
    assert all(rule.__doc__ for rule in RULES)
