"""Checks of the final answer."""

from __future__ import annotations

import pytest

from remit.core.answers import forbidden, longest, shaped
from remit.core.reader_clauses import read_pattern
from remit.core.schema import compile_schema
from remit.core.yamltext import parse


def patterns(*texts: str) -> list[tuple[str, object]]:
    return [(text, read_pattern(parse(f"'{text}'", "f"))) for text in texts]


def test_an_answer_of_the_allowed_length_passes() -> None:
    assert longest(3)("äöü") == ""
    assert longest(3)("four") == "found 4 characters, at most 3 are allowed"


def test_a_forbidden_text_is_named_by_its_pattern_and_not_repeated() -> None:
    told = forbidden(patterns("[0-9]{16}"))("card 4111111111111111")

    assert told == "contains what the pattern '[0-9]{16}' forbids"
    assert "4111" not in told


def test_an_answer_without_a_match_passes() -> None:
    assert forbidden(patterns("[0-9]{16}", "secret"))("all is well") == ""


def test_a_lone_surrogate_cannot_hide_a_forbidden_text_or_break_the_check() -> None:
    assert "lone surrogate" in forbidden(patterns("secret"))("\ud800 secret")
    assert "\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16") == "😀"
    assert forbidden(patterns("secret"))("😀") == ""


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ('{"ok": true}', ""),
        ('{"ok": 1}', 'ok: 1 is not of type "boolean"'),
        ('{"ok": true, "ok": false}', "is not strict JSON: json: the key 'ok' stands twice; keep one"),
        ("fine", "is not strict JSON: json: not JSON: Expecting value at line 1 column 1"),
        ('{"ok": NaN}', "is not strict JSON: json: the number NaN; send a finite number"),
        ("[" * 10_000, "is not strict JSON"),
    ],
)
def test_an_answer_with_a_shape_is_strict_json_that_fits(answer: str, told: str) -> None:
    _, errors = compile_schema(parse("{type: object, properties: {ok: {type: boolean}}}", "f"), closed=False)

    assert shaped(errors)(answer).startswith(told)
    assert bool(shaped(errors)(answer)) is bool(told)
