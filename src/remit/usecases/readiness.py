"""What enforcing would have refused or held, what is ungoverned, and which clauses have shown that they can be enforced.

Decisions come from a store, as they were recorded while the envelope monitored, or from recorded sessions judged now.
A clause that never hit in *n* calls of its tool has a rate of at most 3/n with 95 % confidence (the rule of three:
(1 - p)^n = 0.05 gives p ≈ 3/n; Hanley and Lippman-Hand, JAMA 249 (1983) 1743-1745). That counts calls as independent;
calls of one session are not quite, so the sessions stand beside it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from remit.core.envelope import Cap, Envelope, Tool, clauses_of
from remit.core.event import StoredEvent
from remit.core.types import Json, OnViolation, Result
from remit.usecases.replay import Replayed

ENOUGH_CALLS = 100
"""Calls of a tool without a hit after which a clause counts as ready: a rate of at most 3 %."""


DECIDED, SETTLED, FINISHED = "decided", "settled", "finished"
KINDS = (DECIDED, SETTLED, FINISHED)
"""The events that say what a clause did: before the call, after it, at the end."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One decision, or one judgement of what came back or was answered, wherever it came from."""

    session: str
    tool: str
    args: Json
    result: str
    violations: tuple[tuple[str, str, str], ...] = ()
    """(clause, what it does, message); what it does is deny, hold or flag."""
    unlisted: bool = False
    enforced: bool = False
    bound: tuple[str, ...] | None = None
    """Where the envelope monitored and promoted clauses acted: which; None where all or none did."""
    envelope: str = ""
    at: float | None = None
    stage: str = DECIDED
    """The kind of the event: of a call that was decided, that came back, or of the final answer."""
    repeats: bool = False
    """Whether the call is a repeat that would have got the first result."""


def from_replay(replayed: Replayed) -> Iterator[Seen]:
    """The decisions on one recorded session."""
    for judged in replayed.judged:
        decision = judged.decision
        yield Seen(
            session=replayed.session.session_id,
            tool=judged.call.tool,
            args=judged.call.args,
            result=decision.result.value,
            violations=tuple(
                (v.clause, "deny" if v.error else v.on_violation.value, v.message)
                for v in decision.violations
            ),
            unlisted="unlisted" in decision.clauses,
            envelope=decision.envelope_hash,
            repeats=bool(decision.repeats),
        )


def from_events(events: Iterable[StoredEvent], agent: str | None = None) -> Iterator[Seen | None]:
    """The decisions in the events of a store; None for a decision whose body was erased.

    Args:
        events: of `KINDS`, in order.
        agent: only this agent's.
    """
    for stored in events:
        event = stored.event
        if agent is not None and event.agent != agent:
            continue
        if stored.erased:
            if event.kind == DECIDED:
                yield None
            continue
        body = event.body
        if body.get("approval_id"):
            continue  # the second decision on a held call; the first was counted
        found = [v for v in body.get("violations") or () if isinstance(v, Mapping)]
        attempted = body.get("attempted")
        yield Seen(
            session=event.session,
            tool=str(body.get("tool", "")),
            args=attempted.get("args") if isinstance(attempted, Mapping) else body.get("args"),
            result=_whole(body, found) if event.kind == DECIDED else _back(found),
            violations=tuple((str(v["clause"]), _does(v), str(v.get("message", ""))) for v in found),
            unlisted="unlisted" in (body.get("clauses") or ()),
            enforced=bool(body.get("enforced")),
            bound=tuple(body["bound"]) if body.get("bound") else None,
            envelope=event.envelope,
            at=stored.at,
            stage=event.kind,
            repeats=bool(body.get("repeats")),
        )


def _back(found: list[Mapping[str, Json]]) -> str:
    """What enforcing does with a result or an answer: it withholds it, or lets it pass."""
    return Result.DENY.value if any(_does(v) == "deny" for v in found) else Result.ALLOW.value


def _whole(body: Mapping[str, Json], found: list[Mapping[str, Json]]) -> str:
    """The result by all clauses, also where only the promoted ones were acted upon."""
    if body.get("bound") and any(_does(v) == "deny" for v in found):
        return Result.DENY.value
    return str(body.get("result", ""))


def _does(violation: Mapping[str, Json]) -> str:
    return "deny" if violation.get("error") else str(violation.get("on_violation", "deny"))


@dataclass
class _Hits:
    """What one clause did."""

    does: str
    calls: int = 0
    enforced: int = 0
    sessions: set[str] = field(default_factory=set)
    example: dict[str, Json] = field(default_factory=dict)


