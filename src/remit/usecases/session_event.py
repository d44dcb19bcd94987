"""One event of a session: an anomaly carries its full context, and the fingerprint of what was running."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from remit.core import anomaly, codec
from remit.core.envelope import Envelope
from remit.core.event import AnomalyIndex, Event
from remit.core.types import Decision, Fingerprint, Json, Segment
from remit.usecases.governing import Under, tools_hash

if TYPE_CHECKING:
    from remit.usecases.session import Session


class SessionFingerprint:
    """What is running in one session, as far as its opener said it and as far as it shows.

    Args:
        known: what the opener said.
        opened_under: the envelope in force then; its tools stand in *known* where the opener named none.
    """

    __slots__ = ("_known", "_opened_under", "_prompt", "_prompt_seen")

    def __init__(self, known: Fingerprint, opened_under: Envelope) -> None:
        self._known = known
        self._opened_under = opened_under
        self._prompt = hashlib.sha256()
        self._prompt_seen = False

    def prompted(self, text: str) -> None:
        """A system text was observed."""
        self._prompt.update(text.encode("utf-8", "replace"))
        self._prompt_seen = True

    def under(self, envelope: Envelope) -> Fingerprint:
        """The same under *envelope*; the prompt's hash is taken from what was observed where the opener gave none."""
        known = self._known
        if known.envelope != envelope.hash:
            own = known.tools == tools_hash(self._opened_under)
            tools = tools_hash(envelope) if own else known.tools
            known = replace(known, envelope=envelope.hash, tools=tools)
        if known.prompt is None and self._prompt_seen:
            return replace(known, prompt=f"sha256:{self._prompt.hexdigest()}")
        return known


def session_event(
    session: Session,
    under: Under,
    kind: str,
    body: dict[str, Json],
    index: AnomalyIndex | None,
    decision: Decision | None,
    blobs: Mapping[str, str] | None,
    event_id: str,
) -> Event:
    """One event, masked by what governs it. It takes no lock, since it also runs inside the store's transaction.

    Args:
        session: whose it is.
        under: what governs it.
        kind: of event.
        body: what is told; masked here.
        index: of an anomaly, what it is found by; it gets its context.
        decision: of an anomaly, the decision on its call.
        blobs: texts, masked already.
        event_id: empty for a new one.
    """
    told: dict[str, str] = dict(blobs or {})
    body = under.redactor.value(body)
    if index is not None:
        # A copy, not the lock: this runs inside the store's transaction too, and whoever holds the lock may
        # be waiting for room in the store's queue.
        texts = _add_context(body, list(session.text.segments), decision)
        body["fingerprint"] = codec.fingerprint_body(session.running.under(under.envelope))
        told |= {name: under.redactor.text(text) for name, text in texts.items()}
    return Event(
        id=event_id or session.guard.ids.new(),
        session=session.id,
        kind=kind,
        agent=session.info.agent,
        envelope=under.envelope.hash,
        body=body,
        tenant=session.info.tenant,
        subject=session.subject,
        blobs=told,
        anomaly=index,
        retain_s=under.envelope.capture.retain_s,
    )


def _add_context(
    body: dict[str, Json], segments: Sequence[Segment], decision: Decision | None
) -> Mapping[str, str]:
    """Add to *body* what an anomaly came from, and return its texts."""
    trigger = anomaly.triggering_input(decision.provenance if decision else (), segments)
    chain = anomaly.reasoning_chain(segments)
    body["context"] = anomaly.context_body(trigger, chain)
    return codec.texts([*trigger, *chain])
