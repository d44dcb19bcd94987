"""What an agent under test answered, made sound: whatever it hands over can be judged, written and read again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from remit.core.canonical import MAX_BYTES, canonical
from remit.core.codec import exact
from remit.core.errors import BadInput
from remit.core.trial.trial import TrialCall
from remit.core.types import Json
from remit.ports import Answered

MOST_TOKENS = 2**53
"""Beyond this no number of tokens is one, and JSON's readers begin to round."""
MOST_TEXT = 8 * MAX_BYTES
OUTCOMES = ("done", "failed", "refused", "held", "unknown")
EFFECTS = ("", "read", "write", "irreversible", "egress")


def sound(answered: object) -> Answered:
    """A copy that the agent cannot change any more.

    Raises:
        BadInput: it is no answer, or holds what has no form in JSON.

    >>> sound(Answered({"paid": 1}, tokens=3)).answer
    {'paid': 1}
    """
    if not isinstance(answered, Answered):
        raise BadInput("the agent's answer", f"found {type(answered).__name__}", "return a text or JSON")
    calls: Any = answered.calls
    if not isinstance(calls, tuple | list):
        raise BadInput("answer.calls", f"found {type(calls).__name__}", "write a tuple of TrialCall")
    return replace(
        answered,
        answer=_plain(answered.answer, "answer"),
        calls=tuple(_call(one, f"answer.calls[{at}]") for at, one in enumerate(calls)),
        tokens=_tokens(answered.tokens),
        cost=_cost(answered.cost),
        fingerprint=_mapping(answered.fingerprint, "answer.fingerprint"),
        extra=_mapping(answered.extra, "answer.extra"),
    )


def _plain(value: object, where: str) -> Json:
    if isinstance(value, str):
        text = exact(value)
        if len(text) > MOST_TEXT:
            raise BadInput(where, f"found a text of {len(text):,} characters", f"write {MOST_TEXT:,} at most")
        return text.encode("utf-8", "replace").decode()  # half a character cannot be written
    return canonical(value, where=where, max_bytes=MOST_TEXT)


def _mapping(value: object, where: str) -> dict[str, Json]:
    found = canonical(value, where=where)
    if not isinstance(found, dict):
        raise BadInput(where, f"found {type(value).__name__}", "write a dict")
    return found


def _call(call: object, where: str) -> TrialCall:
    if not isinstance(call, TrialCall) or not _is_text(call.tool) or not call.tool:
        raise BadInput(where, f"found {type(call).__name__}", "write a TrialCall with its tool")
    for key, value, known in (("outcome", call.outcome, OUTCOMES), ("effect", call.effect, EFFECTS)):
        if value not in known:
            raise BadInput(f"{where}.{key}", f"found {value!r:.60}", f"use one of {', '.join(known)}".strip())
    clauses = canonical(list(call.clauses), where=f"{where}.clauses")
    if not _is_text(call.result) or not all(map(_is_text, clauses)):
        raise BadInput(where, "its result or its clauses are no texts", "write texts")
    return replace(
        call,
        args=canonical(call.args, where=f"{where}.args"),
        clauses=tuple(clauses),
        latency_s=_cost(call.latency_s, f"{where}.latency_s"),
    )


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _tokens(value: object) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MOST_TOKENS:
        raise BadInput("answer.tokens", f"found {value!r:.60}", "write a whole number")
    return value


def _cost(value: object, where: str = "answer.cost") -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _LARGEST:
        raise BadInput(where, f"found {value!r:.60}", "write a number")
    return float(value)


_LARGEST = 1e300
