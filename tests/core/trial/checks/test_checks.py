import math
import re
from typing import Any

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remit.core.errors import BadInput
from remit.core.trial.checks.table import CHECKS, check_of
from remit.core.trial.suite import Rule
from remit.core.trial.trial import MOST_RESULT, Checked, TrialCall
from remit.core.trial.view import TrialView, WorldCall

from ..views import BARE, GOVERNED, REACH, TASK, asked, check, made, ran, view

PAID = view(
    made("look", effect="read", id="A-1"),
    made("refund", id="A-1", amount=4500),
    state={"refunds": {"A-1": 4500}, "log": [1, 2]},
    latency_s=1.5,
)
JSON = view(answer='{"amount": 45, "paid": true}')

HOLDS: list[tuple[str, Any, TrialView]] = [
    ("answer", {"equals": " I refunded 45.00."}, PAID),
    ("answer", {"equals": {"amount": 45.0, "paid": True}}, JSON),
    ("answer", {"equals": {"amount": 45, "paid": True}}, view(answer={"amount": 45, "paid": True})),
    ("answer", {"one_of": ["no", "i REFUNDED 45.00."], "ignore_case": True}, PAID),
    ("answer", {"contains": ["refunded", "45.00"], "not_contains": "could not"}, PAID),
    ("answer", {"matches": "^I refunded [0-9.]+$"}, PAID),
    ("answer", {"json_schema": {"type": "object", "required": ["paid"]}}, JSON),
    ("answer", {"json_schema": {"type": "object", "required": ["paid"]}}, view(answer={"paid": True})),
    ("answer", {"json_schema": {"type": "string", "maxLength": 20}}, PAID),
    ("called", "refund", PAID),
    ("called", {"tool": "refund", "args": {"amount": 4500}, "times": 1}, PAID),
    ("called", {"tool": "refund", "at_most": 1}, PAID),
    ("called", {"tool": "refund", "at_most": 1}, view(made("refund"), made("look", "unknown"))),
    ("called", {"tool": "refund", "at_least": 1, "at_most": 2, "counts": "attempts"}, PAID),
    ("not_called", "cancel", PAID),
    ("not_called", {"tool": "refund", "args": {"amount": 9}}, PAID),
    ("order", ["look", {"tool": "refund", "args": {"id": "A-1"}}], PAID),
    ("state", {"path": "refunds.A-1", "equals": 4500.0}, PAID),
    ("state", {"path": ["refunds", "A-1"], "at_least": 1, "at_most": 4500}, PAID),
    ("state", {"path": "refunds.A-1", "at_least": 4500, "at_most": 4500}, PAID),
    ("state", {"path": "log[1]", "json_schema": {"type": "integer"}}, PAID),
    ("state", {"path": "refunds.A-2", "absent": True}, PAID),
    ("state", {"equals": {"refunds": {"A-1": 4500}, "log": [1, 2]}}, PAID),
    ("cel", "size(calls.filter(c, c.tool == 'refund')) == 1 && state.refunds['A-1'] == 4500", PAID),
    (
        "cel",
        "task.id == 'refund' && input.contains('A-1') && latency_s < 2.0 && session.customer_id == '17'",
        PAID,
    ),
    ("cel", "calls.all(c, c.outcome == 'done' && size(c.clauses) == 0)", PAID),
    ("python", lambda trial: trial.text.startswith("I"), PAID),
    ("python", lambda trial: (True, ""), PAID),
    ("python", {"function": lambda trial: 0.8, "at_least": 0.8}, PAID),
    ("python", {"function": lambda trial: (numpy.float64(0.9), "good"), "at_least": 0.5}, PAID),
    ("python", lambda trial: numpy.bool_(True), PAID),
]
FAILS: list[tuple[str, Any, TrialView, str]] = [
    ("answer", {"equals": "no"}, PAID, "is 'I refunded 45.00.', not 'no'"),
    ("answer", {"equals": 45}, PAID, "not 45"),
    ("answer", {"equals": {"amount": 45, "paid": 1}}, JSON, "not"),
    ("answer", {"one_of": ["a", "b"]}, PAID, "one of"),
    ("answer", {"one_of": ["a", "b"]}, view(answer=3), "the answer is 3, not one of"),
    ("answer", {"contains": ["refunded", "sorry"]}, PAID, "does not contain 'sorry'"),
    ("answer", {"contains": "Refunded"}, PAID, "does not contain"),
    ("answer", {"not_contains": ["x", "45"]}, PAID, "contains '45'"),
    ("answer", {"matches": "^refunded"}, PAID, "does not match"),
    ("answer", {"json_schema": {"type": "object"}}, PAID, "not strict JSON"),
    ("answer", {"json_schema": {"type": "object", "required": ["x"]}}, JSON, "does not fit"),
    ("answer", {"contains": "x"}, view(answer=None, answered=False), "no answer"),
    ("answer", {"matches": "a"}, view(answer="\ud800"), "surrogate"),
    ("called", "cancel", PAID, "calls of cancel: 0, not at least 1"),
    ("called", {"tool": "refund", "times": 2}, PAID, "1, not 2"),
    ("called", {"tool": "refund", "times": 1}, view(made("refund"), made("refund")), "2, not 1"),
    ("called", {"tool": "refund", "at_most": 1}, view(made("refund"), made("refund", "unknown")), "1 to 2"),
    ("called", "refund", view(made("refund", "refused")), "0, not at least 1"),
    ("called", "refund", view(made("refund", "unknown")), "0 to 1"),
    ("not_called", "refund", PAID, "was called: done"),
    ("not_called", "refund", view(made("refund", "refused")), "was called: refused"),
    ("order", ["refund", "look"], PAID, "look was not called after refund"),
    ("order", ["look", "cancel"], view(), "look was not called; called were 'nothing'"),
    ("state", {"path": "refunds.A-1", "equals": 1}, PAID, "state.refunds.A-1 is 4500, not 1"),
    ("state", {"path": "refunds.A-2.x", "equals": 1}, PAID, "nothing stands at refunds.A-2"),
    ("state", {"path": "refunds.A-1", "absent": True}, PAID, "should not be there"),
    ("state", {"path": "refunds", "at_least": 1}, PAID, "no number"),
    ("state", {"path": "log[0]", "at_most": 0}, PAID, "is 1, not at most 0"),
    ("state", {"path": "log[0]", "at_least": 2}, PAID, "is 1, not at least 2"),
    ("state", {"path": "log", "json_schema": {"maxItems": 1}}, PAID, "does not fit"),
    ("state", {"path": "log", "equals": []}, view(state_flaw="a set in it"), "cannot be evaluated: a set in it"),
    ("cel", "size(calls) == 0", PAID, "is not true"),
    ("cel", "state.refunds['A-1'] == 1", PAID, "== 1 is not true: state.refunds['A-1'] is 4500"),
    ("cel", "state.no.such == 1", PAID, "cannot be evaluated"),
    ("cel", "answer > 1", PAID, "cannot be evaluated"),
    ("cel", "state.x == 1", view(state_flaw="a set in it"), "cannot be evaluated: a set in it"),
    ("python", lambda trial: False, PAID, "says no"),
    ("python", lambda trial: (False, "not polite"), PAID, "not polite"),
    ("python", lambda trial: 1 / 0, PAID, "cannot be evaluated: ZeroDivisionError"),
    ("python", lambda trial: exit(3), PAID, "cannot be evaluated: SystemExit"),
    ("python", lambda trial: None, PAID, "it returned"),
    ("python", lambda trial: 0.5, PAID, "at_least"),
    ("python", {"function": lambda trial: (0.5, "rude"), "at_least": 0.8}, PAID, "0.5, not at least 0.8: rude"),
    ("python", {"function": lambda trial: math.nan, "at_least": 0.8}, PAID, "it returned"),
    ("python", {"function": lambda trial: 1.5, "at_least": 0.8}, PAID, "it returned"),
]  # fmt: skip


