from collections.abc import Iterator

import numpy as np
import pytest

from remit.core.errors import BadInput
from remit.core.trial.compare_success import success_alone
from remit.core.trial.report import Comparison
from remit.core.trial.run import Run, RunInfo, TaskInfo, in_order
from remit.core.trial.selftest import ANY, selftest, split_runs
from remit.core.trial.suite import Design
from remit.core.trial.trial import Status, Trial


def run_of(rates: list[float], runs: int, seed: int = 0) -> Run:
    rng = np.random.default_rng(seed)
    names = [f"t{at}" for at in range(len(rates))]
    trials, draw = [], 0
    for epoch in range(runs):
        for name, rate in zip(names, rates, strict=True):
            status = Status.PASSED if rng.random() < rate else Status.FAILED
            trials.append(Trial(draw, "agent", name, epoch, status))
            draw += 1
    info = RunInfo("r", "shop", "h", Design(epochs=runs), ("agent",), {name: TaskInfo() for name in names})
    return Run(info, in_order(trials, info.arms))


def only(metric: str, p: float | None, adjusted: float | None = None) -> Comparison:
    return Comparison(metric, "m", "this suite", "runs", 1, None, None, None, p, adjusted)


def test_success_holds_its_level_on_runs_of_one_agent() -> None:
    found = selftest(run_of([0.5, 0.9, 0.2, 0.7, 0.6, 0.95] * 3, 8), "agent", success_alone, splits=200)

    assert (found.tasks, found.trials, found.left_out, found.splits) == (18, 144, 0, 200)
    assert [one.metric for one in found.metrics] == ["success, this suite", "success, tasks like these"]
    assert found.trusted
    assert all(one.splits == 200 and one.rate <= 0.08 for one in found.metrics)


def test_a_comparison_that_alarms_too_often_is_not_trusted() -> None:
    turn = iter(range(10_000))

    def often(run: Run) -> Iterator[Comparison]:
        yield only("broken", 0.01 if next(turn) % 5 == 0 else 0.5)

    (found,) = selftest(run_of([0.5] * 4, 4), "agent", often, splits=200).metrics

    assert (found.alarms, found.rate) == (40, 0.2)
    assert 0.05 < found.low < 0.2 < found.high
    assert not found.trusted


def test_each_split_holds_every_trial_once_half_in_each_arm() -> None:
    run = run_of([0.5] * 3, 5)
    tasks = run.by_task("agent")

    for split in split_runs(run, tasks, 30, seed=2):
        assert sorted(trial.draw for trial in split.trials) == list(range(15))
        for task in tasks:
            sizes = [len(split.by_task(arm)[task]) for arm in ("baseline", "candidate")]
            assert sorted(sizes) == [2, 3]
            assert [t.epoch for t in split.by_task("baseline")[task]] == list(range(sizes[0]))


def test_the_same_seed_splits_alike() -> None:
    run = run_of([0.4, 0.6], 6)
    first, again, other = (
        selftest(run, "agent", success_alone, splits=40, seed=seed).metrics for seed in (1, 1, 2)
    )

    assert first == again
    assert [s.trials for s in split_runs(run, run.by_task("agent"), 3, 1)] != [
        s.trials for s in split_runs(run, run.by_task("agent"), 3, 2)
    ]
    assert len(other) == len(first)


def test_corrected_alarms_count_splits_not_metrics() -> None:
    def many(run: Run) -> Iterator[Comparison]:
        yield only("a", 0.01, 0.2)
        yield only("b", 0.001, 0.003)
        yield only("c", None)

    found = {one.metric: one for one in selftest(run_of([0.5], 4), "agent", many, splits=30).metrics}

    assert (found["a"].alarms, found["b"].alarms, found["c"].splits) == (30, 30, 0)
    assert found[ANY].alarms == 30


def test_tasks_that_ran_once_are_left_out_and_told() -> None:
    run = run_of([0.5, 0.5], 4)
    lonely = Trial(99, "agent", "once", 0, Status.PASSED)
    info = RunInfo("r", "shop", "h", Design(), ("agent",), {**run.info.tasks, "once": TaskInfo()})

    found = selftest(Run(info, (*run.trials, lonely)), "agent", success_alone, splits=20)

    assert (found.tasks, found.left_out) == (2, 1)


def test_what_cannot_be_split_is_refused() -> None:
    with pytest.raises(BadInput, match="no arm 'other'"):
        selftest(run_of([0.5], 4), "other", success_alone)
    with pytest.raises(BadInput, match="no task ran twice"):
        selftest(run_of([0.5], 1), "agent", success_alone)
