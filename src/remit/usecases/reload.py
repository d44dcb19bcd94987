"""Another version of an envelope comes into force while calls are running.

The order is what makes it safe. The new version is read, checked and tested; what it needs is put into the store; the
event `envelope.changed` is durable; then one reference is replaced. A process that dies anywhere on the way has decided
nothing under the new version. Calls look once which version is in force (`usecases.governing`), so none is judged by
two or by none.
"""

from __future__ import annotations

import os
import threading
import weakref
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from remit.core.envelope import Envelope
from remit.core.errors import BadInput, Unavailable
from remit.core.event import Event
from remit.core.selftest import check_tests, load_envelope
from remit.core.types import Json
from remit.usecases.envelope_file import read_envelope_file
from remit.usecases.follow import Follower
from remit.usecases.governing import Governing

if TYPE_CHECKING:
    from remit.usecases.guard import Guard

_MOST_TOLD = 1000


class Reloader:
    """Replaces the envelope of one guard.

    Args:
        guard: whose.
        path: the file that it was opened with, if any.
    """

    def __init__(self, guard: Guard, path: Path | None) -> None:
        self._guard = weakref.proxy(guard)
        self.path = path
        self._lock = threading.Lock()
        self._follower: Follower | None = None
        _RELOADERS.add(self)

    def reload(self, source: str | Path | Envelope | None, text: str | None, by: str = "call") -> Envelope:
        """As `Guard.reload`; *by* says in the event who asked: a `call` of it, or the `file` that changed."""
        with self._lock:
            try:
                found = self._read(source, text)
                if found.hash == self._guard.envelope.hash:
                    return self._guard.envelope  # type: ignore[no-any-return]
                self._check_name(found)
            except BadInput as error:
                self.reject(error, by)
                raise
            self._put_in_force(found, by)
            return found

    def _read(self, source: str | Path | Envelope | None, text: str | None) -> Envelope:
        if text is not None:
            if source is not None or not isinstance(text, str):
                raise BadInput(
                    "reload(text)", "found a source beside it, or no string", "give one of the two"
                )
            return load_envelope(text, str(self.path or "text"))
        if isinstance(source, Envelope):
            return check_tests(source, "reload(source)")
        if source is None and self.path is None:
            told = "the guard was opened with an envelope that was loaded, not with a file"
            raise BadInput("reload(source)", told, "pass a path, an envelope or text=")
        if source is not None and not isinstance(source, str | Path):
            raise BadInput(
                "reload(source)", f"found {type(source).__name__}", "pass the path of its YAML file"
            )
        return read_envelope_file(Path(source) if source is not None else self.path or Path(), waits=False)

    def _check_name(self, found: Envelope) -> None:
        name = self._guard.envelope.name
        if found.name != name:
            told = f"found {found.name!r}, and this guard stands in front of {name!r}"
            raise BadInput(
                "metadata.name", told, "an envelope of another name is another agent's: open a guard for it"
            )

    def _put_in_force(self, found: Envelope, by: str) -> None:
        guard = self._guard
        before = guard.envelope
        redactor = guard.redactor.masking(found.capture.mask)
        guard.watched_next = found.watched
        guard._adopt(found)
        body: dict[str, Json] = {
            "from": before.hash,
            "to": found.hash,
            "name": found.name,
            "version": found.version,
            "from_version": before.version,
            "by": by,
        }
        guard.records.append([self._event("envelope.changed", found.hash, body)]).result()
        guard.governing = Governing(found, redactor)

    def reject(self, error: BadInput, by: str) -> None:
        """Tell that the old one stays in force; where even that cannot be written, the caller knows all the same."""
        why = self._guard.redactor.text(str(error))[:_MOST_TOLD]
        event = self._event("envelope.rejected", self._guard.envelope.hash, {"why": why, "by": by})
        with suppress(Unavailable):
            self._guard.records.append([event]).result()

    def _event(self, kind: str, envelope: str, body: dict[str, Json]) -> Event:
        guard = self._guard
        return Event(guard.ids.new(), "", kind, guard.envelope.name, envelope, body, guard.tenant)

    def follow(self, every_s: float) -> None:
        """As `Guard.follow`."""
        if self.path is None:
            told = "the guard was opened with an envelope that was loaded, not with a file"
            raise BadInput("follow", told, "open it with the path of the file")
        self.close()
        self._follower = Follower(self, self.path, every_s).start()

    @property
    def in_force(self) -> Envelope:
        """The envelope in force."""
        return self._guard.envelope  # type: ignore[no-any-return]

    def close(self) -> None:
        """Stop following."""
        follower, self._follower = self._follower, None
        if follower is not None:
            follower.close()

    def after_fork_in_child(self) -> None:
        """The parent's thread is not here, and its lock may be held for ever."""
        self._lock = threading.Lock()
        if self._follower is not None:
            self._follower = self._follower.again().start()


_RELOADERS: weakref.WeakSet[Reloader] = weakref.WeakSet()


def _after_fork() -> None:
    for reloader in list(_RELOADERS):
        reloader.after_fork_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
