"""What the classifier says, in plain values: pieces of evidence, and the class that they add up to.

A class routes; it never allows anything, and no decision reads it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from remit.core.types import Json


class Class(StrEnum):
    """Where an anomaly came from, as far as the evidence goes."""

    SECURITY = "security"
    """Content that a user or a stranger provided explains it."""
    SRE = "sre"
    """A change, the world's failure, or the agent's own doing explains it."""
    BOTH = "both"
    UNDETERMINED = "undetermined"
    """A legitimate answer: what is known does not tell."""


class Team(StrEnum):
    """Who gets it."""

    SECURITY = "security"
    SRE = "sre"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One finding, with the quotation or the statistic behind it. No evidence, no claim."""

    kind: str
    """`content.explanation`, `content.values`, `change.rate`, `infrastructure`, `counterfactual`, …: a line of the table
    in `core.classify`."""
    towards: Class | None
    """SECURITY or SRE; None where it speaks for neither, such as a test that could not be made."""
    score: float
    """How strong, 0 to 1; its meaning is the kind's own, and the combination calibrates it."""
    told: str
    """One sentence for people. Untrusted words in it stand in quotation marks and are made visible."""
    facts: Mapping[str, Json] = field(default_factory=dict)
    """The quotation or the statistic: segment, source, offsets, excerpt; or counts, ratio, interval, p, correction."""


@dataclass(frozen=True, slots=True)
class Classification:
    """The class of one anomaly at one time, with its reasons."""

    anomaly: str
    label: Class
    deliver_to: tuple[Team, ...]
    """Owner first; whoever follows watches."""
    confidence: float
    """Calibrated: of many classified with .9, about nine in ten are what it says (`docs/results.md`)."""
    evidence: tuple[Evidence, ...]
    """Strongest first."""
    origin: str = ""
    """The source whose text explains the call best, such as `read_mail` or `user`; empty where none does."""
    change: str = ""
    """Id of the change that explains it best; empty where none does."""
    missing: tuple[str, ...] = ()
    """What could not be looked at, and why."""
    version: str = ""
    """Of the classifier: its rules and weights, so that two classifications can be compared."""
