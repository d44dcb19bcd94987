"""Whatever fails inside remit: the call is answered with an error, and does not run."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from typing import Any

import pytest
from joined import Join, text

from remit.core.errors import Unavailable
from remit.core.types import Mode
from remit.proxy.calls import Calls
from remit.proxy.listing import Listing
from remit.proxy.opening import Opening
from remit.usecases import calling, session
from remit.usecases.answers import CallAnswers
from remit.usecases.driver import Driver
from remit.usecases.guard import Guard
from remit.usecases.pinning import Pins
from remit.usecases.session import Session

BEFORE = [
    (Listing, "current"),
    (Listing, "_read"),
    (Listing, "_pages"),
    (Opening, "pins"),
    (Opening, "session"),
    (Opening, "_open_session"),
    (Pins, "alisted"),
    (Pins, "abarred"),
    (Guard, "session"),
    (Session, "acall"),
    (Session, "check_open"),
    (session, "answers_for"),
    (calling, "_asked"),
    (Session, "under"),
    (CallAnswers, "script"),
    (CallAnswers, "consult"),
    (CallAnswers, "admit"),
    (Driver, "adrive"),
    (Driver, "_ask"),
    (Driver, "_last_look"),
    (Calls, "_guarded"),
    (Calls, "_tool"),
    (Calls, "_asked"),
]
ERRORS = [RuntimeError("planted"), Unavailable("planted"), MemoryError()]


@pytest.mark.parametrize(("owner", "name"), BEFORE, ids=[f"{o.__name__}.{n}" for o, n in BEFORE])
@pytest.mark.parametrize("error", ERRORS, ids=lambda e: type(e).__name__)
def test_a_fault_before_the_call_runs_is_an_error_and_it_does_not_run(
    join: Join, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, error: Exception
):
    assert hasattr(owner, name)

    def fails(*_: Any, **__: Any) -> Any:
        raise error

    async def main() -> None:
        async with join() as at:
            with monkeypatch.context() as planted:
                planted.setattr(owner, name, fails)
                answer = await at.ask("tools/call", {"name": "write_note", "arguments": {"text": "a"}})
            assert "error" in answer or answer["result"]["isError"] is True
            assert at.ran == []
            assert await at.call("write_note", {"text": "b"}) == text("done write_note")

    asyncio.run(main())


def full(*_: Any, **__: Any) -> Future[Any]:
    """A write that fails."""
    done: Future[Any] = Future()
    done.set_exception(Unavailable("the disk is full"))
    return done


def test_a_store_that_cannot_be_written_lets_no_call_run(
    join: Join, monkeypatch: pytest.MonkeyPatch, guard: Guard
):
    async def main() -> None:
        async with join() as at:
            await at.call("write_note", {"text": "a"})
            with monkeypatch.context() as planted:
                planted.setattr(guard.records, "admit", full)
                assert (await at.refusal("write_note", {"text": "b"}))["remit"] == "unavailable"
            assert [one["arguments"]["text"] for one in at.ran] == ["a"]

    asyncio.run(main())


def test_an_outcome_that_cannot_be_recorded_is_not_shown(
    join: Join, monkeypatch: pytest.MonkeyPatch, guard: Guard
):
    async def main() -> None:
        async with join() as at:
            with monkeypatch.context() as planted:
                planted.setattr(guard.records, "settle", full)
                told = await at.refusal("write_note", {"text": "b"})
            assert told["remit"] == "unknown" and len(at.ran) == 1

    asyncio.run(main())


def test_a_halted_agent_is_told_so_and_goes_on_once_it_may(
    join: Join, monkeypatch: pytest.MonkeyPatch, guard: Guard
):
    halted = (Mode.HALTED, 1, "stopped by olga")

    async def main() -> None:
        async with join() as at:
            with monkeypatch.context() as planted:
                planted.setattr(guard.records, "mode", lambda *_: halted)
                assert (await at.refusal("write_note", {"text": "a"}))["remit"] == "halted"
                assert "halted" in (await at.ask("resources/read", {"uri": "a:b"}))["error"]["message"]
            assert await at.call("write_note", {"text": "b"}) == text("done write_note")

    asyncio.run(main())


@pytest.mark.parametrize("step", ["view_of", "rebuilt"])
def test_a_fault_after_it_ran_does_not_say_that_it_may_be_repeated(
    join: Join, monkeypatch: pytest.MonkeyPatch, step: str
):
    async def main() -> None:
        async with join() as at:
            await at.call("read_note", {"name": "a"})
            monkeypatch.setattr(f"remit.proxy.view.{step}", broken)
            assert (await at.refusal("write_note", {"text": "b"}))["remit"] == "unknown"
            assert len(at.ran) == 2

    def broken(*_: Any) -> Any:
        raise RuntimeError("planted")

    asyncio.run(main())
