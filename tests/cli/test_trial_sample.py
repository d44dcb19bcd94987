"""`remit trial sample`: files that `remit trial run` takes, from files and from the store, nothing replaced unasked."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import remit as library
from remit.usecases.trials.suite_file import read_suite

Remit = Callable[..., Any]

AGENT = """
def answer(trial):
    order = trial.call("get_order", {"order_id": "A-1"})
    trial.call("refund_payment", {"order_id": "A-1", "amount": order["cost"]})
    return "Refunded."
"""


def line(number: int, tool: str = "refund_payment") -> dict[str, Any]:
    calls = [
        ("get_order", {"order_id": "A-1"}, '{"cost": 5}'),
        (tool, {"order_id": "A-1", "amount": 5}, "done"),
    ]
    steps: list[dict[str, Any]] = [
        {"role": "user", "content": f"Order {'abcdefgh'[number % 8]} is broken \u2028 \x1b[0m."}
    ]
    for at, (name, args, result) in enumerate(calls):
        steps.append(
            {"role": "assistant", "content": "", "tool_calls": [{"id": f"c{at}", "name": name, "args": args}]}
        )
        steps.append({"role": "tool", "tool_call_id": f"c{at}", "content": result})
    return {"session_id": f"s{number}", "suite": "shop", "success": True, "steps": steps}


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "agent.py").write_text(AGENT, encoding="utf-8")
    sessions = [line(n) for n in range(40)] + [line(n, "close_account") for n in range(40, 44)]
    path = tmp_path / "sessions.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in sessions), encoding="utf-8")
    return path


def test_a_sampled_suite_runs_and_its_checks_ask_for_the_effects(
    remit: Remit, tmp_path: Path, shop: Path
) -> None:
    out = tmp_path / "suite.yaml"

    made = remit("trial", "sample", "--sessions", shop, "--tasks", 6, "--agent", "agent.py:answer", "-o", out)
    suite = read_suite(out)
    report = remit(
        "trial", "run", out, "--epochs", 1, "--json", "--store", f"sqlite:///{tmp_path}/s.db"
    ).object

    assert made.code == 0
    assert "treat them as you treat the sessions" in made.err
    assert sum(task.weight for task in suite.tasks.values()) == pytest.approx(44)
    assert {task.stratum for task in suite.tasks.values()} == {
        "suite: shop, tools: get_order + refund_payment, outcome: success",
        "suite: shop, tools: close_account + get_order, outcome: success",
    }
    assert suite.coverage["share_of_tool_uses"] == 1.0
    assert report["coverage"]["sessions"] == 44
    passed = {one["task"]: one["passes"] for one in report["tasks"]}
    assert all(passed[name] == ("refund" in task.stratum) for name, task in suite.tasks.items())
    assert out.stat().st_mode & 0o777 == 0o600


def test_many_tasks_stand_in_a_file_beside_the_suite(remit: Remit, tmp_path: Path, shop: Path) -> None:
    out = tmp_path / "suite.yaml"
    wanted = (
        "trial",
        "sample",
        "--sessions",
        shop,
        "--tasks",
        44,
        "--keep-duplicates",
        "--agent",
        "agent.py:answer",
    )

    told = remit(*wanted, "-o", out, "--json").object

    assert [Path(file).name for file in told["files"]] == ["suite.tasks.jsonl", "suite.yaml"]
    assert len(read_suite(out).tasks) == 44
    assert (told["coverage"]["tasks"], told["unchecked"]) == (44, 0)


def test_only_the_tasks_for_another_suite(remit: Remit, tmp_path: Path, shop: Path) -> None:
    out = tmp_path / "tasks.jsonl"

    assert remit("trial", "sample", "--sessions", shop, "--tasks", 3, "-o", out).code == 0
    assert len(out.read_text(encoding="utf-8").splitlines()) == 3


def test_nothing_is_replaced_and_nothing_half_written_stays(remit: Remit, tmp_path: Path, shop: Path) -> None:
    (tmp_path / "suite.tasks.jsonl").write_text("mine", encoding="utf-8")
    wanted = ("trial", "sample", "--sessions", shop, "--tasks", 3, "-o", tmp_path / "suite.yaml")

    there = remit(*wanted, "--agent", "agent.py:answer")
    missing = remit(*wanted, "--agent", "nowhere.py:answer", "--force")

    assert (there.code, missing.code) == (3, 3)
    assert "there is a file of this name" in there.err
    assert not (tmp_path / "suite.yaml").exists()
    assert remit(*wanted, "--agent", "agent.py:answer", "--force").code == 0


@pytest.mark.parametrize(
    ("options", "code", "told"),
    [
        (("-o", "suite.yaml"), 2, "a suite needs one"),
        (("-o", "tasks.jsonl", "--floor", "9"), 2, "more than --tasks 3"),
        (("-o", "tasks.jsonl", "--by", "mood"), 3, "no session has 'mood'"),
        (("-o", "tasks.jsonl", "--where", "suite=bank"), 3, "no session can be run again (there is none)"),
        (("-o", "no/tasks.jsonl"), 3, "no place for a file"),
    ],
)
def test_what_is_wrong_is_told(
    remit: Remit,
    tmp_path: Path,
    shop: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[str, ...],
    code: int,
    told: str,
) -> None:
    monkeypatch.chdir(tmp_path)

    line = remit("trial", "sample", "--sessions", shop, "--tasks", 3, *options)

    assert (line.code, told in line.err) == (code, True), line.err


def test_standard_input_is_refused(remit: Remit, tmp_path: Path) -> None:
    line = remit("trial", "sample", "--sessions", "-", "--tasks", 3, "-o", tmp_path / "tasks.jsonl")

    assert (line.code, "sessions are read twice" in line.err) == (3, True)


def test_sessions_of_the_store_are_sampled(remit: Remit, tmp_path: Path, examples: Path) -> None:
    store = f"sqlite:///{tmp_path}/s.db"
    with library.open(examples / "refund.yaml", store=store) as guard:
        for number in range(6):
            with guard.session(facts={"customer_id": "17"}, user_input="How is my order?") as session:
                session.call("get_order", {"order_id": f"O-{number}"}, run=lambda **_: {"total": 5})
                session.finish("It is fine.")

    told = remit("trial", "sample", "--store", store, "--tasks", 2, "-o", tmp_path / "tasks.jsonl", "--json")

    (task, *_) = [
        json.loads(one) for one in (tmp_path / "tasks.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    assert (told.code, told.object["coverage"]["sessions"]) == (0, 6)
    assert (task["input"], task["facts"]) == ("How is my order?", {"customer_id": "17"})
    assert [answer["tool"] for answer in task["world"]["answers"]] == ["get_order"]
    assert task["weight"] == 6.0


def test_a_call_that_was_refused_in_production_is_no_effect_to_ask_for(
    remit: Remit, tmp_path: Path, examples: Path
) -> None:
    store = f"sqlite:///{tmp_path}/s.db"
    with (
        library.open(examples / "refund.yaml", store=store) as guard,
        guard.session(facts={"customer_id": "17"}, user_input="Refund all.") as session,
    ):
        with pytest.raises(library.CallDenied):
            session.call("refund_payment", {"everything": True}, run=lambda **_: "done")
        session.finish("I may not.")

    remit("trial", "sample", "--store", store, "--tasks", 1, "-o", tmp_path / "tasks.jsonl")

    task = json.loads((tmp_path / "tasks.jsonl").read_text(encoding="utf-8"))
    (answer,) = task["world"]["answers"]
    assert answer["error"].startswith("refused: ")
    assert [check["id"] for check in task["checks"]] == ["no-other-effect"]


def test_a_stratum_of_rare_kinds_says_how_many_of_them_have_a_task(remit: Remit, tmp_path: Path) -> None:
    path = tmp_path / "sessions.jsonl"
    kinds = [line(n, f"tool_{n % 16:02d}") for n in range(80)]
    path.write_text("".join(json.dumps(one) + "\n" for one in kinds), encoding="utf-8")

    told = remit("trial", "sample", "--sessions", path, "--tasks", 8, "-o", tmp_path / "tasks.jsonl").out

    assert (
        "13 kinds of session, too rare for a stratum each, are one: 5 of them have a task, 8 have none"
        in told
    )
    assert "50.0 % of the sessions are of a kind that has a task" in told


def test_a_stratum_of_one_kind_is_told_without_its_kinds(remit: Remit, tmp_path: Path, shop: Path) -> None:
    told = remit("trial", "sample", "--sessions", shop, "--tasks", 6, "-o", tmp_path / "tasks.jsonl").out

    assert "100.0 % of the sessions lie in strata that have a task" in told
    assert "kinds of session" not in told


@pytest.mark.parametrize("tasks", [6, 44])
def test_a_sampled_suite_says_where_its_gate_goes(
    remit: Remit, tmp_path: Path, shop: Path, tasks: int
) -> None:
    out = tmp_path / "suite.yaml"
    wanted = ("--sessions", shop, "--tasks", tasks, "--keep-duplicates", "--agent", "agent.py:answer")

    told = remit("trial", "sample", *wanted, "-o", out)
    text = out.read_text(encoding="utf-8")
    out.write_text(text.replace("  # gates:", "  gates:"), encoding="utf-8")

    assert "set your bar: 'gates:' is a comment in" in told.err
    assert [gate.kind for gate in read_suite(out).design.gates] == ["success"]
