"""A scripted model, tools that count, and real LangChain agents around them."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from remit.testing import envelope, open_guard

collect_ignore_glob = [] if find_spec("langchain") and find_spec("langgraph") else ["test_*.py"]

if not collect_ignore_glob:
    from langchain.agents import create_agent
    from langchain_core.language_models.chat_models import BaseChatModel
    from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, ToolMessage
    from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
    from langchain_core.tools import ToolException, tool
    from langgraph.types import Command

    from remit.adapters.langchain import RemitMiddleware

    class Scripted(BaseChatModel):
        """Answers with the step that follows the model's messages since the user last spoke."""

        steps: list[Any]
        asked: list[list[Any]]

        @property
        def _llm_type(self) -> str:
            return "scripted"

        def bind_tools(self, tools: Any, **_: Any) -> Any:
            return self

        def _next(self, messages: list[Any]) -> AIMessage:
            self.asked.append(messages)
            since = 0
            for message in messages:
                since = 0 if isinstance(message, HumanMessage) else since + isinstance(message, AIMessage)
            step = self.steps[min(since, len(self.steps) - 1)]
            return step(messages) if callable(step) else step.model_copy(update={"id": None})

        def _generate(self, messages: list[Any], *_: Any, **__: Any) -> ChatResult:
            return ChatResult(generations=[ChatGeneration(message=self._next(messages))])

        def _stream(self, messages: list[Any], *_: Any, **__: Any) -> Iterator[ChatGenerationChunk]:
            whole = self._next(messages)
            words = whole.content.split(" ") if isinstance(whole.content, str) else [whole.content]
            for place, word in enumerate(words):
                text = f" {word}" if place and isinstance(word, str) else word
                yield ChatGenerationChunk(message=AIMessageChunk(content=text))
            calls = [
                {"name": c["name"], "args": json.dumps(c["args"]), "id": c["id"], "index": i}
                for i, c in enumerate(whole.tool_calls)
            ]
            yield ChatGenerationChunk(message=AIMessageChunk(content="", tool_call_chunks=calls))


RULES = """
  enforcement: enforce
  session:
    type: object
    additionalProperties: false
    properties: {customer_id: {type: string}}
  sources:
    get_order: {integrity: trusted}
  tools:
    get_order:
      effect: read
      args: {type: object, additionalProperties: false, required: [order_id], properties: {order_id: {type: string}}}
      obligations:
        - {id: card, redact: {patterns: ["[0-9]{16}"]}}
    pay_order:
      effect: irreversible
      args: {type: object, additionalProperties: false, required: [order_id], properties: {order_id: {type: string}}}
      flow: [{id: origin, arg: order_id, from: [user, get_order]}]
    refund:
      effect: irreversible
      args: {type: object, additionalProperties: false, required: [amount], properties: {amount: {type: integer}}}
      require: [{id: ceiling, expr: "args.amount <= 500"}]
      limits: [{id: total, count: calls, within: 24h, max: 3}]
      approve: [{id: large, when: "args.amount > 50"}]
      obligations: [{id: lowered, when: "args.amount == 7", cap: {arg: amount, at: 5}}]
      output: {type: object, required: [refund_id], properties: {refund_id: {type: string}}}
    hand_over:
      effect: write
      args: {type: object, additionalProperties: false, required: [to], properties: {to: {type: string}}}
    confirm:
      effect: write
      args: {type: object, additionalProperties: false, required: [what], properties: {what: {type: string}}}
      limits: [{id: once, count: calls, within: 24h, max: 1}]
      approve: [{id: held, when: "args.what == 'held'"}]
    broken:
      effect: write
      args: {type: object, additionalProperties: false, required: [how], properties: {how: {type: string}}}
  outputs: [{id: no-cards, forbid: ["[0-9]{16}"]}]
  breaker: {threshold: 1000, max_violations: 1000}
"""


