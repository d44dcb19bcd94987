"""What people outside are told: a call is held for them, one ran of which they wanted to know, or a mode has changed.

Everything that an agent, a tool or a customer may have written is made visible and cannot mention, link or
format: the one `text` is read by chat programs too.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from remit.core.approval import ApprovalStatus
from remit.core.event import Event
from remit.core.types import Json

SCHEMA = "remit.notice/v1"
MOST_PREVIEW = 1000
"""Characters of an effect preview that leave the store."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One message on its way out."""

    id: str
    """The same for every attempt: a receiver that has seen it may drop it."""
    kind: str
    """`held`, `notified` (a call ran), `trip` (stricter) or `loosened`."""
    attempts: int
    """With this one; also tells a late holder of the lease from the present one."""
    payload: Mapping[str, Json]


def held_payload(asked: ApprovalStatus, body: Mapping[str, Any]) -> dict[str, Json]:
    """A call waits for a person.

    Args:
        asked: the question as it stands now: a receiver may drop one that is no longer `pending`.
        body: of its `approval.requested` event; empty where it was erased.
    """
    command = f"remit approvals approve {asked.id}"
    preview = visible(str(body.get("preview", "")), MOST_PREVIEW)
    clauses = [str(clause) for clause in body.get("clauses", ())]
    text = (
        f"Held for approval: agent {plain(asked.agent)} asks for {plain(asked.tool)}\n"
        f"```{plain(preview, MOST_PREVIEW) or '(erased)'}```\n"
        f"Because of {plain(', '.join(clauses)) or 'the breaker'}. "
        f"No answer until {instant(asked.expires_at)} means no. Answer with: {command}"
    )
    return {
        "schema": SCHEMA,
        "kind": "held",
        "approval_id": asked.id,
        "tenant": asked.tenant,
        "agent": asked.agent,
        "tool": asked.tool,
        "effect": asked.effect.value,
        "preview": preview,
        "clauses": clauses,
        "people": asked.need.people,
        "roles": list(asked.need.roles),
        "state": asked.state.value,
        "expires_at": asked.expires_at,
        "command": command,
        **_message(text),
    }


def ran_payload(event: Event, at: float) -> dict[str, Json]:
    """A call ran of which an obligation says that people are told.

    Args:
        event: `notified`, as it stands in the journal; its body is empty where it was erased.
        at: when it was written.
    """
    body = event.body
    tool, preview = str(body.get("tool", "")), visible(str(body.get("preview", "")), MOST_PREVIEW)
    clauses, to = ([str(one) for one in body.get(key, ())] for key in ("clauses", "to"))
    text = (
        f"{plain(tool) or 'A call'} {'ran' if body.get('ended') == 'value' else 'failed'} at {instant(at)}"
        f" for agent {plain(event.agent)}\n```{plain(preview, MOST_PREVIEW) or '(erased)'}```\n"
        f"{'For ' + plain(', '.join(to)) + '. ' if to else ''}Because of {plain(', '.join(clauses)) or '(erased)'}."
    )
    return {
        "schema": SCHEMA,
        "kind": "notified",
        "tenant": event.tenant,
        "agent": event.agent,
        "session": event.session,
        "tool": tool,
        "ended": str(body.get("ended", "")),
        "clauses": clauses,
        "to": to,
        "preview": preview,
        "at": at,
        **_message(text),
    }


def mode_payload(kind: str, change: Mapping[str, Any]) -> dict[str, Json]:
    """An agent, or a wider scope, has another mode.

    Args:
        kind: `trip` where it became stricter, `loosened` where not.
        change: `scope`, `tenant`, `agent` (empty where the scope is wider), `from`, `to`, `reason`, `at`;
            where there are any, `actors` (who did it by hand), `sessions` (with a violation) and
            `break_glass`.
    """
    agent, reason = str(change["agent"]), visible(str(change["reason"]))
    actors, alone = [str(actor) for actor in change.get("actors", ())], bool(change.get("break_glass"))
    command = f"remit breaker show {shlex.quote(agent)}" if agent else "remit breaker ls"
    what = "Breaker tripped" if kind == "trip" else "Breaker loosened"
    by = f" by {plain(', '.join(actors))}" if actors else ""
    text = (
        f"{what}{by}: {plain(change['scope'])} went from {plain(change['from'])} to {plain(change['to'])}:"
        f" {plain(reason) or 'no reason given'}."
        f"{' One person broke the glass: somebody else has to review it.' if alone else ''}"
        f" See: {plain(command)}"
    )
    return {
        "schema": SCHEMA,
        "kind": kind,
        "scope": change["scope"],
        "tenant": change["tenant"],
        "agent": agent,
        "from": change["from"],
        "to": change["to"],
        "reason": reason,
        "at": change["at"],
        "actors": actors,
        "sessions": [str(session) for session in change.get("sessions", ())],
        "break_glass": alone,
        "command": command,
        **_message(text),
    }


def visible(text: str, limit: int = 500) -> str:
    """*text* on one line, with control, bidi and invisible characters as escapes, cut at *limit* characters.

    >>> visible("pay\\x1b[2J \\u202e0001")
    'pay\\\\x1b[2J \\\\u202e0001'
    """
    cut = text if len(text) <= limit else text[: limit - 1] + "…"
    if cut.isprintable():
        return cut
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in cut)


def plain(text: str, limit: int = 500) -> str:
    """*text* that a chat program takes as text only: no mention, link, or end of a quotation.

    >>> plain("<!channel> ```x")
    "&lt;!channel&gt; '''x"

    Source: Slack, "Formatting text for app surfaces": the three characters to escape.
    """
    shown = visible(text, limit).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return shown.replace("`", "'")


def instant(at: float) -> str:
    """UTC, to the second.

    >>> instant(0.0)
    '1970-01-01 00:00:00 UTC'
    """
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _message(text: str) -> dict[str, Json]:
    """What Slack-compatible receivers read; nothing in it is fetched for a preview."""
    return {"text": text, "unfurl_links": False, "unfurl_media": False}
