"""The documented object: its fields, their order, and every text in it."""

from __future__ import annotations

import json
import math
from dataclasses import fields
from pathlib import Path

import pytest
from report_help import full, nothing

from remit.core.trial.report import (
    Boundary,
    Broken,
    Comparison,
    Contrast,
    Curve,
    Estimate,
    Map,
    OtherMethod,
    Report,
    Ruling,
    TaskLine,
)
from remit.core.trial.verdict import Verdict
from remit.usecases.trials.shown.json import FORMAT, document


def test_the_verdict_stands_first_and_every_field_follows_in_order():
    told = json.loads(document(full()))
    rest = [field.name for field in fields(Report) if field.name not in told or field.name not in FIRST]

    assert list(told) == [*FIRST, *rest]


FIRST = ["format", "verdict", "exit_code", "sentence", "would_change"]


def test_every_key_is_in_the_page_of_trials():
    page = (Path(__file__).parents[3] / "docs/trials.md").read_text(encoding="utf-8")
    part = page[page.index("### As JSON") :].split("\n## ")[0]
    nouns = (
        Report,
        Ruling,
        Broken,
        Estimate,
        Curve,
        TaskLine,
        Contrast,
        Comparison,
        OtherMethod,
        Boundary,
        Map,
    )

    assert [
        f"{one.__name__}.{field.name}"
        for one in nouns
        for field in fields(one)
        if f"`{field.name}`" not in part
    ] == []
    assert FORMAT in part


@pytest.mark.parametrize("verdict", list(Verdict))
def test_it_says_the_exit_code(verdict: Verdict):
    told = json.loads(document(nothing(verdict=verdict)))

    assert (told["verdict"], told["exit_code"]) == (verdict.value, verdict.exit_code)


def test_the_same_report_gives_the_same_bytes():
    assert document(full()) == document(full())


def test_half_of_a_surrogate_pair_is_no_reason_to_lose_the_report():
    told = json.loads(document(full(sentence="a\ud800b", counts={"\udfff": {"trials": 1}})))

    assert (told["sentence"], told["counts"]) == ("a?b", {"?": {"trials": 1}})


def test_a_number_that_is_none_stands_as_null():
    told = json.loads(document(full(estimates={"agent": (Estimate("x", math.nan, -math.inf),)})))

    assert told["estimates"]["agent"][0] | {"value": None, "low": None} == told["estimates"]["agent"][0]
