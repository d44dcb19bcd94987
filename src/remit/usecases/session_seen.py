"""What a session saw, labelled by the envelope in force: after a change of that, a label is only ever worse."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from remit.core import codec
from remit.core.envelope import Envelope
from remit.core.errors import BadInput
from remit.core.labels import label_of, lowered
from remit.core.provenance import SessionText
from remit.core.reader_tool import RESERVED
from remit.core.seen import append_facts, append_result
from remit.core.types import Role, Segment, SessionInfo
from remit.usecases.governing import Governing, Under
from remit.usecases.governing import under as make_under

if TYPE_CHECKING:
    from remit.usecases.guard import Guard


def observed_text(role: str, text: str, source: str | None) -> tuple[Role, str, str]:
    """What `Session.observe` was given, with plain characters only.

    Returns:
        Who said it, where it came from (a tool or channel; else the role's name), and the text.

    Raises:
        BadInput: an unknown role, no text, or a tool text without a source.
    """
    try:
        spoken = Role(role)
    except ValueError:
        raise BadInput("observe(role)", f"found {role!r}", "use system, user, assistant or tool") from None
    if not isinstance(text, str):
        raise BadInput("observe(text)", f"found {type(text).__name__}", "pass a string")
    if source is not None and not isinstance(source, str):
        raise BadInput("observe(source)", f"found {type(source).__name__}", "name where it came from")
    if spoken is not Role.TOOL:
        return spoken, spoken.value, codec.exact(text)
    if not source:
        raise BadInput("observe(source)", "a tool text without a source", "name where it came from")
    if source in RESERVED:
        told = "its label is not a tool's: name the tool or channel the text came from"
        raise BadInput("observe(source)", f"found {source!r}", told)
    return spoken, codec.exact(source), codec.exact(text)


class SessionSeen:
    """The texts of one session, and what governs it now.

    Args:
        guard: whose envelope is in force.
        info: the session.
        under: what governs it when it is opened.
        text: what it saw before.
        lock: of the session; a thread that has it may take it again.
    """

    __slots__ = ("_guard", "_info", "_lock", "_secretive", "latest", "text")

    def __init__(
        self, guard: Guard, info: SessionInfo, under: Under, text: SessionText, lock: threading.RLock
    ) -> None:
        self.text = text
        self.latest = under
        """What governed it when that was last asked; it may be read without the lock."""
        self._guard, self._info, self._lock = guard, info, lock
        self._secretive: dict[int, bool] = {}

    def under(self) -> Under:
        """What governs now; another envelope than before is adopted."""
        if self.latest.envelope is self._guard.governing.envelope:
            return self.latest
        with self._lock:
            governing = self._guard.governing
            if self.latest.envelope is not governing.envelope:
                self._adopt(governing)
            return self.latest

    def _adopt(self, governing: Governing) -> None:
        """Go on under another envelope: facts checked anew, labels of what was seen only ever made worse."""
        before = self.latest
        kept = before.keeps_texts if before.envelope.capture == governing.envelope.capture else None
        now = make_under(governing, self._info, self._guard.draw, kept)
        self._relabel(now.envelope)
        if now.facts.values != before.facts.values:
            append_facts(self.text, now.envelope, now.facts.values)
        self._secretive = {}
        self.latest = now

    def _relabel(self, envelope: Envelope, since: int = 0) -> None:
        self.text.relabel(lambda segment: lowered(segment, envelope, self._info.principal_kind), since)

    def next(self, role: Role, source: str, text: str, envelope: Envelope) -> Segment:
        """What is observed as a segment, which is to be appended. The session's lock is held."""
        label = label_of(envelope, source, self._info.principal_kind)
        return Segment(len(self.text.segments), role, source, text, label)

    def append_result(self, tool: str, text: str, envelope: Envelope) -> Segment:
        """A result, labelled by the envelope of its call and by the one in force, if that is another by now."""
        with self._lock:
            place = len(self.text.segments)
            append_result(self.text, envelope, tool, text, (), self._info.principal_kind)
            if self.latest.envelope is not envelope:
                self._relabel(self.latest.envelope, place)
            return self.text.segments[place]

    def holds_secret(self, index: int) -> bool:
        """Whether the redactor finds anything in a segment's text."""
        if index not in self._secretive:
            text = next((s.text for s in self.text.segments if s.index == index), "")
            self._secretive[index] = self.latest.redactor.text(text) != text
        return self._secretive[index]
