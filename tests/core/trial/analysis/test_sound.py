"""A run from a stranger's file is analysed, or refused with its place; it never ends in a traceback."""

from dataclasses import replace

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.core.trial.run_help import many, run

from remit.core.errors import BadInput
from remit.core.trial.analysis.analyse import analyse
from remit.core.trial.run import RunInfo, TaskInfo
from remit.core.trial.suite import Design, Question, Rule
from remit.core.trial.trial import Breach, Status, Trial, TrialCall


def with_design(**more):
    return {"design": Design(**more)}


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        (with_design(kind="adaptive"), "write one of fixed, sequential"),
        (with_design(epochs=0), "write 1 or more"),
        (with_design(max_infrastructure=2.0), "share from 0 to 1"),
        ({"arms": ("agent", "agent")}, "name each arm once"),
        ({"arms": ("other",)}, "arm 'agent' is none"),
        ({"tasks": {"t0": TaskInfo(0.0)}}, "from 1e-09"),
        ({"tasks": {"t0": TaskInfo(float("nan"))}}, "from 1e-09"),
        ({"tasks": {"t0": TaskInfo(1.7e308)}}, "from 1e-09"),
    ],
)
def test_a_header_that_cannot_be_reckoned_with_is_refused(changed, told):
    one = run({"agent": many("++", 2)})

    with pytest.raises(BadInput, match=told):
        analyse(replace(one, info=replace(one.info, **changed)))


@pytest.mark.parametrize("field", ["latency_s", "tokens", "cost"])
@pytest.mark.parametrize("value", [-1, 10**20, float("inf"), float("nan")])
def test_a_trial_that_cannot_be_reckoned_with_is_refused(field, value):
    with pytest.raises(BadInput, match=field):
        analyse(run({"agent": {"a": "+"}}, extra=lambda t: {field: value}))


names = st.sampled_from(["a", "b", "c", "", "task \x00 \u202e"])
small = st.none() | st.floats(0, 1e6, allow_nan=False)
calls = st.builds(
    TrialCall, st.sampled_from(["x", "y"]), st.sampled_from([{}, {"n": 1}, {"n": "é"}, [1], None])
)
trials = st.builds(
    Trial,
    draw=st.integers(0, 12), arm=st.sampled_from(["baseline", "candidate"]), task=names, epoch=st.integers(0, 3),
    status=st.sampled_from(Status), seed=st.none() | st.integers(0, 5), at=small, latency_s=small, cost=small,
    tokens=st.none() | st.integers(0, 10**6), score=st.none() | st.floats(-2, 2),
    answer=st.none() | st.sampled_from(["", "I refunded 5.", "no", "\ud800"]),
    calls=st.lists(calls, max_size=3).map(tuple),
    breaches=st.lists(st.builds(Breach, st.just("mine"), st.just("why"), error=st.booleans()), max_size=1).map(tuple),
)  # fmt: skip
rules = st.sampled_from([
    Rule("s", "success", {"at_least": 0.9}), Rule("a", "success", {"at_least": 0.5, "aims_for": 0.9}),
    Rule("w", "not_worse", {"margin": 0.1}), Rule("l", "latency", {"within": 1}),
    Rule("p", "pass_hat", {"k": 2, "at_least": 0.5}),
    Rule("t", "stable", {"of": "claims", "margin": 0.1}), Rule("u", "stable", {"at_least": 0.5}),
    Rule("x", "success", {"at_least": "much"}), Rule("y", "nothing", {}),
])  # fmt: skip


@settings(
    max_examples=25, deadline=None, phases=[Phase.generate], suppress_health_check=[HealthCheck.too_slow]
)
@given(
    st.lists(trials, max_size=20, unique_by=lambda t: t.key), st.lists(rules, max_size=3, unique_by=lambda r: r.id),
    st.sampled_from(["fixed", "sequential"]), st.sampled_from(Question), st.booleans(),
)  # fmt: skip
def test_any_run_gives_a_report_that_is_json_or_is_refused(found, gates, kind, question, embedded):
    design = Design(kind, epochs=4, question=question, gates=tuple(gates))
    info = RunInfo("r", "s", "h", design, ("baseline", "candidate"), {"a": TaskInfo(), "b": TaskInfo(3.0)})
    one = replace(run({"baseline": {}}), info=info, trials=tuple(found))
    vectors = (
        {t.answer: [1.0, float(len(t.answer))] for t in found if t.answer is not None} if embedded else None
    )
    try:
        report = analyse(one, vectors=vectors, embedder="test")
    except BadInput as refused:
        assert any(rule.id in "xywptu" for rule in gates), refused
        return
    text = (
        msgspec.json.encode(msgspec.to_builtins(replace(report, contrasts=(), map=None)))
        if "\ud800" not in str(report)
        else b""
    )
    assert b"NaN" not in text and report.sentence
