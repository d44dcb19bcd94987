"""What the agent sees of a result: fields and patterns redacted, then lists and texts cut.

Redaction comes first, so that a cut leaves no half of a secret that no pattern finds. A pattern is looked for in every
text, in every key and in every number as people write it. A text can also be *spelled* so that a pattern misses it and a
model still reads it: with escapes, entities, full-width digits or invisible characters. Where the text as a reader
takes it holds a match that the text as it stands does not, the text is shown as read, with the match redacted.

Out of reach: what is encoded otherwise (base64, another language), and a secret that is split over several values.
"""

from __future__ import annotations

import html
import re
import sys
import unicodedata
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Final
from urllib.parse import unquote

import msgspec

from remit.core.canonical import first_invisible
from remit.core.envelope import Cap, Obligation, Redact
from remit.core.errors import BadInput
from remit.core.paths import Astray, changed, named, spelled_path
from remit.core.results import spelled, why_not
from remit.core.text import plain_number
from remit.core.types import Json

REDACTED: Final = "[redacted]"
"""Stands for what the agent does not get to see."""
_ESCAPE = re.compile(
    r"\\+(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|u\{0*([0-9a-fA-F]{1,6})\}|U00([0-9a-fA-F]{6}))"
)
_UNSEEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]+")
"""Control characters that are no space: a reader sees nothing of them."""
_DRESSED = re.compile(r"(?<=[!-~])[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20f0\ufe20-\ufe2f]+")
"""Marks that combine with a plain character, as a keycap does with a digit, where no character stands for both."""
_SPELLINGS: Final = 8
"""How often a text may be read anew; one that is spelled in more layers is not shown."""


class Unmet(Exception):
    """An obligation that cannot be met; no value is quoted."""

    def __init__(self, obligation: Obligation, message: str) -> None:
        super().__init__(message)
        self.obligation = obligation


def show(value: Json, obligations: Sequence[Obligation]) -> tuple[Json, tuple[str, ...]]:
    """The result as the agent sees it, and what was done, for the record.

    Args:
        value: of exact JSON types; it is not changed. A text that spells an object or a list in JSON is taken as
            that where a path leads into it.
        obligations: those that apply to the call; what is neither redact nor a cap of the result is passed over.

    Raises:
        Unmet: what came back is not as an obligation says, so it cannot be met.
    """
    told: list[str] = []
    redactions = [one for one in obligations if isinstance(one.duty, Redact)]
    caps = [one for one in obligations if isinstance(one.duty, Cap) and one.duty.arg is None]
    for one in (*redactions, *caps):
        try:
            if isinstance(one.duty, Redact):
                value, count = _redacted(value, one.duty)
                told += [f"{one.clause.id}: redacted {count}"] if count else []
            elif isinstance(one.duty, Cap):
                value, cut = _capped(value, one.duty)
                told += [f"{one.clause.id}: cut {cut}"] if cut else []
        except (Astray, BadInput, RecursionError) as error:
            why = why_not(error) if isinstance(error, BadInput) else str(error)
            raise Unmet(one, f"cannot be met: {why}") from None
    return value, tuple(told)


# ------------------------------------------------------------------------------------------------------ redact
def _redacted(value: Json, duty: Redact) -> tuple[Json, int]:
    counted = _Count()
    if isinstance(value, str):
        return _redacted_text(value, duty, counted), counted.count
    return _redacted_tree(value, duty, counted), counted.count


def _redacted_text(text: str, duty: Redact, counted: _Count) -> str:
    """Through the JSON that it spells, if it does, and then as it stands: a pattern may span both."""
    tree = spelled(text) if duty.fields else _spelled_or_none(text)
    if tree is not None:
        before = counted.count
        tree = _redacted_tree(tree, duty, counted)
        text = msgspec.json.encode(tree).decode() if counted.count > before else text
    return _scrub_all(text, duty, counted)


def _spelled_or_none(text: str) -> Json:
    if text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        return spelled(text)
    except BadInput:
        return None


def _redacted_tree(value: Json, duty: Redact, counted: _Count) -> Json:
    for path in duty.fields:
        value = changed(value, path, counted.hide)
    return _scrubbed(value, duty, counted) if duty.patterns else value


