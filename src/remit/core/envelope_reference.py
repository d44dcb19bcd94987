"""The reference of the envelope's keys, written from the schema that editors use."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from remit.core.envelope_schema import ENVELOPE_SCHEMA
from remit.core.types import JsonSchema

_HEAD: Final = """# The keys of an envelope

Every key, by where it stands: `*` is a name of yours, `[]` an item of a list. Keys in bold are required. Any other key
is refused, with its line.
"""


def keys_reference() -> str:
    """Return the tables of all keys as Markdown."""
    parts = [_HEAD]
    for path, schema in _mappings(ENVELOPE_SCHEMA, ""):
        required = schema.get("required", ())
        rows = [_row(path, key, part, key in required) for key, part in schema["properties"].items()]
        told = f"{schema['description']}\n\n" if "description" in schema else ""
        table = "\n".join(["| key | value | meaning |", "|---|---|---|", *rows])
        parts.append(f"## `{path or 'the document'}`\n\n{told}{table}\n")
    return "\n".join(parts)


def _mappings(schema: JsonSchema, path: str) -> Iterator[tuple[str, JsonSchema]]:
    """Yield every mapping with closed keys, and where it stands."""
    schema = _resolved(schema)
    for one in [*schema.get("oneOf", ()), *([schema["then"]] if "then" in schema else ())]:
        if "type" in one or "$ref" in one:
            yield from _mappings(one, path)
    if schema.get("additionalProperties") is False:
        yield path, schema
        for key, part in schema["properties"].items():
            yield from _mappings(part, f"{path}.{key}" if path else key)
    elif isinstance(schema.get("additionalProperties"), dict):
        yield from _mappings(schema["additionalProperties"], path + ".*")
    if isinstance(schema.get("items"), dict):
        yield from _mappings(schema["items"], path + "[]")


def _resolved(schema: JsonSchema) -> JsonSchema:
    return {**_definition(schema), **schema} if "$ref" in schema else schema


def _definition(schema: JsonSchema) -> JsonSchema:
    found: JsonSchema = ENVELOPE_SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]]
    return found


def _row(path: str, key: str, part: JsonSchema, required: bool) -> str:
    name = f"**`{key}`**" if required else f"`{key}`"
    return f"| {name} | {_value(part)} | {_meaning(path, key, part)} |"


def _meaning(path: str, key: str, part: JsonSchema) -> str:
    """Return what the schema says, or what is said here of keys that an editor shows by their name alone."""
    told = str(_resolved(part).get("description", ""))
    owner = path.rpartition(".")[2]
    return told or _MEANINGS.get(f"{owner}.{key}") or _MEANINGS.get(key) or ""


def _value(part: JsonSchema) -> str:
    """Say what may stand there."""
    if "enum" in part or "const" in part:
        return ", ".join(f"`{value}`" for value in part.get("enum", [part.get("const")]))
    if "$ref" in part:
        return _NAMES.get(part["$ref"].rpartition("/")[2], "mapping")
    if "oneOf" in part and "type" not in part:
        return " or ".join(dict.fromkeys(_value(one) for one in part["oneOf"]))
    if "allOf" in part or "then" in part:
        return "JSON Schema"
    if part.get("type") == "array":
        return f"list of {_value(part.get('items', {}))}"
    kind = part.get("type", "any value")
    kinds = kind if isinstance(kind, list) else [kind]
    return " or ".join(_TYPES.get(str(one), str(one)) for one in kinds) + _bounds(part)


def _bounds(part: JsonSchema) -> str:
    words = [(">", "exclusiveMinimum"), ("≥", "minimum"), ("≤", "maximum")]
    return "".join(f", {sign} {part[key]:g}" for sign, key in words if key in part)


_TYPES: Final[dict[str, str]] = {"object": "mapping", "string": "text", "integer": "whole number"}
_NAMES: Final[dict[str, str]] = {
    "duration": "duration, `30s`",
    "condition": "condition",
    "jsonSchema": "JSON Schema",
}
_MEANINGS: Final[dict[str, str]] = {
    "apiVersion": "The version of the language.",
    "kind": "What the file is.",
    "metadata": "Which envelope it is.",
    "spec": "What it says.",
    "metadata.name": "The agent's envelope; with the version it names what decided.",
    "metadata.version": "Yours; a new one for each change.",
    "metadata.owner": "Who answers for it.",
    "description": "For readers; nothing depends on it.",
    "default": "What is not listed is denied; written out for readers.",
    "on_error": "An error denies; written out for readers.",
    "breaker": "When autonomy drops, and how it comes back.",
    "capture": "What the journal keeps of the content of calls.",
    "expires": "How long a held call waits for people; 15m without it.",
    "people": "How many different people must approve.",
    "within": "How far back the window reaches.",
    "count": "Counts calls.",
    "max": "The most that the window may hold.",
    "cap.at": "The most that the argument may be.",
    "cap.items": "How many items stay.",
    "cap.characters": "How many characters stay.",
    "notify.to": "Whom to tell.",
    "after": "How long the tool may take.",
    "max_length": "Characters of the answer.",
    "window": "How far back violations count.",
    "admission": "For all effects or each: `reserve` holds a call when too many could violate at once; `count` counts.",
    "admission.read": "For calls that read.",
    "admission.write": "For calls that write.",
    "admission.irreversible": "For calls that cannot be taken back.",
    "admission.egress": "For calls that send something out.",
    "weights": "What a violation of each severity weighs.",
    "weights.low": "Of a low one.",
    "weights.medium": "Of a medium one.",
    "weights.high": "Of a high one, the threshold without it; a critical one quarantines whatever it weighs.",
    "recovery": "How autonomy comes back after a trip.",
    "cooldown": "How long after a trip recovery can begin; doubled with each trip within `look_back`.",
    "cooldown_max": "The longest that `cooldown` grows to.",
    "look_back": "How far back trips double the `cooldown`.",
    "approved_clean": "Approved calls in a row with a clean outcome before probation.",
    "probation_clean": "Calls without a violation on probation before autonomy.",
    "probation_in_flight": "Calls at once on probation.",
    "recovery.sample": "The share of effects on probation that a person sees all the same.",
    "lease": "After it the outcome of a call in flight counts as unknown, a violation.",
    "max_pending": "Questions to people that are open at most.",
    "clean": "Of calls without a violation: all, a sample, or the digest alone.",
    "anomaly": "Of calls with one: all.",
    "capture.sample": "The share that is kept where `clean` is `sampled`.",
    "call": "The call that is tried.",
    "expect": "What the envelope must say.",
    "call.tool": "A tool of this envelope.",
    "call.args": "Its arguments.",
    "observed": "What the agent saw before, the oldest first.",
    "observed[].source": "Where it came from: a tool, or a source.",
    "observed[].text": "What it said.",
    "earlier[].args": "The arguments of that call.",
    "earlier[].ago": "How long before.",
    "result": "The decision.",
    "expect.clause": "The full id of a clause that must be among its reasons.",
}
