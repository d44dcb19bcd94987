"""The plots of a page: pass^k, a sequential gate, latency. Tasks are drawn in their table, answers in `plot_map`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import fsum, isfinite
from typing import Final

from remit.core.trial.report import Boundary, Curve, Estimate
from remit.usecases.trials.shown.markup import Markup, joined, tag
from remit.usecases.trials.shown.numbers import of_few_tasks, percent, plain, seconds
from remit.usecases.trials.shown.plot_parts import (
    BOTTOM,
    TOP,
    Area,
    Axis,
    arm_class,
    mark,
    picture,
    thinned,
)

_SHARES: Final = tuple((at / 4, f"{25 * at} %" if at else "0") for at in range(5))
_ROOM: Final = 0.14
"""Beyond what is drawn, as a share of it: a region must be wide enough to be seen, and named."""
_APART: Final = 9
"""Pixels between the arms of one place."""


def curve_plot(name: str, curves: Sequence[Curve], arms: Sequence[str]) -> Markup:
    """Chance against k, one line and its intervals for each arm."""
    most = max(len(curve.points) for curve in curves)
    area = Area(Axis(0.6, most + 0.4), Axis(0.0, 1.0))
    every = max(1, -(-most // 12))
    columns = area.columns([(k, str(k)) for k in range(1, most + 1, every)], "k, runs of one task")
    drawn = [
        _curve(area, curve, arms.index(curve.arm) if curve.arm in arms else 0, len(curves))
        for curve in curves
    ]
    told = "; ".join(
        f"{curve.arm}: {percent(curve.points[0].value)} for one run,"
        f" {percent(curve.points[-1].value)} for {len(curve.points)}" for curve in curves if curve.points
    )  # fmt: skip
    return picture(name, f"{curves[0].name} by k", told, _whole(area), area.rows(_SHARES), columns, drawn)


def _curve(area: Area, curve: Curve, place: int, several: int) -> Markup:
    known = [(k, one, one.value) for k, one in enumerate(curve.points, 1) if is_known(one.value)]
    line = area.path([(k, value or 0.0) for k, _, value in known], f"line arm{place % 3}")
    shift = (place - (several - 1) / 2) * _APART if several > 1 else 0.0
    marks = [
        (upright(area, k, one, place), mark(place, area.x.x(k), area.top(value or 0.0)))
        for k, one, value in known
    ]
    return joined([line, tag("g", marks, transform=f"translate({shift:g} 0)")])


def is_known(value: float | None) -> bool:
    """Whether there is a number that can be drawn."""
    return value is not None and isfinite(value)


def upright(area: Area, at: float, one: Estimate, place: int) -> Markup | None:
    """The interval of an estimate, from its low to its high end; none where it says nothing."""
    if of_few_tasks(one) or one.low is None or one.high is None or not isfinite(one.high - one.low):
        return None
    x = area.x.x(at)
    return tag(
        "line", x1=x, x2=x, y1=area.top(one.high), y2=area.top(one.low), class_=f"interval arm{place % 3}"
    )


def boundary_plot(name: str, one: Boundary) -> Markup:
    """What a sequential gate counted, and where it would have passed or blocked."""
    low, high = _reach(one)
    area = Area(Axis(one.steps[0], one.steps[-1]), Axis(low, high), 280)
    passes, blocks = (_line(one.steps, values) for values in (one.passes, one.blocks))
    upward = _mean(passes) > _mean(blocks) if passes and blocks else False
    regions = [
        area.region(passes, high if upward else low, "region pass"),
        area.region(blocks, low if upward else high, "region block"),
    ]
    edges = [area.path(passes, "edge pass", steps=True), area.path(blocks, "edge block", steps=True)]
    path = thinned(list(zip(one.steps, one.path, strict=False)))
    above, below = ("PASS", "BLOCK") if upward else ("BLOCK", "PASS")
    upper, lower = (passes, blocks) if upward else (blocks, passes)
    labels = [
        _label(above, upper, area, TOP + 18, at_end=False),
        _label(below, lower, area, TOP + area.height - 10, at_end=bool(lower) and lower[0][0] > one.steps[0]),
        tag("text", one.y, x=0, y=10, class_="name"),
    ]
    rows = area.rows([(at, plain(at)) for at in area.y.ticks(5)])
    columns = area.columns([(at, plain(at)) for at in area.x.ticks()], one.x)
    line = [area.path(path, "line arm0", steps=True), _stop(area, one)]
    told = _boundary_told(one)
    return picture(name, f"Gate {one.gate}", told, _whole(area), regions, rows, columns, edges, line, labels)


def _label(
    word: str, edge: Sequence[tuple[float, float]], area: Area, y: float, *, at_end: bool
) -> Markup | None:
    """The name of a region, where it is wide."""
    if not edge:
        return None
    x, anchor = edge[-1 if at_end else 0][0], "end " if at_end else ""
    moved = f"translate({-8 if at_end else 8} 0)"
    return tag("text", word, x=area.x.x(x), y=y, class_=f"{anchor}name {word.lower()}", transform=moved)


def _reach(one: Boundary) -> tuple[float, float]:
    """The lowest and the highest that is drawn: what was counted, and edges as far as they are near it."""
    path = [value for value in one.path if isfinite(value)] or [0.0]
    edges = [v for values in (one.passes, one.blocks) for v in values if v is not None and isfinite(v)]
    low, high = min([*path, *edges]), max([*path, *edges])
    room = _ROOM * (high - low) if high > low else 1.0
    return low - room if low < 0 else low, high + room


def _line(steps: Sequence[int], values: Sequence[float | None]) -> list[tuple[float, float]]:
    known = [(float(x), y) for x, y in zip(steps, values, strict=False) if y is not None and isfinite(y)]
    return thinned(known)


def _mean(places: Sequence[tuple[float, float]]) -> float:
    return fsum(y for _, y in places) / len(places)


def _stop(area: Area, one: Boundary) -> Markup | None:
    if one.stopped_at is None or one.stopped_at not in one.steps:
        return None
    place = one.steps.index(one.stopped_at)
    if place >= len(one.path):
        return None
    return mark(0, area.x.x(one.stopped_at), area.top(one.path[place]))


def _boundary_told(one: Boundary) -> str:
    last = (
        f"{plain(one.path[-1])} {one.y} after {one.steps[min(len(one.path), len(one.steps)) - 1]:,} {one.x}"
    )
    return f"{last}; " + (f"decided at {one.stopped_at:,}" if one.stopped_at is not None else "not decided")


def latency_plot(
    name: str, latencies: Mapping[str, Sequence[float]], quantiles: Mapping[str, Sequence[tuple[float, Estimate]]],
    arms: Sequence[str],
) -> Markup:  # fmt: skip
    """Which share of the runs had ended after how long.

    Args:
        name: own on the page.
        latencies: seconds by arm, sorted; at least one.
        quantiles: by arm: a share in (0, 1) and the time that goes with it, a number if known.
        arms: in the order of their marks.
    """
    every = [value for values in latencies.values() for value in values]
    every += [one.value for ones in quantiles.values() for _, one in ones if one.value is not None]
    low, high = min(every), max(every)
    log = low > 0 and high / low > 100
    area = Area(Axis(low if log else 0.0, high or 1.0, log), Axis(0.0, 1.0))
    columns = area.columns([(at, _time(at, high)) for at in area.x.ticks()], "time until the answer")
    drawn = [_steps(area, latencies[arm], arms.index(arm)) for arm in arms if latencies.get(arm)]
    bars = [
        _level(area, share, one, arms.index(arm)) for arm in arms for share, one in quantiles.get(arm, ())
    ]
    told = "; ".join(f"{arm}: half within {seconds(v[len(v) // 2])}" for arm, v in latencies.items() if v)
    return picture(
        name, "Time until the answer", told, _whole(area), area.rows(_SHARES), columns, drawn, bars
    )


def _time(at: float, high: float) -> str:
    """A time on an axis, in the unit of its end."""
    return f"{plain(1000 * at)} ms" if high < 1 else f"{plain(at)} s"


def _steps(area: Area, values: Sequence[float], place: int) -> Markup:
    n = len(values)
    points = thinned([(value, (at + 1) / n) for at, value in enumerate(values)])
    return area.path([(values[0], 0.0), *points, (area.x.high, 1.0)], f"line arm{place % 3}", steps=True)


def _level(area: Area, share: float, one: Estimate, place: int) -> Markup | None:
    if one.value is None:
        return None
    y = area.top(share) + (place - 0.5) * 5
    low, high = (
        (one.low if one.low is not None else one.value),
        (one.high if one.high is not None else area.x.high),
    )
    bar = tag("line", x1=area.x.x(low), x2=area.x.x(high), y1=y, y2=y, class_=f"interval {arm_class(place)}")
    return joined([bar, mark(place, area.x.x(one.value), y)])


def _whole(area: Area) -> int:
    return TOP + area.height + BOTTOM
