"""What an envelope says about what came back: the clauses see it as it came, the agent sees it as it may."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

import pytest

from remit.core.after import UNREDACTED, judge
from remit.core.envelope import Tool
from remit.core.prepare import Facts
from remit.core.types import Decision, OnViolation, Outcome, Result
from remit.testing import envelope, small_refunds

SPEC = """
  session:
    type: object
    additionalProperties: false
    required: [customer_id, accounts]
    properties: {customer_id: {type: string}, accounts: {type: array, items: {type: string}}}
  tools:
    look:
      effect: read
      args: {type: object, additionalProperties: false, required: [id], properties: {id: {type: string}}}
%s
"""
FACTS = Facts({"customer_id": "17", "accounts": ["A", "B"]})
ARGS = {"id": "O-1"}


def tool(clauses: str) -> Tool:
    return envelope(SPEC % clauses).tools["look"]


def judged(clauses: str, value: Any, **options: Any) -> Outcome:
    looked = tool(clauses)
    ids = tuple(one.clause.id for one in looked.obligations)
    decision = Decision(Result.ALLOW, tool="look", canonical=ARGS, obligations=ids)
    return judge(Outcome(value), looked, decision, FACTS, **options)


ENSURE = """
      output: {type: object, required: [id, owner], properties: {id: {type: string}, owner: {type: string}}}
      ensure:
        - {id: same, expr: "output.id == args.id"}
        - {id: own, expr: "output.owner == session.customer_id", message: "not yours"}
"""


def test_what_came_back_must_be_what_was_asked_for_and_the_sessions_own() -> None:
    assert judged(ENSURE, {"id": "O-1", "owner": "17"}).violations == ()

    found = judged(ENSURE, {"id": "O-2", "owner": "18"}).violations
    assert [(v.clause, v.kind, v.message, v.error) for v in found] == [
        ("look.same", "ensure", "output.id == args.id is not true", False),
        ("look.own", "ensure", "not yours", False),
    ]


def test_a_condition_that_cannot_be_evaluated_withholds_also_where_it_only_flags() -> None:
    flag = '      ensure: [{id: few, expr: "output.n < 3", on_violation: flag}]\n'
    found = judged(flag, {"n": 5}).violations
    assert [(v.on_violation, v.error) for v in found] == [(OnViolation.FLAG, False)]
    assert [v.error for v in judged(flag, {}).violations] == [True]
    assert [v.error for v in judged(flag, {"n": "2"}).violations] == [True]


def test_a_tools_own_exception_is_no_result() -> None:
    looked = tool(ENSURE + "      deadline: 5s\n")
    decision = Decision(Result.ALLOW, tool="look", canonical=ARGS)

    outcome = judge(Outcome(error=KeyError("x"), elapsed_s=6.0), looked, decision, FACTS)
    assert [v.clause for v in outcome.violations] == ["look.deadline"]


def test_the_messages_of_a_withheld_result_repeat_nothing_of_it() -> None:
    clauses = """
      output:
        type: object
        properties: {card: {type: string}, owner: {type: string}, rows: {items: {properties: {owner: {type: string}}}}}
      ensure: [{id: own, expr: "has(output.owner) && output.owner == session.customer_id"}]
      scopes: [{id: rows, output: "rows[].owner", in: session.customer_id}]
      obligations: [{id: card, redact: {fields: [card]}}]
