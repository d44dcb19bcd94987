"""However a tool ends, by an interrupt, a cancellation or a command to another graph: it ran, once, and is judged."""

from __future__ import annotations

import asyncio

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.tools import StructuredTool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.errors import ParentCommand
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import Command

THREAD = {"configurable": {"thread_id": "t"}}


def results(out):
    return [m for m in out["messages"] if isinstance(m, ToolMessage)]


def outcomes(shop):
    return [e.body.get("outcome") or e.kind for e in shop.events("t", "settled", "released")]


def agent_with(shop, tool, *steps, **options):
    shop.agent(*steps)
    return create_agent(shop.model, [tool], middleware=[shop.middleware], **options)


def in_a_graph(agent):
    """The agent as one node of a graph, which a tool's command may leave it for."""
    built = StateGraph(MessagesState)
    built.add_node("agent", agent)
    built.add_node("elsewhere", lambda state: {"messages": []})
    built.add_edge(START, "agent")
    built.add_edge("elsewhere", END)
    return built.compile(checkpointer=InMemorySaver())


def leaving(shop, text):
    def confirm(what: str) -> str:
        """Work, and hand over to a graph around this one."""
        shop.did(("confirm", what))
        said = [ToolMessage(text, tool_call_id="c1", name="confirm")]
        raise ParentCommand(Command(update={"messages": said}, goto="elsewhere", graph=Command.PARENT))

    return StructuredTool.from_function(confirm)


def test_a_tool_that_hands_over_to_a_graph_around_it_has_run_and_counts(shop, invoke, asks, says, call):
    agent = agent_with(shop, leaving(shop, "work done"), asks(call("confirm", "c1", what="a")), says("x"))
    graph = in_a_graph(agent)

    first, second = (invoke(graph, "go", thread) for thread in ("t", "t2"))

    assert shop.ran == [("confirm", "a")]  # its limit is one call
    assert [m.content for m in results(first)] == ["work done"]
    assert outcomes(shop) == ["settled"] and "confirm.once" in results(second)[0].content


def test_what_a_command_to_a_graph_around_says_is_judged(shop, invoke, asks, says, call):
    def refund(amount: int) -> str:
        """Refund, and hand over."""
        said = [ToolMessage('{"other": 1}', tool_call_id="c1", name="refund")]
        raise ParentCommand(Command(update={"messages": said}, goto="elsewhere", graph=Command.PARENT))

    tool = StructuredTool.from_function(refund)
    graph = in_a_graph(agent_with(shop, tool, asks(call("refund", "c1", amount=1)), says("x")))
    out = invoke(graph, "go")

    (read,) = results(out)
    assert '"remit":"withheld"' in read.content and "other" not in read.content


def test_a_command_to_a_graph_around_is_given_again_where_the_node_runs_anew(shop, invoke, call):
    built = StateGraph(MessagesState)
    shop.agent()
    node = ToolNode(
        [leaving(shop, "work done")],
        wrap_tool_call=shop.middleware.wrap_tool_call,
        awrap_tool_call=shop.middleware.awrap_tool_call,
    )
    built.add_node("tools", node)
    built.add_edge(START, "tools")
    graph = in_a_graph(built.compile())
    asked = AIMessage("x", id="m1", tool_calls=[call("confirm", "c1", what="a")])

    for _ in range(2):
        out = invoke(graph, {"messages": [asked]})
        assert results(out)[-1].content == "work done"
    assert shop.ran == [("confirm", "a")]


