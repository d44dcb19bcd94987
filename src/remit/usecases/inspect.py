"""What people are shown of a held call, a mode and an anomaly: plain JSON, the same for the terminal and for programs.

Nothing here is made from an agent's own words but what is marked as such.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from remit.core import codec
from remit.core.anomaly import reasoning_chain
from remit.core.approval import ApprovalRecord, ApprovalState, ApprovalStatus, role_missing
from remit.core.event import StoredEvent
from remit.core.pins import DRIFTED
from remit.core.provenance import SessionText, trace
from remit.core.types import Json, LeafOrigin

MOST_EXCERPT = 1000
"""Characters of reasoning that are shown beside a held call."""


def state_at(status: ApprovalStatus, now: float) -> ApprovalState:
    """Where it stands, whether or not the store has swept what is overdue."""
    return ApprovalState.EXPIRED if status.state.open and now >= status.expires_at else status.state


def approval_line(record: ApprovalRecord, now: float) -> dict[str, Json]:
    """One line of the queue."""
    status = record.status
    state = state_at(status, now)
    return {
        "id": status.id,
        "state": state.value,
        "tenant": status.tenant,
        "agent": status.agent,
        "session": status.session,
        "tool": status.tool,
        "effect": status.effect.value,
        "preview": record.preview,
        "clauses": list(record.clauses),
        "requested_at": status.requested_at,
        "expires_at": status.expires_at,
        "expires_in_s": max(0.0, status.expires_at - now) if state.open else 0.0,
        "people": status.need.people,
        "approved_by": status.approved_by,
        "roles": list(status.need.roles),
        "erased": record.erased,
    }


def approval_view(
    record: ApprovalRecord,
    now: float,
    operators: Iterable[tuple[str, Sequence[str]]],
    reasoning: Sequence[str],
    opened: StoredEvent | None = None,
) -> dict[str, Json]:
    """A held call with all that a person needs to answer it.

    Args:
        record: from the store.
        now: the store's clock.
        operators: name and roles of everybody who is known.
        reasoning: what the model wrote before the call; its own words, and no evidence for anything.
        opened: how its session began, or was taken up again.
    """
    status = record.status
    return {
        **approval_line(record, now),
        "version": status.version,
        "digest": status.digest,
        "reason": status.reason,
        "reasons": list(record.reasons),
        "args": dict(record.args),
        "arguments": arguments_view(record.args, record.provenance),
        "requester": record.requester,
        "owner": record.owner,
        "answers": [
            {
                "operator": a.operator,
                "answer": a.answer.value,
                "at": a.at,
                "note": a.note,
                "authenticated": a.authenticated,
                "break_glass": a.break_glass,
            }
            for a in record.answers
        ],
        "missing": missing_view(record, operators),
        "proposals": status.proposals,
        "single_operator": status.single_operator,
        "break_glass": status.break_glass,
        "review_needed": status.review_needed,
        "envelope": record.envelope,
        "reasoning": [text[:MOST_EXCERPT] for text in reasoning],
        **session_view(opened),
    }


def session_view(opened: StoredEvent | None) -> dict[str, Json]:
    """Whose session it was, with which facts, and what was running; nothing of it where that is not known.

    >>> session_view(None)
    {'principal': None, 'facts': {}, 'fingerprint': None}
    """
    body: Mapping[str, Any] = opened.event.body if opened is not None and not opened.erased else {}
    return {
        "principal": body.get("principal"),
        "facts": dict(body.get("facts") or {}),
        "fingerprint": body.get("fingerprint"),
    }


def opened_before(events: Iterable[StoredEvent], seq: int) -> StoredEvent | None:
    """How a session began, or was last taken up again, before the event *seq*."""
    kinds = ("session.opened", "session.resumed")
    return max(
        (e for e in events if e.event.kind in kinds and e.seq <= seq), key=lambda e: e.seq, default=None
    )


def missing_view(record: ApprovalRecord, operators: Iterable[tuple[str, Sequence[str]]]) -> dict[str, Json]:
    """How many people are missing, and who could be one of them."""
    said = {a.operator for a in record.answers}
    out = {*said, record.requester, record.owner}
    able = [
        name for name, roles in operators if name not in out and not role_missing(record.status.need, roles)
    ]
    more = max(0, record.status.need.people - record.status.approved_by)
    return {"people": more if record.state is ApprovalState.PENDING else 0, "could_answer": able}


def arguments_view(args: Mapping[str, Json], provenance: Json) -> list[dict[str, Json]]:
    """Each argument leaf with its origins; `origins` None where nobody looked.

    >>> arguments_view({"to": ["a@b.c"]}, [{"path": "to[0]", "exempt": False, "origins": []}])
    [{'path': 'to[0]', 'value': 'a@b.c', 'exempt': False, 'origins': []}]
    """
    known = {str(leaf["path"]): leaf for leaf in provenance or ()}
    return [_argument(leaf, known.get(leaf.path)) for leaf in trace(args, SessionText(), frozenset())]


def _argument(leaf: LeafOrigin, found: Mapping[str, Json] | None) -> dict[str, Json]:
    exempt, origins = (
        (leaf.exempt, None) if found is None else (bool(found["exempt"]), list(found["origins"]))
    )
    return {"path": leaf.path, "value": leaf.value, "exempt": exempt, "origins": origins}


def reasoning_before(events: Iterable[StoredEvent]) -> list[str]:
    """What the model wrote since the user last spoke, oldest first.

    Args:
        events: `observed` events of one session, up to the call.
    """
    told = [e.event for e in events if not e.erased and e.event.kind == "observed"]
    seen = [codec.segment_from(event.body, event.blobs.get("text", "")) for event in told]
    return [segment.text for segment in reasoning_chain(seen)]


def anomaly_line(stored: StoredEvent) -> dict[str, Json]:
    """One line of the anomaly journal: index columns only, none of which is personal."""
    event, index = stored.event, stored.event.anomaly
    assert index is not None, event.id  # noqa: S101 - the caller asked for anomalies
    return {
        "id": event.id,
        "seq": stored.seq,
        "at": stored.at,
        "kind": index.kind,
        "severity": index.severity.value,
        "clauses": list(index.clauses),
        "tool": index.tool,
        "counts": index.counts,
        "enforced": index.enforced,
        "agent": event.agent,
        "tenant": event.tenant,
        "session": event.session,
        "envelope": event.envelope,
    }


def anomaly_view(
    stored: StoredEvent,
    decided: StoredEvent | None = None,
    settled: StoredEvent | None = None,
    opened: StoredEvent | None = None,
) -> dict[str, Json]:
    """One anomaly with its context: what led to it, what was tried, what was said about it, and what ran.

    Args:
        stored: the anomaly.
        decided: the decision about the same call, where the anomaly is what came of it.
        settled: what came of the call, where the anomaly is the decision and it ran.
        opened: how its session began, or was taken up again.
    """
    event, body = stored.event, stored.event.body
    before: Mapping[str, Any] = decided.event.body if decided is not None and not decided.erased else {}
    attempted: Mapping[str, Any] = body if "args" in body else body.get("attempted") or before
    context = body.get("context") or {}
    begun = session_view(opened)
    return {
        **anomaly_line(stored),
        **begun,
        "event": event.kind,
        "erased": stored.erased,
        "trigger": [
            {**segment, "text": event.blobs.get(f"segment.{segment['segment']}", "")}
            for segment in context.get("triggering_input", ())
        ],
        "reasoning": [event.blobs.get(f"segment.{index}", "") for index in context.get("reasoning", ())],
        "attempted": _attempted(attempted),
        "decision": {
            "result": attempted.get("result"),
            "clauses": attempted.get("clauses", []),
            "flags": attempted.get("flags", []),
            "errors": attempted.get("errors", []),
            "violations": body.get("violations") or attempted.get("violations", []),
            "enforced": body.get("enforced", stored.event.anomaly.enforced if stored.event.anomaly else True),
            "approval_id": body.get("approval_id") or body.get("approval") or before.get("approval_id"),
        },
        "outcome": _outcome(settled or stored),
        "mode": body.get("mode") or before.get("mode"),
        "fingerprint": body.get("fingerprint") or begun["fingerprint"],
        "drift": _drift(stored),
    }


def _drift(stored: StoredEvent) -> Json:
    """What a server says of a tool instead of what is pinned; None of any other anomaly."""
    keys = ("server", "problem", "diff", "findings", "malformed", "shown")
    return {key: stored.event.body.get(key) for key in keys} if stored.event.kind == DRIFTED else None


def _attempted(body: Mapping[str, Any]) -> Json:
    if not body.get("tool"):
        return None
    args = body.get("args")
    leaves = arguments_view(args, body.get("provenance")) if isinstance(args, Mapping) else []
    return {"tool": body["tool"], "effect": body.get("effect"), "args": args, "arguments": leaves}


def _outcome(stored: StoredEvent) -> Json:
    event, body = stored.event, stored.event.body
    match event.kind:
        case "settled":
            told = {
                "ended": body.get("ended"),
                "error": body.get("error"),
                "elapsed_s": body.get("elapsed_s"),
            }
            return {**told, "result": event.blobs.get("text")}
        case "approval.answered":
            return {"ended": "rejected", "by": body.get("operator"), "reason": body.get("note")}
        case "finished":
            return {"ended": "answer", "answer": event.blobs.get("answer")}
        case "breaker.lease_expired":
            return {"ended": "unknown", "lease_until": body.get("lease_until")}
        case "gap":
            return {"ended": "gap", **dict(body)}
        case _:
            return None
