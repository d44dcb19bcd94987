import pytest

from remit.core.stats.compare_rates import compare_rates
from remit.core.stats.mcnemar import mcnemar_p
from remit.core.stats.task_pair import TaskPair
from remit.core.stats.within_task import within_task

QUESTIONS = pytest.mark.parametrize("question", ["suite", "population"])


def test_the_question_decides_what_counts() -> None:
    # Tasks moved: half of them got worse by as much as the others got better, and one more. On these, worse; on tasks
    # like these, nobody knows.
    baseline = [(20, 20)] * 6 + [(0, 20)] * 5
    candidate = [(0, 20)] * 6 + [(20, 20)] * 5

    here = compare_rates(baseline, candidate, "suite")
    there = compare_rates(baseline, candidate, "population")

    assert (here.unit, here.n, there.unit, there.n) == ("trials", 440, "tasks", 11)
    assert here.difference == there.difference == pytest.approx(-1 / 11)
    assert here.p_worse < 0.05 < 0.3 < there.p_worse
    assert here.high < 0 < there.high


def test_one_run_each_is_mcnemars_test_for_both_questions() -> None:
    baseline = [(1, 1)] * 10 + [(0, 1)] * 10
    candidate = [(0, 1)] * 3 + [(1, 1)] * 13 + [(0, 1)] * 4

    found = [compare_rates(baseline, candidate, question) for question in ("suite", "population")]

    assert [one.p_two_sided for one in found] == pytest.approx([0.5078125] * 2)
    assert found[0].method == "McNemar (exact)"
    assert found[0].low == found[1].low and "Tango" in found[0].interval_method
    # It is the within-task permutation, where each task ran once.
    pairs = [TaskPair(b, 1, c, 1) for (b, _), (c, _) in zip(baseline, candidate, strict=True)]
    assert within_task(pairs).p_two_sided == pytest.approx(mcnemar_p(3, 6))


@QUESTIONS
def test_the_interval_and_no_worse_agree(question: str) -> None:
    baseline, candidate = [(18, 20), (20, 20), (11, 20)] * 6, [(17, 20), (20, 20), (12, 20)] * 6

    found = compare_rates(baseline, candidate, question, margin=0.08, confidence=0.90)

    # The interval's lower end, at one-sided 5 %, is the margin that is just ruled out at 5 %.
    at_end = compare_rates(baseline, candidate, question, margin=-found.low, confidence=0.90)
    assert at_end.p_not_worse == pytest.approx(0.05, abs=1e-6)
    assert found.low < found.difference < found.high
    assert (found.p_not_worse is not None) and (found.p_not_worse < 0.05) == (found.low > -0.08)


@QUESTIONS
def test_nothing_found_is_told_with_what_would_have_been(question: str) -> None:
    found = compare_rates([(10, 10)] * 20, [(10, 10)] * 20, question)

    assert found.p_two_sided == 1.0
    assert found.detectable is not None and 0 < found.detectable < 0.2


def test_more_tasks_tell_more_about_tasks_like_these_and_more_runs_about_these() -> None:
    few = compare_rates([(5, 5)] * 20, [(5, 5)] * 20, "population", margin=0.05)
    runs = compare_rates([(50, 50)] * 20, [(50, 50)] * 20, "population", margin=0.05)
    tasks = compare_rates([(5, 5)] * 100, [(5, 5)] * 100, "population", margin=0.05)
    here = compare_rates([(50, 50)] * 20, [(50, 50)] * 20, "suite", margin=0.05)

    assert few.p_not_worse == pytest.approx(runs.p_not_worse)
    assert tasks.p_not_worse is not None and tasks.p_not_worse < 0.05 < (few.p_not_worse or 0)
    assert here.p_not_worse is not None and here.p_not_worse < 1e-6


@QUESTIONS
def test_a_heavy_task_counts_more(question: str) -> None:
    baseline, candidate = [(5, 5)] * 12, [(0, 5)] + [(5, 5)] * 11

    light, heavy = (compare_rates(baseline, candidate, question, weights=[w] + [1.0] * 11) for w in (1, 4))

    assert (light.difference, heavy.difference) == pytest.approx((-1 / 12, -4 / 15))
    assert heavy.low < light.low


def test_a_task_that_ran_in_one_arm_only_is_left_out_and_told() -> None:
    found = compare_rates([(1, 2), (0, 0)], [(2, 2), (1, 1)])

    assert (found.tasks, found.left_out) == (1, 1)


def test_two_arms_swapped_give_the_same_in_the_other_direction() -> None:
    one, other = [(3, 5), (5, 5), (2, 4)] * 4, [(4, 5), (2, 3), (4, 4)] * 4

    for question in ("suite", "population"):
        there, back = compare_rates(one, other, question), compare_rates(other, one, question)
        assert (there.low, there.high) == pytest.approx((-back.high, -back.low), abs=1e-9)
        assert there.p_worse == pytest.approx(back.p_better)


@pytest.mark.parametrize(
    ("problem", "told"),
    [
        ({"question": "tasks"}, "question"),
        ({"margin": 0.0}, "margin"),
        ({"margin": 1.0}, "margin"),
        ({"confidence": 1.0}, "confidence"),
        ({"weights": [0.0]}, "weight"),
        ({"weights": [float("nan")]}, "weight"),
        ({"weights": [1.0, 1.0]}, "weights"),
        ({"candidate": [(2, 1)]}, "no shares"),
        ({"candidate": [(0, 0)]}, "no task ran in both"),
    ],
)
def test_what_cannot_be_compared_is_refused(problem: dict[str, object], told: str) -> None:
    given = {"baseline": [(1, 2)], "candidate": [(1, 2)], **problem}

    with pytest.raises(ValueError, match=told):
        compare_rates(**given)  # type: ignore[arg-type]


@QUESTIONS
@pytest.mark.parametrize("runs", [1, 2, 7])
def test_a_single_task_and_settled_tasks_give_numbers(question: str, runs: int) -> None:
    for baseline, candidate in (([runs], [0]), ([0], [0]), ([runs], [runs]), ([0, runs], [runs, 0])):
        found = compare_rates(
            [(k, runs) for k in baseline], [(k, runs) for k in candidate], question, margin=0.1
        )
        assert -1 <= found.low <= found.difference + 1e-9 and found.difference - 1e-9 <= found.high <= 1
        assert found.p_not_worse is not None and 0 <= found.p_not_worse <= 1


@pytest.mark.parametrize("question", ["suite", "population"])
@pytest.mark.parametrize(
    ("passes", "weights"),
    [([3] * 3, [2.0, 0.1, 2.0]), ([5] * 4, [1.0, 2.0, 2.0, 0.1]), ([3] * 5, [0.1] * 5), ([1] * 6, None)],
)
def test_rates_that_sum_to_a_little_more_than_1_are_1(
    question: str, passes: list[int], weights: list[float] | None
) -> None:
    whole = [(n, n) for n in passes]

    found = compare_rates(whole, whole, question, weights=weights, margin=0.05)

    assert 0 <= found.p_worse <= 1
    assert -1 <= found.low <= 0 <= found.high <= 1
