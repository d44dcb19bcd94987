"""Everything of the protocol through the proxy, with the SDK's client and server, in both eras of it."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest
from test_calls import until
from test_real_servers import proxied, tried

SERVER = str(Path(__file__).with_name("server_everything.py"))
OPEN = """
apiVersion: remit/v1
kind: CapabilityEnvelope
metadata: {name: tester, version: "1"}
spec:
  enforcement: monitor
  tools:
    echo: {effect: read, args: {type: object, additionalProperties: false, properties: {text: {type: string}}}}
"""
STRICT = """
apiVersion: remit/v1
kind: CapabilityEnvelope
metadata: {name: tester, version: "1"}
spec:
  enforcement: enforce
  tools:
    echo:
      effect: read
      args: {type: object, additionalProperties: false, required: [text], properties: {text: {type: string}}}
      obligations: [{id: cut, redact: {patterns: ["NO[0-9]+"]}}]
    sleep:
      effect: write
      args:
        type: object
        additionalProperties: false
        properties: {seconds: {type: number}, mark: {type: string}}
    grow: {effect: write, args: {type: object, additionalProperties: false, properties: {}}}
"""


def started(folder: Path, envelope: str = OPEN) -> Any:
    return proxied(folder, envelope, sys.executable, SERVER)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_progress_reaches_who_asked(folder: Path, mode: str):
    seen: list[tuple[float, float | None]] = []

    async def on_progress(progress: float, total: float | None, message: str | None) -> None:
        seen.append((progress, total))

    async def act(client: Any) -> None:
        result = await client.call_tool("progress", {"steps": 3}, progress_callback=on_progress)
        assert result.content[0].text == "done"
        await until(lambda: len(seen) == 3)

    tried(started(folder), mode, act)
    assert sorted(seen) == [(0.0, 3.0), (1.0, 3.0), (2.0, 3.0)]


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_resources_and_prompts_pass(folder: Path, mode: str):
    async def act(client: Any) -> None:
        assert (await client.list_resource_templates()).resource_templates[0].uri_template == "note://{name}"
        assert (await client.read_resource("note://one")).contents[0].text == "the note one"
        assert (await client.list_prompts()).prompts[0].name == "greet"
        got = await client.get_prompt("greet", {"name": "Ann"})
        assert got.messages[0].content.text == "Say hello to Ann."

    tried(started(folder), mode, act)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_a_failing_tool_fails_as_it_would_alone(folder: Path, mode: str):
    async def act(client: Any) -> None:
        result = await client.call_tool("fail", {})
        assert result.is_error and "nothing but failure" in result.content[0].text

    tried(started(folder), mode, act)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_what_is_cut_from_a_result_is_cut_everywhere(folder: Path, mode: str):
    async def act(client: Any) -> None:
        result = await client.call_tool("echo", {"text": "to NO93 please"})
        assert not result.is_error and "NO93" not in str(result) and "please" in result.content[0].text

    tried(started(folder, STRICT), mode, act)


def test_sampling_roots_and_logging_reach_the_client(folder: Path):
    from mcp_types import CreateMessageResult, ListRootsResult, Root, TextContent

    logged: list[Any] = []

    async def sample(context: Any, params: Any) -> CreateMessageResult:
        return CreateMessageResult(role="assistant", content=TextContent(type="text", text="hi"), model="m")

    async def roots(context: Any) -> ListRootsResult:
        return ListRootsResult(roots=[Root(uri="file:///srv", name="srv")])

    async def log(params: Any) -> None:
        logged.append(params.data)

    async def act(client: Any) -> None:
        assert (await client.call_tool("ask_model", {})).content[0].text == "the model said hi"
        assert (await client.call_tool("roots", {})).content[0].text == "file:///srv"
        await client.call_tool("log", {})
        await until(lambda: logged)

    tried(
        started(folder),
        "legacy",
        act,
        sampling_callback=sample,
        list_roots_callback=roots,
        logging_callback=log,
    )
    assert logged == ["a word to the client"]


def test_a_changed_list_reaches_the_client_and_a_new_tool_is_not_callable_unless_listed(folder: Path):
    told: list[Any] = []

    async def message(one: Any) -> None:
        told.append(type(one).__name__)

    async def act(client: Any) -> None:
        await client.call_tool("grow", {})
        await until(lambda: "ToolListChangedNotification" in told)
        assert sorted(t.name for t in (await client.list_tools()).tools) == ["echo", "grow", "sleep"]
        assert (await client.call_tool("grown", {})).is_error

    tried(started(folder, STRICT), "legacy", act, message_handler=message)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_a_cancelled_call_stops_at_the_server(folder: Path, mode: str):
    mark = folder / "mark"

    async def act(client: Any) -> None:
        call = asyncio.ensure_future(client.call_tool("sleep", {"seconds": 600.0, "mark": str(mark)}))
        await until(lambda: Path(f"{mark}.begun").exists())
        call.cancel()
        await until(lambda: Path(f"{mark}.stopped").exists())
        assert (await client.call_tool("echo", {"text": "still here"})).content[0].text == "still here"

    tried(started(folder, STRICT), mode, act)
