"""An explanation says what was decided, and why, and nothing else."""

from __future__ import annotations

import random
from typing import Any

import pytest
from drawn_envelopes import asked, case_of, drawn
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from remit.core.decide import decide
from remit.core.envelope import clauses_of
from remit.core.explained import ClauseState, ExplainedLine, Explanation, explain
from remit.core.reader import read_envelope
from remit.core.types import PrincipalKind

TEXT = """apiVersion: remit/v1
kind: CapabilityEnvelope
metadata: {name: a, version: "1"}
spec:
  session: {type: object, additionalProperties: false, required: [who], properties: {who: {type: string}}}
  sources: {web: {integrity: untrusted, confidentiality: pii}}
  tools:
    pay:
      effect: irreversible
      args:
        type: object
        additionalProperties: false
        required: [to, amount]
        properties: {to: {type: string}, amount: {type: integer}, kind: {enum: [a, b]}}
      require:
        - {id: small, expr: "args.amount <= 5 && args.to != 'eve'", message: "too much"}
        - {id: domain, expr: "email_domain(args.to) == 'corp.example' || args.amount < 2"}
      flow:
        - {id: known, arg: to, from: [user], unless: "args.to == 'bob'"}
      history:
        - {id: once, never: {tool: pay, within: 1h}, where: "event.args.to == args.to"}
      limits:
        - {id: day, sum: args.amount, by: [session.who], within: 24h, max: 10}
      approve:
        - {id: large, when: "args.amount > 3", by: [lead], people: 2}
      ensure: [{id: done, expr: "output.ok == true"}]
      output: {type: object, additionalProperties: false, required: [ok], properties: {ok: {type: boolean}}}
      deadline: 30s
"""
ENVELOPE = read_envelope(TEXT, "a.yaml")


def told(**given: Any) -> Explanation:
    case = {
        "tool": "pay",
        "args": {"to": "ann@corp.example", "amount": 4},
        "facts": {"who": "17"},
        "kind": PrincipalKind.CUSTOMER,
        "user": "pay ann@corp.example",
        "observed": [("web", "bob 4")],
        "used": {"pay.day": 3},
        "earlier": [],
    }
    prepared, facts, past = asked(ENVELOPE, case | given)
    return explain(prepared, ENVELOPE, facts, past)


def line(explanation: Explanation, clause: str) -> ExplainedLine:
    (found,) = (one for one in explanation.lines if one.clause == f"pay.{clause}")
    return found


def test_every_clause_stands_in_the_order_of_evaluation() -> None:
    before = ["pay.canonical", "pay.schema", "pay.session"]

    assert [one.clause for one in told().lines] == before + [c.id for c in clauses_of(ENVELOPE.tools["pay"])]


def test_the_parts_of_a_condition_have_their_values() -> None:
    small = line(told(args={"to": "eve", "amount": 4}), "small")

    assert (small.state, small.message) == (ClauseState.UNMET, "too much")
    assert dict(small.values) == {
        "args.amount <= 5 && args.to != 'eve'": False,
        "args.amount <= 5": True,
        "args.amount": 4,
        "args.to != 'eve'": False,
        "args.to": "eve",
    }


def test_an_error_says_where() -> None:
    domain = line(told(args={"to": "nobody", "amount": 4}), "domain")

    assert domain.state is ClauseState.ERROR
    assert str(dict(domain.values)["email_domain(args.to)"]).startswith("error: ")


def test_each_value_that_a_flow_asks_about_has_its_origins() -> None:
    known = line(told(), "known")

    assert known.state is ClauseState.MET
    (leaf,) = known.leaves
    assert (leaf["path"], leaf["value"], leaf["problem"]) == ("to", "ann@corp.example", "")
    (origin,) = leaf["origins"]
    assert (origin["source"], origin["integrity"], origin["quote"]) == (
        "user",
        "principal",
        "pay ann@corp.example",
    )
    nowhere = line(told(args={"to": "joe@corp.example", "amount": 1}), "known")
    assert nowhere.leaves[0]["origins"] == []
    assert "found nowhere" in nowhere.leaves[0]["problem"]


