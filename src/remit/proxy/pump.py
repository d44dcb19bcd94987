"""Two of the SDK's dispatchers, one on the client's stdio and one on the server's, and what goes between them.

Raw messages pass: the handshake goes from end to end, so that both agree on version and capabilities as if nobody stood
between them, and sampling, elicitation, roots, progress and subscriptions work in either era. Ids stay as they are; our
own requests have ids that nobody guesses. Notifications are passed on in the order in which they came, without a task.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import anyio
from mcp.shared.dispatcher import CallOptions, DispatchContext, as_request_id, coerce_request_id
from mcp.shared.exceptions import MCPError
from mcp.shared.jsonrpc_dispatcher import JSONRPCDispatcher
from mcp.shared.transport_context import TransportContext
from mcp_types import (
    CONNECTION_CLOSED,
    INTERNAL_ERROR,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    REQUEST_TIMEOUT,
    JSONRPCNotification,
    RequestId,
)

from remit.core.codec import visible_name
from remit.core.definitions import METHODS
from remit.core.errors import OutcomeUnknown, RemitError, ToolFailed, Unavailable
from remit.core.told import told_text
from remit.proxy import methods
from remit.proxy.calls import Calls
from remit.proxy.holding import Holding
from remit.proxy.lines import LineWriter, Reader
from remit.proxy.listing import Listing
from remit.proxy.opening import Opening
from remit.proxy.wire import MALFORMED, Unreadable

Context = DispatchContext[TransportContext]
Params = Mapping[str, Any] | None
TellPeople = Callable[[str], None]

ANSWERED_S: Final = 10.0
"""How long calls may take to be answered once the server has ended."""
_LIST_CHANGED: Final = "notifications/tools/list_changed"
_CANCELLED: Final = "notifications/cancelled"
_MOST_CHANGES: Final = 64
_MOST_UNANSWERED: Final = 100_000
"""Ids that are remembered because an answer to them may still come."""


@dataclass(slots=True)
class _Busy:
    """A request that has not been answered."""

    method: str
    context: Context
    scope: anyio.CancelScope


class Pump:
    """Carries one connection.

    Args:
        client: where the client's messages come from, and where messages to it go.
        server: the same of the server.
        opening: remit's side.
        timeout_s: how long the server may take for one request; None without bound.
        holding: answers held calls.
        report: tells people.
    """

    def __init__(
        self,
        client: tuple[Reader, LineWriter],
        server: tuple[Reader, LineWriter],
        opening: Opening,
        *,
        timeout_s: float | None = None,
        holding: Holding | None = None,
        report: TellPeople = lambda _: None,
    ) -> None:
        self._client_reader, self._to_client = client
        self._server_reader, self._to_server = server
        unreadable = (self._unreadable_client, self._unreadable_server)
        self._front = JSONRPCDispatcher(*client, on_stream_exception=unreadable[0])
        self._back = JSONRPCDispatcher(*server, on_stream_exception=unreadable[1])
        self._opening = opening
        self._timeout_s = timeout_s
        self._report = report
        self.listing = Listing(self.ask, opening)
        self.calls = Calls(opening, self.listing, self._dispatch, holding=holding, report=report)
        self._asked: dict[RequestId, _Busy] = {}
        """By id, what the client asked and has no answer to."""
        self._asking: set[RequestId] = set()
        """Ids of what the server asks the client."""
        self._met = False
        """Whether the two have agreed on a version by `initialize`."""
        self._meta: dict[str, Any] = {}
        # Two, since the server sees the one: it could ask the client under the id that our next question will have,
        # and the answer to its question would be taken for one to ours.
        self._to_server_prefix, self._to_client_prefix = (f"remit-{secrets.token_hex(8)}-" for _ in range(2))
        self._next = 0
        self._unanswered: dict[RequestId, None] = {}
        """Ids of what was sent to the server and given up: what comes late must not answer another request."""
        self._changes: list[Params] = []
        self._relisting: asyncio.Task[None] | None = None

    # ------------------------------------------------------------------------------------------ running
    async def run(self) -> bool:
        """Carry until one side ends; whatever is in flight then is cancelled, or answered, and recorded.

        Returns:
            Whether the client ended it; False where the server did.
        """
        front = asyncio.ensure_future(self._front.run(self._from_client, _nothing, self._told_by_client))
        back = asyncio.ensure_future(self._back.run(self._from_server, _nothing, self._told_by_server))
        try:
            await asyncio.wait({front, back}, return_when=asyncio.FIRST_COMPLETED)
            by_client = front.done()
            if not by_client:
                await self._until_answered()
                self._client_reader.end()
            await front
            return by_client
        finally:
            for task in (front, back, self._relisting):
                if task is not None:
                    task.cancel()
            gathered = [task for task in (front, back, self._relisting) if task is not None]
            await asyncio.gather(*gathered, return_exceptions=True)

    def end(self) -> None:
        """End it as if the client had gone."""
        self._client_reader.end()

    def server_ended(self) -> None:
        """End it because the server has, though its output is still open."""
        self._server_reader.end()

    async def _until_answered(self) -> None:
        until = asyncio.get_running_loop().time() + ANSWERED_S
        while self._asked and asyncio.get_running_loop().time() < until:
            await asyncio.sleep(0.01)

    # ------------------------------------------------------------------------------------------ the client asks
    async def _from_client(self, context: Context, method: str, params: Params) -> dict[str, Any]:
        id_ = _id_of(context)
        key = coerce_request_id(id_)
        if key in self._asked:
            raise MCPError(INVALID_REQUEST, "a request with this id is in flight")
        if key in self._unanswered:
            raise MCPError(INVALID_REQUEST, "the server may still answer an earlier request with this id")
        with anyio.CancelScope() as scope:
            self._asked[key] = _Busy(method, context, scope)
            try:
                return await self._answer(id_, method, params)
            except (MCPError, ToolFailed) as error:
                raise _as_mcp(error) from None
            except Exception as error:  # noqa: BLE001 - one request fails, and says so
                raise self._failed(method, error) from None
            finally:
                del self._asked[key]
        return {}  # ended by the server, which nobody answers

    async def _answer(self, id_: RequestId, method: str, params: Params) -> dict[str, Any]:
        if method not in methods.FROM_CLIENT:
            raise MCPError(METHOD_NOT_FOUND, "Method not found", visible_name(method))
        passed = methods.passing_params(params)
        modern = methods.is_modern(passed)
        if not (self._met or modern or method in methods.BEFORE_HANDSHAKE):
            raise MCPError(INVALID_REQUEST, "initialize first")
        if modern:
            self._meta = methods.client_meta(passed)
            self._name("mcp_client", self._meta.get("io.modelcontextprotocol/clientInfo"))
        if method == "tools/call":
            return await self.calls.tool(id_, passed)
        if method == "tools/list":
            return await self.listing.answer(passed)
        if method in METHODS:
            return await self.calls.content(id_, method, passed)
        if method in methods.BEFORE_HANDSHAKE:
            return await self._met_by(id_, method, passed)
        return await self._forward(id_, method, passed)

    async def _met_by(self, id_: RequestId, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """The handshake, or what may come before it."""
        if method == "initialize":
            params = methods.offered(params)
            self.calls.holding.met(params, self._ask_client)
            self._name("mcp_client", params.get("clientInfo"))
        result = await self._forward(id_, method, params)
        if method == "ping":
            return result
        self._met = self._met or method == "initialize"
        self._learn(result)
        return methods.announced(result)

    def _learn(self, result: Mapping[str, Any]) -> None:
        meta = result.get("_meta")
        stamped = meta.get("io.modelcontextprotocol/serverInfo") if isinstance(meta, Mapping) else None
        self._name("mcp_server", result.get("serverInfo", stamped))
        if isinstance(version := result.get("protocolVersion"), str):
            self._opening.runtime["mcp_protocol"] = version[:50]

    def _name(self, side: str, info: Any) -> None:
        """What one side says that it is: its word, for whoever looks into the record."""
        if isinstance(info, Mapping):
            named = f"{info.get('name', '?')} {info.get('version', '?')}"
            self._opening.runtime[side] = named[:200]

    async def _forward(self, id_: RequestId, method: str, params: dict[str, Any]) -> dict[str, Any]:
        options: CallOptions = {"request_id": id_}
        if self._timeout_s is not None and method not in methods.WITHOUT_END:
            options["timeout"] = self._timeout_s
        if method == "initialize":
            options["cancel_on_abandon"] = False
        return await self._send(method, params, options)

    async def ask(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """A request of our own, in the version that the client speaks."""
        self._next += 1
        asked = {**params, "_meta": self._meta} if self._meta else params
        options: CallOptions = {"request_id": f"{self._to_server_prefix}{self._next}"}
        if (
            self._timeout_s is not None
        ):  # as for the call that waits for it: a server may do one thing at a time
            options["timeout"] = self._timeout_s
        return await self._send(method, asked, options)

    async def _ask_client(self, method: str, params: dict[str, Any], within_s: float) -> dict[str, Any]:
        """A request of our own to the client, for as long as it may take."""
        self._next += 1
        options: CallOptions = {"request_id": f"{self._to_client_prefix}{self._next}", "timeout": within_s}
        return await self._front.send_raw_request(method, params, options)

    async def _dispatch(self, method: str, params: dict[str, Any], id_: RequestId) -> dict[str, Any]:
        """Send on what was judged; see `calls.Dispatch`."""
        if self._server_gone or self._to_server.full:
            raise Unavailable("the server has ended" if self._server_gone else "the server does not read")
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._request(method, params, {"request_id": id_})
        except TimeoutError:
            told = f"the server did not answer within {self._timeout_s:g} s"
            raise OutcomeUnknown(told) from None
        except MCPError as error:
            if error.data is MALFORMED:
                raise OutcomeUnknown("the server's answer is no answer in MCP") from None
            if error.code == CONNECTION_CLOSED and self._server_gone:
                raise OutcomeUnknown("the server ended before it answered") from None
            raise ToolFailed(f"{error.code}: {error.message}", error) from None

    async def _send(self, method: str, params: dict[str, Any], options: CallOptions) -> dict[str, Any]:
        if self._to_server.full:
            raise MCPError(INTERNAL_ERROR, "the server does not read")
        return await self._request(method, params or None, options)

    async def _request(self, method: str, params: Params, options: CallOptions) -> dict[str, Any]:
        """Ask the server, and remember the id where no answer came."""
        answered = False
        try:
            result = await self._back.send_raw_request(method, params, options)
            answered = True
        except MCPError as error:
            answered = error.code != REQUEST_TIMEOUT
            raise
        finally:
            if not answered:
                self._given_up(options["request_id"])
        return result

    def _given_up(self, id_: RequestId) -> None:
        self._unanswered[coerce_request_id(id_)] = None
        if len(self._unanswered) > _MOST_UNANSWERED:
            del self._unanswered[next(iter(self._unanswered))]

    @property
    def _server_gone(self) -> bool:
        return self._server_reader.at_end or self._to_server.gone

    def _failed(self, method: str, error: Exception) -> MCPError:
        if not isinstance(error, RemitError):
            self._report(f"{method}: {type(error).__name__}: {error}")
        return MCPError(INTERNAL_ERROR, told_text(error))

    # ------------------------------------------------------------------------------------------ the server asks
    async def _from_server(self, context: Context, method: str, params: Params) -> dict[str, Any]:
        id_ = _id_of(context)
        key = coerce_request_id(id_)
        if method not in methods.FROM_SERVER:
            raise MCPError(METHOD_NOT_FOUND, "Method not found", visible_name(method))
        if key in self._asking:
            raise MCPError(INVALID_REQUEST, "a request with this id is in flight")
        self._asking.add(key)
        try:
            return await self._front.send_raw_request(method, params, {"request_id": id_})
        except MCPError as error:
            raise _as_mcp(error) from None
        finally:
            self._asking.discard(key)

    # ------------------------------------------------------------------------------------------ notifications
    def _told_by_client(self, method: str, params: Params) -> bool:
        """A notification of the client; a cancellation was applied by the dispatcher, which passes it on."""
        if method in methods.TOLD_BY_CLIENT and method != _CANCELLED:
            self._to_server.put(_notification(method, methods.passing_params(params) or None))
        return True

    def _told_by_server(self, method: str, params: Params) -> bool:
        if method == _CANCELLED:
            self._cancelled_by_server(params)
        elif method == _LIST_CHANGED:
            self._tools_changed(params)
        elif method in methods.TOLD_BY_SERVER:
            self._to_client.put(_notification(method, params))
        return True

    def _cancelled_by_server(self, params: Params) -> None:
        """Of its own request: the dispatcher passes it on. Of the client's: it may end a subscription, and no call."""
        id_ = as_request_id((params or {}).get("requestId"))
        if id_ is None or coerce_request_id(id_) in self._asking:
            return
        busy = self._asked.get(coerce_request_id(id_))
        if busy is not None and busy.method in methods.WITHOUT_END:
            self._to_client.put(_notification(_CANCELLED, params))
            busy.context.cancel_requested.set()
            busy.scope.cancel()

    def _tools_changed(self, params: Params) -> None:
        """Read and compare the tools again, and then let the client know."""
        self.listing.changed()
        if params not in self._changes and len(self._changes) < _MOST_CHANGES:
            self._changes.append(params)
        if self._relisting is None or self._relisting.done():
            self._relisting = asyncio.ensure_future(self._relist())

    async def _relist(self) -> None:
        while self._changes:
            changes, self._changes = self._changes, []
            try:
                if self._met or self._meta:
                    await self.listing.current()
            except Exception as error:  # noqa: BLE001 - the next call tries again, and is refused if that fails, too
                self._report(f"tools/list: {error}")
            for params in changes:
                self._to_client.put(_notification(_LIST_CHANGED, params))

    # ------------------------------------------------------------------------------------------ what is no message
    async def _unreadable_client(self, error: Exception) -> None:
        if isinstance(error, Unreadable):
            self._to_client.put(error.answer())

    async def _unreadable_server(self, error: Exception) -> None:
        self._report(f"the server wrote a line that is no message: {error}")
        if isinstance(error, Unreadable) and error.id is not None:
            with suppress(anyio.BrokenResourceError):
                self._to_server.put(error.answer())


def _notification(method: str, params: Params) -> JSONRPCNotification:
    passed = None if params is None else dict(params)
    return JSONRPCNotification.model_construct(jsonrpc="2.0", method=method, params=passed)


def _as_mcp(error: MCPError | ToolFailed) -> MCPError:
    """The error to write; the sign of a malformed answer stays here."""
    found = error.answer if isinstance(error, ToolFailed) else error
    if not isinstance(found, MCPError) or found.data is MALFORMED:
        return MCPError(INTERNAL_ERROR, "the answer was no answer in MCP")
    return found


def _id_of(context: Context) -> RequestId:
    if context.request_id is None:
        raise MCPError(INVALID_REQUEST, "a request without an id")
    return context.request_id


async def _nothing(context: Context, method: str, params: Params) -> None:
    """Notifications are taken before a task is made of them."""
