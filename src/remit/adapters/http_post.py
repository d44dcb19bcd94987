"""One POST over HTTP/1.1, awaited: no redirect is followed, nothing is kept open, and every size has a bound.

Written on streams, so that a thousand at a time need no thousand threads and each can be cancelled at once.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from remit.core.errors import BadInput, Unavailable

_MOST_HEAD = 64_000
_MOST_LINES = 200
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Response:
    """What a server said."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes


class TooMuch(Exception):
    """The server sends more than is read."""


class MalformedHttp(Exception):
    """What the server sends is no HTTP/1.1."""


def url_of(text: str, where: str) -> SplitResult:
    """An address that can be posted to.

    Raises:
        BadInput: another scheme, no host, a user's name or a wrong port in it.
    """
    try:
        found = urlsplit(text)
        found.port  # noqa: B018 - a wrong one raises
    except ValueError as error:
        raise BadInput(where, f"found {text!r:.80}: {error}", "write http://host:port/path") from None
    if found.scheme not in _PORTS or not found.hostname or not text.isprintable() or " " in text:
        raise BadInput(where, f"found {text!r:.80}", "write http://host:port/path or https://…")
    if found.username or found.password:
        raise BadInput(where, "a user's name in the address", "use a header")
    return found


async def post(url: SplitResult, body: bytes, headers: Mapping[str, str], most: int) -> Response:
    """Post *body*, and read the whole answer.

    Args:
        url: from `url_of`.
        body: JSON.
        headers: beside host, length and type.
        most: bytes of an answer.

    Raises:
        Unavailable: no connection, or one that broke off.
        TooMuch: a longer answer.
        MalformedHttp: no HTTP.
    """
    assert url.hostname is not None  # noqa: S101 - `url_of` looked
    secure = ssl.create_default_context() if url.scheme == "https" else None
    port = url.port or _PORTS[url.scheme]
    try:
        reader, writer = await asyncio.open_connection(url.hostname, port, ssl=secure, limit=_MOST_HEAD)
    except OSError as error:
        raise Unavailable(f"{url.netloc}: no connection: {error.strerror or error}") from error
    try:
        writer.write(_head(url, body, headers) + body)
        await writer.drain()
        return await _read(reader, most)
    except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError) as error:
        raise Unavailable(f"{url.netloc}: the connection broke off") from error
    finally:
        writer.transport.abort()


def _head(url: SplitResult, body: bytes, headers: Mapping[str, str]) -> bytes:
    path = (url.path or "/") + (f"?{url.query}" if url.query else "")
    fixed = {
        "Host": url.netloc,
        "Content-Type": "application/json",
        "Accept": "application/json",
        "Content-Length": str(len(body)),
        "Connection": "close",
    }
    given = [name.lower() for name in headers]
    lines = [f"{name}: {value}" for name, value in fixed.items() if name.lower() not in given]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([f"POST {path} HTTP/1.1", *lines, "", ""]).encode("utf-8", "replace")


async def _read(reader: asyncio.StreamReader, most: int) -> Response:
    status, headers = await _start(reader)
    while 100 <= status < 200:
        status, headers = await _start(reader)
    if "chunked" in headers.get("transfer-encoding", "").lower():
        return Response(status, headers, await _chunks(reader, most))
    length = headers.get("content-length")
    if length is None:
        return Response(status, headers, await _until_end(reader, most))
    if not length.isdecimal() or len(length) > 15:
        raise MalformedHttp(f"Content-Length {length[:40]!r}")
    if int(length) > most:
        raise TooMuch
    return Response(status, headers, await reader.readexactly(int(length)))


async def _start(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    parts = (await _line(reader)).split(" ", 2)
    if len(parts) < 2 or not parts[0].startswith("HTTP/1.") or not parts[1].isdecimal():
        raise MalformedHttp(f"it begins with {' '.join(parts)[:40]!r}")
    headers: dict[str, str] = {}
    for _ in range(_MOST_LINES):
        if not (line := await _line(reader)):
            return int(parts[1][:3]), headers
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    raise MalformedHttp(f"more than {_MOST_LINES} headers")


async def _line(reader: asyncio.StreamReader) -> str:
    try:
        line = await reader.readuntil(b"\n")
    except asyncio.LimitOverrunError:
        raise MalformedHttp("a line without an end") from None
    return line.decode("latin-1").rstrip("\r\n")


async def _chunks(reader: asyncio.StreamReader, most: int) -> bytes:
    found, size = list[bytes](), 0
    while True:
        text = (await _line(reader)).partition(";")[0].strip()
        try:
            length = int(text, 16)
        except ValueError:
            raise MalformedHttp(f"a chunk of length {text[:40]!r}") from None
        size += length
        if length < 0 or size > most:
            raise TooMuch
        if length == 0:
            return b"".join(found)
        found.append(await reader.readexactly(length))
        await _line(reader)


async def _until_end(reader: asyncio.StreamReader, most: int) -> bytes:
    found = b""
    while chunk := await reader.read(65_536):
        found += chunk
        if len(found) > most:
            raise TooMuch
    return found
