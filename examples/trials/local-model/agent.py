"""The agent of the demo on a real local model, as an agent under test: one process, one core, no network and no key."""

from __future__ import annotations

import atexit
import threading

import remit
from remit.demo.agent import CALL_SCHEMA, EXAMPLES, SYSTEM, compact, parsed
from remit.demo.model import LocalModel, Message
from remit.ports import AgentTrial

MAX_STEPS, TEMPERATURE = 4, 0.7

_model: LocalModel | None = None
_one_at_a_time = threading.Lock()


def answer(trial: AgentTrial) -> str:
    """One run: the model calls tools until it finishes, or its steps are used up."""
    shown = EXAMPLES if trial.agent.settings.get("worked_examples", True) else ()
    asked: Message = {"role": "user", "content": str(trial.task.input)}
    messages: list[Message] = [{"role": "system", "content": SYSTEM}, *shown, asked]
    trial.observe("system", SYSTEM)
    for step in range(MAX_STEPS):
        text = _reply(messages, trial.slot.seed % 1_000_000 * 10 + step)
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


def _reply(messages: list[Message], seed: int) -> str:
    global _model
    with _one_at_a_time:
        if _model is None:
            _model = LocalModel()
            _model.start()
            atexit.register(_model.close)
        return _model.reply(messages, CALL_SCHEMA, seed, TEMPERATURE)[0]
