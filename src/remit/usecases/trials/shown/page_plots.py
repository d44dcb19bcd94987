"""The sections with a plot each: how to read it in one line, the plot, its numbers in a table."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from math import isfinite
from typing import Final

from remit.core.trial.report import Boundary, Curve, Estimate, Map, Report
from remit.usecases.trials.shown.markup import Markup, clean, joined, tag
from remit.usecases.trials.shown.numbers import (
    FEW_TASKS,
    estimated,
    interval,
    of_few_tasks,
    percent,
    plain,
    seconds,
)
from remit.usecases.trials.shown.order import curves_of, meaning
from remit.usecases.trials.shown.page_parts import Section, behind, table
from remit.usecases.trials.shown.plot_map import map_plot
from remit.usecases.trials.shown.plot_parts import legend
from remit.usecases.trials.shown.plots import boundary_plot, curve_plot, is_known, latency_plot

_QUANTILE: Final = re.compile(r"latency p(\d{1,2}(?:\.\d+)?)$")
_LEVELS: Final = (0.5, 0.75, 0.9, 0.95, 0.99)
MOST_PLOTS: Final = 12
_FEW: Final = (
    f"No ranges are drawn: fewer than {FEW_TASKS} tasks say too little about other tasks like these."
)


def curves(report: Report) -> Section | None:
    """pass^k and pass@k."""
    known = {
        name: [curve for curve in curves if any(is_known(one.value) for one in curve.points)]
        for name, curves in curves_of(report).items()
    }
    shown = [
        _curve(f"curve{at}", name, curves, report.arms)
        for at, (name, curves) in enumerate(known.items())
        if curves
    ]
    if not shown:
        return None
    how = "pass^k falls the faster, the less an agent can be relied on: a task that works today must work tomorrow, too."
    return Section("repeats", "When a task is run again and again", joined(shown), how)


def _curve(id_: str, name: str, curves: Sequence[Curve], arms: Sequence[str]) -> Markup:
    most = max(len(curve.points) for curve in curves)
    rows = [[str(k + 1), *(_point(curve.points[k : k + 1]) for curve in curves)] for k in range(most)]
    columns = ("k", *(curve.arm for curve in curves))
    numbers = behind("The numbers", table(columns, rows, right=range(len(columns))))
    title = tag("h3", name, tag("span", f" \u00b7 {meaning(name)}", class_="soft"))
    few = any(of_few_tasks(one) for curve in curves for one in curve.points)
    told = tag("p", _FEW, class_="soft small") if few else None
    return tag("figure", title, legend(arms), curve_plot(id_, curves, arms), told, numbers)


def _point(found: Sequence[Estimate]) -> str:
    value, between = estimated("pass^", found[0] if found else None)
    return f"{value} ({between})" if between else value


def boundaries(report: Report) -> Section | None:
    """Sequential gates as they went."""
    known = [one for one in report.boundaries if one.steps and one.path]
    if not known:
        return None
    how = (
        "The line is what was counted, run by run. Where it reaches a shaded region the gate has decided and no further"
        " run is paid for; between them, nothing is decided yet."
    )
    body = joined(_boundary(f"gate{at}", one) for at, one in enumerate(known[:MOST_PLOTS]))
    return Section("sequence", "How each gate came to its decision", body, how)


def _boundary(id_: str, one: Boundary) -> Markup:
    every = max(1, len(one.path) // 40)
    rows = []
    for at in sorted({*range(0, len(one.path), every), len(one.path) - 1}):
        edges = [values[at] if at < len(values) else None for values in (one.passes, one.blocks)]
        rows.append((f"{one.steps[at]:,}", plain(one.path[at]), *map(plain, edges)))
    columns = (one.x, one.y, "passes at", "blocks at")
    numbers = behind("The numbers", table(columns, rows, right=range(4)))
    return tag("figure", _gate_title(one), boundary_plot(id_, one), numbers)


def _gate_title(one: Boundary) -> Markup:
    ended = "not decided" if one.stopped_at is None else f"decided at {one.stopped_at:,}"
    return tag("h3", tag("bdi", clean(one.gate, 120)), tag("span", f" \u00b7 {ended}", class_="soft"))


def latencies(report: Report) -> Section | None:
    """Time until the answer."""
    every = {arm: [v for v in report.latencies.get(arm, ()) if is_known(v)] for arm in report.arms}
    known = {arm: values for arm, values in every.items() if values}
    if not known:
        return None
    quantiles = {arm: _quantiles(report.estimates.get(arm, ())) for arm in report.arms}
    rows = []
    for share in _LEVELS:
        cells = [_level(share, quantiles[arm], known.get(arm, ())) for arm in report.arms]
        rows.append((f"{100 * share:.3g} % of runs within", *cells))
    numbers = behind(
        "The numbers", table(("share", *report.arms), rows, right=range(1, len(report.arms) + 1))
    )
    how = (
        "The line says which share of the runs had ended after how long: further left is faster. Bars say how sure the"
        " times are within which 50, 95, … of 100 runs end."
    )
    plot = latency_plot("latency", known, quantiles, report.arms)
    return Section("latency", "Time until the answer", tag("figure", legend(report.arms), plot, numbers), how)


def _quantiles(estimates: Sequence[Estimate]) -> list[tuple[float, Estimate]]:
    found = [
        (match, one) for one in estimates if is_known(one.value) and (match := _QUANTILE.match(one.name))
    ]
    return [(float(match[1]) / 100, one) for match, one in found]


def _level(share: float, quantiles: Sequence[tuple[float, Estimate]], values: Sequence[float]) -> str:
    one = next((one for level, one in quantiles if abs(level - share) < 1e-9), None)
    if one is not None and one.value is not None:
        return f"{seconds(one.value)} ({interval('latency', one)})"
    place = min(len(values) - 1, int(share * len(values)))
    return seconds(values[place]) if values else "-"


def answers(report: Report) -> Section | None:
    """The map of answers."""
    if report.map is None:
        return None
    found = replace(report.map, points=tuple(p for p in report.map.points if isfinite(p[0] + p[1])))
    if not found.points:
        return None
    alike = "words" if found.embedder.startswith("lexical") else "meaning"
    how = (
        f"Each mark is one answer; the nearer two are, the more alike in {alike}; a larger mark is several equal ones."
        " Hollow marks did not pass. The map cannot tell right from wrong: it shows that answers moved, never that they"
        " are worse."
    )
    told = f"By {found.embedder}; the two directions show {percent(found.explained)} of all that varies."
    plot = map_plot("map", found, report.arms)
    figure = tag("figure", legend(report.arms), plot, tag("p", told, class_="soft small"), _answers(found))
    return Section("answers", "How answers lie", figure, how)


def _answers(found: Map) -> Markup:
    rows = [
        (
            task,
            arm,
            "passed" if success else "-" if success is None else "failed",
            f"{x:.2f}",
            f"{y:.2f}",
            answer,
        )
        for x, y, arm, task, success, answer in found.points[:300]
    ]
    return behind("The numbers", table(("task", "arm", "ended", "right", "up", "answer"), rows, right=(3, 4)))
