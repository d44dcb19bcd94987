"""The reach of an incident as plain JSON, the same for the page and for programs.

What is quoted in it was written by agents, tools and strangers, redacted when it was captured; whoever shows it makes it
visible first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from remit.core.impact import GONE, Deed, DeedState, Undo, Way, by_hand
from remit.core.impact_later import Undoing, ValueReading, ValueSpread, ValueUse
from remit.core.touched import ObjectKind, touched
from remit.core.types import Json
from remit.usecases.impact import ImpactReach, Involved, Left

MOST_OBJECTS: Final = 40
"""Objects that are named for one call."""
_WHERE_TO = (ObjectKind.ADDRESS, ObjectKind.URL, ObjectKind.ACCOUNT)


def reach_view(reach: ImpactReach) -> dict[str, Json]:
    """Everything, by what somebody has to do with it.

    Calls have the id of the event that decided them; other parts name them by it.
    """
    twins = reach.twins()
    undos = {key: undo for one in reach.sessions for key, undo in one.undos.items()}
    done = {one.of.id: one for one in reach.later.undoings if one.call is not None}
    acted = [deed for deed in reach.deeds if deed.acted]
    return {
        "sessions": [_session(one, done, twins) for one in reach.sessions],
        "can_be_undone": [
            _undoing(d, undos[d.id], done.get(d.id))
            for d in reversed(acted)  # the last first: what it rests on is still there
            if undos[d.id].way in (Way.CALL, Way.INCOMPLETE) and not _is_done(done.get(d.id))
        ],
        "already_undone": [_undoing(d, undos[d.id], done[d.id]) for d in acted if _is_done(done.get(d.id))],
        "cannot_be_undone": [_named(d) | {"why": undos[d.id].why} for d in acted if _way(undos, d, Way.NONE)],
        "undeclared": [_named(d) | {"why": undos[d.id].why} for d in acted if _way(undos, d, Way.UNDECLARED)],
        "check_by_hand": [_named(d) | {"why": why} for d in acted if (why := by_hand(d, twins[d.id]))],
        "left": [_left(one) for session in reach.sessions for one in session.left],
        "readers": _readers(reach),
        "values": [_value(one) for one in reach.later.values.values() if one.sessions],
        "nobody_knows": nobody_knows(reach),
        "looked": {
            "events": reach.events,
            "after": reach.after,
            "last": reach.last,
            "depth": reach.later.depth,
            "values": len(reach.later.values),
            "not_looked_for": dict(sorted(reach.later.silent.items())),
            "cut": sorted(reach.later.cut),
        },
    }


def _way(undos: Mapping[str, Undo], deed: Deed, way: Way) -> bool:
    return undos[deed.id].way is way


def _is_done(undoing: Undoing | None) -> bool:
    return undoing is not None and undoing.call is not None and undoing.call.state.sure


# ------------------------------------------------------------------------------------------------ sessions and calls
def _session(
    one: Involved, done: Mapping[str, Undoing], twins: Mapping[str, Sequence[Deed]]
) -> dict[str, Json]:
    body: Mapping[str, Any] = one.opened.event.body if one.opened is not None else {}
    noticed = one.anomaly
    return {
        "session": one.start.session,
        "agent": one.agent,
        "tenant": one.start.tenant,
        "principal": body.get("principal"),
        "facts": one.facts,
        "enforcement": body.get("enforcement"),
        "anomaly": None
        if noticed is None
        else {
            "id": noticed.event.id,
            "at": noticed.at,
            "kind": noticed.event.anomaly.kind if noticed.event.anomaly else None,
            "clauses": list(noticed.event.anomaly.clauses) if noticed.event.anomaly else [],
            "tool": noticed.event.anomaly.tool if noticed.event.anomaly else "",
        },
        "anomalies": one.anomalies,
        "calls": [
            _call(d, one.when(d), one.undos[d.id], done.get(d.id), twins.get(d.id, ())) for d in one.deeds
        ],
    }


def _call(
    deed: Deed, when: str, undo: Undo, undoing: Undoing | None, twins: Sequence[Deed]
) -> dict[str, Json]:
    return {
        **_named(deed),
        "seq": deed.seq,
        "when": when,
        "enforced": deed.enforced,
        "clauses": list(deed.clauses),
        "why": deed.why,
        "error": deed.error,
        "result": None if deed.output is GONE else deed.output,
        "result_known": deed.output is not GONE,
        "origins": {path: [f"{s} ({i})" for s, i in found] for path, found in deed.origins.items()},
        "objects": _objects(deed),
        "undo": _undo(undo, undoing),
        "check": by_hand(deed, twins),
    }


def _named(deed: Deed) -> dict[str, Json]:
    return {
        "call": deed.id,
        "at": deed.at,
        "session": deed.session,
        "tool": deed.tool,
        "effect": deed.effect.value if deed.effect is not None else None,
        "state": deed.state.value,
        "args": deed.args,
    }


def _objects(deed: Deed) -> list[dict[str, Json]]:
    """What a call that may have acted names, arguments first, each once."""
    if not deed.acted:
        return []
    parts = [touched(deed.args, "args")] + ([] if deed.output is GONE else [touched(deed.fields, "result")])
    found = {(one.kind, one.value): one for part in reversed(parts) for one in reversed(list(part))}
    told = [
        {"kind": o.kind.value, "value": o.value, "place": o.place, "why": o.why}
        for o in reversed(list(found.values()))
    ]
    return told[:MOST_OBJECTS]


def _undo(undo: Undo, undoing: Undoing | None) -> dict[str, Json]:
    call = undoing.call if undoing is not None else None
    state = "open" if undo.way is Way.CALL else ""
    if call is not None:
        state = "done" if call.state.sure else "tried"
    return {
        "way": undo.way.value,
        "tool": undo.tool,
        "args": None if undo.args is None else dict(undo.args),
        "note": undo.note,
        "why": undo.why,
        "needs": undo.needs,
        "state": state,
        "by": None if call is None else _named(call) | {"agent": call.agent},
    }


def _undoing(deed: Deed, undo: Undo, undoing: Undoing | None) -> dict[str, Json]:
    sure = "" if deed.state.sure else f"first see whether it happened: {deed.why}"
    return _named(deed) | {"undo": _undo(undo, undoing), "first": sure}


# ------------------------------------------------------------------------------------------------ what left, who read it
def _left(left: Left) -> dict[str, Json]:
    to = [one.value for one in touched(left.deed.args, "args") if one.kind in _WHERE_TO]
    return _named(left.deed) | {
        "to": list(dict.fromkeys(to))[:MOST_OBJECTS],
        "values": [
            {
                "path": path,
                "value": value,
                "confidentiality": level.value if level is not None else None,
                "sources": list(sources),
            }
            for path, value, level, sources in left.values
        ],
    }


def _readers(reach: ImpactReach) -> list[dict[str, Json]]:
    """Sessions that met a value, those that acted with one first, then by time."""
    by_session: dict[str, list[ValueReading]] = {}
    for counted in reach.later.values.values():
        for reading in counted.readings:
            by_session.setdefault(reading.session, []).append(reading)
    uses: dict[str, list[ValueUse]] = {}
    for use in reach.later.uses:
        uses.setdefault(use.deed.session, []).append(use)
        by_session.setdefault(use.deed.session, [])
    told = [_reader(session, found, uses.get(session, [])) for session, found in by_session.items()]
    return sorted(told, key=lambda one: (not one["did"], one["depth"], one["at"]))


def _reader(session: str, readings: Sequence[ValueReading], uses: Sequence[ValueUse]) -> dict[str, Json]:
    depths = [r.value.depth for r in readings] + [v.depth for use in uses for v in use.args.values()]
    times = [r.at for r in readings] + [use.deed.at for use in uses]
    return {
        "session": session,
        "agent": readings[0].agent if readings else uses[0].deed.agent,
        "depth": 1 + min(depths),
        "at": min(times),
        "read": [
            {
                "value": r.value.value,
                "written_by": r.value.deed.id,
                "place": r.value.place,
                "at": r.at,
                "source": r.source,
                "quote": r.quote,
                "asked_for_it": r.asked,
            }
            for r in sorted(readings, key=lambda reading: reading.seq)
        ],
        "did": [
            _named(use.deed)
            | {
                "had_it": use.had,
                "with": {
                    path: {"value": v.value, "written_by": v.deed.id, "origins": _origins(use.deed, path)}
                    for path, v in use.args.items()
                },
            }
            for use in uses
        ],
    }


def _origins(deed: Deed, path: str) -> list[str]:
    return [f"{source} ({integrity})" for source, integrity in deed.origins.get(path, ())]


def _value(counted: ValueSpread) -> dict[str, Json]:
    value = counted.value
    return {
        "value": value.value,
        "place": value.place,
        "written_by": value.deed.id,
        "depth": value.depth,
        "sessions": counted.sessions,
        "named": len(counted.readings),
    }


# ------------------------------------------------------------------------------------------------ what nobody knows
def nobody_knows(reach: ImpactReach) -> list[str]:
    """What is missing, so that no absence is taken for an answer."""
    later = reach.later
    told = [
        f"session {one.start.session}: {one.erased} events of calls were erased or have expired: which, nobody knows"
        for one in reach.sessions
        if one.erased
    ]
    told += [
        f"session {one.start.session}: it has more calls or texts than are read"
        for one in reach.sessions
        if one.cut
    ]
    open_ = sum(d.acted and d.state is DeedState.UNKNOWN for d in reach.deeds)
    facts: Iterable[tuple[int, str]] = (
        (open_, "calls of which nobody knows how they ended"),
        (
            later.erased,
            "later events that were erased or have expired: whether they held a value, nobody knows",
        ),
        (
            later.digests,
            "later texts of which only a digest was kept: whether they held a value, nobody knows",
        ),
        (reach.gaps, "gaps in the journal, where calls ran that were not captured"),
        (reach.unread, "more sessions of the incident that were not read"),
        (
            len(reach.envelopes),
            "envelopes whose text is not in the store: what undoes their calls, nobody knows",
        ),
    )
    return told + [f"{count} {what}" for count, what in facts if count]
