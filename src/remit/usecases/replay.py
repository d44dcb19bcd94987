"""R1, policy replay: every recorded call judged by an envelope. Nothing runs, no model is asked.

The past is as recorded, whatever the envelope answers now: each call is judged on what the session had seen before it.
For limits a call counts when this envelope allows it; a held one counts as not run. Records without times count as
one moment, so every window holds the whole session.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from remit.core.decide import decide, facts_for, look_back, prepare
from remit.core.envelope import Envelope
from remit.core.labels import label_of
from remit.core.provenance import SessionText
from remit.core.recorded import RecordedCall, RecordedSession
from remit.core.types import Decision, Json, PrincipalKind, Result, Role, Segment, ToolCall


@dataclass(frozen=True, slots=True)
class Judged:
    """One recorded call and what the envelope says of it."""

    call: RecordedCall
    decision: Decision


@dataclass(frozen=True, slots=True)
class Replayed:
    """One session, judged."""

    session: RecordedSession
    judged: tuple[Judged, ...]

    def count(self, result: Result) -> int:
        """How many calls got this result."""
        return sum(j.decision.result is result for j in self.judged)

    @property
    def untouched(self) -> bool:
        """True where nothing was refused or held."""
        return all(j.decision.result is Result.ALLOW for j in self.judged)


def replay_session(session: RecordedSession, envelope: Envelope, principal_kind: PrincipalKind | None = None) -> Replayed:
    """Judge every call of *session*.

    Args:
        session: the record.
        envelope: the envelope to judge by.
        principal_kind: whose text the user's is, where the record does not say.
    """
    kind = session.principal_kind or principal_kind
    facts = facts_for(envelope, session.facts)
    text = SessionText()
    used: defaultdict[tuple[str, str], int] = defaultdict(int)
    judged: list[Judged] = []
    for step in session.steps:
        source = step.tool or "tool" if step.role == "tool" else step.role
        if step.text or step.role == "tool":
            label = label_of(envelope, source, kind)
            segment = Segment(len(text.segments), Role(step.role), source, step.text, label)
            text.append(segment, echo=[step.answers.args] if step.answers else ())
        for call in step.calls:
            prepared = prepare(ToolCall(call.tool, call.args, call.call_id), envelope, facts)
            claimed = tuple(used[c.clause, c.key] for c in prepared.claims)
            decision = decide(prepared, envelope, facts, look_back(prepared, text, claimed))
            if decision.result is Result.ALLOW:
                for claim in prepared.claims:
                    used[claim.clause, claim.key] += claim.micros
            judged.append(Judged(call, decision))
    return Replayed(session, tuple(judged))


@dataclass
class Tally:
    """What a replay adds up to."""

    sessions: int = 0
    calls: int = 0
    results: Counter[str] = field(default_factory=Counter)
    flagged: int = 0
    untouched: int = 0
    held_sessions: int = 0
    refused_sessions: int = 0
    clauses: Counter[str] = field(default_factory=Counter)
    examples: dict[str, Json] = field(default_factory=dict)
    unlisted: Counter[str] = field(default_factory=Counter)
    tools: Counter[str] = field(default_factory=Counter)

    def add(self, replayed: Replayed) -> None:
        """Count one session."""
        self.sessions += 1
        self.calls += len(replayed.judged)
        self.untouched += replayed.untouched
        self.held_sessions += replayed.count(Result.HOLD) > 0
        self.refused_sessions += replayed.count(Result.DENY) > 0
        for judged in replayed.judged:
            decision = judged.decision
            self.results[decision.result.value] += 1
            self.tools[judged.call.tool] += 1
            self.flagged += bool(decision.flags)
            for clause in (*decision.clauses, *decision.flags):
                self.clauses[clause] += 1
                if clause not in self.examples:
                    self.examples[clause] = example(replayed.session, judged, clause)
            if "unlisted" in decision.clauses:
                self.unlisted[judged.call.tool] += 1

    def summary(self) -> dict[str, Json]:
        """As the last line of `remit replay policy --json`."""
        return {
            "sessions": self.sessions,
            "calls": self.calls,
            "allow": self.results["allow"],
            "deny": self.results["deny"],
            "hold": self.results["hold"],
            "flag": self.flagged,
            "untouched": self.untouched,
            "held_sessions": self.held_sessions,
            "refused_sessions": self.refused_sessions,
            "holds_per_1000_calls": round(1000 * self.results["hold"] / self.calls, 2) if self.calls else 0.0,
            "clauses": dict(self.clauses.most_common()),
            "unlisted": dict(self.unlisted.most_common()),
        }


def example(session: RecordedSession, judged: Judged, clause: str) -> dict[str, Json]:
    """A call that a clause refused, held or flagged, for people."""
    told = next((v.message for v in judged.decision.violations if v.clause == clause), "")
    return {
        "session_id": session.session_id,
        "step": judged.call.step,
        "tool": judged.call.tool,
        "args": judged.call.args,
        "why": told,
    }


def session_line(replayed: Replayed) -> dict[str, Json]:
    """As one line of `remit replay policy --json`."""
    first = next((j for j in replayed.judged if j.decision.result is not Result.ALLOW), None)
    return {
        "session_id": replayed.session.session_id,
        "calls": len(replayed.judged),
        "allow": replayed.count(Result.ALLOW),
        "deny": replayed.count(Result.DENY),
        "hold": replayed.count(Result.HOLD),
        "flag": sum(bool(j.decision.flags) for j in replayed.judged),
        "first": None if first is None else _decision_line(first) | {"reason": first.decision.reason},
        "decisions": [_decision_line(j) for j in replayed.judged],
    }


def _decision_line(judged: Judged) -> dict[str, Json]:
    decision = judged.decision
    return {
        "step": judged.call.step,
        "tool": judged.call.tool,
        "result": decision.result.value,
        "clauses": list(decision.clauses),
        "flags": list(decision.flags),
        "errors": list(decision.errors),
        "provenance": [
            {"path": leaf.path, "origins": sorted({o.source for o in leaf.origins}), "exempt": leaf.exempt}
            for leaf in decision.provenance
        ],
    }


def select(
    sessions: Iterable[RecordedSession], where: Mapping[str, str]
) -> Iterator[RecordedSession]:
    """Those whose top-level or `meta` fields equal *where* (compared as text)."""
    for session in sessions:
        meta = session.extra.get("meta")
        fields = {**(meta if isinstance(meta, dict) else {}), **session.extra, "suite": session.suite}
        if all(key in fields and str(fields[key]) == value for key, value in where.items()):
            yield session
