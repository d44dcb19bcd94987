"""An agent in a process of its own: `python worker.py start|resume`; it prints the pause, or what came of it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from langchain.agents import create_agent
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.types import Command

import remit
from remit.adapters.langchain import RemitMiddleware

RULES = """apiVersion: remit/v1
kind: CapabilityEnvelope
metadata: {name: clerk, version: "1", owner: tests}
spec:
  tools:
    refund:
      effect: irreversible
      args: {type: object, additionalProperties: false, required: [amount], properties: {amount: {type: integer}}}
      approve: [{id: large, when: "args.amount > 50"}]
"""


class Model(GenericFakeChatModel):
    def bind_tools(self, tools: Any, **_: Any) -> Any:
        return self


def refund(amount: int) -> str:
    """Refund."""
    with Path("ran.txt").open("a") as file:
        file.write(f"refund {amount}\n")
    return f"refunded {amount}"


def main(what: str) -> None:
    Path("envelope.yaml").write_text(RULES)
    calls = [{"name": "refund", "args": {"amount": n}, "id": f"c{n}", "type": "tool_call"} for n in (10, 100)]
    steps = [AIMessage("I do", tool_calls=calls)] if what == "start" else [AIMessage("done")]
    given: Any = (
        {"messages": [("user", "refund both")]}
        if what == "start"
        else Command(resume="approved, says the caller")
    )
    with (
        remit.open("envelope.yaml", single_operator=True) as guard,
        SqliteSaver.from_conn_string("checkpoints.db") as saver,
    ):
        agent = create_agent(
            Model(messages=iter(steps)), [refund], middleware=[RemitMiddleware(guard)], checkpointer=saver
        )
        out = agent.invoke(given, {"configurable": {"thread_id": "t"}})
    if "__interrupt__" in out:
        print(json.dumps(out["__interrupt__"][0].value))
    else:
        ran = sorted(Path("ran.txt").read_text().splitlines())
        print(json.dumps({"ran": ran, "answer": out["messages"][-1].content}))


if __name__ == "__main__":
    main(sys.argv[1])
