"""The final answer of a session, judged by `outputs` and `session_ensure` before anybody reads it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from remit.core import anomaly, codec
from remit.core.admission import Misstep
from remit.core.envelope import Envelope
from remit.core.event import Event
from remit.core.promote import withheld_by
from remit.core.session_ensure import Dispatched, judge_answer, together
from remit.core.types import Enforcement, Json, Label, Role, Segment, Violation
from remit.usecases.governing import Under

if TYPE_CHECKING:
    from remit.usecases.session import Session


@dataclass(frozen=True, slots=True)
class FinalAnswer:
    """What an agent wants to say last, and what there is against it."""

    text: str
    found: tuple[Violation, ...]
    event: Event
    """`finished`: that it was given."""
    missteps: tuple[Misstep, ...]
    """What the breaker counts."""


def final_answer(session: Session, answer: str, under: Under) -> FinalAnswer:
    """Judge *answer*, and have the session remember that it was said.

    Args:
        session: that ends with it.
        answer: with plain characters only.
        under: what governs it.
    """
    found = _against(session, answer, under)
    with session.lock:
        segment = Segment(len(session.text.segments), Role.ASSISTANT, "assistant", answer, Label())
        session.text.append(segment)
    envelope = under.envelope
    binds = envelope.enforcement is Enforcement.ENFORCE or bool(withheld_by(found, envelope, under.binding))
    body: dict[str, Json] = {
        "index": segment.index,
        "violations": [codec.violation_body(v) for v in found],
    }
    kept = under.redactor.text(answer) if found else under.kept(answer)
    index = anomaly.of_answer(found, enforced=binds)
    event = session.event("finished", body, index, blobs={"answer": kept}, under=under)
    return FinalAnswer(answer, tuple(found), event, _missteps(session, found, envelope))


def _against(session: Session, answer: str, under: Under) -> list[Violation]:
    envelope = under.envelope
    found = []
    for rule in envelope.outputs:
        if problem := rule.check(answer):
            clause = rule.clause
            message = f"{clause.message} ({problem})" if clause.message else problem
            found.append(Violation(clause.id, "outputs", clause.on_violation, clause.severity, message))
    calls = _calls_made(session, envelope)
    facts = under.facts.values
    return found + judge_answer(envelope.session_ensure, answer, calls, facts, waits=session.busy)


def _calls_made(session: Session, envelope: Envelope) -> list[Dispatched]:
    """What was done in this session, here and in any other process that has it open."""
    if not envelope.session_ensure:
        return []
    own, there = dict(session.calls), list(session.guard.records.events(session.id))
    made = together(own, (stored.event for stored in there if not stored.erased))
    # Of a call that was erased nobody knows what it was, and how it ended.
    lost = any(stored.erased and stored.event.kind in ("decided", "settled") for stored in there)
    return [*made, Dispatched("", "", {})] if lost else made


def _missteps(session: Session, found: Sequence[Violation], envelope: Envelope) -> tuple[Misstep, ...]:
    if not found:
        return ()
    return (
        Misstep(
            id=session.guard.ids.new(),
            tenant=session.info.tenant,
            agent=session.info.agent,
            session=session.id,
            rule=envelope.breaker,
            violations=tuple((v.severity, v.clause) for v in found),
            agent_version=session.guard.agent_version,
            kind="answer",
            enforce=envelope.enforcement is Enforcement.ENFORCE,
            envelope=envelope.hash,
        ),
    )
