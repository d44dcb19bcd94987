"""Recorded sessions, judged and classified: the same evidence as for the journal, made from a file.

Two passes. The first looks at content alone. What content explains says nothing about a change, so the sessions that
hold such a violation do not count when the second pass asks what changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from remit.core.change import Change
from remit.core.changes_seen import with_seen
from remit.core.classify.case import Case
from remit.core.classify.change import ChangeFinding, about, findings
from remit.core.classify.classification import Class, Classification
from remit.core.classify.combine import classify
from remit.core.classify.counterfactual import Counterfactual
from remit.core.classify.known import Known, Opinion
from remit.core.conduct import Conduct, Line
from remit.core.envelope import Envelope
from remit.core.errors import BadInput
from remit.core.recorded import RecordedSession
from remit.core.types import PrincipalKind
from remit.usecases.bare import judge_bare
from remit.usecases.cases import cases_of
from remit.usecases.changes import ToldChange, instant_from, placed
from remit.usecases.conduct_of import conduct_of
from remit.usecases.replay import Replayed, replay_session

_TIMES = ("at", "started_at", "timestamp")
"""Where a record says when it ran: at its top level, or in `meta`."""


@dataclass(frozen=True, slots=True)
class Judging:
    """By what recorded sessions are judged."""

    envelopes: Mapping[str, Envelope] = field(default_factory=dict)
    """By suite; the empty suite is for every session without its own. Without any, see `usecases.bare`."""
    principal_kind: PrincipalKind | None = None
    changes: Sequence[ToldChange] = ()
    """What people told of the stream; what fingerprints show is added."""
    opinions: Callable[[Case], tuple[Opinion, ...]] = lambda _case: ()
    """What optional detectors say."""
    rerun: Callable[[Case, Classification], Counterfactual | None] | None = None
    """Asks an agent again about an anomaly, as `usecases.rerun_sessions` does; None where no agent can be run."""


@dataclass(frozen=True, slots=True)
class Classified:
    """One anomaly of a recorded session."""

    case: Case
    found: Classification


@dataclass
class JudgedSessions:
    """Recorded sessions in their order, judged."""

    cases: list[Case] = field(default_factory=list)
    conduct: list[Conduct] = field(default_factory=list)
    skipped: int = 0
    """Sessions of a suite that no envelope is for."""


def judged(sessions: Iterable[RecordedSession], by: Judging) -> JudgedSessions:
    """Every session judged, in order."""
    stream, times = JudgedSessions(), list[float | None]()
    for session in sessions:
        told = _judge(session, by)
        if told is None:
            stream.skipped += 1
            continue
        agent, replayed = told
        place = float(len(times))
        times.append(_instant(session))
        stream.cases += cases_of(replayed, agent, place, by.principal_kind)
        stream.conduct.append(conduct_of(replayed, place, agent=agent))
    return stream if None in times else _timed(stream, [at for at in times if at is not None])


def _timed(stream: JudgedSessions, times: Sequence[float]) -> JudgedSessions:
    """With the sessions' own times, where every record has one; places and times do not mix."""
    cases = [replace(case, at=times[int(case.at)]) for case in stream.cases]
    conduct = [replace(one, at=times[int(one.at)]) for one in stream.conduct]
    return JudgedSessions(cases, conduct, stream.skipped)


def classified(stream: JudgedSessions, by: Judging) -> Iterator[Classified]:
    """Each anomaly of a stream with its class, in the stream's order."""
    alone = [classify(case, Known(opinions=by.opinions(case))) for case in stream.cases]
    told = found_changes(stream, placed(by.changes, stream.conduct), alone)
    for case, first in zip(stream.cases, alone, strict=True):
        mine = told_of(told, case)
        again = by.rerun(case, first) if by.rerun is not None else None
        if not mine and again is None:
            yield Classified(case, first)
            continue
        known = Known(changes=mine, counterfactual=again, opinions=by.opinions(case))
        yield Classified(case, classify(case, known))


def found_changes(
    stream: JudgedSessions, changes: Sequence[Change], alone: Sequence[Classification]
) -> list[ChangeFinding]:
    """What the changes of a stream did to its lines, by the sessions that no content explains."""
    explained = {
        case.session
        for case, found in zip(stream.cases, alone, strict=True)
        if found.label in (Class.SECURITY, Class.BOTH)
    }
    conduct = [replace(c, clean=c.session not in explained) for c in stream.conduct]
    every = with_seen(changes, conduct)
    return findings(every, conduct, once=True) if every else []


def told_of(told: Sequence[ChangeFinding], case: Case) -> tuple[ChangeFinding, ...]:
    """The findings that speak of a case: about its lines, of changes that its session ran with."""
    lines: set[Line] = {(case.tool, clause) for clause in case.clauses}
    found = about(told, case.agent, lines)
    return tuple(one for one in found if one.concerns(case.fingerprint, case.at))


def _judge(session: RecordedSession, by: Judging) -> tuple[str, Replayed] | None:
    if not by.envelopes:
        return session.suite or "agent", judge_bare(session, by.principal_kind)
    envelope = by.envelopes.get(session.suite) or by.envelopes.get("")
    if envelope is None:
        return None
    return envelope.name, replay_session(session, envelope, by.principal_kind)


def _instant(session: RecordedSession) -> float | None:
    """When a session ran; None where the record does not say so in a way that can be read."""
    meta: Any = session.extra.get("meta")
    for fields in (session.extra, meta if isinstance(meta, Mapping) else {}):
        for name in _TIMES:
            if (told := fields.get(name)) is not None:
                try:
                    return instant_from(told, name)
                except BadInput:
                    return None
    return None
