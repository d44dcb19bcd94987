"""A client and a server in memory with the real proxy between them, on a real store."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Awaitable, Callable
from typing import Any

from remit.proxy.lines import EndableStream, LineWriter, Reader
from remit.proxy.opening import Opening
from remit.proxy.pump import Pump
from remit.usecases.guard import Guard
from remit.usecases.pinning import Pins

ENVELOPE = """
apiVersion: remit/v1
kind: CapabilityEnvelope
metadata: {name: clerk, version: "1"}
spec:
  enforcement: enforce
  tools:
    read_note:
      effect: read
      args: {type: object, additionalProperties: false, required: [name], properties: {name: {type: string}}}
      require:
        - {id: no-secrets, expr: "args.name != 'secret'", message: "secrets are not read"}
    write_note:
      effect: write
      args: {type: object, additionalProperties: false, required: [text], properties: {text: {type: string}}}
    pay:
      effect: irreversible
      args: {type: object, additionalProperties: false, required: [amount], properties: {amount: {type: integer}}}
      approve:
        - {id: people, by: [finance]}
"""
TOOLS = [
    {"name": name, "description": f"It does {name}.", "inputSchema": {"type": "object"}}
    for name in ("read_note", "write_note", "pay", "unlisted_tool")
]
LONG_S = 600.0
"""A guard against a test that hangs; nothing is judged by it."""

Message = dict[str, Any]
Serve = Callable[[Message, "Joined"], Awaitable[None]]


def text(words: str, **more: Any) -> Message:
    """A tool's result."""
    return {"content": [{"type": "text", "text": words}], **more}


def plain(line: bytes) -> Message:
    """A message; older versions of the SDK put an empty `_meta` into requests, which says nothing."""
    message: Message = json.loads(line)
    if (message.get("params") or {}).get("_meta") == {}:
        del message["params"]["_meta"]
        if not message["params"]:
            del message["params"]
    return message


class Wire:
    """A transport in memory: what is written goes to a function, a message at a time."""

    def __init__(self, take: Callable[[bytes], None]) -> None:
        self._take = take
        self.closed = False
        self.waiting = 0

    def get_write_buffer_size(self) -> int:
        return self.waiting

    def is_closing(self) -> bool:
        return self.closed

    def write(self, data: bytes) -> None:
        for line in data.splitlines():
            self._take(line)

    def close(self) -> None:
        self.closed = True

    abort = close


