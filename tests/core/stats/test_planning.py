import pytest

from remit.core.stats.planning import detectable, pairs, without_failure


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


@pytest.mark.parametrize(
    ("tasks", "epochs", "suite", "population"),
    [
        (20, 1, 0.275, 0.277),
        (20, 5, 0.123, 0.127),
        (20, 20, 0.061, 0.070),
        (50, 4, 0.087, 0.089),
        (200, 1, 0.087, 0.087),
    ],
)
def test_the_smallest_difference_that_a_design_sees(
    tasks: int, epochs: int, suite: float, population: float
) -> None:
    assert detectable(tasks, epochs) == pytest.approx(suite, abs=6e-4)
    assert detectable(tasks, epochs, task_sd=0.05) == pytest.approx(population, abs=6e-4)


def test_what_cannot_be_planned_is_told() -> None:
    with pytest.raises(ValueError, match="needs p between 0 and 1, found 1"):
        without_failure(1.0)
    with pytest.raises(ValueError, match="drop <= discordance"):
        pairs(0.2, 0.1)
    with pytest.raises(ValueError, match="icc 1"):
        detectable(20, 5, icc=1.0)