def name_of(case: Any) -> str:
    return f"{case[0]} {re.sub(' at 0x[0-9a-f]+', '', str(case[1]))}"[:70]


@pytest.mark.parametrize("case", HOLDS, ids=name_of)
def test_a_check_that_holds_has_passed_and_says_nothing(case: Any):
    kind, wanted, seen = case

    found = asked(kind, wanted, seen)

    assert found.passed and found.check == kind, found.told
    assert found.told in ("", "good")


def test_a_check_that_breaks_down_has_not_passed(monkeypatch: pytest.MonkeyPatch):
    def crash(_: TrialView) -> Checked:
        raise RuntimeError("too deep")

    monkeypatch.setitem(CHECKS, "cel", lambda *_: crash)  # type: ignore[arg-type]

    assert asked("cel", "true", PAID) == Checked("cel", False, "cannot be evaluated: RuntimeError: too deep")


@pytest.mark.parametrize("case", FAILS, ids=name_of)
def test_a_check_that_does_not_hold_says_what_was_found(case: Any):
    kind, wanted, seen, told = case

    found = asked(kind, wanted, seen)

    assert not found.passed
    assert told in found.told


@pytest.mark.parametrize("kind", CHECKS)
def test_every_kind_of_check_is_tried_in_both_ways(kind: str):
    assert kind in {case[0] for case in HOLDS} and kind in {case[0] for case in FAILS}


