"""LangChain and LangGraph: a middleware that keeps an agent's tool calls within its envelope.

    from remit.adapters.langchain import RemitMiddleware

    agent = create_agent(model, tools, middleware=[..., RemitMiddleware(guard)], checkpointer=...)

Put it last: then nothing stands between what was checked and the tool. Its two tool hooks also serve a graph of one's
own: `ToolNode(tools, wrap_tool_call=mw.wrap_tool_call, awrap_tool_call=mw.awrap_tool_call)`.

What runs where. `before_agent` sees what the user said, `wrap_model_call` what the model gets and writes, the tool hooks
every call; each tells the session what it has not heard yet, by the messages' ids, so that a hook that runs again tells
nothing twice. LangGraph runs a node anew after a pause, with the calls in it that ran already: each call is decided once
(`Session.begin(once=True)`), and one that ran gives its result again. A pause is LangGraph's `interrupt`; what it is
resumed with says nothing, since the store alone knows whether a person approved.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Annotated, Any, Literal, NotRequired
from uuid import uuid4

from remit.core.errors import BadInput
from remit.core.refusals import AnswerRefused, ApprovalRequired
from remit.core.told import told
from remit.usecases.begun import Begun
from remit.usecases.guard import Guard

try:
    from langchain.agents.middleware import AgentMiddleware, AgentState
    from langchain.agents.middleware.types import PrivateStateAttr
    from langchain_core.messages import AIMessage, BaseMessage
    from langgraph.config import get_config
    from langgraph.errors import ParentCommand

    from remit.adapters import langchain_messages as read
    from remit.adapters import langchain_results as results
    from remit.adapters.langchain_call import Hand, HookedCall, in_flight, siblings
    from remit.adapters.langchain_entrance import Entrance
    from remit.adapters.langchain_pauses import pause, pausing, skip
    from remit.adapters.langchain_thread import SESSION, Invocation, Thread
except ImportError as missing:
    raise ImportError("remit.adapters.langchain needs LangChain: pip install 'remit[langchain]'") from missing

if TYPE_CHECKING:
    _Middleware = AgentMiddleware[Any, Any, Any]
    _State = AgentState[Any]
else:  # how many parameters they take differs between versions
    _Middleware, _State = AgentMiddleware, AgentState

_POLL_S = 0.25
"""How often a coroutine that waits for people asks again."""
_INSIDE: ContextVar[bool] = ContextVar("remit_inside_a_call", default=False)
"""Whether a guarded tool runs here: what an agent inside it is asked is the outer model's word, not the user's."""


class RemitState(_State):
    """The agent's state, and the session of a run that belongs to no thread."""

    remit_session: NotRequired[Annotated[str, PrivateStateAttr]]


