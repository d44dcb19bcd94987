"""On real sessions: an agent against itself alarms no more than claimed, and different agents are told apart."""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from benchmarks.aa import (
    SUCCESS,
    TAU2,
    TAU2_PAIR,
    alarms,
    cells,
    compared,
    different,
    main,
    passes,
    sequential_alarms,
    shapes,
    verdict,
)
from benchmarks.aa_behaviour import behaviour_alarms

from remit.core.stats.proportion import clopper_pearson
from remit.usecases.trials.imported import read_run

SPLITS = 150


@pytest.fixture(scope="module")
def found(data: Path) -> dict[str, Any]:
    _, groups = cells(data)
    assert (len(groups), sum(map(len, groups.values()))) == (1_703, 3_579)
    return {shape.name: alarms(shape, SPLITS, seed=9) for shape in shapes(groups)[:3]}


@pytest.mark.parametrize("name", [name for name in SUCCESS if not name.startswith("(")])
def test_the_same_agent_raises_no_more_alarms_than_claimed(found: dict[str, Any], name: str) -> None:
    for shape, counted in found.items():
        low, _ = clopper_pearson(counted[name], SPLITS, 0.99)
        assert low <= 0.05, (shape, counted[name])


def test_bets_on_pairs_looked_at_after_each_rarely_prove_a_loss_that_is_none(data: Path) -> None:
    _, groups = cells(data)

    low, _ = clopper_pearson(sequential_alarms(groups, SPLITS, most=200), SPLITS, 0.99)

    assert low <= 0.05


def test_every_comparison_of_a_report_alarms_no_more_than_claimed(data: Path) -> None:
    run, groups = cells(data)

    found, could = behaviour_alarms(run, shapes(groups)[0].deal, 6)

    assert {"success", "tools", "sequences", "arguments", "claims", "answers moved"} <= could.keys()
    assert all(clopper_pearson(found[name], of, 0.99)[0] <= 0.05 for name, of in could.items() if of)


def test_the_pair_of_tau2_gives_the_reference_p_value(data: Path) -> None:
    (row,) = json.loads((data / "reference_stats.json").read_text(encoding="utf-8"))["tau2_finetune_paired"]
    base, candidate = (passes(data / TAU2, {"meta.config": name}) for name in TAU2_PAIR)

    told = compared(base, candidate)

    assert (row["baseline"], row["candidate"]) == TAU2_PAIR
    assert (told.tasks, told.method) == (row["n"], "McNemar (exact)")
    assert (told.baseline, told.candidate) == pytest.approx((row["baseline_rate"], row["candidate_rate"]))
    lost = sum(base[task][0] > candidate[task][0] for task in candidate)
    won = sum(base[task][0] < candidate[task][0] for task in candidate)
    assert (lost, won) == (row["baseline_only"], row["candidate_only"])
    assert told.p_two_sided == pytest.approx(row["mcnemar_exact_p"], abs=1e-6)


def test_a_worse_agent_is_blocked_and_an_unclear_one_is_not(data: Path) -> None:
    verdicts = {name: verdict(one) for name, one in different(data)}

    assert verdicts["gpt-4o-2024-05-13 / gpt-3.5-turbo-0125"] == "BLOCK"
    assert verdicts["claude-3-5-sonnet-20241022 / claude-3-haiku-20240307"] == "BLOCK"
    assert verdicts["gpt-4o-2024-05-13 / gpt-4o-2024-05-13-repeat_user_prompt"] == "PASS"
    assert verdicts["tau2: gpt-4.1 / its fine-tune"] == "INCONCLUSIVE"


def test_of_two_runs_of_an_unchanged_agent_six_in_ten_differ_in_their_writes(data: Path) -> None:
    writes = ("book_reservation", "cancel_reservation", "update_reservation_", "send_certificate")
    run = read_run([data / "tau_bench_gpt4o_airline"], arm="agent")
    differ = [
        one != other
        for trials in run.by_task("agent").values()
        for one, other in combinations(
            [
                sorted(
                    (call.tool, json.dumps(call.args, sort_keys=True))
                    for call in trial.calls
                    if call.tool.startswith(writes)
                )
                for trial in trials
            ],
            2,
        )
    ]

    assert (sum(differ), len(differ)) == (182, 300)


def test_without_the_data_it_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--data", ""]) == 0
    assert "skipped" in capsys.readouterr().out
