"""A task counts by its weight in every gate of a fixed design, and not by how many of its runs the world let through."""

from collections.abc import Mapping, Sequence

import pytest
from tests.core.trial.gate_help import ruled, trial

from remit.core.trial.gates.table import gates_of
from remit.core.trial.report import Ruling
from remit.core.trial.suite import Design, Question, Rule
from remit.core.trial.trial import Trial
from remit.core.trial.verdict import Verdict

BOTH = ("baseline", "candidate")
HEAVY = {"t0": 3.0, "t1": 1.0}


def of(
    kind: str,
    settings: Mapping[str, object],
    results: Sequence[Mapping[str, Trial]],
    weights: Mapping[str, float] = HEAVY,
    **more: object,
) -> Ruling:
    arms = tuple(results[0])
    design = Design(gates=(Rule("gate", kind, settings),), **more)  # type: ignore[arg-type]
    return ruled(gates_of(design, arms, weights)[0], results)


def runs(*tasks: str, arm: str = "agent") -> list[Mapping[str, Trial]]:
    """One word for each task: `+` is a run that passed, `-` one that failed, `.` one whose world failed."""
    ends = {"+": True, "-": False, ".": None}
    return [
        {arm: trial(epoch * len(tasks) + at, ends[word[epoch]], arm, len(tasks))}
        for epoch in range(len(tasks[0]))
        for at, word in enumerate(tasks)
    ]


def against_perfect(*tasks: str) -> list[Mapping[str, Trial]]:
    """The candidate's runs as of `runs`, beside a baseline that never fails."""
    perfect = runs(*("+" * len(word) for word in tasks), arm="baseline")
    return [{**one, **other} for one, other in zip(perfect, runs(*tasks, arm="candidate"), strict=True)]


def test_a_task_that_weighs_three_times_as_much_counts_three_times_as_much():
    # Pooled, 100 of 200 block at a bar of 60 %; the heavy task's successes are three quarters of all.
    ruling = of("success", {"at_least": 0.6}, runs("+" * 100, "-" * 100))
    turned = of("success", {"at_least": 0.6}, runs("-" * 100, "+" * 100))

    assert (ruling.verdict, turned.verdict) == (Verdict.PASS, Verdict.BLOCK)
    assert [one.estimates[0].value for one in (ruling, turned)] == [pytest.approx(0.75), pytest.approx(0.25)]
    assert ruling.estimates[0].method == "mean of bounded values over trials by weight (Gaffke)"
    assert ruling.details["unit"] == "trials"


def test_a_task_whose_runs_the_world_broke_counts_no_less():
    # Twenty of forty, and twice the weight: one run of it stands for four of the other task, not for one.
    ruling = of(
        "success", {"at_least": 0.5}, runs("+" * 40, "-" * 20 + "." * 20), weights={"t0": 1.0, "t1": 2.0}
    )
    estimate = ruling.estimates[0]

    assert ruling.verdict is Verdict.BLOCK and ruling.details["skipped"] == 20
    assert estimate.value == pytest.approx(1 / 3) and estimate.low < 1 / 3 < estimate.high


def test_tasks_like_these_count_by_weight_too():
    words = ("-", *["+"] * 9)
    ruling = of(
        "success", {"at_least": 0.5}, runs(*words), weights={"t0": 91.0}, question=Question.POPULATION
    )
    estimate = ruling.estimates[0]

    assert estimate.value == pytest.approx(0.09) and estimate.low < 0.09 < estimate.high
    assert (estimate.method, estimate.unit) == ("mean of bounded values over tasks (Gaffke)", "tasks")


def test_the_chance_that_all_runs_succeed_is_weighted():
    ruling = of("pass_hat", {"k": 2, "at_least": 0.5}, runs("++++", "----"))

    assert ruling.estimates[0].value == pytest.approx(0.75)


def test_how_alike_two_runs_are_is_weighted():
    # Of four runs, two of which pass, two of the six pairs end alike: (3 * 1 + 1 / 3) / 4.
    ruling = of("stable", {"at_least": 0.5}, runs("++++", "++--"))
    change = of("stable", {"margin": 0.3}, against_perfect("++++", "++--"))

    assert ruling.estimates[0].value == pytest.approx(5 / 6)
    assert change.estimates[0].value == pytest.approx(5 / 6 - 1)
    assert "in 83 % of cases, 100 % before" in change.sentence


@pytest.mark.parametrize("question", Question)
def test_a_loss_is_weighted(question):
    light = of("not_worse", {"margin": 0.1}, against_perfect("+" * 30, "-" * 30), question=question)
    heavy = of("not_worse", {"margin": 0.1}, against_perfect("-" * 30, "+" * 30), question=question)

    assert [one.estimates[0].value for one in (light, heavy)] == [
        pytest.approx(-0.25),
        pytest.approx(-0.75),
    ]
