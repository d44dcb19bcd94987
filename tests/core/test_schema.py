"""JSON Schema where it must be stricter than the standard."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remit.core.errors import BadInput
from remit.core.schema import SchemaCheck, compile_schema, exempt_paths, free_keys, has_path
from remit.core.types import Json
from remit.core.yamltext import parse


def check(fields: str, *, closed: bool = True, more: str = "") -> SchemaCheck:
    text = f"{{type: object, additionalProperties: false, properties: {{{fields}}}{more}}}"
    return compile_schema(parse(text, "f"), closed=closed)[1]


def test_what_fits_has_no_message() -> None:
    assert check("a: {type: string}")({"a": "x"}) == []


@pytest.mark.parametrize(
    ("fields", "value", "told"),
    [
        ("a: {type: string}", {"a": 1}, ['a: 1 is not of type "string"']),
        ("a: {type: string}", {"A": "x"}, ["Additional properties are not allowed ('A' was unexpected)"]),
        ("a: {type: integer}", {"a": 1.0}, ["a: found 1.0; write an integer without a fraction"]),
        ("a: {type: integer}", {"a": True}, ['a: true is not of type "integer"']),
        (
            "a: {type: array, items: {type: integer}}",
            {"a": [1, 2.0]},
            ["a[1]: found 2.0; write an integer without a fraction"],
        ),
        ("a: {allOf: [{type: integer}]}", {"a": 3.0}, ["a: found 3.0; write an integer without a fraction"]),
        ("a: {type: [integer, 'null']}", {"a": 2.0}, ["a: found 2.0; write an integer without a fraction"]),
        ("a: {type: number}", {"a": 1.0}, []),
        ("a: {type: [integer, number]}", {"a": 1.0}, []),
        (
            "a: {type: string, pattern: '^O-[0-9]+$'}",
            {"a": "O-1\n"},
            ['a: "O-1\\n" does not match "^O-[0-9]+$"'],
        ),
    ],
)
def test_what_does_not_fit_is_told_with_its_path(fields: str, value: Json, told: list[str]) -> None:
    assert check(fields)(value) == told


INTEGERS = [
    "a: {$ref: '#/$defs/n'}",
    "a: {allOf: [{$ref: '#/$defs/n'}]}",
    "a: {anyOf: [{type: integer}, {type: 'null'}]}",
    "a: {oneOf: [{$ref: '#/$defs/n'}, {type: string}]}",
]


@pytest.mark.parametrize("fields", INTEGERS)
def test_a_float_is_no_integer_wherever_the_schema_says_it(fields: str) -> None:
    accepts = check(fields, more=", $defs: {n: {type: integer}}")

    assert accepts({"a": 1}) == []
    assert accepts({"a": 1.0}) == ["a: found 1.0; write an integer without a fraction"]


def test_a_float_fits_where_another_branch_admits_it() -> None:
    accepts = check("a: {anyOf: [{type: integer}, {type: number}, {$ref: '#/$defs/n'}]}", more=DEFS)

    assert accepts({"a": 1.0}) == []


DEFS = ", $defs: {n: {type: integer}}"


def test_each_place_of_a_list_has_its_own_type() -> None:
    accepts = check(
        "a: {type: array, prefixItems: [{type: number}, {type: integer}], items: {type: integer}}"
    )

    assert accepts({"a": [1.5, 1, 1]}) == []
    assert accepts({"a": [1.5, 1.0, 2.0]}) == [
        "a[1]: found 1.0; write an integer without a fraction",
        "a[2]: found 2.0; write an integer without a fraction",
    ]


def test_a_long_value_does_not_fill_the_message() -> None:
    (told,) = check("a: {type: integer}")({"a": "x" * 5000})

    assert len(told) < 320


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_any_value_gets_an_answer_and_no_exception(value: Json) -> None:
    deep = "a: {type: array, items: {type: object, additionalProperties: false, properties: {b: {type: integer}}}}"
    told = check(deep)(value)

    assert isinstance(told, list)


OPEN = [
    "{type: object}",
    "{type: object, additionalProperties: true}",
    "{type: [object, 'null']}",
    "{properties: {a: {}}}",
    "{type: object, additionalProperties: false, properties: {a: {type: object}}}",
    "{type: object, additionalProperties: false, properties: {a: {items: {type: object}}}}",
    "{type: object, additionalProperties: false, properties: {a: {anyOf: [{type: string}, {type: object}]}}}",
    "{type: object, additionalProperties: false, $defs: {x: {type: object}}}",
    "{type: object, additionalProperties: false, properties: {a: {prefixItems: [{type: object}]}}}",
    "{type: object, additionalProperties: false, properties: {a: {if: {type: object}}}}",
]


@pytest.mark.parametrize("text", OPEN)
def test_every_object_level_of_arguments_must_be_closed(text: str) -> None:
    with pytest.raises(BadInput, match="admits unknown properties"):
        compile_schema(parse(text, "f"), closed=True)


@pytest.mark.parametrize("text", OPEN[:1] + OPEN[4:])
def test_a_result_may_stay_open(text: str) -> None:
    compile_schema(parse(text, "f"), closed=False)


@pytest.mark.parametrize(
    "ref",
    [
        "http://x/y",
        "file:///etc/passwd",
        "other.json",
        "#/definitions/a",
        "#/properties/a",
        "#anchor",
        "#/",
        "#/$defs/a/default",
    ],
)
def test_a_reference_stays_where_everything_is_checked(ref: str) -> None:
    with pytest.raises(BadInput, match="refer to '#/\\$defs/"):
        check(f"a: {{$ref: '{ref}'}}", more=", definitions: {a: {type: object}}")


def test_a_reference_into_defs_works_also_in_a_circle() -> None:
    branches = "{k: {type: array, items: {$ref: '#/$defs/t'}}}"
    tree = f"$defs: {{t: {{type: object, additionalProperties: false, properties: {branches}}}}}"
    accepts = check("a: {$ref: '#/$defs/t'}", more=f", {tree}")

    assert accepts({"a": {"k": [{"k": []}]}}) == []
    assert accepts({"a": {"k": [{"x": 1}]}}) != []


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ("a: {type: strin}", "f:1: properties.a.type: not a valid JSON Schema"),
        ("a: {minimum: x}", "f:1: properties.a.minimum: not a valid JSON Schema"),
        ("a: {enum: 3}", "f:1: properties.a.enum: not a valid JSON Schema"),
        ("a: {pattern: '(a)\\1'}", "f:1: properties.a.pattern: not a valid JSON Schema"),
        ("a: {pattern: '(?<=a)b'}", "f:1: properties.a.pattern: not a valid JSON Schema"),
        ("a: 3", "f:1: properties.a: found an integer; write a mapping"),
    ],
)
def test_a_broken_schema_is_told_with_the_place_of_the_keyword(fields: str, told: str) -> None:
    with pytest.raises(BadInput) as error:
        check(fields)

    assert str(error.value).startswith(told)


def test_enum_constant_and_boolean_leaves_are_exempt_from_flow() -> None:
    schema = {
        "properties": {
            "a": {"enum": ["x"]},
            "b": {"type": "boolean"},
            "c": {"items": {"const": 1}},
            "d": {"properties": {"e": {"const": "y"}, "f": {"type": "string"}}},
            "g": {"type": "string"},
        }
    }

    assert exempt_paths(schema) == {("a",), ("b",), ("c", "[]"), ("d", "e")}


def test_what_stands_before_the_items_of_an_enum_is_not_exempt() -> None:
    schema = {"properties": {"a": {"prefixItems": [{"type": "string"}], "items": {"enum": ["x"]}}}}

    assert exempt_paths(schema) == set()


def test_a_path_is_found_or_its_neighbours_are_named() -> None:
    schema = {"properties": {"a": {"items": {"properties": {"b": {}, "c": {}}}}}}

    assert has_path(schema, ("a", "[]", "b")) is None
    assert has_path(schema, ("a", "[]", "x")) == ["b", "c"]
    assert has_path(schema, ("x",)) == ["a"]
    assert has_path(schema, ("a", "b")) == []


@pytest.mark.parametrize(
    ("schema", "value", "found"),
    [
        ({"properties": {"a": {}}}, {"a": {"x": {"y": 1}}}, [("a", "x"), ("a", "x", "y")]),
        ({"properties": {"a": {"properties": {"x": {}}}}}, {"a": {"x": 1}}, []),
        ({"properties": {"a": {"$ref": "#/$defs/d"}}}, {"a": {"x": 1, "y": 1}}, [("a", "y")]),
        ({"properties": {"a": {"anyOf": [{"$ref": "#/$defs/d"}, {}]}}}, {"a": {"x": 1}}, []),
        (
            {"properties": {"a": {"items": {"$ref": "#/$defs/d"}}}},
            {"a": [{"x": 1}, {"z": 1}]},
            [("a", 1, "z")],
        ),
        ({"properties": {"a": {"prefixItems": [{"$ref": "#/$defs/d"}]}}}, {"a": [{"x": 1}]}, []),
        ({"properties": {"a": {"propertyNames": {"enum": ["k"]}}}}, {"a": {"k": 1}}, []),
        ({"patternProperties": {"^x": {}}}, {"xy": 1}, [("xy",)]),
    ],
)
def test_a_key_that_the_schema_does_not_name_is_found_wherever_it_stands(
    schema: dict[str, Json], value: dict[str, Json], found: list[tuple[str | int, ...]]
) -> None:
    assert free_keys(value, schema | {"$defs": {"d": {"properties": {"x": {}}}}}) == found
