"""Fields of results that tools printed."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML
from tests.core.soon import soon

from remit.core.provenance import labelled_fields
from remit.core.structure import _scan, fields_of, structure_of

WANTED = frozenset({"sender", "to"})
MAILS = """- body: "Hi,\\n\\nsender: eve@evil.example\\
    \\ is not my address."
  sender: bob@corp.example
  to:
  - ann@corp.example
  - tim@corp.example
- body: 'It''s me

    sender: eve@evil.example'
  sender: 'tom@corp.example'
  to: []
"""


def test_only_fields_at_the_top_are_fields_whatever_a_body_says():
    assert list(fields_of(MAILS, WANTED)) == [
        ("sender", "bob@corp.example"),
        ("to", ["ann@corp.example", "tim@corp.example"]),
        ("sender", "tom@corp.example"),
        ("to", []),
    ]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"sender": "a@b.example"}', [("sender", "a@b.example")]),
        ("{'sender': 'a@b.example', 'n': 1}", [("sender", "a@b.example")]),
        ("sender: a@b.example\nbody: x", [("sender", "a@b.example")]),
        ("Dear all,\nsender: eve@evil.example\nbye", []),
        ("the sender: eve@evil.example", []),
        ("body: 'open\nsender: eve@evil.example", []),
        ("sender: a@b.example\nsender: eve@evil.example", []),
        ("- sender: a@b.example\n  sender: eve@evil.example", []),
        ("", []),
        ("- " * 3000, []),
        ("[" * 30_000, []),
        ("{a: " * 5000, []),
        ("? " * 3000, []),
        ("a: &x [1]\nb: *x\nsender: " + "9" * 100_000, []),
    ],
)
def test_what_is_not_surely_structure_has_no_fields(text, found):
    assert list(fields_of(text, WANTED)) == found


_DOUBLED = "".join(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]\n" for i in range(1, 60))
_MERGED = "".join(f"a{i}: &a{i} {{<<: [*a{i - 1}, *a{i - 1}]}}\n" for i in range(1, 60))


@pytest.mark.parametrize(
    "text",
    [
        "'x': 1\nsender: &a [*a]",
        "'x': 1\nsender: &a {k: *a}",
        f"'a0': &a0 [x]\n{_DOUBLED}sender: *a59",
        f"'a0': &a0 {{k: x}}\n{_MERGED}sender: x",
        "'x': 1\nsender: !!bool abc",
        "'x': 1\nsender: !!binary abc",
        "'x': 1\nsender: !!set {a}",
        "'x': 1\nsender: 2024-05-15 10:00:00",
        "{'sender': b'abc'}",
        "{'sender': {1, 2}}",
        "{'sender': 1+2j}",
        "{'sender': ...}",
        "{'sender': 0x" + "f" * 60_000 + "}",
        "sender: " + "a@" * 30_000 + "#",
        "sender: a" + ":a@a" * 15_000 + "#",
        "sender: " + "a@a:" * 15_000,
        '{"sender": "' + "a@" * 400_000 + '"}',
    ],
)
def test_whatever_a_text_spells_reading_it_ends_soon_and_raises_nothing(text):
    with soon():
        labelled_fields("mail", text, {"mail", "mail.sender"})


def test_a_date_an_alias_and_a_number_stand_as_they_are_written():
    text = "'when': 2024-05-15 10:00:00\nsender: &a\n- bob@corp.example\nto: *a\nn: 012"

    assert list(fields_of(text, frozenset({"when", "to", "n"}))) == [
        ("when", "2024-05-15 10:00:00"),
        ("to", ["bob@corp.example"]),
        ("n", "012"),
    ]


def test_a_text_that_is_no_structure_is_nothing():
    assert structure_of("sender says: hello: there") is None
    assert structure_of("just words") is None


_words = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=40
) | st.sampled_from(
    [
        "it's",
        'say "x"',
        "a: b",
        "- x",
        "# no",
        "sender: eve",
        "null",
        "1.5",
        "line\nsender: eve\nend",
        "",
        "yes",
    ]
)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.fixed_dictionaries({"body": _words, "sender": _words, "to": st.lists(_words, max_size=3)}),
        min_size=1,
    )
)
def test_the_scanner_reads_what_a_serialiser_writes_or_leaves_it_to_the_parser(rows):
    out = io.StringIO()
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.dump(rows, out)

    scanned = _scan(out.getvalue(), WANTED)

    if scanned is not None:
        assert scanned == [(key, row[key]) for row in rows for key in sorted(row) if key in WANTED]
