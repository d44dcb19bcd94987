"""The demo's agent, to be asked again for its next call; also as a command, `python -m remit.demo.rerun`, which is an
example of what `remit classify --rerun` starts."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from remit.core.types import Json, ToolCall
from remit.demo.agent import CALL_SCHEMA, EXAMPLES, SYSTEM, TEMPERATURE, compact, parsed
from remit.demo.model import MODEL_NAME, LocalModel, Message, Model, ModelFailed


class DemoAgent:
    """Asks the model what it would call after a conversation; calls nothing.

    Args:
        model: a local model that runs.
        temperature: of its sampling.
    """

    model = MODEL_NAME

    def __init__(self, model: Model, temperature: float = TEMPERATURE) -> None:
        self._model = model
        self._temperature = temperature

    def next_calls(
        self, messages: Sequence[Mapping[str, Json]], tools: Sequence[Mapping[str, Json]], seed: int
    ) -> Sequence[ToolCall]:
        """One reply of the model; nothing where it would finish. *tools* are the demo's own.

        Raises:
            ModelFailed: no reply, or one that was cut off.
        """
        del tools  # their schema is enforced while sampling
        reply = parsed(self._model.reply(conversation(messages), CALL_SCHEMA, seed, self._temperature)[0])
        if reply is None:
            raise ModelFailed("the reply was cut off")
        _, tool, args = reply
        return () if tool == "finish" else (ToolCall(tool, args),)


def conversation(messages: Sequence[Mapping[str, Json]]) -> list[Message]:
    """The conversation as the demo's model reads it: its own prompt and examples, then each message in turn."""
    spoken: list[Message] = [{"role": "system", "content": SYSTEM}, *EXAMPLES]
    for message in messages:
        text = str(message.get("content") or "")
        if message["role"] == "user":
            spoken.append({"role": "user", "content": text})
        elif message["role"] == "tool":
            spoken.append({"role": "user", "content": "RESULT: " + text})
        for call in message.get("tool_calls") or ():
            thought = text or f"I use {call['name']}."
            said = {"thought": thought, "tool": call["name"], "args": call["args"]}
            spoken.append({"role": "assistant", "content": compact(said)})
    return spoken


def main() -> int:
    """One request on standard input, one answer on standard output."""
    request: dict[str, Any] = json.load(sys.stdin)
    with LocalModel() as model:
        calls = DemoAgent(model).next_calls(request["messages"], request["tools"], request["seed"])
    print(json.dumps({"calls": [{"name": call.tool, "args": dict(call.args)} for call in calls]}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
