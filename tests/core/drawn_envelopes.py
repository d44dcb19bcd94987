"""Random envelopes and calls, for properties: drawn slot by slot from options that lie close together.

`drawn` gives an envelope that loads and one that differs from it in a few slots; `case_of` a call with its past, from the
values at which those options differ.
"""

from __future__ import annotations

import json
import random
from typing import Any

from remit.core.decide import decide
from remit.core.envelope import Envelope
from remit.core.errors import BadInput
from remit.core.history import DONE, FAILED, Caller
from remit.core.labels import label_of
from remit.core.narrow import Document, read_document
from remit.core.past import Past, look_back
from remit.core.prepare import Facts, Prepared, facts_for, prepare
from remit.core.provenance import SessionText
from remit.core.recollection import Exchange, Recollection
from remit.core.seen import append_facts, append_result
from remit.core.types import Decision, PrincipalKind, Result, Role, Segment, ToolCall

RANK = {Result.DENY: 0, Result.HOLD: 1, Result.ALLOW: 2}
CLAUSE: list[dict[str, Any]] = [
    {},
    {},
    {"on_violation": "hold"},
    {"on_violation": "hold", "by": ["a"]},
    {"on_violation": "hold", "by": ["a", "b"], "people": 2, "expires": "5m"},
    {"on_violation": "flag", "accept_risk": "a test"},
    {"severity": "high"},
]
HELD: list[dict[str, Any]] = [{}, {}, {"by": ["a"]}, {"by": ["b"]}, {"by": ["a", "b"], "people": 2}]

