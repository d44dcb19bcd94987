"""What the reader refuses, word for word, and what it makes of an envelope that has everything."""

# ruff: noqa: E501 - a message stands on one line, as people see it
from __future__ import annotations

from dataclasses import replace

import pytest

from remit.core.envelope import BreakerRule
from remit.core.errors import BadInput
from remit.core.reader import decode, read_envelope
from remit.core.types import Confidentiality, Enforcement, Integrity, Label, OnViolation, Severity, ToolEffect

BASE = """\
apiVersion: remit/v1
kind: CapabilityEnvelope
metadata: {name: shop, version: "1", owner: me}
spec:
  enforcement: enforce
  session: {type: object, additionalProperties: false, required: [id], properties: {id: {type: string}}}
  sources: {user: {confidentiality: internal}, web: {integrity: untrusted}}
  tools:
    look: {effect: read, args: {type: object, additionalProperties: false, properties: {}}}
    pay:
      effect: irreversible
      args:
        type: object
        additionalProperties: false
        required: [to, amount]
        properties: {to: {type: string}, amount: {type: integer}, items: {type: array, items: {type: string}}}
      require: [{id: small, expr: "args.amount <= 50"}]
      flow: [{id: named, arg: to, from: [user]}]
      limits: [{id: daily, sum: args.amount, by: [args.to], within: 24h, max: 100}]
      approve: [{id: large, when: "args.amount > 20", by: [lead], expires: 15m, people: 2}]
      output: {type: object}
      deadline: 30s
  outputs: [{id: short, max_length: 10}]
  breaker: {threshold: 5, window: 10m, weights: {low: 1}, admission: {read: count}, recovery: {sample: 0.2}}
  capture: {clean: sampled, sample: 0.5, retain: 90d, mask: ["[0-9]{16}"]}
  tests: [{call: {tool: pay, args: {to: x, amount: 60}}, expect: {result: deny, clause: small}}]
"""

