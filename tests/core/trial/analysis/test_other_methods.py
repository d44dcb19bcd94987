"""The comparison of two arms by published methods: each gives its published value, and none decides."""

from math import sqrt

import pytest
from scipy.stats import binomtest, boschloo_exact, ttest_rel
from tests.core.trial.run_help import evenly, many, run

from remit.core.errors import BadInput
from remit.core.trial.analysis.analyse import analyse
from remit.core.trial.report import OtherMethod, Report
from remit.core.trial.run import Run
from remit.core.trial.suite import Design, Rule
from remit.core.trial.verdict import Verdict

NO_WORSE = Rule("no-worse", "not_worse", {"margin": 0.05})


def told(one: Run, **more: object) -> tuple[Report, dict[str, OtherMethod]]:
    report = analyse(one, methods=True, **more)  # type: ignore[arg-type]
    return report, {method.name.split(" (")[0]: method for method in report.methods}


def arms(before: dict[str, str], after: dict[str, str], *gates: Rule, **more: object) -> Run:
    return run({"baseline": before, "candidate": after}, *gates, **more)


def once(marks: str) -> dict[str, str]:
    return {f"t{at}": mark for at, mark in enumerate(marks)}


def test_one_run_each_is_compared_as_mcnemar_and_tango_published() -> None:
    """21 children of Fagerland, Lydersen and Laake (2014), 1 and 7 changes: McNemar .070, Tango (-.517, -.026)."""
    before, after = once("+" * 8 + "-" * 13), once("+" + "-" * 7 + "+" + "-" * 12)

    _, by = told(arms(before, after))

    assert by["McNemar"].p == pytest.approx(binomtest(1, 8).pvalue)
    assert round(by["McNemar"].p or 0, 3) == 0.070
    assert by["McNemar"].details["baseline_only"] == 7
    assert by["McNemar"].details["candidate_only"] == 1
    difference = by["Tango"].difference
    assert difference is not None
    assert (difference.low, difference.high) == pytest.approx((-0.517, -0.026), abs=5e-4)
    assert by["McNemar"].question == by["Tango"].question == "either"


def test_two_samples_are_compared_as_boschloo_published() -> None:
    """20 of 60 against 8 of 60."""
    _, by = told(arms(once("+" * 20 + "-" * 40), once("-" * 52 + "+" * 8)))

    found = by["Boschloo"]

    samples = [[8, 20], [52, 40]]
    assert found.details["p_worse"] == pytest.approx(boschloo_exact(samples, alternative="less").pvalue)
    assert (found.details["baseline"], found.details["candidate"]) == ([20, 60], [8, 60])
    assert "does not know which runs were of one task" in found.told


def test_means_of_tasks_are_compared_by_student_with_his_interval() -> None:
    before, after = [5, 4, 5, 3, 2, 5, 4, 4], [4, 4, 3, 3, 1, 5, 2, 4]

    _, by = told(arms(evenly(before, 5), evenly(after, 5)))

    expected = ttest_rel([k / 5 for k in after], [k / 5 for k in before])
    low, high = expected.confidence_interval()
    found = by["paired t on task means"]
    assert (found.p, found.question) == (pytest.approx(expected.pvalue), "tasks like these")
    assert found.difference is not None
    assert (found.difference.low, found.difference.high) == pytest.approx((low, high))
    assert found.told == "8 tasks are few for it."


def test_runs_of_a_task_are_compared_by_mantel_and_haenszel_and_by_dealing_them() -> None:
    """Eight tasks of five runs, all passed by the baseline, three by the candidate: z by hand."""
    _, by = told(arms(many("+++++", 8), many("+++--", 8)))

    variance = 8 * 8 * 2 * 25 / (100 * 9)
    assert by["Cochran-Mantel-Haenszel"].details["z"] == pytest.approx(8 / sqrt(variance))
    assert by["within-task permutation"].details["p_worse"] == pytest.approx((2 / 9) ** 8)
    assert by["within-task permutation"].says == by["Cochran-Mantel-Haenszel"].says == "worse"
    assert by["McNemar"].details["baseline_only"] == 16
    assert "paired by their number" in by["McNemar"].told
    assert "too sure of tasks like these" in by["Boschloo"].told


