"""Sessions that the guard captured, as recorded sessions: what replay and trials read, from the journal itself."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from remit.core.event import StoredEvent
from remit.core.recorded import RecordedSession, session_from
from remit.core.session_ensure import may_have_run
from remit.core.types import Json

KINDS = ("session.opened", "session.resumed", "observed", "decided", "released", "settled", "finished")
"""What a session is read from."""
ERASED = "it was erased, or grew older than it is kept"
DIGESTS = "only digests of its texts were kept (capture.clean)"
UNOPENED = "its beginning is not in the journal"
REFUSED = "refused: "
"""How the answer to a refused call begins."""
_DIGEST = re.compile(r"\[digest:[0-9a-f]{64}:[0-9]+\]")


class CapturedJournal(Protocol):
    """What is read of a store."""

    def events(
        self,
        session: str | None = None,
        kinds: Collection[str] | None = None,
        *,
        tenant: str | None = None,
        trials: bool = True,
    ) -> Iterator[StoredEvent]:
        """Events, oldest first."""


@dataclass
class CapturedSessions:
    """The sessions of production in a store, in the order in which they began, as often as they are asked for.

    Args:
        journal: of the store; its trials are left out.
    """

    journal: CapturedJournal
    dropped: Counter[str] = field(default_factory=Counter)
    """Those that cannot be read, by the reason; of the last time that they were asked for."""

    def __iter__(self) -> Iterator[RecordedSession]:
        self.dropped.clear()
        opened = self.journal.events(kinds=("session.opened",), trials=False)
        for session, tenant in [(stored.event.session, stored.event.tenant) for stored in opened]:
            found = captured(self.journal.events(session, KINDS, tenant=tenant))
            if isinstance(found, str):
                self.dropped[found] += 1
            else:
                yield found


def captured(events: Iterable[StoredEvent]) -> RecordedSession | str:
    """The session that these events tell, or why it cannot be read any more.

    A refused call stands there with its refusal; one that was held and never approved, or released, is no part of it.
    What a secret was stays its token, the same wherever it stood.

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
        "agent": opening.agent,
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
    if event.kind == "decided" and body.get("result") == "deny" and token not in ran:
        told = "; ".join(str(one.get("message", "")) for one in body.get("violations") or ())
        call = {"id": token, "name": body.get("tool", ""), "args": body.get("args") or {}}
        refused = _answer(token, str(body.get("tool", "")), f"{REFUSED}{told}", failed=True)
        return [{"role": "assistant", "content": "", "tool_calls": [call]}, refused]
    if event.kind == "settled" and token in ran:
        return [_settled(body, text, token, str(ran[token].event.body.get("tool", "")))]
    if event.kind == "finished":
        return [{"role": "assistant", "content": event.blobs.get("answer", "")}]
    return []


def _settled(body: Mapping[str, Any], text: str, token: str, tool: str) -> dict[str, Json]:
    error = body.get("error")
    told = str(error.get("message", "")) if isinstance(error, Mapping) else ""
    failed = body.get("ended") not in (None, "value") or bool(error)
    return _answer(token, tool, (told or "it failed") if failed else text, failed=failed)


def _answer(token: str, tool: str, content: str, *, failed: bool) -> dict[str, Json]:
    step: dict[str, Json] = {"role": "tool", "tool_call_id": token, "tool_name": tool, "content": content}
    return step | {"error": content} if failed else step
