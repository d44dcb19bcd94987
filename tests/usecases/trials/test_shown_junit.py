"""JUnit XML: what blocks is red and nothing else, and every text is one that XML can hold."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree

import pytest
from hostile import HOSTILE, told_by
from hypothesis import given, settings
from hypothesis import strategies as st
from report_help import full, nothing

from remit.core.trial.report import Broken, Report
from remit.core.trial.verdict import Verdict
from remit.usecases.trials.shown.junit import document

_ENDED = {"type", "message"}
READ = {
    "testsuites": ({"testsuite"}, {"name", "time", "tests", "failures", "errors"}, set()),
    "testsuite": ({"properties", "testcase"}, {"skipped", "time"}, {"name", "tests", "failures", "errors"}),
    "properties": ({"property"}, set(), set()),
    "property": (set(), set(), {"name", "value"}),
    "testcase": ({"failure", "error", "skipped", "system-out"}, {"classname", "time"}, {"name"}),
    "failure": (set(), _ENDED, set()),
    "error": (set(), _ENDED, set()),
    "skipped": (set(), _ENDED, set()),
    "system-out": (set(), set(), set()),
}
"""Elements: what may stand in them, attributes that they may have, and those that they must have.

Source: junit-10.xsd of Jenkins' xUnit plugin, which refuses a whole file for one attribute that it does not know.
"""
COUNTED = (("tests", ""), ("failures", "failure"), ("errors", "error"), ("skipped", "skipped"))
COUNTS = {key for key, _ in COUNTED}


def names(report: Report) -> list[tuple[str | None, str | None]]:
    return [(case.get("classname"), case.get("name")) for case in tree(report).iter("testcase")]


def tree(report: Report) -> ElementTree.Element:
    return ElementTree.fromstring(document(report))


def outcome(case: ElementTree.Element) -> str:
    return next((one.tag for one in case if one.tag in ("failure", "error", "skipped")), "passed")


def outcomes(report: Report, suite: str) -> dict[str, str]:
    (found,) = (one for one in tree(report) if one.get("name") == suite)
    return {str(case.get("name")): outcome(case) for case in found.iter("testcase")}


def test_a_suite_for_the_verdict_and_one_for_each_arm():
    assert [one.get("name") for one in tree(full())] == ["verdict", "baseline", "candidate"]


def test_each_gate_is_what_it_says():
    assert outcomes(full(), "verdict") == {
        "verdict": "failure", "gate reliable": "skipped", "gate no-worse": "failure", "gate quick": "passed",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("verdict", "expected"),
    [
        (Verdict.PASS, "passed"),
        (Verdict.BLOCK, "failure"),
        (Verdict.INCONCLUSIVE, "skipped"),
        (Verdict.ERROR, "error"),
    ],
)
def test_the_verdict_is_a_test_of_its_own(verdict: Verdict, expected: str):
    report = nothing(verdict=verdict)

    assert outcomes(report, "verdict") == {"verdict": expected}
    if expected != "passed":
        assert "No trial has ended" in str(tree(report).find(f".//{expected}").get("message"))


def test_a_task_is_never_red():
    found = outcomes(full(), "candidate")

    assert (found["broken-clock"], found["missing-part"], found["invariant idempotent"]) == (
        "passed",
        "skipped",
        "failure",
    )
    assert sorted(name for name, one in found.items() if one == "failure") == ["invariant idempotent"]


def test_a_report_that_passes_has_nothing_red():
    fine = replace(full(), verdict=Verdict.PASS, rulings=full().rulings[2:], invariants=full().invariants[:3])

    assert not [one for case in tree(fine).iter("testcase") if (one := outcome(case)) in ("failure", "error")]


def test_an_invariant_that_was_not_watched_is_skipped():
    report = nothing(invariants=(Broken("safety", "agent", 0, 0, 1.0),))

    assert outcomes(report, "agent") == {"invariant safety": "skipped"}


def test_an_invariant_that_could_not_be_evaluated_is_an_error():
    report = nothing(
        invariants=(
            Broken("mine", "agent", 9, 1, 0.5, unknown=1),
            Broken("safety", "agent", 9, 2, 0.5, unknown=1),
        )
    )

    assert outcomes(report, "agent") == {"invariant mine": "error", "invariant safety": "failure"}


def test_counts_are_those_of_the_cases():
    root = tree(full())

    for one in (root, *root):
        cases = [outcome(case) for case in one.iter("testcase")]
        told = {key: int(one.get(key, "")) for key in COUNTS & set(one.keys())}
        assert told == {
            key: cases.count(kind) if kind else len(cases) for key, kind in COUNTED if key in told
        }
        assert {"tests", "failures", "errors"} <= told.keys()


@pytest.mark.parametrize("report", [full(), nothing()], ids=["full", "nothing"])
def test_a_dashboard_that_validates_knows_every_element_and_attribute(report: Report):
    for parent in tree(report).iter():
        children, attributes, required = READ[parent.tag]
        assert {one.tag for one in parent} <= children
        assert required <= set(parent.keys()) <= attributes | required


def test_a_test_keeps_its_name_from_run_to_run():
    again = full(
        run="01JE0", verdict=Verdict.PASS, sentence="Another.", would_change="", contrasts=(), reasons=()
    )

    assert names(full()) == names(again)
    assert len(set(names(full()))) == len(names(full()))


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_what_strangers_write_stays_text(text: str):
    root = tree(told_by(text, full()))

    assert {one.tag for one in root.iter()} <= {
        "testsuites", "testsuite", "properties", "property", "testcase", "failure", "error", "skipped", "system-out",
    }  # fmt: skip
    assert len(document(told_by(text, full()))) < 2_000_000


@settings(max_examples=50, deadline=None)
@given(st.text(st.characters(), max_size=60))
def test_any_text_is_well_formed(text: str):
    tree(told_by(text, full()))
