"""A report as GitHub-flavoured Markdown, for the summary of a job: what matters first, within a bound of size.

Texts that strangers wrote become code spans, in which nothing is a link, an image, a mention or a tag; sentences, which
may quote them, have every character escaped that Markdown reads. GitHub shows no summary above 1 MiB at all, so whole
sections are left out from the end, and the page says which.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from remit.core.notice import visible
from remit.core.trial.report import Comparison, Contrast, Estimate, OtherMethod, Report, TaskLine
from remit.core.trial.verdict import Verdict
from remit.core.types import Json
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
    whose,
)

MOST_BYTES: Final = 1024 * 1024
MOST_ROWS: Final = 50
MOST_CALLS: Final = 20
LONGEST: Final = 2_000
_MARKS: Final = {Verdict.PASS: "✅", Verdict.BLOCK: "❌", Verdict.INCONCLUSIVE: "❔", Verdict.ERROR: "⚠️"}
_READ = re.compile(r"([\\`*_{}\[\]<>#!|~&@$])|(?<=:)(/)(?=/)|(?i:(?<=www)(\.))|^([-+=])|(?<=^\d)([.)])")
"""What starts emphasis, a link, a tag, a list, a cell, a mention or a formula; `://` and `www.` make links alone."""


def document(report: Report, most: int = MOST_BYTES) -> bytes:
    """The report, *most* bytes at most: what fits, in the order of its weight; empty where nothing would."""
    shown, left_out, size = [], [], 200
    for title, lines in _sections(report):
        part = ([f"### {title}", ""] if title else []) + [*lines, ""]
        data = "\n".join(part).encode() + b"\n"
        if size + len(data) <= most:
            shown.append(data)
            size += len(data)
        else:
            left_out.append(title or "the verdict")
    if left_out:
        shown.append(f"Too large for this page, and left out: {', '.join(left_out)}.\n".encode())
    return b"".join(shown) if most > 200 else b""


def _sections(report: Report) -> Iterator[tuple[str, list[str]]]:
    made = (
        ("", _head(report)),
        ("Gates", _gates(report)),
        ("Invariants", _invariants(report)),
        ("Why runs were no success", _reasons(report)),
        ("Candidate against baseline", _comparisons(report)),
        ("Numbers", _numbers(report)),
        ("Know that", [f"- {_sentence(note)}" for note in report.notes]),
        *((name.replace("^", "\\^"), lines) for name, lines in _curves(report)),
        ("Least stable tasks", _unstable(report)),
        (OTHER_METHODS, _methods(report)),
        ("Two runs side by side", [line for one in report.contrasts[:MOST_ROWS] for line in _contrast(one)]),
    )
    return ((title, lines) for title, lines in made if lines)


def _head(report: Report) -> list[str]:
    lines = [
        f"## {_MARKS[report.verdict]} {report.verdict.value}: {code(report.suite, 120)}",
        "",
        f"**{_sentence(report.sentence).strip() or report.verdict.value}**",
    ]
    if report.would_change:
        lines += ["", f"What would change it: {_sentence(report.would_change)}"]
    lines += ["", f"Run {code(report.run, 120)}. {_sentence(design_line(report))}"]
    return [
        *lines,
        "",
        *(f"- {code(arm, 60)}: {_sentence(counted_runs(report, arm))}" for arm in report.arms),
    ]


def _gates(report: Report) -> list[str]:
    rows = [
        (
            f"{_MARKS[one.verdict]} {one.verdict.value}",
            code(one.gate, 120),
            _sentence(one.sentence),
            _sentence(one.would_change),
        )
        for one in report.rulings
    ]
    return _table(("verdict", "gate", "what it says", "what would change it"), rows)


def _invariants(report: Report) -> list[str]:
    rows = []
    for one in report.invariants[:MOST_ROWS]:
        verdict, told = kept(one)
        bound = percent(one.bound) if one.trials else ""
        rows.append(
            (f"{_MARKS[verdict]} {told}", code(one.invariant, 120), code(one.arm, 60), _sentence(bound))
        )
    lines = _table(("seen", "invariant", "arm", "may break in up to (95 % sure)"), rows)
    for one in report.invariants[:MOST_ROWS]:
        for task, epoch, session, breach in one.examples[:3]:
            lines.append(
                f"- {code(one.invariant, 120)} in {code(task, 120)} \\#{epoch}"
                f" {code(session, 120) if session else ''}: {_sentence(breach.told)}"
            )
    return lines


def _reasons(report: Report) -> list[str]:
    shown = 4 if any(one.session for one in report.reasons) else 3
    rows = [
        (code(one.told, 400), code(whose(one), 300), code(one.arm, 60), code(one.session, 120))[:shown]
        for one in report.reasons[:MOST_ROWS]
    ]
    return _table(("why", "runs", "arm", "session of the first")[:shown], rows)


def _comparisons(report: Report) -> list[str]:
    lines = _table(
        ("metric", "baseline", "candidate", "difference", "interval", "p, corrected", "finds from", "how"),
        [_comparison(one) for one in report.comparisons[:MOST_ROWS]],
        right=range(1, 7),
    )
    told = [
        f"- {code(one.metric, 60)}: {_sentence(one.told)}"
        for one in report.comparisons[:MOST_ROWS]
        if one.told
    ]
    return [*lines, *told, *(["", _sentence(report.correction)] if report.correction else [])]


def _comparison(one: Comparison) -> tuple[str, ...]:
    numbers = (*sides(one), *difference(one), surprise(one), least(one))
    how = ", ".join(filter(None, (one.method, one.question, "drift only" if one.drift_only else "")))
    return (code(one.metric, 60), *map(_sentence, numbers), _sentence(how))


def _methods(report: Report) -> list[str]:
    lines = _table(
        ("method", "says", "p", "corrected", "difference", "interval", "asks", "assumes"),
        [_method(one) for one in report.methods],
        right=range(2, 6),
    )
    told = [f"- {_sentence(one.name)}: {_sentence(one.told)}" for one in report.methods if one.told]
    return [*lines, *told, *(["", _sentence(report.methods_told)] if report.methods else [])]


def _method(one: OtherMethod) -> tuple[str, ...]:
    moved, between = difference(one)
    moved = statistic(one) if moved == NOTHING else moved
    name = one.name + (" (drift only)" if one.about == "answers" else "")
    cells = (name, one.says, chance(one.p), chance(one.adjusted), moved, between, asked_of(one), one.assumes)
    return tuple(map(_sentence, cells))


def _numbers(report: Report) -> list[str]:
    rows = [
        (code(arm, 60), code(one.name, 60), *map(_sentence, estimated(one.name, one)),
         _sentence(method(one)))
        for arm in report.arms
        for one in report.estimates.get(arm, ())[:MOST_ROWS]
    ]  # fmt: skip
    return _table(("arm", "number", "value", "interval", "how"), rows, right=(2, 3))


def _curves(report: Report) -> Iterator[tuple[str, list[str]]]:
    for name, curves in curves_of(report).items():
        most = min(MOST_ROWS, max(len(curve.points) for curve in curves))
        rows = [(str(k + 1), *(_point(curve.points[k : k + 1]) for curve in curves)) for k in range(most)]
        columns = ("k", *(code(curve.arm, 60) for curve in curves))
        shown = _table(columns, rows, right=range(len(columns)))
        yield visible(name, 40), [f"{_sentence(meaning(name).capitalize())}.", "", *shown] if shown else []


def _point(found: Sequence[Estimate]) -> str:
    value, between = estimated("pass^", found[0]) if found else ("", "")
    return _sentence(f"{value} ({between})" if between else value)


def _unstable(report: Report) -> list[str]:
    rows = [_task(line) for line in least_stable(report.tasks)[:MOST_ROWS]]
    return _table(("task", "arm", "passed", "interval", "orders of tools"), rows, right=(2, 3, 4))


def _task(line: TaskLine) -> tuple[str, ...]:
    between = span("success", line.low, line.high)
    passed = f"{line.passes:,} of {line.n:,}"
    return code(line.task, 120), code(line.arm, 60), passed, _sentence(between), str(line.sequences or "")


def _contrast(one: Contrast) -> list[str]:
    lines = [f"**{code(one.task, 120)}** ({code(one.arm, 60)}): {_sentence(one.why)}", ""]
    return [*lines, *_run(one.left), *_run(one.right), ""]


def _run(told: Mapping[str, Json]) -> list[str]:
    reason = f": {_sentence(str(told['reason']))}" if told.get("reason") else ""
    lines = [f"- \\#{_sentence(str(told.get('epoch', '?')))} {ended(told.get('success'))}{reason}"]
    lines += [f"  1. {code(call, 400)}" for call in listed(told.get("calls"))[:MOST_CALLS]]
    return [*lines, f"  - {code(str(told.get('answer') or 'no answer'), LONGEST)}"]


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> list[str]:
    if not rows:
        return []
    marks = ["---:" if place in right else "---" for place in range(len(columns))]
    cells = [columns, marks, *rows]
    return ["| " + " | ".join(row) + " |" for row in cells] + [""]


def code(text: str, limit: int = LONGEST) -> str:
    """A code span that is one whatever *text* is, in a table and out of it; empty where the text is.

    >>> code("![x](https://evil.example) `a` | b")
    "`![x](https://evil.example) 'a' ¦ b`"
    """
    shown = visible(text, limit).replace("`", "'").replace("|", "\N{BROKEN BAR}").strip()
    return f"`{shown}`" if shown else ""


def _sentence(text: str) -> str:
    """*text* as text: no link, image, mention, tag or end of a cell in it."""
    shown = visible(text, LONGEST)
    return _READ.sub(lambda found: f"\\{found[0]}", shown)
