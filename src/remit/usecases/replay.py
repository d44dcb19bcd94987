"""R1, policy replay: every recorded call judged by an envelope. Nothing runs, no model is asked.

The past is as recorded, whatever the envelope answers now: each call is judged on what the session had seen
before it. For limits a call counts when this envelope allows it; a held one counts as not run. A session
counts as one moment, so every window holds the whole of it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from remit.core.canonical import loads_strict
from remit.core.decide import decide
from remit.core.envelope import Envelope
from remit.core.errors import BadInput
from remit.core.history import DONE, FAILED, IN_FLIGHT, Caller
from remit.core.labels import label_of
from remit.core.past import Recalled, look_back
from remit.core.prepare import Facts, Prepared, facts_for, prepare
from remit.core.promote import acting, marked
from remit.core.provenance import SessionText
from remit.core.recollection import Exchange, Recollection
from remit.core.recorded import RecordedCall, RecordedSession, RecordedStep
from remit.core.seen import append_facts, append_result
from remit.core.types import Decision, Json, PrincipalKind, Result, Role, Segment, ToolCall


@dataclass(frozen=True, slots=True)
class Judged:
    """One recorded call and what the envelope says of it."""

    call: RecordedCall
    decision: Decision
    seen: int = 0
    """How many of the session's segments had come before it."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """One session, judged."""

    session: RecordedSession
    judged: tuple[Judged, ...]
    segments: Sequence[Segment] = ()
    """Everything that the session saw, with the labels that the envelope gives."""

    def count(self, result: Result) -> int:
        """How many calls got this result."""
        return sum(j.decision.result is result for j in self.judged)

    @property
    def untouched(self) -> bool:
        """True where nothing was refused or held."""
        return all(j.decision.result is Result.ALLOW for j in self.judged)


def replay_session(
    session: RecordedSession, envelope: Envelope, principal_kind: PrincipalKind | None = None
) -> Replayed:
    """Judge every call of *session*.

    Args:
        session: the record.
        envelope: the envelope to judge by.
        principal_kind: whose text the user's is, where the record does not say.
    """
    kind = session.principal_kind or principal_kind
    facts = facts_for(envelope, session.facts, Caller(session.session_id, session.session_id))
    seen = _Seen(envelope, facts, kind)
    used: defaultdict[tuple[str, str], int] = defaultdict(int)
    promoted = acting(envelope, session.session_id) if envelope.promoted else None
    judged: list[Judged] = []
    for step in session.steps:
        seen.add(step)
        for call in step.calls:
            prepared = prepare(ToolCall(call.tool, call.args, call.call_id), envelope, facts, promoted)
            claimed = tuple(used[c.clause, c.key] for c in prepared.claims)
            past = look_back(prepared, seen.text, claimed, seen.recall(prepared), call.world)
            decision = decide(prepared, envelope, facts, past)
            if envelope.promoted:
                decision = marked(decision, envelope, session.session_id)
            if decision.result is Result.ALLOW:
                for claim in prepared.claims:
                    used[claim.clause, claim.key] += claim.micros
            judged.append(Judged(call, decision, len(seen.text.segments)))
            seen.ask(call, prepared.args)
    return Replayed(session, tuple(judged), seen.text.segments)


class _Seen:
    """What the session has seen, as the record goes on."""

    def __init__(self, envelope: Envelope, facts: Facts, kind: PrincipalKind | None) -> None:
        self.text = SessionText()
        self.asked: dict[int, Json] = {}
        """Canonical arguments by the identity of the recorded call; None where they cannot be read."""
        self._envelope = envelope
        self._kind = kind
        self._past = Recollection(facts.caller)
        self._places: dict[int, int] = {}
        """Place in the past by the identity of the recorded call."""
        self._remembers = any(t.history or t.monotonic or t.idempotency for t in envelope.tools.values())
        append_facts(self.text, envelope, facts.values)

    def ask(self, call: RecordedCall, args: Mapping[str, Json] | None) -> None:
        """The record goes on: the call was made, whatever this envelope says of it."""
        self.asked[id(call)] = args
        if self._remembers and args is not None:
            self._places[id(call)] = self._past.add(Exchange(call.tool, args, state=IN_FLIGHT))

    def recall(self, prepared: Prepared) -> Recalled | None:
        """What the record says of earlier calls."""
        return self._past.recall(prepared) if prepared.looks_back else None

    def _answered(self, step: RecordedStep) -> None:
        place = self._places.get(id(step.answers)) if step.answers is not None else None
        if place is None:
            return
        try:
            output = loads_strict(step.text)
        except BadInput:
            output = step.text
        self._past.end(place, output, FAILED if step.failed else DONE)

    def add(self, step: RecordedStep) -> None:
        """Append one message."""
        if step.role == "tool":
            self._answered(step)
            tool = step.tool or "tool"
            append_result(self.text, self._envelope, tool, step.text, self._echo(step.answers), self._kind)
        elif step.text:
            label = label_of(self._envelope, step.role, self._kind)
            segment = Segment(len(self.text.segments), Role(step.role), step.role, step.text, label)
            self.text.append(segment)

    def _echo(self, answers: RecordedCall | None) -> Sequence[Json]:
        if answers is None:
            return ()
        args = self.asked.get(id(answers))
        return [args] if args is not None else _leaves(answers.args)


def _leaves(value: Json) -> list[Json]:
    """The leaves of arguments that were refused as too large or too deep, without recursion."""
    found, waiting = list[Json](), [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict | list):
            waiting.extend(one.values() if isinstance(one, dict) else one)
        else:
            found.append(one)
    return found


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

    def merge(self, other: Tally) -> None:
        """Add what *other* counted; examples seen first stay."""
        self.sessions += other.sessions
        self.calls += other.calls
        self.flagged += other.flagged
        self.untouched += other.untouched
        self.held_sessions += other.held_sessions
        self.refused_sessions += other.refused_sessions
        for mine, theirs in ((self.results, other.results), (self.clauses, other.clauses)):
            mine.update(theirs)
        self.unlisted.update(other.unlisted)
        self.tools.update(other.tools)
        self.examples = {**other.examples, **self.examples}

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
    bound = {"bound": list(decision.bound)} if decision.bound else {}
    return bound | {
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


def fits(session: RecordedSession, where: Mapping[str, str]) -> bool:
    """Whether the session's top-level or `meta` fields equal *where*, compared as text.

    A dotted key reads below: `attack.succeeded=true`. Booleans and null are written as in JSON.
    """
    if not where:
        return True
    meta = session.extra.get("meta")
    fields = {**(meta if isinstance(meta, dict) else {}), **session.extra, "suite": session.suite}
    return all(_equals(fields, key, value) for key, value in where.items())


_WORDS = {True: "true", False: "false", None: "null"}


def _equals(fields: Mapping[str, Json], key: str, value: str) -> bool:
    here: Json = fields
    for part in [key] if key in fields else key.split("."):
        if not isinstance(here, Mapping) or part not in here:
            return False
        here = here[part]
    if here is None or isinstance(here, bool):
        return _WORDS[here] == value.lower()
    return str(here) == value
