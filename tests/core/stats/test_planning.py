import numpy as np
import pytest
from scipy.stats import binom

from remit.core.stats.compare_rates import surprise
from remit.core.stats.mcnemar import mcnemar_worse_p
from remit.core.stats.planning import detectable, pairs, without_failure
from remit.core.stats.task_pair import task_pairs


@pytest.mark.parametrize(("p", "trials"), [(0.80, 14), (0.90, 29), (0.95, 59), (0.99, 299), (0.999, 2995)])
def test_zero_failures_that_a_claim_needs(p: float, trials: int) -> None:
    # Hand-counted: the first n with p ** n <= .05.
    assert without_failure(p) == trials
    assert p**trials <= 0.05 < p ** (trials - 1)


@pytest.mark.parametrize(("quantile", "runs"), [(0.50, 5), (0.90, 29), (0.95, 59), (0.99, 299)])
def test_runs_before_a_latency_has_an_upper_bound(quantile: float, runs: int) -> None:
    assert without_failure(quantile) == runs


@pytest.mark.parametrize(
    ("drop", "wanted"), [(0.10, (82, 168, 254)), (0.05, (339, 682, 1024)), (0.02, (2138, 4279, 6420))]
)
def test_pairs_that_find_a_drop(drop: float, wanted: tuple[int, ...]) -> None:
    assert tuple(pairs(drop, share) for share in (0.1, 0.2, 0.3)) == wanted


def test_pairs_as_by_hand() -> None:
    # (1.644854 * sqrt(.2) + 1.281552 * sqrt(.2 - .01)) / .1 = 12.9422; its square is 167.5.
    assert pairs(0.10, 0.20) == 168


@pytest.mark.parametrize(("task_sd", "wanted"), [(None, 0.00388), (0.05, 0.00604)])
def test_of_many_trials_the_smallest_drop_is_that_of_the_published_formula(
    task_sd: float | None, wanted: float
) -> None:
    # Miller (2024): 2.9264 * sqrt(2 * .16 * .55 / 100,000 + sd ** 2 / 1,000).
    assert detectable(1000, 100, task_sd=task_sd) == pytest.approx(wanted, rel=0.02)


@pytest.mark.parametrize("tasks", [20, 50, 200])
@pytest.mark.parametrize("rate", [0.5, 0.8, 0.95])
def test_one_run_of_each_task_finds_the_drop_as_often_as_planned(rate: float, tasks: int) -> None:
    # Every outcome of McNemar's exact test, summed.
    drop = detectable(tasks, 1, rate=rate, icc=0.0) or 0.0
    lost, won = rate * (1 - rate + drop), (1 - rate) * (rate - drop)

    found = sum(
        binom.pmf(changed, tasks, lost + won) * binom.pmf(down, changed, lost / (lost + won))
        for changed in range(tasks + 1)
        for down in range(changed + 1)
        if mcnemar_worse_p(down, changed - down) <= 0.05
    )

    assert 0.86 <= found <= 0.97


@pytest.mark.parametrize(
    ("tasks", "epochs", "question"),
    [(10, 10, "suite"), (5, 4, "suite"), (8, 10, "population"), (20, 5, "population")],
)
def test_several_runs_of_each_task_find_the_drop_as_often_as_planned(
    tasks: int, epochs: int, question: str
) -> None:
    random = np.random.default_rng(7)
    drop = detectable(tasks, epochs, icc=0.0, task_sd=0.0 if question == "population" else None) or 0.0
    runs = [[(int(k), epochs) for k in random.binomial(epochs, p, tasks)] for p in (0.8, 0.8 - drop) * 200]

    found = sum(
        surprise(task_pairs(before, after, None), question).worse <= 0.05
        for before, after in zip(runs[::2], runs[1::2], strict=True)
    )

    assert 0.84 <= found / 200 <= 0.98


def test_so_few_that_nothing_could_be_found_are_told() -> None:
    assert detectable(1, 1) is None
    assert detectable(4, 50, task_sd=0.05) is None  # four losses of four: 1 of 16 ways to swap the arms
    assert detectable(4, 50) is not None


def test_other_tasks_are_never_easier_to_speak_for_than_these() -> None:
    for tasks, epochs in ((5, 4), (20, 5), (50, 4), (200, 1), (1000, 100)):
        assert (detectable(tasks, epochs, task_sd=0.0) or 1) >= (detectable(tasks, epochs) or 1) - 1e-9


def test_what_cannot_be_planned_is_told() -> None:
    with pytest.raises(ValueError, match="needs p between 0 and 1, found 1"):
        without_failure(1.0)
    with pytest.raises(ValueError, match="drop <= discordance"):
        pairs(0.2, 0.1)
    with pytest.raises(ValueError, match="icc 1"):
        detectable(20, 5, icc=1.0)
