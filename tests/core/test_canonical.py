"""Canonical values: strict at the door, then never changed again."""

from __future__ import annotations

import contextlib
import enum
import json
from collections import OrderedDict, namedtuple
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.soon import soon

from remit.core.canonical import canonical, digest, encode, first_invisible, loads_strict
from remit.core.errors import BadInput


class Text(str):
    __slots__ = ()


class Level(enum.IntEnum):
    HIGH = 1


class Sly:
    __class__ = str  # type: ignore[assignment]


Point = namedtuple("Point", "x y")


def nested(levels: int) -> object:
    value: object = 1
    for _ in range(levels):
        value = [value]
    return value


def test_it_returns_a_new_copy_all_the_way_down():
    value = {"items": [{"qty": 2}], "note": "x", "none": None, "yes": True, "rate": 0.5}

    copy = canonical(value)

    assert copy == value
    assert copy is not value
    assert copy["items"] is not value["items"]
    assert copy["items"][0] is not value["items"][0]


@pytest.mark.parametrize(
    "value",
    [
        (1, 2),
        {1},
        b"x",
        Decimal(1),
        Text("x"),
        Level.HIGH,
        OrderedDict(a=1),
        Point(1, 2),
        object(),
        Sly(),
        1j,
        float("nan"),
        float("inf"),
        float("-inf"),
        2**53,
        -(2**53),
        10**5000,
        "\ud800",
        "a\udfffb",
        {1: 2},
        {None: 1},
        {Text("a"): 1},
        {"": 1},
        {"a\u200bb": 1},
        {"\uff41": 1},
        {"e\u0301": 1},
        {"\ud800": 1},
        {"a\x00": 1},
    ],
    ids=lambda value: type(value).__name__,
)
def test_it_refuses_what_is_not_plain_json(value):
    with pytest.raises(BadInput):
        canonical(value)
    with pytest.raises(BadInput):
        canonical({"deep": [value]})


@pytest.mark.parametrize(
    ("value", "where"),
    [
        ({"items": [{}, {}, {"qty": (1,)}]}, "args.items[2].qty"),
        ({"a b": {"c": 2**53}}, "args['a b'].c"),
        ([[float("nan")]], "args[0][0]"),
        (object(), "args"),
        ({"a": {1: 2}}, "args.a['<int>']"),
        ({"x\u202e": 1}, "args['x\\u202e']"),
    ],
)
def test_the_error_names_the_path(value, where):
    with pytest.raises(BadInput) as caught:
        canonical(value)

    assert caught.value.where == where


def test_the_root_has_the_name_it_was_given():
    with pytest.raises(BadInput, match=r"^session\.x: the number nan; send a finite number$"):
        canonical({"x": float("nan")}, where="session")


def test_numbers_keep_their_kind_at_the_limits():
    values = [2**53 - 1, -(2**53) + 1, 0, 0.0, 1, 1.0, 1e300, True, False]

    assert [type(v) for v in canonical(values)] == [type(v) for v in values]


def test_thirty_two_levels_are_allowed_and_no_more():
    assert canonical(nested(32)) == nested(32)
    with pytest.raises(BadInput, match="nested deeper than 32 levels"):
        canonical(nested(33))


def test_a_cycle_ends():
    loop: list[object] = []
    loop.append(loop)
    ring: dict[str, object] = {}
    ring["ring"] = ring

    for value in (loop, ring):
        with pytest.raises(BadInput, match="nested deeper"):
            canonical(value)


@pytest.mark.parametrize(
    "value",
    [
        "x" * 10_000_000,
        ["x"] * 10_000_000,
        {"text": "\u20ac" * 5_000_000},
        "\u20ac" * 400_000,
        {f"k{i}": None for i in range(300_000)},
        list(range(1_000_000)),
        ["x" * 1_000] * 1_000,
    ],
    ids=["text", "list", "wide text", "few wide letters", "keys", "numbers", "texts"],
)
def test_too_much_data_is_refused_fast(value):
    with soon(), pytest.raises(BadInput, match="more data than one value may hold"):
        canonical(value)


def test_sharing_does_not_multiply_without_end():
    value: object = ["x"]
    for _ in range(30):
        value = [value] * 10

    with pytest.raises(BadInput, match="more data"):
        canonical(value)


def test_a_full_stack_is_bad_input():
    seen: set[type] = set()

    def down() -> None:
        with contextlib.suppress(RecursionError):
            down()
        if BadInput not in seen:
            try:
                canonical([[[[[[[[1]]]]]]]])
            except (BadInput, RecursionError) as error:
                seen.add(type(error))

    down()

    assert BadInput in seen


