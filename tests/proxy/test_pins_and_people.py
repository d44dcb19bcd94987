"""End to end, each part in a process of its own: a server that changes its tools, and people who answer held calls."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from joined import LONG_S
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.shared.exceptions import MCPError
from mcp_types import ElicitResult

import remit
from remit.settings import Settings

ENVELOPE = """
apiVersion: remit/v1
kind: CapabilityEnvelope
metadata: {name: clerk, version: "1"}
spec:
  enforcement: enforce
  tools:
    read_note: {effect: read, args: {type: object, additionalProperties: false}}
    announce: {effect: read, args: {type: object, additionalProperties: false}}
    pay:
      effect: irreversible
      args: {type: object, additionalProperties: false, required: [amount], properties: {amount: {type: integer}}}
      approve:
        - {id: people, by: [finance]}
"""
TOOLS = [
    {"name": name, "description": f"It does {name}.", "inputSchema": {"type": "object"}}
    for name in ("read_note", "announce", "pay")
]
MODES = ["2026-07-28", "legacy"]
APPROVAL = re.compile(r"Approval (\S+), open")


class Desk:
    """A folder with an envelope, a store, a server, and the command line upon them."""

    def __init__(self, folder: Path, *, single_operator: bool) -> None:
        self.folder = folder
        self.tools = folder / "tools.json"
        self.says(TOOLS)
        (folder / "envelope.yaml").write_text(ENVELOPE)
        self.store = f"sqlite:///{folder / 'remit.db'}"
        self.env = {**os.environ, "REMIT_HOME": str(folder / "home"), "REMIT_STORE": self.store}
        self.env |= {"REMIT_OPERATOR_PASSPHRASE": "open sesame"}
        settings = Settings(home=str(folder / "home"))
        path = folder / "envelope.yaml"
        remit.open(path, store=self.store, single_operator=single_operator, settings=settings).close()
        if not single_operator:
            assert self.remit("operator", "add", "ann", "--role", "finance").returncode == 0

    def says(self, tools: Any) -> None:
        """What the server says from now on."""
        draft = self.tools.with_suffix(".new")
        draft.write_text(json.dumps(tools))
        draft.replace(self.tools)

    def remit(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """One command line, in a process of its own."""
        command = [sys.executable, "-m", "remit.cli.main", *arguments]
        return subprocess.run(
            command, env=self.env, cwd=self.folder, capture_output=True, text=True, check=False
        )

    def told(self, *arguments: str) -> Any:
        return json.loads(self.remit(*arguments, "--json").stdout)

    @property
    def ran(self) -> list[str]:
        """What the server ran."""
        file = self.tools.with_suffix(".ran")
        return file.read_text().split() if file.exists() else []

    def proxied(self, *options: str) -> StdioServerParameters:
        ours = [
            "-m",
            "remit.cli.main",
            "proxy",
            "--envelope",
            "envelope.yaml",
            "--server",
            "notes",
            *options,
            "--",
        ]
        server = [sys.executable, str(Path(__file__).parent / "turncoat.py"), str(self.tools)]
        return StdioServerParameters(
            command=sys.executable, args=[*ours, *server], env=self.env, cwd=self.folder
        )

    def tried(self, mode: str, act: Callable[[Any], Awaitable[None]], asked: Any = None) -> None:
        """Connect the SDK's client, and act."""

        async def main() -> None:
            async with (
                asyncio.timeout(LONG_S),
                Client(stdio_client(self.proxied()), mode=mode, elicitation_callback=asked) as client,
            ):
                await act(client)

        asyncio.run(main())


@pytest.fixture
def desk(folder: Path) -> Desk:
    return Desk(folder, single_operator=True)


@pytest.fixture
def office(folder: Path) -> Desk:
    """Its store takes signed answers only; ann has a key."""
    return Desk(folder, single_operator=False)


async def names(client: Any) -> list[str]:
    return sorted(tool.name for tool in (await client.session.list_tools()).tools)