class RemitMiddleware(_Middleware):
    """Keeps a LangChain agent's calls within its envelope.

    Args:
        guard: from `remit.open`.
        principal: who the user is, or a function of the `Invocation`; so are the next four.
        principal_kind: `operator` or `customer`.
        facts: what the envelope's `session` schema declares.
        fingerprint: as in `Guard.session`.
        session_id: names the conversation; without it the thread's id does, and without that each run is a session.
        on_hold: what becomes of a held call. `interrupt` pauses the graph where it has a checkpointer, and otherwise
            tells the model; `tell` always tells the model to repeat the call once it is approved; `wait` waits as long
            as the guard says (`approval_wait_s`), and then tells.
        on_ungoverned: what becomes of a model call with tools that run at the provider: `record` a coverage gap, or
            `refuse` it.
        messages_key: where a graph of one's own keeps its messages.
    """

    state_schema = RemitState

    def __init__(
        self,
        guard: Guard,
        *,
        principal: str | Callable[[Invocation], str | None] | None = None,
        principal_kind: str | Callable[[Invocation], str | None] | None = None,
        facts: Mapping[str, Any] | Callable[[Invocation], Mapping[str, Any] | None] | None = None,
        fingerprint: Mapping[str, Any] | Callable[[Invocation], Mapping[str, Any] | None] | None = None,
        session_id: str | Callable[[Invocation], str] | None = None,
        on_hold: Literal["interrupt", "tell", "wait"] = "interrupt",
        on_ungoverned: Literal["record", "refuse"] = "record",
        messages_key: str = "messages",
    ) -> None:
        super().__init__()
        _one_of("on_hold", on_hold, ("interrupt", "tell", "wait"))
        _one_of("on_ungoverned", on_ungoverned, ("record", "refuse"))
        self.guard = guard
        self._threads = Entrance(
            guard,
            session_id,
            principal=principal,
            principal_kind=principal_kind,
            facts=facts,
            fingerprint=fingerprint,
        )
        self._on_hold = on_hold
        self._on_ungoverned = on_ungoverned
        self._messages_key = messages_key

    def close(self) -> None:
        """Close the sessions that are still open."""
        self._threads.close()

    # ------------------------------------------------------------------------------------------ the run
    def before_agent(self, state: Any, runtime: Any) -> dict[str, Any] | None:
        """The user's words, before anything is made of them."""
        run = _invocation(state, runtime)
        update: dict[str, Any] | None = None
        if not self._threads.named and run.thread_id is None:
            update = {SESSION: f"run-{uuid4()}"}
            run = Invocation(run.context, run.config, {**state, **update})
        # Left at a pause, it may have gone on in another process: it is resumed from the store.
        self._threads.release(run)
        with self._threads.using(run) as thread:
            thread.hear(read.texts(self._messages(state), injected=_INSIDE.get()))
        return update

    async def abefore_agent(self, state: Any, runtime: Any) -> dict[str, Any] | None:
        """As `before_agent`, off the event loop."""
        return await asyncio.to_thread(self.before_agent, state, runtime)

    def after_agent(self, state: Any, runtime: Any) -> dict[str, Any] | None:
        """The final answer: judged, recorded, and replaced where the envelope refuses it."""
        run = _invocation(state, runtime)
        with self._threads.using(run) as thread:
            update = self._finished(thread, state)
        self._threads.release(run)
        return update

    async def aafter_agent(self, state: Any, runtime: Any) -> dict[str, Any] | None:
        """As `after_agent`, off the event loop."""
        return await asyncio.to_thread(self.after_agent, state, runtime)

    def _finished(self, thread: Thread, state: Any) -> dict[str, Any] | None:
        messages = self._messages(state)
        answer, last = read.answer_of(state, messages), messages[-1] if messages else None
        own = read.answer_key(last) if isinstance(last, AIMessage) else ""
        thread.hear([one for one in read.texts(messages, injected=True) if one.key != own])
        if answer is None or last is None:
            return None
        try:
            thread.session.finish(answer)
        except AnswerRefused as refused:
            instead = read.replaced(last, str(refused), told(refused))
            thread.know(*(one.key for one in read.texts([instead])))
            emptied = {"structured_response": None} if state.get("structured_response") is not None else {}
            return {"messages": [instead], **emptied}
        thread.know(own)
        return None

    def _messages(self, state: Any) -> list[BaseMessage]:
        if isinstance(state, list | tuple):
            found: Any = state
        elif isinstance(state, Mapping):
            found = state.get(self._messages_key) or ()
        else:
            found = getattr(state, self._messages_key, None) or ()
        return [one for one in found if isinstance(one, BaseMessage)]

    # ------------------------------------------------------------------------------------------ the model
    def wrap_model_call(self, request: Any, handler: Callable[[Any], Any]) -> Any:
        """What the model gets and writes; and tools that no hook will see."""
        with self._threads.using(_invocation(request.state, request.runtime)) as thread:
            self._asked_model(thread, request)
            response = handler(request)
            self._model_wrote(thread, response)
            return response

    async def awrap_model_call(self, request: Any, handler: Callable[[Any], Awaitable[Any]]) -> Any:
        """As `wrap_model_call`."""
        thread = await self._threads.aenter(_invocation(request.state, request.runtime))
        try:
            await asyncio.to_thread(self._asked_model, thread, request)
            response = await handler(request)
            await asyncio.to_thread(self._model_wrote, thread, response)
            return response
        finally:
            self._threads.leave(thread)

    def _asked_model(self, thread: Thread, request: Any) -> None:
        system = [] if request.system_message is None else [read.system(request.system_message)]
        seen = [*system, *read.texts(request.messages, injected=True)]
        ungoverned = read.hosted([*request.tools, *_listed(request.model_settings)])
        with thread.later(seen):
            thread.hear(seen)
            for tool in ungoverned:
                thread.gap(tool, "runs at the model's provider, where no hook sees it")
        if ungoverned and self._on_ungoverned == "refuse":
            told_so = f"{', '.join(ungoverned)} would run at the model's provider, ungoverned"
            raise BadInput("tools", told_so, "give the agent a tool of its own for it")

    def _model_wrote(self, thread: Thread, response: Any) -> None:
        inner = getattr(response, "model_response", response)
        messages = [m for m in getattr(inner, "result", [inner]) if isinstance(m, BaseMessage)]
        read.named(messages)
        # Words without a call are an answer: `after_agent` judges them, and tells the session.
        answers = {read.answer_key(m) for m in messages if isinstance(m, AIMessage) and not m.tool_calls}
        found = [one for one in read.texts(messages, injected=True) if one.key not in answers]
        with thread.later(found):
            thread.hear(found)

    # ------------------------------------------------------------------------------------------ calls
    def wrap_tool_call(self, request: Any, handler: Callable[[Any], Any]) -> Any:
        """Decide, run, record: the model reads a result, or why there is none."""
        thread: Thread | None = None
        try:
            thread = self._threads.enter(_of_tool(request))
            call = self._heard(thread, request, handler)
        except Exception as error:  # noqa: BLE001 - nothing may run where anything fails before the decision
            return results.untold(thread, request, error)
        else:
            return self._guarded(call, request, handler)
        finally:
            if thread is not None:
                self._threads.leave(thread)

    def _guarded(self, call: HookedCall, request: Any, handler: Callable[[Any], Any]) -> Any:
        while True:
            try:
                begun = self._begin(call, None if self._on_hold == "wait" else 0.0)
            except ApprovalRequired as held:
                if not call.pausing:
                    return results.refused(call, held)
                pause(call, held)
            except Exception as error:  # noqa: BLE001 - nothing may run that was not admitted
                return results.given_again(call, error)
            else:
                break
        if begun.again:
            return results.repeated(call, begun)
        try:
            skip(call)
            with _inside():
                result = handler(_with(request, begun))
        except ParentCommand as command:
            return results.handed_over(call, begun, command, self._messages_key)
        except BaseException as error:
            results.raised(call, begun, error)
            raise
        return results.ended(call, begun, result, self._messages_key)

    async def awrap_tool_call(self, request: Any, handler: Callable[[Any], Awaitable[Any]]) -> Any:
        """As `wrap_tool_call`; the event loop waits for no disk."""
        thread: Thread | None = None
        try:
            thread = await self._threads.aenter(_of_tool(request))
            call = await asyncio.to_thread(self._heard, thread, request, handler)
        except Exception as error:  # noqa: BLE001 - nothing may run where anything fails before the decision
            return await asyncio.to_thread(results.untold, thread, request, error)
        else:
            with in_flight(call):
                return await self._aguarded(call, request, handler)
        finally:
            if thread is not None:
                self._threads.leave(thread)

    async def _aguarded(
        self, call: HookedCall, request: Any, handler: Callable[[Any], Awaitable[Any]]
    ) -> Any:
        while True:
            try:
                begun = await self._abegin(call)
            except ApprovalRequired as held:
                if not call.pausing:
                    if self._waits(call):
                        await asyncio.sleep(_POLL_S)
                        continue
                    return await asyncio.to_thread(results.refused, call, held)
                await siblings(call)
                await asyncio.to_thread(pause, call, held)
            except Exception as error:  # noqa: BLE001 - nothing may run that was not admitted
                return await asyncio.to_thread(results.given_again, call, error)
            else:
                break
        if begun.again:
            return await asyncio.to_thread(results.repeated, call, begun)
        try:
            if call.thread.pauses:
                await asyncio.to_thread(skip, call)
            with _inside():
                result = await handler(_with(request, begun))
        except ParentCommand as command:
            handing = asyncio.to_thread(results.handed_over, call, begun, command, self._messages_key)
            return await asyncio.shield(handing)
        except BaseException as error:
            await asyncio.shield(asyncio.to_thread(results.raised, call, begun, error))
            raise
        return await asyncio.shield(asyncio.to_thread(results.ended, call, begun, result, self._messages_key))

    def _waits(self, call: HookedCall) -> bool:
        """Whether a coroutine goes on waiting for people: it holds no thread meanwhile."""
        clock = self.guard.clock
        call.waits_until = call.waits_until or clock.monotonic() + self.guard.approval_wait_s
        return self._on_hold == "wait" and clock.monotonic() < call.waits_until

    async def _abegin(self, call: HookedCall) -> Begun:
        """Begin in a thread; a call that nobody waits for any more is given back."""
        hand = Hand(lambda: self._begin(call))
        try:
            return await asyncio.to_thread(hand.over)
        except asyncio.CancelledError:
            hand.leave()
            raise

    def _heard(self, thread: Thread, request: Any, handler: Any) -> HookedCall:
        """The call, once everything that led to it was told."""
        asked, messages = request.tool_call, self._messages(request.state)
        thread.hear(read.texts(messages, injected=_INSIDE.get()))
        tool, args, tool_call_id = asked["name"], asked["args"], asked.get("id") or ""
        if not tool_call_id:
            raise BadInput("tool_call", "found no id", "give every tool call an id of its own")
        _named(tool, request.tool)
        if not getattr(handler, "__qualname__", "").startswith("ToolNode."):
            between = "another middleware stands between remit and the tools: put RemitMiddleware last"
            thread.gap("middleware", between)
        turn = read.turn_of(messages, tool_call_id)
        call_id = f"{turn}/{tool_call_id}" if turn else tool_call_id
        name = thread.session.once.key(tool, args, call_id)
        may_pause = self._on_hold == "interrupt" and pausing(request.runtime.config)
        return HookedCall(thread, tool, args, tool_call_id, call_id, turn, name, may_pause)

    def _begin(self, call: HookedCall, wait_s: float | None = 0.0) -> Begun:
        return call.thread.session.begin(call.tool, call.args, call_id=call.call_id, once=True, wait_s=wait_s)