WRONG: list[tuple[str, Any, str]] = [
    ("answer", {}, "found nothing"),
    ("answer", {"ignore_case": True}, "asks for nothing"),
    ("answer", {"contain": "x"}, "did you mean 'contains'"),
    ("answer", {"contains": ""}, "empty text"),
    ("answer", {"contains": []}, "empty list"),
    ("answer", {"one_of": []}, "empty list"),
    ("answer", {"matches": "("}, "RE2"),
    ("answer", {"json_schema": {"type": "objekt"}}, "JSON Schema"),
    ("answer", {"contains": "x", "ignore_case": "yes"}, "true or false"),
    ("called", {"args": {}}, "'tool' is missing"),
    ("called", {"tool": ""}, "empty name"),
    ("called", {"tool": "x", "times": -1}, "at least 0"),
    ("called", {"tool": "x", "times": 1.5}, "integer"),
    ("called", {"tool": "x", "times": 1, "at_most": 2}, "one or the other"),
    ("called", {"tool": "x", "at_least": 3, "at_most": 2}, "no number of calls"),
    ("called", {"tool": "x", "at_least": 0}, "any number of calls"),
    ("called", {"tool": "x", "counts": "some"}, "use one of"),
    ("called", {"tool": "x", "args": []}, "mapping"),
    ("not_called", [], "mapping"),
    ("order", ["look"], "found 1 step; write two tools or more"),
    ("order", "look", "list"),
    ("state", {"path": "a"}, "asks for nothing"),
    ("state", {"path": "a..b", "equals": 1}, "write a path"),
    ("state", {"path": [True], "equals": 1}, "a key or an index"),
    ("state", {"path": "a", "absent": True, "equals": 1}, "one or the other"),
    ("state", {"path": "a", "absent": 1}, "true or false"),
    ("state", {"path": "a", "at_least": "1"}, "number"),
    ("cel", "size(call) == 1", "unknown name 'call'"),
    ("cel", "size(calls) + 1", "bool expected"),
    ("cel", "calls.all(state, true)", "hides another name"),
    ("cel", "calls[0].tol == 'x'", "no field 'tol'"),
    ("cel", 3, "write a string"),
    ("python", {"at_least": 1}, "'function' is missing"),
    ("python", {"function": len, "at_least": 2}, "from 0 to 1"),
]


@pytest.mark.parametrize(("kind", "wanted", "told"), WRONG)
def test_wrong_settings_are_refused_when_the_suite_is_loaded(kind: str, wanted: Any, told: str):
    with pytest.raises(BadInput, match=re.escape(told)):
        check(kind, wanted)


def test_an_unknown_kind_is_refused_with_its_place():
    with pytest.raises(BadInput, match=r"s.yaml:4: .*no check of kind 'saysso'; use one of answer"):
        check_of(Rule("a", "saysso", where="s.yaml:4: spec.tasks[0]"), REACH)


