"""One incident for one problem: what belongs together, who has it, and whom it wakes.

The theory. Anomalies belong together that share a *fingerprint*: agent, clause, tool, the origin that explains them
and the change that explains them (`incident_key`). So ten thousand refusals of one kind are one incident, and an
attack through a mailbox is another one than a bad deployment, even where the clause is the same. An incident has one
id for both teams and a *part* for each team that has anything to do with it:

                 a person takes it                     it moves to the other team,
          NEW ───────────────────► ACKNOWLEDGED        by the evidence or by a person
           │                            │                        │
           └──────────────┬─────────────┘                        ▼
                          │ a person, or quiet for long        HANDED
                          ▼
                      RESOLVED ──► NEW again: it went on after that

- **Class.** The incident's class is the join of its members' classes: undetermined says nothing, and security with sre is
  both. So the order of arrival does not matter, and no number of others outvotes an attack. Where people labelled
  members, their labels alone make the class.
- **Route.** The class says who *leads*; an undetermined one is led by whom the classifier names first, and the other
  *watches*: it is told, never woken. A part that nobody took moves with the route; one that a person took stays theirs,
  and they are told that the evidence points elsewhere.
- **Pages.** One refused call pages nobody. What does is in `incident_rules.wakes` and `STORM_COUNT`; each leading team is
  woken once for each opening, however much more comes; and nobody for what is older than `STALE_S`.
- **End.** An incident ends when a person resolves every part, or after `QUIET_S` without anything new
  (`LONG_QUIET_S` where somebody was woken or took it, so that no weekend swallows a page). What was captured before the
  end joins quietly; what is captured within `REOPEN_S` after it opens it again; what is later opens a new incident that
  names the former.
- **One key, then another.** When a member is classified anew its key may change. The incident stays one: the new key
  becomes one more of its keys. If that key has an open incident already, the younger is merged into the older.

Here are the nouns and the keys. The rules of what wakes and who leads are in `incident_rules`, sums in `incident_sums`,
parts in `incident_parts`, moves in `incident_moves`, what people do in `incident_acts`, rows in `store.incidents`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from remit.core.alert import Urgency
from remit.core.classify.case import Case
from remit.core.classify.classification import Class, Classification, Team
from remit.core.types import Severity

STORM_COUNT = 20
"""So many anomalies of one incident within `STORM_WINDOW_S` are a storm, and wake people."""
STORM_WINDOW_S = 600.0
QUIET_S = 24 * 3600.0
"""An incident in which nothing new comes for so long ends by itself."""
LONG_QUIET_S = 7 * 24 * 3600.0
"""The same where somebody was woken, or a person has taken it."""
STALE_S = LONG_QUIET_S
"""What was captured so long before it is classified, as when a journal of long ago is classified first, wakes nobody."""
REOPEN_S = 3600.0
"""What is captured so soon after the end opens the same incident again."""
MOST_NAMED = 20
"""Clauses and tools that an incident names."""
MOST_MILESTONES = 100
MOST_SHOWN = 5
"""Anomalies that an incident names, the first ones."""
BREAKER, DRIFT = "breaker", "drift-watch"
"""Kinds of what joins an incident and is no anomaly."""


class Standing(StrEnum):
    """Where one team's part stands."""

    NEW = "new"
    ACKNOWLEDGED = "acknowledged"
    HANDED = "handed"
    """The other team has it now."""
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Part:
    """What one team has to do with an incident."""

    team: Team
    state: Standing = Standing.NEW
    owner: str = ""
    """Who of the team; empty until somebody takes it."""
    leads: bool = True
    """False for a team that watches: it is told, never woken."""
    urgency: Urgency = Urgency.QUEUE
    """PAGE once the team was woken, until the part begins anew."""
    since: float = 0.0
    """When it came into this state, UTC epoch seconds."""

    @property
    def active(self) -> bool:
        """Whether the team still has it."""
        return self.state in (Standing.NEW, Standing.ACKNOWLEDGED)

    @property
    def taken(self) -> bool:
        """Whether a person has it: evidence alone does not take it away."""
        return self.active and (self.state is Standing.ACKNOWLEDGED or bool(self.owner))


@dataclass(frozen=True, slots=True)
class Member:
    """What counts of one anomaly (or trip, or drift alarm) in its incident, as it is classified now."""

    anomaly: str
    """Its id; of a trip or a drift alarm, the id of their event."""
    session: str
    at: float
    """When it was captured."""
    kind: str
    label: Class = Class.UNDETERMINED
    milli: int = 0
    """Confidence in thousandths: whole numbers add up the same in every order."""
    lead: str = ""
    """The team that the classifier names first; empty where it names none."""
    origin: str = ""
    change: str = ""
    by_person: bool = False
    """True where a person said what it is."""
    key: str = ""
    ran: bool = False
    """Whether a violating call ran."""

    @property
    def signal(self) -> bool:
        """Whether it is a trip or a drift alarm, and no anomaly."""
        return self.kind in (BREAKER, DRIFT)


