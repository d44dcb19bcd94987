"""The page about suites: its examples are read, and it names every kind and key."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from remit.core.trial.checks import answer, called, state
from remit.core.trial.checks.table import CHECKS
from remit.core.trial.invariants import idempotent, monotonic, schema
from remit.core.trial.invariants.table import INVARIANTS
from remit.core.trial.view import TrialView
from remit.core.yamltext import parse
from remit.usecases.trials import suite_arms, suite_file, suite_tasks, world_answers
from remit.usecases.trials.loaded import load
from remit.usecases.trials.suite_file import read_suite

from .test_suite_file import EXAMPLE

PAGE = (Path(__file__).parents[3] / "docs/trials.md").read_text()
TITLES = ("Suites", "Checks", "Invariants", "Worlds")


def section(title: str) -> str:
    found = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE)
    assert found is not None
    return found[1]


def blocks(title: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", section(title), re.DOTALL | re.MULTILINE)


def ran(text: str) -> dict[str, Any]:
    names: dict[str, Any] = {"__name__": "page"}
    exec(compile(text, "trials.md", "exec"), names)
    return names


def spliced(folder: Path, key: str, block: str) -> Path:
    """The first example with another part."""
    shutil.copytree(EXAMPLE, folder, dirs_exist_ok=True)
    (example,) = blocks("Suites", "yaml")
    tree, part = parse(example, "page").plain(), parse(block, "page").plain()[key]
    if key == "checks":
        tree["spec"]["tasks"][0]["checks"] = part
    else:
        tree["spec"][key] = part
    path = folder / "suite.yaml"
    path.write_text(json.dumps(tree))
    return path


def test_the_suite_of_the_page_is_read_and_loaded(tmp_path: Path):
    shutil.copytree(EXAMPLE, tmp_path, dirs_exist_ok=True)
    (tmp_path / "suite.yaml").write_text(blocks("Suites", "yaml")[0])

    assert load(read_suite(tmp_path / "suite.yaml")).agents


def test_the_python_suite_of_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REMIT_HOME", str(tmp_path / "home"))

    report = ran(blocks("Suites", "python")[0])["report"]

    assert report.counts["agent"]["failed"] == 0


def test_the_checks_of_the_page_are_read_and_its_function_scores(tmp_path: Path):
    (tmp_path / "checks.py").write_text("")
    path = spliced(tmp_path, "checks", blocks("Checks", "yaml")[0])
    (tmp_path / "checks.py").write_text(blocks("Checks", "python")[0])
    suite = read_suite(path)
    check = load(suite).judge.checks["broken-clock"][3]

    assert check(TrialView(suite.tasks["broken-clock"], "Whatever.")).told == (
        "the score is 0.5, not at least 0.8: it says ['whatever']"
    )


@pytest.mark.parametrize(("title", "key"), [("Invariants", "invariants"), ("Worlds", "world")])
def test_the_other_examples_of_the_page_are_read(tmp_path: Path, title: str, key: str):
    block = blocks(title, "yaml")[0]
    path = spliced(tmp_path, key, block)
    if key == "world":
        path.write_text(path.read_text().replace('"world": {"order": "A-1001"}, ', ""))

    assert load(read_suite(path)).world_of is not None


def test_the_world_of_the_page_can_be_made():
    world = ran(blocks("Worlds", "python")[0])["make"]({}, 0)

    assert world.refund_payment("A-1", 5) == {"refund_id": "R-A-1"}


@pytest.mark.parametrize(
    ("title", "words"),
    [
        ("Checks", [*CHECKS, *answer.KEYS, *called.KEYS, *state.KEYS]),
        ("Invariants", [*INVARIANTS, *schema.KEYS, *monotonic.KEYS, *idempotent.KEYS, "held", "except", "within"]),
        ("Suites", [*suite_file.SPEC_KEYS, *suite_tasks.TASK_KEYS, *suite_arms.AGENT_KEYS, "retries", "holds"]),
        ("Worlds", world_answers.KEYS),
    ],
)  # fmt: skip
def test_every_kind_and_every_key_is_on_the_page(title: str, words: list[str]):
    text = section(title)

    assert [word for word in words if not re.search(rf"\b{word}\b", text)] == []