"""
    value = {"card": 4111111111111111, "owner": "SECRET", "rows": [{"owner": "SECRET"}]}
    found = judged(clauses, value).violations

    assert [v.kind for v in found] == ["output", "ensure", "scope"]
    assert not any("SECRET" in v.message or "4111" in v.message for v in found)


# ---------------------------------------------------------------------------------------------- any object
class Sly(dict):  # type: ignore[type-arg]
    """Shows one thing and holds another."""

    def __getitem__(self, key: str) -> Any:
        return "O-1"

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def items(self) -> Any:
        return {"id": "O-1", "owner": "17"}.items()

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = None  # type: ignore[assignment]


class Loud(str):
    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = str.__hash__


@dataclass
class Order:
    id: str
    owner: str
    tags: tuple[str, ...] = ()


class Colour(Enum):
    RED = "red"


class Raising:
    def __getattribute__(self, name: str) -> Any:
        raise SystemError("do not look")


def test_what_was_looked_at_is_what_arrives_and_no_object_goes_further() -> None:
    lies = judged(ENSURE, Sly(id="O-2", owner="18"))
    assert {v.clause for v in lies.violations} == {"look.same", "look.own"}
    text = judged(ENSURE, {"id": Loud("O-2"), "owner": "17"})
    assert [v.clause for v in text.violations] == ["look.same"]

    honest = judged(ENSURE, Order("O-1", "17", ("a",)))
    assert honest.violations == () and honest.value == {"id": "O-1", "owner": "17", "tags": ["a"]}
    kept: dict[str, Any] = {"id": "O-1", "owner": "17"}
    copy = judged(ENSURE, kept).value
    kept["owner"] = "18"
    assert copy == {"id": "O-1", "owner": "17"}


def _cycle() -> Any:
    ring: list[Any] = []
    ring.append(ring)
    return {"id": "O-1", "owner": "17", "ring": ring}


def _bomb() -> Any:
    value: Any = ("x",)
    for _ in range(40):
        value = (value, value)
    return {"id": "O-1", "owner": "17", "more": value}


@pytest.mark.parametrize(
    "value",
    [
        object(),
        {"id": b"O-1", "owner": "17"},
        {"id": "O-1", "owner": "17", "x": float("nan")},
        {"id": "O-1", "owner": "17", "x": {1, 2}},
        {"id": "O-1", "owner": "17", 3: 4},
        {"id": "O-1", "owner": "17", "\ud800": 1},
        {"id": "O-1", "owner": "17", "x": 2**70},
        {"id": "O-1", "owner": "17", "o\u200bwner": "18"},
        {"id": "O-1", "owner": "17", "\uff4fwner": "18"},
        (n for n in "abc"),
        "\ud800",
        _cycle(),
        _bomb(),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_has_no_form_in_json_is_withheld_and_breaks_nothing(value: object) -> None:
    clauses = ENSURE + '      obligations: [{id: card, redact: {fields: [card], patterns: ["[0-9]{16}"]}}]\n'
    outcome = judged(clauses, value)

    assert {v.clause for v in outcome.violations} == {"look.output", "look.same", "look.own", "look.card"}
    assert all(v.error for v in outcome.violations if v.kind != "output")
    assert outcome.value == UNREDACTED


def test_an_object_that_raises_when_it_is_looked_at_is_withheld() -> None:
    assert {v.error for v in judged(ENSURE, Raising()).violations} >= {True}
    assert {v.error for v in judged(ENSURE, {"id": "O-1", "owner": Raising()}).violations} >= {True}


def test_enums_tuples_and_dataclasses_are_taken_for_what_they_hold() -> None:
    clauses = "      ensure: [{id: red, expr: \"output[0].id == 'red'\"}]\n"
    assert judged(clauses, ({"id": Colour.RED},)).value == [{"id": "red"}]


# ---------------------------------------------------------------------------------------------- scopes
SCOPE = '      scopes: [{id: own, output: "rows[].owner", in: session.accounts}]\n'


@pytest.mark.parametrize(
    "value",
    [
        {"rows": [{"owner": "A"}, {"owner": "B"}]},
        {"rows": []},
        None,
        '{"rows": [{"owner": "A"}]}',
    ],
)
def test_rows_of_the_sessions_own_pass(value: Any) -> None:
    outcome = judged(SCOPE, value)
    assert outcome.violations == () and outcome.value == value


@pytest.mark.parametrize(
    ("value", "error"),
    [
        ({"rows": [{"owner": "A"}, {"owner": "C"}]}, False),
        ({"rows": [{"owner": "A"}, {}]}, False),
        ({"rows": [{"owner": None}]}, False),
        ({"rows": [None]}, False),
        ({}, False),
        ({"rows": None}, False),
        ({"rows": [{"owner": "a"}]}, False),
        ({"rows": [{"owner": 1}]}, False),
        ({"rows": [{"owner": True}]}, True),
        ({"rows": [{"owner": 1.0}]}, True),
        ({"rows": [{"owner": ["A"]}]}, True),
        ({"rows": {"owner": "A"}}, True),
        ([{"owner": "A"}], True),
        ("rows: A", True),
        ('{"rows": [{"owner": "C", "owner": "A"}]}', True),
        ("7", True),
    ],
)
def test_a_row_that_is_not_the_sessions_or_does_not_say_is_withheld(value: Any, error: bool) -> None:
    found = judged(SCOPE, value).violations
    assert [(v.clause, v.kind, v.error) for v in found] == [("look.own", "scope", error)]


def test_a_list_at_the_root_has_a_path_too() -> None:
    clauses = '      scopes: [{id: own, output: "[].owner", in: session.customer_id}]\n'
    assert judged(clauses, [{"owner": "17"}]).violations == ()
    assert judged(clauses, [{"owner": "18"}]).violations != ()
    assert judged(clauses, [{"owner": 17}]).violations != ()


def test_a_fact_that_is_missing_withholds() -> None:
    looked = tool(SCOPE)
    decision = Decision(Result.ALLOW, tool="look", canonical=ARGS)
    outcome = judge(Outcome({"rows": []}), looked, decision, Facts({}))
    assert [v.error for v in outcome.violations] == [True]


# ---------------------------------------------------------------------------------------------- monitor
REDACT = """
      ensure: [{id: few, expr: "size(output.cards) < 9"}]
      obligations:
        - {id: card, redact: {fields: ["cards[].number"]}}
        - {id: first, cap: {field: cards, items: 1}}
