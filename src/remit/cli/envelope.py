"""`remit envelope`: check envelope files, run their tests, print the language's JSON Schema."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from remit.cli.envelope_diff import envelope_diff
from remit.cli.envelope_enforce import enforce
from remit.cli.envelope_explain import envelope_explain
from remit.cli.envelope_infer import envelope_infer
from remit.cli.output import Output, emit, safe, say, table
from remit.cli.variadic import Variadic
from remit.core.envelope import Envelope, clauses_of
from remit.core.errors import BadInput
from remit.core.lint import lint as lint_envelope
from remit.core.reader import read_envelope
from remit.core.selftest import TestResult, run_tests
from remit.wiring import read_text

app = typer.Typer(add_completion=False, no_args_is_help=True)

Files = Annotated[list[Path], typer.Argument(metavar="FILE…", help="Envelope files.", show_default=False)]


@app.callback()
def envelope() -> None:
    """Check, test and describe envelopes."""


@app.command()
def lint(
    files: Files,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings fail too.")] = False,
) -> int:
    """Load each file, run its tests, and point at what is legal and probably not meant."""
    reports = [_read(file) if len(files) > 1 else _linted(file) for file in files]
    if Output.json:
        emit({"files": reports})
    else:
        for report in reports:
            _show(report)
    if any(report["errors"] and report["errors"][0]["rule"] == UNREADABLE for report in reports):
        return 3
    failed = any(report["errors"] or (strict and report["warnings"]) for report in reports)
    return 1 if failed else 0


UNREADABLE = "unreadable"
"""The rule of a file among several that cannot be read: the others are looked at all the same."""


def _read(path: Path) -> dict[str, Any]:
    """As `_linted`, with a file that cannot be read as a finding."""
    try:
        return _linted(path)
    except BadInput as error:
        finding = _finding(error, path) | {"rule": UNREADABLE}
        return {"file": str(path), "ok": False, "errors": [finding], "warnings": [], "notes": []}


def _linted(path: Path) -> dict[str, Any]:
    text = read_text(path)
    report: dict[str, Any] = {"file": str(path), "ok": True, "errors": [], "warnings": [], "notes": []}
    try:
        loaded = read_envelope(text, str(path))
    except BadInput as error:
        return report | {"ok": False, "errors": [_finding(error, path)]}
    failing = [result for result in run_tests(loaded) if result.problem]
    report["errors"] = [_failing(result) for result in failing]
    for finding in lint_envelope(loaded, text, str(path)):
        told = asdict(finding)
        report["notes" if told.pop("level") == "info" else "warnings"].append(told)
    return report | {"ok": not failing} | _described(loaded)


def _described(loaded: Envelope) -> dict[str, Any]:
    return {
        "hash": loaded.hash,
        "name": loaded.name,
        "version": loaded.version,
        "enforcement": loaded.enforcement.value,
        "tools": list(loaded.tools),
        "clauses": [c.id for tool in loaded.tools.values() for c in clauses_of(tool)]
        + [answer.clause.id for answer in loaded.outputs]
        + [ensure.clause.id for ensure in loaded.session_ensure],
        "tests": len(loaded.tests),
    }


_PLACE = re.compile(r":(\d+)(?:: (.*))?\Z", re.DOTALL)


def _finding(error: BadInput, path: Path) -> dict[str, Any]:
    """An error of the reader: `file:line: path` taken apart."""
    place = _PLACE.match(error.where.removeprefix(str(path)))
    line, inside = (int(place[1]), place[2] or "") if place else (0, "")
    message = error.found + (f"; {error.remedy}" if error.remedy else "")
    return {"rule": "error", "line": line, "path": inside, "message": message}


def _failing(result: TestResult) -> dict[str, Any]:
    line = result.expectation.line
    return {"rule": "test", "line": line, "path": "spec.tests", "message": result.problem}


def _show(report: dict[str, Any]) -> None:
    name = safe(report["file"])
    for kind, key in (("error", "errors"), ("warning", "warnings"), ("note", "notes")):
        for finding in report[key]:
            place = f"{name}:{finding['line']}" if finding["line"] else name
            path = f" {safe(finding['path'])}:" if finding["path"] else ""
            say(f"{place}: {kind}:{path} {safe(finding['message'])} [{finding['rule']}]")
    if report["ok"]:
        counts = (
            f"{len(report['tools'])} tools, {len(report['clauses'])} clauses, {report['tests']} tests hold"
        )
        told = f"{safe(report['name'])} version {safe(report['version'])}, {counts}"
        say(f"{name}: ok: {told}, {len(report['warnings'])} warnings, sha256 {report['hash'][:16]}…")


@app.command()
def test(files: Files) -> int:
    """Run the tests that each envelope brings; exit 1 where one fails."""
    reports = [_tested(file) for file in files]
    if Output.json:
        emit({"files": reports})
    else:
        for report in reports:
            _show_tests(report)
    return 0 if all(report["ok"] for report in reports) else 1


def _tested(path: Path) -> dict[str, Any]:
    text = read_text(path)
    report: dict[str, Any] = {"file": str(path), "ok": False, "tests": [], "error": None}
    try:
        loaded = read_envelope(text, str(path))
    except BadInput as error:
        return report | {"error": str(error)}
    tests = [_told(result) for result in run_tests(loaded)]
    return report | {"ok": all(one["passed"] for one in tests), "tests": tests}


def _told(result: TestResult) -> dict[str, Any]:
    expected, decision = result.expectation, result.decision
    return {
        "line": expected.line,
        "tool": expected.tool,
        "args": dict(expected.args),
        "expected": {"result": expected.result, "clause": expected.clause},
        "result": decision.result.value,
        "clauses": list(decision.clauses),
        "flags": list(decision.flags),
        "passed": not result.problem,
        "problem": result.problem,
    }


def _show_tests(report: dict[str, Any]) -> None:
    name = safe(report["file"])
    if report["error"]:
        say(f"{name}: does not load: {safe(report['error'])}")
        return
    rows = [
        (one["line"], one["tool"], _wanted(one["expected"]), _got(one), "pass" if one["passed"] else "FAIL")
        for one in report["tests"]
    ]
    columns = ("line", "tool", "expected", "got", "")
    table(
        name,
        columns,
        rows,
        empty=f"{name}: no tests; add spec.tests: a call that must pass, one that must not",
    )


def _wanted(expected: dict[str, Any]) -> str:
    return f"{expected['result']} by {expected['clause']}" if expected["clause"] else str(expected["result"])


def _got(one: dict[str, Any]) -> str:
    by = ", ".join((*one["clauses"], *one["flags"]))
    return f"{one['result']} by {by}" if by else str(one["result"])


@app.command()
def schema() -> int:
    """The JSON Schema of the envelope language, for editors: `# yaml-language-server: $schema=…`."""
    from remit.core.envelope_schema import ENVELOPE_SCHEMA

    if Output.json:
        emit(ENVELOPE_SCHEMA)
    else:
        sys.stdout.write(json.dumps(ENVELOPE_SCHEMA, indent=2) + "\n")
    return 0


@app.command()
def reference() -> int:
    """The reference of the language in Markdown: the conditions, then every key."""
    from remit.core.cel.reference import reference as conditions
    from remit.core.envelope_reference import keys_reference

    text = conditions() + "\n" + keys_reference()
    if Output.json:
        emit({"markdown": text})
    else:
        sys.stdout.write(text)
    return 0


app.command("diff", cls=Variadic)(envelope_diff)
app.command("enforce")(enforce)
app.command("explain")(envelope_explain)
app.command("infer", cls=Variadic)(envelope_infer)