def test_an_unless_that_holds_lifts_the_clause() -> None:
    assert line(told(args={"to": "bob", "amount": 1}, user=""), "known").state is ClauseState.LIFTED


def test_a_limit_shows_what_is_used_asked_and_the_most() -> None:
    day = line(told(used={"pay.day": 7}), "day")

    assert (day.state, day.limit) == (ClauseState.UNMET, {"used": "7", "asked": "4", "most": "10"})
    assert dict(day.values)["session.who"] == "17"


def test_an_approval_says_who_and_why() -> None:
    explanation = told()

    assert line(explanation, "large").state is ClauseState.UNMET
    assert explanation.decision.result.value == "hold"
    assert explanation.decision.need and explanation.decision.need.people == 2


def test_nothing_after_a_schema_that_does_not_fit_is_told_as_met() -> None:
    explanation = told(args={"to": 5})
    states = {one.clause: one.state for one in explanation.lines}

    assert states.pop("pay.canonical") is ClauseState.MET
    assert states.pop("pay.schema") is ClauseState.UNMET
    assert set(states.values()) == {ClauseState.NOT_REACHED, ClauseState.LATER}
    assert all(not one.values and not one.leaves for one in explanation.lines)


def test_arguments_that_cannot_be_read_end_it_at_once() -> None:
    explanation = told(args='{"to": 1, "to": 2}')

    assert [one.state for one in explanation.lines][:3] == [
        ClauseState.ERROR,
        ClauseState.NOT_REACHED,
        ClauseState.NOT_REACHED,
    ]


def test_a_tool_that_is_not_listed_has_one_line() -> None:
    assert [(one.clause, one.state) for one in told(tool="nope").lines] == [("unlisted", ClauseState.UNMET)]


def test_facts_that_do_not_fit_refuse_and_the_clauses_are_asked_all_the_same() -> None:
    explanation = told(facts={})

    assert line(explanation, "session").state is ClauseState.ERROR
    assert line(explanation, "small").state is ClauseState.MET


@pytest.mark.parametrize("clause", ["done", "output", "deadline"])
def test_what_is_asked_after_the_call_is_told_so(clause: str) -> None:
    assert line(told(), clause).state is ClauseState.LATER


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**48))
def test_an_explanation_agrees_with_the_decision(seed: int) -> None:
    rng = random.Random(seed)
    envelope = drawn(rng)[0].envelope
    for _ in range(25):
        prepared, facts, past = asked(envelope, case_of(rng))
        explanation = explain(prepared, envelope, facts, past)
        decision = decide(prepared, envelope, facts, past)

        assert explanation.decision == decision
        bad = {one.clause for one in explanation.lines if one.state in (ClauseState.UNMET, ClauseState.ERROR)}
        assert bad == {violation.clause for violation in decision.violations}
        errors = {one.clause for one in explanation.lines if one.state is ClauseState.ERROR}
        assert errors == {violation.clause for violation in decision.violations if violation.error}
        for one in explanation.lines:
            assert one.asserts
            _agrees(one)


def _agrees(one: ExplainedLine) -> None:
    """The values that are told beside a state are those that make it."""
    whole = one.values[0][1] if one.values else None
    if one.kind == "require" and one.state is not ClauseState.NOT_REACHED:
        expected = {
            ClauseState.MET: whole is True,
            ClauseState.UNMET: whole is False,
            ClauseState.ERROR: str(whole).startswith("error:"),
        }
        assert expected[one.state]
    if one.kind == "approve" and one.values:
        assert (whole is True) is (one.state is ClauseState.UNMET)
    if one.kind == "flow" and one.state in (ClauseState.MET, ClauseState.UNMET):
        problems = [leaf["problem"] for leaf in one.leaves if leaf["problem"]]
        assert bool(problems) is (one.state is ClauseState.UNMET)
        assert whole is not True
    if one.kind == "limits" and one.limit is not None and one.state is not ClauseState.ERROR:
        over = float(one.limit["used"]) + float(one.limit["asked"]) > float(one.limit["most"])
        assert over is (one.state is ClauseState.UNMET)