AMOUNT: list[Any] = [
    {"type": "integer"},
    {"type": "integer", "maximum": 10},
    {"type": "integer", "minimum": 1, "maximum": 5},
    {"type": "integer", "exclusiveMaximum": 10},
    {"type": "number"},
    {"type": "number", "maximum": 10},
    {"enum": [1, 5, 10]},
    {"type": "integer", "enum": [1, 5]},
    {"type": "integer", "allOf": [{"maximum": 7}]},
    {"anyOf": [{"type": "integer"}, {"type": "string"}]},
    {"type": ["integer", "null"]},
    {"const": 5},
]
TO: list[Any] = [
    {"type": "string"},
    {"type": "string", "maxLength": 8},
    {"type": "string", "minLength": 2, "maxLength": 5},
    {"type": "string", "pattern": "^[a-z@.]+$"},
    {"type": "string", "pattern": "^[a-z]+$"},
    {"enum": ["bob", "eve"]},
    {"enum": ["bob"]},
    {"$ref": "#/$defs/name"},
    {"type": "string", "not": {"const": "eve"}},
]
EXTRA: list[Any] = [
    None,
    None,
    {"type": "object", "additionalProperties": False, "properties": {"x": {"type": "string"}}},
    {
        "type": "object",
        "additionalProperties": False,
        "properties": {"x": {"enum": ["eve", "1"]}, "y": {"type": "boolean"}},
    },
    {
        "type": "object",
        "additionalProperties": False,
        "required": ["x"],
        "properties": {"x": {"type": "string", "maxLength": 3}},
    },
    {"type": "array", "items": {"type": "string"}, "maxItems": 2},
    {"type": "array", "items": {"type": "string", "maxLength": 3}, "maxItems": 1, "uniqueItems": True},
    {"type": "array", "prefixItems": [{"type": "string"}], "items": {"type": "integer"}},
    {"type": "object", "additionalProperties": False, "patternProperties": {"^[a-z]+$": {"type": "string"}}},
    {
        "type": "object",
        "additionalProperties": False,
        "properties": {"eve": {"type": "string"}},
        "patternProperties": {"^[a-z]+$": {"type": "string"}},
    },
    {},
]
REQUIRED = [["amount", "to"], ["amount"], ["to"], ["amount", "to", "extra"]]
DEFINED = [
    {"name": {"type": "string"}},
    {"name": {"type": "string", "maxLength": 3}},
    {"name": {"enum": ["bob"]}},
]
EXPRESSIONS = [
    "args.amount <= 5",
    "args.amount < 5",
    "args.amount <= 9",
    "10 >= args.amount",
    "args.amount >= 0",
    "args.amount != 7",
    "args.amount == 5",
    "args.amount in [1, 5]",
    "args.amount in [1, 5, 10]",
    "args.amount / 2 < 3",
    "args.amount <= 5 && args.to != 'eve'",
    "args.to != 'eve' && args.amount <= 9",
    "args.amount <= 5 || args.to == 'bob'",
    "args.amount <= 4 || args.to in ['bob', 'eve']",
    "args.to == 'bob' || args.amount <= 5",
    "args.to in ['bob', 'eve']",
    "args.to in ['bob']",
    "args.to.endsWith('corp.example')",
    "email_domain(args.to) == 'corp.example'",
    "email_domain(args.to) in ['corp.example', 'evil.example']",
    "args.to == 'bob' && email_domain(args.to) == 'corp.example'",
    "args.to.startsWith('b') && args.amount <= 9",
    "!has(args.extra) || size(args.extra) < 2",
    "session.tier == 'gold'",
    "session.tier == 'gold' || args.amount <= 1",
    "args.amount <= session.most",
    "1 < 2",
]
SESSIONS: list[Any] = [
    None,
    {"type": "object", "additionalProperties": False, "required": ["tier", "most"],
     "properties": {"tier": {"type": "string"}, "most": {"type": "integer"}}},
    {"type": "object", "additionalProperties": False, "required": ["tier", "most"],
     "properties": {"tier": {"enum": ["gold", "eve"]}, "most": {"type": "integer"}}},
    {"type": "object", "additionalProperties": False, "required": ["tier", "most"],
     "properties": {"tier": {"type": "string"}, "most": {"type": "number"}}},
]  # fmt: skip
LABELS: list[Any] = [
    None,
    {"integrity": "trusted"},
    {"integrity": "principal"},
    {"integrity": "untrusted"},
    {"integrity": "trusted", "confidentiality": "public"},
    {"integrity": "untrusted", "confidentiality": "secret"},
    {"integrity": "trusted", "confidentiality": "pii"},
]
FLOWS: list[dict[str, Any]] = [
    {"from": ["user"]},
    {"from": ["user", "web"]},
    {"from": ["web"]},
    {"from": ["web.name", "user"]},
    {"from": ["session", "user"]},
    {"integrity": "trusted"},
    {"integrity": "principal"},
    {"from": ["user", "web"], "integrity": "principal"},
    {"confidentiality_at_most": "internal"},
    {"confidentiality_at_most": "pii"},
    {"integrity": "principal", "confidentiality_at_most": "internal"},
]
LIMITS: list[dict[str, Any]] = [
    {"count": "calls", "within": "1h", "max": 3},
    {"count": "calls", "within": "1h", "max": 2},
    {"count": "calls", "within": "2h", "max": 3},
    {"count": "calls", "by": ["args.to"], "within": "1h", "max": 3},
    {"sum": "args.amount", "within": "1h", "max": 3},
    {"sum": "args.amount", "within": "1h", "max": 10},
    {"sum": "args.amount * 2", "within": "1h", "max": 10},
]


REPEATS: list[dict[str, Any]] = [
    {"key": ["args.to"], "within": "1h", "on_repeat": "return_first"},
    {"key": ["args.to"], "within": "1h", "on_repeat": "return_first"},
    {"key": ["args.to"], "within": "2h", "on_repeat": "return_first"},
    {"key": ["args.to"], "within": "2h", "on_repeat": "refuse"},
    {"key": ["args.to"], "within": "1h", "on_repeat": "hold", "by": ["a"]},
    {"key": ["args.to"], "within": "1h", "on_repeat": "hold", "after_error": "retry", "by": ["a", "b"]},
    {"key": ["args.amount"], "within": "1h", "on_repeat": "refuse"},
]
HISTORY: list[dict[str, Any]] = [
    {"never": {"tool": "pay", "within": "1h"}},
    {"never": {"tool": "pay", "within": "2h"}},
    {"never": {"tool": "pay", "within": "1h"}, "where": "event.args.to == args.to"},
    {"never": {"tool": "pay", "within": "2h"}, "where": "event.args.to == args.to"},
    {"formerly": {"tool": "pay", "within": "1h"}},
    {"formerly": {"tool": "pay", "within": "2h"}, "where": "event.args.to != args.to"},
    {"formerly": {"tool": "pay", "within": "1h"}, "where": "event.args.to != args.to"},
    {"never": {"tool": "pay", "within": "2h"}, "where": "event.args.amount >= args.amount"},
]