@dataclass(frozen=True, slots=True)
class Incident:
    """One problem, however many anomalies it makes."""

    id: str
    key: str
    """Of its first member; `keys` has all."""
    tenant: str
    agent: str
    kind: str
    """Of its first member, as in `core.anomaly`; `breaker` and `drift-watch` for what is none."""
    first_at: float
    last_at: float
    opened_at: float
    """When it was opened, which is later than `first_at` where the classifier was behind."""
    active_at: float
    """When anything last came, or a person did anything: from here on it is quiet."""
    parts: tuple[Part, ...] = ()
    label: Class = Class.UNDETERMINED
    confidence: float = 0.0
    """Mean of the anomalies that have a say in the class; 0 where none has."""
    severity: Severity = Severity.LOW
    """The worst of its members."""
    urgency: Urgency = Urgency.QUEUE
    reasons: tuple[str, ...] = ()
    """Why it wakes people, in words of `wakes`, `storm` and `trip`; since it was last opened."""
    count: int = 0
    """Anomalies, each once."""
    sessions: int = 0
    signals: int = 0
    """Trips and drift alarms."""
    clauses: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    origins: Mapping[str, int] = field(default_factory=dict)
    changes: Mapping[str, int] = field(default_factory=dict)
    classes: Mapping[str, int] = field(default_factory=dict)
    """Members of each class, as the classifier has them."""
    milli: Mapping[str, int] = field(default_factory=dict)
    """Sums of confidences in thousandths, by class."""
    people: Mapping[str, int] = field(default_factory=dict)
    """Members of each class, as people have them."""
    said: Mapping[str, int] = field(default_factory=dict)
    """Trips and drift alarms that say a class."""
    leads: Mapping[str, int] = field(default_factory=dict)
    """Undetermined members by the team that the classifier names first."""
    also: tuple[Team, ...] = ()
    """Teams that a member called which the people's labels would have hidden."""
    first: tuple[tuple[float, str], ...] = ()
    """Instant and id of its first anomalies."""
    recent: tuple[float, ...] = ()
    """Instants of the latest members, as many as make a storm."""
    session: str = ""
    """Of the first member."""
    envelope: str = ""
    effect: str = ""
    ran: bool = False
    """Whether any violating call of it ran."""
    closed_at: float | None = None
    opening: int = 1
    """How often it was opened."""
    former: str = ""
    """The incident that had its key before."""
    into: str = ""
    """The incident that it was merged into."""
    keys: tuple[str, ...] = ()
    revision: int = 0
    """Rises with every change that is written."""
    milestones: tuple[int, ...] = ()
    """Revisions in which a person did something or a team was told: the first few and the latest of its timeline."""

    @property
    def open(self) -> bool:
        """Whether any team still has it."""
        return self.closed_at is None

    @property
    def origin(self) -> str:
        """The source that explains most of it; empty where none does."""
        return _most(self.origins)

    @property
    def change(self) -> str:
        """Id of the change that explains most of it; empty where none does."""
        return _most(self.changes)

    @property
    def anomalies(self) -> tuple[str, ...]:
        """Ids of the first few."""
        return tuple(one for _, one in self.first)

    @property
    def state(self) -> str:
        """One word for lists: `new`, `acknowledged`, `resolved`, or `merged`."""
        if not self.open:
            return "merged" if self.into else Standing.RESOLVED.value
        taken = any(p.state is Standing.ACKNOWLEDGED for p in self.parts)
        return (Standing.ACKNOWLEDGED if taken else Standing.NEW).value

    def part(self, team: Team) -> Part | None:
        """What *team* has to do with it; None where nothing."""
        return next((p for p in self.parts if p.team is team), None)


def incident_key(tenant: str, agent: str, clause: str, tool: str, origin: str, change: str) -> str:
    """The fingerprint by which anomalies are one incident; it tells nothing of what it is made from.

    >>> incident_key("t", "bot", "pay.small", "pay", "", "") == incident_key("t", "bot", "pay.small", "pay", "mail", "")
    False
    """
    told = "\x1f".join((tenant, agent, clause, tool, origin, change))
    return hashlib.sha256(told.encode()).hexdigest()[:32]


def key_of(case: Case, classification: Classification) -> str:
    """The key of one anomaly. A tool that the envelope does not list counts as none: an agent can make up as many
    names as it likes, and each would be an incident of its own."""
    return incident_key(
        case.tenant,
        case.agent,
        line_of(case),
        case.tool if case.effect is not None else "",
        classification.origin,
        classification.change,
    )


def line_of(case: Case) -> str:
    """The clause that an anomaly is filed under: the first that was not met; the kind, where none was.

    >>> line_of(Case("a", "s", "bot", "infrastructure"))
    'infrastructure'
    """
    return case.clauses[0] if case.clauses else case.kind


def incident_id(key: str, first: str) -> str:
    """The same for every process that would open it: made from the key and the first member's id.

    >>> incident_id("k", "a") == incident_id("k", "a"), len(incident_id("k", "a"))
    (True, 20)
    """
    return "inc-" + hashlib.sha256(f"{key}\x1f{first}".encode()).hexdigest()[:16]


def member_of(
    case: Case, classification: Classification, was: Member | None = None, *, by_person: bool = False
) -> Member:
    """What counts of one anomaly, as it is classified now.

    Args:
        case: the anomaly.
        classification: what it is now.
        was: how it counted before; what it was when it was captured does not change, nor that a person spoke.
        by_person: whether a person said what it is.
    """
    return Member(
        case.anomaly,
        was.session if was is not None else case.session,
        was.at if was is not None else case.at,
        was.kind if was is not None else case.kind,
        classification.label,
        round(1000 * classification.confidence),
        classification.deliver_to[0].value if classification.deliver_to else "",
        classification.origin,
        classification.change,
        by_person or (was is not None and was.by_person),
        key_of(case, classification),
        bool(case.ran),
    )


def _most(tally: Mapping[str, int]) -> str:
    found: Iterable[tuple[int, str]] = ((-n, name) for name, n in tally.items() if name and n > 0)
    return min(found, default=(0, ""))[1]
