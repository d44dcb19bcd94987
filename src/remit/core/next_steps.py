"""What to do next about an incident: each step has a reason in the evidence, and a command where remit has one.

A step without evidence is not there: no rolling back where no change is named, no document to remove where nothing is
quoted, nothing to undo where nothing ran. Untrusted words in a step stand in quotation marks and are made visible.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from remit.core.alert import Urgency
from remit.core.change import Change, ChangeKind
from remit.core.classify.classification import Class, Classification, Evidence, Team
from remit.core.classify.told import said
from remit.core.incident import BREAKER, Incident
from remit.core.notice import instant, visible
from remit.core.types import Json, Mode

MOST_QUOTED = 160
MOST_SESSIONS = 5
_OF_CHANGE = ("change.rate", "drift")
_SIGNALS = {"trip": "trip", "drift": "alarm of the drift watch"}
_FREE = (Mode.AUTONOMOUS, Mode.PROBATION)


@dataclass(frozen=True, slots=True)
class NextStep:
    """One thing to do."""

    kind: str
    """`contain`, `confirm`, `remove`, `roll back`, `tell`, `impact` or `label`."""
    do: str
    """What, in one line."""
    because: str
    """The evidence that it rests on."""
    command: str = ""
    """What remit does of it; empty where it is done elsewhere."""

    @property
    def line(self) -> str:
        """All of it in one line."""
        return f"{self.do} ({self.because})" + (f": {self.command}" if self.command else "")

    def told(self) -> dict[str, Json]:
        """As plain JSON."""
        return {"kind": self.kind, "do": self.do, "because": self.because, "command": self.command}


@dataclass(frozen=True, slots=True)
class Basis:
    """What is known of an incident when its steps are made; nothing where nobody looked."""

    incident: Incident
    anomaly: str = ""
    """The one that the evidence is of."""
    found: Classification | None = None
    signals: tuple[Evidence, ...] = ()
    """What trips and drift alarms of it say, the latest last."""
    change: Change | None = None
    """The one that the incident names."""
    mode: Mode | None = None
    """The agent's autonomy now."""
    people: int | None = None
    """How many different people's data its sessions hold."""
    readers: tuple[str, ...] = ()
    """Sessions beyond the incident that read the quoted text."""


def next_steps(basis: Basis) -> tuple[NextStep, ...]:
    """What to do, the most urgent first."""
    return tuple(_all(basis))


def _all(basis: Basis) -> Iterator[NextStep]:
    yield from _contain(basis)
    yield from _confirm(basis)
    yield from _remove(basis)
    yield from _roll_back(basis)
    yield from _impact(basis)
    yield from _tell(basis)
    yield from _label(basis)


def _contain(basis: Basis) -> Iterator[NextStep]:
    incident, agent = basis.incident, shlex.quote(basis.incident.agent)
    if basis.mode is None or not incident.agent:
        return
    if basis.mode not in _FREE:
        yield NextStep(
            "contain",
            f"Contained: {visible(incident.agent)} is {basis.mode.value}; give autonomy back when this is over",
            "the breaker, or a person, took it away",
            f"remit breaker show {agent}",
        )
        return
    attack = incident.label in (Class.SECURITY, Class.BOTH)
    if incident.urgency is Urgency.PAGE or attack:
        why = ", ".join(incident.reasons) or f"class {incident.label.value}"
        yield NextStep(
            "contain",
            f"Take autonomy from {visible(incident.agent)}: a person then approves each effect",
            f"{why}; {_counted(incident)}; it is {basis.mode.value} now",
            f"remit breaker trip {agent} --mode supervised --reason {incident.id}",
        )


def _confirm(basis: Basis) -> Iterator[NextStep]:
    for one in basis.signals[-1:] if basis.found is None else ():
        yield NextStep(
            "confirm", f"Look whether the {_SIGNALS.get(one.kind, one.kind)} holds", visible(one.told, 400)
        )
    if not basis.anomaly:
        return
    command = f"remit anomalies show {basis.anomaly}"
    if basis.found is None:
        yield NextStep(
            "confirm", "Read the first anomaly", f"it is the first of {_counted(basis.incident)}", command
        )
        return
    strongest = next((e for e in basis.found.evidence if e.towards is not None), None)
    if strongest is None:
        missing = "; ".join(basis.found.missing)
        why = visible(missing, 300) if missing else "no evidence points either way"
        yield NextStep("confirm", "Read the first anomaly: nothing explains it yet", why, command)
        return
    yield NextStep("confirm", _look_at(strongest), visible(strongest.told, 400), command)


def _look_at(evidence: Evidence) -> str:
    facts = evidence.facts
    if evidence.kind.startswith("content.") and facts.get("source"):
        place = f"segment {facts['segment']} from {visible(str(facts['source']), 80)}"
        return f"Look whether the text in {place} made the call: “{_quote(facts)}”"
    if evidence.kind == "change.rate" and "x1" in facts:
        counts = f"{facts['x0']} of {facts['n0']} before, {facts['x1']} of {facts['n1']} after"
        return f"Look whether the rise holds: {counts}{_ratio(facts)}"
    if evidence.kind == "infrastructure":
        return f"Look what broke: {visible(str(facts.get('what', 'unknown')), 80)}"
    return "Look at the evidence"


def _ratio(facts: Mapping[str, Any]) -> str:
    """Ratio and interval; nothing where they are infinite or were not told."""
    ratio, low, high = (facts.get(name) for name in ("ratio", "low", "high"))
    if ratio is None or low is None or high is None:
        return ""
    return f", {ratio:.3g} times as often [{low:.3g}, {high:.3g}]"


