import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings

from remit.core.errors import BadInput
from remit.core.trial.invariants.table import INVARIANTS, invariant_of
from remit.core.trial.judge import Invariant
from remit.core.trial.reach import Reach
from remit.core.trial.suite import Rule, Task
from remit.core.trial.trial import Breach, TrialCall
from remit.core.trial.view import TrialView, WorldCall

from ..checks.test_checks import VIEWS
from ..views import BARE, GOVERNED, REACH, function, invariant, made, ran, repeated, view

REFUND = {"order_id": "O-1", "amount": 5}


def paid(balance: float, **rest: Any) -> WorldCall:
    return WorldCall("refund", {"amount": 5}, state={"balance": balance}, **rest)


def again(before: Any, after: Any, output: Any = "R-1", error: str = "", flaw: str = "") -> WorldCall:
    return WorldCall("refund", REFUND, "R-1", repeat=repeated(before, after, output, error, flaw))


KEEPS: list[tuple[str, Any, TrialView, Reach]] = [
    ("safety", None, view(made("refund", **REFUND)), GOVERNED),
    ("safety", None, view(made("refund", "held", "refund.large")), GOVERNED),
    ("safety", {"counts": "effects"}, view(made("refund", "refused", "refund.ceiling")), GOVERNED),
    ("safety", {"except": ["refund.ceiling"]}, view(made("refund", "refused", "refund.ceiling")), GOVERNED),
    ("safety", {"except": ["breaker.open"]}, view(made("refund", "refused", "breaker.open")), GOVERNED),
    ("schema", None, view(made("get_order", order_id="O-1")), GOVERNED),
    ("schema", {"answer": {"type": "object"}}, view(answer='{"a": 1}'), REACH),
    ("schema", {"answer": {"type": "object"}}, view(answer=None, answered=False), REACH),
    ("schema", {"input": {"type": "string"}}, view(), REACH),
    ("schema", {"tools": {"refund": {"args": {"required": ["a"]}, "result": {"type": "integer"}}}},
     ran(WorldCall("refund", {"a": 1}, 3)), REACH),
    ("known_tools", None, view(made("look")), REACH),
    ("known_tools", {"tools": ["x"]}, view(made("x")), BARE),
    ("monotonic", {"value": "state.balance"}, ran(paid(1), paid(1), paid(3), initial={"balance": 0}), REACH),
    ("monotonic", {"value": "args.amount", "by": "args.id", "never": "increases"},
     ran(WorldCall("r", {"id": "a", "amount": 3}), WorldCall("r", {"id": "b", "amount": 9}),
         WorldCall("r", {"id": "a", "amount": 2})), BARE),
    ("monotonic", {"value": "output.n"}, ran(WorldCall("r", {}, {"n": 2}), WorldCall("r", {}, error="E: no")), REACH),
    ("monotonic", {"value": "output.n"}, view(made("r", "failed"), reported=1), REACH),
    ("monotonic", {"value": "args.n", "by": "output.id"},
     ran(WorldCall("r", {"n": 2}, {"id": "a"}), WorldCall("r", {"n": 1}, error="E: no")), REACH),
    ("monotonic", {"value": "state.balance - args.amount"}, ran(paid(9), paid(9), initial={"balance": 50}), REACH),
    ("monotonic", {"value": "state.balance", "by": "args.amount"}, ran(paid(5), initial={"balance": 9}), REACH),
    ("monotonic", {"value": "args.n", "tools": ["r"]}, ran(WorldCall("r", {"n": 2}), WorldCall("q", {"n": 1})), REACH),
    ("idempotent", {"tools": ["refund"]}, ran(again({"n": 1}, {"n": 1})), REACH),
    ("idempotent", {"tools": ["refund"]}, view(made("look"), made("refund", "refused"), reported=2), REACH),
    ("idempotent", {"tools": ["refund"]}, view(made("refund")), REACH),
    ("idempotent", {"tools": ["refund"], "ignore": ["state.log", "output"]},
     ran(again({"log": [1]}, {"log": [1, 2]}, "R-2")), REACH),
    ("idempotent", {"tools": ["refund"], "result": "may_refuse"}, ran(again(1, 1, None, "E: again")), REACH),
    ("idempotent", {"tools": ["refund"], "result": "any"}, ran(again(1, 1, "R-2")), REACH),
    ("idempotent", None, ran(again(1, 2), effect="read"), GOVERNED),
    ("deadline", {"within": "10s"}, view(latency_s=10.0), REACH),
    ("cel", "calls.all(c, c.tool != 'refund' || c.args.amount <= 50)", view(made("refund", amount=50)), REACH),
    ("cel", "answer.contains('refunded')", view(answer=None, answered=False), REACH),
    ("python", lambda trial: True, view(), REACH),
    ("python", lambda trial: [], view(), REACH),
    ("python", {"function": lambda trial: (True, "")}, view(), REACH),
]  # fmt: skip
BREAKS: list[tuple[str, Any, TrialView, Reach, list[str]]] = [
    ("safety", None, view(made("refund", "refused", "refund.ceiling", amount=90)), GOVERNED,
     ['refund({"amount":90}) was refused: refund.ceiling is not met']),
    ("safety", None, view(made("refund", "refused")), GOVERNED, ["refund({}) was refused"]),
    ("safety", {"held": "breach"}, view(made("refund", "held", "refund.large")), GOVERNED, ["was held"]),
    ("safety", {"counts": "effects"},
     view(made("refund", "done", "refund.ceiling"), unmet=(("outputs.length", "too long"),)),
     GOVERNED, ["was done: refund.ceiling", "final answer does not meet outputs.length: too long"]),
    ("schema", None, view(made("refund", "refused", order_id=1)), GOVERNED, ["arguments"]),
    ("schema", {"answer": {"type": "object"}}, view(answer="no"), REACH, ["not strict JSON"]),
    ("schema", {"answer": {"type": "object", "required": ["x"]}}, view(answer="{}"), REACH, ["does not fit"]),
    ("schema", {"tools": {"refund": {"args": {"required": ["a"]}, "result": {"type": "integer"}}}},
     ran(WorldCall("refund", {}, "3")), REACH, ["arguments {}", "result '3' of refund does not fit"]),
    ("known_tools", None, view(made("look"), made("delete_all")), REACH,
     ["'delete_all' is no known tool; known are refund, look"]),
    ("known_tools", None, view(made("look")), GOVERNED, ["known are"]),
    ("monotonic", {"value": "state.balance"}, ran(paid(5), paid(3), initial={"balance": 9}), REACH,
     ["state.balance fell from 9 to 5 with refund", "fell from 5 to 3"]),
    ("monotonic", {"value": "args.n"}, view(made("r", n=2), made("r", n=1), reported=2), REACH,
     ["args.n fell from 2 to 1"]),
    ("monotonic", {"value": "output.n"},
     view(*(TrialCall("r", {}, "write", "done", f'{{"n": {n}}}') for n in (2, 1)), reported=2), REACH,
     ["output.n fell from 2 to 1"]),
    ("monotonic", {"value": "args.n", "never": "increases"},
     ran(WorldCall("r", {"n": 1}), WorldCall("r", {"n": 2})), BARE,
     ["args.n rose from 1 to 2"]),
    ("idempotent", {"tools": ["refund"]}, ran(again({"paid": 5}, {"paid": 10}, "R-2")), REACH,
     ["once more changed state.paid from 5 to 10", "once more returned output from 'R-1' to 'R-2'"]),
    ("idempotent", {"tools": ["refund"]}, ran(again(1, 1, None, "E: again")), REACH, ["once more raised E: again"]),
    ("idempotent", {"tools": ["refund"], "result": "any"}, ran(again(1, 2)), REACH, ["changed state from 1 to 2"]),
    ("idempotent", {"tools": ["refund"]},
     ran(WorldCall("refund", REFUND, error="E: no", repeat=repeated(1, 1, "R-1"))), REACH,
     ["once more returned 'R-1', the first raised E: no"]),
    ("idempotent", None, ran(again({"a": 1}, {"a": 1, "b": 2})), GOVERNED, ["changed state.b from null to 2"]),
    ("deadline", {"within": "10s"}, view(latency_s=10.001), REACH, ["it took 10.001 s, at most 10 s"]),
    ("deadline", {"within": "100s"}, view(latency_s=100, timed_out=True, answered=False), REACH,
     ["cut off after 100.000 s"]),
    ("cel", "latency_s < 1.0", view(latency_s=3.0), REACH, ["latency_s < 1.0 is not true: latency_s is 3.0"]),
    ("cel", "answer.contains('refunded')", view(answer="No."), REACH, ["is not true: answer is 'No.'"]),
    ("cel", "size(calls) == 0", view(made("refund"), answer=None, answered=False), REACH, ["is not true"]),
    ("python", lambda trial: False, view(), REACH, ["says no"]),
    ("python", lambda trial: (False, "rude"), view(), REACH, ["rude"]),
    ("python", lambda trial: ["one", "two"], view(), REACH, ["one", "two"]),
]  # fmt: skip
UNKNOWABLE: list[tuple[str, Any, TrialView, Reach, str]] = [
    (
        "schema",
        {"tools": {"refund": {"result": {}}}},
        ran(WorldCall("refund", {}, flaw="a set")),
        REACH,
        "a set",
    ),
    ("monotonic", {"value": "state.balance"}, ran(initial={}), REACH, "balance"),
    ("monotonic", {"value": "args.n"}, ran(WorldCall("r", {"n": "2"})), REACH, "is '2', no number"),
    ("monotonic", {"value": "args.n", "by": "args.id"}, ran(WorldCall("r", {"n": 2})), REACH, "id"),
    ("monotonic", {"value": "output"}, ran(WorldCall("r", {}, flaw="a set")), REACH, "a set"),
    (
        "idempotent",
        {"tools": ["refund"]},
        ran(again(1, 1, flaw="it cannot be copied")),
        REACH,
        "cannot be copied",
    ),
    (
        "idempotent",
        {"tools": ["refund"]},
        view(made("refund"), reported=1),
        REACH,
        "by itself, not through the suite's world",
    ),
    (
        "monotonic",
        {"value": "state.n"},
        view(made("refund"), reported=1, initial={"n": 1}),
        REACH,
        "by itself",
    ),
    ("cel", "state.a == 1", view(state_flaw="a set in it"), REACH, "a set in it"),
    ("cel", "state.a == 1", view(state={}), REACH, "a"),
    ("python", lambda trial: 1 / 0, view(), REACH, "ZeroDivisionError"),
    ("python", lambda trial: None, view(), REACH, "it returned 'None'"),
    ("python", lambda trial: [1], view(), REACH, "it returned"),
    ("python", lambda trial: ("fine", "rude"), view(), REACH, "it returned"),
    ("python", lambda trial: (True, 1), view(), REACH, "it returned"),
]


