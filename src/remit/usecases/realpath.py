"""Where paths lead on this machine: symbolic links resolved on both sides, just before a decision."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from pathlib import Path

from remit.core.cel import Answers, WorldQuestion
from remit.core.prepare import Facts, Prepared
from remit.core.world import questions


def look(prepared: Prepared, facts: Facts) -> Answers | None:
    """The answers to what the call's conditions ask of the world; None where they ask nothing."""
    asked = questions(prepared, facts)
    return answers(asked) if asked else None


def answers(asked: Iterable[WorldQuestion]) -> dict[WorldQuestion, bool | str]:
    """One answer for each question: true, false, or why there is none."""
    return {ask: within(*ask[1:]) for ask in asked}


def within(path: str, root: str) -> bool | str:
    """Whether *path* is *root* or below it, both resolved; text where that cannot be told.

    Args:
        path: absolute, without ``..``. Its last part may be missing, as of a file that is to be made.
        root: a directory that exists.
    """
    try:
        base = os.path.realpath(root, strict=True)
        if base == os.sep or not Path(base).is_dir():
            return "the root leads to no directory, or to /"
        found = _resolved(path)
    except (OSError, ValueError) as error:
        told = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
        return f"cannot be resolved: {told}"
    return found == base or found.startswith(base + os.sep)


def _resolved(path: str) -> str:
    try:
        return os.path.realpath(path, strict=True)
    except FileNotFoundError:
        parent, name = os.path.split(os.path.normpath(path))
        if os.path.lexists(path.rstrip("/")):
            raise OSError(errno.ENOENT, "a link that leads nowhere") from None
        above = os.path.realpath(parent, strict=True)
        if not Path(above).is_dir():
            raise NotADirectoryError(errno.ENOTDIR, "no directory") from None
        return f"{above.rstrip('/')}/{name}"