async def announce(client: Any) -> None:
    """Have the server say that its tools changed, and wait until the client heard it where it has to listen."""
    if client.protocol_version < "2026-07-28":
        assert not (await client.call_tool("announce", {})).is_error
        return
    async with client.listen(tools_list_changed=True) as heard:
        await client.call_tool("announce", {})
        await anext(aiter(heard))


def refusal(result: Any) -> Any:
    assert result.is_error
    return json.loads(result.content[0].text)


# ------------------------------------------------------------------------------------------ a server that turns
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("announced", [True, False])
def test_one_byte_changed_in_mid_session_hides_the_tool_until_an_operator_accepts_it(office, mode, announced):
    async def act(client: Any) -> None:
        assert await names(client) == ["announce", "pay", "read_note"]
        assert not (await client.call_tool("read_note", {})).is_error
        turned = [{**one, "description": one["description"].replace(".", "!")} for one in TOOLS[:1]]
        office.says(turned + TOOLS[1:])
        if announced:
            await announce(client)
        else:
            assert await names(client) == ["announce", "pay"]

        refused = refusal(await client.call_tool("read_note", {}))
        assert refused["clauses"] == ["read_note.pin"]
        assert await names(client) == ["announce", "pay"]
        assert office.ran.count("read_note") == 1

        drifts = await asyncio.to_thread(office.told, "anomalies", "ls", "--kind", "drift")
        (anomaly,) = drifts["anomalies"]
        shown = (await asyncio.to_thread(office.remit, "anomalies", "show", anomaly["id"])).stdout
        assert "-  It does read_note." in shown and "+  It does read_note!" in shown
        pinned = await asyncio.to_thread(office.told, "mcp", "pins", "show", "notes", "read_note")
        (pin,) = pinned["tools"]
        accept = ("mcp", "pins", "accept", "notes", "read_note", "--as", "ann", "--yes", "--digest")
        accepted = await asyncio.to_thread(office.remit, *accept, pin["drift"]["digest"][:12])
        assert accepted.returncode == 0, accepted.stderr

        assert not (await client.call_tool("read_note", {})).is_error
        assert await names(client) == ["announce", "pay", "read_note"]

    office.tried(mode, act)
    assert office.remit("journal", "verify").returncode == 0


def test_what_drifted_while_nobody_was_there_is_hidden_from_the_next_connection(desk):
    async def act(client: Any) -> None:
        assert len(await names(client)) == 3

    async def later(client: Any) -> None:
        assert await names(client) == ["announce", "read_note"]
        assert refusal(await client.call_tool("pay", {"amount": 1}))["clauses"] == ["pay.pin"]

    desk.tried("auto", act)
    desk.says([*TOOLS[:2], {**TOOLS[2], "annotations": {"readOnlyHint": True}}])
    desk.tried("auto", later)


# ------------------------------------------------------------------------------------------ people
def asking(action: str, seen: list[str], first: Callable[[str], None] = lambda _: None) -> Any:
    """A client's user, who does something and then answers."""

    async def asked(context: Any, params: Any) -> ElicitResult:
        seen.append(params.message)
        (approval,) = APPROVAL.findall(params.message)
        await asyncio.to_thread(first, approval)
        return ElicitResult(action=action)

    return asked


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("action", "then"), [("accept", None), ("decline", "refused"), ("cancel", "held")])
def test_a_client_asks_its_user_whose_answer_counts_in_a_single_operator_store(desk, mode, action, then):
    seen: list[str] = []

    async def act(client: Any) -> None:
        result = await client.call_tool("pay", {"amount": 5})
        assert (refusal(result)["remit"] if result.is_error else None) == then

    desk.tried(mode, act, asking(action, seen))

    assert len(seen) == 1 and "pay.people" in seen[0]
    assert desk.ran == (["pay"] if then is None else [])
    (approval,) = desk.told("approvals", "ls", "--all")["approvals"]
    state = {"accept": "executed", "decline": "rejected", "cancel": "pending"}[action]
    assert approval["state"] == state
    answers = desk.told("approvals", "show", approval["id"])["approval"]["answers"]
    assert [(a["operator"], a["authenticated"]) for a in answers] == (
        [] if action == "cancel" else [("elicitation by mcp", False)]
    )


