"""Text: what a reader can see, and comparison that ignores how it was typed."""

from __future__ import annotations

import unicodedata

from remit.core.canonical import first_invisible, stacked_marks
from remit.core.cel.errors import ConditionError


def visible(text: str) -> bool:
    """Whether a reader sees every character: no control, zero-width, bidi, tag or filler characters.

    Emoji joined by invisible characters, tabs, line breaks and unusual spaces are not visible either: use
    it for names, paths and addresses, not for bodies of text.

    >>> visible("Zoë Müller"), visible("pay\\u200bpal")
    (True, False)
    """
    return first_invisible(text) is None


def fold(text: str) -> str:
    """The text without differences of case and compatibility form, for comparison only.

    More than 30 combining marks in a row are refused.

    >>> fold("\\uff30AY") == fold("pay")
    True
    """
    if stacked_marks(text):
        raise ConditionError("fold: more than 30 combining marks in a row")
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def starts_with(text: str, prefix: str) -> bool:
    """Whether the text starts with the prefix."""
    return text.startswith(prefix)


def ends_with(text: str, suffix: str) -> bool:
    """Whether the text ends with the suffix."""
    return text.endswith(suffix)


def contains(text: str, part: str) -> bool:
    """Whether the part occurs in the text."""
    return part in text
