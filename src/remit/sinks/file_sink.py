"""One route into a file of JSON Lines, for an agent of a SIEM that reads files.

Each message is appended under a lock and is on the disk before it counts as delivered. The file is opened anew for
each, so that it may be rotated at any time, by renaming or by cutting. A line that a crash or a full disk left half
written is taken off before the next one: its message was not delivered, and comes again.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from remit.core.alert import Alert
from remit.core.errors import BadInput, Declined, RemitError, Unavailable
from remit.core.notice import visible
from remit.core.routes import RouteSettings
from remit.sinks.form import Format, encoded
from remit.sinks.shape import MOST_BYTES

LOCK_WAIT_S = 5.0
"""How long another process may hold the file."""
_LOOK_S = 0.01
_FOR_NOW = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.ENFILE, errno.EMFILE, errno.ESTALE}
)
"""What may mend itself, or by deleting or rotating something; the rest is a wrong path or missing rights."""


class FileSink:
    """Appends to one file.

    Args:
        form: of the messages.
        route: its target is `file:/absolute/path`.

    Raises:
        BadInput: another target.
    """

    def __init__(self, form: Format, route: RouteSettings) -> None:
        self._form, self._route = form, route
        self._path = Path(route.target.removeprefix("file://").removeprefix("file:"))
        if not self._path.is_absolute() or not str(self._path).isprintable():
            raise BadInput(
                f"routes.{route.name}.target", "is no absolute path", "write file:/var/log/remit.jsonl"
            )

    @property
    def origin(self) -> str:
        """The file."""
        return f"file:{self._path}"

    @property
    def repeat_s(self) -> float:
        """As of the format."""
        return self._form.repeat_s

    def send(self, alert: Alert) -> None:
        """See `form.Sink`."""
        line = encoded(self._form, alert, self._route) + b"\n"
        with self._held() as handle:
            _take_off_half_a_line(handle)
            size = os.fstat(handle).st_size
            try:
                _write(handle, line)
                os.fsync(handle)
            except OSError:
                os.ftruncate(handle, size)
                raise

    def probe(self) -> str:
        """See `form.Sink`."""
        with self._held():
            return str(self._path)

    @contextmanager
    def _held(self) -> Iterator[int]:
        """The file, open and for this process alone."""
        try:
            handle = self._locked()
            try:
                yield handle
            finally:
                os.close(handle)
        except OSError as error:
            told = f"{self.origin}: {visible(error.strerror or str(error))}"
            raise (Unavailable if error.errno in _FOR_NOW else Declined)(told) from None

    def _locked(self) -> int:
        import fcntl

        ends = time.monotonic() + LOCK_WAIT_S
        while True:
            handle = self._open()
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if self._is_still(handle):
                    return handle
            except BlockingIOError:
                if time.monotonic() > ends:
                    os.close(handle)
                    raise Unavailable(f"{self.origin}: another process holds it") from None
                time.sleep(_LOOK_S)
            except BaseException:
                os.close(handle)
                raise
            os.close(handle)

    def _open(self) -> int:
        new = not self._path.exists()
        # Not blocking, so that a pipe without a reader is an error instead of a wait for ever.
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        handle = os.open(self._path, flags, 0o640)
        try:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise Declined(f"{self.origin}: is no plain file")
            if new:
                _sync_folder(self._path.parent)
        except (OSError, RemitError):
            os.close(handle)
            raise
        return handle

    def _is_still(self, handle: int) -> bool:
        """Whether the path still names the file that was opened: it may have been rotated while we waited."""
        try:
            return os.path.samestat(os.fstat(handle), self._path.lstat())
        except FileNotFoundError:
            return False


def _write(handle: int, line: bytes) -> None:
    while line:
        line = line[os.write(handle, line) :]


def _take_off_half_a_line(handle: int) -> None:
    size = os.fstat(handle).st_size
    tail = os.pread(handle, MOST_BYTES + 1, max(0, size - MOST_BYTES - 1))
    if not tail:
        return
    last = tail[tail.rfind(b"\n", 0, len(tail) - 1) + 1 :]
    if not last.startswith(b"{") or len(last.rstrip(b"\n")) > MOST_BYTES:
        raise Declined("the file does not end in a line of ours: name another one")
    if not last.endswith(b"\n"):
        os.ftruncate(handle, size - len(last))
        os.fsync(handle)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
