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

def talks(trial, asks="Shall I refund it?"):
    # looks, asks, and refunds once the user has said yes
    if trial.turn == 0:
        order = trial.task.input.split()[1]
        trial.call("get_order", {"order_id": order})
        return asks
    said = trial.conversation[0]["content"].split()[1]
    trial.call("refund_payment", {"order_id": said, "amount": 10 + int(said[2:]) % 3})
    return "refunded"

def noisy(trial):
    if trial.turn == 0 and random.Random(trial.slot.seed).random() < 0.1:
        return "Shall I cancel it?"
    return talks(trial)

def asks_otherwise(trial):
    return talks(trial, "Shall I cancel it?" if int(trial.task.id[1:]) % 3 == 0 else "Shall I refund it?")

def never_asks_the_same(trial):
    return talks(trial, "Shall I cancel it?")

def takes_more(trial):
    if trial.turn == 0:
        return talks(trial)
    trial.call("refund_payment", {"order_id": trial.conversation[0]["content"].split()[1], "amount": 500})
    return "refunded"

def pays_unasked(trial):
    answer = talks(trial)
    if trial.turn == 0 and int(trial.task.id[1:]) % 3 == 0:
        try:
            trial.call("refund_payment", {"order_id": trial.task.input.split()[1], "amount": 1})
        except Exception:
            pass
    return answer

def looks(trial):
    trial.call("get_order", {"order_id": trial.task.input.split()[1]})
    return "It is on its way."

def silent(trial):
    return None

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


def talk(number: int) -> dict[str, Any]:
    """The same session, where the user was asked before he was paid."""
    whole = session(number)
    asked = [
        {"role": "assistant", "content": "Shall I refund it?"},
        {"role": "user", "content": "Yes, please."},
    ]
    return {**whole, "steps": [*whole["steps"][:3], *asked, *whole["steps"][3:]]}


@pytest.fixture
def talks(here: Path) -> Path:
    (here / "sessions.jsonl").write_text("".join(json.dumps(talk(n)) + "\n" for n in range(60)))
    return here


def conversed(
    candidate: str, capsys: Any, *options: str, rerun: str = "agents.py:talks"
) -> tuple[int, dict[str, Any]]:
    return compared(candidate, capsys, "--rerun", rerun, *(options or ("--turns", "free")))


@pytest.mark.parametrize("turns", ["each", "free"])
def test_a_user_who_spoke_more_than_once_says_again_what_he_said(talks: Path, capsys: Any, turns: str):
    code, told = conversed("agents.py:talks", capsys, "--turns", turns)

    assert (code, told["verdict"]) == (0, "PASS")
    assert [told["counts"][arm]["passed"] for arm in told["arms"]] == [60, 60]
    assert told["coverage"]["conversations"] == {
        "sessions": 60,
        "forced": turns == "each",
        "arms": [{"arm": arm, "trials": 60, "diverged": 0, "early": 0} for arm in told["arms"]],
    }


def test_by_default_each_turn_is_asked_after_the_recorded_ones(talks: Path, capsys: Any):
    """One that asks otherwise leaves no record: in each turn it has the effects of the record."""
    code, told = compared("agents.py:never_asks_the_same", capsys, "--rerun", "agents.py:talks")

    assert (code, told["verdict"], told["counts"]["candidate"]["diverged"]) == (0, "PASS", 0)
    assert any("each turn was asked after what the record said and did" in note for note in told["notes"])


@pytest.mark.parametrize(("agent", "early"), [("pays_unasked", 20), ("takes_more", 0)])
def test_runs_that_erred_before_the_last_turn_are_counted_since_what_comes_of_it_is_not_seen(
    talks: Path, capsys: Any, agent: str, early: int
):
    _, told = compared(f"agents.py:{agent}", capsys, "--rerun", "agents.py:talks")

    assert [one["early"] for one in told["coverage"]["conversations"]["arms"]] == [0, early]
    assert any(f"before the last turn (baseline 0, candidate {early})" in note for note in told["notes"])


@pytest.mark.parametrize("turns", ["each", "free"])
def test_one_that_pays_too_much_in_a_later_turn_blocks(talks: Path, capsys: Any, turns: str):
    code, told = conversed("agents.py:takes_more", capsys, "--turns", turns)

    assert (code, told["verdict"], told["counts"]["candidate"]["failed"]) == (1, "BLOCK", 60)


