"""Python functions as agents under test."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from tests.adapters.trials import FakeTrial

from remit.adapters.target_python import PythonTarget
from remit.core.errors import BadInput
from remit.ports import AgentTrial, Answered


def run(function: Any, within_s: float = 120.0) -> Answered:
    async def once() -> Answered:
        async with asyncio.timeout(within_s):
            return await PythonTarget(function).run(FakeTrial())

    return asyncio.run(once())


def test_a_plain_function_runs_in_a_thread_of_its_own() -> None:
    def agent(trial: AgentTrial) -> str:
        assert threading.current_thread() is not threading.main_thread()
        return f"seed {trial.slot.seed}"

    assert run(agent).answer == "seed 7"


def test_a_coroutine_function_is_awaited() -> None:
    async def agent(trial: AgentTrial) -> Answered:
        order = await trial.acall("get_order", {"order_id": "1"})
        return Answered(order["status"], tokens=3)

    assert run(agent) == Answered("sent", tokens=3)


def test_its_own_exception_arrives_unchanged() -> None:
    def agent(_: AgentTrial) -> str:
        raise ValueError("boom")

    def stops(_: AgentTrial) -> str:
        raise StopIteration

    def exits(_: AgentTrial) -> str:
        raise SystemExit(3)

    with pytest.raises(ValueError, match="boom"):
        run(agent)
    for function in (stops, exits):
        with pytest.raises(RuntimeError, match="the agent raised"):
            run(function)


def test_a_function_that_does_not_return_is_left_behind() -> None:
    may_return, returned = threading.Event(), threading.Event()

    def hangs(_: AgentTrial) -> None:
        may_return.wait(120)
        returned.set()

    with pytest.raises(TimeoutError):
        run(hangs, within_s=0.2)

    assert not returned.is_set()
    may_return.set()


def test_an_answer_must_be_json() -> None:
    with pytest.raises(BadInput):
        run(lambda _: object())
    assert run(lambda _: {"a": [1, 2]}).answer == {"a": [1, 2]}
