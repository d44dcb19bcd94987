"""A plain read's decision and outcome are durable before its result is given, in one commit where the read is quick."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from remit.store import writer
from remit.testing import envelope, open_guard
from remit.usecases.guard import Guard

LOOK = envelope("  tools:\n    look: {effect: read, args: {type: object, additionalProperties: false}}\n")


def batches(guard: Guard) -> int:
    return guard.records.store.counters().batches  # type: ignore[attr-defined,no-any-return]


def kinds(guard: Guard, session: str) -> list[str]:
    return [stored.event.kind for stored in guard.records.events(session)]


def test_a_quick_read_is_one_commit_and_both_events_are_durable_when_it_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "LINGER_S", 3600.0)  # however slow this machine is
    with open_guard(tmp_path, LOOK) as guard, guard.session() as session:
        guard.records.append([]).result()
        before = batches(guard)

        assert session.call("look", {}, run=lambda: "x") == "x"

        assert kinds(guard, session.id)[-2:] == ["decided", "settled"]
        assert batches(guard) == before + 1


def test_the_same_holds_in_an_event_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "LINGER_S", 3600.0)

    async def main(guard: Guard) -> None:
        async with guard.session() as session:
            guard.records.append([]).result()
            before = batches(guard)
            assert await session.acall("look", {}, run=lambda: "x") == "x"
            assert kinds(guard, session.id)[-2:] == ["decided", "settled"]
            assert batches(guard) == before + 1

    with open_guard(tmp_path, LOOK) as guard:
        asyncio.run(main(guard))


def test_of_a_read_that_takes_its_time_the_decision_is_durable_while_it_runs(tmp_path: Path) -> None:
    with open_guard(tmp_path, LOOK) as guard, guard.session() as session:

        def slow() -> str:
            while "decided" not in kinds(guard, session.id):
                pass
            return "x"

        assert session.call("look", {}, run=slow) == "x"
