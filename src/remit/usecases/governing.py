"""What governs a call from its first word to its last: an envelope, and all that follows from it.

A guard replaces its envelope as a whole (`Guard.reload`). A session looks once per call which one is in force; the
call keeps what it found, so that it is judged, recorded, masked and labelled by one envelope, whatever happens to the
guard meanwhile.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from remit.core import codec
from remit.core.envelope import Envelope
from remit.core.history import Caller
from remit.core.prepare import Facts, facts_for
from remit.core.promote import watched_binding
from remit.core.redact import Redactor
from remit.core.types import SessionInfo


@dataclass(frozen=True, slots=True)
class Governing:
    """The envelope in force in one guard; replaced, never changed."""

    envelope: Envelope
    redactor: Redactor
    """With the masks of this envelope."""


@dataclass(frozen=True, slots=True)
class Under:
    """The same for one session."""

    envelope: Envelope
    redactor: Redactor
    facts: Facts
    """The session's facts, checked against this envelope."""
    binding: frozenset[str]
    """Clauses that act in this session while the envelope monitors."""
    keeps_texts: bool
    """Whether clean texts are written whole."""

    def kept(self, text: str) -> str:
        """The text as it is written: redacted, and only its digest where clean texts are not kept."""
        if self.keeps_texts:
            return self.redactor.text(text)
        return f"[digest:{hashlib.sha256(text.encode('utf-8', 'replace')).hexdigest()}:{len(text)}]"


def under(
    governing: Governing, info: SessionInfo, draw: Callable[[], float], keeps_texts: bool | None = None
) -> Under:
    """What *governing* means for one session.

    Args:
        governing: what is in force.
        info: the session.
        draw: a random number in [0, 1), for sampled capture.
        keeps_texts: whether the session's clean texts are written whole, where that was drawn before.
    """
    envelope = governing.envelope
    capture, caller = envelope.capture, Caller(info.id, info.principal)
    facts = facts_for(envelope, info.facts, caller, governing.redactor.value)
    if keeps_texts is None:
        keeps_texts = capture.clean == "full" or (capture.clean == "sampled" and draw() < capture.sample)
    return Under(envelope, governing.redactor, facts, watched_binding(envelope, info.id), keeps_texts)


def tools_hash(envelope: Envelope) -> str:
    """The fingerprint of the tools: their names and schemas."""
    return _hash_of(tuple(sorted((tool.name, tool.schema_hash) for tool in envelope.tools.values())))


@lru_cache(maxsize=64)
def _hash_of(tools: tuple[tuple[str, str], ...]) -> str:
    return codec.hash_of(tools)
