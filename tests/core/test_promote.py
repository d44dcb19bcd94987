"""Which clauses bind in one session of an envelope that monitors, and what they make of a decision."""

from __future__ import annotations

import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st

from remit.core.decide import decide
from remit.core.envelope import Envelope
from remit.core.past import look_back
from remit.core.prepare import facts_for, prepare
from remit.core.promote import bindable, binding, includes, marked, restrict
from remit.core.provenance import SessionText
from remit.core.types import Decision, Result, ToolCall
from remit.testing import act, envelope, one_tool, small_refunds
from remit.testing.builders import SMALL_REFUNDS

SESSIONS = [f"s-{at}" for at in range(4000)]


def promoting(*lines: str, spec: str = SMALL_REFUNDS) -> Envelope:
    entries = ", ".join(lines)
    monitored = spec.replace("enforcement: enforce", f"enforcement: monitor\n  enforced: [{entries}]")
    return envelope(monitored)


def decided(by: Envelope, call: ToolCall, used: int = 0) -> Decision:
    facts = facts_for(by, {})
    prepared = prepare(call, by, facts)
    past = look_back(prepared, SessionText(), (used,) * len(prepared.claims))
    return decide(prepared, by, facts, past)


def test_where_the_envelope_enforces_every_clause_binds() -> None:
    assert binding(small_refunds(), "s") == bindable(small_refunds())
    assert {"refund.ceiling", "refund.output", "refund.deadline", "unlisted"} <= bindable(small_refunds())


def test_where_it_only_monitors_none_does() -> None:
    assert binding(small_refunds(monitor=True), "s") == frozenset()


def test_a_share_is_the_share_of_sessions_that_it_says() -> None:
    inside = sum(includes("refund.ceiling", 0.1, session) for session in SESSIONS)

    assert 0.08 < inside / len(SESSIONS) < 0.12
    assert all(includes("refund.ceiling", 1.0, session) for session in SESSIONS)


def test_two_clauses_of_one_share_take_different_sessions() -> None:
    both = sum(includes("a.x", 0.5, s) and includes("a.y", 0.5, s) for s in SESSIONS)

    assert 0.22 < both / len(SESSIONS) < 0.28


@given(st.text(), st.text(), st.floats(0, 1), st.floats(0, 1))
def test_who_was_in_stays_in_when_the_share_grows(clause: str, session: str, a: float, b: float) -> None:
    assert includes(clause, max(a, b), session) or not includes(clause, min(a, b), session)


def test_another_process_gives_the_same_answer() -> None:
    script = (
        "from remit.core.promote import includes\n"
        "print([includes('refund.ceiling', 0.3, f's-{i}') for i in range(50)])"
    )
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout

    assert said.strip() == str([includes("refund.ceiling", 0.3, f"s-{i}") for i in range(50)])


def test_a_clause_that_binds_brings_what_must_hold_before_it_can_be_asked() -> None:
    bound = binding(promoting("{clause: refund.ceiling}"), "s")

    assert bound == {"refund.ceiling", "refund.canonical", "refund.schema", "refund.session"}


def test_a_clause_on_what_came_back_brings_nothing() -> None:
    assert binding(promoting("{clause: refund.output}"), "s") == {"refund.output"}


def test_a_call_that_no_bound_clause_stands_against_is_not_restricted() -> None:
    by = promoting("{clause: refund.ceiling}")
    held = decided(by, ToolCall("refund", {"amount": 30}))

    assert held.clauses == ("refund.large",)
    assert restrict(held, binding(by, "s"), by.tools["refund"]) is None


def test_the_bound_clause_alone_decides_and_the_others_stay_recorded() -> None:
    by = promoting("{clause: refund.large}")
    whole = decided(by, ToolCall("refund", {"amount": 90}))
    alone = restrict(whole, binding(by, "s"), by.tools["refund"])

    assert whole.result is Result.DENY
    assert alone is not None and alone.result is Result.HOLD and alone.need is not None
    assert alone.clauses == alone.bound == ("refund.large",)
    assert alone.violations == whole.violations
    assert "ceiling" not in alone.reason and "refund.large" in alone.reason


def test_an_error_in_a_bound_clause_denies_and_one_in_another_does_not() -> None:
    rules = "        - {id: a, expr: '10 / args.n > 1', on_violation: flag}\n        - {id: b, expr: 'args.n > 5'}\n"
    clauses = f"      require:\n{rules}"
    spec = "  enforcement: monitor\n  enforced: [{clause: act.%s}]\n"
    for promoted, expected in (("a", ("act.a",)), ("b", ("act.b",))):
        by = one_tool(clauses, rest=spec % promoted)
        alone = restrict(decided(by, act(n=0)), binding(by, "s"), by.tools["act"])
        assert alone is not None and alone.result is Result.DENY and alone.clauses == expected


def test_a_flag_binds_nothing() -> None:
    clauses = "      require:\n        - {id: a, expr: 'args.n > 5', on_violation: flag}\n"
    by = one_tool(clauses, rest="  enforcement: monitor\n  enforced: [{clause: act.a}]\n")

    assert restrict(decided(by, act(n=0)), binding(by, "s"), by.tools["act"]) is None


def test_a_malformed_call_does_not_get_past_a_bound_clause_that_nobody_could_ask() -> None:
    by = promoting("{clause: refund.ceiling}")
    for args in ({"amount": "90"}, {"amount": 90, "extra": 1}, {"amount": 2**60}):
        alone = restrict(decided(by, ToolCall("refund", args)), binding(by, "s"), by.tools["refund"])
        assert alone is not None and alone.result is Result.DENY


def test_a_marked_decision_says_what_would_act_and_is_else_unchanged() -> None:
    by = promoting("{clause: refund.large}")
    whole = decided(by, ToolCall("refund", {"amount": 90}))

    assert marked(whole, by, "s").bound == ("refund.large",)
    assert marked(whole, by, "s").result is Result.DENY
    enforcing = decided(small_refunds(), ToolCall("refund", {"amount": 90}))
    assert marked(enforcing, small_refunds(), "s").bound is None


def test_unlisted_can_be_promoted_by_itself() -> None:
    by = promoting("{clause: unlisted}")
    alone = restrict(decided(by, ToolCall("transfer", {})), binding(by, "s"), None)

    assert alone is not None and alone.clauses == ("unlisted",)
