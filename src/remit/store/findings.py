"""What the verification of a journal found."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is not as it was written."""

    place: str
    """A file, or `event <sequence>`."""
    found: str
    remedy: str


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What verification found."""

    ok: bool
    events: int
    """Events that were read."""
    first_bad_seq: int | None
    """The first event that is altered or missing, where that is known."""
    problems: tuple[Problem, ...]
    """At most 100."""
    checkpoints: int
    """How many checkpoints were compared."""
    unsigned: int
    """Events after the last checkpoint: only the chain speaks for them."""
    keys_checked: bool
    """Whether the master key was there, so that the head and the data keys could be checked as well."""
    root: str
    """Root of the tree over the events that were read, hex."""
