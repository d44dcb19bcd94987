import pytest

from remit.core.stats.gate_plan import at_rate, at_rates, first_block, first_pass
from remit.core.stats.sprt import plan


@pytest.mark.parametrize(("p0", "p1", "most"), [(0.80, 0.90, 81.9), (0.95, 0.99, 121.5), (0.90, 0.95, 185.2)])
def test_the_costliest_rate_between_is_told(p0: float, p1: float, most: float) -> None:
    # As found on a coarser grid of rates.
    assert max(one.trials for one in at_rates(plan(p0, p1))) == pytest.approx(most, abs=0.8)


def test_a_run_that_is_cut_off_as_by_hand() -> None:
    # PASS after two successes, BLOCK at the first failure: after one trial, a success has decided nothing.
    gate = plan(0.1, 0.95, most=2)

    told = at_rate(gate, 0.8, most=1)
    assert (told.passes, told.undecided, told.trials) == pytest.approx((0.0, 0.8, 1.0))
    assert (first_pass(gate), first_block(gate)) == (2, 1)


def test_what_is_saved_is_a_share_of_the_fixed_test() -> None:
    # A perfect agent passes after 40 trials, and the fixed test takes 103.
    assert at_rate(plan(0.90, 0.97), 1.0).saved == pytest.approx(63 / 103)


def test_rates_below_zero_are_left_out() -> None:
    assert min(one.rate for one in at_rates(plan(0.1, 0.6))) == 0.1
