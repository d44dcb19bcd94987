"""Elements of HTML and SVG that cannot be broken out of: every text and every attribute is escaped where it is put in.

What comes out is well-formed XML, too, so that tests read pages with a strict parser. There are no `style` and no event
attributes: the policy of the page forbids them.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Final
from unicodedata import category

from remit.core.notice import visible

LONGEST: Final = 6_000
"""Characters of one text that a stranger wrote; `--json` has all of it."""
MOST_ACCENTS: Final = 4
_VOID: Final = frozenset(("br", "hr", "meta"))


class Markup(str):
    """Text that is markup already. Everything else is escaped."""

    __slots__ = ()


def tag(name: str, /, *children: object, **attributes: object) -> Markup:
    """An element.

    Args:
        name: of the element.
        children: texts (escaped), markup, and iterables of both; None is nothing.
        attributes: `class_` for class, `stroke_width` for stroke-width; None leaves one out.

    >>> tag("p", "<b>", tag("br"), class_="x")
    '<p class="x">&lt;b&gt;<br/></p>'
    """
    given = "".join(_attribute(key, value) for key, value in attributes.items() if value is not None)
    if name in _VOID:
        return Markup(f"<{name}{given}/>")
    return Markup(f"<{name}{given}>{joined(children)}</{name}>")


def joined(children: Iterable[object]) -> Markup:
    """Children one after the other."""
    return Markup("".join(map(_child, children)))


def _child(one: object) -> str:
    if one is None:
        return ""
    if isinstance(one, Markup):
        return one
    if isinstance(one, str):
        return escape(clean(one))
    return joined(one) if isinstance(one, Iterable) else escape(clean(str(one)))


def _attribute(key: str, value: object) -> str:
    name = key.rstrip("_")
    name = name if name in _CAPITALS else name.replace("_", "-")
    shown = f"{value:.5g}" if isinstance(value, float) else clean(str(value))
    return f' {name}="{escape(shown)}"'


_CAPITALS: Final = frozenset(("viewBox", "preserveAspectRatio"))


def clean(text: str, limit: int = LONGEST) -> str:
    """*text* cut at *limit*, its lines kept, what nobody can see shown as escapes, towers of accents cut.

    >>> clean("one\\n\\u202etwo")
    'one\\n\\\\u202etwo'
    """
    cut = text if len(text) <= limit else text[: limit - 1] + "…"
    if cut.isascii() and cut.isprintable():
        return cut
    return "\n".join(visible(line, limit + 1) for line in _levelled(cut).split("\n"))


def _levelled(text: str) -> str:
    """At most `MOST_ACCENTS` upon one letter: a thousand are a pillar across the page, over what others say there."""
    kept, height = [], 0
    for char in text:
        height = height + 1 if category(char) in ("Mn", "Me") else 0
        if height <= MOST_ACCENTS:
            kept.append(char)
        elif height == MOST_ACCENTS + 1:
            kept.append("…")
    return "".join(kept)