# (what stands in BASE, what stands there instead, the error after the file name)
GOLDEN = [
    ("remit/v1", "remit/v2", "1: apiVersion: found 'remit/v2'; did you mean 'remit/v1'? use one of remit/v1"),
    (
        "kind: Cap",
        "kind: Kap",
        "2: kind: found 'KapabilityEnvelope'; did you mean 'CapabilityEnvelope'? use one of CapabilityEnvelope",
    ),
    (
        "metadata: {name: shop, ",
        'metadata: {name: "", ',
        "3: metadata.name: found ''; write a name of 1 to 200 printable characters",
    ),
    ('version: "1"', "version: true", "3: metadata.version: found a boolean; write a string"),
    (
        "owner: me",
        "ownr: me",
        "3: metadata.ownr: unknown key 'ownr'; did you mean 'owner'? known here: name, version, owner, description",
    ),
    (
        "spec:\n",
        "spec:\n  bogus: 1\n",
        "5: spec.bogus: unknown key 'bogus'; known here: enforcement, default, on_error, session, sources, tools, outputs, session_ensure, enforced, breaker, capture, tests",
    ),
    (
        "  enforcement: enforce",
        "  enforcement: enforced",
        "5: spec.enforcement: found 'enforced'; did you mean 'enforce'? use one of enforce, monitor",
    ),
    ("spec:\n", "spec:\n  default: allow\n", "5: spec.default: found 'allow'; use one of deny"),
    ("spec:\n", "spec:\n  on_error: allow\n", "5: spec.on_error: found 'allow'; use one of deny"),
    (
        "spec:\n",
        "spec:\n  labels: []\n",
        "5: spec.labels: 'labels' is not supported in this version; remove it, or use a version that has it",
    ),
    (
        "session: {type: object, ",
        "session: {",
        "6: spec.session: no 'type: object'; facts are named: write type, required and properties",
    ),
    (
        "session: {type: object, additionalProperties: false, ",
        "session: {type: object, ",
        "6: spec.session: this object admits unknown properties; add 'additionalProperties: false'",
    ),
    (
        "web: {integrity: untrusted}",
        "web: {integrity: high}",
        "7: spec.sources.web.integrity: found 'high'; use one of trusted, principal, untrusted",
    ),
    (
        "web: {integrity: untrusted}",
        "assistant: {}",
        "7: spec.sources.assistant: 'assistant' as a source; the model's own words are never an origin; remove it",
    ),
    (
        "web: {integrity: untrusted}",
        "web: untrusted",
        "7: spec.sources.web: found a string; write a mapping of key: value",
    ),
    (
        "    look:",
        "    'lo ok':",
        "9: spec.tools.lo ok: found tool name 'lo ok'; write letters, digits and _ . : / -, at most 128",
    ),
    (
        "effect: read",
        "effect: reed",
        "9: spec.tools.look.effect: found 'reed'; did you mean 'read'? use one of read, write, irreversible, egress",
    ),
    ("look: {effect: read, ", "look: {", "9: spec.tools.look: 'effect' is missing; add 'effect:'"),
    (
        "look: {effect: read, args: {type: object, additionalProperties: false, properties: {}}}",
        "look: {effect: read}",
        "9: spec.tools.look: 'args' is missing; add 'args:'",
    ),
    (
        "look: {effect: read, args: {type: object, ",
        "look: {effect: read, args: {",
        "9: spec.tools.look.args: no 'type: object'; arguments are named: write type, required and properties",
    ),
    (
        "look: {effect: read, args: {type: object, additionalProperties: false, ",
        "look: {effect: read, args: {type: object, ",
        "9: spec.tools.look.args: this object admits unknown properties; add 'additionalProperties: false'",
    ),
    (
        "items: {type: string}}}",
        "items: {type: object}}}",
        "16: spec.tools.pay.args.properties.items.items: this object admits unknown properties; add 'additionalProperties: false'",
    ),
    (
        "to: {type: string}",
        "to: {type: strin}",
        "16: spec.tools.pay.args.properties.to.type: not a valid JSON Schema: \"strin\" is not valid under any of the schemas listed in the 'anyOf' keyword",
    ),
    (
        "to: {type: string}",
        "to: {type: string, pattern: '(?=a)'}",
        '16: spec.tools.pay.args.properties.to.pattern: not a valid JSON Schema: "(?=a)" is not a "regex"',
    ),
    (
        "to: {type: string}",
        "to: {$ref: 'http://x'}",
        "16: spec.tools.pay.args.properties.to.$ref: found 'http://x'; refer to '#/$defs/...'; nothing else is looked at or fetched",
    ),
    (
        "to: {type: string}",
        "'user-id': {type: string}, to: {type: string}",
        "13: spec.tools.pay.args: argument 'user-id' is no identifier; rename it; conditions could not name it",
    ),
    (
        "      require:",
        "      history: [{id: x}]\n      require:",
        "17: spec.tools.pay.history[0]: found none of formerly, never, since; write exactly one: {tool: …, within: …}",
    ),
    (
        "      require:",
        "      requires: []\n      require:",
        "17: spec.tools.pay.requires: unknown key 'requires'; did you mean 'require'? known here: description, effect, target, args, require, flow, scopes, idempotency, history, monotonic, limits, approve, obligations, output, ensure, deadline, compensation",
    ),
    (
        "id: small",
        "id: Small",
        "17: spec.tools.pay.require[0].id: found id 'Small'; write lower-case letters, digits and '-', at most 63, a letter first",
    ),
    ("{id: small, ", "{", "17: spec.tools.pay.require[0]: 'id' is missing; add 'id:'"),
    (
        'expr: "args.amount <= 50"',
        "expr: 50",
        "17: spec.tools.pay.require[0].expr: found an integer 50; write a string (quote it)",
    ),
    (
        "args.amount <= 50",
        "args.amount <=",
        "17: spec.tools.pay.require[0].expr: unexpected end (at 14); expected a value",
    ),
    (
        "      flow: [",
        "      flow: [{id: named, arg: to, from: [user]}, ",
        "11: spec.tools.pay: two clauses have the id 'pay.named'; give each its own id",
    ),
    ("arg: to,", "arg: too,", "18: spec.tools.pay.flow[0].arg: no argument 'too'; has amount, items, to"),
    ("arg: to,", "arg: to.x,", "18: spec.tools.pay.flow[0].arg: no argument 'to.x'; has nothing below it"),
    (
        "arg: to,",
        "arg: 'items[0]',",
        "18: spec.tools.pay.flow[0].arg: found 'items[0]'; write a path such as to, items[].sku or payment.account",
    ),
    ("from: [user]", "from: []", "18: spec.tools.pay.flow[0].from: an empty list; name at least one source"),
    (
        "from: [user]",
        "from: [usr]",
        "18: spec.tools.pay.flow[0].from: unknown source 'usr'; known: look, pay, session, system, user, web",
    ),
    (
        "from: [user]",
        "from: user",
        "18: spec.tools.pay.flow[0].from: found a string; write a list, [..] or lines that begin with '-'",
    ),
    (
        ", from: [user]",
        "",
        "18: spec.tools.pay.flow[0]: asserts nothing; add from, integrity or confidentiality_at_most",
    ),
    (
        "from: [user]",
        "from: [user], on_violation: flag",
        "18: spec.tools.pay.flow[0].on_violation: 'flag' on a tool with effect irreversible; add accept_risk: \"why the call may run all the same\"",
    ),
    (
        "from: [user]",
        "from: [user], on_violation: warn",
        "18: spec.tools.pay.flow[0].on_violation: found 'warn'; use one of deny, hold, flag",
    ),
    (
        "from: [user]",
        "from: [user], by: [lead]",
        "18: spec.tools.pay.flow[0].by: 'by' on a clause that does not hold; set on_violation: hold, or remove it",
    ),
    (
        "sum: args.amount, ",
        "",
        "19: spec.tools.pay.limits[0]: needs one of count, sum; write 'count: calls' or 'sum: args.amount'",
    ),
    (
        "sum: args.amount",
        "count: calls, sum: args.amount",
        "19: spec.tools.pay.limits[0]: needs one of count, sum; write 'count: calls' or 'sum: args.amount'",
    ),
    ("sum: args.amount", "count: days", "19: spec.tools.pay.limits[0].count: found 'days'; use one of calls"),
    ("sum: args.amount", "sum: args.to", "19: spec.tools.pay.limits[0].sum: a sum of string; sum a number"),
    (
        "within: 24h",
        "within: 24",
        "19: spec.tools.pay.limits[0].within: found an integer 24; write a duration such as 30s, 15m, 24h or 90d",
    ),
    (
        "within: 24h",
        "within: 0h",
        "19: spec.tools.pay.limits[0].within: found a string '0h'; write a duration such as 30s, 15m, 24h or 90d",
    ),
    ("max: 100", "max: many", "19: spec.tools.pay.limits[0].max: found a string 'many'; write a number"),
    ("max: 100", "max: -1", "19: spec.tools.pay.limits[0].max: found -1; write a number of at least 0"),
    (
        "by: [args.to]",
        "by: [args.too]",
        "19: spec.tools.pay.limits[0].by[0]: no field 'too'; has amount, items, to (at 5)",
    ),
    ("people: 2", "people: 0", "20: spec.tools.pay.approve[0].people: found 0; write a number of at least 1"),
    (
        "people: 2",
        "people: 1.5",
        "20: spec.tools.pay.approve[0].people: found a number 1.5; write an integer",
    ),
    (
        "by: [lead]",
        "by: []",
        "20: spec.tools.pay.approve[0].by: no role; name at least one role, or remove 'by' so that any operator may approve",
    ),
    (
        "expires: 15m",
        "expires: 15 minutes",
        "20: spec.tools.pay.approve[0].expires: found a string '15 minutes'; write a duration such as 30s, 15m, 24h or 90d",
    ),
    (
        "approve: [{id: large",
        "approve: [{on_violation: deny, id: large",
        "20: spec.tools.pay.approve[0].on_violation: unknown key 'on_violation'; known here: when, id, severity, message, by, expires, people",
    ),
    (
        "deadline: 30s",
        "deadline: {after: 30s, on_violation: hold}",
        "22: spec.tools.pay.deadline.on_violation: found 'hold'; what came back cannot wait for a person; use deny or flag",
    ),
    (
        "deadline: 30s",
        "deadline: 5m",
        "22: spec.tools.pay.deadline: 300 s is longer than a reservation holds (60 s); raise breaker.lease, or shorten the deadline",
    ),
    (
        "output: {type: object}",
        "output: {schema: {type: object}, on_violation: hold}",
        "21: spec.tools.pay.output.on_violation: found 'hold'; what came back cannot wait for a person; use deny or flag",
    ),
    (
        "output: {type: object}",
        "output: 3",
        "21: spec.tools.pay.output: found an integer; write a mapping of key: value",
    ),
    (
        "max_length: 10",
        "max_length: 10, forbid: [x]",
        "23: spec.outputs[0]: found ['max_length', 'forbid']; write exactly one of schema, max_length, forbid",
    ),
    (
        ", max_length: 10",
        "",
        "23: spec.outputs[0]: found no check; write exactly one of schema, max_length, forbid",
    ),
    (
        "max_length: 10",
        "forbid: ['(?=a)']",
        "23: spec.outputs[0].forbid[0]: not an RE2 pattern: invalid perl operator: (?=; look-around and back-references do not exist there",
    ),
    (
        "max_length: 10",
        "max_length: 0",
        "23: spec.outputs[0].max_length: found 0; write a number of at least 1",
    ),
    (
        "outputs: [",
        "outputs: [{id: short, max_length: 3}, ",
        "23: spec.outputs: two clauses have the id 'short'; give each its own id",
    ),
    ("threshold: 5", "threshold: 0", "24: spec.breaker.threshold: found 0; write a number of at least 1"),
    (
        "threshold: 5",
        "treshold: 5",
        "24: spec.breaker.treshold: unknown key 'treshold'; did you mean 'threshold'? known here: threshold, max_violations, window, admission, weights, supervised, recovery, lease, max_pending",
    ),
    (
        "weights: {low: 1}",
        "weights: {low: 0}",
        "24: spec.breaker.weights.low: found 0; write a number of at least 1",
    ),
    (
        "weights: {low: 1}",
        "weights: {critical: 9}",
        "24: spec.breaker.weights.critical: unknown key 'critical'; known here: low, medium, high",
    ),
    (
        "admission: {read: count}",
        "admission: never",
        "24: spec.breaker.admission: found 'never'; use one of reserve, count",
    ),
    (
        "admission: {read: count}",
        "admission: {reed: count}",
        "24: spec.breaker.admission.reed: unknown key 'reed'; did you mean 'read'? known here: read, write, irreversible, egress",
    ),
    ("sample: 0.2", "sample: 2", "24: spec.breaker.recovery.sample: found 2; write a share between 0 and 1"),
    (
        "window: 10m",
        "max_violations: 0",
        "24: spec.breaker.max_violations: found 0; write a number of at least 1",
    ),
    (
        "clean: sampled",
        "clean: none",
        "25: spec.capture.clean: found 'none'; use one of full, sampled, digest",
    ),
    ("sample: 0.5", "sample: 1.5", "25: spec.capture.sample: found 1.5; write a share between 0 and 1"),
    (
        "retain: 90d",
        "retain: forever",
        "25: spec.capture.retain: found a string 'forever'; write a duration such as 30s, 15m, 24h or 90d",
    ),
    (
        "retain: 90d",
        "retain: 59m",
        "25: spec.capture.retain: found a string '59m'; write 1h or more: what is captured is deleted in steps of an hour",
    ),
    (
        'mask: ["[0-9]{16}"]',
        'mask: ["(?!a)"]',
        "25: spec.capture.mask[0]: not an RE2 pattern: invalid perl operator: (?!; look-around and back-references do not exist there",
    ),
    ('mask: ["[0-9]{16}"]', "anomaly: digest", "25: spec.capture.anomaly: found 'digest'; use one of full"),
    ("tool: pay, ", "", "26: spec.tests[0].call: 'tool' is missing; add 'tool:'"),
    (
        "result: deny",
        "result: refuse",
        "26: spec.tests[0].expect.result: found 'refuse'; use one of allow, deny, hold, withheld",
    ),
    (
        "clause: small",
        "clause: big",
        "26: spec.tests[0].expect.clause: no clause 'big' on 'pay'; it has pay.daily, pay.deadline, pay.large, pay.named, pay.output, pay.small",
    ),
    (
        "args: {to: x, amount: 60}",
        "args: [1]",
        "26: spec.tests[0].call.args: found a list; write a mapping of key: value",
    ),
    (
        "args: {to: x, amount: 60}",
        "args: {to: x, amount: 60}, observed: [{source: web}]",
        "26: spec.tests[0].call.observed[0]: 'text' is missing; add 'text:'",
    ),
    (
        "tools:\n",
        "tool:\n",
        "9: spec.tool: unknown key 'tool'; did you mean 'tools'? known here: enforcement, default, on_error, session, sources, tools, outputs, session_ensure, enforced, breaker, capture, tests",
    ),
]