def _scrubbed(value: Json, duty: Redact, counted: _Count) -> Json:
    if isinstance(value, str):
        return _scrub_all(value, duty, counted)
    if isinstance(value, list):
        return [_scrubbed(one, duty, counted) for one in value]
    if isinstance(value, dict):
        found: dict[str, Json] = {}
        for key, one in value.items():
            name = _scrub_all(key, duty, counted)
            found[_free(name, found)] = _scrubbed(one, duty, counted)
        return found
    if isinstance(value, bool) or value is None:
        return value
    spellings = (str(value), repr(value), plain_number(value))
    if any(_compiled(pattern).search(one) is not None for pattern in duty.patterns for one in spellings):
        return counted.hide(value)
    return value


def _free(name: str, taken: dict[str, Json]) -> str:
    """A name of its own for each of two keys that redaction made one."""
    free, number = name, 2
    while free in taken:
        free, number = f"{name} {number}", number + 1
    return free


def _scrub_all(text: str, duty: Redact, counted: _Count) -> str:
    for pattern in duty.patterns:
        text = _scrub(text, _compiled(pattern), counted)
    return text


def _scrub(text: str, pattern: Any, counted: _Count) -> str:
    text = pattern.sub(counted.replace, text) if pattern.search(text) is not None else text
    layer = text
    for _ in range(_SPELLINGS):
        read = as_read(layer)
        if read == layer:
            return text
        layer = read
        if pattern.search(read) is not None:
            layer = text = pattern.sub(counted.replace, read)
    raise Astray("a text is spelled in too many layers")


def as_read(text: str) -> str:
    r"""*text* as a reader takes it: escapes and entities resolved, compatible forms made one, nothing invisible.

    >>> as_read("\\u0034\uff11&#49;%31\u200b1")
    '41111'
    """
    text = _UNSEEN.sub("", text)
    if text.isascii() and not any(mark in text for mark in "\\&%"):
        return text
    if "\\" in text:
        text = _ESCAPE.sub(_unescaped, text)
        text = text.encode("utf-16", "surrogatepass").decode(
            "utf-16", "replace"
        )  # two halves are one character
    text = html.unescape(text) if "&" in text else text
    text = unquote(text) if "%" in text else text
    if text.isascii():
        return text
    plain = unicodedata.normalize("NFKC", text)
    if first_invisible(plain) is not None:
        plain = "".join(c for c in plain if c in "\n\r\t" or first_invisible(c) is None)
    plain = _DRESSED.sub("", plain)
    return "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in plain)


def _unescaped(match: re.Match[str]) -> str:
    code = int(next(group for group in match.groups() if group), 16)
    return chr(code) if code <= sys.maxunicode else match[0]


class _Count:
    """Counts what is replaced."""

    def __init__(self) -> None:
        self.count = 0

    def hide(self, _: Json) -> str:
        self.count += 1
        return REDACTED

    def replace(self, match: Any) -> str:
        found = str(match.group(0))
        return self.hide(found) if found else ""


@lru_cache(maxsize=512)
def _compiled(pattern: str) -> Any:
    import re2

    options = re2.Options()
    options.log_errors = False
    return re2.compile(pattern, options)


# ------------------------------------------------------------------------------------------------------ cap
def _capped(value: Json, duty: Cap) -> tuple[Json, int]:
    cut = _Cut()
    path = duty.field or ()
    put = (
        cut.items(duty.items, path) if duty.items is not None else cut.characters(duty.characters or 0, path)
    )
    if isinstance(value, str) and (path or duty.items is not None):
        tree = changed(spelled(value), path, put)
        return (msgspec.json.encode(tree).decode() if cut.count else value), cut.count
    return changed(value, path, put), cut.count


class _Cut:
    """Cuts, and counts what fell off."""

    def __init__(self) -> None:
        self.count = 0

    def items(self, most: int, path: tuple[str, ...]) -> Callable[[Json], Json]:
        def put(value: Json) -> Json:
            if value is None:
                return None
            if type(value) is not list:
                raise Astray(f"{spelled_path(path)}: found {named(value)}, a list is cut to items")
            self.count += max(0, len(value) - most)
            return value[:most]

        return put

    def characters(self, most: int, path: tuple[str, ...]) -> Callable[[Json], Json]:
        def put(value: Json) -> Json:
            if value is None:
                return None
            if type(value) is not str:
                raise Astray(f"{spelled_path(path)}: found {named(value)}, a text is cut to characters")
            over = len(value) - most
            if over <= 0:
                return value
            self.count += over
            return f"{value[:most]} [cut: {over} more characters]"

        return put
