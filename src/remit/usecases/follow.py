"""A thread that looks at an envelope's file, and has it put in force once it has changed and stands still."""

from __future__ import annotations

import hashlib
import logging
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from remit.core.envelope import Envelope
from remit.core.errors import BadInput, Unavailable
from remit.usecases.envelope_file import read_text

SHORTEST_S = 0.02
_JOIN_S = 10.0
log = logging.getLogger("remit.follow")


class Replacing(Protocol):
    """What a follower asks; `usecases.reload.Reloader`."""

    @property
    def in_force(self) -> Envelope:
        """The envelope in force."""

    def reload(self, source: None, text: str | None, by: str = ...) -> Envelope:
        """Put it in force, or tell why not."""

    def reject(self, error: BadInput, by: str) -> None:
        """Tell why not."""


@dataclass(frozen=True, slots=True)
class FileLook:
    """What one look found: a text, or why there is none."""

    text: str | None
    hash: str
    error: BadInput | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FileLook) and (self.hash, str(self.error)) == (other.hash, str(other.error))

    __hash__ = None  # type: ignore[assignment]


class Follower:
    """Looks every so often. One look adopts nothing: a file that is being written looks different the next time.

    Args:
        replacing: puts envelopes in force.
        path: of the file.
        every_s: between two looks.
    """

    def __init__(self, replacing: Replacing, path: Path, every_s: float) -> None:
        self._replacing = replacing
        self._path = path
        self._every_s = max(SHORTEST_S, every_s)
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._before: FileLook | None = None
        self._done: FileLook | None = None
        """What was adopted or told last."""

    def start(self) -> Follower:
        """Look from now on."""
        self._thread = threading.Thread(target=self._run, name="remit-follow", daemon=True)
        self._thread.start()
        return self

    def again(self) -> Follower:
        """One like this, for a process that has no thread of it."""
        return Follower(self._replacing, self._path, self._every_s)

    def close(self) -> None:
        """Stop; a look that is under way ends first."""
        self._closing.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(_JOIN_S)

    def _run(self) -> None:
        while not self._closing.wait(self._every_s):
            try:
                self.look()
            except ReferenceError:  # the guard is gone, and nobody closed it
                return
            except Exception as error:  # noqa: BLE001 - the old envelope stays in force, and this thread stays
                log.warning("%s could not be put in force: %s", self._path, error)

    def look(self) -> None:
        """Look once; act on what was found the last time, too."""
        found = self._found()
        steady, self._before = found == self._before, found
        if not steady or found == self._done:
            return
        if found.hash != self._replacing.in_force.hash:
            try:
                self._take(found)
            except BadInput as error:
                log.warning("%s stays out of force: %s", self._path, error)
            except Unavailable as error:  # and is tried again
                log.warning("%s could not be put in force: %s", self._path, error)
                return
        self._done = found

    def _found(self) -> FileLook:
        try:
            text = read_text(self._path, waits=False)
        except BadInput as error:
            return FileLook(None, "", error)
        return FileLook(text, hashlib.sha256(text.encode()).hexdigest())

    def _take(self, found: FileLook) -> None:
        error = found.error or _half_written(found.text or "", self._replacing.in_force.text, self._path)
        if error is not None:
            self._replacing.reject(error, "file")
            raise error
        self._replacing.reload(None, found.text, "file")


def _half_written(text: str, in_force: str, path: Path) -> BadInput | None:
    """Why a text may be the beginning of a longer one, which is valid YAML and says less."""
    remedy = "write the file aside and rename it, or call guard.reload()"
    if not text.endswith("\n"):
        return BadInput(str(path), "its last line has no end: it may be half written", remedy)
    if in_force.startswith(text):
        return BadInput(
            str(path), "it is a beginning of the version in force: it may be half written", remedy
        )
    return None
