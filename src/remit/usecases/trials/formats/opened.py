"""Records of a file, whatever wraps them: JSON Lines, one JSON value, a list in it, gzipped or not.

Nothing is held whole but one record, and where a file is a single JSON value its bytes: items of a list are decoded one
at a time.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from remit.core.errors import BadInput
from remit.usecases.sessions_files import lines

T = TypeVar("T")

MOST_DOCUMENT_BYTES = 256_000_000
"""Of a file that is a single JSON value, unpacked; and of one line."""
REMEDY = "see 'Results from elsewhere' in docs/trials.md"


@dataclass(frozen=True, slots=True)
class ResultRecord:
    """One JSON value with its place, not yet decoded."""

    where: str
    data: bytes
    path: Path


def records(path: Path) -> Iterator[ResultRecord]:
    """The records of one file: a line each, the items of its list, or its one value.

    Raises:
        BadInput: it cannot be read, or is too large.
    """
    for line in lines(path, MOST_DOCUMENT_BYTES):
        if line.data.lstrip()[:1] != b"[":
            yield ResultRecord(line.where, line.data, path)
            continue
        yield from items(line.data, line.where.rpartition(":")[0], path)


def items(data: bytes, where: str, path: Path) -> Iterator[ResultRecord]:
    """The items of a JSON list as records.

    Raises:
        BadInput: it is none.
    """
    for at, item in enumerate(raw_items(data, where)):
        yield ResultRecord(f"{where}: [{at}]", item, path)


def raw_items(data: bytes, where: str) -> list[bytes]:
    """The items of a JSON list, undecoded.

    Raises:
        BadInput: it is none.
    """
    return [bytes(item) for item in _apart(data, where, list[msgspec.Raw])]


def raw_members(data: bytes, where: str) -> dict[str, bytes]:
    """The members of a JSON object, undecoded.

    Raises:
        BadInput: it is none.
    """
    return {key: bytes(item) for key, item in _apart(data, where, dict[str, msgspec.Raw]).items()}


def _apart(data: bytes, where: str, kind: Any) -> Any:
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        loose = _loose(data, where, error)
    if isinstance(loose, list) and kind == list[msgspec.Raw]:
        return [json.dumps(item).encode() for item in loose]
    if isinstance(loose, dict) and kind != list[msgspec.Raw]:
        return {key: json.dumps(item).encode() for key, item in loose.items()}
    raise BadInput(where, "not of the form that it has to have", REMEDY)


def decoded(data: bytes, where: str, kind: type[T]) -> T:
    """The JSON value as *kind*; NaN in a place that nobody asked for does no harm.

    Raises:
        BadInput: it is none.
    """
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        loose = _loose(data, where, error)
    try:
        return msgspec.convert(loose, kind)
    except (msgspec.ValidationError, RecursionError) as error:
        raise BadInput(where, _told(error), REMEDY) from None


def strictly(data: bytes, where: str) -> dict[str, Any]:
    """The JSON object, NaN refused.

    Raises:
        BadInput: it is none.
    """
    try:
        return _OBJECT.decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        found = "NaN or Infinity, which JSON does not have" if _constants(data) else _told(error)
        raise BadInput(where, found, REMEDY) from None


_OBJECT = msgspec.json.Decoder(dict[str, Any])


def once(data: bytes, where: str, keys: Sequence[str]) -> None:
    """Refuse a record in which one of these keys stands twice in one object: readers differ in which one counts.

    Raises:
        BadInput: with the key.
    """
    doubtful = [key for key in keys if data.count(b'"%b"' % key.encode()) > 1]
    if not doubtful:
        return

    def look(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _ in pairs]
        for key in doubtful:
            if names.count(key) > 1:
                raise BadInput(where, f"{key!r} stands twice", "write it once")
        return dict(pairs)

    try:
        json.loads(data, object_pairs_hook=look)
    except (ValueError, RecursionError) as error:
        raise BadInput(where, _told(error), REMEDY) from None


def _loose(data: bytes, where: str, error: Exception) -> Any:
    """What Python's own reader, which takes NaN, makes of it; the first error where there is none in it."""
    if isinstance(error, msgspec.ValidationError) or not _constants(data):
        raise BadInput(where, _told(error), REMEDY) from None
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as second:
        raise BadInput(where, _told(second), REMEDY) from None


def _constants(data: bytes) -> bool:
    return b"NaN" in data or b"Infinity" in data


def _told(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "nested too deep"
    kind = "not of the form that it has to have" if isinstance(error, msgspec.ValidationError) else "not JSON"
    return f"{kind}: {error}"