def some(rng: random.Random, options: list[Any], none: float = 0.65) -> Any:
    return None if rng.random() < none else rng.choice(options)


def clause(rng: random.Random, options: list[dict[str, Any]] = CLAUSE) -> dict[str, Any]:
    return rng.choice(options)


SLOTS: dict[str, Any] = {
    "effect": lambda r: r.choice(["write", "irreversible", "egress", "egress"]),
    "amount": lambda r: r.choice(AMOUNT),
    "to": lambda r: r.choice(TO),
    "extra": lambda r: r.choice(EXTRA),
    "required": lambda r: r.choice(REQUIRED[:1] * 3 + REQUIRED),
    "defined": lambda r: r.choice(DEFINED),
    "session": lambda r: r.choice(SESSIONS),
    "user": lambda r: r.choice(LABELS),
    "web": lambda r: r.choice(LABELS),
    "web.name": lambda r: some(r, LABELS[1:], 0.7),
    "facts": lambda r: some(r, LABELS[1:], 0.8),
    "expr1": lambda r: some(r, EXPRESSIONS),
    "expr2": lambda r: some(r, EXPRESSIONS),
    "does1": clause,
    "does2": clause,
    "flow": lambda r: some(r, FLOWS),
    "arg": lambda r: r.choice(["to", "to", "amount", "extra"]),
    "unless": lambda r: some(r, EXPRESSIONS, 0.6),
    "does3": clause,
    "limit": lambda r: some(r, LIMITS),
    "limit_id": lambda r: r.choice(["l", "l", "l", "m"]),
    "does4": clause,
    "approve": lambda r: r.choice([False, False, True]),
    "when": lambda r: some(r, EXPRESSIONS),
    "does5": lambda r: clause(r, HELD),
    "repeat": lambda r: some(r, REPEATS),
    "history": lambda r: some(r, HISTORY),
    "does6": clause,
    "grows": lambda r: some(r, [{"value": "args.amount"}, {"value": "args.amount", "by": ["args.to"]}], 0.8),
    "other": lambda r: r.choice([False, False, False, True]),
}


def spec_of(s: dict[str, Any]) -> dict[str, Any]:
    properties = {name: s[name] for name in ("amount", "to", "extra") if s[name] is not None}
    args = {
        "type": "object",
        "additionalProperties": False,
        "required": [name for name in s["required"] if name in properties],
        "properties": properties,
        "$defs": s["defined"],
    }
    tool: dict[str, Any] = {"effect": s["effect"], "args": args}
    lines = [("expr1", "does1", "a"), ("expr2", "does2", "b")]
    tool["require"] = [{"id": i, "expr": s[e], **s[d]} for e, d, i in lines if s[e]]
    if s["flow"]:
        lifted = {"unless": s["unless"]} if s["unless"] else {}
        tool["flow"] = [{"id": "f", "arg": s["arg"], **s["flow"], **lifted, **s["does3"]}]
    if s["limit"]:
        does = {("hold_by" if k == "by" else k): v for k, v in s["does4"].items()}
        tool["limits"] = [{"id": s["limit_id"], **s["limit"], **does}]
    if s["approve"]:
        tool["approve"] = [{"id": "p", **({"when": s["when"]} if s["when"] else {}), **s["does5"]}]
    if s["repeat"]:
        tool["idempotency"] = s["repeat"]
    if s["history"]:
        tool["history"] = [{"id": "h", **s["history"], **s["does6"]}]
    if s["grows"]:
        tool["monotonic"] = [{"id": "g", **s["grows"]}]
    named = {"user": s["user"], "web": s["web"], "web.name": s["web.name"], "session": s["facts"]}
    tools = {"pay": tool}
    if s["other"]:
        tools["other"] = {"effect": "read", "args": {**args, "$defs": DEFINED[0]}}
    spec: dict[str, Any] = {"tools": tools, "sources": {k: v for k, v in named.items() if v is not None}}
    return spec | ({"session": s["session"]} if s["session"] else {})


def text_of(spec: dict[str, Any]) -> str:
    whole = {
        "apiVersion": "remit/v1",
        "kind": "CapabilityEnvelope",
        "metadata": {"name": "a", "version": "1"},
    }
    return json.dumps({**whole, "spec": spec})