@pytest.mark.parametrize(("old", "new", "told"), GOLDEN)
def test_each_mistake_is_told_with_its_line_its_place_and_what_would_do(
    old: str, new: str, told: str
) -> None:
    assert old in BASE
    with pytest.raises(BadInput) as error:
        read_envelope(BASE.replace(old, new, 1), "e.yaml")

    assert str(error.value) == f"e.yaml:{told}"


def test_everything_that_is_written_is_in_the_compiled_envelope() -> None:
    envelope = read_envelope(BASE, "e.yaml")
    pay = envelope.tools["pay"]

    assert (envelope.name, envelope.version, envelope.owner) == ("shop", "1", "me")
    assert envelope.enforcement is Enforcement.ENFORCE
    assert pay.effect is ToolEffect.IRREVERSIBLE
    assert [rule.clause.id for rule in pay.require] == ["pay.small"]
    assert (pay.flow[0].arg, pay.flow[0].sources, pay.flow[0].integrity) == (("to",), ("user",), None)
    assert (pay.limits[0].within_s, pay.limits[0].max) == (86_400.0, 100)
    approve = pay.approve[0].clause
    assert (approve.on_violation, approve.by, approve.expires_s, approve.people) == (
        OnViolation.HOLD,
        ("lead",),
        900.0,
        2,
    )
    assert pay.deadline_s == 30.0
    assert pay.output is not None and pay.output.clause.id == "pay.output"
    assert envelope.sources["user"] == Label(Integrity.PRINCIPAL, Confidentiality.INTERNAL)
    assert envelope.outputs[0].check("x" * 11) == "found 11 characters, at most 10 are allowed"
    assert (envelope.capture.clean, envelope.capture.sample, envelope.capture.retain_s) == (
        "sampled",
        0.5,
        7_776_000.0,
    )
    assert envelope.tests[0].line == 26
    assert envelope.roles == ("lead",)


