"""What an envelope says about one call: precedence, errors, origins, limits and who must approve."""

from __future__ import annotations

from typing import Any

import pytest

from remit.core.decide import action_digest, decide, limit_violations, need_of
from remit.core.envelope import Envelope
from remit.core.labels import label_of
from remit.core.past import look_back
from remit.core.prepare import Facts, facts_for, prepare
from remit.core.provenance import SessionText
from remit.core.types import (
    Decision,
    LimitClaim,
    PrincipalKind,
    Result,
    Role,
    Segment,
    Severity,
    ToolCall,
)
from remit.testing import act, call, envelope, one_tool, small_refunds

REQUIRE = '      require:\n        - {{id: {id}, expr: "{expr}"{more}}}\n'


def require(expr: str, *, id: str = "rule", **more: str) -> str:
    return REQUIRE.format(id=id, expr=expr, more="".join(f", {k}: {v}" for k, v in more.items()))


def decided(
    asked: ToolCall,
    rules: Envelope,
    *,
    facts: dict[str, Any] | None = None,
    user: str = "",
    used: tuple[int, ...] | None = None,
) -> Decision:
    text = SessionText()
    if user:
        text.append(Segment(0, Role.USER, "user", user, label_of(rules, "user", PrincipalKind.OPERATOR)))
    known = facts_for(rules, facts or {})
    prepared = prepare(asked, rules, known)
    used = (0,) * len(prepared.claims) if used is None else used
    return decide(prepared, rules, known, look_back(prepared, text, used))


def both(first: str, second: str) -> str:
    """Two require clauses on one tool."""
    return first + second.removeprefix("      require:\n")


def test_a_call_that_meets_every_clause_is_allowed_with_its_canonical_arguments() -> None:
    decision = decided(call("refund", amount=5, order_id="O-1"), small_refunds())

    assert decision.result is Result.ALLOW
    assert decision.canonical == {"amount": 5, "order_id": "O-1"}
    assert [c.micros for c in decision.claims] == [5_000_000]
    assert decision.reason == "allow"


@pytest.mark.parametrize(
    ("clauses", "result", "stops", "flags"),
    [
        (require("args.n < 0", on_violation="flag"), "allow", (), ("act.rule",)),
        (require("args.n < 0", on_violation="hold"), "hold", ("act.rule",), ()),
        (require("args.n < 0"), "deny", ("act.rule",), ()),
        (
            both(
                require("args.n < 0", on_violation="hold"),
                require("args.n < -1", id="no", on_violation="deny"),
            ),
            "deny",
            ("act.rule", "act.no"),
            (),
        ),
        (
            both(
                require("args.n < 0", on_violation="flag"),
                require("args.n < -1", id="ask", on_violation="hold"),
            ),
            "hold",
            ("act.ask",),
            ("act.rule",),
        ),
    ],
    ids=["flag allows", "hold", "deny", "deny before hold", "hold before flag"],
)
def test_deny_goes_before_hold_before_flag_before_allow(
    clauses: str, result: str, stops: tuple[str, ...], flags: tuple[str, ...]
) -> None:
    decision = decided(act(n=1), one_tool(clauses))

    assert (decision.result, decision.clauses, decision.flags) == (result, stops, flags)


DIVIDES = "10 / args.n == 1"
ERRORS = {
    "require": require(DIVIDES),
    "require that flags": require(DIVIDES, on_violation="flag"),
    "require that holds": require(DIVIDES, on_violation="hold"),
    "flow.unless": f'      flow:\n        - {{id: rule, arg: to, integrity: trusted, unless: "{DIVIDES}"}}\n',
    "limits.sum": "      limits:\n        - {id: rule, sum: 10 / args.n, within: 1h, max: 100}\n",
    "limits.by": "      limits:\n        - {id: rule, count: calls, by: [10 / args.n], within: 1h, max: 100}\n",
    "approve.when": f'      approve:\n        - {{id: rule, when: "{DIVIDES}"}}\n',
}


@pytest.mark.parametrize("clauses", ERRORS.values(), ids=ERRORS.keys())
def test_an_error_denies_in_every_position_whatever_the_clause_says(clauses: str) -> None:
    decision = decided(act(n=0, to="x"), one_tool(clauses))

    assert decision.result is Result.DENY
    assert decision.clauses == ("act.rule",) and decision.flags == ()
    assert decision.errors[0].startswith("act.rule: cannot be evaluated")
    assert decision.need is None


@pytest.mark.parametrize("amount", ["args.n", "0 - args.n"])
def test_a_sum_takes_no_negative_amount(amount: str) -> None:
    limits = f'      limits:\n        - {{id: rule, sum: "{amount}", within: 1h, max: 100}}\n'
    asked = act(n=-5) if amount == "args.n" else act(n=5)

    decision = decided(asked, one_tool(limits))
    assert decision.result is Result.DENY and "a sum needs a number from 0" in decision.errors[0]