class Readiness:
    """Decisions, added up."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        """Calls by tool."""
        self.results: Counter[str] = Counter()
        self.already: Counter[str] = Counter()
        """Results other than allow that were in force."""
        self.sessions: set[str] = set()
        self.envelopes: Counter[str] = Counter()
        """Calls by the hash of the envelope that decided them."""
        self.touched: set[str] = set()
        self.erased = 0
        self.first_at: float | None = None
        self.last_at: float | None = None
        self._hits: dict[str, _Hits] = {}
        self._unlisted: dict[str, set[str]] = {}
        self.withheld: Counter[str] = Counter()
        """Results and answers that a clause does not let through, by the stage."""
        self.repeats: Counter[str] = Counter()
        """By tool, calls that would have got the first call's result."""
        self._by_version: Counter[tuple[str, str]] = Counter()
        self._back_by_version: Counter[tuple[str, str]] = Counter()
        """Of the calls those that came back: as many as were judged by what is asked of results."""

    def add(self, seen: Seen | None) -> None:
        """Count one decision; None counts as erased."""
        if seen is None:
            self.erased += 1
            return
        if seen.stage == DECIDED:
            self._decision(seen)
        elif seen.result != Result.ALLOW.value:
            self.withheld[seen.stage] += 1
            self.touched.add(seen.session)
        if seen.stage == SETTLED:
            self._back_by_version[seen.envelope, seen.tool] += 1
        for clause, does, message in dict.fromkeys(seen.violations):
            self._hit(seen, clause, does, message)

    def _decision(self, seen: Seen) -> None:
        self.calls[seen.tool] += 1
        self.repeats[seen.tool] += seen.repeats
        self.results[seen.result] += 1
        self.sessions.add(seen.session)
        self.envelopes[seen.envelope] += 1
        self._by_version[seen.envelope, seen.tool] += 1
        if seen.at is not None:
            self.first_at = seen.at if self.first_at is None else self.first_at
            self.last_at = seen.at
        if seen.result != Result.ALLOW.value:
            self.touched.add(seen.session)
            self.already[seen.result] += seen.enforced
        if seen.unlisted:
            self._unlisted.setdefault(seen.tool, set()).add(seen.session)

    def _hit(self, seen: Seen, clause: str, does: str, message: str) -> None:
        hits = self._hits.setdefault(clause, _Hits(does))
        hits.calls += 1
        hits.enforced += seen.enforced and (seen.bound is None or clause in seen.bound)
        hits.sessions.add(seen.session)
        if not hits.example:
            hits.example = {"session_id": seen.session, "tool": seen.tool, "args": seen.args, "why": message}

    def report(self, envelope: Envelope | None = None, enough: int = ENOUGH_CALLS) -> dict[str, Json]:
        """All of it, as `remit readiness --json` prints it.

        Args:
            envelope: whose clauses and tools to go through; without it only what hit is known.
            enough: calls of a tool without a hit after which a clause is ready.
        """
        sessions = len(self.sessions)
        report: dict[str, Json] = {
            "sessions": sessions,
            "calls": sum(self.calls.values()),
            "would_refuse": self.results["deny"],
            "would_hold": self.results["hold"],
            "would_withhold": self.withheld[SETTLED],
            "would_refuse_answers": self.withheld[FINISHED],
            "would_repeat": self.repeats.total(),
            "of_these_in_force": {"deny": self.already["deny"], "hold": self.already["hold"]},
            "sessions_touched": len(self.touched),
            "share_of_sessions_touched": _share(len(self.touched), sessions),
            "clauses": [self._line(clause, hits, sessions) for clause, hits in self._by_calls()],
            "ungoverned": [
                {"tool": tool, "calls": self.calls[tool], "sessions": len(ids)}
                for tool, ids in sorted(self._unlisted.items(), key=lambda pair: -self.calls[pair[0]])
            ],
            "envelopes": dict(self.envelopes.most_common()),
            "erased": self.erased,
            "first_at": self.first_at,
            "last_at": self.last_at,
        }
        return report | self._about(envelope, enough)

    def _by_calls(self) -> list[tuple[str, _Hits]]:
        return sorted(self._hits.items(), key=lambda pair: (-pair[1].calls, pair[0]))

    def _line(self, clause: str, hits: _Hits, sessions: int) -> dict[str, Json]:
        return {
            "clause": clause,
            "does": hits.does,
            "calls": hits.calls,
            "in_force": hits.enforced,
            "sessions": len(hits.sessions),
            "share_of_sessions": _share(len(hits.sessions), sessions),
            "example": hits.example,
        }

    def _about(self, envelope: Envelope | None, enough: int) -> dict[str, Json]:
        """Clauses that never hit, and tools that were never called; empty without an envelope."""
        ready: list[Json] = []
        unproven: list[Json] = []
        never: list[Json] = []
        for tool in envelope.tools.values() if envelope is not None else ():
            if not self.calls[tool.name]:
                never.append(tool.name)
            # Only calls decided by this very text say anything about its clauses.
            version = (envelope.hash if envelope else "", tool.name)
            after, decided, back = (
                after_the_call(tool),
                self._by_version[version],
                self._back_by_version[version],
            )
            for clause in clauses_of(tool):
                if clause.id in self._hits or clause.on_violation is OnViolation.FLAG:
                    continue
                if (
                    tool.idempotency is not None
                    and clause is tool.idempotency.clause
                    and self.repeats[tool.name]
                ):
                    continue
                calls = back if clause.id in after else decided
                line: dict[str, Json] = {
                    "clause": clause.id,
                    "tool": tool.name,
                    "calls": calls,
                    "rate_at_most": at_most(calls),
                }
                (ready if calls >= enough else unproven).append(line)
        return {"ready": ready, "unproven": unproven, "never_called": never, "enough_calls": enough}


def after_the_call(tool: Tool) -> frozenset[str]:
    """Ids of the clauses that are asked of what came back: only calls that came back say something about them."""
    found = [ensure.clause for ensure in tool.ensure]
    found += [scope.clause for scope in tool.scopes if scope.of_output]
    found += [line.clause for line in tool.monotonic if line.after]
    found += [tool.output.clause] if tool.output is not None else []
    found += [tool.deadline] if tool.deadline is not None else []
    duties = [duty.clause for duty in tool.obligations if not (isinstance(duty.duty, Cap) and duty.duty.arg)]
    return frozenset(clause.id for clause in (*found, *duties))


def at_most(calls: int) -> float:
    """The highest rate, with 95 % confidence, of what never happened in *calls* independent calls.

    >>> at_most(300), at_most(0)
    (0.01, 1.0)
    """
    return min(1.0, round(3 / calls, 6)) if calls else 1.0


def _share(part: int, whole: int) -> float:
    return round(part / whole, 6) if whole else 0.0


def gathered(seen: Iterable[Seen | None]) -> Readiness:
    """All of *seen*, added up."""
    readiness = Readiness()
    for one in seen:
        readiness.add(one)
    return readiness
