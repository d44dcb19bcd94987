"""A run goes on only where everything that its trials depend on is the same: each part, and the files it names."""

from __future__ import annotations

from pathlib import Path

import pytest

from remit.core.trial.run import RunInfo
from remit.usecases.trials.loaded import load
from remit.usecases.trials.plan import differences, run_info
from remit.usecases.trials.suite_file import read_suite

SUITE = """\
apiVersion: remit/v1
kind: TrialSuite
metadata: {name: shop, version: "1"}
spec:
  agent: {AGENT}
  envelope: shop.yaml
  tasks: [{id: hello, input: Say hello., weight: 2}]
  invariants: [{deadline: {within: 10s}}]
  design: {fixed: {epochs: 2}, seed: 7}
  run: {holds: refuse}
"""
ENVELOPE = """\
apiVersion: remit/v1
kind: CapabilityEnvelope
metadata: {name: shop, version: "1", owner: shop}
spec:
  enforcement: enforce
  tools:
    look:
      effect: read
      args: {type: object, additionalProperties: false, properties: {}}
"""
FILES = {
    "suite.yaml": SUITE,
    "shop.yaml": ENVELOPE,
    "agent.py": "def answer(trial):\n    return 'hello'\n",
    "agent.js": "console.log('hello')\n",
    "other.js": "",
}


def planned(folder: Path, agent: str, name: str = "", old: str = "", new: str = "") -> RunInfo:
    """The run of the files, one of them changed."""
    folder.mkdir(exist_ok=True)
    for file, text in FILES.items():
        assert file != name or old in text
        text = text.replace(old, new) if file == name else text
        (folder / file).write_text(text.replace("{AGENT}", agent))
    return run_info(load(read_suite(folder / "suite.yaml")), "r1", 1.0)


SET = "{command: [node, agent.js], fingerprint: {model: m}, settings: {a: 1}}"
PYTHON, COMMAND = '{python: "agent.py:answer"}', "{command: [node, agent.js], fingerprint: {model: m}}"


@pytest.mark.parametrize("agent", [PYTHON, COMMAND])
def test_the_same_files_are_the_same_run(tmp_path: Path, agent: str) -> None:
    one, other = planned(tmp_path, agent), planned(tmp_path, agent)

    assert differences(one, other) == []


@pytest.mark.parametrize(
    ("agent", "name", "old", "new", "told"),
    [
        (PYTHON, "agent.py", "hello", "hullo", ["an agent"]),
        (COMMAND, "agent.js", "hello", "hullo", ["an agent"]),
        (
            COMMAND,
            "suite.yaml",
            "{AGENT}",
            "{command: [node, other.js], fingerprint: {model: m}}",
            ["an agent"],
        ),
        (
            COMMAND,
            "suite.yaml",
            "{AGENT}",
            "{command: [node, agent.js], fingerprint: {model: n}}",
            ["an agent"],
        ),
        (
            COMMAND,
            "suite.yaml",
            "{AGENT}",
            SET,
            ["an agent"],
        ),
        (PYTHON, "shop.yaml", "effect: read", "effect: write", ["the suite", "an agent"]),
        (PYTHON, "suite.yaml", "Say hello.", "Say hi.", ["the suite"]),
        (PYTHON, "suite.yaml", "within: 10s", "within: 20s", ["the suite"]),
        (PYTHON, "suite.yaml", "weight: 2", "weight: 3", ["the suite", "the tasks"]),
        (PYTHON, "suite.yaml", "seed: 7", "seed: 8", ["the design"]),
        (PYTHON, "suite.yaml", "epochs: 2", "epochs: 3", ["the design"]),
        (PYTHON, "suite.yaml", "holds: refuse", "holds: grant", ["the settings of the run"]),
        (COMMAND, "other.js", "", "x", []),
    ],
)
def test_what_changed_is_named(
    tmp_path: Path, agent: str, name: str, old: str, new: str, told: list[str]
) -> None:
    before = planned(tmp_path, agent)
    now = planned(tmp_path, agent, name, old, new)

    assert differences(before, now) == told
