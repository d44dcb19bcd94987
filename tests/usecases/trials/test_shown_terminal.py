"""A report on a terminal: the verdict first, every width, nothing that a terminal would obey."""

from __future__ import annotations

from dataclasses import replace

import pytest
from report_help import full, nothing

from remit.core.trial.report import Report, Ruling
from remit.core.trial.verdict import Verdict
from remit.usecases.trials.shown.terminal import Grid, parts

HOSTILE = "\x1b[31m\u202eevil\x00\n</td><script>alert(1)</script>|`]]>" + "x" * 9_000


def text(report: Report, width: int = 120) -> str:
    return "\n".join(part if isinstance(part, str) else grid(part) for part in parts(report, width))


def grid(part: Grid) -> str:
    return "\n".join([part.title, *(" | ".join(row) for row in (part.columns, *part.rows))])


def test_the_verdict_and_its_sentence_come_first():
    assert text(full()).startswith("BLOCK  The candidate is worse on this suite: 71.0 %")


def test_what_would_change_it_follows_and_then_each_gate():
    shown = text(full())

    assert (
        0 < shown.index("What would change it") < shown.index("Gates") < shown.index("INCONCLUSIVE reliable")
    )


@pytest.mark.parametrize("verdict", list(Verdict))
def test_a_report_of_nothing_is_shown_too(verdict: Verdict):
    assert text(nothing(verdict=verdict)).startswith(verdict.value)


def test_a_broken_invariant_names_its_runs():
    shown = text(full())

    assert "BLOCK idempotent (candidate): broken in 2 of 100 runs" in shown
    assert "broken-clock #2, session s-91: refund_payment ran twice" in shown


def test_what_one_gate_says_is_said_once():
    gate = Ruling("reliable", Verdict.BLOCK, "3 of 3 failed.", "Fewer.")
    report = nothing(verdict=Verdict.BLOCK, sentence="3 of 3 failed.", would_change="Fewer.", rulings=(gate,))

    shown = text(report)

    assert shown.count("3 of 3 failed.") == 1
    assert "BLOCK reliable: as above" in shown


def test_why_runs_were_no_success_stands_before_the_numbers():
    shown = text(full())

    assert (
        "24 runs of broken-clock, cup (candidate): paid-once: refund_payment was called 2 times [s-91]"
        in shown
    )
    assert shown.index("Why runs were no success") < shown.index("Numbers, with their intervals")


@pytest.mark.parametrize("width", [1, 40, 69, 80, 99, 100, 300])
def test_every_table_has_as_many_cells_as_columns_at_any_width(width: int):
    for part in parts(full(), width):
        if isinstance(part, Grid):
            assert {len(row) for row in part.rows} == {len(part.columns)}


@pytest.mark.parametrize("width", [40, 64, 80])
def test_sentences_end_where_a_narrow_terminal_ends(width: int):
    lines = [line for part in parts(full(), width) if isinstance(part, str) for line in part.split("\n")]

    assert max(map(len, lines)) <= width


def test_what_strangers_wrote_is_visible_and_cut():
    hurt = full(sentence=HOSTILE, suite=HOSTILE, notes=(HOSTILE,), correction=HOSTILE)
    hurt = replace(hurt, tasks=tuple(replace(line, task=HOSTILE) for line in hurt.tasks))
    hurt = replace(hurt, rulings=tuple(replace(one, gate=HOSTILE, sentence=HOSTILE) for one in hurt.rulings))
    shown = text(hurt)

    assert "\x1b" not in shown and "\u202e" not in shown and "\x00" not in shown
    assert len(shown) < 100_000
