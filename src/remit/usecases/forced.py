"""The conversation up to a call, as its agent would be handed it again: from a recorded session, or from the journal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from remit.core import codec
from remit.core.envelope import Envelope
from remit.core.event import StoredEvent
from remit.core.recorded import RecordedSession, RecordedStep
from remit.core.types import Json, Role

ForcedMessage = Mapping[str, Json]
"""One message of a conversation as a chat model is given it, calls and results included."""


def forced_from_session(session: RecordedSession, step: int) -> tuple[ForcedMessage, ...]:
    """Everything before a step of the record. What the agent said while it called is not forced on it.

    Args:
        session: the record.
        step: index of the step with the call; of a case of a recorded session it stands in its id, `ID#STEP.NUMBER`.
    """
    return tuple(_message(one) for one in session.steps if one.index < step)


def forced_from_events(
    events: Iterable[StoredEvent], anomaly: StoredEvent
) -> tuple[ForcedMessage, ...] | None:
    """Everything that the session of an anomaly saw before its call; None where texts of it were erased.

    Args:
        events: of the session, in order.
        anomaly: the event of a decision, or of what came of it.
    """
    own = anomaly.event.body.get("token")
    messages: list[ForcedMessage] = []
    for stored in events:
        if stored.seq >= anomaly.seq:
            break
        if stored.erased and stored.event.kind in _READ:
            return None
        body = stored.event.body
        read = _READ.get(stored.event.kind)
        if read is not None and not (own and body.get("token") == own):
            messages += read(body, stored.event.blobs)
    while messages and messages[-1]["role"] == Role.ASSISTANT and "tool_calls" not in messages[-1]:
        messages.pop()  # said while it called: forced on it, it would give the call away
    return tuple(messages)


def tools_of(envelope: Envelope) -> tuple[ForcedMessage, ...]:
    """What an envelope lets an agent call, as a model is told: names, and the arguments' JSON Schema."""
    return tuple({"name": tool.name, "parameters": dict(tool.schema)} for tool in envelope.tools.values())


def _message(step: RecordedStep) -> ForcedMessage:
    message: dict[str, Json] = {"role": step.role, "content": step.text}
    if step.calls:
        message["tool_calls"] = [{"id": c.call_id, "name": c.tool, "args": c.args} for c in step.calls]
    if step.role == Role.TOOL:
        answers = step.answers
        message |= {"tool_call_id": answers.call_id if answers else "", "tool_name": step.tool}
    return message


def _observed(body: Mapping[str, Any], blobs: Mapping[str, str]) -> list[ForcedMessage]:
    segment = codec.segment_from(body, blobs.get("text", ""))
    message: dict[str, Json] = {"role": segment.role.value, "content": segment.text}
    if segment.role is Role.TOOL:
        message |= {"tool_call_id": "", "tool_name": segment.source}
    return [message]


def _decided(body: Mapping[str, Any], _blobs: Mapping[str, str]) -> list[ForcedMessage]:
    call = {"id": _call_id(body), "name": body.get("tool", ""), "args": body.get("args")}
    asked: ForcedMessage = {"role": "assistant", "content": "", "tool_calls": [call]}
    if body.get("result") != "deny" or not body.get("enforced"):
        return [asked]
    told = "; ".join(str(v.get("message", "")) for v in body.get("violations") or ())
    return [asked, _result(body, f"refused: {told}")]


def _settled(body: Mapping[str, Any], blobs: Mapping[str, str]) -> list[ForcedMessage]:
    if body.get("segment"):
        return [_result(body, blobs.get("text", ""))]
    error = body.get("error")
    told = error.get("message", "") if isinstance(error, Mapping) else ""
    return [_result(body, f"error: {told}" if error else "")]


def _finished(_body: Mapping[str, Any], blobs: Mapping[str, str]) -> list[ForcedMessage]:
    return [{"role": "assistant", "content": blobs.get("answer", "")}]


def _result(body: Mapping[str, Any], text: str) -> ForcedMessage:
    return {
        "role": "tool",
        "content": text,
        "tool_call_id": _call_id(body),
        "tool_name": body.get("tool", ""),
    }


def _call_id(body: Mapping[str, Any]) -> str:
    return str(body.get("call_id") or body.get("token") or "")


_READ = {"observed": _observed, "decided": _decided, "settled": _settled, "finished": _finished}
