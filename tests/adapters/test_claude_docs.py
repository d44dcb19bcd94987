"""The quick start of docs/claude-code.md, as a new user types it, with the real command line."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from claude_help import EXAMPLE, HANGS_S, SRC, Api, claude_program, said, use

PAGE = Path(__file__).parents[2] / "docs/claude-code.md"


def test_the_quick_start_does_what_the_page_says(desk):
    (script,) = re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    api = Api(
        [[use("Bash", "t1", command="rm -rf ~"), use("Bash", "t2", command="echo hello")], [said("done")]]
    )
    programs = desk.home / "bin"
    programs.mkdir()
    code = f"import sys; sys.path.insert(0, {str(SRC)!r}); from remit.cli.main import run; run()"
    (programs / "remit").write_text(f'#!/bin/sh\nexec {sys.executable} -c "{code}" "$@"\n', encoding="utf-8")
    (programs / "remit").chmod(0o755)
    (programs / "claude").symlink_to(claude_program())
    env = {
        **desk.claude_environment(api),
        "PATH": f"{programs}:{os.environ['PATH']}",
        "EXAMPLES": str(EXAMPLE.parent),
        "REMIT_STORE": desk.store,
    }

    done = subprocess.run(
        ["sh", "-e"],
        input=script,
        cwd=desk.project,
        env=env,
        capture_output=True,
        text=True,
        timeout=HANGS_S,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "--yes writes it" in done.stdout and "serving: process" in done.stdout
    assert "refused" in api.results()["t1"] and "hello" in api.results()["t2"]
    assert [e.body["result"] for e in desk.kinds("decided")] == ["deny", "allow"]
    assert json.loads((desk.project / ".claude/settings.json").read_text(encoding="utf-8")) == {}
