"""JSON Schema 2020-12 for arguments and results: compiled once, strict where the standard is lenient.

Three things are stricter than the standard: every object level of arguments must say
`additionalProperties: false` (it closes case variants of a key), a float is no integer (`1.0` would break the types of
conditions), and `$ref` stays inside the schema (nothing is fetched).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from remit.core.types import Json
from remit.core.yamltext import Node

Check = Callable[[Json], list[str]]
"""Messages of what is wrong with a value; empty when nothing is."""


def compile_schema(node: Node, *, closed: bool) -> tuple[Mapping[str, Any], Check]:
    """The schema at *node* and its check.

    Args:
        node: the schema as read from the envelope.
        closed: whether every object level must refuse unknown properties.

    Raises:
        BadInput: the schema is invalid, open, remote, or has a pattern that cannot run in linear time.
    """
    import jsonschema_rs

    schema = node.plain()
    if not isinstance(schema, dict):
        raise node.error(f"found {node.kind}", "write a JSON Schema object")
    _walk(node, closed)
    try:
        validator = jsonschema_rs.Draft202012Validator(schema, pattern_options=jsonschema_rs.RegexOptions())
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as error:
        message = str(error).splitlines()[0]
        at = _at(node, getattr(error, "instance_path", []))
        raise at.error(f"not a valid JSON Schema: {message}") from None
    integral = _integer_check(schema)
    is_valid, iter_errors = validator.is_valid, validator.iter_errors

    def check(value: Json) -> list[str]:
        try:
            if is_valid(value):
                return [] if integral is None else list(integral(value, ""))
            found = [_told(error.instance_path, error.message) for error in iter_errors(value)]
            return found or ["does not fit the schema"]  # noqa: TRY300 - the two belong together
        except ValueError as error:
            return [f"cannot be checked: {error}"]

    return schema, check


def _at(node: Node, path: Sequence[str | int]) -> Node:
    """The node at *path* below *node*, as far as there is one."""
    for step in path:
        inside: Any = node.value if isinstance(node.value, dict | list) else {}
        try:
            node = inside[step]
        except (LookupError, TypeError):
            break
    return node


def _told(path: list[str | int], message: str) -> str:
    place = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in path).lstrip(".")
    message = message if len(message) <= 300 else message[:297] + "..."
    return f"{place}: {message}" if place else message


_APPLICATORS = ("allOf", "anyOf", "oneOf", "prefixItems")
_SINGLE = (
    "items",
    "not",
    "if",
    "then",
    "else",
    "contains",
    "additionalProperties",
    "unevaluatedProperties",
    "propertyNames",
)
_MAPS = ("properties", "$defs", "patternProperties", "dependentSchemas")


def _children(node: Node) -> Iterator[Node]:
    inside = node.mapping()
    for key in _APPLICATORS:
        if key in inside:
            yield from inside[key].items()
    for key in _SINGLE:
        if key in inside and isinstance(inside[key].value, dict):
            yield inside[key]
    for key in _MAPS:
        if key in inside:
            yield from inside[key].mapping().values()


def _walk(node: Node, closed: bool) -> None:
    if isinstance(node.value, bool):
        return
    inside = node.mapping()
    for key in ("$ref", "$dynamicRef"):
        if key in inside and not (inside[key].text() + "/").startswith(("#/$defs/", "#//")):
            raise inside[key].error(
                f"found {inside[key].shown}", "refer to '#/$defs/...'; nothing else is looked at or fetched"
            )
    if closed and _is_object(inside):
        extra = inside.get("additionalProperties")
        if extra is None or extra.value is not False:
            raise node.error("this object admits unknown properties", "add 'additionalProperties: false'")
    for child in _children(node):
        _walk(child, closed)


def _is_object(schema: Mapping[str, Node]) -> bool:
    kind = schema["type"].plain() if "type" in schema else None
    return "properties" in schema or kind == "object" or (isinstance(kind, list) and "object" in kind)


IntegerCheck = Callable[[Json, str], Iterator[str]]


def _integer_check(schema: Any) -> IntegerCheck | None:
    """A check that no float stands where *schema* says integer; None where it says integer nowhere."""
    if not isinstance(schema, dict):
        return None
    kind = schema.get("type")
    own = kind == "integer" or (isinstance(kind, list) and "integer" in kind and "number" not in kind)
    fields = {k: c for k, s in schema.get("properties", {}).items() if (c := _integer_check(s)) is not None}
    item = _integer_check(schema.get("items"))
    parts = [c for key in ("allOf",) for s in schema.get(key, []) if (c := _integer_check(s)) is not None]
    if not (own or fields or item or parts):
        return None

    def check(value: Json, path: str) -> Iterator[str]:
        if own and isinstance(value, float):
            yield f"{path or 'value'}: found {value!r}; write an integer without a fraction"
        if isinstance(value, dict):
            for key, inner in fields.items():
                if key in value:
                    yield from inner(value[key], f"{path}.{key}" if path else key)
        elif isinstance(value, list) and item is not None:
            for i, one in enumerate(value):
                yield from item(one, f"{path}[{i}]")
        for part in parts:
            yield from part(value, path)

    return check


def exempt_paths(schema: Mapping[str, Any], path: tuple[str, ...] = ()) -> frozenset[tuple[str, ...]]:
    """Paths of leaves that only choose among the envelope's own values: enum, const and boolean."""
    if "enum" in schema or "const" in schema or schema.get("type") == "boolean":
        return frozenset({path})
    found: set[tuple[str, ...]] = set()
    for key, inner in schema.get("properties", {}).items():
        if isinstance(inner, dict):
            found |= exempt_paths(inner, (*path, key))
    if isinstance(schema.get("items"), dict):
        found |= exempt_paths(schema["items"], (*path, "[]"))
    return frozenset(found)


def has_path(schema: Mapping[str, Any], path: tuple[str, ...]) -> list[str] | None:
    """None when *path* names something in *schema*; else what could stand at the first unknown step."""
    here: Any = schema
    for step in path:
        if not isinstance(here, dict):
            return []
        if step == "[]":
            if "items" not in here:
                return []
            here = here["items"]
        else:
            fields = here.get("properties", {})
            if step not in fields:
                return sorted(fields)
            here = fields[step]
    return None
