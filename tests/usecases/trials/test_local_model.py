"""A language model with two prompts, judged by early stopping: the example, as its page says to run it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from remit.cli.main import main
from remit.core.trial.run import run_from
from remit.core.types import JsonSchema
from remit.demo import model as demo_model
from remit.demo.agent import EXAMPLES, compact
from remit.demo.model import LocalModel, Message, ModelMissing

SUITE = Path(__file__).parents[3] / "examples" / "trials" / "local-model" / "suite.yaml"
LOOKS = ("lookup_order", "read_mail")
CODES = {"PASS": 0, "BLOCK": 1, "INCONCLUSIVE": 4}


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_model, "START_WITHIN_S", 600.0)
    monkeypatch.setattr(demo_model, "REPLY_WITHIN_S", 600.0)
    try:
        with LocalModel():
            pass
    except ModelMissing as error:
        pytest.skip(f"needs the real model: {error}")


@pytest.fixture
def imitated(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that, as the real one, looks first where examples show it, and acts at once where none do."""

    def reply(
        self: LocalModel, messages: Sequence[Message], schema: JsonSchema, seed: int, temperature: float
    ) -> tuple[str, int]:
        shown = messages[1] == EXAMPLES[0]
        tool, args = ("lookup_order", {"order_id": "A-1001"}) if shown else ("escalate", {"reason": "hm"})
        return compact({"thought": "hm", "tool": tool, "args": args}), 10

    monkeypatch.setattr(LocalModel, "start", lambda self: None)
    monkeypatch.setattr(LocalModel, "reply", reply)


def ran(tmp_path: Path, capsys: pytest.CaptureFixture[str], most: int) -> tuple[int, dict[str, Any], Path]:
    """The example with *most* runs of each arm at most: its exit code, its report and its run."""
    shutil.copytree(SUITE.parent, tmp_path / "suite")
    suite, out = tmp_path / "suite" / SUITE.name, tmp_path / "run.jsonl"
    # As long as a busy machine needs: a trial that is cut off has failed.
    text = suite.read_text().replace("deadline: 120s", "deadline: 24h")
    suite.write_text(text.replace("max_trials: 40", f"max_trials: {most}"))
    code = main(["trial", "run", str(suite), "--embedder", "none", "--json", "--out", str(out)])
    return code, json.loads(capsys.readouterr().out), out


def test_a_prompt_without_examples_is_blocked_long_before_all_trials_are_paid_for(
    imitated: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(tmp_path)
    code, told, _ = ran(tmp_path, capsys, 40)

    assert (code, told["verdict"]) == (1, "BLOCK"), told["sentence"]
    assert told["counts"]["candidate"]["trials"] < 20
    assert told["counts"]["candidate"]["passed"] == 0
    assert told["counts"]["baseline"]["passed"] == told["counts"]["baseline"]["trials"]
    assert not [one for one in told["invariants"] if one["broken"]]


def test_a_real_model_is_judged_by_what_it_did_whatever_that_was(
    model: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """What it draws differs from one processor to the next, and so may the verdict; what follows from it may not."""
    monkeypatch.chdir(tmp_path)
    code, told, out = ran(tmp_path, capsys, 5)
    run = run_from((str(at), line) for at, line in enumerate(out.read_bytes().splitlines()))

    assert CODES[told["verdict"]] == code, told["sentence"]
    for arm in ("baseline", "candidate"):
        trials = run.of(arm)
        assert 0 < len(trials) <= 5
        assert [bool(one.success) for one in trials] == [
            bool(one.calls) and one.calls[0].tool in LOOKS for one in trials
        ]
        assert told["counts"][arm]["passed"] == sum(bool(one.success) for one in trials)
        assert all(len(one.calls) <= 2 for one in trials)
    assert not [one for one in told["invariants"] if one["broken"]]
