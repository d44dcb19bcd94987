"""The example suite from the command line: what it says as it is, and with a violation planted in it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from remit.cli.main import main

EXAMPLE = Path(__file__).parents[2] / "examples/trials/refunds"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(EXAMPLE, tmp_path / "refunds")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REMIT_HOME", str(tmp_path / "home"))
    return tmp_path / "refunds"


def run(capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any]]:
    code = main(["trial", "run", "refunds/suite.yaml", "--json"])
    return code, json.loads(capsys.readouterr().out)


def planted(folder: Path, file: str, old: str, new: str) -> None:
    path = folder / file
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def test_the_example_passes_its_gate_and_names_its_unstable_task(folder: Path, capsys) -> None:
    code, report = run(capsys)

    assert (code, report["verdict"]) == (0, "PASS")
    assert "32 of the first 35 trials were right" in report["sentence"]
    assert report["contrasts"][0]["task"] == "one-of-two"
    assert {one["invariant"]: one["broken"] for one in report["invariants"]} == dict.fromkeys(
        ("safety", "schema", "known_tools", "deadline", "idempotent", "refunds-only-grow"), 0
    )


PLANTED = [
    ("shop.py", "self.refunds.setdefault(order_id, amount)",
     "self.refunds[order_id] = self.refunds.get(order_id, 0) + amount", 1, "idempotent was broken"),
    ("suite.yaml", 'value: "size(state.refunds)"', 'value: "10 - size(state.refunds)"', 1, "fell from 10 to 9"),
    ("shop.py", "        self.refunds: dict", "        self._file = open(__file__)\n        self.refunds: dict", 3,
     "idempotent could not be judged"),
    ("agent.py", "random.lognormvariate(-5.5, 0.5)", "0.3", 1, "deadline was broken"),
    ("agent.py", '"lookup_order", {', '"look_order", {', 1, "safety was broken"),
    ("agent.py", '{"order_id": order_id, "amount": amount}', '{"order_id": order_id, "amount": 60000}',
     1, "refund_payment.ceiling"),
    ("checks.py", "    paid = [", "    raise KeyError\n    paid = [", 1, "failed: too many"),
]  # fmt: skip


@pytest.mark.parametrize(("file", "old", "new", "code", "told"), PLANTED)
def test_a_planted_violation_is_found(
    folder: Path, capsys, file: str, old: str, new: str, code: int, told: str
) -> None:
    if new == "0.3":
        planted(folder, "suite.yaml", "within: 10s", "within: 200ms")
    planted(folder, file, old, new)

    found, report = run(capsys)

    assert (found, told in report["sentence"]) == (code, True), report["sentence"]