@pytest.mark.parametrize("mode", MODES)
def test_elsewhere_the_answer_of_the_clients_user_approves_nothing(office, mode):
    seen: list[str] = []

    async def act(client: Any) -> None:
        assert refusal(await client.call_tool("pay", {"amount": 5}))["remit"] == "held"

    office.tried(mode, act, asking("accept", seen))

    assert len(seen) == 1 and office.ran == []
    assert [one["state"] for one in office.told("approvals", "ls")["approvals"]] == ["pending"]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("verb", "then"), [("approve", None), ("reject", "refused")])
def test_who_has_a_key_answers_from_another_process_while_the_question_is_open(office, mode, verb, then):
    seen: list[str] = []

    def answered(approval: str) -> None:
        more = () if verb == "approve" else ("--note", "not today")
        line = office.remit("approvals", verb, approval, "--as", "ann", *more)
        assert line.returncode == 0, line.stderr

    async def act(client: Any) -> None:
        result = await client.call_tool("pay", {"amount": 5})
        assert (refusal(result)["remit"] if result.is_error else None) == then

    office.tried(mode, act, asking("accept", seen, answered))

    assert office.ran == (["pay"] if then is None else [])


@pytest.mark.parametrize("mode", MODES)
def test_without_elicitation_the_same_call_goes_on_once_it_is_approved_elsewhere(office, mode):
    async def act(client: Any) -> None:
        held = refusal(await client.call_tool("pay", {"amount": 5}))
        assert held["remit"] == "held"
        line = await asyncio.to_thread(
            office.remit, "approvals", "approve", held["approval_id"], "--as", "ann"
        )
        assert line.returncode == 0, line.stderr
        assert refusal(await client.call_tool("pay", {"amount": 6}))["remit"] == "held", "another call"
        assert not (await client.call_tool("pay", {"amount": 5})).is_error
        assert refusal(await client.call_tool("pay", {"amount": 5}))["remit"] == "held", "it ran once"

    office.tried(mode, act)
    assert office.ran == ["pay"]


def test_a_client_that_edits_what_it_carries_or_the_call_gets_an_error_and_nothing_runs(desk):
    async def act(client: Any) -> None:
        ask = {"allow_input_required": True}
        held = await client.session.call_tool("pay", {"amount": 5}, **ask)
        said = {name: ElicitResult(action="accept") for name in held.input_requests}
        half = len(held.request_state) // 2
        other = "A" if held.request_state[half] != "A" else "B"
        edited = held.request_state[:half] + other + held.request_state[half + 1 :]
        for arguments, state in (({"amount": 5}, edited), ({"amount": 5000}, held.request_state)):
            with pytest.raises(MCPError, match="Invalid or expired requestState") as raised:
                await client.session.call_tool(
                    "pay", arguments, input_responses=said, request_state=state, **ask
                )
            assert raised.value.error.code == -32602
        assert desk.ran == []

    desk.tried("2026-07-28", act, asking("accept", []))
    assert [one["state"] for one in desk.told("approvals", "ls")["approvals"]] == ["pending"]


@pytest.mark.parametrize("action", ["accept", "decline"])
def test_the_fastmcp_client_asks_its_user_too(desk, action):
    fastmcp = pytest.importorskip("fastmcp")
    from fastmcp.client.elicitation import ElicitResult as Said
    from fastmcp.client.transports import StdioTransport

    server, seen = desk.proxied(), []

    async def asked(message: str, *_: Any) -> Any:
        seen.append(message)
        return Said(action=action)

    async def main() -> None:
        transport = StdioTransport(
            command=server.command, args=server.args, env=server.env, cwd=str(desk.folder)
        )
        async with (
            asyncio.timeout(LONG_S),
            fastmcp.Client(transport, elicitation_handler=asked) as client,
        ):
            result = await client.call_tool("pay", {"amount": 5}, raise_on_error=False)
            assert result.is_error is (action == "decline")

    asyncio.run(main())
    assert len(seen) == 1 and desk.ran == (["pay"] if action == "accept" else [])
