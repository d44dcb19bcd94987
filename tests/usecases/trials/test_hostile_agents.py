"""Agents that break out of their part: whatever one does, its own trial ends, and no other is touched."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.usecases.trials.runs import launch, opened, suite_of

from remit.core.errors import Unavailable
from remit.core.trial.analysis.judged import judged
from remit.core.trial.gates.table import gates_of
from remit.core.trial.suite import Design, Rule, Task
from remit.core.trial.trial import Status, Trial, TrialCall
from remit.core.trial.verdict import Verdict
from remit.core.types import Json
from remit.ports import AgentTrial, Answered
from remit.store.sqlite import SqliteStore
from remit.usecases.trials.runner import End
from remit.usecases.trials.threads import in_own_loop

THREE = Design(epochs=3)


@pytest.fixture
def store(folder: Path) -> Iterator[SqliteStore]:
    with opened(folder) as made:
        yield made


def run(agent: Any, store: SqliteStore, **settings: Any) -> list[Trial]:
    """Three trials of one task; the run has come to its own end."""
    settings = {"tasks": (Task("a", "go", deadline_s=60.0),), "design": THREE, **settings}
    ran = launch(suite_of(agent, **settings), store)
    assert ran.end is End.DONE
    assert len(ran.run.trials) == 3
    return list(ran.run.trials)


class _Odd(BaseException):
    pass


def _raising(error: BaseException) -> Any:
    async def agent(_: AgentTrial) -> str:
        raise error

    return agent


@pytest.mark.parametrize(
    "error", [SystemExit(0), KeyboardInterrupt(), GeneratorExit(), _Odd(), asyncio.CancelledError()], ids=repr
)
def test_a_coroutine_that_raises_what_ends_programs_fails_its_own_trial(
    error: BaseException, store: SqliteStore
) -> None:
    assert {trial.status for trial in run(_raising(error), store)} == {Status.FAILED}


def test_an_agent_that_cancels_itself_has_failed(store: SqliteStore) -> None:
    async def agent(_: AgentTrial) -> str:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(1)
        return "never"

    (trial, *_) = run(agent, store)
    assert (trial.status, trial.reason) == (Status.FAILED, "the agent broke down: it cancelled itself")


def test_a_coroutine_that_blocks_past_its_deadline_is_late(store: SqliteStore) -> None:
    async def agent(_: AgentTrial) -> str:
        time.sleep(0.2)
        return "late"

    trials = run(agent, store, tasks=(Task("a", "go", deadline_s=0.1),))
    assert {trial.status for trial in trials} == {Status.TIMEOUT}


_HIMSELF: dict[str, Any] = {}
_HIMSELF["me"] = _HIMSELF


class _Loud(str):
    __slots__ = ()

    def __str__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize(
    "answered",
    [
        Answered(object()),  # type: ignore[arg-type]
        Answered("ok", tokens=10**30),
        Answered("ok", tokens=float("nan")),  # type: ignore[arg-type]
        Answered("ok", cost=float("inf")),
        Answered("ok", cost=10**400),
        Answered("ok", calls=("refund",)),  # type: ignore[arg-type]
        Answered("ok", calls=None),  # type: ignore[arg-type]
        Answered("ok", calls=(TrialCall("refund", {"by": object()}),)),  # type: ignore[dict-item]
        Answered("ok", calls=(TrialCall("refund", {}, outcome="perhaps"),)),
        Answered("ok", extra=_HIMSELF),
        Answered("ok", extra={"x": object()}),  # type: ignore[dict-item]
        Answered("ok", fingerprint=3),  # type: ignore[arg-type]
        Answered("o" * 9_000_000),
    ],
    ids=range(13),
)
def test_an_answer_that_cannot_be_kept_is_a_failure_and_told(answered: Answered, store: SqliteStore) -> None:
    (trial, *_) = run(lambda _: answered, store)

    assert trial.status is Status.FAILED
    assert trial.reason.startswith("the agent broke down: ")


@pytest.mark.parametrize("answer", [_Loud("ok"), "ok \ud800", "ok \0"], ids=range(3))
def test_texts_that_are_odd_are_kept_as_texts(answer: str, store: SqliteStore) -> None:
    assert {trial.status for trial in run(lambda _: answer, store)} == {Status.PASSED}


class _Mute(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no")

    @property
    def status_code(self) -> int:
        raise RuntimeError("no")


def test_an_exception_that_cannot_be_told_fails_its_own_trial(store: SqliteStore) -> None:
    def agent(_: AgentTrial) -> str:
        raise _Mute

    assert {trial.status for trial in run(agent, store)} == {Status.FAILED}


# ----------------------------------------------------------------------------------- what it may see and change
def test_an_agent_sees_neither_its_checks_nor_what_its_world_answers(store: SqliteStore) -> None:
    seen: list[Task] = []

    def agent(trial: AgentTrial) -> str:
        seen.append(trial.task)
        return "done"

    task = Task(
        "a", "go", checks=(Rule("paid", "answer", {"equals": "4500"}),), world={"answers": [{"tool": "x"}]}
    )
    run(agent, store, tasks=(task,))

    assert seen[0].checks == ()
    assert seen[0].world is None


def test_what_an_agent_does_to_its_task_reaches_no_other_trial(store: SqliteStore) -> None:
    seen: list[object] = []

    def agent(trial: AgentTrial) -> str:
        seen.append((list(trial.task.input["ids"]), dict(trial.task.facts)))  # type: ignore[call-overload,index]
        trial.task.input["ids"].append(9)  # type: ignore[index,union-attr]
        trial.task.facts["mine"] = True  # type: ignore[index]
        return "done"

    run(agent, store, tasks=(Task("a", {"ids": [1]}, facts={"a": 1}),))

    assert seen == [([1], {"a": 1})] * 3


class Till:
    """A world that hands out what it keeps."""

    def __init__(self) -> None:
        self.order: dict[str, Any] = {"status": "sent", "lines": [1]}
        self.kept: Any = None

    @property
    def tools(self) -> dict[str, Any]:
        return {"get": self.get, "keep": self.keep, "aget": self.aget}

    def get(self) -> dict[str, Any]:
        return self.order

    async def aget(self) -> dict[str, Any]:
        return self.order

    def keep(self, lines: list[int]) -> str:
        self.kept = lines
        return "kept"

    def snapshot(self) -> Json:
        return {"order": self.order, "kept": self.kept}

    def copy(self) -> Till:
        return Till()


def test_an_agent_cannot_reach_into_the_world_by_what_a_tool_gave_or_got(store: SqliteStore) -> None:
    worlds: list[Till] = []

    def make(_task: Task, _seed: int) -> Till:
        worlds.append(Till())
        return worlds[-1]

    async def agent(trial: AgentTrial) -> str:
        (await trial.acall("get", {}))["status"] = "refunded"
        (await trial.acall("aget", {}))["lines"].append(2)
        lines = [1]
        await trial.acall("keep", {"lines": lines})
        lines.append(2)
        return "done"

    trials = run(agent, store, world=make)

    assert {trial.status for trial in trials} == {Status.PASSED}
    assert trials[0].calls[2].args == {"lines": [1]}
    assert worlds[-1].snapshot() == {"order": {"status": "sent", "lines": [1]}, "kept": [1]}


def test_arguments_that_are_no_json_are_kept_as_far_as_they_can_be_shown(store: SqliteStore) -> None:
    def agent(trial: AgentTrial) -> str:
        trial.call("keep", {"lines": object()})
        return "done"

    (trial, *_) = run(agent, store, world=lambda _task, _seed: Till())

    assert trial.status is Status.PASSED
    assert "unreadable" in trial.calls[0].args  # type: ignore[operator]


# ----------------------------------------------------------------------------------- the loop around it
def test_a_coroutine_that_minds_no_cancelling_is_left_behind(folder: Path) -> None:
    program = """
