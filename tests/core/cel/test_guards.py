"""A field that may be missing is only read where has() has said that it is there."""

from __future__ import annotations

import pytest

from remit.core.errors import BadInput

GUARDED = [
    "has(args.reason) && args.reason == 'x'",
    "!has(args.reason) || args.reason == 'x'",
    "has(args.reason) ? args.reason == 'x' : true",
    "!has(args.reason) ? true : args.reason == 'x'",
    "has(args.reason) && has(args.cc) && args.reason in args.cc",
    "(has(args.reason) && has(args.cc)) && args.reason in args.cc",
    "!(has(args.reason) && has(args.cc)) || args.reason in args.cc",
    "!has(args.reason) || !has(args.cc) || args.reason in args.cc",
    "(!has(args.reason) || !has(args.cc)) ? true : args.reason in args.cc",
    "has(args.reason) && (args.urgent || args.reason == 'x')",
    "has(args.reason) && args['reason'] == 'x'",
    "'user-id' in args && args['user-id'] == 'x'",
    "'reason' in args && args.reason == 'x'",
    "args.items.all(i, !has(i.note) || i.note != '')",
    "args.items.all(i, has(i.note) && i.note != '')",
    "has(args.items[0].note) && args.items[0].note == 'n'",
    "has(args.reason) && args.items.all(i, i.sku != args.reason)",
    "(args.urgent ? has(args.reason) : has(args.reason)) && args.reason == 'x'",
    "(has(args.reason) ? true : false) || true",
    "!!has(args.reason) && args.reason == 'x'",
    "(has(args.cc) ? args.cc : []).all(a, email_domain(a) == 'corp.com')",
    "(args.urgent && has(args.reason) || has(args.reason)) && args.reason == 'x'",
]
UNGUARDED = [
    "args.reason == 'x'",
    "has(args.reason) || args.reason == 'x'",
    "!has(args.reason) && args.reason == 'x'",
    "args.reason == 'x' && has(args.reason)",
    "has(args.reason) ? true : args.reason == 'x'",
    "has(args.cc) && args.reason == 'x'",
    "(has(args.reason) || has(args.cc)) && args.reason == 'x'",
    "!(has(args.reason) || has(args.cc)) || args.reason == 'x'",
    "(has(args.reason) && args.urgent || args.urgent) && args.reason == 'x'",
    "args.items.all(i, has(i.note)) && args.items.all(i, i.note != '')",
    "args.items.all(i, has(i.note)) && args.items[0].note == 'n'",
    "has(args.items[0].note) && args.items[1].note == 'n'",
    "args.items.exists(i, has(i.note) && args.items.all(j, j.note == ''))",
    "(args.urgent ? has(args.reason) : true) && args.reason == 'x'",
    "[has(args.reason)][0] && args.reason == 'x'",
    "has(args.reason) == true && args.reason == 'x'",
    "'reason' in args || args.reason == 'x'",
    "!('reason' in args) && args.reason == 'x'",
]


@pytest.mark.parametrize("text", GUARDED)
def test_a_guarded_read_loads_and_never_fails(answer, text):
    assert answer(text) in (True, False)
    assert answer(text, reason="x", cc=["x@corp.com"], **{"user-id": "x"}) in (True, False)


@pytest.mark.parametrize("text", UNGUARDED)
def test_an_unguarded_read_is_refused(load, text):
    with pytest.raises(BadInput, match="may be missing"):
        load(text)
