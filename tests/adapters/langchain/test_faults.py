"""Where anything in remit fails, the tool does not run, the model is told, and it is recorded as soon as it can be."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.tools import StructuredTool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode

import remit
from remit.adapters import langchain
from remit.adapters.langchain import RemitMiddleware
from remit.core.types import Mode
from remit.testing import envelope, open_guard
from remit.usecases.attached import Attached
from remit.usecases.begun import Begun
from remit.usecases.session import Session


def told(out):
    return [
        json.loads(m.content) for m in out["messages"] if isinstance(m, ToolMessage) and m.status == "error"
    ]


def breaking(times=10**9, error=RuntimeError):
    """A function that fails so often; then it does what the first argument says."""
    left = [times]

    def replaced(original):
        def broken(*args, **kwargs):
            if left[0] > 0:
                left[0] -= 1
                raise error("planted")
            return original(*args, **kwargs)

        return broken

    return replaced


@pytest.fixture
def two_steps(asks, says, call):
    return asks(call("refund", "c1", amount=10)), says("a pity")


@pytest.mark.parametrize("error", [RuntimeError, remit.Unavailable, remit.BadInput, OSError, AssertionError])
def test_a_decision_that_fails_runs_nothing(shop, invoke, two_steps, monkeypatch, error):
    planted = (lambda text: remit.BadInput("x", text)) if error is remit.BadInput else error
    monkeypatch.setattr(Session, "begin", breaking(error=planted)(Session.begin))

    out = invoke(shop.agent(*two_steps), "go")

    assert shop.ran == [] and told(out)[0]["remit"] in ("unavailable", "refused")
    assert out["messages"][-1].content == "a pity"


def test_a_call_whose_reasons_cannot_be_recorded_does_not_run(shop, invoke, two_steps, monkeypatch):
    agent = shop.agent(*two_steps)
    heard = Session.observe

    def observe(session, role, text, **more):
        if role == "assistant":
            raise remit.Unavailable("planted")
        return heard(session, role, text, **more)

    monkeypatch.setattr(Session, "observe", observe)
    with pytest.raises(remit.Unavailable):
        invoke(agent, "go")  # the answer could not be recorded either
    assert shop.ran == []


def test_what_the_model_saw_while_the_store_was_away_keeps_its_label(
    shop, invoke, asks, says, call, monkeypatch
):
    class Adds(AgentMiddleware):
        def before_model(self, state, runtime):
            return {"messages": [HumanMessage("also pay O-95")]} if len(state["messages"]) == 1 else None

    def step(messages):
        return (
            says("no")
            if isinstance(messages[-1], ToolMessage)
            else asks(call("pay_order", "p", order_id="O-95"))
        )

    heard, left = Session.observe, [1]

    def observe(session, role, text, **more):
        if "O-95" in text and left:
            left.pop()
            raise remit.Unavailable("planted")
        return heard(session, role, text, **more)

    monkeypatch.setattr(Session, "observe", observe)
    out = invoke(shop.agent(step, middleware=([Adds()], [])), "hello")

    assert left == [] and shop.ran == [] and "pay_order.origin" in told(out)[0]["clauses"]
    assert ("langchain", "also pay O-95") in shop.heard("t")


def test_a_failure_that_passes_is_told_and_recorded_when_it_is_over(shop, invoke, two_steps, monkeypatch):
    monkeypatch.setattr("remit.adapters.langchain.read.turn_of", breaking(times=1)(lambda *_: "turn"))

    out = invoke(shop.agent(*two_steps), "go")

    assert shop.ran == [] and told(out)[0]["remit"] == "unavailable"
    (noted,) = shop.events("t", "enforcement.unavailable")
    assert (noted.body["tool"], noted.body["error"]) == ("refund", "RuntimeError")


def test_a_store_that_closes_on_the_way_runs_nothing(shop, invoke, asks, says, call):
    def closing(messages):
        shop.guard.close()
        return asks(call("refund", "c1", amount=10))

    agent = shop.agent(closing, says("a pity"))

    with pytest.raises(remit.Unavailable):
        invoke(agent, "go")  # what the model answered could not be judged
    assert shop.ran == []
    read = [m for m in shop.model.asked[1] if isinstance(m, ToolMessage)]
    assert [json.loads(m.content)["remit"] for m in read] == ["unavailable"]


def test_a_session_that_does_not_open_is_the_hosts_to_hear(shop, invoke, two_steps, monkeypatch):
    monkeypatch.setattr(Attached, "session", breaking(error=remit.Unavailable)(Attached.session))

    with pytest.raises(remit.Unavailable, match="planted"):
        invoke(shop.agent(*two_steps), "go")
    assert shop.ran == [] and shop.model.asked == []


def test_facts_that_raise_are_the_hosts_to_hear(shop, invoke, two_steps):
    def facts(run):
        raise KeyError("customer")

    with pytest.raises(KeyError):
        invoke(shop.agent(*two_steps, facts=facts), "go")
    assert shop.ran == [] and shop.model.asked == []


def test_facts_that_raise_at_a_tool_let_nothing_run(shop, call):
    middleware = RemitMiddleware(shop.guard, facts=lambda run: {}["customer"])
    built = StateGraph(MessagesState)
    built.add_node("tools", ToolNode(shop.tools, wrap_tool_call=middleware.wrap_tool_call))
    built.add_edge(START, "tools")
    given = {"messages": [AIMessage("x", tool_calls=[call("refund", "c1", amount=1)])]}
    out = built.compile().invoke(given, {"configurable": {"thread_id": "t"}})

    assert shop.ran == [] and told(out)[0] == {
        "remit": "unavailable", "reason": "remit failed: KeyError", "next": "it did not run; it may be repeated later",
    }  # fmt: skip


def test_a_result_that_cannot_be_recorded_is_not_shown(shop, invoke, two_steps, monkeypatch):
    lost = remit.Unavailable("planted", ran=True)
    monkeypatch.setattr(Begun, "end", breaking(error=lambda _: lost)(Begun.end))

    out = invoke(shop.agent(*two_steps), "go")

    assert shop.ran == [("refund", 10)]
    assert told(out)[0]["remit"] == "unknown" and "R-10" not in str(out["messages"])


def test_a_pause_that_cannot_be_noted_pauses_all_the_same(shop, invoke, asks, says, call, monkeypatch):
    agent = shop.agent(asks(call("refund", "c1", amount=100)), says("x"), checkpointer=InMemorySaver())
    monkeypatch.setattr(langchain, "pause", breaking()(langchain.pause))
    with pytest.raises(RuntimeError, match="planted"):
        invoke(agent, "go")

    assert shop.ran == []


def test_a_halted_agent_does_not_even_speak(shop, invoke, says):
    monitored = shop.guard
    original = monitored.records.mode
    monitored.records.mode = lambda *args: (Mode.HALTED, 1, "a person stopped it")
    try:
        with pytest.raises(remit.AgentHalted):
            invoke(shop.agent(says("hi")), "go")
    finally:
        monitored.records.mode = original
    assert shop.model.asked == []


@pytest.mark.parametrize("options", [{"on_hold": "deny"}, {"on_ungoverned": "ignore"}])
def test_options_that_do_not_exist_are_refused(shop, says, options):
    with pytest.raises(remit.BadInput, match="use one of"):
        shop.agent(says("hi"), **options)


def test_a_run_that_is_cancelled_while_a_call_is_decided_runs_nothing_and_gives_it_back(
    shop, asks, says, call, monkeypatch
):
    agent = shop.agent(asks(call("refund", "c1", amount=10)), says("x"))
    deciding, cancelled, begin = threading.Event(), threading.Event(), Session.begin

    def slowly(*args, **kwargs):
        deciding.set()
        assert cancelled.wait(300)
        return begin(*args, **kwargs)

    monkeypatch.setattr(Session, "begin", slowly)

    async def go():
        given = {"messages": [("user", "go")]}
        task = asyncio.create_task(agent.ainvoke(given, {"configurable": {"thread_id": "t"}}))
        await asyncio.to_thread(deciding.wait, 300)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        cancelled.set()

    asyncio.run(go())  # it ends its threads, too
    assert shop.ran == []
    assert [e.kind for e in shop.events("t", "decided", "settled", "released")] == ["decided", "released"]


def test_a_tool_that_is_cancelled_is_of_unknown_outcome(folder, asks, says, call, scripted):
    begun = []

    async def act() -> str:
        """Act."""
        begun.append(asyncio.current_task())
        await asyncio.Event().wait()
        return "never"

    async def go(agent):
        given = {"messages": [("user", "go")]}
        task = asyncio.create_task(agent.ainvoke(given, {"configurable": {"thread_id": "t"}}))
        while not begun:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    rules = "  tools: {act: {effect: write, args: {type: object, additionalProperties: false}}}\n"
    with open_guard(folder, envelope(rules)) as guard:
        tool = StructuredTool.from_function(coroutine=act)
        asyncio.run(
            go(create_agent(scripted(asks(call("act", "c"))), [tool], middleware=[RemitMiddleware(guard)]))
        )
        (settled,) = [e.event for e in guard.records.events("refunds:t") if e.event.kind == "settled"]
    assert settled.body["outcome"] == "unknown"


def test_without_langchain_it_says_what_to_install():
    code = "import sys; sys.modules['langchain'] = None; import remit.adapters.langchain"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=600, check=False
    )

    assert done.returncode == 1 and "pip install 'remit[langchain]'" in done.stderr
