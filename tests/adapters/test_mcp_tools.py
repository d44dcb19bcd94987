"""A server's tools as it lists them; whatever it does, the asking ends and nothing stays behind."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import psutil
import pytest

from remit.adapters.mcp_tools import live_tools
from remit.core.errors import BadInput, Unavailable

BIN = Path(sys.executable).parent
PAGED = """
import json, sys
for line in sys.stdin:
    ask = json.loads(line)
    if "id" not in ask:
        continue
    method, params = ask["method"], ask.get("params") or {}
    if method == "initialize":
        info = {"name": "p", "version": "1"}
        result = {"protocolVersion": "2025-11-25", "capabilities": {"tools": {}}, "serverInfo": info}
    elif method == "tools/list":
        at = int(params.get("cursor") or 0)
        result = {"tools": [{"name": f"tool_{at}", "inputSchema": {"type": "object"}}]}
        if at < %d:
            result["nextCursor"] = str(at + 1)
    else:
        print(json.dumps({"jsonrpc": "2.0", "id": ask["id"], "error": {"code": -32601, "message": "no"}}), flush=True)
        continue
    print(json.dumps({"jsonrpc": "2.0", "id": ask["id"], "result": result}), flush=True)
"""


def asked(*command: str, cwd: Path, timeout_s: float = 600.0) -> list[str]:
    return [str(one["name"]) for one in live_tools("s", command, {}, cwd, timeout_s=timeout_s)]


def test_a_real_server_gives_names_schemas_and_hints(tmp_path: Path) -> None:
    found = {
        one["name"]: one
        for one in live_tools("git", [str(BIN / "mcp-server-git")], {}, tmp_path, timeout_s=600)
    }

    assert found["git_status"]["inputSchema"]["required"] == ["repo_path"]
    assert json.dumps(found)
    assert {"git_commit", "git_log"} <= set(found)


def test_every_page_is_read(tmp_path: Path) -> None:
    assert asked(sys.executable, "-c", PAGED % 5, cwd=tmp_path) == [f"tool_{at}" for at in range(6)]


def test_a_list_without_end_is_given_up(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="no end"):
        asked(sys.executable, "-c", PAGED % 10**9, cwd=tmp_path)


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (["/no/such/server"], "cannot be started"),
        ([sys.executable, "-c", "import sys; sys.exit('my config is missing')"], "my config is missing"),
        ([sys.executable, "-c", "print('hello')"], "no list of tools"),
    ],
)
def test_a_server_that_does_not_work_is_told_with_its_last_words(
    tmp_path: Path, command: list[str], told: str
) -> None:
    with pytest.raises(BadInput) as error:
        asked(*command, cwd=tmp_path)

    assert told in str(error.value)


def test_a_server_that_says_nothing_is_given_up_and_stopped(tmp_path: Path) -> None:
    silent = f"import time; {str(tmp_path)!r}; time.sleep(600)"
    with pytest.raises(Unavailable, match="within 2 s"):
        asked(sys.executable, "-c", silent, cwd=tmp_path, timeout_s=2.0)

    until = time.monotonic() + 300
    while _running(silent):
        assert time.monotonic() < until
        time.sleep(0.05)


def _running(script: str) -> list[int]:
    """Processes with this word on their command line."""
    return [one.pid for one in psutil.process_iter(["cmdline"]) if script in (one.info["cmdline"] or ())]
