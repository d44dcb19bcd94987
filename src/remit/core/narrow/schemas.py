"""Whether one JSON Schema admits nothing that another does not: shown by rules, never guessed.

Each rule is sound: where none applies, the answer is "not shown", with the place. Two schemas that are equal need no
rule. A keyword that has no rule here must stand equal in both; only those that can do nothing but refuse more may be
added.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from remit.core.narrow.place import WiderPlace, equal

_NOTES = frozenset(
    {
        "title",
        "description",
        "default",
        "examples",
        "deprecated",
        "readOnly",
        "writeOnly",
        "$comment",
        "$defs",
    }
)
"""Keywords that check nothing where they stand."""
_RULED = frozenset(
    {
        "type", "enum", "const", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength",
        "maxLength", "minItems", "maxItems", "minProperties", "maxProperties", "uniqueItems", "required",
        "properties", "patternProperties", "additionalProperties", "items", "prefixItems",
    }
)  # fmt: skip
_ADDABLE = frozenset(
    {"allOf", "anyOf", "oneOf", "not", "multipleOf", "format", "pattern", "propertyNames", "dependentRequired",
     "dependentSchemas"}
)  # fmt: skip
"""Keywords that only refuse more when they are added. `prefixItems` or `patternProperties` would take values away from
`items` or `additionalProperties`; `contains`, `if` and `unevaluated…` depend on their neighbours."""
_ALL_KINDS = frozenset({"null", "boolean", "number", "string", "array", "object"})
_LEAST = (("minLength", "string"), ("minItems", "array"), ("minProperties", "object"))
_MOST = (("maxLength", "string"), ("maxItems", "array"), ("maxProperties", "object"))
_INFINITY = float("inf")


def schema_wider(old: Mapping[str, Any], new: Mapping[str, Any], at: str) -> list[WiderPlace]:
    """Places where *new* may admit what *old* refuses; empty where it is shown that it admits nothing more.

    >>> old = {"type": "integer", "maximum": 500}
    >>> schema_wider(old, {"type": "integer", "maximum": 100}, "args")
    []
    >>> schema_wider(old, {"type": "integer"}, "args")[0].why
    'the maximum 500 is gone'
    """
    if equal(old, new):
        return []
    if _renamed(old) or _renamed(new):
        return [
            WiderPlace(at, "the schema changed, and it names or moves schemas ($id, $anchor, $dynamicRef)")
        ]
    return list(_wider(old, new, at, _same_definitions(old, new)))


def _renamed(schema: Any) -> bool:
    keys = ("$id", "$anchor", "$dynamicRef", "$dynamicAnchor", "$schema", "$vocabulary")
    if isinstance(schema, Mapping):
        return any(key in schema for key in keys) or any(_renamed(inner) for inner in schema.values())
    return isinstance(schema, list) and any(_renamed(inner) for inner in schema)


def _same_definitions(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether each definition of *old* stands unchanged in *new*, so that equal references mean the same."""
    ours, theirs = old.get("$defs", {}), new.get("$defs", {})
    return all(name in theirs and equal(inner, theirs[name]) for name, inner in ours.items())


def refers(schema: Any) -> bool:
    """Whether some `$ref` stands in it."""
    if isinstance(schema, Mapping):
        return "$ref" in schema or any(refers(inner) for inner in schema.values())
    return isinstance(schema, list) and any(refers(inner) for inner in schema)


def _same(old: Any, new: Any, defined: bool) -> bool:
    return equal(old, new) and (defined or not refers(old))


def _wider(old: Any, new: Any, at: str, defined: bool) -> Iterator[WiderPlace]:
    if _same(old, new, defined) or new is False or old is True:
        return
    if old is False or not isinstance(new, Mapping) or not isinstance(old, Mapping):
        yield WiderPlace(
            at, "what was refused altogether may be admitted" if old is False else "any value is admitted"
        )
        return
    kinds = kinds_of(new)
    if more := sorted(_more_kinds(kinds, kinds_of(old))):
        yield WiderPlace(at, f"also admits {', '.join(more)}")
        return
    listed = _listed(new)
    if listed is not None and _all_fit(listed, old, kinds):
        return
    yield from _values(old, new, at, kinds)
    if "number" in kinds or "integer" in kinds:
        yield from _bounds(old, new, at)
    for key, kind in _LEAST:
        if kind in kinds and new.get(key, 0) < old.get(key, 0):
            yield WiderPlace(at, _fell(key, old, new))
    for key, kind in _MOST:
        if kind in kinds and new.get(key, _INFINITY) > old.get(key, _INFINITY):
            yield WiderPlace(at, _fell(key, old, new))
    if "array" in kinds:
        yield from _array(old, new, at, defined)
    if "object" in kinds:
        yield from _object(old, new, at, defined)
    yield from _others(old, new, at, defined)


def kinds_of(schema: Mapping[str, Any]) -> frozenset[str]:
    """Types that a schema admits, as far as `type`, `enum` and `const` say; `integer` only where `type` says it.

    >>> sorted(kinds_of({"enum": [1, "a"]})), sorted(kinds_of({"type": ["integer", "number"]}))
    (['number', 'string'], ['number'])
    """
    kind = schema.get("type")
    if isinstance(kind, str | list):
        found = frozenset([kind] if isinstance(kind, str) else kind)
        return found - {"integer"} if "number" in found else found
    listed = _listed(schema)
    return frozenset(_kind(value) for value in listed) if listed is not None else _ALL_KINDS


