"""JSON Schema 2020-12 for arguments and results: compiled once, strict where the standard is lenient.

Three things are stricter than the standard: every object level of arguments must say
`additionalProperties: false` (it closes case variants of a key), a float is no integer (`1.0` would break the types of
conditions), and `$ref` stays inside the schema (nothing is fetched).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from remit.core.types import Json
from remit.core.yamltext import Node

_NO_FRACTION = "does not fit the schema: a number with a fraction stands where it says integer"
SchemaCheck = Callable[[Json], list[str]]
"""Messages of what is wrong with a value; empty when nothing is."""


def compile_schema(node: Node, *, closed: bool, quotes: bool = True) -> tuple[Mapping[str, Any], SchemaCheck]:
    """The schema at *node* and its check.

    Args:
        node: the schema as read from the envelope.
        closed: whether every object level must refuse unknown properties.
        quotes: whether messages may repeat the value; else they name what the schema says, and nothing of the value.

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
    integral = _integer_check(schema, schema) if _says_integer(schema) else None
    is_valid, iter_errors = validator.is_valid, validator.iter_errors

    def check(value: Json) -> list[str]:
        try:
            if is_valid(value):
                return [] if integral is None else list(integral(value, ""))
            found = [_told(error.instance_path, error.message) for error in iter_errors(value)]
            return found or ["does not fit the schema"]  # noqa: TRY300 - the two belong together
        except ValueError as error:
            return [f"cannot be checked: {error}"]

    def check_quietly(value: Json) -> list[str]:
        try:
            if is_valid(value):
                return [] if integral is None or not any(integral(value, "")) else [_NO_FRACTION]
            found = [_unquoted(error.schema_path) for error in iter_errors(value)]
            return found or ["does not fit the schema"]  # noqa: TRY300 - the two belong together
        except ValueError as error:
            return [f"cannot be checked: {type(error).__name__}"]

    return schema, check if quotes else check_quietly


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


_REFERENCE = re.compile(r"#/\$defs/([^/%~]+)\Z")
"""To a definition as a whole: what stands inside one, under a keyword that checks nothing, was not looked at."""
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


def _unquoted(path: list[str | int]) -> str:
    """Which part of the schema a value does not fit; the value itself is not repeated."""
    return f"does not fit the schema at {'.'.join(map(str, path))}"


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
        if key in inside and not _REFERENCE.match(inside[key].text()):
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


def _says_integer(schema: Any) -> bool:
    if isinstance(schema, dict):
        kind = schema.get("type")
        named = kind == "integer" or (isinstance(kind, list) and "integer" in kind)
        return named or any(_says_integer(inner) for inner in schema.values())
    return isinstance(schema, list) and any(_says_integer(inner) for inner in schema)


def _integer_check(schema: Any, root: Mapping[str, Any], *, branch: bool = False) -> IntegerCheck | None:
    """A check that no float stands where *schema* says integer; None where it says integer nowhere.

    Args:
        schema: what fits it already.
        root: where `$ref` looks.
        branch: whether it is one of several of which one must fit: then any type but a number refuses a float.
    """
    if not isinstance(schema, dict):
        return None
    kind = schema.get("type")
    kinds = kind if isinstance(kind, list) else [kind] if kind else []
    own = ("integer" in kinds or (branch and bool(kinds))) and "number" not in kinds
    fields = {k: c for k, s in schema.get("properties", {}).items() if (c := _integer_check(s, root))}
    item = _integer_check(schema.get("items"), root)
    first = [_integer_check(s, root) for s in schema.get("prefixItems", ())]
    parts = [c for s in schema.get("allOf", ()) if (c := _integer_check(s, root, branch=branch))]
    parts += [_referred(schema["$ref"], root, branch)] if "$ref" in schema else []
    parts += [
        _one_of([_integer_check(s, root, branch=True) for s in schema[key]])
        for key in ("anyOf", "oneOf")
        if any(_says_integer(s) or _refers(s) for s in schema.get(key, ()))
    ]
    if not (own or fields or item or any(first) or parts):
        return None

    def check(value: Json, path: str) -> Iterator[str]:
        if own and isinstance(value, float):
            yield f"{path or 'value'}: found {value!r}; write an integer without a fraction"
        if isinstance(value, dict):
            for key, inner in fields.items():
                if key in value:
                    yield from inner(value[key], f"{path}.{key}" if path else key)
        elif isinstance(value, list) and (item is not None or first):
            for i, one in enumerate(value):
                within = first[i] if i < len(first) else item
                if within is not None:
                    yield from within(one, f"{path}[{i}]")
        for part in parts:
            yield from part(value, path)

    return check


