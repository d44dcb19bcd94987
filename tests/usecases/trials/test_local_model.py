"""A real language model with two prompts, judged by early stopping: the example, as its page says to run it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from remit.cli.main import main
from remit.demo.model import LocalModel, ModelMissing

SUITE = Path(__file__).parents[3] / "examples" / "trials" / "local-model" / "suite.yaml"


@pytest.fixture
def model() -> None:
    try:
        with LocalModel():
            pass
    except ModelMissing as error:
        pytest.skip(f"needs the real model: {error}")


def test_a_prompt_without_examples_is_blocked_long_before_all_trials_are_paid_for(
    model: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(tmp_path)
    code = main(["trial", "run", str(SUITE), "--embedder", "none", "--json"])
    told = json.loads(capsys.readouterr().out)
    if told["verdict"] == "ERROR" and "The world failed" in told["sentence"]:
        pytest.skip(f"the model does not answer in its time on this machine: {told['would_change']}")

    assert (code, told["verdict"]) == (1, "BLOCK"), told["sentence"]
    assert told["counts"]["candidate"]["trials"] < 40
    assert told["counts"]["baseline"]["passed"] > told["counts"]["candidate"]["passed"]
    assert not [one for one in told["invariants"] if one["broken"]]