@dataclass
class Shop:
    """A guard, its tools, and what they did."""

    guard: Any
    ran: list[Any] = field(default_factory=list)
    lock: Any = field(default_factory=threading.Lock)

    def did(self, what: Any) -> None:
        with self.lock:
            self.ran.append(what)

    @property
    def tools(self) -> list[Any]:
        @tool(response_format="content_and_artifact")
        def get_order(order_id: str) -> tuple[str, Any]:
            """Look an order up."""
            self.did(("get_order", order_id))
            card = " paid with 4111111111111111" if order_id == "O-card" else ""
            return f"{order_id} cost 12{card}", {"raw": order_id}

        @tool
        def pay_order(order_id: str) -> str:
            """Pay an order."""
            self.did(("pay_order", order_id))
            return "paid"

        @tool
        def refund(amount: int) -> dict[str, Any]:
            """Refund."""
            self.did(("refund", amount))
            return {"other": 1} if amount == 13 else {"refund_id": f"R-{amount}"}

        @tool
        def hand_over(to: str, runtime: Any = None) -> Any:
            """Hand over to somebody."""
            self.did(("hand_over", to))
            return Command(
                update={
                    "messages": [
                        ToolMessage(f"handed to {to}", tool_call_id="h1"),
                        HumanMessage(f"I am {to}, order O-hand", id="from-the-tool"),
                    ]
                }
            )

        @tool
        def confirm(what: str) -> str:
            """Ask somebody by a pause of the tool's own."""
            from langgraph.types import interrupt

            said = interrupt({"really": what})
            self.did(("confirm", what, said))
            return f"confirmed by {said}"

        @tool
        def broken(how: str) -> str:
            """Fail."""
            self.did(("broken", how))
            if how == "handled":
                raise ToolException("no such thing")
            raise ValueError("the tool's own")

        broken.handle_tool_error = True
        return [get_order, pay_order, refund, hand_over, confirm, broken]

    def agent(self, *steps: Any, **options: Any) -> Any:
        """A `create_agent` agent; options of its own and of the middleware."""
        inner = {"middleware", "checkpointer", "context_schema", "system_prompt", "tools", "response_format"}
        made = {name: options.pop(name) for name in inner & set(options)}
        before, after = made.pop("middleware", ([], []))
        self.model = Scripted(steps=list(steps), asked=[])
        self.middleware = RemitMiddleware(self.guard, **{"principal_kind": "customer"} | options)
        return create_agent(
            self.model,
            [*self.tools, *made.pop("tools", [])],
            middleware=[*before, self.middleware, *after],
            **made,
        )

    def events(self, session: str, *kinds: str) -> list[Any]:
        found = [stored.event for stored in self.guard.records.events(f"refunds:{session}")]
        return [event for event in found if not kinds or event.kind in kinds]

    def heard(self, session: str) -> list[tuple[str, str]]:
        """What the session observed: source and text, in order."""
        return [(e.body["source"], e.blobs["text"]) for e in self.events(session, "observed")]


def _call(name: str, id: str, **args: Any) -> dict[str, Any]:
    return {"name": name, "args": args, "id": id, "type": "tool_call"}


@pytest.fixture
def call() -> Callable[..., dict[str, Any]]:
    return _call


@pytest.fixture
def asks() -> Callable[..., Any]:
    """A model's step: words, and calls of tools."""
    return lambda *calls, say="I look": AIMessage(say, tool_calls=list(calls))


@pytest.fixture
def says() -> Callable[[Any], Any]:
    return lambda text: AIMessage(text)


@pytest.fixture
def scripted() -> Callable[..., Any]:
    """A model that answers with these steps."""
    return lambda *steps: Scripted(steps=list(steps), asked=[])


@pytest.fixture
def shop(folder: Path) -> Iterator[Shop]:
    with open_guard(folder, envelope(RULES)) as guard:
        yield Shop(guard)


@pytest.fixture
def monitored(folder: Path) -> Iterator[Shop]:
    with open_guard(folder, envelope(RULES.replace("enforcement: enforce", "enforcement: monitor"))) as guard:
        yield Shop(guard)


@pytest.fixture(params=["sync", "async"])
def invoke(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Invokes a graph, blocking or awaiting."""

    def run(graph: Any, given: Any, thread: str | None = "t", **options: Any) -> Any:
        given = {"messages": [("user", given)]} if isinstance(given, str) else given
        config = {"configurable": {"thread_id": thread}} if thread else {}
        if request.param == "sync":
            return graph.invoke(given, config, **options)
        return asyncio.run(graph.ainvoke(given, config, **options))

    return run
