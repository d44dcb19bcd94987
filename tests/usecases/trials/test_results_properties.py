"""Whatever stands in a file of results: a run comes of it, or an error that says where; never anything else."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.usecases.trials.results_help import RECORDED, plain, simulation, tau, tau2

from remit.core.errors import BadInput
from remit.core.trial.run import Run, run_lines
from remit.usecases.trials.formats.recorded import Reading
from remit.usecases.trials.imported import read_run

STEPS = [
    {"role": "user", "content": "hi"},
    {"role": "assistant", "content": "", "tool_calls": [{"id": "c", "name": "look", "args": {"a": 1}}]},
    {"role": "tool", "tool_call_id": "c", "content": "3", "error": None},
]
SESSION = plain("a", 0, True, session_id="s", suite="x", steps=STEPS, meta={"run_error": None}, latency_s=1.0)
LOG = {
    "version": 2,
    "eval": {"task": "t", "model": "m"},
    "samples": [
        {
            "id": "a",
            "epoch": 1,
            "scores": {"s": {"value": "C"}},
            "messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}],
            "output": {"completion": "done"},
            "model_usage": {"m": {"total_tokens": 3, "total_cost": 0.1}},
            "started_at": "2025-10-06T06:45:13+00:00",
            "limit": None,
            "error": None,
            "attachments": {"k": "v"},
            "metadata": {"k": 1},
        }
    ],
}
VALID: list[Any] = [SESSION, tau(1, 0, 1.0), tau2(simulation("t", 0, 1.0)), LOG]

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["###", "attachment://k", "\ud800", 2**70, -1, "C", [[]], {"a": {}}]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
gently = settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at] + [place for key, one in inner for place in places(one, (*at, key))]


def with_value(value: Any, at: tuple[Any, ...], new: Any) -> Any:
    """The value with another at this place; `...` takes it out."""
    if not at:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    if len(at) == 1 and new is ...:
        del copy[at[0]]
    else:
        copy[at[0]] = with_value(copy[at[0]], at[1:], new)
    return copy


def survives(read: Callable[[], Run]) -> None:
    try:
        run = read()
    except BadInput as error:
        assert error.where
        assert error.found
    else:
        assert run.trials
        assert b"".join(run_lines(run))


@gently
@given(data=st.data(), new=st.just(...) | values, at_least=st.none() | st.floats(0, 1))
def test_a_record_with_any_value_at_any_place(
    tmp_path: Path, data: Any, new: Any, at_least: float | None
) -> None:
    valid = data.draw(st.sampled_from(VALID))
    at = data.draw(st.sampled_from(places(valid)))
    changed = with_value(valid, at, None if new is ... and not at else new)
    path = tmp_path / "r.jsonl"
    path.write_bytes(json.dumps(changed).encode())

    survives(lambda: read_run([path], reading=Reading(at_least=at_least)))


@gently
@given(data=st.data(), junk=st.binary(max_size=6))
def test_bytes_that_were_cut_off_or_written_over(tmp_path: Path, data: Any, junk: bytes) -> None:
    whole = json.dumps(data.draw(st.sampled_from(VALID))).encode()
    at = data.draw(st.integers(0, len(whole)))
    path = tmp_path / "r.jsonl"
    path.write_bytes(
        data.draw(st.sampled_from([whole[:at] + junk, whole[:at] + junk + whole[at + len(junk) :]]))
    )

    survives(lambda: read_run([path]))


@gently
@given(data=st.data(), junk=st.binary(min_size=1, max_size=8))
def test_a_packed_log_with_bytes_written_over(tmp_path: Path, data: Any, junk: bytes) -> None:
    pytest.importorskip("zstandard")
    path = tmp_path / "log.eval"
    shutil.copy(RECORDED / "refunds.eval", path)
    path.chmod(0o600)
    at = data.draw(st.integers(0, path.stat().st_size - len(junk)))
    with path.open("r+b") as file:
        file.seek(at)
        file.write(junk)

    survives(lambda: read_run([path], reading=Reading(success="includes")))


@gently
@given(lines=st.lists(values, max_size=4))
def test_lines_of_anything(tmp_path: Path, lines: list[Any]) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")

    survives(lambda: read_run([path]))
