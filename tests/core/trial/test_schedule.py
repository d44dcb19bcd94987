from collections import Counter
from itertools import islice

import pytest

from remit.core.trial.schedule import slots
from remit.core.trial.suite import Design

WEIGHTS = {"a": 1.0, "b": 3.0}


def test_a_fixed_design_runs_every_task_as_often_in_every_arm():
    found = list(slots(Design(epochs=3), WEIGHTS, ["baseline", "candidate"]))

    assert Counter((s.arm, s.task) for s in found) == {
        (arm, task): 3 for arm in ("baseline", "candidate") for task in WEIGHTS
    }
    assert {s.epoch for s in found} == {0, 1, 2}


def test_both_arms_of_a_draw_start_one_after_the_other_and_neither_is_always_first():
    found = list(slots(Design(epochs=40), WEIGHTS, ["baseline", "candidate"]))

    assert [s.draw for s in found] == [draw for draw in range(80) for _ in range(2)]
    assert {s.arm for s in found[::2]} == {"baseline", "candidate"}
    assert all(one.task == other.task for one, other in zip(found[::2], found[1::2], strict=True))


def test_tasks_are_drawn_as_often_as_they_weigh():
    weights = {**WEIGHTS, "c": 4.0}
    drawn = Counter(s.task for s in slots(Design("sequential", max_trials=4000), weights, ["agent"]))

    assert [drawn[task] / 4000 for task in "abc"] == pytest.approx([0.125, 0.375, 0.5], abs=0.03)


@pytest.mark.parametrize("kind", ["fixed", "sequential"])
def test_the_order_is_the_seeds_and_nothing_elses(kind):
    def order(seed: int) -> list[str]:
        return [s.task for s in slots(Design(kind, epochs=20, seed=seed), WEIGHTS, ["agent"])]

    assert order(1) == order(1) != order(2)


def test_a_fixed_design_runs_its_tasks_in_random_order():
    # Neither one task after the other nor in turns: what drifts within a day would else meet some tasks only.
    order = [s.task for s in slots(Design(epochs=20), WEIGHTS, ["agent"])]

    assert "a" in order[20:] and "b" in order[:20]
    assert len(set(zip(order[::2], order[1::2], strict=True))) == 4


def test_no_two_trials_have_one_seed():
    seeds = [s.seed for s in slots(Design(epochs=100), WEIGHTS, ["baseline", "candidate"])]

    assert len(set(seeds)) == len(seeds) and max(seeds) < 2**31


def test_a_run_that_was_cut_off_goes_on_in_the_same_order():
    every = list(slots(Design(epochs=5), WEIGHTS, ["agent"]))

    assert list(islice(slots(Design(epochs=5), WEIGHTS, ["agent"]), 4, None)) == every[4:]