def _invocation(state: Any, runtime: Any) -> Invocation:
    return Invocation(getattr(runtime, "context", None), get_config(), state)


def _of_tool(request: Any) -> Invocation:
    return Invocation(request.runtime.context, request.runtime.config, request.state)


@contextmanager
def _inside() -> Iterator[None]:
    before = _INSIDE.set(True)
    try:
        yield
    finally:
        _INSIDE.reset(before)


def _with(request: Any, begun: Begun) -> Any:
    """The request with the arguments that were checked."""
    return request.override(tool_call={**request.tool_call, "args": begun.arguments})


def _named(name: str, tool: Any) -> None:
    """What is decided on is what would run: a middleware before this one may have put another tool there."""
    if tool is not None and tool.name != name:
        told_so = f"the call names {name!r}, and {tool.name!r} would run"
        raise BadInput(
            "tool_call", told_so, "have the middleware that exchanged the tool change the call's name, too"
        )


def _listed(settings: Any) -> list[Any]:
    found = (settings or {}).get("tools")
    return list(found) if isinstance(found, list | tuple) else []


def _one_of(name: str, value: str, allowed: Sequence[str]) -> None:
    if value not in allowed:
        raise BadInput(f"RemitMiddleware({name})", f"found {value!r}", f"use one of {', '.join(allowed)}")
