"""Plain lines: `{"task_id", "trial", "success"}`, and whatever else is known of the run; with `steps`, a session.

Known beside them: `suite`, `arm`, `model`, `answer`, `latency_s`, `tokens`, `cost`, `seed`, `at`, `attempts`, `timeout`,
`reason`, `score`, `session_id`. `run_error`, also in `meta`, says that the world failed. All else is kept as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from remit.core.errors import BadInput
from remit.core.recorded import session_from
from remit.core.trial.trial import Status, Trial
from remit.core.trial.words import as_text
from remit.core.types import Json
from remit.usecases.trials.formats.fields import NOWHERE, found_in
from remit.usecases.trials.formats.opened import ResultRecord, once, strictly
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

TASK = ("task_id", "task")
_LATENCY = ("latency_s", "latency", "duration_s")
_PLACED = frozenset(
    ("success", "suite", "arm", "answer", "tokens", "cost", "seed", "at", "attempts", "timeout")
)
_PLACED |= {*TASK, "trial", "epoch", "reason", "score", "steps", "messages", "facts", *_LATENCY}
_ONCE = (*TASK, "trial", "success")


def fits(keys: frozenset[str]) -> bool:
    """Whether a record with these keys is one."""
    return bool(keys & set(TASK)) and not keys >= {"reward", "traj"} and not keys >= {"draw", "arm", "status"}


def read(source: Iterable[ResultRecord], reading: Reading) -> Iterator[RecordedTrial]:
    """The trials of plain lines.

    Raises:
        BadInput: with file and line.
    """
    for record in source:
        line = strictly(record.data, record.where)
        once(record.data, record.where, _ONCE)
        if reading.wanted(line):
            yield _trial(line, record.where, reading)


def _trial(line: dict[str, Any], where: str, reading: Reading) -> RecordedTrial:
    task = _task(line, where)
    success, score = judged(
        _success(line, where, reading), reading, f"{where}: {reading.success or 'success'}"
    )
    if score is None and "score" in line:
        score = length(line["score"], f"{where}: score")
    broken = found_in(line, "run_error")
    failed = broken is not NOWHERE and broken is not None and broken is not False and broken != ""
    late = _flag(line, "timeout", where)
    status = status_of(success, broken=failed, reading=reading, late=late)
    trial = Trial(
        draw=0,
        arm=_text(line, "arm", where),
        task=task,
        epoch=_epoch(line, where),
        status=status,
        seed=whole(line.get("seed"), f"{where}: seed"),
        attempts=whole(line.get("attempts"), f"{where}: attempts", 1) or 1,
        at=_instant(line.get("at"), where),
        latency_s=_latency(line, where),
        tokens=whole(line.get("tokens"), f"{where}: tokens"),
        cost=length(line.get("cost"), f"{where}: cost"),
        score=within(score),
        reason=_reason(line, status, broken if failed else None),
        **_talk(line, where),
    )
    return RecordedTrial(where, trial, _text(line, "suite", where), _text(line, "model", where), line)


def _task(line: dict[str, Any], where: str) -> str:
    for key in TASK:
        if key in line:
            return name(line[key], f"{where}: {key}")
    raise BadInput(where, "no 'task_id'", 'write {"task_id", "trial", "success"}')


def _epoch(line: dict[str, Any], where: str) -> int:
    for key in ("trial", "epoch"):
        if line.get(key) is not None:
            return whole(line[key], f"{where}: {key}") or 0
    return -1


def _success(line: dict[str, Any], where: str, reading: Reading) -> Json:
    if reading.success:
        found = found_in(line, reading.success)
        if found is NOWHERE:
            raise BadInput(
                where, f"no field {reading.success!r}", "name the field that says the success: --success"
            )
        return found
    for key in ("success", "score"):
        if key in line:
            return line[key]
    raise BadInput(where, "no 'success'", "write true or false, or name the field: --success FIELD")


def _latency(line: dict[str, Any], where: str) -> float | None:
    for key in _LATENCY:
        found = found_in(line, key)
        if found is not NOWHERE:
            return length(found, f"{where}: {key}")
    return None


def _instant(value: Json, where: str) -> float | None:
    return length(value, f"{where}: at")


def _text(line: dict[str, Any], key: str, where: str) -> str:
    value = line.get(key)
    return "" if value is None or value == "" else name(value, f"{where}: {key}")


def _flag(line: dict[str, Any], key: str, where: str) -> bool:
    value = line.get(key)
    if value is not None and not isinstance(value, bool):
        raise BadInput(f"{where}: {key}", f"found {shown(value)}", "write true or false")
    return bool(value)


def _reason(line: dict[str, Any], status: Status, broken: object) -> str:
    if broken is not None:
        return as_text(broken)[:MOST_REASON]
    if isinstance(line.get("reason"), str):
        return str(line["reason"])[:MOST_REASON]
    return "its record does not say whether it was a success" if status is Status.INFRASTRUCTURE else ""


def _talk(line: dict[str, Any], where: str) -> dict[str, Any]:
    """Answer, calls and what else is kept of a line."""
    extra = plain_fields(line, _PLACED)
    answer = None if line.get("answer") is None else as_text(line["answer"])
    if "steps" not in line and "messages" not in line:
        return {"answer": answer, "extra": extra}
    said = session_from({**line, "session_id": _text(line, "session_id", where) or where}, where)
    if "user_input" not in extra and asked_in(said):
        extra["user_input"] = asked_in(said)[:MOST_REASON]
    return {"answer": answer_of(said) if answer is None else answer, "calls": calls_of(said), "extra": extra}
