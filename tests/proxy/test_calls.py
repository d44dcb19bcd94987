"""Every call of a tool is judged, and what ran is what was checked."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from joined import LONG_S, Join, Joined, answers, text

from remit.usecases.guard import Guard


def test_an_allowed_call_runs_with_the_arguments_that_were_checked(join: Join):
    async def main() -> None:
        async with join() as at:
            result = await at.call("read_note", {"name": "shopping"})
            assert result == text("done read_note")
            assert at.ran == [{"name": "read_note", "arguments": {"name": "shopping"}}]
            assert [e.kind for e in at.recorded("decided")] == ["decided"]
            assert len(at.recorded("settled")) == 1

    asyncio.run(main())


def test_a_refused_call_never_reaches_the_server_and_the_model_reads_why(join: Join):
    async def main() -> None:
        async with join() as at:
            told = await at.refusal("read_note", {"name": "secret"})
            assert told["remit"] == "refused" and told["clauses"] == ["read_note.no-secrets"]
            assert at.ran == []

    asyncio.run(main())


def test_a_tool_that_the_envelope_does_not_list_is_hidden_and_refused(join: Join):
    async def main() -> None:
        async with join() as at:
            listed = (await at.ask("tools/list"))["result"]["tools"]
            assert [tool["name"] for tool in listed] == ["read_note", "write_note", "pay"]
            assert (await at.refusal("unlisted_tool"))["clauses"] == ["unlisted"]
            assert at.ran == []

    asyncio.run(main())


def test_a_held_call_says_that_the_same_call_goes_on_once_it_is_approved(join: Join, guard: Guard):
    from remit.testing import answer

    async def main() -> None:
        async with join() as at:
            held = await at.refusal("pay", {"amount": 3})
            assert held["remit"] == "held" and at.ran == []
            await asyncio.to_thread(answer, guard, held["approval_id"])
            assert await at.call("pay", {"amount": 3}) == text("done pay")

    asyncio.run(main())


def test_a_tools_own_failure_is_recorded_and_given_unchanged(join: Join):
    async def serve(message: dict[str, Any], at: Joined) -> None:
        if message.get("method") == "tools/call":
            at.answer(message, text("no such note", isError=True, _meta={"vendor": 1}))
        else:
            await answers(message, at)

    async def main() -> None:
        async with join(serve) as at:
            result = await at.call("read_note", {"name": "a"})
            assert result == text("no such note", isError=True, _meta={"vendor": 1})
            assert at.recorded("settled")[0].body["error"]["message"] == "no such note"
        assert at.recorded("observed")[0].blobs["text"] == "no such note"

    asyncio.run(main())


def test_the_servers_json_rpc_error_is_recorded_and_passed_on(join: Join):
    async def serve(message: dict[str, Any], at: Joined) -> None:
        if message.get("method") == "tools/call":
            error = {"code": -32602, "message": "no", "data": {"why": 1}}
            at.serves({"jsonrpc": "2.0", "id": message["id"], "error": error})
        else:
            await answers(message, at)

    async def main() -> None:
        async with join(serve) as at:
            answer = await at.ask("tools/call", {"name": "read_note", "arguments": {"name": "a"}})
            assert answer["error"] == {"code": -32602, "message": "no", "data": {"why": 1}}
            assert at.recorded("settled")[0].body["error"]["type"] == "ToolFailed"

    asyncio.run(main())


@pytest.mark.parametrize("result", [[], "x", 3, None])
def test_an_answer_that_is_no_result_is_an_unknown_outcome(join: Join, result: Any):
    async def serve(message: dict[str, Any], at: Joined) -> None:
        if message.get("method") == "tools/call":
            at.answer(message, result)
        else:
            await answers(message, at)

    async def main() -> None:
        async with join(serve) as at:
            told = await at.refusal("write_note", {"text": "a"})
            assert told["remit"] == "unknown"
            assert at.recorded("settled")[0].body["error"]["type"] == "OutcomeUnknown"

    asyncio.run(main())


def test_a_server_that_does_not_answer_in_time_is_an_unknown_outcome_and_is_told_to_stop(join: Join):
    async def serve(message: dict[str, Any], at: Joined) -> None:
        if message.get("method") == "tools/list":
            at.pump._timeout_s = (
                0.2  # from here on: a busy machine may need longer for what comes before the call
            )
        if message.get("method") != "tools/call":
            await answers(message, at)

    async def main() -> None:
        async with join(serve, timeout_s=LONG_S) as at:
            told = await at.refusal("write_note", {"text": "a"})
            assert told["remit"] == "unknown" and "within 0.2 s" in told["reason"]
            called = next(m for m in at.at_server if m.get("method") == "tools/call")
            stopped = next(m for m in at.at_server if m.get("method") == "notifications/cancelled")
            assert stopped["params"]["requestId"] == called["id"]

    asyncio.run(main())


def test_a_server_that_dies_leaves_an_unknown_outcome_and_every_call_an_answer(join: Join):
    async def serve(message: dict[str, Any], at: Joined) -> None:
        if message.get("method") == "tools/call":
            at.ran.append(message)
            if len(at.ran) == 5:
                at.die()
        else:
            await answers(message, at)

    async def main() -> None:
        async with join(serve) as at:
            calls = [
                at.asked("tools/call", {"name": "write_note", "arguments": {"text": "a"}}) for _ in range(5)
            ]
            for answer in await asyncio.wait_for(asyncio.gather(*calls), LONG_S):
                assert json.loads(answer["result"]["content"][0]["text"])["remit"] == "unknown"
        assert at.by_client is False
        assert len(at.recorded("settled")) == 5

    asyncio.run(main())


def test_a_cancelled_call_is_recorded_once_and_the_server_is_told(join: Join):
    reached = asyncio.Event()

    async def serve(message: dict[str, Any], at: Joined) -> None:
        if message.get("method") == "tools/call":
            reached.set()
        else:
            await answers(message, at)

    async def main() -> None:
        async with join(serve) as at:
            waiting = at.asked("tools/call", {"name": "write_note", "arguments": {"text": "a"}}, id="c-1")
            await asyncio.wait_for(reached.wait(), LONG_S)
            at.tell("notifications/cancelled", {"requestId": "c-1", "reason": "enough"})
            assert await at.ask("ping") == {"jsonrpc": "2.0", "id": 2, "result": {}}
            await until(lambda: at.recorded("settled"))
            assert not waiting.done()
            stopped = [m for m in at.at_server if m.get("method") == "notifications/cancelled"]
            assert [m["params"]["requestId"] for m in stopped] == ["c-1"]
            assert at.recorded("settled")[0].body["error"]["type"] == "CancelledError"

    asyncio.run(main())


def test_a_client_that_leaves_has_its_calls_cancelled_and_recorded(join: Join):
    reached = asyncio.Event()

    async def serve(message: dict[str, Any], at: Joined) -> None:
        if message.get("method") == "tools/call":
            reached.set()
        else:
            await answers(message, at)

    async def main() -> None:
        async with join(serve) as at:
            at.asked("tools/call", {"name": "write_note", "arguments": {"text": "a"}})
            await asyncio.wait_for(reached.wait(), LONG_S)
        assert at.by_client is True
        assert len(at.recorded("settled")) == 1 and len(at.recorded("session.closed")) == 1

    asyncio.run(main())


def test_a_thousand_calls_in_flight_are_each_decided_run_and_answered_once(join: Join):
    many, held = 1_000, []

    async def serve(message: dict[str, Any], at: Joined) -> None:
        if message.get("method") != "tools/call":
            await answers(message, at)
            return
        held.append(message)
        if len(held) == many:  # all of them are in flight now
            for one in reversed(held):
                at.answer(one, text(one["params"]["arguments"]["name"]))

    async def main() -> None:
        async with join(serve) as at:
            calls = [
                at.asked("tools/call", {"name": "read_note", "arguments": {"name": f"n{i}"}})
                for i in range(many)
            ]
            got = await asyncio.wait_for(asyncio.gather(*calls), 10 * LONG_S)
            assert [one["result"]["content"][0]["text"] for one in got] == [f"n{i}" for i in range(many)]
            assert len(at.recorded("decided")) == many and len(at.recorded("settled")) == many

    asyncio.run(main())


async def until(found: Any) -> None:
    """Wait until something is there."""
    async with asyncio.timeout(LONG_S):
        while not await asyncio.to_thread(found):
            await asyncio.sleep(0.01)
