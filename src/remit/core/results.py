"""What a tool returned, as JSON: the one form in which clauses look into a result, and in which the agent then gets it.

A result may be any object, and what an object shows may change from one look to the next. So where a clause looks into
a result, the result is copied once into exact JSON types; the copy is judged, shown and recorded, and the object
itself goes no further. What has no form in JSON (bytes, sets, objects of a class of one's own, NaN) is refused, so
that the clause which asked cannot be met.
"""

from __future__ import annotations

import dataclasses
import re
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from typing import Any, Final

from remit.core.canonical import MAX_BYTES, MAX_DEPTH, canonical, loads_strict
from remit.core.codec import exact
from remit.core.errors import BadInput
from remit.core.types import Json

MOST_BYTES: Final = 8 * MAX_BYTES
"""Size of a structured result that clauses look into; a plain text has no bound."""
_MOST_VALUES: Final = MOST_BYTES // 2
_PLAIN_WORDS: Final = re.compile(r"[A-Za-z ,-]*")
_AS_ISO: Final = (datetime, date, time)


def plain_result(value: object) -> Json:
    """A copy of *value* made of exact JSON types.

    Tuples become lists, dataclasses objects, enums their values; dates, decimals and UUIDs become texts, and
    subclasses of str, dict and list what they hold, whatever they say of themselves.

    Raises:
        BadInput: it has no form in JSON, contains itself, or is too large.

    >>> plain_result({"rows": ((1, "a"),)})
    {'rows': [[1, 'a']]}
    >>> plain_result({"raw": b"x"})
    Traceback (most recent call last):
    remit.core.errors.BadInput: output: found bytes; return JSON types: dict, list, str and so on
    """
    try:
        return _text(exact(value)) if isinstance(value, str) else _structure(value)
    except BadInput:
        raise
    except Exception as error:
        raise BadInput("output", f"cannot be read: {type(error).__name__}") from error


def _structure(value: object) -> Json:
    try:
        return canonical(value, where="output", max_bytes=MOST_BYTES)
    except BadInput:
        unpacked = _unpacked(value, MAX_DEPTH, [_MOST_VALUES])
    return canonical(unpacked, where="output", max_bytes=MOST_BYTES)


def why_not(error: BadInput) -> str:
    """Why a result has no form in JSON; no text, key or number of it is repeated, since the agent reads this instead.

    >>> why_not(BadInput("output['sk-1']", "found set", "return JSON types"))
    'output: found set; return JSON types'
    >>> why_not(BadInput("output", "the key 'sk-1' stands twice", "write each once"))
    'output: not plain JSON; write each once'
    """
    found = error.found if _PLAIN_WORDS.fullmatch(error.found) else "not plain JSON"
    return f"output: {found}; {error.remedy or 'return one JSON value'}"


def spelled(text: str) -> Json:
    """The object or list that *text* spells as JSON, read strictly.

    Raises:
        BadInput: it is no object or list in JSON, or readers could understand it differently.
    """
    value = loads_strict(text, where="output")
    if not isinstance(value, dict | list):
        raise BadInput("output", "found a plain text", "return an object or a list")
    return canonical(value, where="output", max_bytes=MOST_BYTES)


def _text(text: str) -> str:
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            raise BadInput("output", "a lone surrogate in the text", "return valid Unicode") from None
    return text


def _unpacked(value: Any, levels: int, left: list[int]) -> Json:
    left[0] -= 1
    if levels < 0 or left[0] < 0:
        raise BadInput("output", "too deep or too large", "return less; a value may not contain itself")
    if isinstance(value, dict):
        items = dict.items(value)
        return {_key(key): _unpacked(one, levels - 1, left) for key, one in items}
    if isinstance(value, list):
        return [_unpacked(one, levels - 1, left) for one in list.__iter__(value)]
    if isinstance(value, tuple):
        return [_unpacked(one, levels - 1, left) for one in tuple.__iter__(value)]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = dataclasses.fields(value)
        return {field.name: _unpacked(getattr(value, field.name), levels - 1, left) for field in fields}
    return _leaf(value)


def _key(key: object) -> object:
    return exact(key) if isinstance(key, str) else key


def _leaf(value: Any) -> Json:
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, str):
        return exact(value)
    if value is None or type(value) in (bool, int, float):
        return value
    if type(value) in _AS_ISO:
        return value.isoformat()
    if type(value) is Decimal or (type(value).__module__, type(value).__name__) == ("uuid", "UUID"):
        return str(value)
    raise BadInput("output", f"found {type(value).__name__}", "return JSON types: dict, list, str and so on")
