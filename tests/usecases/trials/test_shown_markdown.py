"""The summary of a job: what matters first, within its bound, and nothing in it that a stranger made a link of."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hostile import HOSTILE, told_by
from report_help import full, nothing

from remit.core.trial.verdict import Verdict
from remit.usecases.trials.shown.markdown import MOST_BYTES, code, document


def text(data: bytes) -> str:
    return data.decode("utf-8")


def test_the_verdict_stands_first_then_what_would_change_it_then_the_gates():
    shown = text(document(full()))

    assert shown.startswith("## ❌ BLOCK: `refunds`\n\n**The candidate is worse on this suite: 71.0 %")
    assert 0 < shown.index("What would change it") < shown.index("### Gates") < shown.index("### Invariants")


@pytest.mark.parametrize("verdict", list(Verdict))
def test_a_report_of_nothing_is_shown_too(verdict: Verdict):
    assert verdict.value in text(document(nothing(verdict=verdict))).split("\n")[0]


def test_every_row_of_a_table_has_as_many_cells_as_its_head():
    for hostile in ("plain", *HOSTILE):
        widths: list[int] = []
        for line in text(document(told_by(hostile, full()))).split("\n"):
            if not line.startswith("|"):
                widths = []
                continue
            widths.append(len(re.findall(r"(?<!\\)\|", line)))
            assert len(set(widths)) == 1, line


@pytest.mark.parametrize("most", [300, 1_000, 3_000, 6_000])
def test_what_does_not_fit_is_left_out_and_named(most: int):
    shown = document(full(), most)

    assert len(shown) <= most
    assert "left out" in text(shown)


def test_nothing_is_written_where_nothing_fits():
    assert document(full(), 100) == b"" == document(full(), -5)


def test_it_stays_below_what_the_summary_of_a_job_may_hold():
    huge = "x" * 300_000
    many = tuple(replace(full().contrasts[0], task=f"{huge}{at}", why=huge) for at in range(5_000))

    assert len(document(told_by(huge, full(contrasts=many)))) <= MOST_BYTES


@pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
def test_no_tag_image_or_link_outside_of_a_code_span(hostile: str):
    shown = re.sub(r"`[^`\n]*`", "", text(document(told_by(hostile, full()))))

    assert not re.search(r"(?<!\\)[<>\[\]`@$&]", shown)
    assert not re.search(r"://|www\.", shown)
    assert all(char.isprintable() or char == "\n" for char in shown)


def test_a_code_span_ends_where_it_should():
    assert code("a`b``c|d\\") == "`a'b''c¦d\\`"
    assert code("  ") == ""