def test_a_limit_without_an_answer_from_the_store_denies() -> None:
    claim = LimitClaim("act.few", "", 1, 10, 60.0)

    (violation,) = limit_violations([claim], [])
    assert violation.error and violation.message == "the store did not say what is used"
    limits = "      limits:\n        - {id: few, count: calls, within: 1h, max: 3}\n"
    assert decided(act(), one_tool(limits), used=()).result is Result.DENY


def test_a_limit_counts_what_is_used_and_what_the_call_would_take() -> None:
    assert decided(call("refund", amount=5), small_refunds(), used=(195_000_000,)).result is Result.ALLOW
    decision = decided(call("refund", amount=6), small_refunds(), used=(195_000_000,))
    assert decision.clauses == ("refund.total",)


SESSION = "  session: {type: object, additionalProperties: false, required: [tier], properties: {tier: {type: string}}}\n"


def test_a_missing_fact_denies_every_call_and_says_so() -> None:
    rules = one_tool(require("session.tier == 'gold'"), rest=SESSION)

    assert decided(act(), rules, facts={"tier": "gold"}).result is Result.ALLOW
    for facts in ({}, {"tier": 7}, {"tier": "gold", "more": 1}, {"tier": object()}):
        decision = decided(act(), rules, facts=facts)
        assert decision.result is Result.DENY
        assert "act.session" in decision.clauses and decision.errors


def test_facts_that_the_envelope_does_not_declare_are_not_there_for_conditions() -> None:
    assert facts_for(one_tool(), {"tier": "gold"}) == Facts({})


FLOW = "      flow:\n        - {id: origin, arg: %s, from: [user]}\n"


def test_a_value_that_stands_nowhere_in_the_session_violates_its_flow() -> None:
    assert decided(act(to="bob@x.example"), one_tool(FLOW % "to")).clauses == ("act.origin",)
    heard = decided(act(to="bob@x.example"), one_tool(FLOW % "to"), user="mail bob@x.example")
    assert (
        heard.result is Result.ALLOW
        and next(o for leaf in heard.provenance for o in leaf.origins).source == "user"
    )


@pytest.mark.parametrize(("arg", "value"), [("kind", "a"), ("sure", True)])
def test_enum_and_boolean_leaves_are_exempt_from_flows(arg: str, value: object) -> None:
    decision = decided(act(**{arg: value}), one_tool(FLOW % arg))

    assert decision.result is Result.ALLOW
    assert next(leaf for leaf in decision.provenance if leaf.path == arg).exempt


def test_a_flow_does_not_ask_where_its_unless_holds() -> None:
    flow = "      flow:\n        - {id: origin, arg: to, from: [user], unless: \"args.to == 'ops'\"}\n"

    assert decided(act(to="ops"), one_tool(flow)).result is Result.ALLOW
    assert decided(act(to="eve"), one_tool(flow)).result is Result.DENY


def test_a_clauses_own_message_stands_before_what_was_found() -> None:
    flow = '      flow:\n        - {id: origin, arg: to, from: [user], message: "name the recipient"}\n'
    assert decided(act(to="eve"), one_tool(flow)).reason.startswith("act.origin: name the recipient (")
    assert decided(act(n=1), one_tool(require("args.n < 0", message="too much"))).reason == (
        "act.rule: too much"
    )


HOLDS = """      approve:
        - {id: first, by: [lead, clerk], people: 2, expires: 30m}
        - {id: second, by: [lead, boss], expires: 10m}
        - {id: never, when: "args.n > 100", by: [auditor], people: 9}
"""


def test_the_need_is_the_strictest_of_all_clauses_that_hold() -> None:
    need = decided(act(n=1), one_tool(HOLDS)).need

    assert need is not None
    assert (need.roles, need.people, need.expires_s) == (("lead",), 2, 600.0)


def test_clauses_without_a_common_role_can_be_approved_by_nobody() -> None:
    tool = one_tool(HOLDS).tools["act"]

    assert need_of(tool, ["act.first", "act.never"]).roles == ("nobody: the clauses name no common role",)
    assert need_of(tool, ["breaker.supervised"]).roles == ()


def test_an_approval_waives_no_other_clause() -> None:
    decision = decided(act(n=1), one_tool(require("args.n < 0") + HOLDS))
    assert decision.result is Result.DENY and decision.need is None


def test_the_schema_ends_the_evaluation() -> None:
    decision = decided(call("refund", amount="5"), small_refunds())

    assert decision.clauses == ("refund.schema",)
    assert decision.violations[0].severity is Severity.LOW
    assert decision.canonical == {"amount": "5"}


