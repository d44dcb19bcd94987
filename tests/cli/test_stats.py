"""`remit stats`: the fixed contract, what people and programs get, and published values on real sessions."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.core.trial.run_help import run, success
from tests.usecases.trials.results_help import RECORDED, plain, write_lines

from remit.core.trial.run import run_lines
from remit.core.trial.suite import Design

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
        "diverged": 0,
        "retried": 0,
        "repeated": 0,
        "breaches": 0,
    }
    assert (arm["success"]["value"], arm["success"]["method"]) == (0.5, "Clopper-Pearson")
    assert [point["value"] for point in arm["pass_hat"]] == [0.5, 0.0]
    assert [point["value"] for point in arm["pass_at"]] == [0.5, 1.0]
    assert [(t["task"], t["passes"], t["n"]) for t in told["tasks"]] == [("a", 1, 2)]


def test_tasks_that_ran_unequally_often_count_alike_and_it_is_told(remit: Remit, tmp_path: Path) -> None:
    path = write_lines(tmp_path / "r.jsonl", *(plain("a", n, True) for n in range(9)), plain("b", 0, False))

    told = remit("stats", path).out

    assert "0.500" in told
    assert "each task counts alike, however often it ran; of all runs together, 0.900 passed" in told


def test_each_row_says_what_it_is_about(remit: Remit, tmp_path: Path) -> None:
    told = remit("stats", write_lines(tmp_path / "r.jsonl", plain("a", 0, True))).out

    rows = [line for line in told.splitlines() if "trial" in line or "1 task" in line]
    assert [" ".join(row.split()[1:4]) for row in rows[1:]] == [
        "of these tasks",
        "the same, narrower:",
        "of tasks like",
    ]
    assert "1 trials" not in told
    assert "counts alike" not in told
    assert "All of k runs of a task succeed (pass^k)" in told


def test_what_ended_behind_the_decision_of_a_sequential_run_is_in_no_rate(
    remit: Remit, tmp_path: Path
) -> None:
    """Only the quick ones end there: at a true rate of .85 and slow failures it looked like .98 (.88 to 1)."""
    gate = success(0.7, aims_for=0.85)
    found = run({"agent": {"a": "+" * 60}}, design=Design("sequential", max_trials=200, gates=(gate,)))
    gap = replace(
        found, trials=(*found.trials[:10], *found.trials[11:])
    )  # the eleventh is slow, and was cut off
    path = tmp_path / "run.jsonl"
    path.write_bytes(b"".join(run_lines(gap)))

    (arm,) = remit("stats", path, "--json").object["arms"].values()
    line = remit("stats", path, "--by-task")

    assert (arm["behind"], arm["success"]["n"], arm["counts"]["trials"]) == (49, 10, 59)
    assert arm["tasks_like_these"] is None
    assert "49 runs of them ended behind the decision" in line.out
    assert "of tasks like these" not in line.out
    again = remit("stats", "--arm", f"x={path}", "--json").object["arms"]["x"]
    assert (again["behind"], again["success"]["n"]) == (49, 10)
    chosen = remit("stats", path, "--where", "arm=agent", "--json").object["arms"]["agent"]
    assert chosen == arm


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


def paired_arms(folder: Path) -> tuple[str, ...]:
    """21 tasks once in each arm: 1 changed for the better, 7 for the worse."""
    before, after = [at < 8 for at in range(21)], [at in (0, 8) for at in range(21)]
    files = {
        arm: write_lines(folder / f"{arm}.jsonl", *(plain(f"t{at}", 0, ok) for at, ok in enumerate(passes)))
        for arm, passes in (("old", before), ("new", after))
    }
    return tuple(word for arm, path in files.items() for word in ("--arm", f"{arm}={path}"))


def test_two_arms_are_compared_by_published_methods(remit: Remit, tmp_path: Path) -> None:
    arms = paired_arms(tmp_path)

    line, told = remit("stats", *arms, "--methods"), remit("stats", *arms, "--methods", "--json").object
    found = told["compared"]
    by = {one["name"]: one for one in found["methods"]}

    assert (line.code, found["baseline"], found["candidate"], found["margin"]) == (0, "old", "new", 0.05)
    assert (by["McNemar (exact)"]["details"]["baseline_only"], round(by["McNemar (exact)"]["p"], 4)) == (
        7,
        0.0703,
    )
    tango = by["Tango (score)"]["difference"]
    assert (tango["low"], tango["high"]) == pytest.approx((-0.517, -0.026), abs=5e-4)
    assert "new against old, by published methods" in line.out
    assert "corrected together (Holm)" in " ".join(line.out.split())


def test_which_arm_is_which_can_be_said(remit: Remit, tmp_path: Path) -> None:
    arms = (
        *paired_arms(tmp_path),
        "--methods",
        "--baseline-arm",
        "new",
        "--candidate-arm",
        "old",
        "--margin",
        "0.2",
    )

    found = remit("stats", *arms, "--json").object["compared"]

    assert (found["baseline"], found["margin"]) == ("new", 0.2)
    assert next(one for one in found["methods"] if "McNemar" in one["name"])["details"]["candidate_only"] == 7


@pytest.mark.parametrize(
    ("options", "code", "told"),
    [
        (("--methods", "--candidate-arm", "other"), 3, "there is no arm 'other'"),
        (("--methods", "--candidate-arm", "old"), 3, "on both sides"),
        (("--methods", "--margin", "1"), 3, "between 0 and 1"),
        (("--margin", "0.1"), 2, "belong to --methods"),
    ],
)
def test_methods_that_cannot_be_asked_are_refused(
    remit: Remit, tmp_path: Path, options: tuple[str, ...], code: int, told: str
) -> None:
    line = remit("stats", *paired_arms(tmp_path), *options)

    assert line.code == code
    assert told in line.err


def test_one_arm_has_nothing_to_be_compared_with(remit: Remit, tmp_path: Path) -> None:
    line = remit("stats", write_lines(tmp_path / "r.jsonl", plain("a", 0, True)), "--methods")

    assert (line.code, "1 arm, and methods compare two" in line.err) == (3, True)


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


def test_the_pair_of_tau2_gives_the_reference_p_value_in_one_command(remit: Remit, data: Path) -> None:
    (row,) = reference(data)["tau2_finetune_paired"]
    sides = ("--baseline-arm", row["baseline"], "--candidate-arm", row["candidate"])

    told = remit("stats", data / "tau2_systems", "--arm-by", "config", "--methods", *sides, "--json").object
    (found,) = (one for one in told["compared"]["methods"] if one["name"] == "McNemar (exact)")

    assert found["p"] == pytest.approx(row["mcnemar_exact_p"], abs=1e-6)
    assert (found["n"], found["details"]["baseline_only"], found["details"]["candidate_only"]) == (
        row["n"],
        row["baseline_only"],
        row["candidate_only"],
    )


def test_cells_of_agentdojo_are_compared_by_every_method(remit: Remit, data: Path) -> None:
    """Two pipelines on the same 53 tasks: McNemar from its pairs, Boschloo from the counts of the reference."""
    from scipy.stats import binomtest, boschloo_exact

    rows = {
        row["model"]: row
        for row in reference(data)["agentdojo_dev_split"]
        if not row["attack"] and not row["defense"]
    }
    old, new = rows["gpt-4o-2024-05-13"], rows["gpt-3.5-turbo-0125"]
    sides = [
        word
        for side, row in (("baseline", old), ("candidate", new))
        for word in (f"--{side}-arm", f"{row['model']}, none, none")
    ]

    told = remit(
        "stats", data / "agentdojo_runs", "--where", "kind=user_task", "--count-errors", "--arm-by",
        "model,defense,attack.name", "--task-by", "suite,task_id,attack.injection_task_id", "--methods", *sides, "--json",
    ).object  # fmt: skip
    by = {one["name"]: one for one in told["compared"]["methods"]}

    pairs, samples = by["McNemar (exact)"], by["Boschloo (exact), unpaired"]
    lost, won = pairs["details"]["baseline_only"], pairs["details"]["candidate_only"]
    assert lost - won == old["success"] - new["success"]
    assert pairs["p"] == pytest.approx(binomtest(won, lost + won).pvalue)
    table = [[row["success"] for row in (new, old)], [row["n"] - row["success"] for row in (new, old)]]
    assert samples["details"]["p_worse"] == pytest.approx(boschloo_exact(table, alternative="less").pvalue)


def stopped_at_ten(path: Path) -> Path:
    """A sequential run of which the eleventh trial is slow, and was cut off; 49 quick ones had ended behind it."""
    gate = success(0.7, aims_for=0.85)
    found = run({"agent": {"a": "+" * 60}}, design=Design("sequential", max_trials=200, gates=(gate,)))
    path.write_bytes(b"".join(run_lines(replace(found, trials=(*found.trials[:10], *found.trials[11:])))))
    return path


def test_arms_of_runs_that_stopped_by_themselves_have_intervals_that_hold_at_any_stop(
    remit: Remit, tmp_path: Path
) -> None:
    """As if their length had been given, such an interval covers down to .912."""
    old, new = stopped_at_ten(tmp_path / "old.jsonl"), stopped_at_ten(tmp_path / "new.jsonl")
    fixed = write_lines(tmp_path / "fixed.jsonl", *(plain("a", n, True) for n in range(10)))
    named = ("--arm", f"old={old}", "--arm", f"new={new}", "--arm", f"fixed={fixed}")

    arms = remit("stats", *named, "--json").object["arms"]
    told = remit("stats", *named, "--methods", "--baseline-arm", "old", "--candidate-arm", "new").out
    chosen = remit("stats", old, "--where", "task=a", "--json").object["arms"]["agent"]

    for arm in (arms["old"], arms["new"], chosen):
        assert "valid at any stop" in arm["success"]["method"]
        assert (arm["behind"], arm["success"]["n"]) == (49, 10)
        assert (arm["tasks_like_these"], arm["pass_hat"]) == (None, [])
    assert arms["fixed"]["success"]["method"] == "Clopper-Pearson"
    assert "after an early stop" in " ".join(told.split())


def test_a_part_of_a_sequential_run_is_refused_since_all_parts_say_what_counts(
    remit: Remit, tmp_path: Path
) -> None:
    design = Design("sequential", max_trials=200, gates=(success(0.7, aims_for=0.85),))
    found = run({"agent": {"a": "+" * 20}}, design=design, source="remit trial run --shard 1-of-2")
    path = tmp_path / "shard-1-of-2.jsonl"
    path.write_bytes(b"".join(run_lines(replace(found, trials=found.trials[::2]))))

    refused = remit("stats", path)

    assert (refused.code, "remit trial merge" in refused.err) == (3, True)


def test_a_run_that_was_cut_off_is_rated_up_to_the_first_that_had_not_ended(
    remit: Remit, tmp_path: Path
) -> None:
    found = run({"agent": {"a": "+" * 20}}, design=Design(epochs=20), source="remit trial run")
    path = tmp_path / "run.jsonl"
    path.write_bytes(b"".join(run_lines(replace(found, trials=(*found.trials[:5], *found.trials[6:])))))

    arm = remit("stats", path, "--json").object["arms"]["agent"]

    assert (arm["behind"], arm["success"]["n"], arm["counts"]["trials"]) == (14, 5, 19)
