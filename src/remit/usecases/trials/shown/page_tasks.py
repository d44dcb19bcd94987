"""Every task with its interval: the table is the plot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from remit.core.trial.report import Report, TaskLine
from remit.usecases.trials.shown.markup import Markup, clean, joined, tag
from remit.usecases.trials.shown.numbers import percent, span
from remit.usecases.trials.shown.order import least_stable, spread_told
from remit.usecases.trials.shown.page_parts import MOST_ROWS, Section, behind, number, table
from remit.usecases.trials.shown.plot_parts import legend, mark, swatch

MOST_DRAWN: Final = 40
MOST_MARKED: Final = 5
MOST_NAME: Final = 120
_HEIGHT: Final = 11
"""Pixels for each arm of a task."""
_TICKS: Final = ((0, "0"), (50, "50"), (100, "100 %"))


def tasks(report: Report) -> Section | None:
    """Success of each task with its interval, the lowest first; the least stable are marked."""
    by_task: dict[str, dict[str, TaskLine]] = {}
    for line in report.tasks:
        by_task.setdefault(line.task, {})[line.arm] = line
    if not by_task:
        return None
    names = sorted(by_task, key=lambda task: _rank(by_task[task], report.arms))
    marked = list(dict.fromkeys(line.task for line in least_stable(report.tasks)))[:MOST_MARKED]
    rows = [_row(task, by_task[task], report.arms, task in marked) for task in names[:MOST_DRAWN]]
    drawn = tag("table", _head(report.arms), tag("tbody", rows), class_="tasks")
    more = names[MOST_DRAWN:]
    rest = [_line(by_task[task], task, report.arms) for task in more]
    columns = ("task", *report.arms)
    right = range(1, len(columns))
    hidden = behind(f"The other {len(more):,} tasks", table(columns, rest, right=right)) if more else None
    body = joined((legend(report.arms, "narrow"), drawn, hidden, _more(report)))
    how = (
        "A mark is the share of a task's runs that succeed, the bar where the true share may lie: the longer the bar,"
        " the fewer the runs. Those that end now so, now otherwise most often are marked."
    )
    return Section("tasks", "Success by task", body, how)


def _rank(lines: Mapping[str, TaskLine], arms: Sequence[str]) -> tuple[float, ...]:
    """The last arm, which is the candidate, decides."""
    return tuple(_share(lines[arm]) if arm in lines else 2.0 for arm in reversed(arms))


def _share(line: TaskLine) -> float:
    return line.passes / line.n if line.n else -1.0


def _head(arms: Sequence[str]) -> Markup:
    labels = [
        tag("text", label, x=f"{at}%", y=12, class_=("", "middle", "end")[place])
        for place, (at, label) in enumerate(_TICKS)
    ]
    axis = tag("svg", labels, height=16, width="100%", aria_hidden="true", class_="axis")
    cells = [
        tag(
            "th",
            swatch(at) if len(arms) > 1 else None,
            tag("bdi", clean(arm, 40)),
            scope="col",
            class_="right",
        )
        for at, arm in enumerate(arms)
    ]
    return tag(
        "thead",
        tag(
            "tr",
            tag("th", "task", scope="col"),
            tag("th", tag("span", "interval", class_="unseen"), axis, scope="col", class_="bars"),
            cells,
        ),
    )


def _row(task: str, lines: Mapping[str, TaskLine], arms: Sequence[str], marked: bool) -> Markup:
    unstable = tag("span", "least stable", class_="tag") if marked else None
    lost = sum(line.infrastructure for line in lines.values())
    note = tag("small", f"{lost:,} more, in which the world failed") if lost else None
    name = tag("th", tag("bdi", clean(task, MOST_NAME)), " ", unstable, note, scope="row")
    cells = [tag("td", _counted(lines.get(arm)), class_="right") for arm in arms]
    drawn = tag("td", tag("span", _ranges(lines, arms), class_="unseen"), _bars(lines, arms), class_="bars")
    return tag("tr", name, drawn, cells)


def _ranges(lines: Mapping[str, TaskLine], arms: Sequence[str]) -> str:
    """What is drawn, for those who hear it."""
    told = [(arm, line) for arm in arms if (line := lines.get(arm)) is not None and line.n]
    return "; ".join(
        f"{f'{arm} ' if len(arms) > 1 else ''}{span('success', line.low, line.high)}" for arm, line in told
    )


def _counted(line: TaskLine | None) -> str:
    return f"{line.passes:,}/{line.n:,}" if line else number("-")


def _bars(lines: Mapping[str, TaskLine], arms: Sequence[str]) -> Markup:
    height = _HEIGHT * max(2, len(arms))
    bars = [
        _bar(lines[arm], place, height * (2 * place + 1) / (2 * len(arms)))
        for place, arm in enumerate(arms)
        if arm in lines and lines[arm].n
    ]
    return tag("svg", bars, height=height, aria_hidden="true")


def _bar(line: TaskLine, place: int, y: float) -> Markup:
    low, high, at = (f"{100 * min(1.0, max(0.0, v)):.1f}%" for v in (line.low, line.high, _share(line)))
    bar = tag("line", x1=low, x2=high, y1=y, y2=y, class_=f"interval arm{place % 3}")
    return joined((bar, mark(place, at, y)))


def _line(lines: Mapping[str, TaskLine], task: str, arms: Sequence[str]) -> list[object]:
    told: list[object] = [task]
    for arm in arms:
        line = lines.get(arm)
        told.append(
            f"{line.passes:,} of {line.n:,} ({span('success', line.low, line.high)})" if line else "-"
        )
    return told


def _more(report: Report) -> Markup:
    rows = [
        (line.task, line.arm, f"{line.passes:,} of {line.n:,}", span("success", line.low, line.high),
         percent(line.agreement), str(line.sequences or "-"), spread_told(line))
        for line in least_stable(report.tasks)[:MOST_ROWS]
    ]  # fmt: skip
    columns = (
        "task",
        "arm",
        "passed",
        "interval",
        "two runs end alike",
        "orders of tools",
        "spread of answers",
    )
    if not rows:
        return Markup()
    return behind("How stable each task is, the least stable first", table(columns, rows, right=range(2, 7)))
