"""What is judged: `tools/call`, and reading resources and prompts where the envelope lists these as tools.

Each call runs in a task of its own. A dispatcher cancels by a scope, which cancels again and again until the task
is gone; a guarded call wants to hear it once, and then to record how it ended. So the task that answers waits for the one
that calls, passes a cancellation on once, and waits until it is recorded.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar

import anyio
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS, RequestId

from remit.core.codec import visible_name
from remit.core.errors import OutcomeUnknown, RemitError, ToolFailed
from remit.core.reader_tool import RESERVED
from remit.core.refusals import ApprovalRequired
from remit.core.told import told, told_text
from remit.core.types import Json
from remit.proxy import view
from remit.proxy.hidden import Hidden
from remit.proxy.holding import Holding, TextHolding
from remit.proxy.listing import Listing
from remit.proxy.methods import is_modern
from remit.proxy.opening import Opening, Pinning
from remit.usecases.session import Session

T = TypeVar("T")
REFUSED: Final = -32010
"""Code of the JSON-RPC error by which a refused `resources/read` or `prompts/get` is told."""
MOST_NAME: Final = 500
VERIFIED_S: Final = 1.0
"""How old the list may be by which a read or a write is called."""
RECORDED_S: Final = 30.0
"""How long a cancelled call may take until it is recorded."""
_CONTINUED: Final = {"inputResponses": dict, "requestState": str}
"""Parameters by which a client goes on with a call that asked it for something, and what they are."""


class InputRequired(ToolFailed):
    """The server asks the client for something before it goes on; the client will make the call again."""


@dataclass(frozen=True, slots=True)
class JudgedRequest:
    """One request of the client that is judged."""

    id: RequestId
    method: str
    params: Mapping[str, Any]
    tool: str
    """Its name in the envelope."""
    arguments: dict[str, Any]
    answered: bool = False
    """Whether the client was asked about this call before, where it was held."""

    @property
    def modern(self) -> bool:
        """Whether the client speaks 2026-07-28."""
        return is_modern(self.params)

    @property
    def continued(self) -> dict[str, Any]:
        """What goes on beside the arguments; of what an older client says besides, the protocol knows nothing."""
        given = _CONTINUED.items() if self.modern else ()
        kept = {key: self.params[key] for key, kind in given if isinstance(self.params.get(key), kind)}
        return {**kept, "_meta": self.params["_meta"]} if "_meta" in self.params else kept


Dispatch = Callable[[str, dict[str, Any], RequestId], Awaitable[dict[str, Any]]]
"""Sends a judged request on to the server.

Raises:
    ToolFailed: the server's error.
    OutcomeUnknown: it was sent, and no answer came.
    Unavailable: it was not sent.
