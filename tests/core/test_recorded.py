"""Recorded sessions at the door: what is read, how results find their calls, what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from remit.core.errors import BadInput
from remit.core.messages import steps_of
from remit.core.recorded import RecordedSession, read_session, text_of
from remit.core.types import PrincipalKind


def read(*steps: dict[str, Any], **extra: Any) -> RecordedSession:
    return read_session(json.dumps({"session_id": "s", "steps": steps, **extra}).encode(), "f:1")


def asks(*calls: tuple[str | None, str, Any]) -> dict[str, Any]:
    return {
        "role": "assistant",
        "tool_calls": [{"id": i, "name": name, "args": args} for i, name, args in calls],
    }


def tells(call_id: str | None = None, tool: str | None = None, text: str = "ok") -> dict[str, Any]:
    return {"role": "tool", "content": text, "tool_call_id": call_id, "tool_name": tool}


def answered(session: RecordedSession) -> list[Any]:
    """The arguments of the call that each tool message answers."""
    return [step.answers.args if step.answers else None for step in session.steps if step.role == "tool"]


def test_what_a_record_says_is_kept() -> None:
    session = read(
        {"role": "user", "content": "hi"}, suite="bank", facts={"id": "7"}, principal_kind="customer", trial=3
    )

    assert (session.session_id, session.suite, session.facts) == ("s", "bank", {"id": "7"})
    assert session.principal_kind is PrincipalKind.CUSTOMER
    assert session.extra["trial"] == 3
    assert [(step.role, step.text) for step in session.steps] == [("user", "hi")]


ONE, TWO, THREE = {"n": 1}, {"n": 2}, {"n": 3}
MATCHES = [
    ("by id", [asks(("a", "t", ONE), ("b", "t", TWO)), tells("b"), tells("a")], [TWO, ONE]),
    ("by order without ids", [asks((None, "t", ONE), (None, "t", TWO)), tells(), tells()], [ONE, TWO]),
    (
        "by tool without ids",
        [asks((None, "t", ONE), (None, "u", TWO)), tells(tool="u"), tells(tool="t")],
        [TWO, ONE],
    ),
    ("doubled ids", [asks(("a", "t", ONE), ("a", "u", TWO)), tells("a", "u"), tells("a", "t")], [TWO, ONE]),
    ("an unknown id", [asks(("a", "t", ONE)), tells("zzz")], [ONE]),
    ("another tool", [asks(("a", "t", ONE)), tells(tool="u")], [None]),
    ("more results than calls", [asks(("a", "t", ONE)), tells("a"), tells("a")], [ONE, None]),
    ("no call at all", [tells("a")], [None]),
    (
        "asked in two messages before the results",
        [asks(("a", "t", ONE)), asks(("b", "t", TWO)), tells("a"), tells("b")],
        [ONE, TWO],
    ),
    (
        "a call that nobody answered",
        [asks((None, "t", ONE)), asks((None, "t", TWO), (None, "t", THREE)), tells(), tells()],
        [TWO, THREE],
    ),
]


@pytest.mark.parametrize(("steps", "expected"), [m[1:] for m in MATCHES], ids=[m[0] for m in MATCHES])
def test_a_result_finds_the_call_that_it_answers(steps: list[dict[str, Any]], expected: list[Any]) -> None:
    assert answered(read(*steps)) == expected


def test_a_tools_error_is_its_text_where_it_said_nothing_else() -> None:
    step = {"role": "tool", "content": "", "error": {"code": 7}}

    assert read(step).steps[0].text == '{"code":7}'


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (None, {}),
        ("", {}),
        ('{"a": 1}', {"a": 1}),
        ("not json", "not json"),
        ('{"a": 1, "a": 2}', '{"a": 1, "a": 2}'),
        ([], []),
    ],
)
def test_arguments_in_json_text_are_read_strictly_or_left_to_be_refused(args: Any, expected: Any) -> None:
    assert read(asks(("a", "t", args))).steps[0].calls[0].args == expected


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (None, ""),
        ("a", "a"),
        (["a", {"text": "b"}, {"content": "c"}, {"image": "d"}, 5], "a\nb\nc\n"),
        ({"a": 1}, '{"a":1}'),
        (7, "7"),
    ],
)
def test_the_text_of_a_message_is_that_of_its_parts(content: Any, text: str) -> None:
    assert text_of(content) == text


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "f:1: not JSON"),
        (b"{", "f:1: not JSON"),
        (b"\xff", "f:1: not JSON"),
        (b'{"session_id": "s", "steps": [NaN]}', "f:1: not JSON"),
        (b"[" * 100_000, "f:1: not JSON"),
        (b"[]", "f:1: found a list; write one JSON object a line"),
        (b"true", "f:1: found a boolean"),
        (
            b'{"session_id": "s"}',
            "f:1: not a session: steps: Expected `array`, got `null`; see the session schema",
        ),
        (
            b'{"session_id": "s", "steps": [{"role": 1}]}',
            "f:1: not a session: steps[0].role: Expected `str`, got `int`",
        ),
        (b'{"session_id": "", "steps": []}', "f:1: no 'session_id'"),
        (
            b'{"session_id": "s", "messages": [{"role": "assistant", "tool_calls": 1}]}',
            "f:1: messages[0].tool_calls: is no list",
        ),
    ],
)
def test_what_is_no_session_is_told_with_its_place(data: bytes, told: str) -> None:
    with pytest.raises(BadInput) as error:
        read_session(data, "f:1")

    assert str(error.value).startswith(told)


def test_openais_messages_become_steps() -> None:
    call = {"id": "c", "type": "function", "function": {"name": "pay", "arguments": '{"n": 1}'}}
    messages = [
        {"role": "developer", "content": "be brief"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": "done"},
    ]
    session = read_session(json.dumps({"session_id": "s", "messages": messages}).encode(), "f:1")

    assert [step.role for step in session.steps] == ["system", "assistant", "tool"]
    assert answered(session) == [ONE]


def test_anthropics_blocks_become_steps() -> None:
    messages = [
        {
            "role": "assistant",
            "content": [
                {"type": "text", "text": "now"},
                {"type": "tool_use", "id": "c", "name": "pay", "input": ONE},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "c", "content": [{"type": "text", "text": "done"}]},
                {"type": "text", "text": "go on"},
            ],
        },
    ]
    session = read_session(json.dumps({"session_id": "s", "messages": messages}).encode(), "f:1")

    assert [(step.role, step.text) for step in session.steps] == [
        ("assistant", "now"),
        ("tool", "done"),
        ("user", "go on"),
    ]
    assert answered(session) == [ONE]


def test_hidden_reasoning_is_no_text_of_the_session() -> None:
    blocks = [{"type": "thinking", "thinking": "x", "text": "x"}, {"type": "text", "text": "y"}]

    assert steps_of([{"role": "assistant", "content": blocks}], "f") == [
        {"role": "assistant", "content": blocks[1:]}
    ]
