"""Nouns to bodies and back, whatever a tool raised or returned."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest

from remit.core import codec
from remit.core.types import (
    Confidentiality,
    Decision,
    Fingerprint,
    Integrity,
    Label,
    LeafOrigin,
    OnViolation,
    Origin,
    Outcome,
    PrincipalKind,
    Result,
    Role,
    Segment,
    SessionInfo,
    Severity,
    ToolEffect,
    Violation,
)

SEGMENT = Segment(3, Role.TOOL, "get_order", "O-1", Label(Integrity.TRUSTED, Confidentiality.PII))


class Mute(Exception):
    """An exception that cannot be shown."""

    def __str__(self) -> str:
        raise RuntimeError("no")

    __repr__ = __str__


class Loud(str):
    """A string that lies about itself."""

    def __str__(self) -> str:
        return "loud"

    def __getitem__(self, key: Any) -> str:
        return "cut"


def test_a_segment_survives_the_journal() -> None:
    body = json.loads(json.dumps(codec.segment_body(SEGMENT)))
    assert codec.segment_from(body, "O-1") == SEGMENT


def test_a_final_answer_comes_back_as_the_assistants_words() -> None:
    assert codec.answer_segment({"index": 4}, "done").role is Role.ASSISTANT


def test_a_session_says_who_and_what_was_running_and_what_is_unknown() -> None:
    info = SessionInfo(
        "s",
        "bot",
        principal="c",
        principal_kind=PrincipalKind.CUSTOMER,
        facts={"tier": "gold"},
        fingerprint=Fingerprint(model="m", runtime={"region": "eu"}),
        seed=7,
    )
    body = codec.session_body(info, "refunds", "1", "enforce")

    assert body["principal_kind"] == "customer" and body["facts"] == {"tier": "gold"}
    assert body["fingerprint"]["model"] == "m" and body["fingerprint"]["prompt"] is None
    assert body["envelope"] == {"name": "refunds", "version": "1"}
    assert codec.session_body(SessionInfo("s", "bot"), "refunds", "1", "enforce")["principal_kind"] is None


def test_equal_values_have_one_hash_and_tuples_count_as_lists() -> None:
    assert codec.hash_of([("a", 1)]) == codec.hash_of([["a", 1]])
    assert codec.hash_of([]).startswith("sha256:")


def test_an_allowed_decision_is_short_and_a_refused_one_whole() -> None:
    allowed = Decision(Result.ALLOW, tool="act", canonical={"n": 1}, effect=ToolEffect.READ)
    assert codec.decision_body(allowed) == {
        "tool": "act",
        "args": {"n": 1},
        "effect": "read",
        "result": "allow",
    }
    broken = Violation("act.x", "require", OnViolation.DENY, Severity.HIGH, "found 7", error=True)
    origin = LeafOrigin("n", 1, (Origin(0, "user", Label(), "n is 1"),))
    refused = codec.decision_body(
        Decision(Result.DENY, ("act.x",), (), ("act.x: found 7",), (broken,), provenance=(origin,))
    )
    assert refused["effect"] is None
    assert refused["violations"][0]["error"] is True
    assert refused["provenance"][0]["origins"][0]["quote"] == "n is 1"
    json.dumps(refused)


def test_an_outcome_names_its_error_or_its_value() -> None:
    assert codec.outcome_body(Outcome(7))["ended"] == "value"
    body = codec.outcome_body(Outcome(error=KeyError("O-1"), elapsed_s=0.12345678))
    assert body["error"] == {"type": "KeyError", "message": "'O-1'"}
    assert body["elapsed_s"] == 0.123457


def test_an_error_that_cannot_be_shown_is_recorded_all_the_same() -> None:
    assert codec.error_body(Mute()) == {
        "type": "Mute",
        "message": "its message cannot be shown: RuntimeError",
    }


def test_a_message_is_redacted_before_it_is_cut() -> None:
    secret = "x" * (codec.MOST_TOLD - 10) + "sk-" + "a" * 40
    body = codec.error_body(ValueError(secret), lambda text: text.replace("sk-" + "a" * 40, "[secret]"))

    assert "sk-a" not in body["message"] and body["message"].endswith("[secret]")


@dataclass
class Receipt:
    """A result that JSON knows by its fields."""

    total: int


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("as it is", "as it is"),
        ({"a": [1, None]}, '{"a":[1,null]}'),
        (Receipt(5), '{"total":5}'),
        ({1: 2}, '{"1":2}'),
        (object, "<class 'object'>"),
        (Mute(), "<Mute, which cannot be shown: RuntimeError>"),
        ({"x": "\ud800"}, "{'x': '\\ud800'}"),
    ],
)
def test_what_the_agent_sees_of_a_result_can_always_be_written(value: object, text: str) -> None:
    assert codec.result_text(value) == text


def test_a_string_that_lies_about_itself_is_recorded_as_what_it_is() -> None:
    assert codec.result_text(Loud("quiet")) == "quiet"
    assert type(codec.exact(Loud("quiet"))) is str


def test_a_result_is_recorded_up_to_a_length() -> None:
    assert len(codec.result_text("x" * (codec.MOST_RESULT_CHARACTERS + 5))) == codec.MOST_RESULT_CHARACTERS


def deep(levels: int) -> Any:
    value: Any = "x"
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize("args", [{"x": {1, 2}}, {"x": deep(10_000)}, {"x": Mute()}, {"x": "y" * 2_000_000}])
def test_arguments_that_nobody_can_read_are_shown_as_far_as_possible(args: Any) -> None:
    body = codec.plain_args(args)

    assert set(body) == {"unreadable", "excerpt"}
    assert all(len(text) <= codec.MOST_TOLD for text in body.values())


def test_readable_arguments_are_shown_as_they_are() -> None:
    assert codec.plain_args({"n": 1}) == {"n": 1}


@pytest.mark.parametrize("name", ["\x1b[31mrm", "a\nb", "\ud800", "x" * 101, "Überweisung", "e\u202egnp.exe"])
def test_a_name_that_nobody_declared_is_printable_and_equals_no_declared_one(name: str) -> None:
    shown = codec.visible_name(name)

    assert shown.startswith("?") and shown.isprintable() and len(shown) <= 110
    assert codec.visible_name("transfer") == "transfer"


def test_the_texts_of_an_anomaly_are_named_by_segment() -> None:
    assert codec.texts([SEGMENT]) == {"segment.3": "O-1"}