def _remove(basis: Basis) -> Iterator[NextStep]:
    quoted = _quoted(basis.found)
    if quoted is None or not quoted.facts.get("source"):
        return
    facts = quoted.facts
    source = visible(str(facts["source"]), 80)
    if source == "user":  # a person's own words are no document
        yield NextStep(
            "remove",
            "Look at what else this customer asked for",
            f"the words are the customer's own: “{_quote(facts)}”",
        )
        return
    if facts.get("integrity") != "untrusted":
        return
    yield NextStep(
        "remove",
        f"Find and remove the text where {source} reads it: “{_quote(facts)}”",
        f"segment {facts['segment']} of session {visible(basis.incident.session, 80)}",
    )
    if basis.readers:
        some = ", ".join(visible(one, 80) for one in basis.readers[:MOST_SESSIONS])
        more = f" and {len(basis.readers) - MOST_SESSIONS} more" if len(basis.readers) > MOST_SESSIONS else ""
        first = shlex.quote(basis.readers[0])
        yield NextStep(
            "remove",
            f"Look at what else read the same text: {some}{more}",
            "the same text, byte for byte, is in what they saw, and nothing was found of them so far",
            f"remit anomalies ls --session {visible(first)}",
        )


def _roll_back(basis: Basis) -> Iterator[NextStep]:
    named = basis.incident.change
    some = (*(basis.found.evidence if basis.found else ()), *basis.signals)
    rate = next((e for e in some if e.kind in _OF_CHANGE and e.facts.get("change") == named), None)
    if not named or rate is None or rate.towards is not Class.SRE:
        return
    known = basis.change is not None and basis.change.id == named
    change = basis.change if known and basis.change else replace(change_of(rate), agent=basis.incident.agent)
    what = f"{change.kind.value} {visible(change.after, 80)}".strip()
    to = f" to {visible(change.before, 80)}" if change.before else ""
    by = f"told by {visible(change.by, 80)}" if change.by else "told by a person"
    said = f"seen in fingerprints from {instant(change.at)} on" if change.seen else by
    yield NextStep(
        "roll back",
        f"Roll back {what}{to}; then say so",
        f"{visible(rate.told, 400)}; {said}",
        _undone(change),
    )


def _undone(change: Change) -> str:
    """The command that records the way back, so that the next rise or fall is held against it."""
    whose = f"--agent {shlex.quote(change.agent)}" if change.agent else "--every-agent"
    ways = "".join(
        f" {option} {shlex.quote(visible(text, 200))}"
        for option, text in (("--from", change.after), ("--to", change.before))
        if text
    )
    return f"remit change record --kind {change.kind.value} {whose}{ways}"


def _impact(basis: Basis) -> Iterator[NextStep]:
    incident = basis.incident
    if not incident.ran or not incident.session:
        return
    yield NextStep(
        "impact",
        "See what it did, what later read it, and what would undo it",
        "a violating call ran",
        f"remit impact {basis.anomaly or shlex.quote(incident.session)}",
    )


def _tell(basis: Basis) -> Iterator[NextStep]:
    incident = basis.incident
    for part in incident.parts:
        if part.active and part.owner:
            other = Team.SRE if part.team is Team.SECURITY else Team.SECURITY
            if (theirs := incident.part(other)) is not None and theirs.active:
                yield NextStep(
                    "tell",
                    f"Tell {visible(part.owner, 80)} ({part.team.value}) what you find",
                    f"{part.team.value} {'leads' if part.leads else 'watches'} it too",
                )
    if incident.ran and basis.people:
        people = f"{basis.people} {'person' if basis.people == 1 else 'people'}"
        yield NextStep(
            "tell",
            f"Ask privacy whether {people} must be told",
            f"its sessions hold data of {people}, and a violating call ran",
        )


def _label(basis: Basis) -> Iterator[NextStep]:
    if basis.incident.people or not basis.anomaly or basis.incident.kind == BREAKER or basis.found is None:
        return
    yield NextStep(
        "label",
        "Say what it was (CLASS is security, sre or both): that routes it, and measures the classifier",
        f"the classifier says {said(basis.found.label, basis.found.confidence)}; no person has",
        f"remit anomalies label {basis.anomaly} CLASS",
    )


def change_of(rate: Evidence) -> Change:
    """The change that a piece of evidence names, as far as it says."""
    facts = rate.facts
    return Change(
        str(facts["change"]),
        ChangeKind(facts.get("kind") or ChangeKind.DEPLOY),
        float(facts.get("at") or 0.0),
        before=str(facts.get("before") or ""),
        after=str(facts.get("after") or ""),
        seen=bool(facts.get("seen", False)),
    )


def named_change(evidence: Iterable[Evidence], named: str, agent: str) -> Change | None:
    """The change with this id, from the evidence about an agent; None where none of it names it."""
    some = (e for e in evidence if e.kind in _OF_CHANGE and e.facts.get("change") == named)
    return next((replace(change_of(e), agent=agent) for e in some), None)


def _quoted(found: Classification | None) -> Evidence | None:
    """The strongest quotation that speaks for an attack."""
    some = found.evidence if found is not None else ()
    return next(
        (e for e in some if e.kind.startswith("content.") and e.towards is Class.SECURITY and e.facts), None
    )


def _quote(facts: Mapping[str, Any]) -> str:
    return visible(str(facts.get("excerpt", "")), MOST_QUOTED)


def _counted(incident: Incident) -> str:
    n, sessions = incident.count, incident.sessions
    return f"{n} {'anomaly' if n == 1 else 'anomalies'} in {sessions} {'session' if sessions == 1 else 'sessions'}"
