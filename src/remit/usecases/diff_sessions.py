"""What a change of envelope would have meant: recorded sessions judged by both, and each call that got another answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from remit.core.envelope import Envelope
from remit.core.recorded import RecordedSession
from remit.core.types import Decision, Json, PrincipalKind
from remit.usecases.replay import Judged, replay_session

MOST_EXAMPLES = 5
"""Calls quoted for each kind of change."""

BECAME = {"allow": "allowed", "hold": "held", "deny": "refused"}


@dataclass
class EnvelopeComparison:
    """What two envelopes say about the same calls."""

    sessions: int = 0
    calls: int = 0
    touched: int = 0
    """Sessions in which some call got another result."""
    became: dict[str, Counter[str]] = field(default_factory=dict)
    """New result (`allowed`, `held`, `refused`): calls by the old one."""
    clauses: dict[str, Counter[str]] = field(default_factory=dict)
    """New result: calls by the clause that made the difference."""
    flags: int = 0
    """Calls of the same result with other flags."""
    examples: dict[str, list[dict[str, Json]]] = field(default_factory=dict)

    def add(
        self,
        session: RecordedSession,
        old: Envelope,
        new: Envelope,
        kind: PrincipalKind | None = None,
    ) -> None:
        """Judge one session by both."""
        before = replay_session(session, old, kind).judged
        after = replay_session(session, new, kind).judged
        self.sessions += 1
        self.calls += len(before)
        changed = [
            (a, b) for a, b in zip(before, after, strict=True) if a.decision.result is not b.decision.result
        ]
        self.touched += bool(changed)
        self.flags += sum(
            a.decision.result is b.decision.result and set(a.decision.flags) != set(b.decision.flags)
            for a, b in zip(before, after, strict=True)
        )
        for a, b in changed:
            self._count(session, a, b)

    def _count(self, session: RecordedSession, before: Judged, after: Judged) -> None:
        old, new = before.decision, after.decision
        became = BECAME[new.result.value]
        self.became.setdefault(became, Counter())[old.result.value] += 1
        by = new.clauses or old.clauses
        self.clauses.setdefault(became, Counter()).update(by)
        examples = self.examples.setdefault(became, [])
        if len(examples) < MOST_EXAMPLES:
            examples.append(_example(session, before, old, new))

    def summary(self) -> dict[str, Json]:
        """For `--json`."""
        return {
            "sessions": self.sessions,
            "calls": self.calls,
            "touched_sessions": self.touched,
            "became": {
                name: {
                    "calls": sum(was.values()),
                    "before": dict(was.most_common()),
                    "clauses": dict(self.clauses[name].most_common()),
                    "examples": self.examples[name],
                }
                for name, was in sorted(self.became.items())
            },
            "other_flags": self.flags,
        }


def _example(session: RecordedSession, judged: Judged, old: Decision, new: Decision) -> dict[str, Json]:
    return {
        "session_id": session.session_id,
        "step": judged.call.step,
        "tool": judged.call.tool,
        "args": judged.call.args,
        "before": _told(old),
        "after": _told(new),
    }


def _told(decision: Decision) -> Mapping[str, Json]:
    return {
        "result": decision.result.value,
        "clauses": list(decision.clauses),
        "reason": decision.reason,
    }


def compare(
    sessions: Iterable[RecordedSession], old: Envelope, new: Envelope, kind: PrincipalKind | None = None
) -> EnvelopeComparison:
    """Both envelopes on all *sessions*.

    Args:
        sessions: recorded; the past of each call is as recorded, whatever either envelope says.
        old: what was.
        new: what would be.
        kind: whose text the user's is, where a record does not say.
    """
    compared = EnvelopeComparison()
    for session in sessions:
        compared.add(session, old, new, kind)
    return compared
