"""An agent that is stopped, or put under another envelope, in the middle of a run: the very next call knows."""

from __future__ import annotations

import pytest
from langchain.agents import create_agent
from langchain_core.messages import ToolMessage
from langchain_core.tools import StructuredTool

from remit.adapters.langchain import RemitMiddleware
from remit.core.scope import Scope, ScopeKind
from remit.core.types import Mode
from remit.store import control_hand
from remit.testing import envelope, open_guard

RULES = """
  tools:
    change: {effect: write, args: {type: object, additionalProperties: false}}
    act: {effect: irreversible, args: {type: object, additionalProperties: false}}
    look: {effect: read, args: {type: object, additionalProperties: false}}
"""


@pytest.fixture
def run(folder, asks, says, call, scripted, invoke):
    """Runs an agent whose first call changes the guard and whose next turn acts and looks; what ran and was told."""

    def whole(change):
        ran = []

        def named(name, does):
            def tool() -> str:
                """A tool."""
                ran.append(name)
                return does() or "done"

            return StructuredTool.from_function(tool, name=name)

        model = scripted(asks(call("change", "c0")), asks(call("act", "c1"), call("look", "c2")), says("x"))
        with open_guard(folder, envelope(RULES)) as guard:
            tools = [named("change", lambda: change(guard)), named("act", str), named("look", str)]
            out = invoke(create_agent(model, tools, middleware=[RemitMiddleware(guard)]), "go")
        told = {m.name: m.content for m in out["messages"] if isinstance(m, ToolMessage)}
        return ran, told

    return whole


@pytest.mark.parametrize(
    ("mode", "runs"), [(Mode.SUPERVISED, {"look"}), (Mode.QUARANTINED, {"look"}), (Mode.HALTED, set())]
)
def test_what_a_stop_in_the_middle_of_a_run_forbids_does_not_run(run, mode, runs):
    agent = Scope(ScopeKind.AGENT, "default", "refunds")

    def stop(guard):
        how = {"id": "stop", "actor": "ann", "reason": "odd"}
        guard.records.store.transact(lambda tx: control_hand.trip(tx, agent, mode, **how)).result()

    ran, told = run(stop)
    assert set(ran) == {"change", *runs}
    assert all('"remit":' in told[name] for name in {"act", "look"} - runs)


def test_an_envelope_that_is_put_in_force_in_the_middle_of_a_run_judges_the_next_call(run):
    without = envelope(RULES.replace("    act: ", "    other: "), version="2")

    ran, told = run(lambda guard: guard.reload(without) and None)
    assert set(ran) == {"change", "look"} and '"remit":"refused"' in told["act"]
