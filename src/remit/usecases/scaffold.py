"""A first envelope for a project: from nothing, from tool definitions, or from what recorded sessions called.

Conservative throughout: a tool whose name does not say that it reads counts as irreversible, arguments are closed, an
effect that cannot be undone waits for a person, and enforcement starts in monitor. What is proposed must load.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

from remit.core.canonical import canonical
from remit.core.errors import BadInput
from remit.core.recorded import RecordedSession
from remit.core.selftest import load_envelope
from remit.core.types import Json, ToolEffect

Schema = dict[str, Any]


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_READS = _set("get list read search find view show describe lookup count fetch retrieve calculate think")
_WRITES = _set("add append create draft edit rename save set tag update write")
_LEAVES = _set(
    "browse download email fax forward http invite mail message notify post publish reply request send share tweet"
    " upload url webhook webpage website"
)
_FINAL = _set(
    "approve book buy cancel charge close delete deploy drop exec execute kill merge move order pay purchase password"
    " refund remove reset revoke run shell sql transfer truncate withdraw"
)
_ADDRESSES = _set("http url webhook webpage website")
TARGETS = _set(
    "account address bcc cc channel destination domain email host iban path phone recipient recipients to uri url user"
    " username"
)
_JOINS = _set("and or then")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.:/-]{0,127}\Z")
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_KEPT = (
    "type", "enum", "const", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength",
    "minItems", "maxItems", "pattern", "required", "properties", "items", "anyOf", "oneOf", "allOf", "$ref", "$defs",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ToolHint:
    """What is known about one tool before anyone wrote a rule."""

    name: str
    description: str = ""
    schema: Mapping[str, Any] = field(default_factory=dict)
    reads_only: bool | None = None
    """The server's own word; it can make a proposal stricter, never looser."""
    destroys: bool | None = None
    """The same: the server says that a write cannot be undone."""
    server: str = ""
    """The MCP server that has it, whose name may stand before what the tool does: `git_show`."""
    user_text: bool = True
    """Whether remit sees what the user said where the tool is called. MCP carries none of it, so that no rule of a tool
    behind it may ask for a value from the user."""
    seen: int = 0
    """Calls in recorded sessions."""
    effect: ToolEffect | None = None
    """Where it is known, and need not be guessed from the name."""
    why: str = ""
    """What it is known from."""


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


def tools_in(raw: Json, where: str, *, server: str = "", namespace: str = "") -> list[ToolHint]:
    """Tools from a JSON file: MCP's `tools/list`, OpenAI's `tools`, Anthropic's, or a plain list of them.

    Args:
        raw: the file's value.
        where: the file, for errors.
        server: the MCP server that they are called over; empty where they are called otherwise.
        namespace: put before every name, with a slash.

    Raises:
        BadInput: it holds no tool.
    """
    listed = raw.get("tools", raw) if isinstance(raw, dict) else raw
    if isinstance(listed, dict):
        listed = listed.get("tools", [listed])
    prefix = f"{namespace}/" if namespace else ""
    found = [
        replace(one, name=prefix + one.name, server=server, user_text=not server)
        for one in (
            _tool(raw_tool, f"{where}: tools[{at}]")
            for at, raw_tool in enumerate(listed if isinstance(listed, list) else [])
        )
    ]
    if not found:
        raise BadInput(where, "no tools", "write a list of {name, description, inputSchema}")
    return found


def _tool(one: Json, where: str) -> ToolHint:
    inner = one.get("function", one) if isinstance(one, dict) else None
    if not isinstance(inner, dict) or not isinstance(inner.get("name"), str):
        raise BadInput(where, "no tool with a name", "write {name, description, inputSchema}")
    schema: Mapping[str, Any]
    keys = ("inputSchema", "input_schema", "parameters", "parameters_json_schema")
    schema = next((inner[key] for key in keys if isinstance(inner.get(key), dict)), {})
    notes = inner.get("annotations")
    notes = notes if isinstance(notes, dict) else {}
    reads, destroys = notes.get("readOnlyHint"), notes.get("destructiveHint")
    return ToolHint(
        name=inner["name"],
        description=str(inner.get("description") or ""),
        schema=schema,
        reads_only=reads if isinstance(reads, bool) else None,
        destroys=destroys if isinstance(destroys, bool) else None,
    )


def tools_called(sessions: Iterable[RecordedSession]) -> list[ToolHint]:
    """Tools as recorded sessions called them, each with a schema that admits what was seen."""
    seen: dict[str, _Observed] = {}
    for session in sessions:
        for step in session.steps:
            for call in step.calls:
                args = canonical_args(call.args)
                if args is not None:
                    seen.setdefault(call.tool, _Observed()).add(args)
    return [ToolHint(name, schema=one.schema(), seen=one.count) for name, one in sorted(seen.items())]


def canonical_args(args: Json) -> dict[str, Json] | None:
    """Arguments that a guarded call would admit; None for what it would refuse to read."""
    try:
        found = canonical(args)
    except BadInput:
        return None
    return found if isinstance(found, dict) else None


class _Observed:
    """The shapes of one object over many observations."""

    def __init__(self) -> None:
        self.count = 0
        self._present: dict[str, int] = {}
        self._shapes: dict[str, _Shape] = {}

    def add(self, value: Mapping[str, Json]) -> None:
        self.count += 1
        for key, inner in value.items():
            self._present[key] = self._present.get(key, 0) + 1
            self._shapes.setdefault(key, _Shape()).add(inner)

    def schema(self) -> Schema:
        found: Schema = {"type": "object", "additionalProperties": False}
        always = [key for key, count in self._present.items() if count == self.count]
        if always:
            found["required"] = always
        found["properties"] = {key: shape.schema() for key, shape in self._shapes.items()}
        return found


