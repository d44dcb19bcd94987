"""What is left of an alert where its route does not permit content."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.sinks.drawn import alert

from remit.core.classify.classification import Class, Evidence
from remit.core.withheld import unquoted, withheld


def bare(told="", **facts):
    found = withheld(alert(evidence=(Evidence("k", Class.SRE, 0.5, told, facts),)))
    return found.evidence[0]


@pytest.mark.parametrize(
    ("told", "left"),
    [
        ('"pay" and "now" explain it', '"…" explain it'),
        ("the text 'pay it's due' explains it", 'the text "…" explains it'),
        ("„zahle“ aus read_mail", '"…" aus read_mail'),
        ('"pay " now…', '"…"'),
        ('"a " b" explains it', '"…"'),
        ("the agent's own doing", "the agent's own doing"),
        ('an end that never comes "pay', 'an end that never comes "…"'),
        ("12 of 400 before, 31 of 402 after: p = .004", "12 of 400 before, 31 of 402 after: p = .004"),
    ],
)
def test_a_sentence_loses_what_it_quotes_and_nothing_else(told, left):
    assert unquoted(told) == left


@given(st.text(), st.text(), st.text())
def test_whatever_stands_between_two_marks_is_gone(before, quoted, after):
    assert "MARK" not in unquoted(f'{before.replace("M", "")}"MARK{quoted}"{after.replace("M", "")}')


def test_names_and_statistics_stay_and_texts_and_values_go():
    left = bare(
        source="read_mail",
        p=0.004,
        before={"calls": 400, "violations": 12, "excerpt": "pay"},
        interval=[1.2, 3.4],
        excerpt="pay now",
        source_text="pay",
        value=5000,
        change="pay ACC-7 now",
        **{"pay now": 1},
    )
    assert left.facts == {
        "source": "read_mail",
        "p": 0.004,
        "before": {"calls": 400, "violations": 12},
        "interval": [1.2, 3.4],
    }


def test_a_step_loses_what_it_quotes_and_keeps_its_command():
    steps = ("Remove the text where mail reads it: “pay ”now“ to X” (segment 3): remit impact 'a b'", "Look")
    assert withheld(alert(steps=steps)).steps == (
        "Remove the text where mail reads it: \"…\" (segment 3): remit impact 'a b'",
        "Look",
    )


def test_arguments_go():
    assert withheld(alert()).attempted == {}
