"""Paths: containment by the text alone. What a link points to is not seen here."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from remit.core.canonical import first_invisible
from remit.core.cel.errors import ConditionError

_MAX: Final = 4096
_DECODINGS: Final = 3
# A dot, slash, backslash, percent sign, tilde or NUL in any number of percent-encodings, and the encodings of
# other systems; overlong UTF-8 is no UTF-8.
_ENCODED: Final = re.compile(r"%(?:25)*(?:2e|2f|5c|7e|0|25|u[0-9a-f]{4})", re.IGNORECASE)


def path_within(path: str, root: str) -> bool:
    """Whether an absolute POSIX path is the root or below it, by its text.

    Refused are relative and home paths, any ``..`` segment, a backslash, invisible characters, characters
    that normalisation would change, and percent-encoded dots, slashes or NUL.

    >>> path_within("/data/reports/q1.txt", "/data"), path_within("/data-old/x", "/data")
    (True, False)
    """
    _limit(path)
    _limit(root)
    base = _root(root)
    return _segments(path)[: len(base)] == base


def real_path_within(path: str, root: str) -> None:
    """Whether a path is the root or below it once symbolic links are resolved on both sides.

    The enforcement point looks, just before the decision, and what it found is recorded: a path that does not
    exist may have a missing last part only, and a loop or a directory that cannot be read is an error. Refused
    are the same texts as for `path_within`. Until the tool opens the file a link can still change: give agents
    no way to make links in there, or open with ``openat2(RESOLVE_BENEATH)``.

    >>> real_path_within("/data/a/../b", "/data")
    Traceback (most recent call last):
    remit.core.cel.errors.ConditionError: path_within: a '..' segment
    """
    path_within(path, root)


def check_root(args: Sequence[object]) -> None:
    """Refuse a literal root that is no root."""
    if isinstance(args[1], str):
        _root(args[1])


def _limit(path: str) -> None:
    if len(path) > _MAX:
        raise ConditionError(f"path_within: longer than {_MAX} characters")


@lru_cache(maxsize=4096)
def _root(root: str) -> tuple[str, ...]:
    segments = _segments(root)
    if not segments:
        raise ConditionError("path_within: the root / contains everything; name a directory below it")
    return segments


@lru_cache(maxsize=4096)
def _segments(path: str) -> tuple[str, ...]:
    if not path.startswith("/") or path.startswith("//"):
        raise _refusal("not an absolute path")
    if "\\" in path:
        raise _refusal("a backslash")
    if first_invisible(path) is not None:
        raise _refusal("an invisible character")
    if unicodedata.normalize("NFKC", path) != path:
        raise _refusal("a character that normalisation would change")
    if _ENCODED.search(path):
        raise _refusal("a percent-encoded dot, slash or NUL")
    if "%" in path:
        _check_decoded(path)
    segments = tuple(part for part in path.split("/") if part not in {"", "."})
    if any(_is_parent(part) for part in segments):
        raise _refusal("a '..' segment")
    return segments


def _check_decoded(path: str) -> None:
    """Refuse what a reader that decodes, also several times, would see: bad UTF-8, dots and slashes in disguise."""
    from urllib.parse import unquote

    for _ in range(_DECODINGS):
        decoded = unquote(path, errors="surrogateescape")
        if decoded == path:
            return
        if first_invisible(decoded) is not None or unicodedata.normalize("NFKC", decoded) != decoded:
            raise _refusal("a percent-encoded character that normalisation would change, or that nobody sees")
        if _ENCODED.search(decoded) or any(_is_parent(part) for part in decoded.split("/")):
            raise _refusal("a percent-encoded dot, slash or NUL")
        path = decoded


def _is_parent(segment: str) -> bool:
    return segment.partition(";")[0].strip() == ".."


def _refusal(found: str) -> ConditionError:
    return ConditionError(f"path_within: {found}")
