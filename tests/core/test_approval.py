"""The life of one question to people, as rules on values."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remit.core.approval import (
    ApprovalState,
    GivenAnswer,
    Reply,
    answer_message,
    approval_digest,
    approvers,
    call_digest,
    may_become,
    role_missing,
    satisfies,
    state_after,
)
from remit.core.types import ApprovalNeed

CALL = {
    "tenant": "acme",
    "agent": "bot",
    "session": "s",
    "tool": "pay",
    "args": {"to": "a", "n": 1},
    "target": "bank",
    "schema_hash": "h",
    "envelope_hash": "e",
}


def said(name: str, reply: Reply = Reply.APPROVE, *, sure: bool = True, glass: bool = False) -> GivenAnswer:
    return GivenAnswer(name, reply, 0.0, sure, break_glass=glass)


@pytest.mark.parametrize("name", list(CALL))
def test_whatever_an_approval_is_bound_to_changes_its_digest(name: str):
    other = {"to": "b", "n": 1} if name == "args" else "other"

    assert call_digest(**{**CALL, name: other}) != call_digest(**CALL)


def test_the_order_of_arguments_does_not_change_the_digest():
    assert call_digest(**{**CALL, "args": {"n": 1, "to": "a"}}) == call_digest(**CALL)


def test_a_whole_float_is_another_call_than_the_integer():
    assert call_digest(**{**CALL, "args": {"to": "a", "n": 1.0}}) != call_digest(**CALL)


@given(st.text(), st.text())
def test_no_text_can_move_over_from_one_field_to_the_next(one: str, other: str):
    swapped = call_digest(**{**CALL, "agent": one, "session": other})

    assert (swapped == call_digest(**{**CALL, "agent": other, "session": one})) is (one == other)


def test_a_raised_epoch_is_another_digest():
    assert len({approval_digest("d", epoch) for epoch in range(100)}) == 100


def test_every_part_of_an_answer_is_signed():
    base = answer_message("a", 1, "d", Reply.APPROVE, "", break_glass=False)
    others = [
        answer_message("b", 1, "d", Reply.APPROVE, "", break_glass=False),
        answer_message("a", 2, "d", Reply.APPROVE, "", break_glass=False),
        answer_message("a", 1, "e", Reply.APPROVE, "", break_glass=False),
        answer_message("a", 1, "d", Reply.REJECT, "", break_glass=False),
        answer_message("a", 1, "d", Reply.APPROVE, "why", break_glass=False),
        answer_message("a", 1, "d", Reply.APPROVE, "", break_glass=True),
    ]

    assert base not in others and len(set(others)) == len(others)


def test_nothing_leads_out_of_a_final_state_but_a_late_word_on_an_unknown_outcome():
    arrows = {(a, b) for a, b in product(ApprovalState, repeat=2) if may_become(a, b)}

    assert {(a, b) for a, b in arrows if a.final} == {(ApprovalState.FAILED, ApprovalState.EXECUTED)}


def test_only_a_claimed_approval_is_executed():
    assert [a for a in ApprovalState if may_become(a, ApprovalState.EXECUTED)] == [
        ApprovalState.CLAIMED,
        ApprovalState.FAILED,
    ]
    assert [a for a in ApprovalState if may_become(a, ApprovalState.CLAIMED)] == [ApprovalState.APPROVED]


def test_only_pending_and_approved_are_open():
    assert [state for state in ApprovalState if state.open] == [ApprovalState.PENDING, ApprovalState.APPROVED]


@pytest.mark.parametrize(
    ("given_need", "asked", "covers"),
    [
        (ApprovalNeed(), ApprovalNeed(), True),
        (ApprovalNeed(people=2), ApprovalNeed(), True),
        (ApprovalNeed(), ApprovalNeed(people=2), False),
        (ApprovalNeed(("finance",)), ApprovalNeed(), True),
        (ApprovalNeed(("finance",)), ApprovalNeed(("finance", "legal")), True),
        (ApprovalNeed(("finance", "legal")), ApprovalNeed(("finance",)), False),
    ],
)
def test_an_approval_covers_a_need_that_asks_for_no_more(
    given_need: ApprovalNeed, asked: ApprovalNeed, covers: bool
):
    assert satisfies(given_need, asked) is covers


def test_one_of_the_roles_is_enough():
    assert not role_missing(ApprovalNeed(("finance", "legal")), ("legal", "support"))


def test_two_people_are_two_names_with_a_key_each():
    need = ApprovalNeed(people=2)

    assert state_after(need, [said("ann")]) is ApprovalState.PENDING
    assert state_after(need, [said("ann"), said("ann")]) is ApprovalState.PENDING
    assert state_after(need, [said("ann"), said("bob")]) is ApprovalState.APPROVED


def test_all_who_cannot_be_told_apart_are_one_person():
    assert approvers([said("ann", sure=False), said("bob", sure=False), said("cas")]) == 2


def test_one_no_is_a_no():
    assert state_after(ApprovalNeed(), [said("ann"), said("bob", Reply.REJECT)]) is ApprovalState.REJECTED


def test_who_breaks_the_glass_is_enough():
    assert state_after(ApprovalNeed(people=3), [said("ann", glass=True)]) is ApprovalState.APPROVED
