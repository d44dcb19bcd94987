"""What the journal did since it was opened, for metrics."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Counters:
    """Counts since the journal was opened in this process."""

    events: int
    """Events in the journal."""
    batches: int
    refused: int
    """Events whose callers were told that they could not be captured."""
    ambiguous: int
    """Commits that reported a failure and had landed."""
    reopened: int
    """How often the handle was given up after a failure of the disk."""
    waiting: int
    waiting_bytes: int
    dropped: int = 0
    """Always 0: nothing that was taken is dropped."""
