"""Result files of tau2-bench: `{info, tasks, simulations: [{task_id, trial, reward_info, messages, …}]}`.

A reward of 1 is a success. `infrastructure_error` and `context_window_exceeded` mean that the world failed, as the
benchmark has it; `timeout` is a failure. `latency_s` is the whole simulation, its user included.

Source: `Results` and `SimulationRun` in https://github.com/sierra-research/tau2-bench.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from remit.core.errors import BadInput
from remit.core.recorded import session_from
from remit.core.trial.trial import Trial
from remit.core.types import Json
from remit.usecases.trials.formats.opened import ResultRecord, decoded, raw_items, raw_members
from remit.usecases.trials.formats.recorded import (
    MOST_REASON,
    WHOLE,
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

_WORLD = ("infrastructure_error", "context_window_exceeded")
_OWN = ("timeout", "agent_error", "too_many_errors", "max_steps")
"""Ends that are the agent's failure, also where nobody judged them."""


def fits(keys: frozenset[str]) -> bool:
    """Whether a record with these keys is one."""
    listed = keys >= {"info", "tasks"} and bool(keys & {"simulations", "simulation_index"})
    return listed or keys >= {"task_id", "termination_reason", "reward_info"}


def read(source: Iterable[ResultRecord], reading: Reading) -> Iterator[RecordedTrial]:
    """The trials of a result file.

    Raises:
        BadInput: with file and place.
    """
    if reading.at_least is None:
        reading = replace(reading, at_least=WHOLE)
    for record in source:
        for where, run in _simulations(record):
            if reading.wanted(run):
                yield _trial(run, where, reading)


def _simulations(record: ResultRecord) -> Iterator[tuple[str, dict[str, Json]]]:
    """Place and fields of each simulation; suite and model among them, where the file says them."""
    members = raw_members(record.data, record.where)
    if "termination_reason" in members:
        yield record.where, decoded(record.data, record.where, dict[str, Any])
        return
    suite, model = _about(members.get("info", b"{}"), record.where)
    place = record.where.rpartition(":")[0]
    for at, item in enumerate(raw_items(members.get("simulations", b"[]"), f"{place}: simulations")):
        where = f"{place}: simulations[{at}]"
        yield where, {**decoded(item, where, dict[str, Any]), "suite": suite, "model": model}


def _about(info: bytes, where: str) -> tuple[str, str]:
    """Domain and the agent's model."""
    found = decoded(info, f"{where}: info", dict[str, Any])
    return _inside(found, "environment_info", "domain_name"), _inside(found, "agent_info", "llm")


def _inside(found: Mapping[str, Json], key: str, inner: str) -> str:
    value = found.get(key)
    text = value.get(inner) if isinstance(value, dict) else None
    return text if isinstance(text, str) else ""


def _trial(run: Mapping[str, Json], where: str, reading: Reading) -> RecordedTrial:
    ended = run.get("termination_reason")
    reward = (
        (run.get("reward_info") or {}).get("reward")
        if isinstance(run.get("reward_info") or {}, dict)
        else None
    )
    success, score = judged(reward, reading, f"{where}: reward_info.reward")
    if success is None and ended in _OWN:
        success = False
    said = session_from({"session_id": where, "steps": list(_steps(run.get("messages"), where))}, where)
    epoch = whole(run.get("trial"), f"{where}: trial")
    trial = Trial(
        draw=0,
        arm="",
        task=name(run.get("task_id"), f"{where}: task_id"),
        epoch=-1 if epoch is None else epoch,
        status=status_of(success, broken=ended in _WORLD, reading=reading, late=ended == "timeout"),
        seed=whole(run.get("seed"), f"{where}: seed"),
        at=instant(run.get("start_time"), f"{where}: start_time"),
        latency_s=length(run.get("duration"), f"{where}: duration"),
        answer=answer_of(said),
        calls=calls_of(said),
        cost=length(run.get("agent_cost"), f"{where}: agent_cost"),
        score=within(score),
        reason="" if success else f"ended with {ended}"[:MOST_REASON],
        extra=plain_fields(
            {
                "session_id": run.get("id"),
                "user_input": asked_in(said)[:MOST_REASON],
                "termination_reason": ended,
            }
        ),
    )
    return RecordedTrial(where, trial, str(run.get("suite", "")), str(run.get("model", "")), run)


def _steps(messages: Json, where: str) -> Iterator[dict[str, Json]]:
    """The steps of a simulation; the calls that its simulated user made are none of the agent's."""
    if messages is not None and not isinstance(messages, list):
        raise BadInput(f"{where}: messages", "is no list", "write a list of messages")
    for at, message in enumerate(messages or []):
        if not isinstance(message, dict):
            raise BadInput(f"{where}: messages[{at}]", "is no object", "write {role, content}")
        inside = message.get("tool_messages")
        for one in inside if isinstance(inside, list) else [message]:
            if isinstance(one, dict) and one.get("requestor") != "user":
                yield _step(one)


def _step(message: Mapping[str, Json]) -> dict[str, Json]:
    step: dict[str, Json] = {"role": message.get("role"), "content": message.get("content")}
    if message.get("role") == "tool":
        return step | {"tool_call_id": message.get("id"), "error": message.get("error") or None}
    calls = message.get("tool_calls") if isinstance(message.get("tool_calls"), list) else []
    asked = [c for c in calls or [] if isinstance(c, dict) and c.get("requestor") != "user"]
    if asked:
        step["tool_calls"] = [
            {"id": c.get("id"), "name": c.get("name"), "args": c.get("arguments")} for c in asked
        ]
    return step


def instant(value: Json, where: str) -> float | None:
    """UTC epoch seconds of an ISO time; one without a zone counts as UTC.

    Raises:
        BadInput: it is none.
    """
    if value is None or value == "":
        return None
    try:
        at = datetime.fromisoformat(value)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    except (TypeError, ValueError, OverflowError):
        raise BadInput(where, f"found {shown(value)}", "write an ISO time") from None
