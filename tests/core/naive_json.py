"""Canonical arguments and JSON Schema once more, as far as the generated envelopes use them."""

from __future__ import annotations

import json
import math
from typing import Any

import re2
from naive_cel import same


class Unreadable(Exception):
    """Arguments that have no canonical form."""


def canonical(asked: Any) -> dict[str, Any]:
    """A copy in exact JSON types; `Unreadable` where something could be read in two ways."""
    if isinstance(asked, str):

        def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
            if len({key for key, _ in pairs}) < len(pairs):
                raise Unreadable("a key stands twice")
            return dict(pairs)

        try:
            asked = json.loads(asked, object_pairs_hook=once)
        except ValueError:
            raise Unreadable("no JSON") from None
    if not isinstance(asked, dict) or len(json.dumps(asked, default=str)) > 1_000_000:
        raise Unreadable("no object, or too large")
    copied: dict[str, Any] = _plain(asked, 1)
    return copied


def _plain(value: Any, depth: int) -> Any:
    if isinstance(value, dict):
        if depth > 32:
            raise Unreadable("too deep")
        if any(not isinstance(key, str) or not key.isprintable() for key in value):
            raise Unreadable("an invisible character in a key")
        return {_plain(key, depth): _plain(one, depth + 1) for key, one in value.items()}
    if isinstance(value, list):
        if depth > 32:
            raise Unreadable("too deep")
        return [_plain(one, depth + 1) for one in value]
    if isinstance(value, str) and any(0xD800 <= ord(c) <= 0xDFFF for c in value):
        raise Unreadable("a lone surrogate")
    if type(value) is int and abs(value) > 2**53 - 1:
        raise Unreadable("an integer that floats cannot hold")
    if type(value) is float and not math.isfinite(value):
        raise Unreadable("no number")
    if value is not None and type(value) not in (str, int, float, bool):
        raise Unreadable(f"a {type(value).__name__} is no JSON")
    return value


def fits(value: Any, schema: Any) -> bool:
    """JSON Schema, as far as the generated envelopes use it. A float is no integer."""
    kinds = {
        "object": dict,
        "array": list,
        "string": str,
        "integer": int,
        "boolean": bool,
        "null": type(None),
    }
    kind = schema.get("type")
    if kind == "number":
        if type(value) not in (int, float):
            return False
    elif kind is not None and type(value) is not kinds[kind]:
        return False
    if "enum" in schema and not any(same(value, one) for one in schema["enum"]):
        return False
    if "const" in schema and not same(value, schema["const"]):
        return False
    if isinstance(value, dict):
        known = schema.get("properties", {})
        if any(key not in value for key in schema.get("required", [])):
            return False
        if schema.get("additionalProperties") is False and any(key not in known for key in value):
            return False
        return all(fits(one, known[key]) for key, one in value.items() if key in known)
    if isinstance(value, list):
        few, many = schema.get("minItems", 0), schema.get("maxItems", len(value))
        return few <= len(value) <= many and all(fits(one, schema.get("items", {})) for one in value)
    if isinstance(value, str):
        short, long = schema.get("minLength", 0), schema.get("maxLength", len(value))
        return short <= len(value) <= long and re2.search(schema.get("pattern", ""), value) is not None
    if type(value) in (int, float):
        return bool(schema.get("minimum", value) <= value <= schema.get("maximum", value))
    return True
