"""What the classifier looks at: one anomaly with everything that was seen before it, as values.

A case is made from the journal or from a recorded session, and is the same for both; see `usecases.cases`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from remit.core.types import (
    Fingerprint,
    Integrity,
    Json,
    LeafOrigin,
    PrincipalKind,
    Role,
    Segment,
    Severity,
    ToolEffect,
    Violation,
)

HELD = "held"
"""Kind of a case whose call waits for a person: no anomaly, but whoever answers wants to know where it came from. Also
kind of an anomaly: a clause would have held the call, which ran, since the envelope only monitors."""


@dataclass(frozen=True, slots=True)
class Failure:
    """What broke, where the world failed and not the agent."""

    what: str
    """`tool`, `provider`, `stream`, `context`, `timeout`, `crash` or `unknown`."""
    told: str
    """The error's own words, redacted, cut."""


@dataclass(frozen=True, slots=True)
class Case:
    """One anomaly, as the classifier is asked about it."""

    anomaly: str
    """Its event's id; of a recorded session `<session>#<step>.<number>`."""
    session: str
    agent: str
    kind: str
    """As in `core.anomaly`, or `held`."""
    severity: Severity = Severity.MEDIUM
    clauses: tuple[str, ...] = ()
    violations: tuple[Violation, ...] = ()
    tool: str = ""
    effect: ToolEffect | None = None
    """None for a tool that the envelope does not list, and where no tool was called."""
    args: Mapping[str, Json] = field(default_factory=dict)
    """Canonical arguments, or what could be read of them; redacted."""
    ran: bool | None = None
    """Whether the call ran; None where nobody knows."""
    enforced: bool = True
    """False where remit only watched: the call, the result or the tool was not withheld."""
    provenance: tuple[LeafOrigin, ...] = ()
    """Where each argument value was found; empty where nobody looked."""
    segments: tuple[Segment, ...] = ()
    """Everything that the agent saw and wrote before the call, in order, redacted."""
    principal_kind: PrincipalKind | None = None
    fingerprint: Fingerprint = field(default_factory=Fingerprint)
    failure: Failure | None = None
    at: float = 0.0
    """When it was captured; of a recorded session without times, its place in the stream."""
    tenant: str = "default"
    cut: bool = False
    """True where texts are missing that the agent saw: erased, kept as a digest, or beyond what is read of a session."""

    @property
    def steering(self) -> tuple[Segment, ...]:
        """Segments that came from outside and may not steer freely: untrusted content, and a customer's own words."""
        return tuple(
            s
            for s in self.segments
            if s.role is not Role.ASSISTANT and s.label.integrity is not Integrity.TRUSTED
        )

    @property
    def trusted(self) -> tuple[Segment, ...]:
        """Segments whose words may steer: the operator's, the system's, the session's facts, trusted tools."""
        return tuple(
            s
            for s in self.segments
            if s.role is not Role.ASSISTANT and s.label.integrity is Integrity.TRUSTED
        )

    @property
    def reasoning(self) -> tuple[Segment, ...]:
        """What the model wrote."""
        return tuple(s for s in self.segments if s.role is Role.ASSISTANT)

    @property
    def consequential(self) -> bool:
        """Whether the call has consequences outside: everything but a plain read, and what nobody listed."""
        return bool(self.tool) and self.effect is not ToolEffect.READ
