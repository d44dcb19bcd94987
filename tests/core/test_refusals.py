"""A no carries its reasons as fields, and says in words what to do next."""

from __future__ import annotations

import remit
from remit.core.refusals import AgentHalted, AnswerRefused, ApprovalRequired, CallDenied, ResultWithheld
from remit.core.types import Decision, Mode, OnViolation, Result, Severity, Violation

NO = Violation("act.ceiling", "require", OnViolation.DENY, Severity.HIGH, "refunds end at 50")
DENIED = Decision(Result.DENY, ("act.ceiling",), violations=(NO,), tool="act")


def test_every_no_is_refused_and_none_is_a_failure() -> None:
    for kind in (CallDenied, ResultWithheld, ApprovalRequired, AgentHalted, AnswerRefused):
        assert issubclass(kind, remit.Refused) and not issubclass(kind, remit.Unavailable)


def test_a_denied_call_says_which_clause_refused_it() -> None:
    no = CallDenied(DENIED)
    assert str(no) == "act refused: act.ceiling: refunds end at 50"
    assert no.decision is DENIED


def test_a_withheld_result_says_that_the_call_ran() -> None:
    no = ResultWithheld(DENIED, (NO,))
    assert str(no) == "act ran and its result is withheld: act.ceiling: refunds end at 50"
    assert no.violations == (NO,) and isinstance(no, CallDenied)


def test_a_held_call_names_its_approval_and_the_command_that_answers_it() -> None:
    held = ApprovalRequired(Decision(Result.HOLD, tool="act"), "a-1", 90.4)
    assert (held.approval_id, held.expires_in_s) == ("a-1", 90.4)
    assert "expires in 90 s" in str(held) and str(held).endswith("remit approvals approve a-1")


def test_a_halted_agent_says_why_and_where_to_look() -> None:
    no = AgentHalted("bot", Mode.HALTED, "by hand")
    assert str(no) == "agent bot is halted: by hand. See: remit breaker show bot"


def test_a_refused_answer_lists_what_it_violates() -> None:
    assert str(AnswerRefused((NO,))) == "final answer refused: act.ceiling: refunds end at 50"
