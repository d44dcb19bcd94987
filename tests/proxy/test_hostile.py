"""Clients and servers that keep to no rule: nothing hangs, nothing runs undecided, and nobody else is harmed."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from joined import LONG_S, TOOLS, Join, Joined, answers, text

from remit.proxy import listing


def test_a_call_before_the_handshake_is_refused_and_the_server_hears_nothing(join: Join):
    async def main() -> None:
        async with join(meet=False) as at:
            answer = await at.ask("tools/call", {"name": "read_note", "arguments": {"name": "a"}})
            assert answer["error"]["code"] == -32600
            assert (await at.ask("tools/list"))["error"]["code"] == -32600
            assert at.at_server == []

    asyncio.run(main())


@pytest.mark.parametrize(
    "params",
    [
        None,
        {},
        {"name": 3},
        {"name": ""},
        {"name": "x" * 501},
        {"name": "read_note", "arguments": []},
        {"name": "read_note", "arguments": "{}"},
        {"name": "read_note", "arguments": {"name": "a"}, "task": {"ttl": 1}},
    ],
)
def test_a_malformed_call_is_an_error_and_never_reaches_the_server(join: Join, params: Any):
    async def main() -> None:
        async with join() as at:
            assert (await at.ask("tools/call", params))["error"]["code"] == -32602
            assert at.ran == []

    asyncio.run(main())


@pytest.mark.parametrize(
    "line",
    [
        b'{"jsonrpc":"2.0","id":"h","method":"tools/call","params":[1]}',
        b'{"jsonrpc":"2.0","id":"h","method":"tools/call","params":"x"}',
        b'{"jsonrpc":"2.0","id":"h","method":5}',
        b'{"jsonrpc":"2.0","id":"h","method":"tasks/get","params":{}}',
        b'{"jsonrpc":"2.0","id":"h","method":"tools/call/","params":{"name":"read_note"}}',
        b'{"jsonrpc":"2.0","id":"h","method":"TOOLS/CALL","params":{"name":"read_note"}}',
    ],
)
def test_a_request_that_is_none_is_answered_and_passes_nowhere(join: Join, line: bytes):
    async def main() -> None:
        async with join() as at:
            before = len(at.at_server)
            answer = at.awaited("h")
            at.send(line)
            assert "error" in await asyncio.wait_for(answer, LONG_S)
            assert len(at.at_server) == before

    asyncio.run(main())


def test_a_batch_and_a_line_that_is_no_json_are_answered_and_the_connection_goes_on(join: Join):
    async def main() -> None:
        async with join() as at:
            call = {"jsonrpc": "2.0", "id": 90, "method": "tools/call", "params": {"name": "write_note"}}
            at.send(json.dumps([call]).encode())
            at.send(b"{nonsense")
            assert await at.call("read_note", {"name": "a"}) == text("done read_note")
            assert [m["error"]["code"] for m in at.at_client if m["id"] is None] == [-32600, -32700]
            assert len(at.ran) == 1

    asyncio.run(main())


def test_a_second_request_with_an_id_that_is_in_flight_is_refused(join: Join):
    held: list[Any] = []

    async def serve(message: dict[str, Any], at: Joined) -> None:
        if message.get("method") == "tools/call":
            held.append(message)
        else:
            await answers(message, at)

    async def main() -> None:
        async with join(serve) as at:
            first = at.asked("tools/call", {"name": "read_note", "arguments": {"name": "a"}}, id="same")
            while not held:
                await asyncio.sleep(0)
            second = at.asked("tools/call", {"name": "read_note", "arguments": {"name": "b"}}, id="same")
            assert (await asyncio.wait_for(second, LONG_S))["error"]["code"] == -32600
            assert len(held) == 1 and not first.done()

    asyncio.run(main())


@pytest.mark.parametrize(
    "arguments",
    [
        {"name": "x" * 10_000_000},
        {"name": ["deep"]},
        {f"k{i}": i for i in range(200_000)},
        {"name": "a", "\u200b": 1},
        {"name": float("nan")},
        {"name": "\ud800"},
    ],
    ids=["10 MB", "wrong type", "many keys", "invisible key", "NaN", "surrogate"],
)
def test_arguments_that_no_one_can_judge_are_refused(join: Join, arguments: Any):
    async def main() -> None:
        async with join() as at:
            assert (await at.refusal("read_note", arguments))["remit"] == "refused"
            assert at.ran == []

    asyncio.run(main())


@pytest.mark.parametrize("levels", [40, 1_000, 100_000])
def test_arguments_too_many_levels_deep_are_refused(join: Join, levels: int):
    """As a denied call, or as a line that cannot be read: how many levels can be read differs between Pythons."""
    deep = "[" * levels + "]" * levels

    async def main() -> None:
        async with join() as at:
            answer = at.awaited(70)
            params = f'{{"name":"read_note","arguments":{{"name":{deep}}}}}'
            at.send(f'{{"jsonrpc":"2.0","id":70,"method":"tools/call","params":{params}}}'.encode())
            told = await asyncio.wait_for(answer, LONG_S)
            assert told["error"]["code"] == -32600 if "error" in told else told["result"]["isError"]
            assert at.ran == []

    asyncio.run(main())


def test_of_an_argument_that_stands_twice_the_one_that_was_checked_runs(join: Join):
    async def main() -> None:
        async with join() as at:
            answer = at.awaited(50)
            params = '{"name":"read_note","arguments":{"name":"secret","name":"a"}}'
            at.send(f'{{"jsonrpc":"2.0","id":50,"method":"tools/call","params":{params}}}'.encode())
            await asyncio.wait_for(answer, LONG_S)
            assert at.ran == [{"name": "read_note", "arguments": {"name": "a"}}]

    asyncio.run(main())


# ------------------------------------------------------------------------------------------ servers
def test_answers_that_nobody_asked_for_and_lines_that_are_none_harm_nobody(join: Join):
    async def serve(message: dict[str, Any], at: Joined) -> None:
        if message.get("method") == "tools/call":
            at.serves(b"not json")
            at.serves(b"[]")
            at.serves({"jsonrpc": "2.0", "id": 4711, "result": text("for whom?")})
            at.serves({"jsonrpc": "2.0", "id": None, "result": {}})
            at.answer(message, text("first"))
            at.answer(message, text("second"))
        else:
            await answers(message, at)

    async def main() -> None:
        async with join(serve) as at:
            assert await at.call("read_note", {"name": "a"}) == text("first")
            assert await at.call("read_note", {"name": "b"}) == text("first")
            assert at.at_client == []

    asyncio.run(main())


def test_requests_of_the_server_that_no_version_knows_are_refused(join: Join):
    async def main() -> None:
        async with join() as at:
            at.serves({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "read_note"}})
            at.serves({"jsonrpc": "2.0", "id": 2, "method": "evil/eval", "params": {}})
            await at.ask("ping")
            refused = [m for m in at.at_server if "error" in m]
            assert [(m["id"], m["error"]["code"]) for m in refused] == [(1, -32601), (2, -32601)]
            assert at.at_client == []

    asyncio.run(main())


def test_requests_of_the_server_may_have_ids_that_the_client_uses_too(join: Join):
    async def serve(message: dict[str, Any], at: Joined) -> None:
        if message.get("method") == "tools/call":
            at.serves({"jsonrpc": "2.0", "id": message["id"], "method": "roots/list"})
            at.ran.append(message)
        elif "method" not in message:
            at.answer(at.ran[-1], text(json.dumps(message["result"])))
        else:
            await answers(message, at)

    async def main() -> None:
        async with join(serve) as at:
            call = at.asked("tools/call", {"name": "read_note", "arguments": {"name": "a"}}, id=5)
            while not at.at_client:
                await asyncio.sleep(0)
            assert at.at_client[0] == {"jsonrpc": "2.0", "id": 5, "method": "roots/list"}
            at.send({"jsonrpc": "2.0", "id": 5, "result": {"roots": []}})
            assert (await asyncio.wait_for(call, LONG_S))["result"] == text('{"roots": []}')

    asyncio.run(main())


@pytest.mark.parametrize("cursor", ["same", "other"])
def test_a_list_of_tools_without_end_is_an_error_and_no_call_runs(
    join: Join, cursor: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(listing, "MOST_PAGES", 20)
    asked: list[Any] = []

    async def serve(message: dict[str, Any], at: Joined) -> None:
        if message.get("method") == "tools/list":
            asked.append(message)
            at.answer(
                message, {"tools": TOOLS, "nextCursor": cursor if cursor == "same" else f"c{len(asked)}"}
            )
        else:
            await answers(message, at)

    async def main() -> None:
        async with join(serve) as at:
            assert "error" in await at.ask("tools/list")
            assert (await at.refusal("read_note", {"name": "a"}))["remit"] == "unavailable"
            assert at.ran == [] and len(asked) <= 40

    asyncio.run(main())


@pytest.mark.parametrize("tools", [None, "x", {"a": 1}, 3])
def test_a_list_of_tools_that_is_none_is_an_error_and_no_call_runs(join: Join, tools: Any):
    async def serve(message: dict[str, Any], at: Joined) -> None:
        if message.get("method") == "tools/list":
            at.answer(message, {"tools": tools})
        else:
            await answers(message, at)

    async def main() -> None:
        async with join(serve) as at:
            assert "error" in await at.ask("tools/list")
            assert (await at.refusal("read_note", {"name": "a"}))["remit"] == "unavailable"
            assert at.ran == []

    asyncio.run(main())


def test_definitions_that_are_none_are_hidden_and_the_others_stay(join: Join):
    async def main() -> None:
        async with join() as at:
            at.tools = [*TOOLS, 3, {"name": 4}, {"description": "no name"}, {"name": "read_note"}]
            listed = (await at.ask("tools/list"))["result"]["tools"]
            assert [tool["name"] for tool in listed] == ["write_note", "pay"]
            assert (await at.refusal("read_note", {"name": "a"}))["remit"] == "refused"

    asyncio.run(main())


def test_a_flood_of_notifications_passes_in_order_and_unknown_ones_do_not(join: Join):
    async def main() -> None:
        async with join() as at:
            for i in range(5_000):
                at.serves(
                    {
                        "jsonrpc": "2.0",
                        "method": "notifications/message",
                        "params": {"level": "info", "data": i},
                    }
                )
                at.serves({"jsonrpc": "2.0", "method": "notifications/evil"})
                at.serves({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"})
            await at.ask("ping")
            passed = [m["params"]["data"] for m in at.at_client if m["method"] == "notifications/message"]
            assert passed == list(range(5_000))
            assert "notifications/evil" not in {m["method"] for m in at.at_client}
            assert sum(m.get("method") == "tools/list" for m in at.at_server) < 100

    asyncio.run(main())


def test_a_server_that_does_not_read_is_sent_no_more_and_calls_are_answered(join: Join):
    async def main() -> None:
        async with join() as at:
            await at.ask("tools/list")
            at.to_server.waiting = 10**9
            assert (await at.refusal("read_note", {"name": "a"}))["remit"] == "unavailable"
            assert "error" in await at.ask("ping")

    asyncio.run(main())


def test_a_kind_of_result_that_nobody_knows_is_an_unknown_outcome(join: Join):
    async def serve(message: dict[str, Any], at: Joined) -> None:
        if message.get("method") == "tools/call":
            at.answer(message, {"resultType": "task", "task": {"taskId": "t"}})
        else:
            await answers(message, at)

    async def main() -> None:
        async with join(serve) as at:
            assert (await at.refusal("write_note", {"text": "a"}))["remit"] == "unknown"

    asyncio.run(main())
