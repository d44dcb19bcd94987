"""Rates of an arm: hand-counted values, and what is said where there is little to say."""

from __future__ import annotations

import pytest

from remit.core.trial import rates
from remit.core.trial.run import Run, RunInfo, TaskInfo
from remit.core.trial.suite import Design
from remit.core.trial.trial import Status, Trial, TrialCall


def run_of(weights: dict[str, float] | None = None, **tasks: str) -> Run:
    """A letter for each trial: p passed, f failed, t timeout, i infrastructure."""
    ends = {"p": Status.PASSED, "f": Status.FAILED, "t": Status.TIMEOUT, "i": Status.INFRASTRUCTURE}
    trials = tuple(
        Trial(draw, "agent", task, epoch, ends[end])
        for draw, (task, epoch, end) in enumerate(
            (task, epoch, end) for task, ended in tasks.items() for epoch, end in enumerate(ended)
        )
    )
    infos = {task: TaskInfo((weights or {}).get(task, 1.0)) for task in tasks}
    return Run(RunInfo("r", "s", "", Design(), ("agent",), infos), trials)


def test_pass_hat_and_pass_at_are_counted_by_hand() -> None:
    # Of four runs with two passes one pair of six passes as a whole, and five have a pass; the other task always passes.
    found = rates.tally(run_of(a="ppff", b="pppp"), "agent")

    hat, at = rates.curves(found, "agent")

    assert [round(p.value or 0, 4) for p in hat.points] == [0.75, round((1 / 6 + 1) / 2, 4), 0.5, 0.5]
    assert [round(p.value or 0, 4) for p in at.points] == [0.75, round((5 / 6 + 1) / 2, 4), 1.0, 1.0]
    assert (hat.name, at.name, hat.points[1].name) == ("pass^", "pass@", "pass^2")


def test_timeouts_fail_and_broken_off_runs_count_neither_way() -> None:
    run = run_of(a="ptfi", b="ii")
    found = rates.tally(run, "agent")

    assert (found.tasks, found.passes, found.runs, found.unjudged) == (("a",), (1,), (3,), ("b",))
    assert rates.counts(run, "agent") == {
        "trials": 6,
        "tasks": 2,
        "passed": 1,
        "failed": 1,
        "timeout": 1,
        "infrastructure": 3,
    }


def test_tasks_count_by_their_weight() -> None:
    found = rates.tally(run_of({"a": 3.0}, a="pp", b="ff"), "agent")

    assert rates.success(found)[0].value == pytest.approx(0.75)


def test_a_k_beyond_the_runs_has_no_value_and_says_why() -> None:
    hat, _ = rates.curves(rates.tally(run_of(a="ppp", b="pf"), "agent"), "agent", 3)

    assert hat.points[1].value == pytest.approx(0.5)
    assert (hat.points[2].value, hat.points[2].method) == (None, "needs 3 runs of each task; b has 2")


def test_where_all_tasks_are_alike_the_interval_is_no_point() -> None:
    (this, like) = rates.success(rates.tally(run_of(**{f"t{n}": "pp" for n in range(20)}), "agent"))

    assert (this.low, this.high) == (pytest.approx(0.025 ** (1 / 40)), 1.0)
    assert (like.low, like.high) == (pytest.approx(0.025 ** (1 / 20), abs=1e-3), 1.0)
    assert this.gating
    assert like.gating


def test_without_a_judged_run_nothing_is_estimated() -> None:
    found = rates.tally(run_of(a="i"), "agent")

    assert [one.value for one in rates.success(found)] == [None]
    assert rates.curves(found, "agent")[0].points == ()
    assert rates.curves(found, "agent", 1)[0].points[0].method == "needs 1 runs of each task; no task has 0"


def test_a_task_has_wilsons_interval_and_how_alike_its_runs_end() -> None:
    run = run_of(a="ppfi", b="i")
    trial = run.trials[0]
    run = Run(
        run.info, (Trial(0, "agent", "a", 0, trial.status, calls=(TrialCall("look", {}),)), *run.trials[1:])
    )

    first, second = rates.lines(run, "agent")

    # Wilson, 2 of 3 at 95 %: [.2077, .9385].
    assert (first.n, first.passes, round(first.low, 4), round(first.high, 4)) == (3, 2, 0.2077, 0.9385)
    assert (first.infrastructure, first.sequences, first.agreement) == (1, 1, pytest.approx(1 / 3))
    assert (second.n, second.low, second.high, second.agreement) == (0, 0.0, 1.0, None)
