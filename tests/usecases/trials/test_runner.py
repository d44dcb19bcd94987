"""Runs: order of starts, how many at a time, when they stop, and how they go on."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.usecases.trials.runs import FirstDraws, launch, opened, suite_of

from remit.core.errors import BadInput, Unavailable
from remit.core.trial.schedule import slots
from remit.core.trial.suite import Design, Task
from remit.core.trial.trial import Breach, Slot, Status, Trial
from remit.core.trial.verdict import Verdict
from remit.ports import AgentTrial
from remit.store.sqlite import SqliteStore
from remit.usecases.trials.runner import End, Runner

SEQUENTIAL = Design("sequential", max_trials=60, seed=3)


@pytest.fixture
def store(folder: Path) -> Iterator[SqliteStore]:
    with opened(folder) as made:
        yield made


def good(_: AgentTrial) -> str:
    return "done"


def passed(slot: Slot, status: Status = Status.PASSED) -> Trial:
    return Trial(slot.draw, slot.arm, slot.task, slot.epoch, status)


def test_every_task_runs_every_epoch_in_both_arms(store: SqliteStore) -> None:
    ran = launch(suite_of({"baseline": good, "candidate": good}), store)

    assert ran.end is End.DONE
    assert len(ran.run.trials) == len(ran.heard) == 20
    assert Counter((t.arm, t.task) for t in ran.run.trials) == {
        (arm, task): 5 for arm in ("baseline", "candidate") for task in ("a", "b")
    }
    assert all(trial.success for trial in ran.run.trials)


def test_trials_start_in_the_order_of_draws_and_no_more_than_so_many_run(store: SqliteStore) -> None:
    started: list[tuple[int, str]] = []
    running, most = 0, 0

    async def trial(slot: Slot) -> Trial:
        nonlocal running, most
        started.append((slot.draw, slot.arm))
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.001 * (slot.seed % 7))
        running -= 1
        return passed(slot)

    loaded = suite_of({"baseline": good, "candidate": good}, design=Design(epochs=20, seed=5))
    launch(loaded, store, trial=trial, concurrency=5)

    order = slots(loaded.suite.design, {"a": 1.0, "b": 1.0}, ("baseline", "candidate"))
    assert started == [(slot.draw, slot.arm) for slot in order]
    assert most == 5


def test_gates_are_fed_in_the_order_of_starts_whatever_ends_first(store: SqliteStore) -> None:
    gate = FirstDraws(20)

    async def trial(slot: Slot) -> Trial:
        await asyncio.sleep(0.02 if slot.draw % 5 == 0 else 0)  # every fifth is overtaken
        return passed(slot)

    ran = launch(suite_of(good, design=SEQUENTIAL), store, gates=[gate], trial=trial, concurrency=6)

    assert gate.fed == list(range(20))
    assert ran.end is End.DECIDED
    assert "decided after 20 draws" in ran.run.stopped
    assert max(t.draw for t in ran.run.trials) < 20 + 2 * 6


def test_a_gate_that_blocks_stops_a_sequential_run_although_others_are_open(store: SqliteStore) -> None:
    gates = [FirstDraws(50, name="slow"), FirstDraws(8, Verdict.BLOCK, name="strict")]

    ran = launch(suite_of(good, design=SEQUENTIAL), store, gates=gates)

    assert ran.end is End.DECIDED
    assert "'strict' blocks after 8 draws" in ran.run.stopped


def test_a_fixed_design_runs_to_its_end_whatever_its_gates_say(store: SqliteStore) -> None:
    ran = launch(suite_of(good), store, gates=[FirstDraws(2, Verdict.BLOCK)])

    assert (ran.end, len(ran.run.trials)) == (End.DONE, 10)


def test_a_broken_invariant_stops_at_once_and_cancels_what_runs(store: SqliteStore) -> None:
    cancelled: list[int] = []
    another_runs = asyncio.Event()

    async def trial(slot: Slot) -> Trial:
        if slot.draw == 3:
            await another_runs.wait()
            return Trial(
                3, slot.arm, slot.task, 0, Status.PASSED, breaches=(Breach("safety", "it paid twice"),)
            )
        if slot.draw < 3:
            return passed(slot)
        another_runs.set()
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            cancelled.append(slot.draw)
            raise
        return passed(slot)

    ran = launch(suite_of(good, design=SEQUENTIAL), store, gates=[FirstDraws(50)], trial=trial)

    assert ran.end is End.DECIDED
    assert "'safety' was broken in trial 3" in ran.run.stopped
    assert "it paid twice" in ran.run.stopped
    assert cancelled
    assert {t.draw for t in ran.run.trials} == {0, 1, 2, 3}


def test_an_endpoint_that_is_down_is_told_after_ten_trials(store: SqliteStore) -> None:
    def down(_: AgentTrial) -> str:
        raise Unavailable("connection refused")

    loaded = suite_of(down, design=Design("sequential", max_trials=1000), retries=0)
    ran = launch(loaded, store, gates=[FirstDraws(500)])

    assert len(ran.run.trials) < 30
    assert "were lost to the world: connection refused" in ran.run.stopped
    assert all(trial.success is None for trial in ran.run.trials)


def test_one_slow_trial_does_not_have_many_others_paid_for(store: SqliteStore) -> None:
    started: list[int] = []

    async def trial(slot: Slot) -> Trial:
        started.append(slot.draw)
        await asyncio.sleep(0.3 if slot.draw == 0 else 0)
        return passed(slot)

    launch(suite_of(good, design=SEQUENTIAL), store, gates=[FirstDraws(1)], trial=trial, concurrency=4)

    assert max(started) < 2 * 4


def test_a_stopped_run_goes_on_where_it_stood_and_repeats_only_what_was_cut_off(store: SqliteStore) -> None:
    done = asyncio.Event()

    async def trial(slot: Slot) -> Trial:
        if slot.draw >= 4 and not done.is_set():
            await asyncio.sleep(3600)
        return passed(slot)

    async def stop(runner: Runner) -> None:
        while runner.progress.ended < 4 or runner.progress.running < 3:
            await asyncio.sleep(0.001)
        runner.stop("somebody stopped it")

    loaded = suite_of(good)
    first = launch(loaded, store, trial=trial, meanwhile=stop, concurrency=3)
    done.set()
    again: list[int] = []

    async def counted(slot: Slot) -> Trial:
        again.append(slot.draw)
        return passed(slot)

    second = launch(loaded, store, trial=counted)

    assert (first.end, len(first.run.trials), first.run.stopped) == (End.PAUSED, 4, "somebody stopped it")
    assert (second.end, len(second.run.trials)) == (End.DONE, 10)
    assert sorted(again) == list(range(4, 10))
    assert second.run.repeated == 3
    assert second.run.stopped == ""


def test_a_trial_is_cancelled_once_so_that_its_agent_can_let_go(store: SqliteStore) -> None:
    inside: list[int] = []
    let_go: list[int] = []
    asked_twice = asyncio.Event()

    async def trial(slot: Slot) -> Trial:
        inside.append(slot.draw)
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            await asked_twice.wait()
            let_go.append(slot.draw)
            raise
        return passed(slot)

    async def stop(runner: Runner) -> None:
        while len(inside) < 3:
            await asyncio.sleep(0.001)
        runner.stop("somebody stopped it")
        await asyncio.sleep(0.01)
        runner.stop("and once more")
        asked_twice.set()

    launch(suite_of(good), store, trial=trial, meanwhile=stop, concurrency=3)

    assert len(let_go) == 3


def test_a_run_that_is_drained_lets_running_trials_end(store: SqliteStore) -> None:
    stopped = asyncio.Event()

    async def trial(slot: Slot) -> Trial:
        await stopped.wait()
        return passed(slot)

    async def stop(runner: Runner) -> None:
        while runner.progress.running < 4:
            await asyncio.sleep(0.001)
        runner.stop("somebody stopped it", drain=True)
        stopped.set()

    ran = launch(suite_of(good), store, trial=trial, meanwhile=stop)

    assert (ran.end, len(ran.run.trials)) == (End.PAUSED, 4)


def test_a_thousand_at_a_time(store: SqliteStore) -> None:
    async def agent(_: AgentTrial) -> str:
        await asyncio.sleep(0.01)
        return "done"

    loaded = suite_of(agent, design=Design(epochs=500))
    ran = launch(loaded, store, concurrency=1000)

    assert len({trial.key for trial in ran.run.trials}) == 1000


def test_a_record_that_cannot_be_written_ends_the_run(store: SqliteStore) -> None:
    async def trial(slot: Slot) -> Trial:
        if slot.draw == 5:
            store._writer.close()  # as where the disk is gone
        return passed(slot)

    with pytest.raises(Unavailable):
        launch(suite_of(good, design=Design(epochs=50)), store, trial=trial, concurrency=2)


def test_a_defect_of_the_runner_is_no_trial(store: SqliteStore) -> None:
    async def trial(slot: Slot) -> Trial:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        launch(suite_of(good), store, trial=trial)


def test_one_process_at_a_time_works_on_a_run(store: SqliteStore) -> None:
    from remit.store.trial_book import TrialBook
    from remit.usecases.clock import Uuid7
    from remit.usecases.trials.plan import run_info

    book = TrialBook(store, Uuid7())
    log = book.begin(run_info(suite_of(good), "r1"))

    with pytest.raises(BadInput, match="another process is working on it"):
        book.resume("r1")
    log.close()
    book.resume("r1").close()


def test_tasks_are_drawn_by_their_weights(store: SqliteStore) -> None:
    tasks = (Task("often", "go", weight=9.0), Task("seldom", "go"))
    loaded = suite_of(good, tasks=tasks, design=Design("sequential", max_trials=200, seed=1))

    drawn = Counter(trial.task for trial in launch(loaded, store).run.trials)

    assert 160 < drawn["often"] < 195
