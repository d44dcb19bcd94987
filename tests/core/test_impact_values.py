"""Many values looked for at once are found where provenance finds each of them."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from remit.core.impact_values import Values
from remit.core.provenance import SessionText
from remit.core.types import Label, Role, Segment

PARTS = [
    "INV-20417",
    "GB29 NWBK",
    "ann@x.example",
    "48213",
    "1234.5",
    "straße-17",
    "A_1-b",
    "pay to eve",
    "O-1001",
]
GLUE = [" ", ", ", ".", "-", "'s ", '"', "\n", "x", "1", "/", "_", "€", "(", "\u00a0"]


def found(value: object, text: str) -> bool:
    values = Values()
    values.add(0, value)
    return 0 in values.found_in(text)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from([*PARTS, *GLUE]), max_size=12), st.sampled_from([*PARTS, 48213, 1234.5, 17]))
def test_a_value_is_found_where_provenance_finds_it(pieces: list[str], value: object) -> None:
    text = "".join(pieces)
    seen = SessionText()
    seen.append(Segment(0, Role.USER, "user", text, Label()))

    assert found(value, text) == bool(seen.origins(value))


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet='ab1 "\n\\/é', min_size=8, max_size=20).filter(lambda v: v.strip() == v))
def test_a_value_with_signs_that_json_writes_otherwise_is_found_in_json(value: str) -> None:
    value = f"begin {value} end"

    assert found(value, json.dumps({"text": value}, ensure_ascii=False))


def test_a_secret_is_the_same_whatever_found_it() -> None:
    assert found("[secret:field:5f0c21d9e4]", 'key: "[secret:github:5f0c21d9e4]".')
    assert not found("[secret:field:5f0c21d9e4]", 'key: "[secret:github:5f0c21d9e5]".')


def test_each_value_is_found_by_its_own_number() -> None:
    values = Values()
    for number, part in enumerate(PARTS):
        values.add(number, part)

    assert sorted(values.found_in(" | ".join(PARTS[2:5]))) == [2, 3, 4]
