"""What is shown to narrow, and every way we know to smuggle something wider past the check."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from remit.core.diff import Effect, diff
from remit.core.narrow import Document, not_narrowing, read_document

EXAMPLES = Path(__file__).parents[3] / "examples/envelopes"
Spec = dict[str, Any]

BASE: Spec = {
    "session": {
        "type": "object",
        "additionalProperties": False,
        "required": ["who"],
        "properties": {"who": {"type": "string"}},
    },
    "sources": {"web": {"integrity": "untrusted"}, "crm": {"integrity": "trusted", "confidentiality": "pii"}},
    "tools": {
        "crm": {
            "effect": "read",
            "args": {"type": "object", "additionalProperties": False, "properties": {}},
        },
        "pay": {
            "effect": "irreversible",
            "target": "bank",
            "args": {
                "type": "object",
                "additionalProperties": False,
                "required": ["amount", "to"],
                "properties": {
                    "amount": {"type": "integer", "minimum": 1, "maximum": 900},
                    "to": {"type": "string", "maxLength": 40, "pattern": "^[a-z@.]+$"},
                    "kind": {"enum": ["a", "b"]},
                    "note": {"$ref": "#/$defs/note"},
                },
                "$defs": {"note": {"type": "string", "maxLength": 10}},
            },
            "require": [
                {"id": "ceiling", "expr": "args.amount <= 500"},
                {"id": "domain", "expr": "email_domain(args.to) == 'corp.example'"},
                {"id": "small", "expr": "args.amount < 400", "on_violation": "hold", "by": ["lead"], "people": 2},
            ],
            "flow": [
                {"id": "known", "arg": "to", "from": ["user", "crm"], "integrity": "principal",
                 "unless": "args.to == 'a@corp.example'"},
                {"id": "leak", "arg": "note", "confidentiality_at_most": "internal", "on_violation": "hold"},
            ],
            "limits": [{"id": "day", "sum": "args.amount", "by": ["session.who"], "within": "24h", "max": 1000}],
            "approve": [{"id": "large", "when": "args.amount > 200", "by": ["lead", "boss"]}],
            "output": {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}},
            "deadline": "30s",
            "scopes": [{"id": "own", "arg": "to", "in": "session.who"}],
            "idempotency": {"key": ["args.to"], "within": "1h", "on_repeat": "hold", "by": ["lead"]},
            "history": [
                {"id": "once", "never": {"tool": "pay", "within": "1h"}, "where": "event.args.to == args.to"},
                {"id": "asked", "formerly": {"tool": "crm", "within": "1h"}, "on_violation": "hold"},
            ],
            "monotonic": [{"id": "grows", "value": "args.amount", "by": ["args.to"]}],
            "obligations": [{"id": "hide", "redact": {"fields": ["id"]}}],
            "ensure": [{"id": "done", "expr": "output.id != ''"}],
            "compensation": {"none": "money is gone"},
        },
    },
    "session_ensure": [{"id": "told", "expr": "answer != ''"}],
    "outputs": [{"id": "length", "max_length": 400}, {"id": "words", "forbid": ["secret", "token"]}],
    "breaker": {"threshold": 5, "window": "10m", "admission": {"write": "reserve"}, "supervised": "all"},
}  # fmt: skip


def document(spec: Spec, name: str = "a") -> Document:
    whole = {
        "apiVersion": "remit/v1",
        "kind": "CapabilityEnvelope",
        "metadata": {"name": name, "version": "1"},
    }
    return read_document(json.dumps({**whole, "spec": spec}), "e.yaml")


def changed(how: Callable[[Spec], Any]) -> Spec:
    spec = copy.deepcopy(BASE)
    how(spec)
    return spec


def line(spec: Spec, kind: str, clause: str, **keys: Any) -> None:
    """Set keys of one clause of `pay`; None removes one."""
    (found,) = (one for one in spec["tools"]["pay"][kind] if one["id"] == clause)
    for key, value in keys.items():
        name = key.rstrip("_")
        if value is None:
            found.pop(name)
        else:
            found[name] = value


def drop(spec: Spec, kind: str, clause: str) -> None:
    spec["tools"]["pay"][kind] = [one for one in spec["tools"]["pay"][kind] if one["id"] != clause]


def pay(spec: Spec) -> Spec:
    return spec["tools"]["pay"]


def bare(spec: Spec) -> None:
    """`pay` without what reads its arguments or facts."""
    spec["tools"]["pay"] = {key: pay(spec)[key] for key in ("effect", "target", "args")}


def args(spec: Spec, name: str = "") -> Spec:
    return pay(spec)["args"]["properties"][name] if name else pay(spec)["args"]


NARROWER: list[Callable[[Spec], Any]] = [
    lambda s: None,
    lambda s: s["tools"].pop("pay"),
    lambda s: line(s, "require", "ceiling", expr="args.amount <= 100"),
    lambda s: line(s, "require", "ceiling", expr="500 >= args.amount && args.to != 'x'", message="other words"),
    lambda s: line(s, "require", "ceiling", expr="args.amount in [1, 2]", severity="high"),
    lambda s: line(s, "require", "ceiling", expr="args.amount == 5"),
    lambda s: (drop(s, "require", "ceiling"), args(s, "amount").update(maximum=500)),
    lambda s: (drop(s, "require", "ceiling"), pay(s)["require"].append({"id": "other", "expr": "args.amount < 9"})),
    lambda s: line(s, "require", "small", on_violation="deny", by=None, people=None),
    lambda s: line(s, "require", "small", people=3, expires="5m"),
    lambda s: line(s, "require", "small", expr="args.amount < 300"),
    lambda s: line(s, "flow", "known", from_=["user"]),
    lambda s: line(s, "flow", "known", integrity="trusted"),
    lambda s: line(s, "flow", "known", unless=None),
    lambda s: line(s, "flow", "known", unless="args.to == 'a@corp.example' && args.amount < 5"),
    lambda s: line(s, "flow", "leak", confidentiality_at_most="public", on_violation="deny"),
    lambda s: line(s, "limits", "day", max=999, within="48h"),
    lambda s: line(s, "approve", "large", when="args.amount > 100", by=["boss"]),
    lambda s: line(s, "approve", "large", when=None),
    lambda s: pay(s)["approve"].append({"id": "also", "by": ["boss"]}),
    lambda s: pay(s)["limits"].append({"id": "also", "count": "calls", "within": "1h", "max": 1}),
    lambda s: args(s, "amount").update(minimum=5, maximum=9),
    lambda s: args(s, "to").update(minLength=3),
    lambda s: args(s)["properties"].pop("kind"),
    lambda s: args(s)["required"].append("note"),
    lambda s: args(s, "kind").update(enum=["a"]),
    lambda s: args(s, "kind").update(type="string"),
    lambda s: args(s, "amount").update({"not": {"const": 7}, "description": "more"}),
    lambda s: s["sources"]["crm"].update(confidentiality="secret", integrity="principal"),
    lambda s: (s["sources"].pop("crm") and line(s, "flow", "known", from_=["user"])) or s["sources"].update(
        crm={"confidentiality": "pii"}),
    lambda s: s["session"]["properties"]["who"].update(maxLength=5),
    lambda s: s["outputs"][0].update(max_length=30),
    lambda s: s["outputs"][1]["forbid"].append("more"),
    lambda s: s["breaker"].update(threshold=4, max_violations=3, window="20m"),
    lambda s: pay(s).update(deadline="20s"),
    lambda s: pay(s)["output"]["properties"]["id"].update(maxLength=3),
    lambda s: s["tools"]["crm"].update(effect="write"),
    lambda s: s.update(capture={"clean": "digest"}, tests=[]),
    lambda s: line(s, "history", "once", never={"tool": "pay", "within": "2h"}),
    lambda s: line(s, "history", "asked", on_violation="deny"),
    lambda s: pay(s)["history"].append({"id": "more", "never": {"tool": "pay", "within": "5m"}}),
    lambda s: pay(s)["idempotency"].update(on_repeat="refuse", within="2h") or pay(s)["idempotency"].pop("by"),
    lambda s: s["tools"]["crm"].update(idempotency={"key": ["1"], "within": "1h", "on_repeat": "refuse"}),
    lambda s: pay(s)["obligations"].append({"id": "cut", "cap": {"characters": 5}}),
    lambda s: pay(s)["ensure"].append({"id": "long", "expr": "size(output.id) > 3"}),
    lambda s: pay(s)["monotonic"][0].update(severity="high", message="m"),
    lambda s: s["session_ensure"].append({"id": "short", "expr": "size(answer) < 9"}),
]  # fmt: skip


@pytest.mark.parametrize("how", NARROWER, ids=lambda how: str(NARROWER.index(how)))
def test_a_narrower_envelope_is_shown_to_be(how: Callable[[Spec], Any]) -> None:
    assert not_narrowing(document(BASE), document(changed(how))) == []


PAY = "tools.pay"
SMUGGLED: list[tuple[str, Callable[[Spec], Any]]] = [
    ("enforcement", lambda s: s.update(enforcement="monitor")),
    ("tools.new", lambda s: s["tools"].update(new=copy.deepcopy(s["tools"]["crm"]))),
    ("tools.pay2", lambda s: pay(s).pop("history") and s["tools"].update(pay2=s["tools"].pop("pay"))),
    (f"{PAY}.effect", lambda s: pay(s).update(effect="write")),
    (f"{PAY}.effect", lambda s: pay(s).update(effect="egress")),
    (f"{PAY}.target", lambda s: pay(s).update(target="my bank")),
    (f"{PAY}.target", lambda s: pay(s).pop("target")),
    (f"{PAY}.require[ceiling]", lambda s: line(s, "require", "ceiling", expr="args.amount <= 501")),
    (f"{PAY}.require[ceiling]", lambda s: line(s, "require", "ceiling", expr="args.amount != 500")),
    (f"{PAY}.require[ceiling]", lambda s: line(s, "require", "ceiling", expr="args.amount <= 500 || args.to == 'x'")),
    (f"{PAY}.require[ceiling]", lambda s: line(s, "require", "ceiling", expr="!(args.amount <= 500)")),
    (f"{PAY}.require[ceiling]", lambda s: line(s, "require", "ceiling", on_violation="hold")),
    (f"{PAY}.require[ceiling]", lambda s: line(s, "require", "ceiling", on_violation="flag", accept_risk="trust me")),
    (f"{PAY}.require[ceiling]", lambda s: line(s, "require", "ceiling", severity="low")),
    (f"{PAY}.require[domain]", lambda s: drop(s, "require", "domain")),
    (f"{PAY}.require[domain]", lambda s: line(s, "require", "domain", expr="args.to.endsWith('corp.example')")),
    (f"{PAY}.require[small]", lambda s: line(s, "require", "small", by=["lead", "me"])),
    (f"{PAY}.require[small]", lambda s: line(s, "require", "small", by=None)),
    (f"{PAY}.require[small]", lambda s: line(s, "require", "small", people=1)),
    (f"{PAY}.require[small]", lambda s: line(s, "require", "small", expires="24h")),
    (f"{PAY}.flow[known]", lambda s: drop(s, "flow", "known")),
    (f"{PAY}.flow[known]", lambda s: line(s, "flow", "known", from_=None)),
    (f"{PAY}.flow[known]", lambda s: line(s, "flow", "known", from_=["user", "web"])),
    (f"{PAY}.flow[known]", lambda s: line(s, "flow", "known", integrity="untrusted")),
    (f"{PAY}.flow[known]", lambda s: line(s, "flow", "known", arg="note")),
    (f"{PAY}.flow[known]", lambda s: line(s, "flow", "known", unless="args.amount > 0")),
    (f"{PAY}.flow[known]", lambda s: line(s, "flow", "known", unless="email_domain(args.to) == 'corp.example'")),
    # The values are fewer, and no flow clause asks about an enum.
    (f"{PAY}.flow[known]", lambda s: args(s)["properties"].update(to={"enum": ["eve@evil.example"]})),
    (f"{PAY}.flow[leak]", lambda s: args(s)["properties"].update(note={"const": "x"})),
    (f"{PAY}.flow[leak]", lambda s: line(s, "flow", "leak", confidentiality_at_most="pii")),
    (f"{PAY}.limits[day]", lambda s: line(s, "limits", "day", id="today")),
    (f"{PAY}.limits[day]", lambda s: line(s, "limits", "day", by=["args.to"])),
    (f"{PAY}.limits[day]", lambda s: line(s, "limits", "day", by=None)),
    (f"{PAY}.limits[day]", lambda s: line(s, "limits", "day", sum="args.amount / 2")),
    (f"{PAY}.limits[day]", lambda s: line(s, "limits", "day", within="1h")),
    (f"{PAY}.limits[day]", lambda s: line(s, "limits", "day", max=1001)),
    (f"{PAY}.approve[large]", lambda s: line(s, "approve", "large", when="args.amount > 300")),
    (f"{PAY}.approve[large]", lambda s: line(s, "approve", "large", by=["lead", "boss", "me"])),
    (f"{PAY}.approve[large]", lambda s: drop(s, "approve", "large")),
    (f"{PAY}.args.amount", lambda s: args(s, "amount").update(maximum=901)),
    (f"{PAY}.args.amount", lambda s: args(s, "amount").update(minimum=-5)),
    (f"{PAY}.args.amount", lambda s: args(s, "amount").update(type="number")),
    # In JSON Schema 5.0 is a 5, also where only the list says so.
    (f"{PAY}.args.amount", lambda s: (args(s)["properties"].update(amount={"enum": [5]}),)),
    (f"{PAY}.args.amount", lambda s: args(s, "amount").update(type=["integer", "null"])),
    (f"{PAY}.args.to", lambda s: args(s, "to").update(pattern="^[a-z@.]*$")),
    (f"{PAY}.args.to", lambda s: args(s, "to").pop("maxLength")),
    (f"{PAY}.args.kind", lambda s: args(s, "kind")["enum"].append("c")),
    (f"{PAY}.args.to", lambda s: args(s)["required"].remove("to") or bare(s)),
    (f"{PAY}.args.cc", lambda s: args(s)["properties"].update(cc={"type": "string"})),
    (f"{PAY}.args", lambda s: args(s).update(patternProperties={"^x-": {"type": "string"}})),
    (f"{PAY}.args.note", lambda s: args(s)["$defs"]["note"].update(maxLength=99)),
    (f"{PAY}.args", lambda s: args(s).update({"$id": "https://x.example/s"})),
    (f"{PAY}.args.note", lambda s: args(s)["properties"].update(
        note={"oneOf": [{"$ref": "#/$defs/note"}, {"type": "integer"}]})),
    ("session.who", lambda s: s["session"]["properties"]["who"].update(type=["string", "null"])),
    ("session.role", lambda s: s["session"]["properties"].update(role={"type": "string"})),
    ("session.who", lambda s: s["session"]["required"].clear() or bare(s)),
    ("sources.web", lambda s: s["sources"]["web"].update(integrity="trusted")),
    ("sources.web", lambda s: s["sources"]["web"].update(confidentiality="public")),
    ("sources.user", lambda s: s["sources"].update(user={"integrity": "trusted"})),
    ("sources.unseen", lambda s: s["sources"].update(unseen={"integrity": "trusted"})),
    ("sources.crm", lambda s: s["sources"].pop("crm")),
    ("sources.web.name", lambda s: s["sources"].update({"web.name": {"integrity": "untrusted"}})),
    ("outputs[length]", lambda s: s["outputs"].pop(0)),
    ("outputs[length]", lambda s: s["outputs"][0].update(max_length=401)),
    ("outputs[length]", lambda s: s["outputs"][0].update(on_violation="flag")),
    ("outputs[words]", lambda s: s["outputs"][1]["forbid"].pop()),
    (f"{PAY}.output", lambda s: pay(s).pop("output")),
    (f"{PAY}.output", lambda s: pay(s)["output"].pop("required") and pay(s).pop("ensure")),
    (f"{PAY}.deadline", lambda s: pay(s).update(deadline="31s")),
    (f"{PAY}.deadline", lambda s: pay(s).update(deadline={"after": "30s", "severity": "low"})),
    ("breaker.threshold", lambda s: s["breaker"].update(threshold=50)),
    ("breaker.threshold", lambda s: s["breaker"].update(weights={"medium": 1})),
    ("breaker.max_violations", lambda s: s["breaker"].update(max_violations=50)),
    ("breaker.window", lambda s: s["breaker"].update(window="1m")),
    ("breaker.admission", lambda s: s["breaker"].pop("admission")),
    ("breaker.supervised", lambda s: s["breaker"].pop("supervised")),
    ("breaker.lease", lambda s: s["breaker"].update(lease="90s")),
    ("breaker.sample", lambda s: s["breaker"].update(recovery={"sample": 0})),
    (f"{PAY}.history[once]", lambda s: drop(s, "history", "once")),
    (f"{PAY}.history[once]", lambda s: line(s, "history", "once", never={"tool": "pay", "within": "5m"})),
    (f"{PAY}.history[once]", lambda s: line(s, "history", "once", never={"tool": "crm", "within": "1h"}, where=None)),
    (f"{PAY}.history[once]", lambda s: line(s, "history", "once", where="event.args.amount == args.amount")),
    (f"{PAY}.history[asked]", lambda s: line(s, "history", "asked", formerly={"tool": "crm", "within": "2h"})),
    (f"{PAY}.history[asked]", lambda s: line(s, "history", "asked", on_violation="flag", accept_risk="x")),
    (f"{PAY}.scopes[own]", lambda s: line(s, "scopes", "own", in_="[session.who, 'x']")),
    (f"{PAY}.scopes[own]", lambda s: line(s, "scopes", "own", arg="note")),
    (f"{PAY}.monotonic[grows]", lambda s: pay(s)["monotonic"][0].update(by=["args.amount"])),
    (f"{PAY}.monotonic[grows]", lambda s: pay(s)["monotonic"][0].update(value="-args.amount")),
    (f"{PAY}.monotonic[grows]", lambda s: pay(s)["monotonic"][0].update(id="other")),
    (f"{PAY}.idempotency", lambda s: pay(s).pop("idempotency")),
    (f"{PAY}.idempotency", lambda s: pay(s)["idempotency"].update(key=["args.amount"])),
    (f"{PAY}.idempotency", lambda s: pay(s)["idempotency"].update(after_error="retry")),
    (f"{PAY}.idempotency", lambda s: pay(s)["idempotency"].update(within="1m")),
    (f"{PAY}.idempotency", lambda s: pay(s)["idempotency"].update(across="session")),
    (f"{PAY}.idempotency", lambda s: pay(s).update(
        idempotency={"key": ["args.to"], "within": "1h", "on_repeat": "return_first"})),
    (f"{PAY}.idempotency", lambda s: pay(s)["idempotency"].update(by=["me"])),
    ("tools.crm.idempotency", lambda s: s["tools"]["crm"].update(
        idempotency={"key": ["1"], "within": "1h", "on_repeat": "return_first"})),
    (f"{PAY}.obligations[hide]", lambda s: pay(s).pop("obligations")),
    (f"{PAY}.obligations[hide]", lambda s: line(s, "obligations", "hide", redact={"fields": ["di"]})),
    (f"{PAY}.obligations[cap]", lambda s: pay(s)["obligations"].append({"id": "cap", "cap": {"arg": "amount", "at": 9}})),
    (f"{PAY}.obligations[ring]", lambda s: pay(s)["obligations"].append({"id": "ring", "notify": {"to": "me"}})),
    (f"{PAY}.ensure[done]", lambda s: line(s, "ensure", "done", expr="output.id != 'x'")),
    (f"{PAY}.ensure[done]", lambda s: line(s, "ensure", "done", on_violation="flag", accept_risk="x")),
    ("session_ensure[told]", lambda s: s.pop("session_ensure")),
    ("breaker.cooldown", lambda s: s["breaker"].update(recovery={"cooldown": "1s"})),
]  # fmt: skip


@pytest.mark.parametrize(("place", "how"), SMUGGLED)
def test_whatever_may_be_wider_is_named(place: str, how: Callable[[Spec], Any]) -> None:
    found = not_narrowing(document(BASE), document(changed(how)))

    assert place in [one.path for one in found]
    assert all(one.why for one in found)


def test_another_agent_starts_afresh_unless_it_is_a_child() -> None:
    old, new = document(BASE), document(BASE, name="b")

    assert [place.path for place in not_narrowing(old, new)] == ["metadata.name"]
    assert not_narrowing(old, new, child=True) == []


def test_a_promoted_clause_stays_promoted() -> None:
    def monitored(*enforced: Spec) -> Document:
        return document(changed(lambda s: s.update(enforcement="monitor", enforced=list(enforced))))

    half, whole = ({"clause": "pay.ceiling", "share": share} for share in (0.5, 1))
    assert not_narrowing(monitored(half), monitored(whole)) == []
    assert not_narrowing(monitored(whole), document(BASE)) == []
    assert [place.path for place in not_narrowing(monitored(whole), monitored(half))] == ["enforced"]
    assert [place.path for place in not_narrowing(monitored(half), monitored())] == ["enforced"]


def test_a_key_that_has_no_rule_here_must_stand_equal() -> None:
    old, new = document(BASE), document(BASE)
    new = Document(new.envelope, changed(lambda s: pay(s).update(quarrel=["x"])))

    assert [place.path for place in not_narrowing(old, new)] == ["tools.pay.quarrel"]
    assert [place.path for place in not_narrowing(new, old)] == ["tools.pay.quarrel"]
    assert not_narrowing(new, new) == []


@pytest.mark.parametrize("suite", ["banking", "workspace", "slack", "travel"])
def test_the_strict_twin_of_an_example_only_narrows_it(suite: str) -> None:
    files = [EXAMPLES / f"agentdojo-{suite}{end}.yaml" for end in ("", "-strict")]
    old, new = (read_document(file.read_text(), str(file)) for file in files)

    assert not_narrowing(old, new, child=True) == []
    assert not_narrowing(new, old, child=True) != []


@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("*.yaml")), ids=lambda file: file.stem)
def test_an_envelope_does_not_differ_from_itself(file: Path) -> None:
    one = read_document(file.read_text(), str(file))

    assert diff(one, one).changes == ()
    assert diff(one, one).not_shown == ()


DIRECTIONS: list[tuple[str, str, Effect, Callable[[Spec], Any]]] = [
    ("tools.pay.require[ceiling]", "changed", Effect.LESS, NARROWER[2]),
    ("tools.pay.require[ceiling]", "changed", Effect.MORE, SMUGGLED[7][1]),
    ("tools.pay.require[ceiling]", "changed", Effect.EITHER, SMUGGLED[10][1]),
    ("tools.pay.require[ceiling]", "changed", Effect.NONE, lambda s: line(s, "require", "ceiling", message="m")),
    ("tools.pay.require[ceiling]", "removed", Effect.MORE, lambda s: drop(s, "require", "ceiling")),
    ("tools.pay.approve[also]", "added", Effect.LESS, NARROWER[19]),
    ("tools.pay", "removed", Effect.LESS, NARROWER[1]),
    ("tools.new", "added", Effect.MORE, SMUGGLED[1][1]),
    ("tools.pay.args", "changed", Effect.MORE, lambda s: args(s, "to").pop("maxLength")),
    ("tools.pay.args", "changed", Effect.EITHER, lambda s: args(s, "amount").update(minimum=0, maximum=5)),
    ("enforcement", "added", Effect.MORE, SMUGGLED[0][1]),
    ("sources.web", "changed", Effect.MORE, lambda s: s["sources"]["web"].update(integrity="trusted")),
    ("breaker", "changed", Effect.LESS, lambda s: s["breaker"].update(window="20m")),
    ("capture", "added", Effect.NONE, lambda s: s.update(capture={"clean": "digest"})),
]  # fmt: skip


@pytest.mark.parametrize(("path", "change", "effect", "how"), DIRECTIONS)
def test_each_change_is_told_with_its_direction(
    path: str, change: str, effect: Effect, how: Callable[[Spec], Any]
) -> None:
    (found,) = diff(document(BASE), document(changed(how))).changes

    assert (found.path, found.change, found.effect) == (path, change, effect)
    assert bool(found.why) is (effect in (Effect.MORE, Effect.EITHER))


def test_a_difference_is_told_as_it_is_written() -> None:
    (found,) = diff(document(BASE), document(changed(lambda s: args(s, "amount").update(maximum=5)))).changes

    assert found.what == ("properties.amount.maximum: 900 → 5",)


def test_the_order_of_clauses_and_tools_is_no_difference() -> None:
    def turned(spec: Spec) -> None:
        pay(spec)["require"].reverse()
        spec["tools"] = dict(reversed(spec["tools"].items()))

    assert diff(document(BASE), document(changed(turned))).changes == ()


def test_what_an_obligation_lowers_is_not_what_the_schema_said() -> None:
    def lowered(spec: Spec) -> None:
        pay(spec)["obligations"] = [{"id": "cap", "cap": {"arg": "amount", "at": 9}}]
        args(spec, "amount").update(minimum=20)
        pay(spec)["require"] = [{"id": "least", "expr": "args.amount >= 20"}]

    def without(spec: Spec) -> None:
        lowered(spec)
        pay(spec)["require"] = []

    found = not_narrowing(document(changed(lowered)), document(changed(without)))
    assert [place.path for place in found] == ["tools.pay.require[least]"]