def document(slots: dict[str, Any]) -> Document | None:
    try:
        return read_document(text_of(spec_of(slots)), "e")
    except BadInput:
        return None


def drawn(rng: random.Random) -> tuple[Document, Document]:
    """An envelope that loads, and one that differs from it in a few slots."""
    while True:
        slots = {name: draw(rng) for name, draw in SLOTS.items()}
        if (old := document(slots)) is not None:
            break
    while True:
        changed = rng.sample(list(SLOTS), rng.choice([1, 1, 2, 2, 3, 4]))
        if (new := document(slots | {name: SLOTS[name](rng) for name in changed})) is not None:
            return old, new


AMOUNTS: list[Any] = [1, 5, 5, 1, -1, 0, 1, 2, 4, 5, 6, 7, 9, 10, 11, 5.0, 4.5, 10.0, "5", None]
TOS: list[Any] = [
    "bob",
    "bob",
    "bob",
    "eve",
    "eve",
    "b",
    "bobby.long",
    "bob@corp.example",
    "x@evil.example",
    "B1",
    5,
]
EXTRAS: list[Any] = [
    {"x": "eve"},
    {"x": "bob", "y": True},
    {"eve": "bob"},
    {},
    ["eve"],
    ["bob", "bob"],
    ["bob", 5],
    "eve",
    {"x": "evelyn"},
]
FACTS: list[Any] = [
    {},
    {"tier": "gold", "most": 5},
    {"tier": "gold", "most": 5},
    {"tier": "gold", "most": 5},
    {"tier": "eve", "most": 9},
    {"tier": "iron"},
    {"tier": "gold", "most": 5.5},
]
TEXTS = [
    "pay bob 5 or 1, or eve",
    "pay bob 5",
    "eve 10",
    "bob@corp.example 5.0 7",
    "",
    "x@evil.example B1 bob eve 4 4.5 x",
]
RESULTS = ['{"name": "eve", "body": "bob 5"}', "bob 5 eve", '{"name": "x@evil.example 10"}', ""]


def asked(envelope: Envelope, case: dict[str, Any]) -> tuple[Prepared, Facts, Past]:
    """What `decide` needs for one case."""
    facts, text = facts_for(envelope, case["facts"], Caller("s", "s")), SessionText()
    append_facts(text, envelope, facts.values)
    label = label_of(envelope, "user", case["kind"])
    text.append(Segment(len(text.segments), Role.USER, "user", case["user"], label))
    for source, told in case["observed"]:
        append_result(text, envelope, source, told, (), case["kind"])
    prepared = prepare(ToolCall(case["tool"], case["args"]), envelope, facts)
    used = tuple(int(case["used"].get(claim.clause, 0) * 1_000_000) for claim in prepared.claims)
    past = Recollection(facts.caller, case["earlier"]).recall(prepared)
    return prepared, facts, look_back(prepared, text, used, past)


def decided(envelope: Envelope, case: dict[str, Any]) -> Decision:
    prepared, facts, past = asked(envelope, case)
    return decide(prepared, envelope, facts, past)


def earlier(rng: random.Random) -> Exchange:
    args = {"amount": rng.choice([1, 5]), "to": rng.choice(["bob", "eve"])}
    return Exchange("pay", args, {"ok": True}, rng.choice([DONE, DONE, FAILED]), rng.choice([10.0, 5000.0]))


def case_of(rng: random.Random) -> dict[str, Any]:
    args = {"amount": rng.choice(AMOUNTS), "to": rng.choice(TOS)}
    if rng.random() < 0.4:
        args["extra"] = rng.choice(EXTRAS)
    if rng.random() < 0.1:
        args.pop(rng.choice(list(args)))
    return {
        "tool": "other" if rng.random() < 0.03 else "pay",
        "args": args,
        "facts": rng.choice(FACTS),
        "kind": rng.choice([None, *PrincipalKind]),
        "user": rng.choice(TEXTS),
        "earlier": [earlier(rng) for _ in range(rng.choice([0, 0, 1, 2]))],
        "observed": [(rng.choice(["web", "mail"]), rng.choice(RESULTS)) for _ in range(rng.randrange(3))],
        "used": {"pay.l": rng.choice([0, 0, 1, 2, 3, 9]), "pay.m": 0},
    }
