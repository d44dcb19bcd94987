"""What a server's tools did behind the proxy is told like any other call."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from joined import Join, Joined, Message, answers, text

from remit.core.selftest import load_envelope
from remit.testing import open_guard
from remit.usecases.archive import loaded
from remit.usecases.guard import Guard
from remit.usecases.impact import Start, reach_of
from remit.usecases.impact_view import reach_view

RULES = """
apiVersion: remit/v1
kind: CapabilityEnvelope
metadata: {name: clerk, version: "1"}
spec:
  tools:
    read_note: {effect: read, args: {type: object, additionalProperties: false, properties: {name: {type: string}}}}
    write_note:
      effect: write
      args: {type: object, additionalProperties: false, required: [text], properties: {text: {type: string}}}
      compensation: {tool: drop_note, args: {id: output.id}}
    drop_note:
      effect: write
      args: {type: object, additionalProperties: false, required: [id], properties: {id: {type: string}}}
"""
DROP = {"name": "drop_note", "description": "It drops.", "inputSchema": {"type": "object"}}


@pytest.fixture
def guard(folder: Path):
    with open_guard(folder, load_envelope(RULES, "clerk.yaml")) as opened:
        opened.records.append([loaded(opened.envelope, "default")]).result()
        yield opened


async def notes(message: Message, at: Joined) -> None:
    """A server that answers in text, as most do, also where the text spells an object."""
    if message.get("method") != "tools/call":
        return await answers(message, at)
    number = 55_201 + len(at.ran)
    at.ran.append(message["params"])
    if message["params"]["name"] == "write_note":
        return at.answer(message, text(f'{{"id":"N-{number}","ok":true}}'))
    return at.answer(message, text("shopping: N-55201, and milk"))


def test_a_call_through_the_proxy_is_undone_by_what_its_text_says(join: Join, guard: Guard) -> None:
    sessions: list[str] = []

    async def main() -> None:
        async with join(notes, meet=False) as writer:
            writer.tools.append(DROP)
            await writer.meet()
            await writer.call("write_note", {"text": "milk"})
            sessions.append(writer.opening._session.id)
        async with join(notes, meet=False) as reader:
            reader.tools.append(DROP)
            await reader.meet()
            await reader.call("read_note", {"name": "shopping"})
            await reader.call("drop_note", {"id": "N-55201"})
            sessions.append(reader.opening._session.id)

    asyncio.run(main())
    view = reach_view(reach_of(guard.records.store, [Start(sessions[0], "default")]))

    (done,) = view["already_undone"]
    assert (done["undo"]["tool"], done["undo"]["args"]) == ("drop_note", {"id": "N-55201"})
    (reader,) = view["readers"]
    assert (reader["session"], reader["read"][0]["value"]) == (sessions[1], "N-55201")
    (call,) = view["sessions"][0]["calls"]
    assert [(one["kind"], one["value"], one["place"]) for one in call["objects"]] == [
        ("id", "N-55201", "result.id")
    ]
