"""A first envelope for a project: from nothing, from tool definitions, or from what recorded sessions called.

Conservative throughout: a tool whose name does not say that it reads counts as irreversible, arguments are closed, an
effect that cannot be undone waits for a person, and enforcement starts in monitor. What is proposed must load.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from remit.core.errors import BadInput
from remit.core.selftest import load_envelope
from remit.core.types import Json, JsonSchema, ToolEffect
from remit.usecases.tool_effect import TARGETS, effect_of, words_of
from remit.usecases.tool_hint import ToolHint

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.:/-]{0,127}\Z")
_KEPT = (
    "type", "enum", "const", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength",
    "minItems", "maxItems", "pattern", "required", "properties", "items", "anyOf", "oneOf", "allOf", "$ref", "$defs",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Proposed:
    """One tool as the envelope lists it, or why it cannot."""

    name: str
    effect: ToolEffect
    why: str
    left_out: str = ""


@dataclass(frozen=True, slots=True)
class Scaffold:
    """An envelope to write, and how it came about."""

    text: str
    tools: tuple[Proposed, ...]


def scaffold(name: str, hints: Sequence[ToolHint], *, lease: str = "") -> Scaffold:
    """The envelope for *hints*; a commented starter where there are none.

    Args:
        name: of the agent.
        hints: its tools.
        lease: how long one call may take, such as `1h`, where that is more than the default.

    Raises:
        BadInput: nothing that loads could be made of them.
    """
    if not hints:
        return Scaffold(_starter(name), ())
    proposed: list[Proposed] = []
    blocks: list[str] = []
    for hint in {hint.name: hint for hint in hints}.values():
        effect, why = effect_of(hint)
        left_out = "" if _NAME.match(hint.name) else "its name has characters that an envelope does not admit"
        block = ""
        if not left_out:
            block, left_out = _loadable(hint, effect, why)
        proposed.append(Proposed(hint.name, effect, why, left_out))
        if not left_out:
            blocks.append(block)
    if not blocks:
        told = "; ".join(f"{p.name[:60]!r}: {p.left_out}" for p in proposed[:5])
        raise BadInput("tools", f"none can be listed ({told})", "rename them, or write the envelope by hand")
    reads = [p.name for p in proposed if p.effect is ToolEffect.READ and not p.left_out]
    text = (
        _HEAD.format(name=quoted(name))
        + _sources(reads)
        + "  tools:\n"
        + "".join(blocks)
        + (_BREAKER.format(lease=lease) if lease else "")
        + _TESTS
    )
    load_envelope(text, "envelope.yaml")
    return Scaffold(text, tuple(proposed))


def _loadable(hint: ToolHint, effect: ToolEffect, why: str) -> tuple[str, str]:
    """The tool's block with the tightest schema that loads, or why there is none."""
    told = ""
    for schema in (closed(hint.schema), loose(hint.schema)):
        block = _block(hint, effect, why, schema)
        try:
            load_envelope(_HEAD.format(name="x") + "  tools:\n" + block, "envelope.yaml")
        except BadInput as error:
            told = told or error.found
        else:
            return block, ""
    return "", told


def closed(schema: object) -> JsonSchema:
    """The parts of a JSON Schema that an envelope uses, every object closed."""
    if not isinstance(schema, dict):
        return {}
    found: JsonSchema = {key: schema[key] for key in _KEPT if key in schema}
    for key in ("properties", "$defs"):
        if isinstance(found.get(key), dict):
            found[key] = {name: closed(inner) for name, inner in found[key].items()}
    for key in ("anyOf", "oneOf", "allOf"):
        if isinstance(found.get(key), list):
            found[key] = [closed(inner) for inner in found[key]]
    if "items" in found:
        found["items"] = closed(found["items"])
    if "properties" in found or found.get("type") == "object":
        found = {"type": "object", "additionalProperties": False} | found
    return found


def loose(schema: Mapping[str, Any]) -> JsonSchema:
    """Only the names of the arguments: for schemas with something that an envelope refuses."""
    fields = schema.get("properties")
    names = list(fields) if isinstance(fields, dict) else []
    return {"type": "object", "additionalProperties": False, "properties": {name: {} for name in names}}


def _block(hint: ToolHint, effect: ToolEffect, why: str, schema: JsonSchema) -> str:
    schema = {"type": "object", "additionalProperties": False, "properties": {}} | schema
    lines = [f"    {quoted(hint.name)}:"]
    seen = f"; called {hint.seen} times in the record" if hint.seen else ""
    lines.append(f"      effect: {effect.value:<22} # {comment(why)}{seen}")
    if hint.description:
        lines.append(f"      description: {quoted(hint.description, 200)}")
    lines.append(f"      args: {json_text(schema)}")
    lines += _rules(effect, schema, hint.user_text)
    return "\n".join(lines) + "\n"