def test_errors_of_settings_say_where_the_rule_stands():
    with pytest.raises(BadInput, match=r"^s.yaml:4: spec.tasks\[0\].called.times: found -1"):
        check_of(Rule("a", "called", {"tool": "x", "times": -1}, "s.yaml:4: spec.tasks[0].called"), REACH)


@pytest.mark.parametrize(("kind", "wanted"), [("state", {"path": "a", "equals": 1}), ("cel", "state.a == 1")])
def test_a_check_of_the_state_needs_a_world(kind: str, wanted: Any):
    with pytest.raises(BadInput, match="the suite has no world"):
        check(kind, wanted, BARE)


def test_a_call_that_the_envelope_does_not_know_can_never_have_been_made():
    with pytest.raises(BadInput, match=r"no tool 'refnd'.*did you mean 'refund'"):
        check("called", "refnd", GOVERNED)
    assert asked("not_called", "delete_all", PAID, GOVERNED).passed


def test_a_condition_reads_what_a_tool_returned_and_says_where_that_cannot_be_told():
    seen = ran(WorldCall("look", {}, {"price": 45}), WorldCall("odd", {}, flaw="found a set"))

    assert asked("cel", "calls[0].tool == 'look'", seen).passed
    assert "an output cannot be told: found a set" in asked("cel", "calls[0].output.price == 45", seen).told


def test_what_an_agent_reports_of_its_own_calls_is_read_as_far_as_it_was_kept():
    whole, cut = (
        TrialCall("look", {}, result='{"price": 45}'),
        TrialCall("look", {}, result="x" * MOST_RESULT),
    )

    assert asked("cel", "calls[0].output.price == 45", view(whole)).passed
    assert "longer than a trial keeps" in asked("cel", "calls[0].output == ''", view(cut)).told


def test_a_function_gets_a_copy_and_cannot_change_the_trial():
    def meddles(trial: TrialView) -> bool:
        trial.calls[1].args["amount"] = 1
        trial.state["refunds"].clear()
        trial.task.facts["customer_id"] = "18"
        return True

    assert asked("python", meddles, PAID).passed
    assert (
        PAID.calls[1].args["amount"] == 4500 and PAID.state["refunds"] and TASK.facts["customer_id"] == "17"
    )
    assert PAID.copy() == PAID


def test_a_score_is_kept_whether_it_passes_or_not():
    assert asked("python", {"function": lambda trial: 0.25, "at_least": 0.5}, PAID).score == 0.25


class Hostile(Exception):
    def __str__(self) -> str:
        raise RuntimeError


def raises_hostile(trial: TrialView) -> bool:
    raise Hostile


@pytest.mark.parametrize("function", [raises_hostile, lambda trial: (False, "\ud800" * 9_000)])
def test_what_a_function_says_can_be_recorded_whatever_it_is(function: Any):
    found = asked("python", function, PAID)

    assert not found.passed and len(found.told.encode()) < 10_000


ANY = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False) | st.text(max_size=8)
    | st.just("\ud800"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip
CALLS = st.builds(
    TrialCall, st.sampled_from(["refund", "look", "", "x"]), ANY, st.sampled_from(["", "read", "write"]),
    st.sampled_from(["done", "failed", "refused", "held", "unknown"]), st.text(max_size=5), st.just(("refund.small",)),
)  # fmt: skip
VIEWS = st.builds(
    TrialView, st.just(TASK), ANY, answered=st.booleans(), calls=st.lists(CALLS, max_size=3).map(tuple), state=ANY,
    state_flaw=st.sampled_from(["", "no"]), latency_s=st.floats(0, 10), has_world=st.just(True),
)  # fmt: skip
COMPILED = [check(case[0], case[1]) for case in [*HOLDS, *FAILS]]


@settings(max_examples=150, deadline=None)
@given(VIEWS)
def test_no_check_ever_raises_and_what_failed_says_why(seen: TrialView):
    for one in COMPILED:
        found = one(seen)

        assert isinstance(found, Checked)
        assert found.passed or found.told
        found.told.encode()
