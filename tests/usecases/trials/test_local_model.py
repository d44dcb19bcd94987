"""A real language model with two prompts, judged by early stopping: the example, as its page says to run it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from remit.cli.main import main
from remit.demo import model as demo_model
from remit.demo.model import LocalModel, ModelMissing

SUITE = Path(__file__).parents[3] / "examples" / "trials" / "local-model" / "suite.yaml"


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_model, "START_WITHIN_S", 600.0)
    try:
        with LocalModel():
            pass
    except ModelMissing as error:
        pytest.skip(f"needs the real model: {error}")


def test_a_prompt_without_examples_is_blocked_long_before_all_trials_are_paid_for(
    model: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(SUITE.parent, tmp_path / "suite")
    suite = tmp_path / "suite" / SUITE.name
    # As long as a busy machine needs: a trial that is cut off has failed.
    suite.write_text(SUITE.read_text().replace("deadline: 120s", "deadline: 24h"))
    monkeypatch.setattr(demo_model, "REPLY_WITHIN_S", 600.0)
    code = main(["trial", "run", str(suite), "--embedder", "none", "--json"])
    told = json.loads(capsys.readouterr().out)

    assert (code, told["verdict"]) == (1, "BLOCK"), told["sentence"]
    assert told["counts"]["candidate"]["trials"] < 40
    assert told["counts"]["baseline"]["passed"] > told["counts"]["candidate"]["passed"]
    assert not [one for one in told["invariants"] if one["broken"]]
