"""What joins an incident and is no anomaly: a trip of the breaker, and an alarm of the drift watch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from remit.core.classify.classification import Class, Evidence, Team
from remit.core.event import Event
from remit.core.incident import BREAKER, DRIFT, Member, incident_key
from remit.core.notice import visible
from remit.core.types import Json, Mode, Severity

TRIPPED, DRIFTED = "breaker.changed", "drift.detected"
"""Kinds of the events that may be one."""


@dataclass(frozen=True, slots=True)
class Signal:
    """A trip or a drift alarm: no anomaly, and yet of an incident."""

    id: str
    """Of its event."""
    kind: str
    """`breaker` or `drift-watch`."""
    tenant: str
    agent: str
    at: float
    key: str
    """`incident_key` of what it is about."""
    near: tuple[str, ...] = ()
    """Keys of anomalies that may be the same: the first of them with an open incident has it."""
    label: Class = Class.UNDETERMINED
    lead: Team = Team.SRE
    """Who leads as long as nothing else tells."""
    severity: Severity = Severity.MEDIUM
    pages: str = ""
    """Why it wakes people; empty where it does not."""
    clause: str = ""
    tool: str = ""
    change: str = ""
    evidence: Evidence | None = None
    """What it says, with its numbers."""

    @property
    def member(self) -> Member:
        """What counts of it."""
        found = (self.label, 0, self.lead.value, "", self.change)
        return Member(self.id, "", self.at, self.kind, *found, key=self.key)


def signal_of(event: Event, at: float) -> tuple[Signal, tuple[str, ...]] | None:
    """The signal that an event of the journal is, and the sessions that it names; None where it is none.

    Args:
        event: of any kind.
        at: when it was written.
    """
    if event.kind == TRIPPED:
        return of_trip(event, at)
    return (of_drift(event, at), ()) if event.kind == DRIFTED else None


def of_trip(event: Event, at: float) -> tuple[Signal, tuple[str, ...]] | None:
    """The trip that `breaker.changed` tells: the rules took autonomy away. None of what a person did, and of a way back.

    Nobody knows yet what it was, and it is an agent with effects: security leads, where no incident of the sessions
    that led to it says otherwise.
    """
    body = event.body
    before, after = Mode(body["before"]), Mode(body["after"])
    stricter = after.strictness > before.strictness and after.strictness >= Mode.SUPERVISED.strictness
    if body["actors"] or not stricter or not event.agent:
        return None
    told = (
        f"the breaker went from {before.value} to {after.value}: {body.get('reason') or 'no reason was kept'}"
    )
    worst = after.strictness >= Mode.QUARANTINED.strictness
    signal = Signal(
        event.id,
        BREAKER,
        event.tenant,
        event.agent,
        at,
        incident_key(event.tenant, event.agent, BREAKER, "", "", ""),
        lead=Team.SECURITY,
        severity=Severity.CRITICAL if worst else Severity.HIGH,
        pages="trip",
        evidence=Evidence("trip", None, 1.0, visible(told, 400), {"from": before.value, "to": after.value}),
    )
    return signal, tuple(str(one) for one in body["sessions"])


_OF_LINES = ("violations-of", "holds-of")


def of_drift(event: Event, at: float) -> Signal:
    """The alarm that `drift.detected` tells. Alarms of one change are one incident; of a line, that of its anomalies.

    A rise alone says nothing of its cause: a wave of attacks is one, too. So it is undetermined where no change is named.
    """
    body, whose = event.body, (event.tenant, event.agent)
    stream, cause = body["stream"], body.get("cause") or {}
    change = str((cause.get("change") or {}).get("id", ""))
    line = stream["kind"] in _OF_LINES
    near = (
        [incident_key(*whose, stream["name"], stream["tool"], "", one) for one in (change, "")]
        if line
        else []
    )
    return Signal(
        event.id,
        DRIFT,
        *whose,
        at,
        incident_key(*whose, DRIFT, "", "", str(body.get("group") or event.id)),
        near=tuple(dict.fromkeys(near)),
        label=Class.SRE if change else Class.UNDETERMINED,
        severity=Severity.MEDIUM if body["direction"] == "worse" else Severity.LOW,
        clause=stream["name"] if line else "",
        tool=stream["tool"],
        change=change,
        evidence=_drifted(body),
    )


def _drifted(body: Mapping[str, Any]) -> Evidence:
    """What an alarm says: which stream, from what to what; and of the change that goes along with it."""
    cause = body.get("cause") or {}
    told = "; ".join(visible(str(one), 400) for one in (body.get("told"), cause.get("told")) if one)
    facts = {name: body.get(name) for name in ("stream", "direction", "before", "after")}
    numbers: dict[str, Json] = {"stream": facts["stream"], "direction": facts["direction"]}
    numbers["measured"] = {"before": facts["before"], "after": facts["after"]}
    if not (named := cause.get("change")):
        return Evidence("drift", None, 1.0, told, numbers)
    change = {name: named.get(name) for name in ("kind", "at", "before", "after", "seen")}
    p = float(cause.get("p_corrected") or 0.0)
    return Evidence(
        "drift", Class.SRE, 1.0 - p, told, {**numbers, **change, "change": str(named.get("id")), "p": p}
    )