"""


class Calls:
    """Judges requests of one connection.

    Args:
        opening: guard, pins and session.
        listing: the server's tools.
        dispatch: sends on what may run.
        holding: answers held calls.
        report: tells people, on standard error.
    """

    def __init__(
        self,
        opening: Opening,
        listing: Listing,
        dispatch: Dispatch,
        *,
        holding: Holding | None = None,
        report: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._opening = opening
        self._listing = listing
        self._dispatch = dispatch
        self.holding = self._holding = holding or TextHolding()
        self._report = report

    # ------------------------------------------------------------------------------------------ tools/call
    async def tool(self, id_: RequestId, params: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to `tools/call`; a refusal is a result that the model reads.

        Raises:
            MCPError: malformed parameters, or the server's own error.
        """
        asked = self._asked(id_, params)
        return await once_cancelled(self._tool(asked, str(params["name"])))

    def _asked(self, id_: RequestId, params: Mapping[str, Any]) -> JudgedRequest:
        name, arguments = params.get("name"), params.get("arguments")
        if not isinstance(name, str) or not 0 < len(name) <= MOST_NAME:
            raise MCPError(INVALID_PARAMS, "name must be a string of 1 to 500 characters")
        if not (arguments is None or isinstance(arguments, dict)):
            raise MCPError(INVALID_PARAMS, "arguments must be an object")
        if "task" in params:
            raise MCPError(INVALID_PARAMS, "calls as tasks do not pass: leave out 'task'")
        return JudgedRequest(id_, "tools/call", params, self._opening.full_name(name), arguments or {})

    async def _tool(self, asked: JudgedRequest, name: str) -> dict[str, Any]:
        try:
            pins = await self._verified(name, asked.tool)
            session = await self._opening.session()
            asked = await self._holding.taken_up(asked, session)
            if (violation := await pins.abarred(name)) is not None:
                raise await session.arefuse(asked.tool, asked.arguments, violation, call_id=str(asked.id))
            return await self._guarded(session, asked, {"name": name}, _CallView())
        except ToolFailed as failed:
            return _own(failed)
        except MCPError:  # a state that is not ours
            raise
        except ApprovalRequired as held:
            return await self._held(held, asked, session, name)
        except Exception as error:  # noqa: BLE001 - whatever fails here, the call is answered, and did not run undecided
            self._tell(error, asked)
            return view.refused(told_text(error), modern=asked.modern)

    async def _verified(self, name: str, tool: str) -> Pinning:
        """The pins, compared with the list as it is now: what cannot be taken back is not called by an old one."""
        if not self._opening.ready:
            return await self._listing.current(name)
        listed = self._opening.guard.envelope.tools.get(tool)
        plain = listed is not None and not listed.effect.consequential
        return await self._listing.current(name, within_s=VERIFIED_S if plain else 0.0)

    async def _held(
        self, held: ApprovalRequired, asked: JudgedRequest, session: Session, name: str
    ) -> dict[str, Any]:
        try:
            return await self._holding.held(held, asked, session, lambda again: self._tool(again, name))
        except Exception as error:  # noqa: BLE001 - the call is held all the same
            self._tell(error, asked)
            return view.refused(told_text(held), modern=asked.modern)

    async def _guarded(
        self, session: Session, asked: JudgedRequest, named: Mapping[str, Any], seen: _View
    ) -> dict[str, Any]:
        came: list[tuple[dict[str, Any], Json]] = []
        hidden = Hidden.of(session.under().envelope, asked.tool, session.id)

        async def run(**arguments: Json) -> Json:
            inner = {"arguments": arguments} if named else arguments
            result = await self._dispatch(asked.method, {**named, **inner, **asked.continued}, asked.id)
            with _after_it_ran():
                _whole(result)
                result = hidden.bare(result)
                value = seen.of(result)
            came.append((result, value))
            return value

        try:
            value = await session.acall(asked.tool, asked.arguments, run=run, call_id=str(asked.id))
        except ToolFailed as failed:
            if isinstance(failed.answer, dict):
                self._observe_failure(session, asked, failed.answer)
            with _after_it_ran():
                raise _shown(failed, hidden) from None
        result, before = came[0] if came else (None, None)
        with _after_it_ran():
            return seen.rebuilt(result, before, value)

    # ------------------------------------------------------------------------------------------ resources and prompts
    async def content(self, id_: RequestId, method: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to `resources/read` or `prompts/get`: judged where the envelope lists it, else passed and observed.

        Raises:
            MCPError: refused, or the server's own error.
        """
        passed_on = ("_meta", *_CONTINUED)
        arguments = {key: one for key, one in params.items() if key not in passed_on}
        asked = JudgedRequest(id_, method, params, self._opening.full_name(method), arguments)
        return await once_cancelled(self._content(asked))

    async def _content(self, asked: JudgedRequest) -> dict[str, Any]:
        try:
            if not self._opening.ready:
                await self._opened()
            session = await self._opening.session()
            if asked.tool in self._opening.guard.envelope.tools:
                return await self._guarded(session, asked, {}, _ContentView())
            await self._opening.not_halted()
            result = await self._dispatch(asked.method, dict(asked.params), asked.id)
            if not _interim(result):
                self._observe(session, asked.tool, view.content_text(asked.method, result))
        except ToolFailed as failed:
            return _own(failed)
        except Exception as error:  # noqa: BLE001 - as for a call
            self._tell(error, asked)
            raise MCPError(REFUSED, told_text(error), told(error)) from None
        return result

    async def _opened(self) -> None:
        """Open the guard; a server without tools has none to list."""
        try:
            await self._listing.current()
        except RemitError:
            await self._opening.pins([])

    # ------------------------------------------------------------------------------------------ records
    def _observe(self, session: Session, source: str, text: str) -> None:
        named = visible_name(source)
        session.observe("tool", text, source=f"?{named}" if named in RESERVED else named)

    def _observe_failure(self, session: Session, asked: JudgedRequest, result: Mapping[str, Any]) -> None:
        try:
            self._observe(session, asked.tool, view.error_text(result))
        except Exception as error:  # noqa: BLE001 - it ran, and that it failed is recorded; the next call surfaces this
            self._tell(error, asked)

    def _tell(self, error: Exception, asked: JudgedRequest) -> None:
        """What is no decision is told to people, too."""
        if isinstance(error, OutcomeUnknown) or not isinstance(error, RemitError):
            self._report(f"{visible_name(asked.tool)}: {type(error).__name__}: {error}")


class _View(Protocol):
    def of(self, result: dict[str, Any]) -> Json: ...

    def rebuilt(self, result: dict[str, Any] | None, before: Json, after: Json) -> dict[str, Any]: ...


class _CallView:
    """The view of a tool's result."""

    def of(self, result: dict[str, Any]) -> Json:
        if result.get("isError") is True:
            raise ToolFailed(view.error_text(result), result)
        return view.view_of(result)

    def rebuilt(self, result: dict[str, Any] | None, before: Json, after: Json) -> dict[str, Any]:
        return view.rebuilt(result, before, after)


class _ContentView:
    """The view of a resource or a prompt: the whole of it."""

    def of(self, result: dict[str, Any]) -> Json:
        return {key: one for key, one in result.items() if key not in ("_meta", "resultType")}

    def rebuilt(self, result: dict[str, Any] | None, before: Json, after: Json) -> dict[str, Any]:
        if result is not None and after == before:
            return result
        if not isinstance(after, dict):
            raise MCPError(REFUSED, "what is left of the result has no place in MCP")
        kept = {"resultType": result["resultType"]} if result and "resultType" in result else {}
        return {**after, **kept}


def _shown(failed: ToolFailed, hidden: Hidden) -> ToolFailed:
    """The same as the agent may see it; what the server asks for is for the client's user, and no result."""
    if isinstance(failed, InputRequired):
        return failed
    if isinstance(failed.answer, MCPError):
        return ToolFailed(str(failed), hidden.error(failed.answer))
    return ToolFailed(str(failed), hidden.failure(_own(failed)))


def _own(failed: ToolFailed) -> dict[str, Any]:
    """The server's own failure, unchanged: a result that is an error, or its error in place of one."""
    if isinstance(failed.answer, MCPError):
        raise failed.answer
    return failed.answer if isinstance(failed.answer, dict) else {}


@contextmanager
def _after_it_ran() -> Iterator[None]:
    """What fails here fails after the server answered: nobody is told that it did not run, and may be repeated."""
    try:
        yield
    except (ToolFailed, OutcomeUnknown, MCPError):
        raise
    except Exception as error:
        told = f"the server answered, and its answer cannot be shown: {type(error).__name__}"
        raise OutcomeUnknown(told) from error


def _interim(result: Mapping[str, Any]) -> bool:
    return result.get("resultType") == "input_required"


def _whole(result: dict[str, Any]) -> None:
    """Refuse what is no end of a call.

    Raises:
        InputRequired: the server asks for something; it is passed on.
        OutcomeUnknown: a kind of result that nobody here can judge.
    """
    if _interim(result):
        raise InputRequired("the server asks the client for input", result)
    if not isinstance(result.get("isError", False), bool):
        raise OutcomeUnknown("the server says neither that the call failed nor that it did not")
    kind = result.get("resultType", "complete")
    if kind != "complete" or ("task" in result and "content" not in result):
        raise OutcomeUnknown("the server answered with a kind of result that cannot be judged")


async def once_cancelled(work: Awaitable[T]) -> T:
    """Await *work* in a task of its own; a cancellation reaches it once, and its end is waited for."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        task.cancel()
        with anyio.CancelScope(shield=True):
            await asyncio.wait({task}, timeout=RECORDED_S)
        if task.done() and not task.cancelled():
            task.exception()  # it is answered to nobody
        raise