def _rules(effect: ToolEffect, schema: JsonSchema, user_text: bool) -> list[str]:
    """Where it goes must be the user's word; without such an argument, or such a word, a person approves every call."""
    if not effect.consequential:
        return []
    fields = schema.get("properties", {})
    targets = [name for name in fields if words_of(name) & TARGETS and not _chooses(fields[name])]
    if not targets or not user_text:
        return ["      approve:", "        - {id: every-call, by: [owner]}"]
    lines = ["      flow:"]
    for name in targets:
        clause = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "target"
        lines.append(
            f"        - {{id: {clause}-from-user, arg: {quoted(name)}, from: [user], on_violation: hold, by: [owner]}}"
        )
    return lines


def _chooses(schema: object) -> bool:
    return isinstance(schema, dict) and (
        "enum" in schema or "const" in schema or schema.get("type") == "boolean"
    )


def _sources(reads: Sequence[str]) -> str:
    lines = ["  sources:                           # an unlisted source is untrusted"]
    lines.append("    user: {confidentiality: internal}")
    lines += [f"    {quoted(name)}: {{integrity: untrusted, confidentiality: internal}}" for name in reads]
    return "\n".join(lines) + "\n"


def quoted(text: str, limit: int = 200) -> str:
    """A YAML scalar; strangers' text keeps only what people can see."""
    shown = "".join(char if char.isprintable() else " " for char in text)[:limit]
    return shown if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", shown) else json_text(shown)


def json_text(value: Json) -> str:
    """JSON that is YAML too: what YAML would not take as it is stands as an escape that both read alike."""
    text = json.dumps(value, ensure_ascii=False)
    return "".join(char if char.isprintable() else _escaped(char) for char in text)


def _escaped(char: str) -> str:
    return f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}"


def comment(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text)


_HEAD = """\
# What this agent may do. `remit envelope lint` checks it; the tests at the end run whenever it is loaded.
# It decides and records, and blocks nothing, until enforcement says enforce: `remit readiness` tells when.
# Effects were guessed from names, on the safe side. Check each: read, write, irreversible or egress.
apiVersion: remit/v1
kind: CapabilityEnvelope
metadata: {{name: {name}, version: "1"}}
spec:
  enforcement: monitor
"""


_BREAKER = """\
  breaker:
    lease: {lease:<29} # a call that takes longer counts as lost
"""


_TESTS = """\
  tests:
    - {call: {tool: not-listed, args: {}}, expect: {result: deny, clause: unlisted}}
"""


_STARTER = """\
  sources:                           # labels of what comes in; an unlisted source is untrusted
    user: {confidentiality: internal}
    get_order: {integrity: trusted, confidentiality: pii}
  tools:                             # what is not listed does not exist for the agent; replace these by your own
    get_order:
      effect: read                   # read | write | irreversible | egress
      args:                          # JSON Schema; every object closed, every pattern anchored
        type: object
        additionalProperties: false
        required: [order_id]
        properties:
          order_id: {type: string, pattern: "^O-[0-9]{1,12}$"}
    refund_payment:
      effect: irreversible
      args:
        type: object
        additionalProperties: false
        required: [order_id, amount]
        properties:
          order_id: {type: string, pattern: "^O-[0-9]{1,12}$"}
          amount: {type: integer, minimum: 1}          # in cents: money is never a float
      require:                       # conditions that must be true
        - {id: ceiling, expr: "args.amount <= 50000", message: "refunds end at 500.00"}
      flow:                          # where a value may come from
        - {id: order-origin, arg: order_id, from: [user, get_order]}
        - {id: amount-origin, arg: amount, from: [user, get_order], on_violation: hold, by: [owner]}
      limits:                        # how often, and how much
        - {id: once-per-order, count: calls, by: [args.order_id], within: 90d, max: 1}
      approve:                       # what a person must see first
        - {id: large, when: "args.amount > 20000", by: [owner], expires: 15m}
  tests:
    - {call: {tool: refund_payment, args: {order_id: O-1, amount: 90000}}, expect: {result: deny, clause: ceiling}}
    - call:
        tool: refund_payment
        args: {order_id: O-1, amount: 1200}
        user: "refund O-1"
        observed: [{source: get_order, text: "O-1 cost 1200"}]
      expect: {result: allow}
    - {call: {tool: not-listed, args: {}}, expect: {result: deny, clause: unlisted}}
"""


def _starter(name: str) -> str:
    head = _HEAD.format(name=quoted(name)).replace(
        "# Effects were guessed from names, on the safe side. Check each: read, write, irreversible or egress.\n",
        "# A starter with two tools of a shop: put your own in their place.\n",
    )
    return head + _STARTER
