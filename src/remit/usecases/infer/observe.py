"""Each recorded call with the places where its arguments' values came from.

The sessions are replayed by an envelope that permits everything and labels every place, so that what is learned is
seen exactly as it will be judged.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from remit.core.envelope import Clause, Envelope, Flow, Tool
from remit.core.recorded import RecordedSession
from remit.core.types import (
    Confidentiality,
    Enforcement,
    Integrity,
    Json,
    Label,
    LeafOrigin,
    PrincipalKind,
    ToolEffect,
)
from remit.usecases.infer.places import PROSE, Places, places_of
from remit.usecases.infer.values import kind_of
from remit.usecases.replay import Judged, replay_session

COPIED = "copied-"
"""Clause ids of the observing envelope: an argument in which a piece stands that only prose has."""
_INDEX = re.compile(r"\[[0-9]+\]")
_LIST = re.compile(r"(\[\])+\Z")


@dataclass(frozen=True, slots=True)
class Leaf:
    """One value of one call."""

    path: str
    """`items[].sku`; a list's items stand under the list itself, `to`."""
    value: Json
    kind: str
    sources: frozenset[str]
    """Where it stood before the call; empty where the model made it up."""


@dataclass(frozen=True, slots=True)
class ObservedCall:
    """One recorded call that a guard could read."""

    session: str
    task: str
    tool: str
    args: Mapping[str, Json]
    leaves: tuple[Leaf, ...]
    copied: frozenset[str]
    """Top-level arguments in which a piece of somebody's prose stands."""


@dataclass(frozen=True, slots=True)
class Observed:
    """All that is learned from; what is learned from a part of it uses the calls of that part."""

    sessions: tuple[RecordedSession, ...]
    tasks: Mapping[str, str]
    """Task by session id."""
    calls: tuple[ObservedCall, ...]
    unread: int
    """Calls that no guard could read: malformed arguments."""
    places: Places
    kind: PrincipalKind | None = None

    def of(self, tasks: Iterable[str]) -> Observed:
        """The part of it that belongs to *tasks*: nothing of another task is left in it."""
        wanted = frozenset(tasks)
        sessions = tuple(s for s in self.sessions if self.tasks[s.session_id] in wanted)
        return observe(sessions, self.tasks, self.kind)


def task_of(session: RecordedSession, key: str = "task_id") -> str:
    """What the session was about: a field of the record, or else what the user said first, or else itself.

    Args:
        session: the record.
        key: the field that names its task; sessions with the same value are counted once.
    """
    meta = session.extra.get("meta")
    for fields in (session.extra, meta if isinstance(meta, Mapping) else {}):
        if isinstance(named := fields.get(key), str | int) and not isinstance(named, bool) and named != "":
            return str(named)
    said = next((step.text for step in session.steps if step.role == "user" and step.text), "")
    return hashlib.sha256(said.encode("utf-8", "replace")).hexdigest()[:12] if said else session.session_id


def observe(
    sessions: Sequence[RecordedSession], tasks: Mapping[str, str], kind: PrincipalKind | None = None
) -> Observed:
    """Replay *sessions* and keep what is to be learned from.

    Args:
        sessions: good ones; each with an id of its own.
        tasks: the task of each, by session id.
        kind: whose text the user's is, where a record does not say.
    """
    sessions = tuple(sorted(sessions, key=lambda s: s.session_id))
    places = places_of(sessions)
    envelope = _permissive(sessions, places)
    calls: list[ObservedCall] = []
    unread = 0
    for session in sessions:
        for judged in replay_session(session, envelope, kind).judged:
            call = _call(session, tasks[session.session_id], judged)
            unread += call is None
            calls += [call] if call is not None else []
    return Observed(sessions, tasks, tuple(calls), unread, places, kind)


def _call(session: RecordedSession, task: str, judged: Judged) -> ObservedCall | None:
    decision = judged.decision
    if decision.canonical is None or decision.effect is None:
        return None
    copied = (v.clause.partition(f".{COPIED}")[2] for v in decision.violations if v.kind == "flow")
    leaves = tuple(leaf for one in decision.provenance if (leaf := _leaf(one)) is not None)
    return ObservedCall(
        session.session_id,
        task,
        judged.call.tool,
        decision.canonical,
        leaves,
        frozenset(filter(None, copied)),
    )


def _leaf(leaf: LeafOrigin) -> Leaf | None:
    if leaf.exempt or leaf.path.endswith(" (key)"):
        return None
    path = _LIST.sub("", _INDEX.sub("[]", leaf.path))
    return Leaf(path, leaf.value, kind_of(leaf.value), frozenset(origin.source for origin in leaf.origins))


def _permissive(sessions: Iterable[RecordedSession], places: Places) -> Envelope:
    """An envelope that admits every call as it is, and asks of each argument whether prose was copied into it."""
    named: dict[str, dict[str, None]] = {}
    for session in sessions:
        for step in session.steps:
            for call in step.calls:
                known = named.setdefault(call.tool, {})
                known.update(dict.fromkeys(call.args) if isinstance(call.args, dict) else {})
    fields = {place.name: _label(place.holds) for place in places.by_name.values()}
    return Envelope(
        name="observed",
        version="0",
        owner="",
        hash="",
        enforcement=Enforcement.MONITOR,
        tools={tool: _any(tool, list(args)) for tool, args in named.items()},
        sources=fields,
        with_fields=frozenset(name.partition(".")[0] for name in fields if "." in name),
        session_schema={"type": "object"},
        session_errors=lambda _: [],
    )


def _any(tool: str, args: Sequence[str]) -> Tool:
    flows = (
        Flow(Clause(f"{tool}.{COPIED}{arg}"), (arg,), confidentiality_at_most=Confidentiality.INTERNAL)
        for arg in args
    )
    schema = {"type": "object", "properties": {arg: {} for arg in args}}
    return Tool(tool, ToolEffect.READ, schema, lambda _: [], flow=tuple(flows))


def _label(holds: str) -> Label:
    secret = Confidentiality.PII if holds == PROSE else Confidentiality.INTERNAL
    return Label(Integrity.UNTRUSTED, secret)