"""
CARDS = {"cards": [{"number": "4111"}, {"number": "4222"}]}


def test_the_agent_gets_the_result_redacted_and_cut_and_the_clauses_saw_it_whole() -> None:
    outcome = judged(REDACT, CARDS)
    assert outcome.value == {"cards": [{"number": "[redacted]"}]}
    assert outcome.done == ("look.card: redacted 2", "look.first: cut 1")
    assert CARDS["cards"][0] == {"number": "4111"}
    assert judged(REDACT.replace("< 9", "< 2"), CARDS).violations != ()


def test_monitor_changes_nothing_and_says_what_would_have_been_done() -> None:
    outcome = judged(REDACT, CARDS, binding=frozenset())
    assert outcome.value is CARDS and outcome.violations == ()
    assert outcome.done == ("look.card: redacted 2", "look.first: cut 1")


def test_a_promoted_obligation_is_met_also_in_monitor() -> None:
    outcome = judged(REDACT, CARDS, binding=frozenset({"look.card"}))
    assert outcome.value == {"cards": [{"number": "[redacted]"}, {"number": "[redacted]"}]}


def test_what_could_not_be_redacted_is_not_kept_either() -> None:
    outcome = judged(REDACT, {"cards": [["4111"]]})
    assert [(v.clause, v.error) for v in outcome.violations] == [("look.card", True)]
    assert outcome.value == UNREDACTED
    assert judged(REDACT, {"cards": [["4111"]]}, binding=frozenset()).value == {"cards": [["4111"]]}


def test_only_obligations_that_apply_to_the_call_are_met() -> None:
    looked = tool(REDACT)
    decision = Decision(Result.ALLOW, tool="look", canonical=ARGS, obligations=("look.first",))
    assert judge(Outcome(CARDS), looked, decision, FACTS).value == {"cards": [{"number": "4111"}]}


# ---------------------------------------------------------------------------------------------- output alone
class Unreadable:
    """An object that no check can look at."""

    def __repr__(self) -> str:
        raise RuntimeError("no")


NOTHING = Decision(Result.ALLOW, tool="refund", canonical={"amount": 5})


@pytest.mark.parametrize("value", [object(), Unreadable(), {1, 2}, {1: 2}, "\ud800", float("nan"), b"x"])
def test_a_result_that_is_not_json_violates_the_output_and_breaks_nothing(value: object) -> None:
    refund = small_refunds().tools["refund"]

    assert [v.clause for v in judge(Outcome(value), refund, NOTHING, FACTS).violations] == ["refund.output"]


def test_an_output_check_that_crashes_counts_as_a_violation() -> None:
    def crashes(value: object) -> list[str]:
        raise MemoryError("while looking")

    refund = small_refunds().tools["refund"]
    assert refund.output is not None
    refund = replace(refund, output=replace(refund.output, schema_errors=crashes))

    found = judge(Outcome({}), refund, NOTHING, FACTS).violations
    assert found[0].message == "cannot be checked: MemoryError"
    assert judge(Outcome({}), None, NOTHING, FACTS).violations == ()
