"""Whatever is read: an answer, or `BadInput` that says where and what. No crash, no hang, no other error.

Short forms run always; `make soak` runs the long ones.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from remit.core.canonical import canonical, encode, loads_strict
from remit.core.cel import DYN, ConditionError, compile_condition, from_schema
from remit.core.errors import BadInput
from remit.core.reader import read_envelope
from remit.core.schema import compile_schema
from remit.core.yamltext import parse

from .cel.generate import SCHEMA, Generator
from .mutate import VALUES, damage_text, damage_value
from .test_envelope_schema import EVERYTHING, EXAMPLES

ENVELOPES = [EVERYTHING, *(file.read_text("utf-8") for file in EXAMPLES)]
TREES = [parse(text, "f").plain() for text in ENVELOPES]
SHORT, LONG = 150, 3_000
SEEDS = st.integers(0, 2**64 - 1)
ENV = {"args": from_schema(SCHEMA), "session": DYN, "event": DYN}


def clear(read: Callable[[], object]) -> object:
    """Return what was read, or None after an error that is clear enough to act on."""
    try:
        return read()
    except BadInput as error:
        assert error.where and error.found, repr(error)
        assert len(str(error)) < 2_500, str(error)
        assert str(error).isprintable(), repr(error)
        return None


def envelope_text(random: Random) -> None:
    text = damage_text(random.choice(ENVELOPES), random)
    clear(lambda: read_envelope(text, "f.yaml"))


def envelope_tree(random: Random) -> None:
    tree = damage_value(random.choice(TREES), random)
    clear(lambda: read_envelope(json.dumps(tree), "f.yaml"))


def yaml(random: Random) -> None:
    text = damage_text(
        damage_text(random.choice(ENVELOPES)[: random.choice((20, 200, 2_000))], random), random
    )
    read = clear(lambda: parse(text, "f.yaml"))
    if read is not None:
        read.plain()  # type: ignore[attr-defined]


def condition(random: Random) -> None:
    generator = Generator(random.randrange(2**32))
    text, values = generator.condition(), generator.values()
    if random.random() < 0.9:
        text = damage_text(text, random)
    compiled: Any = clear(lambda: compile_condition(text, ENV, where="w", result=DYN))
    if compiled is not None:
        for attempt in (lambda: compiled.evaluate(values), lambda: compiled.explain(values)):
            try:
                attempt()
            except ConditionError as error:
                assert str(error)


def json_text(random: Random) -> None:
    text = damage_text(json.dumps(damage_value(random.choice(TREES), random)), random)
    data = text.encode("utf-8", "surrogatepass") if random.random() < 0.5 else text
    value = clear(lambda: loads_strict(data))
    again = clear(lambda: canonical(value))
    if again is not None:
        assert encode(canonical(loads_strict(encode(again)))) == encode(again)


def json_value(random: Random) -> None:
    odd = (
        object(),
        {1: 2},
        (1, 2),
        b"x",
        {1, 2},
        float("nan"),
        float("inf"),
        2**53,
        "\ud800",
        1j,
        range(3),
        type,
    )
    tree = damage_value(random.choice(TREES), random)
    if isinstance(tree, dict):
        tree["odd"] = random.choice((*odd, *VALUES))
    clear(lambda: canonical(tree))


def schema(random: Random) -> None:
    tree = damage_value(random.choice((SCHEMA, *SCHEMAS)), random)
    read = clear(lambda: parse(json.dumps(tree), "f.yaml"))
    compiled: Any = (
        clear(lambda: compile_schema(read, closed=random.random() < 0.7)) if read is not None else None
    )
    if compiled is not None:
        from_schema(compiled[0])
        for value in (*VALUES, Generator(random.randrange(2**32)).values()["args"]):
            checked = clear(lambda value=value: canonical(value))
            compiled[1](checked)


SCHEMAS = [
    {
        "type": "object",
        "additionalProperties": False,
        "required": ["a"],
        "properties": {
            "a": {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": "^a+$"}]},
            "b": {"$ref": "#/$defs/tree"},
            "c": {"type": "array", "items": {"enum": ["x", 1, None]}, "maxItems": 3, "uniqueItems": True},
            "d": {
                "type": "object",
                "patternProperties": {"^x": {"type": "number"}},
                "additionalProperties": False,
            },
            "e": {
                "not": {"const": 1},
                "if": {"type": "string"},
                "then": {"minLength": 1},
                "else": {"multipleOf": 2},
            },
        },
        "$defs": {
            "tree": {
                "type": "object",
                "additionalProperties": False,
                "properties": {"left": {"$ref": "#/$defs/tree"}, "v": {"type": "integer"}},
            }
        },
    }
]
TARGETS = [envelope_text, envelope_tree, yaml, condition, json_text, json_value, schema]


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.__name__)
def test_damaged_input_is_read_or_refused_clearly(target):
    @given(SEEDS)
    @settings(max_examples=SHORT, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
    def run(seed: int) -> None:
        target(Random(seed))

    run()


@pytest.mark.soak
@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.__name__)
def test_much_damaged_input_is_read_or_refused_clearly(target):
    @given(SEEDS)
    @settings(max_examples=LONG, deadline=None, suppress_health_check=list(HealthCheck))
    def run(seed: int) -> None:
        target(Random(seed))

    run()


@given(st.text() | st.binary(max_size=200))
@settings(max_examples=SHORT, deadline=None)
def test_any_text_at_all_is_refused_clearly(data):
    assert clear(lambda: loads_strict(data)) is None or True
    if isinstance(data, str):
        assert clear(lambda: read_envelope(data, "f.yaml")) is None
