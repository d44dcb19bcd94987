"""When a run stops for what was lost or broken: each count with the first trial that makes it so."""

from __future__ import annotations

import pytest

from remit.core.trial.suite import Design
from remit.core.trial.trial import Breach, Status, Trial
from remit.usecases.trials.deciding import HOPELESS, Deciding


def deciding(arms: tuple[str, ...] = ("agent",), planned: int = 100) -> Deciding:
    return Deciding(arms, Design(epochs=planned, max_infrastructure=0.1), (), planned)


def trial(draw: int, status: Status = Status.PASSED, arm: str = "agent", **more: object) -> Trial:
    return Trial(draw, arm, "a", draw, status, **more)  # type: ignore[arg-type]


def test_more_than_the_allowed_share_of_all_planned_trials_lost_to_the_world_ends_the_run():
    one = deciding()
    one.add(trial(0))
    for draw in range(1, 11):
        one.add(trial(draw, Status.INFRASTRUCTURE, reason="connection refused"))
    assert one.why == ""

    one.add(trial(11, Status.INFRASTRUCTURE, reason="connection refused"))

    assert one.why == "11 of 12 trials of 'agent' were lost to the world: connection refused"


def test_an_arm_of_which_nothing_came_back_is_given_up_after_ten():
    one = deciding(("baseline", "candidate"), planned=1_000)
    for draw in range(HOPELESS):
        assert one.why == ""
        one.add(trial(draw, arm="baseline"))
        one.add(trial(draw, Status.INFRASTRUCTURE, "candidate"))

    assert one.why.startswith("10 of 10 trials of 'candidate' were lost to the world")


def test_one_that_came_back_is_reason_enough_to_go_on():
    one = deciding(planned=1_000)
    one.add(trial(0, Status.FAILED))
    for draw in range(1, 3 * HOPELESS):
        one.add(trial(draw, Status.INFRASTRUCTURE))

    assert one.why == ""


@pytest.mark.parametrize(("error", "how"), [(False, "was broken"), (True, "could not be judged")])
def test_the_first_breach_ends_the_run_and_is_told_as_what_it_is(error, how):
    one = deciding()
    one.add(trial(3, breaches=(Breach("safety", "it paid twice", error=error),)))
    one.add(trial(4, breaches=(Breach("deadline", "too late"),)))

    assert one.why == f"the invariant 'safety' {how} in trial 3 of 'agent': it paid twice"


def test_draws_count_from_the_first_on_and_only_where_every_arm_has_ended():
    one = deciding(("baseline", "candidate"))
    for draw, arm in [(1, "baseline"), (1, "candidate"), (0, "candidate")]:
        one.add(trial(draw, arm=arm))
    assert one.upto == 0

    one.add(trial(0, arm="baseline"))
    assert one.upto == 2
