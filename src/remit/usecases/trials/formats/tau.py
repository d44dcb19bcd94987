"""Result files of tau-bench: a list of `{task_id, trial, reward, info, traj}`.

A reward of 1 is a success, as the benchmark counts. Where the harness broke off a run (`info.error`, no `traj`), the
world failed; the benchmark itself counts that as a reward of 0.

Source: `EnvRunResult` in https://github.com/sierra-research/tau-bench.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from remit.core.recorded import session_from
from remit.core.trial.trial import Trial
from remit.core.trial.words import as_text
from remit.usecases.trials.formats.opened import ResultRecord, decoded
from remit.usecases.trials.formats.recorded import (
    MOST_REASON,
    WHOLE,
    Reading,
    RecordedTrial,
    judged,
    name,
    plain_fields,
    status_of,
    whole,
    within,
)
from remit.usecases.trials.formats.talk import answer_of, asked_in, calls_of


def fits(keys: frozenset[str]) -> bool:
    """Whether a record with these keys is one."""
    return keys >= {"task_id", "reward", "traj"}


def read(source: Iterable[ResultRecord], reading: Reading) -> Iterator[RecordedTrial]:
    """The trials of a result file.

    Raises:
        BadInput: with file and place.
    """
    if reading.at_least is None:
        reading = replace(reading, at_least=WHOLE)
    for record in source:
        result = decoded(record.data, record.where, dict[str, Any])
        if reading.wanted(result):
            yield _trial(result, record.where, reading)


def _trial(result: dict[str, Any], where: str, reading: Reading) -> RecordedTrial:
    success, score = judged(result.get("reward"), reading, f"{where}: reward")
    told = result.get("info")
    info: dict[str, Any] = told if isinstance(told, dict) else {}
    traj = result.get("traj") or []
    broken = bool(info.get("error")) and not traj
    said = session_from({"session_id": where, "messages": traj}, where)
    epoch = whole(result.get("trial"), f"{where}: trial")
    status = status_of(success, broken=broken, reading=reading)
    trial = Trial(
        draw=0,
        arm="",
        task=name(result.get("task_id"), f"{where}: task_id"),
        epoch=-1 if epoch is None else epoch,
        status=status,
        answer=answer_of(said),
        calls=calls_of(said),
        score=within(score),
        reason=as_text(info.get("error"))[:MOST_REASON] if info.get("error") else "",
        extra=plain_fields({"user_input": asked_in(said)[:MOST_REASON], "source": info.get("source")}),
    )
    return RecordedTrial(where, trial, fields=result)
