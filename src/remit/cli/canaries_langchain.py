"""Canaries of the LangChain middleware: a real agent, whose model says what the canary wrote for it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any

from remit.cli.canaries import CANARY_ENVELOPE, Check, Ran, fresh_guard, tried
from remit.core.selftest import load_envelope
from remit.settings import Settings
from remit.usecases.guard import Guard

_REFUSED: tuple[tuple[str, dict[str, Any]], ...] = (
    ("unlisted", {"text": "x"}),
    ("write_note", {"text": 1}),
    ("divide", {"by": 0}),
)
_ALLOWED = ("write_note", {"text": "canary"})


def canaries(settings: Settings) -> Iterator[Check]:
    """Every canary of the middleware, in the blocking and in the awaiting form."""
    for how in ("invoke", "ainvoke"):
        for name, canary in (
            ("an allowed call runs", _allowed),
            ("a refused call does not run", _refused),
            ("a call does not run where it cannot be recorded", _unrecorded),
            ("a call does not run when the guard crashes", _crashed),
        ):
            yield tried(f"langchain: {name} ({how})", partial(_fly, settings, canary, how))


LangchainCanary = Callable[[Guard, str], str]


def _fly(settings: Settings, canary: LangchainCanary, how: str) -> str:
    logger = logging.getLogger("remit")
    before = logger.level
    logger.setLevel(logging.CRITICAL)  # what goes wrong here is meant to
    try:
        with fresh_guard(settings, load_envelope(CANARY_ENVELOPE, "canary")) as guard:
            return canary(guard, how)
    finally:
        logger.setLevel(before)


def _allowed(guard: Guard, how: str) -> str:
    ran = _Tools()
    told = _run(guard, ran, *_ALLOWED, how=how)
    return "" if ran.times == 1 else f"it did not run; the model was told: {told}"


def _refused(guard: Guard, how: str) -> str:
    for tool, args in _REFUSED:
        ran = _Tools()
        told = _run(guard, ran, tool, args, how=how)
        if ran.times:
            return f"{tool}({args}) ran"
        if not told:
            return f"{tool}({args}) did not run, and the model was not told why"
    return ""


def _unrecorded(guard: Guard, how: str) -> str:
    """The database is deleted under the guard, while the model thinks."""
    path = guard.records.store.path  # type: ignore[attr-defined]

    def delete() -> None:
        for file in path.parent.glob(f"{path.name}*"):
            file.unlink()

    return _broken(guard, how, delete, "it ran without a record")


def _crashed(guard: Guard, how: str) -> str:
    """Something inside remit raises what nobody expects, where the call is decided and nowhere else."""
    records: Any = guard.records

    def crash(*_: object, **__: object) -> Any:
        raise ZeroDivisionError("a canary of remit doctor")

    def crashing() -> None:
        records.admit = crash

    return _broken(guard, how, crashing, "it ran although the guard had crashed")


def _broken(guard: Guard, how: str, happen: Callable[[], None], told: str) -> str:
    """What is wrong where something breaks between the model's call and the tool."""
    if problem := _allowed(guard, how):
        return problem  # what never runs shows nothing
    ran = _Tools()
    with suppress(Exception):
        _run(guard, ran, *_ALLOWED, how=how, happen=happen)
    return told if ran.times else ""


class _Tools:
    """The canary's tools, and how often any of them ran."""

    def __init__(self) -> None:
        self._ran = Ran("done")

    @property
    def times(self) -> int:
        """So far."""
        return self._ran.times

    @property
    def all(self) -> list[Any]:
        """As LangChain takes them: whatever arguments the model writes reach them, so that only remit refuses."""
        from langchain_core.tools import StructuredTool

        def run(**arguments: Any) -> object:
            return self._ran(**arguments)

        schema: dict[str, Any] = {"type": "object", "properties": {"text": {}, "by": {}}}
        names = ("unlisted", "write_note", "divide")
        return [
            StructuredTool(name=name, description="a canary", args_schema=schema, func=run) for name in names
        ]


def _run(
    guard: Guard,
    tools: _Tools,
    tool: str,
    args: dict[str, Any],
    *,
    how: str,
    happen: Callable[[], None] = lambda: None,
) -> str:
    """Have an agent make one call; what the model read in answer to it. *happen* comes while the model thinks."""
    import asyncio

    from langchain.agents import create_agent
    from langchain_core.messages import AIMessage, ToolMessage

    from remit.adapters.langchain import RemitMiddleware

    call = AIMessage("", tool_calls=[{"name": tool, "args": args, "id": "c1", "type": "tool_call"}])
    agent: Any = create_agent(
        _scripted([call, AIMessage("done")], happen), tools.all, middleware=[RemitMiddleware(guard)]
    )
    question = {"messages": [("user", "go")]}
    state = agent.invoke(question) if how == "invoke" else asyncio.run(agent.ainvoke(question))
    return "".join(str(m.content) for m in state["messages"] if isinstance(m, ToolMessage))


def _scripted(messages: list[Any], happen: Callable[[], None]) -> Any:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.outputs import ChatGeneration, ChatResult

    left = iter(messages)

    class Scripted(BaseChatModel):
        """Says what is written for it."""

        @property
        def _llm_type(self) -> str:
            return "remit-canary"

        def bind_tools(self, *_: Any, **__: Any) -> Any:
            return self

        def _generate(self, *_: Any, **__: Any) -> ChatResult:
            happen()
            return ChatResult(generations=[ChatGeneration(message=next(left))])

    return Scripted()
