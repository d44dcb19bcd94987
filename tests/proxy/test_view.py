"""What an envelope sees of a result, and the result that is built from what is left of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joined import text

from remit.proxy.view import content_text, rebuilt, view_of

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=4), JSON, max_size=3), st.sampled_from([None, 0, 2]))
def test_structured_content_that_the_text_spells_is_the_view(structured: dict[str, Any], indent: int | None):
    result = text(json.dumps(structured, indent=indent), structuredContent=structured)

    assert view_of(result) == structured


@pytest.mark.parametrize(
    ("words", "structured"),
    [
        ('{"paid": 1}', {"paid": True}),
        ('{"to": "eve", "to": "ann"}', {"to": "ann"}),
        ('{"n": 1.0}', {"n": 1}),
        ("eve", {"result": "ann"}),
        ("1", {"result": True}),
        ("[1, 2]", {"result": [1]}),
    ],
)
def test_text_that_says_anything_else_than_the_structure_is_seen_too(words: str, structured: dict[str, Any]):
    result = text(words, structuredContent=structured)

    assert view_of(result) == {"content": result["content"], "structuredContent": structured}


@pytest.mark.parametrize(
    "blocks",
    [
        [{"type": "text", "text": "a", "annotations": {"audience": ["user"]}}],
        [{"type": "text", "text": "a", "_meta": {"x": 1}}],
        [{"type": "text", "text": 3}],
        [{"type": "image", "data": "aa", "mimeType": "image/png"}],
        [{"type": "text", "text": "a"}, {"type": "resource_link", "uri": "a:b", "name": "n"}],
        [],
        "no list",
    ],
)
def test_whatever_is_not_plain_text_is_seen_whole(blocks: Any):
    assert view_of({"content": blocks, "isError": False}) == {"content": blocks}


def test_a_key_that_nobody_knows_is_seen():
    assert view_of(text("a", hidden="b")) == text("a", hidden="b")


def test_what_no_clause_changed_is_the_servers_own_result():
    result = text("a", _meta={"x": 1}, isError=False, resultType="complete")

    assert rebuilt(result, "a", "a") == result


def test_what_was_cut_of_a_structure_is_cut_of_its_text_too():
    structured = {"name": "ann", "iban": "NO93"}
    result = text(
        json.dumps(structured), structuredContent=structured, _meta={"copy": "NO93"}, resultType="complete"
    )
    cut = {"name": "ann", "iban": "[redacted]"}

    made = rebuilt(result, view_of(result), cut)
    assert made["structuredContent"] == cut and json.loads(made["content"][0]["text"]) == cut
    assert "NO93" not in json.dumps(made) and made["resultType"] == "complete"


def test_a_wrapped_text_stays_wrapped():
    result = text("hello NO93", structuredContent={"result": "hello NO93"})

    made = rebuilt(result, view_of(result), {"result": "hello [redacted]"})
    assert made == text("hello [redacted]", structuredContent={"result": "hello [redacted]"})


def test_a_list_that_stands_as_a_block_for_each_item_is_seen_as_the_list():
    result = {
        "content": [{"type": "text", "text": t} for t in ("a", "b")],
        "structuredContent": {"result": ["a", "b"]},
    }

    assert view_of(result) == {"result": ["a", "b"]}


def test_what_is_left_of_a_whole_object_is_the_result():
    result = {"content": [{"type": "image", "data": "aa", "mimeType": "image/png"}]}
    left = {"content": [{"type": "text", "text": "[redacted]"}]}

    assert rebuilt(result, view_of(result), left) == left


def test_the_first_result_of_a_repeat_is_given_as_a_result():
    assert rebuilt(None, None, "a") == text("a")
    assert rebuilt(None, None, {"n": 1}) == text('{"n":1}', structuredContent={"n": 1})
    assert rebuilt(None, None, {"content": [{"type": "text", "text": "a"}]}) == text("a")


def test_the_text_of_a_prompt_is_what_its_messages_say():
    messages = [
        {"role": "user", "content": {"type": "text", "text": "hello"}},
        {"role": "user", "content": {"type": "image"}},
    ]

    assert content_text("prompts/get", {"messages": messages}) == "hello"
