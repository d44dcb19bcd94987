"""What a hostile server, or a client that keeps to no rule, might get past the proxy, and does not."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from joined import ENVELOPE, LONG_S, TOOLS, Join, Joined, answers, text

from remit.cli.answering import Elicited
from remit.core.selftest import load_envelope
from remit.proxy.holding import Elicitation
from remit.testing import open_guard


async def until(found: Any) -> None:
    async with asyncio.timeout(LONG_S):
        while not found():
            await asyncio.sleep(0)


def test_a_server_cannot_guess_the_id_of_our_question_to_the_client(join: Join, guard: Any):
    """Else the answer to a question of its own, taken back before, would answer ours."""

    async def main() -> None:
        holding = Elicitation(lambda: guard, lambda it: Elicited(it.records.store))
        async with join(holding=holding, meet=False) as at:
            hello = {"protocolVersion": "2025-11-25", "capabilities": {"elicitation": {}}, "clientInfo": {}}
            await at.ask("initialize", hello)
            held = at.asked("tools/call", {"name": "pay", "arguments": {"amount": 5}})
            await until(lambda: at.at_client)
            ours = at.at_client[0]["id"]
            seen = [str(m["id"]) for m in at.at_server if str(m.get("id")).startswith("remit-")]
            assert seen and not any(ours.startswith(one.rpartition("-")[0]) for one in seen)
            at.serves({"jsonrpc": "2.0", "id": ours, "method": "elicitation/create", "params": {}})
            at.send({"jsonrpc": "2.0", "id": ours, "result": {"action": "cancel"}})
            await held

    asyncio.run(main())


def test_a_late_answer_to_a_cancelled_call_is_not_taken_for_that_of_another(join: Join):
    reached = asyncio.Event()

    async def serve(message: dict[str, Any], at: Joined) -> None:
        if message.get("method") == "tools/call":
            at.ran.append(message["params"])
            reached.set()
        else:
            await answers(message, at)

    async def main() -> None:
        async with join(serve) as at:
            at.asked("tools/call", {"name": "write_note", "arguments": {"text": "a"}}, id=77)
            await asyncio.wait_for(reached.wait(), LONG_S)
            at.tell("notifications/cancelled", {"requestId": 77})
            await until(lambda: at.recorded("settled"))
            await until(lambda: not at.pump._asked)
            second = at.asked("tools/call", {"name": "read_note", "arguments": {"name": "a"}}, id=77)
            answer = await asyncio.wait_for(second, LONG_S)
            at.answer({"id": 77}, text("what write_note said"))
            await at.ask("ping")
            assert answer["error"]["code"] == -32600
            assert len(at.ran) == 1

    asyncio.run(main())


@pytest.mark.parametrize("name", ["resources/read", "prompts/get"])
def test_a_tool_that_is_named_as_a_method_is_no_such_method(join: Join, folder: Any, name: str):
    args = "{type: object, additionalProperties: false, properties: {uri: {type: string}}}"
    with_method = ENVELOPE + f"    {name}: {{effect: read, args: {args}}}\n"
    (folder / "m").mkdir()

    async def main() -> None:
        with open_guard(folder / "m", load_envelope(with_method, "clerk.yaml")) as guard:
            async with join(guard=guard) as at:
                at.tools = [*TOOLS, {"name": name, "description": "x", "inputSchema": {"type": "object"}}]
                await at.ask("ping")
                refused = await at.refusal(name, {"uri": "a:b"})
                assert refused["remit"] == "refused" and at.ran == []
                listed = (await at.ask("tools/list"))["result"]["tools"]
                assert name not in [one["name"] for one in listed]

    asyncio.run(main())


def test_a_server_cannot_cancel_a_call_of_the_client(join: Join):
    async def serve(message: dict[str, Any], at: Joined) -> None:
        if message.get("method") == "tools/call":
            gone = {"requestId": message["id"]}
            at.serves({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": gone})
        await answers(message, at)

    async def main() -> None:
        async with join(serve) as at:
            assert await at.call("write_note", {"text": "a"}) == text("done write_note")
            assert [event.body["ended"] for event in at.recorded("settled")] == ["value"]
            assert at.at_client == []

    asyncio.run(main())


CUT = """
apiVersion: remit/v1
kind: CapabilityEnvelope
metadata: {name: clerk, version: "1"}
spec:
  enforcement: enforce
  tools:
    read_note:
      effect: read
      args: {type: object, additionalProperties: false, properties: {}}
      obligations: [{id: cut, redact: {patterns: ["NO[0-9]+"]}}]
