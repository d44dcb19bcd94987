"""`remit envelope infer`: an envelope on stdout or in a file, and in words what it rests on."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from remit.wiring import read_envelope_file

Remit = Callable[..., Any]


def line(task: str, account: str, suite: str = "bank") -> str:
    call = {"id": "c1", "name": "pay", "args": {"account": account, "amount": 5}}
    steps = [
        {"role": "user", "content": f"pay 5 to {account}"},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "paid"},
    ]
    return json.dumps({"session_id": task, "suite": suite, "task_id": task, "steps": steps})


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    file = tmp_path / "good.jsonl"
    file.write_text("\n".join(line(f"t{at}", f"AC-{at}") for at in range(4)), encoding="utf-8")
    return file


def test_it_writes_an_envelope_that_lint_passes_and_says_what_it_rests_on(
    remit: Remit, recorded: Path, tmp_path: Path
) -> None:
    out = tmp_path / "envelope.yaml"
    ran = remit("envelope", "infer", "--sessions", recorded, "--out", out, "--name", "payer")

    assert ran.code == 0
    assert "learned from 4 sessions of 4 tasks, 4 calls" in ran.out
    assert "tasks held out in turn: 4 of 4 calls allowed" in ran.out
    assert read_envelope_file(out).name == "payer"
    assert remit("envelope", "lint", out).code == 0


def test_without_a_file_the_envelope_alone_stands_on_stdout(remit: Remit, recorded: Path) -> None:
    ran = remit("envelope", "infer", "--sessions", recorded)

    assert ran.code == 0
    assert ran.out.startswith("# Proposed from 4 recorded sessions")
    assert "learned from" in ran.err
    assert "of 4 calls allowed" in ran.err
    assert "of 4 calls allowed" not in ran.out


def test_json_holds_the_envelope_and_the_whole_account(remit: Remit, recorded: Path) -> None:
    told = json.loads(remit("envelope", "infer", "--sessions", recorded, "--json").out)

    assert told["envelope"].startswith("# Proposed")
    assert told["report"]["tools"][0]["flows"][0]["arg"] == "account"
    assert told["report"]["held_out"]["untouched"] == 4


def test_another_file_is_not_overwritten_without_a_word(remit: Remit, recorded: Path, tmp_path: Path) -> None:
    out = tmp_path / "envelope.yaml"
    out.write_text("mine", encoding="utf-8")

    refused = remit("envelope", "infer", "--sessions", recorded, "--out", out)
    assert refused.code == 3
    assert out.read_text(encoding="utf-8") == "mine"
    assert remit("envelope", "infer", "--sessions", recorded, "--out", out, "--yes").code == 0


def test_definitions_give_the_schemas_and_the_tools_that_were_never_called(
    remit: Remit, recorded: Path, tmp_path: Path
) -> None:
    tools = tmp_path / "tools.json"
    fields = {"account": {"type": "string", "maxLength": 9}, "amount": {"type": "integer"}}
    pay = {"name": "pay", "inputSchema": {"type": "object", "required": ["account"], "properties": fields}}
    tools.write_text(
        json.dumps([pay, {"name": "get_balance", "inputSchema": {"type": "object"}}]), encoding="utf-8"
    )
    out = tmp_path / "envelope.yaml"
    ran = remit("envelope", "infer", "--sessions", recorded, "--tools", tools, "--out", out)

    assert "defined and never called, on the safe side: get_balance" in ran.out
    envelope = read_envelope_file(out)
    assert set(envelope.tools) == {"pay", "get_balance"}
    assert envelope.tools["pay"].schema["properties"]["account"]["maxLength"] == 9


def test_sessions_of_several_agents_are_refused_unless_one_is_chosen(
    remit: Remit, recorded: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.jsonl"
    other.write_text(line("x", "AC-9", suite="shop"), encoding="utf-8")

    both = ("envelope", "infer", "--sessions", recorded, other)
    assert remit(*both).code == 3
    assert remit(*both, "--where", "suite=bank").code == 0
    assert remit(*both, "--where", "suite=none").code == 3


def test_one_task_is_told_as_not_measured(remit: Remit, tmp_path: Path) -> None:
    one = tmp_path / "one.jsonl"
    one.write_text(line("t", "AC-1"), encoding="utf-8")

    assert "not measured" in remit("envelope", "infer", "--sessions", one).err


def test_a_base_is_narrowed(remit: Remit, recorded: Path, tmp_path: Path) -> None:
    base, out = tmp_path / "base.yaml", tmp_path / "narrowed.yaml"
    remit("envelope", "infer", "--sessions", recorded, "--out", base)
    text = base.read_text(encoding="utf-8")
    kept = [row for row in text.splitlines() if "-origin" not in row and row.strip() != "flow:"]
    base.write_text("\n".join(kept) + "\n", encoding="utf-8")

    ran = remit("envelope", "infer", "--sessions", recorded, "--base", base, "--out", out)

    assert "added to the base: pay.account-origin" in ran.out
    assert remit("envelope", "diff", base, out, "--narrows").code == 0
