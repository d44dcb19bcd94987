"""A report for a terminal: lines and tables, the verdict first. The command line prints them; here they are only made.

Below `NARROW` columns a table has fewer, and what it drops stands in `--json`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import Final

from remit.core.notice import visible
from remit.core.trial.report import Broken, Comparison, Estimate, OtherMethod, Report, TaskLine
from remit.usecases.trials.shown.differences import difference, least, sides, statistic, surprise
from remit.usecases.trials.shown.numbers import (
    NOTHING,
    chance,
    estimated,
    percent,
    span,
)
from remit.usecases.trials.shown.order import (
    OTHER_METHODS,
    asked_of,
    counted_runs,
    curves_of,
    design_line,
    ended,
    kept,
    least_stable,
    listed,
    meaning,
    method,
    said_above,
    spread_told,
    whose,
)

NARROW: Final = 100
"""Columns below which a table leaves out how a number was made."""
TINY: Final = 70
"""Columns below which it leaves out the intervals of tasks and comparisons, too."""
MOST_TASKS: Final = 10
MOST_EXAMPLES: Final = 3
LONGEST: Final = 1_500
"""Characters of one sentence."""


@dataclass(frozen=True, slots=True)
class Grid:
    """A table."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    right: frozenset[int] = frozenset()
    """Columns whose cells stand at the right: numbers."""


ReportPart = str | Grid


def parts(report: Report, width: int) -> Iterator[ReportPart]:
    """The report from top to bottom; *width* in columns."""
    yield from _head(report, width)
    yield from _gates(report, width)
    yield from _invariants(report, width)
    yield from _reasons(report, width)
    yield from _numbers(report, width)
    yield from _curves(report)
    yield from _unstable(report, width)
    yield from _contrasts(report, width)
    yield from _comparisons(report, width)
    yield from methods(report.methods, report.methods_told, width)
    yield from _notes(report.notes, width)


def _head(report: Report, width: int) -> Iterator[ReportPart]:
    yield _told(f"{report.verdict.value}  {report.sentence}", width)
    if report.would_change:
        yield _told(f"What would change it: {report.would_change}", width)
    about = f"{visible(report.suite, 120)}, run {visible(report.run, 80)}. {design_line(report)}"
    yield _told("\n" + about, width)


def _gates(report: Report, width: int) -> Iterator[ReportPart]:
    if report.rulings:
        yield "\nGates"
    for ruling in report.rulings:
        said = "as above" if said_above(report, ruling) else ruling.sentence
        yield _told(f"{ruling.verdict.value} {visible(ruling.gate, 120)}: {said}", width, 2)
        if ruling.would_change and not said_above(report, ruling):
            yield _told(f"would change it: {ruling.would_change}", width, 6)


def _invariants(report: Report, width: int) -> Iterator[ReportPart]:
    if report.invariants:
        yield "\nInvariants"
    for found in report.invariants:
        yield _told(_invariant(found, several=len(report.arms) > 1), width, 2)
        for task, epoch, session, breach in found.examples[:MOST_EXAMPLES]:
            named = f", session {visible(session, 80)}" if session else ""
            yield _told(f"{visible(task, 120)} #{epoch}{named}: {breach.told}", width, 6)


def _invariant(found: Broken, *, several: bool) -> str:
    name = visible(found.invariant, 120) + (f" ({visible(found.arm, 60)})" if several else "")
    verdict, told = kept(found)
    bound = f"; it may break in up to {percent(found.bound)} of runs (95 % sure)" if found.trials else ""
    return f"{verdict.value} {name}: {told}{bound}"


def _reasons(report: Report, width: int) -> Iterator[ReportPart]:
    if report.reasons:
        yield "\nWhy runs were no success"
    for one in report.reasons:
        arm = f" ({visible(one.arm, 60)})" if len(report.arms) > 1 else ""
        named = f" [{visible(one.session, 80)}]" if one.session else ""
        yield _told(f"{visible(whose(one), 200)}{arm}: {visible(one.told, 300)}{named}", width, 2)


def _numbers(report: Report, width: int) -> Iterator[ReportPart]:
    names = list(dict.fromkeys(one.name for arm in report.arms for one in report.estimates.get(arm, ())))
    found = {(arm, one.name): one for arm in report.arms for one in reversed(report.estimates.get(arm, ()))}
    rows = []
    for name in names:
        ones = [found.get((arm, name)) for arm in report.arms]
        how = next(method(one) for one in ones if one is not None)
        rows.append([visible(name, 60), *(_estimate(name, one) for one in ones), how])
    columns = ["", *(visible(arm, 60) for arm in report.arms), "how"]
    shown = len(columns) if width >= NARROW else len(columns) - 1
    if rows:
        yield Grid("\nNumbers, with their intervals", columns[:shown], [row[:shown] for row in rows])
    for arm in report.arms:
        yield _told(f"{visible(arm, 60)}: {counted_runs(report, arm)}", width)


def _estimate(name: str, one: Estimate | None) -> str:
    value, between = estimated(name, one)
    return f"{value} ({between})" if between else value


