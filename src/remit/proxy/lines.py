"""The two ends of a stdio connection, as the streams that the SDK's dispatcher reads and writes.

Pipes and sockets are read and written by the event loop, without a thread between; what is neither (a file, a terminal)
has a thread that reads. Writing never waits: what the other side does not take is kept up to a bound, and
`LineWriter.full` says when it is reached.
"""

from __future__ import annotations

import asyncio
import os
import stat
import sys
import threading
from collections.abc import Awaitable, Callable
from typing import Any, Final, Self, cast

import anyio
from mcp.shared.message import SessionMessage
from mcp_types import PARSE_ERROR, JSONRPCMessage

from remit.proxy.wire import Unreadable, read_message, write_message

MOST_LINE: Final = 64 * 1024 * 1024
"""Bytes of one message."""
MOST_WAITING: Final = 64 * 1024 * 1024
"""Bytes that wait to be written to one side."""
_CHUNK: Final = 256 * 1024
FLUSH_S: Final = 2.0
"""How long closing waits for the other side to take what was written."""

Item = SessionMessage | Exception


class EndableStream(asyncio.StreamReader):
    """A byte stream that may be ended from this side, while the other one still writes."""

    def __init__(self) -> None:
        super().__init__(limit=_CHUNK)
        self._ends = False

    def feed_data(self, data: Any) -> None:
        """Take what comes, unless it was ended."""
        if not self._ends:
            super().feed_data(data)

    def feed_eof(self) -> None:
        """End it."""
        self._ends = True
        super().feed_eof()


class Reader:
    """Messages from a byte stream, one a line. The SDK's `ReadStream`.

    Args:
        stream: the bytes.
        before: awaited before each read; it can hold reading back.
    """

    def __init__(self, stream: EndableStream, before: Callable[[], Awaitable[None]] | None = None) -> None:
        self._stream = stream
        self._before = before
        self._buffer = bytearray()
        self._looked = 0
        self._overlong = False
        self._ended = False

    def end(self) -> None:
        """Take nothing more from it, as if the other side had closed it."""
        self._ended = True
        self._stream.feed_eof()

    @property
    def at_end(self) -> bool:
        """Whether the other side has closed it."""
        return self._ended or self._stream.at_eof()

    async def receive(self) -> Item:
        """The next message.

        Raises:
            anyio.EndOfStream: there is none.
        """
        try:
            return await self.__anext__()
        except StopAsyncIteration:
            raise anyio.EndOfStream from None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Item:
        while True:
            if (found := self._line()) is not None:
                return found
            if self._before is not None:
                await self._before()
            if self._ended or not (chunk := await self._stream.read(_CHUNK)):
                raise StopAsyncIteration
            self._take(chunk)

    def _take(self, chunk: bytes) -> None:
        if self._overlong:
            end = chunk.find(b"\n")
            if end < 0:
                return
            chunk, self._overlong = chunk[end + 1 :], False
        self._buffer += chunk

    def _line(self) -> Item | None:
        while (end := self._buffer.find(b"\n", self._looked)) >= 0:
            line = bytes(self._buffer[:end])
            del self._buffer[: end + 1]
            self._looked = 0
            if line and not line.isspace():
                found = read_message(line)
                return found if isinstance(found, Unreadable) else SessionMessage(found)
        self._looked = len(self._buffer)
        if self._looked > MOST_LINE:
            self._buffer.clear()
            self._looked, self._overlong = 0, True
            return Unreadable(PARSE_ERROR, f"a message of more than {MOST_LINE} bytes")
        return None

    async def aclose(self) -> None:
        """Take nothing more."""
        self._ended = True

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


class LineWriter:
    """Messages to a byte stream, one a line. The SDK's `WriteStream`; `put` is the same without a wait."""

    def __init__(self, transport: Any) -> None:
        self._transport = transport

    @property
    def full(self) -> bool:
        """Whether so much waits to be taken that nothing more should be written."""
        return bool(self._transport.get_write_buffer_size() > MOST_WAITING)

    @property
    def empty(self) -> bool:
        """Whether the other side (or its pipe) has taken everything."""
        return self.gone or self._transport.get_write_buffer_size() == 0

    @property
    def gone(self) -> bool:
        """Whether nothing that is written arrives."""
        return bool(self._transport.is_closing())

    def put(self, message: JSONRPCMessage) -> None:
        """Write *message*; where the connection is gone, or nobody reads it any more, nothing happens."""
        if not self.gone and not self.full:
            self._transport.write(write_message(message))

    async def send(self, item: SessionMessage, /) -> None:
        """As `put`, and raise where it cannot arrive."""
        if self.gone or self.full:
            raise anyio.BrokenResourceError
        self._transport.write(write_message(item.message))

    async def flows(self) -> None:
        """Wait until the other side takes what is written."""
        while not self.gone and self._transport.get_write_buffer_size() > MOST_WAITING // 4:
            await asyncio.sleep(0.01)

    async def aclose(self) -> None:
        """Close, once what was written has been taken, or soon after."""
        ends = asyncio.get_running_loop().time() + FLUSH_S
        while not self.empty and asyncio.get_running_loop().time() < ends:
            await asyncio.sleep(0.005)
        if not self.gone:
            (self._transport.close if self.empty else self._transport.abort)()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        with anyio.CancelScope(shield=True):
            await self.aclose()


class _Direct:
    """A transport to a file or a terminal, which take what is written at once."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._closed = False

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return self._closed

    def write(self, data: bytes) -> None:
        try:
            while data:
                data = data[os.write(self._fd, data) :]
        except OSError:
            self._closed = True

    def close(self) -> None:
        self._closed = True

    abort = close


class _Pipe(asyncio.BaseProtocol):
    """The writing end of a pipe: nothing comes back on it."""


async def own_stdio() -> tuple[EndableStream, Any]:
    """Our standard input and output, for the protocol alone.

    Descriptor 0 reads nothing afterwards, and what anything prints to descriptor 1 goes to standard error, so that no
    stray line stands between messages.

    Returns:
        The reader, and a transport to write to.
    """
    sys.stdout.flush()
    read_fd, write_fd = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return await reading(read_fd), await writing(write_fd)


def _is_pipe(fd: int) -> bool:
    mode = os.fstat(fd).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


async def reading(fd: int) -> EndableStream:
    """What is read from a descriptor, which is ours from now on."""
    loop = asyncio.get_running_loop()
    stream = EndableStream()
    if _is_pipe(fd):
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stream), os.fdopen(fd, "rb", 0))
    else:
        threading.Thread(target=_feed, args=(fd, stream, loop), name="remit-stdin", daemon=True).start()
    return stream


def _feed(fd: int, stream: EndableStream, loop: asyncio.AbstractEventLoop) -> None:
    try:
        while chunk := os.read(fd, _CHUNK):
            loop.call_soon_threadsafe(stream.feed_data, chunk)
        loop.call_soon_threadsafe(stream.feed_eof)
    except (OSError, RuntimeError):  # the loop is closed: nobody reads any more
        return


async def writing(fd: int) -> Any:
    """A transport to a descriptor, which is ours from now on."""
    if not _is_pipe(fd):
        return _Direct(fd)
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_write_pipe(_Pipe, os.fdopen(fd, "wb", 0))
    return cast("Any", transport)
