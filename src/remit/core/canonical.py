"""Canonical JSON: the one form in which a value is checked, recorded and executed.

Two doors. `loads_strict` takes JSON text and refuses what parsers quietly repair: the second of two equal
keys, NaN, numbers that overflow. `canonical` takes a Python value and returns a new copy made of exact JSON
types only, so that nothing checked can change afterwards. Both refuse rather than mend.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections import Counter
from typing import Any, Final, NoReturn

import msgspec

from remit.core.errors import BadInput
from remit.core.types import Json

MAX_DEPTH: Final = 32
"""Containers inside containers, everywhere."""
MAX_INT: Final = 2**53 - 1
"""Largest integer that every JSON reader keeps exactly."""
MAX_BYTES: Final = 1_000_000
"""Size of one value, about its size as JSON text."""

_INFINITY: Final = float("inf")
_MAX_DIGITS: Final = 16
_MAX_MARKS: Final = 30
# Blank or default-ignorable characters that str.isprintable() counts as printable: Hangul, Khmer and Khitan
# fillers, the grapheme joiner, blank Braille, the null notehead, variation selectors.
_FILLER: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0"
    "\U00016fe4\U0001d159\U000e0100-\U000e01ef]"
)
_DIGIT_BUT_ZERO: Final = re.compile(r"[^eE]*[1-9]")
_SURROGATE_ESCAPE: Final = re.compile(r"\\u[dD][89a-fA-F]")


class _Flaw(Exception):
    """What is wrong, and the path to it, collected from the inside outwards."""

    def __init__(self, found: str, remedy: str) -> None:
        super().__init__(found)
        self.found = found
        self.remedy = remedy
        self.path: list[str] = []


def first_invisible(text: str) -> int | None:
    """Return the index of the first character that a reader would not see; None when all are visible.

    Invisible are control, zero-width, bidirectional, tag, filler, private and unassigned characters, lone
    surrogates, and every space but U+0020.

    >>> first_invisible("plain text"), first_invisible("pay\\u200bpal")
    (None, 3)
    """
    if text.isprintable() and (text.isascii() or _FILLER.search(text) is None):
        return None
    return next(i for i, char in enumerate(text) if not char.isprintable() or _FILLER.match(char))


def stacked_marks(text: str) -> bool:
    """Whether more than 30 combining marks follow each other, as in no language.

    Normalising sorts them in quadratic time, without end for half a megabyte. Source: UAX 15, Stream-Safe Text Format.

    >>> stacked_marks("e\\u0301"), stacked_marks("e" + 31 * "\\u0301")
    (False, True)
    """
    if text.isascii() or len(text) <= _MAX_MARKS:
        return False
    run, combining = 0, unicodedata.combining
    for char in text:
        run = run + 1 if combining(char) else 0
        if run > _MAX_MARKS:
            return True
    return False


def loads_strict(data: bytes | str, *, where: str = "json") -> Json:
    """Parse JSON text, refusing whatever two readers could understand differently.

    Args:
        data: one JSON text; bytes must be UTF-8 without a byte order mark.
        where: how errors name the place.

    Raises:
        BadInput: not UTF-8, not JSON, a repeated key, NaN or Infinity, a float that overflows or becomes 0, an
            integer beyond 2^53 - 1, a lone surrogate, or more than 32 levels.

    >>> loads_strict('{"amount": 120}')
    {'amount': 120}
    """
    try:
        text = data.decode("utf-8") if isinstance(data, bytes) else data
        if not text.isascii():
            text.encode("utf-8")
        value: Json = _DECODER.decode(text)
        if _SURROGATE_ESCAPE.search(text) or text.count("[") + text.count("{") > MAX_DEPTH:
            _inspect(value, 1)
    except _Flaw as flaw:
        raise BadInput(where, flaw.found, flaw.remedy) from None
    except UnicodeError as error:
        raise BadInput(where, f"not valid UTF-8: {error.reason}", "send UTF-8 text") from None  # type: ignore[attr-defined]
    except RecursionError:
        raise BadInput(where, f"nested deeper than {MAX_DEPTH} levels", "flatten it") from None
    except json.JSONDecodeError as error:
        raise BadInput(where, f"not JSON: {error.msg} at line {error.lineno} column {error.colno}") from None
    return value


def canonical(value: object, *, where: str = "args", max_bytes: int = MAX_BYTES) -> Json:
    """Return a new copy of *value* made only of None, bool, int, float, str, list and dict.

    Args:
        value: what a caller handed over. Subclasses, tuples and everything else are refused, not converted.
        where: name of the root in error messages.
        max_bytes: largest size, in bytes of text and numbers, counted while walking.

    Raises:
        BadInput: its `where` is the path, such as ``args.items[2].qty``.

    >>> canonical({"amount": 120, "tags": ["a"]})
    {'amount': 120, 'tags': ['a']}
    >>> canonical({"items": [{"qty": (1, 2)}]})
    Traceback (most recent call last):
    remit.core.errors.BadInput: args.items[0].qty: found a tuple; use JSON types: dict, list, str and so on
    """
    left = [max_bytes]
    try:
        return _copy(value, MAX_DEPTH, left)
    except _Flaw as flaw:
        raise BadInput(where + "".join(reversed(flaw.path)), flaw.found, flaw.remedy) from None
    except (RuntimeError, MemoryError) as error:
        raise BadInput(where, f"cannot be copied: {error}", "do not change it during the call") from None


def encode(value: Json) -> bytes:
    """Return *value* as JSON bytes with sorted keys; equal values give equal bytes, and 1 is not 1.0.

    Args:
        value: a canonical value (NaN, for one, would be written as null).

    >>> encode({"b": 1, "a": 1.0})
    b'{"a":1.0,"b":1}'
    """
    try:
        return _ENCODER.encode(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise BadInput("value", f"cannot be encoded: {error}", "make it canonical first") from None


def digest(value: Json) -> str:
    """Return the SHA-256 of `encode(value)` in hexadecimal.

    >>> digest({"a": 1})[:16]
    '015abd7f5cc57a2d'
    """
    return hashlib.sha256(encode(value)).hexdigest()


def _copy(value: object, levels: int, left: list[int]) -> Json:
    kind = type(value)
    if kind is str:
        return _text(value, left)  # type: ignore[arg-type]
    if kind is int:
        if -MAX_INT <= value <= MAX_INT:  # type: ignore[operator]
            _spend(left, 8)
            return value
        raise _Flaw("an integer beyond 2^53 - 1", "send a smaller number, or the digits as a string")
    if kind is float:
        if -_INFINITY < value < _INFINITY:  # type: ignore[operator]
            _spend(left, 8)
            return value
        raise _Flaw(f"the number {value}", "send a finite number")
    if value is None or kind is bool:
        _spend(left, 4)
        return value
    if kind is dict:
        return _object(value, levels - 1, left)  # type: ignore[arg-type]
    if kind is list:
        return _array(value, levels - 1, left)  # type: ignore[arg-type]
    article = "an" if kind.__name__[:1].lower() in "aeiou" else "a"
    raise _Flaw(f"found {article} {kind.__name__}", "use JSON types: dict, list, str and so on")


def _object(value: dict[object, object], levels: int, left: list[int]) -> dict[str, Json]:
    _descend(levels, left, len(value))
    copy: dict[str, Json] = {}
    for key, item in value.items():
        try:
            if type(key) is not str or not (key.isascii() and key.isprintable() and key):
                _check_key(key)
            _spend(left, len(key) + 4)  # type: ignore[arg-type]
            copy[key] = _copy(item, levels, left)  # type: ignore[index]
        except _Flaw as flaw:
            name = key if type(key) is str else f"<{type(key).__name__}>"
            flaw.path.append(f".{name}" if name.isidentifier() else f"[{name[:80]!a}]")
            raise
    return copy


def _array(value: list[object], levels: int, left: list[int]) -> list[Json]:
    _descend(levels, left, len(value))
    copy: list[Json] = []
    for index, item in enumerate(value):
        try:
            copy.append(_copy(item, levels, left))
        except _Flaw as flaw:
            flaw.path.append(f"[{index}]")
            raise
    return copy


def _text(value: str, left: list[int]) -> str:
    if value.isascii():
        _spend(left, len(value) + 2)
        return value
    try:
        _spend(left, len(value) + 2)  # before encoding: a huge text is refused without a copy of it
        _spend(left, len(value.encode("utf-8")) - len(value))
    except UnicodeEncodeError:
        raise _Flaw("a lone surrogate in the text", "send valid Unicode") from None
    return value


def _check_key(key: object) -> None:
    if type(key) is not str:
        raise _Flaw(f"a key of type {type(key).__name__}", "use strings as keys")
    if not key:
        raise _Flaw("an empty key", "name it")
    if first_invisible(key) is not None:
        raise _Flaw("a key with an invisible character", "use visible characters")
    if stacked_marks(key) or unicodedata.normalize("NFKC", key) != key:
        raise _Flaw("a key that Unicode normalisation would change", "write it in NFKC form")


def _spend(left: list[int], size: int) -> None:
    left[0] -= size
    if left[0] < 0:
        raise _Flaw("more data than one value may hold", "send less, or a reference to it")


def _descend(levels: int, left: list[int], count: int) -> None:
    if levels < 0:
        raise _Flaw(f"nested deeper than {MAX_DEPTH} levels", "flatten it; a value may not contain itself")
    if 2 * count > left[0]:  # every element costs two or more, so a huge list need not be walked
        left[0] = 0
    _spend(left, 2)


def _inspect(value: Json, depth: int) -> None:
    """Refuse what only the parsed value shows: depth, and surrogates that were written as escapes."""
    if isinstance(value, str):
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            raise _Flaw("a lone surrogate in the text", "send valid Unicode") from None
    elif isinstance(value, list | dict):
        if depth > MAX_DEPTH:
            raise _Flaw(f"nested deeper than {MAX_DEPTH} levels", "flatten it")
        for item in value:
            _inspect(item, depth + 1)
        if isinstance(value, dict):
            for item in value.values():
                _inspect(item, depth + 1)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        times = Counter(name for name, _ in pairs)
        twice = next(name for name, count in times.items() if count > 1)
        raise _Flaw(f"the key {twice[:80]!a} stands twice", "keep one")
    return found


def _int(digits: str) -> int:
    if len(digits) <= _MAX_DIGITS + digits.startswith("-"):
        number = int(digits)
        if -MAX_INT <= number <= MAX_INT:
            return number
    raise _Flaw("an integer beyond 2^53 - 1", "send a smaller number, or the digits as a string")


def _float(digits: str) -> float:
    number = float(digits)
    if number in (_INFINITY, -_INFINITY):
        raise _Flaw("a number that overflows", "send a finite number")
    if number == 0 and _DIGIT_BUT_ZERO.match(digits):
        raise _Flaw("a number too small to be told from 0", "send 0, or a larger number")
    return number


def _constant(name: str) -> NoReturn:
    raise _Flaw(f"the number {name}", "send a finite number")


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_unique, parse_int=_int, parse_float=_float, parse_constant=_constant
)
_ENCODER: Final = msgspec.json.Encoder(order="sorted")
