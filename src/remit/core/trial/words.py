"""Values as texts, and as people read them in the sentence of a check: short, canonical."""

from __future__ import annotations

from remit.core.canonical import encode, loads_strict
from remit.core.errors import BadInput
from remit.core.types import Json

_MOST = 200
MOST_TOLD = 2_000
"""Characters of one sentence about a trial."""


def as_text(value: Json) -> str:
    """A text as it is, nothing as the empty text, any other value as JSON.

    >>> as_text("done"), as_text({"b": 1, "a": None}), as_text(None)
    ('done', '{"a":null,"b":1}', '')
    """
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    try:
        return encode(value).decode()
    except (BadInput, UnicodeDecodeError):
        return repr(value)


def sentence(text: str) -> str:
    """A text that a record can keep: cut, and without lone surrogates.

    >>> sentence("a\\ud800b")
    'a?b'
    """
    cut = text if len(text) <= MOST_TOLD else text[: MOST_TOLD - 1] + "…"
    return cut.encode("utf-8", "replace").decode("utf-8")


def as_value(text: str) -> Json:
    """The JSON object or list that a text is; else the text.

    >>> as_value('{"a": 1}'), as_value("12"), as_value("{no")
    ({'a': 1}, '12', '{no')
    """
    if text[:1] not in ("{", "["):
        return text
    try:
        return loads_strict(text)
    except BadInput:
        return text


def shown(value: object, most: int = _MOST) -> str:
    """A value in a sentence, cut to *most* characters.

    >>> shown("a" * 9, 5), shown({"n": 1})
    ("'aaa…", '{"n":1}')
    """
    text = repr(value) if isinstance(value, str) else "null" if value is None else as_text(value)
    return text if len(text) <= most else text[: most - 1] + "…"
