"""Types by content. A closed list, each type read to its end; what could be read as two types has no answer.

Three readers must agree on bytes: the signature, the structure (`media` and `archive` walk it to the last byte,
so that nothing can hide behind it) and `puremagic`. Text is classed as browsers sniff it (WHATWG MIME sniffing),
and on the dangerous side: text that holds a script tag anywhere is ``text/html``.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from functools import lru_cache
from importlib.util import find_spec
from typing import Final

from remit.core.cel.errors import ConditionError
from remit.core.cel.functions.archive import zip_type
from remit.core.cel.functions.markup import MARKUP, text_type
from remit.core.cel.functions.media import MEDIA, Media

MAX: Final = 1_000_000
"""Characters of one value, which is what a canonical value may hold: 750,000 bytes in base64."""

_DATA: Final = re.compile(r"data:(?P<type>[a-z0-9.+-]+/[a-z0-9.+-]+);base64,(?P<body>.*)", re.DOTALL)
# Signatures of containers and programs that a reader finds wherever they stand.
_FOREIGN: Final = (
    b"PK\x03\x04",
    b"PK\x05\x06",
    b"Rar!\x1a\x07",
    b"7z\xbc\xaf\x27\x1c",
    b"\x7fELF",
    b"This program cannot be run in DOS mode",
)
_PDF_WINDOW: Final = 1024


def mime(content: str) -> str:
    """The type of bytes in base64, or of a base64 ``data:`` URL, found by reading them.

    Answers are image/png, image/jpeg, image/gif, image/webp, image/bmp, application/pdf, application/zip,
    application/java-archive, the three Office Open XML types and their macro-enabled forms, application/gzip,
    audio/wav, and for UTF-8 text what `text_mime` says. Refused are bad base64 (also white space, the URL-safe
    alphabet and missing padding), nothing, more than 1,000,000 characters, every other type, data before the
    start or behind the end, an archive, program, PDF or script inside another type, and a ``data:`` URL whose
    declared type is another one. Needs ``pip install 'remit[mime]'``.

    >>> mime("JVBERi0xLjQKJSVFT0YK"), mime("eyJhIjogMX0=")
    ('application/pdf', 'application/json')
    """
    _limit(content)
    declared = None
    if content.startswith("data:"):
        url = _DATA.fullmatch(content)
        if url is None:
            raise ConditionError("mime: not a data URL such as data:image/png;base64,...")
        declared, content = url["type"], url["body"]
    found = _typed(content)
    if declared is not None and declared != found:
        raise ConditionError(f"mime: declared as {declared}, but it is {found}")
    return found


def text_mime(text: str) -> str:
    """The type of plain text: text/plain, text/html, text/xml, application/json, image/svg+xml and the like.

    JSON is an object or array that `loads_strict` reads. Text is text/html where a browser would sniff it so, and
    where a script or frame tag stands anywhere. The others are application/xhtml+xml, text/x-shellscript,
    application/x-httpd-php, application/rtf and application/postscript. Refused are nothing, more than 1,000,000
    characters, control characters but tab, line feed, form feed and carriage return, a PDF header near the start,
    and SVG that is not well formed or can act: scripts, handlers, foreign objects, entities.

    >>> text_mime("Dear all"), text_mime("<!doctype html><p>x"), text_mime('{"a": 1}')
    ('text/plain', 'text/html', 'application/json')
    """
    _limit(text)
    return text_type(text)


def check_installed(_: Sequence[object]) -> None:
    """Refuse a condition that could never be answered here."""
    if find_spec("puremagic") is None:
        raise ConditionError("mime: needs pip install 'remit[mime]'")


def _limit(text: str) -> None:
    if not 0 < len(text) <= MAX:
        raise ConditionError(f"mime: nothing, or more than {MAX:,} characters")


def _decoded(content: str) -> bytes:
    try:
        data = base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError):
        raise ConditionError("mime: not base64 in the standard alphabet, padded, on one line") from None
    # Bits behind the last byte must be zero, or one content would have several spellings.
    if not data or base64.b64encode(data).decode() != content:
        raise ConditionError("mime: nothing, or base64 that is not in its one spelling")
    return data


@lru_cache(maxsize=16)
def _typed(content: str) -> str:
    return _found(_decoded(content))


def _found(data: bytes) -> str:
    for media in MEDIA:
        if media.signature.match(data):
            _check_foreign(data, media)
            media.check(data)
            _second_opinion(data, media.type)
            return media.type
    if data.startswith(b"PK\x03\x04"):
        _no_pdf(data)
        return _second_opinion(data, zip_type(data))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ConditionError("mime: no type that can be told for certain") from None
    return text_type(text)


def _check_foreign(data: bytes, media: Media) -> None:
    for mark in _FOREIGN:
        if mark in data:
            raise ConditionError(f"mime: {media.type} with another file inside")
    if media.type != "application/pdf":
        _no_pdf(data)
    if MARKUP.search(data):
        raise ConditionError(f"mime: {media.type} with markup or script inside")


def _no_pdf(data: bytes) -> None:
    if b"%PDF-" in data[: _PDF_WINDOW + 5]:
        raise ConditionError("mime: a PDF header that is not at the start")


def _second_opinion(data: bytes, found: str) -> str:
    from puremagic import magic_string

    try:
        names = {match.mime_type for match in magic_string(data)}
    except Exception as error:  # whatever it makes of a hostile file
        raise ConditionError(f"mime: the second reader knows no {found}") from error
    if found not in names and not names & _ALIASES.get(found, frozenset()):
        raise ConditionError(f"mime: two readers disagree on {found}")
    return found


_ZIP: Final = frozenset({"application/zip", "application/x-zip-compressed"})
_ALIASES: Final = {
    "image/bmp": frozenset({"image/x-ms-bmp"}),
    "application/gzip": frozenset({"application/x-gzip"}),
    "audio/wav": frozenset({"audio/x-wav", "audio/wave", "audio/vnd.wave"}),
    "application/zip": _ZIP,
}