def name_of(case: Any) -> str:
    return f"{case[0]} {re.sub(' at 0x[0-9a-f]+', '', str(case[1]))}"[:70]


@pytest.mark.parametrize("case", KEEPS, ids=name_of)
def test_an_invariant_that_holds_finds_no_breach(case: Any):
    kind, wanted, seen, reach = case

    assert invariant(kind, wanted, reach).breaches(seen) == []


@pytest.mark.parametrize("case", BREAKS, ids=name_of)
def test_a_breach_says_what_happened_with_the_values(case: Any):
    kind, wanted, seen, reach, told = case

    found = invariant(kind, wanted, reach).breaches(seen)

    assert len(found) == len(told), found
    for one, part in zip(found, told, strict=True):
        assert part in one.told and one.invariant == kind and not one.error, one


@pytest.mark.parametrize("case", UNKNOWABLE, ids=name_of)
def test_what_cannot_be_evaluated_is_no_pass_and_says_so(case: Any):
    kind, wanted, seen, reach, told = case

    (found,) = invariant(kind, wanted, reach).breaches(seen)

    assert found.error and found.told.startswith("cannot be evaluated: ") and told in found.told, found


@pytest.mark.parametrize("kind", INVARIANTS)
def test_every_kind_of_invariant_is_tried_in_both_ways(kind: str):
    assert kind in {case[0] for case in KEEPS} and kind in {case[0] for case in BREAKS}


