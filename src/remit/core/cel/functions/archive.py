"""ZIP files by their directory: exactly one, at the end, which accounts for every byte before it."""

from __future__ import annotations

import struct
from typing import Final

from remit.core.cel.errors import ConditionError

_END: Final = struct.Struct("<4s4H2LH")
_ENTRY: Final = struct.Struct("<4s6H3L5H2L")
_OFFICE: Final = {
    b"word/": ("wordprocessingml.document", "word.document"),
    b"xl/": ("spreadsheetml.sheet", "excel.sheet"),
    b"ppt/": ("presentationml.presentation", "powerpoint.presentation"),
}


def zip_type(data: bytes) -> str:
    """Return the type of a ZIP file: Office, Java archive or plain."""
    names = _names(data)
    if b"META-INF/MANIFEST.MF" in names or b"AndroidManifest.xml" in names:
        return "application/java-archive"
    if b"[Content_Types].xml" not in names:
        return "application/zip"
    kinds = [kind for start, kind in _OFFICE.items() if any(name.startswith(start) for name in names)]
    if len(kinds) != 1:
        raise ConditionError("mime: an Office file of no or several kinds")
    plain, macros = kinds[0]
    if any(name.lower().endswith(b"vbaproject.bin") for name in names):
        return f"application/vnd.ms-{macros}.macroEnabled.12"
    return f"application/vnd.openxmlformats-officedocument.{plain}"


def _names(data: bytes) -> set[bytes]:
    """Return the names in the directory, which must account for the bytes before it."""
    if len(data) < _END.size:
        raise _broken()
    mark, disk, first, here, count, size, start, comment = _END.unpack(data[-_END.size :])
    if mark != b"PK\x05\x06" or comment or disk or first or here != count:
        raise ConditionError("mime: ZIP with data behind its end, a comment or several parts")
    if start + size + _END.size != len(data) or data.count(b"PK\x05\x06") != 1:
        raise ConditionError("mime: ZIP with data before its start, or two directories")
    names: set[bytes] = set()
    starts: list[int] = []
    at = start
    for _ in range(count):
        entry = data[at : at + _ENTRY.size]
        if len(entry) < _ENTRY.size or entry[:4] != b"PK\x01\x02":
            raise _broken()
        fields = _ENTRY.unpack(entry)
        name = data[at + _ENTRY.size : at + _ENTRY.size + fields[10]]
        starts.append(fields[16])
        if name in names:
            raise ConditionError("mime: ZIP with the same name twice")
        names.add(name)
        at += _ENTRY.size + fields[10] + fields[11] + fields[12]
    if at != start + size or not starts or min(starts) != 0:
        raise _broken()
    for offset in starts:
        if data[offset : offset + 4] != b"PK\x03\x04":
            raise _broken()
    return names


def _broken() -> ConditionError:
    return ConditionError("mime: ZIP with a broken directory")
