"""Why a call of the journal got its decision: finds its events, its session's facts and the envelope of that day."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from remit.core.errors import BadInput
from remit.core.event import StoredEvent
from remit.core.explained import Explanation
from remit.core.explained_record import explain_record
from remit.core.reader import read_envelope
from remit.usecases.archive import archived

ABOUT_CALLS = ("decided", "settled", "released")


def explain_event(
    event: Callable[[str], StoredEvent | None],
    events_of: Callable[[str], Iterable[StoredEvent]],
    event_id: str,
) -> tuple[Explanation, dict[str, Any]]:
    """The recorded decision about the call that an event belongs to.

    Args:
        event: finds an event by its id.
        events_of: the events of a session, in order.
        event_id: of a `decided` or `settled` event; an anomaly has the id of its event.

    Returns:
        The explanation, and which events it was made from.

    Raises:
        BadInput: no such event, not about a call, or erased.
    """
    asked = event(event_id)
    where = f"event {event_id}"
    if asked is None:
        raise BadInput(where, "is not in this store", "take an id of `remit anomalies ls`")
    if asked.erased:
        raise BadInput(where, "was erased or has expired", "only its time, kind and clauses are known")
    if asked.event.kind not in ABOUT_CALLS:
        raise BadInput(where, f"is of kind {asked.event.kind}", "take the id of a decision or an outcome")
    token = asked.event.body.get("token")
    session = [stored for stored in events_of(asked.event.session) if not stored.erased]
    call = [s for s in session if s.event.body.get("token") == token and s.event.kind in ABOUT_CALLS]
    # A held call is decided more than once; what holds is what was said last before the event that is asked about.
    decided = [
        s for s in call if s.event.kind == "decided" and (s.seq <= asked.seq or asked.event.kind != "decided")
    ]
    if not decided:
        raise BadInput(where, "its decision is not in this store any more", "it was erased or has expired")
    settled = next((s.event.body for s in call if s.event.kind == "settled"), None)
    opened = [s for s in session if s.event.kind in ("session.opened", "session.resumed")]
    facts = opened[-1].event.body.get("facts", {}) if opened else {}
    last = decided[-1]
    text = archived(event, last.event.envelope, last.event.tenant)
    envelope = read_envelope(text, f"envelope {last.event.envelope[:16]}")
    told = explain_record(envelope, last.event.body, settled, facts)
    body = last.event.body
    return told, {
        "event": last.event.id,
        "at": last.at,
        "session": last.event.session,
        "agent": last.event.agent,
        "tenant": last.event.tenant,
        "mode": body.get("mode"),
        "enforced": body.get("enforced"),
        "approval": body.get("approval_id"),
        "envelope": {"hash": envelope.hash, "name": envelope.name, "version": envelope.version},
        "ran": settled is not None and not settled.get("repeats"),
        # A result that the agent got is a segment of its session.
        "withheld": settled is not None and settled.get("ended") == "value" and not settled.get("segment"),
    }
