"""Baseline against candidate: two runs made one, every metric told, and what a reader must know beside it."""

from dataclasses import replace
from random import Random

import pytest
from tests.core.trial.run_help import calls, evenly, many, run, success

from remit.core.errors import BadInput
from remit.core.trial.analysis.analyse import analyse
from remit.core.trial.analysis.merged import merged
from remit.core.trial.run import Run
from remit.core.trial.suite import Design, Rule
from remit.core.trial.trial import TrialCall
from remit.core.trial.verdict import Verdict
from remit.usecases.lexical import LexicalEmbedder

NO_WORSE = Rule("no-worse", "not_worse", {"margin": 0.05})


def shop(worse: float = 0.0, tasks: int = 20, k: int = 5, seed: int = 3) -> Run:
    """Two arms of a shop's agent; a candidate that is *worse* fails more, answers longer, takes longer."""
    chance = Random(seed)
    rates = [chance.betavariate(1.6, 0.4) for _ in range(tasks)]

    def marks(rate: float) -> str:
        return "".join("+" if chance.random() < rate else "-" for _ in range(k))

    results = {
        "baseline": {f"t{at}": marks(rate) for at, rate in enumerate(rates)},
        "candidate": {f"t{at}": marks(rate * (1 - worse)) for at, rate in enumerate(rates)},
    }

    def extra(told: dict) -> dict:
        new = worse and told["arm"] == "candidate"
        right = told["status"].value == "passed"
        answer = f"I refunded {chance.choice([100, 120])} EUR." if right else "I could not refund it."
        return {
            "latency_s": chance.lognormvariate(1.3 if new else 1.0, 0.4), "tokens": chance.randint(900, 1100),
            "seed": told["draw"], "answer": answer + (" Have a nice day!" if new else ""),
            "calls": calls("find", *["pay"] * (1 if right else 2), amount=chance.choice([100, 120])),
        }  # fmt: skip

    return run(results, NO_WORSE, design=Design(epochs=k, gates=(NO_WORSE,)), extra=extra)


def vectors(one: Run) -> dict:
    texts = list({trial.answer for trial in one.trials})
    return dict(zip(texts, LexicalEmbedder().embed(texts), strict=True))


def test_a_worse_candidate_is_blocked_and_every_metric_says_what_changed():
    found = shop(0.5)
    report = analyse(found, vectors=vectors(found), embedder="lexical crc32-1024")
    by = {one.metric: one for one in report.comparisons}

    assert report.verdict is Verdict.BLOCK
    assert set(by) == {
        "success", "agreement", "tools", "sequences", "arguments", "claims", "answers moved", "answers more variable",
        "latency", "slow tail", "tokens",
    }  # fmt: skip
    changed = {name for name, one in by.items() if one.adjusted <= 0.05}
    assert {"success", "tools", "sequences", "claims", "answers moved", "latency"} <= changed
    assert not {"tokens", "arguments"} & changed
    assert all(one.adjusted >= one.p - 1e-12 for one in by.values())
    assert {name for name, one in by.items() if one.drift_only} == {"answers moved", "answers more variable"}
    assert "never that they are worse" in by["answers moved"].told
    assert report.correction.startswith("11 metrics were compared to explore")


def test_no_difference_found_stands_beside_what_would_have_been_found():
    gated = shop()
    free = replace(gated, info=replace(gated.info, design=Design(epochs=5)))
    asked, success_ = (analyse(one).comparisons[0] for one in (gated, free))

    assert success_.told == (
        "The candidate succeeds in 82 % of runs, the baseline in 84 %: no difference found, and a loss of 15.5 points "
        "or more would be found nine times in ten; truly it is from 12.1 points less to 8.1 points more (95 % sure)."
    )
    assert "gate no-worse says" in asked.told
    assert success_.detectable == pytest.approx(0.155, abs=0.001)


def test_a_metric_that_looks_changed_only_by_itself_says_so():
    from remit.core.trial.analysis.draft import Draft
    from remit.core.trial.report import Comparison

    draft = Draft(
        Comparison("x", "m", "this suite", "runs", 9, None, None, None, 0.03, None), "Changed.", "Same."
    )

    assert draft.corrected(0.03, 1).told == "Changed."
    assert draft.corrected(0.2, 10).told == (
        "Same. By itself it would look like a change (p = 0.03), among 10 metrics it does not."
    )


