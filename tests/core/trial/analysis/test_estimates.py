import pytest
from tests.core.trial.run_help import many, run

from remit.core.trial.analysis.analyse import analyse
from remit.core.trial.suite import Design


def timed(told):
    return {"latency_s": 1.0 + told["draw"] / 100}


def test_after_an_early_stop_an_interval_gates_only_where_it_holds_at_any_stop():
    arms = {"baseline": many("++-", 20), "candidate": many("+--", 20)}
    for kind in ("fixed", "sequential"):
        design = Design(kind, epochs=3, max_trials=60)
        report = analyse(run(arms, design=design, extra=timed))
        gating = {one.name: one.gating for one in report.estimates["candidate"]}
        success = next(one for one in report.comparisons if one.metric == "success")
        latency = next(one for one in report.estimates["candidate"] if one.name == "latency p50")

        assert gating["success"] and gating["latency p50"]
        assert gating["agreement"] is success.difference.gating is (kind == "fixed")
        assert ("any stop" in latency.method) is (kind == "sequential")


def test_how_alike_runs_are_is_weighed_as_success_is():
    found = run({"agent": {"heavy": "++++", "light": "++--"}}, weights={"heavy": 3.0, "light": 1.0})
    agreement = next(one for one in analyse(found).estimates["agent"] if one.name == "agreement")

    # All six pairs of the heavy task end alike, two of six of the light one.
    assert agreement.value == pytest.approx((3 * 1 + 1 / 3) / 4)
    assert agreement.low < agreement.value < agreement.high


def test_the_spread_of_a_task_has_an_interval_from_five_runs_on():
    said = {str(at): (at / 10, 1 - at / 10) for at in range(6)}
    found = run({"agent": {"five": "+" * 6, "four": "+" * 4}}, extra=lambda t: {"answer": str(t["epoch"])})
    report = analyse(found, vectors=said, embedder="own 1")
    five, four = report.tasks

    assert five.spread_low < five.spread < five.spread_high
    assert four.spread > 0 and four.spread_low is four.spread_high is None
    assert any("spread of one task's answers is for display" in note for note in report.notes)


def test_runs_of_a_task_that_the_world_took_are_counted_beside_the_others():
    (line,) = analyse(run({"agent": {"a": "+-+!!!!"}})).tasks

    assert (line.n, line.passes, line.infrastructure) == (3, 2, 4)
