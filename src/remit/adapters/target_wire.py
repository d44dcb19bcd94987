"""What an agent under test is handed, and what it answers, as JSON: the same for a command and for an HTTP endpoint.

Request: `{"remit": "trial/v1", "task": …, "input": …, "user_input": …, "seed": …, "epoch": …, "arm": …, "session_id": …,
"tools": [{"name", "description", "parameters"}], "settings": {…}, "turn": 0, "conversation": […]}`; of a recorded
conversation there is a request for each turn, with what was said and called before. Answer: `{"answer": …}`, a text or
any JSON value, and where they are known `calls` (those that it made by itself: `tool`, `args`, `outcome`, `result`),
`tokens`, `cost`, `fingerprint`; whatever else it says is kept beside the trial.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from remit.core.canonical import loads_strict
from remit.core.errors import BadInput
from remit.core.trial.trial import MOST_RESULT, TrialCall
from remit.core.types import Json
from remit.ports import AgentTrial, Answered

FORMAT = "trial/v1"
MOST_ANSWER = 1_000_000
"""Bytes of one answer, or of one line."""
MOST_CALLS = 10_000
_OUTCOMES = ("done", "failed", "refused", "held", "unknown")
_EFFECTS = ("", "read", "write", "irreversible", "egress")
_KNOWN = ("answer", "calls", "tokens", "cost", "fingerprint")


class AgentFailed(Exception):
    """The agent broke down, or said something that is no answer: the trial has failed."""


def request_of(trial: AgentTrial) -> dict[str, Json]:
    """What the agent is handed."""
    task, slot = trial.task, trial.slot
    return {
        "remit": FORMAT,
        "task": task.id,
        "input": task.input,
        "user_input": user_text(trial),
        "seed": slot.seed,
        "epoch": slot.epoch,
        "arm": slot.arm,
        "session_id": trial.session_id,
        "tools": [dict(tool) for tool in trial.tools],
        "settings": dict(trial.agent.settings),
        "turn": trial.turn,
        "conversation": [dict(step) for step in trial.conversation],
    }


def user_text(trial: AgentTrial) -> str:
    """What the user asked: the task says it, or its input is that text."""
    task = trial.task
    return task.user_input or (task.input if isinstance(task.input, str) else "")


def answer_in(data: bytes) -> Answered:
    """The answer in these bytes.

    Raises:
        AgentFailed: they are none.

    >>> answer_in(b'{"answer": "refunded", "tokens": 12}').tokens
    12
    """
    return answer_of(object_in(data))


def object_in(data: bytes) -> dict[str, Any]:
    """The JSON object in these bytes.

    Raises:
        AgentFailed: they are none.
    """
    try:
        found = loads_strict(data.decode("utf-8"))
    except (BadInput, UnicodeDecodeError) as error:
        raise AgentFailed(f"its answer is not JSON: {error}"[:300]) from None
    if not isinstance(found, dict):
        raise AgentFailed(f"its answer is no JSON object but {type(found).__name__}")
    return found


def answer_of(body: Mapping[str, Any]) -> Answered:
    """The answer that an object is.

    Raises:
        AgentFailed: it is none.
    """
    if "answer" not in body:
        raise AgentFailed('its answer has no key "answer"')
    calls = body.get("calls") or []
    if not isinstance(calls, list) or len(calls) > MOST_CALLS:
        raise AgentFailed(f'"calls" is no list of at most {MOST_CALLS}')
    return Answered(
        body["answer"],
        calls=tuple(_call(one) for one in calls),
        tokens=_tokens(body.get("tokens")),
        cost=_cost(body.get("cost")),
        fingerprint=_mapping("fingerprint", body.get("fingerprint")),
        extra={key: value for key, value in body.items() if key not in _KNOWN},
    )


def _call(one: object) -> TrialCall:
    if not isinstance(one, dict) or not isinstance(one.get("tool"), str) or not one["tool"]:
        raise AgentFailed('an entry of "calls" names no "tool"')
    outcome, effect = one.get("outcome", "done"), one.get("effect", "")
    if outcome not in _OUTCOMES:
        raise AgentFailed(f'"outcome" of a call is {outcome!r:.60}; use one of {", ".join(_OUTCOMES)}')
    if effect not in _EFFECTS:
        raise AgentFailed(f'"effect" of a call is {effect!r:.60}; use one of {", ".join(_EFFECTS[1:])}')
    result = one.get("result", "")
    text = result if isinstance(result, str) else repr(result)
    return TrialCall(one["tool"], one.get("args") or {}, effect, outcome, text[:MOST_RESULT])


def _tokens(value: object) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise AgentFailed(f'"tokens" is {value!r:.60}, no whole number')
    return value


def _cost(value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise AgentFailed(f'"cost" is {value!r:.60}, no number')
    return float(value)


def _mapping(key: str, value: object) -> Mapping[str, Json]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise AgentFailed(f'"{key}" is no object')
    return value
