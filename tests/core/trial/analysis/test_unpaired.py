import pytest
from tests.core.trial.run_help import run

from remit.core.trial.analysis.analyse import analyse


def success(baseline, candidate):
    arms = {
        "baseline": {f"b{at}": mark for at, mark in enumerate(baseline)},
        "candidate": {f"c{at}": mark for at, mark in enumerate(candidate)},
    }
    return next((one for one in analyse(run(arms)).comparisons if one.metric == "success"), None)


def test_arms_that_share_no_task_are_compared_as_two_samples():
    # 20 of 60 against 8 of 60: Boschloo's test gives .0053 on one side (scipy.stats.boschloo_exact).
    found = success("+" * 20 + "-" * 40, "+" * 8 + "-" * 52)

    assert (found.method, found.question) == ("Boschloo (exact), unpaired", "tasks like these")
    assert found.p == pytest.approx(2 * 0.005335, abs=1e-5)
    assert found.told == (
        "On other tasks than the baseline's, the candidate succeeds in 13 % of 60, the baseline in 33 % of 60: chance "
        "alone makes such a difference in 1.1 % of cases."
    )


def test_of_many_tasks_it_is_the_pooled_score_test():
    # Pooled rate .75, 400 each: z = .1 / sqrt(2 * .75 * .25 / 400) = 3.266, two-sided .00109.
    found = success("+" * 320 + "-" * 80, "+" * 280 + "-" * 120)

    assert found.method == "score (Farrington and Manning), unpaired"
    assert found.p == pytest.approx(0.00109, abs=2e-5)


def test_several_runs_of_a_task_are_no_separate_tasks_and_are_not_compared_so():
    assert success(["+++", "+--"], ["---", "---"]) is None