def _curves(report: Report) -> Iterator[ReportPart]:
    for name, curves in curves_of(report).items():
        most = max(len(curve.points) for curve in curves)
        rows = [
            [str(k + 1), *(_estimate("pass^", c.points[k] if k < len(c.points) else None) for c in curves)]
            for k in range(most)
        ]
        columns = ["k", *(visible(curve.arm, 60) for curve in curves)]
        if rows:
            yield Grid(f"\n{visible(name, 40)}: {meaning(name)}", columns, rows, frozenset({0}))


def _unstable(report: Report, width: int) -> Iterator[ReportPart]:
    lines, several = least_stable(report.tasks), len(report.arms) > 1
    shown = 5 if width >= NARROW else 3 if width >= TINY else 2
    columns = ["task", "passed", "interval", "orders of tools", "spread of answers"][:shown]
    rows = [
        [*_task_row(line)[:shown], *([visible(line.arm, 60)] if several else [])]
        for line in lines[:MOST_TASKS]
    ]
    if rows:
        more = f", {MOST_TASKS} of {len(lines)}" if len(lines) > MOST_TASKS else ""
        titled = [*columns, *(["arm"] if several else [])]
        yield Grid(f"\nLeast stable tasks{more}", titled, rows, frozenset(range(1, shown)))


def _task_row(line: TaskLine) -> list[str]:
    return [
        visible(line.task, 80),
        f"{line.passes:,} of {line.n:,}",
        span("success", line.low, line.high),
        str(line.sequences) if line.sequences else NOTHING,
        spread_told(line),
    ]


def _contrasts(report: Report, width: int) -> Iterator[ReportPart]:
    for one in report.contrasts[:MOST_EXAMPLES]:
        arm = f" ({visible(one.arm, 60)})" if len(report.arms) > 1 else ""
        yield _told(f"\n{visible(one.task, 80)}{arm}: {one.why}", width)
        for run in (one.left, one.right):
            calls = listed(run.get("calls"))
            answer = visible(str(run.get("answer") or "no answer"), 200)
            counted = f"{len(calls)} call{'' if len(calls) == 1 else 's'}"
            yield _told(
                f"#{run.get('epoch', '?')} {ended(run.get('success'))}, {counted}: {answer}", width, 2
            )


def _comparisons(report: Report, width: int) -> Iterator[ReportPart]:
    if not report.comparisons:
        return
    columns = [
        "metric",
        "difference",
        "adj.p",
        "interval",
        "baseline",
        "candidate",
        "finds from",
        "how",
    ]
    shown = len(columns) if width >= NARROW else 4 if width >= TINY else 3
    rows = [_comparison_row(one)[:shown] for one in report.comparisons]
    yield Grid("\nCandidate against baseline", columns[:shown], rows, frozenset(range(1, 7)))
    for one in report.comparisons:
        if one.told:
            yield _told(f"{visible(one.metric, 80)}: {one.told}", width, 2)
    if report.correction:
        yield _told(report.correction, width, 2)


def _comparison_row(one: Comparison) -> list[str]:
    name = visible(one.metric, 60) + (" (drift only)" if one.drift_only else "")
    how = visible(", ".join(filter(None, (one.method, one.question))), 200)
    return [name, difference(one)[0], surprise(one), difference(one)[1], *sides(one), least(one), how]


def methods(
    found: Sequence[OtherMethod], told: str, width: int, title: str = OTHER_METHODS
) -> Iterator[ReportPart]:
    """What other published methods say of the same question; *told* is about all of them."""
    if not found:
        return
    columns = ["method", "says", "p", "corrected", "difference", "interval", "asks"]
    shown = len(columns) if width >= NARROW else 5 if width >= TINY else 3
    rows = [_method_row(one)[:shown] for one in found]
    yield Grid(f"\n{visible(title, 200)}", columns[:shown], rows, frozenset(range(2, 6)))
    for one in found:
        if one.told:
            yield _told(f"{visible(one.name, 80)}: {one.told}", width, 2)
    yield _told(told, width, 2)


def _method_row(one: OtherMethod) -> list[str]:
    moved, between = difference(one)
    moved = statistic(one) if moved == NOTHING else moved
    name = visible(one.name, 80) + (" (drift only)" if one.about == "answers" else "")
    return [name, one.says or NOTHING, chance(one.p), chance(one.adjusted), moved, between, asked_of(one)]


def _notes(notes: Sequence[str], width: int) -> Iterator[ReportPart]:
    if notes:
        yield "\nKnow that"
    for note in notes:
        yield _told(f"- {note}", width, 2)


def _told(text: str, width: int, indent: int = 0) -> str:
    """A sentence in lines of *width*; those after the first stand two further in."""
    first, rest = " " * indent, " " * (indent + 2)
    shown = visible(text.lstrip("\n"), LONGEST)
    lines = wrap(shown, max(width, 24), initial_indent=first, subsequent_indent=rest if indent else "")
    return "\n" * text.startswith("\n") + "\n".join(lines)
