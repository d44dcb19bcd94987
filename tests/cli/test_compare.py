"""`remit compare`, with agents that are as they were, worse, or wild."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from remit.cli.main import main
from remit.testing import HEADER, SMALL_REFUNDS, open_guard

AGENTS = """
import random

def base(trial):
    order = trial.task.input.split()[1]
    price = trial.call("get_order", {"order_id": order})["price"]
    if random.Random(trial.slot.seed).random() < 0.1:
        return "I could not refund it."
    trial.call("refund_payment", {"order_id": order, "amount": price})
    return f"refunded {price}"

def worse(trial):
    order = trial.task.input.split()[1]
    price = trial.call("get_order", {"order_id": order})["price"]
    trial.call("refund_payment", {"order_id": order, "amount": 2 * price})
    return f"refunded {price}"

def wild(trial):
    if trial.task.input.endswith("7"):
        try:
            trial.call("delete_account", {"order_id": "all"})
        except Exception:
            pass
    return base(trial)

def idle(trial):
    trial.call("get_order", {"order_id": trial.task.input.split()[1]})
    return "I could not refund it."

def acts_by_itself(trial):
    raise SystemExit("no")
"""


def session(number: int) -> dict[str, Any]:
    order, price = f"O-{number}", 10 + number % 3
    calls: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
        ("get_order", {"order_id": order}, {"price": price}),
        ("refund_payment", {"order_id": order, "amount": price}, {"ok": True}),
    ]
    steps: list[dict[str, Any]] = [{"role": "user", "content": f"refund {order}"}]
    for at, (tool, args, answer) in enumerate(calls):
        steps.append({"role": "assistant", "tool_calls": [{"id": f"c{at}", "name": tool, "args": args}]})
        steps.append({"role": "tool", "tool_call_id": f"c{at}", "content": json.dumps(answer)})
    return {
        "session_id": f"s{number}",
        "steps": [*steps, {"role": "assistant", "content": f"refunded {price}"}],
    }


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("agents.py").write_text(AGENTS)
    Path("sessions.jsonl").write_text("".join(json.dumps(session(n)) + "\n" for n in range(25)))
    return tmp_path


def compared(candidate: str, capsys: Any, *options: str) -> tuple[int, dict[str, Any]]:
    asked = ["compare", "--baseline", "sessions.jsonl", "--rerun", "agents.py:base", "--candidate", candidate]
    code = main([*asked, "--embedder", "none", *options, "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_an_agent_that_is_as_it_was_does_not_block(here: Path, capsys: Any):
    code, told = compared("agents.py:base", capsys, "--epochs", "2")

    assert code in (0, 4) and told["verdict"] in ("PASS", "INCONCLUSIVE")
    assert told["coverage"]["sessions"] == 25


def test_one_that_pays_twice_as_much_blocks_and_the_difference_is_named(here: Path, capsys: Any):
    code, told = compared("agents.py:worse", capsys, "--out", "run.jsonl")

    assert (code, told["verdict"]) == (1, "BLOCK")
    (split,) = [one for one in told["coverage"]["divergences"] if one["kind"] == "arguments"]
    assert (split["candidate"], split["baseline"]) == (25, 0) and "amount is" in split["example"]
    assert Path("run.jsonl").stat().st_size


def test_a_kind_of_effect_that_nobody_had_before_blocks_without_statistics(here: Path, capsys: Any):
    code, told = compared("agents.py:wild", capsys)

    assert code == 1 and "delete_account" in told["sentence"]
    assert [one["broken"] for one in told["invariants"] if one["arm"] == "candidate"] == [2]
    assert main(["trial", "report", told["run"], "--embedder", "none", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["sentence"] == told["sentence"]


def test_an_agent_that_does_nothing_at_all_blocks_by_what_is_missing(here: Path, capsys: Any):
    code, told = compared("agents.py:idle", capsys)
    rulings = {one["gate"]: one["verdict"] for one in told["rulings"]}

    assert code == 1 and rulings["no-effect-missing"] == "BLOCK"
    assert rulings["no-effect-added"] != "BLOCK"


def test_an_agent_that_breaks_down_fails_and_takes_nothing_with_it(here: Path, capsys: Any):
    code, told = compared("agents.py:acts_by_itself", capsys)

    assert (code, told["counts"]["candidate"]["passed"]) == (1, 0)


def test_what_only_the_candidate_was_refused_is_named(here: Path, capsys: Any):
    spec = SMALL_REFUNDS.replace("    refund:", "    refund_payment:").replace(
        "args.amount <= 50", "args.amount <= 15"
    )
    spec = spec.replace("properties: {refund_id: {type: string}}", "").replace("required: [refund_id], ", "")
    Path("agent.yaml").write_text(HEADER % ("refunds", "1") + spec.lstrip("\n"))
    _, told = compared("agents.py:worse", capsys, "--envelope", "agent.yaml")

    assert any("only the candidate did not meet" in note and "ceiling" in note for note in told["notes"])


def test_fewer_sessions_can_be_drawn_and_the_rest_is_told(here: Path, capsys: Any):
    _, told = compared("agents.py:base", capsys, "--tasks", "10")

    assert told["coverage"]["sessions"] == 10 and told["coverage"]["left_out"] == {"not drawn": 15}


def test_sessions_that_the_guard_captured_are_read_from_its_store(
    here: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
):
    (here / "production").mkdir()
    with open_guard(here / "production") as guard:
        for number in range(3):
            with guard.session(id=f"s{number}", user_input=f"refund O-{number}") as live:
                live.call("get_order", {"order_id": f"O-{number}"}, run=lambda order_id: {"price": 10})
                args = {"order_id": f"O-{number}", "amount": 10}
                live.call("refund", args, run=lambda order_id, amount: {"refund_id": "R"})
                live.finish("done")
    asked = ["compare", "--baseline", "production/remit.db", "--rerun", "agents.py:base"]
    monkeypatch.setenv("REMIT_HOME", str(here / "production" / "home"))
    code = main([*asked, "--candidate", "agents.py:base", "--store", "sqlite:///trials.db", "--json"])
    told = json.loads(capsys.readouterr().out)

    assert code in (0, 1, 4) and told["coverage"]["sessions"] == 3


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--baseline", "none.jsonl"], "no such file"),
        (["--candidate", ""], "found an empty name"),
        (["--candidate", "agents.py:nobody"], "nobody"),
        (["--candidate", "no-such-program --x"], "no-such-program"),
        (["--envelope", "none.yaml"], "none.yaml"),
    ],
)
def test_what_cannot_be_meant_is_told_before_anything_runs(
    here: Path, capsys: Any, options: list[str], told: str
):
    given = {"--baseline": "sessions.jsonl", "--rerun": "agents.py:base", "--candidate": "agents.py:base"}
    given |= dict(zip(options[::2], options[1::2], strict=True))
    code = main(["compare", *(part for pair in given.items() for part in pair)])

    assert code == 3 and told in capsys.readouterr().err
    assert not Path("remit.db").exists()
