"""What the conformance suite of the CEL specification asks of this language, restated as cases of our own.

A line of ``conformance.jsonl`` is one case: the expression, the values, what remit says to it (a value, ``error``
while running, ``refused`` while loading) and why. ``cel`` is CEL's word where it is another one; ``difference``
names the documented difference when CEL has an answer and we have none. Where Google's CEL is installed, its word
is checked, too.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from remit.core.cel import DYN, ConditionError, compile_condition, from_schema
from remit.core.errors import BadInput

CASES = [
    json.loads(line) for line in (Path(__file__).parent / "conformance.jsonl").read_text("utf-8").splitlines()
]
AREAS = {
    "literals",
    "parse",
    "integers",
    "doubles",
    "comparison",
    "membership",
    "lists",
    "fields",
    "guards",
    "logic",
    "macros",
    "strings",
}


def said(case: dict[str, Any]) -> object:
    env = {"args": from_schema(case["schema"]) if "schema" in case else DYN, "session": DYN}
    try:
        condition = compile_condition(case["expr"], env, where="w", result=DYN)
    except BadInput:
        return "refused"
    try:
        return {"value": condition.evaluate(case.get("vars", {"args": {}}))}
    except ConditionError:
        return "error"


@pytest.mark.parametrize("area", sorted(AREAS))
def test_every_case_of_an_area_holds(area):
    cases = [case for case in CASES if case["area"] == area]

    # repr tells 1, 1.0 and true apart
    wrong = [(case, said(case)) for case in cases if repr(said(case)) != repr(case["expect"])]

    assert wrong == []
    assert len(cases) >= 10


def test_the_cases_cover_every_area_and_explain_themselves():
    assert {case["area"] for case in CASES} == AREAS
    assert all(case["why"] for case in CASES)
    assert Counter(type(case["expect"]) for case in CASES)[dict] >= 500
    assert len({json.dumps([case["expr"], case.get("vars"), "schema" in case]) for case in CASES}) == len(
        CASES
    )


def test_remit_answers_nothing_that_cel_does_not_and_names_the_difference_where_it_is_silent():
    for case in CASES:
        answered = isinstance(case["expect"], dict)
        cel = isinstance(case.get("cel", case["expect"]), dict)
        assert not (answered and "cel" in case), case
        assert ("difference" in case) == (cel and not answered), case
        assert case.get("difference", "1") in {"1", "2", "3", "left out"}, case


def test_google_says_what_the_cases_say():
    pytest.importorskip("cel_expr_python", reason="no wheel of cel-expr-python for this platform")
    from .google import Failed, Google

    google = Google()
    for case in CASES:
        roots = {"args": {}, "session": {}, **case.get("vars", {})}
        answer = google.answer(case["expr"], roots)
        if isinstance(answer, Failed) and answer.refused:
            answer = google.answer(case["expr"], roots, check=False)
        expected = case.get("cel", case["expect"])
        if isinstance(expected, dict):
            assert repr(answer) in (repr(expected["value"]), expected["value"]), case
        else:
            assert isinstance(answer, Failed), (case, answer)
            assert (expected == "refused") == answer.refused or "cel" not in case, (case, answer)
