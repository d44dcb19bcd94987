"""One process at a time works on a run: a lock that ends with the process, however it ends."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from remit.core.errors import BadInput, Unavailable


class RunLock:
    """Held by one process at a time, and let go when it ends.

    Args:
        folder: of the store; None for one in memory, which no other process has.
        run_id: of the run.

    Raises:
        BadInput: another process holds it.
        Unavailable: the folder takes no lock.
    """

    def __init__(self, folder: Path | None, run_id: str) -> None:
        self._handle: int | None = None
        if folder is None:
            return
        path = folder / f"run-{_safe(run_id)}.lock"
        try:
            self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.release()
            told = "another process is working on it"
            raise BadInput(f"run {run_id}", told, "wait for it, or stop it") from None
        except OSError as error:
            self.release()
            raise Unavailable(f"{path}: cannot be locked ({error.strerror})") from None

    def release(self) -> None:
        """Let it go; twice does nothing."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def _safe(run_id: str) -> str:
    """A file's name of it."""
    return "".join(c if c.isalnum() or c in "-_." else "_" for c in run_id)[:150]
