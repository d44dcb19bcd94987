"""One sample of an Inspect log: a task and an epoch with its scores.

Values are read as Inspect reads them: `C` and `I` for correct and incorrect, `P` for half, `N` for no answer, NaN for
"not scored". A sample that an error ended, and that nobody scored, is one that the world broke off: Inspect leaves it
out of its metrics too. One that ran into its time limit has failed.

Source: `EvalSample`, `Score` and `value_to_float` in https://github.com/UKGovernmentBEIS/inspect_ai.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import fsum, inf, isfinite
from typing import Any

import msgspec

from remit.core.errors import BadInput
from remit.core.recorded import session_from
from remit.core.trial.trial import Trial
from remit.core.trial.words import as_text
from remit.core.types import Json
from remit.usecases.trials.formats.recorded import (
    MOST_REASON,
    Reading,
    RecordedTrial,
    judged,
    length,
    name,
    plain_fields,
    shown,
    status_of,
    whole,
    within,
)
from remit.usecases.trials.formats.talk import answer_of, asked_in, calls_of
from remit.usecases.trials.formats.tau2 import instant

VERSION = 2
_VALUES = {"c": 1.0, "i": 0.0, "p": 0.5, "n": 0.0, "yes": 1.0, "true": 1.0, "no": 0.0, "false": 0.0}
_LATE = ("time", "working")
_ATTACHED = "attachment://"


class Sample(msgspec.Struct):
    """What is read of a sample; its events are passed over."""

    id: str | int
    epoch: int = 1
    messages: list[dict[str, Any]] = []
    message_refs: list[tuple[int, int]] = []
    output: dict[str, Any] = {}
    scores: dict[str, dict[str, Any]] | None = None
    metadata: dict[str, Any] = {}
    model_usage: dict[str, dict[str, Any]] = {}
    started_at: str | None = None
    total_time: float | None = None
    working_time: float | None = None
    uuid: str | None = None
    error: dict[str, Any] | None = None
    error_retries: list[Any] | None = None
    invalidation: dict[str, Any] | None = None
    limit: dict[str, Any] | None = None
    attachments: dict[str, str] = {}


@dataclass(frozen=True, slots=True)
class About:
    """What the head of a log says of all its samples."""

    task: str
    model: str
    fields: Mapping[str, Json]


def about(head: Mapping[str, Json], where: str) -> About:
    """The head of a log.

    Raises:
        BadInput: it is none, or of a version that is not known.
    """
    if head.get("version") != VERSION:
        raise BadInput(
            f"{where}: version",
            f"found {shown(head.get('version'))}",
            f"version {VERSION} of Inspect's log is read",
        )
    spec = head.get("eval")
    if not isinstance(spec, dict):
        raise BadInput(f"{where}: eval", f"found {shown(spec)}", "write the log again with Inspect")
    task, model = spec.get("task"), spec.get("model")
    tags = {
        "eval": spec,
        "task": task,
        "model": model,
        "solver": spec.get("solver"),
        "run_id": spec.get("run_id"),
    }
    return About(task if isinstance(task, str) else "", model if isinstance(model, str) else "", tags)


def trial_of(sample: Sample, head: About, where: str, reading: Reading) -> Iterator[RecordedTrial]:
    """The trial that a sample is, if it is wanted.

    Raises:
        BadInput: with its place.
    """
    fields = {**head.fields, "id": sample.id, "epoch": sample.epoch, "meta": sample.metadata}
    if reading.wanted(fields):
        yield _trial(sample, head, where, reading, fields)


def _trial(
    sample: Sample, head: About, where: str, reading: Reading, fields: Mapping[str, Json]
) -> RecordedTrial:
    value, told = _value(sample.scores or {}, reading, where)
    success, score = judged(value, reading, f"{where}: scores")
    limit = str((sample.limit or {}).get("type", ""))
    broken = sample.invalidation is not None or (sample.error is not None and success is None)
    if limit and success is None and not broken:
        success = False
    if sample.epoch < 1:
        raise BadInput(f"{where}: epoch", f"found {sample.epoch}", "epochs are counted from 1")
    said = session_from({"session_id": where, "steps": _steps(sample)}, where)
    trial = Trial(
        draw=0,
        arm="",
        task=name(sample.id, f"{where}: id"),
        epoch=sample.epoch - 1,
        status=status_of(success, broken=broken, reading=reading, late=limit in _LATE),
        attempts=1 + len(sample.error_retries or ()),
        at=instant(sample.started_at, f"{where}: started_at"),
        latency_s=length(sample.working_time or sample.total_time, f"{where}: working_time"),
        answer=_resolved(sample.output.get("completion"), sample) or answer_of(said),
        calls=calls_of(said),
        score=within(score),
        tokens=whole(_sum(sample.model_usage, "total_tokens"), f"{where}: model_usage"),
        cost=length(_sum(sample.model_usage, "total_cost"), f"{where}: model_usage"),
        reason="" if success else _reason(sample, limit, told)[:MOST_REASON],
        extra=plain_fields(
            {"session_id": sample.uuid, "user_input": asked_in(said)[:MOST_REASON], **sample.metadata}
        ),
    )
    return RecordedTrial(where, trial, head.task, head.model, fields)


def _value(scores: Mapping[str, Mapping[str, Json]], reading: Reading, where: str) -> tuple[Json, str]:
    """The value of the score that counts, as true, false, a number or None, and why it is what it is."""
    if not scores:
        return None, ""
    chosen, key = _chosen(scores, reading.success, where)
    score = scores[chosen]
    value: Json = score.get("value")
    if isinstance(value, dict) and key in value:
        value = value[key]
    return _as_number(value, f"{where}: scores.{chosen}"), as_text(
        score.get("explanation") or score.get("reason")
    )


def _chosen(scores: Mapping[str, Mapping[str, Json]], wanted: str, where: str) -> tuple[str, str]:
    names = ", ".join(f"'{one}'" for one in scores)
    if not wanted:
        if len(scores) > 1:
            raise BadInput(f"{where}: scores", f"several: {names}", "say which one counts: --success NAME")
        return next(iter(scores)), ""
    if wanted in scores:
        return wanted, ""
    for one in scores:
        if wanted.startswith(f"{one}."):
            return one, wanted[len(one) + 1 :]
    raise BadInput(f"{where}: scores", f"no score '{wanted}'", f"there are {names}")


def _as_number(value: Json, where: str) -> Json:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return value if isfinite(value) else None
    if isinstance(value, dict):
        raise BadInput(where, "a score of several values", f"name one: {', '.join(map(str, value))}"[:300])
    known = _VALUES.get(value.lower()) if isinstance(value, str) else None
    if known is not None:
        return known
    try:
        return float(value) if isinstance(value, str) and isfinite(float(value)) else _unknown(value, where)
    except ValueError:
        return _unknown(value, where)


def _unknown(value: Json, where: str) -> Json:
    raise BadInput(where, f"found {shown(value)}", "use C, I, P, N, true, false or a number")


def _steps(sample: Sample) -> list[dict[str, Json]]:
    return [_step(message, sample) for message in sample.messages]


def _step(message: Mapping[str, Json], sample: Sample) -> dict[str, Json]:
    step: dict[str, Json] = {
        "role": message.get("role"),
        "content": _resolved(message.get("content"), sample),
    }
    if message.get("role") == "tool":
        failed = message.get("error")
        told = failed.get("message", True) if isinstance(failed, dict) else failed
        return step | {
            "tool_call_id": message.get("tool_call_id"),
            "tool_name": message.get("function"),
            "error": told or None,
        }
    calls = message.get("tool_calls")
    if isinstance(calls, list) and calls:
        step["tool_calls"] = [_call(call) for call in calls]
    return step


def _call(call: Json) -> Json:
    if not isinstance(call, dict):
        return call
    return {"id": call.get("id"), "name": call.get("function"), "args": call.get("arguments")}


def _resolved(content: Json, sample: Sample) -> Json:
    """Text that stands apart, in its place."""
    if isinstance(content, str) and content.startswith(_ATTACHED):
        return sample.attachments.get(content.removeprefix(_ATTACHED), content)
    if isinstance(content, list):
        return [
            {**part, "text": _resolved(part["text"], sample)}
            if isinstance(part, dict) and "text" in part
            else part
            for part in content
            if not (isinstance(part, dict) and part.get("type") == "reasoning")
        ]
    return content


def _sum(usage: Mapping[str, Mapping[str, Json]], key: str) -> Json:
    found = [one[key] for one in usage.values() if isinstance(one.get(key), int | float)]
    if float not in map(type, found):
        return sum(found) if found else None
    try:
        return fsum(found)
    except OverflowError:
        return inf


def _reason(sample: Sample, limit: str, told: str) -> str:
    if sample.invalidation is not None:
        return "invalidated"
    if sample.error is not None:
        return as_text(sample.error.get("message"))
    return f"stopped by its {limit} limit" if limit else told
