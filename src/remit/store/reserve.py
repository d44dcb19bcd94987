"""Space set aside beside the database, given up when the disk is full, so that this can still be stored."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

RESERVE_BYTES = 8 << 20
"""Room for the WAL at its usual length and a checkpoint of it."""


class Reserve:
    """The file `<database>-reserve`."""

    def __init__(self, database: Path, size: int = RESERVE_BYTES) -> None:
        self._path = database.with_name(database.name + "-reserve")
        self._size = size

    def hold(self) -> bool:
        """Set the space aside; False where the disk has too little left."""
        try:
            handle = os.open(self._path, os.O_WRONLY | os.O_CREAT, 0o600)
        except OSError:
            return False
        try:
            if os.fstat(handle).st_size < self._size:
                _allocate(handle, self._size)
        except OSError:
            os.close(handle)
            self.release()
            return False
        os.close(handle)
        return True

    def release(self) -> None:
        """Give the space to the database."""
        with suppress(OSError):
            self._path.unlink()


def _allocate(handle: int, size: int) -> None:
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(handle, 0, size)
        return
    for _ in range(0, size, 1 << 16):
        os.write(handle, bytes(1 << 16))
