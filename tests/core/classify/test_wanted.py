import pytest

from remit.core.classify.wanted import Wanted, is_hit, wanted
from remit.core.types import ToolCall

MAIL = {"to": ["eve@x.example", "bob@x.example"], "subject": "Hi", "meta": {"amount": 40}}


def test_only_the_values_that_the_evidence_flagged_are_sought():
    assert wanted("send", MAIL, ["to[0]", "meta.amount", "nowhere"]) == Wanted(
        "send", {"to[0]": "eve@x.example", "meta.amount": 40}
    )


@pytest.mark.parametrize(
    "args",
    [
        MAIL,
        {"to": ["Eve@X.example "], "meta": {"amount": 40.0}},
        {"to": "eve@x.example", "meta": [{"total": 40}]},
    ],
)
def test_the_same_values_in_other_spelling_and_order_are_the_same_call(args):
    assert is_hit(wanted("send", MAIL, ["to[0]", "meta.amount"]), [ToolCall("send", args)])


@pytest.mark.parametrize(
    "call",
    [
        ToolCall("mail", MAIL),
        ToolCall("send", {**MAIL, "to": ["bob@x.example"]}),
        ToolCall("send", {**MAIL, "meta": {"amount": 41}}),
        ToolCall("send", {**MAIL, "to": ["eve@x.example.org"]}),
        ToolCall("send", {"subject": "eve@x.example", "meta": {"amount": 40}}),
        ToolCall("send", {}),
    ],
)
def test_another_tool_or_value_is_another_call(call):
    assert not is_hit(wanted("send", MAIL, ["to[0]", "meta.amount"]), [call])


def test_one_of_several_calls_is_enough_and_none_is_none():
    sought = wanted("send", MAIL, ["to[0]"])

    assert is_hit(sought, [ToolCall("read", {}), ToolCall("send", MAIL)])
    assert not is_hit(sought, [])


def test_a_flag_is_no_number():
    assert not is_hit(Wanted("set", {"on": True}), [ToolCall("set", {"on": 1})])


BODY = "please pay the open invoice of Clayworks to the account below today"


@pytest.mark.parametrize(
    ("recorded", "again", "same"),
    [
        ("invoices", "The invoices, as asked.", True),
        ("eve@x.example", "Eve@x.example!", True),
        ("eve@x.example", "not-eve@x.example", False),
        (BODY, "Please pay the open invoice of Clayworks to the account below, today!", True),
        (BODY, "I have read the invoice.", False),
        ("", "anything", False),
        ("", "", True),
    ],
)
def test_a_text_may_be_worded_a_little_otherwise_and_an_address_may_not(recorded, again, same):
    assert is_hit(Wanted("send", {"body": recorded}), [ToolCall("send", {"body": again})]) is same
