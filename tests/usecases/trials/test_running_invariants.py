"""Invariants in real trials: what the world ran, what was cut off, and what the agent only reports."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.usecases.trials.runs import launch, opened, suite_of

from remit.core.trial.invariants.table import invariant_of
from remit.core.trial.judge import Judge
from remit.core.trial.reach import Reach
from remit.core.trial.suite import Design, Rule, Task
from remit.core.trial.trial import Status, Trial, TrialCall
from remit.core.yamltext import Node
from remit.ports import Answered
from remit.store.sqlite import SqliteStore
from remit.usecases.trials.world import MadeWorld

RULES = (
    Rule("idempotent", "idempotent", {"tools": ["pay", "later"]}),
    Rule("grows", "monotonic", {"value": "state.paid"}),
    Rule("known_tools", "known_tools"),
    Rule("quick", "deadline", {"within": "60s"}),
)
TASK = Task("a", "go", deadline_s=60.0)


class Till:
    def __init__(self) -> None:
        self.paid = 0

    def pay(self, amount: int) -> int:
        self.paid += amount
        return self.paid

    async def later(self, amount: int) -> int:
        await asyncio.sleep(0)
        return self.pay(amount)

    def show(self) -> int:
        return self.paid


def not_loaded(node: Node) -> Any:
    raise AssertionError(node)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    with opened(tmp_path) as made:
        yield made


def run(agent: Any, store: SqliteStore, *rules: str, task: Task = TASK) -> Trial:
    reach = Reach(not_loaded, has_world=True, tasks=(TASK,))
    judge = Judge({}, tuple(invariant_of(rule, reach) for rule in RULES if rule.id in rules))
    suite = suite_of(
        agent, tasks=(task,), design=Design(epochs=1), world=lambda task, seed: MadeWorld(Till()), judge=judge
    )
    (trial,) = launch(suite, store).run.trials
    return trial


def told(trial: Trial) -> list[tuple[str, bool, str]]:
    return [(one.invariant, one.error, one.told) for one in trial.breaches]


@pytest.mark.parametrize("tool", ["pay", "later"])
def test_a_payment_made_twice_on_a_copy_is_told_and_made_once_in_the_world(
    store: SqliteStore, tool: str
) -> None:
    trial = run(
        lambda trial: trial.call(tool, {"amount": 5}) and trial.call("show", {}), store, "idempotent", "grows"
    )

    assert trial.answer == "5"
    assert told(trial)[0] == (
        "idempotent",
        False,
        f'{tool}({{"amount":5}}) once more changed state.paid from 5 to 10',
    )


def test_a_falling_balance_is_told(store: SqliteStore) -> None:
    trial = run(lambda trial: trial.call("pay", {"amount": -3}), store, "grows")

    assert told(trial) == [("grows", False, 'state.paid fell from 0 to -3 with pay({"amount":-3})')]


def test_an_unknown_tool_is_told_though_the_agent_went_on(store: SqliteStore) -> None:
    def agent(trial: Any) -> str:
        try:
            trial.call("fly", {})
        except Exception:
            trial.call("show", {})
        return "done"

    assert [one.told for one in run(agent, store, "known_tools").breaches] == [
        "'fly' is no known tool; known are later, pay, show"
    ]


def test_a_trial_that_was_cut_off_has_not_met_its_deadline(store: SqliteStore) -> None:
    judged = threading.Event()
    trial = run(lambda trial: judged.wait(60), store, "quick", task=Task("a", "go", deadline_s=0.1))
    judged.set()

    assert trial.status is Status.TIMEOUT and "it was cut off after 0.1" in trial.breaches[0].told


def test_what_the_agent_only_reports_is_not_held_to_be_idempotent(store: SqliteStore) -> None:
    calls = (TrialCall("pay", {"amount": 5}), TrialCall("show", {}))
    trial = run(lambda trial: Answered("done", calls=calls), store, "idempotent")

    assert [(one.error, one.call) for one in trial.breaches] == [(True, 0)]
    assert "by itself, not through the suite's world" in trial.breaches[0].told
