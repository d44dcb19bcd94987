"""A/A on the command line: an agent against itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from remit.cli.main import main
from remit.core.trial.run import Run, RunInfo, TaskInfo, run_lines
from remit.core.trial.suite import Design
from remit.core.trial.trial import Status, Trial


@pytest.fixture
def run(tmp_path: Path) -> Path:
    names = [f"t{at}" for at in range(8)]
    info = RunInfo("r1", "shop", "h", Design(epochs=6), ("agent",), {name: TaskInfo() for name in names})
    trials = tuple(
        Trial(
            epoch * 8 + at, "agent", name, epoch, Status.PASSED if (epoch * 7 + at * 3) % 5 else Status.FAILED
        )
        for epoch in range(6)
        for at, name in enumerate(names)
    )
    path = tmp_path / "run.jsonl"
    path.write_bytes(b"".join(run_lines(Run(info, trials))))
    return path


def test_an_agent_is_no_worse_than_itself(run: Path, capsys: Any) -> None:
    assert main(["trial", "selftest", str(run), "--splits", "100"]) == 0

    told = capsys.readouterr().out
    assert "48 runs of 8 tasks in arm agent, split in two within tasks 100 times" in told
    assert "Every comparison holds what it claims." in told


def test_json_is_one_object(run: Path, capsys: Any) -> None:
    assert main(["trial", "selftest", str(run), "--splits", "40", "--json"]) == 0

    told = json.loads(capsys.readouterr().out)
    assert (told["arm"], told["tasks"], told["trials"], told["splits"], told["trusted"]) == (
        "agent",
        8,
        48,
        40,
        True,
    )
    assert all(one["low"] <= one["rate"] <= one["high"] for one in told["metrics"])


def test_success_alone_answers_both_questions(run: Path, capsys: Any) -> None:
    assert main(["trial", "selftest", str(run), "--splits", "40", "--success", "--json"]) == 0

    metrics = [one["metric"] for one in json.loads(capsys.readouterr().out)["metrics"]]
    assert metrics == ["success, this suite", "success, tasks like these"]


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [(["--arm", "other"], 3, "no arm 'other'"), (["--splits", "5"], 2, "20")],
    ids=["arm", "splits"],
)
def test_what_it_cannot_do_is_told(run: Path, words: list[str], code: int, told: str, capsys: Any) -> None:
    assert main(["trial", "selftest", str(run), *words]) == code

    assert told in capsys.readouterr().err
