"""`remit stats`: the fixed contract, what people and programs get, and published values on real sessions."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.usecases.trials.results_help import RECORDED, plain, write_lines

Remit = Callable[..., Any]


def reference(data: Path) -> Any:
    return json.loads((data / "reference_stats.json").read_text(encoding="utf-8"))


def test_plain_lines_give_rates_with_intervals(remit: Remit, tmp_path: Path) -> None:
    path = write_lines(tmp_path / "r.jsonl", *(plain(task, n, n < 2) for task in "ab" for n in range(4)))

    line = remit("stats", path)

    assert line.code == 0
    assert "8 runs of 2 tasks: 4 passed, 4 failed" in line.out
    assert "0.157 to 0.843" in line.out  # Clopper-Pearson, 4 of 8
    assert "0.167" in line.out  # pass^2: one pair of six


def test_the_json_is_one_object_that_says_all_of_it(remit: Remit, tmp_path: Path) -> None:
    path = write_lines(
        tmp_path / "r.jsonl", *(plain("a", n, n == 0, model=m) for m in ("x", "y") for n in range(2))
    )

    told = remit(
        "stats", path, "--arm-by", "model", "--by-task", "--k", "3", "--where", "model=x", "--json"
    ).object

    assert (told["suite"], told["formats"], told["left_out"], told["passed_over"]) == (
        "imported",
        ["plain"],
        2,
        [],
    )
    assert list(told["arms"]) == ["x"]
    arm = told["arms"]["x"]
    assert arm["counts"] == {
        "trials": 2,
        "tasks": 1,
        "passed": 1,
        "failed": 1,
        "timeout": 0,
        "infrastructure": 0,
        "retried": 0,
        "repeated": 0,
        "breaches": 0,
    }
    assert (arm["success"]["value"], arm["success"]["method"]) == (0.5, "Clopper-Pearson")
    assert [point["value"] for point in arm["pass_hat"]] == [0.5, 0.0]
    assert [point["value"] for point in arm["pass_at"]] == [0.5, 1.0]
    assert [(t["task"], t["passes"], t["n"]) for t in told["tasks"]] == [("a", 1, 2)]


def test_two_files_are_two_arms(remit: Remit, tmp_path: Path) -> None:
    old = write_lines(tmp_path / "old.jsonl", plain("a", 0, True))
    new = write_lines(tmp_path / "new.jsonl", plain("a", 0, False))

    line = remit("stats", "--arm", f"baseline={old}", "--arm", f"candidate={new}")

    assert line.out.index("imported, baseline: 1 run") < line.out.index("imported, candidate: 1 run")


def test_a_file_of_no_format_is_an_error_and_in_a_folder_it_is_passed_over(
    remit: Remit, tmp_path: Path
) -> None:
    write_lines(tmp_path / "r.jsonl", plain("a", 0, True))
    (tmp_path / "policies.json").write_text('{"airline": "Be kind."}', encoding="utf-8")

    whole, alone = remit("stats", tmp_path), remit("stats", tmp_path / "policies.json")

    assert (whole.code, alone.code) == (0, 3)
    assert "policies.json was passed over" in whole.err
    assert "results of no known format" in alone.err


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ((), "no file"),
        (("--arm", "a"), "--arm"),
        (("--arm", "=r.jsonl"), "no name before '='"),
        (("r.jsonl", "--arm", "a", "--arm-by", "model"), "use one of them"),
        (("r.jsonl", "--where", "x"), "write key=value"),
        (("r.jsonl", "--at-least", "nan"), "--at-least"),
        (("r.jsonl", "--k", "0"), "--k"),
    ],
)
def test_wrong_usage_is_told(remit: Remit, options: tuple[str, ...], told: str) -> None:
    line = remit("stats", *options)

    assert line.code == 2
    assert told in line.err


def test_names_that_a_record_has_reach_no_terminal(remit: Remit, tmp_path: Path) -> None:
    path = write_lines(tmp_path / "r.jsonl", plain("\x1b[31mred", 0, True, suite="\u202esuite"))

    line = remit("stats", path, "--by-task")

    assert "\x1b" not in line.out
    assert "\u202e" not in line.out


def test_a_log_of_inspect_is_read(remit: Remit) -> None:
    line = remit("stats", RECORDED / "refunds.json", "--success", "includes")

    assert "refunds: 12 runs of 3 tasks: 7 passed, 4 failed; 1 neither" in line.out


# ------------------------------------------------------------------------------------------------------- real sessions
def test_the_published_values_of_tau_bench(remit: Remit, data: Path) -> None:
    line = remit("stats", data / "tau_bench_gpt4o_airline")
    told = remit("stats", data / "tau_bench_gpt4o_airline", "--json").object["arms"]["agent"]

    expected = reference(data)["tau_bench_gpt4o_airline"]
    for k, point in enumerate(told["pass_hat"], 1):
        assert point["value"] == pytest.approx(expected[f"pass^{k}"], abs=1e-6)
        assert round(point["value"], 3) == expected["published"][f"pass^{k}"]
        assert 0 <= point["low"] < point["value"] < point["high"] <= 1
        assert f"{point['value']:.3f}" in line.out
    assert (told["counts"]["tasks"], told["counts"]["trials"]) == (50, 200)


def test_the_counts_of_agentdojo(remit: Remit, data: Path) -> None:
    fields = ("--arm-by", "model,defense,attack.name", "--task-by", "suite,task_id,attack.injection_task_id")
    wanted = (
        "stats",
        data / "agentdojo_runs",
        "--where",
        "kind=user_task",
        "--count-errors",
        *fields,
        "--json",
    )
    told = remit(*wanted).object["arms"]
    rows = reference(data)["agentdojo_dev_split"]
    assert len(rows) == len(told) == 79
    for row in rows:
        name = ", ".join(row[key] or "none" for key in ("model", "defense", "attack"))
        assert (told[name]["counts"]["trials"], told[name]["counts"]["passed"]) == (
            row["n"],
            row["success"],
        ), name


def test_the_attacks_that_won_in_agentdojo(remit: Remit, data: Path) -> None:
    files = [file for file in sorted((data / "agentdojo_runs").iterdir()) if "__none." not in file.name]
    told = remit(
        "stats", *files, "--where", "kind=user_task", "--success", "attack.succeeded", "--count-errors",
        "--arm-by", "model,defense,attack.name", "--task-by", "suite,task_id,attack.injection_task_id", "--json"
    ).object["arms"]  # fmt: skip

    for row in (row for row in reference(data)["agentdojo_dev_split"] if row["attack"]):
        name = ", ".join(row[key] or "none" for key in ("model", "defense", "attack"))
        assert (told[name]["counts"]["trials"], told[name]["counts"]["passed"]) == (
            row["n"],
            row["attack_succeeded"],
        )


def test_the_single_tasks_of_grok_have_wilsons_intervals(remit: Remit, data: Path) -> None:
    told = remit("stats", data / "tau2_grok_trials", "--arm-by", "config", "--by-task", "--json").object
    found = {(line["arm"], line["task"].rpartition("/")[2]): line for line in told["tasks"]}

    for row in reference(data)["grok_single_task"]:
        line = found[row["config"], row["task_id"]]
        assert (line["n"], line["passes"]) == (row["n"], row["k"])
        assert line["wilson"] == pytest.approx(row["wilson95"], abs=1e-6)


def test_the_pair_of_tau2_has_its_rates(remit: Remit, data: Path) -> None:
    told = remit("stats", data / "tau2_systems", "--arm-by", "config", "--by-task", "--json").object
    (row,) = reference(data)["tau2_finetune_paired"]
    passed = {
        arm: {line["task"]: line["passes"] for line in told["tasks"] if line["arm"] == row[arm] and line["n"]}
        for arm in ("baseline", "candidate")
    }
    shared = passed["baseline"].keys() & passed["candidate"].keys()
    won = [passed["candidate"][task] - passed["baseline"][task] for task in shared]

    assert len(shared) == row["n"]
    for arm in ("baseline", "candidate"):
        assert sum(passed[arm][task] for task in shared) / len(shared) == pytest.approx(row[f"{arm}_rate"])
    assert (won.count(-1), won.count(1)) == (row["baseline_only"], row["candidate_only"])
