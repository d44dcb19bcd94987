"""What is settled before the call: arguments that are lowered, obligations that apply, whose data is asked for."""

from __future__ import annotations

from typing import Any

import pytest

from remit.core.decide import decide
from remit.core.envelope import Envelope
from remit.core.errors import BadInput
from remit.core.past import Past, look_back
from remit.core.prepare import Facts, prepare
from remit.core.provenance import SessionText
from remit.core.types import Decision, Result, ToolCall
from remit.testing import envelope

SPEC = """
  session:
    type: object
    additionalProperties: false
    required: [customer_id, mine, tier]
    properties:
      customer_id: {type: string}
      tier: {type: string}
      mine: {type: array, items: {type: string}}
  tools:
    find:
      effect: read
      args:
        type: object
        additionalProperties: false
        properties:
          limit: {type: integer, minimum: 1}
          ratio: {type: number}
          step: {type: integer, multipleOf: 5}
          label: {type: string}
          owner: {type: string}
          number: {type: integer}
          ids: {type: array, items: {type: string}}
          any: {}
          anys: {type: array, items: {}}
          pages: {type: array, items: {type: object, additionalProperties: false, properties: {size: {type: integer}}}}
%s
"""
FACTS = Facts({"customer_id": "17", "tier": "free", "mine": ["A", "B"]})


def rules(clauses: str) -> Envelope:
    return envelope(SPEC % clauses)


def decided(clauses: str, facts: Facts = FACTS, **args: Any) -> Decision:
    found = rules(clauses)
    prepared = prepare(ToolCall("find", args), found, facts)
    past = look_back(prepared, SessionText(), (0,) * len(prepared.claims))
    return decide(prepared, found, facts, past)


# ---------------------------------------------------------------------------------------------- lowered arguments
CAP = "      obligations: [{id: few, cap: {arg: limit, at: 100}}]\n"


def test_an_argument_is_lowered_before_anything_is_checked_and_the_lowered_one_runs() -> None:
    checked = CAP + '      require: [{id: ceiling, expr: "has(args.limit) && args.limit <= 100"}]\n'

    decision = decided(checked, limit=500)
    assert (decision.result, decision.canonical, decision.asked) == (
        Result.ALLOW,
        {"limit": 100},
        {"limit": 500},
    )
    assert decision.obligations == ("find.few",)


def test_what_is_low_enough_or_left_out_stays_as_it_is() -> None:
    for args in ({"limit": 100}, {"limit": 3}, {}):
        decision = decided(CAP, **args)
        assert (decision.canonical, decision.asked, decision.obligations) == (args, None, ())


def test_the_lowered_value_is_what_limits_count() -> None:
    clauses = CAP + "      limits: [{id: total, sum: args.limit, within: 24h, max: 100}]\n"
    clauses = clauses.replace("sum: args.limit", 'sum: "has(args.limit) ? args.limit : 0"')
    prepared = prepare(ToolCall("find", {"limit": 500}), rules(clauses), FACTS)
    assert [claim.micros for claim in prepared.claims] == [100_000_000]


def test_a_number_keeps_its_kind_and_every_item_is_lowered() -> None:
    assert decided("      obligations: [{id: few, cap: {arg: ratio, at: 1}}]\n", ratio=2.5).canonical == {
        "ratio": 1.0
    }
    lowered = decided("      obligations: [{id: few, cap: {arg: limit, at: 99.9}}]\n", limit=500).canonical
    assert lowered == {"limit": 99} and type(lowered["limit"]) is int
    pages = decided(
        "      obligations: [{id: few, cap: {arg: 'pages[].size', at: 5}}]\n", pages=[{"size": 9}, {}]
    )
    assert pages.canonical == {"pages": [{"size": 5}, {}]}


def test_a_cap_with_a_condition_holds_where_the_condition_does() -> None:
    when = "      obligations: [{id: few, when: \"session.tier == 'free'\", cap: {arg: limit, at: 100}}]\n"
    assert decided(when, limit=500).canonical == {"limit": 100}
    paid = Facts({"customer_id": "17", "tier": "paid", "mine": []})
    assert decided(when, paid, limit=500).canonical == {"limit": 500}


@pytest.mark.parametrize(
    ("clauses", "args"),
    [
        (
            "      obligations: [{id: few, when: \"session.tier == 'x'\", cap: {arg: limit, at: 100}}]\n",
            {"limit": 500},
        ),
        ("      obligations: [{id: few, when: \"session.tier == 'x'\", redact: {fields: [card]}}]\n", {}),
        ("      obligations: [{id: few, when: \"session.tier == 'x'\", notify: {to: ops}}]\n", {}),
    ],
)
def test_an_obligation_that_nobody_can_judge_refuses_the_call(clauses: str, args: dict[str, Any]) -> None:
    decision = decided(clauses, Facts({}), **args)
    assert decision.result is Result.DENY and decision.clauses == ("find.few",)
    assert decision.errors[0].startswith("find.few: cannot be met")


