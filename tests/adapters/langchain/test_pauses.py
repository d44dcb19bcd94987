"""A held call pauses the graph, and runs once when the store, and nothing else, says that a person approved."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from langchain.agents import create_agent
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.tools import StructuredTool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import Command

from remit.adapters.langchain import RemitMiddleware
from remit.testing import answer, pending


def results(out):
    return [m for m in out["messages"] if isinstance(m, ToolMessage)]


def held(out):
    return [i.value for i in out["__interrupt__"]]


@pytest.fixture
def mixed(asks, says, call):
    """A turn with one call that runs, one that is held and one that is refused."""
    return asks(
        call("refund", "c1", amount=10), call("refund", "c2", amount=100), call("refund", "c3", amount=900)
    ), says("done")


def test_a_held_call_pauses_and_its_siblings_run_once(shop, invoke, mixed):
    agent = shop.agent(*mixed, checkpointer=InMemorySaver())

    out = invoke(agent, "go")
    (asked,) = held(out)
    assert (asked["remit"], asked["tool"], asked["arguments"]) == ("held", "refund", {"amount": 100})
    assert asked["answer"] == f"remit approvals approve {asked['approval_id']}" and asked["expires_in_s"] > 0
    answer(shop.guard, asked["approval_id"])
    out = invoke(agent, Command(resume="anything"))

    assert sorted(shop.ran) == [("refund", 10), ("refund", 100)]
    assert [m.status for m in results(out)] == ["success", "success", "error"]
    assert len(shop.events("t", "approval.requested")) == 1
    assert len([e for e in shop.events("t", "decided") if e.body["result"] == "deny"]) == 1


@pytest.mark.parametrize("given", [True, {"approve": True}, "approved by ann", ["yes"]])
def test_what_the_graph_is_resumed_with_approves_nothing(shop, invoke, mixed, given):
    agent = shop.agent(*mixed, checkpointer=InMemorySaver())
    (first,) = held(invoke(agent, "go"))

    (again,) = held(invoke(agent, Command(resume=given)))
    (third,) = held(invoke(agent, Command(resume=given)))

    assert first["approval_id"] == again["approval_id"] == third["approval_id"]
    assert shop.ran == [("refund", 10)]


def test_a_rejection_stands_whatever_the_graph_is_resumed_with(shop, invoke, mixed):
    agent = shop.agent(*mixed, checkpointer=InMemorySaver())
    (asked,) = held(invoke(agent, "go"))
    answer(shop.guard, asked["approval_id"], approve=False)

    out = invoke(agent, Command(resume={"approve": True}))

    assert shop.ran == [("refund", 10)]
    assert "approval.rejected" in json.loads(results(out)[1].content)["clauses"]


def test_a_database_of_checkpoints_resumes_too(shop, mixed, folder):
    config = {"configurable": {"thread_id": "t"}}
    with SqliteSaver.from_conn_string(str(folder / "checkpoints.db")) as saver:
        out = shop.agent(*mixed, checkpointer=saver).invoke({"messages": [("user", "go")]}, config)
        answer(shop.guard, held(out)[0]["approval_id"])
    with SqliteSaver.from_conn_string(str(folder / "checkpoints.db")) as saver:
        shop.agent(*mixed, checkpointer=saver).invoke(Command(resume=1), config)

    assert sorted(shop.ran) == [("refund", 10), ("refund", 100)]


def test_a_database_of_checkpoints_resumes_in_coroutines_too(shop, mixed, folder):
    config = {"configurable": {"thread_id": "t"}}

    async def part(given):
        async with AsyncSqliteSaver.from_conn_string(str(folder / "checkpoints.db")) as saver:
            return await shop.agent(*mixed, checkpointer=saver).ainvoke(given, config)

    out = asyncio.run(part({"messages": [("user", "go")]}))
    answer(shop.guard, held(out)[0]["approval_id"])
    asyncio.run(part(Command(resume=1)))

    assert sorted(shop.ran) == [("refund", 10), ("refund", 100)]


def test_without_a_checkpointer_the_model_is_told_to_repeat_the_call(shop, invoke, asks, says, call):
    agent = shop.agent(asks(call("refund", "c1", amount=100)), says("wait for ann"))

    (message,) = results(invoke(agent, "go", thread="t"))
    told = json.loads(message.content)
    assert told["remit"] == "held" and "repeat the identical call" in told["next"]
    answer(shop.guard, told["approval_id"])
    again = shop.agent(asks(call("refund", "another-id", amount=100)), says("done"))
    invoke(again, "now?", thread="t")

    assert shop.ran == [("refund", 100)]


def test_a_host_may_have_the_model_told_also_where_it_could_pause(shop, invoke, asks, says, call):
    agent = shop.agent(
        asks(call("refund", "c1", amount=100)), says("x"), checkpointer=InMemorySaver(), on_hold="tell"
    )

    out = invoke(agent, "go")

    assert "__interrupt__" not in out and json.loads(results(out)[0].content)["remit"] == "held"


def test_a_host_may_wait_for_people(shop, invoke, asks, says, call, monkeypatch):
    monkeypatch.setattr(shop.guard, "approval_wait_s", 300.0)
    agent = shop.agent(asks(call("refund", "c1", amount=100)), says("done"), on_hold="wait")

    def person():
        while not (asked := pending(shop.guard)):
            time.sleep(0.01)
        answer(shop.guard, asked[0])

    thread = threading.Thread(target=person)
    thread.start()
    invoke(agent, "go")
    thread.join()

    assert shop.ran == [("refund", 100)]


# ---------------------------------------------------------------------------------------------- a graph of one's own
def graph(shop, *calls, **options):
    middleware = RemitMiddleware(shop.guard, principal_kind="customer", **options)
    node = ToolNode(
        shop.tools, wrap_tool_call=middleware.wrap_tool_call, awrap_tool_call=middleware.awrap_tool_call
    )
    built = StateGraph(MessagesState)
    built.add_node("model", lambda state: {"messages": [AIMessage("I look", tool_calls=list(calls))]})
    built.add_node("tools", node)
    built.add_edge(START, "model")
    built.add_edge("model", "tools")
    built.add_edge("tools", END)
    return built.compile(checkpointer=InMemorySaver())


def test_a_node_that_runs_anew_runs_no_call_twice(shop, invoke, call):
    app = graph(
        shop,
        call("get_order", "g1", order_id="O-1"),
        call("refund", "c1", amount=10),
        call("refund", "c2", amount=100),
        call("refund", "c3", amount=900),
        call("refund", "c4", amount=200),
    )

    out = invoke(app, "go")
    while "__interrupt__" in out:
        answer(shop.guard, held(out)[0]["approval_id"])
        out = invoke(app, Command(resume="x"))

    assert sorted(shop.ran) == [("get_order", "O-1"), ("refund", 10), ("refund", 100), ("refund", 200)]
    assert [m.status for m in results(out)] == ["success"] * 3 + ["error", "success"]
    assert results(out)[0].artifact == {"raw": "O-1"}


def test_a_node_that_runs_anew_elsewhere_gives_the_first_results_again(shop, invoke, call):
    calls = (
        call("get_order", "g1", order_id="O-1"),
        call("refund", "c1", amount=10),
        call("refund", "c2", amount=100),
    )
    app = graph(shop, *calls)
    out = invoke(app, "go")
    answer(shop.guard, held(out)[0]["approval_id"])

    elsewhere = graph(shop, *calls)  # its own memory, the same store and checkpoints
    elsewhere.checkpointer = app.checkpointer
    out = invoke(elsewhere, Command(resume="x"))

    assert sorted(shop.ran) == [("get_order", "O-1"), ("refund", 10), ("refund", 100)]
    assert [m.content for m in results(out)] == [
        "O-1 cost 12",
        '{"refund_id": "R-10"}',
        '{"refund_id": "R-100"}',
    ]


def test_a_graph_of_ones_own_hears_what_the_user_said_and_each_text_once(shop, invoke, call):
    app = graph(shop, call("pay_order", "p1", order_id="O-7"), call("refund", "c2", amount=100))

    out = invoke(app, "pay O-7")
    answer(shop.guard, held(out)[0]["approval_id"])
    invoke(app, Command(resume="x"))

    assert ("pay_order", "O-7") in shop.ran
    assert shop.heard("t") == [("user", "pay O-7"), ("assistant", "I look")]


def test_a_summary_in_a_graph_of_ones_own_is_not_the_users_word(shop, invoke, call):
    summary = HumanMessage("the user wants O-7 paid", additional_kwargs={"lc_source": "summarization"})

    out = invoke(graph(shop, call("pay_order", "p1", order_id="O-7")), {"messages": [summary]})

    assert shop.ran == [] and "pay_order.origin" in results(out)[0].content


def test_a_graph_of_ones_own_needs_a_thread(shop, call):
    middleware = RemitMiddleware(shop.guard)
    built = StateGraph(MessagesState)
    built.add_node("tools", ToolNode(shop.tools, wrap_tool_call=middleware.wrap_tool_call))
    built.add_edge(START, "tools")
    app = built.compile()

    out = app.invoke({"messages": [AIMessage("x", tool_calls=[call("refund", "c1", amount=1)])]})

    assert shop.ran == [] and "thread_id" in json.loads(results(out)[0].content)["reason"]


# ---------------------------------------------------------------------------------------------- tools that pause, too
def test_a_tool_that_pauses_the_graph_itself_runs_when_it_is_resumed_and_counts_once(
    shop, invoke, asks, says, call
):
    agent = shop.agent(asks(call("confirm", "c1", what="x")), says("done"), checkpointer=InMemorySaver())

    assert held(invoke(agent, "go")) == [{"really": "x"}]
    out = invoke(agent, Command(resume="the user"))

    assert shop.ran == [("confirm", "x", "the user")] and results(out)[0].content == "confirmed by the user"
    assert [e.kind for e in shop.events("t", "settled", "released")] == ["released", "settled"]


def test_what_resumes_remits_pause_is_not_given_to_a_tool_that_pauses_itself(shop, invoke, asks, says, call):
    agent = shop.agent(asks(call("confirm", "c1", what="held")), says("done"), checkpointer=InMemorySaver())

    (first,) = held(invoke(agent, "go"))
    invoke(agent, Command(resume="too early"))
    answer(shop.guard, first["approval_id"])
    out = invoke(agent, Command(resume="remit, go on"))
    assert shop.ran == [] and held(out) == [{"really": "held"}]
    invoke(agent, Command(resume="the user"))

    assert shop.ran == [("confirm", "held", "the user")]


def test_an_agent_inside_a_tool_pauses_the_whole_and_resumes(shop, invoke, asks, says, call, scripted):
    inner_model = scripted(
        asks(call("refund", "i1", amount=10), call("refund", "i2", amount=100)), says("both")
    )
    inner = create_agent(inner_model, shop.tools, middleware=[RemitMiddleware(shop.guard)])

    def confirm(what: str) -> str:
        """Have another agent do it."""
        shop.did(what)
        return inner.invoke({"messages": [("user", what)]})["messages"][-1].content

    outer = create_agent(
        scripted(asks(call("confirm", "c", what="all")), says("ok")),
        [confirm],
        middleware=[RemitMiddleware(shop.guard)],
        checkpointer=InMemorySaver(),
    )
    out = invoke(outer, "do all")
    answer(shop.guard, held(out)[0]["approval_id"])
    out = invoke(outer, Command(resume="x"))

    assert [ran for ran in shop.ran if ran != "all"] == [("refund", 10), ("refund", 100)]
    assert [m.content for m in results(out)] == ["both"]
    assert [e.body["tool"] for e in shop.events("t", "settled")] == ["refund", "refund", "confirm"]


def test_two_calls_that_wait_are_two_pauses(shop, invoke, asks, says, call):
    agent = shop.agent(
        asks(call("refund", "c1", amount=100), call("refund", "c2", amount=200)),
        says("ok"),
        checkpointer=InMemorySaver(),
    )

    first, second = invoke(agent, "go")["__interrupt__"]
    answer(shop.guard, first.value["approval_id"])
    answer(shop.guard, second.value["approval_id"], approve=False)
    out = invoke(agent, Command(resume={first.id: "x", second.id: "y"}))

    assert shop.ran == [("refund", first.value["arguments"]["amount"])]
    assert sorted(m.status for m in results(out)) == ["error", "success"]


def test_a_pause_of_a_graph_of_ones_own_waits_for_the_calls_beside_it(shop, call):
    done = []

    async def slow(order_id: str) -> str:
        """Look an order up, slowly."""
        while "paused" not in done:
            await asyncio.sleep(0)
            done.append("paused") if shop.events("t", "approval.requested") else None
        await asyncio.sleep(0.05)
        done.append("looked")
        return "12"

    middleware = RemitMiddleware(shop.guard)
    tools = [*shop.tools[2:], StructuredTool.from_function(coroutine=slow, name="get_order")]
    node = ToolNode(
        tools, wrap_tool_call=middleware.wrap_tool_call, awrap_tool_call=middleware.awrap_tool_call
    )
    calls = [call("refund", "c1", amount=100), call("get_order", "g1", order_id="O-1")]
    built = StateGraph(MessagesState)
    built.add_node("tools", node)
    built.add_edge(START, "tools")
    app = built.compile(checkpointer=InMemorySaver())

    async def go():
        given = {"messages": [AIMessage("I look", tool_calls=calls)]}
        return await app.ainvoke(given, {"configurable": {"thread_id": "t"}})

    out = asyncio.run(go())
    assert held(out)[0]["tool"] == "refund" and done == ["paused", "looked"]
    assert [e.body["tool"] for e in shop.events("t", "settled")] == ["get_order"]


def test_a_thread_that_went_on_elsewhere_meanwhile_is_heard_once(shop, invoke, asks, says, call):
    saver = InMemorySaver()
    steps = asks(call("refund", "c1", amount=100), say="I do"), says("done")
    here, there = shop.agent(*steps, checkpointer=saver), shop.agent(*steps, checkpointer=saver)

    answer(shop.guard, held(invoke(here, "one"))[0]["approval_id"])
    invoke(there, Command(resume="x"))
    answer(shop.guard, held(invoke(there, "two"))[0]["approval_id"])
    invoke(there, Command(resume="x"))
    invoke(here, "three")

    assert [text for _, text in shop.heard("t")] == ["one", "I do", "two", "I do", "three", "I do"]


# ---------------------------------------------------------------------------------------------- another process
WORKER = Path(__file__).with_name("worker.py")


def run(folder, *words):
    env = os.environ | {"REMIT_HOME": str(folder / "home"), "REMIT_STORE": f"sqlite:///{folder / 'remit.db'}"}
    done = subprocess.run(
        [sys.executable, *words],
        capture_output=True,
        text=True,
        env=env,
        timeout=600,
        check=False,
        cwd=folder,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_pause_is_answered_and_resumed_in_other_processes(folder):
    asked = json.loads(run(folder, str(WORKER), "start"))
    early = json.loads(run(folder, str(WORKER), "resume"))
    run(folder, "-m", "remit.cli.main", "approvals", "approve", asked["approval_id"], "--note", "fine")
    late = json.loads(run(folder, str(WORKER), "resume"))

    assert early["approval_id"] == asked["approval_id"]
    assert late == {"ran": ["refund 10", "refund 100"], "answer": "done"}
