"""A recorded conversation played again: the user speaks as long as the agent stands where it stood in the record."""

from __future__ import annotations

import pytest

from remit.core.trial.conversation import Heard, RecordedConversation, UserTurn
from remit.core.trial.trial import TrialCall

LOOK = TrialCall("get_order", {"id": "A-1"})
PAY = TrialCall("refund", {"id": "A-1", "amount": 40})
MAIL = TrialCall("send_mail", {"to": "x"})
ASKED = "Order A-1 cost 40. Shall I refund it?"
TALK = RecordedConversation(
    (
        UserTurn("My clock is broken.", (LOOK,), ASKED),
        UserTurn("Yes, please.", (PAY,), "I refunded 40."),
        UserTurn("Thanks, and write to me.", (MAIL,), "I sent you a mail."),
    ),
    lambda tool: "read" if tool.startswith("get") else "write",
    forced=False,
)


def test_an_agent_that_does_as_recorded_hears_what_the_user_said_then() -> None:
    assert TALK.heard(0, "It was 40 for A-1. Do you want a refund?", [LOOK]) == Heard("Yes, please.")
    assert TALK.heard(1, "The refund of 40 was sent.", [LOOK, PAY]) == Heard("Thanks, and write to me.")
    assert TALK.heard(2, "Done.", [LOOK, PAY, MAIL]) == Heard()


def test_reads_may_differ_as_long_as_the_record_answers_them() -> None:
    assert TALK.heard(0, ASKED, []).said == TALK.heard(0, ASKED, [LOOK, LOOK]).said == "Yes, please."


@pytest.mark.parametrize(
    ("turn", "answer", "calls", "told"),
    [
        (0, ASKED, [LOOK, PAY], "refund({'amount': 40, 'id': 'A-1'}) had not been done by then"),
        (1, "Which card is it?", [LOOK], "refund({'amount': 40, 'id': 'A-1'}) had been done by then"),
        (0, ASKED, [TrialCall("get_mail", {}, outcome="failed", result="LeftTheRecord: …")], "call 1 (get_mail)"),
        (0, "  ", [LOOK], "it said nothing"),
        (1, "I could not refund it.", [LOOK, PAY], "refund: not done here, done there"),
        (0, "Shall I cancel order A-1?", [LOOK], "it asked about cancel, and in the record about refund"),
        (0, "Order A-1 cost 99. Shall I refund it?", [LOOK], "numbers: 99 here, 40 there"),
    ],
)  # fmt: skip
def test_where_the_agent_stands_elsewhere_nobody_knows_what_he_would_have_said(
    turn: int, answer: str, calls: list[TrialCall], told: str
) -> None:
    heard = TALK.heard(turn, answer, calls)

    assert heard.said is None
    assert told in heard.diverged
    assert f"nobody knows what the user would have said in turn {turn + 2}" in heard.diverged


def test_what_the_whole_record_never_did_needs_no_further_turn_to_be_judged() -> None:
    twice = TrialCall("refund", {"id": "A-1", "amount": 80})

    assert TALK.heard(0, ASKED, [LOOK, twice]) == Heard()


def test_words_that_were_not_recorded_are_not_held_against_anybody() -> None:
    silent = RecordedConversation(
        (UserTurn("a", (), ""), UserTurn("b", (LOOK,), "")), TALK.effect, forced=False
    )

    assert silent.heard(0, "I could not refund it.", []).said == "b"


def test_a_turn_that_is_asked_after_the_recorded_ones_is_always_answered() -> None:
    """Whatever the agent made of the turn before: it goes on from what the record made of it."""
    forced = RecordedConversation(TALK.turns, TALK.effect)

    assert forced.heard(0, "I could not refund it.", [PAY, MAIL]) == Heard("Yes, please.")
    assert forced.heard(2, "", []) == Heard()
    assert forced.upto(2) == (LOOK, PAY)