@pytest.mark.parametrize(
    ("arg", "at", "args"),
    [
        ("step", 12, {"step": 50}),
        ("limit", 0, {"limit": 5}),
        ("any", 5, {"any": "x"}),
        ("anys[]", 5, {"anys": ["9"]}),
    ],
)
def test_what_cannot_be_lowered_within_the_schema_refuses_the_call(arg: str, at: float, args: Any) -> None:
    decision = decided(f"      obligations: [{{id: few, cap: {{arg: '{arg}', at: {at}}}}}]\n", **args)
    assert decision.result is Result.DENY and decision.clauses == ("find.few",) and decision.errors


@pytest.mark.parametrize("arg", ["label", "ids[]", "ids"])
def test_an_argument_that_is_no_number_is_not_lowered_and_that_is_told_while_loading(arg: str) -> None:
    with pytest.raises(BadInput) as refused:
        rules(f"      obligations: [{{id: few, cap: {{arg: '{arg}', at: 5}}}}]\n")

    assert refused.value.where.endswith("obligations[0].cap.arg")
    assert "is of type" in refused.value.found


def test_a_flow_clause_asks_where_the_lowered_value_came_from() -> None:
    clauses = CAP + "      flow: [{id: told, arg: limit, from: [user]}]\n"
    assert decided(clauses, limit=500).clauses == ("find.told",)


def test_monitor_lowers_nothing_and_says_what_would_have_been() -> None:
    found = rules(CAP + '      require: [{id: ceiling, expr: "has(args.limit) && args.limit <= 100"}]\n')

    def watched(acting: frozenset[str]) -> Decision:
        prepared = prepare(ToolCall("find", {"limit": 500}), found, FACTS, acting)
        return decide(prepared, found, FACTS, Past(SessionText()))

    decision = watched(frozenset())
    assert (decision.canonical, decision.asked) == ({"limit": 500}, None)
    assert (decision.obligations, decision.clauses) == (("find.few",), ("find.ceiling",))
    bound = watched(frozenset({"find.few"}))
    assert (bound.result, bound.canonical, bound.asked) == (Result.ALLOW, {"limit": 100}, {"limit": 500})


def test_the_obligations_of_a_call_are_listed_in_the_order_of_the_envelope() -> None:
    clauses = """
      obligations:
        - {id: told, notify: {to: ops}}
        - {id: never, when: "session.tier == 'paid'", notify: {to: boss}}
        - {id: card, redact: {fields: [card]}}
        - {id: few, cap: {arg: limit, at: 100}}
"""
    assert decided(clauses, limit=500).obligations == ("find.told", "find.card", "find.few")


# ---------------------------------------------------------------------------------------------- scopes of arguments
def scoped(path: str, facts: str = "session.customer_id", more: str = "", **args: Any) -> Decision:
    return decided(f"      scopes: [{{id: own, arg: '{path}', in: {facts}{more}}}]\n", **args)


def test_only_the_sessions_own_data_may_be_asked_for() -> None:
    assert scoped("owner", owner="17").result is Result.ALLOW
    assert scoped("ids[]", "session.mine", ids=["A", "B", "A"]).result is Result.ALLOW

    other = scoped("owner", owner="18")
    assert (other.result, other.violations[0].kind, other.clauses) == (Result.DENY, "scope", ("find.own",))
    assert scoped("ids[]", "session.mine", ids=["A", "C"]).result is Result.DENY


def test_what_is_left_out_may_mean_everyones_and_is_refused() -> None:
    for decision in (
        scoped("owner"),
        scoped("ids[]", "session.mine"),
        scoped("ids[]", "session.mine", ids=[]),
    ):
        assert decision.result is Result.DENY and not decision.errors
        assert "whose" in decision.reason or "names nothing" in decision.reason


def test_what_is_alike_is_not_the_same() -> None:
    for owner in ("017", "17 ", "\uff11\uff17", "1\u200b7", ""):
        assert scoped("owner", owner=owner).result is Result.DENY
    assert scoped("number", number=17).result is Result.DENY
    assert scoped("ids", "session.mine", ids=["A"]).errors


def test_a_scope_can_hold_for_a_person() -> None:
    held = scoped("owner", more=", on_violation: hold, by: [lead]", owner="18")
    assert held.result is Result.HOLD and held.need is not None and held.need.roles == ("lead",)


def test_a_scope_over_a_fact_that_is_missing_is_an_error() -> None:
    decision = decided(
        "      scopes: [{id: own, arg: owner, in: session.customer_id}]\n", Facts({}), owner="17"
    )
    assert decision.result is Result.DENY and decision.errors[0].startswith("find.own: cannot be evaluated")


def test_a_session_that_owns_nothing_may_ask_for_nothing() -> None:
    none = Facts({"customer_id": "17", "tier": "free", "mine": []})
    assert (
        decided("      scopes: [{id: own, arg: owner, in: session.mine}]\n", none, owner="A").result
        is Result.DENY
    )