def test_the_breaker_that_is_not_written_has_the_defaults_of_the_rule() -> None:
    text = BASE.replace(BASE[BASE.index("  breaker:") : BASE.index("  capture:")], "")
    breaker = read_envelope(text, "e.yaml").breaker
    weights = {Severity.LOW: 1.0, Severity.MEDIUM: 2.0, Severity.HIGH: 5.0, Severity.CRITICAL: 5.0}
    admission = {
        ToolEffect.READ: "count",
        ToolEffect.WRITE: "count",
        ToolEffect.IRREVERSIBLE: "reserve",
        ToolEffect.EGRESS: "reserve",
    }

    assert breaker == replace(BreakerRule(), weights=weights, admission=admission)


def test_the_guarantee_follows_the_threshold_unless_it_is_written() -> None:
    assert read_envelope(BASE.replace("threshold: 5", "threshold: 7.5"), "e").breaker.max_violations == 7
    written = BASE.replace("threshold: 5", "threshold: 7.5, max_violations: 3")
    assert read_envelope(written, "e").breaker.max_violations == 3


def test_the_hash_is_that_of_the_text() -> None:
    first, again, other = (read_envelope(text, "e").hash for text in (BASE, BASE, BASE + "# more\n"))

    assert first == again != other


def test_a_consequential_tool_without_a_clause_is_worth_a_warning() -> None:
    start, end = BASE.index("      require:"), BASE.index("      output:")
    text = (BASE[:start] + BASE[end:]).replace(
        "expect: {result: deny, clause: small}", "expect: {result: allow}"
    )

    assert read_envelope(text, "e").warnings == (
        "e:11: pay: an irreversible tool with no clause that is asked before the call (require, flow, scopes, idempotency,"
        " history, monotonic, limits, approve): every call that fits its schema runs",
    )


