"""Where values come from: the borders of tokens, laundering through echoes, and flow clauses."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.core.soon import soon

from remit.core.envelope import Clause, Flow
from remit.core.provenance import ORIGINS_PER_SOURCE, SessionText, flow_problem, labelled_fields, trace
from remit.core.text import lowered, needles, shown, shown_exactly
from remit.core.types import Confidentiality, Integrity, Json, Label, Role, Segment

TRUSTED = Label(Integrity.TRUSTED)
PRINCIPAL = Label(Integrity.PRINCIPAL)
UNTRUSTED = Label(Integrity.UNTRUSTED)
SECRET = Label(Integrity.TRUSTED, Confidentiality.SECRET)


def saw(
    *parts: tuple[str, str] | tuple[str, str, Json], labels: dict[str, Label] | None = None
) -> SessionText:
    """A session that saw (source, text) or (tool, text, arguments of the call), in order."""
    text = SessionText()
    known = {"user": TRUSTED, "system": TRUSTED, "contacts": TRUSTED, **(labels or {})}
    for index, (source, content, *echo) in enumerate(parts):
        role = Role(source) if source in ("user", "system", "assistant") else Role.TOOL
        text.append(Segment(index, role, source, content, known.get(source, UNTRUSTED)), echo=tuple(echo))
    return text


def sources(value: Json, *parts: tuple[str, str] | tuple[str, str, Json]) -> list[str]:
    return [origin.source for origin in saw(*parts).origins(value)]


def user_said(value: Json, text: str) -> bool:
    return sources(value, ("user", text)) == ["user"]


def flow(arg: str = "to", **rules: object) -> Flow:
    path = tuple(
        step for key in arg.split(".") for step in ((key[:-2], "[]") if key.endswith("[]") else (key,))
    )
    return Flow(clause=Clause(id=f"send.{arg}"), arg=path, **rules)  # type: ignore[arg-type]


def problem(
    clause: Flow, args: dict[str, Json], text: SessionText, exempt: frozenset[tuple[str, ...]] = frozenset()
) -> str:
    return flow_problem(clause, trace(args, text, exempt), text)


# What is whole


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("bob@corp.example", "Write to Bob@Corp.example."),
        ("bob@corp.example", "to: <bob@corp.example>, cc: x"),
        ("bob@corp.example", "(bob@corp.example)"),
        ("bob@corp.example", '{"to":"bob@corp.example","n":1}'),
        ("bob@corp.example", "{'to':'bob@corp.example'}"),
        ("bob@corp.example", "a@x.example,bob@corp.example,c@x.example"),
        ("bob@corp.example", "**bob@corp.example**!"),
        ("bob@corp.example", "bob\uff20corp.example"),
        ("Networking event", "the\n 'networking   Event'?"),
        ("general", "post in #general, please"),
        ("O-1", "O-1"),
        ("O-1", "Refund O-1's price; thanks"),
        ("café", "the Café."),
        ("7", "file 7."),
        ("https://www.corp.example", "see www.corp.example."),
        ("http://corp.example/", "see corp.example"),
        ("https://corp.example/a?b=1", "see corp.example/a?b=1"),
        ("https://www.notes.md", "see www.notes.md"),
        (1200, "pay 1200 now"),
        (1200, "pay 1,200 now"),
        (1200, "pay $1,200.00."),
        (1200.0, "pay 1200€"),
        (1200, "pay 1200.0"),
        (0.5, "0.50"),
        (-5, "from -5 to 3"),
        (12345678.9, "12,345,678.90"),
        (1200, "pay 1200"),
    ],
)
def test_a_value_that_stands_whole_is_found(value, text):
    assert user_said(value, text)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("O-1", "O-12"),
        ("O-1", "PO-1"),
        ("evil.com", "notevil.com"),
        ("corp.com", "corp.com.evil.io"),
        ("corp.com", "bob@corp.com"),
        ("corp.com", "https://corp.com"),
        ("corp.com", "corp.com/evil"),
        ("corp.com", "corp.com..evil.io"),
        ("corp.com", "corp.com:8080"),
        ("corp.com", "corp.com's.evil.io"),
        ("corp.com", "evil-corp.com"),
        ("corp.com", "corp.com\u200b.evil.io"),
        ("corp.com", "corp.com\u0301"),
        ("corp.com", "corp.com謝"),
        ("corp.com", "corp.com。evil.io"),
        ("https://corp.com", "http://corp.com"),
        ("https://corp.com", "bob@corp.com"),
        ("https://corp.com/a", "corp.com"),
        ("https://corp.com", "corp.com/a"),
        ("https://bob@corp.com", "bob@corp.com"),
        ("https://notes.md", "read notes.md"),
        ("https://general", "post in general"),
        ("https://10.2.0.1", "release 10.2.0.1"),
        ("ftp://corp.com", "corp.com"),
        ("brien@corp.com", "o'brien@corp.com"),
        ("x@corp.com", "bob+x@corp.com"),
        ("GB29NWBK", "GB29NWBK60161331926819"),
        ("report.txt", "/private/report.txt"),
        ("/home/a", "/home/a/b"),
        ("2024", "2024-05-15"),
        ("12", "12:30"),
        ("a@x.example, b@y.example", "a@x.example b@y.example"),
        ("corp.com" + "." * 200 + "x", "corp.com" + "." * 200 + "y"),
        (1, "1,200"),
        (200, "1,200"),
        (1200, "1,200.50"),
        (1200, "1,200,000"),
        (5, "-5"),
        (5, "−5"),
        (5, "5.5"),
        (5, "2.5"),
        (1200, "1200.00.1"),
        (12, "No12"),
        (3, "3.10.2"),
    ],
)
def test_a_value_inside_a_longer_token_is_not_found(value, text):
    assert not user_said(value, text)


def test_a_long_run_of_marks_is_no_border_and_costs_little():
    assert not user_said("corp.com", "corp.com" + "'s" * 100_000)
    assert not user_said("corp.com", "corp.com" + "." * 100_000)


@pytest.mark.parametrize("value", ["", " ", "a", "-", "@", ".", "\n", "’", None, True, False, [], {}])
def test_a_value_that_proves_nothing_has_no_origin(value):
    assert not user_said(value, f"a - @ . true null {value}")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("ｂob@corp.example", "bob@corp.example"),  # full-width b
        ("paypaⅼ.example", "paypal.example"),  # roman numeral fifty
        ("\u212aelvin.example", "kelvin.example"),
        ("straße.example", "strasse.example"),
        ("strasse.example", "straße.example"),
        ("bob@corp.example\u200b", "bob@corp.example"),
        ("bob@corp.example\r\nBcc: x@evil.example", "bob@corp.example"),
        ("١٢٠٠", "1200"),
    ],
)
def test_a_value_that_only_looks_like_the_text_is_not_found(value, text):
    assert not user_said(value, text)


def test_letters_that_change_length_with_their_case_keep_the_places_right():
    (origin,) = saw(("user", "İİİİ İstanbul to O-1 now")).origins("O-1")

    assert "o-1" in origin.quote


def test_a_quote_shows_the_surroundings_as_they_were_written():
    (origin,) = saw(("user", "x " * 500 + "Pay Bob\n\nGreen " + "y " * 500)).origins("bob green")

    assert "Pay Bob Green" in origin.quote
    assert len(origin.quote) <= 160


# Origins


def test_all_sources_of_a_value_are_recorded_in_order():
    assert sources("O-1", ("mail", "O-1"), ("user", "O-1"), ("contacts", "O-1")) == [
        "mail",
        "user",
        "contacts",
    ]


def test_the_assistant_is_never_an_origin():
    text = saw(("assistant", "I will pay GB29"))

    assert text.origins("GB29") == ()
    assert len(text.segments) == 1


def test_however_many_places_no_source_is_lost():
    text = saw(*[("mail", "O-1")] * 50, ("user", "O-1"), *[("mail", "O-1")] * 50)

    found = [origin.source for origin in text.origins("O-1")]

    assert found == ["mail"] * ORIGINS_PER_SOURCE + ["user"]


def test_one_segment_with_two_spellings_is_one_origin():
    assert sources(1200, ("user", "1200, or 1,200.00")) == ["user"]


@given(
    st.lists(
        st.tuples(st.sampled_from(["user", "mail", "contacts"]), st.text("as1.,-@ \n'é", max_size=12)),
        max_size=5,
    ),
    st.text("as1.,-@ 'é", max_size=5) | st.sampled_from([1, 11, 1.1, 1111]),
)
@example([("user", "b,1")], "b")
@example([("user", "1,111.1")], 1111.1)
def test_origins_agree_with_a_plain_reading_of_the_rules(parts, value):
    found = [origin.segment for origin in saw(*parts).origins(value)]

    naive = [index for index, (_, text) in enumerate(parts) if naively_stands(value, text)]
    assert found == [
        index
        for index in naive
        if sum(parts[other][0] == parts[index][0] for other in naive if other < index) < ORIGINS_PER_SOURCE
    ]


DELIMITER, SOFT = r"[ \n\"`()\[\]{}<>|;,]", r"[.:!?/\\\-'*=&#%+~^@]"
BEFORE = re.compile(rf"(?:\A|{DELIMITER}){SOFT}*\Z|(?:\A|{DELIMITER}|{SOFT})'\Z")
AFTER = re.compile(rf"(?:'s)?(?:{SOFT}*(?:\Z|{DELIMITER})|'(?:\Z|{DELIMITER}|{SOFT}))")
GROUPED_BEFORE, GROUPED_AFTER = re.compile(r"\d,\Z"), re.compile(r",\d{3}(?!\d)")


def naively_stands(value: Json, text: str) -> bool:
    """The rules of `core.text` once more: slowly, with patterns over what comes before and after."""
    ascii_value = not isinstance(value, str) or value.isascii()
    seen = lowered(shown(text) if ascii_value else shown_exactly(text))
    for needle in needles(value):
        pattern = re.escape(needle)
        if not isinstance(value, str):
            pattern += r"0*" if "." in needle else r"(?:\.0+)?"
        for start in range(len(seen)):
            match = re.compile(pattern).match(seen, start)
            if match and naively_free(
                seen[:start], match.group(), seen[match.end() :], isinstance(value, str)
            ):
                return True
    return False


def naively_free(before: str, value: str, after: str, text: bool) -> bool:
    if not text and before.endswith("-"):
        return False
    group = re.match(r"\d{3}(?!\d)", value + after)
    if GROUPED_BEFORE.search(before) and group:
        return False
    if GROUPED_AFTER.match(after) and value[-1].isdigit():
        return False
    return bool(BEFORE.search(before) and AFTER.match(after))


# Laundering


def test_a_trusted_tool_that_repeats_its_arguments_does_not_vouch_for_them():
    assert (
        sources("x@evil.example", ("contacts", "nothing for x@evil.example", {"query": "x@evil.example"}))
        == []
    )


def test_nor_does_a_later_result_of_another_tool():
    seen = (("send", "sent", {"to": ["x@evil.example"]}), ("contacts", "recent: x@evil.example", {}))

    assert sources("x@evil.example", *seen) == []


def test_nor_does_it_vouch_for_a_part_of_what_was_asked():
    seen = ("contacts", "no entry for x@evil.example", {"query": "mailto:x@evil.example?a=1"})

    assert sources("x@evil.example", seen) == []


@pytest.mark.parametrize(
    "arguments",
    [
        {"user": "x", "domain": "evil.example"},
        {"query": "x%40evil.example"},
        {"query": "x&#64;evil.example"},
        {"query": "ｘ＠evil.example"},
        {"query": "X@Evil.example "},
        {"filter": [{"mail": ["x@evil.example"]}]},
    ],
)
def test_nor_for_what_a_tool_decodes_or_joins(arguments):
    assert sources("x@evil.example", ("contacts", "no entry: x@evil.example", arguments)) == []


def test_a_tool_vouches_for_what_it_adds_to_the_question():
    seen = ("contacts", "bob.green@corp.example", {"query": "Bob Green"})

    assert sources("bob.green@corp.example", seen) == ["contacts"]


def test_a_short_value_inside_a_longer_argument_was_not_asked():
    assert sources("7", ("contacts", "id 7", {"day": "2027-07-17"})) == ["contacts"]
    assert sources("7", ("contacts", "id 7", {"id": 7})) == []
    assert sources(7, ("contacts", "id 7", {"id": 7, "all": True, "page": None})) == []
    assert sources(1200, ("contacts", "total 1,200", {"count": 1, "price": 200})) == ["contacts"]


def test_what_was_seen_before_it_was_asked_still_counts():
    seen = (
        ("mail", "write to bob@corp.example"),
        ("contacts", "Bob: bob@corp.example", {"name": "Bob"}),
        ("contacts", "found bob@corp.example", {"query": "bob@corp.example"}),
    )

    assert sources("bob@corp.example", *seen) == ["mail", "contacts"]


def test_the_user_may_name_a_value_after_the_agent_asked_for_it():
    assert sources("O-1", ("contacts", "O-1 not found", {"id": "O-1"}), ("user", "Yes, O-1")) == ["user"]


def test_an_independent_trusted_source_vouches_for_what_untrusted_content_said_first():
    assert sources("GB29", ("mail", "pay GB29"), ("contacts", "Landlord: GB29", {})) == ["mail", "contacts"]


# Fields of a result

MAILS = {"mails", "mails.sender", "mails.to"}


@pytest.mark.parametrize(
    ("result", "fields"),
    [
        ({"sender": "a@x.example", "body": "b"}, {"mails.sender": "a@x.example"}),
        (
            [{"sender": "a@x.example"}, {"sender": "b@x.example"}],
            {"mails.sender": "a@x.example | b@x.example"},
        ),
        ({"to": ["a", 7, None, True]}, {"mails.to": "a | 7"}),
        ('[{"sender": "a@x.example"}]', {"mails.sender": "a@x.example"}),
        ({"body": {"sender": "eve"}}, {}),
        ({"body": '{"sender": "eve"}'}, {}),
        ('{"sender": "a", "sender": "eve"}', {}),
        ("{broken", {}),
        ([["sender", "eve"]], {}),
        (None, {}),
    ],
)
def test_only_a_listed_field_of_the_result_itself_gets_its_own_label(result, fields):
    assert dict(labelled_fields("mails", result, MAILS)) == fields


def test_no_value_spans_two_leaves():
    ((source, text),) = labelled_fields("mails", {"to": ["a@x.example", "b@x.example"]}, MAILS)

    assert sources("a@x.example b@x.example", (source, text)) == []
    assert sources("b@x.example", (source, text)) == ["mails.to"]


# Leaves


def test_leaves_are_named_by_path():
    args = {"to": ["a@x.example"], "items": [{"sku": "s1"}, {"sku": "s2", "a.b": "s3"}], "n": 3}

    assert [leaf.path for leaf in trace(args, saw(), frozenset())] == [
        "to[0]",
        "items[0].sku",
        "items[1].sku",
        'items[1]["a.b"]',
        "n",
    ]


def test_constant_choices_are_exempt():
    args = {"unit": "eur", "items": [{"kind": "a"}], "dry": True, "note": None, "to": "x1"}
    exempt = frozenset({("unit",), ("items", "[]", "kind")})

    assert [leaf.path for leaf in trace(args, saw(), exempt) if not leaf.exempt] == ["to"]


# Clauses


def test_one_permitted_origin_meets_the_clause():
    text = saw(("mail", "O-1"), ("user", "O-1"))

    assert problem(flow(sources=("user",)), {"to": "O-1"}, text) == ""
    assert problem(flow(integrity=Integrity.TRUSTED), {"to": "O-1"}, text) == ""


def test_a_message_names_the_value_and_where_it_was_found():
    text = saw(("mail", "pay GB29"))

    found = problem(flow(sources=("user", "contacts")), {"to": ["GB29"]}, text)

    assert found == "to[0] 'GB29' must come from user or contacts; found only in mail (untrusted)"
    assert problem(flow(integrity=Integrity.TRUSTED), {"to": "x" * 100}, text) == (
        f"to '{'x' * 77}...' must come from any source that is at least trusted; found nowhere in the session"
    )


def test_source_and_integrity_must_hold_for_the_same_origin():
    text = saw(("user", "O-1"), ("contacts", "O-1"), labels={"user": PRINCIPAL})
    clause = flow(sources=("user",), integrity=Integrity.TRUSTED)

    assert problem(clause, {"to": "O-1"}, text)
    assert not problem(flow(sources=("user",), integrity=Integrity.PRINCIPAL), {"to": "O-1"}, text)


def test_every_item_of_a_list_must_meet_the_clause():
    text = saw(("user", "a@x.example"))

    assert problem(flow("to[]", sources=("user",)), {"to": ["a@x.example", "b@x.example"]}, text)
    assert problem(flow("to", sources=("user",)), {"to": ["a@x.example", "b@x.example"]}, text)
    assert not problem(flow("to", sources=("user",)), {"to": ["a@x.example"]}, text)


def test_a_clause_covers_its_own_path_only():
    text = saw(("user", "s1"))
    args = {"items": [{"sku": "s1", "sku2": "zz"}], "to": "zz"}

    assert not problem(flow("items[].sku", sources=("user",)), args, text)
    assert problem(flow("items[]", sources=("user",)), args, text)


def test_exempt_and_absent_leaves_meet_every_clause():
    clause = flow("unit", sources=("user",))

    assert not problem(clause, {"unit": "eur"}, saw(), frozenset({("unit",)}))
    assert not problem(clause, {}, saw())
    assert problem(clause, {"unit": ""}, saw())


def test_a_secret_value_may_not_pass_whole():
    text = saw(("vault", "code 463820"), labels={"vault": SECRET})
    clause = flow("body", confidentiality_at_most=Confidentiality.PII)

    assert (
        problem(clause, {"body": "463820"}, text) == "body '463820' is secret (vault); at most pii may pass"
    )
    assert problem(clause, {"body": 463820}, text)


def test_a_secret_piece_may_not_pass_inside_a_text():
    text = saw(("user", "mail bob the news"), ("vault", "the code is tk-463820 ok"), labels={"vault": SECRET})
    clause = flow("body", confidentiality_at_most=Confidentiality.INTERNAL)

    found = problem(clause, {"body": "Hi Bob, https://evil.example/?q=463820"}, text)

    assert found.endswith("holds '463820', which is secret (vault); at most internal may pass")
    assert not problem(clause, {"body": "Hi Bob, here is the news"}, text)


def test_a_piece_that_also_stands_in_open_text_may_pass():
    text = saw(
        ("user", "tell bob code 463820"), ("assistant", "ok"), ("vault", "463820"), labels={"vault": SECRET}
    )
    clause = flow("body", confidentiality_at_most=Confidentiality.INTERNAL)

    assert not problem(clause, {"body": "Bob: 463820!"}, text)


@pytest.mark.parametrize(
    "kept",
    [
        "x" * 1_000_000,
        f"[digest:{'a' * 64}:5000]",
        "the key is [secret:key:5f0c21d9e4], keep it",
    ],
    ids=["cut", "digest", "redacted"],
)
def test_what_is_not_there_as_the_agent_saw_it_may_have_held_anything(kept: str) -> None:
    clause = flow("text", confidentiality_at_most=Confidentiality.INTERNAL)
    text = saw(("vault", kept), ("user", "send hello world out to bob9"), labels={"vault": SECRET})

    assert "which is secret (vault)" in problem(clause, {"text": "GB29NWBK60161331926819"}, text)
    assert problem(clause, {"text": "hello world, out to bob9!"}, text) == ""


def test_a_key_that_a_call_carried_is_asked_as_well() -> None:
    asked: Json = {"filter": {"eve@evil.example": {}}}

    assert sources("eve@evil.example", ("contacts", "no entry for eve@evil.example", asked)) == []
    assert sources("filter", ("contacts", "the filter matched", asked)) == ["contacts"]


def test_a_value_that_a_call_repeats_is_looked_up_once() -> None:
    text = saw(("user", "x-1-x " * 100_000))

    with soon():
        leaves = trace({"x": [1, 1.0] * 500}, text, frozenset())

    assert len(leaves) == 1000
