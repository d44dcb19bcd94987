"""Tests for a proposed envelope: calls with made-up values, since those of a session may be personal.

For each guarded tool one call whose values the user gave, and the same call out of nowhere. A test that does not hold
is left out: the envelope decides, not the generator.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from remit.core.errors import BadInput
from remit.core.reader import read_envelope
from remit.core.selftest import run_tests
from remit.core.types import Json, Result, ToolEffect
from remit.usecases.infer.tools import ProposedTool
from remit.usecases.infer.write import EnvelopeDraft, clause_id, written

_VALUES: dict[str, str] = {
    "email": "someone@example.org",
    "iban": "XX00EXAMPLE0000000",
    "url": "www.example.org/page",
    "date": "2030-01-31",
    "moment": "2030-01-31 09:00",
    "digits": "4711",
    "phrase": "Example text",
    "prose": "This is a text that was made up for an example.",
}
_DEEPEST = 6


def tests_for(draft: EnvelopeDraft) -> list[Mapping[str, Json]]:
    """Tests that hold for the envelope of *draft*.

    Raises:
        BadInput: the envelope itself does not load.
    """
    wanted = [test for tool in draft.tools for test in _tests(tool)]
    wanted.append(_test({"tool": _unlisted(draft.tools), "args": {}}, Result.DENY, "unlisted"))
    envelope = read_envelope(written(draft, wanted), "proposal")
    results = run_tests(envelope)
    return [test for test, result in zip(wanted, results, strict=True) if not result.problem]


def _tests(tool: ProposedTool) -> Iterator[Mapping[str, Json]]:
    args = _Example(tool).args()
    if not isinstance(args, dict):
        return
    given = ", ".join(dict.fromkeys(_leaves(args)))
    call = {"tool": tool.name, "args": args, "user": f"Please use: {given}"}
    yield _test(call, Result.HOLD if tool.every_call else Result.ALLOW)
    yield _test({"tool": tool.name, "args": args | {"not_an_argument": 1}}, Result.DENY, "schema")
    if tool.effect is ToolEffect.READ:
        return
    for flow in tool.flows:
        if flow.sources and flow.arg.partition("[")[0].partition(".")[0] in args:
            refused = Result.DENY if flow.denies else Result.HOLD
            yield _test({"tool": tool.name, "args": args}, refused, clause_id(flow.arg, "origin"))


def _test(call: Mapping[str, Json], result: Result, clause: str = "") -> Mapping[str, Json]:
    return {"call": dict(call), "expect": {"result": result.value} | ({"clause": clause} if clause else {})}


def _unlisted(tools: Sequence[ProposedTool]) -> str:
    names = {tool.name for tool in tools}
    return next(
        name
        for name in ("not-listed", *(f"not-listed-{i}" for i in range(len(names) + 1)))
        if name not in names
    )


class _Example:
    """Made-up arguments for one tool: what it requires, and what its clauses ask about."""

    def __init__(self, tool: ProposedTool) -> None:
        self._tool = tool
        self._domains = {one.arg: one.domains[0] for one in tool.domains}
        self._asked = {flow.arg.partition("[")[0].partition(".")[0] for flow in tool.flows if flow.sources}

    def args(self) -> Json:
        """One object that fits the schema, as far as such can be made up."""
        return self._value(self._tool.schema, "", 0)

    def _value(self, schema: Any, path: str, depth: int) -> Json:
        if not isinstance(schema, dict) or depth > _DEEPEST:
            return "example"
        if "enum" in schema:
            return next(iter(schema["enum"]), None)
        for key in ("anyOf", "oneOf"):
            if schema.get(key):
                return self._value(schema[key][0], path, depth + 1)
        kind = schema.get("type", "string")
        kind = kind[0] if isinstance(kind, list) else kind
        if kind == "object":
            return self._object(schema, path, depth)
        if kind == "array":
            return [self._value(schema.get("items", {}), path, depth + 1)]
        plain: dict[str, Json] = {"boolean": True, "null": None, "integer": 1, "number": 1}
        return plain[kind] if kind in plain else self._text(path, schema.get("maxLength", 64))

    def _object(self, schema: Mapping[str, Any], path: str, depth: int) -> Json:
        fields = schema.get("properties", {})
        wanted = set(schema.get("required", ())) | (self._asked if not path else set())
        return {
            name: self._value(inner, f"{path}.{name}" if path else name, depth + 1)
            for name, inner in fields.items()
            if name in wanted
        }

    def _text(self, path: str, longest: int) -> str:
        if path in self._domains:
            return f"someone@{self._domains[path]}"
        kind = self._tool.kinds.get(path, "word")
        return _VALUES.get(kind, f"example-{path.rpartition('.')[2]}")[:longest]


def _leaves(value: Json) -> Iterator[str]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from _leaves(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner)
    elif value is not None and not isinstance(value, bool):
        yield str(value)


def loads(text: str) -> str:
    """What keeps *text* from loading; empty where it loads."""
    try:
        read_envelope(text, "proposal")
    except BadInput as error:
        return str(error)
    return ""
