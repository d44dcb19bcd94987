"""What one session did, in numbers: the unit that changes are tested on and that drift is watched by.

Calls of one session are not independent of each other; sessions are, as far as anything is. So all statistics about
rates count sessions, or calls drawn by session.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from remit.core.types import Fingerprint

Line = tuple[str, str]
"""Tool and full clause id; the tool is empty for clauses about the final answer."""


@dataclass(frozen=True, slots=True)
class Conduct:
    """One session of one agent, counted once it has ended (or was idle for long)."""

    session: str
    agent: str
    at: float
    """When it began, UTC epoch seconds; of recorded sessions without times, its place in the stream."""
    fingerprint: Fingerprint = field(default_factory=Fingerprint)
    tenant: str = "default"
    calls: Mapping[str, int] = field(default_factory=dict)
    """Calls that were decided, whatever was decided, by tool."""
    violations: Mapping[Line, int] = field(default_factory=dict)
    """Calls (or answers) that did not meet a clause, holds apart."""
    holds: Mapping[Line, int] = field(default_factory=dict)
    """Calls that a clause held for a person."""
    ran: Mapping[str, int] = field(default_factory=dict)
    """Calls that were allowed and ran, by tool."""
    effects: int = 0
    """Of those, how many were no plain reads."""
    numbers: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """Numeric arguments of calls that ran, by `tool.path`."""
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Other arguments of calls that ran, by `tool.path`, as keyed digests; equal values are equal."""
    failures: int = 0
    """Calls whose tool raised, and failures of the provider or of the run."""
    untrusted: bool = False
    """Whether any content that is not trusted came in."""
    clean: bool = True
    """Whether it holds no violation that content explains: it may speak about a change."""

    @property
    def made(self) -> int:
        """Calls that were decided."""
        return sum(self.calls.values())