"""


@pytest.mark.parametrize(
    "result",
    [
        text("it is NO123", isError=True),
        {"content": [], "structuredContent": {"a": ["NO123"]}, "isError": True},
        text("fine", _meta={"a": {"b": "NO123"}}),
        text("fine", isError=True, _meta={"a": {"b": "NO123"}}),
        {"content": [{"type": "text", "text": "fine", "_meta": {"a": "NO123"}}]},
        {"content": [{"type": "resource_link", "uri": "NO123", "name": "n"}]},
        {"content": [{"type": "image", "data": "NO123", "mimeType": "image/png"}]},
        {"content": [{"type": "text", "text": "x"}], "structuredContent": {"k": "NO123"}},
        {"content": [{"type": "text", "text": "x"}], "more": {"k": "NO123"}},
        {"content": [{"type": "text", "text": "x"}], "isError": "NO123"},
        {"content": [{"type": "text", "text": "x"}], "isError": 1, "resultType": "complete", "k": "NO123"},
        {"content": "NO123"},
        {"toolResult": "NO123"},
    ],
)
def test_what_is_cut_from_a_result_is_cut_wherever_the_server_puts_it(join: Join, folder: Any, result: Any):
    (folder / "m").mkdir()

    async def serve(message: dict[str, Any], at: Joined) -> None:
        if message.get("method") == "tools/call":
            at.answer(message, result)
        else:
            await answers(message, at)

    async def main() -> None:
        with open_guard(folder / "m", load_envelope(CUT, "clerk.yaml")) as guard:
            async with join(serve, guard=guard) as at:
                found = await at.ask("tools/call", {"name": "read_note", "arguments": {}})
                print(found)
                assert "NO123" not in json.dumps(found)

    asyncio.run(main())


def test_what_is_cut_from_a_result_is_cut_from_the_servers_error(join: Join, folder: Any):
    (folder / "m").mkdir()

    async def serve(message: dict[str, Any], at: Joined) -> None:
        if message.get("method") == "tools/call":
            error = {"code": -5, "message": "no NO123", "data": {"a": ["NO123"]}}
            at.serves({"jsonrpc": "2.0", "id": message["id"], "error": error})
        else:
            await answers(message, at)

    async def main() -> None:
        with open_guard(folder / "m", load_envelope(CUT, "clerk.yaml")) as guard:
            async with join(serve, guard=guard) as at:
                error = (await at.ask("tools/call", {"name": "read_note", "arguments": {}}))["error"]
                assert error == {"code": -5, "message": "no [redacted]", "data": {"a": ["[redacted]"]}}

    asyncio.run(main())


FIELD = CUT.replace('patterns: ["NO[0-9]+"]', 'fields: [card.number], patterns: ["NO[0-9]+"]')


@pytest.mark.parametrize(
    ("result", "shown"),
    [
        (text("it is NO123", isError=True), text("it is [redacted]", isError=True)),
        (
            text('{"card": 5}', isError=True),
            text("[not shown: it could not be redacted]", isError=True),
        ),
        (
            text('{"card": {"number": 5}}', isError=True),
            text('{"card":{"number":"[redacted]"}}', isError=True),
        ),
    ],
)
def test_a_failure_without_the_fields_that_are_cut_is_searched_or_not_shown(
    join: Join, folder: Any, result: Any, shown: Any
):
    (folder / "m").mkdir()

    async def serve(message: dict[str, Any], at: Joined) -> None:
        if message.get("method") == "tools/call":
            at.answer(message, result)
        else:
            await answers(message, at)

    async def main() -> None:
        with open_guard(folder / "m", load_envelope(FIELD, "clerk.yaml")) as guard:
            async with join(serve, guard=guard) as at:
                assert await at.call("read_note", {}) == shown

    asyncio.run(main())


def test_an_older_client_sends_the_server_nothing_beside_what_was_checked(join: Join):
    async def main() -> None:
        async with join() as at:
            more = {"inputResponses": {"a": "unchecked"}, "requestState": "unchecked", "extra": "unchecked"}
            meta = {"progressToken": {"a": "unchecked"}, "baggage": ["unchecked"], "traceparent": "t"}
            await at.call("read_note", {"name": "a"}, _meta=meta, **more)
            assert at.ran == [
                {"name": "read_note", "arguments": {"name": "a"}, "_meta": {"traceparent": "t"}}
            ]

    asyncio.run(main())


def test_a_call_goes_on_with_nothing_that_is_no_answer_to_a_server(join: Join):
    async def main() -> None:
        async with join() as at:
            meta = {"io.modelcontextprotocol/protocolVersion": "2026-07-28"}
            await at.call("read_note", {"name": "a"}, _meta=meta, inputResponses=5, requestState={"a": 1})
            assert at.ran == [{"name": "read_note", "arguments": {"name": "a"}, "_meta": meta}]

    asyncio.run(main())
