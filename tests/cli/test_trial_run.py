"""`remit trial run`, `ls` and `merge`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from remit.cli import trial_live
from remit.cli.main import main
from remit.cli.output import Output
from remit.core.trial.run import run_from

Run = Callable[..., Any]

AGENT = """
import os
from remit.core.errors import Unavailable

def good(trial):
    order = trial.call("get_order", {"order_id": "A-1"})
    return f"{order['status']}, {trial.agent.settings.get('word', 'refunded')}"

def bad(trial):
    return "no"

def breaks(trial):
    raise ValueError("no model")

def down(trial):
    raise Unavailable("503 from the model")

def pays(trial):
    try:
        trial.call("refund", {"amount": 900})
    except Exception as error:
        return str(error)
    return "paid"
"""
SHOP = """
class Shop:
    def __init__(self):
        self.tools = {"get_order": self.get_order, "refund": self.refund}
    def get_order(self, order_id: str):
        return {"status": "sent"}
    def refund(self, amount: int):
        return "done"
    def snapshot(self):
        return None
    def copy(self):
        return Shop()

def make(*_, **__):
    return Shop()
"""
ENVELOPE = """apiVersion: remit/v1
kind: CapabilityEnvelope
metadata: {name: refunds, version: "1", owner: tests}
spec:
  tools:
    get_order:
      effect: read
      args: {type: object, additionalProperties: false, required: [order_id], properties: {order_id: {type: string}}}
    refund:
      effect: irreversible
      args: {type: object, additionalProperties: false, required: [amount], properties: {amount: {type: integer}}}
      require: [{id: ceiling, expr: "args.amount <= 50"}]
"""
SUITE = """apiVersion: remit/v1
kind: TrialSuite
metadata: {name: refunds, version: "1"}
spec:
  envelope: envelope.yaml
  agent: {python: "agent.py:AGENT"}
  world: {python: "shop.py:make"}
  tasks:
    - {id: broken, input: "It arrived broken.", checks: [{id: says-so, answer: {contains: refunded}}]}
    - {id: late, input: "It arrived late.", checks: [{id: says-so, answer: {contains: refunded}}]}
  design: {sequential: {max_trials: 60}, seed: 7}
  gates:
    - {id: reliable, success: {at_least: 0.7, aims_for: 0.9}}
  invariants: [safety]
  run: {concurrency: 4, retries: 0}