def _kind(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return "null" if value is None else "boolean"
    names = ((int | float, "number"), (str, "string"), (list, "array"))
    return next((name for kind, name in names if isinstance(value, kind)), "object")


def _listed(schema: Mapping[str, Any]) -> list[Any] | None:
    if "const" in schema:
        return [schema["const"]]
    listed = schema.get("enum")
    return listed if isinstance(listed, list) else None


def _more_kinds(new: frozenset[str], old: frozenset[str]) -> frozenset[str]:
    """A float is no integer here, so `number` is more than `integer`."""
    return frozenset(kind for kind in new if kind not in old and not (kind == "integer" and "number" in old))


def _all_fit(values: list[Any], old: Mapping[str, Any], kinds: frozenset[str]) -> bool:
    """Whether each of the listed scalars fits *old*, by the very check that would judge it.

    A number may come as 1 or as 1.0, which are one value in JSON Schema; where *old* says integer anywhere, only
    the first fits it.
    """
    import jsonschema_rs

    if refers(old) or any(isinstance(value, list | dict) for value in values):
        return False
    if _says_integer(old) and "integer" not in kinds and any(_kind(value) == "number" for value in values):
        return False
    check = jsonschema_rs.Draft202012Validator(dict(old), pattern_options=jsonschema_rs.RegexOptions())
    return all(check.is_valid(value) for value in values)


def _says_integer(schema: Any) -> bool:
    if isinstance(schema, Mapping):
        kind = schema.get("type")
        named = kind == "integer" or (isinstance(kind, list) and "integer" in kind)
        return named or any(_says_integer(inner) for inner in schema.values())
    return isinstance(schema, list) and any(_says_integer(inner) for inner in schema)


def _values(
    old: Mapping[str, Any], new: Mapping[str, Any], at: str, kinds: frozenset[str]
) -> Iterator[WiderPlace]:
    ours, theirs = _listed(old), _listed(new)
    if ours is None:
        return
    if theirs is None:
        if kinds != {"null"}:
            yield WiderPlace(at, "any value is admitted, where a list of values stood")
        return
    extra = [value for value in theirs if not any(equal(value, one) for one in ours)]
    if extra:
        yield WiderPlace(at, f"also admits {', '.join(map(repr, extra[:3]))}")


def _bounds(old: Mapping[str, Any], new: Mapping[str, Any], at: str) -> Iterator[WiderPlace]:
    for key, exclusive, sign in (("minimum", "exclusiveMinimum", 1), ("maximum", "exclusiveMaximum", -1)):
        before, after = _bound(old, key, exclusive, sign), _bound(new, key, exclusive, sign)
        if after < before:
            named = key if key in old else exclusive
            yield WiderPlace(at, _fell(named, old, new if named in new else {}))


def _bound(schema: Mapping[str, Any], key: str, exclusive: str, sign: int) -> tuple[float, int]:
    """How strict a bound is: larger is stricter, for either end."""
    found = [(-_INFINITY, 0)]
    if key in schema:
        found.append((sign * schema[key], 0))
    if exclusive in schema:
        found.append((sign * schema[exclusive], 1))
    return max(found)


_TOLD = {
    "minLength": "least length", "maxLength": "longest length", "minItems": "least number of items",
    "maxItems": "most items", "minProperties": "least number of fields", "maxProperties": "most fields",
    "exclusiveMinimum": "bound above", "exclusiveMaximum": "bound below",
}  # fmt: skip


def _fell(key: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    name = _TOLD.get(key, key)
    return f"the {name} {old[key]} " + (f"is {new[key]} now" if key in new else "is gone")


def _array(old: Mapping[str, Any], new: Mapping[str, Any], at: str, defined: bool) -> Iterator[WiderPlace]:
    if old.get("uniqueItems") is True and new.get("uniqueItems") is not True:
        yield WiderPlace(at, "items may repeat")
    if "prefixItems" in old or "prefixItems" in new:
        if not all(_same(old.get(key), new.get(key), defined) for key in ("prefixItems", "items")):
            yield WiderPlace(at, "prefixItems or items changed")
        return
    yield from _wider(old.get("items", True), new.get("items", {}), f"{at}[]", defined)


def _object(old: Mapping[str, Any], new: Mapping[str, Any], at: str, defined: bool) -> Iterator[WiderPlace]:
    for name in old.get("required", ()):
        if name not in new.get("required", ()):
            yield WiderPlace(f"{at}.{name}", "may be left out")
    if "patternProperties" in old or "patternProperties" in new:
        keys = ("properties", "patternProperties", "additionalProperties")
        if not all(_same(old.get(key), new.get(key), defined) for key in keys):
            yield WiderPlace(at, "fields changed beside patternProperties")
        return
    ours, theirs = old.get("properties", {}), new.get("properties", {})
    rest_before, rest_after = old.get("additionalProperties", True), new.get("additionalProperties", {})
    for name, inner in theirs.items():
        if name in ours:
            yield from _wider(ours[name], inner, f"{at}.{name}", defined)
        elif rest_before is False:
            yield WiderPlace(f"{at}.{name}", "a new argument")
        else:
            yield from _wider(rest_before, inner, f"{at}.{name}", defined)
    for name, inner in ours.items():
        if name not in theirs:
            yield from _wider(inner, rest_after, f"{at}.{name}", defined)
    if rest_before is False and rest_after is not False:
        yield WiderPlace(at, "unknown fields are admitted")
    else:
        yield from _wider(rest_before, rest_after, f"{at}.*", defined)


def _others(old: Mapping[str, Any], new: Mapping[str, Any], at: str, defined: bool) -> Iterator[WiderPlace]:
    for key in sorted({*old, *new} - _NOTES - _RULED):
        moved = key == "$ref" and not defined
        if key in old and (moved or not (key in new and _same(old[key], new[key], defined))):
            yield WiderPlace(at, f"{key} changed" if key in new else f"{key} is gone")
        elif key not in old and key not in _ADDABLE:
            yield WiderPlace(at, f"{key} is new, and its effect cannot be told")