class Joined:
    """The client's and the server's ends of one proxied connection."""

    def __init__(self, guard: Guard, serve: Serve | None = None, **options: Any) -> None:
        self.guard = guard
        self.tools: list[Message] = list(TOOLS)
        self.ran: list[Message] = []
        """Parameters of the calls that reached the server."""
        self.at_server: list[Message] = []
        """Every message that reached the server."""
        self.at_client: list[Message] = []
        """Every message that reached the client, but answers."""
        self.told: list[str] = []
        self.by_client: bool | None = None
        """Who ended it, once it is over."""
        self._serve = serve or answers
        self._ids = itertools.count(1)
        self._answers: dict[Any, asyncio.Future[Message]] = {}
        self._client, self._server = EndableStream(), EndableStream()
        self._tasks: set[asyncio.Task[None]] = set()
        self.to_client, self.to_server = Wire(self._client_gets), Wire(self._server_gets)
        whose = options.pop("whose", {})
        pins = options.pop("pins", lambda guard: Pins(guard, "notes"))
        open_guard = options.pop("open_guard", lambda _: guard)
        self.opening = Opening(open_guard, pins, whose=whose, namespace=options.pop("namespace", ""))
        to_client = LineWriter(self.to_client)
        self.pump = Pump(
            (Reader(self._client), to_client),
            (Reader(self._server, to_client.flows), LineWriter(self.to_server)),
            self.opening,
            report=self.told.append,
            **options,
        )

    # ------------------------------------------------------------------------------------------ the client's end
    def send(self, message: Message | bytes) -> None:
        """The client writes a line."""
        line = message if isinstance(message, bytes) else json.dumps(message).encode()
        self._client.feed_data(line + b"\n")

    def asked(self, method: str, params: Any = None, id: Any = None) -> asyncio.Future[Message]:
        """The client asks; the future is the whole answer."""
        number = next(self._ids) if id is None else id
        message = {"jsonrpc": "2.0", "id": number, "method": method}
        found = self.awaited(number)
        self.send(message if params is None else {**message, "params": params})
        return found

    def awaited(self, id: Any) -> asyncio.Future[Message]:
        """The whole answer to what is asked with this id; the test writes the line itself."""
        self._answers[id] = asyncio.get_running_loop().create_future()
        return self._answers[id]

    async def ask(self, method: str, params: Any = None, id: Any = None) -> Message:
        """The client asks, and waits for the whole answer."""
        return await asyncio.wait_for(self.asked(method, params, id), LONG_S)

    async def call(self, name: str, arguments: Any = None, **more: Any) -> Message:
        """The client calls a tool.

        Returns:
            The result.
        """
        params = {"name": name, **({} if arguments is None else {"arguments": arguments}), **more}
        return (await self.ask("tools/call", params))["result"]

    async def refusal(self, name: str, arguments: Any = None, **more: Any) -> Message:
        """The client calls a tool, and is told no."""
        result = await self.call(name, arguments, **more)
        assert result["isError"] is True
        return json.loads(result["content"][0]["text"])

    def tell(self, method: str, params: Any = None) -> None:
        """The client tells."""
        message = {"jsonrpc": "2.0", "method": method}
        self.send(message if params is None else {**message, "params": params})

    async def meet(self) -> None:
        """The handshake of the older era."""
        told = {
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "clientInfo": {"name": "t", "version": "0"},
        }
        await self.ask("initialize", told)
        self.tell("notifications/initialized")
        while self.at_server[-1].get("method") != "notifications/initialized":
            await asyncio.sleep(0)

    async def tools_change(self) -> None:
        """The server says so, and the proxy has heard it."""
        self.serves({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"})
        await self.ask("ping")

    def leave(self) -> None:
        """The client closes its end."""
        self._client.feed_eof()

    def _client_gets(self, line: bytes) -> None:
        message = plain(line)
        if "method" in message:
            self.at_client.append(message)
            return
        waiting = self._answers.get(message["id"])
        if waiting is not None and not waiting.done():
            waiting.set_result(message)
        else:
            self.at_client.append(message)

    # ------------------------------------------------------------------------------------------ the server's end
    def _server_gets(self, line: bytes) -> None:
        message = plain(line)
        self.at_server.append(message)
        task = asyncio.ensure_future(self._serve(message, self))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def serves(self, message: Message | bytes) -> None:
        """The server writes a line."""
        line = message if isinstance(message, bytes) else json.dumps(message).encode()
        self._server.feed_data(line + b"\n")

    def answer(self, message: Message, result: Any) -> None:
        """The server answers."""
        self.serves({"jsonrpc": "2.0", "id": message["id"], "result": result})

    def die(self) -> None:
        """The server ends."""
        self._server.feed_eof()

    # ------------------------------------------------------------------------------------------ records
    def recorded(self, kind: str) -> list[Any]:
        """The events of a kind in the sessions of this store."""
        session = self.opening._session
        return (
            []
            if session is None
            else [e.event for e in self.guard.records.events(session.id) if e.event.kind == kind]
        )


async def answers(message: Message, at: Joined) -> None:
    """A server with a few tools, which do what they are asked at once."""
    match message.get("method"):
        case "initialize":
            info = {"name": "notes", "version": "1"}
            at.answer(
                message, {"protocolVersion": "2025-11-25", "capabilities": {"tools": {}}, "serverInfo": info}
            )
        case "server/discover":
            at.answer(message, {"supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}}})
        case "tools/list":
            at.answer(message, {"tools": at.tools})
        case "tools/call":
            at.ran.append(message["params"])
            at.answer(message, text(f"done {message['params']['name']}"))
        case "resources/read":
            at.answer(message, {"contents": [{"uri": message["params"]["uri"], "text": "a resource"}]})
        case "ping" | "logging/setLevel" | "resources/subscribe":
            at.answer(message, {})


Join = Callable[..., Any]