"""


@pytest.fixture
def suite(place: Any) -> Callable[..., str]:
    """Writes a suite and returns its path."""
    for name, text in (("agent.py", AGENT), ("shop.py", SHOP), ("envelope.yaml", ENVELOPE)):
        (place.folder / name).write_text(text)

    def write(agent: str = "good", **changes: str) -> str:
        text = SUITE.replace("AGENT", agent)
        for before, after in changes.items():
            text = text.replace(before, after)
        path = place.folder / "suite.yaml"
        path.write_text(text)
        return str(path)

    return write


@pytest.mark.parametrize(
    ("agent", "code", "told"),
    [
        ("good", 0, "PASS"),
        ("bad", 1, "BLOCK"),
        ("breaks", 1, "BLOCK"),
        ("down", 3, "ERROR"),
        ("pays", 1, "safety was broken"),
    ],
)
def test_the_exit_code_is_the_verdicts(run: Run, suite: Any, agent: str, code: int, told: str) -> None:
    line = run("trial", "run", suite(agent), "--embedder", "none")

    assert line.code == code, line.out
    assert told in line.out
    assert "begins; cut off, the same command goes on with it" in line.err


@pytest.mark.parametrize("embedder", ["lexcial", "no_such_module:embedder"])
def test_an_embedder_that_is_none_is_told_before_a_trial_is_paid_for(
    run: Run, suite: Any, embedder: str
) -> None:
    line = run("trial", "run", suite(), "--embedder", embedder)

    assert (line.code, "begins" in line.err) == (3, False)
    assert "embedder" in line.err


def test_too_few_trials_are_inconclusive(run: Run, suite: Any) -> None:
    assert run("trial", "run", suite(), "--max-trials", "3", "--embedder", "none").code == 4


def test_a_run_is_written_listed_and_reported(run: Run, suite: Any, place: Any) -> None:
    out = place.folder / "run.jsonl"
    told = run("trial", "run", suite(), "--out", str(out), "--json", "--embedder", "none")
    report = json.loads(told.out)
    lines = out.read_bytes().splitlines()
    written = run_from((f"out:{n}", line) for n, line in enumerate(lines, 1))

    assert report["verdict"] == "PASS"
    assert written.info.id == report["run"]
    assert written.info.fingerprints["agent"]["envelope"]
    (listed,) = run("trial", "ls", "--json").told["runs"]
    assert (listed["id"], listed["state"], listed["verdict"]) == (report["run"], "ended", "PASS")
    assert listed["trials"] == len(written.trials)
    assert report["run"] in run("trial", "ls").out
    assert run("trial", "ls", "--suite", "other", "--json").told == {"runs": []}


def test_an_ended_run_is_followed_by_another(run: Run, suite: Any) -> None:
    path = suite()
    run("trial", "run", path, "--embedder", "none")
    run("trial", "run", path, "--embedder", "none")

    first, second = run("trial", "ls", "--json").told["runs"]
    assert first["id"] != second["id"]
    assert first["design_hash"] == second["design_hash"]
    line = run("trial", "run", path, "--resume", first["id"])
    assert line.code == 3
    assert "it has ended" in line.err


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"seed: 7": "seed: 8"}, "the design changed"),
        ({"arrived late": "arrived never"}, "the suite changed"),
        ({'agent.py:good"': 'agent.py:good", settings: {word: refunded!}'}, "an agent changed"),
    ],
)
def test_another_suite_design_or_agent_does_not_go_on(
    run: Run, suite: Any, place: Any, change: dict[str, str], told: str
) -> None:
    from remit.usecases.trials.loaded import load
    from remit.usecases.trials.plan import run_info
    from remit.usecases.trials.suite_file import read_suite
    from remit.wiring import load_settings, open_store, trial_book_of

    info = run_info(load(read_suite(Path(suite()))), "r1", 1.0)
    with open_store(place.address, load_settings()) as store:
        trial_book_of(store).begin(info).close()
    line = run("trial", "run", suite(**change), "--resume", "r1")

    assert line.code == 3
    assert told in line.err
    assert run("trial", "run", suite(), "--resume", "r1", "--embedder", "none").code == 0
    assert [one["state"] for one in run("trial", "ls", "--json").told["runs"]] == ["ended"]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--arm", "candidate"), "the suite has no arm 'candidate'"),
        (("--epochs", "3"), "the design is sequential"),
        (("--resume", "r1", "--new"), "stands beside --new"),
        (("--resume", "r9"), "this store has none"),
        (("--shard", "1/2"), "--shared"),
        (("--shard", "3/2", "--shared", "x"), "write I/N"),
        (("--out", "/no/such/folder/x.jsonl"), "cannot be written"),
        (("--html", "/no/such/folder/x.html"), "cannot be written"),
    ],
)
def test_what_cannot_be_is_told_before_a_trial_is_paid_for(
    run: Run, suite: Any, options: tuple[str, ...], told: str
) -> None:
    line = run("trial", "run", suite(), *options)

    assert line.code == 3
    assert told in line.err
    assert "begins" not in line.err


def test_shards_are_merged_into_the_whole(run: Run, suite: Any, place: Any) -> None:
    shared, path = str(place.folder / "shared"), suite()
    for number in ("1", "2"):
        more = ("--shard", f"{number}/2", "--shared", shared, "--embedder", "none")
        line = run("trial", "run", path, *more)
        assert line.code == 0, line.err

    line = run("trial", "merge", shared, "--json", "--embedder", "none")
    assert line.code == 0
    assert line.told["verdict"] == "PASS"
    only = run("trial", "merge", f"{shared}/shard-1-of-2.jsonl", "--embedder", "none")
    assert "not there yet: shard-2-of-2.jsonl" in only.err
    assert run("trial", "merge", str(place.folder / "nothing")).code == 3
    assert (
        run("trial", "run", path, "--embedder", "none", "--json").told["run"].count(".") == 0
    )  # no part of it


def test_two_arms_are_told_apart(run: Run, suite: Any) -> None:
    arms = 'arms: {baseline: {python: "agent.py:good"}, candidate: {python: "agent.py:bad"}}'
    path = suite(
        **{'agent: {python: "agent.py:good"}': arms, "sequential: {max_trials: 60}": "fixed: {epochs: 4}"}
    )
    report = run("trial", "run", path, "--json", "--embedder", "none").told

    assert report["arms"] == ["baseline", "candidate"]
    only = run("trial", "run", path, "--arm", "baseline", "--json", "--embedder", "none").told
    assert only["arms"] == ["baseline"]


HANGS = """
        import pathlib, time
        here, hangs = pathlib.Path(__file__).parent, time.monotonic() + 300
        while not (here / "may-return").exists() and time.monotonic() < hangs:
            time.sleep(0.01)
        (here / "returned").touch()
""".strip("\n")


def test_a_tool_that_hangs_ends_with_its_trial_and_the_run_with_it(run: Run, suite: Any, place: Any) -> None:
    path = suite(**{"design: {sequential: {max_trials: 60}, seed: 7}": "design: {fixed: {epochs: 1}}"})
    slow = SHOP.replace('        return {"status": "sent"}', HANGS)
    (place.folder / "shop.py").write_text(slow)
    agent = "async def good(trial):\n    await trial.acall('get_order', {'order_id': 'A-1'})\n    return 'refunded'\n"
    (place.folder / "agent.py").write_text(agent)
    text = Path(path).read_text().replace("  tasks:\n", "  defaults: {deadline: 1s}\n  tasks:\n")
    Path(path).write_text(text)
    report = run("trial", "run", path, "--json", "--embedder", "none").told
    waited_for = (place.folder / "returned").exists()
    (place.folder / "may-return").touch()

    assert report["counts"]["agent"]["timeout"] == 2
    assert not waited_for


def test_a_coroutine_that_holds_up_all_others_is_told_of(
    run: Run, suite: Any, place: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial_live, "HELD_UP_S", 0.5)
    path = suite(**{"design: {sequential: {max_trials: 60}, seed: 7}": "design: {fixed: {epochs: 1}}"})
    (place.folder / "agent.py").write_text(
        "import time\nasync def good(trial):\n    time.sleep(1)\n    return 'refunded'\n"
    )
    line = run("trial", "run", path, "--embedder", "none")

    assert "all trials were held up" in line.err and "a coroutine waited without `await`" in line.err


def test_what_an_agent_prints_does_not_stand_in_the_result(
    suite: Any, place: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    path = suite(**{"design: {sequential: {max_trials: 60}, seed: 7}": "design: {fixed: {epochs: 1}}"})
    (place.folder / "agent.py").write_text(
        "import os\nprint('loading')\ndef good(trial):\n    print('thinking')\n    os.system('echo a child')\n"
        "    return 'refunded'\n"
    )
    try:
        main(["trial", "run", path, "--json", "--embedder", "none"])
    finally:
        Output.json = False
    told = capfd.readouterr()

    assert json.loads(told.out)["counts"]["agent"]["passed"] == 2
    assert all(word in told.err for word in ("loading", "thinking", "a child"))
