"""What a model reads of a no says in fixed words what to do next, and nothing that it may not see."""

from __future__ import annotations

import json

from remit.core.errors import BadInput, OutcomeUnknown, Unavailable
from remit.core.refusals import AgentHalted, AnswerRefused, ApprovalRequired, CallDenied, ResultWithheld
from remit.core.told import LOOK, REPEAT_NOT, REPEAT_WHEN_APPROVED, told, told_text
from remit.core.types import Decision, Mode, OnViolation, Result, Severity, Violation

NO = Violation("act.ceiling", "require", OnViolation.DENY, Severity.HIGH, "refunds end at 50")
DENIED = Decision(Result.DENY, ("act.ceiling",), violations=(NO,), tool="act")
HELD = Decision(Result.HOLD, ("act.large",), tool="act")


def test_a_denied_call_is_told_with_its_clause_and_not_to_repeat_it() -> None:
    assert told(CallDenied(DENIED)) == {
        "remit": "refused",
        "tool": "act",
        "clauses": ["act.ceiling"],
        "reason": "act.ceiling: refunds end at 50",
        "next": REPEAT_NOT,
    }


def test_a_held_call_is_told_with_its_approval_and_to_repeat_it_as_it_is() -> None:
    found = told(ApprovalRequired(HELD, "a-1", 89.6))
    assert (found["remit"], found["approval_id"], found["expires_in_s"]) == ("held", "a-1", 90)
    assert found["next"] == REPEAT_WHEN_APPROVED


def test_a_withheld_result_is_not_quoted_by_the_clause_that_withholds_it() -> None:
    leak = Violation("read.schema", "output", OnViolation.DENY, Severity.HIGH, "found 'hunter2' at password")
    found = told_text(ResultWithheld(DENIED, (leak,)))
    assert "hunter2" not in found and json.loads(found)["clauses"] == ["read.schema"]


def test_what_was_not_recorded_may_be_repeated_unless_it_ran() -> None:
    assert told(Unavailable("the disk is full"))["remit"] == "unavailable"
    assert told(Unavailable("refund ran, and …", ran=True)) | {"reason": ""} == {
        "remit": "unknown",
        "reason": "",
        "next": LOOK,
    }
    assert told(OutcomeUnknown("the server died"))["remit"] == "unknown"


def test_an_error_of_unknown_kind_is_told_by_its_type_alone() -> None:
    assert told(RuntimeError("password=hunter2"))["reason"] == "remit failed: RuntimeError"


def test_every_kind_of_no_is_one_line_of_json_without_invisible_characters() -> None:
    hidden = Violation("act.x", "require", OnViolation.DENY, Severity.LOW, "a\u200bb\nc\u202e" + "x" * 9000)
    for error in (
        CallDenied(Decision(Result.DENY, ("act.x",), violations=(hidden,), tool="act")),
        AgentHalted("bot", Mode.HALTED, "by\nhand"),
        AnswerRefused((NO,)),
        BadInput("args", "found a list", "pass an object"),
    ):
        text = told_text(error)
        assert "\n" not in text and "\u200b" not in text and "\u202e" not in text and len(text) < 5000
        assert set(json.loads(text)) >= {"remit", "reason", "next"}