@pytest.mark.parametrize(
    ("clause", "warned"),
    [
        ("history: [{id: once, never: {tool: pay, within: 1h}}]", False),
        ("idempotency: {key: [args.to], within: 1h, on_repeat: refuse}", False),
        ("monotonic: [{id: up, value: args.amount}]", False),
        ("ensure: [{id: same, expr: \"output == 'x'\"}]", True),
    ],
)
def test_a_clause_that_stands_before_the_call_is_enough_and_one_after_it_is_not(
    clause: str, warned: bool
) -> None:
    start, end = BASE.index("      require:"), BASE.index("      output:")
    text = f"{BASE[:start]}      {clause}\n{BASE[end:]}".replace(
        "expect: {result: deny, clause: small}", "expect: {result: allow}"
    )

    assert (
        any("no clause that is asked before" in told for told in read_envelope(text, "e").warnings) is warned
    )


@pytest.mark.parametrize(
    ("flow", "accepted"),
    [
        ("on_violation: flag, accept_risk: ' '", False),
        ("on_violation: flag, accept_risk: tried by hand", True),
        ("on_violation: hold, by: [role/lead]", True),
    ],
)
def test_a_flag_on_what_cannot_be_undone_needs_a_reason_in_words(flow: str, accepted: bool) -> None:
    text = BASE.replace("from: [user]", f"from: [user], {flow}")
    if accepted:
        assert read_envelope(text, "e").tools["pay"].flow[0].clause.by in ((), ("lead",))
    else:
        with pytest.raises(BadInput, match="accept_risk"):
            read_envelope(text, "e")


def test_a_file_that_is_no_utf_8_is_refused_with_the_byte() -> None:
    assert decode("ä".encode(), "e") == "ä"
    with pytest.raises(BadInput, match="e: byte 2 is not UTF-8"):
        decode(b"ab\xff", "e")
