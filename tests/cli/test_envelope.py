"""Lint findings and tests of envelopes as people and programs see them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Remit = Callable[..., Any]
Written = Callable[..., Path]

HEAD = """apiVersion: remit/v1
kind: CapabilityEnvelope
metadata: {name: small, version: "3"}
spec:
  sources: {user: {confidentiality: internal}}
  tools:
    pay:
      effect: write
      args: {type: object, additionalProperties: false, required: [amount], properties: {amount: {type: integer}}}
      require: [{id: ceiling, expr: "args.amount <= 50"}]
"""
TESTS = """  tests:
    - {call: {tool: pay, args: {amount: 60}}, expect: {result: deny, clause: ceiling}}
    - {call: {tool: pay, args: {amount: 40}}, expect: {result: allow}}
"""


def test_a_clean_envelope_is_described(remit: Remit, written: Written) -> None:
    path = written("small.yaml", HEAD + TESTS)
    ran = remit("envelope", "lint", path, "--json")
    (report,) = ran.object["files"]

    assert ran.code == 0
    assert len(report.pop("hash")) == 64
    assert report == {
        "file": str(path),
        "ok": True,
        "errors": [],
        "warnings": [],
        "notes": [],
        "name": "small",
        "version": "3",
        "enforcement": "enforce",
        "tools": ["pay"],
        "clauses": ["pay.ceiling"],
        "tests": 2,
    }
    assert (
        ": ok: small version 3, 1 tools, 1 clauses, 2 tests hold, 0 warnings"
        in remit("envelope", "lint", path).out
    )


def test_an_error_is_a_finding_with_its_line(remit: Remit, written: Written) -> None:
    path = written("small.yaml", HEAD.replace("args.amount <= 50", "args.amuont <= 50"))
    ran = remit("envelope", "lint", path)

    assert ran.code == 1
    assert ran.out == (
        f"{path}:10: error: spec.tools.pay.require[0].expr: no field 'amuont'; has amount (at 5) [error]\n"
    )
    (finding,) = remit("envelope", "lint", path, "--json").object["files"][0]["errors"]
    assert (finding["line"], finding["path"]) == (10, "spec.tools.pay.require[0].expr")


def test_a_failing_test_is_an_error_of_lint(remit: Remit, written: Written) -> None:
    path = written("small.yaml", HEAD + TESTS.replace("amount: 40", "amount: 51"))
    ran = remit("envelope", "lint", path, "--json")
    (report,) = ran.object["files"]

    assert ran.code == 1
    assert not report["ok"]
    assert report["errors"] == [
        {
            "rule": "test",
            "line": 13,
            "path": "spec.tests",
            "message": "pay {'amount': 51}: expected allow, got deny (pay.ceiling: args.amount <= 50 is not true)",
        }
    ]


def test_a_warning_fails_only_when_asked(remit: Remit, written: Written) -> None:
    path = written("small.yaml", HEAD)

    assert remit("envelope", "lint", path).code == 0
    ran = remit("envelope", "lint", path, "--strict")
    assert ran.code == 1
    assert f"{path}:5: warning: spec.tests: no tests" in ran.out


def test_one_bad_file_does_not_hide_the_others(remit: Remit, written: Written) -> None:
    good, bad = written("good.yaml", HEAD + TESTS), written("bad.yaml", "kind: x\n")
    ran = remit("envelope", "lint", bad, good, "--json")

    assert ran.code == 1
    assert [report["ok"] for report in ran.object["files"]] == [False, True]


@pytest.mark.parametrize(
    ("content", "line"),
    [("a: [\n", 2), ("a: 1\na: 2\n", 2), ("", 0), ("\t\n", 1), ("- " * 100 + "x", 1), ("a: &a [*a]", 1)],
)
def test_text_that_is_no_envelope_is_a_finding_and_no_trace(
    remit: Remit, written: Written, content: str, line: int
) -> None:
    ran = remit("envelope", "lint", written("bad.yaml", content), "--json")

    assert ran.code == 1
    assert [finding["line"] for finding in ran.object["files"][0]["errors"]] == [line]


def test_bytes_that_are_no_text_are_named(remit: Remit, written: Written) -> None:
    ran = remit("envelope", "lint", written("bad.yaml", b"\xff\xfe"))

    assert ran.code == 3
    assert "byte 0 is not UTF-8" in ran.err


def test_every_example_is_clean_under_strict_lint(remit: Remit, examples: Path) -> None:
    ran = remit("envelope", "lint", "--strict", *sorted(examples.glob("*.yaml")))

    assert (ran.code, ran.err) == (0, ""), ran.out


def test_the_tests_of_an_envelope_are_listed_with_what_they_got(remit: Remit, written: Written) -> None:
    path = written("small.yaml", HEAD + TESTS.replace("amount: 40", "amount: 51"))
    ran = remit("envelope", "test", path, "--json")
    (report,) = ran.object["files"]

    assert ran.code == 1
    assert [(one["line"], one["result"], one["clauses"], one["passed"]) for one in report["tests"]] == [
        (12, "deny", ["pay.ceiling"], True),
        (13, "deny", ["pay.ceiling"], False),
    ]
    assert "FAIL" in remit("envelope", "test", path).out


def test_an_envelope_whose_tests_hold_passes(remit: Remit, written: Written) -> None:
    ran = remit("envelope", "test", written("small.yaml", HEAD + TESTS))

    assert ran.code == 0
    assert "FAIL" not in ran.out


def test_an_envelope_without_tests_says_so(remit: Remit, written: Written) -> None:
    ran = remit("envelope", "test", written("small.yaml", HEAD))

    assert ran.code == 0
    assert "no tests; add spec.tests" in ran.out


def test_an_envelope_that_does_not_load_fails_its_tests(remit: Remit, written: Written) -> None:
    ran = remit("envelope", "test", written("small.yaml", HEAD.replace("write", "wrte")))

    assert ran.code == 1
    assert "does not load" in ran.out


def test_the_schema_is_one_json_document(remit: Remit) -> None:
    ran = remit("envelope", "schema")

    assert json.loads(ran.out) == remit("envelope", "schema", "--json").object
    assert json.loads(ran.out)["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_the_reference_is_the_page_of_the_language(remit: Remit) -> None:
    ran = remit("envelope", "reference")

    assert ran.out == (Path(__file__).parents[2] / "docs/language.md").read_text("utf-8")
    assert remit("envelope", "reference", "--json").object == {"markdown": ran.out}


def test_clauses_on_the_final_answer_are_listed_too(remit: Remit, written: Written) -> None:
    ends = "  outputs: [{id: short, max_length: 9}]\n  session_ensure: [{id: said, expr: \"answer != ''\"}]\n"
    (report,) = remit("envelope", "lint", written("ends.yaml", HEAD + ends), "--json").object["files"]

    assert report["clauses"] == ["pay.ceiling", "outputs.short", "session.said"]


def test_a_file_that_cannot_be_read_does_not_hide_the_others(remit: Remit, written: Written) -> None:
    good, binary = written("good.yaml", HEAD + TESTS), written("binary.yaml", b"\xff\xfe")
    ran = remit("envelope", "lint", "nowhere.yaml", binary, good, "--json")
    reports = ran.object["files"]

    assert ran.code == 3
    assert [report["ok"] for report in reports] == [False, False, True]
    assert [report["errors"][0]["rule"] for report in reports[:2]] == ["unreadable", "unreadable"]
    assert "no such file" in reports[0]["errors"][0]["message"]
