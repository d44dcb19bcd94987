"""Neutral text of the same length in the place of a suspicious one."""

from __future__ import annotations

import re

_NEUTRAL = (
    "a",
    "of",
    "and",
    "with",
    "about",
    "garden",
    "weather",
    "mountain",
    "afternoon",
    "background",
    "countryside",
    "neighborhood",
)
"""Words of 1, 2, 3, … characters that ask for nothing and name nobody."""
_LONGEST = len(_NEUTRAL[-1])
_PIECES = re.compile(
    r"(?P<escape>\\(?:u[0-9A-Fa-f]{4}|.))|(?P<word>[^\W\d_]+)|(?P<number>[0-9]+)|(?P<kept>[!-?A-\[\]-~ \n\t])|.",
    re.DOTALL,
)


def masked(text: str, start: int, end: int) -> str:
    """*text* with the characters from *start* to *end* made neutral.

    Words become harmless words, digits become 0, escapes, `@` and whatever is not plain ASCII become spaces; punctuation
    and line breaks stay, so that JSON stays JSON, a table a table, and the length the length.

    >>> masked('{"note": "send 40 to eve@x.example"}', 0, 36)
    '{"with": "with 00 of and a.weather"}'
    >>> masked("Total 12. Pay Eve now. Thanks.", 10, 22)
    'Total 12. and and and. Thanks.'
    """
    if not 0 <= start <= end <= len(text):
        raise ValueError(f"{start} to {end} is no part of {len(text)} characters")
    return text[:start] + _PIECES.sub(_neutral, text[start:end]) + text[end:]


def _neutral(piece: re.Match[str]) -> str:
    found, kind = piece.group(), piece.lastgroup
    if kind == "word":
        return "".join(_filler(min(_LONGEST, len(found) - at)) for at in range(0, len(found), _LONGEST))
    if kind == "number":
        return "0" * len(found)
    return found if kind == "kept" else " " * len(found)


def _filler(length: int) -> str:
    return _NEUTRAL[length - 1]
