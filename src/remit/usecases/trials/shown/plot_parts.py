"""What plots are made of: axes, lines, marks. Widths are in percent and heights in pixels, so that one drawing fits a
phone and a wide screen, with text and strokes of one size.

A curve lies in a drawing of its own that is stretched, its stroke is not.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil, floor, isfinite, isnan, log10
from typing import Final

from remit.core.trial.report import Estimate
from remit.usecases.trials.shown.markup import Markup, clean, joined, tag

LEFT, RIGHT = 10.0, 98.0
"""Of the plotted part, in percent of the width; the labels of the other axis stand left of it."""
TOP: Final = 14
BOTTOM: Final = 40
"""Pixels below the plotted part, for its labels."""
MOST_POINTS: Final = 400
UNITS: Final = 1000.0
"""Width and height of the stretched drawing."""
_DIAMOND: Final = "M0 -5.5L5.5 0L0 5.5L-5.5 0Z"
_SQUARE: Final = "M-4 -4H4V4H-4Z"
_ROUND: Final = "M-4.5 0A4.5 4.5 0 1 1 4.5 0A4.5 4.5 0 1 1 -4.5 0Z"
_SHAPES: Final = (_ROUND, _DIAMOND, _SQUARE)


@dataclass(frozen=True, slots=True)
class Axis:
    """From values to places."""

    low: float
    high: float
    log: bool = False

    def share(self, value: float) -> float:
        """Place of *value* between 0 and 1; what lies outside stands at the edge."""
        if isnan(value):
            return 0.0
        low, high, at = (log10(max(v, 1e-9)) if self.log else v for v in (self.low, self.high, value))
        return min(1.0, max(0.0, (at - low) / (high - low))) if high > low else 0.5

    def x(self, value: float) -> str:
        """In percent of the width."""
        return f"{LEFT + (RIGHT - LEFT) * self.share(value):.2f}%"

    def ticks(self, most: int = 6) -> list[float]:
        """Round values, *most* or a few less."""
        if self.log:
            return [t for e in range(-4, 7) for t in (10.0**e, 3 * 10.0**e) if self.low <= t <= self.high]
        return round_steps(self.low, self.high, most)


def round_steps(low: float, high: float, most: int) -> list[float]:
    """Multiples of 1, 2 or 5 times a power of ten, from *low* to *high*.

    >>> round_steps(0, 103, 6), round_steps(3, 3, 6)
    ([0.0, 20.0, 40.0, 60.0, 80.0, 100.0], [3])
    """
    if not (isfinite(low) and isfinite(high)) or high <= low:
        return [low]
    raw = (high - low) / most
    power = 10.0 ** floor(log10(raw))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw * 0.999)
    first = ceil(low / step - 1e-9)
    return [round(step * at, 12) for at in range(first, floor(high / step + 1e-9) + 1)]


@dataclass(frozen=True, slots=True)
class Area:
    """The plotted part: two axes, and its height in pixels."""

    x: Axis
    y: Axis
    height: int = 240

    def top(self, value: float) -> float:
        """Pixels from the top."""
        return TOP + self.height * (1 - self.y.share(value))

    def rows(self, ticks: Iterable[tuple[float, str]]) -> Markup:
        """Lines across, each with its label left of it."""
        return joined(
            (
                tag("line", x1=f"{LEFT}%", x2=f"{RIGHT}%", y1=self.top(at), y2=self.top(at), class_="grid"),
                tag("text", label, x=0, y=self.top(at) + 4),
            )
            for at, label in ticks
        )

    def columns(self, ticks: Sequence[tuple[float, str]], name: str) -> Markup:
        """Labels below, and what they count."""
        bottom = TOP + self.height
        marks = [
            tag("line", x1=self.x.x(at), x2=self.x.x(at), y1=bottom, y2=bottom + 4, class_="tick")
            for at, _ in ticks
        ]
        labels = [tag("text", label, x=self.x.x(at), y=bottom + 17, class_="middle") for at, label in ticks]
        title = tag("text", name, x=f"{RIGHT}%", y=bottom + 34, class_="end name")
        return joined([*marks, *labels, title])

    def path(self, places: Sequence[tuple[float, float]], class_: str, *, steps: bool = False) -> Markup:
        """A line through *places*; with *steps*, level up to each next one."""
        return (
            self.drawn(_d([self._unit(x, y) for x, y in places], steps=steps), class_) if places else Markup()
        )

    def region(self, places: Sequence[tuple[float, float]], edge: float, class_: str) -> Markup:
        """What lies between a line and the level *edge*."""
        if len(places) < 2:
            return Markup()
        around = [self._unit(x, y) for x, y in places]
        level = UNITS * (1 - self.y.share(edge))
        closed = f"{_d(around, steps=True)}V{level:.1f}H{around[0][0]:.1f}Z"
        return self.drawn(closed, class_)

    def drawn(self, d: str, class_: str) -> Markup:
        """A stretched drawing with one path."""
        path = tag("path", d=d, class_=class_, vector_effect="non-scaling-stroke")
        return tag(
            "svg", path, x=f"{LEFT}%", y=TOP, width=f"{RIGHT - LEFT}%", height=self.height,
            viewBox=f"0 0 {UNITS:.0f} {UNITS:.0f}", preserveAspectRatio="none", class_="stretched",
        )  # fmt: skip

    def _unit(self, x: float, y: float) -> tuple[float, float]:
        return UNITS * self.x.share(x), UNITS * (1 - self.y.share(y))


def _d(places: Sequence[tuple[float, float]], *, steps: bool) -> str:
    first, *rest = places
    told = [f"M{first[0]:.1f} {first[1]:.1f}"]
    told += [f"H{x:.1f}V{y:.1f}" if steps else f"L{x:.1f} {y:.1f}" for x, y in rest]
    return "".join(told)


def mark(place: int, x: str, y: float, *, hollow: bool = False, told: str = "", size: float = 1.0) -> Markup:
    """The mark of arm *place*: its own shape and colour, so that neither is needed alone; *told* as a hint."""
    larger = {"transform": f"scale({size:.2f})", "vector_effect": "non-scaling-stroke"} if size > 1 else {}
    title = tag("title", told) if told else None
    shape = tag("path", title, d=_SHAPES[place % 3], class_=arm_class(place, hollow), **larger)
    return tag("svg", shape, x=x, y=y, class_="stretched")


def arm_class(place: int, hollow: bool = False) -> str:
    """Class of the marks of the arm at *place*."""
    return f"mark arm{place % 3}{' hollow' if hollow else ''}"


def legend(arms: Sequence[str], class_: str = "") -> Markup:
    """Which mark is whose; nothing for one arm alone."""
    if len(arms) < 2:
        return Markup()
    keys = [
        tag("span", swatch(place), tag("bdi", clean(arm, 60)), class_="key") for place, arm in enumerate(arms)
    ]
    return tag("p", keys, class_=f"legend {class_}".strip())


def swatch(place: int) -> Markup:
    """A small mark beside a name."""
    shape = tag("path", d=_SHAPES[place % 3], class_=arm_class(place))
    return tag("svg", shape, viewBox="-7 -7 14 14", width=14, height=14, aria_hidden="true", class_="swatch")


def bar(one: Estimate, place: int) -> Markup:
    """A rate with its interval, on a line from 0 to 100 %."""
    low, high, at = (min(1.0, max(0.0, v or 0.0)) for v in (one.low, one.high, one.value))
    ground = tag("line", x1="0%", x2="100%", y1=7, y2=7, class_="grid")
    known = one.low is not None and one.high is not None
    told = tag(
        "line", x1=f"{100 * low:.1f}%", x2=f"{100 * high:.1f}%", y1=7, y2=7, class_=f"interval arm{place % 3}"
    )
    drawn = [ground, told if known else None, mark(place, f"{100 * at:.1f}%", 7)]
    return tag("svg", drawn, width="100%", height=14, aria_hidden="true", class_="bar")


def picture(name: str, title: str, told: str, height: int, *parts: object) -> Markup:
    """A drawing that says in words what it is; *name* is its own on the page."""
    return tag(
        "svg", tag("title", title, id=f"{name}-title"), tag("desc", told, id=f"{name}-desc"), parts,
        role="img", width="100%", height=height, aria_labelledby=f"{name}-title {name}-desc", class_="plot",
    )  # fmt: skip


def thinned(points: Sequence[tuple[float, float]], most: int = MOST_POINTS) -> list[tuple[float, float]]:
    """*most* of them at most, evenly, the first and the last among them."""
    if len(points) <= most:
        return list(points)
    step = (len(points) - 1) / (most - 1)
    return [points[round(at * step)] for at in range(most)]
