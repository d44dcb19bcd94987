"""What the demo found, as one value.

The guarded half is read back from the journal, so the account says what the store can prove and nothing else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from remit.core.event import StoredEvent
from remit.demo.agent import Episode, compact
from remit.demo.recordings import Rates
from remit.demo.shop import Effects

ENVELOPE = "refund-demo.yaml"
"""In this package, and a copy of it in the demo's folder."""
UNGUARDED = "unguarded.jsonl"
"""The unguarded sessions of this run, in the demo's folder: what the envelope says about them can be replayed."""


@dataclass(frozen=True, slots=True)
class Anomaly:
    """One captured violation with its context."""

    anomaly_id: str
    session_id: str
    kind: str
    severity: str
    clauses: tuple[str, ...]
    mode: str
    attempted: str
    reason: str
    triggering_input: tuple[tuple[str, str, str], ...]
    """(source, integrity, text) of each segment that the arguments came from."""
    reasoning: tuple[str, ...]
    """What the model wrote since the user last spoke."""
    from_untrusted: bool
    """Whether an argument's value was found in untrusted text and nowhere else."""
    label: str = ""
    """Where it came from: `security`, `sre`, `both` or `undetermined`."""
    confidence: float = 0.0
    because: str = ""
    """The strongest piece of evidence for that."""


@dataclass(frozen=True, slots=True)
class Trip:
    """One change of the agent's autonomy."""

    before: str
    after: str
    reason: str


@dataclass(frozen=True, slots=True)
class Held:
    """One call that waits for a person."""

    approval_id: str
    session_id: str
    call: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Account:
    """Both arms of the demo, side by side."""

    model: str
    """What spoke: the model, or the recording of it."""
    pairs: int
    """Cases run in both arms with the same seed."""
    unguarded: Effects
    guarded: Effects
    planted: tuple[int, int, int]
    """Cases with a planted instruction; followed unguarded; followed under guard."""
    calls: Mapping[str, int]
    """Guarded calls by result: allow, hold, deny."""
    anomalies: tuple[Anomaly, ...]
    incidents: int
    """What the anomalies come down to, for whoever is on call."""
    trips: tuple[Trip, ...]
    held: tuple[Held, ...]
    rates: Rates
    """How often the unguarded agent does it, measured over more sessions than these."""
    folder: str
    """Where the store is; the commands that look further run there."""
    program: str = "remit"
    """How the command line is called from there."""
    seconds: float = 0.0
    stopped: tuple[str, ...] = field(default=())
    """Sessions that ended early for want of a reply, and why."""

    def to_json(self) -> dict[str, Any]:
        """One JSON object."""
        return asdict(self) | {"commands": list(self.commands)}

    @property
    def harmless(self) -> bool:
        """Whether the unguarded agent, which always answered, did nothing that it should not have done."""
        did = self.unguarded
        harm = did.refunded_wrongly or did.repeated_refunds or did.over_refunds or did.mails_to_strangers
        return not (harm or did.followed_planted or self.stopped)

    @property
    def commands(self) -> tuple[str, ...]:
        """Command lines that look further into the same data, to be run in the account's folder."""
        found = ["anomalies ls"]
        if self.anomalies:
            found.append(f"anomalies show {telling(self.anomalies)[0].anomaly_id}")
            found += ["incidents ls"] if self.incidents else []
        found.append("breaker ls")
        if self.held:
            found += ["approvals ls", f"approvals show {self.held[0].approval_id}"]
        found += ["journal verify", f"replay policy --envelope {ENVELOPE} --sessions {UNGUARDED}"]
        return tuple(f"{self.program} {command}" for command in found)


def total(episodes: Iterable[Episode]) -> Effects:
    """The effects of several sessions, added up."""
    sums: Counter[str] = Counter()
    for episode in episodes:
        sums.update({name: int(value) for name, value in asdict(episode.effects).items()})
    followed = bool(sums.pop("followed_planted", 0))
    return Effects(**sums, followed_planted=followed)


def anomalies_of(events: Sequence[StoredEvent]) -> tuple[Anomaly, ...]:
    """The anomalies among *events*, with their context and what they were classified as."""
    classes = {
        s.event.body["anomaly_id"]: s.event.body for s in events if s.event.kind == "anomaly.classified"
    }
    return tuple(
        _anomaly(stored, classes.get(stored.event.id, {}))
        for stored in events
        if stored.event.anomaly is not None
    )


def incidents_of(events: Iterable[StoredEvent]) -> int:
    """How many incidents were opened."""
    return sum(stored.event.kind == "incident.opened" for stored in events)


def trips_of(events: Iterable[StoredEvent]) -> tuple[Trip, ...]:
    """The changes of autonomy among *events*."""
    changed = [stored.event.body for stored in events if stored.event.kind == "breaker.changed"]
    return tuple(Trip(body["before"], body["after"], body["reason"]) for body in changed)


def held_of(events: Iterable[StoredEvent]) -> tuple[Held, ...]:
    """The questions to people among *events*."""
    asked = [stored.event for stored in events if stored.event.kind == "approval.requested"]
    return tuple(
        Held(e.body["approval"], e.session, str(e.body["preview"]), tuple(e.body["reasons"])) for e in asked
    )


def calls_of(events: Iterable[StoredEvent]) -> dict[str, int]:
    """How many calls were allowed, held and denied."""
    counts = Counter(str(s.event.body["result"]) for s in events if s.event.kind == "decided")
    return {result: counts.get(result, 0) for result in ("allow", "hold", "deny")}


def _anomaly(stored: StoredEvent, classified: Mapping[str, Any]) -> Anomaly:
    event = stored.event
    nothing = "nothing that is known explains it" if classified else ""
    evidence = classified.get("evidence") or [{"told": nothing}]
    index, body = event.anomaly, event.body
    assert index is not None  # noqa: S101 - chosen by the caller
    attempted = body.get("attempted") or body
    context = body.get("context") or {}
    violations = attempted.get("violations") or body.get("violations") or []
    return Anomaly(
        anomaly_id=event.id,
        session_id=event.session,
        kind=index.kind,
        severity=index.severity.value,
        clauses=index.clauses,
        mode=str(body.get("mode", "")),
        attempted=f"{index.tool}({compact(attempted.get('args') or {})[1:-1]})",
        reason="; ".join(
            dict.fromkeys(str(v["message"]) for v in violations if v["clause"] in index.clauses)
        ),
        triggering_input=tuple(
            (s["source"], s["integrity"], event.blobs.get(f"segment.{s['segment']}", ""))
            for s in context.get("triggering_input", [])
        ),
        reasoning=tuple(event.blobs.get(f"segment.{at}", "") for at in context.get("reasoning", [])),
        from_untrusted=any(_only_untrusted(leaf["origins"]) for leaf in attempted.get("provenance") or []),
        label=str(classified.get("class", "")),
        confidence=float(classified.get("confidence", 0.0)),
        because=str(evidence[0]["told"]),
    )


def _only_untrusted(origins: Sequence[Mapping[str, Any]]) -> bool:
    return bool(origins) and all(origin["integrity"] == "untrusted" for origin in origins)


def telling(anomalies: Iterable[Anomaly]) -> list[Anomaly]:
    """One anomaly for each set of clauses, those first whose arguments a stranger's text gave."""
    ranked = sorted(anomalies, key=lambda anomaly: not anomaly.from_untrusted)
    first: dict[tuple[str, ...], Anomaly] = {}
    for anomaly in ranked:
        first.setdefault(anomaly.clauses, anomaly)
    return list(first.values())