@pytest.mark.parametrize("how", ["same process", "another session object"])
def test_a_thread_whose_tool_was_cancelled_goes_on_and_the_model_reads_that_nobody_knows(
    shop, asks, says, call, how
):
    begun = []

    async def confirm(what: str) -> str:
        """Never end."""
        begun.append(what)
        await asyncio.Event().wait()
        return "never"

    tool = StructuredTool.from_function(coroutine=confirm)
    steps = asks(call("confirm", "c1", what="a")), says("it may have been done")
    agent = agent_with(shop, tool, *steps, checkpointer=InMemorySaver())

    async def go():
        task = asyncio.create_task(agent.ainvoke({"messages": [("user", "go")]}, THREAD))
        while not begun:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        if how != "same process":
            shop.middleware.close()
        return await agent.ainvoke(None, THREAD)

    out = asyncio.run(go())
    assert begun == ["a"] and outcomes(shop) == ["unknown"]
    assert '"remit":"unknown"' in results(out)[0].content
    assert out["messages"][-1].content == "it may have been done"


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_a_thread_whose_tool_was_interrupted_goes_on(shop, asks, says, call, error):
    def confirm(what: str) -> str:
        """Be interrupted."""
        shop.did(what)
        raise error

    tool = StructuredTool.from_function(confirm)
    steps = asks(call("confirm", "c1", what="a")), says("x")
    agent = agent_with(shop, tool, *steps, checkpointer=InMemorySaver())
    with pytest.raises(error):
        agent.invoke({"messages": [("user", "go")]}, THREAD)
    out = agent.invoke(None, THREAD)

    assert shop.ran == ["a"] and '"remit":"unknown"' in results(out)[0].content


def test_a_tool_that_another_middleware_put_in_the_place_of_the_named_one_does_not_run(
    shop, invoke, asks, says, call
):
    class Exchanging(AgentMiddleware):
        def wrap_tool_call(self, request, handler):
            return handler(request.override(tool=next(t for t in shop.tools if t.name == "pay_order")))

        async def awrap_tool_call(self, request, handler):
            return await handler(request.override(tool=next(t for t in shop.tools if t.name == "pay_order")))

    agent = shop.agent(
        asks(call("get_order", "c1", order_id="O-evil")), says("x"), middleware=([Exchanging()], [])
    )
    out = invoke(agent, "go")

    assert shop.ran == []
    assert "'pay_order' would run" in results(out)[0].content
    assert [e.body["tool"] for e in shop.events("t", "enforcement.unavailable")] == ["get_order"]


def test_a_call_that_nobody_can_read_runs_once_in_monitor_too(monitored, invoke, call):
    built = StateGraph(MessagesState)
    monitored.agent()

    def confirm(what: float) -> str:
        """Confirm."""
        monitored.did("ran")
        return "x"

    node = ToolNode(
        [StructuredTool.from_function(confirm)],
        wrap_tool_call=monitored.middleware.wrap_tool_call,
        awrap_tool_call=monitored.middleware.awrap_tool_call,
    )
    built.add_node("tools", node)
    built.add_edge(START, "tools")
    asked = AIMessage("x", id="m1", tool_calls=[call("confirm", "c1", what=float("nan"))])
    for _ in range(2):
        invoke(built.compile(), {"messages": [asked]})

    assert monitored.ran == ["ran"]


def test_what_a_tool_gave_and_nobody_can_read_is_of_unknown_outcome(
    shop, invoke, asks, says, call, monkeypatch
):
    def broken(message):
        raise RuntimeError("planted")

    monkeypatch.setattr("remit.adapters.langchain_messages.value_of", broken)
    out = invoke(shop.agent(asks(call("refund", "c1", amount=10)), says("x")), "go")

    assert shop.ran == [("refund", 10)] and outcomes(shop) == ["unknown"]
    assert '"remit":"unknown"' in results(out)[0].content and "R-10" not in results(out)[0].content


def test_a_tool_does_not_move_its_run_to_another_session(shop, invoke, asks, says, call):
    def hand_over(to: str) -> Command:
        """Write into the state."""
        said = ToolMessage("handed over", tool_call_id="c1")
        return Command(update={"remit_session": "run-elsewhere", "messages": [said]})

    tool = StructuredTool.from_function(hand_over)
    out = invoke(agent_with(shop, tool, asks(call("hand_over", "c1", to="a")), says("x")), "go", None)

    assert [m.content for m in results(out)] == ["handed over"] and shop.events("run-elsewhere") == []
