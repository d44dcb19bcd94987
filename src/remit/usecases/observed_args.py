"""The JSON Schema that admits what a tool was called with, and no more."""

from __future__ import annotations

from collections.abc import Mapping

from remit.core.types import Json, JsonSchema


class ObservedArgs:
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

    def schema(self) -> JsonSchema:
        found: JsonSchema = {"type": "object", "additionalProperties": False}
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
        self._object: ObservedArgs | None = None

    def add(self, value: Json) -> None:
        self._types[_json_type(value)] = None
        if isinstance(value, list):
            self._items = self._items or _Shape()
            for item in value:
                self._items.add(item)
        elif isinstance(value, dict):
            self._object = self._object or ObservedArgs()
            self._object.add(value)

    def schema(self) -> JsonSchema:
        types = [t for t in self._types if t != "integer" or "number" not in self._types]
        found: JsonSchema = self._object.schema() if self._object is not None else {}
        found["type"] = types[0] if len(types) == 1 else types
        if self._items is not None and self._items._types:
            found["items"] = self._items.schema()
        return found


def _json_type(value: Json) -> str:
    if value is None:
        return "null"
    names = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
    return names[type(value)]
