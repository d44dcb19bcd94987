"""From JSON Schema to types."""

from __future__ import annotations

import pytest

from remit.core.cel import BOOL, DOUBLE, DYN, INT, NULL, STRING, ListOf, ObjectOf, from_schema, record


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "string"}, STRING),
        ({"type": "number"}, DOUBLE),
        ({"type": "integer"}, INT),
        ({"type": "boolean"}, BOOL),
        ({"type": "null"}, NULL),
        ({"enum": ["a", "b"]}, STRING),
        ({"const": "a"}, STRING),
        ({"const": 1}, DYN),
        ({"enum": ["a", 1]}, DYN),
        ({"enum": []}, DYN),
        ({"type": "integer", "enum": [1, 2]}, INT),
        ({"type": ["string", "null"]}, DYN),
        ({"oneOf": [{"type": "string"}]}, DYN),
        ({"$ref": "#/x"}, DYN),
        ({"type": "object"}, DYN),
        ({"type": "strange"}, DYN),
        ({}, DYN),
        (True, DYN),
        ({"type": "array"}, ListOf(DYN)),
        ({"type": "array", "items": {"type": "string"}}, ListOf(STRING)),
        ({"type": "object", "properties": {}}, ObjectOf({})),
    ],
    ids=str,
)
def test_a_schema_becomes_a_type(schema, expected):
    assert from_schema(schema) == expected


def test_a_record_knows_its_fields_and_which_are_always_there():
    schema = {"type": "object", "properties": {"a": {"type": "string"}, "b": {}}, "required": ["a", "c"]}

    assert from_schema(schema) == ObjectOf({"a": STRING, "b": DYN}, frozenset({"a"}))
    assert from_schema({**schema, "required": "a"}) == ObjectOf({"a": STRING, "b": DYN})
    assert record(a=STRING).required == {"a"}


def test_a_schema_may_be_deep():
    schema: dict[str, object] = {"type": "string"}
    for _ in range(500):
        schema = {"type": "array", "items": schema}

    assert isinstance(from_schema(schema), ListOf)