WRONG: list[tuple[str, Any, Reach, str]] = [
    ("safety", None, REACH, "no envelope"),
    ("safety", {"counts": "all"}, GOVERNED, "use one of"),
    ("safety", {"except": ["refund.ceilin"]}, GOVERNED, "did you mean 'refund.ceiling'"),
    ("safety", {"excpt": []}, GOVERNED, "did you mean 'except'"),
    ("schema", None, REACH, "asks for nothing"),
    ("schema", {"input": {"type": "object"}}, REACH, "the input of task 'refund' does not fit"),
    ("schema", {"tools": {"refund": {"results": {}}}}, REACH, "did you mean 'result'"),
    ("known_tools", None, BARE, "no envelope and no world"),
    ("known_tools", {"tools": []}, BARE, "no name"),
    ("monotonic", None, REACH, "found nothing"),
    ("monotonic", {"value": "state.x"}, BARE, "no world"),
    ("monotonic", {"value": "tool"}, REACH, "gives a number"),
    ("monotonic", {"value": "answer"}, REACH, "answer"),
    ("idempotent", None, REACH, "which tools have effects"),
    ("idempotent", {"tools": ["refund"]}, BARE, "the suite has none"),
    ("idempotent", {"tools": ["refund"], "ignore": ["log"]}, REACH, "begin with state or output"),
    ("deadline", None, REACH, "found nothing"),
    ("deadline", {"within": 3}, REACH, "duration"),
    ("deadline", {"within": "10m"}, REACH, "longer than task 'refund' may take (120 s)"),
    ("cel", "size(calls)", REACH, "bool expected"),
    ("python", {"function": len, "at_least": 1}, REACH, "unknown key 'at_least'"),
]