def test_the_limit_on_size_can_be_set():
    assert canonical("x" * 2_000_000, max_bytes=3_000_000)
    with pytest.raises(BadInput):
        canonical("x" * 100, max_bytes=50)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (b"\xff", "not valid UTF-8"),
        ('{"a":1}'.encode("utf-16"), "not valid UTF-8"),
        ("\ud800", "not valid UTF-8"),
        (b'\xef\xbb\xbf{"a": 1}', "not JSON"),
        ('{"a": 1, "a": 2}', "the key 'a' stands twice"),
        ('{"a": 1, "\\u0061": 2}', "the key 'a' stands twice"),
        ("[1e999]", "a number that overflows"),
        ("[NaN]", "the number NaN"),
        ("[-Infinity]", "the number -Infinity"),
        ("9007199254740992", "an integer beyond 2^53 - 1"),
        ("-9007199254740992", "an integer beyond 2^53 - 1"),
        ("1" * 100_000, "an integer beyond 2^53 - 1"),
        ('"\\ud800"', "a lone surrogate"),
        ('{"\\udfff": 1}', "a lone surrogate"),
        ("[" * 33 + "]" * 33, "nested deeper than 32 levels"),
        ('{"a":' * 33 + "1" + "}" * 33, "nested deeper than 32 levels"),
        ("[" * 1_000_000, "nested deeper than 32 levels"),
        ("[1,]", "not JSON"),
        ("", "not JSON"),
    ],
    ids=range(19),
)
def test_text_that_could_be_read_in_two_ways_is_refused(text, found):
    with pytest.raises(BadInput) as caught:
        loads_strict(text, where="call")

    assert caught.value.where == "call"
    assert found in caught.value.found


def test_many_brackets_side_by_side_are_no_depth():
    assert loads_strict("[" + ",".join(["[]"] * 100) + "]") == [[]] * 100
    assert loads_strict('{"a": "' + "[" * 100 + '"}') == {"a": "[" * 100}
    assert loads_strict('{"a": [{"b": "\\ud83d\\ude00"}]}') == {"a": [{"b": "\U0001f600"}]}
    assert loads_strict(bytes("[-9007199254740991, 1.5, -0]", "utf-8")) == [-(2**53) + 1, 1.5, 0]


def test_equal_values_give_equal_bytes_and_kinds_of_numbers_stay_apart():
    assert encode({"b": 1, "a": [True, None]}) == b'{"a":[true,null],"b":1}'
    assert encode({"a": 1, "b": 2}) == encode({"b": 2, "a": 1})
    assert digest({"a": 1}) != digest({"a": 1.0})
    assert digest([1]) != digest([True]) != digest(["1"])
    assert len(digest(None)) == 64


@pytest.mark.parametrize("value", [object(), "\ud800", {"a": {1, object()}}], ids=range(3))
def test_what_was_not_made_canonical_is_not_encoded(value):
    with pytest.raises(BadInput, match="cannot be encoded"):
        encode(value)


def test_the_first_invisible_character_is_found():
    assert first_invisible("") is None
    assert first_invisible("a\u3164") == 1
    assert first_invisible("\u00e9\u200b") == 1


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"))
)
KEYS = st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_ .-]{0,10}", fullmatch=True)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_canonical_is_idempotent_and_survives_the_wire(value):
    once = canonical(value)

    assert canonical(once) == once
    back = loads_strict(encode(once))
    assert back == once
    assert encode(back) == encode(once)
    assert digest(back) == digest(once)


@given(
    st.recursive(
        SCALARS | st.floats() | st.integers() | st.binary() | st.text(),
        lambda inner: st.lists(inner) | st.tuples(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_anything_is_copied_or_refused(value):
    try:
        copy = canonical(value)
    except BadInput:
        return
    assert copy == value
    json.dumps(copy, allow_nan=False)


@given(st.text() | st.binary())
def test_any_text_is_read_or_refused(data):
    with contextlib.suppress(BadInput):
        loads_strict(data)


def test_a_key_that_stands_twice_among_very_many_is_found_soon():
    keys = [f"k{i}" for i in range(60_000)]
    text = json.dumps(dict.fromkeys(keys, 1))[:-1] + ', "k59999": 2}'
    with soon(), pytest.raises(BadInput, match="the key 'k59999' stands twice"):
        loads_strict(text)


def test_combining_marks_without_end_are_refused_at_once():
    marks = "a" + 200_000 * "\u0f71" + 200_000 * "\u0f72"

    with pytest.raises(BadInput, match="normalisation"):
        canonical({marks: 1})
