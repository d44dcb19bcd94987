"""`remit trial check` and `schema`: a suite looked at before a trial is paid for."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from remit.cli.main import main

EXAMPLE = Path(__file__).parents[2] / "examples/trials/refunds"


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    shutil.copytree(EXAMPLE, tmp_path, dirs_exist_ok=True)
    return tmp_path / "suite.yaml"


def test_a_good_suite_is_told_in_a_few_lines(suite: Path, capsys) -> None:
    assert main(["trial", "check", str(suite), "--load"]) == 0
    told = capsys.readouterr().out

    assert (
        "refunds: 4 tasks, 1 arm, hash" in told
        and "gates: reliable" in told
        and "nothing of its code" not in told
    )


def test_a_design_too_small_for_its_gate_is_told_before_a_trial_is_paid_for(suite: Path, capsys) -> None:
    suite.write_text(suite.read_text().replace("max_trials: 200", "max_trials: 10"))

    assert main(["trial", "check", str(suite)]) == 0
    assert "gate 'reliable' cannot pass here: of 10 trials without a failure" in capsys.readouterr().out
    main(["trial", "run", str(suite), "--store", f"sqlite:///{suite.parent}/t.db", "--embedder", "none"])
    assert "gate 'reliable' cannot pass here" in capsys.readouterr().err


def test_without_load_nothing_of_its_code_runs(suite: Path, capsys) -> None:
    (suite.parent / "shop.py").write_text("raise SystemExit(9)\n")

    assert main(["trial", "check", str(suite), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["tasks"], told["loaded"], told["problems"], told["unchecked"]) == (4, False, [], [])
    assert main(["trial", "check", str(suite), "--load"]) == 3


def test_a_world_that_cannot_be_copied_is_told_before_a_trial_is_paid_for(suite: Path, capsys) -> None:
    shop = suite.parent / "shop.py"
    shop.write_text(
        shop.read_text().replace(
            "        self.refunds:", "        self._file = open(__file__)\n        self.refunds:"
        )
    )

    assert main(["trial", "check", str(suite), "--load", "--json"]) == 1
    problems = json.loads(capsys.readouterr().out)["problems"]
    assert len(problems) == 4 and "cannot be copied" in problems[0]


def test_a_wrong_suite_is_told_with_its_place(suite: Path, capsys) -> None:
    suite.write_text(suite.read_text().replace("matches:", "match:"))

    assert main(["trial", "check", str(suite)]) == 3
    assert (
        "suite.yaml:24: spec.tasks[0].checks[1].answer.match: unknown key 'match'" in capsys.readouterr().err
    )


def test_tasks_without_checks_are_named(suite: Path, capsys) -> None:
    lines = [
        line
        for line in suite.read_text().splitlines()
        if "names-the-amount" not in line and "{id: paid, state" not in line
    ]
    text = (
        "\n".join(lines)
        .replace("    checks:\n  tasks:", "  tasks:")
        .replace("      world: {order: A-1002}\n      checks:\n", "      world: {order: A-1002}\n")
    )
    suite.write_text(text)

    assert main(["trial", "check", str(suite)]) == 0
    assert "any run that ends is a success: one-of-two" in capsys.readouterr().out


def test_the_schema_is_printed_for_editors(capsys) -> None:
    assert main(["trial", "schema"]) == 0
    shown = capsys.readouterr().out
    assert main(["trial", "schema", "--json"]) == 0

    assert json.loads(shown) == json.loads(capsys.readouterr().out)
    assert json.loads(shown)["properties"]["kind"] == {"const": "TrialSuite"}
