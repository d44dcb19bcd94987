"""YAML as the envelope reads it: one document, no surprise in a scalar, a place for everything."""

from __future__ import annotations

import json

import pytest

from remit.core.errors import BadInput
from remit.core.yamltext import MAX_CHARACTERS, parse

VALUES = [
    ("yes", "yes"),
    ("no", "no"),
    ("on", "on"),
    ("true", True),
    ("False", False),
    ("null", None),
    ("~", None),
    ("", None),
    ("12", 12),
    ("-7", -7),
    ("1.5", 1.5),
    ("1e3", 1000.0),
    ("'12'", "12"),
    ("2024-01-02", "2024-01-02"),
    ("12:30", "12:30"),
    ("O-1", "O-1"),
    ("[1, [2]]", [1, [2]]),
    ("{a: {b: c}}", {"a": {"b": "c"}}),
    ("&x [1]", [1]),
    ('"\\U0001F600"', "😀"),
]


@pytest.mark.parametrize(("text", "value"), VALUES)
def test_a_scalar_means_what_yaml_1_2_says(text: str, value: object) -> None:
    read = parse(f"k: {text}\n", "f").mapping()["k"].plain()

    assert read == value
    assert type(read) is type(value)


REFUSED = [
    ("k: 0x1f", "f:1: k: found '0x1f'; write a plain decimal number, or quote it"),
    ("k: 0o17", "f:1: k: found '0o17'; write a plain decimal number, or quote it"),
    ("k: .inf", "f:1: k: found '.inf'; write a plain decimal number, or quote it"),
    ("k: .nan", "f:1: k: found '.nan'; write a plain decimal number, or quote it"),
    ("k: 1e999", "f:1: k: found '1e999'; write a plain decimal number, or quote it"),
    (
        "k: 12345678901234567890",
        "f:1: k: found '12345678901234567890'; write a plain decimal number, or quote it",
    ),
    ("k: !!python/object:os.system x", "f:1: k: found a value with tag"),
    ("k: !mine 1", "f:1: k: found a value with tag '!mine'; write it without a tag"),
    ("a: 1\nb: 2\na: 3", "f:3: document: duplicate key 'a' (first at line 1); keep one of them"),
    ("a:\n  b: 1\n  b: 1", "f:3: a: duplicate key 'b' (first at line 2); keep one of them"),
    ("true: 1", "f:1: document: key 'true' is not a string; quote it"),
    ("? [a]\n: 1", "f:1: document: key"),
    (
        "a: &x {b: 1}\nc: {<<: *x}",
        "f:2: c: found the merge key '<<'; write the keys themselves, or the whole mapping as *name",
    ),
    ("a: 1\n---\nb: 2", "f:"),
    ("a: [1, 2", "f:"),
    ("a: *nobody", "f:1: not YAML"),
    ("a:\n\t- b", "f:2: not YAML"),
    ("a: b: c", "f:1: not YAML"),
    ("a: \x00", "f: not YAML"),
    ("", "f: the file is empty; start from `remit init`"),
    ("# only a comment\n", "f: the file is empty; start from `remit init`"),
    ("a: " + "[" * 70 + "]" * 70, "f:1: a[0]"),
    ("a: " + "[" * 20_000, "f: nested too deeply"),
    ("a: &a [*a]", "f:1: a[0]"),
    (
        "x" * (MAX_CHARACTERS + 1),
        f"f: {MAX_CHARACTERS + 1} characters; at most {MAX_CHARACTERS} are read",
    ),
]


@pytest.mark.parametrize(("text", "told"), REFUSED)
def test_what_two_readers_could_understand_differently_is_refused_with_its_line(text: str, told: str) -> None:
    with pytest.raises(BadInput) as error:
        parse(text, "f")

    assert str(error.value).startswith(told)


def test_aliases_that_grow_without_end_are_stopped() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 10)]
    with pytest.raises(BadInput, match="more than 50000 values; check the aliases"):
        parse("\n".join(lines), "f")


def test_every_value_knows_its_line_and_its_path() -> None:
    node = parse("a:\n  - b: 1\n  -\n    c: 2\n", "f").mapping()["a"].items()[1].mapping()["c"]

    assert (node.line, node.path, node.file) == (4, "a[1].c", "f")
    assert str(node.error("found 2", "write 3")) == "f:4: a[1].c: found 2; write 3"


def test_a_known_key_that_is_near_is_suggested() -> None:
    node = parse("treshold: 1", "f")
    with pytest.raises(
        BadInput, match="unknown key 'treshold'; did you mean 'threshold'\\? known here: threshold"
    ):
        node.keys(("threshold",))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("k: 1", "f:1: k: found an integer 1; write a string (quote it)"),
        ("k: [1]", "f:1: k: found a list; write a string (quote it)"),
        ("k: ''", ""),
    ],
)
def test_a_string_is_asked_for_as_a_string(text: str, told: str) -> None:
    node = parse(text, "f").mapping()["k"]
    if not told:
        assert node.text() == ""
        return
    with pytest.raises(BadInput) as error:
        node.text()

    assert str(error.value) == told


def test_a_name_for_aliases_is_given_once() -> None:
    assert parse("a: &x 1\nb: *x\nc: {d: *x}\n", "f").plain() == {"a": 1, "b": 1, "c": {"d": 1}}
    with pytest.raises(BadInput, match="f:3: anchor '&x' is there twice"):
        parse("a: &x 1\nb: *x\nc: [&x 2]\nd: *x\n", "f")


def test_hostile_text_in_an_error_is_shown_as_one_short_line() -> None:
    with pytest.raises(BadInput) as caught:
        parse('k: "a\\nb\\e[31m' + "x" * 5_000 + '"', "f").mapping()["k"].choice(("one",))

    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 1_200


def test_json_with_escaped_characters_is_yaml():
    text = "hi \U0001f600, \u00fc and \x85"

    assert parse('{"a": ' + json.dumps(text) + "}", "f").plain() == {"a": text}
    assert parse(r'"\ud83d!"', "f").plain() == "\ud83d!"
