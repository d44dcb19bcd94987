"""The agent of the demo on a real local model, as an agent under test: one process, one core, no network and no key."""

from __future__ import annotations

import atexit
import threading

import remit
from remit.demo.agent import CALL_SCHEMA, EXAMPLES, SYSTEM, compact, parsed
from remit.demo.model import LocalModel, Message
from remit.ports import AgentTrial

TEMPERATURE = 0.7

_models: dict[bool, LocalModel] = {}
"""One for each prompt, which it keeps in its memory: to read a long one anew takes seconds."""
_one_at_a_time = threading.Lock()


def answer(trial: AgentTrial) -> str:
    """One run: the model calls tools until it finishes, or its steps are used up."""
    examples = bool(trial.agent.settings.get("worked_examples", True))
    shown = EXAMPLES if examples else ()
    asked: Message = {"role": "user", "content": str(trial.task.input)}
    messages: list[Message] = [{"role": "system", "content": SYSTEM}, *shown, asked]
    trial.observe("system", SYSTEM)
    for step in range(int(trial.agent.settings.get("steps", 4))):
        text = _reply(examples, messages, trial.slot.seed % 1_000_000 * 10 + step)
        reply = parsed(text)
        if reply is None:
            return "The reply was cut off."
        thought, tool, args = reply
        trial.observe("assistant", thought)
        if tool == "finish":
            return str(args["answer"])
        try:
            result = compact(trial.call(tool, args))
        except remit.Refused as refused:
            result = compact({"refused": str(refused)[:80]})
        messages += [{"role": "assistant", "content": text}, {"role": "user", "content": "RESULT: " + result}]
    return "The steps are used up."


def _reply(examples: bool, messages: list[Message], seed: int) -> str:
    with _one_at_a_time:
        if examples not in _models:
            _models[examples] = model = LocalModel()
            model.start()
            atexit.register(model.close)
        return _models[examples].reply(messages, CALL_SCHEMA, seed, TEMPERATURE)[0]