def test_answers_are_compared_by_their_energy_and_by_a_kernel() -> None:
    here, there = [0.0, 1.0], [1.0, 0.0]
    extra = lambda told: {"answer": told["arm"]}  # noqa: E731
    one = arms(many("++++", 5), many("++++", 5), extra=extra)

    _, by = told(one, vectors={"baseline": here, "candidate": there}, embedder="hand")

    energy, kernel = (
        by["energy distance, permuted within tasks"],
        by["maximum mean discrepancy, permuted within tasks"],
    )
    assert energy.difference is not None
    assert energy.difference.value == pytest.approx(2 * sqrt(2))
    assert energy.says == kernel.says == "moved"
    assert (energy.p or 1) <= 0.01 >= (kernel.p or 1)
    assert "energy distance, permuted within tasks" not in told(one)[1]


def test_they_decide_nothing_and_their_p_values_are_corrected_together() -> None:
    one = arms(many("+++++", 8), many("++++-", 8), NO_WORSE, design=Design(epochs=5, gates=(NO_WORSE,)))

    report, by = told(one)

    without = analyse(one)
    assert (report.verdict, report.rulings, report.comparisons) == (
        without.verdict,
        without.rulings,
        without.comparisons,
    )
    assert without.methods == ()
    tested = sorted(method.p for method in by.values() if method.p is not None)
    adjusted = [method.adjusted for method in by.values() if method.adjusted is not None]
    assert min(adjusted) == pytest.approx(min(1.0, tested[0] * len(tested)))
    assert "Gate no-worse decides" in report.methods_told
    assert f"{len(tested)} p-values are corrected together (Holm)" in report.methods_told


def test_one_that_says_otherwise_than_the_gate_says_why_that_can_be() -> None:
    rule = Rule("no-worse", "not_worse", {"margin": 0.3})
    one = arms(many("+++++", 20), many("++++-", 20), rule, design=Design(epochs=5, gates=(rule,)))

    report, by = told(one)

    assert report.verdict is Verdict.PASS
    assert by["within-task permutation"].says == "worse"
    assert "allows one of up to 30 points: both can hold" in by["within-task permutation"].told


def test_one_that_asks_another_question_than_the_gate_says_so() -> None:
    """A few tasks all lost: worse on this suite, and hardly known of tasks like these."""
    before = many("+++++", 6)
    after = {**before, "t0": "-----", "t1": "-----"}
    one = arms(before, after, NO_WORSE, design=Design(epochs=5, gates=(NO_WORSE,)))

    report, by = told(one)

    assert report.verdict is Verdict.BLOCK
    assert by["sign-flip on task means"].says == "no difference found"
    assert "asks about tasks like these, the gate about this suite" in by["sign-flip on task means"].told


def test_after_an_early_stop_it_is_said_that_they_count_as_if_there_was_none() -> None:
    design = Design("sequential", max_trials=400, gates=(NO_WORSE,))
    report, _ = told(arms(many("+", 200), many("-", 200), NO_WORSE, design=design))

    assert "as if the number of trials had been fixed" in report.methods_told


def test_arms_without_a_common_task_have_the_unpaired_methods_only() -> None:
    _, by = told(run({"baseline": once("++-"), "candidate": {"u1": "+", "u2": "-"}}))

    assert list(by) == ["Boschloo", "Farrington-Manning"]


def test_one_arm_has_nothing_to_be_compared_with() -> None:
    with pytest.raises(BadInput, match="one arm, and methods compare two"):
        analyse(run({"agent": many("++", 3)}), methods=True)


def test_what_a_method_leaves_out_is_said() -> None:
    _, by = told(arms(many("+-", 4), many("-+", 4), weights={"t0": 3.0}))

    for name in ("Cochran-Mantel-Haenszel", "McNemar", "Boschloo"):
        assert "Weights of tasks are no part of it." in by[name].told
    assert "Weights" not in by["within-task permutation"].told