class _Shape:
    """The types of one value over many observations."""

    def __init__(self) -> None:
        self._types: dict[str, None] = {}
        self._items: _Shape | None = None
        self._object: _Observed | None = None

    def add(self, value: Json) -> None:
        self._types[_json_type(value)] = None
        if isinstance(value, list):
            self._items = self._items or _Shape()
            for item in value:
                self._items.add(item)
        elif isinstance(value, dict):
            self._object = self._object or _Observed()
            self._object.add(value)

    def schema(self) -> Schema:
        types = [t for t in self._types if t != "integer" or "number" not in self._types]
        found: Schema = self._object.schema() if self._object is not None else {}
        found["type"] = types[0] if len(types) == 1 else types
        if self._items is not None and self._items._types:
            found["items"] = self._items.schema()
        return found


def _json_type(value: Json) -> str:
    if value is None:
        return "null"
    names = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
    return names[type(value)]


def effect_of(hint: ToolHint) -> tuple[ToolEffect, str]:
    """A cautious guess of what running a tool does, and the reason.

    >>> effect_of(ToolHint("get_order")), effect_of(ToolHint("frobnicate"))[0].value
    ((<ToolEffect.READ: 'read'>, "its name begins with 'get'"), 'irreversible')
    >>> effect_of(ToolHint("get_and_delete"))[0].value, effect_of(ToolHint("sendMail"))[0].value
    ('irreversible', 'egress')
    """
    return (hint.effect, hint.why) if hint.effect is not None else _guessed(hint)


def _guessed(hint: ToolHint) -> tuple[ToolEffect, str]:
    words = _said(hint)
    first = words[0] if words else ""
    reads = first in _READS or (first == "check" and words[1:2] not in (["in"], ["out"], ["off"]))
    if reads and hint.reads_only is not False and not _does_more(words):
        return _reading(hint, words)
    for known, effect in ((_LEAVES, ToolEffect.EGRESS), (_FINAL, ToolEffect.IRREVERSIBLE)):
        if first in known:
            return effect, f"its name begins with '{first}'"
    for known, effect in ((_FINAL, ToolEffect.IRREVERSIBLE), (_LEAVES, ToolEffect.EGRESS)):
        if found := [word for word in words if word in known]:
            return effect, f"'{found[0]}' in its name"
    if first in _WRITES and hint.destroys:
        return (
            ToolEffect.IRREVERSIBLE,
            f"its name begins with '{first}', and its server says that it destroys",
        )
    if first in _WRITES:
        return ToolEffect.WRITE, f"its name begins with '{first}'"
    claimed = "; its server says that it only reads" if hint.reads_only else ""
    return ToolEffect.IRREVERSIBLE, f"its name does not say what it does{claimed}"


def _said(hint: ToolHint) -> list[str]:
    """The words of a tool's own name, without its server's in front: `show` of `git/git_show`."""
    words = [word.lower() for word in _WORDS.findall(hint.name.rsplit("/", 1)[-1])]
    known = _READS | _WRITES | _LEAVES | _FINAL
    if len(words) > 1 and words[0] not in known and words[0] in words_of(hint.server):
        return words[1:]
    return words


def _does_more(words: Sequence[str]) -> bool:
    """`get_and_delete`: behind the join stands another verb."""
    behind = {after for join, after in pairwise(words) if join in _JOINS}
    return bool(behind & (_WRITES | _LEAVES | _FINAL))


def _reading(hint: ToolHint, words: Sequence[str]) -> tuple[ToolEffect, str]:
    """Reading from an address that the caller gives tells that address's owner everything that stands in it."""
    fields = hint.schema.get("properties", {})
    address = next((name for name in fields if words_of(name) & {"url", "uri"}), None)
    if address is not None:
        return ToolEffect.EGRESS, f"it reads, and its argument '{address}' says where"
    if found := [word for word in words if word in _ADDRESSES]:
        return ToolEffect.EGRESS, f"'{found[0]}' in its name"
    return ToolEffect.READ, f"its name begins with '{words[0]}'"


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


def closed(schema: object) -> Schema:
    """The parts of a JSON Schema that an envelope uses, every object closed."""
    if not isinstance(schema, dict):
        return {}
    found: Schema = {key: schema[key] for key in _KEPT if key in schema}
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


def loose(schema: Mapping[str, Any]) -> Schema:
    """Only the names of the arguments: for schemas with something that an envelope refuses."""
    fields = schema.get("properties")
    names = list(fields) if isinstance(fields, dict) else []
    return {"type": "object", "additionalProperties": False, "properties": {name: {} for name in names}}


def _block(hint: ToolHint, effect: ToolEffect, why: str, schema: Schema) -> str:
    schema = {"type": "object", "additionalProperties": False, "properties": {}} | schema
    lines = [f"    {quoted(hint.name)}:"]
    seen = f"; called {hint.seen} times in the record" if hint.seen else ""
    lines.append(f"      effect: {effect.value:<22} # {comment(why)}{seen}")
    if hint.description:
        lines.append(f"      description: {quoted(hint.description, 200)}")
    lines.append(f"      args: {json_text(schema)}")
    lines += _rules(effect, schema, hint.user_text)
    return "\n".join(lines) + "\n"


def _rules(effect: ToolEffect, schema: Schema, user_text: bool) -> list[str]:
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


def words_of(name: str) -> set[str]:
    return {word.lower() for word in _WORDS.findall(name)}


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
