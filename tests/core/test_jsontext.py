"""JSON with comments is read as its client reads it, and edited without touching anything else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remit.core.errors import BadInput
from remit.core.jsontext import Edit, edited, json_token, read_jsontext

SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=12
)
GAPS = st.sampled_from(
    ["", " ", "\n", "\r\n", "\t", '// why, "this"\n', "/* { */", " /* a\n * b */ ", "//\r\n"]
)


@st.composite
def written(draw: st.DrawFn, value: Any) -> str:
    """*value* as somebody might write it."""

    def gap() -> str:
        return draw(GAPS)

    def listed(parts: list[str]) -> str:
        comma = draw(st.sampled_from(["", ","])) if parts else ""
        return gap() + f"{gap()},{gap()}".join(parts) + gap() + comma + gap()

    if isinstance(value, dict):
        members = [f"{text_of(k)}{gap()}:{gap()}{draw(written(v))}" for k, v in value.items()]
        return "{" + listed(members) + "}"
    if isinstance(value, list):
        return "[" + listed([draw(written(one)) for one in value]) + "]"
    return text_of(value, ascii_only=draw(st.booleans()))


def text_of(value: Any, *, ascii_only: bool = True) -> str:
    return json.dumps(value, ensure_ascii=ascii_only)


@given(st.data(), VALUES, GAPS, GAPS)
def test_whatever_is_written_is_read_back(data: st.DataObject, value: Any, before: str, after: str) -> None:
    text = before + data.draw(written(value)) + after

    assert read_jsontext(text, "f").plain() == value


@given(VALUES)
def test_plain_json_is_read_as_the_standard_library_reads_it(value: Any) -> None:
    text = json.dumps(value, indent=2)

    assert read_jsontext(text, "f").plain() == json.loads(text)


@given(st.data(), VALUES, SCALARS)
def test_an_edited_value_is_the_only_thing_that_differs(data: st.DataObject, value: Any, new: Any) -> None:
    text = data.draw(written(value))
    nodes = [node for _, node in read_jsontext(text, "f").walk()]
    chosen = data.draw(st.sampled_from(nodes))
    token = text_of(new)
    after = edited(text, [Edit(chosen.start, chosen.end, token)])

    assert after == text[: chosen.start] + token + text[chosen.end :]
    assert any(
        node.start == chosen.start and node.plain() == new for _, node in read_jsontext(after, "f").walk()
    )


class Refused(Exception):
    """What the standard library takes and no client's parser does."""


def refuse_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) < len(pairs):
        raise Refused
    return dict(pairs)


def refuse_constant(word: str) -> None:
    raise Refused(word)


@given(st.text(max_size=60) | st.text(alphabet='{}[]",:/*\\ \n1e-.tn', max_size=40))
def test_all_that_the_standard_library_takes_is_taken_and_nothing_crashes(text: str) -> None:
    try:
        expected = json.loads(text, object_pairs_hook=refuse_twice, parse_constant=refuse_constant)
    except (ValueError, Refused):
        try:
            read_jsontext(text, "f")
        except BadInput as error:
            assert error.where.startswith("f:")
        return
    assert read_jsontext(text, "f").plain() == expected


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("", "f:1:1"),
        ("{", "f:1:2"),
        ('{"a": 1\n  "b": 2}', "f:2:3"),
        ('{"a": 1,\n "a": 2}', "f:2:2"),
        ('{"a"\n1}', "f:2:1"),
        ("{a: 1}", "f:1:2"),
        ("[1 2]", "f:1:4"),
        ("[,]", "f:1:2"),
        ('["\\x"]', "f:1:2"),
        ('["\n"]', "f:1:2"),
        ("1 // fine\n2", "f:2:1"),
        ("{} /* no end", "f:1:4"),
        ("NaN", "f:1:1"),
        ("[" * 300, "f:1:202"),
        ("01", "f:1:2"),
    ],
)
def test_what_is_malformed_is_named_with_line_and_column(text: str, where: str) -> None:
    with pytest.raises(BadInput) as error:
        read_jsontext(text, "f")

    assert error.value.where == where


def test_an_error_shows_no_more_than_one_character_of_the_file() -> None:
    with pytest.raises(BadInput) as error:
        read_jsontext('{"env": {"TOKEN" "hunter2"}}', "f")

    assert "hunter" not in str(error.value)


def test_edits_that_overlap_are_an_error() -> None:
    with pytest.raises(ValueError, match="overlap"):
        edited("abc", [Edit(0, 2, ""), Edit(1, 3, "")])


@pytest.mark.parametrize("value", ["", 'a"b', "C:\\x", "\ud800", "é\u2028", "\x1b"])
def test_a_token_is_read_back_and_can_be_written_to_a_file(value: str) -> None:
    token = json_token(value)

    assert read_jsontext(token, "f").plain() == value
    assert token.encode()
