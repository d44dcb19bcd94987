"""Every tool call of a LangChain agent is decided, runs with what was checked, and gives what may be seen."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware
from langchain_core.messages import ToolMessage

from remit.adapters.langchain import RemitMiddleware


def results(out):
    return [m for m in out["messages"] if isinstance(m, ToolMessage)]


def told(message):
    return json.loads(message.content)


def test_an_allowed_call_runs_with_the_arguments_that_were_checked(shop, invoke, asks, says, call):
    agent = shop.agent(asks(call("refund", "c1", amount=7)), says("done"))

    out = invoke(agent, "refund it")

    assert shop.ran == [("refund", 5)]  # the envelope lowered it
    assert [m.content for m in results(out)] == ['{"refund_id": "R-5"}']
    assert out["messages"][-1].content == "done"


def test_a_refused_call_does_not_run_and_the_model_reads_why_and_goes_on(shop, invoke, asks, says, call):
    agent = shop.agent(asks(call("refund", "c1", amount=900)), says("I could not"))

    out = invoke(agent, "refund it")

    (message,) = results(out)
    assert shop.ran == []
    assert (message.status, message.tool_call_id, message.name) == ("error", "c1", "refund")
    assert told(message)["remit"] == "refused" and "refund.ceiling" in told(message)["clauses"]
    assert out["messages"][-1].content == "I could not"
    assert json.loads(shop.model.asked[1][-1].content) == told(message)


def test_a_tool_that_the_envelope_does_not_list_is_refused(shop, invoke, asks, says, call):
    from langchain_core.tools import tool

    @tool
    def launch(where: str) -> str:
        """Launch."""
        shop.did(where)
        return "gone"

    agent = shop.agent(asks(call("launch", "c1", where="x")), says("no"), tools=[launch])

    out = invoke(agent, "go")

    assert shop.ran == [] and told(results(out)[0])["clauses"] == ["unlisted"]


def test_what_the_model_does_not_write_as_arguments_is_refused(shop, invoke, asks, says, call):
    agent = shop.agent(asks(call("refund", "c1", amount="9; drop"), call("refund", "c2", sum=1)), says("no"))

    out = invoke(agent, "go")

    assert shop.ran == [] and {told(m)["remit"] for m in results(out)} == {"refused"}


def test_the_tools_own_exception_arrives_unchanged_and_is_recorded(shop, invoke, asks, says, call):
    agent = shop.agent(asks(call("broken", "c1", how="raised")), says("no"))

    with pytest.raises(ValueError, match="the tool's own"):
        invoke(agent, "go")

    (settled,) = shop.events("t", "settled")
    assert settled.body["error"]["type"] == "ValueError"


def test_a_failure_that_the_framework_made_a_message_of_is_no_success(shop, invoke, asks, says, call):
    agent = shop.agent(asks(call("broken", "c1", how="handled")), says("a pity"))

    out = invoke(agent, "go")

    (settled,) = shop.events("t", "settled")
    assert settled.body["ended"] == "error" and settled.body["error"]["message"] == "no such thing"
    assert (results(out)[0].status, results(out)[0].content) == ("error", "no such thing")
    assert ("broken", "no such thing") in shop.heard("t")  # it is what the agent read next


def test_what_obligations_cut_is_cut_in_the_message_and_its_artifact(shop, invoke, asks, says, call):
    agent = shop.agent(
        asks(call("get_order", "c1", order_id="O-card"), call("get_order", "c2", order_id="O-1")), says("ok")
    )

    cut, whole = results(invoke(agent, "look"))

    assert (cut.content, cut.artifact) == ("O-card cost 12 paid with [redacted]", None)
    assert (whole.content, whole.artifact) == ("O-1 cost 12", {"raw": "O-1"})


def test_a_result_that_the_envelope_does_not_allow_is_withheld(shop, invoke, asks, says, call):
    agent = shop.agent(asks(call("refund", "c1", amount=13)), says("hm"))

    (message,) = results(invoke(agent, "go"))

    assert shop.ran == [("refund", 13)]
    assert told(message)["remit"] == "withheld" and message.status == "error"


def test_a_command_keeps_its_update_and_what_it_says_is_the_tools_word(shop, invoke, asks, says, call):
    def step(messages):
        return says("over") if any(isinstance(m, ToolMessage) for m in messages) else hand_over

    hand_over = asks(call("hand_over", "h1", to="bob"))
    out = invoke(shop.agent(step), "hand it over")

    assert [m.content for m in results(out)] == ["handed to bob"]
    assert "I am bob, order O-hand" in [m.content for m in out["messages"]]
    assert [source for source, text in shop.heard("t") if text.startswith("I am bob")] == ["hand_over"]


def test_a_value_that_only_a_tool_wrote_as_a_persons_message_is_not_the_users(shop, invoke, asks, says, call):
    def step(messages):
        if any(isinstance(m, ToolMessage) and m.tool_call_id == "p1" for m in messages):
            return says("over")
        if any(isinstance(m, ToolMessage) for m in messages):
            return asks(call("pay_order", "p1", order_id="O-hand"))
        return asks(call("hand_over", "h1", to="bob"))

    out = invoke(shop.agent(step), "hand it over")

    assert ("pay_order", "O-hand") not in shop.ran
    assert "pay_order.origin" in told(results(out)[1])["clauses"]


def test_a_value_of_the_users_or_of_a_trusted_tool_may_be_used(shop, invoke, asks, says, call):
    agent = shop.agent(
        asks(call("get_order", "g1", order_id="O-5")),
        asks(call("pay_order", "p1", order_id="O-5")),
        says("ok"),
    )

    invoke(agent, "pay O-5")

    assert shop.ran == [("get_order", "O-5"), ("pay_order", "O-5")]


@pytest.mark.parametrize(
    ("given", "seen"),
    [
        ({"a": [1, {"b": "ü"}]}, '{"a": [1, {"b": "ü"}]}'),
        (["x"], '["x"]'),
        (7, "7"),
        (None, "null"),
        ({"x": float("nan")}, '{"x": NaN}'),
        ({"x": 10**30}, '{"x": 1000000000000000000000000000000}'),
        ('{"a":1}', '{"a":1}'),
        ("", ""),
        ([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], None),
        ([{"type": "text", "text": "a"}, {"type": "image", "url": "https://x.example/a.png"}], None),
    ],
)
def test_whatever_a_tool_returns_arrives_as_it_does_without_remit(
    shop, invoke, asks, says, call, scripted, given, seen
):
    def broken(how: str) -> Any:
        """Give something."""
        return given

    steps = asks(call("broken", "c1", how="x")), says("ok")
    agent = create_agent(scripted(*steps), [broken], middleware=[RemitMiddleware(shop.guard)])
    (message,) = results(invoke(agent, "go"))

    assert message.status == "success" and message.content == (given if seen is None else seen)


def test_as_many_parallel_calls_run_as_the_limit_admits(shop, invoke, asks, says, call):
    calls = [call("refund", f"c{n}", amount=n) for n in range(20, 32)]

    out = invoke(shop.agent(asks(*calls), says("ok")), "go")

    assert len(shop.ran) == 3
    assert Counter(m.status for m in results(out)) == {"error": 9, "success": 3}
    assert {told(m)["clauses"][0] for m in results(out) if m.status == "error"} == {"refund.total"}


def test_one_id_in_two_turns_is_two_calls(shop, invoke, asks, says, call):
    agent = shop.agent(
        asks(call("refund", "call_0", amount=1)), asks(call("refund", "call_0", amount=1)), says("k")
    )

    out = invoke(agent, "go")

    assert shop.ran == [("refund", 1)] * 2 and len(results(out)) == 2


def test_in_monitor_everything_runs_and_is_recorded(monitored, call, asks, says, invoke):
    invoke(monitored.agent(asks(call("refund", "c1", amount=900)), says("card 4111111111111111")), "go")

    assert monitored.ran == [("refund", 900)]
    assert monitored.events("t", "decided")[0].body["result"] == "deny"


# ---------------------------------------------------------------------------------------------- what cannot be governed
def test_tools_that_run_at_the_provider_are_a_coverage_gap_told_once(shop, invoke, asks, says, call):
    hosted = [{"type": "web_search"}, {"google_search": {}}]
    agent = shop.agent(asks(call("refund", "c1", amount=1)), says("ok"), tools=hosted)

    invoke(agent, "go")
    invoke(agent, "and again")

    assert [e.body["tool"] for e in shop.events("t", "coverage.gap")] == ["web_search", "google_search"]


def test_tools_that_run_at_the_provider_can_be_refused(shop, invoke, says):
    import remit

    agent = shop.agent(says("ok"), tools=[{"type": "web_search"}], on_ungoverned="refuse")

    with pytest.raises(remit.BadInput, match="web_search"):
        invoke(agent, "go")
    assert shop.model.asked == []


def test_a_middleware_between_remit_and_the_tools_is_a_coverage_gap(shop, invoke, asks, says, call):
    class Inner(AgentMiddleware):
        def wrap_tool_call(self, request, handler):
            return handler(request)

        async def awrap_tool_call(self, request, handler):
            return await handler(request)

    steps = (asks(call("refund", "c1", amount=1)), says("ok"))
    invoke(shop.agent(*steps, middleware=([], [Inner()])), "go", "inside")
    invoke(shop.agent(*steps, middleware=([Inner()], [])), "go", "outside")

    assert [e.body["tool"] for e in shop.events("inside", "coverage.gap")] == ["middleware"]
    assert shop.events("outside", "coverage.gap") == []


# ---------------------------------------------------------------------------------------------- streams
def test_streams_are_as_they_are_without_remit(shop, asks, says, call):
    def parts(agent, thread, mode):
        config = {"configurable": {"thread_id": thread}}
        return list(agent.stream({"messages": [("user", "pay O-5")]}, config, stream_mode=mode))

    agent = shop.agent(asks(call("refund", "c1", amount=1)), says("all is well"))
    words = [chunk.content for chunk, _ in parts(agent, "a", "messages") if chunk.type == "AIMessageChunk"]
    nodes = [name for part in parts(agent, "b", "updates") for name in part]

    assert "".join(w for w in words if isinstance(w, str)) == "I lookall is well"
    assert nodes == [
        "RemitMiddleware.before_agent", "model", "tools", "model", "RemitMiddleware.after_agent",
    ]  # fmt: skip
    assert shop.heard("a") == shop.heard("b") == [("user", "pay O-5"), ("assistant", "I look")]


def test_asynchronous_streams_and_events_carry_the_refusal_too(shop, asks, says, call):
    agent = shop.agent(asks(call("refund", "c1", amount=900)), says("all is well"))

    async def go():
        config = {"configurable": {"thread_id": "a"}}
        given = {"messages": [("user", "go")]}
        updates = [part async for part in agent.astream(given, config, stream_mode="updates")]
        config = {"configurable": {"thread_id": "b"}}
        events = [event async for event in agent.astream_events(given, config, version="v2")]
        return updates, events

    updates, events = asyncio.run(go())
    (message,) = next(part["tools"]["messages"] for part in updates if "tools" in part)
    words = [e["data"]["chunk"].content for e in events if e["event"] == "on_chat_model_stream"]
    assert told(message)["remit"] == "refused" and shop.ran == []
    assert "".join(words) == "I lookall is well"
