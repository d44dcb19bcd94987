"""One message about one incident on its way to one team, whatever the format in which it leaves.

Sinks turn it into their format and add nothing: what is not here leaves remit by no route.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from remit.core.classify.classification import Class, Evidence, Team
from remit.core.types import Json, Severity


class Action(StrEnum):
    """What it tells of the incident; the same incident keeps its id throughout."""

    TRIGGER = "trigger"
    UPDATE = "update"
    """Its class, its owner, its state or its size changed."""
    ACKNOWLEDGE = "acknowledge"
    RESOLVE = "resolve"


class Urgency(StrEnum):
    """Whether somebody is woken."""

    PAGE = "page"
    """A trip, an executed or unknown-outcome violation, a critical one, or a storm."""
    QUEUE = "queue"
    """For working hours."""


@dataclass(frozen=True, slots=True)
class Alert:
    """One message about one incident, for one team."""

    id: str
    """The same for every attempt, and for every process that would send it: receivers drop repeats by it."""
    incident: str
    """Id of the incident, one for both teams."""
    revision: int
    """Rises with every message about the incident, so that a receiver can tell an old one."""
    action: Action
    team: Team
    urgency: Urgency
    title: str
    """One line: agent, what happened, how often. Safe to show."""
    label: Class
    confidence: float
    severity: Severity
    agent: str
    tool: str
    clauses: tuple[str, ...]
    kind: str
    """Of the first anomaly, as in `core.anomaly`; `drift-watch` and `breaker` for what has none."""
    first_at: float
    last_at: float
    at: float
    """When the message was made."""
    count: int = 1
    """Anomalies of the incident so far."""
    sessions: int = 1
    anomalies: tuple[str, ...] = ()
    """Ids of the first few."""
    evidence: tuple[Evidence, ...] = ()
    """Strongest first, redacted; quotations only where the route permits content."""
    steps: tuple[str, ...] = ()
    """What to do next, generated from the evidence."""
    tenant: str = "default"
    session: str = ""
    """Of the first anomaly."""
    envelope: str = ""
    """Hash of the envelope in force."""
    origin: str = ""
    change: str = ""
    """The change most likely responsible, in words; empty where none is."""
    mode: str = ""
    """The agent's autonomy when the message was made."""
    effect: str = ""
    ran: bool | None = None
    """Whether a violating call ran."""
    enforced: bool | None = None
    """False where remit only watched: an envelope that monitors. None where the message does not know."""
    labelled: Class | None = None
    """What a person said that it is; None where nobody did."""
    owner: str = ""
    url: str = ""
    """Where the incident can be seen; empty where no console is set up."""
    command: str = ""
    """The command that shows it."""
    model: str = ""
    """What ran, where it is known."""
    attempted: Mapping[str, Json] = field(default_factory=dict)
    """Arguments of the first call, redacted; empty unless the route permits content."""
    env: str = ""
