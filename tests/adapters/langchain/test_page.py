"""The quickstart of the page runs as it stands."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[3] / "docs/langchain.md"


def blocks(language):
    return re.findall(
        rf"^```{language}\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )


def test_the_quickstart_pauses_is_approved_by_the_command_that_it_prints_and_ends(
    tmp_path, monkeypatch, capsys
):
    (envelope,), (before, after) = blocks("yaml"), blocks("python")
    (tmp_path / "refund.yaml").write_text(envelope)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REMIT_HOME", str(tmp_path / "home"))
    there: dict[str, object] = {"__name__": "__main__"}

    exec(compile(before, PAGE.name, "exec", dont_inherit=True), there)
    command = capsys.readouterr().out.split()
    assert command[:3] == ["remit", "approvals", "approve"]
    done = subprocess.run(
        [sys.executable, "-m", "remit.cli.main", *command[1:], "--note", "a regular customer"],
        env=os.environ | {"REMIT_STORE": "sqlite:///remit.db"}, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    exec(compile(after, PAGE.name, "exec", dont_inherit=True), there)
