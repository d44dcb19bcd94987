"""Recorded sessions from files and folders: JSON Lines, gzipped or not, or one JSON file with a message list.

Formats are recognised by content. Reading streams: no file is held whole, and no line above a bound is read.
"""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import msgspec

from remit.core.errors import BadInput
from remit.core.recorded import REMEDY, RecordedSession, read_session, session_from

MOST_LINE_BYTES = 64_000_000
ENDINGS = ("*.jsonl", "*.jsonl.gz")
"""What is read of a folder; any file that is named by itself is read."""


@dataclass(frozen=True, slots=True)
class UnreadRecord:
    """One record of a file, not yet read."""

    where: str
    """`file:line`."""
    data: bytes
    read_to: int
    """Bytes of the file, as stored, that were read so far: for progress."""


def files_below(folder: Path, endings: Sequence[str]) -> list[Path]:
    """The files of a folder, to its bottom, whose names fit one of *endings*, by name.

    What vanishes while it is looked for is not there, as it would not be a moment later.
    """
    found = (
        Path(here, name)
        for here, _, names in os.walk(folder)
        for name in names
        if any(fnmatch(name, ending) for ending in endings)
    )
    return sorted(file for file in found if file.is_file())


def session_files(paths: Sequence[Path]) -> list[Path]:
    """The files that *paths* name, each once, folders searched to the bottom.

    Raises:
        BadInput: a path is not there, or a folder holds no session file.
    """
    found: dict[Path, None] = {}
    for path in paths:
        if path.is_dir():
            inside = files_below(path, ENDINGS)
            if not inside:
                told = f"files end in {', '.join(ENDINGS)}"
                raise BadInput(str(path), "no session file in this folder", told)
            found.update(dict.fromkeys(inside))
        elif path.exists() or str(path) == "-":
            found[path] = None
        else:
            raise BadInput(str(path), "no such file or folder", "check the path")
    return list(found)


def lines(path: Path, most: int = MOST_LINE_BYTES) -> Iterator[UnreadRecord]:
    """The records of one file.

    Args:
        path: the file; `-` is standard input.
        most: bytes of one record.

    Raises:
        BadInput: it cannot be read, is not gzip where it says so, or a line is beyond the bound.
    """
    try:
        with _raw(path) as raw:
            packed = raw.peek(2)[:2] == b"\x1f\x8b"
            file: Any = gzip.GzipFile(fileobj=raw) if packed else raw
            for number, data in _records(file, path, most):
                yield UnreadRecord(f"{path}:{number}", data, 0 if str(path) == "-" else raw.tell())
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise BadInput(str(path), f"not whole gzip data: {error}", "copy the file again") from None
    except OSError as error:
        told = f"cannot be read: {error.strerror or error}"
        raise BadInput(str(path), told, "check the path and its rights") from None


def _raw(path: Path) -> Any:
    if str(path) != "-":
        return path.open("rb")
    import sys
    from contextlib import nullcontext

    return nullcontext(sys.stdin.buffer)


def _records(file: Any, path: Path, most: int) -> Iterator[tuple[int, bytes]]:
    """Numbered lines; a file whose first line only opens a JSON value is one record."""
    number, first = 0, True
    while data := file.readline(most + 1):
        number += 1
        if number == 1:
            data = _unmarked(data, path)
        if len(data) > most:
            told = f"a line of more than {most} bytes"
            raise BadInput(f"{path}:{number}", told, "split the record")
        stripped = data.strip()
        if not stripped:
            continue
        if first and _goes_on(stripped):
            rest = file.read(most + 1)
            if len(rest) > most:
                told = f"one JSON value of more than {most} bytes"
                raise BadInput(str(path), told, "write JSON Lines")
            yield number, data + rest
            return
        first = False
        yield number, data


def _unmarked(data: bytes, path: Path) -> bytes:
    """The first line without the byte order mark that some editors and shells put before UTF-8.

    Raises:
        BadInput: the mark is that of another encoding.
    """
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise BadInput(str(path), "text in UTF-16", "write it as UTF-8")
    return data.removeprefix(b"\xef\xbb\xbf")


def _goes_on(first_line: bytes) -> bool:
    """Whether this line only opens a JSON value that is written over several lines."""
    return first_line in (b"{", b"[", b"[{")


def sessions_in(line: UnreadRecord) -> Iterator[RecordedSession]:
    """The sessions of one record: one on a line of JSON Lines, one or more in a JSON file.

    Raises:
        BadInput: no session, with its place.
    """
    if line.data.lstrip()[:1] != b"[":
        yield _session(line)
        return
    try:
        listed: list[Any] = msgspec.json.decode(line.data)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise BadInput(line.where, f"not JSON: {error}", REMEDY) from None
    path = line.where.rpartition(":")[0]
    if listed and isinstance(listed[0], dict) and "role" in listed[0]:
        yield session_from({"messages": listed}, line.where, Path(path).name)
        return
    for at, one in enumerate(listed):
        yield session_from(one, f"{line.where}: [{at}]", f"{Path(path).name}#{at}")


def _session(line: UnreadRecord) -> RecordedSession:
    if b'"session_id"' in line.data:
        return read_session(line.data, line.where)
    try:
        raw = msgspec.json.decode(line.data)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise BadInput(line.where, f"not JSON: {error}", REMEDY) from None
    path, _, number = line.where.rpartition(":")
    listed = isinstance(raw, dict) and "messages" in raw
    return session_from(raw, line.where, f"{Path(path).name}:{number}" if listed else "")


def read_sessions(paths: Sequence[Path]) -> Iterator[RecordedSession]:
    """All sessions of files and folders, in order; the first bad record is an error.

    Raises:
        BadInput: with file and line.
    """
    for path in session_files(paths):
        for line in lines(path):
            yield from sessions_in(line)
