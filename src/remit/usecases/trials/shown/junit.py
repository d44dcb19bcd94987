"""A report as JUnit XML, for the dashboards of CI.

What a dashboard colours red is what blocks, and nothing else:

- BLOCK is a failure, ERROR an error, INCONCLUSIVE *skipped* with its sentence: dashboards list the messages of skipped
  tests, and nobody takes one for a pass. Whether it stops the pipeline is said by the exit code.
- A task is no gate. It passes where all its runs passed, and is skipped with its count where not: one failure in five is
  what the gates are there to judge, and a red task in a run that passes would teach people not to look.

One suite for the verdict and the gates, and one for each arm with its invariants and tasks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from remit.core.notice import visible
from remit.core.trial.report import Broken, Report, Ruling, TaskLine
from remit.core.trial.verdict import Verdict
from remit.core.types import Json
from remit.usecases.trials.shown.numbers import percent, span
from remit.usecases.trials.shown.order import ended, kept, listed

LONGEST: Final = 4_000
MOST_NAME: Final = 300
_OUTCOMES: Final = {Verdict.BLOCK: "failure", Verdict.ERROR: "error", Verdict.INCONCLUSIVE: "skipped"}

_COUNTS: Final = {"failures": "failure", "errors": "error", "skipped": "skipped"}
_ABOVE_ALL: Final = {"failures": "failure", "errors": "error"}
"""Of `testsuites`. Jenkins' xUnit plugin refuses a whole file that says there how many were skipped."""


@dataclass(frozen=True, slots=True)
class _Case:
    name: str
    outcome: str = ""
    """`failure`, `error`, `skipped`, or nothing where it passed."""
    message: str = ""
    more: str = ""
    out: str = ""


def document(report: Report) -> bytes:
    """The report as UTF-8."""
    suites = [("verdict", list(_gates(report)))]
    suites += [(arm, [*_invariants(report, arm), *_tasks(report, arm)]) for arm in report.arms]
    every = [case for _, cases in suites for case in cases]
    lines = ['<?xml version="1.0" encoding="UTF-8"?>']
    lines.append(f"<testsuites {_attributes(report.suite, every, _ABOVE_ALL)}>")
    for name, cases in suites:
        lines += _suite(report, name, cases)
    return ("\n".join([*lines, "</testsuites>"]) + "\n").encode()


def _gates(report: Report) -> Iterator[_Case]:
    yield _judged("verdict", report.verdict, report.sentence, report.would_change)
    for ruling in report.rulings:
        yield _gate(ruling)


def _gate(ruling: Ruling) -> _Case:
    return _judged(f"gate {ruling.gate}", ruling.verdict, ruling.sentence, ruling.would_change)


def _judged(name: str, verdict: Verdict, sentence: str, would_change: str) -> _Case:
    outcome = _OUTCOMES.get(verdict, "")
    more = f"What would change it: {would_change}" if would_change else ""
    return _Case(
        name, outcome, f"{verdict.value}: {sentence}", more, "" if outcome else f"{sentence}\n{more}"
    )


def _invariants(report: Report, arm: str) -> Iterator[_Case]:
    for found in report.invariants:
        if found.arm == arm:
            yield _invariant(found)


def _invariant(found: Broken) -> _Case:
    verdict, told = kept(found)
    if verdict is Verdict.PASS:
        return _Case(
            f"invariant {found.invariant}",
            out=f"{told}; it may break in up to {percent(found.bound)} of runs (95 % sure)",
        )
    first = [
        f"{visible(task, MOST_NAME)} #{epoch} {visible(session, MOST_NAME)}: {visible(breach.told, LONGEST)}"
        for task, epoch, session, breach in found.examples
    ]
    return _Case(f"invariant {found.invariant}", _OUTCOMES[verdict], told, "\n".join(first))


def _tasks(report: Report, arm: str) -> Iterator[_Case]:
    contrasts = {(one.arm, one.task): one for one in report.contrasts}
    for line in report.tasks:
        if line.arm == arm:
            pair = contrasts.get((arm, line.task))
            runs = [visible(pair.why, LONGEST), _run(pair.left), _run(pair.right)] if pair else []
            yield _task(line, "\n".join(runs))


def _task(line: TaskLine, runs: str) -> _Case:
    lost = f"; in {line.infrastructure:,} the world failed" if line.infrastructure else ""
    if not line.n:
        return _Case(line.task, "skipped", f"no run counts{lost}")
    told = f"{line.passes:,} of {line.n:,} runs passed ({span('success', line.low, line.high)}){lost}"
    if line.passes == line.n:
        return _Case(line.task, out="\n".join(filter(None, (told, runs))))
    return _Case(line.task, "skipped", f"{told}; the gates judge the suite, not one task", out=runs)


def _run(told: Mapping[str, Json]) -> str:
    calls = "".join(f"\n    {visible(call, LONGEST)}" for call in listed(told.get("calls"))[:50])
    answer = visible(str(told.get("answer") or "no answer"), LONGEST)
    return f"#{told.get('epoch', '?')} {ended(told.get('success'))}{calls}\n    {answer}"


def _suite(report: Report, name: str, cases: list[_Case]) -> Iterator[str]:
    yield f"  <testsuite {_attributes(name, cases)}>"
    yield "    <properties>"
    for key, value in (("run", report.run), ("suite", report.suite), ("verdict", report.verdict.value)):
        yield f"      <property name={_quoted(key)} value={_quoted(value)}/>"
    yield "    </properties>"
    for case in cases:
        yield from _case(f"{report.suite}.{name}", case)
    yield "  </testsuite>"


def _attributes(name: str, cases: list[_Case], counts: Mapping[str, str] = _COUNTS) -> str:
    told = [f"name={_quoted(name)}", f'tests="{len(cases)}"']
    for key, outcome in counts.items():
        told.append(f'{key}="{sum(case.outcome == outcome for case in cases)}"')
    return " ".join(told)


def _case(classname: str, case: _Case) -> Iterator[str]:
    yield f"    <testcase classname={_quoted(classname)} name={_quoted(case.name)}>"
    if case.outcome:
        message = _quoted(case.message, LONGEST)
        yield f"      <{case.outcome} message={message}>{_text(case.more)}</{case.outcome}>"
    if case.out:
        yield f"      <system-out>{_text(case.out)}</system-out>"
    yield "    </testcase>"


def _quoted(text: str, limit: int = MOST_NAME) -> str:
    return quoteattr(visible(text, limit))


def _text(text: str) -> str:
    """Each line visible: XML 1.0 has no way to write a control character, not even escaped."""
    return escape("\n".join(visible(line, LONGEST) for line in text.split("\n")))
