"""What the sections of a page share: their shape, tables, signs of verdicts, numbers set for reading."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from remit.core.trial.verdict import Verdict
from remit.core.types import Json
from remit.usecases.trials.shown.markup import Markup, clean, joined, tag

MOST_ROWS: Final = 1_000
"""Of one table; `--json` has all."""
MOST_CELL: Final = 400
"""Characters of one cell."""


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page with its title."""

    id: str
    title: str
    body: Markup
    how: str = ""
    """One line on how to read it."""


_SIGNS: Final = {
    Verdict.PASS: "M3 9.5L7.2 13.5L15 4.5",
    Verdict.BLOCK: "M4 4L14 14M14 4L4 14",
    Verdict.INCONCLUSIVE: "M5 6.2A4 4 0 1 1 9 10.2V11.6M9 15.4V15.5",
    Verdict.ERROR: "M9 2.5V10.5M9 15.2V15.3",
}


def sign(verdict: Verdict, size: int = 16) -> Markup:
    """A tick, a cross, a question mark, an exclamation mark."""
    path = tag("path", d=_SIGNS[verdict])
    return tag("svg", path, viewBox="0 0 18 18", width=size, height=size, aria_hidden="true", class_="sign")


def word(verdict: Verdict, size: int = 16) -> Markup:
    """The verdict with its sign."""
    return tag("p", sign(verdict, size), verdict.value, class_=f"word v-{verdict.value.lower()}")


def table(
    columns: Sequence[object],
    rows: Iterable[Sequence[object]],
    *,
    right: Collection[int] = (),
    wide: Collection[int] = (),
) -> Markup:
    """A table whose first column names the row; too wide for a phone, it is moved within its own frame.

    Args:
        columns: their names.
        rows: cells, texts or markup.
        right: columns of numbers.
        wide: columns that a phone does not show.
    """
    listed = list(rows)
    classes = [" ".join(["right"] * (at in right) + ["wide"] * (at in wide)) for at in range(len(columns))]
    head = tag("tr", [_cell("th", one, classes[at], "col") for at, one in enumerate(columns)])
    body = [
        tag(
            "tr",
            [
                _cell("td" if at else "th", one, classes[at], None if at else "row")
                for at, one in enumerate(row)
            ],
        )
        for row in listed[:MOST_ROWS]
    ]
    more = len(listed) - MOST_ROWS
    note = tag("p", f"and {more:,} more; --json has all", class_="soft small") if more > 0 else None
    named = f"Table: {', '.join(clean(str(one), 60) for one in columns)}"
    return tag(
        "div", tag("table", tag("thead", head), tag("tbody", body)), note,
        class_="scroll", tabindex="0", role="region", aria_label=named,
    )  # fmt: skip


def _cell(name: str, content: object, class_: str, scope: str | None) -> Markup:
    text = clean(str(content), MOST_CELL)
    isolated = content if isinstance(content, Markup) else tag("bdi", number(text) if class_ else text)
    return tag(name, isolated, class_=class_ or None, scope=scope)


def number(text: str) -> str:
    """A number as it is set: a true minus, and a dash where there is none.

    >>> number("-3.5 to +1.0 points") == "\\u22123.5 to +1.0 points", number("-") == "\\u2013"
    (True, True)
    """
    if text == "-":
        return "\u2013"
    return " ".join(
        "\u2212" + part[1:] if part[:1] == "-" and part[1:2].isdigit() else part for part in text.split(" ")
    )


def sentence(text: str) -> Markup:
    """A sentence: its numbers set, and what stands between backticks as code.

    >>> sentence("a gate, such as `success: 0.9`")
    'a gate, such as <code>success: 0.9</code>'
    """
    parts = clean(text).split("`")
    if len(parts) % 2 == 0:  # one without its other half
        return joined([number(clean(text))])
    return joined(tag("code", part) if at % 2 else number(part) for at, part in enumerate(parts))


def behind(summary: str, *content: object) -> Markup:
    """What is shown on demand, without a script."""
    return tag("details", tag("summary", summary), content)


def facts(told: Mapping[str, Json]) -> Markup:
    """Names and values, as they are."""
    return tag(
        "dl",
        [
            (tag("dt", tag("bdi", clean(key.replace("_", " "), 120))), tag("dd", tag("bdi", spelled(value))))
            for key, value in told.items()
            if value not in ("", None)
        ],
        class_="facts",
    )


def spelled(value: Json) -> str:
    """A value as people write it; lists and objects as JSON."""
    if isinstance(value, str):
        return clean(value, 1_000)
    if value is None:
        return "\u2013"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return f"{value:,}" if isinstance(value, int) else f"{value:.6g}"
    return clean(msgspec.json.encode(value).decode("utf-8", "replace"), 1_000)
