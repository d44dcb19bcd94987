"""What one hook event of Claude Code costs: the hook's process from its start to its end, and what of it is the daemon.

python -m benchmarks.hook
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from remit.adapters import claude_hook

ROUNDS = 40
HOOK = claude_hook.__file__
_ENVELOPE = """
apiVersion: remit/v1
kind: CapabilityEnvelope
metadata: {name: coder, version: "1", owner: olga}
spec:
  enforcement: enforce
  tools:
    Bash:
      effect: write
      args: {type: object, additionalProperties: false, required: [command], properties: {command: {type: string}}}
      require: [{id: mild, expr: "!args.command.contains('rm')"}]
"""
_NOTHING = "pass"


def rows() -> list[tuple[str, float, float]]:
    """(what, median wall ms, median CPU ms of the process)."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "e.yaml").write_text(_ENVELOPE, encoding="utf-8")
        env = {"PATH": "/usr/bin:/bin", "REMIT_HOME": f"{folder}/home", "XDG_RUNTIME_DIR": str(folder)}
        asked = ["--envelope", str(folder / "e.yaml"), "--store", f"sqlite:///{folder}/r.db"]
        hook = [sys.executable, "-I", "-S", "-B", HOOK, *asked]
        try:
            first = _timed(hook, env, 0)
            decided = [_timed(hook, env, number) for number in range(1, ROUNDS + 1)]
        finally:
            _remit(["hooks", "stop", *asked], env)
        bare = [_timed([sys.executable, "-I", "-S", "-B", "-c", _NOTHING], env, 0) for _ in range(ROUNDS)]
    return [
        ("a Python that does nothing", *_median(bare)),
        ("a call decided and admitted", *_median(decided)),
        ("the first one, which starts the daemon", *first),
    ]


def _timed(words: list[str], env: dict[str, str], number: int) -> tuple[float, float]:
    event = {
        "hook_event_name": "PreToolUse",
        "session_id": "s",
        "tool_name": "Bash",
        "tool_use_id": f"t{number}",
    }
    event |= {"tool_input": {"command": "ls"}, "transcript_path": ""}  # type: ignore[dict-item]
    before, since = os.times(), time.perf_counter()
    done = subprocess.run(words, input=json.dumps(event).encode(), env=env, capture_output=True, check=False)
    spent, after = (time.perf_counter() - since) * 1e3, os.times()
    if done.returncode:
        raise RuntimeError(done.stderr.decode())
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return spent, cpu * 1e3


def _median(times: list[tuple[float, float]]) -> tuple[float, float]:
    return statistics.median(wall for wall, _ in times), statistics.mean(cpu for _, cpu in times)


def _remit(words: list[str], env: dict[str, str]) -> None:
    code = "import sys; sys.path.insert(0, sys.argv.pop(1)); from remit.cli.main import run; run()"
    root = str(Path(HOOK).parents[2])
    subprocess.run([sys.executable, "-c", code, root, *words], env=env, capture_output=True, check=False)


def main() -> None:
    """Print the table."""
    print(f"{'one hook event':40} {'median wall ms':>14} {'mean CPU ms':>12}")
    for name, wall, cpu in rows():
        print(f"{name:40} {wall:14.1f} {cpu:12.1f}")


if __name__ == "__main__":
    main()
