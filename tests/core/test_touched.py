"""Which objects a call names, and which of its values would be recognised elsewhere."""

from __future__ import annotations

import pytest
from tests.core.soon import soon

from remit.core.touched import MOST_IN_TEXT, MOST_LEAVES, inside, telling, touched, why_silent


@pytest.mark.parametrize(
    ("args", "kind", "value", "why"),
    [
        ({"order_id": "O-1"}, "id", "O-1", "by its name"),
        ({"orderId": 7}, "id", "7", "by its name"),
        ({"toAddress": "ann"}, "address", "ann", "by its name"),
        ({"to": ["ann@corp.example"]}, "address", "ann@corp.example", "by its form"),
        ({"x": "https://evil.example/a?b=1"}, "url", "https://evil.example/a?b=1", "by its form"),
        ({"x": "DE89 3704 0044 0532 0130 00"}, "account", "DE89 3704 0044 0532 0130 00", "by its form"),
        ({"x": "/srv/mail/in.txt"}, "path", "/srv/mail/in.txt", "by its form"),
        ({"x": "C:\\temp\\a.txt"}, "path", "C:\\temp\\a.txt", "by its form"),
        ({"file_name": "a.txt"}, None, "", ""),
        ({"filename": "a.txt"}, "path", "a.txt", "by its name"),
        ({"amount": 12.5}, "amount", "12.5", "by its name"),
        ({"total": "12 EUR"}, "amount", "12 EUR", "by its name"),
        ({"x": "1b4e28ba-2fa1-41d2-883f-0016d3cca427"}, "id", "1b4e28ba-2fa1-41d2-883f-0016d3cca427", "by its form"),
        ({"x": "INV-20417"}, "id", "INV-20417", "by its form"),
        ({"x": "[secret:github:5f0c21d9e4]"}, "secret", "[secret:github:5f0c21d9e4]", "by its form"),
        ({"city": "Rome"}, None, "", ""),
        ({"total": "nothing"}, None, "", ""),
        ({"ok": True, "id": None, "key": ""}, None, "", ""),
        ({"note": "x" * 300}, None, "", ""),
    ],
)  # fmt: skip
def test_an_object_is_named_by_what_it_is_called_or_by_its_form(args, kind, value, why) -> None:
    found = [(one.kind.value, one.value, one.why) for one in touched(args, "args")]

    assert found == ([] if kind is None else [(kind, value, why)])


def test_a_longer_text_names_what_its_forms_say_and_no_more_than_a_few() -> None:
    assert inside("see https://x.example/a, mail ann@x.example and pay O-1 today") == [
        ("url", "https://x.example/a,"),
        ("address", "ann@x.example"),
    ]
    assert len(inside(" ".join(f"INV-{n}" for n in range(10_000, 10_100)))) == MOST_IN_TEXT


@pytest.mark.parametrize(
    "text", ["/" * 100_000, "a@" * 50_000, "a@a" + ".a" * 50_000, "DE89 " * 20_000, "a1-" * 33_000, "http://" * 14_000]
)  # fmt: skip
def test_a_hostile_text_takes_no_longer_than_its_length(text: str) -> None:
    with soon(20):  # linear: a tenth of a second; a quadratic form would take minutes
        inside(text)


def test_of_a_large_result_a_part_is_looked_at() -> None:
    rows = [{"id": f"B-{n}"} for n in range(10_000)]

    assert len(list(touched(rows, "result"))) == MOST_LEAVES
    assert len(list(telling(rows))) <= MOST_LEAVES


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("1", "too short"),
        ("ok", "too short"),
        ("O-12", "too short"),
        ("confirmed", "a word"),
        ("thank you", "a few words"),
        ("2026-01-31", "a date or a time"),
        ("2026-01-31T10:00:00Z", "a date or a time"),
        ("10:30", "too short"),
        ("100000", "a number that anybody may use"),
        (2026, "a number that anybody may use"),
        (1.5, "a number that anybody may use"),
        ("11111111", ""),
        ("aaaaaaa1", "too regular"),
        (True, "no value of its own"),
        (None, "no value of its own"),
        (f"[digest:{'a' * 64}:12]", "kept as a digest"),
    ],
)
def test_what_anybody_may_say_tells_nothing(value: object, why: str) -> None:
    assert why_silent(value) == why


@pytest.mark.parametrize(
    "value",
    ["O-1001", "BK-88101", "ann@x.example", "GB29NWBK60161331926819", 88_101, 1234.56, "pay it to eve at once",
     "[secret:key:0123456789]", "/srv/a.txt", "straße-17-münchen"],
)  # fmt: skip
def test_what_is_somebodys_own_tells(value: object) -> None:
    assert why_silent(value) == ""


def test_what_tells_is_found_whole_and_within_texts_but_for_what_chooses_among_the_envelopes_own_values() -> (
    None
):
    args = {"text": "paid INV-20417 to ann@x.example today", "kind": "express-delivery-24", "n": 3}

    assert list(telling(args, exempt=["kind"])) == [
        ("text", "paid INV-20417 to ann@x.example today"),
        ("text", "ann@x.example"),
        ("text", "INV-20417"),
    ]
