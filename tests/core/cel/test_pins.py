"""Which parts of a `where` an index can answer."""

from __future__ import annotations

import pytest

from remit.core.cel.parser import parse
from remit.core.cel.pins import equalities, pinnable
from remit.core.cel.types import BOOL, DOUBLE, DYN, INT, NULL, STRING


@pytest.mark.parametrize(
    ("text", "found", "alone"),
    [
        ("event.args.id == args.id", [("args.id", "args.id")], True),
        ("args.id == event.args.id", [("args.id", "args.id")], True),
        (
            "(event.args.a == args.b) && ((true && event.output.c == 'x'))",
            [("args.a", "args.b"), ("output.c", "'x'")],
            False,
        ),
        ("event.args.id == args.id + session.x", [("args.id", "args.id + session.x")], True),
        ("event.args.a.b == args.id", [("args.a.b", "args.id")], True),
        ("event.args.id == event.args.other", [], False),
        ("event.args.id == size(event.args.other)", [], False),
        ("event.args.id != args.id", [], False),
        ("!(event.args.id == args.id)", [], False),
        ("event.args.id == args.id || true", [], False),
        ("true ? event.args.id == args.id : false", [], False),
        ("event.args.items[0] == args.id", [], False),
        ("event.args['id'] == args.id", [], False),
        ("event.args == args.id", [], False),
        ("args.xs.all(event, event == args.id)", [], False),
        ("session.ids.exists(i, event.args.id == i)", [], False),
    ],
)
def test_only_plain_equalities_at_the_top_are_pins(
    text: str, found: list[tuple[str, str]], alone: bool
) -> None:
    pins, whole = equalities(parse(text), text)
    assert [(".".join(p.path), p.text) for p in pins] == found
    assert whole is (alone and bool(found))


def test_only_equal_plain_types_can_be_pinned() -> None:
    assert all(pinnable(t, t) for t in (STRING, INT, DOUBLE, BOOL))
    assert not any(
        pinnable(*pair) for pair in [(DYN, DYN), (DYN, STRING), (INT, DOUBLE), (NULL, NULL), (STRING, DYN)]
    )
