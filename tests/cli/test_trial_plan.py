"""`remit trial plan`: sizes before a trial is paid for, and what is wrong with how they were asked."""

from __future__ import annotations

import json
from typing import Any

import pytest

from remit.cli.main import main


def asked(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    assert main(["trial", "plan", *words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_gate_is_told_in_trials_tokens_and_money(capsys) -> None:
    words = ("--at-least", "0.9", "--aims-for", "0.97", "--tokens-per-trial", "12000", "--price", "3")
    told = asked(capsys, *words)

    assert set(told) == {"examples", "alpha", "beta", "gate"}
    gate = told["gate"]
    assert gate["fixed"] == {"n": 103, "needed": 98, "tokens": 1_236_000, "cost": pytest.approx(3.708)}
    assert (gate["cap"], gate["first_pass"], gate["first_block"]) == (129, 40, 3)
    (bar,) = [one for one in gate["rates"] if one["rate"] == 0.9]
    assert (round(bar["passes"], 4), round(bar["trials"], 1), round(bar["saved"], 2)) == (0.0497, 50.8, 0.51)
    assert bar["tokens"] == pytest.approx(609_300, abs=700)


def test_too_few_trials_are_told_beforehand(capsys) -> None:
    told = asked(capsys, "--at-least", "0.9", "--aims-for", "0.97", "--max-trials", "50")["gate"]

    assert [round(one["undecided"], 2) for one in told["rates"]] == [0.0, 0.05, 0.39, 0.74, 0.68, 0.0]
    assert main(["trial", "plan", "--at-least", "0.9", "--aims-for", "0.97", "--max-trials", "50"]) == 0
    assert "With 50 trials it may stay INCONCLUSIVE" in capsys.readouterr().out


def test_each_question_has_its_sizes(capsys) -> None:
    claims = asked(capsys, "--claim", "0.9", "0.99")["claims"]["claims"]
    drop = asked(capsys, "--drop", "0.05", "--discordance", "0.1", "0.2")["drop"]["sizes"]
    design = asked(capsys, "--tasks", "20", "--epochs", "5")["design"]
    latency = asked(capsys, "--latency", "p95", "99")["latency"]["quantiles"]

    assert [one["trials"] for one in claims] == [29, 299]
    assert [(one["pairs"], one["trials"]) for one in drop] == [(339, 678), (682, 1364)]
    assert (round(design["this_suite"], 3), round(design["tasks_like_these"], 3)) == (0.163, 0.171)
    assert [(one["quantile"], one["trials"]) for one in latency] == [("p95", 59), ("99", 299)]


def test_no_question_gets_usual_ones_and_a_hint(capsys) -> None:
    assert set(asked(capsys)) >= {"gate", "claims", "drop", "design", "latency"}
    assert main(["trial", "plan"]) == 0
    shown = capsys.readouterr().out
    assert "No question was asked" in shown
    for line in ("103 trials, PASS with 98", "tasks like these", "p99"):
        assert line in shown


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--at-least", "0.9"], "--aims-for: not given"),
        (["--aims-for", "0.9"], "--at-least: not given"),
        (["--max-trials", "9"], "--at-least: not given"),
        (["--drop", "0"], "found 0 and 0.1"),
        (["--at-least", "0.97", "--aims-for", "0.9"], "found 0.97 and 0.9"),
        (["--at-least", "nan", "--aims-for", "0.9"], "found nan and 0.9"),
        (["--at-least", "0.9", "--aims-for", "0.901"], "more than 5000 trials"),
        (["--claim", "1"], "--claim: needs p between 0 and 1"),
        (["--claim", "inf"], "--claim"),
        (["--drop", "0.2", "--discordance", "0.1"], "drop <= discordance"),
        (["--latency", "slow"], "--latency: found 'slow'"),
        (["--latency", "p100"], "--latency"),
        (["--tasks", "5", "--icc", "2"], "--icc"),
        (["--alpha", "0"], "--alpha: found 0"),
        (["--beta", "0.7"], "--beta: found 0.7"),
        (["--price", "3"], "--price: given without tokens"),
    ],
)
def test_what_cannot_be_planned_is_told_with_its_option(capsys, words: list[str], told: str) -> None:
    assert main(["trial", "plan", *words]) == 3
    assert told in capsys.readouterr().err.replace("\n", " ")


def test_a_design_too_small_to_find_anything_is_told(capsys) -> None:
    assert asked(capsys, "--tasks", "1", "--epochs", "1")["design"]["this_suite"] is None
    assert main(["trial", "plan", "--tasks", "1", "--epochs", "1"]) == 0
    told = capsys.readouterr().out
    assert "1 task x 1" in told
    assert "so few may miss even an agent that always fails" in told
