"""What joins an incident and is no anomaly: a trip of the breaker, and an alarm of the drift watch."""

from __future__ import annotations

from dataclasses import dataclass

from remit.core.breaker import ModeChange
from remit.core.classify.classification import Class, Team
from remit.core.drifted import Direction, Drift, Kind
from remit.core.incident import BREAKER, DRIFT, Member, incident_key
from remit.core.types import Mode, Severity


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
    milli: int = 0
    severity: Severity = Severity.MEDIUM
    pages: str = ""
    """Why it wakes people; empty where it does not."""
    clause: str = ""
    tool: str = ""
    change: str = ""

    @property
    def member(self) -> Member:
        """What counts of it."""
        found = (self.label, self.milli, self.lead.value, "", self.change)
        return Member(self.id, "", self.at, self.kind, *found, key=self.key)


def of_trip(change: ModeChange) -> Signal | None:
    """The trip that *change* is: the rules took autonomy away. None for what a person did, and for every step back.

    Nobody knows yet what it was, and it is an agent with effects: security leads, where no incident of the sessions
    that led to it says otherwise.
    """
    stricter = change.after.strictness > change.before.strictness
    if change.actors or not stricter or change.after.strictness < Mode.SUPERVISED.strictness:
        return None
    tenant, agent = change.scope.tenant, change.scope.agent
    severity = Severity.CRITICAL if change.after.strictness >= Mode.QUARANTINED.strictness else Severity.HIGH
    key = incident_key(tenant, agent, BREAKER, "", "", "")
    return Signal(
        change.event_id,
        BREAKER,
        tenant,
        agent,
        change.at,
        key,
        lead=Team.SECURITY,
        severity=severity,
        pages="trip",
    )


_OF_LINES = (Kind.LINE_VIOLATIONS, Kind.LINE_HOLDS)


def of_drift(drift: Drift, event_id: str, change: str = "", confidence: float = 0.0) -> Signal:
    """An alarm of the drift watch. Alarms of one change are one incident; of a line, that of its anomalies.

    A rise alone says nothing of its cause: a wave of attacks is one, too. So it is undetermined where no change is named.

    Args:
        drift: the alarm.
        event_id: of the event that tells it.
        change: id of the change that is most likely responsible; empty where none is named.
        confidence: that it is, 0 to 1.
    """
    stream, whose = drift.stream, (drift.tenant, drift.agent)
    line = stream.kind in _OF_LINES
    near = [incident_key(*whose, stream.name, stream.tool, "", one) for one in (change, "")] if line else []
    return Signal(
        event_id,
        DRIFT,
        *whose,
        drift.at,
        incident_key(*whose, DRIFT, "", "", drift.group or event_id),
        near=tuple(dict.fromkeys(near)),
        label=Class.SRE if change else Class.UNDETERMINED,
        milli=round(1000 * confidence),
        severity=Severity.MEDIUM if drift.direction is Direction.WORSE else Severity.LOW,
        clause=stream.name if line else "",
        tool=stream.tool,
        change=change,
    )
