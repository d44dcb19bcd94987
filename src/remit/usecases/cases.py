"""Cases for the classifier: from recorded sessions that are judged now, and from the journal.

Both say the same of the same session: the texts with their labels, the call, what was not met. Of a recorded session a
*held* call is a case too, since nobody answered it; in the journal it is an approval, and a case once it was rejected.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from typing import Any

from remit.core import codec
from remit.core.anomaly import of_decision, worst
from remit.core.classify.case import HELD, Case, Failure
from remit.core.classify.failure import failure_from
from remit.core.envelope import Envelope
from remit.core.event import StoredEvent
from remit.core.labels import label_of
from remit.core.provenance import labelled_fields
from remit.core.recorded import RecordedSession
from remit.core.types import (
    Fingerprint,
    Integrity,
    Json,
    Label,
    LeafOrigin,
    OnViolation,
    Origin,
    PrincipalKind,
    Result,
    Role,
    Segment,
    Severity,
    ToolEffect,
    Violation,
)
from remit.usecases.replay import Judged, Replayed

_RUN_ERRORS = ("run_error", "error", "exception")
"""Where a record says that the run itself failed: at its top level, or in `meta`."""
MOST_DECIDED = 500
"""Decisions of one session that are kept at hand, the latest ones."""
MOST_TEXTS = 5_000
"""Texts of one session that are kept at hand: a classification reads them all."""
SESSION_KINDS = ("session.opened", "session.resumed", "observed", "decided", "settled", "finished")
"""The events from which `SessionSoFar` is read."""


# ------------------------------------------------------------------------------------------------ recorded sessions
def cases_of(
    replayed: Replayed, agent: str, at: float = 0.0, principal_kind: PrincipalKind | None = None
) -> list[Case]:
    """Every call of a recorded session that a clause refuses, holds or flags, then the failure of the run, if it failed.

    Args:
        replayed: the session, judged.
        agent: whose envelope judged it.
        at: when it ran; its place in the stream where nobody knows.
        principal_kind: whose text the user's is, where the record does not say.
    """
    session = replayed.session
    like = Case(
        "",
        session.session_id,
        agent,
        "",
        at=at,
        fingerprint=fingerprint_of(session),
        principal_kind=session.principal_kind or principal_kind,
    )
    found = [
        _judged(replace(like, anomaly=f"{session.session_id}#{one.call.step}.{number}"), one, replayed)
        for number, one in enumerate(replayed.judged)
        if one.decision.violations
    ]
    failure = failure_of(session)
    if failure is not None:
        failed = replace(
            like,
            anomaly=f"{session.session_id}#run",
            kind="infrastructure",
            severity=Severity.LOW,
            segments=tuple(replayed.segments),
            failure=failure,
        )
        found.append(failed)
    return found


def _judged(like: Case, one: Judged, replayed: Replayed) -> Case:
    decision, raw = one.decision, one.call.args
    violations, index = decision.violations, of_decision(decision, enforced=True)
    return replace(
        like,
        kind=HELD if index is None else index.kind,
        severity=worst([v.severity for v in violations]) if index is None else index.severity,
        clauses=tuple(dict.fromkeys(v.clause for v in violations)),
        violations=violations,
        tool=one.call.tool,
        effect=decision.effect,
        args=decision.canonical if decision.canonical is not None else _mapping(raw),
        ran=None,
        provenance=decision.provenance,
        segments=tuple(replayed.segments[: one.seen]),
    )


def failure_of(session: RecordedSession) -> Failure | None:
    """How the run itself failed, where the record says so; errors of single tools are results like others."""
    meta = _mapping(session.extra.get("meta"))
    for place in (session.extra, meta):
        for name in _RUN_ERRORS:
            told = place.get(name)
            if told and not isinstance(told, bool):
                return failure_from(told if isinstance(told, str) else str(told))
            if told:
                return Failure("unknown", "the record says only that the run failed")
    return None


def fingerprint_of(session: RecordedSession) -> Fingerprint:
    """What was running, as far as the record says: its `fingerprint`, else its `model`."""
    meta = _mapping(session.extra.get("meta"))
    told = _mapping(session.extra.get("fingerprint") or meta.get("fingerprint"))
    fields = {name: _text(told.get(name)) for name in ("prompt", "tools", "config", "code", "envelope")}
    model = told.get("model") or session.extra.get("model") or meta.get("model")
    config = fields.pop("config") or _text(meta.get("config"))
    runtime = {str(key): str(value) for key, value in _mapping(told.get("runtime")).items()}
    return Fingerprint(model=_text(model), config=config, runtime=runtime, **fields)


# ------------------------------------------------------------------------------------------------ the journal
def case_from(stored: StoredEvent, before: SessionSoFar) -> Case:
    """The case of one anomaly of the journal.

    Args:
        stored: the anomaly's event.
        before: what its session had seen up to there.
    """
    event, index = stored.event, stored.event.anomaly
    assert index is not None, event.id  # noqa: S101 - the caller asks about anomalies
    body = event.body
    attempted = _attempted(body, before.decided(stored))
    told = body.get("violations") or attempted.get("violations") or ()
    return Case(
        anomaly=event.id,
        session=event.session,
        agent=event.agent,
        kind=index.kind,
        severity=index.severity,
        clauses=index.clauses,
        violations=tuple(_violation(v) for v in told if isinstance(v, Mapping)),
        tool=index.tool,
        effect=_effect(attempted.get("effect")),
        args=_mapping(attempted.get("args")),
        ran=_ran(stored),
        enforced=index.enforced,
        provenance=_provenance(attempted),
        segments=_before_the_call(before, event.kind, attempted),
        principal_kind=before.principal_kind,
        fingerprint=fingerprint_from(body.get("fingerprint") or before.fingerprint),
        failure=_failure(index.kind, body),
        at=stored.at,
        tenant=event.tenant,
        cut=stored.erased or before.cut,
    )


def held_case(asked: StoredEvent, before: SessionSoFar) -> Case:
    """The case of a call that waits for a person: no anomaly, but whoever answers wants to know where it came from.

    Args:
        asked: `approval.requested`.
        before: what its session had seen up to there.
    """
    event, body = asked.event, asked.event.body
    decided = before.held(str(body.get("tool", "")))
    told = (decided.event.body.get("violations") if decided is not None else None) or ()
    violations = tuple(_violation(v) for v in told if isinstance(v, Mapping))
    return Case(
        anomaly=event.id,
        session=event.session,
        agent=event.agent,
        kind=HELD,
        severity=worst([v.severity for v in violations] or [Severity.MEDIUM]),
        clauses=tuple(str(one) for one in body.get("clauses", ())),
        violations=violations,
        tool=str(body.get("tool", "")),
        effect=_effect(body.get("effect")),
        args=_mapping(body.get("args")),
        ran=False,
        provenance=_provenance(body),
        segments=tuple(before.segments),
        principal_kind=before.principal_kind,
        fingerprint=fingerprint_from(before.fingerprint),
        at=asked.at,
        tenant=event.tenant,
        cut=asked.erased or before.cut,
    )


class SessionSoFar:
    """What a session of the journal has seen so far, read event by event; it grows with the journal.

    Args:
        envelope_of: the envelope with a hash, None where nobody has it any more; it says which fields of a result have
            a label of their own.
        most: characters that are kept, in `MOST_TEXTS` texts at most; of what is beyond, the earliest is dropped and
            `cut` says so: of what tools brought first, then of the model's words, then of the user's but the first.
    """

    def __init__(
        self, envelope_of: Callable[[str], Envelope | None] = lambda _: None, most: int = 2_000_000
    ) -> None:
        self._envelope_of = envelope_of
        self.segments: list[Segment] = []
        self.principal_kind: PrincipalKind | None = None
        self.fingerprint: Mapping[str, Any] = {}
        self.cut = False
        self.upto = 0
        """Sequence of the last event that was read."""
        self._decided: deque[StoredEvent] = deque(maxlen=MOST_DECIDED)
        self._most = most
        self.size = 0
        """Characters that are kept."""

    def read(self, stored: StoredEvent) -> None:
        """The next event of the session."""
        self.upto = stored.seq
        event, body = stored.event, stored.event.body
        if stored.erased:
            self.cut = self.cut or event.kind in ("observed", "settled")
        elif event.kind in ("session.opened", "session.resumed"):
            self._opened(body)
        elif event.kind == "observed":
            self._add(codec.segment_from(body, event.blobs.get("text", "")))
        elif event.kind == "settled" and body.get("segment"):
            self._result(codec.segment_from(body["segment"], event.blobs.get("text", "")), event.envelope)
        elif event.kind == "finished":
            self._add(codec.answer_segment(body, event.blobs.get("answer", "")))
        elif event.kind == "decided":
            self._decided.append(stored)

    def decided(self, stored: StoredEvent) -> StoredEvent | None:
        """The decision about the call that an anomaly came of, where it is another event."""
        body = stored.event.body
        if token := body.get("token"):
            return next((d for d in reversed(self._decided) if d.event.body.get("token") == token), None)
        return self.held(str(body.get("tool", ""))) if stored.event.kind == "approval.answered" else None

    def held(self, tool: str) -> StoredEvent | None:
        """The latest decision that held a call of a tool."""
        held = (d for d in reversed(self._decided) if d.event.body.get("result") == Result.HOLD.value)
        return next((d for d in held if d.event.body.get("tool") == tool), None)

    def _opened(self, body: Mapping[str, Any]) -> None:
        kind = body.get("principal_kind")
        self.principal_kind = PrincipalKind(kind) if kind else None
        self.fingerprint = body.get("fingerprint") or {}
        told = "\n".join(_leaves(body.get("facts") or {}))
        if told:
            label = Label(Integrity.TRUSTED)
            self._add(Segment(-1, Role.SYSTEM, "session", told, label))

    def _result(self, segment: Segment, envelope_hash: str) -> None:
        """A result, and the fields of it that have labels of their own, as the session itself saw them."""
        self._add(segment)
        envelope = self._envelope_of(envelope_hash)
        if envelope is None or segment.source not in envelope.with_fields:
            return
        for source, part in labelled_fields(segment.source, segment.text, envelope.sources):
            label = label_of(envelope, source, self.principal_kind)
            self._add(Segment(segment.index, Role.TOOL, source, part, label))

    def _add(self, segment: Segment) -> None:
        self.cut = self.cut or segment.text.startswith("[digest:")
        self.segments.append(segment)
        self.size += len(segment.text)
        while self.size > self._most or len(self.segments) > MOST_TEXTS:
            least = self._least()
            if least is None:
                return
            self.size -= len(self.segments.pop(least).text)
            self.cut = True

    def _least(self) -> int | None:
        """The place of the text that can be done without best: not the last one, nor how the user began."""
        for role, kept in ((Role.TOOL, 0), (Role.ASSISTANT, 0), (Role.USER, 1)):
            places = (i for i, s in enumerate(self.segments[:-1]) if s.role is role)
            found = next(islice(places, kept, None), None)
            if found is not None:
                return found
        return None


def _attempted(body: Mapping[str, Any], decided: StoredEvent | None) -> Mapping[str, Any]:
    if "args" in body:
        return body
    if isinstance(body.get("attempted"), Mapping):
        return _mapping(body["attempted"])
    return decided.event.body if decided is not None and not decided.erased else {}


def _before_the_call(before: SessionSoFar, kind: str, attempted: Mapping[str, Any]) -> tuple[Segment, ...]:
    """Without the result of the very call that is the anomaly."""
    seen = list(before.segments)
    tool = str(attempted.get("tool", ""))
    while kind == "settled" and tool and seen and (seen[-1].source + ".").startswith(tool + "."):
        seen.pop()
    return tuple(seen)


def _ran(stored: StoredEvent) -> bool | None:
    index, body = stored.event.anomaly, stored.event.body
    if stored.event.kind == "settled":
        return None if body.get("outcome") == "unknown" else True
    if stored.event.kind == "decided":
        return not _stopped(body)
    if index is not None and index.kind in ("unknown-outcome", "gap", "tampering"):
        return None
    return index is not None and (index.kind == "flagged" or not index.enforced)


def _stopped(decided: Mapping[str, Any]) -> bool:
    """Whether a decision let nothing run: a flagged call may be held too, by the breaker or by another clause."""
    if not decided.get("enforced"):
        return False
    answered = decided.get("result") == Result.HOLD and decided.get("approval_id")
    return bool(decided.get("repeats")) or not (decided.get("result") == Result.ALLOW or answered)


def _failure(kind: str, body: Mapping[str, Any]) -> Failure | None:
    if kind != "infrastructure":
        return None
    error = _mapping(body.get("error"))
    return failure_from(f"{error.get('type', 'error')}: {error.get('message', '')}", "tool")


def _violation(body: Mapping[str, Any]) -> Violation:
    return Violation(
        str(body.get("clause", "")),
        str(body.get("kind", "")),
        OnViolation(body.get("on_violation", "deny")),
        Severity(body.get("severity", "medium")),
        str(body.get("message", "")),
        bool(body.get("error")),
    )


def _provenance(attempted: Mapping[str, Any]) -> tuple[LeafOrigin, ...]:
    args, told = attempted.get("args"), attempted.get("provenance")
    if not isinstance(args, Mapping) or not told:
        return ()
    from remit.usecases.inspect import arguments_view

    leaves = (_mapping(leaf) for leaf in arguments_view(args, told))
    return tuple(
        LeafOrigin(
            str(leaf["path"]),
            leaf["value"],
            tuple(_origin(o) for o in leaf["origins"] or ()),
            bool(leaf["exempt"]),
        )
        for leaf in leaves
    )


def _origin(body: Mapping[str, Any]) -> Origin:
    label = Label(Integrity(body.get("integrity", "untrusted")))
    return Origin(int(body["segment"]), str(body["source"]), label, str(body.get("quote", "")))


def fingerprint_from(body: Mapping[str, Any]) -> Fingerprint:
    """The fingerprint that `codec.fingerprint_body` wrote; what is not there is unknown."""
    plain = {
        name: _text(body.get(name)) for name in ("model", "prompt", "tools", "envelope", "config", "code")
    }
    runtime = {str(key): str(value) for key, value in _mapping(body.get("runtime")).items()}
    return Fingerprint(**plain, runtime=runtime)


def _effect(text: object) -> ToolEffect | None:
    return ToolEffect(text) if isinstance(text, str) and text in tuple(ToolEffect) else None


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _leaves(value: Json) -> Iterable[str]:
    if isinstance(value, Mapping):
        return [leaf for item in value.values() for leaf in _leaves(item)]
    if isinstance(value, list | tuple):
        return [leaf for item in value for leaf in _leaves(item)]
    return [] if value is None or isinstance(value, bool) else [str(value)]


def in_order(cases: Iterable[Case]) -> Iterator[Case]:
    """Cases by the time at which they were captured; equal times keep their order."""
    yield from sorted(cases, key=lambda case: case.at)
