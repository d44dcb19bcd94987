"""What the agent sees of a result: nothing that a pattern or a field hides, however it is spelled."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.soon import soon

from remit.core.envelope import Cap, Clause, Notify, Obligation, Redact
from remit.core.shown import REDACTED, Unmet, as_read, show

CARD = "4111111111111111"


def shown(value: Any, *duties: Any) -> Any:
    return show(value, [Obligation(Clause(f"look.d{at}"), duty) for at, duty in enumerate(duties)])[0]


def pattern(*texts: str) -> Redact:
    return Redact(patterns=texts or ("[0-9]{16}",))


def fields(*paths: tuple[str, ...]) -> Redact:
    return Redact(fields=paths)


# ---------------------------------------------------------------------------------------------- fields
def test_a_field_is_hidden_whatever_it_holds_and_what_is_not_there_stays_away() -> None:
    card = fields(("customer", "card"), ("rows", "[]", "iban"))
    for held in ("4111", 4111, None, {"number": 4111}, [1]):
        assert shown({"customer": {"card": held}}, card) == {"customer": {"card": REDACTED}}
    for absent in ({}, {"customer": None}, {"customer": {}}, {"rows": []}, {"rows": [{}, None]}):
        assert shown(absent, card) == absent


@pytest.mark.parametrize(
    "value", [{"customer": "4111"}, {"customer": [{"card": 1}]}, [], "x", 7, {"rows": {}}]
)
def test_a_path_through_something_of_another_shape_cannot_be_met(value: Any) -> None:
    with pytest.raises(Unmet) as unmet:
        shown(value, fields(("customer", "card"), ("rows", "[]", "iban")))
    assert "4111" not in str(unmet.value)


def test_fields_of_a_text_that_spells_json_are_hidden_in_it() -> None:
    assert shown('{"card": "41", "id": 1.0}', fields(("card",))) == '{"card":"[redacted]","id":1.0}'
    assert shown(' [{"card": 1}]', fields(("[]", "card"))) == '[{"card":"[redacted]"}]'
    untouched = '{ "id": 1 }'
    assert shown(untouched, fields(("card",))) == untouched


@pytest.mark.parametrize(
    "text",
    [
        '{"card": 1, "card": 2}',
        '{"card": 1, "\\u0063ard": 2}',
        "{'card': 1}",
        "card: 1",
        '{"card": NaN}',
        "",
        '"x"',
    ],
)
def test_a_text_that_readers_may_understand_differently_is_not_shown(text: str) -> None:
    with pytest.raises(Unmet):
        shown(text, fields(("card",)))


# ---------------------------------------------------------------------------------------------- patterns
@pytest.mark.parametrize(
    "value",
    [
        f"pay {CARD} now",
        {"a": [CARD]},
        {CARD: 1},
        {"a": {"b": f"x{CARD}y"}},
        int(CARD),
        float(CARD),
        [-int(CARD)],
        {"n": float(CARD)},
        json.dumps({"card": CARD}),
        json.dumps({"card": int(CARD)}),
        json.dumps({"card": float(CARD)}),
        json.dumps({"nested": json.dumps({"card": CARD})}),
        '{"card": "' + "".join(f"\\u00{ord(c):02x}" for c in CARD) + '"}',
        "not json: " + "".join(f"\\u00{ord(c):02x}" for c in CARD),
        "not json: " + "".join(f"\\\\u00{ord(c):02x}" for c in CARD),
        "".join(f"&#{ord(c)};" for c in CARD),
        "".join(f"&amp;#x{ord(c):x};" for c in CARD),
        "".join(f"%{ord(c):02X}" for c in CARD),
        "".join(chr(0xFF10 + int(c)) for c in CARD),
        "".join(chr(0x0660 + int(c)) for c in CARD),
        "".join(chr(0x1D7CE + int(c)) for c in CARD),
        json.dumps("".join(chr(0x1D7CE + int(c)) for c in CARD)),
        "".join(f"\\u{{{ord(c):x}}}" for c in CARD),
        "".join(f"\\U{ord(c):08x}" for c in CARD),
        "\u0301".join(CARD),
        "\ufe0f\u20e3".join(CARD),
        "\x00".join(CARD),
        "\x08\x1b".join(CARD),
        json.dumps("\x00".join(CARD)),
        "\u200b".join(CARD),
        "\u2060".join(CARD),
        {"k": "\u00ad".join(CARD)},
        {"\u0661".replace("\u0661", "".join(chr(0x0660 + int(c)) for c in CARD)): 1},
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_a_card_number_is_hidden_however_it_is_spelled(value: Any) -> None:
    told = shown(value, pattern())
    text = told if isinstance(told, str) else json.dumps(told)
    assert "[redacted]" in text
    digits = "".join(c for c in as_read(as_read(as_read(text))) if c.isdigit())
    assert CARD[:8] not in digits


def test_what_holds_no_match_stays_as_it_is_also_where_it_can_be_read_otherwise() -> None:
    for text in (
        "5 &lt; 7",
        "100%25",
        "caf\\u00e9",
        "\uff11",
        "e\u0301",
        "\u05d0\u200f1",
        '{"a": 1}',
        "a\\b",
    ):
        assert shown(text, pattern()) == text
    value = {"\u00bd": ["&amp;", 1.5, None, True]}
    assert shown(value, pattern()) == value


def test_two_keys_that_redaction_made_one_are_both_kept() -> None:
    value = {CARD: 1, "5" + CARD[1:]: 2}
    assert shown(value, pattern()) == {"[redacted]": 1, "[redacted] 2": 2}


def test_several_patterns_leave_nothing_that_one_of_them_hides() -> None:
    two = pattern("[0-9]{16}", "(?i)secret-[a-z]+")
    told = shown(f"{CARD} &#83;ecret-x \uff34 {CARD}", two)
    assert CARD not in told and "ecret-x" not in told


def test_a_text_in_too_many_layers_is_not_shown() -> None:
    text = "%73ecret"
    for _ in range(20):
        text = text.replace("%", "%25")
    with pytest.raises(Unmet, match="layers"):
        shown(text, pattern("secret"))


@given(st.text(alphabet="41 \\u003&#;%\u0664\uff14\u200bxd5", max_size=60))
def test_nothing_that_a_reader_could_match_is_left(text: str) -> None:
    try:
        told = shown(text, pattern("4{3}"))
    except Unmet:
        return
    read = told
    for _ in range(9):
        assert "444" not in read
        read = as_read(read)


def test_a_large_text_is_read_in_a_moment() -> None:
    text = ("x" * 99 + CARD) * 20_000
    with soon():
        assert CARD not in shown(text, pattern())


def test_out_of_reach_is_what_is_split_or_encoded_otherwise() -> None:
    split = {"a": CARD[:8], "b": CARD[8:]}
    assert shown(split, pattern()) == split


# ---------------------------------------------------------------------------------------------- cap
def test_a_list_is_cut_to_items_and_a_text_says_that_it_was_cut() -> None:
    assert shown([1, 2, 3], Cap(field=(), items=2)) == [1, 2]
    assert shown({"rows": [[1, 2], [3]]}, Cap(field=("rows", "[]"), items=1)) == {"rows": [[1], [3]]}
    assert shown("abcdef", Cap(field=(), characters=4)) == "abcd [cut: 2 more characters]"
    assert shown("abcd", Cap(field=(), characters=4)) == "abcd"
    assert shown({"t": "abc"}, Cap(field=("t",), characters=1)) == {"t": "a [cut: 2 more characters]"}
    assert shown("[1, 2, 3]", Cap(field=(), items=2)) == "[1,2]"
    assert shown('{"t": [1]}', Cap(field=("t",), items=1)) == '{"t": [1]}'
    assert shown(None, Cap(field=(), items=2)) is None
    assert shown({}, Cap(field=("rows",), items=0)) == {}


@pytest.mark.parametrize(
    ("value", "cap"),
    [
        ({"a": 1}, Cap(field=(), characters=4)),
        ({"a": 1}, Cap(field=(), items=4)),
        ("plain", Cap(field=(), items=4)),
        ({"a": "text"}, Cap(field=("a",), items=4)),
        ({"a": [1]}, Cap(field=("a",), characters=4)),
        ({"a": [1]}, Cap(field=("a", "b"), items=4)),
    ],
)
def test_what_cannot_be_cut_as_asked_is_not_shown(value: Any, cap: Cap) -> None:
    with pytest.raises(Unmet):
        shown(value, cap)


def test_redaction_comes_before_the_cut_so_that_no_half_of_a_secret_is_left() -> None:
    value = f"card {CARD}"
    assert shown(value, Cap(field=(), characters=12), pattern()).startswith("card [redact")


def test_other_obligations_leave_the_result_alone_and_what_was_done_is_told() -> None:
    duties = (Notify("x"), Cap(arg=("n",), at=1.0), pattern(), Cap(field=(), characters=3))
    _, told = show(CARD, [Obligation(Clause(f"look.d{at}"), duty) for at, duty in enumerate(duties)])
    assert told == ("look.d2: redacted 1", "look.d3: cut 7")
