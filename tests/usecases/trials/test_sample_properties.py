"""Whatever captured sessions hold: the suite that is drawn of them is read again, or they are left out and told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from remit.core.errors import BadInput
from remit.core.recorded import RecordedSession, session_from
from remit.usecases.trials.against import effects_by
from remit.usecases.trials.sample import WantedSample, sampled
from remit.usecases.trials.sample_suite import suite_files
from remit.usecases.trials.suite_file import read_suite

ODD = [
    "a",
    "null",
    "~",
    "1e5",
    '"',
    "'",
    "\\",
    "\u2028",
    "\x1b",
    "…",
    "ﬁ",
    "\ud800",
    "{",
    "*x",
    "&a",
    "!!x",
    "- a",
    "# c",
]
texts = st.text(max_size=12) | st.sampled_from([*ODD, "a: b", "<<", "\x85", "A" * 1100, "👍🏻"])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
calls = st.tuples(texts, st.dictionaries(texts, values, max_size=3), values, st.none() | texts)
sessions = st.tuples(texts, texts, st.lists(calls, max_size=3), texts)


def session(id: str, said: str, called: list[Any], suite: str) -> RecordedSession | None:
    steps: list[dict[str, Any]] = [{"role": "user", "content": said}]
    for number, (tool, args, result, error) in enumerate(called):
        told = result if isinstance(result, str) else json.dumps(result)
        steps.append({"role": "assistant", "tool_calls": [{"id": f"c{number}", "name": tool, "args": args}]})
        steps.append({"role": "tool", "tool_call_id": f"c{number}", "content": told, "error": error})
    try:
        return session_from({"session_id": id, "suite": suite, "steps": steps}, "here")
    except BadInput:
        return None


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(sessions, min_size=1, max_size=4), st.integers(1, 5))
def test_what_is_drawn_is_a_suite(tmp_path: Path, given_: list[Any], tasks: int) -> None:
    captured = [one for one in (session(*parts) for parts in given_) if one is not None]
    try:
        found = sampled(lambda: captured, WantedSample(tasks), effects_by(None))
    except BadInput as error:
        assert "no session can be run again" in error.found
        return
    (tmp_path / "agent.py").write_text("def answer(trial): return ''", encoding="utf-8")
    path = tmp_path / "suite.yaml"
    for file, data in suite_files(
        found, path, name="s", agent={"python": "agent.py:answer"}, seed=0, epochs=1
    ):
        file.write_bytes(data)

    suite = read_suite(path)

    assert {task.id: task.weight for task in suite.tasks.values()} == {
        t["id"]: t["weight"] for t in found.tasks
    }
    left = sum(found.coverage["left_out"].values())
    assert sum(task.weight for task in suite.tasks.values()) + left == pytest.approx(len(captured))
