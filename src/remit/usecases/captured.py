"""Sessions that the guard captured, as recorded sessions: what replay and trials read, from the journal itself."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from remit.core.event import StoredEvent
from remit.core.recorded import RecordedSession, session_from
from remit.core.session_ensure import may_have_run
from remit.core.types import Json

KINDS = ("session.opened", "session.resumed", "observed", "decided", "released", "settled", "finished")
"""What a session is read from."""
ERASED = "it was erased, or grew older than it is kept"
DIGESTS = "only digests of its texts were kept (capture.clean)"
UNOPENED = "its beginning is not in the journal"
_DIGEST = re.compile(r"\[digest:[0-9a-f]{64}:[0-9]+\]")


@dataclass
class CapturedSessions:
    """The sessions of a store, one after the other.

    Args:
        opened: `session.opened` of each, in order.
        events: of one session, by tenant and id, in order.
    """

    opened: Iterable[StoredEvent]
    events: Callable[[str, str], Iterator[StoredEvent]]
    dropped: Counter[str] = field(default_factory=Counter)
    """Those that cannot be read, by the reason."""

    def __iter__(self) -> Iterator[RecordedSession]:
        for stored in self.opened:
            found = captured(self.events(stored.event.tenant, stored.event.session))
            if isinstance(found, str):
                self.dropped[found] += 1
            else:
                yield found


def captured(events: Iterable[StoredEvent]) -> RecordedSession | str:
    """The session that these events tell, or why it cannot be read any more.

    Calls that did not run (refused, held and not approved, released) are no part of it: under the same envelope they
    would not run again. What an erased secret was stays its token, the same wherever it stood.

    Args:
        events: of one session, in order.
    """
    kept: list[StoredEvent] = []
    for stored in events:
        if stored.event.kind in KINDS:
            if stored.erased:
                return ERASED
            kept.append(stored)
    if not kept or kept[0].event.kind != "session.opened":
        return UNOPENED
    if any(_DIGEST.search(text) for stored in kept for text in stored.event.blobs.values()):
        return DIGESTS
    opening = kept[0].event
    ran = _ran(kept)
    steps = [step for stored in kept for step in _steps(stored, ran)]
    session: dict[str, Any] = {
        "session_id": opening.session,
        "suite": opening.agent,
        "facts": dict(opening.body.get("facts") or {}),
        "principal_kind": opening.body.get("principal_kind"),
        "steps": steps,
        "fingerprint": opening.body.get("fingerprint"),
        "arm": opening.body.get("arm"),
        "at": kept[0].at,
    }
    return session_from(session, f"session {opening.session}")


def _ran(events: Iterable[StoredEvent]) -> Mapping[str, StoredEvent]:
    """By token: the first decision under which each call may have run."""
    found: dict[str, StoredEvent] = {}
    for stored in events:
        body, token = stored.event.body, str(stored.event.body.get("token", ""))
        if stored.event.kind == "decided" and may_have_run(body):
            found.setdefault(token, stored)
        elif stored.event.kind == "released":
            found.pop(token, None)
    return found


def _steps(stored: StoredEvent, ran: Mapping[str, StoredEvent]) -> list[dict[str, Json]]:
    event, body = stored.event, stored.event.body
    token = str(body.get("token", ""))
    text = event.blobs.get("text", "")
    if event.kind == "observed":
        step: dict[str, Json] = {"role": body.get("role"), "content": text}
        return [step | {"tool_name": body.get("source")} if body.get("role") == "tool" else step]
    if event.kind == "decided" and ran.get(token) is stored:
        call = {"id": token, "name": body.get("tool", ""), "args": body.get("args") or {}}
        return [{"role": "assistant", "content": "", "tool_calls": [call]}]
    if event.kind == "settled" and token in ran:
        return [_settled(body, text, token, str(ran[token].event.body.get("tool", "")))]
    if event.kind == "finished":
        return [{"role": "assistant", "content": event.blobs.get("answer", "")}]
    return []


def _settled(body: Mapping[str, Any], text: str, token: str, tool: str) -> dict[str, Json]:
    error = body.get("error")
    told = str(error.get("message", "")) if isinstance(error, Mapping) else ""
    failed = body.get("ended") not in (None, "value") or bool(error)
    content = text if not failed else told or "it failed"
    return {
        "role": "tool",
        "tool_call_id": token,
        "tool_name": tool,
        "content": content,
        "error": content if failed else None,
    }