def test_runs_that_leave_the_conversation_are_counted_apart_and_no_pass_is_made_without_them(
    talks: Path, capsys: Any
):
    code, told = conversed("agents.py:asks_otherwise", capsys)

    assert (code, told["verdict"]) == (4, "INCONCLUSIVE")
    assert "left the record in 33 % of the candidate's runs and in 0 % of the baseline's" in told["sentence"]
    ended = {
        key: told["counts"]["candidate"][key] for key in ("passed", "failed", "infrastructure", "diverged")
    }
    assert ended == {"passed": 40, "failed": 0, "infrastructure": 0, "diverged": 20}
    assert all(one["verdict"] == "PASS" for one in told["rulings"])
    assert any("candidate 20 of 60 runs" in note for note in told["notes"])
    (reason,) = told["reasons"]
    assert (reason["trials"], reason["world"]) == (20, False)
    assert "it asked about cancel, and in the record about refund" in reason["told"]


def test_where_most_conversations_are_left_nothing_is_said_of_the_rest(talks: Path, capsys: Any):
    _, told = conversed("agents.py:never_asks_the_same", capsys)

    assert told["verdict"] == "INCONCLUSIVE"
    assert "In 100 % of 60 trials of candidate the conversation left the record" in told["sentence"]


def test_the_verdict_stands_in_the_record_as_well(talks: Path, capsys: Any):
    _, told = conversed("agents.py:asks_otherwise", capsys)

    assert main(["trial", "report", told["run"], "--embedder", "none", "--json"]) == 4
    assert json.loads(capsys.readouterr().out)["sentence"] == told["sentence"]


def test_a_noisy_agent_leaves_the_record_as_often_as_itself_and_is_not_blocked(talks: Path, capsys: Any):
    code, told = conversed("agents.py:noisy", capsys, rerun="agents.py:noisy")

    assert code in (0, 4)
    assert told["verdict"] in ("PASS", "INCONCLUSIVE")


def test_turns_can_be_handed_over_at_once_or_left_out(talks: Path, capsys: Any):
    (talks / "sessions.jsonl").write_text(
        "".join(json.dumps(made(n)) + "\n" for n, made in enumerate((talk, session, session)))
    )
    _, at_once = conversed("agents.py:idle", capsys, "--turns", "at-once", rerun="agents.py:idle")
    _, alone = conversed("agents.py:base", capsys, "--turns", "none", rerun="agents.py:base")

    assert at_once["coverage"]["sessions"] == 3
    assert alone["coverage"]["left_out"] == {"the user spoke more than once": 1}
    assert main(["compare", "--baseline", "s", "--rerun", "a", "--candidate", "a", "--turns", "some"]) == 2
    assert "'some' is not one of 'each', 'free', 'at-once', 'none'" in capsys.readouterr().err


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


def test_where_no_session_had_an_effect_nobody_passes(here: Path, capsys: Any):
    asked = [session(n) for n in range(60)]
    Path("sessions.jsonl").write_text(
        "".join(json.dumps({**one, "steps": [*one["steps"][:3], one["steps"][-1]]}) + "\n" for one in asked)
    )
    code, told = compared("agents.py:silent", capsys, "--rerun", "agents.py:looks")

    assert (code, told["verdict"]) == (4, "INCONCLUSIVE")
    assert "a candidate that does nothing at all" in told["sentence"]


def test_where_both_break_down_it_is_said_that_no_check_was_reached(here: Path, capsys: Any):
    _, told = compared("agents.py:acts_by_itself", capsys, "--rerun", "agents.py:acts_by_itself")

    assert "No trial came as far as its checks" in told["sentence"]


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


def test_a_baseline_that_never_does_what_it_did_has_nothing_to_lose_and_passes_nobody(
    here: Path, capsys: Any
):
    Path("sessions.jsonl").write_text("".join(json.dumps(session(n)) + "\n" for n in range(60)))
    code, told = compared("agents.py:idle", capsys, "--rerun", "agents.py:idle")

    assert (code, told["verdict"]) == (4, "INCONCLUSIVE")
    assert {one["verdict"] for one in told["rulings"]} == {"PASS"}
    assert "does what its sessions did in 0 % of runs" in told["sentence"]


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
        (["--margin", "0"], "--margin: found 0.0"),
        (["--alpha", "0.5"], "--alpha: found 0.5"),
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