import asyncio
from remit import trials
async def agent(trial):
    while True:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            pass
suite = trials.suite_of("s", tasks=[trials.Task("a", "go", deadline_s=0.2)], agent=agent, design=trials.Design(epochs=2))
print(trials.run(suite, store="sqlite:///r.db").counts["agent"]["timeout"])
"""
    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, timeout=300, check=False
    )
    assert (ran.stdout, ran.stderr) == ("2\n", "")


def test_a_program_that_an_agent_ends_is_no_good_end() -> None:
    async def ends() -> None:
        sys.exit(0)

    async def work() -> None:
        task = asyncio.create_task(ends())
        await asyncio.sleep(1)
        await task

    with pytest.raises(Unavailable, match=r"wants to end the program \(sys.exit\(0\)\)"):
        in_own_loop(work())


def test_what_stops_the_loop_of_all_trials_is_named_as_the_cause() -> None:
    async def stops() -> None:
        asyncio.get_running_loop().stop()
        await asyncio.sleep(60)

    with pytest.raises(
        Unavailable, match="an agent or a world stopped the event loop that every trial runs in"
    ):
        in_own_loop(stops())


def _lowers(_: AgentTrial) -> str:
    sys.setrecursionlimit(sys.getrecursionlimit() - 1)
    return "done"


async def _lowers_awaited(trial: AgentTrial) -> str:
    return _lowers(trial)


@pytest.mark.parametrize("agent", [_lowers, _lowers_awaited])
def test_an_agent_that_lowers_the_limit_of_recursion_touches_no_other(agent: Any, store: SqliteStore) -> None:
    depth = sys.getrecursionlimit()

    assert {trial.status for trial in run(agent, store)} == {Status.PASSED}
    assert sys.getrecursionlimit() == depth


def test_a_run_that_a_lowered_limit_of_recursion_ends_says_so() -> None:
    depth = sys.getrecursionlimit()

    async def lowers() -> None:
        sys.setrecursionlimit(depth - 1)
        raise RecursionError

    with pytest.raises(Unavailable, match=rf"lowered Python's recursion limit from {depth} to {depth - 1}"):
        in_own_loop(lowers())
    assert sys.getrecursionlimit() == depth


@pytest.mark.parametrize("error", [RuntimeError("ours"), RecursionError("ours, too")])
def test_an_error_that_no_agent_made_is_told_as_it_is(error: Exception) -> None:
    async def fails() -> None:
        raise error

    with pytest.raises(type(error), match="ours"):
        in_own_loop(fails())


@pytest.mark.parametrize("design", [Design("sequential", max_trials=60), Design("fixed", epochs=60)])
def test_an_agent_that_says_503_where_it_is_about_to_fail_is_run_on_and_does_not_pass(
    design: Design, store: SqliteStore
) -> None:
    """Three runs in sixty are lost, fewer than a tenth: of the others, every one is right."""
    design = replace(design, gates=(Rule("reliable", "success", {"at_least": 0.9}),), seed=1)

    def agent(trial: AgentTrial) -> str:
        if trial.slot.epoch % 20 == 3:
            raise Unavailable("503")
        return "right"

    loaded = suite_of(agent, tasks=(Task("a", "go", deadline_s=60.0),), design=design, retries=0)
    ran = launch(loaded, store, gates=gates_of(design, ("agent",)), concurrency=2)
    found = judged(ran.run, ())

    assert found.verdict is Verdict.INCONCLUSIVE
    assert "lost to the world" in found.sentence
    assert len(ran.run.trials) == 60


def test_a_run_stops_where_its_lost_trials_can_no_longer_change_what_it_says(store: SqliteStore) -> None:
    gate = Rule("reliable", "success", {"at_least": 0.7, "aims_for": 0.95})
    design = Design("sequential", max_trials=200, gates=(gate,), seed=1)

    def agent(trial: AgentTrial) -> str:
        if trial.slot.epoch == 2:
            raise Unavailable("503")
        return "right"

    loaded = suite_of(agent, tasks=(Task("a", "go", deadline_s=60.0),), design=design, retries=0)
    ran = launch(loaded, store, gates=gates_of(design, ("agent",)), concurrency=1)
    found = judged(ran.run, ())

    assert ran.end is End.DECIDED and found.verdict is Verdict.PASS
    assert "1 trial was lost to the world" in found.sentence
    assert found.upto == len(ran.run.trials) < 60