@pytest.mark.parametrize(
    ("args", "found"),
    [
        ('{"amount": 5, "amount": 50}', "stands twice"),
        ('{"amount": NaN}', "NaN"),
        ("[1]", "found list"),
        (b"\xff", "not valid UTF-8"),
        ({"amount": float("inf")}, "the number inf"),
        ({"amount": (1,)}, "found a tuple"),
        ({1: 2}, "a key of type int"),
        ({"x": "\ud800"}, "lone surrogate"),
        (None, "found NoneType"),
    ],
)
def test_arguments_that_two_readers_could_read_differently_are_an_error_and_deny(
    args: Any, found: str
) -> None:
    decision = decided(ToolCall("refund", args), small_refunds())

    assert decision.result is Result.DENY and decision.canonical is None
    assert decision.clauses == ("refund.canonical",)
    assert found in decision.errors[0]


def test_json_text_is_read_strictly_and_means_the_same_as_a_mapping() -> None:
    text = ToolCall("refund", '{"amount": 5}')  # type: ignore[arg-type]
    assert (
        decided(text, small_refunds()).canonical
        == decided(call("refund", amount=5), small_refunds()).canonical
    )


def test_an_unlisted_tool_is_denied_also_where_its_arguments_are_unreadable() -> None:
    assert decided(call("transfer", n=1), small_refunds()).clauses == ("unlisted",)
    unreadable = decided(ToolCall("transfer", {1: 2}), small_refunds())
    assert unreadable.clauses == ("unlisted",) and unreadable.errors


def test_asking_for_an_unlisted_tool_weighs_the_same_however_its_arguments_are_written() -> None:
    readable = decided(call("transfer", n=1), small_refunds())
    unreadable = decided(ToolCall("transfer", {1: 2}), small_refunds())

    assert [d.violations[0].severity for d in (readable, unreadable)] == [Severity.MEDIUM, Severity.MEDIUM]


def test_a_read_tool_needs_no_clause() -> None:
    assert decided(call("get_order", order_id="O-1"), small_refunds()).result is Result.ALLOW


def test_one_action_has_one_digest_and_types_count() -> None:
    assert action_digest("act", {"a": 1, "b": 2}) == action_digest("act", {"b": 2, "a": 1})
    assert len({action_digest("act", {"n": n}) for n in (1, 1.0, "1", True)}) == 4


def test_limits_by_key_keep_the_keys_apart_and_hide_them() -> None:
    limits = "      limits:\n        - {id: each, count: calls, by: [args.to], within: 1h, max: 1}\n"
    rules = one_tool(limits)
    (bob,) = prepare(act(to="bob"), rules, Facts({})).claims
    (eve,) = prepare(act(to="eve"), rules, Facts({})).claims

    assert bob.key != eve.key and "bob" not in bob.key
    assert (bob.micros, bob.max_micros) == (1_000_000, 1_000_000)


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ("{type: object, additionalProperties: false, patternProperties: {'@': {type: boolean}}}", None),
        ("{type: array}", [{"eve@evil.example": True}]),
        ("{}", {"eve@evil.example": {}}),
    ],
)
def test_a_key_of_the_agents_own_choice_comes_from_somewhere_too(schema: str, value: Any) -> None:
    args = f"{{type: object, additionalProperties: false, required: [to], properties: {{to: {schema}}}}}"
    flow = "      flow:\n        - {id: origin, arg: to, from: [user]}\n"
    rules = envelope(f"  tools:\n    act:\n      effect: write\n      args: {args}\n{flow}")
    asked = ToolCall("act", {"to": value or {"eve@evil.example": True}})

    assert decided(asked, rules, user="send it to bob@corp.example").clauses == ("act.origin",)
    assert decided(asked, rules, user="send it to eve@evil.example").result is Result.ALLOW


@pytest.mark.parametrize(
    ("schema", "by", "one", "other"),
    [
        ("{type: number}", "args.n", 0.0, -0.0),
        ("{type: number}", "args.n", 7, 7.0),
        ("{}", "args.n", 7, 7.0),
        ("{}", "args.n", [0, {"a": 1}], [-0.0, {"a": 1.0}]),
    ],
)
def test_another_spelling_of_a_number_is_not_another_limit(
    schema: str, by: str, one: Any, other: Any
) -> None:
    args = f"{{type: object, additionalProperties: false, required: [n], properties: {{n: {schema}}}}}"
    limits = f"      limits:\n        - {{id: each, count: calls, by: [{by}], within: 1h, max: 1}}\n"
    rules = envelope(f"  tools:\n    act:\n      effect: write\n      args: {args}\n{limits}")
    keys = [prepare(ToolCall("act", {"n": n}), rules, Facts({})).claims[0].key for n in (one, other)]

    assert keys[0] == keys[1]


def test_decide_is_pure() -> None:
    asked, rules = call("refund", amount=30), envelope()
    assert decided(asked, rules) == decided(asked, rules)