def _refers(schema: Any) -> bool:
    if isinstance(schema, dict):
        return "$ref" in schema or any(_refers(inner) for inner in schema.values())
    return isinstance(schema, list) and any(_refers(inner) for inner in schema)


def _referred(reference: str, root: Mapping[str, Any], branch: bool) -> IntegerCheck:
    """The check of a definition, made when it is first needed: definitions may stand in a circle."""
    made: list[IntegerCheck | None] = []

    def check(value: Json, path: str) -> Iterator[str]:
        if not made:
            made.append(_integer_check(_definition(reference, root), root, branch=branch))
        if made[0] is not None:
            yield from made[0](value, path)

    return check


def _definition(reference: str, root: Mapping[str, Any]) -> Any:
    match = _REFERENCE.match(reference)
    return root.get("$defs", {}).get(match[1]) if match else None


def _one_of(branches: Sequence[IntegerCheck | None]) -> IntegerCheck:
    """Nothing is wrong where one branch finds nothing wrong."""

    def check(value: Json, path: str) -> Iterator[str]:
        told = [list(branch(value, path)) if branch is not None else [] for branch in branches]
        if all(told):
            yield from told[0]

    return check


def exempt_paths(schema: Mapping[str, Any], path: tuple[str, ...] = ()) -> frozenset[tuple[str, ...]]:
    """Paths of leaves that only choose among the envelope's own values: enum, const and boolean."""
    if "enum" in schema or "const" in schema or schema.get("type") == "boolean":
        return frozenset({path})
    found: set[tuple[str, ...]] = set()
    for key, inner in schema.get("properties", {}).items():
        if isinstance(inner, dict):
            found |= exempt_paths(inner, (*path, key))
    if isinstance(schema.get("items"), dict) and "prefixItems" not in schema:
        found |= exempt_paths(schema["items"], (*path, "[]"))
    return frozenset(found)


def free_keys(args: Json, schema: Mapping[str, Any]) -> list[tuple[str | int, ...]]:
    """Paths of the keys in *args* that *schema* does not name, so that whoever wrote the call chose them.

    >>> free_keys({"to": {"bob@corp.example": "cc"}}, {"properties": {"to": {"type": "object"}}})
    [('to', 'bob@corp.example')]
    """
    found: list[tuple[str | int, ...]] = []
    flat = isinstance(args, dict) and not any(isinstance(one, dict | list) for one in args.values())
    if flat and args.keys() <= schema.get("properties", {}).keys():
        return found
    _free_keys(args, [schema], schema, (), found)
    return found


def _free_keys(
    value: Json, schemas: list[Any], root: Mapping[str, Any], path: tuple[str | int, ...], found: list[Any]
) -> None:
    if not isinstance(value, dict | list) or not value:
        return
    parts = [part for schema in schemas for part in _parts(schema, root, 0)]
    if isinstance(value, dict):
        named = {n for part in parts for n in _enumerated(part.get("propertyNames"))}
        for key, one in value.items():
            inner = [part["properties"][key] for part in parts if key in part.get("properties", ())]
            if not inner and key not in named:
                found.append((*path, key))
            _free_keys(one, inner, root, (*path, key), found)
        return
    rest = [part["items"] for part in parts if "items" in part]
    first = [part["prefixItems"] for part in parts if "prefixItems" in part]
    for i, one in enumerate(value):
        _free_keys(one, rest + [some[i] for some in first if i < len(some)], root, (*path, i), found)


_DEEPEST = 32


def _parts(schema: Any, root: Mapping[str, Any], depth: int) -> Iterator[Mapping[str, Any]]:
    """The schema and all that say something about the same value."""
    if not isinstance(schema, dict) or depth > _DEEPEST:
        return
    yield schema
    if "$ref" in schema:
        yield from _parts(_definition(schema["$ref"], root), root, depth + 1)
    for key in ("allOf", "anyOf", "oneOf"):
        for inner in schema.get(key, ()):
            yield from _parts(inner, root, depth + 1)


def _enumerated(schema: Any) -> list[Any]:
    return schema.get("enum", []) if isinstance(schema, dict) else []


def type_at(schema: Mapping[str, Any], path: tuple[str, ...]) -> str | None:
    """The one type that *schema* writes at *path*; None where it does not say, or admits several.

    >>> type_at({"properties": {"limit": {"type": "integer"}}}, ("limit",))
    'integer'
    """
    here: Any = schema
    for step in path:
        here = here.get("items") if step == "[]" else here.get("properties", {}).get(step)
        if not isinstance(here, dict):
            return None
    found = here.get("type")
    return found if isinstance(found, str) else None


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