def test_a_pass_and_a_failure_of_the_least_stable_task_stand_side_by_side():
    report = analyse(shop(0.5))
    first = report.contrasts[0]

    assert (first.arm, first.left["success"], first.right["success"]) == ("candidate", True, False)
    assert "runs fail" in first.why and first.left["calls"][0].startswith("find {")
    assert len(report.contrasts) == 6


def test_tasks_that_never_vary_are_no_contrast():
    steady = run(
        {"agent": many("+++", 4)}, extra=lambda t: {"answer": "done", "calls": (TrialCall("act", {}),)}
    )

    assert analyse(steady).contrasts == ()


def test_two_runs_are_paired_by_task_and_epoch():
    before = run({"agent": evenly([5] * 20, 5)}, success(), suite_hash="same", id="old")
    after = run({"agent": evenly([2] * 20, 5)}, suite_hash="same", id="new")
    both = merged(before, after, gates=(NO_WORSE,))
    report = analyse(both)

    assert (both.info.id, both.info.arms, both.info.design.epochs) == (
        "old / new",
        ("baseline", "candidate"),
        5,
    )
    assert all(one.task == other.task for one, other in zip(both.trials[::2], both.trials[1::2], strict=True))
    assert report.verdict is Verdict.BLOCK
    assert any(note.startswith("The arms are two runs made at different times") for note in report.notes)


def test_runs_of_different_suites_are_not_compared():
    one, other = run({"agent": many("+", 2)}), run({"agent": many("+", 2)}, suite_hash="other")

    with pytest.raises(BadInput, match="run both with the same suite file"):
        merged(one, other)
    with pytest.raises(BadInput, match="no task stands in both"):
        merged(one, run({"agent": {"another": "+"}}))


def test_an_arm_of_a_run_is_named_where_it_has_several():
    two = run({"baseline": many("+", 2), "candidate": many("-", 2)})
    odd = run({"a": many("+", 2), "b": many("-", 2)})

    assert [trial.success for trial in merged(two, two).of("candidate")] == [False, False]
    assert [
        trial.success for trial in merged(odd, odd, baseline_arm="b", candidate_arm="a").of("baseline")
    ] == [False] * 2
    with pytest.raises(BadInput, match="name one of a, b"):
        merged(odd, odd)
    with pytest.raises(BadInput, match="no arm 'c'"):
        merged(odd, odd, baseline_arm="c")


def test_the_map_has_a_point_for_each_answer():
    found = shop(0.5)
    report = analyse(found, vectors=vectors(found), embedder="lexical crc32-1024")

    assert len(report.map.points) == 200 and 0 < report.map.explained <= 1.000001
    assert any("cannot see the outcome" in note for note in report.notes)
    assert any("compare spelling" in note for note in report.notes)
    assert analyse(found).map is None


def test_of_three_tasks_nothing_is_said_about_how_much_answers_vary():
    found = shop(0.5, tasks=3)
    (one,) = (
        one
        for one in analyse(found, vectors=vectors(found)).comparisons
        if one.metric == "answers more variable"
    )

    assert (one.p, one.detectable) == (None, None)
    assert "only 3 tasks ran twice in both arms, which are too few to say" in one.told
    assert one.difference is None or one.difference.high is None


def test_a_run_is_not_compared_with_itself():
    one = run({"agent": many("+++", 20)}, source="remit trial run")

    with pytest.raises(BadInput, match="both sides are the same runs"):
        merged(one, one)


def test_where_a_run_begins_and_ends_is_told_in_words():
    def extra(told: dict) -> dict:
        return {"calls": calls("find") if told["arm"] == "baseline" else calls("guess")}

    arms = {"baseline": many("+++", 8), "candidate": many("+++", 8)}
    (one,) = (one for one in analyse(run(arms, extra=extra)).comparisons if one.metric == "tools")

    assert "(start) → guess" in one.told
    assert "^" not in one.told


def test_beside_a_baseline_that_is_often_cut_off_no_run_is_called_slower_than_without_end():
    marks = {f"t{at}": "+++t" for at in range(5)}
    report = analyse(run({"baseline": marks, "candidate": marks}, extra=lambda _: {"latency_s": 1.0}))

    (tail,) = (one for one in report.comparisons if one.metric == "slow tail")

    assert tail.p is None
    assert "so many of the baseline's runs were cut off" in tail.told
    assert not any("inf s" in one.told for one in report.comparisons)
