"""The map of answers: each a mark, equal ones a larger mark, both directions on one scale, so that distances compare."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import log2
from typing import Final

from remit.core.trial.report import Map
from remit.usecases.trials.shown.markup import Markup, tag
from remit.usecases.trials.shown.order import ended
from remit.usecases.trials.shown.plot_parts import mark

MOST_MARKS: Final = 1_500
WIDTH, HEIGHT, MARGIN = 640, 420, 24
_Place = tuple[float, float, str, bool | None]


def map_plot(name: str, one: Map, arms: Sequence[str]) -> Markup:
    """The drawing.

    Args:
        name: its own on the page.
        one: with at least one answer, its places numbers.
        arms: in the order of their marks.
    """
    marks = list(_marks(one, arms))
    desc = f"{len(one.points):,} answers at {len(marks):,} places, by {one.embedder}"
    return tag(
        "svg", tag("title", "Map of answers", id=f"{name}-title"), tag("desc", desc, id=f"{name}-desc"), marks,
        role="img", viewBox=f"0 0 {WIDTH} {HEIGHT}", aria_labelledby=f"{name}-title {name}-desc", class_="plot map",
    )  # fmt: skip


def _marks(one: Map, arms: Sequence[str]) -> Iterator[Markup]:
    xs, ys = [p[0] for p in one.points], [p[1] for p in one.points]
    scale = min((WIDTH - 2 * MARGIN) / _reach(xs), (HEIGHT - 2 * MARGIN) / _reach(ys))
    middle = ((min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2)
    for (x, y, arm, success), told in list(_together(one).items())[:MOST_MARKS]:
        at = (WIDTH / 2 + (x - middle[0]) * scale, HEIGHT / 2 - (y - middle[1]) * scale)
        place = arms.index(arm) if arm in arms else 0
        words = f"{told[0]}, {arm}, {ended(success)}" + (
            f", with {len(told) - 1:,} alike" if len(told) > 1 else ""
        )
        size = min(2.6, 1 + 0.25 * log2(len(told)))
        yield mark(place, f"{at[0]:.1f}", at[1], hollow=success is not True, told=words, size=size)


def _together(one: Map) -> dict[_Place, list[str]]:
    """Answers at one place, of one arm, that ended alike; the largest first, so that small marks lie on top."""
    found: dict[_Place, list[str]] = {}
    for x, y, arm, task, success, answer in one.points:
        found.setdefault((round(x, 6), round(y, 6), arm, success), []).append(f"{task}: {answer}"[:300])
    return dict(sorted(found.items(), key=lambda item: -len(item[1])))


def _reach(values: Sequence[float]) -> float:
    return max(max(values) - min(values), 1e-9)
