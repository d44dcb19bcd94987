"""What waits for the classifier, and what it made of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from remit.core.classify.case import Case
from remit.core.classify.classification import Class, Classification, Team
from remit.core.event import StoredEvent

CAPTURED = "captured"
"""Why an anomaly is looked at first. Later: `change`, `sessions`, `label`, `rules` or `asked`."""


@dataclass(frozen=True, slots=True)
class Pending:
    """One anomaly that waits to be classified, for the first time or again."""

    stored: StoredEvent
    times: int = 0
    """How often it was."""
    why: str = CAPTURED
    person: Class | None = None
    """What a person says it is."""
    before: Class | None = None
    """As what it was classified last."""


@dataclass(frozen=True, slots=True)
class Done:
    """One anomaly, classified."""

    pending: Pending
    case: Case
    found: Classification

    @property
    def standing(self) -> Classification:
        """What routes: the classification, with a person's class in place of the classifier's where there is one."""
        person = self.pending.person
        if person is None:
            return self.found
        teams = {
            Class.SECURITY: (Team.SECURITY,),
            Class.SRE: (Team.SRE,),
            Class.BOTH: (Team.SECURITY, Team.SRE),
        }
        return replace(self.found, label=person, deliver_to=teams.get(person, self.found.deliver_to))
