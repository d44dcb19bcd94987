"""Intervals on which gates rest cover, and gates are wrong no more often than they say; the controls are caught.

The short form asks whether anything was *shown* to fall short; `make soak` measures every cell of the whole grid.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from benchmarks.validity_coverage import DISPLAYED, RARE, SHORT, Cell, Grid

from benchmarks import validity, validity_coverage, validity_exact, validity_gates, validity_pairs
from remit.core.stats.bounded_mean import interval
from remit.core.stats.proportion import clopper_pearson
from remit.core.stats.sprt import plan
from remit.core.trial.verdict import Verdict

ALLOWED = 0.94
"""Of a 95 % interval: nominal less one point."""
SAMPLES = 400
PASS_HAT = Grid((20,), (8,), (0.7, 0.98), (0.0, 0.4, RARE))


def short() -> list[Cell]:
    return [
        *validity_coverage.of_uneven_tasks(SHORT, SAMPLES, 1),
        *validity_coverage.of_weighted_tasks(200, 1, (10,)),
        *validity_coverage.of_drawn_tasks(SHORT, SAMPLES, 1),
        *validity_coverage.of_strata(200, 1, (10,)),
        *validity_coverage.of_pass_hat(PASS_HAT, SAMPLES, 1),
    ]


def shown_to_fall_short(cell: Cell, samples: int) -> bool:
    """Whether less than what is allowed was shown, being right 99.99 % of the time: there are hundreds of cells."""
    return clopper_pearson(round(cell.covered * samples), samples, 0.9998)[1] < ALLOWED


def test_intervals_that_gates_rest_on_cover_and_the_control_does_not() -> None:
    found = short()
    gating = [cell for cell in found if "(gates)" in cell.method]
    control = [cell for cell in found if cell.method == "t over tasks" and cell.told > 0.5]

    assert len(gating) > 250
    assert [cell for cell in gating if shown_to_fall_short(cell, 200)] == []
    assert any(shown_to_fall_short(cell, round(SAMPLES / DISPLAYED * cell.told)) for cell in control)


def test_coverage_is_that_of_the_interval_itself() -> None:
    rng, truth = np.random.default_rng(2), 0.7
    values, weights = np.array([0.0, 0.5, 1.0]), np.array([1.0, 2.0, 1.0])
    counts = rng.multinomial(6, [0.2, 0.2, 0.6], 60).T.astype(float)

    found = validity_coverage.inside(values, weights, counts, truth)

    for sample, held in zip(counts.T, found, strict=True):
        heaviest = weights[sample > 0].max()
        if heaviest < 2.0:  # the heaviest of each sample alone is added to it
            continue
        low, high = interval(values, weights, sample.astype(int))
        assert (low <= truth <= high) is bool(held)
    assert 0 < found.sum() < len(found) or found.all()


def test_one_rate_covers_exactly_and_wilson_near_one_does_not() -> None:
    least = {(name, n): low for name, n, low, _ in validity_exact.of_one_rate()}

    assert all(low >= 0.95 for (name, _), low in least.items() if "(gates)" in name)
    assert round(least["Wilson", 10], 2) == 0.84
    assert round(least["Wilson", 30], 2) == 0.86


def test_intervals_after_stopping_cover_exactly_and_the_usual_ones_do_not() -> None:
    found = list(validity_exact.after_stopping(((0.90, 0.97), (0.70, 0.85))))

    assert [one for one in found if "(gates)" in one[1] and one[2] < 0.95] == []
    assert all(one[2] < ALLOWED for one in found if "(gates)" not in one[1])


def test_ends_are_all_there_are() -> None:
    gate = plan(0.90, 0.97)
    mass = validity_exact.ends(gate, 0.93)

    assert math.fsum(mass.values()) == pytest.approx(1.0)
    passed = math.fsum(share for end, share in mass.items() if gate.step(*end) == "pass")
    assert passed == pytest.approx(gate.expected(0.93).passes)


def test_the_confidence_sequence_is_right_at_all_looks_together() -> None:
    assert all(share >= 0.95 for _, share in validity_exact.at_any_time(500))


def test_gates_fed_in_start_order_are_wrong_no_more_often_than_they_say() -> None:
    found = [validity_gates.measured(case, 1_000, 3) for case in validity_gates.cases(wide=False)]

    assert [one for one in found if not one.holds] == []
    # The plan's own sum is what comes of it.
    exact = plan(0.90, 0.97).expected(0.90)
    low, high = clopper_pearson(found[0].wrong, found[0].of, 0.999)
    assert low <= exact.passes <= high
    assert found[0].trials == pytest.approx(exact.trials, rel=0.1)


def test_gates_fed_or_made_as_they_are_not_to_be_are_caught() -> None:
    for case in validity_gates.traps():
        found = validity_gates.measured(case, 400, 3)
        assert not found.holds, case
        assert found.least > found.nominal


def test_stopping_early_has_the_power_of_the_fixed_test_and_saves_a_fifth_at_worst() -> None:
    for _, fixed, power, sequential, shares in validity_gates.saved():
        assert fixed.n > 0 and power >= 0.90 and sequential >= 0.90
        assert min(shares) >= 0.195
        assert shares[1] >= 0.5 and shares[3] >= 0.25


def test_the_suite_of_the_simulation_has_the_rate_that_it_says() -> None:
    for rate in (0.7, 0.9, 0.97, 0.99):
        p, weights = validity_gates.suite(rate)
        assert float(p @ weights) == pytest.approx(rate)
        assert p.min() < rate - 0.01 and p.min() >= 0 and p.max() <= 1
    look, cap = validity_gates.looks("truncated", 0.90, 0.97)
    assert (cap, look(40, 0), look(39, 0), look(5, 5)) == (129, Verdict.PASS, None, Verdict.BLOCK)


def test_two_arms_looked_at_after_every_pair_are_confused_no_more_often_than_is_said() -> None:
    found = [validity_pairs.compared(truth, 300, 3) for truth in validity_pairs.truths()]

    assert [one for one in found if one.least is not None and one.least > validity_pairs.ALPHA] == []
    much_worse = [one for one in found if one.truth.difference == -0.10]
    assert much_worse and all(one.blocked > 0.97 * one.of and one.pairs < 250 for one in much_worse)


@pytest.mark.soak
def test_every_gating_interval_covers_over_the_whole_grid() -> None:
    found = list(validity.cells(validity.FULL_SAMPLES, validity.SEED, wide=True))

    assert [cell for cell in found if "(gates)" in cell.method and cell.covered < ALLOWED] == []
    assert validity.least(found, "t over tasks") < 0.9


@pytest.mark.soak
def test_every_sequential_gate_keeps_its_errors() -> None:
    for case in validity_gates.cases(wide=True):
        assert validity_gates.measured(case, validity.FULL_SAMPLES, validity.SEED).holds, case
    for truth in validity_pairs.truths():
        found = validity_pairs.compared(truth, validity.FULL_SAMPLES, validity.SEED)
        assert found.least is None or found.least <= validity_pairs.ALPHA, truth
