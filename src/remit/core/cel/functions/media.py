"""Types whose structure is walked from the first byte to the last: nothing may stand behind the end."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from remit.core.cel.errors import ConditionError


@dataclass(frozen=True, slots=True)
class Media:
    """One type that is told by its first bytes and checked by its structure."""

    type: str
    signature: re.Pattern[bytes]
    check: Callable[[bytes], None]


def _broken(kind: str, why: str) -> ConditionError:
    return ConditionError(f"mime: {kind} {why}")


def _png(data: bytes) -> None:
    at = 8
    first = True
    while at + 12 <= len(data):
        size, name = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        end = at + 12 + size
        if end > len(data) or zlib.crc32(data[at + 4 : end - 4]) != int.from_bytes(
            data[end - 4 : end], "big"
        ):
            raise _broken("PNG", "with a broken chunk")
        if first and (name != b"IHDR" or size != 13):
            raise _broken("PNG", "without its header")
        first = False
        if name == b"IEND":
            if end != len(data):
                raise _broken("PNG", "with data behind its end")
            return
        at = end
    raise _broken("PNG", "that does not end")


def _jpeg(data: bytes) -> None:
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        mark, size = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if data[at + 2 : at + 4] == b"/*":
            raise _broken("JPEG", "that is a script, too")
        if mark == 0xDA:  # the picture itself; an end marker in it is the last two bytes
            if not data.endswith(b"\xff\xd9"):
                raise _broken("JPEG", "with data behind its end, or without an end")
            if (inner := data.find(b"\xff\xd9", at)) != len(data) - 2:
                raise _broken("JPEG", f"that ends at {inner}, with data behind")
            return
        if mark == 0xD9 or size < 2:
            break
        at += 2 + size
    raise _broken("JPEG", "without a picture")


def _gif(data: bytes) -> None:
    if len(data) < 14 or data[6:8] in (b"/*", b"//", b"=1", b"='", b'="'):
        raise _broken("GIF", "that is too short or a script, too")
    at = 13 + (3 << ((data[10] & 7) + 1) if data[10] & 0x80 else 0)
    while at < len(data):
        if data[at] == 0x3B:
            if at != len(data) - 1:
                raise _broken("GIF", "with data behind its end")
            return
        if data[at] == 0x21:
            at = _gif_blocks(data, at + 2)
        elif data[at] == 0x2C and at + 10 <= len(data):
            flags = data[at + 9]
            at = _gif_blocks(data, at + 11 + (3 << ((flags & 7) + 1) if flags & 0x80 else 0))
        else:
            break
    raise _broken("GIF", "with a broken block")


def _gif_blocks(data: bytes, at: int) -> int:
    while at < len(data) and data[at]:
        at += data[at] + 1
    return at + 1


def _riff(data: bytes) -> None:
    if int.from_bytes(data[4:8], "little") != len(data) - 8:
        raise _broken("RIFF", "whose size is not its own")
    at = 12
    while at + 8 <= len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        at += 8 + size + size % 2
    if at != len(data):
        raise _broken("RIFF", "with a broken chunk")


def _bmp(data: bytes) -> None:
    size, start = int.from_bytes(data[2:6], "little"), int.from_bytes(data[10:14], "little")
    if size != len(data) or not 26 <= start <= len(data) or any(data[6:10]):
        raise _broken("BMP", "whose size is not its own")


def _pdf(data: bytes) -> None:
    tail = data.rstrip(b"\r\n")
    if not tail.endswith(b"%%EOF"):
        raise _broken("PDF", "with data behind its end, or without an end")
    if data.count(b"%PDF-") > 1:
        raise _broken("PDF", "with another one inside")


def _gzip(data: bytes) -> None:
    reader = zlib.decompressobj(wbits=31)
    left, produced = data, 0
    try:
        while not reader.eof and left:
            produced += len(reader.decompress(left, 1 << 16))
            left = reader.unconsumed_tail
            if produced > _MOST_UNPACKED:
                raise _broken("gzip", "that unpacks to more than 16 MiB")
    except zlib.error:
        raise _broken("gzip", "with broken data") from None
    if not reader.eof or reader.unused_data:
        raise _broken("gzip", "with data behind its end, or without an end")


_MOST_UNPACKED: Final = 1 << 24

MEDIA: Final = (
    Media("image/png", re.compile(rb"\x89PNG\r\n\x1a\n"), _png),
    Media("image/jpeg", re.compile(rb"\xff\xd8\xff[\xdb\xe0-\xef]"), _jpeg),
    Media("image/gif", re.compile(rb"GIF8[79]a"), _gif),
    Media("image/webp", re.compile(rb"RIFF.{4}WEBPVP8[ LX]", re.DOTALL), _riff),
    Media("audio/wav", re.compile(rb"RIFF.{4}WAVE", re.DOTALL), _riff),
    Media("image/bmp", re.compile(rb"BM.{4}\0{4}", re.DOTALL), _bmp),
    Media("application/pdf", re.compile(rb"%PDF-[12]\.[0-9][\r\n]"), _pdf),
    Media("application/gzip", re.compile(rb"\x1f\x8b\x08"), _gzip),
)
"""The order does not matter: no two signatures fit one text."""
