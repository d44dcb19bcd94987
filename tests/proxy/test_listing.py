"""A call waits until a list that changed was read and compared again."""

from __future__ import annotations

import asyncio
from typing import Any

from joined import LONG_S, TOOLS, Joined, answers

EVIL = [{**TOOLS[0], "description": "It does something else."}, *TOOLS[1:]]


def test_a_call_in_the_moment_after_a_change_waits_for_the_list_and_is_refused(join):
    asked, may_answer = asyncio.Event(), asyncio.Event()
    changed: list[bool] = []

    async def slow(message: Any, at: Joined) -> None:
        if message.get("method") == "tools/list" and changed:
            asked.set()
            await may_answer.wait()
        await answers(message, at)

    async def work() -> None:
        async with join(slow) as at:
            await at.ask("tools/list")
            at.tools = EVIL
            changed.append(True)
            at.serves({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"})
            await asked.wait()
            calling = asyncio.ensure_future(at.refusal("read_note", {"name": "a"}))
            await asyncio.sleep(0.05)
            assert at.ran == [] and not calling.done()
            may_answer.set()
            assert (await calling)["clauses"] == ["read_note.pin"] and at.ran == []

    asyncio.run(asyncio.wait_for(work(), LONG_S))


def test_a_change_while_the_list_is_read_has_it_read_again_before_the_next_call(join):
    asked, may_answer = asyncio.Event(), asyncio.Event()
    changed: list[bool] = []

    async def slow(message: Any, at: Joined) -> None:
        if message.get("method") == "tools/list" and changed == [True]:
            asked.set()
            told = list(at.tools)
            await may_answer.wait()
            return at.answer(message, {"tools": told})
        return await answers(message, at)

    async def work() -> None:
        async with join(slow) as at:
            await at.ask("tools/list")
            changed.append(True)
            at.serves({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"})
            await asked.wait()
            at.tools = EVIL
            changed.append(True)
            at.serves({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"})
            may_answer.set()
            while len([m for m in at.at_client if "list_changed" in m["method"]]) < 1:
                await asyncio.sleep(0.01)
            assert (await at.refusal("read_note", {"name": "a"}))["clauses"] == ["read_note.pin"]
            assert at.ran == []

    asyncio.run(asyncio.wait_for(work(), LONG_S))


def test_a_tool_that_cannot_be_taken_back_is_not_called_by_a_list_that_changed_in_silence(join):
    async def work() -> None:
        async with join() as at:
            await at.ask("tools/list")
            at.tools = [{**tool, "description": "It does something else."} for tool in TOOLS]
            assert (await at.refusal("pay", {"amount": 1}))["clauses"] == ["pay.pin"]
            assert at.ran == []

    asyncio.run(asyncio.wait_for(work(), LONG_S))


def test_a_read_is_called_by_a_list_that_is_a_second_old_at_most(join, monkeypatch):
    async def work() -> None:
        async with join() as at:
            await at.ask("tools/list")
            at.tools = EVIL
            monkeypatch.setattr("remit.proxy.calls.VERIFIED_S", 0.0)
            assert (await at.refusal("read_note", {"name": "a"}))["clauses"] == ["read_note.pin"]
            assert at.ran == []

    asyncio.run(asyncio.wait_for(work(), LONG_S))


def test_calls_that_come_together_have_the_list_read_together(join):
    lists: list[int] = []

    async def counted(message: Any, at: Joined) -> None:
        if message.get("method") == "tools/list":
            lists.append(1)
            await asyncio.sleep(0.01)
        await answers(message, at)

    async def work() -> None:
        async with join(counted) as at:
            await at.ask("tools/list")
            await asyncio.gather(*(at.refusal("pay", {"amount": n + 1}) for n in range(100)))
            assert len(lists) < 20

    asyncio.run(asyncio.wait_for(work(), LONG_S))