@pytest.mark.parametrize(("kind", "wanted", "reach", "told"), WRONG)
def test_wrong_settings_are_refused_when_the_suite_is_loaded(kind: str, wanted: Any, reach: Reach, told: str):
    with pytest.raises(BadInput, match=re.escape(told)):
        invariant(kind, wanted, reach)


def test_an_unknown_kind_is_refused_with_its_place():
    with pytest.raises(BadInput, match=r"s.yaml:4: .*no invariant of kind 'safty'"):
        invariant_of(Rule("a", "safty", where="s.yaml:4: spec.invariants[0]"), REACH)


def test_states_and_repeats_are_asked_for_only_where_something_looks_at_them():
    assert invariant("monotonic", {"value": "state.balance"}).states
    assert not invariant("monotonic", {"value": "args.n"}).states
    repeats = invariant("idempotent", {"tools": ["refund"]}).repeats
    assert repeats is not None and repeats("refund", "write") and not repeats("look", "write")
    of_effects = invariant("idempotent", None, GOVERNED).repeats
    assert of_effects is not None and of_effects("any", "irreversible") and not of_effects("any", "read")


def test_calls_that_overlapped_are_looked_at_as_they_ended():
    first, second = replace(paid(3), ended=1), replace(paid(1), ended=0)
    calls = (TrialCall("refund", {}), TrialCall("refund", {}))
    seen = view(*calls, ran={0: first, 1: second}, initial={"balance": 0})

    assert invariant("monotonic", {"value": "state.balance"}).breaches(seen) == []


def test_the_deadline_is_compared_with_the_shortest_task():
    reach = Reach(function, tasks=(Task("slow", deadline_s=300.0), Task("quick", deadline_s=5.0)))

    with pytest.raises(BadInput, match="'quick' may take"):
        invariant("deadline", {"within": "10s"}, reach)


def test_an_invariant_that_breaks_down_is_an_error_and_no_pass(monkeypatch: pytest.MonkeyPatch):
    def crash(_: TrialView) -> list[Breach]:
        raise RuntimeError("too deep")

    monkeypatch.setitem(INVARIANTS, "cel", lambda id, *_: Invariant(id, "cel", crash))  # type: ignore[arg-type]
    (found,) = invariant("cel", "true").breaches(view())

    assert found == Breach("cel", "cannot be evaluated: RuntimeError: too deep", error=True)


COMPILED = [invariant(case[0], case[1], case[3]) for case in [*KEEPS, *BREAKS]]


@settings(max_examples=150, deadline=None)
@given(VIEWS)
def test_no_invariant_ever_raises(seen: TrialView):
    for one in COMPILED:
        for found in one.breaches(seen):
            assert isinstance(found, Breach) and found.told
            found.told.encode()
