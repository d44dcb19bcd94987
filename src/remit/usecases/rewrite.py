"""A file replaced as a whole: who reads it sees the old text or the new one, never a part."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from remit.core.errors import BadInput


def rewrite(path: Path, text: str, before: str | None) -> None:
    """Put *text* in the place of a file: written aside, synced, renamed; with the rights of the old one.

    Args:
        path: of the file, which is no link.
        text: the new content.
        before: what the file must still hold; None where there may be none yet.

    Raises:
        BadInput: it is a link or no file, changed meanwhile, or cannot be written.
    """
    try:
        mode = _mode(path, before)
        draft = path.with_name(f".{path.name}.{os.getpid()}.new")
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(text.encode())
                file.flush()
                os.fchmod(file.fileno(), mode)
                os.fsync(file.fileno())
            if before is not None and path.read_bytes() != before.encode():
                raise BadInput(str(path), "changed while it was being edited", "run the command again")
            draft.replace(path)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise BadInput(
            str(path), f"cannot be written: {error.strerror or error}", "check the rights"
        ) from None


def _mode(path: Path, before: str | None) -> int:
    try:
        found = path.lstat()
    except FileNotFoundError:
        if before is not None:
            raise
        return 0o644
    if stat.S_ISLNK(found.st_mode):
        raise BadInput(str(path), "is a link", f"name the file itself: {path.resolve()}")
    if not stat.S_ISREG(found.st_mode):
        raise BadInput(str(path), "is no file", "name a file")
    return stat.S_IMODE(found.st_mode)
