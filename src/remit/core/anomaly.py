"""Which exchanges are anomalies, how much they weigh, and the context that is kept of them.

The table (kind, whether the breaker counts it):

    denied          a clause refused, or an unlisted tool                 counts
    error           a condition, the canonicaliser or a parser failed     counts
    rejected        a person said no                                      counts
    flagged         a clause was not met and the call ran                 counts
    held            a clause would have held it, and it ran, since the    does not count
                    envelope only monitors
    output          what came back, or how long it took                   counts
    answer          the final answer                                      counts
    unknown-outcome an effect whose lease ran out                         counts (of a read: 0)
    infrastructure  the tool's own exception                              does not count
    drift           a server describes a tool otherwise than is pinned    does not count: no act of the agent
    gap, tampering  the journal could not be written, or was altered      critical

A call held for approval is no anomaly: it is an approval record. Where the envelope only monitors there is no such
record, so that a clause which was not met is captured here; a rule that a person approves such calls is none of those.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from remit.core.event import AnomalyIndex
from remit.core.types import (
    Decision,
    Json,
    LeafOrigin,
    OnViolation,
    Outcome,
    Result,
    Role,
    Segment,
    Severity,
    Violation,
)

_RANK = {Severity.LOW: 0, Severity.MEDIUM: 1, Severity.HIGH: 2, Severity.CRITICAL: 3}
REJECTED = "approval.rejected"
_RULES = ("approve", "breaker")
"""Kinds of violations that are none: a person is asked, whatever the call is like."""
MOST_SEGMENTS = 12
"""Segments of triggering input and of reasoning kept with one anomaly, the latest ones."""


def of_decision(decision: Decision, *, enforced: bool) -> AnomalyIndex | None:
    """The anomaly of a decision, or None where there is none.

    Args:
        decision: before the call.
        enforced: False where the envelope only monitors.
    """
    refused = [v for v in decision.violations if v.error or v.on_violation is OnViolation.DENY]
    flagged = [v for v in decision.violations if v.on_violation is OnViolation.FLAG]
    watched = decision.bound is not None and decision.result is Result.HOLD
    if refused and (decision.result is Result.DENY or watched):
        kind = "error" if all(v.error for v in refused) else "denied"
        return _index(kind, refused + flagged, decision.tool, enforced and not watched)
    unmet = [v for v in decision.violations if v.on_violation is OnViolation.HOLD and v.kind not in _RULES]
    if watched and not decision.bound and unmet:
        index = _index("held", [*unmet, *flagged], decision.tool, enforced=False)
        return replace(index, counts=False)
    if flagged:
        severities = [Severity.LOW if v.severity is Severity.MEDIUM else v.severity for v in flagged]
        index = _index("flagged", flagged, decision.tool, enforced)
        return AnomalyIndex(
            index.kind, worst(severities), index.clauses, index.tool, index.counts, index.enforced
        )
    return None


def of_outcome(decision: Decision, outcome: Outcome, *, enforced: bool) -> AnomalyIndex | None:
    """The anomaly of what came back, or None where there is none."""
    if outcome.violations:
        return _index("output", list(outcome.violations), decision.tool, enforced)
    if outcome.error is not None:
        return AnomalyIndex(
            "infrastructure", Severity.LOW, (), decision.tool, counts=False, enforced=enforced
        )
    return None


def of_rejection(tool: str) -> AnomalyIndex:
    """The anomaly of a held call that a person refused; the breaker counts it when they do."""
    return AnomalyIndex("rejected", Severity.MEDIUM, (REJECTED,), tool, counts=True, enforced=True)


def of_answer(violations: Sequence[Violation], *, enforced: bool) -> AnomalyIndex | None:
    """The anomaly of a final answer, or None where there is none."""
    return _index("answer", list(violations), "", enforced) if violations else None


def of_drift(clause: str, tool: str, severity: Severity, *, shown: bool) -> AnomalyIndex:
    """The anomaly of a tool definition that is not the pinned one, or is none at all.

    Args:
        clause: what a call of it does not meet.
        tool: its name.
        severity: high where it changed, medium where it cannot be read.
        shown: the agent sees it all the same.
    """
    return AnomalyIndex("drift", severity, (clause,), tool, counts=False, enforced=not shown)


def misstep_kind(result: Result, severities: Sequence[Severity]) -> str:
    """`flagged` where the call ran; `slip` where it was refused and all is low; else `denied`."""
    if result is not Result.DENY:
        return "flagged"
    return "slip" if all(s is Severity.LOW for s in severities) else "denied"


def worst(severities: Sequence[Severity]) -> Severity:
    """The highest of *severities*; LOW where there is none."""
    return max(severities, key=lambda s: _RANK[s], default=Severity.LOW)


def _index(kind: str, found: list[Violation], tool: str, enforced: bool) -> AnomalyIndex:
    clauses = tuple(dict.fromkeys(v.clause for v in found))
    return AnomalyIndex(
        kind, worst([v.severity for v in found]), clauses, tool, counts=True, enforced=enforced
    )


def triggering_input(leaves: Sequence[LeafOrigin], segments: Sequence[Segment]) -> list[Segment]:
    """The segments that the arguments came from, and the last thing that the user said."""
    wanted = {origin.segment for leaf in leaves for origin in leaf.origins}
    explained = bool(wanted)
    spoken = [s.index for s in segments if s.role is Role.USER]
    wanted.update(spoken[-1:])
    if not explained:
        # Nothing explains the arguments: what came in last is the best witness.
        wanted.update(s.index for s in [s for s in segments if s.role is Role.TOOL][-2:])
    return [s for s in segments if s.index in wanted][-MOST_SEGMENTS:]


def reasoning_chain(segments: Sequence[Segment]) -> list[Segment]:
    """What the model wrote since the user last spoke."""
    chain: list[Segment] = []
    for segment in reversed(segments):
        if segment.role is Role.USER and chain:
            break
        if segment.role is Role.ASSISTANT:
            chain.append(segment)
    return chain[:MOST_SEGMENTS][::-1]


def context_body(trigger: Sequence[Segment], chain: Sequence[Segment]) -> dict[str, Json]:
    """Which segments an anomaly quotes; their texts are the event's blobs `segment.<index>`."""
    return {
        "triggering_input": [
            {
                "segment": s.index,
                "role": s.role.value,
                "source": s.source,
                "integrity": s.label.integrity.value,
            }
            for s in trigger
        ],
        "reasoning": [s.index for s in chain],
    }
