"""Members of a zip file, with bounds: what a stranger packed may unpack to anything.

Zstandard, which Inspect packs with, is read with Python's own module where there is one (3.14), else with `zstandard`.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from remit.core.errors import BadInput, Unavailable

MOST_MEMBER_BYTES = 256_000_000
"""Of one member, unpacked."""
MOST_WHOLE_BYTES = 16_000_000_000
"""Of all members together, unpacked."""
MOST_RATIO = 1_000
"""By how much a member may grow, above `_SMALL`."""
MOST_MEMBERS = 500_000
_SMALL = 1_000_000
_ZSTD = 93
_KNOWN = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, _ZSTD)
_ENCRYPTED = 0x1
_HEADER = 30
MAGIC = b"PK"


class Members:
    """The members of one zip file.

    Raises:
        BadInput: it is none, or has more than the bounds allow.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, struct.error) as error:
            raise BadInput(str(path), f"no whole zip file: {error}", "copy the file again") from None
        self._found = {info.filename: info for info in self._zip.infolist()}
        if len(self._found) > MOST_MEMBERS:
            raise self._error("", f"{len(self._found)} members", f"at most {MOST_MEMBERS} are read")
        self._left = MOST_WHOLE_BYTES

    def __enter__(self) -> Members:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def __contains__(self, name: str) -> bool:
        return name in self._found

    def names(self) -> Iterator[str]:
        """All names, in the order of the file."""
        yield from self._found

    def read(self, name: str) -> bytes:
        """One member, unpacked.

        Raises:
            BadInput: it is damaged, encrypted, or larger than the bounds allow.
            Unavailable: it is packed with Zstandard, which nothing here reads.
        """
        info = self._found[name]
        self._look_at(info)
        try:
            data = self._unpacked(info)
        except (zipfile.BadZipFile, EOFError, OSError, zlib.error, struct.error, ValueError) as error:
            raise self._error(name, f"damaged: {error}", "copy the file again") from None
        if len(data) != info.file_size or zlib.crc32(data) != info.CRC:
            raise self._error(name, "damaged: size or checksum differ", "copy the file again")
        self._left -= len(data)
        return data

    def _look_at(self, info: zipfile.ZipInfo) -> None:
        name, size = info.filename, info.file_size
        if info.flag_bits & _ENCRYPTED:
            raise self._error(name, "encrypted", "write the log without a password")
        if info.compress_type not in _KNOWN:
            raise self._error(name, f"packed in way {info.compress_type}", "use deflate or Zstandard")
        if size > min(MOST_MEMBER_BYTES, self._left) or size > _SMALL + MOST_RATIO * info.compress_size:
            told = f"{size} bytes from {info.compress_size}"
            raise self._error(
                name, told, f"at most {MOST_MEMBER_BYTES} are read, and {MOST_RATIO} times as many"
            )

    def _unpacked(self, info: zipfile.ZipInfo) -> bytes:
        if info.compress_type == _ZSTD:
            return _zstd(self._stored(info)).read(info.file_size + 1)
        with self._zip.open(info) as member:
            return member.read(info.file_size + 1)

    def _stored(self, info: zipfile.ZipInfo) -> bytes:
        """The bytes of a member as they stand in the file, which Python before 3.14 does not unpack."""
        with self.path.open("rb") as file:
            file.seek(info.header_offset)
            header = file.read(_HEADER)
            if len(header) != _HEADER or header[:4] != b"PK\x03\x04":
                raise zipfile.BadZipFile("no member where the directory says")
            names, extra = struct.unpack("<HH", header[26:_HEADER])
            file.seek(names + extra, io.SEEK_CUR)
            return file.read(info.compress_size)

    def _error(self, name: str, found: str, remedy: str) -> BadInput:
        return BadInput(f"{self.path}: {name}" if name else str(self.path), found, remedy)


def _zstd(packed: bytes) -> IO[bytes]:
    import importlib

    try:
        return _python_zstd(importlib.import_module("compression.zstd"), packed)
    except ModuleNotFoundError:
        pass
    try:
        zstandard: Any = importlib.import_module("zstandard")
    except ModuleNotFoundError:
        told = "this log is packed with Zstandard; pip install 'remit[inspect]', or write it as JSON"
        raise Unavailable(f"{told}: inspect log convert --to json") from None
    return _Frames(zstandard, packed)  # type: ignore[return-value]


def _python_zstd(module: Any, packed: bytes) -> IO[bytes]:
    file: IO[bytes] = _Told(module.ZstdFile(io.BytesIO(packed)), module.ZstdError)  # type: ignore[assignment]
    return file


class _Told:
    """A reader whose own errors are `OSError`s."""

    def __init__(self, reader: Any, error: type[Exception]) -> None:
        self._reader, self._error = reader, error

    def read(self, most: int) -> bytes:
        try:
            data: bytes = self._reader.read(most)
        except self._error as error:
            raise OSError(str(error)) from None
        return data


class _Frames(_Told):
    """`zstandard` over several frames, one after the other."""

    def __init__(self, zstandard: Any, packed: bytes) -> None:
        reader = zstandard.ZstdDecompressor(max_window_size=2**27).stream_reader(
            io.BytesIO(packed), read_across_frames=True
        )
        super().__init__(reader, zstandard.ZstdError)
